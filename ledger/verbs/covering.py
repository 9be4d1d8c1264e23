"""What an erasure covers: from what was named, over shared texts and evidence, to every blob that tells the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.transaction import in_chunks
from ledger.views import holders, work


class Named(NamedTuple):
    """What was named: samples (handle -> id), and rows of single blobs, lines in quarantine among them."""

    samples: dict[int, bytes]
    blobs: dict[int, None]


class Cover(NamedTuple):
    """What is covered.

    `blobs` says of each row in blob for which of the `named` samples it is covered (None: by itself); `prints` what it
    teaches. `held` says of each sample which covered blobs it has or had, `ids` its id. `children` are the samples that
    are covered for having been derived from others.
    """

    named: Mapping[int, bytes]
    blobs: Mapping[int, int | None]
    prints: Mapping[int, frozenset[bytes]]
    evidence: frozenset[int]
    held: Mapping[int, frozenset[int]]
    children: frozenset[int]
    ids: Mapping[int, bytes]
    fingerprints: frozenset[str]
    gone: frozenset[str]

    def fingerprint_of(self, row: int) -> str | None:
        """Return what a blob teaches, in hex: the smallest where readers differ, None where it is no sample's."""
        prints = self.prints.get(row)
        return min(prints).hex() if prints else None


@dataclass(slots=True)
class _Growing:
    """A cover in the making; `causes` says for which named sample a fingerprint is covered."""

    blobs: dict[int, int | None] = field(default_factory=dict)
    prints: dict[int, set[bytes]] = field(default_factory=dict)
    causes: dict[bytes, int | None] = field(default_factory=dict)
    evidence: set[int] = field(default_factory=set)
    held: dict[int, set[int]] = field(default_factory=dict)
    whole: set[int] = field(default_factory=set)
    """Samples that are covered with every version."""
    new: list[int] = field(default_factory=list)
    """Blobs that were not followed yet."""

    def add(self, row: int, cause: int | None) -> None:
        if row not in self.blobs:
            self.blobs[row] = cause
            self.new.append(row)


def cover(connection: Connection, named: Named, *, with_children: bool) -> Cover:
    """Return what is covered; inside `holders.former`. Ends where nothing new tells the same."""
    made, children = _Growing(), set[int]()
    for row in named.blobs:
        made.add(row, None)
    _add_whole(connection, made, {sample: sample for sample in named.samples})
    while made.new:
        rows, made.new = made.new, []
        owners = _follow(connection, made, rows)
        _add_evidence(connection, made, owners, frozenset(rows))
        if with_children:
            below = _below(connection, made, owners)
            children |= below.keys()
            _add_whole(connection, made, below)
    ids: dict[int, bytes] = {}
    for chunk in in_chunks(made.held):
        ids.update(holders.ids(connection, chunk))
    return Cover(
        named=named.samples,
        blobs=made.blobs,
        prints={row: frozenset(prints) for row, prints in made.prints.items()},
        evidence=frozenset(made.evidence),
        held={sample: frozenset(rows) for sample, rows in sorted(made.held.items())},
        children=frozenset(children - named.samples.keys()),
        ids=ids,
        fingerprints=frozenset(each.hex() for each in made.causes),
        gone=frozenset(one.hex() for one in ids.values()),
    )


def _add_whole(connection: Connection, made: _Growing, causes: Mapping[int, int | None]) -> None:
    """Cover every version of samples; `causes` says for which named sample each is covered."""
    new = [sample for sample in causes if sample not in made.whole]
    made.whole.update(new)
    for chunk in in_chunks(new):
        for held in holders.by_samples(connection, chunk):
            made.add(held.blob, causes[held.sample])


def _follow(connection: Connection, made: _Growing, rows: Iterable[int]) -> dict[int, int | None]:
    """Cover what teaches the same as some blobs; return who has or had these, and for whom they are covered."""
    owners: dict[int, int | None] = {}
    fresh: dict[bytes, int | None] = {}
    for chunk in in_chunks(rows):
        for held in holders.by_blobs(connection, chunk):
            cause = made.blobs[held.blob]
            owners.setdefault(held.sample, cause)
            made.held.setdefault(held.sample, set()).add(held.blob)
            made.prints.setdefault(held.blob, set()).add(held.fingerprint)
            if held.fingerprint not in made.causes:
                made.causes[held.fingerprint] = fresh[held.fingerprint] = cause
    for prints in in_chunks(fresh):
        for held in holders.by_fingerprints(connection, prints):
            made.add(held.blob, fresh[held.fingerprint])
    return owners


def _add_evidence(
    connection: Connection, made: _Growing, owners: Mapping[int, int | None], scored: frozenset[int]
) -> None:
    """Cover what scores of some blobs name as their evidence, and what models answered about them or made them of."""
    for chunk in in_chunks(owners):
        told = [*holders.evidence(connection, chunk), *work.replies_about(connection, chunk)]
        causes = [(row, made.blobs[version]) for version, row in told if version in scored]
        causes += [(row, owners[child]) for child, row in work.replies_behind(connection, chunk)]
        for row, cause in causes:
            if row not in made.blobs:
                made.evidence.add(row)
                made.add(row, cause)


def _below(connection: Connection, made: _Growing, owners: Mapping[int, int | None]) -> dict[int, int | None]:
    """Return what was derived from samples and is not covered whole yet, and for which named sample it will be."""
    found: dict[int, int | None] = {}
    for sample, cause in owners.items():
        for child, _ in holders.descendants(connection, [sample]):
            if child not in made.whole:
                found.setdefault(child, cause)
    return found
