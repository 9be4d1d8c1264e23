"""Anchors: the word n-grams that many texts share, and families of texts taken greedily around the most frequent one.

Which family a text belongs to depends on the set of texts alone: ties go to the n-gram that is first in the alphabet.
numpy comes with the extra `scale`, so this module is imported only inside functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heapreplace
from typing import NamedTuple

import numpy as np

from ledger.similarity.corpus import FILLER, Corpus, Ints, begins, grouped, often, spans


class Grams(NamedTuple):
    """The n-grams that stand in enough texts, in alphabetical order.

    `rows` counts the texts of each, `at` is the token where one of its occurrences begins; gram and text of each
    posting are sorted by gram, then by text.
    """

    rows: Ints
    at: Ints
    gram: Ints
    text: Ints


class Anchor(NamedTuple):
    """An n-gram, as word numbers, and the texts that have it and belong to no anchor before it, ascending."""

    words: Ints
    texts: Ints


def grams(corpus: Corpus, n: int, line: int) -> Grams:
    """Return the n-grams that stand in at least `line` texts.

    An n-gram cannot come more often than its beginning does, nor in more texts than it comes at all, so each length
    drops what is too rare for the next; only what is left at the end is counted by texts.
    """
    word, width = _frequent(corpus, line)
    at = begins(corpus, n)
    at = at[word[at] >= 0]
    gram, total = word[at], width
    for step in range(1, n):
        known = word[at + step] >= 0
        at, gram = at[known], gram[known]
        kept, gram, total = often(gram * width + word[at + step], total * width, line)
        at = at[kept]
    groups = grouped(gram, corpus.owners[at])
    enough = groups.rows >= line
    kept = groups.kept[enough[groups.group[groups.kept]]]
    number = np.cumsum(enough) - 1
    return Grams(groups.rows[enough], at[groups.first[enough]], number[groups.group[kept]], corpus.owners[at[kept]])


def greedy(corpus: Corpus, n: int, line: int) -> Iterator[Anchor]:
    """Yield the anchor with the most texts, then the one with the most of the texts that are left, and so on.

    It ends when no n-gram has `line` texts left.
    """
    found = grams(corpus, n, line)
    total = len(found.rows)
    if not total:
        return
    starts = np.searchsorted(found.gram, np.arange(total + 1))
    by_text = np.argsort(found.text, kind="stable")
    grams_of = found.gram[by_text]
    bounds = np.searchsorted(found.text[by_text], np.arange(corpus.texts + 1))
    left, free = found.rows.copy(), np.ones(corpus.texts, dtype=np.bool_)
    for gram in _most_frequent(left, line):
        texts = found.text[starts[gram] : starts[gram + 1]]
        texts = texts[free[texts]]
        free[texts] = False
        np.subtract.at(left, grams_of[spans(bounds[texts], bounds[texts + 1])], 1)
        yield Anchor(corpus.tokens[found.at[gram] : found.at[gram] + n], texts)


def _frequent(corpus: Corpus, line: int) -> tuple[Ints, int]:
    """Return for each token the alphabetical number of its word, or -1 for a rare one, and how many there are.

    The filler is never rare and comes before every word.
    """
    times = np.bincount(corpus.tokens, minlength=len(corpus.words))
    times[FILLER] = line
    common = sorted(np.flatnonzero(times >= line).tolist(), key=corpus.words.__getitem__)
    rank = np.full(len(corpus.words), -1, dtype=np.int64)
    rank[common] = np.arange(len(common))
    return rank[corpus.tokens], len(common)


def _most_frequent(left: Ints, line: int) -> Iterator[int]:
    """Yield the gram with the highest count again and again, while whoever asks lowers counts; ties: the first one.

    A gram goes back into the heap only when its count has fallen, so all is linear in what is subtracted, times a log.
    """
    total, most = len(left), int(left.max())
    heap = np.sort((most - left) * total + np.arange(total)).tolist()
    while heap:
        gram = heap[0] % total
        rows = int(left[gram])
        code = (most - rows) * total + gram
        if rows < line:
            heappop(heap)
        elif code != heap[0]:
            heapreplace(heap, code)
        else:
            heappop(heap)
            yield gram
