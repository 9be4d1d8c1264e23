"""How sure a mean is: intervals at 95 % of a mean of numbers in millionths, kept as exact sums.

They take samples for independent draws, as `intervals` does.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

from ledger.fixed import ONE
from ledger.reports.intervals import Interval

_PLACES = 6
_Z = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""
_FEW = {1: 12.706205, 2: 4.302653, 3: 3.182446}
"""The 97.5 % points of Student's distribution where the expansion below is too rough."""


class Sums(NamedTuple):
    """How many numbers, their sum, and the sum of their squares."""

    many: int = 0
    total: int = 0
    squares: int = 0

    def plus(self, number: int) -> Sums:
        """Return the sums with one number more."""
        return Sums(self.many + 1, self.total + number, self.squares + number * number)


NOTHING = Sums()


def interval(sums: Sums) -> Interval | None:
    """Return the mean and Student's interval of it; None of nothing, and the number alone of a single one."""
    if not sums.many:
        return None
    mean = sums.total / sums.many / ONE
    if sums.many == 1:
        return Interval(*[round(mean, _PLACES)] * 3)
    spread = max(sums.many * sums.squares - sums.total * sums.total, 0) / (sums.many * (sums.many - 1))
    half = student(sums.many - 1) * sqrt(spread / sums.many) / ONE
    return Interval(*(round(value, _PLACES) for value in (mean, mean - half, mean + half)))


def student(freedom: int) -> float:
    """Return the 97.5 % point of Student's distribution with so many degrees of freedom, to three digits or better.

    M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions, 26.7.5: an expansion in 1/freedom.
    """
    if freedom in _FEW:
        return _FEW[freedom]
    z, v = _Z, freedom
    first = (z**3 + z) / (4 * v)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    fourth = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    return z + first + second + third + fourth
