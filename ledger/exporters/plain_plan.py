"""Plan a view that needs no interleaving: which samples, in which order, each omission with one reason.

The steps are those of `sifting`: gather, settle each range of fingerprints, mark, then the order. Rows stand in the
order of their keys, each copy of a weighted sample by its own; or in the order of ingest, copies one after another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.errors import BadRequest, BrokenLaw
from ledger.exporters.eligibility import Candidate, Rule, handle_of, keeps, seed_bytes
from ledger.exporters.sifting import sift

if TYPE_CHECKING:
    from ledger.exporters.eligibility import Mark
    from ledger.exporters.sifting import Each

PLAN_VERSION = "plain/2"
ORDERS = ("keyed", "ingested")


@dataclass(frozen=True, slots=True)
class PlainParams:
    """What a view takes: statuses, a split (None: any), labels, and whether conflicts and duplicates are left out.

    A sample whose label is not among `labels` is left out as `no_label`: it has none that the view takes. `collapse`
    says for both what `duplicates` ("collapse" or "keep") and `conflicts` ("omit" or "keep") do not say themselves.
    """

    statuses: frozenset[str]
    split: str | None
    labels: frozenset[bool | None]
    collapse: bool = True
    seed: str = "0"
    duplicates: str | None = None
    conflicts: str | None = None
    repeat: bool = True
    order: str = "keyed"


@dataclass(frozen=True, slots=True)
class PlainPlan:
    """Handles of the rows in file order; under every reason the handles left out, ascending.

    A handle stands in `rows` once for each of its copies.
    """

    rows: tuple[int, ...]
    omitted: dict[str, list[int]]


def plan_plain(
    candidates: Iterable[Candidate], params: PlainParams, mark: Mark | None = None, each: Each = map
) -> PlainPlan:
    """Return the one plan for these candidates, whatever their order and whoever runs `each` range.

    Conflicts are found among all rows that may stand in the view by status and split, whatever their label, so that a
    text labelled good is not exported while the same text stands there labelled bad. `mark` is asked once, for all
    survivors. Takes about 140 bytes a candidate. Raises BadRequest for words that mean nothing.
    """
    if params.order not in ORDERS:
        message = f"The order {params.order!r} was asked for; there are {', '.join(ORDERS)}."
        raise BadRequest(message)
    sifted = sift(candidates, _rule(params), seed_bytes(params.seed), mark, each)
    handles = map(handle_of, sifted.in_order())
    rows = tuple(handles if params.order == "keyed" else sorted(handles))
    for left_out in sifted.omitted.values():
        left_out.sort()
    used = len(set(rows))
    if sifted.considered != used + sum(map(len, sifted.omitted.values())):
        message = (
            f"{sifted.considered} samples were considered, but {used} used and the omissions do not add up to that"
        )
        raise BrokenLaw(message)
    return PlainPlan(rows, sifted.omitted)


def _rule(params: PlainParams) -> Rule:
    duplicates, conflicts = ("collapse", "omit") if params.collapse else ("keep", "keep")
    return Rule(
        params.statuses,
        params.split,
        params.labels,
        crossing=params.split is None,
        conflicts=keeps("Conflicts", params.conflicts or conflicts, "omit"),
        duplicates=keeps("Duplicates", params.duplicates or duplicates, "collapse"),
        repeat=params.repeat,
    )
