"""Families: samples that belong together because they share a prompt, descend from one another, or nearly say the same.

A sample's token is its prompt fingerprint, or its fingerprint where nothing stands before the completion. Most families
are one token, which is then their root, and need no row here. An edge between two tokens (a child or an edit whose
prompt differs) joins them, for good: also where the edit is withdrawn, since the sample was there. Two whole texts that
were found alike join theirs as long as no later look at them takes that back. The root of a joined family is its
smallest token, so neither order nor batches matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.sqlite import Connection
from ledger.views.near import WHOLE
from ledger.views.span import Span

TABLES = (("families", "token"),)
DDL = (
    """CREATE TABLE {schema}.families (
        token BLOB PRIMARY KEY,
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


def fold(connection: Connection, span: Span) -> None:
    """Join the families that the span's edits and derivations tie together; all anew where texts were looked at."""
    first = span.first
    if span.has("duplicates_found"):
        first = 0
        connection.execute("DELETE FROM families")
        _join(connection, connection.execute(_ALIKE).fetchall())
    elif not span.has("edited", "improved", "regenerated"):
        return
    edges = connection.execute(_EDGES, {"first": first, "last": span.last}).fetchall()
    _join(connection, [edge for edge in edges if edge[0] != edge[1]])


def root(connection: Connection, token: bytes) -> bytes:
    """Return the root of a token's family."""
    row = connection.execute("SELECT root FROM families WHERE token = ?", (token,)).fetchone()
    return token if row is None else bytes(row[0])


def _join(connection: Connection, edges: Sequence[tuple[bytes, bytes]]) -> None:
    """Join the families of each pair of tokens: union-find in memory over the roots that they have in the table."""
    old = {token: root(connection, token) for edge in edges for token in edge}
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
    connection.executemany("UPDATE families SET root = ? WHERE root = ?", [(top(low), low) for low in list(above)])
    insert = "INSERT INTO families VALUES (?, ?) ON CONFLICT DO NOTHING"
    connection.executemany(insert, [(token, top(low)) for token, low in old.items()])
