"""intervals: the published numbers come out, and what must hold of any interval holds of these."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.reports.intervals import kappa, newcombe, share, wilson, word

_HALF = 0.00005 + 0.0000005
"""Half a unit of the fourth place, as published, and half a unit of the sixth, as told here."""
SHARES = st.integers(1, 400).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole)))


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_score_interval_is_the_published_one(part: int, whole: int, low: float, high: float) -> None:
    """The four examples of Newcombe's comparison of intervals for a single proportion (1998, table I)."""
    found = wilson(part, whole)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_the_interval_of_a_difference_is_the_published_one(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    """The eight examples of Newcombe's comparison of intervals for a difference (1998, table II, method 10).

    The ends are rounded once, as published: of 6/7 and 2/7 the upper end is 0.80624964, and six places of it round up.
    """
    found = newcombe(second, first)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=_HALF)


@given(SHARES)
def test_an_interval_holds_its_share(pair: tuple[int, int]) -> None:
    """It stays within 0 and 1, is never a point, and mirrors that of the opposite share."""
    found, other = wilson(*pair), wilson(pair[1] - pair[0], pair[1])
    assert found is not None
    assert other is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    assert (found.low, found.high) == pytest.approx((1 - other.high, 1 - other.low), abs=2e-6)


@given(SHARES)
def test_the_ends_are_where_the_score_test_turns(pair: tuple[int, int]) -> None:
    """Wilson's definition: at each end, the share is 1.96 standard errors of *that end* away, or there is no room."""
    part, whole = pair
    found = wilson(part, whole)
    assert found is not None
    for end in (found.low, found.high):
        if 0 < end < 1:
            errors = abs(part / whole - end) / (end * (1 - end) / whole) ** 0.5
            assert errors == pytest.approx(1.959964, abs=5e-3)  # the ends are rounded


@given(SHARES, SHARES)
def test_a_difference_joins_the_two_intervals(one: tuple[int, int], other: tuple[int, int]) -> None:
    """Newcombe's definition, from the ends of both intervals: the squares of what they reach beyond their shares."""
    first, second, found = wilson(*one), wilson(*other), newcombe(one, other)
    assert first is not None
    assert second is not None
    assert found is not None
    value = second.value - first.value
    low = value - ((second.value - second.low) ** 2 + (first.high - first.value) ** 2) ** 0.5
    high = value + ((second.high - second.value) ** 2 + (first.value - first.low) ** 2) ** 0.5
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high), abs=5e-6)


@given(SHARES, SHARES)
def test_a_difference_read_backwards_is_its_opposite(one: tuple[int, int], other: tuple[int, int]) -> None:
    """Turned round, the value changes its sign and the ends change places."""
    there, back = newcombe(one, other), newcombe(other, one)
    assert there is not None
    assert back is not None
    assert (there.value, there.low, there.high) == (-back.value, -back.high, -back.low)
    assert -1 <= there.low <= there.value <= there.high <= 1


def test_more_samples_make_it_surer() -> None:
    """The same difference is told apart from chance only with enough samples, and the word says so."""
    assert word(newcombe((5, 10), (6, 10))) == "not distinguishable"
    assert word(newcombe((500, 1000), (600, 1000))) == "higher"
    assert word(newcombe((600, 1000), (500, 1000))) == "lower"


def test_of_nothing_nothing_is_known() -> None:
    """No samples: no share, no interval, no difference."""
    assert (wilson(0, 0), share(0, 0)) == (None, None)
    assert (newcombe((0, 0), (1, 2)), newcombe((1, 2), (0, 0))) == (None, None)
    assert word(None) == "unknown"


@given(
    st.lists(
        st.tuples(st.sampled_from(["true", "false", "given"]), st.sampled_from(["true", "false", "given"])), max_size=60
    )
)
def test_kappa_is_its_definition(pairs: list[tuple[str, str]]) -> None:
    """(observed - expected) / (1 - expected) over the table of both orders of each pair, in exact fractions."""
    table = [*pairs, *((other, one) for one, other in pairs)]
    names = [name for pair in pairs for name in pair]
    counts = {name: names.count(name) for name in names}
    found = kappa(len(pairs), sum(one == other for one, other in pairs), counts.values())
    if not table:
        assert found is None
        return
    observed = Fraction(sum(one == other for one, other in table), len(table))
    expected = sum(
        Fraction(sum(one == name for one, _ in table), len(table))
        * Fraction(sum(other == name for _, other in table), len(table))
        for name in counts
    )
    assert found == (None if expected == 1 else round(float((observed - expected) / (1 - expected)), 6))


def test_kappa_of_full_agreement_is_one() -> None:
    """Where two labels occur and all pairs agree; with one label only, chance alone explains it: undefined."""
    assert kappa(4, 4, [4, 4]) == 1.0
    assert kappa(4, 0, [4, 4]) == -1.0
    assert kappa(4, 4, [8]) is None
