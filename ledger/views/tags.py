"""Tags of samples, as their births brought them and as people set them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.event import BIRTHS
from ledger.sqlite import Connection
from ledger.views.span import BORN, Span

TABLES = (("tags", "position, key"),)
DDL = (
    """CREATE TABLE {schema}.tags (
        position INTEGER NOT NULL,
        key TEXT NOT NULL,
        sample INTEGER NOT NULL,
        value TEXT,                     -- NULL: removed
        withdrawn INTEGER,
        PRIMARY KEY (position, key)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX {schema}.tags_group ON tags (sample) WHERE key = 'group'",  # families are folded from these
)
GROUPS = """SELECT sample, value, max(position) AS position FROM tags
    WHERE key = 'group' AND withdrawn IS NULL GROUP BY sample"""
"""SQL for the tag `group` of each sample as it stands, and where it was set; a value of NULL or '' is no group."""

INDEXES = ("CREATE INDEX {schema}.tags_sample ON tags (sample, key)",)


def fold(connection: Connection, span: Span) -> None:
    """Add the tags of the span."""
    if span.has(*BIRTHS):
        connection.execute(
            f"""INSERT INTO tags
            SELECT t.position, json_extract(j.value, '$[0]'), t.position, json_extract(j.value, '$[1]'), NULL
            FROM told t, json_each(t.leaf, '$.tags') j
            WHERE t.position BETWEEN ? AND ? AND t.kind IN ({BORN}) AND instr(t.leaf, '"tags":[]') = 0""",  # noqa: S608
            span.range,
        )
    if span.has("tagged"):
        connection.execute(
            """INSERT INTO tags
            SELECT position, json_extract(leaf, '$.key'), sample, json_extract(leaf, '$.value'), NULL
            FROM told WHERE position BETWEEN ? AND ? AND kind = 'tagged'""",
            span.range,
        )


def of_sample(connection: Connection, sample: int) -> dict[str, str]:
    """Return the tags that stand, by name."""
    rows = connection.execute(
        """SELECT key, value, max(position) FROM tags
        WHERE sample = ? AND withdrawn IS NULL GROUP BY key ORDER BY key""",
        (sample,),
    )
    return {key: value for key, value, _ in rows if value is not None}


def of_samples(connection: Connection, handles: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return sample -> the tags that stand, by name, for up to a few hundred samples; none for those without tags."""
    marks = ",".join("?" * len(handles))
    rows = connection.execute(
        f"""SELECT sample, key, value, max(position) FROM tags
        WHERE sample IN ({marks}) AND withdrawn IS NULL GROUP BY sample, key ORDER BY sample, key""",  # noqa: S608
        handles,
    )
    found: dict[int, dict[str, str]] = {}
    for sample, key, value, _ in rows:
        if value is not None:
            found.setdefault(sample, {})[key] = value
    return found


class Tagging(NamedTuple):
    """One value that a tag was given; None: it was removed."""

    position: int
    value: str | None
    withdrawn: int | None


def history(connection: Connection, handles: Sequence[int], key: str) -> dict[int, list[Tagging]]:
    """Return sample -> what one tag was set to, oldest first, for up to a few hundred samples."""
    marks = ",".join("?" * len(handles))
    rows = connection.execute(
        f"""SELECT sample, position, value, withdrawn FROM tags
        WHERE sample IN ({marks}) AND key = ? ORDER BY position""",  # noqa: S608 - question marks
        (*handles, key),
    )
    found: dict[int, list[Tagging]] = {}
    for sample, *set_to in rows:
        found.setdefault(sample, []).append(Tagging(*set_to))
    return found
