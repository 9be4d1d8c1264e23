"""verify-export against the real KTOTrainer: what it counts in a file is what the trainer has made of it."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from tests.small import read, write
from tests_train.conftest import DATA

pytest.importorskip("trl")
pytest.importorskip("datasets")

from ledger.trainers.order import check_kto_order
from tests_train.test_kto import trainer_for


def _zipped() -> list[dict[str, Any]]:
    """Return the real slices as people zip them: an improved row, then the poor one that it came from."""
    good, poor = (read(DATA / name) for name in ("enhanced.jsonl", "poor.jsonl"))
    return [
        {"prompt": row["conversations"][:-1], "completion": row["conversations"][-1:], "label": label}
        for both in zip(good, poor, strict=True)
        for row, label in zip(both, (True, False), strict=True)
    ]


def _files() -> dict[str, list[dict[str, Any]]]:
    zipped = _zipped()
    good, poor = zipped[::2], zipped[1::2]
    some = [row for both in zip(good[:20], poor[30:50], strict=True) for row in both]
    return {
        "zip": zipped,
        "blocks": [*good, *poor],
        "shuffled": random.Random(5).sample(zipped, len(zipped)),  # noqa: S311 - any order will do
        "majority tail": [*some, *good[20:33]],
        "one too many": [*some, poor[55]],
    }


def _told(sentences: list[str], what: str) -> int:
    return sum(int(found[1]) for one in sentences if (found := re.fullmatch(rf"(\d+) {what}", one)))


@pytest.mark.parametrize("name", _files())
@pytest.mark.parametrize("batch", [2, 4, 8])
def test_counts_are_those_of_the_prepared_rows(
    name: str,
    batch: int,
    tmp_path: Path,
    model: str,
    tokenizer: Any,  # noqa: ANN401 - a tokenizer
) -> None:
    """Dropped rows, microbatches of one label and matched KL pairs are what the trainer's own columns show."""
    rows = _files()[name]
    file = write(tmp_path / "rows.jsonl", *rows)
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    lengths = sorted(
        len(tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True)["input_ids"]) for row in rows
    )
    for max_length in (2048, lengths[len(lengths) * 3 // 4]):
        folder = tmp_path / str(max_length)
        folder.mkdir()
        trainer = trainer_for(file, folder, model, tokenizer, max_length=max_length, per_device_train_batch_size=batch)
        told = check_kto_order(trainer, len(rows))
        found = Ledger.verify_export(file, batch, max_length=max_length, tokenizer=tmp_path / "tokenizer")
        assert found["dropped_by_trainer"] == _told(told, "rows were dropped")
        assert found["single_label_windows"] == _told(told, "microbatches have a single label")
        matched = found["same_prompt_kl_pairs"] + found["self_pairs"]
        assert matched == _told(told, "KL pairs are matched pairs")
        assert found["ok"] or found["first_violation"]
        assert [row["label"] for row in trainer.train_dataset].count(True) == found["labels"]["true"]


def test_pairs_are_unpaired_in_blocks(tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - likewise
    """More than a thousand pairs give the trainer's own order of labels, so the same count of single labels."""
    rows = [{"prompt": f"ask {n}", "chosen": f" good {n}", "rejected": f" bad {n}"} for n in range(1010)]
    file = write(tmp_path / "pairs.jsonl", *rows)
    trainer = trainer_for(file, tmp_path, model, tokenizer)
    told = check_kto_order(trainer, 2 * len(rows))
    found = Ledger.verify_export(file, 4)
    labels = trainer.train_dataset["label"]
    assert labels[:1001].count(True) == 1000
    assert found["rows"] == len(labels)
    assert found["single_label_windows"] == _told(told, "microbatches have a single label")
    assert found["same_prompt_kl_pairs"] == _told(told, "KL pairs are matched pairs")


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}, KeyError),
        ({"prompt": "q", "completion": "a", "label": "true"}, TypeError),
        ({"prompt": [], "completion": [{"role": "assistant", "content": "a"}]}, (IndexError, ValueError, TypeError)),
    ],
)
def test_what_the_layout_calls_refused_is_refused(
    row: dict[str, Any],
    error: type[Exception] | tuple[type[Exception], ...],
    tmp_path: Path,
    model: str,
    tokenizer: Any,  # noqa: ANN401 - likewise
) -> None:
    """The sentence about the layout is the trainer's own refusal."""
    file = write(tmp_path / "rows.jsonl", *({"label": True, **row} for _ in range(4)))
    said = Ledger.verify_export(file, 2)["layout"]
    assert "refuse" in said, json.dumps(said)
    with pytest.raises(error):
        trainer_for(file, tmp_path, model, tokenizer)
