"""Conditions as text again, in the form that `expression` reads: `read_condition(condition_text(c, s), s) == c`."""

from __future__ import annotations

import re

from ledger.fixed import text_of
from ledger.policy.expression import COUNTS, WORDS, Scope, resolve
from ledger.rule import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Field,
    Findings,
    Measure,
    Not,
    Number,
    Operand,
    Score,
    Tag,
    Text,
)

_NAME = re.compile(r"[^\W\d]\w*")
_OR, _AND, _ATOM = 1, 2, 4
_COUNTED = {severity: word for word, severity in COUNTS.items()}


def condition_text(condition: Condition, scope: Scope) -> str:
    """Return a condition as people write it."""
    return _written(condition, scope, _OR)


def operand_text(operand: Operand, scope: Scope) -> str:
    """Return one side of a comparison as people write it."""
    if isinstance(operand, (Number, Text)):
        return text_of(operand.value) if isinstance(operand, Number) else quoted(operand.value)
    if isinstance(operand, Findings):
        return _findings(operand)
    if isinstance(operand, Tag):
        return f"tag.{operand.name}" if _NAME.fullmatch(operand.name) else f"tag[{quoted(operand.name)}]"
    if isinstance(operand, Score):
        return operand.dimension if _is_bare(operand, scope) else f"score[{quoted(operand.dimension)}]"
    return operand.name


def _findings(findings: Findings) -> str:
    if findings.rule == "*" and findings.severity is not None:
        return _COUNTED[findings.severity]
    severity = "" if findings.severity is None else f", {quoted(findings.severity)}"
    return f"findings({quoted(findings.rule)}{severity})"


def quoted(text: str) -> str:
    """Return a text in double quotes."""
    inside = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inside}"'


def _written(condition: Condition, scope: Scope, above: int) -> str:
    """Return a condition as part of one that binds as strongly as `above`."""
    if isinstance(condition, Compare):
        return _compare(condition, scope)
    if isinstance(condition, Not):
        within = _within(condition.part, scope, "not in")
        return within or f"not {_written(condition.part, scope, _ATOM)}"
    if isinstance(condition, AnyOf) and (within := _within(condition, scope, "in")):
        return within
    word, strength = (" and ", _AND) if isinstance(condition, AllOf) else (" or ", _OR)
    text = word.join(_written(part, scope, strength + 1) for part in condition.parts)
    return f"({text})" if strength < above else text


def _compare(compare: Compare, scope: Scope) -> str:
    left, right = compare.left, compare.right
    if compare.op == ">" and right == Number(0) and isinstance(left, Findings):
        text = operand_text(left, scope)
        return f"{text} > 0" if text in COUNTS else text.replace("findings(", "finding(", 1)
    if left == Field("label") and isinstance(right, Text):
        return f"label {compare.op} {right.value}"
    return f"{operand_text(left, scope)} {compare.op} {operand_text(right, scope)}"


def _within(condition: Condition, scope: Scope, word: str) -> str | None:
    """Return `left in [...]` for the alternatives that can be written so, None for everything else."""
    if not isinstance(condition, AnyOf) or len(set(condition.parts)) < max(len(condition.parts), 2):
        return None
    found: list[str] = []
    lefts: set[Operand] = set()
    for part in condition.parts:
        if not isinstance(part, Compare) or part.op != "==":
            return None
        lefts.add(part.left)
        bare = part.left == Field("label") and isinstance(part.right, Text)
        found.append(part.right.value if bare and isinstance(part.right, Text) else operand_text(part.right, scope))
    return f"{operand_text(lefts.pop(), scope)} {word} [{', '.join(found)}]" if len(lefts) == 1 else None


def _is_bare(score: Score, scope: Scope) -> bool:
    """Say whether the name alone means this score: it looks like a name and is not taken by anything else."""
    if not _NAME.fullmatch(score.dimension) or score.dimension in WORDS:
        return False
    try:
        return resolve(score.dimension, scope) == score
    except ValueError:
        return False


def is_name(text: str) -> bool:
    """Say whether a text can stand in a condition as a bare name."""
    return _NAME.fullmatch(text) is not None and text not in WORDS


def measured(operand: Operand) -> str:
    """Return the plain name of a number that is looked up: a dimension, a measure, or a count of findings."""
    if isinstance(operand, Score):
        return operand.dimension
    return operand.name if isinstance(operand, Measure) else operand_text(operand, Scope())
