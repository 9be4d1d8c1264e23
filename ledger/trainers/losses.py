"""What a trainer logged: a line each in the run's folder, and the last of each number for the event.

A trainer that went on from a checkpoint gives the loss of its own session as that of the training, some of its versions
by all steps. So it is made again from what was logged, which the checkpoint holds from the first step on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger.trainers.contract import LOSSES

TRAIN_LOSS = "train_loss"
_PLACES = Decimal("0.000001")
_BOOKKEEPING = ("epoch", "learning_rate", "num_tokens", "step", "total_flos", "train_runtime")
_LARGEST = Decimal(10) ** 15

History = Sequence[Mapping[str, Any]]


def of_all_sessions(history: History) -> list[dict[str, Any]]:
    """Return a log of several sessions with the loss of the training made of them all.

    That is the mean of the losses that were logged, each weighted by the steps since the one before it. Without one
    that was logged, the trainer's word stands.
    """
    mean = _mean_loss(history)
    return [{**entry, TRAIN_LOSS: mean} if mean is not None and TRAIN_LOSS in entry else {**entry} for entry in history]


def write_losses(out: Path, history: History) -> None:
    """Write what was logged, a line each; what is no finite number is left out."""
    kept = [{name: value for name, value in entry.items() if _is_plain(value)} for entry in history]
    with suppress(OSError):  # the event says the last of them
        lines = "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in kept)
        (out / LOSSES).write_text(lines, encoding="utf-8")


def last_numbers(history: History) -> dict[str, Decimal]:
    """Return the last of each number that was logged; what is no finite number is left out."""
    found: dict[str, Decimal] = {}
    for entry in history:
        for name, value in entry.items():
            if name in _BOOKKEEPING or name.endswith("_per_second"):
                continue
            if isinstance(value, (int, float)) and _is_plain(value):
                number = Decimal(str(value))
                found[name] = number.quantize(_PLACES) if abs(number) < _LARGEST else number
    return dict(sorted(found.items()))


def _mean_loss(history: History) -> float | None:
    before, steps, total = 0, 0, 0.0
    for entry in history:
        step = entry.get("step", 0)
        if "loss" in entry and _is_plain(entry["loss"]) and step > before:
            total += entry["loss"] * (step - before)
            steps += step - before
            before = step
    return total / steps if steps else None


def _is_plain(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)
