"""Contents that were scored more than once: their scorings, the labels that each would give, and means by source.

A *scoring* is one `scored` event about the current version of a sample. Of several by one scorer in one version under
one rubric with one replicate number the latest counts: it corrects the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ledger.rule import Policy, Score, observed
from ledger.sqlite import Connection
from ledger.views import policies, scores
from ledger.views.conditions import Parameters
from ledger.views.judging import slots_of, verdicts
from ledger.views.observing import SLOTS

MOST = 50
"""Scorings of one fingerprint that are paired, the oldest; of n there are n (n - 1) / 2 pairs."""

GIVEN = "given"
"""The label of a scoring of which no label rule holds: the sample keeps the one that it has."""
ACCEPTED, NOT_ACCEPTED = "accepted", "not accepted"

_SHARED = "SELECT fingerprint FROM samples GROUP BY fingerprint HAVING count(*) > 1"
_OFTEN = "SELECT sample FROM scores GROUP BY sample HAVING min(position) < max(position)"
_SHARING = f"""SELECT s.sample, s.fingerprint, s.version FROM ({_SHARED}) h
        CROSS JOIN samples s ON s.fingerprint = h.fingerprint WHERE s.status <> 'erased' AND {{within}}
    UNION SELECT s.sample, s.fingerprint, s.version FROM ({_OFTEN}) o
        CROSS JOIN samples s ON s.sample = o.sample WHERE s.status <> 'erased' AND {{within}}"""  # noqa: S608 - constants
_SCORINGS = f"""CREATE TEMP TABLE scorings AS
    SELECT fingerprint, sample, position, scorer, scorer_version, rubric, nth FROM (
        SELECT *, row_number() OVER w AS nth, count(*) OVER (PARTITION BY fingerprint) AS scorings FROM (
            SELECT d.*, row_number() OVER (PARTITION BY d.sample, d.scorer, d.scorer_version, d.rubric,
                json_extract(t.leaf, '$.replicate') ORDER BY d.position DESC) AS back
            FROM (SELECT DISTINCT g.fingerprint, g.sample, v.position, m.scorer, m.scorer_version, m.rubric
                FROM ({_SHARING}) g CROSS JOIN scores v ON v.sample = g.sample AND v.version = g.version
                JOIN measures m ON m.measure = v.measure) d
            JOIN told t ON t.position = d.position)
        WHERE back = 1 WINDOW w AS (PARTITION BY fingerprint ORDER BY position))
    WHERE scorings > 1 ORDER BY fingerprint, position"""  # noqa: S608 - constants of this program
_VALUES = f"""SELECT g.rowid, g.fingerprint, g.sample, g.scorer, g.scorer_version, g.rubric, l.policy, l.label,
        m.dimension, v.value
    FROM temp.scorings g JOIN scores v ON v.sample = g.sample AND v.position = g.position
    JOIN measures m ON m.measure = v.measure LEFT JOIN temp.scoring_labels l ON l.scoring = g.rowid
    WHERE g.nth <= {MOST} ORDER BY g.rowid, m.dimension"""  # noqa: S608 - constants of this program
_SUMS = """SELECT campaign, source, measure, count(*), sum(value), sum(CAST(value AS REAL) * value) FROM (
        SELECT s.campaign, coalesce(s.source, '') AS source, v.measure, v.value, max(v.position)
        FROM samples s CROSS JOIN scores v ON v.sample = s.sample AND v.version = s.version
        WHERE s.status <> 'erased' AND {within} GROUP BY s.sample, v.measure)
    GROUP BY 1, 2, 3"""


class Scoring(NamedTuple):
    """One scoring: of which sample, by whom, what label it would give under which policy, and its numbers (millionths).

    `label` is None where it cannot be told; labels are compared under one policy only.
    """

    fingerprint: bytes
    sample: int
    scorer: str
    scorer_version: str
    rubric: str
    policy: int | None
    label: str | None
    values: dict[str, int]


class Sum(NamedTuple):
    """How many samples of a source a measure has scored, the sum of their scores (millionths) and of their squares."""

    campaign: str
    source: str
    measure: int
    samples: int
    total: int
    squares: float


@contextmanager
def found(connection: Connection, campaign: str | None, policy: Policy | None) -> Iterator[None]:
    """Hold the temporary tables of scorings, and of the labels that each alone would give by a policy.

    Without a policy, those in force say it, each of the samples that it covers.
    """
    _drop(connection)
    within = "true" if campaign is None else "s.campaign = :campaign"
    connection.execute(_SCORINGS.format(within=within), {"campaign": campaign})
    connection.execute("CREATE TEMP TABLE scoring_labels (scoring INTEGER PRIMARY KEY, policy INTEGER, label TEXT)")
    if policy is not None:
        _label(connection, policy, None)
    else:
        for adoption in policies.in_force(connection):
            _label(connection, policies.frozen(adoption), adoption.position)
    try:
        yield
    finally:
        _drop(connection)


def counts(connection: Connection) -> tuple[int, int, int]:
    """Return (fingerprints, scorings, scorings beyond MOST of one fingerprint)."""
    sql = f"SELECT count(DISTINCT fingerprint), count(*), coalesce(sum(nth > {MOST}), 0) FROM temp.scorings"  # noqa: S608
    fingerprints, scorings, beyond = connection.execute(sql).fetchone()
    return fingerprints, scorings, beyond


def scorings(connection: Connection) -> Iterator[list[Scoring]]:
    """Yield the scorings of each fingerprint, oldest first, up to MOST of them."""
    group: list[Scoring] = []
    last = None
    for row, fingerprint, *facts, dimension, value in connection.execute(_VALUES):
        if group and group[0].fingerprint != fingerprint:
            yield group
            group = []
        if row != last:
            group.append(Scoring._make((fingerprint, *facts, {})))
            last = row
        group[-1].values[dimension] = value
    if group:
        yield group


def sums(connection: Connection, campaign: str | None) -> Iterator[Sum]:
    """Yield the sums of the scores by source and measure; of several by one measure the latest counts."""
    within = "true" if campaign is None else "s.campaign = :campaign"
    for row in connection.execute(_SUMS.format(within=within), {"campaign": campaign}):
        yield Sum(*row)


def _label(connection: Connection, policy: Policy, adoption: int | None) -> None:
    """Add what a policy says of each scoring on its own: its numbers in the place of the sample's.

    What else it looks at (findings, texts) is what it saw of the sample; a policy that nobody adopted sees none of it.
    """
    if policy.labels:
        told = f"""CASE WHEN label_held THEN CASE label WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'none' END
            WHEN label_untold THEN NULL ELSE '{GIVEN}' END"""
    elif policy.rules:
        told = f"""CASE WHEN rule = 'unknown' THEN NULL WHEN outcome = 'accepted' THEN '{ACCEPTED}'
            ELSE '{NOT_ACCEPTED}' END"""
    else:
        return
    numbers = [
        _number(connection, item.dimension) if isinstance(item, Score) else f"j.x{slot}" if adoption else "NULL"
        for slot, item in enumerate(observed(policy))
    ]
    numbers += ["NULL"] * (SLOTS - len(numbers))
    columns = ", ".join(f"{number} AS x{slot}" for slot, number in enumerate(numbers))
    if adoption is None:
        seen = f"SELECT g.rowid AS scoring, g.sample, '' AS domain, {columns}, 0 AS facts FROM temp.scorings g"  # noqa: S608
    else:
        seen = f"""SELECT g.rowid AS scoring, g.sample, j.domain, {columns}, j.facts FROM temp.scorings g
            JOIN judgements j ON j.sample = g.sample WHERE j.policy = {adoption}"""  # noqa: S608 - a number
    parameters = Parameters()
    said = verdicts(connection, policy, slots_of(policy), seen, parameters)
    sql = f"INSERT INTO temp.scoring_labels SELECT scoring, {adoption or 0}, {told} FROM ({said})"  # noqa: S608 - numbers
    connection.execute(sql, parameters.values)


def _number(connection: Connection, dimension: str) -> str:
    """Return SQL for what the scoring `g` says of a dimension."""
    measures = ", ".join(str(measure) for group in scores.measures(connection, dimension, ()) for measure in group)
    return f"""(SELECT v.value FROM scores v WHERE v.sample = g.sample AND v.measure IN ({measures})
        AND v.position = g.position)"""  # noqa: S608 - numbers


def _drop(connection: Connection) -> None:
    for table in ("scorings", "scoring_labels"):
        connection.execute(f"DROP TABLE IF EXISTS temp.{table}")
