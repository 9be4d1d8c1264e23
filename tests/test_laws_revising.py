"""The laws of work done elsewhere, over drawn ledgers: every row is counted once, and no fold depends on cuts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from tests.logs import fold_is_the_same, lived, store_of
from tests.revising import RECIPE, Step, World, better, children, poor, steps
from tests.small import read, write


@settings(max_examples=30)
@given(steps(), st.integers(1, 9))
def test_the_fold_is_the_same_however_it_comes_about(drawn: list[Step], batch: int) -> None:
    """Followed, made again in batches of any size, or as of any position: the views are the same, and verify agrees."""
    with lived(World, drawn) as made:
        fold_is_the_same(made.ledger, batch)


@settings(max_examples=30)
@given(steps())
def test_every_row_and_every_original_is_counted_once(drawn: list[Step]) -> None:
    """In all and in each batch; what is listed is as many as are counted; what was recorded is in the log."""
    open_states = ("ambiguous", "doubted", "duplicated", "erased", "extra", "unreadable")
    with lived(World, drawn) as made:
        for told in made.reports:
            assert told["rows"] == told["aligned"] + told["unaligned"]
            assert told["unaligned"] == sum(told[name] for name in open_states)
            came_of = ("unchanged", "recorded", "known", "refused", "held")
            assert told["aligned"] == sum(told[name] for name in came_of) == sum(told["by"].values())
            assert told["originals"] == told["aligned"] + told["missing"] + told["gone"]
            batches = told["batches"].values()
            for name in (*open_states[:4], "missing", "reordered", "unchanged", "refused", "gone"):
                assert told[name] == sum(len(one[name]) for one in batches)
            stray = sum(one["rows"] for one in told["unplaced"])
            assert told["rows"] == stray + sum(one["rows"] for one in batches)
            for one in batches:
                open_rows = sum(len(one[name]) for name in open_states)
                assert one["rows"] == one["aligned"] + open_rows
                assert one["originals"] == one["aligned"] + len(one["missing"]) + len(one["gone"])
                assert (one["state"] == "wrong") == bool(open_rows or one["missing"])
        assert len(children(made.ledger)) == sum(told["recorded"] for told in made.reports)


@settings(max_examples=30)
@given(steps(), st.booleans())
def test_the_same_files_again_append_nothing(drawn: list[Step], partial: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever was recorded the first time is known the second, and a dry run foretells both."""
    with lived(World, drawn) as made:
        ledger = made.ledger
        path = write(made.folder / "again.jsonl", better(0), better(1), poor(2), better(3))
        asked: dict[str, Any] = {"campaign": "one", "recipe": RECIPE, "partial": partial}
        foretold = ledger.revise(path, dry_run=True, **asked)
        first = ledger.revise(path, **asked)
        same = ("recorded", "known", "refused", "held", "unchanged", "aligned", "missing", "batches")
        assert [foretold[name] for name in same] == [first[name] for name in same]
        end = store_of(ledger).head()
        again = ledger.revise(path, **asked)
        assert store_of(ledger).head() == end
        assert (again["recorded"], again["known"]) == (0, first["known"] + first["recorded"])


@settings(max_examples=30)
@given(st.permutations(range(5)), st.integers(1, 5))
def test_a_checkout_depends_on_which_samples_only(order: list[int], size: int) -> None:
    """The same samples, whatever else was ingested between, make the same job and the same files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Ledger.init(folder / "ledger.db") as ledger:
            for number in order:
                ledger.ingest(write(folder / f"{number}.jsonl", poor(number)), campaign="one")
            one = ledger.checkout(folder / "a", campaign="one", size=size)
            end = store_of(ledger).head()
            other = ledger.checkout(folder / "b", where="label == false", size=size)
            assert (one["job"], one["batches"]) == (other["job"], other["batches"])
            assert (one["recorded"], other["recorded"]) == (len(one["batches"]), 0)
            assert store_of(ledger).head() == end
            rows = [row for each in one["batches"] for row in read(folder / "a" / each["file"])]
            assert [each["samples"] for each in one["batches"]] == [min(size, 5 - at) for at in range(0, 5, size)]
            assert [row["messages"] for row in rows] == [poor(number)["messages"] for number in order]
