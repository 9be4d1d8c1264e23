"""How varied texts are: four figures that templates push up or down, to be compared before and after.

Figures are in millionths; None where there is nothing to measure. numpy, from the extra `scale`, counts the n-grams:
as objects of Python those of a hundred thousand texts would take a gigabyte.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ledger.digest import blake3_bytes
from ledger.fixed import ONE
from ledger.similarity.templates import missing

if TYPE_CHECKING:
    from ledger.similarity.corpus import Corpus, Ints

N = 4
GRADES = ((90, "excellent"), (75, "good"), (60, "fair"))
"""From how many points of `score` on it is called what; below it is poor."""

_LEVEL = 6
_LARGEST = 1 << 62
"""Numbers of n-grams stay below this."""


class Diversity(NamedTuple):
    """The figures of one set of texts.

    `distinct` and `repetition` are of N-grams; see the functions of this module for what each figure is.
    """

    texts: int
    templated: int
    distinct: int | None
    compression: int | None
    repetition: int | None
    score: int | None

    @property
    def grade(self) -> str | None:
        """Return the word for the score."""
        if self.score is None:
            return None
        return next((word for points, word in GRADES if self.score >= points * ONE), "poor")


def diversity(texts: Sequence[str], templated: int = 0) -> Diversity:
    """Return all figures of texts, of which so many are templated. Raises BadRequest where numpy is missing."""
    counted = _counted(texts, N)
    return Diversity(
        len(texts),
        templated,
        _distinct(counted),
        compression_ratio(texts),
        _repetition(counted, len(texts)),
        _score(texts, templated, counted),
    )


def distinct_n(texts: Sequence[str], n: int = N) -> int | None:
    """Return how many different word n-grams there are out of all of them; low where phrases come again and again."""
    return _distinct(_counted(texts, n))


def compression_ratio(texts: Iterable[str]) -> int | None:
    """Return how many times shorter zlib makes the texts; high where they repeat themselves.

    They are put in the order of their digests, so that theirs does not matter. Another build of zlib may compress a
    little better: figures of two machines are close, not equal.
    """
    packer = zlib.compressobj(_LEVEL)
    before = after = 0
    encoded = (text.encode("utf-8", "surrogatepass") for text in texts)
    for body in sorted(encoded, key=lambda each: (blake3_bytes(each), len(each))):
        before += len(body) + 1
        after += len(packer.compress(body)) + len(packer.compress(b"\n"))
    after += len(packer.flush())
    return before * ONE // after if before else None


def self_repetition(texts: Sequence[str], n: int = N) -> int | None:
    """Return the mean over the texts of ln(1 + others): for each n-gram of a text, how many other texts have it."""
    return _repetition(_counted(texts, n), len(texts))


def seed_score(texts: Sequence[str], templated: int) -> int | None:
    """Return the points out of 100 that an earlier analysis of weather chats gave: below 0 for the most repetitive.

    100 * (0.3 * different texts / texts + 0.5 * texts without a template / texts + 0.2 * (1 - how often the most
    frequent 4-gram comes / texts)).
    """
    return _score(texts, templated, _counted(texts, N))


class _Counted(NamedTuple):
    """The n-grams of texts: how often each comes, and of each (n-gram, text) the text and how many others have it."""

    times: Ints
    text: Ints
    others: Ints


def _counted(texts: Sequence[str], n: int) -> _Counted:
    try:
        import numpy as np  # noqa: PLC0415 - of the extra `scale`

        from ledger.similarity import corpus  # noqa: PLC0415 - it needs numpy
    except ImportError as error:
        raise missing(error) from error
    read = corpus.read(texts)
    gram, at = _all_grams(read, n)
    groups = corpus.grouped(gram, read.owners[at])
    others = groups.rows[groups.group[groups.kept]] - 1
    return _Counted(np.bincount(groups.group), read.owners[at[groups.kept]], others)


def _all_grams(read: Corpus, n: int) -> tuple[Ints, Ints]:
    """Return a number for each n-gram, equal for equal ones, and the token where it begins, ascending."""
    from ledger.similarity import corpus  # noqa: PLC0415 - it needs numpy

    at = corpus.begins(read, n)
    gram, width = read.tokens[at], len(read.words)
    total = width
    for step in range(1, n):
        if total * width > _LARGEST:
            _, gram, total = corpus.often(gram, total, 1)
        gram, total = gram * width + read.tokens[at + step], total * width
    return gram, at


def _distinct(counted: _Counted) -> int | None:
    total = int(counted.times.sum())
    return len(counted.times) * ONE // total if total else None


def _repetition(counted: _Counted, texts: int) -> int | None:
    import numpy as np  # noqa: PLC0415 - of the extra `scale`

    if not texts:
        return None
    sums = np.bincount(counted.text, weights=counted.others, minlength=texts)
    return round(math.fsum(map(math.log1p, sums.tolist())) / texts * ONE)


def _score(texts: Sequence[str], templated: int, counted: _Counted) -> int | None:
    total = len(texts)
    if not total:
        return None
    most = int(counted.times.max()) if len(counted.times) else 0
    tenths = 3 * len(set(texts)) + 5 * (total - templated) + 2 * (total - most)
    return 10 * tenths * ONE // total
