"""What a plan's rows are made of, as one answer: `composition` of `ledger check`, `project` and manifests."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ledger.sqlite import Connection
from ledger.views import composition
from ledger.views.composition import Count

_PLACES = 6


def composition_report(connection: Connection, usable: Collection[str]) -> dict[str, Any]:
    """Return counts and shares of the rows in `taken`, and of each split of the whole ledger; bounded in size.

    `usable` are the statuses that count in the splits. A share is of the rows, rounded to 6 digits. Names beyond those
    listed are counted under `others`, by the key that they are missing from.
    """
    standing = composition.standing(connection)
    samples, rows = _sum(standing["label"])
    splits = composition.in_splits(connection, usable)
    tags = composition.by_tag(connection, usable)
    parts = {f"by_{fact}": _listed(standing[fact], rows) for fact in composition.FACTS}
    others = {
        f"by_{fact}": {"names": len(rest), **_sum(rest)._asdict()}
        for fact, counts in standing.items()
        if (rest := dict(list(counts.items())[composition.LISTED :]))
    }
    if tags.more:
        others["by_tag"] = {"names": tags.more}
    here = [tag for tag in tags.tags if tag.here.samples]
    return {
        "rows": rows,
        "samples": samples,
        **parts,
        "by_tag": {
            tag.name: {
                **_part(tag.here, rows),
                "values": {value: _part(count, rows) for value, count in tag.values.items()},
                "more_values": tag.more,
            }
            for tag in here
        },
        "splits": {
            split: {**total._asdict(), "tags": {tag.name: _part(tag.splits[split], total.rows) for tag in tags.tags}}
            for split, total in splits.items()
        },
        "others": others,
    }


def _listed(counts: Mapping[str, Count], rows: int) -> dict[str, dict[str, Any]]:
    return {name: _part(count, rows) for name, count in list(counts.items())[: composition.LISTED]}


def _part(count: Count, rows: int) -> dict[str, Any]:
    return {**count._asdict(), "share": round(count.rows / rows, _PLACES) if rows else 0.0}


def _sum(counts: Mapping[str, Count]) -> Count:
    each = counts.values()
    return Count(sum(count.samples for count in each), sum(count.rows for count in each))
