"""What passes between the ledger, which knows releases, and the trainers, which know models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

SFT, KTO, DPO = "sft", "kto", "dpo"
METHODS = (SFT, KTO, DPO)
TRL, UNSLOTH = "trl", "unsloth"
BACKENDS = (TRL, UNSLOTH)

FITTING: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        SFT: ("prompt_completion", "language_modeling"),
        KTO: ("unpaired_preference",),
        DPO: ("preference",),
    }
)
"""Method -> the types of exports that its trainer takes as they are."""

FINISHED, INTERRUPTED, FAILED = "finished", "interrupted", "failed"
STATES = (FINISHED, INTERRUPTED, FAILED)

MANIFEST = "ledger_manifest.json"
"""The manifest of the release, in the run's folder and in every checkpoint."""
LOSSES = "losses.jsonl"
"""What the trainer logged, a line each, in the run's folder."""


class Rows(NamedTuple):
    """A release's file as it stands: its bytes were compared with the manifest by whoever made this.

    `digest` is the BLAKE3 of the file in hex, `container` jsonl or parquet, `labels` how many are true and false.
    """

    path: Path
    digest: str
    container: str
    rows: int
    labels: tuple[int, int] | None
    manifest: bytes
    name: str


class Job(NamedTuple):
    """What to train: a method's trainer, on rows, from a model's folder, into a run's folder."""

    method: str
    backend: str
    rows: Rows
    model: Path
    out: Path
    settings: Mapping[str, Any]
    resume: Path | None = None
    """A checkpoint to go on from."""


OnStep = Callable[[int, int, Mapping[str, float]], None]
"""Hears of a step, of how many there are, and of what the trainer says there, by its own names."""


class Trained(NamedTuple):
    """What came of it: one of STATES, with the reason where it failed; `metrics` are the last that were logged."""

    state: str
    failure: str | None
    steps: int
    of: int
    seconds: Decimal
    device: str
    versions: Mapping[str, str]
    metrics: Mapping[str, Decimal]
    peak_bytes: int | None = None
