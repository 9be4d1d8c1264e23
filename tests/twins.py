"""Made texts with known near-duplicates, for tests and measurements: always the same, in any number, one at a time."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from ledger.digest import blake3_bytes

WORDS = 80
VOCABULARY = tuple(f"w{number * 7919 % 1_000_003:x}" for number in range(30_000))
TEN = 10
"""Of ten texts in a row the first is followed by two edits of it; the other seven stand alone."""


def key(number: int) -> bytes:
    """Return the id of a text."""
    return blake3_bytes(b"%d" % number)


def text(number: int) -> str:
    """Return one text: 80 words; one in five has one to three of them changed from an earlier text."""
    base = number - number % TEN if number % TEN in {1, 2} else number
    draw = random.Random(base)  # noqa: S311 - data, not secrets
    told = draw.choices(VOCABULARY, k=WORDS)
    if base != number:
        draw = random.Random(number)  # noqa: S311 - likewise
        for _ in range(1 + number % 3):
            told[draw.randrange(WORDS)] = draw.choice(VOCABULARY)
    return " ".join(told)


def texts(count: int) -> Iterator[tuple[bytes, str]]:
    """Yield `count` texts with their ids."""
    return ((key(number), text(number)) for number in range(count))


def shelf(units: Iterable[tuple[bytes, str]]) -> Shelf:
    """Return what fetches these texts by id, as a ledger would."""
    return Shelf(dict(units))


class Shelf:
    """Texts by id, and how many were asked for."""

    def __init__(self, known: dict[bytes, str]) -> None:
        """Keep the texts."""
        self.known = known
        self.asked = 0

    def __call__(self, ids: Sequence[bytes]) -> list[str | None]:
        """Return the texts of ids, None for one that is not here."""
        self.asked += len(ids)
        return [self.known.get(each) for each in ids]
