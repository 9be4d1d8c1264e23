"""A model's folder as its files tell: what cannot be loaded is named without loading it."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.trainers.model_files import faults_of_files


def safetensors(sizes: dict[str, int]) -> bytes:
    """Return a file of safetensors with tensors of so many bytes."""
    head, end = {}, 0
    for name, size in sizes.items():
        head[name] = {"dtype": "U8", "shape": [size], "data_offsets": [end, end + size]}
        end += size
    text = json.dumps({"__metadata__": {"format": "pt"}, **head}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(end)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the folder of a model that is sound as far as files tell."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text("{}")
    (tmp_path / "m" / "model.safetensors").write_bytes(safetensors({"a": 8, "b": 16}))
    return tmp_path / "m"


def cut(model: Path) -> None:
    """Leave out the last bytes of the weights, as a download that broke off does."""
    file = model / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-3])


def index(model: Path, name: str) -> None:
    """Say that weights are in a file that is not there."""
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))


HARM: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut off": (cut, "it has .* bytes, and its head tells of"),
    "empty": (lambda model: (model / "model.safetensors").write_bytes(b""), "no safetensors"),
    "text": (lambda model: (model / "model.safetensors").write_bytes(b"version https://git-lfs"), "no safetensors"),
    "no head": (lambda model: (model / "model.safetensors").write_bytes(struct.pack("<Q", 2) + b"[]"), "head is not"),
    "no tensors": (
        lambda model: (model / "model.safetensors").write_bytes(struct.pack("<Q", 7) + b'{"a":1}'),
        "where its tensors are",
    ),
    "no weights": (lambda model: (model / "model.safetensors").unlink(), "there are no weights"),
    "no configuration": (lambda model: (model / "config.json").unlink(), r"there is no config\.json"),
    "another configuration": (lambda model: (model / "config.json").write_text("{"), "is not a JSON object"),
    "a part that is missing": (lambda model: index(model, "b.safetensors"), "which is not there"),
    "a part elsewhere": (lambda model: index(model, "../m/model.safetensors"), "which is not there"),
    "no index": (lambda model: (model / "a.safetensors.index.json").write_text("[]"), "does not say where"),
    "not for us": (lambda model: (model / "b.safetensors").symlink_to("/proc/self/mem"), "cannot be read"),
}


@pytest.mark.parametrize("harm", HARM)
def test_what_cannot_be_loaded_is_named(model: Path, harm: str) -> None:
    """A sound folder has no fault; each harm has one, in a sentence."""
    assert faults_of_files(model) == []
    act, says = HARM[harm]
    act(model)
    (fault,) = faults_of_files(model)
    assert re.search(says, fault)


def test_adapters_and_other_weights_are_taken(model: Path) -> None:
    """An adapter has a configuration of its own; what is no safetensors is not looked into."""
    (model / "config.json").rename(model / "adapter_config.json")
    assert faults_of_files(model) == []
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    assert faults_of_files(model) == []


@given(st.binary(max_size=200), st.integers(0, 220))
def test_any_bytes_are_told_of(tmp_path_factory: pytest.TempPathFactory, data: bytes, size: int) -> None:
    """Whatever stands in the file, there is an answer."""
    folder = tmp_path_factory.mktemp("m")
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", size) + data)
    assert len(faults_of_files(folder)) <= 1
