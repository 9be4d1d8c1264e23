"""Rows that were moved, dropped, doubled or replaced before a real trainer got them are found by what they say."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import OrderBroken
from ledger.trainers.contract import DPO, KTO, SFT, TRL, Job
from ledger.trainers.contract import Rows as File
from ledger.trainers.order import check_kto_order, check_rows
from tests.small import chat, read, write
from tests_train.training import attempts, released, settings

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

from ledger.trainers import trl_backend  # noqa: E402 - it needs what may not be there
from ledger.trainers.content import check_content, rows_of  # noqa: E402 - likewise

Row = dict[str, Any]
Rows = list[Row]
Plant = Callable[[Rows], Rows]
VIEWS = {SFT: "sft", KTO: "kto-interleaved", DPO: "dpo"}
KINDS = {
    SFT: (trl.SFTTrainer, trl.SFTConfig),
    KTO: (trl.KTOTrainer, trl.KTOConfig),
    DPO: (trl.DPOTrainer, trl.DPOConfig),
}


def file_of(path: Path) -> File:
    """Return a file of rows as the check takes it; it looks at the bytes alone."""
    container = path.suffix.removeprefix(".")
    return File(path, "", container, 0, None, b"", path.name)


def trainer_of(method: str, rows: Rows | Path, folder: Path, model: str, tokenizer: Any, **config: Any) -> Any:  # noqa: ANN401 - of packages
    """Return a real trainer that has prepared some rows."""
    trainer, kind = KINDS[method]
    path = rows if isinstance(rows, Path) else write(folder / "planted.jsonl", *rows)
    loader = "parquet" if path.suffix == ".parquet" else "json"
    return trainer(
        model=model,
        args=kind(
            **{
                "output_dir": str(folder / "trained"),
                "per_device_train_batch_size": 4,
                "max_length": 2048,
                "train_sampling_strategy": "sequential",
                "use_cpu": True,
                "bf16": False,
                "report_to": "none",
                "disable_tqdm": True,
                **config,
            }
        ),
        processing_class=tokenizer,
        train_dataset=datasets.load_dataset(
            loader, data_files=str(path), split="train", cache_dir=str(folder / "cache")
        ),
    )


@pytest.mark.parametrize("method", VIEWS)
@pytest.mark.parametrize("container", ["jsonl", "parquet"])
def test_a_sound_release_passes(
    ledger: Ledger,
    tmp_path: Path,
    model: str,
    tokenizer: Any,  # noqa: ANN401 - a tokenizer
    method: str,
    container: str,
) -> None:
    """Whatever the method and the container: nothing is found where nothing is wrong."""
    path = tmp_path / f"rows.{container}"
    ledger.project(VIEWS[method], path, container=container)
    assert check_content(trainer_of(method, path, tmp_path, model, tokenizer), method, file_of(path)) == []


TEXTS: dict[str, tuple[str, Row]] = {
    "answers": (SFT, {"prompt": "question {n}", "completion": " answer {n}"}),
    "whole": (SFT, {"text": "question {n}, answer {n}"}),
    "judged": (KTO, {"prompt": "question {n}", "completion": " answer {n}", "label": True}),
    "preferred": (DPO, {"prompt": "question {n}", "chosen": " good {n}", "rejected": " bad {n}"}),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_rows_of_texts_are_compared_too(tmp_path: Path, model: str, tokenizer: Any, kind: str) -> None:  # noqa: ANN401 - likewise
    """Texts pass with the end that trainers put to them, and one that is another's is found."""
    method, made = TEXTS[kind]

    def row(n: int) -> Row:
        own = {"label": n % 2 == 0} if "label" in made else {}
        return {name: value.format(n=n) for name, value in made.items() if isinstance(value, str)} | own

    rows = [row(n) for n in range(8)]
    trainer = trainer_of(method, rows, tmp_path, model, tokenizer)
    assert check_content(trainer, method, file_of(tmp_path / "planted.jsonl")) == []
    other = write(tmp_path / "other.jsonl", *rows[:2], rows[4], *rows[3:])
    assert check_content(trainer, method, file_of(other)) == ["row 3 of the trainer is not row 3 of the file"]


def test_rows_that_are_cut_and_rows_with_tools_pass(tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - likewise
    """A row that is longer than `max_length` is compared as far as it goes; calls and tools are tokens like others."""
    tools = [{"type": "function", "function": {"name": "move", "parameters": {"type": "object", "properties": {}}}}]
    rows: Rows = []
    for n, arguments in enumerate([{"to": "a", "n": 1}, {"z": [1, "x"], "a": {"b": None}}, {"to": 2.5}, {}]):
        call = {"type": "function", "function": {"name": "move", "arguments": arguments}}
        messages = [{"role": "user", "content": f"q {n}"}, {"role": "assistant", "content": "", "tool_calls": [call]}]
        rows += [{"messages": messages, "tools": tools}, {"messages": chat(f"q {n}", "a " * 50)["messages"]}]
    path = write(tmp_path / "rows.jsonl", *rows)
    for longest in (2048, 24):
        trainer = trainer_of(SFT, path, tmp_path, model, tokenizer, max_length=longest)
        assert check_content(trainer, SFT, file_of(path)) == []
    rows[4]["messages"][1]["tool_calls"][0]["function"]["arguments"]["to"] = 2.25
    other = write(tmp_path / "other.jsonl", *rows)
    trainer = trainer_of(SFT, path, tmp_path, model, tokenizer)
    assert check_content(trainer, SFT, file_of(other)) == ["row 5 of the trainer is not row 5 of the file"]


def _backwards(rows: Rows) -> Rows:
    return rows[::-1]


def _dropped(rows: Rows) -> Rows:
    return [*rows[:5], *rows[6:]]


def _doubled(rows: Rows) -> Rows:
    return [*rows[:5], rows[4], *rows[5:]]


def _replaced(rows: Rows) -> Rows:
    return [*rows[:5], rows[9], *rows[6:]]


def _swapped(rows: Rows) -> Rows:
    """Swap two rows that have the same label, if any, in microbatches of their own."""
    like = [place for place, row in enumerate(rows) if row.get("label") == rows[5].get("label")]
    first, second = 5, next(place for place in like if place > 12)
    rows = list(rows)
    rows[first], rows[second] = rows[second], rows[first]
    return rows


@pytest.mark.parametrize("method", VIEWS)
@pytest.mark.parametrize(
    ("plant", "line"), [(_backwards, 1), (_dropped, 6), (_doubled, 6), (_replaced, 6), (_swapped, 6)]
)
def test_other_rows_are_found(
    ledger: Ledger,
    tmp_path: Path,
    model: str,
    tokenizer: Any,  # noqa: ANN401 - likewise
    method: str,
    plant: Plant,
    line: int,
) -> None:
    """The trainer got other rows than the file has: the first that is not in its place is named."""
    path = tmp_path / "rows.jsonl"
    ledger.project(VIEWS[method], path)
    rows = read(path)
    trainer = trainer_of(method, plant(rows), tmp_path, model, tokenizer)
    told = [f"row {line} of the trainer is not row {line} of the file"]
    assert check_content(trainer, method, file_of(path)) == told
    if plant is _swapped:  # nothing else could tell
        assert check_rows(trainer, len(rows)) == []
        assert method != KTO or check_kto_order(trainer, len(rows)) == []


def test_another_label_is_found(ledger: Ledger, tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - likewise
    """The same texts in the same order, with one label turned."""
    path = tmp_path / "rows.jsonl"
    ledger.project("kto-interleaved", path)
    rows = read(path)
    rows[7]["label"] = not rows[7]["label"]
    trainer = trainer_of(KTO, rows, tmp_path, model, tokenizer)
    assert check_content(trainer, KTO, file_of(path)) == ["row 8 of the trainer is not row 8 of the file"]


def test_a_dataset_that_is_shuffled_is_found(ledger: Ledger, tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - likewise
    """`shuffle_dataset` moves the rows before the sampler, which is sequential all the same."""
    path = tmp_path / "rows.jsonl"
    ledger.project("sft", path)
    trainer = trainer_of(SFT, path, tmp_path, model, tokenizer, shuffle_dataset=True)
    assert check_rows(trainer, len(read(path))) == []
    assert check_content(trainer, SFT, file_of(path)) == ["row 1 of the trainer is not row 1 of the file"]


def test_rows_without_their_tokens_are_found(ledger: Ledger, tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - likewise
    """A trainer that keeps its tokens elsewhere cannot be looked at: that is told, not passed over."""
    path = tmp_path / "rows.jsonl"
    ledger.project("dpo", path)
    trainer = trainer_of(DPO, path, tmp_path, model, tokenizer)
    trainer.train_dataset = trainer.train_dataset.remove_columns("chosen_ids")
    assert check_content(trainer, DPO, file_of(path)) == ["its rows have no chosen_ids"]


@pytest.mark.parametrize("method", VIEWS)
def test_nothing_is_trained_on_rows_in_another_order(
    ledger: Ledger, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """A loader that gives the microbatches backwards: the attempt fails before its first step."""
    load = trl_backend._load  # noqa: SLF001 - what a package might do

    def backwards(job: Job) -> Any:  # noqa: ANN401 - a Dataset
        rows = load(job)
        whole = range(0, len(rows) - len(rows) % 4, 4)
        places = [place for start in reversed(whole) for place in range(start, start + 4)]
        return rows.select([*places, *range(len(places), len(rows))])

    monkeypatch.setattr(trl_backend, "_load", backwards)
    manifest = released(ledger, tmp_path, VIEWS[method])
    with pytest.raises(OrderBroken, match=r"stand: row 1 of the trainer is not row 1 of the file\."):
        ledger.train(method, manifest, model=model, out=tmp_path / "run", config=settings(tmp_path))
    assert [(said["failure"], said["steps"]) for said in attempts(ledger)] == [("OrderBroken", [0, 0])]


@pytest.mark.parametrize(
    ("method", "slipped", "says"),
    [
        (SFT, {"shuffle_dataset": True}, "shuffle_dataset is True, not False; row 1 of"),
        (SFT, {"packing": True}, "packing is True, not False; .* rows were dropped"),
        (DPO, {"loss_type": "hinge"}, r"loss_type is \['hinge'\], not sigmoid"),
    ],
)
def test_a_configuration_that_was_changed_is_found(
    ledger: Ledger,
    tmp_path: Path,
    model: str,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    slipped: dict[str, object],
    says: str,
) -> None:
    """What a backend makes of the configuration is compared with what was asked for."""
    name = KINDS[method][1].__name__
    made = KINDS[method][1]
    monkeypatch.setattr(trl, name, lambda **config: made(**{**config, **slipped}))
    manifest = released(ledger, tmp_path, VIEWS[method])
    with pytest.raises(OrderBroken, match=says):
        ledger.train(method, manifest, model=model, out=tmp_path / "run", config=settings(tmp_path))


def test_what_an_earlier_attempt_cached_is_not_taken(tmp_path: Path, model: str) -> None:
    """The loader knows a file by name, length and time: other rows under the same three are read all the same."""
    path, out = tmp_path / "rows.jsonl", tmp_path / "run"
    job = Job(SFT, TRL, file_of(path), Path(model), out, {})
    for word in ("old", "new"):
        path.write_text(json.dumps({"prompt": "p", "completion": word}) + "\n")
        os.utime(path, (1_700_000_000, 1_700_000_000))
        loaded = list(trl_backend._load(job))  # noqa: SLF001 - the cache is its own
        assert loaded == list(rows_of(path, "jsonl")) == [{"prompt": "p", "completion": word}]
