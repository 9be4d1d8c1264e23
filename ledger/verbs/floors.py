"""Floors: what a split must hold at least, how near it is, and what is said of one that cannot be met.

`train:perfect=5%` asks that of the rows of train, each sample counted as often as its weight says, five in a hundred
have the tag `perfect`; `test:domain:asm=40` asks for forty samples, which are counted once each, whatever their weight.
What moves so that floors are met is said in `ledger.verbs.swaps`.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from ledger.errors import BadRequest
from ledger.verbs.quotas import SPLITS
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

    def lacks(self, having: int, rows: int) -> int:
        """Return by how much it is missed, in what `gain` counts; 0 if and only if it is met."""
        if self.share is None:
            return max(self.least - having, 0)
        return max(self.share * rows - having * _ALL, 0) if rows else int(self.share > 0)

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

    def unmet(self) -> list[int]:
        """Return the numbers of the floors that are not met."""
        return [number for number in range(len(self.floors)) if not self.met(number)]

    def lacking(self) -> list[int]:
        """Return by how much each floor is missed: 0 where it is met; a smaller number is nearer."""
        return [
            floor.lacks(have[floor.split], self.total[floor.split])
            for floor, have in zip(self.floors, self.have, strict=True)
        ]

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


class Shortfall(NamedTuple):
    """Why a floor cannot be met, and what to do about it."""

    text: str
    hint: str


def shortfall(tally: Tally, number: int, settled: Sequence[int], helpful: Sequence[int]) -> Shortfall:
    """Say what a floor's split reaches, where the rest of what has it stands and why, and the next step.

    `settled` says by split what was counted before the deal, `helpful` what stands in open families that would bring
    the floor nearer: those elsewhere are needed there.
    """
    floor = tally.floors[number]
    here, rows = tally.have[number][floor.split], tally.total[floor.split]
    unit = "samples" if floor.share is None else "rows"
    reached = f"{here:,} samples" if floor.share is None else f"{here:,} of {rows:,} rows ({_percent(here, rows)})"
    others = [k for k in range(3) if k != floor.split]
    stay = [(k, settled[k]) for k in others]
    held = [(k, helpful[k]) for k in others]
    vain = [(k, tally.have[number][k] - settled[k] - helpful[k]) for k in others]
    told = [
        f"{_counts(found)} {why}"
        for found, why in (
            (stay, "stay there (assigned before, or pinned)"),
            (held, "cannot leave without breaking another floor"),
            (vain, "are in families that would lower the share"),
        )
        if any(count for _, count in found)
    ]
    rest = f"of the {unit} that have it, {'; '.join(told)}" if told else f"no other {unit} have it"
    blocked = any(count for _, count in held)
    return Shortfall(f"{SPLITS[floor.split]} reaches {reached}; {rest}", _hint(tally, number, settled, blocked=blocked))


def _counts(found: Sequence[tuple[int, int]]) -> str:
    return " and ".join(f"{count:,} in {SPLITS[k]}" for k, count in found if count)


def _hint(tally: Tally, number: int, settled: Sequence[int], *, blocked: bool) -> str:
    """Return the next step; a weight is one only for a share, and only of what is in its split or could be."""
    floor, have = tally.floors[number], tally.have[number]
    lower = "Lower this floor or the one that holds them" if blocked else "Lower the floor"
    if floor.share is None:
        return f"{lower}, or add such samples. A weight does not help: a floor in samples counts each of them once."
    if have[floor.split] or sum(have) > sum(settled):
        weight = "`ledger weight --where ... --times N`"
        return f"{lower}, add such samples, or give them a weight ({weight}) first: a share counts rows by weight."
    return f"{lower}, or add such samples. A weight does not help: none of them can stand in {SPLITS[floor.split]}."


def _percent(part: int, whole: int) -> str:
    hundredths = 10_000 * part // (whole or 1)
    return f"{hundredths // 100}.{hundredths % 100:02}%"
