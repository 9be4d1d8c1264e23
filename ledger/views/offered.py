"""What could be meant by the beginning of an id: a few events of some kinds, for a shell to complete."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.sqlite import Connection
from ledger.views.span import quoted


def ops(connection: Connection, first: bytes, last: bytes, kinds: tuple[str, ...], limit: int) -> Sequence[bytes]:
    """Return up to `limit` ops between two bounds, inclusive, of events of these kinds (none: of any), in order."""
    which = f"AND kind IN ({quoted(kinds)})" if kinds else ""
    sql = f"SELECT op FROM main.event WHERE op BETWEEN ? AND ? {which} ORDER BY op LIMIT ?"  # noqa: S608 - constants
    return [op for (op,) in connection.execute(sql, (first, last, limit))]
