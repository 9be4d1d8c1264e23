"""From what a policy sees of a sample (`ledger.views.observing`) to what it says: SQL over x0, x1 ... and facts.

The same statement judges one sample, all of them, and what would be under other thresholds; the policy's rules become
expressions, so a million samples are judged in one pass. The meaning is that of docs/policies.md.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ledger.digest import blake3_bytes
from ledger.rule import Compare, Levels, Measure, Number, Operand, Policy, Score, Threshold, Weighted, observed
from ledger.sqlite import Connection
from ledger.views.conditions import FAR, Parameters, extreme, margin, truth
from ledger.views.observing import texts

VERDICT = "outcome, rule, margin, held, untold, label, label_held, label_untold"
"""What a policy says: the outcome, the rule that decided (`default`, `unknown` where none did), how far the values are
from another outcome, bit masks of the rules that hold and of those that cannot be told; and the same of the label."""

_WHENS = 50
"""Domains with values of their own that are written out in SQL; more are looked up by a function."""
_DOMAINS = 1 << 16
"""Domains whose thresholds are remembered; they are data, so there may be any number."""

_FENCE = "LIMIT -1 OFFSET 0"
"""Keeps SQLite from writing an inner expression out wherever an outer one uses it."""


class Slots(NamedTuple):
    """In which column each number stands, and in which bit each comparison of texts."""

    numbers: dict[Operand, str]
    bits: dict[Compare, int]


def slots_of(policy: Policy) -> Slots:
    """Return where the observations of a policy stand."""
    return Slots(
        {item: f"x{slot}" for slot, item in enumerate(observed(policy))},
        {compare: bit for bit, compare in enumerate(texts(policy))},
    )


def fits(policy: Policy, slots: Slots) -> bool:
    """Say whether everything that a policy looks up stands in these slots."""
    return set(observed(policy)) <= slots.numbers.keys() and set(texts(policy)) <= slots.bits.keys()


def verdicts(connection: Connection, policy: Policy, slots: Slots, seen: str, parameters: Parameters) -> str:
    """Return a SELECT of all columns of `seen` (a SELECT of sample, domain, x0 ..., facts) and of VERDICT.

    Each level adds the columns that the next one reads: thresholds and sums, measures, rules, the verdict.
    """
    levels = {one.name: f"t{n}" for n, one in enumerate(policy.thresholds)}
    measures = {weighted.name: f"m{n}" for n, weighted in enumerate(policy.measures)}

    def number(operand: Operand) -> str:
        if isinstance(operand, Number):
            return str(operand.value)
        if isinstance(operand, Threshold):
            return levels[operand.name]
        return measures[operand.name] if isinstance(operand, Measure) else slots.numbers[operand]

    def text(compare: Compare) -> str:
        return f"((facts >> {slots.bits[compare]}) & 1)"

    known = lookup(connection, policy)
    inputs = [f"{level(one, known, parameters)} AS {levels[one.name]}" for one in policy.thresholds]
    for n, weighted in enumerate(policy.measures):
        total, amount = _sums(weighted, slots)
        inputs += [f"{total} AS total{n}", f"{amount} AS amount{n}"]
    means = [f"{_mean(f'amount{n}', f'total{n}')} AS m{n}" for n in range(len(policy.measures))]
    held = [f"{truth(rule.when, number, text)} AS h{n}" for n, rule in enumerate(policy.rules)]
    held += [f"{truth(rule.when, number, text)} AS label_h{n}" for n, rule in enumerate(policy.labels)]
    held += [f"{margin(rule.when, number, text)} AS g{n}" for n, rule in enumerate(policy.rules)]
    for columns in (inputs, means, held, _verdict(policy, parameters), [_NEAR]):
        if columns:
            seen = f"SELECT *, {', '.join(columns)} FROM ({seen}) {_FENCE}"
    return seen


def number_of(policy: Policy, name: str, slots: Slots) -> str:
    """Return SQL for a measure or score that a policy names (its headline), over the columns of `slots`."""
    weighted = {measure.name: measure for measure in policy.measures}.get(name)
    if weighted is None:
        return slots.numbers[Score(name)]
    total, amount = _sums(weighted, slots)
    return _mean(f"({amount})", f"({total})")


_NEAR = f"CASE WHEN abs(far) < {FAR // 2} THEN far END AS margin"


def _verdict(policy: Policy, parameters: Parameters) -> list[str]:
    rules, labels = range(len(policy.rules)), range(len(policy.labels))
    outcomes = [f"WHEN h{n} THEN '{policy.rules[n].outcome}'" for n in rules]
    names = [f"WHEN h{n} THEN {parameters.add(policy.rules[n].name)}" for n in rules]
    if policy.unknown != "ignore" and policy.rules:
        untold = " OR ".join(f"h{n} IS NULL" for n in rules)
        outcomes.append(f"WHEN {untold} THEN '{policy.unknown}'")
        names.append(f"WHEN {untold} THEN 'unknown'")
    values = [f"WHEN label_h{n} THEN {_label(policy.labels[n].label)}" for n in labels]
    return [
        f"{_case(outcomes, repr(policy.default))} AS outcome",
        f"{_case(names, repr('default'))} AS rule",
        f"{_far(policy)} AS far",
        f"{_mask([f'coalesce(h{n}, 0)' for n in rules])} AS held",
        f"{_mask([f'(h{n} IS NULL)' for n in rules])} AS untold",
        f"{_case(values, 'NULL')} AS label",
        f"{_mask([f'coalesce(label_h{n}, 0)' for n in labels])} AS label_held",
        f"{_mask([f'(label_h{n} IS NULL)' for n in labels])} AS label_untold",
    ]


def _far(policy: Policy) -> str:
    """Return SQL for the margin: over the rules that hold and give the outcome, else over those that do not hold."""
    whens = []
    for n, rule in enumerate(policy.rules):
        same = [m for m, other in enumerate(policy.rules) if other.outcome == rule.outcome]
        whens.append(f"WHEN h{n} THEN {_least([f'CASE WHEN h{m} THEN g{m} ELSE {FAR} END' for m in same])}")
    return _case(whens, _least([f"CASE WHEN h{n} IS 0 THEN g{n} ELSE {FAR} END" for n in range(len(policy.rules))]))


def _least(amounts: list[str]) -> str:
    return extreme("min", amounts) if amounts else str(FAR)


def lookup(connection: Connection, policy: Policy) -> str:
    """Make the SQL function that knows thresholds of many domains, or of domains joined with +; return its name."""
    name = f"level_{blake3_bytes(policy.to_bytes()).hex()[:16]}"
    if any(_is_looked_up(levels) for levels in policy.thresholds):
        named = {levels.name: levels for levels in policy.thresholds}
        at = lru_cache(_DOMAINS)(lambda level, domain: named[level].at(domain))
        connection.create_function(name, 2, at, deterministic=True)
    return name


def _is_looked_up(levels: Levels) -> bool:
    return isinstance(levels.cross, str) or len(levels.domains) > _WHENS


def level(levels: Levels, known: str, parameters: Parameters) -> str:
    """Return SQL for the value of a threshold in the domain of a row; `known` is the function that `lookup` made."""
    if len(levels.domains) > _WHENS:
        return f"{known}({parameters.add(levels.name)}, domain)"
    whens = [f"WHEN {parameters.add(domain)} THEN {value}" for domain, value in levels.domains]
    otherwise = str(levels.default)
    if levels.cross is not None:
        joined = str(levels.cross)
        if isinstance(levels.cross, str):
            joined = f"{known}({parameters.add(levels.name)}, domain)"
        otherwise = f"CASE WHEN instr(domain, '+') THEN {joined} ELSE {levels.default} END"
    return f"CASE domain {' '.join(whens)} ELSE {otherwise} END" if whens else otherwise


def rule_names(mask: str, names: list[str], parameters: Parameters) -> str:
    """Return SQL for the names of the rules whose bits are set in a column, joined with +."""
    parts = [
        f"CASE WHEN {mask} & {1 << n} THEN {parameters.add(f'+{name}')} ELSE '' END" for n, name in enumerate(names)
    ]
    return f"substr({' || '.join(parts)}, 2)" if parts else "''"


def _sums(weighted: Weighted, slots: Slots) -> tuple[str, str]:
    """Return SQL for the sum of the weights that count (in ten-thousandths), and for the weighted sum."""
    totals, amounts = [], []
    for dimension, weight in weighted.weights:
        column = slots.numbers[Score(dimension)]
        value = f"(1000000 - {column})" if dimension in weighted.invert else column
        renormalise = weighted.missing == "renormalise"
        totals.append(f"({column} IS NOT NULL) * {weight}" if renormalise else str(weight))
        amounts.append(f"coalesce({value}, 0) * {weight}" if renormalise else f"{value} * {weight}")
    return " + ".join(totals), " + ".join(amounts)


def _mean(amount: str, total: str) -> str:
    """Return SQL for a weighted mean, rounded half away from zero; NULL where no weight counts."""
    half = f"CASE WHEN {amount} < 0 THEN -(({total}) / 2) ELSE ({total}) / 2 END"
    return f"(({amount} + {half}) / nullif({total}, 0))"


def _case(whens: list[str], otherwise: str) -> str:
    return f"CASE {' '.join(whens)} ELSE {otherwise} END" if whens else otherwise


def _mask(bits: list[str]) -> str:
    return f"({' | '.join(f'({bit} << {n})' for n, bit in enumerate(bits)) or 0})"


def _label(label: bool | None) -> str:  # noqa: FBT001 - a label is true, false or none
    return "NULL" if label is None else str(int(label))
