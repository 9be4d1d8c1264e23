"""What a split is dealt by: every sample with its family, where it stands, and the facts that are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ledger.sqlite import Connection
from ledger.views.conditions import Parameters

FACTS = ("campaign", "domain", "label", "source", "tag")
LABELS = ("true", "false", "none")
_COLUMNS = {
    "campaign": "s.campaign",
    "domain": "s.domain",
    "label": "CASE s.label WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'none' END",
    "source": "s.source",
}
_TAG = """(SELECT g.value FROM tags g WHERE g.sample = s.sample AND g.key = {} AND g.withdrawn IS NULL
    ORDER BY g.position DESC LIMIT 1)"""
_ROWS = """SELECT coalesce(f.root, s.token) AS family, s.sample,
        CASE s.split WHEN 'train' THEN 0 WHEN 'val' THEN 1 WHEN 'test' THEN 2 ELSE 3 END,
        s.status = 'erased'{}
    FROM samples s LEFT JOIN families f ON f.token = s.token ORDER BY family"""


class Fact(NamedTuple):
    """Something that is known of a sample: one of FACTS, and for a tag its name."""

    name: str
    tag: str = ""


def samples(connection: Connection, facts: Sequence[Fact]) -> Iterator[tuple[Any, ...]]:
    """Yield (family, sample, place, erased, *facts) of every sample, family by family in the order of their roots.

    The place is 0 train, 1 val, 2 test, 3 none. A fact is a text, or None where the sample has none.
    """
    asked = Parameters()
    columns = [_TAG.format(asked.add(fact.tag)) if fact.name == "tag" else _COLUMNS[fact.name] for fact in facts]
    yield from connection.execute(_ROWS.format("".join(f", {column}" for column in columns)), asked.values)


def last(connection: Connection) -> int:
    """Return the largest handle that a sample has; -1 where there is none."""
    return int(connection.execute("SELECT coalesce(max(sample), -1) FROM samples").fetchone()[0])


def last_ratio(connection: Connection) -> str | None:
    """Return the ratio of the latest assignment as it was recorded; None where nothing is assigned."""
    row = connection.execute(
        """SELECT json_extract(leaf, '$.ratio') FROM told
        WHERE position = (SELECT max(position) FROM splits)"""
    ).fetchone()
    return None if row is None or row[0] is None else str(row[0])


def standing(connection: Connection, handles: Sequence[int]) -> dict[int, tuple[bytes, bytes]]:
    """Return handle -> (id, op of the assignment that stands) for up to a few hundred assigned samples."""
    marks = ",".join("?" * len(handles))
    rows = connection.execute(
        f"""SELECT p.sample, b.op, e.op, max(p.position) FROM splits p JOIN event b ON b.position = p.sample
        JOIN event e ON e.position = p.position WHERE p.sample IN ({marks}) GROUP BY p.sample""",  # noqa: S608
        handles,
    )
    return {sample: (identity, op) for sample, identity, op, _ in rows}
