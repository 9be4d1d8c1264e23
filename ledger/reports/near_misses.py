"""The samples nearest to another outcome: rejected ones that nearly passed, or accepted ones that only just did.

Where a policy decided, the margin is the one under the policy in force; where a file told the decision, the one that
the file told. What the policy in force would no longer decide so is not near to anything: it is due (`ledger decide`).
People's decisions have no margin.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ledger.errors import BadRequest
from ledger.fixed import ONE, PLACES, text_of
from ledger.policy.explain import Judge
from ledger.policy.verdict import Verdict
from ledger.readers import content_of
from ledger.reports.history import leaf_of
from ledger.reports.levers import flat, headline, leaves_zero
from ledger.rule import Tag, comparisons
from ledger.scorers.texts import prompt_text
from ledger.store import Store
from ledger.views import decisions, nearest, policies, rollups, samples, tags
from ledger.views.nearest import Near, Wanted

EXCERPT = 100
"""Characters of a prompt that are shown."""

_CURSOR = re.compile(r"(-?)([0-9]{1,9})(?:\.([0-9]{1,6}))?@([0-9]{1,15})")
"""A margin and a sample. A margin can be larger than any score: it is the distance between two numbers."""


class Asked(NamedTuple):
    """Which near-misses: rejected or (`accepted`) accepted ones, of what, how many, after which place.

    The domain '' is that of samples without one. `after` is the `next` of an earlier answer.
    """

    limit: int
    campaign: str | None = None
    domain: str | None = None
    rule: str | None = None
    after: str | None = None
    accepted: bool = False


class Found(NamedTuple):
    """One sample; `told` says that its margin is what a file told, `left_out` that another one stands for it."""

    near: Near
    told: bool
    left_out: bool


def near_misses(store: Store, asked: Asked) -> dict[str, Any]:
    """Return one page of near-misses, nearest first, and where the next one begins; raises BadRequest.

    `twins_left_out` counts the samples that another one stands for, of those as near as the page. Costs what the page
    costs, unless files told decisions: then each of those is looked at.
    """
    status = "accepted" if asked.accepted else "rejected"
    after = None if asked.after is None else _place(asked.after)
    page: list[Found] = []
    twins, more = 0, False
    for found in nearest_first(store, asked, status, after):
        if len(page) == asked.limit and not found.left_out:
            more = True
            break
        if found.left_out:
            twins += len(page) < asked.limit
        else:
            page.append(found)
    return {
        "near_misses": _entries(store, page),
        "next": _cursor(page[-1].near) if more else None,
        "twins_left_out": twins,
        "status": status,
        "campaign": asked.campaign,
        "domain": asked.domain,
        "rule": asked.rule,
    }


def listed(store: Store, asked: Asked, status: str, after: Near | None) -> Iterator[Found]:
    """Yield what is listed, nearest first; `asked` says of which campaign, domain and rule."""
    return (found for found in nearest_first(store, asked, status, after) if not found.left_out)


def nearest_first(store: Store, asked: Asked, status: str, after: Near | None) -> Iterator[Found]:
    """Yield what is asked for, nearest first, and between it what is left out because another one stands for it."""
    connection = store.connection
    if not any(_is_asked_for(group, asked, status) for group in rollups.groups(connection)):
        return
    standing = [(adoption.position, policies.frozen(adoption)) for adoption in policies.in_force(connection)]
    wanted = Wanted(
        status,
        asked.campaign,
        asked.domain,
        asked.rule,
        {position: flat(policy, status) for position, policy in standing},
        any(leaves_zero(policy, status) for _, policy in standing),
    )
    sources = []
    if standing:
        sources.append(Found(near, False, out) for near, out in nearest.judged(connection, wanted, after))  # noqa: FBT003 - fields
    if nearest.any_recorded(connection):
        sources.append(Found(near, True, out) for near, out in nearest.recorded(connection, wanted, after))  # noqa: FBT003 - fields
    yield from heapq.merge(*sources, key=lambda found: found.near.key)


def _is_asked_for(group: rollups.Group, asked: Asked, status: str) -> bool:
    wanted = (asked.campaign, asked.domain, asked.rule)
    has = (group.campaign, group.domain, group.rule)
    return group.status == status and all(want in {None, own} for want, own in zip(wanted, has, strict=True))


def _entries(store: Store, page: Sequence[Found]) -> list[dict[str, Any]]:
    """Return what is shown of each sample."""
    handles = [found.near.sample for found in page]
    rows = samples.rows_of(store.connection, handles)
    bodies = store.bodies([row.version for row in rows.values()])
    judged = _judged(store, [rows[found.near.sample] for found in page if not found.told])
    told = _told(store, [rows[found.near.sample] for found in page if found.told])
    entries = []
    for found in page:
        row = rows[found.near.sample]
        said = (told if found.told else judged)[row.sample]
        entries.append(
            {
                "sample": row.id.hex(),
                "campaign": row.campaign,
                "domain": row.domain,
                "rule": row.reason or None,
                "authority": "import" if found.told else "policy",
                **said,
                "margin": text_of(found.near.margin),
                "prompt": _excerpt(row, bodies[row.version]),
            }
        )
    return entries


def _judged(store: Store, rows: Sequence[samples.Row]) -> dict[int, dict[str, Any]]:
    """Return what the policy in force says of samples that it judges: by which numbers, and what else fails."""
    if not rows:
        return {}
    judges = {one.position: Judge(policies.frozen(one)) for one in policies.in_force(store.connection)}
    seen = nearest.seen(store.connection, [row.sample for row in rows])
    tagged: Mapping[int, Mapping[str, str]] = {}
    if any(isinstance(one.left, Tag) for judge in judges.values() for one in comparisons(judge.policy)):
        tagged = tags.of_samples(store.connection, [row.sample for row in rows])
    found = {}
    for row in rows:
        policy, given, numbers = seen[row.sample]
        judge = judges[policy]
        fields = _fields(row, given)
        verdict = judge.of(list(numbers[: len(judge.numbers)]), fields, tagged.get(row.sample, {}))
        found[row.sample] = _said(verdict, headline(judge.policy))
    return found


def _said(verdict: Verdict, named: str | None) -> dict[str, Any]:
    components = {name: _text(value) for name, value in verdict.components}
    near = verdict.decisive
    return {
        "observed": None if near is None else _text(near.observed),
        "threshold": None if near is None else _text(near.threshold),
        "score": None if named is None else components.get(named),
        "components": components,
        "failed": [
            {
                "rule": one.rule,
                "observed": _text(one.observed),
                "threshold": _text(one.threshold),
                "margin": _text(one.margin),
            }
            for one in verdict.failed
        ],
    }


def _told(store: Store, rows: Sequence[samples.Row]) -> dict[int, dict[str, Any]]:
    """Return what files said of samples that they decided."""
    positions = {row.decision: row.sample for row in rows if row.decision is not None}
    leaves = decisions.leaves(store.connection, list(positions)) if positions else {}
    found = {}
    for position, leaf in leaves.items():
        details = leaf_of(store, leaf)["details"]
        components = details["components"]
        has_own = bool(components) and components[0][0] == "score"  # as `ledger.views.rejected` reads it
        found[positions[position]] = {
            "observed": details["observed"],
            "threshold": details["threshold"],
            "score": components[0][1] if has_own else details["observed"],
            "components": dict(components),
            "failed": [],
        }
    return found


def _fields(row: samples.Row, given: str) -> dict[str, str]:
    """Return the texts that a policy may ask of a sample."""
    return {
        "campaign": row.campaign,
        "domain": row.domain or "",
        "form": row.form,
        "label": given,
        "source": row.source or "",
        "type": row.type,
    }


def _excerpt(row: samples.Row, body: bytes | None) -> str | None:
    """Return how the prompt begins, None where there is none (or no longer)."""
    return None if body is None else prompt_text(content_of(body, row.reader))[:EXCERPT] or None


def _cursor(near: Near) -> str:
    return f"{text_of(near.margin)}@{near.sample}"


def _place(cursor: str) -> Near:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise BadRequest(f"{cursor[:40]!r} is not where a page of near-misses ends; take the `next` of an answer")
    sign, whole, decimals, sample = found.groups()
    size = int(whole) * ONE + int((decimals or "").ljust(PLACES, "0"))
    return Near(-size if sign else size, int(sample))


def _text(value: int | str | None) -> str | None:
    return text_of(value) if isinstance(value, int) else value
