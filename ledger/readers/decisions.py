"""Decisions that another program took, as its files record them beside each sample (a pipeline's rejected.jsonl).

Without a map, `rejection_reason` is the word for why a sample was rejected, `quality_score` what it scored, and
`rejection_details` holds the rest: `threshold`, `similarity` (of a duplicate) and the score's components, in
`components` or by themselves. A `decision` of `accepted` or `rejected` is taken at its word. `--map reason=why,score=q`
names other places. Nothing here refuses a line: what is no number is left out, and a reason that is no plain word (a
letter or _, then letters, digits, _ . + -, ASCII, 64 characters at most) is recorded as `other`: it may quote the
sample, and the bytes of the line keep what it said. A line that says accepted and gives a reason for a rejection tells
no decision.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ledger.fixed import micro, text_of
from ledger.readers.contract import MISSING, Recorded, at

OTHER = "other"
"""The rule of a rejection whose reason is no plain word."""

MOST_COMPONENTS = 32
OUTCOMES = frozenset({"accepted", "rejected"})
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.+-]{0,63}")
"""A reason; what is longer, or a sentence, may quote the sample, and no text of a sample enters an event."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_NO_COMPONENTS = frozenset({"matched_id", "similarity", "threshold"})


@dataclass(frozen=True, slots=True)
class DecisionMap:
    """Where a decision stands: dotted paths, tried in order, for each of its facts."""

    decision: tuple[str, ...] = ("decision",)
    reason: tuple[str, ...] = ("rejection_reason",)
    score: tuple[str, ...] = ("quality_score",)
    threshold: tuple[str, ...] = ("rejection_details.threshold",)
    similarity: tuple[str, ...] = ("rejection_details.similarity",)
    components: tuple[str, ...] = ("rejection_details.components", "rejection_details")

    def as_json(self) -> dict[str, Any]:
        """Return the map as plain values, for the recipe of a run."""
        return {fact: list(places) for fact, places in asdict(self).items()}


FACTS = tuple(DecisionMap.__dataclass_fields__)


def map_of(value: Mapping[str, Any]) -> DecisionMap:
    """Return the DecisionMap that `as_json` made `value` of."""
    return DecisionMap(**{fact: tuple(places) for fact, places in value.items()})


def read_decision(value: Mapping[str, Any], places: DecisionMap) -> Recorded | None:
    """Return the decision that a parsed line records, None where it records none."""
    word = next((word for place in places.reason if (word := _word(at(value, place))) is not None), None)
    outcome = next((said for place in places.decision if (said := _outcome(at(value, place))) is not None), None)
    if (outcome is None and word is None) or (outcome == "accepted" and word is not None):
        return None  # nothing is said, or two things that contradict each other
    if outcome == "accepted":
        return Recorded(outcome, None, _details(value, places, 1))
    return Recorded("rejected", word or OTHER, _details(value, places, -1))


def _outcome(item: Any) -> str | None:  # noqa: ANN401 - any JSON value
    said = item.strip().lower() if isinstance(item, str) else None
    return said if said in OUTCOMES else None


def _word(item: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return a reason as a word; OTHER for one that is no plain word, None where nothing is said."""
    if item is MISSING or not item:
        return None
    if not isinstance(item, str):
        return OTHER
    word = item.strip()
    if not word:
        return None
    return word if _WORD.fullmatch(word) else OTHER


def _details(value: Mapping[str, Any], places: DecisionMap, sign: int) -> dict[str, Any]:
    """Return a decision's numbers in the form of every decision's details.

    A duplicate was decided by its similarity, so that is what was observed, and its score is one of the components.
    """
    score, similarity = _number(value, places.score), _number(value, places.similarity)
    threshold = _number(value, places.threshold)
    components = _components(value, places.components)
    observed, margin = score, None if score is None or threshold is None else score - threshold
    if similarity is not None:
        observed, margin = similarity, None if threshold is None else threshold - similarity
        components = [*([] if score is None else [["score", text_of(score)]]), *components]
    if margin is not None and margin * sign < 0:  # then another number decided, and how far that was off is not known
        margin = None
    return {
        "compared": [],
        "components": components,
        "failed": [],
        "margin": None if margin is None else text_of(margin),
        "observed": None if observed is None else text_of(observed),
        "rank": None,
        "threshold": None if threshold is None else text_of(threshold),
        "twin": None,
        "unknown": [],
    }


def _components(value: Mapping[str, Any], places: tuple[str, ...]) -> list[list[str]]:
    """Return [name, value] of the numbers in the first object that is there, in the order of the file."""
    found = next((item for place in places if isinstance(item := at(value, place), dict)), {})
    numbers = [
        [name, text_of(number)]
        for name, item in found.items()
        if name not in _NO_COMPONENTS
        and not isinstance(item, str)
        and _NAME.fullmatch(name)
        and (number := _micro(item)) is not None
    ]
    return numbers[:MOST_COMPONENTS]


def _number(value: Mapping[str, Any], places: tuple[str, ...]) -> int | None:
    return next((number for place in places if (number := _micro(at(value, place))) is not None), None)


def _micro(item: Any) -> int | None:  # noqa: ANN401 - any JSON value
    """Return a number in millionths, None for what is none."""
    try:
        return micro(item)
    except ValueError:
        return None
