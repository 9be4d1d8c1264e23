"""Children beside their parents, as the policy in force sees both. Nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from ledger.rule import Policy
from ledger.sqlite import Connection
from ledger.views.conditions import Parameters
from ledger.views.judging import number_of, slots_of
from ledger.views.work import SPENT, dollars


class Pair(NamedTuple):
    """A child that nobody has decided about, and the parent that it was made from, in that version (handles)."""

    parent: int
    child: int
    id: bytes
    version: int
    hash: bytes


class Seen(NamedTuple):
    """What the policy in force says of a sample: outcome, the rule that decides, and its headline in millionths."""

    outcome: str
    rule: str
    headline: int | None


def undecided(connection: Connection, recipe: str, parents: Sequence[int]) -> list[Pair]:
    """Return what a recipe made of up to a few hundred samples as they stand, and nobody has decided about."""
    marks = ",".join("?" * len(parents))
    rows = connection.execute(
        f"""SELECT d.parent, d.child, e.op, s.version, b.hash FROM derived d
        JOIN samples p ON p.sample = d.parent AND p.version = d.version
        JOIN samples s ON s.sample = d.child JOIN main.event e ON e.position = d.child
        JOIN main.blob b ON b.id = s.version
        WHERE d.parent IN ({marks}) AND d.recipe = ? AND s.status = 'pending' AND s.decision IS NULL
        ORDER BY d.parent, d.child""",  # noqa: S608 - question marks
        (*parents, recipe),
    )
    return [Pair(*row) for row in rows]


def spent(connection: Connection, judge: str, recipe: str, parents: Sequence[int]) -> Decimal:
    """Return the dollars that a judge spent on up to a few hundred samples and on what a recipe made of them.

    All versions count, and what is unknown in full.
    """
    marks = ",".join("?" * len(parents))
    row = connection.execute(
        f"""SELECT sum({SPENT}) FROM attempts a WHERE a.recipe = ? AND a.sample IN (
            SELECT sample FROM samples WHERE sample IN ({marks})
            UNION SELECT child FROM derived WHERE parent IN ({marks}) AND recipe = ?)""",  # noqa: S608 - question marks
        (judge, *parents, *parents, recipe),
    ).fetchone()
    return dollars(row[0])


def seen(connection: Connection, adoption: int, policy: Policy, handles: Sequence[int]) -> dict[int, Seen]:
    """Return what a policy in force says of up to a few hundred samples that its adoption covers."""
    parameters = Parameters()
    headline = "NULL" if policy.headline is None else number_of(policy, policy.headline, slots_of(policy))
    marks = ",".join(parameters.add(handle) for handle in handles)
    rows = connection.execute(
        f"""SELECT sample, outcome, rule, {headline} FROM judgements
        WHERE sample IN ({marks}) AND policy = {parameters.add(adoption)}""",  # noqa: S608 - names of parameters
        parameters.values,
    )
    return {sample: Seen(*rest) for sample, *rest in rows}
