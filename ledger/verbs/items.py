"""Samples as recipes see them: what the version holds, and what the ledger knows beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from ledger.digest import blake3_bytes, show
from ledger.errors import CorruptLedger
from ledger.readers import content_bytes, content_of
from ledger.recipes.contract import Item
from ledger.store import Store
from ledger.views import decisions, samples, scores, tags


class Subject(NamedTuple):
    """A sample to be asked about: how it stands, and as a recipe sees it."""

    row: samples.Row
    item: Item


def subjects(store: Store, handles: Sequence[int], ordinals: dict[int, int]) -> list[Subject]:
    """Return up to a few hundred samples in the order given; those whose bytes were erased are left out."""
    rows = samples.rows_of(store.connection, handles)
    bodies = store.bodies([row.version for row in rows.values()])
    tagged = tags.of_samples(store.connection, handles)
    scored = _scores(store, handles)
    failed = _failed(store, rows.values())
    found = []
    for handle in handles:
        row = rows[handle]
        body = bodies[row.version]
        if body is None:
            continue
        if blake3_bytes(body) != row.hash:
            raise CorruptLedger(
                store.path, f"the bytes of sample {row.id.hex()[:12]} are not those of {show(row.hash)}"
            )
        values, notes = scored.get(handle, ({}, {}))
        item = Item(
            id=row.id,
            version=row.hash,
            content=content_of(body, row.reader),
            raw=content_bytes(body, row.reader),
            domain=row.domain,
            tags=tagged.get(handle, {}),
            scores=values,
            notes=notes,
            failed=failed.get(handle, ()),
            ordinal=ordinals.get(handle, 0),
        )
        found.append(Subject(row, item))
    return found


def _scores(store: Store, handles: Sequence[int]) -> dict[int, tuple[dict[str, str], dict[str, str]]]:
    """Return sample -> (dimension -> the latest score, dimension -> what was noted beside it)."""
    found: dict[int, tuple[dict[str, str], dict[str, str]]] = {}
    for sample, leaf in scores.about_standing(store.connection, handles):
        said: dict[str, Any] = json.loads(leaf)
        values, notes = found.setdefault(sample, ({}, {}))
        told = dict(said["notes"])
        for dimension, value in said["dimensions"]:
            values[dimension] = value
            notes.pop(dimension, None)
        notes |= told
    return found


def _failed(store: Store, rows: Sequence[samples.Row] | Any) -> dict[int, list[str]]:  # noqa: ANN401 - any rows
    """Return sample -> the rules by which it stands rejected: that which decided, then all others that hold."""
    rejected = {row.decision: row.sample for row in rows if row.status == "rejected" and row.decision is not None}
    found: dict[int, list[str]] = {}
    if rejected:
        for position, leaf in decisions.leaves(store.connection, list(rejected)).items():
            said = json.loads(leaf)
            others = [one[0] for one in said["details"].get("failed", ())]
            found[rejected[position]] = [*([said["rule"]] if said["rule"] else []), *others]
    return found
