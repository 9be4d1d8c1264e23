"""How floors are met: families that have what is asked for change places with others of the same size.

A floor is lifted by exchanges. A family comes in from another split, and families of its split that have less of what
the floor asks for make room for it. Only families that were dealt just now take part: what was assigned before or is
pinned stays. Those with the largest part of what is asked for come in first and those with the smallest go out first;
where that is the same, the order of the keyed hashes decides. Exchanges are tried in four reaches, one after the other,
and only for floors that are still unmet:

1. of the same number of samples, within a stratum: quotas of splits and strata stay;
2. of the same number of samples: quotas of splits stay;
3. of nearly the same number: no split gets further from what was dealt than part of the largest family;
4. in one direction: a split grows by what has it, or val and test give what has least of it back to train; first what
   brings most for each sample. Train gives nothing away for its own floor: that would hold out what can be learned
   from, for a share that a weight can have.

No exchange may leave another floor further from being met. Only where that meets not all of them, each is lifted once
without regard for the others, which are lifted again after it; what does not lead to the end is taken back.

Every exchange brings its floor nearer, and a family comes in once at most while a floor is lifted. The number of times
that floors are lifted, and of exchanges tried in vain, is bounded: all of it takes a few passes over the families.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from ledger.errors import FloorNotMet
from ledger.verbs.floors import Tally, shortfall
from ledger.verbs.quotas import OPEN, TRAIN, Counts, Families

WITHIN, EXACT, NEAR = range(3)
"""How far an exchange reaches: the first three of the rules above."""
_KINDS, _SIZES, _STARTS, _VAIN = 32, 64, 8, 5_000
"""What is tried for one family (kinds of one size, sizes of a mixture, mixtures), and how many are tried in vain."""
_ANY = -1


class Act(Protocol):
    """Lifts a floor, with regard for the others or without."""

    def __call__(self, number: int, *, careful: bool) -> None:
        """Move families for the floor of this number."""


class Kind(NamedTuple):
    """What is the same of families that are alike: their samples, their rows, and what each floor counts of them."""

    size: int
    rows: int
    having: tuple[int, ...]


def meet(tally: Tally, families: Families, places: bytearray, shares: Counts = (1, 1, 1)) -> dict[int, int]:
    """Move open families until every floor is met; return family -> its new place. Raises FloorNotMet.

    `places` says where the deal put each family and is changed. The tally counts what was settled before the deal.
    """
    settled = [tuple(here) for here in tally.have]
    _count(tally, families, places)
    if not tally.unmet():
        return {}
    dealt, table = bytes(places), _Table(tally, families, places, shares)
    table.strive()
    if unmet := tally.unmet():
        number = unmet[0]
        found = shortfall(tally, number, settled[number], table.helpful(number))
        raise FloorNotMet(tally.floors[number].text, found.text, hint=found.hint)
    table.even_out()
    return {family: place for family, place in enumerate(places) if place != dealt[family]}


def _count(tally: Tally, families: Families, places: bytearray) -> None:
    """Count the open families where the deal put them."""
    for home, place, rows in zip(families.homes, places, tally.rows, strict=True):
        if home == OPEN:
            tally.total[place] += rows
    for here, having in zip(tally.have, tally.having, strict=True):
        for family, had in having.items():
            here[places[family]] += had


class _Table:
    """Families, where they lie now, and by how many samples each split has more than it was dealt."""

    def __init__(self, tally: Tally, families: Families, places: bytearray, shares: Counts) -> None:
        self.tally, self.families, self.places, self._shares = tally, families, places, shares
        self.off = [0, 0, 0]
        self.strata = max(families.strata, default=0) + 1
        self.kinds, self.kind_of = _kinds(tally, families)

    def strive(self) -> None:
        """Lift the floors by each reach in turn, until all of them are met or nothing is left to try."""
        for reach in (WITHIN, EXACT, NEAR):
            if reach != WITHIN or self.strata > 1:
                self._strive(partial(self._lift, reach=reach))
        self._strive(self._shift)

    def helpful(self, number: int) -> list[int]:
        """Return by split how much of what a floor counts stands in open families that would bring it nearer."""
        gains, found = self.gains(number), [0, 0, 0]
        for family, had in self.tally.having[number].items():
            if gains[self.kind_of[family]] > 0:
                found[self.places[family]] += had
        return found

    def even_out(self) -> None:
        """Bring the splits nearer to what they were dealt where no floor needs them as they are."""
        for high in range(3):
            for low in range(3):
                if self.off[high] > 0 > self.off[low]:
                    self._even_out(high, low)

    def gains(self, number: int) -> list[int]:
        """Return what a family of each kind brings a floor by standing in its split."""
        floor = self.tally.floors[number]
        return [floor.gain(kind.having[number], kind.rows) for kind in self.kinds]

    def _strive(self, act: Act) -> None:
        """Lift every floor that is unmet, with regard for the others; then once without, and back if that fails."""
        self._rounds(act)
        if not self.tally.unmet() or len(self.tally.floors) == 1:
            return
        places, off = bytes(self.places), list(self.off)
        total, have = list(self.tally.total), [list(here) for here in self.tally.have]
        for number in self.tally.unmet():
            act(number, careful=False)
            self._rounds(act)
        if self.tally.unmet():
            self.places[:], self.off = places, off
            self.tally.total[:] = total
            for here, kept in zip(self.tally.have, have, strict=True):
                here[:] = kept

    def _rounds(self, act: Act) -> None:
        for _ in range(2 * len(self.tally.floors)):
            before = self.tally.lacking()
            for number in self.tally.unmet():
                act(number, careful=True)
            if self.tally.lacking() == before:
                return

    def _lift(self, number: int, *, careful: bool, reach: int) -> None:
        """Exchange families for one floor until it is met or no exchange is left that helps."""
        split, gains = self.tally.floors[number].split, self.gains(number)
        pool = Pool(self, split, gains)
        least = pool.poorest()
        if least is None and reach != NEAR:
            return
        if reach == NEAR:
            least = min(least or 0.0, 0.0) if self.tally.total[split] else -1.0
        stuck: set[tuple[int, int, int]] = set()
        for family in self._ordered(split, gains, least or 0.0, smallest_first=reach == NEAR):
            if self.tally.met(number) or len(stuck) == _VAIN:
                return
            alike = (self.kind_of[family], self.places[family], self.families.strata[family] if reach == WITHIN else 0)
            if alike not in stuck and not self._exchange(pool, number, family, reach, careful=careful):
                stuck.add(alike)

    def _ordered(self, split: int, gains: list[int], least: float, *, smallest_first: bool) -> Iterator[int]:
        """Yield open families outside a split that gain more than `least` a sample: most first, then by key."""
        rates = [gain / kind.size for gain, kind in zip(gains, self.kinds, strict=True)]
        good = [rate > least for rate in rates]
        found: dict[float, list[int]] = defaultdict(list)
        for family, (home, place, kind) in enumerate(zip(self.families.homes, self.places, self.kind_of, strict=True)):
            if good[kind] and place != split and home == OPEN:
                found[rates[kind]].append(family)
        for rate in sorted(found, reverse=True):
            yield from sorted(found[rate], key=self._by_size if smallest_first else self.families.key)

    def _by_size(self, family: int) -> tuple[int, int, bytes]:
        """Order by size; of one size those first whose split has the largest share, then by key."""
        return self.families.samples[family], -self._shares[self.places[family]], self.families.key(family)

    def _exchange(self, pool: Pool, number: int, family: int, reach: int, *, careful: bool) -> bool:
        """Bring a family in for others, if there are any that may go for it."""
        need = self.off[pool.split] + self.families.samples[family]
        for gone in pool.rooms(need, family, reach):
            sizes = [self.families.samples[one] for one in (family, *gone)]
            limit = 0 if reach != NEAR else max(*map(abs, self.off), max(sizes) - 1)
            if self._try([family], gone, pool.split, number, careful=careful, limit=limit):
                return True
            pool.give_back(gone)
        return False

    def _try(
        self, ins: list[int], outs: list[int], split: int, number: int, *, careful: bool, limit: int | None = None
    ) -> bool:
        """Move families, and back again unless that brings a floor nearer and breaks no rule."""
        before = self.tally.lacking()
        back = [(family, self.places[family]) for family in (*ins, *outs)]
        for family in ins:
            self._move(family, split)
        for family in outs:
            self._move(family, self._lacking_most(split))
        after = self.tally.lacking()
        good = after[number] < before[number] and (
            not careful or all(now <= then for now, then in zip(after, before, strict=True))
        )
        if good and (limit is None or max(map(abs, self.off)) <= limit):
            return True
        for family, place in back:
            self._move(family, place)
        return False

    def _move(self, family: int, split: int) -> None:
        place, size = self.places[family], self.families.samples[family]
        self.tally.put(family, place, -1)
        self.tally.put(family, split)
        self.off[place] -= size
        self.off[split] += size
        self.places[family] = split

    def _lacking_most(self, split: int) -> int:
        """Return where a family goes that leaves a split: where most is missing, of several the nearest to training."""
        return min((k for k in range(3) if k != split), key=lambda k: (min(self.off[k], 0), k))

    def _shift(self, number: int, *, careful: bool) -> None:
        """Let the split of a floor grow, or shrink, until it is met, by what brings most for each sample first."""
        tally, split, gains = self.tally, self.tally.floors[number].split, self.gains(number)
        least = 0.0 if tally.total[split] else -0.5
        coming = self._ordered(split, gains, least, smallest_first=True)
        shrinks = split != TRAIN and self._shares[TRAIN] and tally.have[number][split]
        outs = Pool(self, split, gains).ordered() if shrinks else iter(())
        ahead = [next(coming, None), next(outs, None)]
        while not tally.met(number) and ahead != [None, None]:
            rates = [
                0.0 if one is None else abs(gains[self.kind_of[one]]) / self.families.samples[one] for one in ahead
            ]
            came = ahead[1] is None or (ahead[0] is not None and rates[0] >= rates[1])
            family = ahead[0] if came else ahead[1]
            if family is not None and (came or tally.total[split] > tally.rows[family]):
                moves = ([family], []) if came else ([], [family])
                self._try(*moves, split, number, careful=careful)
            ahead = [next(coming, None), ahead[1]] if came else [ahead[0], next(outs, None)]

    def _even_out(self, high: int, low: int) -> None:
        met = self.tally.lacking()
        found: dict[int, list[int]] = defaultdict(list)
        for family, (home, place, kind) in enumerate(zip(self.families.homes, self.places, self.kind_of, strict=True)):
            if place == high and home == OPEN and self.kinds[kind].size <= min(self.off[high], -self.off[low]):
                found[kind].append(family)
        for kind in sorted(found, key=lambda kind: (-self.kinds[kind].size, self.kinds[kind])):
            for family in sorted(found[kind], key=self.families.key):
                if self.kinds[kind].size > min(self.off[high], -self.off[low]):
                    break
                self._move(family, low)
                if self.tally.lacking() != met:
                    self._move(family, high)
                    break


class Pool:
    """The open families of a split, which may make room for others: by size, what brings a floor least first."""

    def __init__(self, table: _Table, split: int, gains: list[int]) -> None:
        """Look at the families of a split; `gains` says what each kind brings."""
        self.split = split
        self._table, self._gains = table, gains
        self._members: dict[int, list[int]] = defaultdict(list)
        for family, (home, place, kind) in enumerate(
            zip(table.families.homes, table.places, table.kind_of, strict=True)
        ):
            if place == split and home == OPEN:
                self._members[kind].append(family)
        self._by_size: dict[int, list[int]] = defaultdict(list)
        for kind in sorted(self._members, key=lambda kind: (gains[kind], table.kinds[kind])):
            self._by_size[table.kinds[kind].size].append(kind)
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
        families = self._table.families
        for rate in sorted(rate for rate in rates if rate < 0):
            yield from sorted(rates[rate], key=lambda family: (families.samples[family], families.key(family)))

    def rooms(self, need: int, family: int, reach: int) -> Iterator[list[int]]:
        """Yield families that could go for one that comes in, `need` samples of them or nearly; the best come first.

        Whoever refuses a proposal gives it back before asking for the next.
        """
        if need <= 0:
            yield []
            return
        gain, asked = self._gains[self._table.kind_of[family]], (self._table.families.strata[family], reach == WITHIN)
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
        table = self._table
        for family in reversed(gone):
            for stratum in (_ANY, table.families.strata[family]):
                deck = self._decks.get((table.kind_of[family], stratum))
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
                if self._table.places[family] == self.split and family not in taken:
                    return family
        if not within and not taken:
            self._by_size[self._table.kinds[kind].size] = [
                one for one in self._by_size[self._table.kinds[kind].size] if one != kind
            ]
        return None

    def _open(self, kind: int) -> None:
        """Put the families of a kind in order, the last to go first."""
        families = self._table.families
        ordered = sorted(self._members[kind], key=families.key, reverse=True)
        self._decks[kind, _ANY] = ordered
        if self._table.strata > 1:
            for family in ordered:
                self._decks.setdefault((kind, families.strata[family]), []).append(family)

    def _rate(self, kind: int) -> float:
        return self._gains[kind] / self._table.kinds[kind].size


def _kinds(tally: Tally, families: Families) -> tuple[list[Kind], array[int]]:
    """Return the kinds of families, and which of them each family is."""
    numbers: dict[Kind, int] = {}
    special, nothing = set[int]().union(*tally.having), (0,) * len(tally.floors)
    of = array("I")
    for family, (size, rows) in enumerate(zip(families.samples, tally.rows, strict=True)):
        having = tuple(had.get(family, 0) for had in tally.having) if family in special else nothing
        of.append(numbers.setdefault(Kind(size, rows, having), len(numbers)))
    return list(numbers), of
