"""Each of TRL's types, written by the exporter, through the real loader and the real trainers' data preparation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.exporters.layouts import Fields, Layout, Row, write_row
from ledger.readers import raw_of
from tests_train.conftest import DATA

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

PLAIN = '{"city": "Oslo", "days": 1.0, "at": [1, 2], "late": {"x": "\\u00e5"}}'
ARGUMENTS = '{"city": "Oslo", "days": 1.0, "at": [1, null, {"z": "2", "a": 1}], "late": {"x": "\\u00e5"}}'
TOOLS = [{"type": "function", "function": {"name": "forecast", "parameters": {"type": "object", "properties": {}}}}]
TYPES = ("language_modeling", "prompt_only", "prompt_completion", "preference", "unpaired_preference")
COLUMNS = {
    "language_modeling": {"messages"},
    "prompt_only": {"prompt"},
    "prompt_completion": {"prompt", "completion"},
    "preference": {"prompt", "chosen", "rejected"},
    "unpaired_preference": {"prompt", "completion", "label"},
}
USUAL: dict[str, Any] = {
    "per_device_train_batch_size": 2,
    "max_steps": 1,
    "max_length": 4096,
    "use_cpu": True,
    "bf16": False,
    "report_to": "none",
    "save_strategy": "no",
    "disable_tqdm": True,
}

Trainer = Callable[..., Any]


def real(name: str, count: int) -> list[Fields]:
    """Return the first samples of a real slice, as the exact texts of their fields."""
    with (DATA / f"{name}.jsonl").open("rb") as lines:
        return [Fields(*raw_of(line.rstrip(b"\n"), "messages@1")) for _, line in zip(range(count), lines, strict=False)]


def with_calls(count: int, arguments: str = ARGUMENTS) -> list[Fields]:
    """Return chats that end with the call of a tool, its arguments as text."""
    found = []
    for number in range(count):
        function = {"name": "forecast", "arguments": arguments}
        asked = {"role": "user", "content": f"Is it warm in Oslo, asks {number}?"}
        call = {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": function}]}
        texts = [asked, {"role": "assistant", "content": "Let me see."}, {"role": "user", "content": "Do."}], [call]
        found.append(Fields(json.dumps(texts[0]), json.dumps(texts[1]), json.dumps(TOOLS)))
    return found


def as_texts(chats: list[Fields]) -> list[Fields]:
    """Return samples of the standard form: what was first asked, and the number of the sample."""
    asked = [json.loads(str(chat.prompt))[0]["content"] for chat in chats]
    return [Fields(json.dumps(text), json.dumps(f" answer {number}"), None) for number, text in enumerate(asked)]


def exported(layout: Layout, samples: list[Fields], file: Path) -> list[dict[str, Any]]:
    """Write samples, each beside a worse answer, and return the rows as values."""
    worse = '" worse"' if layout.form == "standard" else '[{"role": "assistant", "content": "Worse."}]'
    rows = [
        Row(sample, sample._replace(completion=worse), label=number % 2 == 0) for number, sample in enumerate(samples)
    ]
    lines = [write_row(layout, row) for row in rows]
    file.write_bytes(b"".join(lines))
    return [json.loads(line) for line in lines]


def loaded(file: Path) -> Any:  # noqa: ANN401 - a Dataset
    """Load a file as people load it."""
    return datasets.load_dataset("json", data_files=str(file), split="train", cache_dir=str(file.parent / "cache"))


def samples_of(kind: str) -> list[Fields]:
    """Return samples of one kind."""
    if kind == "calls":
        return with_calls(6)
    chats = [*real("poor", 4), *real("enhanced", 4)]
    return as_texts(chats) if kind == "texts" else chats


KINDS = ("chats", "calls", "texts")


def prepared(
    trainer: Trainer,
    config: Trainer,
    dataset: Any,  # noqa: ANN401 - a Dataset
    where: tuple[Path, str, Any],
    **settings: Any,  # noqa: ANN401 - of a trainer
) -> Any:  # noqa: ANN401 - a trainer
    """Return a trainer that has prepared the dataset."""
    folder, model, tokenizer = where
    made = config(output_dir=str(folder / "trained"), **{**USUAL, **settings})
    return trainer(model=model, args=made, processing_class=tokenizer, train_dataset=dataset)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("type_", TYPES)
def test_the_loader_gives_back_what_was_written(type_: str, kind: str, tmp_path: Path) -> None:
    """Columns and values are those of the file: nothing is filled in, renamed or converted."""
    layout = Layout(type=type_, form="standard" if kind == "texts" else "conversational")
    rows = exported(layout, samples_of(kind), tmp_path / "out.jsonl")
    found = loaded(tmp_path / "out.jsonl")
    expected = {"text"} if (type_, kind) == ("language_modeling", "texts") else COLUMNS[type_]
    assert set(found.column_names) - {"tools"} == expected
    assert list(found) == rows
    example = {name: value for name, value in found[0].items() if name != "tools"}
    assert trl.data_utils.is_conversational(example) == (kind != "texts")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("type_", ["language_modeling", "prompt_completion"])
def test_sft(type_: str, kind: str, tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - a tokenizer
    """No row is dropped, calls are rendered with their arguments as they were, and a step can be done."""
    layout = Layout(type=type_, form="standard" if kind == "texts" else "conversational")
    rows = exported(layout, samples_of(kind), tmp_path / "out.jsonl")
    trainer = prepared(trl.SFTTrainer, trl.SFTConfig, loaded(tmp_path / "out.jsonl"), (tmp_path, model, tokenizer))
    assert len(trainer.train_dataset) == len(rows)
    for row, ids in zip(rows, trainer.train_dataset["input_ids"], strict=True):
        _shows(tokenizer.decode(ids), row)
    assert trainer.train().global_step == 1


@pytest.mark.parametrize("kind", KINDS)
def test_dpo(kind: str, tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - likewise
    """Prompts and both answers are what was written."""
    layout = Layout(type="preference", form="standard" if kind == "texts" else "conversational")
    rows = exported(layout, samples_of(kind), tmp_path / "out.jsonl")
    trainer = prepared(trl.DPOTrainer, trl.DPOConfig, loaded(tmp_path / "out.jsonl"), (tmp_path, model, tokenizer))
    assert len(trainer.train_dataset) == len(rows)
    for row, made in zip(rows, trainer.train_dataset, strict=True):
        _shows(tokenizer.decode([*made["prompt_ids"], *made["chosen_ids"]]), row)
        assert "orse" in tokenizer.decode(made["rejected_ids"])
    assert trainer.train().global_step == 1


@pytest.mark.parametrize("kind", KINDS)
def test_reward(kind: str, tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - likewise
    """A reward model is given both whole dialogues.

    Its trainer writes them anew, and then a list in arguments cannot hold an object beside a number, whatever the file
    says; with arguments of one shape it works.
    """
    layout = Layout(type="preference", form="standard" if kind == "texts" else "conversational")
    samples = with_calls(6, PLAIN) if kind == "calls" else samples_of(kind)
    rows = exported(layout, samples, tmp_path / "out.jsonl")
    trainer = prepared(
        trl.RewardTrainer, trl.RewardConfig, loaded(tmp_path / "out.jsonl"), (tmp_path, model, tokenizer)
    )
    assert len(trainer.train_dataset) == len(rows)
    for row, made in zip(rows, trainer.train_dataset, strict=True):
        _shows(tokenizer.decode(made["chosen_ids"]), row)
    assert trainer.train().global_step == 1


@pytest.mark.parametrize("kind", KINDS)
def test_kto(kind: str, tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - likewise
    """Labels stay with their rows, and rows in their order."""
    layout = Layout(type="unpaired_preference", form="standard" if kind == "texts" else "conversational")
    rows = exported(layout, samples_of(kind), tmp_path / "out.jsonl")
    trainer = prepared(trl.KTOTrainer, trl.KTOConfig, loaded(tmp_path / "out.jsonl"), (tmp_path, model, tokenizer))
    assert [bool(label) for label in trainer.train_dataset["label"]] == [row["label"] for row in rows]
    for row, made in zip(rows, trainer.train_dataset, strict=True):
        _shows(tokenizer.decode([*made["prompt_ids"], *made["completion_ids"]]), row)
    assert trainer.train().global_step == 1


def _shows(rendered: str, row: dict[str, Any]) -> None:
    """Fail where the text that a model is taught lacks what the row says."""
    if "text" in row:
        assert row["text"] in rendered
        return
    prompt, answer = row.get("prompt", []), row.get("completion", row.get("chosen", []))
    if isinstance(prompt, str):
        assert prompt + answer in rendered
        return
    for message in [*row.get("messages", []), *prompt, *answer]:
        assert (message["content"] or "") in rendered
        for call in message.get("tool_calls") or []:
            said = call["function"]["arguments"]
            assert said in (json.loads(ARGUMENTS), json.loads(PLAIN))
            assert json.dumps(said, ensure_ascii=False) in rendered
