"""Tags of samples, as their births brought them and as people set them."""

from __future__ import annotations

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
    "CREATE INDEX {schema}.tags_sample ON tags (sample, key)",
)


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
