"""What became of each row of a returned batch: by the id that it gives, where it gives one, else by what it says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ledger.sample import Content, fingerprint
from ledger.similarity.aligning import Match, Told, align, moved
from ledger.similarity.signals import agreeing, signs
from ledger.store import Store
from ledger.verbs.originals import Batch, Original, content_of_row, said, words_of
from ledger.verbs.returned import Row

ALIGNED = "aligned"
OPEN = ("ambiguous", "doubted", "duplicated", "erased", "extra", "unreadable")
"""Why a row is not aligned."""
BY = ("id", "equal", "evidence", "order")
"""How a row was aligned."""
STATES = ("whole", "reordered", "wrong")
"""How a batch came back."""


class Fate(NamedTuple):
    """What became of a row: aligned `by` something with an original, or why not (of OPEN).

    `unchanged`: it says what the version said. `signals` are the ways in which the two agree, where content decided.
    `candidates` are the originals that it may be from.
    """

    row: Row
    state: str
    by: str | None = None
    original: Original | None = None
    candidates: tuple[Original, ...] = ()
    unchanged: bool = False
    signals: tuple[str, ...] = ()


class Settled(NamedTuple):
    """A batch that came back: the fates of its rows, the originals without a row, and the rows out of order.

    `gone` are the originals whose bytes were erased; they are not missing.
    """

    batch: Batch
    fates: list[Fate]
    missing: list[Original]
    reordered: list[Fate]
    gone: list[Original]

    @property
    def whole(self) -> bool:
        """Say whether every original came back once and nothing else did."""
        return not self.missing and all(fate.state == ALIGNED for fate in self.fates)

    @property
    def state(self) -> str:
        """Return which of STATES it is in; a wrong batch may be reordered, too."""
        return "wrong" if not self.whole else "reordered" if self.reordered else "whole"


def settle(store: Store, batch: Batch, rows: Sequence[Row]) -> Settled:
    """Return what became of the rows that came back for a batch, in their order."""
    return _Settling(store, batch, rows).settled()


class _Settling:
    """One batch in the making; `there` are the originals whose bytes are there, in order."""

    def __init__(self, store: Store, batch: Batch, rows: Sequence[Row]) -> None:
        found = list(said(store, batch.originals))
        self._batch = batch
        self._rows = rows
        self._there = [original for original, _ in found]
        self._at = {original.id: number for number, original in enumerate(self._there)}
        self._contents = [content for _, content in found]
        self._told = [Told(fingerprint(content), words_of(content)) for content in self._contents]
        self._said: dict[int, Told] = {}
        self._row_contents: dict[int, Content] = {}
        for number, row in enumerate(rows):
            if row.read is not None:
                content = self._row_contents[number] = content_of_row(row)
                self._said[number] = Told(row.read.fingerprint, words_of(content))
        self._fates: dict[int, Fate] = {}

    def settled(self) -> Settled:
        """Return the batch."""
        by_content = self._aligned(list(self._said), range(len(self._there)))
        named = self._by_id(by_content)
        if named:
            taken = {self._at[fate.original.id] for fate in self._fates.values() if fate.original is not None}
            free = [number for number in range(len(self._there)) if number not in taken]
            by_content = self._aligned([number for number in self._said if number not in named], free)
        for number, (match, numbers) in by_content.items():
            self._fates[number] = self._fate(number, match, numbers)
        fates = [
            self._fates.get(number) or Fate(row, "unreadable" if row.read is None else "extra")
            for number, row in enumerate(self._rows)
        ]
        return self._whole(fates)

    def _aligned(self, rows: Sequence[int], originals: Sequence[int]) -> dict[int, tuple[Match, Sequence[int]]]:
        """Return row -> its match among some originals, whose numbers stand beside it."""
        found = align([self._told[number] for number in originals], [self._said[number] for number in rows])
        return {row: (match, originals) for row, match in zip(rows, found, strict=True)}

    def _by_id(self, by_content: dict[int, tuple[Match, Sequence[int]]]) -> set[int]:
        """Settle the rows that name their sample, and return them."""
        naming: dict[bytes, list[int]] = defaultdict(list)
        for number in self._said:
            if (sample := self._rows[number].sample) is not None:
                naming[sample].append(number)
        for sample, numbers in naming.items():
            first, *others = numbers
            self._fates[first] = self._named(first, sample, by_content[first][0])
            same = all(self._said[number].fingerprint == self._said[first].fingerprint for number in others)
            if others and not same and self._fates[first].state == ALIGNED:
                self._fates[first] = Fate(self._rows[first], "ambiguous", None, None, self._known(sample))
            for number in others:
                state = self._fates[first].state if self._fates[first].state != ALIGNED else "duplicated"
                self._fates[number] = Fate(self._rows[number], state, None, None, self._known(sample))
        return {number for numbers in naming.values() for number in numbers}

    def _named(self, number: int, sample: bytes, match: Match) -> Fate:
        """Settle a row by the id that it gives, unless what it says is clearly another original of the batch."""
        row = self._rows[number]
        place = self._at.get(sample)
        if place is None:
            gone = any(original.id == sample for original in self._batch.originals)
            return Fate(row, "erased" if gone else "extra")
        original, told = self._there[place], self._told[place]
        if row.version not in {None, original.hash}:
            return Fate(row, "doubted", None, None, (original,))
        other = match.original if match.by in {"equal", "evidence"} else None
        if other is not None and self._told[other].fingerprint != told.fingerprint:
            return Fate(row, "doubted", None, None, (original, self._there[other]))
        same = told.fingerprint == self._said[number].fingerprint
        return Fate(row, ALIGNED, "id", original, (), same)

    def _fate(self, number: int, match: Match, numbers: Sequence[int]) -> Fate:
        row = self._rows[number]
        if match.original is None:
            return Fate(row, match.by, None, None, tuple(self._there[numbers[each]] for each in match.candidates))
        place = numbers[match.original]
        same = self._told[place].fingerprint == self._said[number].fingerprint
        agree = agreeing(signs(self._contents[place]), signs(self._row_contents[number]))
        return Fate(row, ALIGNED, match.by, self._there[place], (), same, tuple(agree))

    def _known(self, sample: bytes) -> tuple[Original, ...]:
        place = self._at.get(sample)
        return () if place is None else (self._there[place],)

    def _whole(self, fates: list[Fate]) -> Settled:
        aligned = [fate for fate in fates if fate.original is not None]
        places = [self._at[fate.original.id] for fate in aligned if fate.original is not None]
        taken = set(places)
        return Settled(
            self._batch,
            fates,
            [original for number, original in enumerate(self._there) if number not in taken],
            [aligned[number] for number in moved(places)],
            _without(self._batch.originals, self._at),
        )


def _without(originals: Iterable[Original], there: dict[bytes, int]) -> list[Original]:
    return [original for original in originals if original.id not in there]
