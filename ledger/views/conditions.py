"""From a condition (`ledger.rule`) to SQL: its truth, its margin, and the samples for which it holds.

Only numbers and names of this program's columns are written into the SQL; every text is a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ledger.rule import AllOf, Compare, Condition, Field, Findings, Not, Number, Operand, Score, Tag, Text
from ledger.sqlite import Connection

FAR = 10**15
"""The margin, in millionths, of a comparison that no threshold could change."""

_WIDEST = 100
"""Arguments of a function; SQLite takes 127."""

_OPS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "=", "!=": "<>"}


@dataclass(slots=True)
class Parameters:
    """The texts that a statement takes, each under a name of its own."""

    values: dict[str, str | int] = field(default_factory=dict)

    def add(self, value: str | int) -> str:
        """Keep a value and return how the statement names it."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f":{name}"


Numbers: TypeAlias = Callable[[Operand], str]
"""From an operand that is a number to SQL."""

Texts: TypeAlias = Callable[[Compare], str]
"""From a comparison of texts to SQL that is 0 or 1."""


def truth(condition: Condition, number: Numbers, text: Texts) -> str:
    """Return SQL that is 1, 0, or NULL where it cannot be told."""
    if isinstance(condition, Compare):
        if _is_text(condition):
            return text(condition)
        return f"({number(condition.left)} {_OPS[condition.op]} {number(condition.right)})"
    if isinstance(condition, Not):
        return f"(NOT {truth(condition.part, number, text)})"
    word = " AND " if isinstance(condition, AllOf) else " OR "
    return f"({word.join(truth(part, number, text) for part in condition.parts)})"


def margin(condition: Condition, number: Numbers, text: Texts) -> str:
    """Return SQL for how far, in millionths, the values are from where the condition stops to hold.

    Where it holds this is zero or less: how much is missing. Of several parts that must all hold the largest counts
    (the first to give way), of several of which one is enough the smallest. NULL where it cannot be told.
    """
    if isinstance(condition, Compare):
        if _is_text(condition):
            return f"(CASE WHEN {text(condition)} THEN -{FAR} ELSE {FAR} END)"
        left, right = number(condition.left), number(condition.right)
        if condition.op == "==":
            return f"abs({left} - {right})"
        if condition.op == "!=":
            return f"-abs({left} - {right})"
        return f"({left} - {right})" if condition.op in {"<", "<="} else f"({right} - {left})"
    if isinstance(condition, Not):
        return f"(-({margin(condition.part, number, text)}))"  # two minus signs would begin a comment
    word: Literal["min", "max"] = "max" if isinstance(condition, AllOf) else "min"
    return extreme(word, [margin(part, number, text) for part in condition.parts])


def extreme(word: Literal["min", "max"], parts: Sequence[str]) -> str:
    """Return SQL for the smallest or largest of some expressions, NULL if one of them is."""
    while len(parts) > _WIDEST:
        parts = [extreme(word, parts[first : first + _WIDEST]) for first in range(0, len(parts), _WIDEST)]
    return parts[0] if len(parts) == 1 else f"{word}({', '.join(parts)})"  # of a single one it would be an aggregate


def select(connection: Connection, condition: Condition, campaign: str | None = None) -> list[int]:
    """Return the samples (handles, in the order of birth) for which a condition holds as they stand.

    A score is the latest of that dimension, by whichever scorer, of the current version.
    """
    parameters = Parameters()
    within = "" if campaign is None else f"AND s.campaign = {parameters.add(campaign)}"
    sql = f"{_holding(condition, parameters)} {within} ORDER BY s.sample"
    return [row[0] for row in connection.execute(sql, parameters.values)]


def selected_set(connection: Connection, condition: Condition) -> bytearray:
    """Return the samples that `select` would, as a byte for each handle up to the last: 1 where the condition holds."""
    (last,) = connection.execute("SELECT coalesce(max(sample), -1) FROM samples").fetchone()
    held = bytearray(last + 1)
    parameters = Parameters()
    for (sample,) in connection.execute(_holding(condition, parameters), parameters.values):
        held[sample] = 1
    return held


def text_compared(compare: Compare, value: str, parameters: Parameters) -> str:
    """Return SQL for the comparison of a text with the one that the condition names."""
    if not isinstance(compare.right, Text):
        raise TypeError("a text is compared with a text")
    return f"({value} {_OPS[compare.op]} {parameters.add(compare.right.value)})"


def tag_value(tag: Tag, parameters: Parameters) -> str:
    """Return SQL for the value that a tag of the sample `s` has, '' where there is none."""
    return f"""coalesce((SELECT g.value FROM tags g WHERE g.sample = s.sample AND g.key = {parameters.add(tag.name)}
        AND g.withdrawn IS NULL ORDER BY g.position DESC LIMIT 1), '')"""


def findings_count(findings: Findings, parameters: Parameters) -> str:
    """Return SQL for how many findings (in millionths) the latest look at the version of `s` had; NULL if none looked.

    The glob is SQLite's: `*`, `?` and `[...]`.
    """
    if findings.rule == "*" and findings.severity is not None:
        counted = f"v.{findings.severity}s"
    else:
        severity = "" if findings.severity is None else f"AND f.severity = {parameters.add(findings.severity)}"
        counted = f"""(SELECT count(*) FROM findings f WHERE f.position = v.position
            AND f.rule GLOB {parameters.add(findings.rule)} {severity})"""
    return f"""(SELECT {counted} * 1000000 FROM validations v WHERE v.sample = s.sample AND v.version = s.version
        ORDER BY v.position DESC LIMIT 1)"""


def _holding(condition: Condition, parameters: Parameters) -> str:
    """Return the SELECT of the samples for which a condition holds as they stand; more can be asked of them behind."""
    return f"SELECT s.sample FROM samples s WHERE s.status <> 'erased' AND {holds(condition, parameters)}"


def holds(condition: Condition, parameters: Parameters) -> str:
    """Return SQL that is true where a condition holds for the sample `s` as it stands."""
    return truth(condition, lambda operand: number(operand, parameters), lambda c: _text(c, parameters))


def _is_text(compare: Compare) -> bool:
    return isinstance(compare.left, (Field, Tag))


def number(operand: Operand, parameters: Parameters) -> str:
    """Return SQL for a number of the sample `s` as it stands, in millionths; NULL where there is none."""
    if isinstance(operand, Number):
        return str(operand.value)
    if isinstance(operand, Findings):
        return findings_count(operand, parameters)
    if not isinstance(operand, Score):
        raise TypeError(f"{type(operand).__name__} has a meaning in a policy only")
    return f"""(SELECT v.value FROM scores v JOIN measures m ON m.measure = v.measure WHERE v.sample = s.sample
        AND v.version = s.version AND m.dimension = {parameters.add(operand.dimension)}
        ORDER BY v.position DESC LIMIT 1)"""


def _text(compare: Compare, parameters: Parameters) -> str:
    if isinstance(compare.left, Tag):
        return text_compared(compare, tag_value(compare.left, parameters), parameters)
    if not isinstance(compare.left, Field):
        raise TypeError("a field or a tag is compared with a text")
    return text_compared(compare, _FIELDS.get(compare.left.name, f"s.{compare.left.name}"), parameters)


_FIELDS = {
    "domain": "coalesce(s.domain, '')",
    "label": "CASE s.label WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'none' END",
    "source": "coalesce(s.source, '')",
    "split": "coalesce(s.split, '')",
}
"""Columns of `samples` that need a word more than their name."""
