"""Who holds which bytes, and what else tells of them: the questions that an erasure asks. Nothing is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ledger.sqlite import Connection

NEAREST = 1_000
"""Near twins that are read for a few hundred fingerprints."""

_FINGERPRINT = "unhex(json_extract(t.leaf, '$.fingerprint'))"
_TAUGHT = f"""{_FINGERPRINT} AS fingerprint, json_extract(t.leaf, '$.reader') AS reader,
    CASE WHEN json_extract(t.leaf, '$.prompt') IS NOT NULL THEN unhex(json_extract(t.leaf, '$.prompt')) END AS prompt"""
_FORMER = f"""CREATE TEMP TABLE former AS
    SELECT v.sample AS sample, v.blob AS blob, {_TAUGHT} FROM versions v JOIN told t ON t.position = v.position
    UNION SELECT t.position, t.blob, {_TAUGHT} FROM told t WHERE t.position IN (SELECT sample FROM versions)"""  # noqa: S608 - constants
_HELD = """SELECT sample, version, fingerprint, reader FROM samples WHERE {current} IN ({marks})
    UNION SELECT sample, blob, fingerprint, reader FROM temp.former WHERE {former} IN ({marks})"""
_PROMPTS = """SELECT prompt FROM samples WHERE version IN (SELECT blob FROM temp.covered) AND prompt IS NOT NULL
    UNION SELECT prompt FROM temp.former WHERE blob IN (SELECT blob FROM temp.covered) AND prompt IS NOT NULL"""
_SEEN = """SELECT v.blob FROM versions v WHERE v.sample = m.sample AND v.position <= r.seen
    AND (v.withdrawn IS NULL OR v.withdrawn > r.seen) ORDER BY v.position DESC LIMIT 1"""
_KEEPERS = """SELECT position FROM policies UNION SELECT position FROM defined_views UNION SELECT position FROM releases
    UNION SELECT position FROM near_looks UNION SELECT position FROM proposals"""


class Held(NamedTuple):
    """A version that a sample has or had: the row of its bytes in blob, what it teaches, and which reader read it."""

    sample: int
    blob: int
    fingerprint: bytes
    reader: str


class Blob(NamedTuple):
    """Stored bytes: their address, how many they are, and whether they were erased."""

    hash: bytes
    size: int
    erased: bool


class Release(NamedTuple):
    """A release that used covered versions: where it stands in the log, its file, and how many samples have a row.

    In `rows` a sample counts as often as it stands in the file, for its weight.
    """

    position: int
    name: str
    output: str
    samples: int
    rows: int


class Evaluation(NamedTuple):
    """An evaluation: the releases whose prompts were asked, the training that it is of, and where its answers are."""

    position: int
    release: int
    training: int | None
    blob: int
    hash: bytes
    size: int
    erased: int


class Near(NamedTuple):
    """A sample whose text in a field was found near to another, by so many millionths."""

    sample: int
    field: str
    similarity: int


class Phrases(NamedTuple):
    """A look at templates, with what it found as JSON; `op` is its event's."""

    position: int
    op: bytes
    field: str
    scope: str
    texts: int
    templated: int
    recipe: str
    blob: int
    in_force: bool
    families: bytes


@contextmanager
def former(connection: Connection) -> Iterator[None]:
    """Hold the versions that edited samples have or had in a temporary table; `by_blobs` and others read it."""
    connection.execute("DROP TABLE IF EXISTS temp.former")
    connection.execute(_FORMER)
    connection.execute("CREATE INDEX temp.former_blob ON former (blob)")
    connection.execute("CREATE INDEX temp.former_fingerprint ON former (fingerprint)")
    connection.execute("CREATE INDEX temp.former_sample ON former (sample)")
    try:
        yield
    finally:
        connection.execute("DROP TABLE IF EXISTS temp.former")


@contextmanager
def covered(connection: Connection, blobs: Iterable[int]) -> Iterator[None]:
    """Hold some rows of blob in a temporary table; `same_prompt` and `releases` read it."""
    connection.execute("DROP TABLE IF EXISTS temp.covered")
    connection.execute("CREATE TEMP TABLE covered (blob INTEGER PRIMARY KEY)")
    connection.executemany("INSERT INTO temp.covered VALUES (?)", ((blob,) for blob in blobs))
    try:
        yield
    finally:
        connection.execute("DROP TABLE IF EXISTS temp.covered")


def by_samples(connection: Connection, handles: Sequence[int]) -> list[Held]:
    """Return every version that up to a few hundred samples have or had."""
    return _held(connection, "sample", "sample", handles)


def by_blobs(connection: Connection, blobs: Sequence[int]) -> list[Held]:
    """Return who has or had up to a few hundred blobs as a version."""
    return _held(connection, "version", "blob", blobs)


def by_fingerprints(connection: Connection, fingerprints: Sequence[bytes]) -> list[Held]:
    """Return who has or had a version of up to a few hundred fingerprints."""
    return _held(connection, "fingerprint", "fingerprint", fingerprints)


def evidence(connection: Connection, handles: Sequence[int]) -> list[tuple[int, int]]:
    """Return (the blob that was scored, the blob that a score names as its evidence) of up to a few hundred samples."""
    rows = connection.execute(
        f"""SELECT DISTINCT t.blob, b.id FROM told t JOIN blob b ON b.hash = unhex(json_extract(t.leaf, '$.evidence'))
        WHERE t.sample IN ({_marks(handles)}) AND t.sample <> t.position AND t.kind = 'scored'
            AND json_extract(t.leaf, '$.evidence') IS NOT NULL""",  # noqa: S608 - question marks
        handles,
    )
    return rows.fetchall()


def is_evidence(connection: Connection, digest: bytes) -> bool:
    """Say whether some score names this address as its evidence; reads all scores."""
    sql = "SELECT EXISTS (SELECT 1 FROM told WHERE kind = 'scored' AND json_extract(leaf, '$.evidence') = ?)"
    return bool(connection.execute(sql, (digest.hex(),)).fetchone()[0])


def blobs(connection: Connection, rows: Sequence[int]) -> dict[int, Blob]:
    """Return what is stored in up to a few hundred rows of blob."""
    found = connection.execute(f"SELECT id, hash, size, body IS NULL FROM main.blob WHERE id IN ({_marks(rows)})", rows)  # noqa: S608 - marks
    return {row: Blob(digest, size, bool(gone)) for row, digest, size, gone in found}


def lines(connection: Connection, rows: Sequence[int]) -> set[tuple[int, int]]:
    """Return (position, blob) of the quarantined lines, retried ones too, that up to a few hundred blobs are."""
    sql = f"SELECT position, blob FROM quarantine WHERE blob IN ({_marks(rows)})"  # noqa: S608 - question marks
    return set(connection.execute(sql, rows))


def kept(connection: Connection, digests: Sequence[bytes]) -> dict[bytes, str]:
    """Return address -> kind of event, for those of up to a few hundred blobs that a fold or a rebuild needs.

    Those are policies, definitions of views, and what releases, looks at near-duplicates and proposals stored.
    """
    rows = connection.execute(
        f"""SELECT unhex(j.value), t.kind FROM told t, json_each(t.leaf) j WHERE t.position IN ({_KEEPERS})
            AND j.key IN ('keys', 'manifest', 'members', 'omissions', 'policy', 'source', 'twins', 'view')
            AND j.value IN ({_marks(digests)})""",  # noqa: S608 - constants and question marks
        [digest.hex() for digest in digests],
    )
    return dict(rows.fetchall())


def ids(connection: Connection, positions: Sequence[int]) -> dict[int, bytes]:
    """Return position -> op of up to a few hundred events; for the birth of a sample that is its id."""
    sql = f"SELECT position, op FROM event WHERE position IN ({_marks(positions)})"  # noqa: S608 - question marks
    return dict(connection.execute(sql, positions).fetchall())


def standing(connection: Connection, handles: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Return sample -> (row of its current version in blob, status) of up to a few hundred samples."""
    sql = f"SELECT sample, version, status FROM samples WHERE sample IN ({_marks(handles)})"  # noqa: S608 - question marks
    return {sample: (version, status) for sample, version, status in connection.execute(sql, handles)}


def parents(connection: Connection, handles: Sequence[int]) -> list[tuple[int, str]]:
    """Return (parent, how) of up to a few hundred samples, where they were derived from one."""
    sql = f"SELECT parent, how FROM lineage WHERE child IN ({_marks(handles)}) ORDER BY child"  # noqa: S608 - question marks
    return connection.execute(sql, handles).fetchall()


def descendants(connection: Connection, handles: Sequence[int]) -> list[tuple[int, str]]:
    """Return (descendant, how) of what was derived from up to a few hundred samples, at any remove."""
    rows = connection.execute(
        f"""WITH RECURSIVE below (child, how) AS (
            SELECT child, how FROM lineage WHERE parent IN ({_marks(handles)})
            UNION SELECT l.child, l.how FROM below b JOIN lineage l ON l.parent = b.child)
        SELECT child, how FROM below ORDER BY child""",  # noqa: S608 - question marks
        handles,
    )
    return rows.fetchall()


def near(connection: Connection, fingerprints: Sequence[bytes]) -> list[Near]:
    """Return the samples whose texts were found near to up to a few hundred fingerprints, the nearest first."""
    marks = _marks(fingerprints)
    rows = connection.execute(
        f"""SELECT s.sample, n.field, max(n.similarity) FROM (
            SELECT second AS other, field, similarity FROM near WHERE first IN ({marks})
            UNION ALL SELECT first, field, similarity FROM near WHERE second IN ({marks})) n
        JOIN samples s ON s.fingerprint = n.other WHERE s.status <> 'erased'
        GROUP BY s.sample ORDER BY 3 DESC, 1 LIMIT {NEAREST}""",  # noqa: S608 - question marks
        [*fingerprints, *fingerprints],
    )
    return [Near(*row) for row in rows]


def same_prompt(connection: Connection) -> list[int]:
    """Return the samples with a version that is there and not covered, and that has the prompt of one that is.

    Reads all samples, once; inside `former` and `covered`.
    """
    rows = connection.execute(
        f"""WITH asked AS MATERIALIZED ({_PROMPTS})
        SELECT DISTINCT h.sample FROM (
            SELECT sample, version AS blob FROM samples WHERE prompt IN asked
            UNION SELECT sample, blob FROM temp.former WHERE prompt IN asked) h
        JOIN main.blob b ON b.id = h.blob
        WHERE b.body IS NOT NULL AND h.blob NOT IN (SELECT blob FROM temp.covered) ORDER BY h.sample"""  # noqa: S608 - constants
    )
    return [sample for (sample,) in rows]


def releases(connection: Connection, handles: Sequence[int]) -> list[Release]:
    """Return the releases that used a covered version of up to a few hundred samples, oldest first; inside `covered`.

    A release used the version that stood at the head that its manifest names.
    """
    rows = connection.execute(
        f"""WITH made AS MATERIALIZED (
            SELECT r.position, r.name, r.output, json_extract(CAST(b.body AS TEXT), '$.head.position') AS seen
            FROM releases r JOIN main.blob b ON b.id = r.manifest)
        SELECT r.position, r.name, r.output, count(*), sum(m.copies)
        FROM release_samples m JOIN made r ON r.position = m.release JOIN main.event e ON e.position = m.sample
        WHERE m.sample IN ({_marks(handles)}) AND m.omitted IS NULL
            AND coalesce(({_SEEN}), e.blob) IN (SELECT blob FROM temp.covered)
        GROUP BY r.position ORDER BY r.position""",  # noqa: S608 - constants and question marks
        handles,
    )
    return [Release(*row) for row in rows]


def evaluations(connection: Connection, limit: int) -> list[Evaluation]:
    """Return the latest evaluations, the newest first; reads all events."""
    rows = connection.execute(
        """SELECT t.position, r.position, w.position, t.blob, b.hash, b.size, b.body IS NULL
        FROM told t JOIN main.blob b ON b.id = t.blob
        LEFT JOIN main.event r ON r.op = unhex(json_extract(t.leaf, '$.release'))
        LEFT JOIN main.event w ON w.op = unhex(json_extract(t.leaf, '$.trained'))
        WHERE t.kind = 'evaluated' ORDER BY t.position DESC LIMIT ?""",
        (limit,),
    )
    return [Evaluation(*row) for row in rows]


def is_answers(connection: Connection, blob: int) -> bool:
    """Say whether a row of blob is what a model answered in an evaluation; reads all events."""
    sql = "SELECT EXISTS (SELECT 1 FROM main.event WHERE kind = 'evaluated' AND blob = ?)"
    return bool(connection.execute(sql, (blob,)).fetchone()[0])


def phrases(connection: Connection) -> list[Phrases]:
    """Return every look at templates whose bytes are there: they quote the phrases that texts share."""
    rows = connection.execute(
        """SELECT l.position, e.op, l.field, l.scope, l.texts, l.templated, l.recipe, l.families, l.in_force, b.body
        FROM template_looks l JOIN event e ON e.position = l.position JOIN blob b ON b.id = l.families
        WHERE b.body IS NOT NULL ORDER BY l.position"""
    )
    return [Phrases(*row) for row in rows]


def _held(connection: Connection, current: str, past: str, keys: Sequence[int] | Sequence[bytes]) -> list[Held]:
    sql = _HELD.format(current=current, former=past, marks=_marks(keys))
    return [Held(*row) for row in connection.execute(sql, [*keys, *keys])]


def _marks(items: Sequence[object]) -> str:
    return ",".join("?" * len(items))
