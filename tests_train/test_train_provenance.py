"""What a model says of its data, and what the ledger says of a model: whether and how a sample was in its training."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from blake3 import blake3

from ledger import Ledger
from ledger.errors import BadRequest
from tests_train.training import attempts, released, settings

pytest.importorskip("trl")
pytest.importorskip("datasets")
from transformers import AutoModelForCausalLM


def test_the_manifest_stands_in_checkpoints_configuration_and_card(ledger: Ledger, tmp_path: Path, model: str) -> None:
    """Whoever has the model, or any checkpoint of it, has the manifest, and with it the digest of every row."""
    manifest, run = released(ledger, tmp_path), tmp_path / "run"
    ledger.train("kto", manifest, model=model, out=run, config=settings(tmp_path, max_steps=2))
    for folder in (run, run / "checkpoint-1", run / "checkpoint-2"):
        assert (folder / "ledger_manifest.json").read_bytes() == manifest.read_bytes()
    value = json.loads(manifest.read_bytes())
    said = AutoModelForCausalLM.from_pretrained(run).config.ledger
    assert f"b3:{said['blake3']}" == value["output"]["blake3"]
    assert (said["ledger"], said["head"], said["rows"]) == (value["ledger"], value["head"], value["rows"])
    card = (run / "README.md").read_text("utf-8")
    assert said["blake3"] in card
    assert "sample-ledger" in card
    assert f"began from | `{Path(model).name}` |" in card
    assert "| state | finished |\n| steps | 2 of 2 |" in card
    assert "None" not in card


def test_a_sample_is_proved_to_have_been_trained_on(ledger: Ledger, tmp_path: Path, model: str) -> None:
    """By the run's folder or its event: the row, or why it was left out; the proof holds without the ledger."""
    manifest, run = released(ledger, tmp_path), tmp_path / "run"
    done = ledger.train("kto", manifest, model=model, out=run, config=settings(tmp_path, max_steps=1))
    samples = [event["event"] for event in ledger.log(limit=1000) if event["kind"] == "ingested"]
    told = [ledger.prove_trained(run, sample) for sample in samples]
    assert sum(one["in_release"] for one in told) == done["release"]["rows"]
    assert sum(one["used"] for one in told) == 4  # one step, of one microbatch
    assert {one["place"] for one in told if one["used"]} == {0, 1, 2, 3}
    assert {one["omitted"] for one in told if not one["used"]} == {"conflict", "duplicate", "not_reached", "tail"}
    survivors = {one["survivor"]["sample"] for one in told if one["omitted"] == "duplicate" and one["survivor"]}
    assert survivors < {one["sample"] for one in told if one["in_release"]}
    used = next(one for one in told if one["used"])
    proof = tmp_path / "used.proof"
    again = ledger.prove_trained(done["event"], used["sample"], out=proof)
    assert (again["place"], again["copies"], again["trained"]["position"]) == (used["place"], 1, done["position"])
    assert Ledger.verify_proof(proof)["ok"]
    members = (tmp_path / "used.proof.members.json").read_bytes()
    (release,) = [event for event in ledger.log(limit=1000) if event["kind"] == "released"]
    assert blake3(members).hexdigest() == release["says"]["members"]
    born = next(event["position"] for event in ledger.log(limit=1000) if event["event"] == used["sample"])
    assert json.loads(members)["rows"][used["place"]] == born
    (where,) = ledger.why(used["sample"])["releases"]
    assert [one["output"] for one in where["trained"]] == ["run"]
    for omitted in ("duplicate", "not_reached"):
        left_out = next(one for one in told if one["omitted"] == omitted)
        assert ledger.why(left_out["sample"])["releases"][0]["trained"] == []


def test_a_folder_that_is_not_this_ledgers_run_proves_nothing(ledger: Ledger, tmp_path: Path, model: str) -> None:
    """A good record beside another model, one that names another event, and an event that is no training."""
    manifest, run = released(ledger, tmp_path), tmp_path / "run"
    ledger.train("kto", manifest, model=model, out=run, config=settings(tmp_path, max_steps=1))
    sample = next(event["event"] for event in ledger.log(limit=1000) if event["kind"] == "ingested")
    with pytest.raises(BadRequest, match="is no training"):
        ledger.prove_trained("@0", sample)
    other = shutil.copytree(model, tmp_path / "other")
    for name in ("trained.json", "run.json", "ledger_manifest.json", "README.md"):
        shutil.copy(run / name, other)
    with pytest.raises(BadRequest, match="is not in this ledger"):
        ledger.prove_trained(other, sample)
    assert ledger.prove_trained(run, sample)["trained"]["output"] == "run"
    told = json.loads((run / "trained.json").read_bytes())
    for wrong in ({**told, "event": "0" * 64}, {**told, "position": {}}, [], {"position": True}):
        (run / "trained.json").write_text(json.dumps(wrong))
        with pytest.raises(BadRequest, match="is not in this ledger"):
            ledger.prove_trained(run, sample)
    assert len(attempts(ledger)) == 1
