"""Check: what a view's rows are made of, whether they keep their gates, and what changed since the last release."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ledger.digest import show
from ledger.exporters.eligibility import usable
from ledger.exporters.gates import LONGEST, Gates, judged, parse_gates, passed, shipped_gates
from ledger.exporters.view_spec import ViewSpec
from ledger.reports.composition import composition_report
from ledger.store import Store
from ledger.verbs.asked import Asked
from ledger.verbs.files import read_text
from ledger.verbs.gate_checks import Subject, observe
from ledger.verbs.moment import reading
from ledger.verbs.plans import Planned, plan_of, plan_view
from ledger.verbs.requests import Request, ask
from ledger.views import changed, policies, weights
from ledger.views.gating import asked as looking
from ledger.views.planned import Rows, held

SHIPPED = "the shipped gates"
MOST_BYTES = 5 * LONGEST
_HINT = "Give a TOML file in UTF-8; `ledger check --show-gates` prints one to begin with."


class Checked(NamedTuple):
    """Whether no gate of severity error failed; each gate's result; the composition; what changed, where it can."""

    passed: bool
    gates: list[dict[str, Any]]
    composition: dict[str, Any]
    change: dict[str, Any] | None


def find_gates(path: str | Path | None) -> Gates:
    """Return the gates in a TOML file, or the shipped ones; raise InputNotFound, InputUnreadable, GatesInvalid."""
    if path is None:
        return parse_gates(shipped_gates(), SHIPPED)
    return parse_gates(read_text(path, MOST_BYTES, _HINT), str(path))


def check_plan(
    store: Store,
    spec: ViewSpec,
    rows: Rows,
    omitted: Mapping[str, int],
    gates: Gates,
    *,
    column: Mapping[int, int] | None = None,
    batch_size: int,
    measured: bool = False,
) -> Checked:
    """Check the rows of a plan where and when it was made: inside its reading transaction, also of an earlier moment.

    `rows` are handles in file order, or (chosen, rejected); `omitted` says how many were left out by reason; `column`
    how often each sample counts where a column says so; `measured` that the plan left out what is too long. Writes
    temporary tables only.
    """
    connection = store.connection
    statuses = frozenset(spec.statuses or usable(policy_adopted=policies.adopted(connection)))
    times = () if spec.weights == "ignore" else weights.in_force(connection)
    with held(connection, rows, times, column), looking(connection):
        before = changed.previous(connection, spec.name)
        change = None if before is None else changed.change(connection, before)
        subject = Subject(connection, spec, omitted, statuses, batch_size, measured, change)
        results = [judged(gate, observe(gate, subject)) for gate in gates.gates]
        composition = composition_report(connection, statuses)
    told = None if before is None or change is None else _change(before, change)
    return Checked(passed(results), results, composition, told)


def check_planned(store: Store, asked: Asked, planned: Planned, gates: Gates) -> Checked:
    """Check a plan where and when it was made."""
    return check_plan(
        store,
        asked.spec,
        planned.places,
        planned.counts,
        gates,
        column=planned.column,
        batch_size=asked.params.batch_size,
        measured=asked.params.max_length is not None,
    )


def check(store: Store, request: Request, gates: Gates, as_of: str | int | None) -> dict[str, Any]:
    """Plan a view and check it; nothing is written. Raises BadRequest, PlanImpossible, NoSuchPosition."""
    request = request.checked()
    with reading(store, as_of) as (there, _):
        asked = ask(there, request)
        planned = plan_view(there, asked, plan_of(asked.spec))
        checked = check_planned(there, asked, planned, gates)
    omitted = planned.counts
    return {
        "view": asked.spec.name,
        "rows": len(planned.rows),
        "considered": planned.used + sum(omitted.values()),
        "used": planned.used,
        "omitted": omitted,
        "gates_digest": show(gates.digest),
        **checked._asdict(),
    }


def _change(before: changed.Previous, change: changed.Change) -> dict[str, Any]:
    return {
        "previous": {
            "name": before.name,
            "output": f"b3:{before.output}",
            "position": before.position,
            "rows": before.rows,
            "samples": change.before,
        },
        "added": change.added,
        "removed": change.removed,
        "relabelled": change.relabelled,
        "edited": change.edited,
        "moved_split": change.moved_split,
    }
