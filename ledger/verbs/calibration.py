"""Calibration: how far a judge agrees with people who scored the same samples.

What people say comes from a file of JSON lines, `{"sample": ID, "scores": {DIMENSION: NUMBER}}`; other keys are passed
over. Nothing is recorded of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from ledger.errors import SpecInvalid
from ledger.fixed import ONE, micro
from ledger.reports.intervals import wilson
from ledger.sample import BadJson, strict_json

MOST = 10_000
"""Samples of one calibration set: a judge is paid for each."""
_PLACES = 6


class Labelled(NamedTuple):
    """What people say of a sample, whose id it is or begins: dimension -> millionths."""

    sample: str
    numbers: Mapping[str, int]


class Dimension(NamedTuple):
    """How far a judge and people agree on one dimension; of `n` samples `exact` are scored the same.

    `within_one` counts those at most 1 apart, `bias` is how much higher the judge scores on average. `kappa` is Cohen's
    with quadratic weights (1: the same, 0: as by chance), None where chance alone explains everything.
    """

    n: int
    exact: int
    within_one: int
    human: Fraction
    judge: Fraction
    kappa: Fraction | None

    def as_json(self) -> dict[str, Any]:
        """Return shares and means rounded to six places, the share of the same scores with its interval at 95 %."""
        share = wilson(self.exact, self.n)
        return {
            "n": self.n,
            "exact": None if share is None else share.value,
            "exact_low": None if share is None else share.low,
            "exact_high": None if share is None else share.high,
            "within_one": round(self.within_one / self.n, _PLACES),
            "mean_human": _shown(self.human),
            "mean_judge": _shown(self.judge),
            "bias": _shown(self.judge - self.human),
            "kappa": None if self.kappa is None else _shown(self.kappa),
        }


class Calibration(NamedTuple):
    """Samples that people scored, those of them that the judge scored too, and the agreement by dimension."""

    labelled: int
    judged: int
    dimensions: Mapping[str, Dimension]

    def as_json(self) -> dict[str, Any]:
        """Return the answer under its documented keys."""
        return {
            "labelled": self.labelled,
            "judged": self.judged,
            "not_judged": self.labelled - self.judged,
            "dimensions": {name: one.as_json() for name, one in self.dimensions.items()},
        }


def read(data: bytes, place: str, dimensions: Collection[str]) -> list[Labelled]:
    """Return what people say, from the bytes of a file; `place` names it in errors, `dimensions` are the judge's.

    Raises SpecInvalid, with the line, for a line that is none such, a sample that stands twice, or no sample at all.
    """
    found: dict[str, Labelled] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        one = _labelled(line, dimensions)
        if isinstance(one, str):
            raise SpecInvalid(place, f"line {number}: {one}")
        if one.sample in found:
            raise SpecInvalid(place, f"line {number}: the sample stands there twice")
        found[one.sample] = one
        if len(found) > MOST:
            raise SpecInvalid(place, f"line {number}: a calibration set has at most {MOST:,} samples")
    if not found:
        raise SpecInvalid(place, "line 1: nobody scored anything here")
    return list(found.values())


def agreement(labelled: Sequence[Labelled], judged: Mapping[str, Mapping[str, int]]) -> Calibration:
    """Return how far what a judge says (sample as in the file -> dimension -> millionths) is what people say."""
    pairs: dict[str, list[tuple[int, int]]] = {}
    both = [(one.numbers, judged[one.sample]) for one in labelled if one.sample in judged]
    for human, other in both:
        for name in human.keys() & other.keys():
            pairs.setdefault(name, []).append((human[name], other[name]))
    return Calibration(len(labelled), len(both), {name: _dimension(pairs[name]) for name in sorted(pairs)})


def _dimension(pairs: Sequence[tuple[int, int]]) -> Dimension:
    n = len(pairs)
    human, judge = Fraction(sum(one for one, _ in pairs), n), Fraction(sum(other for _, other in pairs), n)
    squares = Fraction(sum(one * one + other * other for one, other in pairs), n)
    by_chance = squares - 2 * human * judge
    observed = Fraction(sum((one - other) ** 2 for one, other in pairs), n)
    return Dimension(
        n,
        sum(one == other for one, other in pairs),
        sum(abs(one - other) <= ONE for one, other in pairs),
        human / ONE,
        judge / ONE,
        1 - observed / by_chance if by_chance else None,
    )


def _labelled(line: str, dimensions: Collection[str]) -> Labelled | str:
    """Return what people say on one line, or what is wrong with it."""
    try:
        value = strict_json(line)
    except BadJson as error:
        return f"not JSON ({error.reason})"
    sample = value.get("sample") if isinstance(value, dict) else None
    scores = value.get("scores") if isinstance(value, dict) else None
    if not isinstance(sample, str) or not sample or not isinstance(scores, dict):
        return 'what people say is {"sample": ID, "scores": {DIMENSION: NUMBER}}'
    numbers: dict[str, int] = {}
    for name, number in scores.items():
        if name not in dimensions:
            return f"the judge has no such dimension; it has {', '.join(dimensions)}"
        try:
            numbers[name] = micro(number)
        except ValueError:
            return f"the score of {name} is not a number"
    return Labelled(sample, numbers)


def _shown(number: Fraction) -> float:
    return round(float(number), _PLACES)
