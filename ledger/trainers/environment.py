"""What there is to train with: versions, the device, its memory."""

from __future__ import annotations

import os
import platform
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module, metadata
from typing import Any

from ledger.errors import TrainerMissing
from ledger.trainers.contract import UNSLOTH

PACKAGES = ("torch", "transformers", "trl", "datasets", "accelerate", "peft", "unsloth")
"""What trains; Unsloth is last."""
_OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
"""Models are folders here, so nothing is fetched; trainers would tell the hub of each construction otherwise."""
_READERS = ("huggingface_hub.constants", "datasets.config")
"""Where these variables are kept, as constants, once they were read."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep trainers off the network, off standard output, and their own progress bars off the terminal."""
    datasets, transformers = imported("datasets"), imported("transformers")
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    with _kept_offline(), redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


@contextmanager
def _kept_offline() -> Iterator[None]:
    """Keep packages off the network that somebody had imported before `imported` could tell them to stay off it."""
    found = [sys.modules[each] for each in _READERS if each in sys.modules]
    places = [(module, name) for module in found for name in _OFFLINE if hasattr(module, name)]
    before = [getattr(*place) for place in places]
    for module, name in places:
        setattr(module, name, True)
    try:
        yield
    finally:
        for (module, name), value in zip(places, before, strict=True):
            setattr(module, name, value)


def imported(name: str) -> Any:  # noqa: ANN401 - a module
    """Return an optional package, told to stay off the network; raise TrainerMissing with what it says."""
    os.environ.update(_OFFLINE)  # read once, when these packages are imported
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        return import_module(name)
    except (ImportError, RuntimeError, OSError, AttributeError) as error:  # what half an installation raises
        said = next(iter(str(error).splitlines()), "it is not there")
        raise TrainerMissing(name, said[:200]) from error


def has_gpu() -> bool:
    """Say whether torch sees a GPU that trainers can use here."""
    return bool(imported("torch").cuda.is_available())


def versions(backend: str) -> dict[str, str]:
    """Return package -> version of what trains, and Python's."""
    names = PACKAGES if backend == UNSLOTH else PACKAGES[:-1]
    found = {name: version for name in names if (version := _version(name)) is not None}
    return {"python": platform.python_version(), **found}


def survey() -> dict[str, Any]:
    """Return what there is to train with: Python, package -> version or None, the device and its memory in bytes."""
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "device": None,
        "device_bytes": None,
    }
    try:
        gpu = has_gpu()
    except TrainerMissing:
        return found
    torch = imported("torch")
    memory = torch.cuda.get_device_properties(0).total_memory if gpu else _memory()
    return {**found, "device": torch.cuda.get_device_name(0) if gpu else "cpu", "device_bytes": memory}


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):  # a system that does not tell
        return None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def device_name(device: Any) -> str:  # noqa: ANN401 - a torch.device
    """Return the name of a device, such as cpu or NVIDIA L4."""
    import torch

    return str(torch.cuda.get_device_name(device)) if device.type == "cuda" else str(device.type)


def here() -> str:
    """Return the name of the device that a trainer would take."""
    return device_name(imported("torch").device("cuda" if has_gpu() else "cpu"))


def forget_peak() -> None:
    """Begin to count the most bytes of a GPU's memory anew: an earlier run of this process had its own."""
    if has_gpu():
        imported("torch").cuda.reset_peak_memory_stats()


def peak_bytes() -> int | None:
    """Return the most bytes of a GPU's memory in use at once since `forget_peak`, or None where there is no GPU."""
    import torch

    return int(torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else None
