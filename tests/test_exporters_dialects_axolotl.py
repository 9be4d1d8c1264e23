"""Axolotl's rows and its piece of configuration, against what its documentation and prompt strategies say of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from ledger.exporters.dialects.contract import HAS
from ledger.exporters.layouts import Fields, Layout, Row, companions, write_row
from tests.rows import (
    ASKED,
    DETAILED,
    TOLD,
    TOOLS,
    as_asked,
    calling,
    exchanges,
    fields,
    refusal,
    said,
    samples,
    written,
)

WORSE = [{"role": "assistant", "content": "Cold."}]
CHAT = Layout("axolotl", "prompt_completion")
PAIR = Layout("axolotl", "preference")
KTO = Layout("axolotl", "unpaired_preference", "standard")
LAYOUTS = [Layout("axolotl", kind, form) for kind, forms in HAS["axolotl"].items() for form in forms]
ROLE, TEXT = {"enum": ["user", "assistant", "system", "tool"]}, {"type": "string"}
MESSAGE = {
    "type": "object",
    "required": ["role", "content"],
    "additionalProperties": False,
    "properties": {"role": ROLE, "content": TEXT},
}
PAIRS = Draft202012Validator(
    {
        "type": "object",
        "required": ["messages", "chosen", "rejected"],
        "additionalProperties": False,
        "properties": {
            "messages": {"type": "array", "items": MESSAGE, "minItems": 1},
            "chosen": MESSAGE,
            "rejected": MESSAGE,
        },
    }
)
LABELED = Draft202012Validator(
    {
        "type": "object",
        "required": ["prompt", "completion", "label"],
        "additionalProperties": False,
        "properties": {
            "prompt": TEXT | {"minLength": 1},
            "completion": TEXT | {"minLength": 1},
            "label": {"type": "boolean"},
        },
    }
)


@given(samples())
def test_chats_are_the_source(drawn: tuple[list[Any], list[Any], Any, Fields]) -> None:
    """Messages as they are, arguments as asked, tools as a list, or not there where there are none."""
    prompt, completion, tools, texts = drawn
    for kind in ("language_modeling", "prompt_completion"):
        row = said(write_row(Layout("axolotl", kind), Row(texts)))
        assert row == {"messages": as_asked([*prompt, *completion], "object")} | ({"tools": tools} if tools else {})
    assert written(CHAT, ASKED, TOLD, json.dumps(TOOLS))["tools"] == TOOLS
    assert f'"arguments": {DETAILED}'.encode() in write_row(CHAT, Row(fields(ASKED, calling(DETAILED))))


@given(exchanges(calls=False))
def test_pairs_fit_what_is_read_of_them(chat: list[dict[str, Any]]) -> None:
    """Roles and contents only, with the answers as single messages."""
    if not chat[-1]["content"]:
        assert "chosen answer is empty" in refusal(PAIR, chat[:-1], chat[-1:], rejected=fields(chat[:-1], WORSE))
        return
    row = written(PAIR, chat[:-1], chat[-1:], rejected=fields(chat[:-1], WORSE))
    PAIRS.validate(row)
    assert row == {"messages": chat[:-1], "chosen": chat[-1], "rejected": WORSE[0]}


def test_labels_stand_beside_text() -> None:
    """KTO takes text; and of text that is one piece, Axolotl learns all."""
    for label in (True, False):
        row = written(KTO, "{q}", "a", label=label)
        LABELED.validate(row)
        assert row == {"prompt": "{q}", "completion": "a", "label": label}
    assert written(Layout("axolotl", "language_modeling", "standard"), "q", "a") == {"text": "qa"}


@pytest.mark.parametrize(
    ("prompt", "completion", "word"),
    [
        ([{"role": "developer", "content": "x"}], TOLD, "none of Axolotl's"),
        ([*ASKED, *calling("{}"), {"role": "tool", "content": "x"}], TOLD, "tool calls"),
        ([*ASKED, {"role": "tool", "tool_call_id": "a1", "content": "x"}], TOLD, "further fields"),
        (ASKED, calling("{}"), "tool calls"),
        (ASKED, [{"role": "assistant", "content": None}], "not a text"),
        (ASKED, [*TOLD, *TOLD], "not one message"),
        (ASKED, ASKED, "not one message"),
    ],
)
def test_what_a_pair_cannot_hold(prompt: Any, completion: Any, word: str) -> None:  # noqa: ANN401 - messages
    """Axolotl would read role and content, and go on without the rest."""
    assert word in refusal(PAIR, prompt, completion, rejected=fields(prompt, WORSE))


def test_more_that_it_would_refuse_or_drop() -> None:
    """Tools beside pairs or text, and sides of KTO that are empty or have no label."""
    assert "tools" in refusal(PAIR, ASKED, TOLD, TOOLS, rejected=fields(ASKED, WORSE, TOOLS))
    assert "tools" in refusal(KTO, "q", "a", TOOLS, label=True)
    assert "no label" in refusal(KTO, "q", "a")
    assert "empty" in refusal(KTO, "", "a", label=True)
    assert "empty" in refusal(KTO, "q", "", label=True)
    assert "no prompt" in refusal(CHAT, [], TOLD)
    assert "no completion" in refusal(CHAT, ASKED, None)


@pytest.mark.parametrize(
    ("layout", "settings"),
    [
        (CHAT, ["type: chat_template", "field_messages: messages"]),
        (Layout("axolotl", "language_modeling", "standard"), ["type: completion", "field: text"]),
        (PAIR, ["rl: dpo", "type: chat_template.default", "field_chosen: chosen", "field_rejected: rejected"]),
        (KTO, ["rl: kto", "shuffle_merged_datasets: false", "field_prompt: prompt", "field_label: label"]),
    ],
)
def test_the_configuration_names_the_file(layout: Layout, settings: list[str]) -> None:
    """It says how the file is read, and for KTO that its order stays; its fields are those of the rows."""
    files = companions(layout, 'a "b".jsonl', 12)
    assert list(files) == ['a "b".jsonl.axolotl.yaml']
    text = files['a "b".jsonl.axolotl.yaml'].decode()
    lines = [line.strip() for line in text.splitlines()]
    assert '- path: "a \\"b\\".jsonl"' in lines
    assert "12 rows" in lines[0]
    assert set(settings) <= set(lines)
    row = said(write_row(layout, _row(layout)))
    named = [line.partition(": ")[2] for line in lines if line.startswith("field")]
    assert set(named) <= row.keys()


def _row(layout: Layout) -> Row:
    given_fields = fields("q", "a") if layout.form == "standard" else fields(ASKED, TOLD)
    return Row(given_fields, fields(ASKED, WORSE), label=True)


def test_the_whole_configuration_for_kto() -> None:
    """The file in full, as documentation shows it."""
    assert companions(KTO, "out.jsonl", 2)["out.jsonl.axolotl.yaml"].decode() == (
        "# Merge into the configuration of Axolotl. The file has 2 rows.\n"
        "rl: kto\n"
        "remove_unused_columns: false\n"
        "shuffle_merged_datasets: false\n"
        "datasets:\n"
        '  - path: "out.jsonl"\n'
        "    ds_type: json\n"
        "    split: train\n"
        "    type:\n"
        "      field_prompt: prompt\n"
        "      field_completion: completion\n"
        "      field_label: label\n"
    )
    assert all(companions(layout, "out.jsonl", 2) for layout in LAYOUTS)
