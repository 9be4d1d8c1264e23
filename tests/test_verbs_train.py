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
    ReleaseUnfit,
    SettingsInvalid,
    TrainerMissing,
)
from ledger.trainers.contract import FAILED, Job, OnStep
from ledger.verbs import train as verb
from ledger.verbs.run_folder import model_facts, result_of, training_of
from tests.logs import store_of
from tests.small import names, samples
from tests.test_exporters_lengths import tokenizer
from tests.trained import trained
from tests.trainer import Asked, Trainer, kinds


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
    trained(toolset, manifest, tmp_path / "failed", state="failed")
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


def test_check_names_a_model_that_train_would_refuse(toolset: Ledger, manifest: Path, tmp_path: Path) -> None:
    """No configuration or weights, or a tokenizer without a chat template where the rows are conversations."""
    folder, others = tokenizer(tmp_path / "words", None), toolset.check_training("kto", manifest)["faults"]

    def faults(view: str = "kto-interleaved", method: str = "kto") -> list[str]:
        file = tmp_path / f"{view}.jsonl"
        toolset.project(view, file, overwrite=True)
        told = toolset.check_training(method, f"{file}.manifest.json", model=folder)
        assert told["ok"] is (told["faults"] == [])
        return [one for one in told["faults"] if one not in others]

    assert [one.split(" in ")[0] for one in faults()] == ["there is no config.json", "the tokenizer"]
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"cut off")
    first, second = faults()
    assert first.endswith("cannot be read: its head is cut off, or it is no safetensors")
    assert "has no chat template, and the rows are conversations" in second
    toolset.project("sft", tmp_path / "chats.jsonl", type="language_modeling")
    told = toolset.check_training("sft", tmp_path / "chats.jsonl.manifest.json", model=folder)
    assert any("has no chat template" in one for one in told["faults"])
    tokenizer(folder)
    assert len(faults()) == 1


def test_a_release_that_holds_what_was_erased_is_not_trained_on(
    toolset: Ledger, manifest: Path, tmp_path: Path
) -> None:
    """Its file has the text still: `train` and `--check` say so, and what helps; a new release is good."""
    toolset.project("sft", tmp_path / "sft.jsonl")
    given = toolset.check_training("kto", manifest)["faults"]
    one = next(
        each for each in samples(toolset) if (place := toolset.why(each)["releases"][0])["copies"] and place["row"] == 3
    )
    erase: dict[str, Any] = {"reason": "the person asked", "authority": "ticket 1", "yes": True}
    toolset.edit(one, b'{"prompt": "new", "completion": "words", "label": true}')
    assert toolset.check_training("kto", manifest)["faults"] == given
    toolset.erase([one], **erase)
    refused(toolset, ReleaseUnfit, r"a sample that was erased since \(row 4\)\.$", "kto", manifest, smoke=True)
    with pytest.raises(ReleaseUnfit) as caught:
        toolset.train("kto", manifest, smoke=True)
    assert caught.value.next_step.startswith("Make the release again with `ledger project`")
    assert "rebuild" not in caught.value.next_step
    (said,) = (each for each in toolset.check_training("kto", manifest)["faults"] if each not in given)
    assert "erased since (row 4). Make the release again with `ledger project`" in said
    toolset.project("kto-interleaved", tmp_path / "kto.jsonl", overwrite=True)
    assert toolset.check_training("kto", manifest)["faults"] == given
    *_, other, another = (each for each in samples(toolset) if toolset.why(each)["releases"][-1]["copies"])
    toolset.erase([other, another], **erase)
    refused(toolset, ReleaseUnfit, "2 samples that were erased since", "kto", manifest, smoke=True)


def test_what_would_help_an_unfit_release_is_named(toolset: Ledger, manifest: Path, tmp_path: Path) -> None:
    """Making the same one again would not."""
    (tmp_path / "s.toml").write_text("per_device_train_batch_size = 2\n")
    toolset.project("sft", tmp_path / "openai.jsonl", type="language_modeling", dialect="openai")
    config: dict[str, Any] = {"config": tmp_path / "s.toml"}
    for method, file, more, says in (
        ("sft", manifest, {}, "Train kto on it, or make a release for sft with `ledger project sft`; nothing was"),
        ("sft", tmp_path / "openai.jsonl.manifest.json", {}, "`--dialect trl`"),
        ("kto", manifest, config, "`--batch-size 2`, or leave `per_device_train_batch_size`"),
    ):
        with pytest.raises(ReleaseUnfit) as caught:
            toolset.train(method, file, smoke=True, **more)
        assert says in caught.value.next_step
        assert "rebuild" not in caught.value.next_step


def test_an_empty_ledger_has_nothing_to_train_on(ledger: Ledger) -> None:
    """That is said, as the check of a folder without data would say it."""
    assert "this ledger has no release that could be trained on" in ledger.check_training()["faults"]
    assert ledger.trainings() == {"trainings": []}
    with pytest.raises(BadRequest):
        ledger.trainings(0)


@pytest.fixture
def asked(toolset: Ledger, tmp_path: Path) -> Asked:
    """Return what is asked for."""
    return Asked.of(toolset, tmp_path)


def test_what_came_of_it_is_in_the_log_and_in_the_folder(
    toolset: Ledger, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the digest of the model that came out; the folder's record is what the caller is told."""
    Trainer().put(monkeypatch)
    before = len(toolset.log(limit=1000))
    told = asked.train(toolset)
    assert kinds(toolset, before) == ["run_started", "trained", "run_finished"]
    assert asked.left() == told
    assert told["result"] == f"b3:{result_of(asked.out)}"
    assert told["model"] == f"b3:{model_facts(asked.model)['blake3']}"
    assert training_of(store_of(toolset), asked.out) is not None
    assert {"loss.svg", "run.json"} <= set(names(asked.out))
    with pytest.raises(DestinationExists) as again:
        asked.train(toolset)
    assert again.value.next_step.startswith("The run in it is finished.")
    assert toolset.verify()["ok"]


def test_a_tiny_model_is_made_before_the_attempt_begins(
    toolset: Ledger,
    manifest: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where that fails nothing has begun, and no folder is left."""

    def broken(_rows: Path, folder: Path) -> Path:
        folder.mkdir()
        raise MemoryError

    Trainer().put(monkeypatch)
    monkeypatch.setattr(verb, "make_tiny", broken)
    before = toolset.log(limit=1000)
    with pytest.raises(MemoryError):
        toolset.train("kto", manifest, smoke=True, out=tmp_path / "run")
    assert toolset.log(limit=1000) == before
    assert not (tmp_path / "run").exists()


def test_names_that_no_event_can_hold_are_refused_first(
    toolset: Ledger, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after the training: of the folder, of the model, and of any folder above the model."""
    Trainer().put(monkeypatch)
    bad, before = tmp_path / "r\udcff", toolset.log(limit=1000)
    model, out = tmp_path / "model", tmp_path / "run"
    for model_given, out_given in ((model, bad), (model, "a\0b"), (bad, out), (bad / "m", out), ("a\nb", out)):
        with pytest.raises(BadRequest, match="name of the"):
            toolset.train("kto", manifest, model=model_given, out=out_given)
    assert toolset.log(limit=1000) == before
    assert "run" not in names(tmp_path)


def test_no_path_of_this_machine_is_recorded(
    toolset: Ledger,
    asked: Asked,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The trainer gets the model's whole path, however it was typed; events and what they name have the last part."""
    trainer = Trainer().put(monkeypatch)
    asked.out.mkdir()
    monkeypatch.chdir(asked.out)
    told = asked._replace(model=Path("../model"), out=Path()).train(toolset)
    assert trainer.jobs[0].model.is_absolute()
    assert trainer.jobs[0].model.samefile(asked.model)
    assert told["output"] == "run"
    store = store_of(toolset)
    config = store.find_blobs(*[bytes.fromhex(told["config"][3:])] * 2)[0][1]
    assert json.loads(store.body(config) or b"")["model"]["name"] == "model"
    said = json.dumps([one["says"] for one in toolset.log(limit=1000)[-3:]]) + str(store.body(config))
    assert str(asked.out.parent) not in said
    assert ".." not in said


def test_a_model_is_read_once(
    toolset: Ledger,
    asked: Asked,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of its weights, before the training."""
    read = []

    def counted(folder: Path) -> dict[str, str]:
        read.append(folder)
        return model_facts(folder)

    monkeypatch.setattr(verb, "model_facts", counted)
    Trainer().put(monkeypatch)
    asked.train(toolset)
    assert read == [asked.model]


def test_two_at_once_in_one_folder(toolset: Ledger, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is refused while the first goes on, and leaves nothing in the log."""
    refused = []

    def again(_job: Job, _on_step: OnStep) -> None:
        with Ledger.open(toolset.path) as other, pytest.raises(BadRequest, match="Another training") as found:
            asked.train(other)
        refused.append(found.value)

    Trainer(again).put(monkeypatch)
    before = len(toolset.log(limit=1000))
    assert asked.train(toolset)["state"] == "finished"
    assert len(refused) == 1
    assert kinds(toolset, before) == ["run_started", "trained", "run_finished"]


def test_a_persons_folder_survives_an_attempt_that_fails(
    toolset: Ledger, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is called as ours is refused as it stands; an empty folder is there afterwards, and empty."""

    def fail(job: Job, _on_step: OnStep) -> None:
        raise ModelUnreadable(job.model, "it is bad")

    Trainer(fail).put(monkeypatch)
    mine = asked.out.with_name("mine")
    mine.mkdir()
    with pytest.raises(ModelUnreadable):
        asked._replace(out=mine).train(toolset)
    assert names(mine) == []
    (mine / "run.json").write_text("my own")
    before = toolset.log(limit=1000)
    with pytest.raises(DestinationExists):
        asked._replace(out=mine).train(toolset)
    assert (mine / "run.json").read_text() == "my own"
    assert toolset.log(limit=1000) == before


def test_what_a_failure_left_goes_when_the_run_is_finished(
    toolset: Ledger, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trainer's words stay until the same command comes to an end."""
    Trainer(lambda job, _: (job.out / "failure.txt").write_text("oh"), state=FAILED).put(monkeypatch)
    assert asked.train(toolset)["failure"] == "ValueError"
    assert "failure.txt" in names(asked.out)
    Trainer().put(monkeypatch)
    assert asked.train(toolset)["state"] == "finished"
    assert "failure.txt" not in names(asked.out)
