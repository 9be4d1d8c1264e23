"""The reference engine: MinHash in plain numpy, in a few lines; slower than rensa, and works without it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ledger.similarity.bands import folded
from ledger.similarity.contract import Keys, NearRecipe
from ledger.similarity.shingles import Hasher, mixed

VERSION = 1


class NumpyEngine:
    """MinHash by multiplication: hash i of a shingle is the upper half of a_i * shingle + b_i, modulo 2**64."""

    name = f"numpy-{VERSION}"

    def __init__(self) -> None:
        """Begin without words."""
        self._hasher = Hasher()

    def keys(self, texts: Sequence[Sequence[str]], recipe: NearRecipe) -> Keys:
        """Return the keys of each text, given as words."""
        hashed = self._hasher.shingles(texts, recipe.shingle)
        least = np.zeros((len(texts), recipe.hashes), dtype=np.uint32)
        starts, present = np.concatenate([[0], hashed.ends[:-1]]), np.diff(hashed.ends, prepend=0) > 0
        if hashed.values.size:
            for number, (factor, addend) in enumerate(_parameters(recipe.hashes)):
                hashes = ((hashed.values * factor + addend) >> np.uint64(32)).astype(np.uint32)
                least[present, number] = np.minimum.reduceat(hashes, starts[present])
        return Keys(folded(least, recipe.bands), hashed.sizes())


def _parameters(count: int) -> NDArray[np.uint64]:
    """Return `count` pairs of an odd factor and an addend, always the same ones."""
    drawn = mixed(np.arange(1, 2 * count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    pairs = drawn.reshape(count, 2)
    pairs[:, 0] |= np.uint64(1)
    return pairs
