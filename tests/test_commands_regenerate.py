"""`ledger regenerate`, as people run it, against a provider on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run
from tests.provider.handle import Provider
from tests.small import chat, write
from tests.test_verbs_order import REGENERATE
from tests.working import spec_file

pytest_plugins = ("tests.provider.fixture",)

STYLED = """
[style]
corpus = "styles.jsonl"
keys = ["text"]
packs = 2
each = 1
"""


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """Return a ledger's path that holds four chats with one answer."""
    path = tmp_path / "ledger.db"
    with Ledger.init(path) as ledger:
        rows = [chat(f"how do I fold map number {n}", "As an assistant I can help.", label=False) for n in range(4)]
        ledger.ingest([write(tmp_path / "in.jsonl", *rows)], campaign="maps")
    return path


def asked(path: Path, spec: Path, provider: Provider, *more: object) -> list[object]:
    """Return the arguments of the verb."""
    where = ("--where", "label == 'false'", "--model", "claude-haiku-5-5", "--base-url", provider.url)
    return ["regenerate", "--ledger", path, "--spec", spec, *where, *more]


def test_each_sample_is_answered_afresh(filled: Path, tmp_path: Path, provider: Provider) -> None:
    """The children are `regenerated`; a spec that improves is the other verb's."""
    answer = ok(*asked(filled, spec_file(tmp_path, REGENERATE), provider, "--json")).json
    assert answer["planned"] == 4 == answer["accepted"] + answer["failed"]
    with Ledger.open(filled) as ledger:
        kinds = [event["kind"] for event in ledger.log(limit=999)]
    assert kinds.count("regenerated") == answer["accepted"] > 0
    wrong = run(*asked(filled, spec_file(tmp_path), provider))
    assert (wrong.code, "ledger improve" in wrong.err) == (4, True)


def test_a_corpus_without_a_text_is_refused(filled: Path, tmp_path: Path, provider: Provider) -> None:
    """It is looked for beside the spec, or where --corpus says; empty, or not there, nothing is sent."""
    spec = spec_file(tmp_path, REGENERATE + STYLED)
    assert run(*asked(filled, spec, provider)).code == 20
    (tmp_path / "styles.jsonl").write_text("")
    assert run(*asked(filled, spec, provider)).code == 75
    corpus = tmp_path / "mine.jsonl"
    corpus.write_text(
        "".join(
            json.dumps({"text": f"{n} is a text that is long enough to show a style, and then some"}) + "\n"
            for n in range(4)
        )
    )
    assert ok(*asked(filled, spec, provider, "--corpus", corpus, "--json")).json["planned"] == 4
    assert provider.stats()["billed"] >= 4
