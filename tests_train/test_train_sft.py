"""Supervised fine-tuning on a release, of the whole model and by LoRA; what other trainers take is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import OrderBroken, ReleaseUnfit
from tests_train.training import attempts, released, settings

pytest.importorskip("trl")
pytest.importorskip("datasets")


def losses(run: Path) -> list[float]:
    """Return the loss of each step, as it was logged."""
    lines = (run / "losses.jsonl").read_bytes().splitlines()
    return [float(one["loss"]) for one in map(json.loads, lines) if "loss" in one]


def test_the_loss_falls(ledger: Ledger, tmp_path: Path, model: str) -> None:
    """Six steps teach even a tiny model something; whole chats are taken as well as prompts with answers."""
    for kind, steps in (("prompt_completion", 6), ("language_modeling", 1)):
        (tmp_path / kind).mkdir()
        manifest = released(ledger, tmp_path / kind, "sft", type=kind)
        config = settings(tmp_path, max_steps=steps, save_steps=100, learning_rate="0.01")
        done = ledger.train("sft", manifest, model=model, out=tmp_path / kind / "run", config=config)
        told = losses(tmp_path / kind / "run")
        assert done["steps"] == len(told) == steps
        assert steps == 1 or told[-1] < told[0] - 0.5


def test_lora_leaves_an_adapter_that_says_its_release(ledger: Ledger, tmp_path: Path, model: str) -> None:
    """With `lora_r` only the adapter is saved; the manifest and the card say on which rows it was trained."""
    manifest = released(ledger, tmp_path, "sft")
    config = settings(tmp_path, max_steps=1, lora_r=4)
    ledger.train("sft", manifest, model=model, out=tmp_path / "run", config=config)
    assert (tmp_path / "run" / "adapter_model.safetensors").is_file()
    assert not (tmp_path / "run" / "model.safetensors").exists()
    assert (tmp_path / "run" / "ledger_manifest.json").read_bytes() == manifest.read_bytes()
    for card in (tmp_path / "run" / "README.md", tmp_path / "run" / "checkpoint-1" / "README.md"):
        told = card.read_text("utf-8")
        assert "ledger:" in told
        assert "LoRA of rank 4" in told
        assert str(Path(model).parent) not in told
    for folder in (tmp_path / "run", tmp_path / "run" / "checkpoint-1"):
        asked = ledger.evaluate(folder, manifest, limit=2, most_tokens=4)
        assert (asked["prompts"], asked["seen"]) == (2, 2)
        assert asked["baseline"] is not None


def test_rows_of_which_nothing_would_be_learned_stop_it(ledger: Ledger, tmp_path: Path, model: str) -> None:
    """Where `max_length` cuts off every answer, the trainer drops the rows: that is found, and recorded."""
    manifest = released(ledger, tmp_path, "sft")
    with pytest.raises(OrderBroken, match="rows were dropped"):
        ledger.train("sft", manifest, model=model, out=tmp_path / "run", config=settings(tmp_path, max_length=40))
    assert [said["failure"] for said in attempts(ledger)] == ["OrderBroken"]


def test_rows_of_another_type_or_dialect_are_refused(ledger: Ledger, tmp_path: Path, model: str) -> None:
    """Rows with labels are for KTO, and rows written for OpenAI are not TRL's."""
    with pytest.raises(ReleaseUnfit, match="sft takes prompt_completion or language_modeling"):
        ledger.train("sft", released(ledger, tmp_path), model=model, out=tmp_path / "run")
    ledger.project("sft", tmp_path / "openai.jsonl", type="language_modeling", dialect="openai")
    with pytest.raises(ReleaseUnfit, match="written for openai"):
        ledger.train("sft", tmp_path / "openai.jsonl.manifest.json", model=model, out=tmp_path / "run")
    assert attempts(ledger) == []
