"""Policies: which was adopted when, for which campaign. The latest that covers a campaign is in force there."""

from __future__ import annotations

import json
from typing import NamedTuple

from ledger.rule import COMBINES, FIELDS, MADE, OUTCOMES, UNKNOWN, Field, Findings, Policy, comparisons, policy_of
from ledger.sqlite import Connection
from ledger.views.span import Span

TABLES = (("policies", "position"),)
DDL = (
    """CREATE TABLE {schema}.policies (
        position INTEGER PRIMARY KEY,
        campaign TEXT,                  -- NULL: for all
        name TEXT NOT NULL,
        policy INTEGER NOT NULL,        -- row of the frozen policy in blob, whose address is its digest
        authority TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT""",
)


class Adoption(NamedTuple):
    """One adoption; `digest` is the address of the frozen policy."""

    position: int
    op: bytes
    campaign: str | None
    name: str
    digest: bytes
    authority: str
    reason: str
    body: bytes


_SELECT = """SELECT p.position, e.op, p.campaign, p.name, b.hash, p.authority, p.reason, b.body
    FROM policies p JOIN event e ON e.position = p.position JOIN blob b ON b.id = p.policy"""


def fold(connection: Connection, span: Span) -> None:
    """Add the adoptions of the span."""
    if span.has("policy_adopted"):
        connection.execute(
            """INSERT INTO policies SELECT position, json_extract(leaf, '$.campaign'), json_extract(leaf, '$.name'),
                blob, json_extract(leaf, '$.authority'), json_extract(leaf, '$.reason')
            FROM told WHERE position BETWEEN ? AND ? AND kind = 'policy_adopted'""",
            span.range,
        )


def adopted(connection: Connection) -> bool:
    """Say whether any policy was ever adopted."""
    return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM policies)").fetchone()[0])


def everything(connection: Connection) -> list[Adoption]:
    """Return every adoption, oldest first."""
    return [Adoption(*row) for row in connection.execute(f"{_SELECT} ORDER BY p.position")]


def in_force(connection: Connection) -> list[Adoption]:
    """Return the adoptions in force: the last for all campaigns, if any, and then the later ones for single ones."""
    standing: dict[str | None, int] = {}
    for position, campaign in connection.execute("SELECT position, campaign FROM policies ORDER BY position"):
        if campaign is None:
            standing.clear()
        standing[campaign] = position
    found = (connection.execute(f"{_SELECT} WHERE p.position = ?", (one,)) for one in sorted(standing.values()))
    return [Adoption(*row) for rows in found for row in rows]


def in_force_for(connection: Connection, campaign: str | None) -> Adoption | None:
    """Return the adoption in force for a campaign (None: for campaigns without one of their own)."""
    standing = {adoption.campaign: adoption for adoption in in_force(connection)}
    return standing.get(campaign, standing.get(None))


def frozen(adoption: Adoption) -> Policy:
    """Return the policy that was adopted; raise ValueError for bytes that no adoption of this program brought."""
    policy = policy_of(json.loads(adoption.body))
    if not (_is_worded(policy) and _is_counted(policy)):
        raise ValueError("not a frozen policy: a word or a number in it is none that a policy has")
    return policy


def _is_worded(policy: Policy) -> bool:
    """Say whether the words of a policy that are written into SQL are those that there are."""
    outcomes = [policy.default, *(rule.outcome for rule in policy.rules), *(cap.outcome for cap in policy.caps)]
    asked = [compare.left for compare in comparisons(policy)]
    return (
        all(outcome in OUTCOMES for outcome in outcomes)
        and policy.unknown in UNKNOWN
        and policy.scores.combine in COMBINES
        and all(one.name in FIELDS and one.name not in MADE for one in asked if isinstance(one, Field))
        and all(one.severity in {"error", "warning", None} for one in asked if isinstance(one, Findings))
    )


def _is_counted(policy: Policy) -> bool:
    """Say whether what is written into SQL as a number is one."""
    numbers = [weight for weighted in policy.measures for _, weight in weighted.weights]
    return all(type(number) is int for number in (*numbers, *(cap.keep for cap in policy.caps))) and all(
        rule.label in {True, False, None} for rule in policy.labels
    )
