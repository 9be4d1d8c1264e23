"""Where each sample stands: one row, keyed by the position of the event that brought it into being."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from ledger.event import BIRTHS, DECISIONS
from ledger.sqlite import Connection
from ledger.views import erased
from ledger.views.span import BORN, Span

TABLES = (("samples", "sample"),)
DDL = (
    """CREATE TABLE {schema}.samples (
        sample INTEGER PRIMARY KEY,     -- position of its birth event, whose op is the sample's id
        content INTEGER NOT NULL,       -- position of the event whose content stands: the birth, or the last edit
        version INTEGER NOT NULL,       -- row of that version's bytes in blob
        reader TEXT NOT NULL,
        form TEXT NOT NULL,             -- conversational, standard
        type TEXT NOT NULL,             -- prompt_completion, prompt_only, language_modeling
        fingerprint BLOB NOT NULL,
        prompt BLOB,                    -- prompt fingerprint; NULL where nothing stands before the completion
        campaign TEXT NOT NULL,
        source TEXT,                    -- NULL for a derived sample
        domain TEXT,
        label INTEGER,                  -- 1 true, 0 false, NULL none
        label_event INTEGER NOT NULL,   -- position of the event whose label stands
        status TEXT NOT NULL,           -- of the decision in force; `erased` where the version's bytes are gone
        reason TEXT NOT NULL,           -- of the decision in force: its rule, or what a person wrote; why it is errored
        decision INTEGER,               -- position of the decision in force: a person's, else another, else a file's
        split TEXT,
        rule TEXT NOT NULL,             -- that decided, or whose authority did; '' where nothing has decided
        token BLOB GENERATED ALWAYS AS (coalesce(prompt, fingerprint)) VIRTUAL  -- what ties it to its family
    ) STRICT""",
)
INDEXES = (
    "CREATE INDEX {schema}.samples_fingerprint ON samples (fingerprint)",
    "CREATE INDEX {schema}.samples_version ON samples (version)",
    "CREATE INDEX {schema}.samples_standing ON samples (campaign, domain, status, rule)",
    "CREATE INDEX {schema}.samples_source ON samples (source)",
    "CREATE INDEX {schema}.samples_decided ON samples (campaign, decision) WHERE decision IS NOT NULL",
    "CREATE INDEX {schema}.samples_false ON samples (prompt) WHERE label = 0 AND prompt IS NOT NULL",
)

_CONTENT = """t.blob, json_extract(t.leaf, '$.reader'), json_extract(t.leaf, '$.form'), json_extract(t.leaf, '$.type'),
    unhex(json_extract(t.leaf, '$.fingerprint')),
    CASE WHEN json_extract(t.leaf, '$.prompt') IS NOT NULL THEN unhex(json_extract(t.leaf, '$.prompt')) END"""

_BIRTHS = f"""INSERT INTO samples
    SELECT t.position, t.position, {_CONTENT}, json_extract(t.leaf, '$.campaign'), json_extract(t.leaf, '$.source'),
        json_extract(t.leaf, '$.domain'), json_extract(t.leaf, '$.label'), t.position, 'pending', '', NULL, NULL, ''
    FROM told t WHERE t.position BETWEEN ? AND ? AND t.kind IN ({BORN})"""  # noqa: S608 - constants of this program

_LATEST_VERSION = """SELECT coalesce(max(v.position), samples.sample) FROM versions v
    WHERE v.sample = samples.sample AND v.withdrawn IS NULL"""
_VERSION = (
    f"UPDATE samples SET content = ({_LATEST_VERSION}) WHERE sample IN (SELECT sample FROM touched)",  # noqa: S608
    f"""UPDATE samples SET (version, reader, form, type, fingerprint, prompt) =
        (SELECT {_CONTENT} FROM told t WHERE t.position = samples.content)
        WHERE sample IN (SELECT sample FROM touched)""",  # noqa: S608 - constants of this program
)
_LABEL = (
    """UPDATE samples SET label_event = coalesce((SELECT l.position FROM labels l
        WHERE l.sample = samples.sample AND l.withdrawn IS NULL
        ORDER BY l.authority <> 'person', l.position DESC LIMIT 1), sample)
        WHERE sample IN (SELECT sample FROM touched)""",
    """UPDATE samples SET label = (SELECT json_extract(t.leaf, '$.label') FROM told t
        WHERE t.position = samples.label_event) WHERE sample IN (SELECT sample FROM touched)""",
)
_STATUS = (
    """UPDATE samples SET (decision, status, reason, rule) = (SELECT d.position,
            CASE WHEN samples.version IN (SELECT blob FROM erased) THEN 'erased'
                WHEN coalesce(d.outcome, 'deferred') = 'deferred' THEN 'pending' ELSE d.outcome END,
            coalesce(d.rule, d.reason, ''), coalesce(d.rule, d.authority, '')
        FROM (SELECT 1) LEFT JOIN decisions d
            ON d.sample = samples.sample AND d.withdrawn IS NULL AND d.version = samples.version
        ORDER BY CASE d.authority WHEN 'person' THEN 0 WHEN 'import' THEN 2 ELSE 1 END, d.position DESC LIMIT 1)
        WHERE sample IN (SELECT sample FROM touched)""",
)
_ERRORED = """UPDATE samples SET status = 'errored', reason = f.failure
    FROM (SELECT sample, version, failure, max(position) AS position FROM failures
        WHERE sample IN (SELECT sample FROM touched) GROUP BY sample, version) f
    WHERE samples.sample = f.sample AND samples.version = f.version
        AND samples.status = 'pending' AND samples.decision IS NULL
        AND NOT EXISTS (SELECT 1 FROM derived d WHERE d.parent = f.sample AND d.version = f.version
            AND d.child > f.position)"""
"""Nothing was decided about the version, and the last work on it failed."""
_BORN_ERASED = """UPDATE samples SET status = 'erased'
    WHERE sample IN (SELECT sample FROM touched) AND version IN (SELECT blob FROM erased)"""
_SPLIT = """UPDATE samples SET split = (SELECT s.split FROM splits s WHERE s.sample = samples.sample
    ORDER BY s.position DESC LIMIT 1) WHERE sample IN (SELECT sample FROM touched)"""


_DECIDE = (*DECISIONS, "attempt_failed", "edited", "erased", "improved", "regenerated")
"""Kinds after which a status may be another: a decision, or a failure, is about a version, so it may stop to apply."""


def fold(connection: Connection, span: Span) -> None:
    """Add the samples born in the span; set again what its other events decide about any sample."""
    if span.has(*BIRTHS):
        connection.execute(_BIRTHS, span.range)
    withdrawn = span.has("withdrawn")
    if withdrawn or span.has("edited"):
        _all(connection, _VERSION)
    if withdrawn or span.has("relabeled"):
        _all(connection, _LABEL)
    if withdrawn or span.has(*_DECIDE):
        _all(connection, (*_STATUS, _ERRORED))
    elif span.has(*BIRTHS) and erased.any_erased(connection):
        connection.execute(_BORN_ERASED)
    if span.has("split_assigned"):
        connection.execute(_SPLIT)


class Row(NamedTuple):
    """One sample as it stands; `sample` is its handle, `id` its identity, `version` the row of its blob."""

    sample: int
    id: bytes
    content: int
    version: int
    hash: bytes
    size: int
    reader: str
    form: str
    type: str
    fingerprint: bytes
    prompt: bytes | None
    campaign: str
    source: str | None
    domain: str | None
    label: int | None
    label_event: int
    status: str
    reason: str
    decision: int | None
    split: str | None


_SELECT = """SELECT s.sample, e.op, s.content, s.version, b.hash, b.size, s.reader, s.form, s.type, s.fingerprint,
    s.prompt, s.campaign, s.source, s.domain, s.label, s.label_event, s.status, s.reason, s.decision, s.split
    FROM samples s JOIN event e ON e.position = s.sample JOIN blob b ON b.id = s.version"""


def get(connection: Connection, sample: int) -> Row | None:
    """Return one sample, or None if there is none at that position."""
    row = connection.execute(f"{_SELECT} WHERE s.sample = ?", (sample,)).fetchone()
    return None if row is None else Row(*row)


def version_at(connection: Connection, position: int) -> tuple[int, bytes, str] | None:
    """Return (row in blob, its address, the reader) of the content that a birth or an edit brought."""
    row = connection.execute(
        """SELECT t.blob, b.hash, json_extract(t.leaf, '$.reader') FROM told t JOIN blob b ON b.id = t.blob
        WHERE t.position = ?""",
        (position,),
    ).fetchone()
    return None if row is None else (row[0], row[1], row[2])


def by_ids(connection: Connection, ids: Sequence[bytes]) -> dict[bytes, Row]:
    """Return id -> Row of those of up to a few hundred ids that are samples."""
    marks = ",".join("?" * len(ids))
    rows = connection.execute(f"{_SELECT} WHERE e.op IN ({marks})", ids)
    return {row[1]: Row(*row) for row in rows}


def by_fingerprint(connection: Connection, fingerprint: bytes, limit: int) -> list[Row]:
    """Return up to `limit` samples that teach the same thing, in the order of their birth."""
    rows = connection.execute(f"{_SELECT} WHERE s.fingerprint = ? ORDER BY s.sample LIMIT ?", (fingerprint, limit))
    return [Row(*row) for row in rows]


def of_version(connection: Connection, version: int, limit: int) -> list[int]:
    """Return up to `limit` samples whose current version is this blob."""
    sql = "SELECT sample FROM samples WHERE version = ? ORDER BY sample LIMIT ?"
    return [row[0] for row in connection.execute(sql, (version, limit))]


def everything(connection: Connection) -> Iterator[Row]:
    """Yield every sample in the order of birth."""
    for row in connection.execute(f"{_SELECT} ORDER BY s.sample"):
        yield Row(*row)


def unassigned(connection: Connection) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield (sample, id, family) of the samples without a split that are not erased, in the order of birth."""
    yield from connection.execute(
        """SELECT s.sample, e.op, coalesce(f.root, s.token) FROM samples s
        JOIN event e ON e.position = s.sample LEFT JOIN families f ON f.token = s.token
        WHERE s.split IS NULL AND s.status <> 'erased' ORDER BY s.sample""",
    )


def splits_of_families(connection: Connection) -> Iterator[tuple[bytes, str]]:
    """Yield each (family, split) in which an assigned sample stands, in order."""
    yield from connection.execute(
        """SELECT DISTINCT coalesce(f.root, s.token) AS family, s.split FROM samples s
        JOIN event e ON e.position = s.sample LEFT JOIN families f ON f.token = s.token
        WHERE s.split IS NOT NULL ORDER BY family, s.split""",
    )


def for_plan(connection: Connection, form: str = "", types: Collection[str] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield how every sample stands, in the order of birth, as the values of a planner's Candidate.

    `representable` says whether it has the form and one of the types. Whether its family crosses splits, its weight and
    whether it is selected are those of most samples: no, 1 and yes.
    """
    marks = ",".join("?" * len(types))
    return connection.execute(
        f"""SELECT s.sample, e.op, b.hash, s.fingerprint, coalesce(f.root, s.token), s.status, s.split, 0, s.label,
            s.form = ? AND s.type IN ({marks}), 1, 1, s.prompt, p.op
        FROM samples s JOIN event e ON e.position = s.sample JOIN blob b ON b.id = s.version
        LEFT JOIN families f ON f.token = s.token
        LEFT JOIN lineage l ON l.child = s.sample LEFT JOIN event p ON p.position = l.parent
        ORDER BY s.sample""",  # noqa: S608 - question marks
        (form, *types),
    )


class Version(NamedTuple):
    """What writing a sample takes: the address of its version, the bytes (None: gone), how to read them, its label."""

    hash: bytes
    body: bytes | None
    reader: str
    label: int | None


def versions_of(connection: Connection, handles: Sequence[int]) -> dict[int, Version]:
    """Return handle -> Version for up to a few hundred samples."""
    marks = ",".join("?" * len(handles))
    sql = f"""SELECT s.sample, b.hash, b.body, s.reader, s.label FROM samples s JOIN blob b ON b.id = s.version
        WHERE s.sample IN ({marks})"""  # noqa: S608 - question marks
    return {sample: Version(*rest) for sample, *rest in connection.execute(sql, handles)}


def rows_of(connection: Connection, handles: Sequence[int]) -> dict[int, Row]:
    """Return handle -> Row for up to a few hundred samples."""
    marks = ",".join("?" * len(handles))
    return {row[0]: Row(*row) for row in connection.execute(f"{_SELECT} WHERE s.sample IN ({marks})", handles)}


def forms(connection: Connection) -> dict[str, int]:
    """Return form -> samples that have a prompt and a completion."""
    sql = "SELECT form, count(*) FROM samples WHERE type = 'prompt_completion' GROUP BY form"
    return dict(connection.execute(sql).fetchall())


def _all(connection: Connection, statements: tuple[str, ...]) -> None:
    for statement in statements:
        connection.execute(statement)
