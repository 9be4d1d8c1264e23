"""A look at every family before a split: where it stands, its stratum, what it has of what floors ask for."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from blake3 import blake3

from ledger.digest import blake3_bytes
from ledger.sqlite import Connection
from ledger.verbs.floors import Tally
from ledger.verbs.quotas import OPEN, SPLITS, Families
from ledger.verbs.split_params import SplitParams
from ledger.views import dealt, weights

_FAMILY, _SAMPLE, _PLACE, _ERASED, _FACTS = range(5)
Row: TypeAlias = tuple[Any, ...]
"""As `dealt.samples` yields them."""
Values: TypeAlias = tuple[str, ...]


class Move(NamedTuple):
    """A sample of a family that stands in several splits, and where a rule puts it."""

    sample: int
    family: bytes
    old: int
    new: int


class Clash(NamedTuple):
    """A family that is pinned to one split and stands in another, and a sample of it that does."""

    family: bytes
    sample: int


class Survey:
    """Every family at one moment.

    `families` are those with samples to assign, whose handles stand in `members`, one family's after the other's;
    `settled` says by stratum how many samples need no dealing, `own` the same with each sample counted under its own
    values; `standing` says how many are assigned already, erased ones and what a rule moves included.
    """

    def __init__(self, connection: Connection, asked: SplitParams, pins: Mapping[bytes, int]) -> None:
        """Look at all samples; `pins` says where families (their roots) are pinned."""
        facts = asked.facts
        self._asked, self._pins = asked, pins
        self._seed = blake3_bytes(asked.seed.encode())
        self._places = [facts.index(fact) + _FACTS for fact in asked.stratify]
        self._floors = [(facts.index(floor.fact) + _FACTS, floor.value, floor.share) for floor in asked.floors]
        self._weights = _times(connection) if asked.floors else array("H")
        self.strata: dict[Values, int] = {}
        self.families, self.members = Families(), array("q")
        self.settled: list[list[int]] = []
        self.own: list[list[int]] = []
        self._mixed: dict[int, Counter[int]] = {}
        self.standing = [0, 0, 0]
        self.tally = Tally.empty(asked.floors)
        self.moves: list[Move] = []
        self.clashes: list[Clash] = []
        self.seen = self.crossing = 0
        for root, rows in groupby(dealt.samples(connection, facts), itemgetter(_FAMILY)):
            self._take(root, list(rows))

    def order(self) -> list[int]:
        """Return the numbers of the strata in the order of their texts."""
        return [self.strata[values] for values in sorted(self.strata)]

    def handles(self) -> Iterator[tuple[int, Sequence[int]]]:
        """Yield each family with samples to assign: its number and the handles of those samples."""
        first = 0
        for number, count in enumerate(self.families.samples):
            yield number, self.members[first : first + count]
            first += count

    def values(self, number: int) -> Iterable[tuple[int, int]]:
        """Return how many members an open family has under each values (by the number of their stratum)."""
        mixed = self._mixed.get(number)
        return ((self.families.strata[number], self.families.samples[number]),) if mixed is None else mixed.items()

    def _take(self, root: bytes, rows: list[Row]) -> None:
        places = {row[_PLACE] for row in rows if row[_PLACE] != OPEN}
        home = OPEN
        if places:
            home = max(places)
            if len(places) > 1:
                home, rows = self._merged(root, rows, places)
        if (pin := self._pins.get(root, home)) != home:
            if home != OPEN:
                self.clashes.append(Clash(root, next(row[_SAMPLE] for row in rows if row[_PLACE] != OPEN)))
            home = pin
        alive = [row for row in rows if not row[_ERASED]]
        fresh = [row[_SAMPLE] for row in alive if row[_PLACE] == OPEN]
        self.seen += bool(places or fresh)
        for row in rows:
            if row[_PLACE] != OPEN:
                self.standing[row[_PLACE]] += 1
        if alive:
            self._count(root, alive, fresh, home)

    def _merged(self, root: bytes, rows: list[Row], places: set[int]) -> tuple[int, list[Row]]:
        """Return where new members of a family in several splits go, and its rows as the rule leaves them."""
        if self._asked.resolve is None:
            self.crossing += 1
            return max(places), rows
        home = resolved(self._asked.resolve, [row[_PLACE] for row in rows if row[_PLACE] != OPEN])
        for row in rows:
            if row[_PLACE] not in {OPEN, home}:
                self.moves.append(Move(row[_SAMPLE], root, row[_PLACE], home))
        return home, [(*row[:_PLACE], home if row[_PLACE] != OPEN else OPEN, *row[_ERASED:]) for row in rows]

    def _count(self, root: bytes, alive: list[Row], fresh: list[int], home: int) -> None:
        own = self._own(alive)
        stratum = own[0] if len(own) == 1 else self._stratum(alive)
        number = OPEN
        if fresh:
            key = blake3(root, key=self._seed).digest()
            number = self.families.add(stratum, len(fresh), home, key)
            self.members.extend(fresh)
            if home == OPEN and len(own) > 1:
                self._mixed[number] = Counter(own)
        settled = self.settled[stratum]
        for at, row in enumerate(alive):
            place = row[_PLACE] if row[_PLACE] != OPEN else home
            if place != OPEN:
                settled[place] += 1
                self.own[own[at] if len(own) > 1 else stratum][place] += 1
        if self._floors:
            self._weigh(alive, number if fresh else None, home)

    def _own(self, alive: list[Row]) -> list[int]:
        """Return the numbers of the members' own values; one number where all have the same."""
        values = [tuple(row[place] or "" for place in self._places) for row in alive]
        if len(alive) == 1 or values.count(values[0]) == len(values):
            return [self._number(values[0])]
        return [self._number(one) for one in values]

    def _stratum(self, alive: list[Row]) -> int:
        return self._number(tuple(usual([row[place] or "" for row in alive]) for place in self._places))

    def _number(self, values: Values) -> int:
        number = self.strata.get(values)
        if number is None:
            number = self.strata[values] = len(self.settled)
            self.settled.append([0, 0, 0])
            self.own.append([0, 0, 0])
        return number

    def _weigh(self, alive: list[Row], family: int | None, home: int) -> None:
        """Count rows and what floors ask for: of settled samples by split, of an open family by itself."""
        tally, of_family = self.tally, 0
        for row in alive:
            place = row[_PLACE] if row[_PLACE] != OPEN else home
            times = self._weights[row[_SAMPLE]]
            if place != OPEN:
                tally.total[place] += times
            else:
                of_family += times
            for number, (column, value, share) in enumerate(self._floors):
                fact = row[column]
                if fact is None or value not in {None, fact}:
                    continue
                counted = 1 if share is None else times
                if place != OPEN:
                    tally.have[number][place] += counted
                elif family is not None:
                    having = tally.having[number]
                    having[family] = having.get(family, 0) + counted
        if family is not None:
            tally.rows.append(of_family)


def usual(values: Sequence[str]) -> str:
    """Return the value that occurs most; of several the smallest text."""
    first = values[0]
    if len(values) == 1 or values.count(first) == len(values):
        return first
    return min(Counter(values).items(), key=lambda item: (-item[1], item[0]))[0]


def resolved(rule: str, places: Sequence[int]) -> int:
    """Return where a rule puts a family whose assigned members stand in these places."""
    if rule in SPLITS:
        return SPLITS.index(rule)
    if rule == "largest":  # of two that have as many, the one farther from training
        return max(Counter(places).items(), key=lambda item: (item[1], item[0]))[0]
    return max(places)


def _times(connection: Connection) -> array[int]:
    """Return the weight of every sample by its handle."""
    times = array("H", [weights.ONCE]) * (dealt.last(connection) + 1)
    for sample, weight in weights.in_force(connection):
        times[sample] = weight
    return times
