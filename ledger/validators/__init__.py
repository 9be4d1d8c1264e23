"""Validators: what is wrong with a content, as findings. One side of a content, one module; none sees a label."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, NamedTuple

from ledger.sample import Content
from ledger.validators import calls, structure, text, tools
from ledger.validators.contract import ERROR, WARNING, Finding, Schemas, TextLimits, Validator
from ledger.validators.reading import talk_of
from ledger.validators.schemas import DIALECTS, load_schemas
from ledger.validators.secrets import Secret, find_secrets

VALIDATORS: dict[str, Validator] = {
    validator.name: validator for validator in (structure.VALIDATOR, calls.VALIDATOR, tools.VALIDATOR, text.VALIDATOR)
}
"""Every validator by name, in the order in which they look at a content."""

_INTERNAL = {
    "internal/validator_failed": (WARNING, "a validator failed on this sample, so its rules were not looked at"),
    "internal/more_findings": (WARNING, "there are more findings than are kept for one sample"),
}
_TABLE = {**{rule: said for one in VALIDATORS.values() for rule, said in one.table.items()}, **_INTERNAL}
RULES: dict[str, str] = {rule: sentence for rule, (_, sentence) in _TABLE.items()}
"""Every rule -> what breaks it, in a sentence."""
SEVERITIES: dict[str, str] = {rule: severity for rule, (severity, _) in _TABLE.items()}
"""Every rule -> error or warning."""

NO_LIMITS = TextLimits()
MOST_FINDINGS = 100
"""Kept of one sample; hostile text could make as many as it has lines."""
_EXAMINED = 10 * MOST_FINDINGS
_LONGEST_NAME = 128
_NUMBER = re.compile(r"([0-9]+)")
_ON_BAD_DATA = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)

__all__ = [
    "DIALECTS",
    "ERROR",
    "NO_LIMITS",
    "RULES",
    "SEVERITIES",
    "VALIDATORS",
    "WARNING",
    "Examined",
    "Finding",
    "Schemas",
    "Secret",
    "TextLimits",
    "Validator",
    "examine",
    "find_secrets",
    "load_schemas",
    "tools_called",
    "validate",
]


class Examined(NamedTuple):
    """What is wrong with a content, and the tools that it calls, one name for each call."""

    findings: list[Finding]
    tools: list[str]


def validate(content: Content, schemas: Schemas | None = None, options: TextLimits = NO_LIMITS) -> list[Finding]:
    """Return what is wrong with a content, by path, then by rule; the same content always gives the same findings.

    Without `schemas` calls are compared with the sample's own tools, if it brings any. Never raises for bad data.
    """
    return examine(content, schemas, options).findings


def tools_called(content: Content) -> list[str]:
    """Return the name of the tool of each call, in order; what is no text is left out, long ones are cut."""
    return examine(content).tools


def examine(content: Content, schemas: Schemas | None = None, options: TextLimits = NO_LIMITS) -> Examined:
    """Return what `validate` and `tools_called` do, looking at the content once."""
    try:
        talk = talk_of(content)
        names = [_name(call.name) for call in talk.calls if isinstance(call.name, str)]
    except _ON_BAD_DATA as error:
        return Examined([_failed("the reading of calls", error)], [])
    found: list[Finding] = []
    for validator in VALIDATORS.values():
        try:
            found.extend(islice(validator.check(talk, schemas, options), _EXAMINED))
        except _ON_BAD_DATA as error:
            found.append(_failed(validator.name, error))
    return Examined(_in_order(found) if found else [], names)


def _in_order(found: list[Finding]) -> list[Finding]:
    """Return findings by path and rule, one of each, and not too many of them."""
    once = {(finding.path, finding.rule): finding for finding in reversed(found)}
    ordered = sorted(once.values(), key=_place)
    if len(ordered) <= MOST_FINDINGS:
        return ordered
    message = f"{MOST_FINDINGS} findings are kept; there are more"
    return [*ordered[:MOST_FINDINGS], _internal("internal/more_findings", message)]


def _place(finding: Finding) -> tuple[list[Any], str]:
    """Return what to sort by: the path with its numbers as numbers, then the rule."""
    parts: list[Any] = _NUMBER.split(finding.path)
    parts[1::2] = map(int, parts[1::2])
    return parts, finding.rule


def _failed(what: str, error: Exception) -> Finding:
    return _internal("internal/validator_failed", f"{what} failed with {type(error).__name__}; please report this")


def _internal(rule: str, message: str) -> Finding:
    return Finding(rule, _INTERNAL[rule][0], "", message)


def _name(name: str) -> str:
    return name[:_LONGEST_NAME].encode("utf-8", "backslashreplace").decode()
