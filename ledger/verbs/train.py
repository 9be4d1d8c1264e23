"""Train: give a release to a trainer, having made sure of its bytes, and record what came of it.

That an attempt begins is in the log before the trainer is built, and how it ended is there afterwards, whether it
finished, was stopped, or failed. A run that was stopped goes on from its last checkpoint when the same is asked again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ledger.digest import blake3_bytes
from ledger.errors import BadRequest, DestinationExists, LedgerError, ModelUnreadable, ReleaseUnfit
from ledger.policy.expression import hint, listed
from ledger.reports.loss_plot import loss_plot
from ledger.store import Store
from ledger.trainers.backends import require
from ledger.trainers.backends import train as train_with
from ledger.trainers.contract import (
    BACKENDS,
    DPO,
    FINISHED,
    FITTING,
    KTO,
    LOSSES,
    METHODS,
    SFT,
    Job,
    OnStep,
    Rows,
    Trained,
)
from ledger.trainers.settings import Settings, frozen, read_settings
from ledger.trainers.tiny import make_tiny
from ledger.trainers.trl_backend import FAILURE
from ledger.verbs.attempt import Attempt, broken, left_in, record, write_result
from ledger.verbs.files import MOST_BYTES, plain_errors, read_text
from ledger.verbs.frozen_release import Frozen, Unfit, erased_since, find_release
from ledger.verbs.run import Who
from ledger.verbs.run_folder import (
    CACHE,
    FINISHED_HERE,
    RESULT,
    TINY,
    RunFolder,
    facts_of,
    json_of,
    model_facts,
    result_of,
)
from ledger.verbs.verify_export import verify_export
from ledger.verbs.words import plain_text

PLOT = "loss.svg"
SMOKE = {"max_steps": 6, "logging_steps": 1, "save_steps": 3, "max_length": 2048}
"""Settings of a trial on a tiny model, where nothing else is set."""
_LEAVE_IT = ", or leave `per_device_train_batch_size` out of the settings"
_VIEWS = {SFT: "sft", KTO: "kto-interleaved", DPO: "dpo"}
"""Method -> the view that is made for it."""
_HINT = "Give a TOML file of settings (docs/training.md)."


class Wanted(NamedTuple):
    """What to train: a method, a manifest, a model's folder (None: a tiny one is made), settings, and where to."""

    method: str
    manifest: Path
    model: Path | None
    out: Path | None
    backend: str
    config: Path | None
    smoke: bool


def train(store: Store, wanted: Wanted, who: Who, on_step: OnStep) -> dict[str, Any]:
    """Train on a release and record it; return what came of it.

    Raises BadRequest, InputNotFound, InputUnreadable, ManifestUnreadable, ForeignManifest, ReleaseUnfit,
    SettingsInvalid, DestinationExists, TrainerMissing, NotWritable: nothing is recorded then. What is raised once the
    attempt has begun, such as ModelUnreadable and OrderBroken, is raised on when its event is in the log; LedgerBusy
    only after a long wait, and then the same request records what came of it.
    """
    check_words(wanted.method, wanted.backend)
    if wanted.model is None and not wanted.smoke:
        raise BadRequest("Name the folder of a model with --model, or try the trainer on a tiny one with --smoke")
    release = find_release(store, wanted.manifest)
    settings = settings_for(release, wanted.method, wanted.config, wanted.backend, smoke=wanted.smoke)
    if unfit := unfit_for(store, wanted.method, release, settings):
        raise ReleaseUnfit(release.rows.name, unfit.says, hint=f"{unfit.mend}; nothing was trained.")
    out = wanted.out or Path(f"{wanted.method}-{Path(release.rows.name).stem}")
    given = _named(out, wanted.model)
    require(wanted.backend)
    about = {
        "backend": wanted.backend,
        "manifest": blake3_bytes(release.rows.manifest).hex(),
        "method": wanted.method,
        "settings": frozen(settings),
        "smoke": wanted.smoke,
    }
    model = None if given is None else _Model(given)
    note = {**about, "model": given and str(given), "weights": model and model.facts}
    with RunFolder(out) as folder:
        with plain_errors(out):
            resume = folder.begin(note, release.rows.manifest)
        if (late := _late(store, out, release, who)) is not None:
            return late
        with folder.cleared_where_nothing_came():
            model = model or _Model(_tiny(release.rows, out.absolute()))
            job = Job(wanted.method, wanted.backend, release.rows, model.folder, out, settings, resume)
            attempt = Attempt(store, out, {**about, "model": model.facts}, release, who, resumed=resume is not None)
            told = _recorded(attempt, job, model, on_step)
            write_result(out, told)
            return told


def check_words(method: str | None, backend: str) -> None:
    """Raise BadRequest for a method or a backend that there is none of."""
    for word, known, what in ((method, METHODS, "train"), (backend, BACKENDS, "train with")):
        if word is not None and word not in known:
            raise BadRequest(f"There is no way to {what} {word[:80]!r}{hint(word, known) or listed(known)}")


def _named(out: Path, model: Path | None) -> Path | None:
    """Return the model's folder from the root on; raise BadRequest for names that no event or document can hold."""
    plain_text("The name of the run's folder", str(out))
    plain_text("The name of the run's folder", out.resolve().name)
    return None if model is None else Path(plain_text("The name of the model's folder", str(model.absolute())))


class _Model:
    """A model's folder, read once for its digest; that it cannot be read ends the attempt, which has begun by then."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._unread: ModelUnreadable | None = None
        try:
            self.facts = model_facts(folder)
        except ModelUnreadable as error:
            self.facts, self._unread = facts_of([], folder), error

    def check(self) -> None:
        """Raise ModelUnreadable where it could not be read."""
        if self._unread is not None:
            raise self._unread


def settings_for(release: Frozen, method: str, config: Path | None, backend: str, *, smoke: bool) -> Settings:
    """Return what to train with: what the file sets, else the batch size that the release was cut for."""
    usual: dict[str, Any] = dict(SMOKE) if smoke else {}
    batch = release.manifest.value["params"].get("batch_size")
    if type(batch) is int and batch > 0:
        usual["per_device_train_batch_size"] = batch
    text = None if config is None else read_text(config, MOST_BYTES, _HINT)
    return read_settings(method, text, config, usual, backend)


def unfit_for(store: Store, method: str, release: Frozen, settings: Settings) -> Unfit | None:
    """Return why a method cannot train on a release as it stands, and what to do about it.

    Its type, windows that are not those of KTO, or samples that were erased since.
    """
    kind, dialect = release.manifest.value["type"], release.manifest.value["params"].get("dialect", "trl")
    if kind not in FITTING[method]:
        others = [name for name in METHODS if kind in FITTING[name]]
        on_it = f"Train {others[0]} on it, or make" if others else "Make"
        return Unfit(
            f"{method} takes {' or '.join(FITTING[method])}, not {kind}",
            f"{on_it} a release for {method} with `ledger project {_VIEWS[method]}`",
        )
    if dialect != "trl":
        return Unfit(f"its rows are written for {dialect}", "Project the view again with `--dialect trl`")
    if not release.rows.rows:
        return Unfit("it has no rows", "Project a view that has some; `ledger project` says what it leaves out")
    if method == KTO:
        batch = settings["per_device_train_batch_size"]
        found = verify_export(release.rows.path, batch_size=batch)
        if not found["ok"]:
            own = release.manifest.value["params"].get("batch_size") not in {None, batch}
            mend = f"Project `kto-interleaved` with `--batch-size {batch}`{_LEAVE_IT if own else ''}"
            return Unfit(f"with batches of {batch}, {found['first_violation']['message']}", mend)
    return erased_since(store, release)


def _tiny(rows: Rows, out: Path) -> Path:
    folder = out / TINY
    return folder if (folder / "config.json").is_file() else make_tiny(rows.path, folder)


def _late(store: Store, out: Path, release: Frozen, who: Who) -> dict[str, Any] | None:
    """Record what an attempt in this folder could not; return it where nothing is left to train.

    Raises DestinationExists where the run is finished.
    """
    left = left_in(store, out, release)
    if left is None:
        if json_of(out / RESULT).get("state") == FINISHED:
            raise DestinationExists(out, hint=FINISHED_HERE)
        return None
    told = record(store, out, left, release, who)
    write_result(out, told)
    return told if left.trained.state == FINISHED else None


def _recorded(attempt: Attempt, job: Job, model: _Model, on_step: OnStep) -> dict[str, Any]:
    """Train and return what is told of it; whatever is raised, an event says what came of it."""
    reached, began, trained = (0, 0), time.monotonic(), None

    def heard(step: int, of: int, numbers: Mapping[str, float]) -> None:
        nonlocal reached
        reached = step, of
        on_step(step, of, numbers)

    attempt.begin()
    try:
        model.check()
        trained = train_with(job, heard)
        left = attempt.leave(trained, result_of(job.out))
    except BaseException as error:
        seconds = Decimal(f"{time.monotonic() - began:.3f}")
        cut = broken(error, *((trained.steps, trained.of) if trained else reached), seconds)
        left = attempt.leave(cut)
        with suppress(LedgerError, OSError):  # what was raised is told; this, when the same is asked again
            told = attempt.end(left)
            if cut.steps or job.resume is not None:
                write_result(job.out, told)
            else:
                (job.out / RESULT).unlink(missing_ok=True)
        raise
    _leave_tidy(job.out, job.rows.name, trained)
    return attempt.end(left)


def _leave_tidy(out: Path, title: str, trained: Trained) -> None:
    """Draw what was logged; take away the loader's copy of the rows, which only a run that goes on needs."""
    with suppress(OSError):  # what came of it matters more than the picture
        if (out / LOSSES).is_file():
            history = [orjson.loads(line) for line in (out / LOSSES).read_bytes().splitlines()]
            (out / PLOT).write_text(loss_plot(history, title), encoding="utf-8")
        if trained.failure is None:
            (out / FAILURE).unlink(missing_ok=True)  # of an attempt before
    if trained.state == FINISHED:
        shutil.rmtree(out / CACHE, ignore_errors=True)
