"""Training, as far as it goes without a trainer: what is refused before anything is imported, and what is recorded."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import (
    BadRequest,
    DestinationExists,
    ForeignManifest,
    InputNotFound,
    InputUnreadable,
    LedgerError,
    ManifestUnreadable,
    ModelUnreadable,
    OrderBroken,
    ReleaseUnfit,
    SettingsInvalid,
    TrainerMissing,
)
from ledger.trainers.contract import Job, Trained
from ledger.verbs import train as verb
from ledger.verbs.run_folder import clear_folder, json_of, model_before, open_folder, training_of
from tests.logs import store_of
from tests.small import names
from tests.test_exporters_lengths import tokenizer
from tests.trained import trained


@pytest.fixture
def manifest(toolset: Ledger, tmp_path: Path) -> Path:
    """Return the manifest of a release for KTO."""
    toolset.project("kto-interleaved", tmp_path / "kto.jsonl")
    return tmp_path / "kto.jsonl.manifest.json"


def refused(ledger: Ledger, error: type[LedgerError], says: str, *arguments: Any, **given: Any) -> None:  # noqa: ANN401 - those of train
    """Hold that an attempt is refused, that nothing is recorded, and that no trainer was even asked for."""
    before, loaded = ledger.log(limit=1000), set(sys.modules)
    with pytest.raises(error, match=says):
        ledger.train(*arguments, **given)
    assert ledger.log(limit=1000) == before
    assert not {"torch", "trl", "transformers"} & (set(sys.modules) - loaded)


def test_what_makes_no_sense_is_refused(toolset: Ledger, manifest: Path, tmp_path: Path) -> None:
    """An unknown method or backend, no model, a manifest that is none, or of another ledger."""
    for method, given, says in (
        ("rlhf", {}, "There is no way to train 'rlhf'"),
        ("kto", {"backend": "unslot", "smoke": True}, "did you mean"),
        ("kto", {}, "Name the folder of a model with --model"),
    ):
        refused(toolset, BadRequest, says, method, manifest, **given)
    refused(toolset, ManifestUnreadable, "is not a manifest", "kto", tmp_path / "none", smoke=True)
    other = tmp_path / "other.jsonl.manifest.json"
    other.write_bytes(manifest.read_bytes() + b"\n")
    refused(toolset, ForeignManifest, "no release of this ledger", "kto", other, smoke=True)


def test_other_bytes_are_refused(toolset: Ledger, manifest: Path, tmp_path: Path) -> None:
    """A file that changed, is gone, or is a folder by now."""
    rows = tmp_path / "kto.jsonl"
    rows.write_bytes(rows.read_bytes().replace(b"true", b"null", 1))
    refused(toolset, ReleaseUnfit, "its bytes are b3:", "kto", manifest, smoke=True)
    rows.unlink()
    refused(toolset, ReleaseUnfit, "it is not there", "kto", manifest, smoke=True)
    rows.mkdir()
    refused(toolset, ReleaseUnfit, "directory", "kto", manifest, smoke=True)


def test_settings_that_cannot_be_read_are_refused(toolset: Ledger, manifest: Path, tmp_path: Path) -> None:
    """A file that is not there, is no text, or sets what breaks the order."""
    file = tmp_path / "s.toml"
    refused(toolset, InputNotFound, "No input", "kto", manifest, smoke=True, config=file)
    refused(toolset, InputUnreadable, "directory", "kto", manifest, smoke=True, config=tmp_path)
    file.write_bytes(b"\xff")
    refused(toolset, InputUnreadable, "not UTF-8", "kto", manifest, smoke=True, config=file)
    file.write_text("seed = 1\npacking = true\n")
    refused(toolset, SettingsInvalid, "line 2: packing cannot be set", "kto", manifest, smoke=True, config=file)


def test_a_backend_that_is_not_there_is_named(
    toolset: Ledger, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is recorded and no folder is left; `--check` says it as a fault."""
    monkeypatch.setitem(sys.modules, "torch", None)
    for backend, says in (("trl", "torch cannot be imported"), ("unsloth", "unsloth cannot be imported")):
        refused(toolset, TrainerMissing, says, "kto", manifest, smoke=True, backend=backend, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    told = toolset.check_training("kto", manifest)
    assert not told["ok"]
    assert told["faults"][0].startswith("torch cannot be imported")
    assert told["environment"]["device"] is None


def test_check_tells_releases_and_what_would_come_of_one(toolset: Ledger, manifest: Path, tmp_path: Path) -> None:
    """Rows, labels, whether the file is still the release's; batches, steps, weights and windows."""
    trained(toolset, manifest, tmp_path / "run")
    toolset.project("sft", tmp_path / "sft.jsonl")
    toolset.project("pending", tmp_path / "pending.jsonl")  # samples for reading: nothing for a trainer
    told = toolset.check_training("kto", manifest)
    found = {one["name"]: one for one in told["releases"]}
    rows = len((tmp_path / "kto.jsonl").read_bytes().splitlines())
    assert list(found) == ["sft.jsonl", "kto.jsonl"]
    one = found["kto.jsonl"]
    assert (one["rows"], one["methods"], one["file"], one["trained"]) == (rows, ["kto"], "matches", 1)
    assert one["labels"]["true"] + one["labels"]["false"] == rows
    plan = told["plan"]
    assert (plan["batches"], plan["steps"]) == (rows // 4, rows // 4)
    assert plan["windows"] == {"windows": rows // 4, "single_label": 0, "same_prompt": 0}
    assert set(plan["label_weights"]) == {"desirable", "undesirable"}
    assert (plan["measured"], plan["dropped"]) == (False, None)
    (tmp_path / "kto.jsonl").write_bytes(b"{}\n")
    assert {one["file"] for one in toolset.check_training()["releases"]} == {"matches", "changed"}
    (tmp_path / "kto.jsonl").unlink()
    assert {one["file"] for one in toolset.check_training()["releases"]} == {"matches", "elsewhere"}
    with pytest.raises(BadRequest, match="Name the method too"):
        toolset.check_training(None, manifest)
    with pytest.raises(BadRequest, match="no way to train 'x'"):
        toolset.check_training("x")


def test_check_counts_what_would_be_dropped(toolset: Ledger, manifest: Path, tmp_path: Path) -> None:
    """With a tokenizer, the lines whose prompts fill `max_length` are named."""
    folder = tokenizer(tmp_path / "words")
    (tmp_path / "s.toml").write_text("max_length = 30\n")
    told = toolset.check_training("kto", manifest, model=folder, config=tmp_path / "s.toml")
    assert told["plan"]["dropped"] > 0
    assert any("would be dropped, whose prompts have 30 tokens or more (lines " in each for each in told["faults"])
    whole = toolset.check_training("kto", manifest, model=folder)
    assert whole["plan"]["dropped"] == 0


def test_an_empty_ledger_has_nothing_to_train_on(ledger: Ledger) -> None:
    """That is said, as the check of a folder without data would say it."""
    assert "this ledger has no release that could be trained on" in ledger.check_training()["faults"]
    assert ledger.trainings() == {"trainings": []}
    with pytest.raises(BadRequest):
        ledger.trainings(0)


def test_an_attempt_that_fails_before_its_first_step_is_recorded(
    toolset: Ledger, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event names the error, the run is begun and finished, and the folder is gone."""

    def broken(_job: Job, _on_step: object) -> Trained:
        raise OrderBroken("3 rows were dropped")

    monkeypatch.setattr(verb, "require", lambda _backend: None)
    monkeypatch.setattr(verb, "train_with", broken)
    with pytest.raises(OrderBroken):
        toolset.train("kto", manifest, model=tmp_path / "model", out=tmp_path / "run")
    *_, started, said, finished = toolset.log(limit=1000)
    assert [one["kind"] for one in (started, said, finished)] == ["run_started", "trained", "run_finished"]
    assert said["says"]["failure"] == "OrderBroken"
    assert said["sentence"].endswith("failed after 0 of 0 steps: OrderBroken")
    assert not (tmp_path / "run").exists()
    assert toolset.verify()["ok"]


def test_a_model_that_cannot_be_read_is_refused(
    toolset: Ledger, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are read for their digest first; what the system says of them is told, and nothing is recorded."""
    monkeypatch.setattr(verb, "require", lambda _backend: None)
    (tmp_path / "model" / "config.json").mkdir(parents=True)
    assert verb.model_facts(tmp_path / "model") == verb.model_facts(tmp_path / "none") | {"name": "model"}
    (tmp_path / "model" / "a.safetensors").symlink_to("/proc/self/mem")
    with pytest.raises(ModelUnreadable):
        toolset.train("kto", manifest, model=tmp_path / "model", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_goes_on_only_with_the_same_run(tmp_path: Path) -> None:
    """What is bare may be begun anew; what holds a checkpoint goes on with the same run only; other files stay."""
    out = tmp_path / "a" / "run"
    assert open_folder(out, {"seed": 1}, b"m") is None
    assert open_folder(out, {"seed": 2}, b"m") is None
    (out / "checkpoint-5").mkdir()
    (out / "checkpoint-10").mkdir()
    (out / "checkpoint-30").mkdir()
    for name, content in (("checkpoint-5", b"m"), ("checkpoint-10", b"m"), ("checkpoint-30", b"cut")):
        (out / name / "ledger_manifest.json").write_bytes(content)
    assert open_folder(out, {"seed": 2}, b"m") == out / "checkpoint-10"
    with pytest.raises(DestinationExists):
        open_folder(out, {"seed": 1}, b"m")
    (out / "trained.json").write_text('{"state": "finished"}')
    with pytest.raises(DestinationExists):
        open_folder(out, {"seed": 2}, b"m")
    clear_folder(out)
    assert "checkpoint-5" in names(out)
    (tmp_path / "mine").mkdir()
    for other in (tmp_path / "mine", tmp_path / "mine" / "notes"):
        (tmp_path / "mine" / "notes").write_text("x")
        with pytest.raises(DestinationExists):
            open_folder(other, {}, b"m")
        clear_folder(other)
        assert other.exists()


def test_a_folder_says_what_it_came_from(toolset: Ledger, manifest: Path, tmp_path: Path) -> None:
    """The training that left it, where this ledger knows it; the model it began from, where that is still there."""
    told, run = trained(toolset, manifest, tmp_path / "run"), tmp_path / "run"
    found = training_of(store_of(toolset), run)
    assert found is not None
    assert found.position == told["position"]
    assert model_before(run) is None
    (run / "model").mkdir()
    (run / "model" / "config.json").write_text("{}")
    assert model_before(run) == run / "model"
    for wrong in ("{", "[]", json.dumps({**told, "event": "00"}), json.dumps({**told, "position": "1"})):
        (run / "trained.json").write_text(wrong)
        assert training_of(store_of(toolset), run) is None
    assert json_of(tmp_path / "none") == {}
    assert model_before(tmp_path) is None
