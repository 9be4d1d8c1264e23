"""Histograms of ten bins: every value stands in exactly one, the last holds its upper edge, and the counts add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.fixed import ONE, half_away
from ledger.reports.histogram import BINS, Histogram, Spread, spread
from ledger.views.rejected import TENTH, Step


def steps_of(values: Sequence[int | None]) -> list[Step]:
    """Return numbers in millionths as the views gather them, by tenths."""
    tenths: defaultdict[int | None, list[int]] = defaultdict(list)
    for value in values:
        tenths[None if value is None else value // TENTH] += [] if value is None else [value]
    without = sum(value is None for value in values)
    return [
        Step(None, without, 0, 0, 0, 0, 0)
        if tenth is None
        else Step(tenth, len(found), len(found), sum(found), min(found), max(found), 0)
        for tenth, found in tenths.items()
    ]


def of(*values: float) -> Histogram:
    """Return the histogram of some numbers."""
    return spread(steps_of([round(value * ONE) for value in values])).histogram


def test_nothing_scored_has_no_bins() -> None:
    """Without a value there is no mean, no edge and no count, whatever was rejected."""
    nothing = Spread(0, None, None, None, Histogram((), ()))
    assert spread([]) == spread(steps_of([None, None])) == nothing
    assert nothing.histogram.as_json() == {"edges": [], "counts": []}


def test_the_last_bin_is_closed() -> None:
    """What equals the upper edge of all is counted in the last bin; every other bin holds its lower edge alone."""
    assert of(0, 0.1, 0.999999, 1).counts == (1, 1, 0, 0, 0, 0, 0, 0, 0, 2)
    assert of(0, 1).edges == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    assert of(1, 5) == Histogram((1.0, 1.4, 1.8, 2.2, 2.6, 3.0, 3.4, 3.8, 4.2, 4.6, 5.0), (1, *[0] * 8, 1))


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ([0.2, 0.4], (0, 1)),
        ([1], (0, 1)),
        ([1.000001], (1, 2)),
        ([-0.000001], (-1, 0)),
        ([5, 5], (5, 6)),
        ([-3, 2.5], (-3, 3)),
        ([999_999.5, 10**6], (999_999, 10**6)),
    ],
    ids=str,
)
def test_edges_are_whole_numbers_around_all_values(values: list[float], ends: tuple[int, int]) -> None:
    """From 0 to 1 where all lie there, else from the next whole number below to the next above, never of no width."""
    histogram = of(*values)
    assert (histogram.edges[0], histogram.edges[-1]) == ends
    assert sum(histogram.counts) == len(values)


def test_what_has_no_score_is_left_out() -> None:
    """The count of the scored, their mean and their ends are of the numbers alone."""
    found = spread(steps_of([None, 250_000, None, 500_000]))
    assert (found.scored, found.average, found.least, found.greatest) == (2, 0.375, 0.25, 0.5)


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.integers(-(10**12), 10**12),
            st.integers(0, ONE),
            st.integers(-50, 60).map(lambda tenths: tenths * TENTH),
        ),
        max_size=30,
    )
)
def test_every_value_stands_between_the_edges_of_its_bin(values: list[int | None]) -> None:
    """Counted one by one with exact numbers, each bin holds what it should, and the mean is rounded once."""
    found = spread(steps_of(values))
    known = [value for value in values if value is not None]
    if not known:
        assert found.scored == 0
        return
    edges = found.histogram.edges
    low, high = round(edges[0]) * ONE, round(edges[-1]) * ONE
    expected = [0] * BINS
    for value in known:
        place = Fraction(value - low, high - low) * BINS
        expected[min(int(place), BINS - 1)] += 1
        assert low <= value <= high
    assert found.histogram.counts == tuple(expected)
    assert sum(expected) == found.scored == len(known)
    assert len(edges) == BINS + 1
    assert list(edges) == sorted(edges)
    assert found.average == half_away(sum(known), len(known)) / ONE
    assert (found.least, found.greatest) == (min(known) / ONE, max(known) / ONE)
