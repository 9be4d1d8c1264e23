"""How the phrase of a family reads: the longest run of words around its anchor that most of its texts share.

numpy comes with the extra `scale`, so this module is imported only inside functions.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ledger.similarity.anchors import Anchor
from ledger.similarity.corpus import FILLER, Corpus, Ints, spans
from ledger.similarity.fields import words

REACH = 20
"""Words that a phrase can have before its anchor, and as many behind it: names, numbers and places end a run sooner."""

LONGEST = 300
"""Characters of a phrase that are shown."""

_LONGEST_TEXT = 100_000
"""Characters of a text in which a phrase is looked up letter by letter; in a longer one its bare words are shown."""


class Run(NamedTuple):
    """Where a run of words begins in a text (of its own words, from 0), and the numbers of the words."""

    text: int
    begin: int
    words: Ints


def run_around(corpus: Corpus, anchor: Anchor) -> Run:
    """Return the run that more than half of an anchor's texts share, as it stands in the first of them that has it.

    From the first place of the anchor in each text it grows to the right, then to the left, a word at a time.
    """
    at, n = _places(corpus, anchor), len(anchor.words)
    least = len(at) // 2 + 1
    behind, sharing = _grown(corpus, at + (n - 1), 1, corpus.starts[corpus.owners[at] + 1], least)
    at = at[sharing]
    before, sharing = _grown(corpus, at, -1, corpus.starts[corpus.owners[at]] - 1, least)
    begin = int(at[sharing][0]) - before
    text = int(corpus.owners[begin])
    found = corpus.tokens[begin : begin + before + n + behind]
    return Run(text, begin - int(corpus.starts[text]), found[found != FILLER])


def shown(text: str, begin: int, spelled: str) -> str:
    """Return the words from the `begin`-th on as they stand in their text, cut to LONGEST characters.

    White space is single spaces. `spelled` is the words alone; it is shown where they cannot be told apart in the text
    as it was written.
    """
    length = spelled.count(" ") + 1
    if len(text) <= _LONGEST_TEXT:
        text = unicodedata.normalize("NFC", text)
        spans_of_words = list(_word_spans(text))[begin : begin + length]
        written = text[spans_of_words[0][0] : spans_of_words[-1][1]] if spans_of_words else ""
        if " ".join(words(written)) == spelled:
            return " ".join(written.split())[:LONGEST]
    return spelled[:LONGEST]


def _places(corpus: Corpus, anchor: Anchor) -> Ints:
    """Return where the anchor first stands in each of its texts."""
    at = spans(corpus.starts[anchor.texts], corpus.starts[anchor.texts + 1] - len(anchor.words) + 1)
    for step, word in enumerate(anchor.words.tolist()):
        at = at[corpus.tokens[at + step] == word]
    return at[np.unique(corpus.owners[at], return_index=True)[1]]


def _grown(corpus: Corpus, at: Ints, step: int, bounds: Ints, least: int) -> tuple[int, Ints]:
    """Return by how many words a run grows in one direction, and which of its places share all of them."""
    alive = np.arange(len(at))
    for length in range(1, REACH + 1):
        place = at[alive] + step * length
        inside = place * step < bounds[alive] * step
        within, following = alive[inside], corpus.tokens[place[inside]]
        if len(following) < least:
            return length - 1, alive
        # A word that more than half of them have stands in the middle when they are sorted.
        half = len(following) // 2
        middle = int(np.partition(following, half)[half])
        same = within[following == middle]
        if len(same) < least or middle == FILLER:
            return length - 1, alive
        alive = same
    return REACH, alive


def _word_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each word of a text in NFC begins and ends."""
    begin = None
    for place, character in enumerate(text):
        kind = _kind(character)
        if kind != 1 and begin is not None:
            yield begin, place
            begin = None
        if kind == 1 and begin is None:
            begin = place
        elif kind > 1:
            yield place, place + 1
    if begin is not None:
        yield begin, len(text)


@lru_cache(1 << 12)
def _kind(character: str) -> int:
    """Return how many words two of a character make: 0 separates, 1 belongs to words, 2 is a word of its own."""
    return len(words(character * 2))
