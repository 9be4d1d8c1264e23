"""How near the nearest samples are to another outcome: how many, and a histogram of what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from ledger.fixed import text_of
from ledger.reports.near_misses import Asked, Found, nearest_first
from ledger.store import Store

UPTO = 500
"""Samples that are looked at: each costs a look at its twins."""
MOST_TWINS = 2_000
"""Samples left out for a twin that are passed before that."""
BINS = 5


def nearness(store: Store, asked: Asked, within: int | None) -> dict[str, Any]:
    """Return how many samples `near_misses` would list in all, and how many of them miss by how much.

    `within` is the margin that may be missing at most, in millionths. `exact` is false where more than UPTO are near;
    then the histogram is that of the nearest, and `twins_left_out` counts up to the last of these.
    """
    status = "accepted" if asked.accepted else "rejected"
    near: Iterator[Found] = nearest_first(store, asked, status, None)
    if within is not None:
        near = takewhile(lambda found: abs(found.near.margin) <= within, near)
    twins = 0
    found: list[int] = []
    for one in near:
        if one.left_out:
            twins += 1
        else:
            found.append(abs(one.near.margin))
        if len(found) > UPTO or twins >= MOST_TWINS:
            break
    looked = found[:UPTO]
    edges = upper_edges(looked[-1] if looked else 0)
    counts = [0] * len(edges)
    place = 0
    for size in looked:
        while size > edges[place]:
            place += 1
        counts[place] += 1
    return {
        "total": len(looked),
        "exact": len(found) <= UPTO and twins < MOST_TWINS,
        "twins_left_out": twins,
        "histogram": [{"upto": text_of(edge), "samples": n} for edge, n in zip(edges, counts, strict=True)],
    }


def upper_edges(largest: int) -> list[int]:
    """Return the upper edges of up to BINS bins of one width, a round number, that reach to `largest` (millionths)."""
    if largest == 0:
        return [0]
    width = 1
    while width * BINS < largest:
        width *= 10
    width = next(step for step in (width // 10, width // 5, width // 2, width) if step and step * BINS >= largest)
    return [width * (n + 1) for n in range(-(-largest // width))]
