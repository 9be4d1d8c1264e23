"""A run's folder: begun, gone on with, cleared; what is somebody's own stays; which model is in it, and whose."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, DestinationExists, ModelUnreadable, NotWritable
from ledger.verbs.run_folder import (
    RunFolder,
    checkpoint_step,
    json_of,
    model_before,
    model_facts,
    result_of,
    training_of,
)
from tests.logs import store_of
from tests.small import names
from tests.trained import trained

NOTE: dict[str, Any] = {
    "backend": "trl",
    "manifest": "m",
    "method": "sft",
    "model": None,
    "settings": {"seed": 1},
    "smoke": True,
    "weights": None,
}
OTHER = {**NOTE, "settings": {"seed": 2}}


def begun(out: Path, note: dict[str, Any] = NOTE) -> Path | None:
    """Begin a run in a folder and leave it so, as one that is killed does; return the checkpoint it goes on from."""
    with RunFolder(out) as folder:
        return folder.begin(note, b"m")


def test_a_run_goes_on_from_its_last_whole_checkpoint(tmp_path: Path) -> None:
    """With the same method, settings, model and release only; a checkpoint without the manifest was being written."""
    out = tmp_path / "a" / "run"
    assert begun(out, OTHER) is None
    for name, content in (("checkpoint-5", b"m"), ("checkpoint-10", b"m"), ("checkpoint-30", b"cut")):
        (out / name).mkdir()
        (out / name / "ledger_manifest.json").write_bytes(content)
    assert begun(out, OTHER) == out / "checkpoint-10"
    with pytest.raises(DestinationExists):
        begun(out)
    with RunFolder(out) as folder:
        folder.begin(OTHER, b"m")
        folder.clear()
    assert "checkpoint-5" in names(out)


def test_a_folder_that_is_begun_anew_keeps_nothing_of_the_run_before(tmp_path: Path) -> None:
    """What a run left that was killed before its first checkpoint may be of another release."""
    out = tmp_path / "run"
    begun(out)
    for name in ("cache", "tiny"):
        (out / name / "old").mkdir(parents=True)
    begun(out, OTHER)
    assert names(out) == ["run.json"]
    assert json_of(out / "run.json") == OTHER


@pytest.mark.parametrize(
    "own",
    [
        {"notes": b"x"},
        {"run.json": b"my own"},
        {"run.json": b'{"model": null}'},
        {"run.json": b"[]", "cache": b""},
        {"run.json": json.dumps(NOTE).encode(), "thesis.txt": b"x"},
        {"cache": b"x"},
    ],
    ids=str,
)
def test_what_is_somebodys_own_is_neither_written_over_nor_removed(tmp_path: Path, own: dict[str, bytes]) -> None:
    """Also where it is called as ours are."""
    for name, body in own.items():
        (tmp_path / name).write_bytes(body)
    with RunFolder(tmp_path) as folder:
        with pytest.raises(DestinationExists):
            folder.begin(NOTE, b"m")
        folder.clear()
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == own


def test_only_what_was_made_is_removed(tmp_path: Path) -> None:
    """A folder that was there is empty again and stays; one that was made goes, with those made above it."""
    (tmp_path / "mine").mkdir()
    for out in (tmp_path / "mine", tmp_path / "deep" / "down"):
        with RunFolder(out) as folder:
            folder.begin(NOTE, b"m")
            (out / "cache").mkdir()
            with pytest.raises(KeyError), folder.cleared_where_nothing_came():
                raise KeyError
    assert names(tmp_path) == ["mine"]
    assert names(tmp_path / "mine") == []


def test_a_place_that_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    """A file, a link to nothing, and a folder below a file."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    for name, error in (("file", DestinationExists), ("link", DestinationExists), ("file/run", NotWritable)):
        with pytest.raises(error):
            begun(tmp_path / name)
    assert (tmp_path / "file").read_text() == "x"


def test_two_runs_never_have_one_folder(tmp_path: Path) -> None:
    """The second is refused while the first goes on, whatever it is of, and what the first wrote stays."""
    out = tmp_path / "run"
    with RunFolder(out) as first:
        first.begin(NOTE, b"m")
        for note in (NOTE, OTHER):
            with pytest.raises(BadRequest, match="Another training has this folder"):
                begun(out, note)
        assert json_of(out / "run.json") == NOTE
        first.clear()
    assert not out.exists()
    begun(out, OTHER)
    assert json_of(out / "run.json") == OTHER


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a folder with every kind of file that a model is made up of."""
    (tmp_path / "model").mkdir()
    for name in MODEL:
        (tmp_path / "model" / name).write_text(name)
    return tmp_path / "model"


MODEL = (
    *("config.json", "generation_config.json", "model.safetensors", "pytorch_model.bin", "adapter_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "vocab.txt", "merges.txt"),
    *("special_tokens_map.json", "chat_template.jinja", "qwen.tiktoken"),
)


@pytest.mark.parametrize("name", MODEL)
def test_whatever_makes_up_a_model_is_in_its_digest(model: Path, name: str) -> None:
    """Configuration, weights, and each file that a tokenizer is kept in; also what each of them is called."""
    before = model_facts(model)["blake3"]
    (model / name).write_text("other")
    assert model_facts(model)["blake3"] != before
    (model / name).write_text(name)
    assert model_facts(model)["blake3"] == before
    (model / name).unlink()
    assert model_facts(model)["blake3"] != before


def test_what_a_run_leaves_beside_a_model_is_not_in_its_digest(model: Path, tmp_path: Path) -> None:
    """The same model has the same digest wherever it is and whichever run says what of it."""
    before = model_facts(model)["blake3"]
    for name in ("run.json", "trained.json", "ledger_manifest.json", "failure.txt", "training_args.bin", "README.md"):
        (model / name).write_text("of the run")
    (model / "checkpoint-1").mkdir()
    (model / "checkpoint-1" / "model.safetensors").write_text("earlier")
    shutil.copytree(model, tmp_path / "copy")
    assert model_facts(model) == {"blake3": before, "name": "model"}
    assert model_facts(tmp_path / "copy") == {"blake3": before, "name": "copy"}
    assert result_of(model) == before
    assert result_of(tmp_path) is None
    (model / "a.safetensors").symlink_to("/proc/self/mem")
    with pytest.raises(ModelUnreadable):
        result_of(model)


@pytest.fixture
def run(toolset: Ledger, tmp_path: Path) -> tuple[dict[str, Any], Path]:
    """Return what is told of a run that left weights, and its folder."""
    toolset.project("kto-interleaved", tmp_path / "kto.jsonl")
    out = tmp_path / "run"
    return trained(toolset, tmp_path / "kto.jsonl.manifest.json", out, weights=b"what it learned"), out


def test_a_folder_says_which_training_left_it(toolset: Ledger, run: tuple[dict[str, Any], Path]) -> None:
    """Where the ledger recorded it; what no event says, and what is no record, is none."""
    told, out = run
    found = training_of(store_of(toolset), out)
    assert found is not None
    assert found.position == told["position"]
    assert told["result"] == f"b3:{result_of(out)}"
    for wrong in ("{", "[]", json.dumps({**told, "event": "00"}), json.dumps({**told, "position": "1"})):
        (out / "trained.json").write_text(wrong)
        assert training_of(store_of(toolset), out) is None
    assert json_of(out / "none") == {}


def test_a_record_beside_another_model_proves_nothing(
    toolset: Ledger, run: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    """A good record that was copied, and the run's own beside weights that changed; the whole folder may move."""
    _, out = run
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(out / "trained.json", other)
    assert training_of(store_of(toolset), other) is None
    (other / "model.safetensors").write_bytes(b"what another learned")
    assert training_of(store_of(toolset), other) is None
    shutil.copytree(out, tmp_path / "moved")
    assert training_of(store_of(toolset), tmp_path / "moved") is not None
    (out / "model.safetensors").write_bytes(b"what it learned later")
    assert training_of(store_of(toolset), out) is None


def test_a_training_that_left_no_model_is_none_of_a_folder_with_one(toolset: Ledger, tmp_path: Path) -> None:
    """Where it failed, the folder says so as long as no weights stand there."""
    toolset.project("kto-interleaved", tmp_path / "kto.jsonl")
    out = tmp_path / "run"
    told = trained(toolset, tmp_path / "kto.jsonl.manifest.json", out, state="failed")
    assert told["result"] is None
    assert training_of(store_of(toolset), out) is not None
    (out / "model.safetensors").write_bytes(b"from somewhere")
    assert training_of(store_of(toolset), out) is None


def test_a_folder_says_which_model_it_began_from(toolset: Ledger, run: tuple[dict[str, Any], Path]) -> None:
    """Where that is still there."""
    _, out = run
    assert model_before(out) is None
    (out / "model").mkdir()
    (out / "model" / "config.json").write_text("{}")
    assert model_before(out) == out / "model"
    assert model_before(out.parent) is None
    assert toolset.verify()["ok"]


def test_a_checkpoint_is_one_of_its_run(toolset: Ledger, run: tuple[dict[str, Any], Path]) -> None:
    """By the run's folder around it, and the manifest in it; elsewhere, or with another manifest, it is nobody's."""
    told, out = run
    store, checkpoint = store_of(toolset), out / "checkpoint-6"
    checkpoint.mkdir()
    (checkpoint / "model.safetensors").write_bytes(b"half of what it learned")
    (out / "model").mkdir()
    (out / "model" / "config.json").write_text("{}")
    assert (checkpoint_step(checkpoint), training_of(store, checkpoint)) == (None, None)
    shutil.copy(out.parent / "kto.jsonl.manifest.json", checkpoint / "ledger_manifest.json")
    found = training_of(store, checkpoint)
    assert found is not None
    assert (found.position, checkpoint_step(checkpoint)) == (told["position"], 6)
    assert model_before(checkpoint) == out / "model"
    elsewhere = shutil.copytree(checkpoint, out.parent / "checkpoint-6")
    assert (checkpoint_step(elsewhere), training_of(store, elsewhere), model_before(elsewhere)) == (None, None, None)
    (checkpoint / "ledger_manifest.json").write_text("{}")
    assert training_of(store, checkpoint) is None
    assert checkpoint_step(out) is None
