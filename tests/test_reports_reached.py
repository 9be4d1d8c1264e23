"""How far a training came: what follows from its numbers is what a trainer that goes through the rows does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.reports.reached import reached_after


def gone_through(steps: int, rows: int, microbatch: int, accumulated: int) -> list[int]:
    """Return how often each row is taken by a loop like that of transformers' Trainer over a sequential loader."""
    taken = [0] * rows
    done = 0
    while done < steps:
        batches = [range(start, min(start + microbatch, rows)) for start in range(0, rows, microbatch)]
        while batches and done < steps:
            step, batches = batches[:accumulated], batches[accumulated:]
            for batch in step:
                for row in batch:
                    taken[row] += 1
            done += 1
    return taken


@given(st.integers(0, 60), st.integers(1, 40), st.integers(1, 9), st.integers(1, 5))
def test_it_is_what_a_trainer_goes_through(steps: int, rows: int, microbatch: int, accumulated: int) -> None:
    """For any numbers, each row was taken as often; all of them together as well."""
    taken = gone_through(steps, rows, microbatch, accumulated)
    far = reached_after(steps, rows, microbatch, accumulated)
    assert [far.times([row]) for row in range(rows)] == taken
    assert far.times(range(rows)) == sum(taken)
    assert [far.is_reached(row) for row in range(rows)] == [times > 0 for times in taken]


def test_an_example() -> None:
    """Two steps of four rows reach the first eight; no step reaches none; the last step of an epoch takes the rest."""
    assert reached_after(2, 100, 4, 1) == (0, 8)
    assert reached_after(0, 100, 4, 1).times([0]) == 0
    assert reached_after(3, 10, 4, 1) == (1, 0)
    assert reached_after(4, 10, 4, 1).times([0, 9]) == 3
