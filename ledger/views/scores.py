"""Scores: what scorers measured of a version, dimension by dimension, and what they could not.

A *measure* is one dimension of one scorer in one version under one rubric; scores name it by number, which keeps
their table small at millions of rows. Values are millionths (`ledger.fixed`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (("measures", "measure"), ("scores", "sample, measure, position"), ("unscored", "sample, dimension, position"))
DDL = (
    """CREATE TABLE {schema}.measures (
        measure INTEGER PRIMARY KEY,    -- in the order of their first score
        scorer TEXT NOT NULL,
        scorer_version TEXT NOT NULL,
        rubric TEXT NOT NULL,           -- digest; '' where there is none
        dimension TEXT NOT NULL,
        UNIQUE (scorer, scorer_version, rubric, dimension)
    ) STRICT""",
    """CREATE TABLE {schema}.scores (
        sample INTEGER NOT NULL,
        measure INTEGER NOT NULL,
        position INTEGER NOT NULL,      -- of the scored event
        version INTEGER NOT NULL,       -- row of the blob that was scored
        value INTEGER NOT NULL,         -- millionths
        PRIMARY KEY (sample, measure, position)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE {schema}.unscored (
        sample INTEGER NOT NULL,
        dimension TEXT NOT NULL,        -- '' where the scorer could say nothing at all
        position INTEGER NOT NULL,
        version INTEGER NOT NULL,
        scorer TEXT NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (sample, dimension, position)
    ) STRICT, WITHOUT ROWID""",
)

_SAID = """INSERT INTO said SELECT t.position, t.sample, t.blob, t.scorer, t.scorer_version, t.rubric,
        json_extract(d.value, '$[0]'), json_extract(d.value, '$[1]')
    FROM (SELECT position, sample, blob, json_extract(leaf, '$.scorer') AS scorer,
            json_extract(leaf, '$.scorer_version') AS scorer_version,
            coalesce(json_extract(leaf, '$.rubric'), '') AS rubric,
            json_extract(leaf, '$.dimensions') AS dimensions
        FROM told WHERE position BETWEEN ? AND ? AND kind = 'scored' LIMIT -1 OFFSET 0) t, json_each(t.dimensions) d"""
_MEASURE = """m.scorer = s.scorer AND m.scorer_version = s.scorer_version AND m.rubric = s.rubric
    AND m.dimension = s.dimension"""
_MEASURES = f"""INSERT INTO measures (scorer, scorer_version, rubric, dimension)
    SELECT scorer, scorer_version, rubric, dimension FROM said s
    WHERE NOT EXISTS (SELECT 1 FROM measures m WHERE {_MEASURE})
    GROUP BY scorer, scorer_version, rubric, dimension ORDER BY min(position), dimension"""  # noqa: S608 - constants
_VALUE = """CASE WHEN typeof(s.value) = 'real' AND abs(s.value) <= 1000000
    THEN CAST(round(s.value * 1000000) AS INTEGER) END"""
"""SQL for a number in millionths; NULL, which no score can be, for text that is none: only that stays text there."""
_SCORES = f"""INSERT INTO scores SELECT s.sample, m.measure, s.position, s.blob, {_VALUE}
    FROM said s JOIN measures m ON {_MEASURE}"""  # noqa: S608 - constants of this program
_UNSCORED = """INSERT INTO unscored SELECT t.sample, json_extract(d.value, '$[0]'), t.position, t.blob,
        json_extract(t.leaf, '$.scorer'), json_extract(d.value, '$[1]')
    FROM told t, json_each(t.leaf, '$.unscored') d
    WHERE t.position BETWEEN ? AND ? AND t.kind = 'scored' AND instr(t.leaf, '"unscored":[]') = 0"""


def fold(connection: Connection, span: Span) -> None:
    """Add the scores of the span."""
    if span.has("scored"):
        connection.execute(
            """CREATE TEMP TABLE IF NOT EXISTS said (position INTEGER, sample INTEGER, blob INTEGER, scorer TEXT,
            scorer_version TEXT, rubric TEXT, dimension TEXT, value REAL)""",
        )
        connection.execute("DELETE FROM said")
        connection.execute(_SAID, span.range)
        connection.execute(_MEASURES)
        connection.execute(_SCORES)
        connection.execute(_UNSCORED, span.range)
    if span.has("unscored"):
        connection.execute(
            """INSERT INTO unscored SELECT sample, '', position, blob, json_extract(leaf, '$.scorer'),
                json_extract(leaf, '$.reason')
            FROM told WHERE position BETWEEN ? AND ? AND kind = 'unscored'""",
            span.range,
        )


def measures(connection: Connection, dimension: str, scorers: Sequence[str]) -> list[tuple[int, ...]]:
    """Return the measures of a dimension: for each of `scorers` in turn, or, if there are none, all in one group."""
    rows = connection.execute(
        "SELECT measure, scorer FROM measures WHERE dimension = ? ORDER BY measure", (dimension,)
    ).fetchall()
    if not scorers:
        return [tuple(measure for measure, _ in rows)]
    return [tuple(measure for measure, scorer in rows if scorer == wanted) for wanted in scorers]


def dimensions(connection: Connection) -> list[str]:
    """Return the names of all dimensions that were ever scored, sorted."""
    return [row[0] for row in connection.execute("SELECT DISTINCT dimension FROM measures ORDER BY dimension")]


def said_by(connection: Connection, scorer: str, handles: Sequence[int]) -> list[tuple[int, bytes, str]]:
    """Return (sample, op, leaf) of all that a scorer said of up to a few hundred samples, in the order of the log."""
    marks = ",".join("?" * len(handles))
    rows = connection.execute(
        f"""SELECT p.sample, e.op, e.leaf FROM (
            SELECT v.sample, v.position FROM scores v JOIN measures m ON m.measure = v.measure
            WHERE v.sample IN ({marks}) AND m.scorer = ?
            UNION SELECT sample, position FROM unscored WHERE sample IN ({marks}) AND scorer = ?) p
        JOIN event e ON e.position = p.position ORDER BY p.position""",  # noqa: S608 - question marks
        (*handles, scorer, *handles, scorer),
    )
    return list(rows)


class Given(NamedTuple):
    """One score of a sample: by whom, of which dimension, of which version (a row in blob), and how much."""

    position: int
    scorer: str
    scorer_version: str
    rubric: str
    dimension: str
    version: int
    value: int


def of_sample(connection: Connection, sample: int) -> list[Given]:
    """Return every score of a sample, oldest first."""
    rows = connection.execute(
        """SELECT s.position, m.scorer, m.scorer_version, m.rubric, m.dimension, s.version, s.value
        FROM scores s JOIN measures m ON m.measure = s.measure WHERE s.sample = ? ORDER BY s.position, m.dimension""",
        (sample,),
    )
    return [Given(*row) for row in rows]


class NotGiven(NamedTuple):
    """What a scorer could not say of a sample; the dimension is '' where it could say nothing."""

    position: int
    scorer: str
    dimension: str
    version: int
    reason: str


def unscored_of(connection: Connection, sample: int) -> list[NotGiven]:
    """Return what scorers could not say of a sample, oldest first."""
    rows = connection.execute(
        """SELECT position, scorer, dimension, version, reason FROM unscored WHERE sample = ?
        ORDER BY position, dimension""",
        (sample,),
    )
    return [NotGiven(*row) for row in rows]


def everything(connection: Connection) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield (sample, measure, position, version, value) of every score, in the order of the samples."""
    yield from connection.execute("SELECT sample, measure, position, version, value FROM scores")


def about_standing(connection: Connection, handles: Sequence[int]) -> list[tuple[int, str]]:
    """Return (sample, leaf) of every score of the versions that up to a few hundred samples have, oldest first."""
    marks = ",".join("?" * len(handles))
    rows = connection.execute(
        f"""SELECT p.sample, t.leaf FROM (
            SELECT DISTINCT v.sample, v.position FROM scores v JOIN samples s ON s.sample = v.sample
            WHERE v.sample IN ({marks}) AND v.version = s.version) p
        JOIN told t ON t.position = p.position ORDER BY p.position""",  # noqa: S608 - question marks
        handles,
    )
    return list(rows)
