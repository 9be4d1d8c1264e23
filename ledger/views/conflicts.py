"""Contradictions under one fingerprint: questions to `samples`; nothing is kept.

Only fingerprints that several samples share can hold one, and the index on fingerprints alone tells which these are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ledger.sqlite import Connection

KINDS = ("labels", "decisions", "derived")
"""Both labels; accepted and rejected; a text that was improved, regenerated or edited and is that of a rejected one."""

PER_SIDE = 10
"""Samples listed of those that share a fingerprint, a label and a status; all are counted."""

_DERIVED = "(s.content <> s.sample OR EXISTS (SELECT 1 FROM lineage l WHERE l.child = s.sample))"
_FIND = f"""CREATE TEMP TABLE contradictions AS
    SELECT *, labels | (decisions << 1) | (derived << 2) AS kinds FROM (
        SELECT s.fingerprint AS fingerprint, min(s.sample) AS first, count(*) AS samples,
            max(s.label IS 1) AND max(s.label IS 0) AS labels,
            max(s.status = 'accepted') AND max(s.status = 'rejected') AS decisions,
            max(s.status = 'rejected') AND max(s.status <> 'rejected' AND {_DERIVED}) AS derived,
            max(s.label IS 1 AND s.status IN ({{usable}})) AND max(s.label IS 0 AND s.status IN ({{usable}})) AS stops,
            max({{within}}) AS within
        FROM (SELECT fingerprint FROM samples GROUP BY fingerprint HAVING count(*) > 1) h
        CROSS JOIN samples s ON s.fingerprint = h.fingerprint
        WHERE s.status <> 'erased' GROUP BY s.fingerprint)
    WHERE kinds AND within"""  # noqa: S608 - constants of this program
_SIDES = """SELECT s.fingerprint, s.label, s.status, count(*) FROM samples s
    WHERE s.fingerprint IN ({marks}) AND s.status <> 'erased' GROUP BY 1, 2, 3 ORDER BY 1, 2 DESC, 3"""
_TWINS = f"""SELECT q.fingerprint, e.op, q.sample, q.campaign, q.source, json_extract(b.leaf, '$.line'), q.label,
        q.status, d.authority, d.rule, json_extract(a.leaf, '$.actor'), l.authority, l.rule,
        json_extract(g.leaf, '$.actor'), q.derived,
        (SELECT count(*) FROM release_samples r WHERE r.sample = q.sample AND r.place IS NOT NULL)
    FROM (SELECT s.*, {_DERIVED} AS derived,
            row_number() OVER (PARTITION BY s.fingerprint, s.label, s.status ORDER BY s.sample) AS nth
        FROM samples s WHERE s.fingerprint IN ({{marks}}) AND s.status <> 'erased') q
    JOIN event e ON e.position = q.sample JOIN told b ON b.position = q.sample
    LEFT JOIN decisions d ON d.position = q.decision LEFT JOIN told a ON a.position = q.decision
    LEFT JOIN labels l ON l.position = q.label_event LEFT JOIN told g ON g.position = l.position
    WHERE q.nth <= {PER_SIDE} ORDER BY q.sample"""  # noqa: S608 - constants of this program


class Counts(NamedTuple):
    """How many fingerprints hold a contradiction, and how many samples have one of these."""

    fingerprints: int
    samples: int


class Group(NamedTuple):
    """One fingerprint with a contradiction; `stops` says that both its labels could go into one export."""

    fingerprint: bytes
    kinds: tuple[str, ...]
    stops: bool
    samples: int


class Side(NamedTuple):
    """How many samples of one fingerprint share a label and a status."""

    label: int | None
    status: str
    samples: int


class Twin(NamedTuple):
    """One sample of a contradiction: where it came from, how it stands, who said so, in how many releases it is.

    `decided_by` and `labelled_by` are (authority, rule, actor), or None where nobody decided, where the label is that
    of the envelope.
    """

    id: bytes
    sample: int
    campaign: str
    source: str | None
    line: int | None
    label: int | None
    status: str
    decided_by: tuple[str, str | None, str] | None
    labelled_by: tuple[str, str | None, str] | None
    derived: bool
    releases: int


@contextmanager
def found(connection: Connection, campaign: str | None, usable: Collection[str]) -> Iterator[None]:
    """Hold the temporary table of contradictions, all or those with a sample of one campaign.

    `usable` are the statuses that exports for training take.
    """
    within = "true" if campaign is None else "s.campaign = :campaign"
    statuses = ", ".join(f":s{n}" for n in range(len(usable)))
    values: dict[str, str | None] = {f"s{n}": status for n, status in enumerate(sorted(usable))}
    _drop(connection)
    connection.execute(_FIND.format(within=within, usable=statuses), {**values, "campaign": campaign})
    try:
        yield
    finally:
        _drop(connection)


def counts(connection: Connection, kind: str | None = None) -> Counts:
    """Return how many there are, of one kind or of all."""
    sql = "SELECT count(*), coalesce(sum(samples), 0) FROM temp.contradictions WHERE kinds & ?"
    return Counts(*connection.execute(sql, (_bits(kind),)).fetchone())


def stopping(connection: Connection) -> int:
    """Return how many fingerprints would be left out of an export for their labels."""
    return int(connection.execute("SELECT coalesce(sum(stops), 0) FROM temp.contradictions").fetchone()[0])


def groups(connection: Connection, kind: str | None, limit: int, offset: int) -> list[Group]:
    """Return up to `limit` of them after the first `offset`, in the order of birth of their oldest samples."""
    rows = connection.execute(
        """SELECT fingerprint, kinds, stops, samples FROM temp.contradictions WHERE kinds & ? ORDER BY first
        LIMIT ? OFFSET ?""",
        (_bits(kind), limit, offset),
    )
    return [Group(row[0], _kinds(row[1]), bool(row[2]), row[3]) for row in rows]


def sides(connection: Connection, fingerprints: Sequence[bytes]) -> dict[bytes, list[Side]]:
    """Return fingerprint -> its samples by label and status, for up to a few hundred fingerprints."""
    marks = ",".join("?" * len(fingerprints))
    made: dict[bytes, list[Side]] = {}
    for fingerprint, *side in connection.execute(_SIDES.format(marks=marks), fingerprints):
        made.setdefault(fingerprint, []).append(Side(*side))
    return made


def twins(connection: Connection, fingerprints: Sequence[bytes]) -> dict[bytes, list[Twin]]:
    """Return fingerprint -> its samples in the order of birth, up to PER_SIDE of each side; as `sides`."""
    marks = ",".join("?" * len(fingerprints))
    made: dict[bytes, list[Twin]] = {}
    for fingerprint, *facts, a1, a2, a3, l1, l2, l3, derived, releases in connection.execute(
        _TWINS.format(marks=marks), fingerprints
    ):
        decided_by = None if a1 is None else (a1, a2, a3)
        labelled_by = None if l1 is None else (l1, l2, l3)
        twin = Twin._make((*facts, decided_by, labelled_by, bool(derived), releases))
        made.setdefault(fingerprint, []).append(twin)
    return made


def _bits(kind: str | None) -> int:
    return (1 << len(KINDS)) - 1 if kind is None else 1 << KINDS.index(kind)


def _kinds(bits: int) -> tuple[str, ...]:
    return tuple(kind for bit, kind in enumerate(KINDS) if bits >> bit & 1)


def _drop(connection: Connection) -> None:
    connection.execute("DROP TABLE IF EXISTS temp.contradictions")
