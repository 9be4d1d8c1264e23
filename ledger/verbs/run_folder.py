"""The folder of a run: what it is of, what came of it, where it goes on from, and which training left it.

Only what a training made there is ever written over or removed.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from ledger.digest import blake3_bytes, digest_of
from ledger.errors import DestinationExists, ModelUnreadable
from ledger.reports.history import leaf_of
from ledger.store import Store
from ledger.trainers.contract import MANIFEST
from ledger.trainers.trl_backend import FAILURE
from ledger.verbs.files import digest_of_file, plain_errors
from ledger.verbs.one_at_a_time import locked
from ledger.views import releases, trainings

ABOUT, RESULT = "run.json", "trained.json"
"""What a run's folder is of: method, settings, model and release; and what came of it."""
CACHE, TINY = "cache", "tiny"
"""The rows as the trainer's loader keeps them, and the model of a trial: both are made again where they are gone."""
KNOWN = frozenset({"backend", "manifest", "method", "model", "settings", "smoke", "weights"})
"""The keys of `run.json`: whatever else is called so is somebody's own file."""
_CHECKPOINT = re.compile(r"checkpoint-([0-9]{1,9})")
_REMADE = frozenset({ABOUT, CACHE, TINY})
_OF_A_MODEL = (
    *("*.json", "*.safetensors", "*.bin"),
    *("*.jinja", "*.model", "*.tiktoken", "*.txt", "additional_chat_templates/*.jinja"),
)
"""Configuration and weights; and what tokenizers are kept in, such as vocab.json and merges.txt."""
_NOT_OF_IT = frozenset({ABOUT, RESULT, FAILURE, MANIFEST, "trainer_state.json", "training_args.bin"})
"""What a training leaves beside a model: it says something about the run, and nothing about the model."""
_WEIGHTS = (".safetensors", ".bin")
FINISHED_HERE = "The run in it is finished. To train anew, name another folder with -o."
ANOTHER = "Name another folder with -o. A run goes on in its folder only with the same release, model and settings."
_LATER = "Let it finish, or name another folder with -o; nothing was recorded."


class RunFolder(AbstractContextManager["RunFolder"]):
    """The folder of a run, made where there is none; while this is open, no other training has it."""

    def __init__(self, out: Path) -> None:
        """Prepare; nothing is made yet."""
        self.out = out
        self._made: list[Path] = []
        self._handle: int | None = None
        self._bare = False

    def __enter__(self) -> Self:
        """Take the folder; raise BadRequest where a training has it, DestinationExists for a file, NotWritable."""
        with plain_errors(self.out):
            while True:
                self._make()
                with suppress(FileNotFoundError):  # whoever made it has just removed it
                    self._handle = locked(self.out, "Another training has this folder", _LATER, folder=True)
                    return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the folder back; one that was made for nothing goes."""
        for folder in reversed(self._made):
            with suppress(OSError):  # there is something in it, which is as it should be
                folder.rmdir()
        if self._handle is not None:
            os.close(self._handle)

    def begin(self, about: Mapping[str, Any], manifest: bytes) -> Path | None:
        """Say what the run is of; return the checkpoint to go on from, where the same run was stopped there.

        Raises DestinationExists for a folder with anything else in it; OSError.
        """
        said = orjson.dumps(about, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
        if not self._is_bare():
            if _bytes_of(self.out / ABOUT) != said:
                raise DestinationExists(self.out, hint=ANOTHER)
            return _last_checkpoint(self.out, manifest)
        self._bare = True
        self.clear()
        (self.out / ABOUT).write_bytes(said)
        return None

    def clear(self) -> None:
        """Remove what a training made where it came to nothing; what was there before it stays."""
        if self._bare and self._is_bare():
            for name in (CACHE, TINY):
                shutil.rmtree(self.out / name, ignore_errors=True)
            (self.out / ABOUT).unlink(missing_ok=True)

    @contextmanager
    def cleared_where_nothing_came(self) -> Iterator[None]:
        """Clear the folder where something is raised inside the block."""
        try:
            yield
        except BaseException:
            with suppress(OSError):
                self.clear()
            raise

    def _make(self) -> None:
        missing = [one for one in (self.out, *self.out.parents) if not one.exists()]
        if os.path.lexists(self.out) and not self.out.is_dir():
            raise DestinationExists(self.out, hint=ANOTHER)
        for folder in reversed(missing):
            with suppress(FileExistsError):
                folder.mkdir()
                self._made.append(folder)

    def _is_bare(self) -> bool:
        """Say whether a folder holds nothing, or only what a training made and makes again."""
        names = {one.name for one in self.out.iterdir()}
        return not names or (names <= _REMADE and json_of(self.out / ABOUT).keys() == KNOWN)


def _last_checkpoint(out: Path, manifest: bytes) -> Path | None:
    """Return the last checkpoint that is whole: the manifest is put into it after everything else."""
    found = [
        (int(match[1]), one)
        for one in out.iterdir()
        if (match := _CHECKPOINT.fullmatch(one.name)) and _bytes_of(one / MANIFEST) == manifest
    ]
    return max(found)[1] if found else None


def model_facts(model: Path) -> dict[str, str]:
    """Return a model's folder by its name, and the BLAKE3 over the names and digests of the files that make it up.

    Those are configuration, weights and tokenizer; a folder without any has the digest of none. Raises ModelUnreadable.
    """
    try:
        return facts_of([[str(one.relative_to(model)), digest_of_file(one).hex()] for one in _files_of(model)], model)
    except OSError as error:
        raise ModelUnreadable(model, error.strerror or error) from error


def facts_of(digests: list[list[str]], model: Path) -> dict[str, str]:
    """Return a model's folder by its name, and the BLAKE3 over [name, digest] of its files."""
    return {"blake3": digest_of(digests).hex(), "name": model.resolve().name}


def result_of(folder: Path) -> str | None:
    """Return the digest of the model in a run's folder, as `model_facts` has it; None where it holds no weights."""
    try:
        there = any(one.suffix in _WEIGHTS for one in _files_of(folder))
    except OSError as error:
        raise ModelUnreadable(folder, error.strerror or error) from error
    return model_facts(folder)["blake3"] if there else None


def _files_of(model: Path) -> list[Path]:
    found = {one for pattern in _OF_A_MODEL for one in model.glob(pattern) if one.name not in _NOT_OF_IT}
    return sorted(one for one in found if one.is_file())


def training_of(store: Store, folder: Path) -> trainings.Training | None:
    """Return the training that left a folder, where this ledger recorded it and the model there is what came of it.

    A checkpoint is known by the run's folder that it stands in, and by its manifest: no event has its digest. Raises
    ModelUnreadable.
    """
    found = recorded_in(store, _run_of(folder))
    if found is None:
        return None
    if checkpoint_step(folder) is not None:
        release = releases.by_manifest(store.connection, blake3_bytes(_bytes_of(folder / MANIFEST) or b""))
        return found if release is not None and release[0] == found.release else None
    return found if leaf_of(store, found.leaf).get("result") == result_of(folder) else None


def recorded_in(store: Store, out: Path) -> trainings.Training | None:
    """Return the training of this ledger that a run's folder names as its last; None where it names none."""
    told = json_of(out / RESULT)
    position = told.get("position")
    found = trainings.get(store.connection, position) if type(position) is int else None
    return found if found is not None and found.op.hex() == told.get("event") else None


def is_run(folder: Path) -> bool:
    """Say whether a folder looks like that of a run that came to an end, or of a checkpoint of a run."""
    return (folder / RESULT).is_file() or checkpoint_step(folder) is not None


def checkpoint_step(folder: Path) -> int | None:
    """Return after how many steps a checkpoint was saved, where a folder is that of a whole one in a run's folder."""
    match = _CHECKPOINT.fullmatch(folder.resolve().name)
    if match is None or (folder / RESULT).is_file() or not (folder / MANIFEST).is_file():
        return None
    return int(match[1]) if (folder.resolve().parent / ABOUT).is_file() else None


def model_before(folder: Path) -> Path | None:
    """Return the folder of the model that a run began from, where the run's folder says so and it is still there."""
    run = _run_of(folder)
    told = json_of(run / ABOUT)
    if "model" not in told:
        return None
    found = Path(told["model"]) if isinstance(told["model"], str) else run / TINY
    return found if (found / "config.json").is_file() else None


def _run_of(folder: Path) -> Path:
    """Return the folder of a run where a folder is that of its checkpoint; else the folder itself."""
    return folder if checkpoint_step(folder) is None else folder.resolve().parent


def json_of(path: Path) -> dict[str, Any]:
    """Return a small document of a run's folder; an empty one where there is none that can be read."""
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
