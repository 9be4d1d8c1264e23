"""Campaigns side by side: when each began, how its samples were scored, which label rules held. Nothing is kept.

`sums` reads every score of a campaign: about seven seconds for a million samples with six scores each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.sqlite import Connection


class Measure(NamedTuple):
    """One dimension of one scorer in one version under one rubric ('' where there is none)."""

    scorer: str
    scorer_version: str
    rubric: str
    dimension: str


class Sum(NamedTuple):
    """How many samples of a campaign with one label a measure has scored, and the sum of their scores (millionths)."""

    campaign: str
    measure: int
    label: int | None
    samples: int
    total: int


class Began(NamedTuple):
    """When the first files of a campaign were taken in: the position of that run, and its time in microseconds."""

    position: int
    at: int


def began(connection: Connection) -> dict[str, Began]:
    """Return campaign -> when it began, in that order; reads the runs, not the samples."""
    rows = connection.execute(
        """SELECT json_extract(t.leaf, '$.params.campaign') AS campaign, min(r.position) AS first, r.started
        FROM runs r JOIN told t ON t.position = r.position WHERE r.command = 'ingest'
        GROUP BY campaign ORDER BY first"""
    )
    return {campaign: Began(position, at) for campaign, position, at in rows}


def measures(connection: Connection) -> dict[int, Measure]:
    """Return every measure by its number."""
    rows = connection.execute("SELECT measure, scorer, scorer_version, rubric, dimension FROM measures")
    return {row[0]: Measure(*row[1:]) for row in rows}


def sums(connection: Connection, names: Sequence[str]) -> list[Sum]:
    """Return the sums of the scores of up to a few hundred campaigns, by measure and label.

    Of several scores of a sample by one measure the latest counts, and only scores of its current version.
    """
    marks = ",".join("?" * len(names))
    rows = connection.execute(
        f"""SELECT campaign, measure, label, count(*), sum(value) FROM (
            SELECT s.campaign, v.measure, s.label, v.value, max(v.position)
            FROM samples s CROSS JOIN scores v ON v.sample = s.sample AND v.version = s.version
            WHERE s.campaign IN ({marks}) AND s.status <> 'erased' GROUP BY s.sample, v.measure)
        GROUP BY 1, 2, 3""",  # noqa: S608 - question marks
        names,
    )
    return [Sum(*row) for row in rows]


def judged_otherwise(connection: Connection, one: str, other: str) -> int:
    """Return how many fingerprints stand in both campaigns, somewhere with another status than in the other one.

    Erased samples do not count. Only samples that teach the same as another are looked at.
    """
    if one == other:
        return 0
    found = connection.execute(
        """SELECT count(*) FROM (SELECT 1 FROM twinned t CROSS JOIN samples s ON s.sample = t.sample
            WHERE s.campaign IN (:one, :other) AND s.status <> 'erased' GROUP BY t.first
            HAVING min(s.status) <> max(s.status) AND max(s.campaign = :one) AND max(s.campaign = :other))""",
        {"one": one, "other": other},
    )
    return int(found.fetchone()[0])


def label_rules(connection: Connection, names: Sequence[str]) -> list[tuple[str, str, int]]:
    """Return (campaign, label rules that hold, joined with +, samples) where a policy's label stands."""
    marks = ",".join("?" * len(names))
    rows = connection.execute(
        f"""SELECT s.campaign, l.rule, count(*) AS samples FROM samples s CROSS JOIN labels l
            ON l.position = s.label_event
        WHERE s.campaign IN ({marks}) AND s.status <> 'erased' AND l.authority = 'policy' AND l.rule IS NOT NULL
        GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2""",  # noqa: S608 - question marks
        names,
    )
    return rows.fetchall()
