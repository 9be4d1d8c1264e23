"""A model's folder, looked at without loading it: what a trainer would refuse it for, as far as files say so.

Of weights only the heads are read: a few kilobytes of files that may have many gigabytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CONFIGS = ("config.json", "adapter_config.json")
_LONGEST_HEAD = 100_000_000
"""Bytes of a head, as safetensors itself has it."""
_SIZE = 8
_OTHER = ("*.bin", "*.pt", "*.gguf")
"""Weights that are not looked into."""


def faults_of_files(model: Path) -> list[str]:
    """Return in sentences what is wrong with a model's configuration and weights; nothing is loaded."""
    try:
        return list(_faults(model))
    except OSError as error:
        return [f"the model in {model} cannot be read: {error.strerror or error}"]


def _faults(model: Path) -> Iterator[str]:
    configs = [model / name for name in CONFIGS if (model / name).is_file()]
    if not configs:
        yield f"there is no {CONFIGS[0]} in {model}"
    for file in configs:
        if not isinstance(_json_of(file.read_bytes()), dict):
            yield f"{file} is not a JSON object"
    weights = sorted(model.glob("*.safetensors"))
    if configs and not weights and not any(any(model.glob(kind)) for kind in _OTHER):
        yield f"there are no weights in {model}"
    for file in weights:
        if (fault := _weights_fault(file)) is not None:
            yield f"the weights in {file} cannot be read: {fault}"
    for index in sorted(model.glob("*.safetensors.index.json")):
        yield from _missing_shards(index)


def _missing_shards(index: Path) -> Iterator[str]:
    said = _json_of(index.read_bytes())
    placed = said.get("weight_map") if isinstance(said, dict) else None
    if not isinstance(placed, dict):
        yield f"{index} does not say where the weights are"
        return
    for name in sorted({str(one) for one in placed.values()}):
        if Path(name).name != name or not (index.parent / name).is_file():
            yield f"{index} names {json.dumps(name)}, which is not there"


def _weights_fault(file: Path) -> str | None:
    """Return what is wrong with the head of a safetensors file, or with the size of what it tells of."""
    there = file.stat().st_size
    with file.open("rb") as opened:
        size = int.from_bytes(opened.read(_SIZE), "little")
        if there < _SIZE or size > min(there - _SIZE, _LONGEST_HEAD):
            return "its head is cut off, or it is no safetensors"
        head = _json_of(opened.read(size))
    if not isinstance(head, dict):
        return "its head is not a JSON object"
    ends = [_end_of(one) for name, one in head.items() if name != "__metadata__"]
    if None in ends:
        return "its head does not say where its tensors are"
    wanted = _SIZE + size + max((end for end in ends if end is not None), default=0)
    return None if wanted == there else f"it has {there:,} bytes, and its head tells of {wanted:,}"


def _end_of(tensor: Any) -> int | None:  # noqa: ANN401 - any JSON value
    """Return where a tensor ends, counted from the end of the head; None for what is none."""
    offsets = tensor.get("data_offsets") if isinstance(tensor, dict) else None
    if not isinstance(offsets, list) or len(offsets) != 2 or any(type(one) is not int for one in offsets):  # noqa: PLR2004 - a pair
        return None
    return int(offsets[1]) if 0 <= offsets[0] <= offsets[1] else None


def _json_of(data: bytes) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
