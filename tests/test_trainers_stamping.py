"""The card of a run: from what it began, on which rows, how far it came; and nothing of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from ledger.trainers.contract import Job, Rows
from ledger.trainers.stamping import Reach, card, stamp_checkpoint, stamp_run

yaml = pytest.importorskip("yaml")
pytest.importorskip("huggingface_hub")
MANIFEST = {"head": {"position": 7, "root": "b3:00"}, "ledger": "a" * 32, "plan": "sft/1", "view": "sft"}


def job(folder: Path, model: Path, lora: int = 0) -> Job:
    """Return a training on two thousand rows."""
    rows = Rows(folder / "rows.jsonl", "c" * 64, "jsonl", 2000, None, orjson.dumps(MANIFEST), "rows.jsonl")
    return Job("sft", "trl", rows, model, folder / "run", {"lora_r": lora})


def head(text: str) -> dict[str, Any]:
    """Return what stands in a card for programs."""
    said: dict[str, Any] = yaml.safe_load(text.split("---\n")[1])
    return said


def test_a_card_says_where_a_model_comes_from(tmp_path: Path) -> None:
    """The base model by its folder's name, state and steps, and the release by its digest; no path."""
    told = card(job(tmp_path, tmp_path / "deep" / "qwen"), Reach("finished", 6, 6))
    assert "| began from | `qwen` |" in told
    assert "| state | finished |" in told
    assert "| steps | 6 of 6 |" in told
    assert "# run\n" in told
    assert "None" not in told
    assert str(tmp_path) not in told
    said = head(told)
    assert (said["ledger"]["blake3"], said["ledger"]["rows"]) == ("c" * 64, 2000)
    assert {"sft", "trl", "sample-ledger"} <= set(said["tags"])
    assert said["library_name"] == "transformers"


def test_a_trial_and_lora_are_told(tmp_path: Path) -> None:
    """A model of random weights is called so; an adapter is one of peft's."""
    told = card(job(tmp_path, tmp_path / "run" / "tiny", lora=4), Reach(None, 3, 6))
    assert "| began from | a random model of the smoke test |" in told
    assert "LoRA of rank 4" in told
    assert "under way" in told
    assert head(told)["library_name"] == "peft"


def test_names_cannot_break_the_card(tmp_path: Path) -> None:
    """Whatever a folder is called, it stays in its line."""
    told = card(job(tmp_path, tmp_path / "a|b`c](x)"), Reach("failed", 0, 0))
    assert "| began from | `a_b_c_(x)` |" in told


def test_a_checkpoint_has_the_manifest_and_no_card_of_others(tmp_path: Path) -> None:
    """LoRA writes one with the path of the base model into each checkpoint: it is made anew."""
    mine, reach = job(tmp_path, tmp_path / "qwen", lora=4), Reach(None, 3, 6)
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    (tmp_path / "with" / "README.md").write_text(f"base_model: {tmp_path}")
    for name in ("with", "without", "none"):
        stamp_checkpoint(tmp_path / name, mine, reach)
    assert (tmp_path / "with" / "README.md").read_text() == card(mine, reach)
    assert not (tmp_path / "without" / "README.md").exists()
    assert not (tmp_path / "none").exists()
    mine.out.mkdir()
    stamp_run(mine.out, mine, reach)
    for folder in (mine.out, tmp_path / "with", tmp_path / "without"):
        assert (folder / "ledger_manifest.json").read_bytes() == mine.rows.manifest
