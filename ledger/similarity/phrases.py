"""A fixed list of phrases, counted: a check that known templates do not come back.

What is not on the list goes unseen; `find_templates` finds phrases without one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ledger.errors import BadRequest

KNOWN = (
    "The current weather in",
    "-day forecast for",
    "The weather prognostication for",
)
"""Fixed sentences of a generator of weather chats, as its source has them; place and number fill the gaps."""


class Count(NamedTuple):
    """How many texts have a phrase, and of how many it is the first on the list that they have."""

    phrase: str
    texts: int
    first: int


class Counts(NamedTuple):
    """How many texts there are, how many have any of the phrases, and the counts in the order of the list."""

    texts: int
    any: int
    phrases: tuple[Count, ...]


def check(texts: Iterable[str], phrases: Sequence[str] = KNOWN) -> Counts:
    """Count the texts that have each phrase anywhere; case and the amount of white space do not matter.

    A text with two of the phrases counts for both, and as `first` for one. Raises BadRequest for a blank phrase.
    """
    wanted = [_folded(phrase) for phrase in phrases]
    if not all(wanted):
        raise BadRequest("A phrase to look for cannot be blank: every text would have it")
    having, first = [0] * len(wanted), [0] * len(wanted)
    total = matched = 0
    for text in texts:
        total += 1
        folded = _folded(text)
        found = [number for number, phrase in enumerate(wanted) if phrase in folded]
        matched += bool(found)
        for number in found:
            having[number] += 1
        for number in found[:1]:
            first[number] += 1
    return Counts(total, matched, tuple(map(Count, phrases, having, first)))


def _folded(text: str) -> str:
    text = " ".join(text.split()).casefold()
    return text if text.isascii() else unicodedata.normalize("NFC", text)
