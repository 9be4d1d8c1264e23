"""Train: give a release to a trainer, having made sure of its bytes, and record what came of it.

That an attempt begins is in the log before the trainer is built, and how it ended is there afterwards, whether it
finished, was stopped, or failed. A run that was stopped goes on from its last checkpoint when the same is asked again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ledger.digest import blake3_bytes, digest_of, encode
from ledger.errors import (
    BadRequest,
    DestinationExists,
    InputNotFound,
    InputUnreadable,
    ModelUnreadable,
    OrderBroken,
    ReleaseUnfit,
    SettingsInvalid,
    TrainerMissing,
)
from ledger.event import draft
from ledger.policy.expression import hint, listed
from ledger.reports.loss_plot import loss_plot
from ledger.reports.trained import trained_shown
from ledger.store import Store
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
from ledger.verbs.verify_export import verify_export

PLOT = "loss.svg"
ABOUT, RESULT = "run.json", "trained.json"
"""What a run's folder is of: method, settings, model and release, by digests; and what came of it."""
SMOKE = {"max_steps": 6, "logging_steps": 1, "save_steps": 3, "max_length": 2048}
"""Settings of a trial on a tiny model, where nothing else is set."""
_CHECKPOINT = re.compile(r"checkpoint-([0-9]{1,9})")
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

    Raises BadRequest, ManifestUnreadable, ForeignManifest, ReleaseUnfit, SettingsInvalid, DestinationExists,
    TrainerMissing: nothing is recorded then. ModelUnreadable and OrderBroken leave a failed attempt in the log.
    """
    _check(wanted)
    release = find_release(store, wanted.manifest)
    settings = _settings(wanted, release)
    _check_rows(wanted, release, settings)
    out = wanted.out or Path(f"{wanted.method}-{Path(release.rows.name).stem}")
    about = {
        "backend": wanted.backend,
        "manifest": blake3_bytes(release.rows.manifest).hex(),
        "method": wanted.method,
        "settings": frozen(settings),
        "smoke": wanted.smoke,
    }
    with plain_errors(out):
        resume = _place(out, about | {"model": None if wanted.model is None else str(wanted.model)})
        model = wanted.model or _tiny(release.rows, out)
        job = Job(wanted.method, wanted.backend, release.rows, model, out, settings, resume)
        position = _recorded(_Attempt(store, job, about, release, who), job, on_step)
        told = {**trained_shown(store, position), "out": str(out), "resumed": resume is not None}
        (out / RESULT).write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    return told


def _check(wanted: Wanted) -> None:
    for word, known, what in ((wanted.method, METHODS, "train"), (wanted.backend, BACKENDS, "train with")):
        if word not in known:
            raise BadRequest(f"There is no way to {what} {word[:80]!r}{hint(word, known) or listed(known)}")
    if wanted.model is None and not wanted.smoke:
        raise BadRequest("Name the folder of a model with --model, or try the trainer on a tiny one with --smoke")


def _settings(wanted: Wanted, release: Frozen) -> Settings:
    """Return what to train with: what the file sets, else the batch size that the release was cut for."""
    usual: dict[str, Any] = dict(SMOKE) if wanted.smoke else {}
    batch = release.manifest.value["params"].get("batch_size")
    if isinstance(batch, int):
        usual["per_device_train_batch_size"] = batch
    if wanted.config is None:
        return read_settings(wanted.method, None, usual=usual)
    try:
        text = read_whole(wanted.config).decode()
    except FileNotFoundError as error:
        raise InputNotFound(wanted.config) from error
    except OSError as error:
        raise InputUnreadable(wanted.config, error.strerror or error) from error
    except UnicodeDecodeError as error:
        raise InputUnreadable(wanted.config, "it is not UTF-8") from error
    return read_settings(wanted.method, text, wanted.config, usual)


def _check_rows(wanted: Wanted, release: Frozen, settings: Settings) -> None:
    """Raise ReleaseUnfit for rows of a type that the method does not take, or whose windows are not those of KTO."""
    kind = release.manifest.value["type"]
    if kind not in FITTING[wanted.method]:
        raise ReleaseUnfit(
            release.rows.name, f"{wanted.method} takes {' or '.join(FITTING[wanted.method])}, not {kind}"
        )
    if not release.rows.rows:
        raise ReleaseUnfit(release.rows.name, "it has no rows")
    if wanted.method != KTO:
        return
    batch = settings["per_device_train_batch_size"]
    if batch < 2:  # noqa: PLR2004 - each row would pair with itself
        raise SettingsInvalid("per_device_train_batch_size", 1, "KTO needs 2 rows or more: each would pair with itself")
    found = verify_export(release.rows.path, batch_size=batch)
    if not found["ok"]:
        raise ReleaseUnfit(release.rows.name, f"with batches of {batch}, {found['first_violation']['message']}")


def _place(out: Path, about: Mapping[str, Any]) -> Path | None:
    """Make the run's folder; return the checkpoint to go on from, where the same run was stopped there.

    Raises DestinationExists for a folder with anything else in it, and for a run that is finished.
    """
    note = out / ABOUT
    said = orjson.dumps(about, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        if not note.is_file() or note.read_bytes() != said or _is_finished(out):
            raise DestinationExists(out)
        found = [(int(match[1]), one) for one in out.iterdir() if (match := _CHECKPOINT.fullmatch(one.name))]
        return max(found)[1] if found else None
    out.mkdir(parents=True, exist_ok=True)
    note.write_bytes(said)
    return None


def _is_finished(out: Path) -> bool:
    try:
        return bool(orjson.loads((out / RESULT).read_bytes())["state"] == FINISHED)
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        return False


def _tiny(rows: Rows, out: Path) -> Path:
    folder = out / "tiny"
    return folder if (folder / "config.json").is_file() else make_tiny(rows.path, folder)


class _Attempt:
    """One attempt: what is recorded of it, before and after."""

    def __init__(self, store: Store, job: Job, about: Mapping[str, Any], release: Frozen, who: Who) -> None:
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


def _recorded(attempt: _Attempt, job: Job, on_step: OnStep) -> int:
    """Train and return the position of the event that says what came of it."""
    attempt.begin()
    try:
        trained = train_with(job, on_step)
    except (ModelUnreadable, OrderBroken, ReleaseUnfit, TrainerMissing) as error:
        attempt.end(not_begun(type(error).__name__))
        raise
    position = attempt.end(trained)
    history = [orjson.loads(line) for line in (job.out / LOSSES).read_bytes().splitlines()]
    (job.out / PLOT).write_text(loss_plot(history, job.rows.name), encoding="utf-8")
    return position


def not_begun(failure: str) -> Trained:
    """Return what came of an attempt that failed before its first step."""
    return Trained(FAILED, failure, 0, 0, Decimal(0), "", {}, {})


def model_facts(model: Path) -> dict[str, Any]:
    """Return a model's folder by its name, and the BLAKE3 over the names and digests of its files."""
    files = sorted({file for pattern in _OF_A_MODEL for file in model.glob(pattern) if file.is_file()})
    listed = [[file.name, digest_of_file(file).hex()] for file in files]
    return {"blake3": digest_of(listed).hex(), "name": model.resolve().name}


def text(value: Decimal) -> str:
    """Return a number as decimal text."""
    return format(value.normalize(), "f")
