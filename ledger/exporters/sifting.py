"""From candidates to rows in the order of their keys: the steps that every planner begins with.

The order key of a sample is BLAKE3 over family || fingerprint, keyed by BLAKE3 of the seed, so the order depends on
content and seed alone: not on ingest order, campaign or source. The fingerprint is part of it so that a family's rows
lie apart. A weight gives a sample further rows: copy k > 0 has a key of its own, over family || fingerprint || k.
Rows of one key stand in the order of their sample ids.

So two rows that two plans have in common stand in the same order in both, as long as the roots of their families are
the same: samples added later only come between them.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from blake3 import blake3

from ledger.errors import BrokenLaw
from ledger.exporters.eligibility import DIGEST, MARKS, TAIL, gather, handle_of, settle
from ledger.exporters.packed import Packed

if TYPE_CHECKING:
    from ledger.exporters.eligibility import Candidate, Gathered, Mark, Omitted, Rule

_COPY = 4
_FAMILY = slice(3 * DIGEST, 4 * DIGEST)
ROW = 3 * DIGEST + TAIL
"""The width of a row: order key, sample id, family, tail."""


class Ranged(NamedTuple):
    """What one range yields: records of rows, handles of the survivors, and (reason, handle) of the others."""

    rows: list[bytes]
    handles: list[int]
    omitted: list[tuple[str, int]]


class Each(Protocol):
    """Run a step over all ranges and give its results in the order of the ranges: `map`, or the map of a pool."""

    def __call__(self, step: Callable[[list[bytes]], Ranged], ranges: Iterable[list[bytes]], /) -> Iterable[Ranged]:
        """Return the results."""


class Sifted(NamedTuple):
    """Records of rows; the marked handles among them; the handles left out by reason; how many candidates came."""

    rows: Packed
    marked: frozenset[int]
    omitted: Omitted
    considered: int

    def in_order(self) -> Iterator[bytes]:
        """Yield the records of the rows that carry no mark, in byte order, once."""
        for records in self.rows.drain():
            if self.marked:
                yield from (record for record in records if handle_of(record) not in self.marked)
            else:
                yield from records


def sift(candidates: Iterable[Candidate], rule: Rule, seed: bytes, mark: Mark | None, each: Each = map) -> Sifted:
    """Return the rows that may go into an export, one for each copy of a sample; `seed` is any bytes.

    Takes about 140 bytes a candidate, freed as the rows are made. Raises ValueError for a digest that is not 32 bytes
    long.
    """
    step = partial(key_range, rule=rule, key=blake3(seed).digest())
    return collect(gather(candidates, rule), step, ROW, mark, each)


def key_range(records: list[bytes], rule: Rule, key: bytes) -> Ranged:
    """Settle one range of fingerprints and key the rows of its survivors."""
    rows: list[bytes] = []
    handles: list[int] = []
    twins, omitted = settle(records, rule)
    for same, times in twins:
        first = same[0]
        handles.append(handle_of(first))
        # Sample id and family stand side by side.
        rest = first[2 * DIGEST :]
        rows.append(order_key(first, 0, key) + rest)
        if times > 1:
            rows.extend(order_key(first, copy, key) + rest for copy in range(1, times))
    return Ranged(rows, handles, omitted)


def order_key(record: bytes, copy: int, key: bytes) -> bytes:
    """Return the order key of a copy of the sample that a gathered record is about."""
    return copy_key(record[_FAMILY], record[:DIGEST], copy, key)


def copy_key(family: bytes, fingerprint: bytes, copy: int, key: bytes) -> bytes:
    """Return the order key of copy 0, 1, ... of a sample."""
    said = family + fingerprint
    return blake3(said + copy.to_bytes(_COPY, "big") if copy else said, key=key).digest()


def collect(
    gathered: Gathered, step: Callable[[list[bytes]], Ranged], width: int, mark: Mark | None, each: Each
) -> Sifted:
    """Run a step over every range of what was gathered, then mark all survivors at once."""
    rows, omitted, handles = Packed(width), gathered.omitted, array("q")
    for ranged in each(step, gathered.records.drain()):
        rows.extend(ranged.rows)
        for reason, handle in ranged.omitted:
            omitted[reason].append(handle)
        if mark is not None:
            handles.extend(ranged.handles)
    told = {} if mark is None else mark(sorted(handles))
    for handle, reason in told.items():
        if reason not in MARKS:
            message = f"a sample was marked {reason!r}, where {' or '.join(MARKS)} can be told"
            raise BrokenLaw(message)
        omitted[reason].append(handle)
    return Sifted(rows, frozenset(told), omitted, gathered.considered)
