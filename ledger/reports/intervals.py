"""How sure a share is, and how sure a difference of two shares: intervals at 95 %, and agreement beyond chance.

They take samples for independent draws. Where many are copies of one another, the truth is less sure than they say.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import NamedTuple

CONFIDENCE = 0.95
_Z = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""
_PLACES = 6


class Interval(NamedTuple):
    """A share or a difference of shares, with the ends of its interval; rounded to six places."""

    value: float
    low: float
    high: float


def share(part: int, whole: int) -> float | None:
    """Return part / whole rounded to six places; None of nothing."""
    return round(part / whole, _PLACES) if whole else None


def wilson(part: int, whole: int) -> Interval | None:
    """Return the score interval of a share; None of nothing.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, J. Am. Stat. Assoc. 22 (1927)
    209-212. Unlike the textbook interval it stays within 0 and 1 and holds for small numbers and extreme shares.
    """
    if not whole:
        return None
    return Interval(*(round(value, _PLACES) for value in (part / whole, *_score(part, whole))))


def newcombe(before: tuple[int, int], after: tuple[int, int]) -> Interval | None:
    """Return the interval of the second share minus the first, each as (part, whole); None where one is of nothing.

    R. G. Newcombe, Interval estimation for the difference between independent proportions: comparison of eleven
    methods, Statistics in Medicine 17 (1998) 873-890, method 10: both score intervals joined.
    """
    if not before[1] or not after[1]:
        return None
    first, second = before[0] / before[1], after[0] / after[1]
    first_low, first_high = _score(*before)
    second_low, second_high = _score(*after)
    low = second - first - sqrt((second - second_low) ** 2 + (first_high - first) ** 2)
    high = second - first + sqrt((second_high - second) ** 2 + (first - first_low) ** 2)
    return Interval(*(round(value, _PLACES) for value in (second - first, max(low, -1.0), min(high, 1.0))))


def word(difference: Interval | None) -> str:
    """Return what a difference comes to: higher, lower, or that it cannot be told from chance."""
    if difference is None:
        return "unknown"
    if difference.low > 0:
        return "higher"
    return "lower" if difference.high < 0 else "not distinguishable"


def kappa(pairs: int, equal: int, counts: Iterable[int]) -> float | None:
    """Return Cohen's kappa of pairs that have no order; None where it is undefined.

    `equal` pairs name the same category twice, and `counts` says how often each category is named in all pairs, twice
    for each pair. (J. Cohen, A coefficient of agreement for nominal scales, Educ. Psychol. Meas. 20 (1960) 37-46:
    (observed - expected) / (1 - expected), expected being the product of both raters' marginals. As nobody is the first
    rater of a pair here, each pair is counted in both orders, which makes the marginals one.)
    """
    expected = sum(count * count for count in counts)
    whole = 4 * pairs * pairs
    if not pairs or whole == expected:
        return None
    return round((4 * pairs * equal - expected) / (whole - expected), _PLACES)


def _score(part: int, whole: int) -> tuple[float, float]:
    rate, z2 = part / whole, _Z * _Z
    middle = (rate + z2 / (2 * whole)) / (1 + z2 / whole)
    half = _Z * sqrt(rate * (1 - rate) / whole + z2 / (4 * whole * whole)) / (1 + z2 / whole)
    return (0.0 if part == 0 else middle - half), (1.0 if part == whole else middle + half)
