"""How far a training came in its release: which rows its steps took, and how often.

The rows are taken in the order of the file, so it follows from what the training recorded: the steps that were done,
the rows of a microbatch, and the microbatches of a step. The last step of an epoch takes what is left of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.digest import NotRestricted, decode
from ledger.errors import CorruptLedger
from ledger.reports.history import leaf_of
from ledger.store import Store
from ledger.views import trainings

_WRONG = (NotRestricted, LookupError, TypeError, ValueError)


class Reached(NamedTuple):
    """Epochs that were gone through whole, and the rows that were taken of the one after, from the first on."""

    epochs: int
    rows: int

    def times(self, places: Sequence[int]) -> int:
        """Return how often steps took the rows at some places, counted from 0."""
        return self.epochs * len(places) + sum(place < self.rows for place in places)

    def is_reached(self, place: int) -> bool:
        """Say whether a step took the row at a place."""
        return self.epochs > 0 or place < self.rows


def reached_after(steps: int, rows: int, microbatch: int, accumulated: int) -> Reached:
    """Return how far `steps` steps come, each of `accumulated` microbatches but for the last of an epoch."""
    of_a_step = microbatch * accumulated
    epochs, rest = divmod(steps, -(-rows // of_a_step))
    return Reached(epochs, rest * of_a_step)


def reached(store: Store, training: trainings.Training, steps: int | None = None) -> Reached:
    """Return how far a training came, or had come after so many steps; raise CorruptLedger without its settings."""
    leaf = leaf_of(store, training.leaf)
    digest = bytes.fromhex(leaf["config"])
    found = store.find_blobs(digest, digest)
    body = store.body(found[0][1]) if found else None
    try:
        settings = decode(body or b"null")["settings"]
        of_a_step = settings["per_device_train_batch_size"], settings["gradient_accumulation_steps"]
        return reached_after(leaf["steps"][0] if steps is None else steps, leaf["rows"], *of_a_step)
    except _WRONG as error:
        raise CorruptLedger(store.path, f"the settings of the training @{training.position} are missing") from error
