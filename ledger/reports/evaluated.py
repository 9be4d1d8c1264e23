"""Evaluations as people and programs read them: which share of the answers passes each check, before and after."""

from __future__ import annotations

from typing import Any

from ledger.digest import PREFIX
from ledger.errors import CorruptLedger
from ledger.reports.history import leaf_of, time_text
from ledger.reports.intervals import newcombe, wilson, word
from ledger.store import Store


def evaluated_shown(store: Store, position: int) -> dict[str, Any]:
    """Return the evaluation at a position; intervals are at 95 %, a difference is that of two independent shares."""
    found = store.event(position)
    if found is None:
        raise CorruptLedger(store.path, f"the evaluation @{position} is missing")
    op, leaf = found[0], leaf_of(store, found[1])
    return {
        "position": position,
        "event": op.hex(),
        "time": time_text(leaf["at"]),
        "actor": leaf["actor"],
        "release": leaf["release"],
        "trained": leaf["trained"],
        "model": f"{PREFIX}{leaf['model']}",
        "baseline": None if leaf["baseline"] is None else f"{PREFIX}{leaf['baseline']}",
        "outputs": f"{PREFIX}{leaf['outputs']}",
        **{name: None if leaf[name] is None else f"{PREFIX}{leaf[name]}" for name in ("expectations", "schemas")},
        "prompts": leaf["prompts"],
        "config": leaf["config"],
        "checks": [_check(leaf["prompts"], *result) for result in leaf["results"]],
    }


def _check(prompts: int, name: str, after: int, before: int | None) -> dict[str, Any]:
    difference = None if before is None else newcombe((before, prompts), (after, prompts))
    return {
        "check": name,
        "before": None if before is None else _share(before, prompts),
        "after": _share(after, prompts),
        "difference": None if difference is None else difference._asdict(),
        "word": None if difference is None else word(difference),
    }


def _share(part: int, whole: int) -> dict[str, Any]:
    found = wilson(part, whole)
    return {"passed": part, **({} if found is None else found._asdict())}
