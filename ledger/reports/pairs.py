"""Pairs as people compare them: a poor text beside a better one, both with their scores; and versions that were."""

from __future__ import annotations

from typing import Any

from ledger.digest import show as shown
from ledger.errors import CorruptLedger, NoSuchId
from ledger.exporters.manifest import head_json
from ledger.fixed import text_of
from ledger.readers import content_of
from ledger.reports.show import content_json, label_of
from ledger.store import Store
from ledger.transaction import Head
from ledger.views import pairs, samples, scores, versions

KINDS = ("derived", "prompt")
"""By parent edges, or by one prompt under both labels."""


def pairs_report(store: Store, head: Head, kind: str, before: int | None, limit: int) -> dict[str, Any]:
    """Return a page of pairs, the newest first; `next` is the `before` of the page that follows, null at the end."""
    first = pairs.LAST if before is None else before
    if kind == "derived":
        found, following = pairs.derived(store.connection, first, limit)
    else:
        found, following = pairs.of_prompt(store.connection, first, limit)
    return {
        "pairs": [
            {"how": one.how, "poor": _side(store, one.poor), "better": _side(store, one.better)} for one in found
        ],
        "kind": kind,
        "next": following,
        "head": head_json(head.position, head.root),
    }


def version_report(store: Store, row: samples.Row, position: int) -> dict[str, Any]:
    """Return one version of a sample, by the position of the event that brought it; raise NoSuchId."""
    edits = versions.of_sample(store.connection, row.sample)
    if position != row.sample and position not in {edit.position for edit in edits}:
        raise NoSuchId(f"@{position}", hint="`show` lists the versions of a sample.")
    told = samples.version_at(store.connection, position)
    if told is None:
        raise CorruptLedger(store.path, f"the event @{position} brought no version")
    blob, digest, reader = told
    body = store.body(blob)
    return {
        "sample": row.id.hex(),
        "position": position,
        "version": shown(digest),
        "content": None if body is None else content_json(content_of(body, reader)),
    }


def _side(store: Store, handle: int) -> dict[str, Any]:
    row = samples.get(store.connection, handle)
    if row is None:
        raise CorruptLedger(store.path, f"the sample @{handle} is missing")
    body = store.body(row.version)
    latest = {
        given.dimension: text_of(given.value)
        for given in scores.of_sample(store.connection, handle)
        if given.version == row.version
    }
    return {
        "sample": row.id.hex(),
        "campaign": row.campaign,
        "source": row.source,
        "domain": row.domain,
        "status": row.status,
        "label": label_of(row),
        "scores": dict(sorted(latest.items())),
        "content": None if body is None else content_json(content_of(body, row.reader)),
    }
