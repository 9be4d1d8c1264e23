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

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Protocol

from ledger.errors import FloorNotMet
from ledger.verbs.floors import Tally, shortfall
from ledger.verbs.quotas import OPEN, TRAIN, Counts, Families
from ledger.verbs.swap_pool import EXACT, NEAR, WITHIN, Laid, Pool

_VAIN = 2_000
"""Unlike families that are tried in vain before a floor is left as it is."""


class Act(Protocol):
    """Lifts a floor, with regard for the others or without."""

    def __call__(self, number: int, *, careful: bool) -> None:
        """Move families for the floor of this number."""


def meet(tally: Tally, families: Families, places: bytearray, shares: Counts = (1, 1, 1)) -> dict[int, int]:
    """Move open families until every floor is met; return family -> its new place. Raises FloorNotMet.

    `places` says where the deal put each family and is changed. The tally counts what was settled before the deal.
    """
    settled = [tuple(here) for here in tally.have]
    _count(tally, families, places)
    if not tally.unmet():
        return {}
    dealt, table = bytes(places), _Table(tally, families, places, shares)
    hopeless = [number for number in tally.unmet() if not table.within_reach(number)]
    if hopeless:
        table.reach_out(hopeless[0])
    else:
        table.strive()
    if unmet := hopeless or tally.unmet():
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


class _Table(Laid):
    """Families, where they lie now, and by how many samples each split has more than it was dealt."""

    def __init__(self, tally: Tally, families: Families, places: bytearray, shares: Counts) -> None:
        super().__init__(tally, families, places)
        self._shares = shares
        self.off = [0, 0, 0]
        self._left = 2 * len(places) + 10_000

    def within_reach(self, number: int) -> bool:
        """Say whether a floor could be met if its split took of all open families those that help most.

        Train must stay as large as it is, but for part of a family.
        """
        gains, floor = self.gains(number), self.tally.floors[number]
        pairs = zip(self.families.homes, self.places, self.kind_of, strict=True)
        counts = Counter((place == floor.split, kind) for home, place, kind in pairs if home == OPEN)
        own, kinds = {kind: count for (here, kind), count in counts.items() if here}, {kind for _, kind in counts}
        reached = floor.gain(self.tally.have[number][floor.split], self.tally.total[floor.split])
        reached -= sum(count * gains[kind] for kind, count in own.items())
        needed = 0
        if floor.split == TRAIN:
            needed = sum(count * self.kinds[kind].size for kind, count in own.items())
            needed -= max((self.kinds[kind].size for kind in kinds), default=0)
        for kind in sorted(kinds, key=lambda kind: (-gains[kind] / self.kinds[kind].size, self.kinds[kind])):
            count = there = counts[True, kind] + counts[False, kind]
            if gains[kind] < 0:
                count = min(there, max(needed, 0) // self.kinds[kind].size)
            reached += count * gains[kind]
            needed -= count * self.kinds[kind].size
            if count < there:
                break
        return reached >= floor.least

    def reach_out(self, number: int) -> None:
        """Lift a floor by itself as far as it goes, to say how far that is."""
        self._lift(number, careful=False, reach=EXACT)
        self._shift(number, careful=False)

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
            if self.tally.met(number) or len(stuck) == _VAIN or self._left < 0:
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
            self._left -= 1
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
