"""What a model was trained on: whether and how each sample was in it, with a proof that needs no ledger."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from ledger import Ledger
from ledger.errors import AmbiguousId, BadRequest, DestinationExists, NoSuchId, NotWritable
from tests.small import chat, samples, write
from tests.trained import trained


@pytest.fixture
def run(toolset: Ledger, tmp_path: Path) -> dict[str, Any]:
    """Return a training on a release of pairs, whose folder is `run`."""
    toolset.project("dpo", tmp_path / "dpo.jsonl")
    return trained(toolset, tmp_path / "dpo.jsonl.manifest.json", tmp_path / "run", method="dpo")


def told_of(ledger: Ledger, run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a training has to do with each sample."""
    return {one: ledger.prove_trained(run["event"], one) for one in samples(ledger)}


def released(ledger: Ledger, folder: Path, **given: Any) -> Path:  # noqa: ANN401 - options of project
    """Freeze the SFT view and return its manifest."""
    ledger.project("sft", folder / "sft.jsonl", **given)
    return folder / "sft.jsonl.manifest.json"


def test_every_sample_was_used_or_says_why_not(toolset: Ledger, run: dict[str, Any], tmp_path: Path) -> None:
    """Used ones have a row and a side of the pair; the rest has the reason of the release, or came later."""
    told = {one: toolset.prove_trained(tmp_path / "run", one) for one in samples(toolset)}
    used = [one for one in told.values() if one["used"]]
    assert len(used) == 2 * run["release"]["rows"]
    assert {one["side"] for one in used} == {"chosen", "rejected"}
    assert all(one["copies"] == 1 and one["in_release"] and one["omitted"] is None for one in used)
    assert all(one["omitted"] and one["place"] is None for one in told.values() if not one["used"])
    toolset.ingest(write(tmp_path / "later.jsonl", chat("later", "still", label=True)), campaign="later")
    late = toolset.prove_trained(run["event"], samples(toolset)[-1])
    assert (late["used"], late["omitted"], late["manifest"]) == (False, "not_considered", None)
    assert (late["seen"], late["in_release"], late["version"]) == (0, False, None)


def test_what_no_step_reached_was_not_used(ledger: Ledger, tmp_path: Path) -> None:
    """Two steps of three rows reach the first six of twenty; a weight counts once for each row that was reached."""
    rows = [chat(f"question {n}", f"answer {n}", label=True) for n in range(16)]
    ledger.ingest(write(tmp_path / "in.jsonl", *rows), campaign="c")
    ledger.weight(samples(ledger)[:1], times=5)
    manifest = released(ledger, tmp_path)
    settings: dict[str, Any] = {"per_device_train_batch_size": 3, "gradient_accumulation_steps": 1}
    made = trained(ledger, manifest, tmp_path / "few", method="sft", steps=2, **settings)
    assert made["release"]["rows"] == 20
    told = told_of(ledger, made)
    assert all(one["in_release"] for one in told.values())
    assert sum(one["seen"] for one in told.values()) == 6
    for one in told.values():
        assert one["used"] == (one["place"] < 6) == (one["seen"] > 0)
        assert one["omitted"] == (None if one["used"] else "not_reached")
    heavy = samples(ledger)[0]
    assert told[heavy]["copies"] == 5
    assert 0 < told[heavy]["seen"] < 5
    more = {**settings, "gradient_accumulation_steps": 2}
    twice = trained(ledger, manifest, tmp_path / "twice", method="sft", steps=8, **more)  # four steps are an epoch
    assert all(one["seen"] == 2 * one["copies"] for one in told_of(ledger, twice).values())


def test_a_run_that_took_no_step_used_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """It had the rows, and saw none; `why` lists only the trainings that took a step on a row of the sample."""
    ledger.ingest(write(tmp_path / "in.jsonl", *(chat(f"q{n}", f"a{n}", label=True) for n in range(8))), campaign="c")
    manifest = released(ledger, tmp_path)
    failed = trained(ledger, manifest, tmp_path / "failed", method="sft", state="failed", steps=0)
    half = trained(ledger, manifest, tmp_path / "half", method="sft", steps=1, per_device_train_batch_size=4)
    told, halves = told_of(ledger, failed), told_of(ledger, half)
    assert {(one["used"], one["seen"], one["omitted"]) for one in told.values()} == {(False, 0, "not_reached")}
    for sample, one in halves.items():
        (release,) = ledger.why(sample)["releases"]
        assert [each["position"] for each in release["trained"]] == ([half["position"]] if one["used"] else [])
    assert sum(one["used"] for one in halves.values()) == 4


def test_a_duplicate_names_the_sample_whose_row_stands_for_it(ledger: Ledger, tmp_path: Path) -> None:
    """Also where either was edited since: what counts is what they taught when the release was made."""
    rows = [chat("who?", "me", label=True), chat("what?", "that", label=True), chat("who?", "me", label=True, n=1)]
    ledger.ingest(write(tmp_path / "in.jsonl", *rows), campaign="c")
    first, other, twin = samples(ledger)
    made = trained(ledger, released(ledger, tmp_path), tmp_path / "run", method="sft", steps=1)
    kept, gone = sorted((first, twin), key=lambda one: ledger.prove_trained(made["event"], one)["omitted"] or "")
    for change in (None, gone, kept):
        if change is not None:
            ledger.edit(change, json.dumps(chat("who?", f"somebody else than {change[:8]}", label=True)).encode())
        told = ledger.prove_trained(made["event"], gone)
        assert (told["used"], told["omitted"]) == (False, "duplicate")
        row = ledger.prove_trained(made["event"], kept)
        expected = {"sample": kept, "place": row["place"], "copies": 1, "side": None, "seen": 1}
        assert told["survivor"] == expected
    assert ledger.prove_trained(made["event"], other)["survivor"] is None


def test_the_version_that_stood_in_the_release_is_named(ledger: Ledger, tmp_path: Path) -> None:
    """After an edit it is another than the sample has by now; an edit before the release is what stood there."""
    ledger.ingest(write(tmp_path / "in.jsonl", chat("who?", "me", label=True)), campaign="c")
    (one,) = samples(ledger)
    ledger.edit(one, json.dumps(chat("who?", "you", label=True)).encode())
    then = ledger.show(one)["version"]
    made = trained(ledger, released(ledger, tmp_path), tmp_path / "run", method="sft")
    told = ledger.prove_trained(made["event"], one)
    assert (told["version"], told["version_now"]) == (then, then)
    ledger.edit(one, json.dumps(chat("who?", "they", label=True)).encode())
    told = ledger.prove_trained(made["event"], one)
    assert (told["version"], told["version_now"]) == (then, ledger.show(one)["version"])
    assert told["version"] != told["version_now"]


def test_a_good_record_beside_another_model_proves_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """What is beside the weights can be copied; the weights have to be those that came out. A copy of both is good."""
    ledger.ingest(write(tmp_path / "in.jsonl", chat("who?", "me", label=True)), campaign="c")
    (one,) = samples(ledger)
    made = trained(ledger, released(ledger, tmp_path), tmp_path / "run", method="sft", weights=b"learned")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text("{}")
    (tmp_path / "other" / "model.safetensors").write_bytes(b"of somebody else")
    for name in ("trained.json", "run.json"):
        shutil.copy(tmp_path / "run" / name, tmp_path / "other")
    with pytest.raises(BadRequest, match="is not in this ledger"):
        ledger.prove_trained(tmp_path / "other", one)
    shutil.copytree(tmp_path / "run", tmp_path / "moved")
    assert ledger.prove_trained(tmp_path / "moved", one)["trained"]["event"] == made["event"]


def test_the_proof_holds_alone_and_the_list_is_named_by_the_event(
    toolset: Ledger, run: dict[str, Any], tmp_path: Path
) -> None:
    """The training, the release and every event of the sample are shown; the list's BLAKE3 stands in the release."""
    sample = next(one for one in samples(toolset) if toolset.prove_trained(run["event"], one)["used"])
    made = toolset.prove_trained(f"@{run['position']}", sample, out=tmp_path / "p")
    assert {run["position"], run["release"]["position"]} < set(made["events"])
    assert Ledger.verify_proof(tmp_path / "p")["ok"]
    text = (tmp_path / "p").read_text("utf-8")
    digest = blake3((tmp_path / "p.members.json").read_bytes()).hexdigest()
    assert digest in text
    assert all(f'"kind":"{kind}"' in text for kind in ("trained", "released", "ingested"))
    assert made["members"] == str(tmp_path / "p.members.json")
    assert json.loads((tmp_path / "p.members.json").read_bytes())
    again = toolset.prove_trained(run["event"], sample, out=tmp_path / "q")
    assert again["used"]
    (tmp_path / "r.members.json").write_text("mine")
    with pytest.raises(DestinationExists):
        toolset.prove_trained(run["event"], sample, out=tmp_path / "r")
    assert (tmp_path / "r.members.json").read_text() == "mine"
    assert not (tmp_path / "r").exists()
    with pytest.raises(NotWritable):
        toolset.prove_trained(run["event"], sample, out=tmp_path / "no" / "p")


def test_what_names_no_training_is_refused(toolset: Ledger, run: dict[str, Any], tmp_path: Path) -> None:
    """Another event, nothing, a folder of another ledger, and a sample that is not there."""
    sample = samples(toolset)[0]
    for wrong, error in (("@0", BadRequest), ("00000000", NoSuchId), ("@99999", NoSuchId), ("x", BadRequest)):
        with pytest.raises(error):
            toolset.prove_trained(wrong, sample)
    with pytest.raises((NoSuchId, AmbiguousId)):
        toolset.prove_trained(run["event"], "00000000")
    (tmp_path / "run" / "trained.json").write_text(json.dumps({**run, "event": "ff" * 32}))
    with pytest.raises(BadRequest, match="is not in this ledger"):
        toolset.prove_trained(tmp_path / "run", sample)


def test_why_tells_what_was_trained_on_a_release(toolset: Ledger, run: dict[str, Any], tmp_path: Path) -> None:
    """Only of samples with rows in it."""
    for sample in samples(toolset)[:40]:
        (release,) = toolset.why(sample)["releases"]
        expected = [run["position"]] if release["copies"] else []
        assert [one["position"] for one in release["trained"]] == expected
    assert (tmp_path / "run").is_dir()


def test_a_name_that_several_runs_have_names_none(ledger: Ledger, tmp_path: Path) -> None:
    """The sessions of one run are one; another release, or other settings, make another run."""
    ledger.ingest(write(tmp_path / "in.jsonl", chat("who?", "me", label=True)), campaign="c")
    (one,) = samples(ledger)
    manifest = released(ledger, tmp_path)
    for state in ("interrupted", "finished"):
        made = trained(ledger, manifest, tmp_path / "run", method="sft", state=state)
    assert ledger.prove_trained("run", one)["trained"]["position"] == made["position"]
    (tmp_path / "other").mkdir()
    trained(ledger, manifest, tmp_path / "other" / "run", method="sft", seed=7)
    with pytest.raises(BadRequest, match="Several runs are called run: @") as refused:
        ledger.prove_trained("run", one)
    assert "@POSITION" in refused.value.next_step


def test_of_a_checkpoint_its_own_steps_count(ledger: Ledger, tmp_path: Path) -> None:
    """The run took every row in the end; its first checkpoint had seen the rows of one step."""
    rows = [chat(f"question {n}", f"answer {n}", label=True) for n in range(8)]
    ledger.ingest(write(tmp_path / "in.jsonl", *rows), campaign="c")
    manifest = released(ledger, tmp_path)
    trained(ledger, manifest, tmp_path / "run", method="sft", steps=4, per_device_train_batch_size=2)
    checkpoint = tmp_path / "run" / "checkpoint-1"
    checkpoint.mkdir()
    shutil.copy(manifest, checkpoint / "ledger_manifest.json")
    for folder, seen in ((tmp_path / "run", 8), (checkpoint, 2)):
        assert sum(ledger.prove_trained(folder, one)["used"] for one in samples(ledger)) == seen
