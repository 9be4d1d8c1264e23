"""What could be meant by a beginning: a few events of some kinds, sources, actors; for a shell to complete."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.sqlite import Connection
from ledger.views.span import quoted


def ops(connection: Connection, first: bytes, last: bytes, kinds: tuple[str, ...], limit: int) -> Sequence[bytes]:
    """Return up to `limit` ops between two bounds, inclusive, of events of these kinds (none: of any), in order."""
    which = f"AND kind IN ({quoted(kinds)})" if kinds else ""
    sql = f"SELECT op FROM main.event WHERE op BETWEEN ? AND ? {which} ORDER BY op LIMIT ?"  # noqa: S608 - constants
    return [op for (op,) in connection.execute(sql, (first, last, limit))]


def sources(connection: Connection) -> list[str]:
    """Return the sources that samples came from."""
    return [name for (name,) in connection.execute("SELECT DISTINCT source FROM sources WHERE source <> ''")]


def actors(connection: Connection) -> list[str]:
    """Return who ever ran a command that changed the ledger."""
    return [name for (name,) in connection.execute("SELECT DISTINCT actor FROM runs")]
