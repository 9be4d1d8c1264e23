"""Relabelings: labels given after the one that the envelope brought."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (("labels", "position"),)
DDL = (
    """CREATE TABLE {schema}.labels (
        position INTEGER PRIMARY KEY,
        sample INTEGER NOT NULL,
        label INTEGER,
        authority TEXT NOT NULL,        -- person, policy, agent, import; a person outranks
        reason TEXT NOT NULL,
        withdrawn INTEGER,
        rule TEXT                       -- of a policy: the names of all that hold, joined with +
    ) STRICT""",
    "CREATE INDEX {schema}.labels_sample ON labels (sample)",
    "CREATE INDEX {schema}.labels_person ON labels (sample) WHERE authority = 'person' AND withdrawn IS NULL",
)


def fold(connection: Connection, span: Span) -> None:
    """Add the relabelings of the span."""
    if span.has("relabeled"):
        connection.execute(
            """INSERT INTO labels SELECT position, sample, json_extract(leaf, '$.label'),
                json_extract(leaf, '$.authority'),
                json_extract(leaf, '$.reason'), NULL, json_extract(leaf, '$.rule')
            FROM told WHERE position BETWEEN ? AND ? AND kind = 'relabeled'""",
            span.range,
        )


class Relabeling(NamedTuple):
    """One relabeling; `version` is the row of the blob that it is about."""

    position: int
    label: int | None
    authority: str
    reason: str
    version: int
    withdrawn: int | None


def history(connection: Connection, handles: Sequence[int]) -> dict[int, list[Relabeling]]:
    """Return sample -> its relabelings, oldest first, for up to a few hundred samples; none for those without."""
    marks = ",".join("?" * len(handles))
    rows = connection.execute(
        f"""SELECT l.sample, l.position, l.label, l.authority, l.reason, e.blob, l.withdrawn
        FROM labels l JOIN event e ON e.position = l.position WHERE l.sample IN ({marks}) ORDER BY l.position""",  # noqa: S608
        handles,
    )
    found: dict[int, list[Relabeling]] = {}
    for sample, *given in rows:
        found.setdefault(sample, []).append(Relabeling(*given))
    return found
