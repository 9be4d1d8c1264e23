"""The fast engine: MinHash by rensa."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rensa import RMinHash

from ledger.similarity.bands import folded
from ledger.similarity.contract import Keys, NearRecipe
from ledger.similarity.shingles import Hasher

VERSION = 1
_SEED = 42


class RensaEngine:
    """R-MinHash over hashes of shingles that are made here, so that they are the same with every version of rensa."""

    name = f"rensa-{VERSION}.{RMinHash.ALGORITHM_VERSION}"

    def __init__(self) -> None:
        """Begin without words."""
        self._hasher = Hasher()

    def keys(self, texts: Sequence[Sequence[str]], recipe: NearRecipe) -> Keys:
        """Return the keys of each text, given as words."""
        hashed = self._hasher.shingles(texts, recipe.shingle)
        offsets = np.concatenate([[0], hashed.ends]).astype(np.uint64)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashed.values, offsets, recipe.hashes, _SEED)
        least = np.array(matrix.to_rows(), dtype=np.uint32).reshape(len(texts), recipe.hashes)
        return Keys(folded(least, recipe.bands), hashed.sizes())
