"""What other thresholds, weights or rules would turn, told from what the policy in force saw, in one pass.

Without caps each sample is judged by itself. So only those need to be looked at for which a comparison turns, and
their verdict before stands in `judgements` already.
"""

from __future__ import annotations

from ledger.rule import Compare, Levels, Measure, Number, Operand, Policy, Threshold, comparisons
from ledger.sqlite import Connection
from ledger.views import policies
from ledger.views.conditions import Parameters, truth
from ledger.views.due import Count, Flip, Turn, gathered
from ledger.views.judgements import LABELLED
from ledger.views.judging import Slots, fits, level, lookup, number_of, rule_names, slots_of, verdicts

_BETWEEN = 8
"""Stretches that a number is looked for in; of more domains the whole of them."""

_SEEN = """SELECT sample, domain, {numbers} facts, person, bound, given, outcome AS was, rule AS was_rule,
        margin AS was_margin, labelled AS was_labelled, label_held AS was_held
    FROM judgements WHERE {which}"""
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
    which = [f"+policy = {adoption.position}"]  # the plus: an index that holds every sample only adds a look-up to each
    if campaign is not None:
        which = [f"policy = {adoption.position}", f"campaign = {parameters.add(campaign)}"]
    if _only_levels_differ(before, after):
        which.append(_turns(connection, before, after, slots, parameters))
    said = verdicts(
        connection,
        after,
        slots,
        _SEEN.format(which=" AND ".join(which), numbers="".join(f"{column}, " for column in slots.numbers.values())),
        parameters,
    )
    sql = _FLIPS.format(
        said=said,
        was_labels=rule_names("was_held", [rule.name for rule in before.labels], parameters),
        labels=rule_names("label_held", [rule.name for rule in after.labels], parameters),
    )
    return gathered(connection, sql, parameters.values, limit)


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
            was = _truth(compare, old, lookup(connection, before), before, slots, parameters)
            now = _truth(compare, new, lookup(connection, after), after, slots, parameters)
            near = _near(_left(compare.left, after, slots), old[compare.right.name], new[compare.right.name])
            parts.append(f"({near} AND {was} IS NOT {now})")
    return f"({' OR '.join(parts) or 'false'})"


def _left(operand: Operand, policy: Policy, slots: Slots) -> str:
    return number_of(policy, operand.name, slots) if isinstance(operand, Measure) else slots.numbers[operand]


def _near(number: str, old: Levels, new: Levels) -> str:
    """Return SQL that is true where a number lies between two values of a threshold, of whichever domain.

    Elsewhere no comparison with it turns. To say which of them a domain has takes longer than all else.
    """
    named = sorted({domain for domain, _ in (*old.domains, *new.domains)})
    turned = [(old.default, new.default), *((old.at(domain), new.at(domain)) for domain in named)]
    between = [(min(pair), max(pair)) for pair in dict.fromkeys(turned) if pair[0] != pair[1]]
    if len(between) > _BETWEEN:
        between = [(min(low for low, _ in between), max(high for _, high in between))]
    found = [f"{number} BETWEEN {low} AND {high}" for low, high in between]
    if old.cross is not None or new.cross is not None:
        every = [value for levels in (old, new) for value in (levels.default, *(each for _, each in levels.domains))]
        every += [levels.cross for levels in (old, new) if isinstance(levels.cross, int)]
        found.append(f"({number} BETWEEN {min(every)} AND {max(every)} AND instr(domain, '+'))")
    return f"({' OR '.join(found) or 'false'})"


def _truth(
    compare: Compare, levels: dict[str, Levels], named: str, policy: Policy, slots: Slots, parameters: Parameters
) -> str:
    def number(operand: Operand) -> str:
        if isinstance(operand, Threshold):
            return level(levels[operand.name], named, parameters)
        if isinstance(operand, Measure):
            return number_of(policy, operand.name, slots)
        return str(operand.value) if isinstance(operand, Number) else slots.numbers[operand]

    return truth(compare, number, lambda _compare: "NULL")
