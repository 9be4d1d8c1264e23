"""From a view's name to its plan: which samples, in which order, by a planner whose version is written down.

A planner that was ever released stays in PLANS, so a manifest can be made again by the planner that it names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from ledger.errors import BadRequest, PlanImpossible
from ledger.exporters import kto_plan, plain_plan
from ledger.exporters.eligibility import Candidate, usable
from ledger.store import Store
from ledger.verbs.run import conserve
from ledger.verbs.words import plain_text, whole_number
from ledger.views import policies, rollups, samples, splits

KTO = "kto-interleaved"
WHOLE = ("accepted", "rejected")
"""Views for reading: every sample of a status, with the facts about it, whether or not a trainer could take it."""
VIEWS = (KTO, "sft", "train", "val", "test", *WHOLE)
FORMS = ("auto", "conversational", "standard")
_EVERY = frozenset({True, False, None})


@dataclass(frozen=True, slots=True)
class ProjectParams:
    """What a projection is asked for; the manifest holds it and `rebuild` reads it back."""

    view: str
    batch_size: int = 4
    world_size: int = 1
    ratio: str = "keep"
    seed: str = "0"
    form: str = "auto"

    def checked(self) -> ProjectParams:
        """Return this; raise BadRequest for what means nothing in any view."""
        if self.view not in VIEWS:
            raise BadRequest(f"There is no view {self.view!r}; there are {', '.join(VIEWS)}")
        if self.form not in FORMS:
            raise BadRequest(f"There is no form {self.form!r}; there are {', '.join(FORMS)}")
        whole_number("The batch size", self.batch_size, 1)
        whole_number("The world size", self.world_size, 1)
        plain_text("The ratio", self.ratio)
        plain_text("The seed", self.seed)
        return self

    def recorded(self) -> dict[str, Any]:
        """Return what a manifest holds: the parameters that decide about this view's bytes, without the view."""
        return {name: value for name, value in asdict(self).items() if name in RECORDED[plan_of(self.view)]}


RECORDED: dict[str, frozenset[str]] = {
    kto_plan.PLAN_VERSION: frozenset({"batch_size", "form", "ratio", "seed", "world_size"}),
    plain_plan.PLAN_VERSION: frozenset({"form", "seed"}),
}
"""The parameters that decide about the bytes, by the planner's version: a later planner may take others."""


class Planned(NamedTuple):
    """Handles of the rows in file order, the handles left out by reason, and the form that all rows have."""

    rows: tuple[int, ...]
    omitted: dict[str, list[int]]
    form: str

    @property
    def counts(self) -> dict[str, int]:
        """Return how many were left out, by reason."""
        return {reason: len(handles) for reason, handles in self.omitted.items()}


def plan_of(view: str) -> str:
    """Return the version of the planner that a view is planned with today."""
    return kto_plan.PLAN_VERSION if view == KTO else plain_plan.PLAN_VERSION


def plans_for(view: str) -> tuple[str, ...]:
    """Return every version of a planner that can plan a view, today's and those of older manifests."""
    name = plan_of(view).partition("/")[0]
    return tuple(version for version in PLANS if version.partition("/")[0] == name)


def plan_view(store: Store, params: ProjectParams, version: str) -> Planned:
    """Plan a view over all samples by the planner of a version; raise PlanImpossible, BadRequest."""
    form = params.form if params.form != "auto" else _usual_form(store)
    planned = PLANS[version](store, params, form)
    total = sum(group.samples for group in rollups.groups(store.connection))
    conserve("samples considered", total, {"used": len(planned.rows), **planned.counts})
    if not planned.rows:
        left = ", ".join(f"{count} {reason}" for reason, count in planned.counts.items() if count)
        told = f"No sample can stand in the view {params.view}: {left or 'the ledger is empty'}"
        raise PlanImpossible(told, hint=_hint(store, params.view))
    return planned


def _hint(store: Store, view: str) -> str | None:
    """Return the next step where a policy is adopted but has not decided yet; None: the usual one."""
    if view in WHOLE or not policies.adopted(store.connection):
        return None
    pending = sum(group.samples for group in rollups.groups(store.connection) if group.status == "pending")
    if not pending:
        return None
    return f"Once a policy is adopted, accepted samples only are exported; {pending} are pending. Run `ledger decide`."


def _kto(store: Store, params: ProjectParams, form: str) -> Planned:
    asked = kto_plan.KtoParams(
        params.batch_size,
        params.world_size,
        params.ratio,
        params.seed,
        policy_adopted=policies.adopted(store.connection),
        splits_exist=splits.any_assigned(store.connection),
    )
    try:
        plan = kto_plan.plan_kto(_candidates(store, form, params.view), asked)
    except PlanImpossible as error:
        if (hint := _hint(store, params.view)) is None:
            raise
        raise PlanImpossible(*error.args, hint=hint) from error
    return Planned(plan.rows, plan.omitted, form)


def _plain(store: Store, params: ProjectParams, form: str) -> Planned:
    asked = _plain_params(store, params.view, params.seed)
    plan = plain_plan.plan_plain(_candidates(store, form, params.view), asked)
    return Planned(plan.rows, plan.omitted, form)


PLANS: dict[str, Callable[[Store, ProjectParams, str], Planned]] = {
    kto_plan.PLAN_VERSION: _kto,
    plain_plan.PLAN_VERSION: _plain,
}
"""Every planner that a manifest can name, by its version."""


def _plain_params(store: Store, view: str, seed: str) -> plain_plan.PlainParams:
    if view in WHOLE:
        return plain_plan.PlainParams(frozenset({view}), None, _EVERY, collapse=False, seed=seed)
    statuses = usable(policy_adopted=policies.adopted(store.connection))
    if view == "sft":
        split = "train" if splits.any_assigned(store.connection) else None
        return plain_plan.PlainParams(statuses, split, frozenset({True, None}), collapse=True, seed=seed)
    return plain_plan.PlainParams(statuses, view, _EVERY, collapse=True, seed=seed)


def _candidates(store: Store, form: str, view: str) -> Iterator[Candidate]:
    crossing = {f for f, n in Counter(f for f, _ in samples.splits_of_families(store.connection)).items() if n > 1}
    for sample, identity, blob, fingerprint, family, status, split, label, shape, kind in samples.for_plan(
        store.connection
    ):
        crosses = split == "train" and family in crossing
        fits = view in WHOLE or (shape == form and kind == "prompt_completion")
        said = None if label is None else bool(label)
        yield Candidate(sample, identity, blob, fingerprint, family, status, split, crosses, said, fits)


def _usual_form(store: Store) -> str:
    """Return the form of most samples: a file holds one form, or no loader takes it."""
    found = samples.forms(store.connection)
    return max(("conversational", "standard"), key=lambda form: (found.get(form, 0), form == "conversational"))
