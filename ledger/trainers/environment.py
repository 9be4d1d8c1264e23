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

_PACKAGES = ("torch", "transformers", "trl", "datasets", "accelerate", "peft")
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
    except (ImportError, NotImplementedError, OSError) as error:  # unsloth raises NotImplementedError without a GPU
        said = next(iter(str(error).splitlines()), "it is not there")
        raise TrainerMissing(name, said[:200]) from error


def versions(backend: str) -> dict[str, str]:
    """Return package -> version of what trains, and Python's."""
    names = (*_PACKAGES, "unsloth") if backend == "unsloth" else _PACKAGES
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def device_name(device: Any) -> str:  # noqa: ANN401 - a torch.device
    """Return the name of a device, such as cpu or NVIDIA L4."""
    import torch

    return str(torch.cuda.get_device_name(device)) if device.type == "cuda" else str(device.type)


def peak_bytes() -> int | None:
    """Return the most bytes of a GPU's memory that were in use at once, or None where there is no GPU."""
    import torch

    return int(torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else None
