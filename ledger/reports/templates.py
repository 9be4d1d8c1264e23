"""Which phrases texts are made from, as the last look at a field found them, and how their samples are spread."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ledger.digest import show as shown
from ledger.errors import BadRequest
from ledger.store import Store
from ledger.views import templates

LIMIT = 1_000
"""Families in one answer, unless another number is asked for."""
VALUES = 10
"""Values of a campaign, a source or a tag that are listed for one family; all are counted."""

_UNKNOWN = {"compression": None, "distinct": None, "grade": None, "repetition": None, "score": None, "texts": 0}
"""Of texts that nobody looked at, or whose look was erased since."""


def templates_report(
    store: Store,
    field: str,
    campaign: str | None = None,
    by: tuple[str, ...] = (),
    limit: int = LIMIT,
    *,
    needed: bool = True,
) -> dict[str, Any]:
    """Return the answer to `ledger templates`: the last look at a field.

    `by` names what else the samples of each family are counted by (`checked_spread`). Where nobody has looked yet,
    raises BadRequest, or returns an answer without anything in it where none is `needed`.
    """
    look = templates.last(store.connection, field, campaign or "")
    if look is None and needed:
        raise BadRequest(f"Nobody has looked for templates in {field!r} yet")
    if look is None:
        return _nothing(field, campaign)
    told = {"before": _UNKNOWN, "after": _UNKNOWN} if look.families is None else json.loads(look.families)
    families = templates.families(store.connection, field, campaign or "")
    spreads = {name: _spread(store, look, name) for name in by}
    return {
        "field": field,
        "rows": look.texts,
        "templated": look.templated,
        "share": _share(look.templated, look.texts),
        "counted": len(families),
        "families": [
            {
                "phrase": family.phrase,
                "rows": family.samples,
                "share": _share(family.samples, family.of),
                "batch": family.batch[1:] if family.batch else None,
                "of": family.of,
                "examples": json.loads(family.examples),
                **{name: spread.get(family.family, {}) for name, spread in spreads.items()},
            }
            for family in families[:limit]
        ],
        "diversity": {"before": told["before"], "after": told["after"]},
        "campaign": campaign,
        "look": look.position,
        "recipe": json.loads(look.recipe),
        "families_blob": shown(_digest(store, look)),
    }


def checked_spread(by: Sequence[str]) -> tuple[str, ...]:
    """Return what families are spread over; raises BadRequest for what they cannot be."""
    for name in by:
        if name not in {"campaign", "source"} and not (name.startswith("tag.") and name != "tag."):
            raise BadRequest(f"Families are spread over campaign, source or tag.NAME, not {name!r}")
    return tuple(by)


def _nothing(field: str, campaign: str | None) -> dict[str, Any]:
    """Return the answer where nobody has looked."""
    counts = {"field": field, "rows": 0, "templated": 0, "share": 0.0, "counted": 0, "families": []}
    said = {"campaign": campaign, "look": None, "recipe": None, "families_blob": None}
    return {**counts, "diversity": {"before": _UNKNOWN, "after": _UNKNOWN}, **said}


def _digest(store: Store, look: templates.Look) -> bytes:
    event = store.event(look.position)
    if event is None:
        raise BadRequest(f"There is no event @{look.position}")
    return bytes.fromhex(json.loads(event[1])["families"])


def _spread(store: Store, look: templates.Look, by: str) -> dict[int, dict[str, int]]:
    """Return family -> its most frequent values and how many samples have each."""
    made: dict[int, dict[str, int]] = {}
    for one in templates.spread(store.connection, look.field, look.scope, by):
        values = made.setdefault(one.family, {})
        if len(values) < VALUES:
            values[one.value] = one.samples
    return made


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0
