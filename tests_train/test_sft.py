"""sft through the real loader and the real SFTTrainer, to one step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from tests.small import read

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")


def test_one_step_on_what_is_good(ledger: Ledger, tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - a tokenizer
    """Rows are {prompt, completion} without a label; none is dropped; the loss is taken over the answers only."""
    made = ledger.project("sft", tmp_path / "out.jsonl")
    assert (made["type"], made["labels"]["false"]) == ("prompt_completion", 0)
    loaded = datasets.load_dataset(
        "json", data_files=str(tmp_path / "out.jsonl"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert set(loaded.column_names) == {"prompt", "completion"}
    assert list(loaded) == read(tmp_path / "out.jsonl")
    settings = trl.SFTConfig(
        output_dir=str(tmp_path / "trained"),
        per_device_train_batch_size=4,
        max_steps=1,
        max_length=2048,
        use_cpu=True,
        bf16=False,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )
    trainer = trl.SFTTrainer(model=model, args=settings, processing_class=tokenizer, train_dataset=loaded)
    assert len(trainer.train_dataset) == made["rows"]
    batch = next(iter(trainer.get_train_dataloader()))
    taught = [[int(token) for token in row if token != -100] for row in batch["labels"]]
    answers = [row["completion"][0]["content"] for row in read(tmp_path / "out.jsonl")]
    for tokens in taught:
        assert tokenizer.decode(tokens, skip_special_tokens=True).strip() in {answer.strip() for answer in answers}
    assert trainer.train().global_step == 1
