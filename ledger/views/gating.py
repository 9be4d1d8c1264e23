"""What gates count about a plan's rows: questions to `taken`, with the samples that show it; nothing is kept.

Every function returns a Counted: how many, of how many, and handles of up to EXAMPLES samples in the order of birth.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.planned import drop

EXAMPLES = 5

_TABLES = ("crossing", "crossed", "shared", "looked")
_FAMILY = "coalesce(f.root, s.token)"
_CROSSING = f"""CREATE TEMP TABLE crossing AS SELECT {_FAMILY} AS family
    FROM samples s LEFT JOIN families f ON f.token = s.token
    WHERE s.split IS NOT NULL AND s.status <> 'erased' GROUP BY 1 HAVING min(s.split) <> max(s.split)"""  # noqa: S608 - constants
_CROSSED = f"""CREATE TEMP TABLE crossed AS
    SELECT s.sample AS sample, {_FAMILY} AS family, s.fingerprint AS fingerprint, s.split AS split,
        t.split AS taken
    FROM samples s LEFT JOIN families f ON f.token = s.token LEFT JOIN taken t ON t.sample = s.sample
    WHERE s.split IS NOT NULL AND s.status <> 'erased' AND {_FAMILY} IN (SELECT family FROM temp.crossing)"""  # noqa: S608 - likewise
_LEAKS = """FROM temp.crossed GROUP BY {by} HAVING min(split) <> max(split)
    AND (max(taken IS 'train') OR coalesce(min(taken) <> max(taken), 0))"""
_SHARED = """CREATE TEMP TABLE shared AS SELECT fingerprint, count(*) AS samples
    FROM taken GROUP BY fingerprint HAVING count(*) > 1"""
_CONTRADICTED = """FROM taken t CROSS JOIN samples s ON s.fingerprint = t.fingerprint
    WHERE s.label <> t.label AND (s.sample IN (SELECT sample FROM taken)
        OR (s.split IS t.split AND s.status IN ({marks})))"""
_NEAR = """FROM near n JOIN samples a ON a.fingerprint = n.first JOIN samples b ON b.fingerprint = n.second
    LEFT JOIN taken x ON x.sample = a.sample LEFT JOIN taken y ON y.sample = b.sample
    WHERE n.field = :field AND n.scope = '' AND a.split <> b.split AND a.status <> 'erased' AND b.status <> 'erased'
        AND (x.split IS 'train' OR y.split IS 'train' OR (x.sample IS NOT NULL AND y.sample IS NOT NULL))"""
_LOOKED = """CREATE TEMP TABLE looked AS SELECT t.sample AS sample, max(v.position) AS position, v.errors AS errors
    FROM validations v CROSS JOIN taken t ON t.sample = v.sample AND t.version = v.version GROUP BY t.sample"""
_FOUND = "FROM temp.looked l CROSS JOIN findings f ON f.position = l.position WHERE f.rule IN ({marks})"
_MEMBERS = """FROM template_members m JOIN samples s ON s.fingerprint = m.fingerprint
    JOIN taken t ON t.sample = s.sample
    WHERE m.field = ? AND m.scope = '' AND m.batch IN ('', '=' || coalesce(s.source, ''))"""


class Counted(NamedTuple):
    """How many, of how many, and samples that show it."""

    number: int
    total: int
    examples: Sequence[int] = ()


@contextmanager
def asked(connection: Connection) -> Iterator[None]:
    """Hold the temporary tables that several questions share."""
    drop(connection, *_TABLES)
    try:
        connection.execute(_CROSSING)
        if connection.execute("SELECT 1 FROM temp.crossing LIMIT 1").fetchone() is None:
            connection.execute("CREATE TEMP TABLE crossed (sample, family, fingerprint, split, taken)")
        else:
            connection.execute(_CROSSED)
        connection.execute(_SHARED)
        connection.execute(_LOOKED)
        yield
    finally:
        drop(connection, *_TABLES)


def size(connection: Connection) -> tuple[int, int]:
    """Return how many samples and rows are taken."""
    samples, rows = connection.execute("SELECT count(*), coalesce(sum(rows), 0) FROM taken").fetchone()
    return samples, rows


def leaking(connection: Connection, by: str) -> Counted:
    """Return how many families, or texts (`fingerprint`), with a row here stand in two splits, one of them train.

    Two splits of the rows themselves count as well. The total is not counted. Examples are rows of the view.
    """
    leaks = _LEAKS.format(by=by)
    count = connection.execute(f"SELECT count(*) FROM (SELECT 1 {leaks})").fetchone()[0]  # noqa: S608 - names of columns
    found = f"""SELECT sample FROM temp.crossed WHERE taken IS NOT NULL AND {by} IN (SELECT {by} {leaks})
        ORDER BY sample LIMIT {EXAMPLES}"""  # noqa: S608 - likewise
    return Counted(count, 0, _first(connection, found))


def near_twins(connection: Connection, field: str) -> Counted | None:
    """Return how many pairs of near twins by a field have a row here and stand in two splits; None: nobody looked."""
    looked = "SELECT 1 FROM near_looks WHERE field = ? AND scope = '' AND in_force"
    if connection.execute(looked, (field,)).fetchone() is None:
        return None
    named = {"field": field}
    count = connection.execute(f"SELECT count(*) {_NEAR}", named).fetchone()[0]
    found = f"SELECT coalesce(x.sample, y.sample) {_NEAR} ORDER BY 1 LIMIT {EXAMPLES}"
    return Counted(count, 0, list(dict.fromkeys(row[0] for row in connection.execute(found, named))))


def contradicted(connection: Connection, statuses: Collection[str]) -> Counted:
    """Return how many fingerprints here have the other label too: here, or beside it in its split of the ledger.

    Only samples of the given statuses contradict; a rejected twin does not.
    """
    values = sorted(statuses)
    told = _CONTRADICTED.format(marks=_marks(values))
    count = connection.execute(f"SELECT count(DISTINCT t.fingerprint) {told}", values).fetchone()[0]
    found = f"SELECT DISTINCT t.sample {told} ORDER BY t.sample LIMIT {EXAMPLES}"
    return Counted(count, 0, [row[0] for row in connection.execute(found, values)] if count else ())


def repeated(connection: Connection) -> Counted:
    """Return how many samples stand here beside another one with the same fingerprint; one of each is not counted."""
    more, total = connection.execute(
        "SELECT (SELECT coalesce(sum(samples - 1), 0) FROM temp.shared), (SELECT count(*) FROM taken)"
    ).fetchone()
    return Counted(more, total, _sharing(connection) if more else ())


def looked_at(connection: Connection) -> int:
    """Return how many samples were validated in their current version."""
    return int(connection.execute("SELECT count(*) FROM temp.looked").fetchone()[0])


def failed(connection: Connection) -> Counted:
    """Return how many samples have an error in their latest validation, of those validated."""
    count, total = connection.execute("SELECT coalesce(sum(errors > 0), 0), count(*) FROM temp.looked").fetchone()
    sql = f"SELECT sample FROM temp.looked WHERE errors > 0 ORDER BY sample LIMIT {EXAMPLES}"  # noqa: S608 - a number
    return Counted(count, total, _first(connection, sql) if count else ())


def with_findings(connection: Connection, rules: Collection[str], prompts: Collection[bytes] = ()) -> Counted:
    """Return how many samples have a finding of one of the rules, or one of some prompts; of all samples."""
    found = f"SELECT l.sample AS sample {_FOUND.format(marks=_marks(rules))}"
    values: list[str | bytes] = [*rules]
    if prompts:
        found += f""" UNION SELECT t.sample FROM taken t JOIN samples s ON s.sample = t.sample
            WHERE s.prompt IN ({_marks(prompts)})"""  # noqa: S608 - question marks
        values += prompts
    return _of_samples(connection, f"SELECT DISTINCT sample FROM ({found})", values)  # noqa: S608 - likewise


def not_validated(connection: Connection) -> Counted:
    """Return how many samples nobody validated in their current version."""
    sql = "SELECT sample FROM taken WHERE sample NOT IN (SELECT sample FROM temp.looked)"
    return _of_samples(connection, sql)


def unscored(connection: Connection) -> Counted | None:
    """Return how many samples have no score of their current version; None where nothing was ever scored."""
    if connection.execute("SELECT 1 FROM scores LIMIT 1").fetchone() is None:
        return None
    sql = """SELECT t.sample AS sample FROM taken t WHERE NOT EXISTS
        (SELECT 1 FROM scores c WHERE c.sample = t.sample AND c.version = t.version)"""
    return _of_samples(connection, sql)


def pending(connection: Connection) -> Counted:
    """Return how many samples nothing has decided about."""
    return _of_samples(connection, "SELECT sample FROM taken WHERE status IN ('pending', 'errored')")


def longer(connection: Connection, size_in_bytes: int) -> Counted:
    """Return how many samples have a version of at least so many bytes."""
    sql = "SELECT t.sample AS sample FROM taken t CROSS JOIN blob b ON b.id = t.version WHERE b.size >= ?"
    return _of_samples(connection, sql, [size_in_bytes])


def largest_template(connection: Connection, field: str | None) -> tuple[str, Counted] | None:
    """Return the field and the rows of the template that most rows have, by the last looks at all samples.

    None where nobody looked (at that field).
    """
    sql = "SELECT field FROM template_looks WHERE in_force AND scope = '' AND (?1 IS NULL OR field = ?1) ORDER BY field"
    fields = [row[0] for row in connection.execute(sql, (field,)).fetchall()]
    total = size(connection)[1]
    largest: tuple[int, str, int] | None = None
    for name in fields:
        rows = f"SELECT sum(t.rows), m.family {_MEMBERS} GROUP BY m.family ORDER BY 1 DESC, 2 LIMIT 1"
        row = connection.execute(rows, (name,)).fetchone()
        if row is not None and (largest is None or row[0] > largest[0]):
            largest = (row[0], name, row[1])
    if largest is None:
        return ("", Counted(0, total)) if fields else None
    count, name, family = largest
    shown = f"SELECT DISTINCT t.sample {_MEMBERS} AND m.family = ? ORDER BY t.sample LIMIT {EXAMPLES}"
    return name, Counted(count, total, [row[0] for row in connection.execute(shown, (name, family))])


def names_in(connection: Connection, tag: str | None) -> list[str]:
    """Return the different values of a tag, or (None) the sources, of the samples here; sorted."""
    if tag is None:
        sql = "SELECT DISTINCT s.source FROM taken t JOIN samples s ON s.sample = t.sample"
    else:
        sql = f"SELECT DISTINCT {_TAG} FROM taken s"  # noqa: S608 - a constant
    return sorted(row[0] for row in connection.execute(sql, () if tag is None else (tag,)) if row[0] is not None)


def labels(connection: Connection) -> dict[int | None, int]:
    """Return label -> rows."""
    return dict(connection.execute("SELECT label, sum(rows) FROM taken GROUP BY label").fetchall())


def one_label(connection: Connection, batch: int) -> Counted:
    """Return how many windows of `batch` places hold one label only, of all windows."""
    count, total = connection.execute(
        """SELECT coalesce(sum(alone), 0), count(*) FROM (SELECT min(t.label) IS max(t.label) AS alone
            FROM planned p CROSS JOIN taken t ON t.sample = p.sample GROUP BY p.place / ?)""",
        (batch,),
    ).fetchone()
    sql = f"""SELECT min(t.sample) FROM planned p CROSS JOIN taken t ON t.sample = p.sample GROUP BY p.place / ?
        HAVING min(t.label) IS max(t.label) ORDER BY min(p.place) LIMIT {EXAMPLES}"""  # noqa: S608 - a number
    return Counted(count, total, _first(connection, sql, [batch]) if count else ())


def one_prompt(connection: Connection, batch: int) -> Counted:
    """Return how many windows of `batch` places hold a prompt twice; the total is not counted."""
    again = """FROM planned p CROSS JOIN samples s ON s.sample = p.sample WHERE s.prompt IS NOT NULL
        GROUP BY p.place / ?, s.prompt HAVING count(*) > 1"""
    sql = f"SELECT count(DISTINCT w) FROM (SELECT p.place / ? AS w {again})"  # noqa: S608 - constants
    count = connection.execute(sql, (batch, batch)).fetchone()[0]
    shown = f"SELECT min(s.sample) {again} ORDER BY min(p.place) LIMIT {EXAMPLES}"
    return Counted(count, 0, _first(connection, shown, [batch]) if count else ())


_TAG = """(SELECT g.value FROM tags g WHERE g.sample = s.sample AND g.key = ? AND g.withdrawn IS NULL
    ORDER BY g.position DESC LIMIT 1)"""
_HAVE = {
    "all": "true",
    "campaign": "s.campaign = ?",
    "domain": "s.domain = ?",
    "label": "CASE s.label WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'none' END = ?",
    "tag": f"coalesce({_TAG}, '') <> ''",
    "tag_value": f"{_TAG} IS ?",
}


def having(connection: Connection, kind: str, values: Sequence[str], *, missing: bool) -> tuple[Counted, Counted]:
    """Return how many samples, and rows, of the view have something; see _HAVE for what `values` are.

    Examples are samples that have it, or with `missing` those that have it and are not in the view.
    """
    have = _HAVE[kind]
    rows, all_rows, samples, total = connection.execute(
        f"""SELECT coalesce(sum(CASE WHEN it THEN rows END), 0), coalesce(sum(rows), 0), coalesce(sum(it), 0), count(*)
        FROM (SELECT s.rows AS rows, {have} AS it FROM taken s)""",  # noqa: S608 - constants
        values,
    ).fetchone()
    elsewhere = f"SELECT s.sample FROM samples s WHERE s.sample NOT IN (SELECT sample FROM taken) AND {have}"  # noqa: S608 - likewise
    there = f"SELECT s.sample FROM taken s WHERE {have}"  # noqa: S608 - likewise
    shown = _first(connection, f"{elsewhere if missing else there} ORDER BY s.sample LIMIT {EXAMPLES}", values)
    return Counted(samples, total, shown), Counted(rows, all_rows, shown)


def having_in_split(
    connection: Connection, split: str, usable: Collection[str], kind: str, values: Sequence[str], *, missing: bool
) -> tuple[Counted, Counted]:
    """Return the same of one split of the whole ledger; with `missing`, examples stand in other splits."""
    have, statuses = _HAVE[kind], sorted(usable)
    where = f"s.status IN ({_marks(statuses)})"
    rows, all_rows, samples, total = connection.execute(
        f"""SELECT coalesce(sum(CASE WHEN it THEN times END), 0), coalesce(sum(times), 0), coalesce(sum(it), 0),
            count(*)
        FROM (SELECT coalesce(w.times, 1) AS times, {have} AS it
            FROM samples s LEFT JOIN weighted w ON w.sample = s.sample WHERE s.split = ? AND {where})""",  # noqa: S608 - constants
        [*values, split, *statuses],
    ).fetchone()
    sign = "IS NOT" if missing else "IS"
    shown = f"""SELECT s.sample FROM samples s WHERE s.split {sign} ? AND {where} AND {have}
        ORDER BY s.sample LIMIT {EXAMPLES}"""  # noqa: S608 - constants
    found = _first(connection, shown, [split, *statuses, *values])
    return Counted(samples, total, found), Counted(rows, all_rows, found)


def ids(connection: Connection, handles: Sequence[int]) -> list[str]:
    """Return the ids of a few samples, hex, in their order."""
    marks = _marks(handles)
    rows = connection.execute(f"SELECT position, op FROM event WHERE position IN ({marks})", handles)  # noqa: S608 - question marks
    found = dict(rows.fetchall())
    return [found[handle].hex() for handle in handles]


def _of_samples(connection: Connection, sql: str, values: Sequence[str | bytes | int] = ()) -> Counted:
    count = connection.execute(f"SELECT count(*) FROM ({sql})", values).fetchone()[0]  # noqa: S608 - built of constants
    shown = _first(connection, f"SELECT sample FROM ({sql}) ORDER BY sample LIMIT {EXAMPLES}", values) if count else ()  # noqa: S608 - likewise
    return Counted(count, size(connection)[0], shown)


def _sharing(connection: Connection) -> list[int]:
    return _first(
        connection,
        f"""SELECT sample FROM taken WHERE fingerprint IN (SELECT fingerprint FROM temp.shared
            ORDER BY fingerprint LIMIT {EXAMPLES}) ORDER BY fingerprint, sample LIMIT {EXAMPLES}""",  # noqa: S608 - constants
    )


def _first(connection: Connection, sql: str, values: Sequence[str | bytes | int] = ()) -> list[int]:
    return [row[0] for row in connection.execute(sql, values)]


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
