"""Which rows hang together, directly or through others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def components(rows: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each of `rows` rows the smallest row that pairs lead to from it: the name of its component."""
    names = np.arange(rows, dtype=np.int64)
    if not len(pairs):
        return names
    while True:
        one, other = names[pairs[:, 0]], names[pairs[:, 1]]
        if np.array_equal(one, other):
            return names
        least = np.minimum(one, other)
        np.minimum.at(names, one, least)
        np.minimum.at(names, other, least)
        names = _flat(names)


def _flat(names: NDArray[np.int64]) -> NDArray[np.int64]:
    """Follow each name to its end, where a row is its own name."""
    while True:
        further = names[names]
        if np.array_equal(further, names):
            return names
        names = further
