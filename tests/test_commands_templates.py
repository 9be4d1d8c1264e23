"""`ledger templates`: phrases, figures and their spread for people and for programs, and clear refusals."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from tests.cli import Answer, ok, program, run
from tests.logs import log_rows
from tests.small import chat, write
from tests.test_views_templates import said

EVIL = "\x1b[31mred\x07 words \u202eback\u2066wards \u200bhere number {} of them all"


@pytest.fixture
def templated(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of six answers from a template, by two personas, and six of their own."""
    made = [chat(f"q{n}", said(n), tags={"persona": f"p{n % 2}"}) for n in range(6)]
    own = [chat(f"o{n}", " ".join(f"w{n}x{m}" for m in range(9))) for n in range(6)]
    ledger.ingest(write(tmp_path / "one.jsonl", *made, *own), campaign="c")
    return ledger


def ask(ledger: Ledger, *arguments: object) -> Answer:
    """Run `ledger templates`, which must succeed."""
    return ok("--ledger", ledger.path, "templates", "--field", "completion", *arguments)


def test_json_is_the_answer_of_the_door(templated: Ledger) -> None:
    """Each option is an argument of it, and the promised keys are there."""
    looked = ask(templated, "--json").json
    answer = ask(templated, "--last", "--json").json
    assert answer == templated.templates("completion", look=False)
    assert answer == {key: value for key, value in looked.items() if key != "looked"}
    assert {"field", "rows", "templated", "share", "families", "diversity"} <= set(answer)
    assert {"phrase", "rows", "share", "examples"} <= set(answer["families"][0])
    given = ("--campaign", "c", "--by-batch", "--words", 4, "--min-share", "0.1", "--fuzzy", 0, "--spread", "source")
    done = ask(templated, *given, "--spread", "tag.persona", "--min-rows", 2, "--limit", 1, "--json").json
    recipe: dict[str, Any] = {"words": 4, "min_share": "0.1", "fuzzy": 0, "min_rows": 2, "by_batch": True}
    again = templated.templates("completion", campaign="c", spread=["source", "tag.persona"], limit=1, **recipe)
    assert {**done, "looked": None} == {**again, "looked": None}
    position = templated.status()["head"]["position"]
    assert ask(templated, "--as-of", position, "--json").json == templated.templates("completion", as_of=position)


def test_a_table_for_people(templated: Ledger) -> None:
    """How much is made from templates, the figures with and without, each phrase with an example, and its spread."""
    out = ask(templated, "--spread", "tag.persona").out
    found = templated.templates("completion", look=False)
    (family,) = found["families"]
    assert out.startswith(f"recorded @{found['look']}\n12 texts of completion: 50.0% in 1 templates\n")
    assert "without templates" in out
    assert f"{float(found['diversity']['before']['score']):.3f}" in out
    short = templated.short(family["examples"][:1])[family["examples"][0]]
    (row,) = [line for line in out.splitlines() if line.rstrip().endswith(short)]
    assert row.split()[:2] == ["6", "50.0%"]
    assert family["phrase"] in row
    assert "tag.persona: p0 3, p1 3" in out
    assert ask(templated).out.startswith("as it was recorded\n")


def test_only_trying(templated: Ledger) -> None:
    """What would be found is counted, with or without an earlier look; nothing is appended."""
    before = log_rows(templated.path)
    assert ask(templated, "--dry-run").out == "a dry run: 6 of 12 texts in 1 templates\n"
    assert log_rows(templated.path) == before
    ask(templated, "--min-rows", 7)
    before = log_rows(templated.path)
    out = ask(templated, "--dry-run").out
    assert out.startswith("a dry run: 6 of 12 texts in 1 templates\n12 texts of completion: 0.0% in 0 templates\n")
    assert log_rows(templated.path) == before


def test_real_batches(toolset: Ledger) -> None:
    """The session memories of the improved batch, phrase by phrase."""
    out = ok("--ledger", toolset.path, "templates", "--field", "sessionMemory", "--by-batch").out
    assert "enhanced.jsonl" in out
    assert "Workspace initialized with existing structure. Now" in out
    assert "poor.jsonl" not in out


def test_some_are_listed(ledger: Ledger, tmp_path: Path) -> None:
    """The last line says that there are more."""
    rows = [chat(f"q{n}", " ".join(f"w{n // 3}x{m}" for m in range(9))) for n in range(66)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="c")
    assert ask(ledger, "--min-rows", 3).out.rstrip().endswith("2 more; --limit shows more")
    assert len(ask(ledger, "--min-rows", 3, "--json").json["families"]) == 22
    assert ask(ledger, "--last", "--limit", 1).out.rstrip().endswith("21 more; --limit shows more")


def test_phrases_cannot_steer_a_terminal(ledger: Ledger, tmp_path: Path) -> None:
    """What texts, tags and sources hold is shown without what moves the cursor or turns the reading order."""
    rows = [chat(f"q{n}", EVIL.format(n), tags={"persona": "\u202epersona\u2066"}) for n in range(5)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="c", source="\u2067odd")
    answers = [
        ask(ledger, "--spread", "tag.persona", "--by-batch"),
        ask(ledger, "--last", "--json"),
        ask(ledger, "--last", "--spread", "tag.\u202enone"),
        run("--ledger", ledger.path, "templates", "--field", "\u202enone"),
        run("--ledger", ledger.path, "templates", "--spread", "\u202enone"),
    ]
    assert [answer.code for answer in answers] == [0, 0, 0, 4, 4]
    for answer in answers:
        assert not {*"\x1b\x07\u202e\u2066\u2067\u200b"} & {*answer.out, *answer.err}
    assert "\u202e" in ask(ledger, "--last", "--json").json["families"][0]["phrase"]


def test_no_colour_where_none_is_wanted(templated: Ledger, tmp_path: Path) -> None:
    """Neither in a pipe nor with NO_COLOR."""
    asked = ("--ledger", templated.path, "templates", "--field", "completion")
    done = program(*asked, cwd=tmp_path, env={"NO_COLOR": "1"})
    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out


@pytest.mark.parametrize(
    ("wrong", "code", "sentence"),
    [
        (("--field", "nothing.such"), 4, "No sample has the field 'nothing.such'"),
        (("--campaign", "x"), 4, "There is no campaign 'x'; there are c"),
        (("--last",), 4, "Nobody has looked for templates in 'answer' yet"),
        (("--spread", "persona"), 4, "campaign, source or tag.NAME"),
        (("--words", "13"), 4, "from 2 to 12"),
        (("--words", "1"), 2, "whole number from 2 on"),
        (("--min-share", "much"), 4, "a number from"),
        (("--min-share", "0"), 4, "The least share is a number above 0"),
        (("--fuzzy", "7"), 4, "0, or from 50 to 100"),
        (("--min-rows", "1"), 2, "whole number from 2 on"),
        (("--as-of", "999"), 25, "999"),
    ],
)
def test_refusals(templated: Ledger, wrong: tuple[str, ...], code: int, sentence: str) -> None:
    """One sentence, and nothing is appended."""
    before = log_rows(templated.path)
    done = run("--ledger", templated.path, "templates", *wrong)
    assert (done.code, done.out) == (code, "")
    assert sentence in done.err
    assert log_rows(templated.path) == before


def test_without_the_extra(templated: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is told all the same; looking says what to install."""
    ask(templated)
    before = log_rows(templated.path)
    for name in ("anchors", "corpus", "wording", "joining"):
        monkeypatch.delitem(sys.modules, f"ledger.similarity.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert "50.0% in 1 templates" in ask(templated, "--last").out
    done = run("--ledger", templated.path, "templates", "--field", "completion")
    assert (done.code, done.out) == (4, "")
    assert 'pip install "sample-ledger[scale]"' in done.err
    assert log_rows(templated.path) == before
