"""The folder of a run: what it is of, what came of it, where it goes on from, and which training left it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from ledger.errors import DestinationExists
from ledger.store import Store
from ledger.trainers.contract import FINISHED, MANIFEST
from ledger.views import trainings

ABOUT, RESULT = "run.json", "trained.json"
"""What a run's folder is of: method, settings, model and release; and what came of it."""
CACHE, TINY = "cache", "tiny"
"""The rows as the trainer's loader keeps them, and the model of a trial: both are made again where they are gone."""
_CHECKPOINT = re.compile(r"checkpoint-([0-9]{1,9})")
_REMADE = frozenset({ABOUT, CACHE, TINY})


def open_folder(out: Path, about: Mapping[str, Any], manifest: bytes) -> Path | None:
    """Make the run's folder; return the checkpoint to go on from, where the same run was stopped there.

    Raises DestinationExists for a folder with anything else in it, and for a run that is finished; OSError.
    """
    said = orjson.dumps(about, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
    note = out / ABOUT
    if out.exists() and not _is_bare(out):
        if not note.is_file() or note.read_bytes() != said or json_of(out / RESULT).get("state") == FINISHED:
            raise DestinationExists(out, hint=_HINT)
        return _last_checkpoint(out, manifest)
    out.mkdir(parents=True, exist_ok=True)
    note.write_bytes(said)
    return None


_HINT = "Name another folder with -o. A run goes on in its folder only with the same release, model and settings."


def clear_folder(out: Path) -> None:
    """Remove a run's folder where nothing was trained in it."""
    if _is_bare(out):
        shutil.rmtree(out, ignore_errors=True)


def _is_bare(out: Path) -> bool:
    """Say whether a folder holds nothing, or only what is made again."""
    names = {one.name for one in out.iterdir()} if out.is_dir() else {"a file"}
    return not names or (ABOUT in names and names <= _REMADE)


def _last_checkpoint(out: Path, manifest: bytes) -> Path | None:
    """Return the last checkpoint that is whole: the manifest is put into it after everything else."""
    found = [
        (int(match[1]), one)
        for one in out.iterdir()
        if (match := _CHECKPOINT.fullmatch(one.name)) and _bytes_of(one / MANIFEST) == manifest
    ]
    return max(found)[1] if found else None


def training_of(store: Store, folder: Path) -> trainings.Training | None:
    """Return the training that left a folder, where this ledger recorded it."""
    told = json_of(folder / RESULT)
    position = told.get("position")
    found = trainings.get(store.connection, position) if type(position) is int else None
    return found if found is not None and found.op.hex() == told.get("event") else None


def model_before(folder: Path) -> Path | None:
    """Return the folder of the model that a run began from, where the run's folder says so and it is still there."""
    told = json_of(folder / ABOUT)
    if "model" not in told:
        return None
    found = Path(told["model"]) if isinstance(told["model"], str) else folder / TINY
    return found if (found / "config.json").is_file() else None


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
