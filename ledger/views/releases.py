"""Releases: which files were frozen, and where in each every considered sample stands (or why it does not)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (("releases", "position"), ("release_samples", "sample, release"))
DDL = (
    """CREATE TABLE {schema}.releases (
        position INTEGER PRIMARY KEY,   -- of its released event
        view TEXT NOT NULL,
        name TEXT NOT NULL,             -- base name of the file
        manifest INTEGER NOT NULL,      -- row of the manifest's bytes in blob
        output TEXT NOT NULL,           -- BLAKE3 of the file, hex
        rows INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE {schema}.release_samples (
        sample INTEGER NOT NULL,
        release INTEGER NOT NULL,
        place INTEGER,                  -- its first row of the file, from 0; NULL: left out
        copies INTEGER NOT NULL,        -- rows that it has; 0: left out
        preferred INTEGER,              -- of a pair: 1 chosen, 0 rejected
        omitted TEXT,                   -- why it was left out
        PRIMARY KEY (sample, release)
    ) STRICT, WITHOUT ROWID""",
)

_MEMBERS = """INSERT INTO release_samples SELECT value, :release, min(key), count(*), :preferred, NULL
    FROM json_each((SELECT CAST(body AS TEXT) FROM blob WHERE hash = unhex(:members)), :list) GROUP BY value"""
_IN_PAIRS = """SELECT json_type(CAST(body AS TEXT), '$.rejected') IS NOT NULL FROM blob WHERE hash = unhex(?)"""
_OMISSIONS = """INSERT INTO release_samples SELECT j.value, t.position, NULL, 0, NULL, r.key
    FROM told t JOIN blob b ON b.hash = unhex(json_extract(t.leaf, '$.omissions')),
        json_each(CAST(b.body AS TEXT)) r, json_each(r.value) j
    WHERE t.position BETWEEN ? AND ? AND t.kind = 'released' ORDER BY j.value"""


class Place(NamedTuple):
    """One sample in one release: its first `place` from 0 and how many rows it has, or why it was `omitted`.

    `preferred` is 1 where it is the chosen side of a pair, 0 where it is the rejected one.
    """

    position: int
    view: str
    name: str
    output: str
    manifest: bytes
    place: int | None
    copies: int
    preferred: int | None
    omitted: str | None


def fold(connection: Connection, span: Span) -> None:
    """Add the releases of the span with their members and omissions."""
    if span.has("released"):
        connection.execute(
            """INSERT INTO releases SELECT position, json_extract(leaf, '$.view'), json_extract(leaf, '$.name'), blob,
                json_extract(leaf, '$.output'), json_extract(leaf, '$.rows')
            FROM told WHERE position BETWEEN ? AND ? AND kind = 'released'""",
            span.range,
        )
        _add_members(connection, span)
        connection.execute(_OMISSIONS, span.range)


def _add_members(connection: Connection, span: Span) -> None:
    """Add the rows of each release, one at a time: its list is parsed once."""
    released = connection.execute(
        """SELECT position, json_extract(leaf, '$.members') FROM told
        WHERE position BETWEEN ? AND ? AND kind = 'released' ORDER BY position""",
        span.range,
    ).fetchall()
    for release, members in released:
        in_pairs = bool((connection.execute(_IN_PAIRS, (members,)).fetchone() or (0,))[0])
        for name, preferred in (("$.rows", 1), ("$.rejected", 0)) if in_pairs else (("$.rows", None),):
            told = {"release": release, "members": members, "list": name, "preferred": preferred}
            connection.execute(_MEMBERS, told)


def of_sample(connection: Connection, sample: int) -> list[Place]:
    """Return where a sample stands in each release that considered it, oldest first."""
    rows = connection.execute(
        """SELECT r.position, r.view, r.name, r.output, b.hash, m.place, m.copies, m.preferred, m.omitted
        FROM release_samples m JOIN releases r ON r.position = m.release JOIN blob b ON b.id = r.manifest
        WHERE m.sample = ? ORDER BY r.position""",
        (sample,),
    )
    return [Place(*row) for row in rows]


class Last(NamedTuple):
    """The last release under one name: `op` in the log, what its event says, and the row of its manifest's bytes."""

    position: int
    op: bytes
    leaf: str
    manifest: int


def last(connection: Connection, name: str) -> Last | None:
    """Return the last release under a file's base name, or None if there was none."""
    row = connection.execute(
        """SELECT e.position, e.op, e.leaf, r.manifest FROM releases r JOIN event e ON e.position = r.position
        WHERE r.name = ? ORDER BY r.position DESC LIMIT 1""",
        (name,),
    ).fetchone()
    return None if row is None else Last(*row)


class Released(NamedTuple):
    """One release: its event's place, its view, its file's base name and BLAKE3 in hex, and the row of its manifest."""

    position: int
    view: str
    name: str
    manifest: int
    output: str
    rows: int


def listed(connection: Connection) -> Iterator[Released]:
    """Yield all releases, newest first."""
    sql = "SELECT position, view, name, manifest, output, rows FROM releases ORDER BY position DESC"
    return (Released(*row) for row in connection.execute(sql))


def by_manifest(connection: Connection, manifest: bytes) -> tuple[int, bytes] | None:
    """Return (position, op) of the release whose manifest has this address, or None."""
    row = connection.execute(
        """SELECT e.position, e.op FROM releases r JOIN blob b ON b.id = r.manifest
            JOIN event e ON e.position = r.position
        WHERE b.hash = ? ORDER BY r.position DESC LIMIT 1""",
        (manifest,),
    ).fetchone()
    return None if row is None else (int(row[0]), bytes(row[1]))


def shared_prompts(connection: Connection, one: int, other: int) -> int:
    """Return how many prompts have rows in both of two releases."""
    row = connection.execute(
        """SELECT count(DISTINCT s.token) FROM release_samples m JOIN samples s ON s.sample = m.sample
        WHERE m.release = ? AND m.copies > 0 AND s.token IN (SELECT t.token FROM release_samples n
            JOIN samples t ON t.sample = n.sample WHERE n.release = ? AND n.copies > 0)""",
        (one, other),
    ).fetchone()
    return int(row[0])


def wrote(connection: Connection, output: bytes) -> bool:
    """Say whether some release has these bytes, by their BLAKE3."""
    sql = "SELECT EXISTS (SELECT 1 FROM releases WHERE output = ?)"
    return bool(connection.execute(sql, (output.hex(),)).fetchone()[0])


def omissions(connection: Connection, name: str, reason: str | None) -> list[tuple[bytes, str]]:
    """Return (sample id, reason) of what the last release under a file's base name left out, in order of birth."""
    rows = connection.execute(
        """SELECT e.op, m.omitted FROM release_samples m JOIN event e ON e.position = m.sample
        WHERE m.release = (SELECT max(position) FROM releases WHERE name = :name)
            AND m.omitted IS NOT NULL AND (:reason IS NULL OR m.omitted = :reason) ORDER BY m.sample""",
        {"name": name, "reason": reason},
    )
    return rows.fetchall()


def left_out_by(connection: Connection, manifest: bytes, reason: str) -> list[int] | None:
    """Return the samples that the release with a manifest of this address left out for a reason; None: no such one."""
    row = connection.execute(
        "SELECT r.position FROM releases r JOIN blob b ON b.id = r.manifest WHERE b.hash = ? LIMIT 1", (manifest,)
    ).fetchone()
    if row is None:
        return None
    sql = "SELECT sample FROM release_samples WHERE release = ? AND omitted = ? ORDER BY sample"
    return [sample for (sample,) in connection.execute(sql, (row[0], reason))]
