"""Whose trainers are used: TRL's own, or Unsloth's changed ones."""

from __future__ import annotations

from ledger.errors import TrainerMissing
from ledger.trainers import trl_backend, unsloth_backend
from ledger.trainers.contract import BACKENDS, UNSLOTH, Job, OnStep, Trained
from ledger.trainers.environment import imported


def require(backend: str) -> None:
    """Import what a backend needs; raise TrainerMissing. Unsloth comes first: it changes what is imported later."""
    if backend == UNSLOTH:
        unsloth_backend.require()
    for name in trl_backend.NEEDED:
        imported(name)


def missing() -> dict[str, str | None]:
    """Return backend -> why it cannot be used, or None; nothing that could change TRL is imported."""
    found: dict[str, str | None] = {}
    for backend in BACKENDS:
        try:
            if backend == UNSLOTH:
                unsloth_backend.look()
            for name in trl_backend.NEEDED:
                imported(name)
        except TrainerMissing as error:
            found[backend] = str(error)
        else:
            found[backend] = None
    return found


def train(job: Job, on_step: OnStep) -> Trained:
    """Train with the backend of a job; raise as `trl_backend.train` does."""
    made_with = unsloth_backend.ways() if job.backend == UNSLOTH else trl_backend.ways()
    return trl_backend.train(job, made_with, on_step)
