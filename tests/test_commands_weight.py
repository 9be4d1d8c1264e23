"""`ledger weight`: how often exports for training repeat samples, by id or by a condition."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import Answer, ok, run
from tests.small import chat, samples, write


@pytest.fixture
def some(ledger: Ledger, tmp_path: Path) -> list[str]:
    """Return the ids of three samples, two of them ingested as perfect."""
    good = write(tmp_path / "good.jsonl", chat("a", "1"), chat("b", "2"))
    ok("--ledger", ledger.path, "ingest", good, "--campaign", "c", "--tag", "perfect")
    ledger.ingest(write(tmp_path / "rest.jsonl", chat("c", "3")), campaign="c")
    return samples(ledger)


def _do(ledger: Ledger, *arguments: object) -> Answer:
    return ok("--ledger", ledger.path, *arguments)


def test_the_story_of_the_perfect_examples(ledger: Ledger, some: list[str]) -> None:
    """A bare tag, a condition as people write it, five times; twice is once, and it can be taken back."""
    asked = ("weight", "--where", "tag = perfect", "--times", 5)
    out = _do(ledger, *asked).out
    assert "2 samples = 2 changed + 0 unchanged  ✓" in out
    assert [ledger.show(one)["times"] for one in some] == [5, 5, 1]
    assert _do(ledger, *asked, "--json").json == {"samples": 2, "changed": 0, "unchanged": 2, "events": []}
    typed = out[out.index("ledger withdraw ") :].split()[2]
    assert _do(ledger, "withdraw", typed, "--json").json["changed"] == 2
    assert [ledger.show(one)["times"] for one in some] == [1, 1, 1]


def test_people_see_the_weight(ledger: Ledger, some: list[str]) -> None:
    """`show` and `why` say it where it is not 1, and nothing where it is."""
    _do(ledger, "weight", some[0][:10], "--times", 1000, "--reason", "rare \u202eevil")
    shown, told = _do(ledger, "show", some[0]).out, _do(ledger, "why", some[0]).out
    assert "weight       1,000 rows in exports for training" in shown
    assert "  weight 1,000, by tester: rare" in told
    assert "\u202e" not in shown + told
    _do(ledger, "weight", some[0], "--times", 1)
    assert "rows in exports" not in _do(ledger, "show", some[0]).out
    assert "weight 1,000, by" not in _do(ledger, "why", some[0]).out


def test_a_trial_records_nothing(ledger: Ledger, some: list[str]) -> None:
    """--dry-run counts; --expected-head refuses where the log went on."""
    head = ledger.status()["head"]
    tried = _do(ledger, "weight", "--campaign", "c", "--times", 2, "--dry-run")
    assert "3 samples = 3 changed + 0 unchanged  ✓" in tried.out
    assert "nothing was recorded (--dry-run)" in tried.out
    assert ledger.status()["head"] == head
    ledger.accept(some[:1])
    late = run("--ledger", ledger.path, "weight", some[0], "--times", 2, "--expected-head", head["position"])
    assert late.code == 19


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ([], 2, "--times"),
        (["--times", "0"], 2, "whole number from 1"),
        (["--times", "1001"], 4, "whole number from 1 to 1,000"),
        (["--times", "2.5"], 2, "not a whole number"),
        (["--times", "5", "--where", "tag = perfect"], 4, "give one of the two"),
    ],
)
def test_refusals(ledger: Ledger, some: list[str], options: list[str], code: int, says: str) -> None:
    """What is no weight, and a choice beside ids, change nothing."""
    before = ledger.status()
    answer = run("--ledger", ledger.path, "weight", some[0], *options)
    assert (answer.code, says in answer.err) == (code, True), answer.err
    assert ledger.status() == before
