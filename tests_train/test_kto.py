"""kto-interleaved through the real loader and the real KTOTrainer, to preparation and two steps."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from tests.small import chat, read, write

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

from ledger.trainers.order import check_kto_order  # noqa: E402 - it needs torch

BATCH = 4
COLUMNS = {"prompt", "completion", "label"}


class Watched(trl.KTOTrainer):  # type: ignore[misc,name-defined]  # a class of a package without types
    """A KTOTrainer that notes the labels of each microbatch as it is trained on."""

    def training_step(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the version passes
        """Note the labels, then do the step."""
        inputs: Any = kwargs["inputs"] if "inputs" in kwargs else args[1]
        self.seen = [*getattr(self, "seen", []), [bool(label) for label in inputs["label"]]]
        return super().training_step(*args, **kwargs)


def load(file: Path, cache: Path) -> Any:  # noqa: ANN401 - a Dataset
    """Load a file as people load it."""
    return datasets.load_dataset("json", data_files=str(file), split="train", cache_dir=str(cache))


def trainer_for(file: Path, folder: Path, model: str, tokenizer: Any, **config: Any) -> Watched:  # noqa: ANN401 - likewise
    """Return a trainer with the file prepared, on the CPU, with the defaults that matter left alone."""
    usual = {
        "output_dir": str(folder / "trained"),
        "per_device_train_batch_size": BATCH,
        "max_steps": 2,
        "learning_rate": 5e-4,
        "max_length": 2048,
        "use_cpu": True,
        "bf16": False,
        "report_to": "none",
        "save_strategy": "no",
        "disable_tqdm": True,
    }
    settings = trl.KTOConfig(**{**usual, **config})
    return Watched(model=model, args=settings, processing_class=tokenizer, train_dataset=load(file, folder / "cache"))


def test_the_loader_takes_every_row_unchanged(ledger: Ledger, tmp_path: Path) -> None:
    """Columns are TRL's, and values, key order and row order are those of the file."""
    made = ledger.project("kto-interleaved", tmp_path / "out.jsonl")
    loaded = load(tmp_path / "out.jsonl", tmp_path / "cache")
    assert set(loaded.column_names) == COLUMNS
    assert len(loaded) == made["rows"] == 84
    assert [json.dumps(row, sort_keys=True) for row in loaded] == [
        json.dumps(row, sort_keys=True) for row in read(tmp_path / "out.jsonl")
    ]


def test_the_order_survives_preparation_and_training(
    ledger: Ledger,
    tmp_path: Path,
    model: str,
    tokenizer: Any,  # noqa: ANN401 - likewise
) -> None:
    """No row is dropped or moved; every microbatch has both labels; no KL pair is a row; two steps are trained."""
    ledger.project("kto-interleaved", tmp_path / "out.jsonl", batch_size=BATCH)
    rows = read(tmp_path / "out.jsonl")
    trainer = trainer_for(tmp_path / "out.jsonl", tmp_path, model, tokenizer)
    assert trainer.args.train_sampling_strategy == "sequential"
    assert check_kto_order(trainer, len(rows)) == []
    prepared = trainer.train_dataset
    for at in range(len(rows)):
        text = tokenizer.decode(prepared[at]["completion_ids"])
        assert rows[at]["completion"][0]["content"] in text
        assert rows[at]["label"] == prepared[at]["label"]
    told = trainer.train()
    assert told.global_step == 2
    assert told.training_loss == pytest.approx(0.5, abs=0.2)
    assert trainer.seen == [[row["label"] for row in rows[at : at + BATCH]] for at in (0, BATCH)]
    assert all(len(set(labels)) == 2 for labels in trainer.seen)


def test_rows_as_the_source_has_them_are_refused(
    tmp_path: Path,
    model: str,
    tokenizer: Any,  # noqa: ANN401 - likewise
) -> None:
    """The export is needed: the raw lines, shuffled by hand into T F T F or not, are no rows for this trainer."""
    lines = (Path(__file__).parent.parent / "tests" / "data" / "toolset" / "poor.jsonl").read_bytes().splitlines()
    raw = [{key: json.loads(line)[key] for key in ("conversations", "label")} for line in lines]
    random.Random(1).shuffle(raw)  # noqa: S311 - any order will do
    with pytest.raises(KeyError, match="chosen"):
        trainer_for(write(tmp_path / "raw.jsonl", *raw), tmp_path, model, tokenizer)


def test_text_rows_and_rows_with_tools(tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - likewise
    """Standard rows, and chats of which some have tools and structured calls with unlike arguments, are taken too."""
    texts: list[dict[str, Any]] = [
        {"prompt": f"question {n} {good}", "completion": f" answer {n} {good}", "label": good}
        for n in range(6)
        for good in (True, False)
    ]
    tools = [{"type": "function", "function": {"name": "move", "parameters": {"type": "object", "properties": {}}}}]
    arguments: list[dict[str, Any]] = [{"to": "a", "n": 1}, {"z": [1, "x"], "a": {"b": None}}, {"to": 2.5}]
    chats: list[dict[str, Any]] = []
    for n in range(12):
        row = chat(f"question {n}", f"answer {n}", label=n % 2 == 0)
        if n % 3 == 0:
            call = {"type": "function", "function": {"name": "move", "arguments": arguments[n // 3 % 3]}}
            row["messages"][1] = {"role": "assistant", "content": "", "tool_calls": [call]}
            row["tools"] = tools
        chats.append(row)
    for form, rows in (("standard", texts), ("conversational", chats)):
        (tmp_path / form).mkdir()
        with Ledger.init(tmp_path / form / "ledger.db") as ledger:
            ledger.ingest(write(tmp_path / f"{form}.jsonl", *rows), campaign=form)
            made = ledger.project("kto-interleaved", tmp_path / form / "out.jsonl", form=form)
        trainer = trainer_for(tmp_path / form / "out.jsonl", tmp_path / form, model, tokenizer, max_steps=1)
        assert check_kto_order(trainer, made["rows"]) == []
        assert trainer.train().global_step == 1
    rendered = "".join(tokenizer.decode(row["completion_ids"]) for row in trainer.train_dataset)
    for each in arguments:
        assert json.dumps(each) in rendered  # with its own keys, in their order, and no others
