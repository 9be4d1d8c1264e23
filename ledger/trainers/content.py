"""Whether a prepared trainer has the rows of a file, each in its place: their tokens are made again and compared.

The file is read here anew, by its own lines and past every cache, and each row is put through the trainer's tokenizer.
So rows that a loader, a cache, a shuffle or a filter has moved, doubled or replaced are found whatever did it, also
where their number and their labels are right.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from ledger.trainers.contract import DPO, KTO, SFT, Rows
from ledger.trainers.environment import imported

PREPARED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        SFT: ("input_ids",),
        KTO: ("prompt_ids", "completion_ids", "label"),
        DPO: ("prompt_ids", "chosen_ids", "rejected_ids"),
    }
)
"""Method -> the columns in which its trainer has the tokens of a row (trl 1.8 to 1.16, and what Unsloth makes)."""
_UNTAUGHT = -100
_WHOLE = ("messages", "text")

Row = Mapping[str, Any]


class _Reading(NamedTuple):
    """How a trainer makes tokens of a row: its tokenizer, a template instead of the tokenizer's, where rows are cut."""

    tokenizer: Any
    template: str | None
    longest: int | None


def rows_of(path: Path, container: str) -> Iterator[Row]:
    """Yield the rows of a file of JSON lines or of Parquet, in their order; nothing is cached."""
    if container == "parquet":
        yield from imported("datasets").load_dataset("parquet", data_files=str(path), split="train", streaming=True)
        return
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def check_content(trainer: Any, method: str, rows: Rows) -> list[str]:  # noqa: ANN401 - one of TRL's trainers
    """Return in a sentence the first place where a prepared trainer has another row than the file; nothing, if none."""
    prepared = trainer.train_dataset
    if lacking := [name for name in PREPARED[method] if name not in prepared.column_names]:
        return [f"its rows have no {', '.join(lacking)}"]
    reading = _Reading(trainer.processing_class, getattr(trainer, "chat_template", None), trainer.args.max_length)
    same = {SFT: _is_taught, KTO: _is_judged, DPO: _is_preferred}[method]
    columns = [name for name in (*PREPARED[method], "labels") if name in prepared.column_names]
    both = zip_longest(prepared.select_columns(columns), rows_of(rows.path, rows.container))
    for line, (has, row) in enumerate(both, start=1):
        if has is None or row is None or not same(reading, row, has):
            return [f"row {line} of the trainer is not row {line} of the file"]
    return []


def _is_taught(reading: _Reading, row: Row, has: Row) -> bool:
    """Say whether the tokens are those of a row up to where it is cut, and what is learned is they and no others."""
    ids = has["input_ids"]
    if any(label not in (token, _UNTAUGHT) for label, token in zip(has.get("labels") or ids, ids, strict=True)):
        return False
    return any(ids in (one, one[: reading.longest]) for one in _wholes(reading, row))


def _wholes(reading: _Reading, row: Row) -> Iterator[list[int]]:
    """Yield the tokens of a whole row; those of a text also as Unsloth makes them, without its ends."""
    prompt, answer = row.get("prompt"), next(row[name] for name in ("completion", *_WHOLE) if row.get(name) is not None)
    yield _tokens(reading, row, prompt, answer)
    if isinstance(answer, str):
        said = (prompt or "") + answer
        for text in (_ended(reading, said), said):
            yield reading.tokenizer(text=text, add_special_tokens=False)["input_ids"]
        yield reading.tokenizer(text=said)["input_ids"]


def _is_judged(reading: _Reading, row: Row, has: Row) -> bool:
    return bool(has["label"]) is bool(row["label"]) and _is_split(reading, row, "completion", has)


def _is_preferred(reading: _Reading, row: Row, has: Row) -> bool:
    return _is_split(reading, row, "chosen", has) and _is_split(reading, row, "rejected", has)


def _is_split(reading: _Reading, row: Row, name: str, has: Row) -> bool:
    """Say whether the tokens of a prompt and of an answer are a row's, wherever the trainer puts the border."""
    prompt, answer = has["prompt_ids"], has[f"{name}_ids"]
    whole = _tokens(reading, row, row.get("prompt"), row[name])
    if answer != whole[len(prompt) :]:
        return False
    return bool(prompt == whole[: len(prompt)] or prompt == _asked(reading, row))


def _tokens(reading: _Reading, row: Row, prompt: Any, answer: Any) -> list[int]:  # noqa: ANN401 - messages or a text
    if isinstance(answer, str):
        ids: list[int] = reading.tokenizer(text=_ended(reading, (prompt or "") + answer))["input_ids"]
        return ids
    return _rendered(reading, row, [*(prompt or ()), *answer])


def _asked(reading: _Reading, row: Row) -> list[int] | None:
    """Return the tokens of a prompt alone, which are no part of the whole under some templates."""
    prompt = row.get("prompt")
    if prompt is None:
        return None
    if isinstance(prompt, str):
        ids: list[int] = reading.tokenizer(text=prompt)["input_ids"]
        return ids
    return _rendered(reading, row, prompt, add_generation_prompt=True)


def _rendered(reading: _Reading, row: Row, messages: list[Any], **more: Any) -> list[int]:  # noqa: ANN401 - options
    tools = row.get("tools")
    own = {"chat_template": reading.template} if reading.template is not None else {}
    render: Callable[..., Any] = reading.tokenizer.apply_chat_template
    ids: list[int] = render(
        messages,
        tools=json.loads(tools) if isinstance(tools, str) else tools,
        tokenize=True,
        return_dict=True,
        **own,
        **more,
        **(row.get("chat_template_kwargs") or {}),
    )["input_ids"]
    return ids


def _ended(reading: _Reading, text: str) -> str:
    """Return a text with the token that ends it, as trainers add it to what is no conversation."""
    ending: str = reading.tokenizer.eos_token
    return text if text.endswith(ending) else text + ending
