"""From MinHash signatures to band keys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ledger.similarity.shingles import mixed

_FACTOR = 0x9E3779B97F4A7C15


def folded(signatures: NDArray[np.uint32], bands: int) -> NDArray[np.uint32]:
    """Return one key of 32 bits for each band: the same for equal bands, rarely for others (what follows compares)."""
    texts, hashes = signatures.shape
    rows = hashes // bands
    keys = np.zeros((texts, bands), dtype=np.uint64)
    for row in range(rows):
        keys = mixed(keys * np.uint64(_FACTOR) + signatures[:, row::rows])
    return (keys >> np.uint64(32)).astype(np.uint32)
