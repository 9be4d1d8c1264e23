"""Which returned text is the revision of which original, told by what they say; never by where they stand alone.

Two texts share evidence: the words and pairs of neighbouring words that both have, each worth as many bits as it is
rare among the originals (log2 of one in how many). An identifier that one original has is worth much, a word of all
originals nothing, so nothing has to be known of what the texts are. Then, until nothing more is decided:

1. a text equal to an original is its revision, unchanged;
2. an original and a text belong together where they share a third of what the shorter says and each is clearly the
   other's best: nothing that is still open comes within a tenth of their bits, and no original that is taken already
   has over a tenth more;
3. where as many texts as originals are open between the same two neighbours, order tells, unless a pair shares less
   than a fifth or is not near the best of both.

What is then open is said to be open. Originals of equal content are interchangeable and taken in order. Weights are
whole thousandths of a bit, so that sums do not depend on the order in which they are made.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

Feature: TypeAlias = str | tuple[str, str]

MARGIN = 10
"""One in so many: of the bits of a pair, what another pair has to fall short by not to contest it."""
ENOUGH = 3
"""One in so many: of the bits of the shorter of two texts, what they share at least to be a pair for that alone."""
FLOOR = 5
"""One in so many: of the same, where order says so too; what shares less is like nothing."""
MOST_HOLDERS = 64
"""Originals that may have a word for it to be evidence; in small sets, at most half of them."""
MOST_WORDS = 4096
"""Words of one text that are compared: of a longer one, the first and the last half of them."""
_BIT = 1000


class Told(NamedTuple):
    """A text as it is compared: its fingerprint, and its words in order."""

    fingerprint: bytes
    words: Sequence[str]


class Match(NamedTuple):
    """What became of a returned text.

    `by` is equal, evidence or order where it is the revision of `original`; else why it is open: ambiguous (it may be
    one of `candidates`, or another text may), duplicated (they have a better one) or extra (nothing is like it).
    """

    by: str
    original: int | None = None
    candidates: tuple[int, ...] = ()


def align(originals: Sequence[Told], returned: Sequence[Told]) -> list[Match]:
    """Return what became of each returned text, in order; no original is taken twice."""
    if not originals:
        return [Match("extra") for _ in returned]
    return _Alignment(originals, returned).settle()


def moved(places: Sequence[int]) -> list[int]:
    """Return the fewest positions in a list of different numbers without which it ascends."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int | None] = []
    for index, place in enumerate(places):
        at = bisect_left(ends, place)
        before.append(last[at - 1] if at else None)
        ends[at : at + 1] = [place]
        last[at : at + 1] = [index]
    kept: set[int] = set()
    step = last[-1] if last else None
    while step is not None:
        kept.add(step)
        step = before[step]
    return [index for index in range(len(places)) if index not in kept]


class Evidence:
    """The bits that texts share with originals, in thousandths."""

    def __init__(self, originals: Sequence[Sequence[str]]) -> None:
        """Weigh the words of the originals, which differ in content."""
        self._holders: dict[Feature, list[int]] = defaultdict(list)
        count = len(originals)
        for number, words in enumerate(originals):
            for feature in features(words):
                self._holders[feature].append(number)
        most = max(1, min(count // 2, MOST_HOLDERS))
        self._bits = [round(_BIT * math.log2((count + 1) / held)) if held else 0 for held in range(most + 1)]
        self._new = round(_BIT * math.log2(count + 1))
        self._most = most
        self.totals = [0] * count
        for held_by in self._holders.values():
            if len(held_by) <= most:
                for number in held_by:
                    self.totals[number] += self._bits[len(held_by)]

    def shared(self, words: Sequence[str]) -> tuple[dict[int, int], int]:
        """Return original -> bits shared with it, and the bits of the text itself; what no original has is rarest."""
        found: dict[int, int] = defaultdict(int)
        total = 0
        for feature in features(words):
            held_by = self._holders.get(feature, ())
            if len(held_by) > self._most:
                continue
            bits = self._bits[len(held_by)] if held_by else self._new
            total += bits
            for number in held_by:
                found[number] += bits
        return found, total


class Poll:
    """Which group of originals each of many texts comes from, by single words: originals are heard twice, kept never.

    First `count` every original, then `weigh` every original; `best` tells the group that holds what is most like each.
    """

    def __init__(self, returned: Sequence[Sequence[str]]) -> None:
        """Note which words the texts have."""
        self._having: dict[str, list[int]] = defaultdict(list)
        for number, words in enumerate(returned):
            for word in set(_some(words)):
                self._having[word].append(number)
        self._held: Counter[str] = Counter()
        self._originals = 0
        self._best: list[tuple[int, int]] = [(0, -1)] * len(returned)

    def count(self, words: Sequence[str]) -> None:
        """Hear the words of an original for the first time."""
        self._originals += 1
        self._held.update(word for word in set(_some(words)) if word in self._having)

    def weigh(self, words: Sequence[str], group: int) -> None:
        """Hear them again, and the group that the original is of; of equals the first counts."""
        most = max(1, min(self._originals // 2, MOST_HOLDERS))
        found: dict[int, int] = defaultdict(int)
        for word in set(_some(words)):
            if 0 < (held := self._held[word]) <= most:
                bits = round(_BIT * math.log2((self._originals + 1) / held))
                for number in self._having[word]:
                    found[number] += bits
        for number, bits in found.items():
            if bits > self._best[number][0]:
                self._best[number] = bits, group

    def best(self) -> list[int | None]:
        """Return for each text the group of the original most like it, None where it is like none."""
        return [None if group < 0 else group for _, group in self._best]


def features(words: Sequence[str]) -> set[Feature]:
    """Return the words of a text and its pairs of neighbouring words."""
    some = _some(words)
    return {*some, *pairwise(some)}


def _some(words: Sequence[str]) -> Sequence[str]:
    if len(words) <= MOST_WORDS:
        return words
    return [*words[: MOST_WORDS // 2], *words[-MOST_WORDS // 2 :]]


class _Alignment:
    """One batch in the making. Originals of equal content are one *kind*, which can be taken as often as there are."""

    def __init__(self, originals: Sequence[Told], returned: Sequence[Told]) -> None:
        numbers: dict[bytes, int] = {}
        self._kind = [numbers.setdefault(told.fingerprint, len(numbers)) for told in originals]
        self._free = Counter(self._kind)
        self._members: list[list[int]] = [[] for _ in numbers]
        for original, kind in enumerate(self._kind):
            self._members[kind].append(original)
        self._numbers = numbers
        self._returned = returned
        evidence = Evidence([originals[members[0]].words for members in self._members])
        shared = [evidence.shared(told.words) for told in returned]
        self._bits = [found for found, _ in shared]
        self._like = [_over(FLOOR, found, total, evidence.totals) for found, total in shared]
        self._enough = [_over(ENOUGH, found, total, evidence.totals) for found, total in shared]
        self._best = [max(found.values(), default=0) for found in self._bits]
        self._claims: dict[int, list[int]] = defaultdict(list)
        for row, found in enumerate(self._bits):
            for kind in found:
                self._claims[kind].append(row)
        self._of: dict[int, int] = {}
        self._by: dict[int, str] = {}

    def settle(self) -> list[Match]:
        """Return what became of each row."""
        self._take_equal()
        while self._take_evident() or self._take_in_order():
            pass
        placed = self._places()
        taken = set(placed.values())
        return [
            Match(self._by[row], placed[row]) if row in placed else self._open_as(row, taken)
            for row in range(len(self._returned))
        ]

    def _take_equal(self) -> None:
        for row, told in enumerate(self._returned):
            kind = self._numbers.get(told.fingerprint)
            if kind is not None and self._free[kind]:
                self._take(row, kind, "equal")

    def _take_evident(self) -> bool:
        """Take every pair in which each is clearly the other's best, all seen as they stand now; say whether any."""
        open_rows = self._open()
        found = [(row, kind) for row in open_rows if (kind := self._evident(row)) is not None]
        for row, kind in found:
            self._take(row, kind, "evidence")
        return bool(found)

    def _evident(self, row: int) -> int | None:
        free = sorted(((bits, kind) for kind, bits in self._bits[row].items() if self._free[kind]), reverse=True)
        if not free or free[0][1] not in self._enough[row] or not _near(free[0][0], self._best[row]):
            return None
        bits, kind = free[0]
        if len(free) > 1 and _near(free[1][0], bits):
            return None
        rivals = sum(
            1 for other in self._claims[kind] if other not in self._of and _near(self._bits[other][kind], bits)
        )
        return kind if rivals <= self._free[kind] else None

    def _take_in_order(self) -> bool:
        """Take what order tells between neighbours that are settled; say whether it told anything."""
        placed = self._places()
        rows = sorted(placed)
        out = set(moved([placed[row] for row in rows]))
        anchors = [(-1, -1), *((row, placed[row]) for n, row in enumerate(rows) if n not in out)]
        anchors.append((len(self._returned), len(self._kind)))
        taken = set(placed.values())
        changed = False
        for (row, original), (next_row, next_original) in pairwise(anchors):
            between = [each for each in range(row + 1, next_row) if each not in placed]
            free = [each for each in range(original + 1, next_original) if each not in taken]
            if between and len(between) == len(free) and self._fits(between, [self._kind[each] for each in free]):
                for each, other in zip(between, free, strict=True):
                    self._take(each, self._kind[other], "order")
                changed = True
        return changed

    def _fits(self, rows: Sequence[int], kinds: Sequence[int]) -> bool:
        """Say whether nothing that is said contradicts these pairs: each is likely, and near the best of both."""
        for row, kind in zip(rows, kinds, strict=True):
            bits = self._bits[row].get(kind, 0)
            rivals = (self._bits[other][kind] for other in self._claims[kind] if other not in self._of)
            if kind not in self._like[row] or not _near(bits, self._best[row]) or not _near(bits, max(rivals)):
                return False
        return True

    def _places(self) -> dict[int, int]:
        """Return row -> original; those of one kind are given out in order."""
        given: Counter[int] = Counter()
        placed: dict[int, int] = {}
        for row in sorted(self._of):
            kind = self._of[row]
            placed[row] = self._members[kind][given[kind]]
            given[kind] += 1
        return placed

    def _open_as(self, row: int, taken: set[int]) -> Match:
        """Say what a row is that is the revision of nothing for sure."""
        same = self._numbers.get(self._returned[row].fingerprint)
        if same is not None:
            return Match("duplicated", None, tuple(self._members[same]))
        bits, like = self._bits[row], sorted(self._like[row])
        near = [kind for kind in like if _near(bits[kind], self._best[row])]
        free = [kind for kind in near if self._free[kind]]
        if not free and (again := [kind for kind in near if self._is_had(kind, bits[kind])]):
            return Match("duplicated", None, tuple(each for kind in again for each in self._members[kind]))
        free = free or [kind for kind in like if self._free[kind]]
        left = [each for kind in free for each in self._members[kind] if each not in taken]
        return Match("ambiguous", None, tuple(sorted(left))) if left else Match("extra")

    def _is_had(self, kind: int, bits: int) -> bool:
        """Say whether a row that has taken an original shares at most twice as much with it as another does."""
        return any(2 * bits >= self._bits[row].get(kind, 0) for row in self._claims[kind] if self._of.get(row) == kind)

    def _open(self) -> list[int]:
        return [row for row in range(len(self._returned)) if row not in self._of]

    def _take(self, row: int, kind: int, by: str) -> None:
        self._of[row] = kind
        self._by[row] = by
        self._free[kind] -= 1


def _over(part: int, found: Mapping[int, int], total: int, totals: Sequence[int]) -> set[int]:
    """Return the originals with which a text shares one in `part` of the bits of the shorter of the two."""
    return {kind for kind, bits in found.items() if bits * part >= max(1, min(total, totals[kind]))}


def _near(bits: int, other: int) -> bool:
    """Say whether bits come within the margin of others, or over them."""
    return bits * MARGIN >= other * (MARGIN - 1)
