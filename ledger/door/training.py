"""Training on a release, and what was trained on what."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ledger.door.opened import Answer, Opened
from ledger.trainers.contract import OnStep
from ledger.verbs.train import Wanted, train


class Training(Opened):
    """Training on a release, and what was trained on what."""

    def train(
        self,
        method: str,
        release: str | Path,
        *,
        model: str | Path | None = None,
        out: str | Path | None = None,
        backend: str = "trl",
        config: str | Path | None = None,
        smoke: bool = False,
        on_step: OnStep | None = None,
    ) -> Answer:
        """Train a model on the release of a manifest, on just its bytes and in their order, and record it.

        `method` is sft, kto or dpo; `model` is a folder. With `smoke`, a tiny model with random weights is made and a
        few steps are taken. Raises what `ledger.verbs.train` does; a failed or stopped training is an answer.
        """
        paths = [None if path is None else Path(path) for path in (model, out, config)]
        wanted = Wanted(method, Path(release), paths[0], paths[1], backend, paths[2], smoke)
        return train(self._store, wanted, self._who, on_step or _unheard)


def _unheard(_step: int, _of: int, _numbers: Mapping[str, float]) -> None:
    """Hear of progress, and say nothing."""
