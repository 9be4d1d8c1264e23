"""Facts about samples that stand in rows: further columns of a view, and all of them in views for reading."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ledger.digest import show
from ledger.exporters.view_spec import ViewSpec
from ledger.reports.history import leaf_of
from ledger.store import Store
from ledger.views import decisions, samples, tags


def wants_times(spec: ViewSpec) -> bool:
    """Say whether a column of the rows tells how often a sample counts."""
    return any(fact == "times" for _, fact in _wanted(spec))


def columns(
    store: Store, spec: ViewSpec, chosen: Sequence[int], times: Mapping[int, int]
) -> dict[int, tuple[tuple[str, str], ...]]:
    """Return sample -> the further columns of its rows, as JSON texts; `times`: who counts more than once."""
    wanted = _wanted(spec)
    if not wanted:
        return {}
    handles = sorted(set(chosen))
    found = samples.rows_of(store.connection, handles)
    tagged = tags.of_samples(store.connection, handles)
    return {
        sample: tuple(
            (column, json.dumps(_fact(fact, row, tagged.get(sample, {}), times.get(sample, 1)), ensure_ascii=False))
            for column, fact in wanted
        )
        for sample, row in found.items()
    }


def _wanted(spec: ViewSpec) -> list[tuple[str, str]]:
    return [*spec.fields, *([("weight", "times")] if spec.weights == "column" else [])]


_FACTS: dict[str, Callable[[samples.Row], Any]] = {
    "sample": lambda row: row.id.hex(),
    "version": lambda row: show(row.hash),
    "campaign": lambda row: row.campaign,
    "source": lambda row: row.source,
    "domain": lambda row: row.domain,
    "label": lambda row: None if row.label is None else bool(row.label),
    "status": lambda row: row.status,
    "split": lambda row: row.split,
}


def _fact(name: str, row: samples.Row, tagged: Mapping[str, str], times: int) -> Any:  # noqa: ANN401 - a JSON value
    if name == "times":
        return times
    return tagged.get(name.removeprefix("tag.")) if name.startswith("tag.") else _FACTS[name](row)


def known(store: Store, chunk: list[int]) -> dict[int, dict[str, Any]]:
    """Return what is known of each sample: identity, standing, and what the decision in force says."""
    found = samples.rows_of(store.connection, chunk)
    tagged = tags.of_samples(store.connection, chunk)
    decided = [row.decision for row in found.values() if row.decision is not None]
    leaves = decisions.leaves(store.connection, decided)
    facts = {}
    for sample, row in found.items():
        says = {} if row.decision is None else leaf_of(store, leaves[row.decision])
        facts[sample] = {
            "sample": row.id.hex(),
            "version": show(row.hash),
            "campaign": row.campaign,
            "source": row.source,
            "domain": row.domain,
            "tags": tagged.get(sample, {}),
            "label": None if row.label is None else bool(row.label),
            "status": row.status,
            "reason": says.get("reason"),
            "rule": says.get("rule"),
            "details": says.get("details"),
            "policy": says.get("policy"),
            "decided_by": says.get("actor"),
        }
    return facts
