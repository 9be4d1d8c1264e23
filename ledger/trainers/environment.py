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
_OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
"""Models are folders here, so nothing is fetched; trainers would tell the hub of each construction otherwise."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep trainers off the network, off standard output, and their own progress bars off the terminal."""
    for name, value in _OFFLINE.items():
        os.environ.setdefault(name, value)  # read when these packages are imported
    datasets, transformers = imported("datasets"), imported("transformers")
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    with redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def imported(name: str) -> Any:  # noqa: ANN401 - a module
    """Return an optional package; raise TrainerMissing with what it says."""
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


def peak_bytes() -> int | None:
    """Return the most bytes of a GPU's memory that were in use at once, or None where there is no GPU."""
    import torch

    return int(torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else None
