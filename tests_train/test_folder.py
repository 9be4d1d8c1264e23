"""Containers through the loaders and the trainers that people use: folders, Parquet, and the SFTTrainer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from ledger import Ledger
from ledger.digest import show
from ledger.exporters.card import About, DataFile
from ledger.exporters.columns import columns_of
from ledger.exporters.folder import folder_files, split_name
from ledger.exporters.parquet import write_parquet

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

CALL = {"function": {"name": "find", "arguments": {"path": "a.md", "depth": 2, "ratio": 0.1, "tags": [None, {"b": 1}]}}}
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
CALLING = [
    {
        "prompt": [{"role": "user", "content": f"question {n}"}],
        "completion": [{"role": "assistant", "content": "", "tool_calls": [CALL]}]
        if n % 2
        else [{"role": "assistant", "content": f"answer {n}"}],
        "label": n % 2 == 0,
        **({"tools": [TOOL]} if n % 2 else {}),
    }
    for n in range(8)
]


def put(folder: Path, container: str, lines: Sequence[bytes], manifest: dict[str, Any]) -> Path:
    """Write rows into a folder as a container, with what stands beside them, and return the file of rows."""
    folder.mkdir()
    split = split_name(manifest["view"], "training")
    path = folder / f"{split}.{container}"
    columns = columns_of(lines)
    if container == "jsonl":
        path.write_bytes(b"".join(lines))
    else:
        with path.open("wb") as file:
            write_parquet(lines, file, columns)
    data = path.read_bytes()
    files = [DataFile(path.name, show(blake3(data).digest()), len(data), sha256(data).hexdigest(), split)]
    for name, body in folder_files(manifest, {}, files, columns, About("A | set", "mit")).items():
        (folder / name).write_bytes(body)
    (folder / (path.name + ".manifest.json")).write_text(json.dumps(manifest))
    return path


def full(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows as a table has them: what a row lacks is None."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: row.get(name) for name in names} for row in rows]


@pytest.fixture
def sft(ledger: Ledger, tmp_path: Path) -> tuple[list[bytes], dict[str, Any]]:
    """Return the rows of an export and its manifest."""
    made = ledger.project("sft", tmp_path / "sft.jsonl")
    return (tmp_path / "sft.jsonl").read_bytes().splitlines(keepends=True), made


@pytest.mark.parametrize("container", ["jsonl", "parquet"])
@pytest.mark.parametrize("calls", [False, True])
def test_a_folder_is_a_dataset(
    sft: tuple[list[bytes], dict[str, Any]], tmp_path: Path, container: str, *, calls: bool
) -> None:
    """The folder is all that `load_dataset` needs; the rows are those that were written, with calls and tools."""
    lines, manifest = sft
    if calls:
        lines = [json.dumps(row).encode() + b"\n" for row in CALLING]
    path = put(tmp_path / "set", container, lines, manifest)
    loaded = datasets.load_dataset(str(path.parent), cache_dir=str(tmp_path / "cache"))
    assert list(loaded) == ["train"]
    assert list(loaded["train"]) == full([json.loads(line) for line in lines])


def test_parquet_alone_loads_too(tmp_path: Path) -> None:
    """Also without the card, and as a stream; arguments are objects, not their text."""
    lines = [json.dumps(row).encode() + b"\n" for row in CALLING]
    with (tmp_path / "x.parquet").open("wb") as file:
        write_parquet(lines, file, columns_of(lines))
    for streaming in (False, True):
        loaded = datasets.load_dataset(
            "parquet",
            data_files=str(tmp_path / "x.parquet"),
            split="train",
            cache_dir=str(tmp_path / "cache"),
            streaming=streaming,
        )
        assert list(loaded) == full(CALLING)


def test_the_sft_trainer_takes_parquet(
    sft: tuple[list[bytes], dict[str, Any]],
    tmp_path: Path,
    model: str,
    tokenizer: Any,  # noqa: ANN401 - a tokenizer
) -> None:
    """One step on a folder of Parquet; no row is dropped, and the tokens are those of the JSON lines."""
    lines, manifest = sft
    prepared = []
    for container in ("parquet", "jsonl"):
        path = put(tmp_path / container, container, lines, manifest)
        loaded = datasets.load_dataset(str(path.parent), split="train", cache_dir=str(tmp_path / "cache"))
        trainer = trl.SFTTrainer(
            model=model, args=settings(trl.SFTConfig, tmp_path), processing_class=tokenizer, train_dataset=loaded
        )
        assert len(trainer.train_dataset) == manifest["rows"]
        prepared.append([row["input_ids"] for row in trainer.train_dataset])
    assert prepared[0] == prepared[1]
    assert trainer.train().global_step == 1


def test_the_kto_trainer_takes_parquet_with_calls(tmp_path: Path, model: str, tokenizer: Any) -> None:  # noqa: ANN401 - likewise
    """Tools, and arguments that are objects, reach the chat template as they reach it from JSON lines."""
    lines = [json.dumps(row).encode() + b"\n" for row in CALLING]
    prepared = []
    for container in ("parquet", "jsonl"):
        path = put(tmp_path / container, container, lines, manifest_of(lines))
        loaded = datasets.load_dataset(str(path.parent), split="train", cache_dir=str(tmp_path / "cache"))
        trainer = trl.KTOTrainer(
            model=model, args=settings(trl.KTOConfig, tmp_path), processing_class=tokenizer, train_dataset=loaded
        )
        prepared.append([(row["prompt_ids"], row["completion_ids"], row["label"]) for row in trainer.train_dataset])
    assert prepared[0] == prepared[1]
    assert '{"path": "a.md", "depth": 2' in tokenizer.decode(prepared[0][1][1])


def manifest_of(lines: Sequence[bytes]) -> dict[str, Any]:
    """Return as much of a manifest as a card needs."""
    count = len(lines)
    head = {"position": 1, "root": "b3:" + "0" * 64}
    counts = {"considered": count, "omitted": {}, "rows": count, "used": count}
    return {**counts, "head": head, "ledger": "x", "params": {}, "type": "unpaired_preference", "view": "kto"}


def settings(kind: Any, folder: Path) -> Any:  # noqa: ANN401 - a class of an optional package
    """Return settings for one step on the CPU."""
    return kind(
        output_dir=str(folder / "trained"),
        per_device_train_batch_size=4,
        max_steps=1,
        max_length=2048,
        use_cpu=True,
        bf16=False,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )
