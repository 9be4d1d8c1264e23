"""Each way in which rows are dropped, moved or paired anew in silence, planted in a real trainer and found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from tests.small import read, write

pytest.importorskip("trl")
pytest.importorskip("datasets")

from torch.utils.data import RandomSampler

from ledger.trainers.order import check_arguments, check_kto_order, check_rows
from tests_train.test_kto import BATCH, trainer_for

Rows = list[dict[str, Any]]


@pytest.fixture
def rows(ledger: Ledger, tmp_path: Path) -> Rows:
    """Return the rows of a sound release."""
    ledger.project("kto-interleaved", tmp_path / "sound.jsonl", batch_size=BATCH)
    return read(tmp_path / "sound.jsonl")


def found(rows: Rows, folder: Path, model: str, tokenizer: Any, **config: Any) -> list[str]:  # noqa: ANN401 - of packages
    """Return what the check says of rows in a prepared trainer; the number of rows is that of the file."""
    file = write(folder / "planted.jsonl", *rows)
    return check_kto_order(trainer_for(file, folder, model, tokenizer, **config), len(rows))


def test_a_sound_release_passes(rows: Rows, tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - a tokenizer
    """Nothing is found where nothing is wrong."""
    assert found(rows, tmp_path, model, tokenizer) == []


def test_one_label_alone_is_found(rows: Rows, tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - a tokenizer
    """All true rows first, then all false ones: microbatches have a single label."""
    blocks = sorted(rows, key=lambda row: str(row["label"]))
    assert any("single label" in each for each in found(blocks, tmp_path, model, tokenizer))


def test_one_prompt_side_by_side_is_found(rows: Rows, tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - a tokenizer
    """Both answers to a prompt next to one another: what should be mismatched for the KL term is a row."""
    siblings = sorted(rows, key=lambda row: json.dumps(row["prompt"]))
    told = found(siblings, tmp_path, model, tokenizer, per_device_train_batch_size=2)
    assert any("matched pairs" in each for each in told)


def test_dropped_rows_are_found(rows: Rows, tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - a tokenizer
    """A `max_length` that some prompts fill: the trainer drops these rows, and says nothing."""
    whole = trainer_for(write(tmp_path / "rows.jsonl", *rows), tmp_path, model, tokenizer)
    lengths = sorted(len(row["prompt_ids"]) for row in whole.train_dataset)
    told = found(rows, tmp_path, model, tokenizer, max_length=lengths[len(lengths) // 2])
    assert any("rows were dropped" in each for each in told)


def test_several_preparing_processes_are_found(rows: Rows, tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - a tokenizer
    """With `dataset_num_proc` each process begins the batches anew in its share of the rows."""
    told = found(rows[: 5 * BATCH], tmp_path, model, tokenizer, dataset_num_proc=3)
    assert any("KL completions from other batches" in each for each in told)


def test_paired_rows_are_found(rows: Rows, tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - a tokenizer
    """Rows of {chosen, rejected} are unpaired into a block of true and a block of false rows."""
    true, false = ([row for row in rows if row["label"] is label] for label in (True, False))
    pairs = [
        {"prompt": one["prompt"], "chosen": one["completion"], "rejected": other["completion"]}
        for one, other in zip(true, false, strict=False)
    ]
    told = found(pairs, tmp_path, model, tokenizer)
    assert f"{len(pairs)} rows were added" in told
    assert any("single label" in each for each in told)


def test_another_sampler_is_found(rows: Rows, tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - a tokenizer
    """A trainer that takes the rows at random is refused, whoever made it so."""
    trainer = trainer_for(write(tmp_path / "rows.jsonl", *rows), tmp_path, model, tokenizer)
    trainer._get_train_sampler = lambda: RandomSampler(trainer.train_dataset)  # noqa: SLF001 - as a subclass would
    assert check_rows(trainer, len(rows)) == ["the sampler is not sequential"]


def test_several_devices_are_found(
    rows: Rows,
    tmp_path: Path,
    model: str,
    tokenizer: Any,  # noqa: ANN401 - a tokenizer
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A microbatch would be as many times as large, and its rows other ones than those that were checked."""
    trainer = trainer_for(write(tmp_path / "rows.jsonl", *rows), tmp_path, model, tokenizer)
    monkeypatch.setattr(type(trainer.args), "n_gpu", 2)
    (told,) = check_rows(trainer, len(rows))
    assert told.startswith("2 devices would share the rows")


def test_what_was_changed_under_way_is_found(rows: Rows, tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - a tokenizer
    """A backend that takes another learning rate, length or number of processes than was asked for is found out."""
    trainer = trainer_for(write(tmp_path / "rows.jsonl", *rows), tmp_path, model, tokenizer)
    asked = {"learning_rate": 5e-4, "max_length": 2048, "dataset_num_proc": None}
    assert check_arguments(trainer, asked) == []
    trainer.args.learning_rate, trainer.args.max_length, trainer.args.dataset_num_proc = 5e-5, 1024, 2
    assert check_arguments(trainer, asked) == [
        "dataset_num_proc is 2, not None",
        "learning_rate is 5e-05, not 0.0005",
        "max_length is 1024, not 2048",
    ]
