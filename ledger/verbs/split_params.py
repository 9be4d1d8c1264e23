"""What a split is asked for, checked: the ratio, the strata, floors, pins, and what becomes of merged families."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ledger.errors import BadRequest
from ledger.verbs.floors import Floor, parse_floor
from ledger.verbs.quotas import SPLITS, Counts
from ledger.verbs.words import plain_text
from ledger.views.dealt import FACTS, Fact

RULES = ("held-out", "train", "val", "test", "largest")
"""What may become of families that stand in more than one split."""
_PART = r" *([0-9]{1,3})(?:\.([0-9]{1,6}))? *"
_RATIO = re.compile(f"{_PART}[/:]{_PART}(?:[/:]{_PART})?")
_MILLIONTHS = 10**6


class Ratio(NamedTuple):
    """Shares in millionths of a percent, and the ratio as it is recorded."""

    shares: Counts
    text: str


class Pin(NamedTuple):
    """A sample whose family goes to a split."""

    sample: str
    split: int


@dataclass(frozen=True, slots=True)
class SplitParams:
    """Everything that decides about a split beside what is in the ledger."""

    ratio: Ratio
    seed: str
    stratify: tuple[Fact, ...] = ()
    floors: tuple[Floor, ...] = ()
    pins: tuple[Pin, ...] = ()
    resolve: str | None = None

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Return the facts of samples that are needed, each once, those of the strata first."""
        return tuple(dict.fromkeys((*self.stratify, *(floor.fact for floor in self.floors))))

    def recorded(self, pins: Sequence[tuple[str, str]]) -> dict[str, Any]:
        """Return what the run's parameters hold; `pins` are (whole id, split)."""
        return {
            "floors": [floor.text for floor in self.floors],
            "pins": [list(pin) for pin in sorted(set(pins))],
            "ratio": self.ratio.text,
            "resolve": self.resolve,
            "seed": self.seed,
            "stratify": [written(fact) for fact in self.stratify],
        }


def asked_for(
    ratio: str, seed: str, stratify: Sequence[str], floors: Sequence[str], pins: Sequence[str], resolve: str | None
) -> SplitParams:
    """Return checked parameters; raise BadRequest for what means nothing."""
    if resolve is not None and resolve not in RULES:
        raise BadRequest(f"--resolve takes {', '.join(RULES)}, not {resolve!r}")
    for name, given in (("stratify", stratify), ("floors", floors), ("pins", pins)):
        if isinstance(given, str):
            raise BadRequest(f"{name} takes a list of texts, not one text")
    return SplitParams(
        parse_ratio(ratio),
        plain_text("The seed", seed),
        tuple(dict.fromkeys(parse_fact(text) for text in stratify)),
        tuple(parse_floor(text) for text in dict.fromkeys(floors)),
        tuple(parse_pin(text) for text in dict.fromkeys(pins)),
        resolve,
    )


def parse_ratio(text: str) -> Ratio:
    """Return train/val/test, or train/val, in percent from `90/5/5`; raise BadRequest unless they add up to 100."""
    found = _RATIO.fullmatch(plain_text("The ratio", text))
    if found is None:
        raise BadRequest(f"--ratio takes train/val/test or train/val in percent, such as 90/5/5, not {text[:40]!r}")
    parts = [(found[n], found[n + 1] or "") for n in (1, 3, 5) if found[n] is not None]
    shares = [int(percent) * _MILLIONTHS + int(rest.ljust(6, "0")) for percent, rest in parts]
    if sum(shares) != 100 * _MILLIONTHS:
        raise BadRequest(f"--ratio {text} adds up to {_decimal(sum(shares))}, not 100")
    train, val, test = (*shares, 0)[:3]
    return Ratio((train, val, test), "/".join(map(_decimal, shares)))


def same_ratio(text: str, ratio: Ratio) -> bool:
    """Say whether a recorded ratio is this one; 90/10 and 90/10/0 are the same."""
    try:
        return parse_ratio(text).shares == ratio.shares
    except BadRequest:  # recorded by a version that wrote ratios otherwise
        return False


def _decimal(share: int) -> str:
    whole, rest = divmod(share, _MILLIONTHS)
    return f"{whole}.{rest:06}".rstrip("0").rstrip(".")


def parse_fact(text: str) -> Fact:
    """Return the fact that an item of --stratify names: domain, label, campaign, source, or tag:NAME."""
    name, colon, tag = plain_text("An item of --stratify", text).strip().partition(":")
    if name not in FACTS or bool(colon) != (name == "tag") or (colon and not tag):
        raise BadRequest(f"--stratify takes domain, label, campaign, source and tag:NAME, not {text[:80]!r}")
    return Fact(name, tag)


def written(fact: Fact) -> str:
    """Return a fact as --stratify takes it."""
    return f"tag:{fact.tag}" if fact.name == "tag" else fact.name


def parse_pin(text: str) -> Pin:
    """Return the pin that `ID=SPLIT` says."""
    sample, _, split = plain_text("A pin", text).rpartition("=")
    if not sample.strip() or split.strip() not in SPLITS:
        raise BadRequest(f"--pin takes ID=SPLIT with train, val or test, not {text[:80]!r}")
    return Pin(sample.strip(), SPLITS.index(split.strip()))
