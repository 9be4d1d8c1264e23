"""Families: samples that belong together because they share a prompt, descend from one another, or nearly say the same.

A sample's token is its prompt fingerprint, or its fingerprint where nothing stands before the completion. Most families
are one token, which is then their root, and need no row here. An edge between two tokens (a child or an edit whose
prompt differs) joins them, for good: also where the edit is withdrawn, since the sample was there. Two whole texts that
were found alike join theirs as long as no later look at them takes that back, and samples whose tag `group` has one
value join theirs as long as they have it. The root of a joined family is its smallest token, so neither order nor
batches matter.

A value of that tag has a token of its own, the digest of a text that no prompt has (`group_token`), to which each of
its samples is tied: who comes later needs to know none of those before, and the result is the same in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from ledger.digest import digest_of
from ledger.event import BIRTHS
from ledger.sqlite import Connection
from ledger.views import tags
from ledger.views.near import WHOLE
from ledger.views.span import Span

TABLES = (("families", "token"),)
DDL = (
    """CREATE TABLE {schema}.families (
        token BLOB PRIMARY KEY,         -- of a prompt, of a text without one, or of a value of the tag `group`
        root BLOB NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX {schema}.families_root ON families (root)",
)

_TIES_BY = "unhex(coalesce(json_extract({0}.leaf, '$.prompt'), json_extract({0}.leaf, '$.fingerprint')))"
_EDGES = f"""SELECT {_TIES_BY.format("b")}, {_TIES_BY.format("v")}
    FROM told v JOIN told b ON b.position = v.sample
    WHERE v.kind = 'edited' AND v.position BETWEEN :first AND :last
    UNION SELECT {_TIES_BY.format("c")}, {_TIES_BY.format("p")}
    FROM told c JOIN told p ON p.op = unhex(json_extract(c.leaf, '$.parent'))
    WHERE c.kind IN ('improved', 'regenerated') AND c.position BETWEEN :first AND :last"""  # noqa: S608 - constants
_ALIKE = f"SELECT first_token, second_token FROM near WHERE field = '{WHOLE}' AND first_token <> second_token"  # noqa: S608 - likewise


_GROUPED = """SELECT g.value, s.token FROM ({which}) g JOIN samples s ON s.sample = g.sample WHERE g.value <> ''"""
_ADDED = "SELECT sample, value FROM tags WHERE key = 'group' AND position BETWEEN :first AND :last"
_SET_AGAIN = """SELECT EXISTS (SELECT 1 FROM tags g JOIN tags b ON b.sample = g.sample AND b.position < g.position
    WHERE g.position BETWEEN ? AND ? AND g.position <> g.sample AND g.key = 'group' AND b.key = 'group')"""
_TAKEN_BACK = """SELECT EXISTS (SELECT 1 FROM withdrawals w JOIN tags g ON g.position = w.target
    WHERE w.position BETWEEN ? AND ? AND g.key = 'group')"""

_AT_ONCE = 100_000
"""Edges that are joined at a time; bounds the memory."""


def fold(connection: Connection, span: Span) -> None:
    """Join the families that the span ties together; make all anew where it takes back what tied some."""
    anew = span.has("duplicates_found") or _parts_groups(connection, span)
    if anew:
        connection.execute("DELETE FROM families")
        _join(connection, connection.execute(_ALIKE))
    within = {"first": 0 if anew else span.first, "last": span.last}
    if anew or span.has("edited", "improved", "regenerated"):
        _join(connection, connection.execute(_EDGES, within))
    if anew or span.has("tagged", *BIRTHS):
        grouped = connection.execute(_GROUPED.format(which=tags.GROUPS if anew else _ADDED), within)
        _join(connection, ((group_token(value), token) for value, token in grouped))


@contextmanager
def ungrouped(connection: Connection) -> Iterator[None]:
    """Hold families without those that the tag `group` ties, which the first planners did not know."""
    there = connection.execute("SELECT 1 FROM sqlite_temp_schema WHERE name = 'families'").fetchone() is not None
    if there:  # views as of an earlier moment, which nobody needs afterwards
        connection.execute("DELETE FROM families")
    else:
        for statement in DDL:
            connection.execute(statement.format(schema="temp"))
    last = connection.execute("SELECT position FROM projection").fetchone()[0]
    _join(connection, connection.execute(_ALIKE))
    _join(connection, connection.execute(_EDGES, {"first": 0, "last": last}))
    try:
        yield
    finally:
        if not there:
            connection.execute("DROP TABLE temp.families")


def root(connection: Connection, token: bytes) -> bytes:
    """Return the root of a token's family."""
    row = connection.execute("SELECT root FROM families WHERE token = ?", (token,)).fetchone()
    return token if row is None else bytes(row[0])


def group_token(value: str) -> bytes:
    """Return what stands for a value of the tag `group` among tokens; no prompt and no content has this digest."""
    return digest_of(["group", 1, value])


def _parts_groups(connection: Connection, span: Span) -> bool:
    """Say whether the span sets the tag `group` of a sample that had it before, or withdraws that it was set."""
    asked = (("tagged", _SET_AGAIN), ("withdrawn", _TAKEN_BACK))
    return any(span.has(kind) and connection.execute(sql, span.range).fetchone()[0] for kind, sql in asked)


def _join(connection: Connection, edges: Iterable[tuple[bytes, bytes]]) -> None:
    """Join the families of each pair of tokens, many at a time."""
    apart = (edge for edge in edges if edge[0] != edge[1])
    while some := list(islice(apart, _AT_ONCE)):
        _join_some(connection, some)


def _join_some(connection: Connection, edges: Sequence[tuple[bytes, bytes]]) -> None:
    """Join by union-find in memory, over the roots that the tokens have in the table."""
    old, known = _roots(connection, {token for edge in edges for token in edge})
    above: dict[bytes, bytes] = {}

    def top(token: bytes) -> bytes:
        while (higher := above.get(token)) is not None:
            above[token] = above.get(higher, higher)  # halves the way for the next who asks
            token = higher
        return token

    for one, other in edges:
        first, second = sorted((top(old[one]), top(old[other])))
        if first != second:
            above[second] = first
    moved = [(top(low), low) for low in known if low in above]
    connection.executemany("UPDATE families SET root = ? WHERE root = ?", moved)
    insert = "INSERT INTO families VALUES (?, ?) ON CONFLICT DO NOTHING"
    connection.executemany(insert, ((token, top(low)) for token, low in old.items()))


def _roots(connection: Connection, tokens: Iterable[bytes]) -> tuple[dict[bytes, bytes], set[bytes]]:
    """Return the root of each token, and which roots stand in the table."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS joining (token BLOB PRIMARY KEY) WITHOUT ROWID")
    connection.execute("DELETE FROM joining")
    connection.executemany("INSERT INTO joining VALUES (?)", ((token,) for token in sorted(tokens)))
    sql = "SELECT j.token, f.root FROM joining j LEFT JOIN families f ON f.token = j.token"
    found = {bytes(token): low for token, low in connection.execute(sql)}
    connection.execute("DELETE FROM joining")
    return {token: low or token for token, low in found.items()}, {low for low in found.values() if low is not None}
