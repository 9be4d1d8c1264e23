"""Whose trainers are used: TRL's own, or Unsloth's changed ones."""

from __future__ import annotations

from ledger.trainers import trl_backend
from ledger.trainers.contract import Job, OnStep, Trained


def train(job: Job, on_step: OnStep) -> Trained:
    """Train with the backend of a job; raise as `trl_backend.train` does."""
    return trl_backend.train(job, on_step)
