"""Why samples are one family: what ties each to the next, from one sample to another."""

from __future__ import annotations

from collections import deque
from typing import Any

from ledger.digest import show as shown
from ledger.fixed import ONE
from ledger.store import Store
from ledger.views import families, kin, samples


def families_report(store: Store, row: samples.Row, other: samples.Row | None = None) -> dict[str, Any]:
    """Return the answer to `ledger families`: the members of a sample's family and its ties.

    With another sample also whether it is of the family (`together`), and the shortest way from one to the other
    (`path`), null where there is none, or none through the ties that one answer reads.
    """
    root = families.root(store.connection, _token(row))
    ties = kin.ties(store.connection, root)
    members = kin.members(store.connection, root)
    total = kin.count(store.connection, root)
    answer: dict[str, Any] = {
        "sample": row.id.hex(),
        "family": shown(root),
        "samples": total,
        "members": [_member(one) for one in members],
        "ties": [_tie(one) for one in ties],
        "cut": total - len(members),
    }
    if other is not None:
        way = _way(ties, _token(row), _token(other))
        together = families.root(store.connection, _token(other)) == root
        path = None if way is None else [_tie(one) for one in way]
        answer |= {"other": other.id.hex(), "together": together, "path": path}
    return answer


def _token(row: samples.Row) -> bytes:
    return row.fingerprint if row.prompt is None else row.prompt


def _way(ties: list[kin.Tie], start: bytes, end: bytes) -> list[kin.Tie] | None:
    """Return the fewest ties that lead from one prompt to another; none where it is the same prompt."""
    beside: dict[bytes, list[tuple[bytes, kin.Tie]]] = {}
    for tie in ties:
        beside.setdefault(tie.one, []).append((tie.other, tie))
        beside.setdefault(tie.other, []).append((tie.one, tie))
    came: dict[bytes, tuple[bytes, kin.Tie] | None] = {start: None}
    waiting = deque([start])
    while waiting and end not in came:
        here = waiting.popleft()
        for there, tie in beside.get(here, ()):
            if there not in came:
                came[there] = (here, tie)
                waiting.append(there)
    if end not in came:
        return None
    way = []
    step = came[end]
    while step is not None:
        way.append(step[1])
        step = came[step[0]]
    return way[::-1]


def _member(one: kin.Member) -> dict[str, Any]:
    return {
        "sample": one.id.hex(),
        "prompt": shown(one.token),
        "campaign": one.campaign,
        "source": one.source,
        "split": one.split,
        "status": one.status,
    }


def _tie(tie: kin.Tie) -> dict[str, Any]:
    return {
        "prompts": [shown(tie.one), shown(tie.other)],
        "how": tie.how,
        "position": tie.position,
        "similarity": None if tie.similarity is None else tie.similarity / ONE,
    }
