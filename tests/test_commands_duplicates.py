"""`ledger duplicates`: every twin named for people and for programs, and clear refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import Answer, ok, program, run
from tests.logs import log_rows, store_of
from tests.small import chat, write
from tests.test_views_near import ingest, like

EVIL = "\x1b[31mred\x07 \u202eback\u2066wards \u200bnothing"


@pytest.fixture
def alike(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger with a pair of near texts, three that teach the same, and one alone."""
    same = [chat("q", "a", label=bool(n % 2), note=n) for n in range(3)]
    ingest(ledger, tmp_path, [like(1), like(1, 2), *same, like(5)])
    return ledger


def ask(ledger: Ledger, *arguments: object) -> Answer:
    """Run `ledger duplicates`, which must succeed."""
    return ok("--ledger", ledger.path, "duplicates", *arguments)


def test_json_is_the_answer_of_the_door(alike: Ledger) -> None:
    """Each option is an argument of it, and the promised keys are there."""
    looked = ask(alike, "--near", 0.6, "--json").json
    assert looked["looked"]["twins"] == 1
    answer = ask(alike, "--json").json
    assert answer == alike.duplicates() == {key: value for key, value in looked.items() if key != "looked"}
    assert {"exact", "near", "groups"} <= set(answer)
    assert {"representative", "members"} <= set(answer["groups"][0])
    assert {"sample", "similarity", "kind"} <= set(answer["groups"][0]["members"][0])
    position = alike.status()["head"]["position"]
    given = ("--campaign", "c", "--field", "answer", "--limit", 1, "--offset", 1, "--as-of", position)
    asked = alike.duplicates(campaign="c", field="answer", limit=1, offset=1, as_of=position)
    assert ask(alike, *given, "--json").json == asked
    near = ("--near", 0.7, "--field", "answer", "--shingle", 2, "--dry-run")
    assert ask(alike, *near, "--json").json == alike.duplicates(0.7, field="answer", shingle=2, dry_run=True)


def test_a_table_for_people(alike: Ledger) -> None:
    """What was looked at, how many, and each twin: how alike, which label, where from."""
    out = ask(alike, "--near", 0.6).out
    position = alike.duplicates()["look"]
    assert out.startswith(f"4 texts, 4 new: 1 pair; recorded @{position}\n")
    assert "3 samples with an exact twin, 0 byte for byte" in out
    assert "2 samples with a near twin (0.6 or more)" in out
    ids = alike.short([one["sample"] for group in alike.duplicates()["groups"] for one in group["members"]])
    rows = {line.split()[0]: line for line in out.splitlines() if line.startswith("  ") and line.split()}
    first, second = alike.duplicates()["groups"]
    for one in first["members"][1:]:
        assert "same teaching" in rows[ids[one["sample"]]]
        assert "1.000" in rows[ids[one["sample"]]]
        assert f"0.jsonl line {one['line']}" in rows[ids[one["sample"]]]
    (near,) = second["members"][1:]
    assert f"near  {near['similarity']:.3f}" in rows[ids[near["sample"]]]
    assert "same teaching" not in rows[ids[first["representative"]]]
    assert f"\n{ids[first['representative']]}  3 samples of 1 text\n" in out


def test_without_a_look(alike: Ledger) -> None:
    """It says how to look, and what looking again or only trying comes to."""
    assert "no look for near-duplicates yet: --near 0.8" in ask(alike).out
    before = log_rows(alike.path)
    assert ask(alike, "--near", 0.6, "--dry-run").out.startswith("4 texts, 4 new: 1 pair; a dry run\n")
    assert log_rows(alike.path) == before
    ask(alike, "--near", 0.6)
    before = log_rows(alike.path)
    assert ask(alike, "--near", 0.6).out.startswith("4 texts, 0 new: 1 pair; nothing new\n")
    assert log_rows(alike.path) == before


def test_real_twins(toolset: Ledger) -> None:
    """A text that stands four times, twice in each file, with its labels."""
    out = ask(toolset).out
    assert "samples with an exact twin, 4 byte for byte" in out
    for place in ("poor.jsonl line 48", "poor.jsonl line 60", "enhanced.jsonl line 48", "enhanced.jsonl line 60"):
        assert place in out


def test_pages(ledger: Ledger, tmp_path: Path) -> None:
    """The last line says how to go on until there is nothing more; ten at a time, all with --json."""
    ingest(ledger, tmp_path, [chat(f"q{n}", "a", note=m) for n in range(12) for m in range(2)])
    assert ask(ledger).out.rstrip().endswith("2 groups more: --offset 10")
    assert "more: --offset" not in ask(ledger, "--offset", 10).out
    assert "group" not in ask(ledger, "--limit", 0).out
    assert len(ask(ledger, "--json").json["groups"]) == 12


def test_names_in_data_cannot_steer_a_terminal(ledger: Ledger, tmp_path: Path) -> None:
    """Sources, campaigns and fields are shown without what moves the cursor or turns the reading order."""
    ingest(ledger, tmp_path, [])
    rows = [chat(EVIL, EVIL, note=n) for n in range(2)]
    campaign = "\u202eback\u2066wards"
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign=campaign, source="\u2067odd")
    answers = [
        ask(ledger, "--near", 0.6),
        ask(ledger, "--json"),
        ask(ledger, "--campaign", campaign),
        run("--ledger", ledger.path, "duplicates", "--near", 0.8, "--field", "\u202enone"),
        run("--ledger", ledger.path, "duplicates", "--campaign", "\u202enone"),
    ]
    assert [answer.code for answer in answers] == [0, 0, 0, 4, 4]
    for answer in answers:
        assert not {*"\x1b\x07\u202e\u2066\u2067\u200b"} & {*answer.out, *answer.err}
    assert ask(ledger, "--json").json["groups"][0]["members"][0]["campaign"] == campaign


def test_no_colour_where_none_is_wanted(alike: Ledger, tmp_path: Path) -> None:
    """Neither in a pipe nor with NO_COLOR."""
    done = program("--ledger", alike.path, "duplicates", "--near", 0.6, cwd=tmp_path, env={"NO_COLOR": "1"})
    assert (done.code, done.err) == (0, "")
    assert "\x1b" not in done.out


@pytest.mark.parametrize(
    ("wrong", "code", "sentence"),
    [
        (("--near", "0.4"), 2, "0.5<=x<=1"),
        (("--near", "1.01"), 2, "0.5<=x<=1"),
        (("--near", "much"), 2, "not a valid float"),
        (("--near", "nan"), 4, "a number from 0.5 to 1"),
        (("--near", "0.8", "--shingle", "17"), 4, "The number of words in a shingle must be from 1 to 16"),
        (("--near", "0.8", "--field", "nothing.such"), 4, "No sample has the field 'nothing.such'"),
        (("--near", "0.8", "--field", " "), 4, "must not be empty"),
        (("--near", "0.8", "--campaign", "x"), 4, "There is no campaign 'x'; there are c"),
        (("--near", "0.8", "--as-of", "1"), 4, "as_of"),
        (("--limit", "100001"), 4, "The limit must be from 0 to 100000"),
        (("--limit", "-1"), 2, "whole number from 0 on"),
        (("--as-of", "999"), 25, "999"),
    ],
)
def test_refusals(alike: Ledger, wrong: tuple[str, ...], code: int, sentence: str) -> None:
    """One sentence, and nothing is appended."""
    before = log_rows(alike.path)
    done = run("--ledger", alike.path, "duplicates", *wrong)
    assert (done.code, done.out) == (code, "")
    assert sentence in done.err
    assert log_rows(alike.path) == before


def test_without_the_extra(alike: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact twins are told all the same; looking says what to install."""
    monkeypatch.setattr("ledger.similarity.engines.find_spec", lambda _: None)
    assert "3 samples with an exact twin" in ask(alike).out
    head = store_of(alike).head()
    done = run("--ledger", alike.path, "duplicates", "--near", "0.8")
    assert (done.code, done.out) == (4, "")
    assert 'pip install "sample-ledger[scale]"' in done.err
    assert store_of(alike).head() == head
