"""How scores and measures spread: samples by domain and by steps of a hundredth, kept up to date by the fold.

A histogram, and the number in each of its bars, is then read from a few hundred rows, however many samples there are.
Of a dimension the latest score of the version that stands counts, by whichever scorer; of a measure what the policy in
force makes of the scores that it saw. A listing by a score counts the same. Around a span it is done as in `rollups`.
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.event import BIRTHS
from ledger.sqlite import Connection
from ledger.views import policies
from ledger.views.judging import number_of, slots_of
from ledger.views.rejected import HUNDREDTH, floored
from ledger.views.span import Span

TABLES = (("spreads", "measure, domain, step"), ("measured", "policy, name, domain, step"))
DDL = (
    """CREATE TABLE {schema}.spreads (
        measure INTEGER NOT NULL,       -- whose score of a dimension is the latest
        domain TEXT NOT NULL,           -- '' where there is none, here and below
        step INTEGER NOT NULL,          -- hundredths, rounded down
        samples INTEGER NOT NULL,
        PRIMARY KEY (measure, domain, step)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE {schema}.measured (
        policy INTEGER NOT NULL,        -- position of the adoption of the policy in force
        name TEXT NOT NULL,             -- of one of its measures
        domain TEXT NOT NULL,
        step INTEGER NOT NULL,
        samples INTEGER NOT NULL,
        PRIMARY KEY (policy, name, domain, step)
    ) STRICT, WITHOUT ROWID""",
)

_STANDS = "v.sample = s.sample AND v.version = s.version"
_COUNT = f"""INSERT INTO spreads SELECT measure, domain, {floored("value", HUNDREDTH)}, {{sign}}1 FROM ({{latest}})
    WHERE true ON CONFLICT DO UPDATE SET samples = samples + excluded.samples"""  # noqa: S608 - constants of this program
_ALONE = "SELECT min(measure) FROM measures GROUP BY dimension HAVING count(*) = 1"
_OF_ONE = f"""SELECT v.measure, coalesce(s.domain, '') AS domain, v.value, max(v.position)
    FROM {{which}} CROSS JOIN scores v ON {_STANDS} WHERE v.measure IN ({_ALONE}) GROUP BY v.sample, v.measure"""  # noqa: S608 - likewise
"""Where one scorer alone gave a dimension, the key of `scores` is in the order of the groups, and nothing is sorted."""
_OF_MORE = f"""SELECT v.measure, coalesce(s.domain, '') AS domain, v.value, max(v.position)
    FROM {{which}} CROSS JOIN scores v ON {_STANDS} CROSS JOIN measures m ON m.measure = v.measure
    WHERE v.measure NOT IN ({_ALONE}) GROUP BY v.sample, m.dimension"""  # noqa: S608 - likewise
_TOUCHED = "(SELECT sample FROM touched) t CROSS JOIN samples s ON s.sample = t.sample"
_EVERY = "samples s NOT INDEXED"

_MEASURED = """INSERT INTO measured SELECT {adoption}, :name, domain, {step}, {sign}1
    FROM (SELECT domain, {number} AS value FROM judgements WHERE +policy = {adoption} AND {which} LIMIT -1 OFFSET 0)
    WHERE value IS NOT NULL ON CONFLICT DO UPDATE SET samples = samples + excluded.samples"""

_CHANGE_SCORES = ("scored", "edited", "withdrawn")
_CHANGE_MEASURES = (*BIRTHS, *_CHANGE_SCORES, "erased", "found", "tagged")


class Spread(NamedTuple):
    """How many samples of a domain have a number in one step of a hundredth (from `step` / 100 on)."""

    name: str
    domain: str
    step: int
    samples: int


def fold(_connection: Connection, _span: Span) -> None:
    """Do nothing: what a span changes is counted around it."""


def take_off(connection: Connection, span: Span) -> None:
    """Take what the span touches off the counts, as it stood before."""
    if span.has(*_CHANGE_SCORES):
        _count(connection, "-", touched=True)
    if span.has(*_CHANGE_MEASURES) and not span.has("policy_adopted"):
        _count_measures(connection, "-", touched=True)


def put_on(connection: Connection, span: Span) -> None:
    """Put what the span touched back on the counts, as it now stands and is judged."""
    if span.has(*_CHANGE_SCORES):
        _count(connection, "+", touched=True)
        connection.execute("DELETE FROM spreads WHERE samples = 0")
    if span.has("policy_adopted"):
        connection.execute("DELETE FROM measured")
        _count_measures(connection, "+", touched=False)
    elif span.has(*_CHANGE_MEASURES):
        _count_measures(connection, "+", touched=True)
        connection.execute("DELETE FROM measured WHERE samples = 0")


def count(connection: Connection) -> None:
    """Count everything; for views that were folded from nothing."""
    _count(connection, "+", touched=False)
    _count_measures(connection, "+", touched=False)


def of_dimensions(connection: Connection) -> list[Spread]:
    """Return the steps of every dimension that was ever scored, by name, domain and step."""
    rows = connection.execute(
        """SELECT m.dimension, t.domain, t.step, sum(t.samples) FROM spreads t JOIN measures m ON m.measure = t.measure
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
    )
    return [Spread(*row) for row in rows]


def of_measures(connection: Connection) -> list[Spread]:
    """Return the steps of every measure of the policies in force, by name, domain and step."""
    rows = connection.execute("SELECT name, domain, step, sum(samples) FROM measured GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")
    return [Spread(*row) for row in rows]


def measures(connection: Connection) -> frozenset[str]:
    """Return the names of the measures of the policies in force."""
    adopted = (policies.frozen(adoption) for adoption in policies.in_force(connection))
    return frozenset(one.name for policy in adopted for one in policy.measures)


def measure(connection: Connection, name: str) -> str | None:
    """Return SQL for a measure of the policies in force, over the columns of `judgements`; None where there is none."""
    whens = []
    for adoption in policies.in_force(connection):
        policy = policies.frozen(adoption)
        if any(one.name == name for one in policy.measures):
            whens.append(f"WHEN {adoption.position} THEN {number_of(policy, name, slots_of(policy))}")
    return f"CASE policy {' '.join(whens)} END" if whens else None


def between(connection: Connection, name: str, least: int, most: int, *, is_measure: bool) -> int:
    """Return how many samples have a number in the steps that hold those from `least` to `most`, in millionths."""
    table = "measured t" if is_measure else "spreads t JOIN measures m ON m.measure = t.measure"
    (samples,) = connection.execute(
        f"""SELECT coalesce(sum(t.samples), 0) FROM {table}
        WHERE {"t.name" if is_measure else "m.dimension"} = ? AND t.step BETWEEN ? AND ?""",  # noqa: S608 - fixed words
        (name, least // HUNDREDTH, most // HUNDREDTH),
    ).fetchone()
    return int(samples)


def _count(connection: Connection, sign: str, *, touched: bool) -> None:
    """Count the latest score of each dimension, of the samples touched or of all."""
    for latest in (_OF_ONE, _OF_MORE):
        sql = latest.format(which=_TOUCHED if touched else _EVERY)
        connection.execute(_COUNT.format(sign=sign, latest=sql))


def _count_measures(connection: Connection, sign: str, *, touched: bool) -> None:
    """Count each measure of each policy in force, of the samples touched or of all."""
    which = "sample IN (SELECT sample FROM touched)" if touched else "true"
    for adoption in policies.in_force(connection):
        policy = policies.frozen(adoption)
        for measure in policy.measures:
            number = number_of(policy, measure.name, slots_of(policy))
            sql = _MEASURED.format(
                adoption=adoption.position, number=number, step=floored("value", HUNDREDTH), sign=sign, which=which
            )
            connection.execute(sql, {"name": measure.name})
