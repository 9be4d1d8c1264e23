"""Trainings and evaluations as they stand in a log, recorded without a trainer: what the ledger makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from ledger import Ledger
from ledger.trainers.contract import FINISHED, Trained
from ledger.trainers.settings import frozen, read_settings
from ledger.verbs.attempt import Attempt, write_result
from ledger.verbs.evaluate import record
from ledger.verbs.frozen_release import find_release
from ledger.verbs.run import Who
from ledger.verbs.run_folder import ABOUT, model_facts, result_of
from tests.logs import store_of

EXPECTED = b'[[expect]]\nname = "yes"\ncontains = "yes"\n'
WHO = Who("tester", "api", "person")


def trained(
    ledger: Ledger,
    manifest: Path,
    out: Path,
    *,
    method: str = "kto",
    state: str = FINISHED,
    steps: int = 1000,
    model: Path | None = None,
    weights: bytes | None = None,
    **settings: int,
) -> dict[str, Any]:
    """Record a training on a release, as if a trainer had done it, and leave its folder.

    It began from `model`, took `steps` steps, and left `weights`; `settings` are other ones than those that always are.
    """
    store, before = store_of(ledger), out / "model" if model is None else model
    release = find_release(store, manifest)
    out.mkdir(exist_ok=True)
    config = {
        "backend": "trl",
        "method": method,
        "model": model_facts(before),
        "settings": frozen({**read_settings(method, None), **settings}),
    }
    attempt = Attempt(store, out, config, release, WHO)
    attempt.begin()
    metrics = {"loss": Decimal("0.5"), "kl": Decimal("1e3")}
    done = Trained(state, None, steps, steps, Decimal("1.250"), "cpu", {"trl": "1.16.0"}, metrics)
    if weights is not None:
        (out / "model.safetensors").write_bytes(weights)
    told = attempt.end(attempt.leave(done, result_of(out)))
    (out / ABOUT).write_bytes(orjson.dumps({"model": str(before)}))
    write_result(out, told)
    return told


def evaluated(
    ledger: Ledger, training: dict[str, Any], said: Sequence[str] = ("yes", "no"), release: str | None = None
) -> dict[str, Any]:
    """Record an evaluation of what a training left, and return what stands of it in the log; `said` are the answers.

    The prompts are those of the training's own release, or of that whose event is `release`.
    """
    fields = {
        "baseline": None,
        "config": {"limit": 2, "most_tokens": 8},
        "model": training["model"][3:],
        "prompts": 2,
        "release": release or training["release"]["event"],
        "results": [["no errors", 1, None]],
        "trained": training["event"],
        "versions": [["trl", "1.16.0"]],
    }
    outputs = orjson.dumps({"after": said, "before": None})
    position = record(store_of(ledger), WHO, fields, outputs, {"expectations": EXPECTED, "schemas": None})
    return {"position": position, **next(one for one in ledger.log(limit=10**6) if one["position"] == position)["says"]}
