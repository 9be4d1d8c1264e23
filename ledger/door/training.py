"""Training on a release, and what was trained on what."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ledger.door.opened import Answer, Opened, Progress, silent
from ledger.trainers.contract import OnStep
from ledger.verbs.check_training import Asked as ToCheck
from ledger.verbs.check_training import check_training, trainings_listed
from ledger.verbs.evaluate import Wanted as Asked
from ledger.verbs.evaluate import evaluate
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

    def check_training(
        self,
        method: str | None = None,
        release: str | Path | None = None,
        *,
        model: str | Path | None = None,
        backend: str = "trl",
        config: str | Path | None = None,
    ) -> Answer:
        """Return what there is to train with and on, and what a method would make of a release; nothing is recorded.

        With a model, its tokenizer says which rows would be dropped. Raises what `ledger.verbs.check_training` does.
        """
        paths = [None if path is None else Path(path) for path in (release, model, config)]
        return check_training(self._store, ToCheck(method, paths[0], paths[1], backend, paths[2]))

    def trainings(self, limit: int = 20) -> Answer:
        """Return the last trainings, newest first; raises BadRequest."""
        return trainings_listed(self._store, limit)

    def evaluate(
        self,
        model: str | Path,
        release: str | Path,
        *,
        baseline: str | Path | None = None,
        expectations: str | Path | None = None,
        schemas: str | Path | None = None,
        limit: int = 40,
        most_tokens: int = 256,
        progress: Progress | None = None,
    ) -> Answer:
        """Ask a model the prompts of a release and check its answers, beside those of the model before; record it.

        `model` is a folder, best that of a run, which says from which model it began; `release` is a manifest whose
        rows the model was not trained on. Raises what `ledger.verbs.evaluate` does; then nothing is recorded.
        """
        before, expected, tools = (None if path is None else Path(path) for path in (baseline, expectations, schemas))
        wanted = Asked(Path(model), Path(release), before, expected, tools, limit, most_tokens)
        return evaluate(self._store, wanted, self._who, progress or silent)


def _unheard(_step: int, _of: int, _numbers: Mapping[str, float]) -> None:
    """Hear of progress, and say nothing."""
