"""What stands in for a trainer where only what the ledger makes of one is looked at."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Self

import pytest

from ledger import Ledger
from ledger.trainers.contract import FAILED, FINISHED, Job, OnStep, Trained
from ledger.verbs import train as verb
from ledger.verbs.run_folder import RESULT, json_of


class Trainer:
    """Stands in for a trainer: saves weights and says what came of it, or does what it is told to before."""

    def __init__(self, *acts: Callable[[Job, OnStep], object], state: str = FINISHED, steps: int = 2) -> None:
        """Prepare to do one thing after the other when asked; `jobs` is what it was asked."""
        self.acts = acts
        self.state = state
        self.steps = steps
        self.jobs: list[Job] = []

    def put(self, patch: pytest.MonkeyPatch) -> Self:
        """Stand in for the real ones."""
        patch.setattr(verb, "require", lambda _backend: None)
        patch.setattr(verb, "train_with", self)
        return self

    def __call__(self, job: Job, on_step: OnStep) -> Trained:
        """Train."""
        self.jobs.append(job)
        for act in self.acts:
            act(job, on_step)
        (job.out / "losses.jsonl").write_text('{"loss": 0.5, "step": 1}\n')
        if self.state == FINISHED:
            (job.out / "model.safetensors").write_bytes(b"weights")
        failure = "ValueError" if self.state == FAILED else None
        return Trained(
            self.state, failure, self.steps, 3, Decimal("1.5"), "cpu", {"trl": "1"}, {"loss": Decimal("0.5")}
        )


class Asked(NamedTuple):
    """A training that somebody asks for again and again: a release, a model, a folder."""

    manifest: Path
    model: Path
    out: Path

    @classmethod
    def of(cls, ledger: Ledger, folder: Path) -> Self:
        """Freeze a release for KTO, and make the folder of a model, as far as its digest goes."""
        ledger.project("kto-interleaved", folder / "kto.jsonl")
        (folder / "model").mkdir()
        (folder / "model" / "config.json").write_text("{}")
        return cls(folder / "kto.jsonl.manifest.json", folder / "model", folder / "run")

    def train(self, ledger: Ledger) -> dict[str, Any]:
        """Ask for it."""
        return ledger.train("kto", self.manifest, model=self.model, out=self.out)

    def left(self) -> dict[str, Any]:
        """Return what the folder says came of it."""
        return json_of(self.out / RESULT)


def kinds(ledger: Ledger, since: int) -> list[str]:
    """Return the kinds of the events after the first `since`."""
    return [one["kind"] for one in ledger.log(limit=1000)[since:]]
