"""Whose trainers are used: TRL's own, or Unsloth's changed ones."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ledger.errors import TrainerMissing
from ledger.trainers import trl_backend, unsloth_backend
from ledger.trainers.contract import BACKENDS, TRL, UNSLOTH, Job, OnStep, Trained
from ledger.trainers.environment import imported

_ANEW = "Train with each backend in a process of its own."


def require(backend: str) -> None:
    """Import what a backend needs; raise TrainerMissing. Unsloth comes first: it changes what is imported later.

    So one process trains with one of the two. TRL's own trainers are refused where Unsloth has been imported: what
    they did would be recorded as TRL's.
    """
    if backend == UNSLOTH:
        unsloth_backend.require()
    elif UNSLOTH in sys.modules:
        raise TrainerMissing("trl", "unsloth was imported before, and has changed it", hint=_ANEW)
    for name in trl_backend.NEEDED:
        imported(name)


def missing() -> dict[str, str | None]:
    """Return backend -> why it cannot be used, or None.

    Where Unsloth can be used, nothing is imported that it must come before: whether it is installed has to do.
    """
    found = {UNSLOTH: _said(unsloth_backend.look)}
    look = trl_backend.look if found[UNSLOTH] is None else lambda: require(TRL)
    found[TRL] = _said(look)
    found[UNSLOTH] = found[UNSLOTH] or found[TRL]
    return {backend: found[backend] for backend in BACKENDS}


def _said(look: Callable[[], None]) -> str | None:
    try:
        look()
    except TrainerMissing as error:
        return str(error)
    return None


def train(job: Job, on_step: OnStep) -> Trained:
    """Train with the backend of a job; raise as `trl_backend.train` does."""
    made_with = unsloth_backend.ways() if job.backend == UNSLOTH else trl_backend.ways()
    return trl_backend.train(job, made_with, on_step)
