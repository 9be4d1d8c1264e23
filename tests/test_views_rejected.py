"""Rejected samples by steps of their number: exact whole numbers, whatever their sign, and what files told."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.views import rejected
from ledger.views.rejected import HUNDREDTH, TENTH, Short, Step, floored, shortfalls, steps
from tests.judged import LOW, decide, rejected_line, store_of, taken
from tests.small import write


@given(st.integers(-(10**13), 10**13), st.sampled_from([TENTH, HUNDREDTH, 1]))
def test_floored_is_rounded_down(number: int, step: int) -> None:
    """For negative numbers too, as Python's `//` does and SQL's `/` does not."""
    connection = sqlite3.connect(":memory:")
    assert connection.execute(f"SELECT {floored(':n', step)}", {"n": number}).fetchone() == (number // step,)
    connection.close()


def test_floored_nothing_is_nothing() -> None:
    """What is not known stands in no step."""
    connection = sqlite3.connect(":memory:")
    assert connection.execute(f"SELECT {floored('NULL', TENTH)}").fetchone() == (None,)
    connection.close()


def test_steps_without_a_policy_have_no_number(ledger: Ledger, tmp_path: Path) -> None:
    """A person's rejection has none, unless a file told one."""
    (one,) = taken(ledger, tmp_path / "in.jsonl", [("asm", {"quality": 0.3})])
    assert steps(store_of(ledger).connection, {}, [], None) == []
    ledger.reject([one], reason="dull")
    assert steps(store_of(ledger).connection, {}, [], None) == [Step(None, 1, 0, 0, 0, 0, 0)]


def test_steps_hold_whole_numbers(ledger: Ledger, tmp_path: Path) -> None:
    """Count, sum, least and greatest of each tenth, in millionths, least first."""
    qualities = ["-0.05", "0.1", "0.199999", "0.2"]
    taken(ledger, tmp_path / "in.jsonl", [("asm", {"quality": quality}) for quality in qualities])
    decide(ledger, LOW)
    connection = store_of(ledger).connection
    (adoption,) = connection.execute("SELECT position FROM policies").fetchone()
    assert steps(connection, {adoption: "x0"}, [], "c") == [
        Step(-1, 1, 1, -50_000, -50_000, -50_000, 0),
        Step(1, 2, 2, 299_999, 100_000, 199_999, 0),
        Step(2, 1, 1, 200_000, 200_000, 200_000, 0),
    ]
    assert steps(connection, {adoption: "x0"}, [], "another") == []


@pytest.mark.parametrize(
    "details",
    [
        {"threshold": 0.5, "components": {"coherence": 0.9}},
        {"similarity": 0.93, "threshold": 0.9},
        {"similarity": 0.93, "components": {"coherence": 0.9, "score": 0.7}},
        {},
    ],
    ids=str,
)
def test_the_score_that_a_file_told(ledger: Ledger, tmp_path: Path, details: dict[str, object]) -> None:
    """It is what was observed; where that is a similarity, it is what stands before the components."""
    line = rejected_line("q", "some_reason", 0.35, **details)
    ledger.ingest(write(tmp_path / "rejected.jsonl", line), campaign="old", decisions=True)
    (step,) = steps(store_of(ledger).connection, {}, [], None)
    assert (step.scored, step.total) == (1, 350_000)


def test_shortfalls_are_rounded_up_and_leave_out_duplicates(ledger: Ledger, tmp_path: Path) -> None:
    """0.101 short of a threshold is at most 0.11 short; what has no margin, or is too like another, is not counted."""
    rows = [
        rejected_line("a", "low", 0.399, threshold=0.5),
        rejected_line("b", "low", 0.4, threshold=0.5),
        rejected_line("c", "low", 0.5, threshold=0.5),
        rejected_line("d", "low", None, threshold=0.5),
        *(rejected_line(reason, reason, 0.9, similarity=0.95, threshold=0.9) for reason in rejected.DUPLICATES),
    ]
    ledger.ingest(write(tmp_path / "rejected.jsonl", *rows), campaign="old", decisions=True)
    expected = [Short("low", "", 0, 1), Short("low", "", 10, 1), Short("low", "", 11, 1)]
    connection = store_of(ledger).connection
    assert shortfalls(connection, None) == shortfalls(connection, "old") == expected
    assert shortfalls(connection, "another") == []
