"""A histogram of ten equal bins, the last one closed: what equals its upper edge falls in.

The edges run from 0 to 1 where every value lies there, else from the whole number at or below the least value to the
one at or above the greatest (1 to 5 for a rubric of five steps). Bins are made of steps of a tenth, of which every
edge is one, so nothing falls between two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ledger.fixed import ONE, half_away
from ledger.views.rejected import TENTH, Step

BINS = 10


class Histogram(NamedTuple):
    """Edges (one more than bins) and counts; both empty where there is no value."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it under stable keys."""
        return {"edges": list(self.edges), "counts": list(self.counts)}


class Spread(NamedTuple):
    """Values in short: how many there are, their mean, the least and the greatest."""

    scored: int
    average: float | None
    least: float | None
    greatest: float | None
    histogram: Histogram


def spread(steps: Sequence[Step]) -> Spread:
    """Return what steps of a tenth come to; those without a value are left out."""
    known = [step for step in steps if step.tenth is not None]
    if not known:
        return Spread(0, None, None, None, Histogram((), ()))
    scored = sum(step.scored for step in known)
    least, greatest = min(step.least for step in known), max(step.most for step in known)
    average = half_away(sum(step.total for step in known), scored)
    return Spread(scored, average / ONE, least / ONE, greatest / ONE, _histogram(known, least, greatest))


def _histogram(known: Sequence[Step], least: int, greatest: int) -> Histogram:
    low, high = _ends(least, greatest)
    counts = [0] * BINS
    for step in known:
        begin = (step.tenth or 0) * TENTH
        counts[min((begin - low) * BINS // (high - low), BINS - 1)] += step.scored
    edges = ((low * BINS + (high - low) * bin_) / (BINS * ONE) for bin_ in range(BINS + 1))
    return Histogram(tuple(edges), tuple(counts))


def _ends(least: int, greatest: int) -> tuple[int, int]:
    """Return the first and the last edge, whole numbers in millionths."""
    if least >= 0 and greatest <= ONE:
        return 0, ONE
    low, high = least // ONE * ONE, -(-greatest // ONE) * ONE
    return low, max(high, low + ONE)
