"""Truth and margin of a condition, out of those of its comparisons.

A policy's comparisons have places in two lists: `truths` (true, false, or None where unknown) and `margins` (None where
unknown). A condition is made into a function of these lists once, and then told for sample after sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ledger.rule import AllOf, Compare, Condition, Not

Truth: TypeAlias = bool | None
Margins: TypeAlias = list[int | None]
Marks: TypeAlias = tuple[list[Truth], Margins]
"""Truths and margins of all comparisons of a policy."""

Told: TypeAlias = tuple[Truth, int | None, int | None, bool]
"""Truth; the margin of what is known in it; the place of the comparison that this is taken from; is all of it known."""

Tell: TypeAlias = Callable[[list[Truth], Margins], Told]


def teller(condition: Condition, places: Mapping[Compare, int]) -> Tell:
    """Return what tells a condition from the truths and margins of the comparisons."""
    if isinstance(condition, Compare):
        return _one(places[condition])
    if isinstance(condition, Not):
        return _opposite(teller(condition.part, places))
    plain = [places[part] for part in condition.parts if isinstance(part, Compare)]
    if len(plain) < len(condition.parts):
        parts = [teller(part, places) for part in condition.parts]
        return _all_parts(parts) if isinstance(condition, AllOf) else _any_part(parts)
    return _all_plain(plain) if isinstance(condition, AllOf) else _any_part([_one(place) for place in plain])


def _one(place: int) -> Tell:
    def tell(truths: list[Truth], margins: Margins) -> Told:
        truth = truths[place]
        return truth, margins[place], place, truth is not None

    return tell


def _opposite(inner: Tell) -> Tell:
    def tell(truths: list[Truth], margins: Margins) -> Told:
        truth, margin, place, whole = inner(truths, margins)
        return (None if truth is None else not truth), (None if margin is None else -margin), place, whole

    return tell


def _all_plain(places: list[int]) -> Tell:
    """Tell comparisons that must all hold, as `_all_parts` would, in less time: most rules have this form."""

    def tell(truths: list[Truth], margins: Margins) -> Told:
        failed, whole = False, True
        most: int | None = None
        at: int | None = None
        for place in places:
            margin = margins[place]
            if margin is None:
                whole = False
                continue
            if not truths[place]:
                failed = True
            if most is None or margin > most:
                most, at = margin, place
        return (False if failed else True if whole else None), most, at, whole

    return tell


def _all_parts(parts: list[Tell]) -> Tell:
    def tell(truths: list[Truth], margins: Margins) -> Told:
        truth: Truth = True
        most: int | None = None
        at: int | None = None
        whole = True
        for part in parts:
            one, margin, place, known = part(truths, margins)
            truth = False if one is False or truth is False else None if one is None else truth
            whole = whole and known
            if margin is not None and (most is None or margin > most):
                most, at = margin, place
        return truth, most, at, whole

    return tell


def _any_part(parts: list[Tell]) -> Tell:
    return _opposite(_all_parts([_opposite(part) for part in parts]))
