"""From texts to shingles: as sets, to compare two texts exactly, and as 64-bit hashes, to find whom to compare.

No result rests on a hash of 64 bits alone: what is found by one is compared exactly afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ledger.fixed import ONE
from ledger.similarity.fields import words

Shingles: TypeAlias = frozenset[tuple[str, ...]]

TEXT_DIGEST = 16
_MOST_WORDS = 1 << 18
"""Distinct words whose hashes are kept between calls; hostile text has a new one every time."""
_MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
"""Odd numbers with well spread bits (those of splitmix64)."""
_SHIFTS = (30, 27, 31)


class Hashed(NamedTuple):
    """Shingles of several texts as 64-bit hashes, one text after the other; text i ends before `ends[i]`."""

    values: NDArray[np.uint64]
    ends: NDArray[np.int64]

    def sizes(self) -> NDArray[np.uint32]:
        """Return how many different shingles each text has."""
        counts = np.diff(self.ends, prepend=0)
        owners = np.repeat(np.arange(counts.size, dtype=np.uint64), counts)
        # One sort does for all: the number of the text stands in the upper bits. Should two shingles of a text agree
        # in all the other bits, it is taken for shorter by one.
        room = np.uint64(max(counts.size, 2).bit_length())
        codes = np.sort((owners << (np.uint64(64) - room)) | (self.values >> room))
        fresh = np.ones(codes.size, dtype=bool)
        fresh[1:] = codes[1:] != codes[:-1]
        found = np.bincount((codes[fresh] >> (np.uint64(64) - room)).astype(np.int64), minlength=counts.size)
        return found.astype(np.uint32)


def shingles(text: str, size: int) -> Shingles:
    """Return the runs of `size` words of a text; one shorter than that is one run; one without words has none."""
    told = words(text)
    if len(told) <= size:
        return frozenset([tuple(told)] if told else ())
    return frozenset(zip(*(told[at:] for at in range(size)), strict=False))


def jaccard(one: Shingles, other: Shingles) -> int:
    """Return the Jaccard index of two sets in millionths, rounded down; 0 where either is empty."""
    shared = len(one & other)
    return shared * ONE // (len(one) + len(other) - shared) if shared else 0


def text_digest(told: Sequence[str]) -> bytes:
    """Return 16 bytes that are the same for two texts of the same words in the same order, and for no others."""
    return blake2b(" ".join(told).encode("utf-8", "surrogatepass"), digest_size=TEXT_DIGEST).digest()


class _Words(dict[str, int]):
    """Words and their hashes, made when they are first asked for."""

    def __missing__(self, word: str) -> int:
        digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        value = self[word] = int.from_bytes(digest, "little")
        return value


class Hasher:
    """Hashes words, and remembers the hashes of those seen lately."""

    def __init__(self) -> None:
        """Begin without words."""
        self._known = _Words()

    def shingles(self, texts: Sequence[Sequence[str]], size: int) -> Hashed:
        """Return the shingles of texts given as words; those that stand twice in a text are there twice."""
        flat: list[int] = []
        value_of = self._known.__getitem__
        for told in texts:
            if len(self._known) > _MOST_WORDS:
                self._known.clear()
            flat += map(value_of, told)
            if 0 < len(told) < size:
                flat += [0] * (size - len(told))
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        lengths[lengths > 0] = np.maximum(lengths[lengths > 0], size)
        return _rolled(np.array(flat, dtype=np.uint64), lengths, size)


def mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return values with their bits mixed, one to one (the finish of splitmix64)."""
    for shift, factor in zip(_SHIFTS, (*_MIX[1:], None), strict=True):
        values = values ^ (values >> np.uint64(shift))
        if factor is not None:
            values = values * np.uint64(factor)
    return values


def _rolled(flat: NDArray[np.uint64], lengths: NDArray[np.int64], size: int) -> Hashed:
    """Return the hashes of all runs of `size` values that lie inside one text."""
    counts = np.where(lengths > 0, lengths - size + 1, 0)
    ends = np.cumsum(counts)
    if not flat.size:
        return Hashed(flat, ends)
    sums = np.zeros(flat.size - size + 1, dtype=np.uint64)
    factor = 1
    for at in range(size):
        factor = factor * _MIX[0] % 2**64
        sums += flat[at : at + sums.size] * np.uint64(factor)
    inside = np.ones(flat.size, dtype=bool)
    last = np.cumsum(lengths)[lengths > 0]
    for before in range(1, size):
        inside[last - before] = False
    return Hashed(mixed(sums[inside[: sums.size]]), ends)
