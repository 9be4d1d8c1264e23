"""Deal rows along a word of labels so that two rows of one family stand at least `distance` rows apart.

TRL's KTO pairs each prompt with the completion of the row before it, inside a batch; a row of the same family there
turns the KL estimate into the reward itself. A distance of one batch keeps families apart however windows fall.
Rows are integers in the order of preference (lower first); families are integers from 0. `rows` is always the false
rows and the true rows, each ascending.
"""

from __future__ import annotations

from array import array
from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

ByLabel: TypeAlias = "tuple[Sequence[int], Sequence[int]]"

_NOTHING = -1
# Swaps may look at this many earlier rows per row dealt, all told: dealing stays linear on hopeless inputs too.
_LOOKS_PER_ROW = 16
# A family is crowded while it has at least this share (numerator, denominator) of the rows that the places left can
# take from one family: chosen by trial on giant families, Zipf-like sizes, and few more families than `distance`.
_CROWDED = (3, 4)


class Dealt(NamedTuple):
    """The rows in order, and those for which there was no legal place; with any of these the order is no answer."""

    rows: array[int]
    stuck: list[int]


def family_cap(sizes: Sequence[int], distance: int) -> int:
    """Return the most rows that a family may have in a file of whole windows of `distance` rows.

    It is the largest W with sum over families of min(size, W) >= distance * W: W windows need that many rows when no
    family has more than one row in a window. Nothing to cut gives the largest size; fewer families than `distance`
    give 0. The excess sum - distance * W is concave in W and 0 at W = 0, so the first negative one ends the search.
    """
    largest = max(sizes, default=0)
    at_least = [0] * (largest + 2)
    for size in sizes:
        at_least[size] += 1
    for size in range(largest, 0, -1):
        at_least[size] += at_least[size + 1]
    excess = 0
    for cap in range(1, largest + 1):
        excess += at_least[cap] - distance
        if excess < 0:
            return cap - 1
    return largest


def over_cap(rows: ByLabel, families: Sequence[int], family_count: int, distance: int) -> list[int]:
    """Return the rows that families beyond `family_cap` lose: the more frequent label first, the last rows first."""
    sizes = _sizes(rows[0], families, family_count)
    for row in rows[1]:
        sizes[families[row]] += 1
    cap = family_cap(sizes, distance)
    if cap >= max(sizes, default=0):
        return []
    lost = []
    true_first = len(rows[1]) >= len(rows[0])
    for part in reversed(rows) if true_first else rows:
        for row in reversed(part):
            family = families[row]
            if sizes[family] > cap:
                sizes[family] -= 1
                lost.append(row)
    return lost


def deal(word: bytes, rows: ByLabel, families: Sequence[int], family_count: int, distance: int) -> Dealt:
    """Give each letter of `word` the first row of its label whose family has rested; O(len(word) * distance).

    `word` has as many letters of each label as there are rows. A crowded family goes before others, else its rows
    would be left over at the end. A letter for which nothing is free, not even by a swap, costs one row.
    """
    table = _Table(rows, families, family_count, distance)
    for label in word:
        table.release()
        row = table.next_row(label)
        if row == _NOTHING:
            row = table.swapped_row(label)
        if row == _NOTHING:
            table.give_up_one(label)
        else:
            table.place(row, label)
    return Dealt(table.dealt, table.stuck)


def _sizes(rows: Sequence[int], families: Sequence[int], family_count: int) -> array[int]:
    sizes = array("q", bytes(8 * family_count))
    for row in rows:
        sizes[families[row]] += 1
    return sizes


class _Table:
    """The state of one deal.

    A row whose family rests is parked with its family; when the family has rested, its first parked row of each
    label is offered in a heap. There is at most one offer per family and label, so one giant family costs no more
    than many small ones. An offer is row - urgency * size: the most urgent first, then the lowest row; modulo size it
    is the row again.
    """

    def __init__(self, rows: ByLabel, families: Sequence[int], family_count: int, distance: int) -> None:
        self._families, self._size, self._distance = families, max(1, len(families)), distance
        self._queues, self._at = rows, [0, 0]
        self._parked: tuple[dict[int, deque[int]], dict[int, deque[int]]] = ({}, {})
        self._offers: tuple[list[int], list[int]] = ([], [])
        self._offered = (bytearray(family_count), bytearray(family_count))
        self._left = (_sizes(rows[0], families, family_count), _sizes(rows[1], families, family_count))
        self._slots = [len(rows[0]), len(rows[1])]
        self._last = array("q", [-distance]) * family_count
        self._placed, self._labels = array("q"), bytearray()
        self._swap_at: dict[tuple[int, int], int] = {}
        self._looks = _LOOKS_PER_ROW * (len(rows[0]) + len(rows[1]))
        self.dealt = array("q")
        self.stuck: list[int] = []
        self._park_crowded()

    def release(self) -> None:
        """Offer the parked rows of the family whose rest ends at this place."""
        start = len(self.dealt) - self._distance
        if start >= 0:
            self._offer(self._placed[start])

    def next_row(self, label: int) -> int:
        """Return the first row of `label` whose family has rested, or _NOTHING; park those met before it."""
        queue, offers, at = self._queues[label], self._offers[label], self._at[label]
        rested = len(self.dealt) - self._distance
        found = _NOTHING
        while found == _NOTHING and (offers or at < len(queue)):
            offer = bool(offers) and (at == len(queue) or offers[0] < queue[at])
            if offer:
                row = heappop(offers) % self._size
            else:
                row = queue[at]
                at += 1
            family = self._families[row]
            if offer:
                self._offered[label][family] = 0
            if self._last[family] <= rested:
                found = row
            else:
                line = self._parked[label].setdefault(family, deque())
                (line.appendleft if offer else line.append)(row)
        self._at[label] = at
        return found

    def swapped_row(self, label: int) -> int:
        """Put a parked row in the place of an earlier row of the same label, and return that one; or _NOTHING.

        Called when every row of `label` that is left is parked, so that its family stands among the last
        distance - 1 rows. A place far enough from those is further than that from here, so the row that leaves it
        may stand here if its family has rested.
        """
        for family in self._resting(label):
            place = self._place_for(family, label)
            if place != _NOTHING:
                row = self.dealt[place]
                self._left[label][self._placed[place]] += 1
                self._left[label][family] -= 1
                self.dealt[place] = self._unpark(label, family, last=False)
                self._placed[place] = family
                return row
        return _NOTHING

    def give_up_one(self, label: int) -> None:
        """Set aside the last row of the family with the most rows waiting; its letter stays unused."""
        family = self._resting(label)[0]
        self._left[label][family] -= 1
        self._slots[label] -= 1
        self.stuck.append(self._unpark(label, family, last=True))

    def place(self, row: int, label: int) -> None:
        """Put `row` at the next place."""
        family = self._families[row]
        self._last[family] = len(self.dealt)
        self._left[label][family] -= 1
        self._slots[label] -= 1
        self.dealt.append(row)
        self._placed.append(family)
        self._labels.append(label)

    def _park_crowded(self) -> None:
        """Offer crowded families from the start, with all their rows, not as their rows come up in the queues."""
        sizes = enumerate(zip(*self._left, strict=True))
        crowded = {family for family, (n_false, n_true) in sizes if self._is_crowded(n_false + n_true)}
        if not crowded:
            return
        queues: tuple[list[int], list[int]] = ([], [])
        for label in (0, 1):
            for row in self._queues[label]:
                family = self._families[row]
                if family in crowded:
                    self._parked[label].setdefault(family, deque()).append(row)
                else:
                    queues[label].append(row)
        self._queues = queues
        for family in sorted(crowded):
            self._offer(family)

    def _offer(self, family: int) -> None:
        for label in (0, 1):
            if family in self._parked[label] and not self._offered[label][family]:
                self._offered[label][family] = 1
                row = self._unpark(label, family, last=False)
                heappush(self._offers[label], row - self._urgency(family, label) * self._size)

    def _urgency(self, family: int, label: int) -> int:
        """Return how many rows of `label` a crowded family has left, 0 for others."""
        here = self._left[label][family]
        return here if self._is_crowded(here + self._left[1 - label][family]) else 0

    def _is_crowded(self, left: int) -> bool:
        """Tell whether a family with `left` rows needs nearly every place it can have: one in `distance`."""
        share, of = _CROWDED
        return left > 0 and left * self._distance * of >= sum(self._slots) * share

    def _unpark(self, label: int, family: int, *, last: bool) -> int:
        line = self._parked[label][family]
        row = line.pop() if last else line.popleft()
        if not line:
            del self._parked[label][family]
        return row

    def _resting(self, label: int) -> list[int]:
        """Return the resting families with parked rows of `label`, the longest line first, then the lowest row."""
        parked = self._parked[label]
        recent = self._placed[max(0, len(self._placed) - self._distance + 1) :]
        return sorted((f for f in recent if f in parked), key=lambda f: (-len(parked[f]), parked[f][0]))

    def _place_for(self, family: int, label: int) -> int:
        """Return an earlier place of `label`, far from `family`, whose own family has rested; or _NOTHING.

        The search of one family and label only goes forward: a place passed over once is not tried again.
        """
        distance, placed = self._distance, self._placed
        end = len(placed) - distance + 1
        start = self._swap_at.get((family, label), 0)
        found = _NOTHING
        at = start
        while found == _NOTHING and at < end and at - start < self._looks:
            if (
                self._labels[at] == label
                and self._last[placed[at]] < end
                and family not in placed[max(0, at - distance + 1) : at + distance]
            ):
                found = at
            at += 1
        self._looks -= at - start
        self._swap_at[family, label] = at
        return found
