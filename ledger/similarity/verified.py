"""Which candidates are near: their texts, fetched again and compared exactly."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ledger.fixed import ONE
from ledger.similarity.clusters import components
from ledger.similarity.contract import Match, NearRecipe
from ledger.similarity.shingles import Shingles, jaccard, shingles

_KEPT = 1 << 18
"""Shingles that are kept in memory, about 200 bytes each; two texts that are compared always fit."""
_FETCHED = 512
"""Texts that are fetched at a time, at most."""

Fetch = Callable[[Sequence[int]], Sequence[str | None]]


def verified(pairs: NDArray[np.int64], sizes: NDArray[np.uint32], fetch: Fetch, recipe: NearRecipe) -> list[Match]:
    """Return the pairs whose texts are as similar as the recipe asks, by the Jaccard index of their shingles.

    `sizes` are the numbers of shingles of all rows: where one text is so much shorter that the threshold is out of
    reach, neither is fetched. `fetch` returns the texts of rows, in order; a row whose text is gone (None) is near to
    nothing. Rows that are compared with each other are fetched together, and most of them once.
    """
    found: list[Match] = []
    sets: OrderedDict[int, Shingles] = OrderedDict()
    for rows, together in _batches(_arranged(_possible(pairs, sizes, recipe.threshold), len(sizes)), sizes):
        missing = [row for row in rows if row not in sets]
        for row, text in zip(missing, fetch(missing) if missing else (), strict=True):
            sets[row] = shingles(text or "", recipe.shingle)
        for row in rows:
            sets.move_to_end(row)
        for first, second in together:
            similarity = jaccard(sets[first], sets[second])
            if similarity >= recipe.threshold:
                found.append(Match(first, second, similarity))
        _forget(sets, len(rows))
    return sorted(found)


def _possible(pairs: NDArray[np.int64], sizes: NDArray[np.uint32], threshold: int) -> NDArray[np.int64]:
    one, other = sizes[pairs[:, 0]].astype(np.int64), sizes[pairs[:, 1]].astype(np.int64)
    possible: NDArray[np.int64] = pairs[np.minimum(one, other) * ONE >= np.maximum(one, other) * threshold]
    return possible


def _arranged(pairs: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """Return pairs so ordered that those which hang together stand together."""
    names = components(rows, pairs)
    arranged: NDArray[np.int64] = pairs[np.lexsort((pairs[:, 1], pairs[:, 0], names[pairs[:, 0]]))]
    return arranged


def _batches(pairs: NDArray[np.int64], sizes: NDArray[np.uint32]) -> Iterator[tuple[list[int], list[tuple[int, int]]]]:
    """Yield the rows of some pairs, and those pairs: as many as may be in memory at a time, or else one pair."""
    rows: dict[int, None] = {}
    together: list[tuple[int, int]] = []
    weight = 0
    for first, second in pairs.tolist():
        fresh = [row for row in (first, second) if row not in rows]
        more = sum(int(sizes[row]) for row in fresh)
        if together and (len(rows) + len(fresh) > _FETCHED or weight + more > _KEPT):
            yield list(rows), together
            rows, together, weight = {}, [], 0
            fresh, more = [first, second], int(sizes[first]) + int(sizes[second])
        rows.update(dict.fromkeys(fresh))
        together.append((first, second))
        weight += more
    if together:
        yield list(rows), together


def _forget(sets: OrderedDict[int, Shingles], least: int) -> None:
    """Drop the sets that were longest not used, until what is kept is within its bounds."""
    weight = sum(map(len, sets.values()))
    while sets and (weight > _KEPT or len(sets) > 8 * max(least, _FETCHED)):
        weight -= len(sets.popitem(last=False)[1])
