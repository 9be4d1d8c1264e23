"""Which texts are worth comparing: those that share the key of a band."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BUCKET = 32
"""Up to so many texts of one key are all compared with one another."""
WINDOW = 4
"""Among more, each is compared with so many on either side of it, and with the first."""

_ORDERED = 3
"""Keys that make the order in which neighbours stand."""

_ROW, _ROWS = np.uint64(32), np.uint64(0xFFFFFFFF)

Rows = NDArray[np.int64]


def candidates(keys: NDArray[np.uint32]) -> Rows:
    """Return the pairs of rows to compare, an array (pairs, 2): each once, smaller row first, in ascending order.

    Rows that share a key stand in one bucket. A bucket of up to BUCKET rows gives all its pairs; of a larger one each
    row is paired with the bucket's smallest row, and with the WINDOW rows on either side of it in the order of their
    first keys, which is the same in every band, so that texts alike in many bands are not compared with others in
    each. So there are at most (BUCKET - 1) / 2 pairs for each row and band, or WINDOW + 1, however many texts are
    alike. What that costs: of texts that are alike by the thousand, pairs are missed; they mostly stay in one group,
    held together by others (tests/test_similarity_near.py).

    Leaving out rows never takes away a pair of the others, since an order does not depend on who else is in it: what
    is a pair among many texts was one among fewer. That is what an incremental search rests on.
    """
    rows = len(keys)
    found = np.zeros(0, dtype=np.int64)
    for band in range(keys.shape[1]):
        codes = [first * rows + second for first, second in _in_band(keys, band)]
        if codes:
            found = _distinct(np.concatenate([found, *codes]))
    pairs: Rows = np.stack(np.divmod(found, max(rows, 1)), axis=1)
    return pairs


def _in_band(keys: NDArray[np.uint32], band: int) -> Iterator[tuple[Rows, Rows]]:
    # Key and row in one number sort many times as fast as an argsort of the keys.
    codes = np.sort(keys[:, band].astype(np.uint64) << _ROW | np.arange(len(keys), dtype=np.uint64))
    values, order = codes >> _ROW, (codes & _ROWS).astype(np.int64)
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]])[: len(values)])
    sizes = np.diff(starts, append=len(values))
    for size in np.unique(sizes[(sizes > 1) & (sizes <= BUCKET)]):
        members = order[starts[sizes == size][:, None] + np.arange(size)]
        first, second = np.triu_indices(size, 1)
        yield _sorted(members[:, first].ravel(), members[:, second].ravel())
    for start, size in zip(starts[sizes > BUCKET], sizes[sizes > BUCKET], strict=True):
        yield from _in_large(keys, order[start : start + size])


def _in_large(keys: NDArray[np.uint32], members: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Yield the pairs of one large bucket, whose members come in ascending order."""
    yield np.full(len(members) - 1, members[0]), members[1:]
    order = members[np.lexsort((members, *(keys[members, band] for band in reversed(range(keys.shape[1])[:_ORDERED]))))]
    for apart in range(1, WINDOW + 1):
        yield _sorted(order[:-apart], order[apart:])


def _distinct(codes: Rows) -> Rows:
    """Return each code once, ascending; by sorting, which for these takes a tenth of the time of numpy's own way."""
    codes.sort()
    fresh = np.ones(len(codes), dtype=bool)
    fresh[1:] = codes[1:] != codes[:-1]
    return codes[fresh]


def _sorted(one: Rows, other: Rows) -> tuple[Rows, Rows]:
    return np.minimum(one, other), np.maximum(one, other)
