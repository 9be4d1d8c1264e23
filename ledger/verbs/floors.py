"""Floors: what a split must hold at least, and which families move so that it does.

`train:perfect=5%` asks that of the rows of train, each sample counted as often as its weight says, five in a hundred
have the tag `perfect`; `test:domain:asm=40` asks for forty samples. Where the deal leaves a floor unmet, families that
were assigned just now move to its split in the order of their keyed hashes until it is met. A family moves only if
that brings the floor nearer, and first if it breaks no floor that is met; no family moves twice.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from ledger.errors import BadRequest, FloorNotMet
from ledger.verbs.quotas import OPEN, SPLITS, Families
from ledger.verbs.words import plain_text
from ledger.views.dealt import FACTS, LABELS, Fact

_SHARE = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,6}))?%")
_COUNT = re.compile(r"[0-9]{1,9}")
_MILLIONTHS = 10**6
_ALL = 100 * _MILLIONTHS


class Floor(NamedTuple):
    """A floor as it was written; samples have what it asks for if their fact is `value` (None: if they have it)."""

    text: str
    split: int
    fact: Fact
    value: str | None
    share: int | None
    least: int

    def met(self, having: int, rows: int) -> bool:
        """Say whether it is met by `having` of so many rows (for a floor in samples: by `having` samples)."""
        if self.share is None:
            return having >= self.least
        return having * _ALL >= self.share * rows and (rows > 0 or self.share == 0)

    def gain(self, having: int, rows: int) -> int:
        """Return what a family of so many rows, of which `having` have it, would bring; more than 0 if it helps."""
        return having if self.share is None else having * _ALL - self.share * rows


def parse_floor(text: str) -> Floor:
    """Return the floor that `SPLIT:WHAT=AMOUNT` says; raise BadRequest for what is none."""
    plain_text("A floor", text, needed=True)
    left, equals, amount = text.rpartition("=")
    name, colon, what = left.partition(":")
    name, amount = name.strip(), amount.strip()
    if not (equals and colon and name in SPLITS and what.strip()):
        raise BadRequest(f"--floor takes SPLIT:WHAT=AMOUNT, such as train:perfect=5%, not {text[:80]!r}")
    fact, value = _what(what.strip(), text)
    if _COUNT.fullmatch(amount):
        return Floor(text, SPLITS.index(name), fact, value, None, int(amount))
    share = _SHARE.fullmatch(amount)
    parts = None if share is None else int(share[1]) * _MILLIONTHS + int((share[2] or "").ljust(6, "0"))
    if parts is None or parts > _ALL:
        raise BadRequest(f"{amount[:40]!r} in --floor {text[:80]!r} is neither a share such as 5% nor a whole number")
    return Floor(text, SPLITS.index(name), fact, value, parts, 0)


def _what(what: str, text: str) -> tuple[Fact, str | None]:
    kind, colon, rest = what.partition(":")
    if not colon:
        return Fact("tag", what), None
    if kind == "tag":
        name, more, value = rest.partition(":")
        if name:
            return Fact("tag", name), value if more else None
    elif kind == "label" and rest in LABELS:
        return Fact("label"), rest
    elif kind in FACTS and kind not in {"tag", "label"} and rest:
        return Fact(kind), rest
    told = "NAME, tag:NAME, tag:NAME:VALUE, domain:X, campaign:X, source:X or label:true"
    raise BadRequest(f"What --floor {text[:80]!r} asks for is none of {told}")


@dataclass(slots=True)
class Tally:
    """Rows by split, and by floor and split the rows (for a floor in samples: the samples) that have what it asks for.

    `rows` says the same of every family by number, `having` of the open families that have any.
    """

    floors: Sequence[Floor]
    total: list[int]
    have: list[list[int]]
    rows: array[int]
    having: list[dict[int, int]]

    @classmethod
    def empty(cls, floors: Sequence[Floor]) -> Tally:
        """Return a tally of nothing."""
        return cls(floors, [0, 0, 0], [[0, 0, 0] for _ in floors], array("I"), [{} for _ in floors])

    def met(self, number: int) -> bool:
        """Say whether a floor is met as things stand."""
        split = self.floors[number].split
        return self.floors[number].met(self.have[number][split], self.total[split])

    def observed(self, number: int) -> Fraction:
        """Return what a floor's split holds: a share of its rows (0 where it is empty), or a number of samples."""
        floor = self.floors[number]
        here, rows = self.have[number][floor.split], self.total[floor.split]
        return Fraction(here) if floor.share is None else Fraction(here, rows or 1)

    def put(self, family: int, split: int, sign: int = 1) -> None:
        """Count an open family into a split, or with `sign` -1 out of it."""
        self.total[split] += sign * self.rows[family]
        for here, had in zip(self.have, self.having, strict=True):
            here[split] += sign * had.get(family, 0)


def meet(tally: Tally, families: Families, places: bytearray) -> dict[int, int]:
    """Move open families until every floor is met; return family -> its new place. Raises FloorNotMet.

    `places` says where the deal put each family and is changed. The tally counts what was settled before the deal.
    """
    for home, place, rows in zip(families.homes, places, tally.rows, strict=True):
        if home == OPEN:
            tally.total[place] += rows
    for here, having in zip(tally.have, tally.having, strict=True):
        for family, had in having.items():
            here[places[family]] += had
    moved: dict[int, int] = {}
    unmet, before = _unmet(tally), -1
    while unmet and len(moved) > before:
        before = len(moved)
        for careful in (True, False):
            for number in unmet:
                _lift(tally, number, families, places, moved, careful=careful)
            unmet = _unmet(tally)
    if unmet:
        raise FloorNotMet(tally.floors[unmet[0]].text, _shortfall(tally, unmet[0]))
    return moved


def _unmet(tally: Tally) -> list[int]:
    return [number for number in range(len(tally.floors)) if not tally.met(number)]


def _lift(
    tally: Tally, number: int, families: Families, places: bytearray, moved: dict[int, int], *, careful: bool
) -> None:
    """Move families to a floor's split, in the order of their keys, until it is met or none is left that helps."""
    floor = tally.floors[number]
    helpful = _helpful(tally, number, lambda family: family not in moved and places[family] != floor.split)
    for family in sorted(helpful, key=families.key):
        if tally.met(number):
            return
        standing = [other for other in range(len(tally.floors)) if tally.met(other)] if careful else []
        tally.put(family, places[family], -1)
        tally.put(family, floor.split)
        if all(map(tally.met, standing)):
            places[family] = moved[family] = floor.split
        else:
            tally.put(family, floor.split, -1)
            tally.put(family, places[family])


def _helpful(tally: Tally, number: int, free: Callable[[int], bool]) -> Iterator[int]:
    """Yield the families that may move and bring a floor nearer; an empty split needs only what is as good as it."""
    floor = tally.floors[number]
    least = 1 if tally.total[floor.split] else 0
    having: Mapping[int, int] = tally.having[number]
    return (f for f, had in having.items() if free(f) and floor.gain(had, tally.rows[f]) >= least)


def _shortfall(tally: Tally, number: int) -> str:
    """Say what a floor's split reaches, and where the rest of what has it stands."""
    floor = tally.floors[number]
    here, rows = tally.have[number][floor.split], tally.total[floor.split]
    unit = "samples" if floor.share is None else "rows"
    reached = f"{here:,} samples" if floor.share is None else f"{here:,} of {rows:,} rows ({_percent(here, rows)})"
    elsewhere = {k: tally.have[number][k] for k in range(3) if k != floor.split and tally.have[number][k]}
    told = " and ".join(f"{count:,} in {SPLITS[k]}" for k, count in elsewhere.items())
    rest = f"of the {unit} that have it, {told} stay there" if told else f"no other {unit} have it"
    return f"{SPLITS[floor.split]} reaches {reached}; {rest}"


def _percent(part: int, whole: int) -> str:
    hundredths = 10_000 * part // (whole or 1)
    return f"{hundredths // 100}.{hundredths % 100:02}%"
