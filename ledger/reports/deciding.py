"""What decided about one sample: by which rule, how narrowly, and over whom. All of it is read from the events."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ledger.reports.statements import Said, Statements, statement
from ledger.rule import AllOf, Compare, Condition, Findings, LabelRule, Measure, Not, Score, compared
from ledger.store import Store
from ledger.views import policies, samples

Answer = dict[str, Any]

NO_RULE = "default"
"""As the rule of a policy's decision: none held."""

_COMPARED = ("what", "op", "observed", "threshold", "margin")
_FAILED = ("rule", "observed", "threshold", "margin")


def deciding(store: Store, row: samples.Row, known: Statements) -> Answer:
    """Return what decided (`deciding`), all of it (`decided`), every other rule that holds, and who overrode whom.

    `deciding` is what decided the status or, where a policy did without any of its rules, what decided the label.
    """
    status, label = known.in_force(row)
    ruled_status, ruled_label = known.by_policy()
    decided = {
        "status": None if status is None else _status(store, row, status, known),
        "label": None if label is None else _label(label, known),
    }
    by_a_rule = status is not None and (status.authority != "policy" or status.leaf["rule"] != NO_RULE)
    return {
        "deciding": decided["status"] if by_a_rule or label is None else decided["label"],
        "decided": decided,
        "failed_rules": [*_failed(ruled_status or status), *_other_labels(ruled_label, known)],
        "overrides": [
            each
            for about, said, under in (("status", status, ruled_status), ("label", label, ruled_label))
            for each in _override(about, said, under, known)
        ],
    }


def _status(store: Store, row: samples.Row, said: Said, known: Statements) -> Answer:
    details = said.leaf["details"]
    numbers = {name: details.get(name) for name in ("observed", "threshold", "margin")}
    return {
        "about": "status",
        **_common(said, known),
        **numbers,
        **_beside(details),
        "twin": _twin(store, row, details),
    }


def _label(said: Said, known: Statements) -> Answer:
    """Return what decided the label; its numbers are those of the first rule that holds, whose label it is."""
    details = said.leaf["details"]
    parts = _by_rule(said, known)
    first = parts[0][1] if parts else None
    numbers = {name: None if first is None else first[name] for name in ("observed", "threshold", "margin")}
    return {"about": "label", **_common(said, known), **numbers, **_beside(details), "twin": None}


def _common(said: Said, known: Statements) -> Answer:
    told = statement(said, known, ())
    return {name: value for name, value in told.items() if name not in {"details", "in_force", "withdrawn"}}


def _beside(details: Answer) -> Answer:
    """Return what stands beside the deciding numbers: every comparison, the components, what could not be told."""
    return {
        "compared": [dict(zip(_COMPARED, row, strict=False)) for row in details.get("compared", [])],
        "components": dict(details.get("components", [])),
        "unknown": details.get("unknown", []),
        "rank": details.get("rank"),
    }


def _twin(store: Store, row: samples.Row, details: Answer) -> Answer | None:
    """Return the sample for whose sake a cap set this one aside, and how similar they were, where that is known."""
    if not details.get("twin"):
        return None
    found = samples.by_ids(store.connection, [bytes.fromhex(details["twin"])])
    same = any(twin.fingerprint == row.fingerprint for twin in found.values())
    told = details.get("similarity")
    return {"sample": details["twin"], "similarity": float(told) if told is not None else 1 if same else None}


def _failed(said: Said | None) -> list[Answer]:
    """Return the rules that hold beside the one that decided the status."""
    rows = [] if said is None else said.leaf["details"].get("failed", [])
    return [{"about": "status", **dict(zip(_FAILED, row, strict=False))} for row in rows]


def _other_labels(said: Said | None, known: Statements) -> list[Answer]:
    """Return the label rules that hold beside the first."""
    others = [] if said is None else _by_rule(said, known)[1:]
    made = []
    for name, nearest in others:
        made.append({"about": "label", "rule": name, **{key: (nearest or {}).get(key) for key in _FAILED[1:]}})
    return made


def _by_rule(said: Said, known: Statements) -> list[tuple[str, Answer | None]]:
    """Return the label rules that a relabeling names, each with the comparison that its margin is taken from.

    The event holds the names joined with + and the rows of `compared` of all of them in order, so it takes the policy
    to tell them apart; where that is not known, or says something else, no comparison is told.
    """
    adoption = known.adoption(said.leaf["policy"])
    joined = said.leaf["rule"] or ""
    if adoption is None:
        return [(name, None) for name in joined.split("+") if name]
    holding: list[LabelRule] = []
    for rule in policies.frozen(adoption).labels:
        if f"{joined}+".startswith(f"{rule.name}+"):
            holding.append(rule)
            joined = joined[len(rule.name) + 1 :]
    rows = said.leaf["details"].get("compared", [])
    if sum(_is_numeric(one) for rule in holding for one in compared(rule.when)) != len(rows):
        return [(rule.name, None) for rule in holding]
    each = iter(rows)
    return [(rule.name, _nearest(rule.when, each)[1]) for rule in holding]


def _is_numeric(compare: Compare) -> bool:
    return isinstance(compare.left, (Score, Measure, Findings))


def _nearest(condition: Condition, rows: Iterator[list[Any]]) -> tuple[Decimal | None, Answer | None]:
    """Return a condition's margin, and the row that it is taken from; takes the rows of its comparisons of numbers.

    A margin can be twice as far from zero as any score, so it is not read as one.
    """
    if isinstance(condition, Compare):
        if not _is_numeric(condition):
            return None, None
        row = dict(zip(_COMPARED, next(rows), strict=False))
        return (None, None) if row["margin"] is None else (Decimal(row["margin"]), row)
    if isinstance(condition, Not):
        margin, row_of = _nearest(condition.part, rows)
        return None if margin is None else -margin, row_of
    sign = 1 if isinstance(condition, AllOf) else -1
    parts = [_nearest(part, rows) for part in condition.parts]
    told = [(sign * margin, margin, row_of) for margin, row_of in parts if margin is not None]
    return max(told, key=lambda part: part[0])[1:] if told else (None, None)


def _override(about: str, said: Said | None, under: Said | None, known: Statements) -> list[Answer]:
    """Return a person's statement that stands over a policy's, both named."""
    if said is None or under is None or said.authority != "person":
        return []
    differs = said.value != under.value
    return [{"about": about, "by": _common(said, known), "over": _common(under, known), "differs": differs}]
