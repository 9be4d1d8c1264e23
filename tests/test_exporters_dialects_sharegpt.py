"""ShareGPT's rows against the schema that LLaMA-Factory's data/README.md documents, and back to the messages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from ledger.exporters.layouts import TOOL_ARGS, Layout
from tests.rows import ASKED, DETAILED, TOLD, TOOLS, calling, exact, exchanges, refusal, written

LAYOUT = Layout("sharegpt", "prompt_completion")
SCHEMA = Draft202012Validator(
    {
        "type": "object",
        "required": ["conversations"],
        "additionalProperties": False,
        "properties": {
            "conversations": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["from", "value"],
                    "additionalProperties": False,
                    "properties": {
                        "from": {"enum": ["human", "gpt", "system", "function_call", "observation"]},
                        "value": {"type": "string"},
                    },
                },
            },
            "system": {"type": "string"},
            "tools": {"type": "string"},
        },
    }
)
ROLES = {"human": "user", "gpt": "assistant", "observation": "tool", "system": "system"}


def as_messages(row: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a row
    """Return the messages that a row was made of, calls as [name, arguments]."""
    found = [{"role": "system", "content": row["system"]}] if "system" in row else []
    for turn in row["conversations"]:
        if turn["from"] != "function_call":
            found.append({"role": ROLES[turn["from"]], "content": turn["value"]})
            continue
        calls = json.loads(turn["value"])
        found.append(
            {"calls": [[call["name"], call["arguments"]] for call in ([calls] if isinstance(calls, dict) else calls)]}
        )
    return found


def in_short(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages in the form of `as_messages`."""
    return [
        {"calls": [[call["function"]["name"], call["function"]["arguments"]] for call in message["tool_calls"]]}
        if message.get("tool_calls")
        else message
        for message in messages
    ]


@given(exchanges())
def test_the_row_is_the_chat(chat: list[dict[str, Any]]) -> None:
    """It fits the schema, and says what the messages said, in their order."""
    row = written(LAYOUT, chat[:-1], chat[-1:])
    SCHEMA.validate(row)
    assert as_messages(row) == in_short(chat)
    assert row == written(Layout("sharegpt", "language_modeling"), chat[:-1], chat[-1:])


def test_every_part_has_its_name() -> None:
    """A system message, a question, a call, its result, an answer; tools as text."""
    system, result = {"role": "system", "content": "Be brief."}, {"role": "tool", "tool_call_id": "a1", "content": "21"}
    row = written(LAYOUT, [system, *ASKED, *calling({"at": "sea"}), result], TOLD, TOOLS)
    SCHEMA.validate(row)
    assert [turn["from"] for turn in row["conversations"]] == ["human", "function_call", "observation", "gpt"]
    assert json.loads(row["conversations"][1]["value"]) == {"name": "warmth", "arguments": {"at": "sea"}}
    assert (row["system"], json.loads(row["tools"])) == ("Be brief.", TOOLS)
    assert written(LAYOUT, ASKED, TOLD, json.dumps(TOOLS))["tools"] == json.dumps(TOOLS)
    late = written(LAYOUT, [*ASKED, *TOLD, system, *ASKED], TOLD)
    assert [turn["from"] for turn in late["conversations"]] == ["human", "gpt", "system", "human", "gpt"]
    assert "system" not in late


@pytest.mark.parametrize("how", TOOL_ARGS)
def test_calls_are_json_in_a_text(how: str) -> None:
    """Arguments stand in it as asked, digit for digit; several calls are a list."""
    two = calling(DETAILED)[0]
    two = {**two, "content": "", "tool_calls": two["tool_calls"] * 2}
    value = written(Layout("sharegpt", tool_args=how), ASKED, [two])["conversations"][1]["value"]
    found = [call["in order"] for call in exact(value)]
    arguments = exact(DETAILED) if how == "object" else DETAILED
    assert found == [(("name", "warmth"), ("arguments", arguments))] * 2
    assert (DETAILED in value) == (how == "object")


@pytest.mark.parametrize(
    ("prompt", "completion", "word"),
    [
        ([{"role": "user", "content": [{"type": "text", "text": "x"}]}], TOLD, "prompt[0] is not a text"),
        ([{"role": "developer", "content": "x"}], TOLD, "no name in ShareGPT"),
        ([{"role": "user", "name": "Ann", "content": "x"}], TOLD, "further fields"),
        ([{"role": "system", "name": "Ann", "content": "x"}, *ASKED], TOLD, "further fields"),
        (ASKED, calling("{}", content="First,"), "content beside its tool calls"),
        (ASKED, calling(None), "no arguments"),
        (ASKED, calling("{}", cost=3), "further fields"),
        (ASKED, ASKED, "does not end"),
        (ASKED, [{"role": "assistant", "content": "x", "reasoning_content": "y"}], "further fields"),
        ([{**calling("{}")[0], "role": "user"}], TOLD, "not the assistant's"),
    ],
)
def test_what_sharegpt_cannot_hold(prompt: Any, completion: Any, word: str) -> None:  # noqa: ANN401 - messages
    """Nothing is dropped: each is refused with a sentence that says where."""
    assert word in refusal(LAYOUT, prompt, completion)
