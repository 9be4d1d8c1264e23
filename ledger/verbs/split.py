"""Split: every sample gets train, val or test by the keyed hash of its family, once and for good.

A family's place is BLAKE3 of its root, keyed by the seed, compared as hexadecimal text with the bounds of the ratio:
it does not depend on order, on other samples or on when the split is made. A new member joins its family's split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple

from blake3 import blake3

from ledger.digest import blake3_bytes
from ledger.errors import BadRequest
from ledger.event import Draft, draft
from ledger.store import Store, in_chunks
from ledger.verbs.run import Run, Who, conserve
from ledger.views import rollups, samples

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
    parts = text.replace(":", "/").split("/")
    if len(parts) != len(SPLITS) or not all(part.strip().isdecimal() for part in parts):
        raise BadRequest(f"--ratio takes train/val/test in percent, such as 90/5/5, not {text!r}")
    train, val, test = (int(part) for part in parts)
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


def split(store: Store, ratio: tuple[int, int, int], seed: str, who: Who, expected: int | None) -> SplitReport:
    """Assign every sample that has no split yet; nothing that is assigned moves."""
    text = "/".join(map(str, ratio))
    run = Run(store.ledger_id, "split", {"ratio": text, "seed": seed}, who)
    with store.transaction(expected) as transaction:
        standing = _standing(store)
        assigned: Counter[str] = Counter()
        choices = list(_choices(store, ratio, seed, standing))
        for chunk in in_chunks(choices, _BATCH):
            run.append(transaction, [_draft(choice, text, seed) for choice in chunk])
            assigned.update(choice.split for choice in chunk)
        conserve("samples without a split", len(choices), dict(assigned))
        run.finish(transaction, {"assigned": len(choices), **assigned})
    by_split = Counter(dict.fromkeys(SPLITS, 0))
    for group in rollups.groups(store.connection):
        if group.split:
            by_split[group.split] += group.samples
    final = _standing(store)
    return SplitReport(len(choices), dict(by_split), len(final), sum(len(names) > 1 for names in final.values()))


class _Choice(NamedTuple):
    sample: int
    id: bytes
    family: bytes
    split: str


def _choices(
    store: Store,
    ratio: tuple[int, int, int],
    seed: str,
    standing: dict[bytes, list[str]],
) -> Iterator[_Choice]:
    limits = bounds(ratio)
    for sample, identity, family in samples.unassigned(store.connection):
        there = standing.get(family)
        yield _Choice(sample, identity, family, _join(there) if there else place(family, seed, limits))


def _join(there: Iterable[str]) -> str:
    """Return the split that a new member joins: of a family that stands in several, the one farthest from training."""
    return max(there, key=SPLITS.index)


def _standing(store: Store) -> dict[bytes, list[str]]:
    found: dict[bytes, list[str]] = {}
    for family, name in samples.splits_of_families(store.connection):
        found.setdefault(family, []).append(name)
    return found


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
