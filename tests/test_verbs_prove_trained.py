"""What a model was trained on: whether and how each sample was in it, with a proof that needs no ledger."""

from __future__ import annotations

import json
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


def test_every_sample_was_used_or_says_why_not(toolset: Ledger, run: dict[str, Any], tmp_path: Path) -> None:
    """Used ones have a row and a side of the pair; the rest has the reason of the release, or came later."""
    told = {one: toolset.prove_trained(tmp_path / "run", one) for one in samples(toolset)}
    used = [one for one in told.values() if one["used"]]
    assert len(used) == 2 * run["release"]["rows"]
    assert {one["side"] for one in used} == {"chosen", "rejected"}
    assert all(one["copies"] == 1 and one["omitted"] is None for one in used)
    assert all(one["omitted"] and one["place"] is None for one in told.values() if not one["used"])
    toolset.ingest(write(tmp_path / "later.jsonl", chat("later", "still", label=True)), campaign="later")
    late = toolset.prove_trained(run["event"], samples(toolset)[-1])
    assert (late["used"], late["omitted"], late["manifest"]) == (False, "not_considered", None)


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
