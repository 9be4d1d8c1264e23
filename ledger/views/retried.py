"""What other settings of the policy in force would let in: counted from what it saw, without judging everything again.

What the policy keeps out is gathered once in a temporary table. A sample's verdict can only be another where one of
its comparisons turns, so only those are judged again that lie between the old and the new value of a threshold;
`Window` says where that is. Caps look at all samples at once, and are replayed in full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ledger.rule import Policy
from ledger.sqlite import Connection
from ledger.views import due, judgements, policies
from ledger.views.conditions import Parameters
from ledger.views.judging import Slots, slots_of, verdicts
from ledger.views.observing import COLUMNS
from ledger.views.rejected import HUNDREDTH, floored

KEPT_OUT = "kept_out"

_LATEST = 2**53
"""A position after every other."""


class Lever(NamedTuple):
    """A number that keeps samples out, and how its threshold would have to move to let them in.

    `rule` is what rejects them now. `number` is SQL over the columns of `judgements`. `down` says that a lower
    threshold lets in, `open` that it must lie beyond the number rather than on it. `others` is a mask of the rules
    that keep a sample out whatever happens here, `open_questions` one of the rules that must be told where nothing may
    stay unknown, `needed` (0: none) one of rules of which some must hold.
    """

    rule: str
    number: str
    down: bool
    open: bool
    others: int
    open_questions: int
    needed: int = 0


class Missing(NamedTuple):
    """How many samples of a rule and domain a threshold at so many hundredths would let in at the earliest."""

    rule: str
    domain: str
    hundredths: int
    samples: int


class Window(NamedTuple):
    """Where a changed policy can accept what was kept out: in which domains (None: all), for which numbers.

    A range is SQL of a number, from, to. Where one of the rules in the mask `others` holds, nothing changes.
    """

    domains: tuple[str, ...] | None
    ranges: tuple[tuple[str, int, int], ...]
    others: int


def gather(
    connection: Connection, adoption: policies.Adoption, campaign: str | None, others: Sequence[int], *, strict: bool
) -> None:
    """Fill the temporary table `kept_out` with what a policy keeps out and a person has not decided.

    `others` are masks of rules. Left out are samples for which, whichever mask is taken, one of its rules holds or,
    with `strict`, cannot be told.
    """
    parameters = Parameters()
    within = "" if campaign is None else f"AND campaign = {parameters.add(campaign)}"
    stands = "(held | untold)" if strict else "held"
    hopeful = " OR ".join(f"{stands} & {mask} = 0" for mask in others) or "false"
    due.drop(connection, KEPT_OUT)
    connection.execute(
        f"""CREATE TEMP TABLE {KEPT_OUT} AS
            SELECT sample, domain, {COLUMNS}, facts, outcome AS was, rule AS was_rule,
                held AS was_held, untold AS was_untold
            FROM judgements NOT INDEXED WHERE policy = {adoption.position} AND outcome <> 'accepted'
                AND person IS NULL {within} AND ({hopeful})""",  # noqa: S608 - numbers and columns
        parameters.values,
    )


def missing(connection: Connection, levers: Sequence[Lever], *, strict: bool) -> list[Missing]:
    """Return, rule by rule and domain by domain, which thresholds would let in how many of the rejected.

    Only samples count that nothing else keeps out; with `strict` none of which another rule cannot be told. One lever
    for each rule; in no particular order. Needs `gather`.
    """
    if not levers:
        return []
    parameters = Parameters()
    steps, alone = [], []
    for lever in levers:
        named = parameters.add(lever.rule)
        steps.append(f"WHEN {named} THEN {_step(lever)}")
        needed = f"AND was_held & {lever.needed}" if lever.needed else ""
        told = f"AND was_untold & {lever.open_questions} = 0" if strict else ""
        alone.append(f"(was_rule = {named} AND was_held & {lever.others} = 0 {told} {needed})")
    rows = connection.execute(
        f"""SELECT was_rule, domain, step, count(*) FROM (
            SELECT was_rule, domain, CASE was_rule {" ".join(steps)} END AS step FROM temp.{KEPT_OUT}
            WHERE was = 'rejected' AND ({" OR ".join(alone)}) LIMIT -1 OFFSET 0)
        WHERE step IS NOT NULL GROUP BY 1, 2, 3""",  # noqa: S608 - numbers and columns; texts are parameters
        parameters.values,
    )
    return [Missing(*row) for row in rows]


def gained(connection: Connection, policy: Policy, after: Policy, windows: Sequence[Window]) -> Counter[str]:
    """Return domain -> samples that would be accepted if `after` decided, which are not now; for policies without caps.

    `after` looks up what the policy in force does. Needs `gather`, with the `others` of the windows.
    """
    parameters = Parameters()
    turning = " OR ".join(_within(window, parameters) for window in windows)
    seen = f"SELECT sample, domain, {COLUMNS}, facts FROM temp.{KEPT_OUT} WHERE {turning or 'false'}"  # noqa: S608
    said = verdicts(connection, after, slots_of(policy), seen, parameters)
    rows = connection.execute(
        f"SELECT domain, count(*) FROM ({said}) WHERE outcome = 'accepted' GROUP BY 1",  # noqa: S608 - as above
        parameters.values,
    )
    return Counter(dict(rows.fetchall()))


def replayed(
    connection: Connection, adoption: policies.Adoption, afters: Sequence[Policy], campaign: str | None
) -> list[int]:
    """Return, for each of some policies, how many samples would be accepted which are not now, caps included."""
    policy = policies.frozen(adoption)
    _fill(connection, "kept", "judgements", adoption, slots_of(policy), campaign)
    standing = [] if campaign is None else policies.in_force(connection)
    counts = []
    for after in afters:
        tried = adoption._replace(position=_LATEST, campaign=campaign, body=after.to_bytes())
        slots = judgements.try_on(connection, [*standing, tried], tried)
        _fill(connection, "retried", "temp.tried", tried, slots, campaign)
        turns, _ = due.flips(connection, "kept", "retried", 0)
        counts.append(sum(one.samples for one in turns if "accepted" == one.way.to_status != one.way.status))
    due.drop(connection, "kept", "retried", "tried")
    return counts


def _fill(
    connection: Connection, name: str, table: str, adoption: policies.Adoption, slots: Slots, campaign: str | None
) -> None:
    due.fill(connection, name, table, adoption.position, policies.frozen(adoption), slots, campaign)


def _within(window: Window, parameters: Parameters) -> str:
    """Return SQL for whether a row lies in a window."""
    ranges = " OR ".join(f"{number} BETWEEN {low} AND {high}" for number, low, high in window.ranges) or "false"
    within = f"was_held & {window.others} = 0 AND ({ranges})"
    if window.domains is None:
        return f"({within})"
    return f"(domain IN ({', '.join(parameters.add(domain) for domain in window.domains)}) AND {within})"


def _step(lever: Lever) -> str:
    """Return SQL for the nearest whole hundredth at which a threshold would let a row in."""
    if lever.down:
        return floored(f"({lever.number} - {int(lever.open)})", HUNDREDTH)
    return f"-{floored(f'(-({lever.number}) - {int(lever.open)})', HUNDREDTH)}"
