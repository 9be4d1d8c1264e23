"""What the policy in force says of one sample now, whether that was decided, and what would make it say otherwise.

The verdict is a row of `judgements`; caps, which need all samples at once, are left to `decide`. So a decision that a
cap made is taken to stand as long as the rules alone would accept.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, NamedTuple

from ledger.fixed import text_of
from ledger.policy import Facts, Judge, Verdict, flip
from ledger.policy.changes import key_text
from ledger.policy.flip import Change
from ledger.reports.statements import Said, Statements, policy_json
from ledger.rule import Policy, policy_of
from ledger.store import Store
from ledger.views import policies, samples, standing, tags

_LABELS = {None: None, 0: False, 1: True}
_DECIDERS = ("person", "agent")


class _Case(NamedTuple):
    """A sample before the policy that covers it."""

    adoption: policies.Adoption
    policy: Policy
    facts: Facts
    verdict: Verdict
    row: standing.Judged
    capped: Said | None


def today(store: Store, row: samples.Row, known: Statements, born: bool | None) -> dict[str, Any]:  # noqa: FBT001 - a label
    """Return `today` (null where no policy covers the sample) and `would_flip_if` (null where nothing would).

    `born` is the label that the sample came with.
    """
    ruled_status, ruled_label = known.by_policy()
    case = _case(store, row, known, ruled_status)
    flips = _flips(known, row, case, born) or None
    if case is None:
        return {"today": None, "would_flip_if": flips}
    status, label = known.in_force(row)
    changes = [
        *_status_due(case, ruled_status, status),
        *_label_due(case, ruled_label, label, None if row.label is None else bool(row.label)),
    ]
    told = {
        **policy_json(case.adoption),
        "outcome": case.row.outcome,
        "rule": case.row.rule,
        "margin": None if case.row.margin is None else text_of(case.row.margin),
        "label": _LABELS[case.row.label] if case.row.label_held else None,
        "label_rules": list(case.verdict.label_rules),
        "caps": [cap.name for cap in case.policy.caps],
        "changes": changes,
        "stale": bool(changes),
    }
    return {"today": told, "would_flip_if": flips}


def _case(store: Store, row: samples.Row, known: Statements, ruled: Said | None) -> _Case | None:
    judged = standing.judged(store.connection, row.sample)
    if judged is None:
        return None
    adoption = next(each for each in known.adoptions if each.position == judged.policy)
    judge = _judge(adoption.body)
    fields = {
        "campaign": row.campaign,
        "domain": row.domain or "",
        "form": row.form,
        "label": standing.given_label(store.connection, row.sample),
        "source": row.source or "",
        "type": row.type,
    }
    numbers = dict(zip(judge.numbers, judged.numbers, strict=False))
    facts = Facts(numbers, fields, tags.of_sample(store.connection, row.sample))
    return _Case(adoption, judge.policy, facts, judge(facts), judged, _capping(judge.policy, judged, ruled))


@lru_cache(8)
def _judge(frozen: bytes) -> Judge:
    return Judge(policy_of(json.loads(frozen)))


def _capping(policy: Policy, judged: standing.Judged, said: Said | None) -> Said | None:
    """Return the decision if a cap of this policy made it and the rules alone still accept."""
    caps = {cap.name for cap in policy.caps}
    return said if said is not None and said.leaf["rule"] in caps and judged.outcome == "accepted" else None


def _status_due(case: _Case, said: Said | None, in_force: Said | None) -> list[str]:
    """Say whether `decide` would decide about it: the same question as in `ledger.views.due`.

    What an agent or a file said after the policy stands until the policy has decided again.
    """
    differs = case.capped is None and (
        said is None or (said.value, said.leaf["rule"]) != (case.row.outcome, case.row.rule)
    )
    return ["status"] if differs or (not _by_person(in_force) and said != in_force) else []


def _label_due(case: _Case, said: Said | None, in_force: Said | None, label: bool | None) -> list[str]:  # noqa: FBT001 - a label
    """Say whether `decide` would label it, as `_status_due`."""
    if case.row.label_held:
        wanted = (_LABELS[case.row.label], "+".join(case.verdict.label_rules))
        differs = said is None or (said.value, said.leaf["rule"]) != wanted
        due = differs or (not _by_person(in_force) and said != in_force)
    elif said is None or _by_person(in_force):
        due = False
    else:
        due = said.leaf["rule"] is not None or (said == in_force and _word(label) != case.facts.fields["label"])
    return ["label"] if due else []


def _by_person(said: Said | None) -> bool:
    return said is not None and said.authority == "person"


def _flips(known: Statements, row: samples.Row, case: _Case | None, born: bool | None) -> list[dict[str, Any]]:  # noqa: FBT001 - a label
    """Return the smallest changes to what stands; where a person or an agent decided, that is to withdraw it.

    No setting by itself turns what they decided; a policy's next decision takes the place of an agent's.
    """
    made: list[dict[str, Any]] = []
    settled: set[str] = set()
    for about, said, others in zip(("status", "label"), known.in_force(row), (known.status, known.label), strict=True):
        if said is not None and said.authority in _DECIDERS:
            settled.add(about)
            gives = _without(said, others, None if about == "status" else born)
            if gives != _word(said.value):
                made.append({"of": about, "gives": gives, "unless": [], "withdraw": f"@{said.position}"})
    if case is None:
        return made
    if case.capped is not None and "status" not in settled:
        settled.add("status")
        made += _uncapped(case, case.capped)
    for change in flip(case.policy, case.facts, case.verdict) or ():
        if change["of"] not in settled and _is_one(case, change):
            then = None if change["gives"] is None else _word(change["gives"])
            unless = [cap.name for cap in case.policy.caps] if then == "accepted" else []
            made.append({**change, "gives": then, "unless": unless})
    return made


def _is_one(case: _Case, change: Change) -> bool:
    """Say whether the sample would stand otherwise: a rule can give the label that the sample came with."""
    if change["of"] == "status" or change["gives"] is None:
        return True
    given = case.facts.fields["label"]
    now = _word(_LABELS[case.row.label]) if case.row.label_held else given
    return now != (given if change["gives"] == "unchanged" else change["gives"])


def _without(said: Said, others: list[Said], given: Any) -> str:  # noqa: ANN401 - a label, or None for a status
    """Return what applies if one statement is withdrawn: a person's first, then the latest, else what was given."""
    is_status = said.leaf["kind"] != "relabeled"
    left = [each for each in others if not each.withdrawn and each is not said and (each.current or not is_status)]
    chosen = max(left, key=lambda each: (each.authority == "person", each.position), default=None)
    if chosen is None:
        return "pending" if is_status else _word(given)
    return _word(chosen.value)


def _uncapped(case: _Case, said: Said) -> list[dict[str, Any]]:
    """Return the size of the cap that would let the sample in."""
    cap = next(each for each in case.policy.caps if each.name == said.leaf["rule"])
    rank = said.leaf["details"].get("rank")
    if rank is None:
        return []
    key = key_text(("cap", cap.name, "keep"))
    return [
        {
            "of": "status",
            "gives": "accepted",
            "set": f"{key}={rank}",
            "from": str(cap.keep),
            "to": str(rank),
            "unless": [],
        }
    ]


def _word(value: Any) -> str:  # noqa: ANN401 - an outcome, or a label
    if isinstance(value, str):
        return "pending" if value == "deferred" else value
    return "none" if value is None else str(value).lower()
