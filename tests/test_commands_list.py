"""The verb `list`: columns for people, one document for programs, pages that go on, and clear refusals."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from commands.list import command
from ledger import Ledger
from tests.cli import ok, run
from tests.judged import LOW, decide, taken


@pytest.fixture
def path(ledger: Ledger, tmp_path: Path) -> Path:
    """Return a ledger of four samples, two of them rejected."""
    rows = [("asm", {"quality": quality}) for quality in (0.9, 0.49, 0.6)]
    taken(ledger, tmp_path / "in.jsonl", [*rows, (None, {"quality": 0.1})])
    decide(ledger, LOW)
    return ledger.path


def test_a_page_is_a_table(path: Path) -> None:
    """How many there are, a row for each, and where the next page begins."""
    shown = ok("list", "--status", "rejected", "--limit", 1, "--ledger", path).out.splitlines()
    assert shown[0] == "2 samples"
    assert shown[1].split() == ["id", "status", "label", "domain", "source", "campaign", "reason", "margin", "score"]
    assert shown[2].split()[1:] == ["rejected", "none", "asm", "in.jsonl", "c", "low_quality", "-0.01", "0.49"]
    place = shown[-1].removeprefix("more with --after ")
    rest = ok("list", "--status", "rejected", "--after", place, "--ledger", path).out.splitlines()
    assert len(rest) == 3
    assert rest[2].split()[1:] == ["rejected", "none", "in.jsonl", "c", "low_quality", "-0.4", "0.1"]


def test_json_is_the_answer_of_the_ledger(path: Path) -> None:
    """The options are the arguments."""
    with Ledger.open(path) as ledger:
        wanted = ledger.find(score=("quality", "0.4", None), sort="score", limit=2, digest=True)
        assert (
            ok(
                "list",
                "--score",
                "quality=0.4..",
                "--sort",
                "score",
                "--limit",
                2,
                "--digest",
                "--json",
                "--ledger",
                path,
            ).json
            == wanted
        )
        assert ok("list", "--decided-by", "tester", "--json", "--exact", "--ledger", path).json == ledger.find(
            actor="tester"
        )
        assert ok("list", "--id", wanted["samples"][0]["sample"][:6], "--json", "--ledger", path).json["total"] == 1
    assert [one["score"] for one in wanted["samples"]] == ["0.9", "0.6"]
    assert wanted["total"] == 3


def test_the_choices_are_those_of_the_ledger() -> None:
    """What can be typed is what can be asked for."""
    choices = {one.name: one.type.choices for one in command.params if isinstance(one.type, click.Choice)}
    assert choices == Ledger.findable()


def test_nothing_found_is_said(path: Path) -> None:
    """An empty list is no error; the digest of nothing is told like any other."""
    shown = ok("list", "--source", "absent", "--digest", "--ledger", path).out.splitlines()
    assert shown[0] == "0 samples"
    assert shown[1].startswith("digest of their ids b3:af1349b9")


def test_a_count_that_stops_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not all were counted, there are at least so many."""
    monkeypatch.setattr("ledger.verbs.find.UPTO", 2)
    asked = ("list", "--decided-by", "tester", "--limit", 1, "--ledger", path)
    assert ok(*asked).out.startswith("at least 2 samples")
    assert ok(*asked, "--exact").out.startswith("4 samples")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--after", "x"], 4, "is not where a page of a list ends"),
        (["--sort", "score"], 4, "name one"),
        (["--score", "quality=1"], 2, "NAME=LEAST..MOST"),
        (["--score", "absent"], 4, "absent"),
        (["--status", "deferred"], 2, "deferred"),
        (["--campaign", "absent"], 4, "There is no campaign"),
    ],
)
def test_what_cannot_be_meant_is_refused(path: Path, arguments: list[str], code: int, told: str) -> None:
    """In a sentence, with the code of a broken request."""
    answer = run("list", *arguments, "--ledger", path)
    assert answer.code == code
    assert told in answer.err
