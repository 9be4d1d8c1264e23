"""Rows as integers: row 0 is the one with the lowest order key."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from ledger.exporters.eligibility import DIGEST, handle_of, label_of
from ledger.exporters.packed import Packed, runs

if TYPE_CHECKING:
    from ledger.exporters.sifting import Sifted

_RANK = 4


class Pool(NamedTuple):
    """The eligible rows in the order of their keys: row r has handles[r], labels[r] (0 or 1) and families[r].

    A sample has a row for each of its copies, so a handle may stand more than once.
    """

    handles: array[int]
    labels: bytearray
    families: array[int]
    family_count: int


def numbered(sifted: Sifted) -> Pool:
    """Turn keyed records into ranks, and family digests into small integers."""
    handles, labels, by_family = array("q"), bytearray(), Packed(DIGEST + _RANK)
    for record in sifted.in_order():
        by_family.add(record[2 * DIGEST : 3 * DIGEST] + len(handles).to_bytes(_RANK, "big"))
        handles.append(handle_of(record))
        labels.append(label_of(record) is True)
    families, count = array("l", bytes(len(handles) * array("l").itemsize)), 0
    for records in by_family.drain():
        for start, end in runs(records, DIGEST):
            for record in records[start:end]:
                families[int.from_bytes(record[DIGEST:], "big")] = count
            count += 1
    return Pool(handles, labels, families, count)
