"""Near-duplicates: pairs of fingerprints whose texts were found alike, and the clusters that they make.

A look at the texts of one field, in one campaign or in all, is replaced by the next one that starts afresh, and
extended by one that goes on from it. What was replaced leaves nothing behind here; the log keeps it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ledger.fixed import ONE
from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (
    ("near_looks", "position"),
    ("near", "field, scope, first, second"),
    ("near_clusters", "field, scope, fingerprint"),
)
DDL = (
    """CREATE TABLE {schema}.near_looks (
        position INTEGER PRIMARY KEY,   -- of the duplicates_found event
        field TEXT NOT NULL,
        scope TEXT NOT NULL,            -- the campaign; '': all
        texts INTEGER NOT NULL,         -- that it looked at for the first time
        in_force INTEGER NOT NULL,
        recipe TEXT NOT NULL,           -- as JSON
        twins INTEGER NOT NULL,         -- row of the pairs that it added and took away in blob
        keys TEXT NOT NULL              -- digest of what a later look needs to go on from here
    ) STRICT""",
    """CREATE TABLE {schema}.near (
        field TEXT NOT NULL,
        scope TEXT NOT NULL,
        first BLOB NOT NULL,            -- the smaller of two fingerprints
        second BLOB NOT NULL,
        similarity INTEGER NOT NULL,    -- millionths
        first_token BLOB NOT NULL,      -- what ties samples with the first fingerprint to their family
        second_token BLOB NOT NULL,
        PRIMARY KEY (field, scope, first, second)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX {schema}.near_second ON near (field, scope, second)",
    """CREATE TABLE {schema}.near_clusters (
        field TEXT NOT NULL,
        scope TEXT NOT NULL,
        fingerprint BLOB NOT NULL,
        root BLOB NOT NULL,             -- the smallest fingerprint of the cluster
        PRIMARY KEY (field, scope, fingerprint)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX {schema}.near_clusters_root ON near_clusters (field, scope, root)",
)

WHOLE = "exchange"
"""The field whose near-duplicates are one family."""

_PAIRS = """INSERT OR REPLACE INTO near SELECT ?1, ?2, unhex(json_extract(t.value, '$[0]')),
        unhex(json_extract(t.value, '$[1]')), json_extract(t.value, '$[2]'), unhex(json_extract(t.value, '$[3]')),
        unhex(json_extract(t.value, '$[4]'))
    FROM told d JOIN blob b ON b.id = d.blob, json_each(CAST(b.body AS TEXT), '$.twins') t WHERE d.position = ?3"""

_GONE = """DELETE FROM near WHERE field = ?1 AND scope = ?2 AND (first, second) IN (
    SELECT unhex(json_extract(t.value, '$[0]')), unhex(json_extract(t.value, '$[1]'))
    FROM told d JOIN blob b ON b.id = d.blob, json_each(CAST(b.body AS TEXT), '$.gone') t WHERE d.position = ?3)"""


class Look(NamedTuple):
    """One look at the texts of a field; `op` is its event's, `twins` and `keys` the bytes that it stored."""

    position: int
    op: bytes
    field: str
    scope: str
    texts: int
    recipe: str
    twins: bytes
    keys: bytes


class Twin(NamedTuple):
    """Two fingerprints whose texts are alike, by so many millionths."""

    first: bytes
    second: bytes
    similarity: int


def fold(connection: Connection, span: Span) -> None:
    """Take in the looks of the span, each on top of those before it."""
    if not span.has("duplicates_found"):
        return
    found = connection.execute(
        """SELECT position, json_extract(leaf, '$.field'), coalesce(json_extract(leaf, '$.campaign'), ''),
            json_extract(leaf, '$.base') IS NULL, json_extract(leaf, '$.texts'), json_extract(leaf, '$.recipe'),
            blob, json_extract(leaf, '$.keys')
        FROM told WHERE kind = 'duplicates_found' AND position BETWEEN ? AND ? ORDER BY position""",
        span.range,
    ).fetchall()
    changed = set()
    for position, field, scope, afresh, texts, recipe, twins_row, keys in found:
        if afresh:
            connection.execute("DELETE FROM near WHERE field = ? AND scope = ?", (field, scope))
            connection.execute("UPDATE near_looks SET in_force = 0 WHERE field = ? AND scope = ?", (field, scope))
        looked = (position, field, scope, texts, 1, recipe, twins_row, keys)
        connection.execute("INSERT INTO near_looks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", looked)
        connection.execute(_GONE, (field, scope, position))
        connection.execute(_PAIRS, (field, scope, position))
        changed.add((field, scope))
    for field, scope in sorted(changed):
        _cluster(connection, field, scope)


class Standing(NamedTuple):
    """The position and the recipe (as JSON) of a look that stands."""

    position: int
    recipe: str


def standing(connection: Connection, field: str, scope: str) -> Standing | None:
    """Return the latest look that stands for a field and scope, without what it stored."""
    sql = "SELECT position, recipe FROM near_looks WHERE field = ? AND scope = ? AND in_force ORDER BY 1 DESC LIMIT 1"
    row = connection.execute(sql, (field, scope)).fetchone()
    return None if row is None else Standing(*row)


def in_force(connection: Connection, field: str, scope: str) -> list[Look]:
    """Return the looks that stand for a field and scope, oldest first: one afresh, and those that go on from it."""
    rows = connection.execute(
        """SELECT l.position, e.op, l.field, l.scope, l.texts, l.recipe, w.body, k.body FROM near_looks l
        JOIN event e ON e.position = l.position JOIN blob w ON w.id = l.twins JOIN blob k ON k.hash = unhex(l.keys)
        WHERE l.field = ? AND l.scope = ? AND l.in_force ORDER BY l.position""",
        (field, scope),
    )
    return [Look(*row) for row in rows]


def last(connection: Connection, field: str, scope: str) -> bytes | None:
    """Return the op of the last look at a field and scope, None before the first."""
    row = connection.execute(
        """SELECT e.op FROM event e WHERE e.position =
            (SELECT max(position) FROM near_looks WHERE field = ? AND scope = ?)""",
        (field, scope),
    ).fetchone()
    return None if row is None else bytes(row[0])


def twins(connection: Connection, field: str, scope: str) -> Iterator[Twin]:
    """Yield every pair, in the order of the first, then the second."""
    sql = "SELECT first, second, similarity FROM near WHERE field = ? AND scope = ? ORDER BY first, second"
    return (Twin(*row) for row in connection.execute(sql, (field, scope)))


def twins_of(connection: Connection, field: str, scope: str, fingerprint: bytes) -> list[tuple[bytes, int]]:
    """Return (fingerprint, similarity) of what is alike to one, the most alike first."""
    rows = connection.execute(
        """SELECT second, similarity FROM near WHERE field = :field AND scope = :scope AND first = :one
        UNION ALL SELECT first, similarity FROM near WHERE field = :field AND scope = :scope AND second = :one
        ORDER BY 2 DESC, 1""",
        {"field": field, "scope": scope, "one": fingerprint},
    )
    return [(bytes(other), similarity) for other, similarity in rows]


def centre(connection: Connection, field: str, scope: str, fingerprint: bytes) -> bytes:
    """Return the fingerprint that stands in pairs for all whose texts have the same words; mostly the same one."""
    sql = "SELECT min(first) FROM near WHERE field = ? AND scope = ? AND second = ? AND similarity = ?"
    row = connection.execute(sql, (field, scope, fingerprint, ONE)).fetchone()
    return fingerprint if row[0] is None else bytes(row[0])


def similarity(connection: Connection, field: str, scope: str, one: bytes, other: bytes) -> int | None:
    """Return how alike two fingerprints are in millionths, None where they were not compared, or are not near."""
    first, second = sorted(centre(connection, field, scope, each) for each in (one, other))
    if first == second:
        return ONE
    sql = "SELECT similarity FROM near WHERE field = ? AND scope = ? AND first = ? AND second = ?"
    row = connection.execute(sql, (field, scope, first, second)).fetchone()
    return None if row is None else int(row[0])


def joined(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return member -> root, the smallest member, of the connected components that pairs make."""
    above: dict[bytes, bytes] = {}

    def top(one: bytes) -> bytes:
        while (higher := above[one]) != one:
            above[one] = one = above[higher]  # halves the way for the next who asks
        return one

    for first, second in pairs:
        low, high = sorted((top(above.setdefault(first, first)), top(above.setdefault(second, second))))
        above[high] = low
    return {one: top(one) for one in above}


def members(roots: dict[bytes, bytes]) -> dict[bytes, list[bytes]]:
    """Return root -> its members in order."""
    found: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for one, root in sorted(roots.items()):
        found[root].append(one)
    return dict(found)


def _cluster(connection: Connection, field: str, scope: str) -> None:
    """Make the clusters of a field and scope again from its pairs."""
    connection.execute("DELETE FROM near_clusters WHERE field = ? AND scope = ?", (field, scope))
    roots = joined((twin.first, twin.second) for twin in twins(connection, field, scope))
    rows: Sequence[tuple[str, str, bytes, bytes]] = [(field, scope, one, root) for one, root in sorted(roots.items())]
    connection.executemany("INSERT INTO near_clusters VALUES (?, ?, ?, ?)", rows)
