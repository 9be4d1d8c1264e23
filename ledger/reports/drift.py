"""Which scorers and which batches score higher or lower than the rest: their means against the mean of all.

Dimensions have scales of their own (1 to 5, characters), so drifts are ranked in standard deviations of all scores.

A batch is a source (the file that samples came from). Dimensions of one name under different rubrics are kept apart.
A batch that scores differently may also be different: this says where to look, not who is right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from ledger.fixed import ONE
from ledger.reports.intervals import share
from ledger.store import Store
from ledger.views import agreement, campaigns


class _Dimension(NamedTuple):
    name: str
    rubric: str


@dataclass(slots=True)
class _Sum:
    """How many scores, their sum (millionths), and the sum of their squares."""

    scores: int = 0
    total: int = 0
    squares: float = 0.0

    def add(self, more: agreement.Sum) -> None:
        self.scores += more.samples
        self.total += more.total
        self.squares += more.squares

    @property
    def deviation(self) -> float:
        """Return the standard deviation, in ones."""
        variance = self.squares / self.scores - (self.total / self.scores) ** 2
        return math.sqrt(max(variance, 0.0)) / ONE


_Sums = dict[_Dimension, _Sum]


def drift(store: Store, campaign: str | None, by: Iterable[str], limit: int) -> dict[str, Any]:
    """Return `overall` and, as asked for, `by_scorer` and `by_batch`, the largest drifts first, up to `limit` of each.

    `scorers_counted` and `batches_counted` say how many there are.
    """
    measures = campaigns.measures(store.connection)
    overall: _Sums = {}
    scorers: dict[tuple[str, str], _Sums] = {}
    batches: dict[tuple[str, str], _Sums] = {}
    for each in agreement.sums(store.connection, campaign):
        measure = measures[each.measure]
        dimension = _Dimension(measure.dimension, measure.rubric)
        scorer, batch = (measure.scorer, measure.scorer_version), (each.campaign, each.source)
        for sums in (overall, scorers.setdefault(scorer, {}), batches.setdefault(batch, {})):
            counted = sums.setdefault(dimension, _Sum())
            counted.add(each)
    named: list[tuple[dict[str, Any], _Sums]]
    told: dict[str, Any] = {"overall": [_mean(dimension, overall[dimension]) for dimension in sorted(overall)]}
    if "scorer" in by:
        named = [({"scorer": name, "scorer_version": version}, sums) for (name, version), sums in scorers.items()]
        told |= {"by_scorer": _ranked(named, overall)[:limit], "scorers_counted": len(scorers)}
    if "batch" in by:
        named = [({"campaign": name, "source": source or None}, sums) for (name, source), sums in batches.items()]
        told |= {"by_batch": _ranked(named, overall)[:limit], "batches_counted": len(batches)}
    return told


def _ranked(named: list[tuple[dict[str, Any], _Sums]], overall: _Sums) -> list[dict[str, Any]]:
    """Return each with its means and drifts, its own largest drift first, and those with the largest drifts first."""
    told = []
    for name, sums in named:
        dimensions = [{**_mean(each, sums[each]), **_drift(sums[each], overall[each])} for each in sorted(sums)]
        dimensions.sort(key=lambda one: -abs(one["deviations"]))
        told.append({**name, "scores": max(each.scores for each in sums.values()), "dimensions": dimensions})
    return sorted(told, key=lambda one: (-abs(one["dimensions"][0]["deviations"]), *map(str, one.values())))


def _mean(dimension: _Dimension, found: _Sum) -> dict[str, Any]:
    return {
        "dimension": dimension.name,
        "rubric": f"b3:{dimension.rubric}" if dimension.rubric else None,
        "scores": found.scores,
        "mean": share(found.total, found.scores * ONE),
    }


def _drift(part: _Sum, whole: _Sum) -> dict[str, float]:
    """Return the mean of a part minus that of the whole, and how many standard deviations of the whole that is."""
    drift = (part.total * whole.scores - whole.total * part.scores) / (part.scores * whole.scores * ONE)
    deviation = whole.deviation
    return {"drift": round(drift, 6), "deviations": round(drift / deviation, 3) if deviation else 0.0}
