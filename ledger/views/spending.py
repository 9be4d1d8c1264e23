"""What recipes asked, made and cost: numbers over the tables of `work`, for estimates and for what was gained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.work import SUM, total

_REPLIED = "FROM attempts WHERE recipe = ? AND outcome = 'replied'"


def outputs(connection: Connection, recipe: str) -> list[int]:
    """Return the tokens of each answer that a recipe got, in the order in which they were asked for."""
    return [row[0] for row in connection.execute(f"SELECT output {_REPLIED} AND output IS NOT NULL", (recipe,))]


def read_from_caches(connection: Connection, recipe: str) -> int:
    """Return how many tokens of a recipe's prompts the provider had kept."""
    sql = """SELECT total(json_extract(e.leaf, '$.usage.cache_read')) FROM attempts a
        JOIN main.event e ON e.position = a.ended WHERE a.recipe = ? AND a.outcome = 'replied'"""
    return int(connection.execute(sql, (recipe,)).fetchone()[0])


def questions(connection: Connection, recipe: str) -> list[int]:
    """Return how many questions were answered about each version of a sample, for those whose work has an end."""
    rows = connection.execute(
        f"""SELECT count(DISTINCT call) {_REPLIED} AND (sample, version) IN (
            SELECT parent, version FROM derived WHERE recipe = ? UNION SELECT sample, version FROM failures
            WHERE recipe = ?) GROUP BY sample, version""",  # noqa: S608 - a constant, here and below
        (recipe, recipe, recipe),
    )
    return [row[0] for row in rows]


class Spent(NamedTuple):
    """What one recipe cost, in picodollars, with what is unknown in full; requests, replies, versions asked about."""

    recipe: str
    purpose: str
    provider: str
    model: str
    requests: int
    replies: int
    unknown: int
    versions: int
    pico: int


def spent(connection: Connection, recipe: str | None = None, run: int | None = None) -> list[Spent]:
    """Return what recipes (or one of them, or those of one run) cost, in the order in which they began."""
    where, values = _narrowed(recipe, run)
    rows = connection.execute(
        f"""SELECT a.recipe, a.purpose, a.provider, a.model, count(*), sum(a.outcome IS 'replied'),
            sum(a.outcome IS NULL), count(DISTINCT a.sample || ' ' || a.version), {SUM}
        FROM attempts a {where} GROUP BY a.recipe ORDER BY min(a.position)""",  # noqa: S608
        values,
    )
    return [Spent._make([*row, total(millions, rest)]) for *row, millions, rest in rows]


def judged(connection: Connection, recipe: str | None = None, run: int | None = None) -> dict[str, int]:
    """Return recipe -> picodollars that models took for judging what it made, and what that was made from."""
    where, values = _narrowed(recipe, run, "d")
    rows = connection.execute(
        f"""SELECT d.recipe, {SUM} FROM (SELECT d.recipe, d.child AS sample FROM derived d {where}
            UNION SELECT d.recipe, d.parent FROM derived d {where}) d
        JOIN attempts a ON a.sample = d.sample AND a.purpose = 'judge' GROUP BY d.recipe""",  # noqa: S608 - constants
        (*values, *values),
    )
    return {name: total(millions, rest) for name, millions, rest in rows}


class Derived(NamedTuple):
    """One sample that a recipe made; the versions are rows of blob, the labels and statuses those that stand."""

    recipe: str
    kind: str
    parent: int
    parent_version: int
    child: int
    child_version: int
    status: str
    same_text: int
    templated: int


def derived(connection: Connection, recipe: str | None = None, run: int | None = None) -> Iterator[Derived]:
    """Yield what recipes (or one of them, or those of one run) made, in the order of birth.

    `same_text` says that parent and child teach the same; `templated` that the last look at any field for templates
    found the child in a family.
    """
    where, values = _narrowed(recipe, run, "d")
    rows = connection.execute(
        f"""SELECT d.recipe, e.kind, d.parent, d.version, d.child, c.version, c.status,
            json_extract(e.leaf, '$.fingerprint') IS (SELECT json_extract(x.leaf, '$.fingerprint') FROM main.event x
                WHERE x.blob = d.version AND x.position IN (SELECT d.parent UNION SELECT v.position FROM versions v
                    WHERE v.sample = d.parent) ORDER BY x.position DESC LIMIT 1),
            EXISTS (SELECT 1 FROM template_members m WHERE m.fingerprint = c.fingerprint)
        FROM derived d JOIN samples c ON c.sample = d.child JOIN main.event e ON e.position = d.child
        {where} ORDER BY d.child""",  # noqa: S608
        values,
    )
    for row in rows:
        yield Derived(*row)


def templated(connection: Connection, recipe: str | None = None, run: int | None = None) -> list[tuple[str, str, int]]:
    """Return (recipe, field, samples) of what recipes made that a last look at a field found in a family."""
    where, values = _narrowed(recipe, run, "d")
    rows = connection.execute(
        f"""SELECT d.recipe, m.field, count(DISTINCT d.child) FROM derived d JOIN samples c ON c.sample = d.child
        JOIN template_members m ON m.fingerprint = c.fingerprint
        {where} GROUP BY 1, 2 ORDER BY 1, 2""",  # noqa: S608
        values,
    )
    return rows.fetchall()


def failed(connection: Connection, recipe: str | None = None, run: int | None = None) -> list[tuple[str, str, int]]:
    """Return (recipe, failure, versions) of the work that has no result still, most frequent first."""
    where, values = _narrowed(recipe, run, "f")
    rows = connection.execute(
        f"""SELECT f.recipe, f.failure, count(*) FROM (
            SELECT f.recipe, f.failure, f.run, max(f.position) FROM failures f
            WHERE NOT EXISTS (SELECT 1 FROM derived d
                WHERE d.parent = f.sample AND d.recipe = f.recipe AND d.version = f.version)
            GROUP BY f.recipe, f.sample, f.version) f
        {where} GROUP BY 1, 2 ORDER BY f.recipe, count(*) DESC, f.failure""",  # noqa: S608
        values,
    )
    return rows.fetchall()


class Pair(NamedTuple):
    """One dimension of a parent's version and of a child's, in millionths, by one measure (a row of `measures`)."""

    recipe: str
    measure: int
    before: int
    after: int
    status: str


def pairs(connection: Connection, recipe: str | None = None, run: int | None = None) -> Iterator[Pair]:
    """Yield the scores of parents and their children by the same measure, each the last that the version got."""
    where, values = _narrowed(recipe, run, "d")
    rows = connection.execute(
        f"""SELECT d.recipe, b.measure, b.value, a.value, c.status
        FROM derived d JOIN samples c ON c.sample = d.child
        JOIN scores b ON b.sample = d.parent AND b.version = d.version
        JOIN scores a ON a.sample = d.child AND a.version = c.version AND a.measure = b.measure
        {where or "WHERE 1"}
            AND b.position = (SELECT max(position) FROM scores x
                WHERE x.sample = b.sample AND x.measure = b.measure AND x.version = b.version)
            AND a.position = (SELECT max(position) FROM scores x
                WHERE x.sample = a.sample AND x.measure = a.measure AND x.version = a.version)
        ORDER BY d.child, b.measure""",  # noqa: S608
        values,
    )
    for row in rows:
        yield Pair(*row)


def frozen(connection: Connection, recipe: str) -> int | None:
    """Return the row of blob that holds a recipe as it was frozen, or None where no work was planned by it."""
    row = connection.execute(
        """SELECT e.blob FROM plans p JOIN main.event e ON e.position = p.position WHERE p.recipe = ?
        ORDER BY p.position LIMIT 1""",
        (recipe,),
    ).fetchone()
    return None if row is None else row[0]


def recipes(connection: Connection) -> list[tuple[str, str]]:
    """Return (recipe, purpose) of all that was derived or tried to be, in the order in which they began."""
    return connection.execute(
        """SELECT recipe, min(purpose) FROM (
            SELECT d.recipe, replace(replace(e.kind, 'improved', 'improve'), 'regenerated', 'regenerate') AS purpose,
                d.child AS position FROM derived d JOIN main.event e ON e.position = d.child
            UNION ALL SELECT recipe, purpose, position FROM plans WHERE purpose <> 'judge')
        GROUP BY recipe ORDER BY min(position)""",
    ).fetchall()


def _narrowed(recipe: str | None, run: int | None, table: str = "a") -> tuple[str, tuple[object, ...]]:
    asked = [(f"{table}.recipe = ?", recipe), (f"{table}.run = ?", run)]
    kept = [(text, value) for text, value in asked if value is not None]
    return (f"WHERE {' AND '.join(text for text, _ in kept)}" if kept else ""), tuple(value for _, value in kept)
