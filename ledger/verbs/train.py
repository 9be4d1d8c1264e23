"""Train: give a release to a trainer, having made sure of its bytes, and record what came of it.

That an attempt begins is in the log before the trainer is built, and how it ended is there afterwards, whether it
finished, was stopped, or failed. A run that was stopped goes on from its last checkpoint when the same is asked again.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ledger.digest import blake3_bytes, digest_of, encode
from ledger.errors import BadRequest, InputNotFound, InputUnreadable, LedgerError, ModelUnreadable, ReleaseUnfit
from ledger.event import draft
from ledger.policy.expression import hint, listed
from ledger.reports.loss_plot import loss_plot
from ledger.reports.trained import trained_shown
from ledger.store import Store
from ledger.trainers.backends import require
from ledger.trainers.backends import train as train_with
from ledger.trainers.contract import (
    BACKENDS,
    FAILED,
    FINISHED,
    FITTING,
    KTO,
    LOSSES,
    METHODS,
    Job,
    OnStep,
    Rows,
    Trained,
)
from ledger.trainers.settings import Settings, frozen, read_settings
from ledger.trainers.tiny import make_tiny
from ledger.verbs.files import digest_of_file, plain_errors, read_whole
from ledger.verbs.frozen_release import Frozen, find_release
from ledger.verbs.run import Run, Who
from ledger.verbs.run_folder import CACHE, RESULT, TINY, clear_folder, open_folder
from ledger.verbs.verify_export import verify_export

PLOT = "loss.svg"
SMOKE = {"max_steps": 6, "logging_steps": 1, "save_steps": 3, "max_length": 2048}
"""Settings of a trial on a tiny model, where nothing else is set."""
_OF_A_MODEL = ("*.json", "*.safetensors", "*.bin", "*.model", "*.jinja")


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
    SettingsInvalid, DestinationExists, TrainerMissing: nothing is recorded then. ModelUnreadable and OrderBroken leave
    a failed attempt in the log.
    """
    _check(wanted)
    release = find_release(store, wanted.manifest)
    settings = settings_for(wanted, release)
    if fault := fault_of(wanted.method, release, settings):
        raise ReleaseUnfit(release.rows.name, fault)
    require(wanted.backend)
    out = wanted.out or Path(f"{wanted.method}-{Path(release.rows.name).stem}")
    about = {
        "backend": wanted.backend,
        "manifest": blake3_bytes(release.rows.manifest).hex(),
        "method": wanted.method,
        "settings": frozen(settings),
        "smoke": wanted.smoke,
    }
    facts = None if wanted.model is None else model_facts(wanted.model)
    given = None if wanted.model is None else str(wanted.model.absolute())
    with plain_errors(out):
        resume = open_folder(out, {**about, "model": given, "weights": facts}, release.rows.manifest)
    model = wanted.model or _tiny(release.rows, out)
    job = Job(wanted.method, wanted.backend, release.rows, model, out, settings, resume)
    position = _recorded(Attempt(store, job, about, release, who), job, on_step)
    told = {**trained_shown(store, position), "out": str(out), "resumed": resume is not None}
    with plain_errors(out):
        (out / RESULT).write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
        _leave_tidy(out, release.rows.name, finished=told["state"] == FINISHED)
    return told


def _check(wanted: Wanted) -> None:
    for word, known, what in ((wanted.method, METHODS, "train"), (wanted.backend, BACKENDS, "train with")):
        if word not in known:
            raise BadRequest(f"There is no way to {what} {word[:80]!r}{hint(word, known) or listed(known)}")
    if wanted.model is None and not wanted.smoke:
        raise BadRequest("Name the folder of a model with --model, or try the trainer on a tiny one with --smoke")


def settings_for(wanted: Wanted, release: Frozen) -> Settings:
    """Return what to train with: what the file sets, else the batch size that the release was cut for."""
    usual: dict[str, Any] = dict(SMOKE) if wanted.smoke else {}
    batch = release.manifest.value["params"].get("batch_size")
    if type(batch) is int and batch > 0:
        usual["per_device_train_batch_size"] = batch
    text = None if wanted.config is None else _text_of(wanted.config)
    return read_settings(wanted.method, text, wanted.config, usual, wanted.backend)


def _text_of(path: Path) -> str:
    try:
        return read_whole(path).decode()
    except FileNotFoundError as error:
        raise InputNotFound(path) from error
    except OSError as error:
        raise InputUnreadable(path, error.strerror or error) from error
    except UnicodeDecodeError as error:
        raise InputUnreadable(path, "it is not UTF-8") from error


def fault_of(method: str, release: Frozen, settings: Settings) -> str | None:
    """Return why a method cannot train on a release as it stands: its type, or windows that are not those of KTO."""
    kind, dialect = release.manifest.value["type"], release.manifest.value["params"].get("dialect", "trl")
    if kind not in FITTING[method]:
        return f"{method} takes {' or '.join(FITTING[method])}, not {kind}"
    if dialect != "trl":
        return f"its rows are written for {dialect}"
    if not release.rows.rows:
        return "it has no rows"
    if method != KTO:
        return None
    batch = settings["per_device_train_batch_size"]
    found = verify_export(release.rows.path, batch_size=batch)
    return None if found["ok"] else f"with batches of {batch}, {found['first_violation']['message']}"


def _tiny(rows: Rows, out: Path) -> Path:
    folder = out / TINY
    return folder if (folder / "config.json").is_file() else make_tiny(rows.path, folder)


def _leave_tidy(out: Path, title: str, *, finished: bool) -> None:
    """Draw what was logged; take away the loader's copy of the rows, which only a run that goes on needs."""
    if (out / LOSSES).is_file():
        history = [orjson.loads(line) for line in (out / LOSSES).read_bytes().splitlines()]
        (out / PLOT).write_text(loss_plot(history, title), encoding="utf-8")
    if finished:
        shutil.rmtree(out / CACHE, ignore_errors=True)


class Attempt:
    """One attempt: what is recorded of it, before and after."""

    def __init__(self, store: Store, job: Job, about: Mapping[str, Any], release: Frozen, who: Who) -> None:
        """Begin with nothing recorded; the model is read for its digest."""
        self._store = store
        self._job = job
        self._release = release
        self._model = model_facts(job.model)
        self._config = {**about, "model": self._model}
        params = {"config": digest_of(self._config).hex(), "release": release.op}
        self._run = Run(store.ledger_id, "train", params, who)

    def begin(self) -> None:
        """Record that it begins."""
        with self._store.transaction() as transaction:
            self._run.begun(transaction)

    def end(self, trained: Trained) -> int:
        """Record how it ended; return the position of that event."""
        started = self._run.started
        with self._store.transaction() as transaction:
            digest, blob = transaction.add_blob(encode(self._config))
            fields = {
                "backend": self._job.backend,
                "config": digest.hex(),
                "device": trained.device,
                "failure": trained.failure,
                "memory": trained.peak_bytes,
                "method": self._job.method,
                "metrics": [[name, text(value)] for name, value in trained.metrics.items()],
                "model": self._model["blake3"],
                "output": self._job.out.name,
                "release": self._release.op,
                "rows": self._job.rows.rows,
                "seconds": text(trained.seconds),
                "started": started.hex(),
                "state": trained.state,
                "steps": [trained.steps, trained.of],
                "versions": [list(pair) for pair in sorted(trained.versions.items())],
            }
            position = transaction.next_position
            self._run.append(transaction, [draft("trained", None, blob, fields)])
            self._run.finish(transaction, {"rows": self._job.rows.rows, "steps": trained.steps})
        return position


def _recorded(attempt: Attempt, job: Job, on_step: OnStep) -> int:
    """Train and return the position of the event that says what came of it."""
    attempt.begin()
    try:
        trained = train_with(job, on_step)
    except LedgerError as error:  # before the first step; what happens later is told in what is returned
        attempt.end(not_begun(type(error).__name__))
        clear_folder(job.out)
        raise
    return attempt.end(trained)


def not_begun(failure: str) -> Trained:
    """Return what came of an attempt that failed before its first step."""
    return Trained(FAILED, failure, 0, 0, Decimal(0), "", {}, {})


def model_facts(model: Path) -> dict[str, Any]:
    """Return a model's folder by its name, and the BLAKE3 over the names and digests of its files."""
    try:
        files = sorted({file for pattern in _OF_A_MODEL for file in model.glob(pattern) if file.is_file()})
        digests = [[file.name, digest_of_file(file).hex()] for file in files]
    except OSError as error:
        raise ModelUnreadable(model, error.strerror or error) from error
    return {"blake3": digest_of(digests).hex(), "name": model.resolve().name}


def text(value: Decimal) -> str:
    """Return a number as decimal text."""
    return format(value.normalize(), "f")
