"""Lengths against the real KTOTrainer: what it counts is what we count, and what it drops is what we call too long."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ledger.exporters.chat_template import CLOCK, compile_template, variables_of
from ledger.exporters.lengths import Sides, load_tokenizer
from tests.small import read, write
from tests_train.conftest import DATA, TEMPLATE

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

from tokenizers import Tokenizer, processors  # noqa: E402 - optional
from transformers import AutoTokenizer  # noqa: E402 - optional
from transformers.utils import chat_template_utils  # noqa: E402 - optional

from tests_train.test_kto import trainer_for  # noqa: E402 - it needs trl

WITH_TOOLS = "{% if tools %}{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}{% endif %}" + TEMPLATE
TOOLS = [{"type": "function", "function": {"name": "move", "parameters": {"type": "object", "properties": {}}}}]
CALL = {"type": "function", "function": {"name": "move", "arguments": {"to": "é", "n": 1}}}
SHIPPED = sorted((Path(trl.__file__).parent / "chat_templates").glob("*.jinja"))


def conversations() -> list[dict[str, Any]]:
    """Return rows of the real slices as they are trained on; some have tools, one has calls and null fields."""
    rows: list[dict[str, Any]] = []
    for number, row in enumerate([*read(DATA / "poor.jsonl")[:20], *read(DATA / "enhanced.jsonl")[:20]]):
        said = row["conversations"]
        made = {"prompt": said[:-1], "completion": said[-1:], "label": number % 2 == 0}
        rows.append({**made, **({"tools": json.dumps(TOOLS)} if number % 3 == 0 else {})})
    asked = {"role": "user", "content": "Where is it? \u00e9\U0001f600 <|im_end|>"}
    called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    rows.append({"prompt": [asked, called, {"role": "tool", "content": "{}"}], "completion": [called], "label": True})
    return [*rows, {"prompt": [asked], "completion": [called], "label": False}]


def texts() -> list[dict[str, Any]]:
    """Return rows of plain text, among them such where tokens merge across the border of prompt and completion."""
    said = [str(row["conversations"][0]["content"]) for row in read(DATA / "poor.jsonl")[:30]]
    rows = [{"prompt": one, "completion": f" answer {place}", "label": True} for place, one in enumerate(said)]
    return [*rows, *({"prompt": one[:-2], "completion": one[-2:], "label": False} for one in said)]


def sides(row: dict[str, Any]) -> Sides:
    """Return a row as the exporters have it."""
    form = "standard" if isinstance(row["prompt"], str) else "conversational"
    tools = json.dumps(row["tools"]) if "tools" in row else None
    return Sides(json.dumps(row["prompt"]), json.dumps(row["completion"]), tools, form)


def _alone(tokenizer: Any, row: dict[str, Any]) -> list[int]:  # noqa: ANN401 - a tokenizer
    """Return the tokens of a prompt without its completion, as TRL asks for them."""
    if isinstance(row["prompt"], str):
        return list(tokenizer(text=row["prompt"])["input_ids"])
    tools = json.loads(row["tools"]) if "tools" in row else None
    return list(tokenizer.apply_chat_template(row["prompt"], tools=tools, add_generation_prompt=True)["input_ids"])


@pytest.mark.parametrize("rows", [conversations(), texts()], ids=["conversational", "standard"])
@pytest.mark.parametrize("ends", [False, True], ids=["as it is", "with ends"])
def test_counts_and_drops_are_the_trainers(
    rows: list[dict[str, Any]],
    ends: bool,  # noqa: FBT001 - a case
    tmp_path: Path,
    model: str,
    tokenizer: Any,  # noqa: ANN401 - a tokenizer
) -> None:
    """Every count is the length of what the trainer prepared; at every length the same rows are dropped."""
    folder = tmp_path / "tokenizer"
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(WITH_TOOLS)
    if ends:
        saved = Tokenizer.from_file(str(folder / "tokenizer.json"))
        special = [(name, saved.token_to_id(name)) for name in ("<|im_start|>", "<|im_end|>")]
        saved.post_processor = processors.TemplateProcessing(
            single="<|im_start|> $A <|im_end|>", pair="$A $B", special_tokens=special
        )
        saved.enable_truncation(16)
        saved.save(str(folder / "tokenizer.json"))
        config = json.loads((folder / "tokenizer_config.json").read_text())
        more = {"bos_token": "<|im_start|>", "add_bos_token": False, "extra_special_tokens": [" the", "file"]}
        (folder / "tokenizer_config.json").write_text(json.dumps({**config, **more}))
    taken = AutoTokenizer.from_pretrained(folder)
    ruler = load_tokenizer(folder)
    file = write(tmp_path / "rows.jsonl", *rows)
    prepared = trainer_for(file, tmp_path, model, taken, max_length=None).train_dataset
    given = [sides(row) for row in rows]

    whole = [len(ids) for ids in (_alone(taken, row) for row in rows)]
    assert ruler.prompt_tokens_many([(one.prompt, one.tools, one.form) for one in given]) == whole
    if isinstance(rows[0]["prompt"], list):  # in text, tokens merge across the border, so that a prompt loses some
        assert whole == [len(ids) for ids in prepared["prompt_ids"]]
    counts = sorted(len(ids) for ids in prepared["prompt_ids"])
    assert len(set(counts)) > 10
    for max_length in (counts[0], counts[len(counts) // 3], counts[len(counts) // 2], counts[-1], counts[-1] + 1):
        kept = [len(ids) < max_length for ids in prepared["prompt_ids"]]
        assert [not gone for gone in ruler.dropped(given, max_length)] == kept
    assert ruler.unrendered == 0
    middle = counts[len(counts) // 2]
    left = trainer_for(file, tmp_path / "cut", model, taken, max_length=middle).train_dataset
    assert len(left) == ruler.dropped(given, middle).count(False) < len(rows)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_templates_render_as_transformers_renders_them(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each template that TRL ships gives the same text, or refuses the same conversations."""

    class Stopped(datetime):
        """A clock that stands."""

        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # noqa: ANN401, ARG003 - as datetime has it
            return CLOCK

    monkeypatch.setattr(chat_template_utils, "datetime", Stopped)
    text = file.read_text(encoding="utf-8")
    render = compile_template(text)
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"}
    rendered = 0
    for row in conversations()[-12:]:
        tools = json.loads(row["tools"]) if "tools" in row else None
        for messages, generation in ((row["prompt"], True), (row["prompt"] + row["completion"], False)):
            plain = [{key: value for key, value in one.items() if value is not None} for one in messages]
            try:
                theirs = chat_template_utils.render_jinja_template(
                    [plain], tools=tools, chat_template=text, add_generation_prompt=generation, **special
                )[0][0]
            except Exception:  # noqa: BLE001 - whatever it raises, a trainer stops
                theirs = None
            try:
                ours = render(variables_of(messages, tools, special, generation_prompt=generation))
            except ValueError:
                ours = None
            assert ours == theirs
            rendered += ours is not None
    assert rendered
