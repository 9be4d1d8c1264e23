"""Split: every sample gets train, val or test by the keyed hash of its family, once and for good.

A family's place is BLAKE3 of its root, keyed by the seed, compared as hexadecimal text with the bounds of the ratio:
it does not depend on order, on other samples or on when the split is made. A new member joins its family's split.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple

from blake3 import blake3

from ledger.digest import blake3_bytes
from ledger.errors import BadRequest
from ledger.event import Draft, draft
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.moment import reading
from ledger.verbs.run import Run, Who, conserve, without_collector
from ledger.verbs.words import plain_text
from ledger.views import rollups, samples

_RATIO = re.compile(r" *([0-9]{1,3}) *[/:] *([0-9]{1,3}) *[/:] *([0-9]{1,3}) *")
SPLITS = ("train", "val", "test")
_SPACE = 2**256
_BATCH = 50_000


class SplitReport(NamedTuple):
    """What was assigned now, how all samples stand, families seen and those that stand in more than one split."""

    assigned: int
    by_split: dict[str, int]
    families: int
    leaks: int


def parse_ratio(text: str) -> tuple[int, int, int]:
    """Return train/val/test in percent from `90/5/5`; raise BadRequest unless they are whole and add up to 100."""
    parts = _RATIO.fullmatch(text)
    if parts is None:
        raise BadRequest(f"--ratio takes train/val/test in percent, such as 90/5/5, not {text[:40]!r}")
    train, val, test = (int(part) for part in parts.groups())
    if train + val + test != 100:  # noqa: PLR2004 - percent
        raise BadRequest(f"--ratio {text} adds up to {train + val + test}, not 100")
    return train, val, test


def bounds(ratio: tuple[int, int, int]) -> list[tuple[str, str]]:
    """Return (hexadecimal bound, split): a family goes to the first split whose bound its hash is below."""
    sums = accumulate(ratio)
    # "g" is above every hexadecimal digit, so the last bound lets everything in.
    return [(f"{_SPACE * s // 100:064x}" if s < 100 else "g", name) for s, name in zip(sums, SPLITS, strict=True)]  # noqa: PLR2004


def place(family: bytes, seed: str, limits: list[tuple[str, str]]) -> str:
    """Return the split of a family that no member has brought one to."""
    key = blake3(family, key=blake3_bytes(seed.encode())).hexdigest()
    return next(name for bound, name in limits if key < bound)


@without_collector()
def split(store: Store, ratio: tuple[int, int, int], seed: str, who: Who, expected: int | None) -> SplitReport:
    """Assign every sample that has no split yet; nothing that is assigned moves."""
    seed = plain_text("The seed", seed)
    text = "/".join(map(str, ratio))
    run = Run(store.ledger_id, "split", {"ratio": text, "seed": seed}, who)
    with store.transaction(expected) as transaction:
        groups = rollups.groups(store.connection)
        total = sum(group.samples for group in groups if not group.split and group.status != "erased")
        assigned: Counter[str] = Counter()
        for chunk in in_chunks(_choices(store, ratio, seed), _BATCH):
            run.append(transaction, [_draft(choice, text, seed) for choice in chunk])
            assigned.update(choice.split for choice in chunk)
        conserve("samples without a split", total, assigned)
        run.finish(transaction, {"assigned": total, **assigned})
    standing: Counter[str] = Counter()
    with reading(store) as (here, _):
        for group in rollups.groups(here.connection):
            standing[group.split] += group.samples
        families, leaks = samples.assigned_families(here.connection)
    return SplitReport(total, {name: standing[name] for name in SPLITS}, families, leaks)


class _Choice(NamedTuple):
    sample: int
    id: bytes
    family: bytes
    split: str


def _choices(store: Store, ratio: tuple[int, int, int], seed: str) -> Iterator[_Choice]:
    standing: dict[bytes, list[str]] = {}
    for family, name in samples.splits_of_families(store.connection):
        standing.setdefault(family, []).append(name)
    limits = bounds(ratio)
    for sample, identity, family in samples.unassigned(store.connection):
        there = standing.get(family)
        yield _Choice(sample, identity, family, _join(there) if there else place(family, seed, limits))


def _join(there: Iterable[str]) -> str:
    """Return the split that a new member joins: of a family that stands in several, the one farthest from training."""
    return max(there, key=SPLITS.index)


def _draft(choice: _Choice, ratio: str, seed: str) -> Draft:
    fields = {
        "after": None,
        "family": choice.family.hex(),
        "ratio": ratio,
        "sample": choice.id.hex(),
        "seed": seed,
        "split": choice.split,
    }
    return draft("split_assigned", choice.sample, None, fields)
