"""What other thresholds, weights or rules would turn, told from what the policy in force saw, in one pass.

Without caps each sample is judged by itself. So only those need to be looked at for which a comparison turns, and
their verdict before stands in `judgements` already.
"""

from __future__ import annotations

from itertools import pairwise

from ledger.rule import Compare, Levels, Measure, Number, Operand, Policy, Threshold, comparisons
from ledger.sqlite import Connection
from ledger.views import policies, rollups
from ledger.views.conditions import Parameters, truth
from ledger.views.due import Count, Flip, Turn, gathered
from ledger.views.judgements import LABELLED
from ledger.views.judging import Slots, fits, level, lookup, number_of, rule_names, slots_of, verdicts

_SEEN = """SELECT sample, domain, {columns}facts, person, bound, given, outcome AS was, rule AS was_rule,
        margin AS was_margin, labelled AS was_labelled, label_held AS was_held
    FROM judgements WHERE {which}"""
_SMALL = 20
_STRETCHES = 4
"""Stretches of numbers that are told apart; each is compared with every sample."""
_FLIPS = f"""SELECT sample, domain, coalesce(person, was), coalesce(person, outcome), was_rule, rule, was_labelled,
        labelled, {{was_labels}}, {{labels}}, was_margin, margin
    FROM (SELECT q.*, {LABELLED.format(of="q.")} AS labelled FROM ({{said}}) q) q
    WHERE (person IS NULL AND was <> outcome) OR was_labelled <> labelled"""


def can_tell(before: Policy, after: Policy) -> bool:
    """Say whether the flips between two policies can be told from the judgements of the first."""
    return not before.caps and not after.caps and before.scores == after.scores and fits(after, slots_of(before))


def turned(
    connection: Connection, adoption: policies.Adoption, after: Policy, campaign: str | None, limit: int
) -> tuple[list[Turn], list[Flip]]:
    """Return what would stand otherwise, all counted by their way, and the `limit` oldest; where `can_tell`."""
    before, parameters = policies.frozen(adoption), Parameters()
    slots = slots_of(before)
    # A plus keeps SQLite from an index that would look up nearly every row one by one.
    few = campaign is not None and _is_small(connection, campaign)
    which = [f"{'' if few else '+'}policy = {adoption.position}"]
    if campaign is not None:
        which.append(f"{'' if few else '+'}campaign = {parameters.add(campaign)}")
    if _only_levels_differ(before, after):
        which.append(_turns(connection, before, after, slots, parameters))
    seen = _SEEN.format(columns="".join(f"{name}, " for name in slots.numbers.values()), which=" AND ".join(which))
    said = verdicts(connection, after, slots, seen, parameters)
    sql = _FLIPS.format(
        said=said,
        was_labels=rule_names("was_held", [rule.name for rule in before.labels], parameters),
        labels=rule_names("label_held", [rule.name for rule in after.labels], parameters),
    )
    return gathered(connection, sql, parameters.values, limit)


def _is_small(connection: Connection, campaign: str) -> bool:
    """Say whether a campaign has so few of all samples that looking them up is faster than reading all."""
    groups = rollups.groups(connection)
    return _SMALL * sum(one.samples for one in groups if one.campaign == campaign) < sum(one.samples for one in groups)


def standing(connection: Connection, adoption: policies.Adoption, campaign: str | None) -> list[Count]:
    """Return how many samples have which status and label by the judgements of a policy in force, without domains."""
    parameters = Parameters()
    which = "" if campaign is None else f"AND campaign = {parameters.add(campaign)}"
    rows = connection.execute(
        f"""SELECT status, labelled, '', count(*) FROM judgements WHERE policy = {adoption.position} {which}
        GROUP BY policy, campaign, status, labelled""",
        parameters.values,
    )
    return [Count(*row) for row in rows]


def _only_levels_differ(before: Policy, after: Policy) -> bool:
    def rest(policy: Policy) -> tuple[object, ...]:
        return (policy.rules, policy.labels, policy.measures, policy.default, policy.unknown)

    return rest(before) == rest(after)


def _turns(connection: Connection, before: Policy, after: Policy, slots: Slots, parameters: Parameters) -> str:
    """Return SQL that is true where a comparison with a threshold that moved is no longer what it was."""
    old = {one.name: one for one in before.thresholds}
    new = {one.name: one for one in after.thresholds}
    moved = [name for name, levels in new.items() if old.get(name) != levels]
    parts = []
    for compare in dict.fromkeys(comparisons(after)):
        if isinstance(compare.right, Threshold) and compare.right.name in moved:
            name = compare.right.name
            was = _truth(compare, old, lookup(connection, before), before, slots, parameters)
            now = _truth(compare, new, lookup(connection, after), after, slots, parameters)
            passed = near(compare, old.get(name), new[name], before, slots)
            parts.append(f"({passed} AND {was} IS NOT {now})")
    return f"({' OR '.join(parts) or 'false'})"


def near(compare: Compare, old: Levels | None, new: Levels, policy: Policy, slots: Slots) -> str:
    """Return SQL that is true wherever a threshold that moved can pass what is compared with it, which is read fast.

    That lies between what some value was and what it is: also what min or max makes of the values of several domains
    passes no number that none of them passes. A mean does, and where the way to join domains changed, it can be
    anywhere.
    """
    if old is None or old.cross != new.cross or new.cross == "mean":
        return "true"
    before, after = dict(old.domains), dict(new.domains)
    if any("+" in one for one in before.keys() ^ after.keys()):
        return "true"  # what several domains came to together gives way to a value of their own, or the other way round
    pairs = [(old.default, new.default)]
    pairs += [(before.get(one, old.default), after.get(one, new.default)) for one in before.keys() | after.keys()]
    number = _number(compare.left, {}, "", policy, slots, Parameters())
    parts = [f"{number} BETWEEN {low} AND {high}" for low, high in stretches(pairs)]
    return f"({' OR '.join(parts) or 'false'})"


def stretches(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the stretches that values passed as they moved, a few at most: then the narrowest gaps are in them too."""
    found: list[tuple[int, int]] = []
    for low, high in sorted((min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    by_gap = sorted(range(1, len(found)), key=lambda n: found[n - 1][1] - found[n][0])
    begins = [0, *sorted(by_gap[: _STRETCHES - 1]), len(found)]
    return [(found[first][0], found[end - 1][1]) for first, end in pairwise(begins)] if found else []


def _truth(
    compare: Compare, levels: dict[str, Levels], named: str, policy: Policy, slots: Slots, parameters: Parameters
) -> str:
    def number(operand: Operand) -> str:
        return _number(operand, levels, named, policy, slots, parameters)

    return truth(compare, number, lambda _compare: "NULL")


def _number(
    operand: Operand, levels: dict[str, Levels], named: str, policy: Policy, slots: Slots, parameters: Parameters
) -> str:
    if isinstance(operand, Threshold):
        return level(levels[operand.name], named, parameters)
    if isinstance(operand, Measure):
        return number_of(policy, operand.name, slots)
    return str(operand.value) if isinstance(operand, Number) else slots.numbers[operand]
