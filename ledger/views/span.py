"""The stretch of the log that one fold takes in, and the samples that it is about."""

from __future__ import annotations

from typing import NamedTuple

from ledger.event import BIRTHS
from ledger.sqlite import Connection


class Span(NamedTuple):
    """Events `first` to `last`, inclusive, and the kinds that occur among them."""

    first: int
    last: int
    kinds: frozenset[str]

    def has(self, *kinds: str) -> bool:
        """Say whether any of these kinds occurs."""
        return not self.kinds.isdisjoint(kinds)

    @property
    def range(self) -> tuple[int, int]:
        """Return the two positions, as parameters of `BETWEEN ? AND ?`."""
        return (self.first, self.last)


def touch(connection: Connection, span: Span) -> None:
    """Fill the temporary table `touched` with the samples that the span's events are about."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS touched (sample INTEGER PRIMARY KEY)")
    connection.execute("DELETE FROM touched")
    connection.execute(
        "INSERT OR IGNORE INTO touched SELECT sample FROM event WHERE position BETWEEN ? AND ? AND sample IS NOT NULL",
        span.range,
    )
    if span.has("improved", "regenerated"):  # a result ends what was said of the work on its parent
        connection.execute(
            """INSERT OR IGNORE INTO touched SELECT p.position
            FROM told t JOIN main.event p ON p.op = unhex(json_extract(t.leaf, '$.parent'))
            WHERE t.position BETWEEN ? AND ? AND t.kind IN ('improved', 'regenerated')""",
            span.range,
        )
    if span.has("erased"):  # an erasure is about bytes, so it may be about many samples
        connection.execute(
            """INSERT OR IGNORE INTO touched SELECT sample FROM samples WHERE version IN
                (SELECT blob FROM event WHERE position BETWEEN ? AND ? AND kind = 'erased')""",
            span.range,
        )


def quoted(kinds: tuple[str, ...]) -> str:
    """Return kind names as a list for SQL's IN; they are this program's constants, never data."""
    return ", ".join(f"'{kind}'" for kind in kinds)


BORN = quoted(BIRTHS)
