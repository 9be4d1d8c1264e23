"""Trainings: which release a trainer was given, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (("trainings", "position"),)
DDL = (
    """CREATE TABLE {schema}.trainings (
        position INTEGER PRIMARY KEY,   -- of its trained event
        release INTEGER NOT NULL,       -- position of the released event
        method TEXT NOT NULL,           -- sft, kto, dpo
        state TEXT NOT NULL,            -- finished, interrupted, failed
        output TEXT NOT NULL            -- base name of the run's folder
    ) STRICT""",
    "CREATE INDEX {schema}.trainings_release ON trainings (release)",
)


def fold(connection: Connection, span: Span) -> None:
    """Add the trainings of the span."""
    if span.has("trained"):
        connection.execute(
            """INSERT INTO trainings SELECT t.position, r.position, json_extract(t.leaf, '$.method'),
                json_extract(t.leaf, '$.state'), json_extract(t.leaf, '$.output')
            FROM told t JOIN event r ON r.op = unhex(json_extract(t.leaf, '$.release')) AND r.kind = 'released'
            WHERE t.position BETWEEN ? AND ? AND t.kind = 'trained'""",
            span.range,
        )


class Training(NamedTuple):
    """One training and the position of the release that it was given; `op` and `leaf` are its event's."""

    position: int
    op: bytes
    leaf: str
    release: int
    method: str
    state: str
    output: str


_SELECT = """SELECT t.position, e.op, e.leaf, t.release, t.method, t.state, t.output
    FROM trainings t JOIN event e ON e.position = t.position"""


def get(connection: Connection, position: int) -> Training | None:
    """Return the training at a position, or None."""
    row = connection.execute(f"{_SELECT} WHERE t.position = ?", (position,)).fetchone()
    return None if row is None else Training(*row)


def listed(connection: Connection, limit: int) -> list[Training]:
    """Return the last trainings, newest first."""
    rows = connection.execute(f"{_SELECT} ORDER BY t.position DESC LIMIT ?", (limit,))
    return [Training(*row) for row in rows]


def named(connection: Connection, output: str) -> list[Training]:
    """Return the trainings whose run's folder has this name, oldest first."""
    rows = connection.execute(f"{_SELECT} WHERE t.output = ? ORDER BY t.position", (output,))
    return [Training(*row) for row in rows]


def of_releases(connection: Connection, releases: Sequence[int]) -> list[Training]:
    """Return the trainings on some releases, oldest first."""
    sql = f"{_SELECT} JOIN json_each(?) j ON j.value = t.release ORDER BY t.position"
    return [Training(*row) for row in connection.execute(sql, (json.dumps(list(releases)),))]
