"""Which samples may go into a KTO export, and in what order of preference.

One streaming pass packs what may still go; from then on a row is its rank: 0 is the row with the lowest order key.
The order key is BLAKE3 over family || fingerprint, keyed by BLAKE3 of the seed, so the order depends on content and
seed alone: not on ingest order, campaign or source. The fingerprint is part of it so that a family's rows lie apart.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from ledger.exporters.packed import Packed, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DIGEST = 32
_TAIL = 8  # the handle, shifted left by two, with the label and `representable` as its lowest bits
_RANK = 4

OMISSIONS = (
    "erased",
    "status",
    "split",
    "family_crosses_splits",
    "no_label",
    "conflict",
    "duplicate",
    "unrepresentable",
    "too_long",
    "surplus",
    "spacing",
    "tail",
)

Omitted = dict[str, list[int]]


class Candidate(NamedTuple):
    """One sample that a view considers; the order in which candidates arrive does not matter.

    `sample` is the handle inside the ledger file, `sample_id` its public identity, `blob` the hash of the version's
    bytes, `family` the root of its family; digests are 32 bytes. `crosses` says that its family stands in more than
    one split, `representable` that it can be written as {prompt, completion, label}.
    """

    sample: int
    sample_id: bytes
    blob: bytes
    fingerprint: bytes
    family: bytes
    status: str
    split: str | None
    crosses: bool
    label: bool | None
    representable: bool


class Pool(NamedTuple):
    """The eligible rows in the order of their keys: row r has handles[r], labels[r] (0 or 1) and families[r]."""

    handles: array[int]
    labels: bytearray
    families: array[int]
    family_count: int


class Sifted(NamedTuple):
    """The eligible rows; under every reason of OMISSIONS the handles left out, unsorted; how many there were."""

    pool: Pool
    omitted: Omitted
    considered: int


def usable(*, policy_adopted: bool) -> frozenset[str]:
    """Return the statuses that exports for training take: what is pending only as long as no policy decides."""
    return frozenset({"accepted"} if policy_adopted else {"accepted", "pending"})


def sift(candidates: Iterable[Candidate], seed: bytes, *, policy_adopted: bool, splits_exist: bool) -> Sifted:
    """Return what may go into an export; `seed` is any bytes.

    Takes about 140 bytes a candidate, freed as the pool is built. Raises ValueError for a digest that is not 32
    bytes long.
    """
    considered = 0
    omitted: Omitted = {reason: [] for reason in OMISSIONS}
    statuses = usable(policy_adopted=policy_adopted)
    packed = Packed(4 * DIGEST + _TAIL)
    for candidate in candidates:
        considered += 1
        reason = _own_reason(candidate, statuses, splits_exist=splits_exist)
        if reason is None:
            packed.add(_pack(candidate))
        else:
            omitted[reason].append(candidate.sample)
    pool = _number(_keyed(_settled(packed, omitted), blake3(seed).digest()))
    return Sifted(pool, omitted, considered)


def _own_reason(candidate: Candidate, statuses: frozenset[str], *, splits_exist: bool) -> str | None:
    """Return the first reason that needs no look at other rows, or None."""
    if candidate.status == "erased":
        return "erased"
    if candidate.status not in statuses:
        return "status"
    if splits_exist and candidate.split != "train":
        return "split"
    if candidate.crosses:
        return "family_crosses_splits"
    return "no_label" if candidate.label is None else None


def _pack(candidate: Candidate) -> bytes:
    """Return fingerprint, blob, sample id, family and tail: byte order groups duplicates, survivor first."""
    tail = candidate.sample << 2 | (2 if candidate.label else 0) | (1 if candidate.representable else 0)
    return b"".join(
        (
            candidate.fingerprint,
            candidate.blob,
            candidate.sample_id,
            candidate.family,
            tail.to_bytes(_TAIL, "big"),
        )
    )


def _tail(record: bytes) -> int:
    return int.from_bytes(record[-_TAIL:], "big")


def _settled(packed: Packed, omitted: Omitted) -> Iterator[bytes]:
    """Yield one record per fingerprint; conflicts are found before duplicates are collapsed."""
    for records in packed.drain():
        for start, end in runs(records, DIGEST):
            tails = [_tail(record) for record in records[start:end]]
            if len({tail & 2 for tail in tails}) > 1:
                omitted["conflict"].extend(tail >> 2 for tail in tails)
                continue
            omitted["duplicate"].extend(tail >> 2 for tail in tails[1:])
            if tails[0] & 1:
                yield records[start]
            else:
                omitted["unrepresentable"].append(tails[0] >> 2)


def _keyed(survivors: Iterable[bytes], key: bytes) -> Packed:
    """Return order key, sample id, family and tail of each survivor: byte order is the order of preference."""
    keyed = Packed(3 * DIGEST + _TAIL)
    for record in survivors:
        family = record[3 * DIGEST : 4 * DIGEST]
        order_key = blake3(family + record[:DIGEST], key=key).digest()
        keyed.add(order_key + record[2 * DIGEST :])
    return keyed


def _number(keyed: Packed) -> Pool:
    """Turn keyed records into ranks, and family digests into small integers."""
    handles, labels, by_family = array("q"), bytearray(), Packed(DIGEST + _RANK)
    for records in keyed.drain():
        for record in records:
            tail = _tail(record)
            by_family.add(record[2 * DIGEST : 3 * DIGEST] + len(handles).to_bytes(_RANK, "big"))
            handles.append(tail >> 2)
            labels.append(tail >> 1 & 1)
    families, count = array("l", bytes(len(handles) * array("l").itemsize)), 0
    for records in by_family.drain():
        for start, end in runs(records, DIGEST):
            for record in records[start:end]:
                families[int.from_bytes(record[DIGEST:], "big")] = count
            count += 1
    return Pool(handles, labels, families, count)
