"""Plan a view that needs no interleaving: which samples, in the order of their keys, each omission with one reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from blake3 import blake3

from ledger.errors import BrokenLaw
from ledger.exporters.eligibility import OMISSIONS, Candidate

PLAN_VERSION = "plain/1"


@dataclass(frozen=True, slots=True)
class PlainParams:
    """What a view takes: statuses, a split (None: any), labels, and whether conflicts and duplicates are left out.

    A sample whose label is not among `labels` is left out as `no_label`: it has none that the view takes.
    """

    statuses: frozenset[str]
    split: str | None
    labels: frozenset[bool | None]
    collapse: bool
    seed: str = "0"


@dataclass(frozen=True, slots=True)
class PlainPlan:
    """Handles of the rows in file order; under every reason the handles left out, ascending."""

    rows: tuple[int, ...]
    omitted: dict[str, list[int]]


def plan_plain(candidates: Iterable[Candidate], params: PlainParams) -> PlainPlan:
    """Return the one plan for these candidates, whatever their order.

    Conflicts are found among all rows that may stand in the view by status and split, whatever their label, so that a
    text labelled good is not exported while the same text stands there labelled bad.
    """
    omitted: dict[str, list[int]] = {reason: [] for reason in OMISSIONS}
    pool: list[Candidate] = []
    considered = 0
    for candidate in candidates:
        considered += 1
        reason = _own_reason(candidate, params)
        if reason is None:
            pool.append(candidate)
        else:
            omitted[reason].append(candidate.sample)
    kept = _settled(pool, params, omitted)
    key = blake3(params.seed.encode()).digest()
    kept.sort(key=lambda c: (blake3(c.family + c.fingerprint, key=key).digest(), c.sample_id))
    for handles in omitted.values():
        handles.sort()
    if considered != len(kept) + sum(map(len, omitted.values())):
        message = f"{considered} samples were considered, but {len(kept)} used and the omissions do not add up to that"
        raise BrokenLaw(message)
    return PlainPlan(tuple(candidate.sample for candidate in kept), omitted)


def _own_reason(candidate: Candidate, params: PlainParams) -> str | None:
    if candidate.status == "erased" and "erased" not in params.statuses:
        return "erased"
    if candidate.status not in params.statuses:
        return "status"
    if params.split is not None and candidate.split != params.split:
        return "split"
    return "family_crosses_splits" if params.split is not None and candidate.crosses else None


def _settled(pool: list[Candidate], params: PlainParams, omitted: dict[str, list[int]]) -> list[Candidate]:
    """Apply what needs a look at other rows: labels, conflicts, duplicates, and what cannot be written."""
    labels: dict[bytes, set[bool]] = {}
    if params.collapse:
        for candidate in pool:
            if candidate.label is not None:
                labels.setdefault(candidate.fingerprint, set()).add(candidate.label)
        pool = sorted(pool, key=lambda c: (c.blob, c.sample_id))
    seen: set[bytes] = set()
    kept: list[Candidate] = []
    unfit: list[Candidate] = []
    for candidate in pool:
        if candidate.label not in params.labels:
            omitted["no_label"].append(candidate.sample)
        elif len(told := labels.get(candidate.fingerprint, set())) > 1 or not told <= params.labels:
            omitted["conflict"].append(candidate.sample)
        elif params.collapse and candidate.fingerprint in seen:
            omitted["duplicate"].append(candidate.sample)
        else:
            seen.add(candidate.fingerprint)
            (kept if candidate.representable else unfit).append(candidate)
    omitted["unrepresentable"].extend(candidate.sample for candidate in unfit)
    return kept
