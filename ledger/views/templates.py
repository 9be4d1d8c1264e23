"""Templates: families of texts that repeat one phrase, as the last look at a field found them."""

from __future__ import annotations

from typing import NamedTuple

from ledger.rule import Tag
from ledger.sqlite import Connection
from ledger.views.conditions import Parameters, tag_value
from ledger.views.span import Span

TABLES = (
    ("template_looks", "position"),
    ("template_families", "field, scope, family"),
    ("template_members", "field, scope, batch, fingerprint"),
)
DDL = (
    """CREATE TABLE {schema}.template_looks (
        position INTEGER PRIMARY KEY,   -- of the templates_found event
        field TEXT NOT NULL,
        scope TEXT NOT NULL,            -- the campaign; '': all
        texts INTEGER NOT NULL,         -- that have the field
        templated INTEGER NOT NULL,     -- of them in a family
        in_force INTEGER NOT NULL,
        recipe TEXT NOT NULL,           -- as JSON
        families INTEGER NOT NULL       -- row of what was found in blob
    ) STRICT""",
    """CREATE TABLE {schema}.template_families (
        field TEXT NOT NULL,
        scope TEXT NOT NULL,
        family INTEGER NOT NULL,        -- its place, the largest is 0
        batch TEXT NOT NULL,            -- '=' and the source that it was found in by itself; '': in all
        phrase TEXT NOT NULL,
        samples INTEGER NOT NULL,       -- that had it when it was looked for
        of INTEGER NOT NULL,            -- samples that were searched together
        examples TEXT NOT NULL,         -- ids of some, as JSON
        PRIMARY KEY (field, scope, family)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE {schema}.template_members (
        field TEXT NOT NULL,
        scope TEXT NOT NULL,
        batch TEXT NOT NULL,            -- as that of its family
        fingerprint BLOB NOT NULL,
        family INTEGER NOT NULL,
        PRIMARY KEY (field, scope, batch, fingerprint)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX {schema}.template_members_family ON template_members (field, scope, family)",
)
INDEXES = ("CREATE INDEX {schema}.template_members_fingerprint ON template_members (fingerprint)",)

IN_BATCH = "m.batch IN ('', '=' || coalesce(s.source, ''))"
"""SQL for whether a membership `m` holds for a sample `s`: its text was searched with all, or with its own batch."""

_EACH = "FROM told d JOIN blob b ON b.id = d.blob, json_each(CAST(b.body AS TEXT), '$.families') f"
_FAMILIES = f"""INSERT INTO template_families SELECT ?1, ?2, f.key, json_extract(f.value, '$.batch'),
    json_extract(f.value, '$.phrase'), json_extract(f.value, '$.rows'), json_extract(f.value, '$.of'),
    json_extract(f.value, '$.examples') {_EACH} WHERE d.position = ?3"""
_MEMBERS = f"""INSERT OR IGNORE INTO template_members SELECT ?1, ?2, json_extract(f.value, '$.batch'),
    unhex(m.value), f.key
    {_EACH}, json_each(f.value, '$.members') m WHERE d.position = ?3"""


class Look(NamedTuple):
    """One look at the texts of a field; `op` is its event's, `families` what it stored (None: erased since)."""

    position: int
    op: bytes
    field: str
    scope: str
    texts: int
    templated: int
    recipe: str
    families: bytes | None


class Family(NamedTuple):
    """Samples whose texts repeat one phrase, out of how many, in which batch ('': all); ids of some of them."""

    family: int
    batch: str
    phrase: str
    samples: int
    of: int
    examples: str


def fold(connection: Connection, span: Span) -> None:
    """Take in the looks of the span; each takes the place of the one before it."""
    if not span.has("templates_found"):
        return
    found = connection.execute(
        """SELECT position, json_extract(leaf, '$.field'), coalesce(json_extract(leaf, '$.campaign'), ''),
            json_extract(leaf, '$.texts'), json_extract(leaf, '$.templated'), json_extract(leaf, '$.recipe'), blob
        FROM told WHERE kind = 'templates_found' AND position BETWEEN ? AND ? ORDER BY position""",
        span.range,
    ).fetchall()
    for position, field, scope, texts, templated, recipe, blob in found:
        for table in ("template_families", "template_members"):
            connection.execute(f"DELETE FROM {table} WHERE field = ? AND scope = ?", (field, scope))  # noqa: S608 - constants
        connection.execute("UPDATE template_looks SET in_force = 0 WHERE field = ? AND scope = ?", (field, scope))
        looked = (position, field, scope, texts, templated, 1, recipe, blob)
        connection.execute("INSERT INTO template_looks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", looked)
        connection.execute(_FAMILIES, (field, scope, position))
        connection.execute(_MEMBERS, (field, scope, position))


def last(connection: Connection, field: str, scope: str) -> Look | None:
    """Return the last look at a field and scope, which is the one that stands."""
    row = connection.execute(
        """SELECT l.position, e.op, l.field, l.scope, l.texts, l.templated, l.recipe, b.body FROM template_looks l
        JOIN event e ON e.position = l.position JOIN blob b ON b.id = l.families
        WHERE l.field = ? AND l.scope = ? AND l.in_force""",
        (field, scope),
    ).fetchone()
    return None if row is None else Look(*row)


def families(connection: Connection, field: str, scope: str) -> list[Family]:
    """Return the families of a field and scope, the largest first."""
    sql = """SELECT family, batch, phrase, samples, of, examples FROM template_families
        WHERE field = ? AND scope = ? ORDER BY family"""
    return [Family(*row) for row in connection.execute(sql, (field, scope))]


class Spread(NamedTuple):
    """How many samples of a family have one value of something."""

    family: int
    value: str
    samples: int


def spread(connection: Connection, field: str, scope: str, by: str) -> list[Spread]:
    """Return how the samples of each family spread over `campaign`, `source` or a tag (`tag.NAME`)."""
    parameters = Parameters({"field": field, "scope": scope})
    columns = {"campaign": "s.campaign", "source": "coalesce(s.source, '')"}
    column = columns[by] if by in columns else tag_value(Tag(by.removeprefix("tag.")), parameters)
    rows = connection.execute(
        f"""SELECT m.family, {column}, count(*) FROM template_members m JOIN samples s ON s.fingerprint = m.fingerprint
        WHERE m.field = :field AND m.scope = :scope AND {IN_BATCH} AND (:scope = '' OR s.campaign = :scope)
            AND s.status <> 'erased'
        GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2""",  # noqa: S608 - columns of this program; the tag's name is a parameter
        parameters.values,
    )
    return [Spread(*row) for row in rows]
