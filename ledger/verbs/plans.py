"""From a view to its plan: which samples, in which order, by a planner whose version is written down.

A planner that was ever released stays in PLANS, so a manifest can be made again by the planner that it names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import chain
from typing import NamedTuple

from ledger.errors import PlanImpossible
from ledger.exporters import kto_plan, pair_plan, plain_plan
from ledger.exporters.eligibility import OMISSIONS, UNDECIDED, Candidate, Mark, usable
from ledger.exporters.view_spec import ViewSpec
from ledger.policy import parse_condition
from ledger.store import Store
from ledger.verbs.asked import OLD_PLANS, Asked
from ledger.verbs.marks import marker, unwritable_pairs
from ledger.verbs.run import conserve
from ledger.verbs.selection import check_scores
from ledger.views import conditions, families, policies, rollups, samples, splits, weights

_SHAPES = {
    "language_modeling": frozenset({"prompt_completion", "language_modeling"}),
    "prompt_only": frozenset({"prompt_completion", "prompt_only"}),
}
_WITH_BOTH = frozenset({"prompt_completion"})


class Planned(NamedTuple):
    """Handles of the rows in file order, those that each row prefers its own over, and what was left out.

    A handle stands in `rows` once for each of its copies. `rejected` is empty, or as long as `rows` (preference).
    `facts` is what the planner says of the whole, for the manifest; `column`, where weights stand in a column, the
    weight of each sample: the largest of its twins.
    """

    rows: tuple[int, ...]
    rejected: tuple[int, ...]
    omitted: dict[str, list[int]]
    form: str
    facts: dict[str, object] | None = None
    column: dict[int, int] | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Return how many were left out, by reason."""
        return {reason: len(handles) for reason, handles in self.omitted.items()}

    @property
    def times(self) -> dict[int, int]:
        """Return how often each sample counts, of those that count more than once."""
        found = Counter(self.rows) if self.column is None else self.column
        return {sample: times for sample, times in found.items() if times > 1}

    @property
    def used(self) -> int:
        """Return how many samples have a row."""
        return len({*self.rows, *self.rejected})

    @property
    def places(self) -> Sequence[int] | Sequence[tuple[int, int]]:
        """Return the rows as handles, or as (chosen, rejected)."""
        return list(zip(self.rows, self.rejected, strict=True)) if self.rejected else self.rows


def plan_of(spec: ViewSpec) -> str:
    """Return the version of the planner that a view is planned with today."""
    if spec.order == "interleaved":
        return kto_plan.PLAN_VERSION
    return pair_plan.PLAN_VERSION if spec.type == "preference" else plain_plan.PLAN_VERSION


def plans_for(spec: ViewSpec) -> tuple[str, ...]:
    """Return every version of a planner that can plan a view, today's and those of older manifests."""
    name = plan_of(spec).partition("/")[0]
    return tuple(version for version in PLANS if version.partition("/")[0] == name)


def plan_view(store: Store, asked: Asked, version: str) -> Planned:
    """Plan a view over all samples by the planner of a version; raise PlanImpossible, BadRequest."""
    form = asked.params.form if asked.params.form != "auto" else _usual_form(store)
    with families.ungrouped(store.connection) if version in OLD_PLANS else nullcontext():
        planned = PLANS[version](store, asked, form, marker(store, asked, form))
    total = sum(group.samples for group in rollups.groups(store.connection))
    conserve("samples considered", total, {"used": planned.used, **planned.counts})
    if not planned.rows:
        left = ", ".join(f"{count} {reason}" for reason, count in planned.counts.items() if count)
        told = f"No sample can stand in the view {asked.spec.name}: {left or 'the ledger is empty'}"
        raise PlanImpossible(told, hint=_hint(store, asked.spec))
    return planned


def _hint(store: Store, spec: ViewSpec) -> str | None:
    """Return the next step where splits or the decisions of a policy are missing; None: the usual one."""
    if spec.split in {"train", "val", "test"} and not splits.any_assigned(store.connection):
        return "Nothing was assigned to a split yet. Run `ledger split`."
    if spec.statuses is not None or not policies.adopted(store.connection):
        return None
    found = Counter[str]()
    for group in rollups.groups(store.connection):
        found[group.status] += group.samples
    if not any(found[status] for status in UNDECIDED):
        return None
    told = f"{found['pending']} are pending" + (f" and {found['errored']} errored" if found["errored"] else "")
    return f"Once a policy is adopted, accepted samples only are exported; {told}. Run `ledger decide`."


def _kto(store: Store, asked: Asked, form: str, mark: Mark | None) -> Planned:
    spec, params = asked.spec, asked.params
    given = kto_plan.KtoParams(
        params.batch_size,
        params.world_size,
        params.ratio,
        params.seed,
        statuses=_statuses(store, spec),
        split=_split(store, spec),
        repeat=spec.weights == "repeat",
        duplicates=spec.duplicates,
        conflicts=spec.conflicts,
    )
    try:
        plan = kto_plan.plan_kto(_candidates(store, spec, form), given, mark)
    except PlanImpossible as error:
        if (hint := _hint(store, spec)) is None:
            raise
        raise PlanImpossible(*error.args, hint=hint) from error
    column = None if spec.weights != "column" else dict(weights.in_force(store.connection))
    return Planned(plan.rows, (), plan.omitted, form, dict(plan.facts), column)


def _plain(store: Store, asked: Asked, form: str, mark: Mark | None) -> Planned:
    spec = asked.spec
    given = plain_plan.PlainParams(
        _statuses(store, spec),
        _split(store, spec),
        frozenset({None}) if spec.type == "prompt_only" else frozenset(spec.labels),
        collapse=spec.duplicates == "collapse",
        seed=asked.params.seed,
        conflicts="keep" if spec.type == "prompt_only" else spec.conflicts,
        order=spec.order,
        repeat=spec.weights != "ignore",
    )
    plan = plain_plan.plan_plain(_candidates(store, spec, form), given, mark)
    if spec.weights != "column":
        return Planned(plan.rows, (), plan.omitted, form)
    times = Counter(plan.rows)  # a row for each, at the place of its first copy
    return Planned(tuple(times), (), plan.omitted, form, column=dict(times))


def _pairs(store: Store, asked: Asked, form: str, mark: Mark | None) -> Planned:
    spec = asked.spec
    given = pair_plan.PairParams(
        _statuses(store, spec),
        _split(store, spec),
        pairs=spec.pairs,
        seed=asked.params.seed,
        duplicates=spec.duplicates,
        order=spec.order,
        repeat=spec.weights == "repeat",
    )
    plan = pair_plan.plan_pairs(_candidates(store, spec, form), given, mark)
    rows, unwritable = plan.rows, unwritable_pairs(store, asked, form, plan.rows)
    if unwritable:
        rows = tuple(pair for pair in rows if pair not in unwritable)
        plan.omitted["unrepresentable"] = sorted([*plan.omitted["unrepresentable"], *chain(*unwritable)])
    chosen, rejected = zip(*rows, strict=True) if rows else ((), ())
    return Planned(tuple(chosen), tuple(rejected), plan.omitted, form)


Planner = Callable[[Store, Asked, str, Mark | None], Planned]

PLANS: dict[str, Planner] = {
    "kto-interleaved/1": _kto,
    "plain/1": _plain,
    kto_plan.PLAN_VERSION: _kto,
    plain_plan.PLAN_VERSION: _plain,
    pair_plan.PLAN_VERSION: _pairs,
}
"""Every planner that a manifest can name, by its version."""


def _statuses(store: Store, spec: ViewSpec) -> frozenset[str]:
    if spec.statuses is not None:
        return frozenset(spec.statuses)
    return usable(policy_adopted=policies.adopted(store.connection))


def _split(store: Store, spec: ViewSpec) -> str | None:
    if spec.split == "training":
        return "train" if splits.any_assigned(store.connection) else None
    return spec.split


def _candidates(store: Store, spec: ViewSpec, form: str) -> Iterator[Candidate]:
    """Yield every sample as a planner sees it; what a type asks of a sample's shape is `representable`."""
    families = samples.splits_of_families(store.connection)
    crossing = {family for family, count in Counter(family for family, _ in families).items() if count > 1}
    if _split(store, spec) != "train":
        crossing = set()
    taken = _selected(store, spec)
    times = {} if spec.weights == "ignore" else dict(weights.in_force(store.connection))
    rows = samples.for_plan(store.connection, form, sorted(_SHAPES.get(spec.type, _WITH_BOTH)))
    candidates: Iterator[Candidate] = map(Candidate._make, rows)
    if spec.type == "samples":
        candidates = (row._replace(representable=True) for row in candidates)
    if spec.type == "prompt_only":
        candidates = map(partial(_prompt_only, frozenset(spec.labels)), candidates)
    if crossing or times or taken is not None:
        candidates = (_marked(row, crossing, times, taken) for row in candidates)
    return candidates


def _prompt_only(labels: frozenset[bool | None], row: Candidate) -> Candidate:
    """Return a sample whose prompt alone is written: that is what it teaches, however what followed was labelled."""
    return row._replace(label=None if row.label in labels else False, fingerprint=row.prompt or row.fingerprint)


def _marked(
    row: Candidate, crossing: Collection[bytes], times: Mapping[int, int], taken: bytearray | None
) -> Candidate:
    """Return a sample with what few of them have: a family in several splits, a weight, or no place in the view."""
    if row.split == "train" and row.family in crossing:
        row = row._replace(crosses=True)
    if row.sample in times:
        row = row._replace(times=times[row.sample])
    return row if taken is None or taken[row.sample] == 1 else row._replace(selected=False)


def _selected(store: Store, spec: ViewSpec) -> bytearray | None:
    """Return a byte for each handle, 1 where the view's condition holds; None where it has none."""
    if spec.select is None:
        return None
    condition = parse_condition(spec.select)
    check_scores(store, condition)
    return conditions.selected_set(store.connection, condition)


def _usual_form(store: Store) -> str:
    """Return the form of most samples: a file holds one form, or no loader takes it."""
    found = samples.forms(store.connection)
    return max(("conversational", "standard"), key=lambda form: (found.get(form, 0), form == "conversational"))


__all__ = ["OMISSIONS", "PLANS", "Planned", "plan_of", "plan_view", "plans_for"]
