"""ledger.reports.means: intervals of means, against published tables and against the standard library."""

from __future__ import annotations

from math import sqrt
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.reports.means import NOTHING, Sums, interval, student

TABLE = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 10: 2.228, 30: 2.042, 120: 1.980, 10_000: 1.960}
"""97.5 % points of Student's distribution, as they stand in every table."""


@pytest.mark.parametrize("freedom", TABLE)
def test_students_points_are_those_of_the_table(freedom: int) -> None:
    """Three digits agree."""
    assert student(freedom) == pytest.approx(TABLE[freedom], rel=5e-4)


@given(st.lists(st.integers(-5_000_000, 5_000_000), min_size=2, max_size=40))
def test_the_interval_is_the_textbooks(numbers: list[int]) -> None:
    """Exact sums give what the standard library gives from the numbers themselves."""
    sums = NOTHING
    for number in numbers:
        sums = sums.plus(number)
    found = interval(sums)
    assert found is not None
    values = [number / 1_000_000 for number in numbers]
    half = student(len(values) - 1) * stdev(values) / sqrt(len(values))
    assert found.value == pytest.approx(fmean(values), abs=2e-6)
    assert (found.low, found.high) == pytest.approx((fmean(values) - half, fmean(values) + half), abs=2e-6)


def test_nothing_has_no_mean_and_one_number_is_all_there_is() -> None:
    """None of nothing; one number says nothing of how it varies."""
    assert interval(NOTHING) is None
    assert interval(Sums(1, 2_500_000, 2_500_000**2)) == (2.5, 2.5, 2.5)
