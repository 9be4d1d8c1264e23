"""Trainings as people and programs read them."""

from __future__ import annotations

from typing import Any

from ledger.digest import PREFIX
from ledger.errors import CorruptLedger
from ledger.reports.history import leaf_of, time_text
from ledger.store import Store
from ledger.views import trainings


def trained_shown(store: Store, position: int) -> dict[str, Any]:
    """Return the training at a position: what was given to which trainer, and what came of it."""
    found = trainings.get(store.connection, position)
    if found is None:
        raise CorruptLedger(store.path, f"the training @{position} is missing")
    leaf = leaf_of(store, found.leaf)
    return {
        "position": found.position,
        "event": found.op.hex(),
        "time": time_text(leaf["at"]),
        "actor": leaf["actor"],
        "method": leaf["method"],
        "backend": leaf["backend"],
        "state": leaf["state"],
        "failure": leaf["failure"],
        "release": {"event": leaf["release"], "position": found.release, "rows": leaf["rows"]},
        "model": f"{PREFIX}{leaf['model']}",
        "config": f"{PREFIX}{leaf['config']}",
        "result": None if leaf["result"] is None else f"{PREFIX}{leaf['result']}",
        "steps": leaf["steps"][0],
        "of": leaf["steps"][1],
        "seconds": leaf["seconds"],
        "device": leaf["device"],
        "peak_bytes": leaf["memory"],
        "metrics": dict(leaf["metrics"]),
        "versions": dict(leaf["versions"]),
        "output": leaf["output"],
    }
