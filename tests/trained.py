"""Trainings and evaluations as they stand in a log, recorded without a trainer: what the ledger makes of them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from ledger import Ledger
from ledger.reports.trained import trained_shown
from ledger.trainers.contract import FINISHED, Job, Trained
from ledger.trainers.settings import frozen, read_settings
from ledger.verbs.evaluate import record
from ledger.verbs.frozen_release import find_release
from ledger.verbs.run import Who
from ledger.verbs.run_folder import ABOUT, RESULT
from ledger.verbs.train import Attempt
from tests.logs import store_of

WHO = Who("tester", "api", "person")


def trained(ledger: Ledger, manifest: Path, out: Path, *, method: str = "kto", state: str = FINISHED) -> dict[str, Any]:
    """Record a training on a release, as if a trainer had done it, and leave its folder."""
    store = store_of(ledger)
    release = find_release(store, manifest)
    settings = read_settings(method, None)
    job = Job(method, "trl", release.rows, out / "model", out, settings)
    about = {"method": method, "settings": frozen(settings)}
    attempt = Attempt(store, job, about, release, WHO)
    attempt.begin()
    metrics = {"loss": Decimal("0.5"), "kl": Decimal("1e3")}
    done = Trained(state, None, 3, 3, Decimal("1.250"), "cpu", {"trl": "1.16.0"}, metrics)
    told = trained_shown(store, attempt.end(done))
    out.mkdir(exist_ok=True)
    (out / ABOUT).write_bytes(orjson.dumps({"model": str(out / "model")}))
    (out / RESULT).write_bytes(orjson.dumps(told))
    return told


def evaluated(ledger: Ledger, training: dict[str, Any]) -> int:
    """Record an evaluation of what a training left, and return its position."""
    fields = {
        "baseline": None,
        "checks": {"expectations": None, "schemas": None},
        "config": {"limit": 2, "most_tokens": 8},
        "model": training["model"][3:],
        "prompts": 2,
        "release": training["release"]["event"],
        "results": [["no errors", 1, None]],
        "trained": training["event"],
        "versions": [["trl", "1.16.0"]],
    }
    return record(store_of(ledger), WHO, fields, orjson.dumps({"after": ["yes", "no"], "before": None}))
