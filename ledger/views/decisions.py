"""Every decision about a sample, and whether it was withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.event import DECISIONS
from ledger.sqlite import Connection
from ledger.views.span import Span, quoted

TABLES = (("decisions", "position"),)
DDL = (
    """CREATE TABLE {schema}.decisions (
        position INTEGER PRIMARY KEY,
        sample INTEGER NOT NULL,
        version INTEGER NOT NULL,       -- row of the blob that it is about
        outcome TEXT NOT NULL,          -- accepted, rejected, deferred, superseded
        authority TEXT NOT NULL,        -- person, policy, agent, import; a person outranks
        rule TEXT,
        reason TEXT NOT NULL,
        policy TEXT,                    -- digest
        withdrawn INTEGER,              -- position of the event that withdrew it
        run INTEGER                     -- position of the run_started event that it came after
    ) STRICT""",
    "CREATE INDEX {schema}.decisions_sample ON decisions (sample)",
    "CREATE INDEX {schema}.decisions_person ON decisions (sample) WHERE authority = 'person' AND withdrawn IS NULL",
    "CREATE INDEX {schema}.decisions_recorded ON decisions (sample) WHERE authority = 'import' AND withdrawn IS NULL",
)


class Decision(NamedTuple):
    """One decision; `actor` and `at` come from its event."""

    position: int
    op: bytes
    outcome: str
    authority: str
    rule: str | None
    reason: str
    policy: str | None
    version: bytes
    withdrawn: int | None
    leaf: str


def fold(connection: Connection, span: Span) -> None:
    """Add the decisions of the span."""
    if span.has(*DECISIONS):
        connection.execute(
            f"""INSERT INTO decisions SELECT position, sample, blob, kind,
                json_extract(leaf, '$.authority'),
                json_extract(leaf, '$.rule'), json_extract(leaf, '$.reason'), json_extract(leaf, '$.policy'), NULL,
                json_extract(leaf, '$.run')
            FROM told WHERE position BETWEEN ? AND ? AND kind IN ({quoted(DECISIONS)})""",  # noqa: S608 - constants
            span.range,
        )


def of_sample(connection: Connection, sample: int) -> list[Decision]:
    """Return every decision about a sample, oldest first."""
    rows = connection.execute(
        """SELECT d.position, e.op, d.outcome, d.authority, d.rule, d.reason, d.policy, b.hash, d.withdrawn, e.leaf
        FROM decisions d JOIN event e ON e.position = d.position JOIN blob b ON b.id = d.version
        WHERE d.sample = ? ORDER BY d.position""",
        (sample,),
    )
    return [Decision(*row) for row in rows]


class Said(NamedTuple):
    """What tells two decisions about one sample apart; `version` is the row of the blob that it is about."""

    position: int
    outcome: str
    authority: str
    reason: str
    version: int
    withdrawn: int | None


def history(connection: Connection, handles: Sequence[int]) -> dict[int, list[Said]]:
    """Return sample -> its decisions, oldest first, for up to a few hundred samples; none for those without."""
    marks = ",".join("?" * len(handles))
    rows = connection.execute(
        f"""SELECT sample, position, outcome, authority, reason, version, withdrawn FROM decisions
        WHERE sample IN ({marks}) ORDER BY position""",  # noqa: S608 - question marks
        handles,
    )
    found: dict[int, list[Said]] = {}
    for sample, *said in rows:
        found.setdefault(sample, []).append(Said(*said))
    return found


def leaves(connection: Connection, positions: Sequence[int]) -> dict[int, str]:
    """Return position -> what the decision says, for up to a few hundred decisions."""
    marks = ",".join("?" * len(positions))
    sql = f"SELECT position, leaf FROM told WHERE position IN ({marks})"  # noqa: S608 - question marks
    return dict(connection.execute(sql, positions).fetchall())


def last_said(connection: Connection, table: str, handles: Sequence[int]) -> dict[int, bytes]:
    """Return sample -> op of the last decision, or withdrawal of one, about it, for up to a few hundred samples.

    `table` is `decisions` or `labels`; samples about which nothing was said are left out.
    """
    marks = ",".join("?" * len(handles))
    rows = connection.execute(
        f"""SELECT m.sample, e.op FROM (
            SELECT sample, max(max(position, coalesce(withdrawn, 0))) AS position FROM {table}
            WHERE sample IN ({marks}) GROUP BY sample) m JOIN event e ON e.position = m.position""",  # noqa: S608
        handles,
    )
    return dict(rows.fetchall())
