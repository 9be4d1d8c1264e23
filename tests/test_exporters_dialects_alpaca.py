"""Alpaca's rows against its documented schema, and back to the messages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from ledger.exporters.layouts import Layout
from ledger.readers import READERS
from tests.rows import ASKED, TOLD, TOOLS, calling, exchanges, refusal, written

LAYOUT = Layout("alpaca", "prompt_completion")
TEXT = {"type": "string"}
SCHEMA = Draft202012Validator(
    {
        "type": "object",
        "required": ["instruction", "input", "output"],
        "additionalProperties": False,
        "properties": {
            "instruction": TEXT,
            "input": TEXT,
            "output": TEXT,
            "system": TEXT,
            "history": {"type": "array", "items": {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2}},
        },
    }
)


def as_messages(row: dict[str, Any]) -> list[dict[str, str]]:
    """Return the messages that a row was made of."""
    found = [{"role": "system", "content": row["system"]}] if "system" in row else []
    for asked, answered in [*row.get("history", []), [row["instruction"], row["output"]]]:
        found += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    return found


@given(exchanges(calls=False))
def test_the_row_is_the_chat(chat: list[dict[str, Any]]) -> None:
    """It fits the schema, and says what the messages said."""
    row = written(LAYOUT, chat[:-1], chat[-1:])
    SCHEMA.validate(row)
    assert row["input"] == ""
    assert as_messages(row) == chat
    assert row == written(Layout("alpaca", "language_modeling"), chat[:-1], chat[-1:])


def test_one_question_reads_back_as_it_was() -> None:
    """The reader of this shape gives the messages of which the row was made."""
    row = written(LAYOUT, ASKED, TOLD, [])
    content = READERS["instruction"].read(row)
    assert (list(content.prompt), list(content.completion)) == (ASKED, TOLD)
    assert written(Layout("alpaca", form="standard"), "q", "a") == {"instruction": "q", "input": "", "output": "a"}


@pytest.mark.parametrize(
    ("prompt", "completion", "word"),
    [
        (ASKED, [*TOLD, *TOLD], "by turns"),
        ([*ASKED, *ASKED], TOLD, "by turns"),
        ([{"role": "system", "content": "x"}], TOLD, "by turns"),
        ([*ASKED, *TOLD, {"role": "system", "content": "x"}, *ASKED], TOLD, "by turns"),
        ([{"role": "developer", "content": "x"}, *ASKED], TOLD, "by turns"),
        ([{"role": "user", "content": [{"type": "text", "text": "x"}]}], TOLD, "prompt[0] is not a text"),
        (ASKED, [{"role": "assistant", "content": None}], "completion[0] is not a text"),
        ([{"role": "user", "content": "x", "name": "Ann"}], TOLD, "further fields"),
        (ASKED, calling("{}"), "tool calls"),
        ([*ASKED, *calling("{}"), {"role": "tool", "content": "x"}], TOLD, "tool calls"),
        (ASKED, ASKED, "does not end"),
    ],
)
def test_what_alpaca_cannot_hold(prompt: Any, completion: Any, word: str) -> None:  # noqa: ANN401 - messages
    """Nothing is dropped: each is refused with a sentence that says where."""
    assert word in refusal(LAYOUT, prompt, completion)


def test_tools_have_no_place() -> None:
    """Not as a list, not as text, and not beside text either."""
    for tools in (TOOLS, '[{"type": "function"}]'):
        assert "tools" in refusal(LAYOUT, ASKED, TOLD, tools)
        assert "tools" in refusal(Layout("alpaca", form="standard"), "q", "a", tools)
    assert "no prompt" in refusal(LAYOUT, [], TOLD)
    assert "by turns" in refusal(Layout("alpaca", "language_modeling"), [], TOLD)
