"""Many texts as numbers of words: the arrays in which n-grams are counted, exactly and without a Python object each.

numpy comes with the extra `scale`, so this module is imported only inside functions.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ledger.similarity.fields import words

Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]

FILLER = 0
_NO_WORD = ""
"""The number of no word, and what stands for it. A text of fewer than n words is filled up with it to one n-gram."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts in order: `tokens[starts[t] : starts[t + 1]]` are the word numbers of text t, `owners` the text of each."""

    words: list[str]
    tokens: Ints
    starts: Ints
    owners: Ints

    @property
    def texts(self) -> int:
        """Return how many texts there are."""
        return len(self.starts) - 1

    @property
    def empty(self) -> int:
        """Return how many of them have no word."""
        return int(np.count_nonzero(self.starts[1:] == self.starts[:-1]))

    def text(self, number: int) -> str:
        """Return the words of one text with single spaces between them."""
        return self.spelled(self.tokens[self.starts[number] : self.starts[number + 1]])

    def spelled(self, numbers: Ints) -> str:
        """Return words with single spaces between them."""
        return " ".join([self.words[number] for number in numbers.tolist() if number != FILLER])


_SPARSE = 4
"""Keys that are spread wider than this many times their number are sorted; others are counted in a table."""


class Groups(NamedTuple):
    """Equal keys as one: the group of each key (groups in the order of the keys), and of each group the rows.

    `first` is where the group's first key stands; `kept` are the positions of the first key of each (group, text),
    sorted by group and then by text, so `texts` of each group stand together there.
    """

    group: Ints
    rows: Ints
    first: Ints
    kept: Ints


def read(texts: Iterable[str], fill: int = 0) -> Corpus:
    """Return texts as a corpus; one that has words but fewer than `fill` is filled up. Time is linear in characters."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    numbers[_NO_WORD] = FILLER
    lengths = array("q")
    said = chain.from_iterable(_filled(texts, fill, lengths))
    tokens = np.fromiter(map(numbers.__getitem__, said), dtype=np.int64)
    starts = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=starts[1:])
    owners = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    return Corpus(list(numbers), tokens, starts, owners)


def _filled(texts: Iterable[str], fill: int, lengths: array[int]) -> Iterator[list[str]]:
    for text in texts:
        found = words(text)
        if 0 < len(found) < fill:
            found += [_NO_WORD] * (fill - len(found))
        lengths.append(len(found))
        yield found


def begins(corpus: Corpus, n: int) -> Ints:
    """Return the tokens where an n-gram begins, ascending: those with n - 1 more behind them in their text."""
    last = max(len(corpus.owners) - n + 1, 0)
    return np.flatnonzero(corpus.owners[:last] == corpus.owners[n - 1 :])


def distinct(values: Ints) -> Ints:
    """Return the values once each, ascending."""
    ordered = np.sort(values)
    new = np.ones(len(ordered), dtype=np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    return np.asarray(ordered[new])


def grouped(keys: Ints, owners: Ints) -> Groups:
    """Group equal keys and count the texts of each; `owners` does not decrease."""
    order = np.argsort(keys, kind="stable")
    ranked, owner = keys[order], owners[order]
    new = np.ones(len(keys), dtype=np.bool_)
    new[1:] = ranked[1:] != ranked[:-1]
    new_text = new.copy()
    new_text[1:] |= owner[1:] != owner[:-1]
    of_ranked = np.cumsum(new) - 1
    group = np.empty(len(keys), dtype=np.int64)
    group[order] = of_ranked
    rows = np.bincount(of_ranked[new_text], minlength=int(new.sum()))
    return Groups(group, rows.astype(np.int64), order[new], order[new_text])


def often(keys: Ints, bound: int, least: int) -> tuple[Ints, Ints, int]:
    """Return which of the keys come at least so often, those as numbers from 0 in the same order, and how many.

    Keys are below `bound`.
    """
    if bound > _SPARSE * len(keys):
        keys = np.unique(keys, return_inverse=True)[1]
    enough = np.bincount(keys) >= least
    kept = np.flatnonzero(enough[keys])
    return kept, (np.cumsum(enough) - 1)[keys[kept]], int(np.count_nonzero(enough))


def spans(starts: Ints, ends: Ints) -> Ints:
    """Return the numbers of all half-open ranges, one range after the other."""
    lengths = ends - starts
    shift = np.repeat(starts - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
    return np.asarray(shift + np.arange(int(lengths.sum())), dtype=np.int64)
