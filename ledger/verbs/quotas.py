"""Quotas: how many samples of each stratum every split should have, and which families are dealt where.

Everything here is a value: families are numbers, splits are places in SPLITS. The rule, in whole:

1. A stratum's quotas are whole numbers that add up to its samples. They are rounded one stratum after the other, in
   the order of their texts, so that the sums from the first stratum to any other stay beside the exact shares: many
   tiny strata together still have the ratio.
2. What a split has already counts towards its quota. Where one has more than its quota, the others share what is left
   in proportion to what they lack. What a stratum cannot make up for by itself, because more of it is settled somewhere
   than its quota, is spread over the strata in proportion to the room that they have there.
3. Families that are open are dealt in the order of their keyed hashes. Each goes to the first of test, val and train
   that has room for all of it. One that fits nowhere goes to the split that lacks most, of those with a share (where
   two lack the same, the one nearest to training): so no split gets more than its quota but by part of one family.
4. What a split got too much or too little in a stratum, because families are whole, is made up for in the next one, by
   no more than the largest open family there: families that are larger than any quota still add up to the ratio, and
   one huge family does not upset the strata after it.

While families are small beside the quotas, the size of one says nothing about its place. Where a quota is smaller than
most families, what fits in it is small: held-out splits then hold small families, or, by rule 4, now and then a whole
one. Numbers of samples are compared, never of rows: a weight is not a reason to hold fewer samples out.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

SPLITS = ("train", "val", "test")
"""In the order of their distance from training."""
TRAIN, VAL, TEST = range(3)
OPEN = 3
"""In place of a split: the family may go to any."""

Counts = tuple[int, int, int]
"""Samples of train, val and test; or their shares, as whole numbers."""

_KEY, _NUMBER = 32, 4


@dataclass(slots=True)
class Families:
    """Families with samples to assign, packed, by number: stratum, samples, the split they join (or OPEN), and key."""

    strata: array[int] = field(default_factory=lambda: array("I"))
    samples: array[int] = field(default_factory=lambda: array("I"))
    homes: bytearray = field(default_factory=bytearray)
    keys: bytearray = field(default_factory=bytearray)

    def add(self, stratum: int, samples: int, home: int, key: bytes) -> int:
        """Take in a family with its keyed hash (32 bytes) and return its number."""
        self.strata.append(stratum)
        self.samples.append(samples)
        self.homes.append(home)
        self.keys += key
        return len(self.homes) - 1

    def key(self, number: int) -> bytes:
        """Return the keyed hash of a family."""
        return bytes(self.keys[_KEY * number : _KEY * (number + 1)])

    def dealt(self, ranks: Sequence[int]) -> Iterator[int]:
        """Yield the open families by the rank of their stratum, then by key."""
        wanted = sorted(
            ranks[self.strata[number]].to_bytes(_NUMBER, "big") + self.key(number) + number.to_bytes(_NUMBER, "big")
            for number, home in enumerate(self.homes)
            if home == OPEN
        )
        return (int.from_bytes(entry[-_NUMBER:], "big") for entry in wanted)


class Deal(NamedTuple):
    """The split of every family by number, and what each stratum should have, by number."""

    places: bytearray
    wanted: list[Counts]


def quotas(totals: Iterable[int], shares: Counts) -> list[Counts]:
    """Return whole numbers that add up to each total, whose sums so far stay beside the exact shares."""
    whole = sum(shares)
    so_far, given, found = 0, [0, 0, 0], []
    for total in totals:
        so_far += total
        owed = [share * so_far - whole * had for share, had in zip(shares, given, strict=True)]
        quota = _rounded(owed, total, shares, whole)
        given = [had + now for had, now in zip(given, quota, strict=True)]
        found.append((quota[0], quota[1], quota[2]))
    return found


def _rounded(owed: list[int], total: int, shares: Counts, whole: int) -> list[int]:
    """Return whole numbers of at least 0 that add up to `total`, near what is owed (in parts of `whole`)."""
    quota = [max(part // whole, 0) for part in owed]
    while (missing := total - sum(quota)) != 0:
        if missing > 0:
            most = max((k for k in range(3) if shares[k]), key=lambda k: owed[k] - whole * quota[k])
            quota[most] += 1
        else:
            least = min((k for k in range(3) if quota[k]), key=lambda k: owed[k] - whole * quota[k])
            quota[least] -= 1
    return quota


def deal(families: Families, order: Sequence[int], standing: Sequence[Sequence[int]], shares: Counts) -> Deal:
    """Deal the open families so that the quotas are met as exactly as whole families allow.

    `order` lists the strata (their numbers) in the order of their texts, `standing` says for each by number how many
    samples of train, val and test are settled already: assigned before, or about to join or to be pinned.
    """
    ranks = array("I", bytes(4 * len(order)))
    for rank, stratum in enumerate(order):
        ranks[stratum] = rank
    fresh, largest = [0] * len(order), [0] * len(order)
    for stratum, samples, home in zip(families.strata, families.samples, families.homes, strict=True):
        if home == OPEN:
            fresh[stratum] += samples
            largest[stratum] = max(largest[stratum], samples)
    sized = quotas((sum(standing[stratum]) + fresh[stratum] for stratum in order), shares)
    wanted = [(0, 0, 0)] * len(order)
    for rank, stratum in enumerate(order):
        wanted[stratum] = sized[rank]
    places = bytearray(families.homes)
    _place(families, ranks, places, _Rooms(wanted, standing, fresh, largest), shares)
    return Deal(places, wanted)


class _Rooms:
    """How many samples each split still has room for, from one stratum to the next."""

    def __init__(
        self, wanted: list[Counts], standing: Sequence[Sequence[int]], fresh: list[int], largest: list[int]
    ) -> None:
        self._largest = largest
        self._rooms = rooms(wanted, standing, fresh)
        self._owed = [0, 0, 0]

    def enter(self, stratum: int) -> list[int]:
        """Return the rooms of a stratum whose families are dealt now."""
        made_up = bounded(self._owed, self._largest[stratum])
        self._owed = [owed - now for owed, now in zip(self._owed, made_up, strict=True)]
        return [room + now for room, now in zip(self._rooms[stratum], made_up, strict=True)]

    def leave(self, rooms: list[int]) -> None:
        """Keep what a stratum left open, or overfilled."""
        self._owed = [owed + left for owed, left in zip(self._owed, rooms, strict=True)]


def rooms(wanted: Sequence[Counts], standing: Sequence[Sequence[int]], fresh: Sequence[int]) -> list[list[int]]:
    """Return by stratum how many of its open samples each split should get.

    They add up to the open samples of each stratum, and together to what the splits lack of all quotas.
    """
    found = [lacking(*stratum) for stratum in zip(wanted, standing, fresh, strict=True)]
    if not found:
        return found
    wanted_all, standing_all = ([sum(column) for column in zip(*one, strict=True)] for one in (wanted, standing))
    should = lacking(wanted_all, standing_all, sum(fresh))
    over = [sum(room) - due for room, due in zip(zip(*found, strict=True), should, strict=True)]
    for giver in range(3):
        for taker in range(3):
            if over[giver] > 0 > over[taker]:
                moved = min(over[giver], -over[taker])
                _spread(found, giver, taker, moved)
                over[giver] -= moved
                over[taker] += moved
    return found


def lacking(wanted: Sequence[int], standing: Sequence[int], fresh: int) -> list[int]:
    """Return what each split lacks; where one has too much and less is open, in proportion to what they lack."""
    lacks = [max(one - had, 0) for one, had in zip(wanted, standing, strict=True)]
    return lacks if sum(lacks) <= fresh else list(quotas([fresh], (lacks[0], lacks[1], lacks[2]))[0])


def _spread(found: list[list[int]], giver: int, taker: int, moved: int) -> None:
    """Move room from one split to another, in each stratum in proportion to what there is."""
    whole, so_far, given = sum(room[giver] for room in found), 0, 0
    for room in found:
        so_far += room[giver]
        now = so_far * moved // whole - given
        given += now
        room[giver] -= now
        room[taker] += now


def bounded(owed: Sequence[int], most: int) -> list[int]:
    """Return what is made up for at once: no more than `most` for any split, adding up to nothing, as `owed` does."""
    found = [max(-most, min(most, part)) for part in owed]
    excess = sum(found)
    sign = 1 if excess > 0 else -1
    excess = abs(excess)
    for k, part in enumerate(found):
        cut = min(excess, max(part * sign, 0))
        found[k] -= sign * cut
        excess -= cut
    return found


def _place(families: Families, ranks: array[int], places: bytearray, strata: _Rooms, shares: Counts) -> None:
    """Fill in the places of the open families."""
    shared = [k for k in range(3) if shares[k]]
    sizes, numbers, now = families.samples, families.strata, -1
    rooms = [0, 0, 0]
    for number in families.dealt(ranks):
        if numbers[number] != now:
            strata.leave(rooms)
            now = numbers[number]
            rooms = strata.enter(now)
        size = sizes[number]
        if size <= rooms[2]:
            split = TEST
        elif size <= rooms[1]:
            split = VAL
        elif size <= rooms[0]:
            split = TRAIN
        else:
            split = max(shared, key=rooms.__getitem__)
        rooms[split] -= size
        places[number] = split
