"""The nearest other text of a set, in nearly linear time and whatever the order in which the texts came.

A text is the set of its pairs of neighbouring words, in small letters and without punctuation; a character of a
script that puts no spaces between words is a word of its own. Of this set the SKETCH smallest CRC-32 values are kept.
Similarity is the Jaccard index of two sets: exact while both are smaller than the sketch, beyond that the usual
unbiased estimate from the sketches. Candidates are texts that share one of their BAND smallest values; where more
than WINDOW share one, each is compared with the WINDOW before and after it in the order of their sketches. So a near
text can be missed (at a similarity of one half, about once in 250 times; more often where thousands of texts are
alike), and then the text counts as more diverse than it is.

Memory: 32 bytes for each fingerprint, and for each distinct text about 180 bytes and 4 for each value of its sketch;
while comparing, also the sets of WINDOW + 1 texts, however many share a value.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from array import array
from collections import deque
from collections.abc import Iterator
from itertools import groupby, pairwise
from zlib import crc32

from blake3 import blake3

from ledger.digest import blake3_bytes
from ledger.fixed import ONE
from ledger.scorers.contract import share

SKETCH = 64
BAND = 8
WINDOW = 8
_PART = 250_000
"""Distinct texts whose smallest values are sorted at a time; bounds what that takes beside the sketches."""

_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3040-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
"""Characters of Thai, Lao, Burmese, Khmer, Chinese and Japanese."""
_WORDS = re.compile("[^\x00-/:-@\\[-^`{-\xa0\u2000-\u206f\u3000-\u303f\uff01-\uff0f\uff1a-\uff20]+")
"""Runs of anything but white space and punctuation; marks that belong to letters stay with them."""
_PRINTS = 256


def words_of(text: str) -> list[bytes]:
    """Return the words that texts are compared by; none where the text is blank."""
    text = text.lower()
    if not text.isascii():
        text = _SPACELESS.sub(r" \g<0> ", unicodedata.normalize("NFC", text))
    return " ".join(_WORDS.findall(text) or text.split()).encode("utf-8", "surrogatepass").split()


def sketch_of(words: list[bytes]) -> tuple[int, ...]:
    """Return the smallest values of the pairs of words, in order; a single word is a pair with nothing."""
    values = [crc32(word) for word in words]
    if len(values) > 1:
        # The first word's value is turned before the second is added, or the gap between them would leave no trace.
        values = [crc32(word, value ^ 0x5BD1E995) for value, (_, word) in zip(values, pairwise(words), strict=False)]
    return tuple(sorted(set(values))[:SKETCH])


def similarity(one: frozenset[int], other: frozenset[int]) -> int:
    """Return the Jaccard index of two sketched sets in millionths, neither of them empty."""
    shared = one & other
    if len(one) < SKETCH and len(other) < SKETCH:
        return share(len(shared), len(one) + len(other) - len(shared))
    smallest = sorted(one | other)[:SKETCH]
    last = smallest[-1]
    return share(sum(value <= last for value in shared), len(smallest))


class Neighbours:
    """A set of texts, each with the fingerprint of its sample: first `add` all, then `close`, then ask.

    Texts of one fingerprint are one: they do not count against each other. The same text under two fingerprints (one
    question, two answers) is as near as a text can be.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._numbers: dict[int, int] = {}
        self._keys = array("Q")
        self._owners = array("Q")
        self._nearest = array("I")
        self._sketches: list[bytes] = []
        self._prints = [bytearray() for _ in range(_PRINTS)]
        self.size = 0
        """Distinct fingerprints, counted by `close`."""

    def add(self, words: list[bytes], fingerprint: bytes) -> None:
        """Add a text by its words; one without words is only counted among the fingerprints."""
        self._prints[fingerprint[0]] += fingerprint
        if not words:
            return
        key, owner = _key(words), int.from_bytes(fingerprint[:8], "big")
        number = self._numbers.get(key)
        if number is not None:
            if self._owners[number] != owner:
                self._nearest[number] = ONE
            return
        self._numbers[key] = len(self._keys)
        self._keys.append(key)
        self._owners.append(owner)
        self._nearest.append(0)
        values = sketch_of(words)
        self._sketches.append(struct.pack(f">{len(values)}I", *values))

    def close(self) -> bytes:
        """Compare; return the digest of the set of fingerprints (BLAKE3 over the distinct ones, in order)."""
        cuts = 1 + len(self._keys) // _PART
        for cut in range(cuts):
            for bucket in self._buckets(cut, cuts):
                self._compare(bucket)
        hasher = blake3()
        for prints in self._prints:
            distinct = sorted({bytes(prints[at : at + 32]) for at in range(0, len(prints), 32)})
            hasher.update(b"".join(distinct))
            self.size += len(distinct)
        return hasher.digest()

    def nearest(self, words: list[bytes]) -> int | None:
        """Return the similarity to the nearest other text in millionths; None for a text that was not added."""
        number = self._numbers.get(_key(words))
        return None if number is None else self._nearest[number]

    def _buckets(self, cut: int, cuts: int) -> Iterator[list[int]]:
        """Yield the texts that share one of their smallest values, for the values that belong to this cut."""
        shared: list[int] = []
        for number, sketch in enumerate(self._sketches):
            head = sketch[: 4 * BAND]
            values = struct.unpack(f">{len(head) // 4}I", head)
            shared += [value << 32 | number for value in values if value % cuts == cut]
        shared.sort()
        for _, group in groupby(shared, lambda pair: pair >> 32):
            numbers = [pair & 0xFFFFFFFF for pair in group]
            if len(numbers) > 1:
                yield sorted(numbers, key=lambda number: (self._sketches[number], self._keys[number]))

    def _compare(self, bucket: list[int]) -> None:
        """Compare each text of a bucket with the WINDOW before it, whose sets are kept, and so with those after it."""
        nearest = self._nearest
        window: deque[tuple[int, frozenset[int]]] = deque(maxlen=WINDOW)
        for number in bucket:
            sketch = self._sketches[number]
            mine, best = frozenset(struct.unpack(f">{len(sketch) // 4}I", sketch)), nearest[number]
            for other, its in window:
                found = similarity(its, mine)
                best = max(best, found)
                nearest[other] = max(nearest[other], found)
            nearest[number] = best
            window.append((number, mine))


def _key(words: list[bytes]) -> int:
    return int.from_bytes(blake3_bytes(b" ".join(words))[:8], "big")
