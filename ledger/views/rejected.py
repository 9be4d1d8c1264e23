"""Rejected samples counted by their headline number, and by how much the rejections of files fell short.

Counts by reason and domain stand in `rollups`. Here every rejected sample is looked at once, in SQL. Numbers are
gathered in steps of a tenth or a hundredth, which is fine enough for every histogram and every advice made of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ledger.sqlite import Connection
from ledger.views.conditions import Parameters

TENTH = 100_000
HUNDREDTH = 10_000

DUPLICATES = ("duplicate", "near_duplicate")
"""Reasons of files whose samples are too like others: how near they are to passing cannot be said."""

SAID = "CAST(round(CAST(json_extract({leaf}, '$.details.{what}') AS REAL) * 1000000) AS INTEGER)"
"""SQL for a number in the details of a decision, in millionths; NULL where there is none."""

_RECORDED = f"""CASE WHEN (SELECT d.authority FROM decisions d WHERE d.position = s.decision) = 'import' THEN
    (SELECT CASE json_extract(t.leaf, '$.details.components[0][0]')
        WHEN 'score' THEN {SAID.format(leaf="t.leaf", what="components[0][1]")}
        ELSE {SAID.format(leaf="t.leaf", what="observed")} END FROM told t WHERE t.position = s.decision) END"""  # noqa: S608 - constants of this program
"""SQL for the score that the file of a rejection told; that of a duplicate stands before its components."""

_STEPS = """SELECT {tenth} AS tenth, count(*), count(score), sum(score), min(score), max(score), sum(due) FROM (
        SELECT {score} AS score, coalesce(j.outcome <> 'rejected' AND j.person IS NULL AND {uncapped}, 0) AS due
        FROM samples s LEFT JOIN judgements j ON j.sample = s.sample
        WHERE s.status = 'rejected' AND {campaign} LIMIT -1 OFFSET 0)
    GROUP BY tenth ORDER BY tenth"""

_SHORT = f"""SELECT rule, domain, {{hundredth}} AS hundredth, count(*) FROM (
        SELECT s.rule, coalesce(s.domain, '') AS domain, {SAID.format(leaf="t.leaf", what="margin")} AS margin
        FROM decisions d JOIN samples s ON s.sample = d.sample AND s.decision = d.position
        JOIN told t ON t.position = d.position
        WHERE d.authority = 'import' AND d.withdrawn IS NULL AND s.status = 'rejected' AND {{campaign}}
            AND s.rule NOT IN ({", ".join(f"'{name}'" for name in DUPLICATES)}) LIMIT -1 OFFSET 0)
    WHERE margin <= 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 DESC"""  # noqa: S608 - constants of this program


class Step(NamedTuple):
    """The rejected samples whose headline number lies in one tenth (from `tenth` / 10 on; None: they have none).

    `total`, `least` and `most` are in millionths; `due` counts those that the policy in force does not reject.
    """

    tenth: int | None
    samples: int
    scored: int
    total: int
    least: int
    most: int
    due: int


class Short(NamedTuple):
    """How many samples of a reason and domain fell short by so many hundredths (rounded up)."""

    rule: str
    domain: str
    hundredths: int
    samples: int


def steps(
    connection: Connection, headlines: Mapping[int, str], caps: Sequence[str], campaign: str | None
) -> list[Step]:
    """Return the rejected samples by their headline number, least first.

    `headlines` holds, for each adoption in force, SQL for that number over the columns of `judgements`; where that
    gives none, the score that the file of an imported rejection told counts. What `caps` reject is never due.
    """
    parameters = Parameters()
    whens = " ".join(f"WHEN {adoption} THEN {number}" for adoption, number in headlines.items())
    capped = ", ".join(parameters.add(name) for name in caps)
    sql = _STEPS.format(
        score=f"coalesce(CASE j.policy {whens} END, {_RECORDED})" if whens else _RECORDED,
        tenth=floored("score", TENTH),
        uncapped=f"s.rule NOT IN ({capped})",
        campaign="true" if campaign is None else f"s.campaign = {parameters.add(campaign)}",
    )
    rows = connection.execute(sql, parameters.values)
    return [Step(tenth, *(count or 0 for count in counts)) for tenth, *counts in rows]


def shortfalls(connection: Connection, campaign: str | None) -> list[Short]:
    """Return by how much rejections that files recorded fell short, least first within a reason and domain."""
    parameters = Parameters()
    within = "true" if campaign is None else f"s.campaign = {parameters.add(campaign)}"
    rows = connection.execute(_SHORT.format(hundredth=floored("margin", HUNDREDTH), campaign=within), parameters.values)
    return [Short(rule, domain, -hundredth, samples) for rule, domain, hundredth, samples in rows]


def floored(number: str, step: int) -> str:
    """Return SQL for `number / step` rounded down; SQL itself cuts towards zero."""
    return f"(({number} - (({number} % {step}) + {step}) % {step}) / {step})"
