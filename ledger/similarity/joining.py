"""Texts that a family's anchor misses by a word or two, found by rapidfuzz around the family's phrase.

numpy and rapidfuzz come with the extra `scale`, so this module is imported only inside functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Indel

from ledger.similarity.corpus import Corpus, Flags, Ints, distinct

LEAST_WORDS = 0.8
"""How far the words must agree too (2 x those in common / those of both): of five words, one may be another."""

SHORTEST_PHRASE = 5
"""Words of a phrase that is looked for: two or three words stand in many a text that is made from something else."""

LONGEST_PHRASE = 400
LONGEST_TEXT = 20_000
"""Characters of what is compared: the phrase is laid beside every place of the text."""

MOST_FAMILIES = 200
"""The largest families are compared, so that thousands of small ones do not make it quadratic."""

TIMES = 4
LEAST_ROOM = 2_000_000
"""How many words are compared in all: those of all texts so many times over, or so many where that is more."""


class _Phrase(NamedTuple):
    text: str
    words: Ints
    distinct: Ints
    weights: Ints


def joined(corpus: Corpus, phrases: Sequence[Ints], free: Flags, least: int) -> dict[int, int]:
    """Return for texts of `free` the number of the phrase that they match best, from `least` of 100 on.

    A phrase is looked for anywhere in a text (partial ratio); a text that is shorter than the phrase is compared as a
    whole. Two thirds of the phrase's letters must stand in the text in words of their own, or it is not compared. Of
    equal matches the earlier phrase counts. Phrases come largest family first, and TIMES and the other bounds of this
    module end the work, in the same place on every machine: what is not compared does not join.
    """
    phrases = phrases[:MOST_FAMILIES]
    codes = _word_texts(corpus, np.concatenate(phrases)) if phrases else corpus.tokens[:0]
    room = max(TIMES * len(corpus.tokens), LEAST_ROOM)
    lengths = np.diff(corpus.starts)
    best: dict[int, tuple[float, int]] = {}
    for number, words in enumerate(phrases):
        phrase = _phrase(corpus, words)
        if len(words) < SHORTEST_PHRASE or len(phrase.text) > LONGEST_PHRASE:
            continue
        candidates = _candidates(corpus, codes, phrase, free)
        room -= int(lengths[candidates].sum())
        if room < 0:
            break
        for text, likeness in _matches(corpus, phrase, candidates.tolist(), least):
            if likeness > best.get(text, (0.0, 0))[0]:
                best[text] = (likeness, number)
    return {text: best[text][1] for text in sorted(best)}


def _phrase(corpus: Corpus, words: Ints) -> _Phrase:
    each = distinct(words)
    weights = np.array([len(corpus.words[word]) for word in each.tolist()], dtype=np.int64)
    return _Phrase(corpus.spelled(words), words, each, weights)


def _word_texts(corpus: Corpus, words: Ints) -> Ints:
    """Return each of the words with each text that has it, once, as `word * texts + text`, ascending."""
    wanted = np.zeros(len(corpus.words), dtype=np.bool_)
    wanted[words] = True
    at = np.flatnonzero(wanted[corpus.tokens])
    return distinct(corpus.tokens[at] * corpus.texts + corpus.owners[at])


def _candidates(corpus: Corpus, codes: Ints, phrase: _Phrase, free: Flags) -> Ints:
    found = np.zeros(corpus.texts, dtype=np.int64)
    for word, weight in zip(phrase.distinct.tolist(), phrase.weights.tolist(), strict=True):
        begin, end = np.searchsorted(codes, (word * corpus.texts, (word + 1) * corpus.texts))
        found[codes[begin:end] - word * corpus.texts] += weight
    return np.flatnonzero(free & (found * 3 >= int(phrase.weights.sum()) * 2))


def _matches(corpus: Corpus, phrase: _Phrase, candidates: list[int], least: int) -> Iterator[tuple[int, float]]:
    long: list[tuple[int, str]] = []
    short: list[tuple[int, str]] = []
    for number in candidates:
        text = corpus.text(number)
        if len(text) <= LONGEST_TEXT:
            (long if len(text) >= len(phrase.text) else short).append((number, text))
    for scorer, texts in ((fuzz.partial_ratio, long), (fuzz.ratio, short)):
        ratios = process.cdist([phrase.text], [text for _, text in texts], scorer=scorer, score_cutoff=least)
        for (number, text), ratio in zip(texts, ratios[0].tolist(), strict=True):
            if ratio and _same_words(corpus, phrase, number, text):
                yield number, ratio


def _same_words(corpus: Corpus, phrase: _Phrase, number: int, text: str) -> bool:
    """Say whether the words where the phrase fits best agree with it, in their order: letters alone agree by chance."""
    begin, end = 0, len(text)
    if len(text) > len(phrase.text):
        place = fuzz.partial_ratio_alignment(phrase.text, text)
        begin, end = (place.dest_start, place.dest_end) if place else (0, 0)
    first = int(corpus.starts[number]) + text.count(" ", 0, begin)
    last = int(corpus.starts[number]) + text.count(" ", 0, end) + 1
    said = corpus.tokens[first:last].tolist()
    return Indel.normalized_similarity(phrase.words.tolist(), said) >= LEAST_WORDS
