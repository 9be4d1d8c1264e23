"""`ledger score --judge RUBRIC`, as people run it, against a provider on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run
from tests.provider.handle import Provider
from tests.small import chat, samples, write
from tests.test_verbs_judge_model import rubric

pytest_plugins = ("tests.provider.fixture",)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """Return a ledger's path that holds six chats."""
    path = tmp_path / "ledger.db"
    with Ledger.init(path) as ledger:
        rows = [chat(f"how do I fold map number {n}", f"answer {n}") for n in range(6)]
        ledger.ingest([write(tmp_path / "in.jsonl", *rows)], campaign="maps")
    return path


def asked(path: Path, folder: Path, provider: Provider, *more: object) -> list[object]:
    """Return the arguments of the verb."""
    model = ("--model", "claude-haiku-5-5", "--base-url", provider.url, "--budget", "1")
    return ["score", "--judge", rubric(folder), "--ledger", path, "--campaign", "maps", *model, *more]


def test_a_judge_scores_and_agrees_or_not(filled: Path, tmp_path: Path, provider: Provider) -> None:
    """The answer has the scores, the rubric's faults, and how far people agree; again, it asks nobody."""
    answer = ok(*asked(filled, tmp_path, provider, "--json")).json
    assert (answer["planned"], answer["accepted"], answer["scorer"]) == (6, 6, "plain")
    assert answer["dimensions"]["plain"]["n"] == 6
    people = tmp_path / "people.jsonl"
    with Ledger.open(filled) as ledger:
        people.write_text(json.dumps({"sample": samples(ledger)[0], "scores": {"plain": 4}}) + "\n")
    arguments = [one for one in asked(filled, tmp_path, provider, "--calibrate", people) if one != "maps"]
    arguments.remove("--campaign")
    out = ok(*arguments).out
    assert "with people" in out
    assert "no example shows what is meant" in out
    assert provider.stats()["billed"] == 6


def test_a_rubric_that_cannot_be_read_is_refused(filled: Path, tmp_path: Path, provider: Provider) -> None:
    """With the line; nothing is sent. A dry run of a good one sends nothing either."""
    assert "6 samples = 6 asked" in ok(*asked(filled, tmp_path, provider, "--dry-run")).out
    (tmp_path / "bad").mkdir()
    wrong = tmp_path / "bad" / "plain.toml"
    wrong.write_text("nome = 1\n")
    arguments = [wrong if str(one).endswith("plain.toml") else one for one in asked(filled, tmp_path, provider)]
    assert run(*arguments).code == 74
    assert provider.stats()["billed"] == 0


def test_the_verb_is_told_among_the_scorers() -> None:
    """`ledger score --help` lists it, and `ledger score judge --help` says what it does."""
    assert "judge" in ok("score", "--help").out
    assert "--judge FILE" in ok("score", "judge", "--help").out
