"""What may make room for a family that comes into a split: by size, families that a floor needs least there first."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ledger.verbs.floors import Tally
from ledger.verbs.quotas import OPEN, Families

WITHIN, EXACT, NEAR = range(3)
"""How far an exchange reaches: of one size within a stratum, of one size, of nearly one size."""
_KINDS, _SIZES, _STARTS = 16, 16, 4
"""What is tried for one family: kinds of one size, sizes of a mixture, mixtures."""
_ANY = -1


class Kind(NamedTuple):
    """What is the same of families that are alike: their samples, their rows, and what each floor counts of them."""

    size: int
    rows: int
    having: tuple[int, ...]


class Laid:
    """Families, the kinds that they are of, and where they lie now."""

    def __init__(self, tally: Tally, families: Families, places: bytearray) -> None:
        """Look at what is alike."""
        self.tally, self.families, self.places = tally, families, places
        self.strata = max(families.strata, default=0) + 1
        self.kinds, self.kind_of = _kinds(tally, families)


class Pool:
    """The open families of a split, which may make room for others: by size, what brings a floor least first."""

    def __init__(self, laid: Laid, split: int, gains: list[int]) -> None:
        """Look at the families of a split; `gains` says what each kind brings."""
        self.split = split
        self._laid, self._gains = laid, gains
        self._members: dict[int, list[int]] = defaultdict(list)
        for family, (home, place, kind) in enumerate(zip(laid.families.homes, laid.places, laid.kind_of, strict=True)):
            if place == split and home == OPEN:
                self._members[kind].append(family)
        self._by_size: dict[int, list[int]] = defaultdict(list)
        for kind in sorted(self._members, key=lambda kind: (gains[kind], laid.kinds[kind])):
            self._by_size[laid.kinds[kind].size].append(kind)
        self._sizes = sorted(self._by_size)
        self._decks: dict[tuple[int, int], list[int]] = {}

    def poorest(self) -> float | None:
        """Return the least that any of them brings for each of its samples; None where there are none."""
        return min((self._rate(kind) for kind in self._members), default=None)

    def ordered(self) -> Iterator[int]:
        """Yield those that a floor is nearer without: first those that cost it most for each sample."""
        rates: dict[float, list[int]] = defaultdict(list)
        for kind, members in self._members.items():
            rates[self._rate(kind)].extend(members)
        families = self._laid.families
        for rate in sorted(rate for rate in rates if rate < 0):
            yield from sorted(rates[rate], key=lambda family: (families.samples[family], families.key(family)))

    def rooms(self, need: int, family: int, reach: int) -> Iterator[list[int]]:
        """Yield families that could go for one that comes in, `need` samples of them or nearly; the best come first.

        Whoever refuses a proposal gives it back before asking for the next.
        """
        if need <= 0:
            yield []
            return
        gain, asked = self._gains[self._laid.kind_of[family]], (self._laid.families.strata[family], reach == WITHIN)
        yield from self._single(need, gain, asked)
        middle = bisect_left(self._sizes, need)
        for start in range(middle, max(middle - _STARTS, 0), -1):
            gone, left = self._filled(start, need, asked)
            if gone and (not left or reach == NEAR):
                yield gone
            else:
                self.give_back(gone)
        if reach == NEAR:
            for size in self._sizes[middle : middle + _STARTS]:
                yield from self._single(size, gain, asked)
            yield []

    def give_back(self, gone: Sequence[int]) -> None:
        """Take back a proposal."""
        laid = self._laid
        for family in reversed(gone):
            for stratum in (_ANY, laid.families.strata[family]):
                deck = self._decks.get((laid.kind_of[family], stratum))
                if deck is not None and deck[-1:] != [family]:
                    deck.append(family)

    def _single(self, size: int, gain: int, asked: tuple[int, bool]) -> Iterator[list[int]]:
        for kind in self._by_size.get(size, [])[:_KINDS]:
            if self._gains[kind] >= gain:
                return
            family = self._take(kind, asked, ())
            if family is not None:
                yield [family]

    def _filled(self, start: int, need: int, asked: tuple[int, bool]) -> tuple[list[int], int]:
        """Return families of the sizes before `start`, the largest first, and how much room is still missing."""
        gone: list[int] = []
        for size in reversed(self._sizes[max(start - _SIZES, 0) : start]):
            for kind in self._by_size[size][:_KINDS]:
                while size <= need and (family := self._take(kind, asked, gone)) is not None:
                    gone.append(family)
                    need -= size
        return gone, need

    def _take(self, kind: int, asked: tuple[int, bool], taken: Sequence[int]) -> int | None:
        """Return the next family of a kind: of the stratum, and if that is not all that is asked for, of any."""
        if (kind, _ANY) not in self._decks:
            self._open(kind)
        stratum, within = asked
        for wanted in (stratum,) if within else (stratum, _ANY):
            deck = self._decks.get((kind, wanted), [])
            while deck:
                family = deck.pop()
                if self._laid.places[family] == self.split and family not in taken:
                    return family
        if not within and not taken:
            self._by_size[self._laid.kinds[kind].size] = [
                one for one in self._by_size[self._laid.kinds[kind].size] if one != kind
            ]
        return None

    def _open(self, kind: int) -> None:
        """Put the families of a kind in order, the last to go first."""
        families = self._laid.families
        ordered = sorted(self._members[kind], key=families.key, reverse=True)
        self._decks[kind, _ANY] = ordered
        if self._laid.strata > 1:
            for family in ordered:
                self._decks.setdefault((kind, families.strata[family]), []).append(family)

    def _rate(self, kind: int) -> float:
        return self._gains[kind] / self._laid.kinds[kind].size


def _kinds(tally: Tally, families: Families) -> tuple[list[Kind], array[int]]:
    """Return the kinds of families, and which of them each family is."""
    numbers: dict[Kind, int] = {}
    special, nothing = set[int]().union(*tally.having), (0,) * len(tally.floors)
    of = array("I")
    for family, (size, rows) in enumerate(zip(families.samples, tally.rows, strict=True)):
        having = tuple(had.get(family, 0) for had in tally.having) if family in special else nothing
        of.append(numbers.setdefault(Kind(size, rows, having), len(numbers)))
    return list(numbers), of
