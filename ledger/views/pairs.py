"""Pairs: a poor text beside a better one, told apart by a parent edge, or by one prompt under both labels."""

from __future__ import annotations

from typing import NamedTuple

from ledger.sqlite import Connection

_EDGES = """SELECT l.child, l.parent, l.how FROM lineage l WHERE l.child < ?1 ORDER BY l.child DESC LIMIT ?2"""
_BESIDE = """SELECT s.sample, min(o.sample) FROM samples s CROSS JOIN samples o INDEXED BY samples_false
        ON o.prompt = s.prompt AND o.label = 0 AND o.prompt IS NOT NULL AND o.status <> 'erased'
    WHERE s.sample < ?1 AND s.sample >= ?2 AND s.label = 1 AND s.status <> 'erased' AND s.fingerprint <> o.fingerprint
    GROUP BY s.sample ORDER BY s.sample DESC LIMIT ?3"""
LOOKED_AT = 20_000
"""Samples that one page of pairs of one prompt looks at."""
LAST = 2**62


class Pair(NamedTuple):
    """Two samples (handles): the poor one, the better one, and what ties them: improved, regenerated, prompt."""

    poor: int
    better: int
    how: str


def derived(connection: Connection, before: int, limit: int) -> tuple[list[Pair], int | None]:
    """Return parents beside their children born before a position, the newest first, and where to go on or None."""
    rows = connection.execute(_EDGES, (before, limit + 1))
    return _page([Pair(parent, child, how) for child, parent, how in rows], limit, None)


def of_prompt(connection: Connection, before: int, limit: int) -> tuple[list[Pair], int | None]:
    """Return true samples beside the oldest false one with their prompt and another text, the newest first.

    Also where to go on (`before`): a page looks at so many samples at most, so it may hold fewer pairs than `limit`.
    """
    row = connection.execute("SELECT max(sample) FROM samples WHERE sample < ?", (before,)).fetchone()
    if row[0] is None:
        return [], None
    reach = connection.execute(
        "SELECT min(sample) FROM (SELECT sample FROM samples WHERE sample < ? ORDER BY sample DESC LIMIT ?)",
        (before, LOOKED_AT),
    ).fetchone()[0]
    (more,) = connection.execute("SELECT EXISTS (SELECT 1 FROM samples WHERE sample < ?)", (reach,)).fetchone()
    rows = connection.execute(_BESIDE, (before, reach, limit + 1))
    return _page([Pair(poor, better, "prompt") for better, poor in rows], limit, reach if more else None)


def _page(found: list[Pair], limit: int, reach: int | None) -> tuple[list[Pair], int | None]:
    """Return the pairs of one page, and where the next begins: after them, or where looking ended."""
    return (found[:limit], found[limit - 1].better) if len(found) > limit else (found, reach)
