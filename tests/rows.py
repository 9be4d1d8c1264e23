"""For tests of layouts: samples as exact texts, what a row says with numbers as written, and strategies for both."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ledger.exporters.layouts import Fields, Layout, Row, Unwritable, write_row
from tests.strategies import SPELLINGS, arguments, chats, json_values, names

Message = dict[str, Any]
Spell = Callable[[Any], str]

ASKED = [{"role": "user", "content": "How warm is it?"}]
TOLD = [{"role": "assistant", "content": "Warm."}]
TOOLS = [{"type": "function", "function": {"name": "warmth", "parameters": {"type": "object", "maximum": 1.0}}}]
DETAILED = '{"z": 1.0, "a": 1E2, "n": 12345678901234567890, "\\u00e9": "\\u2028\\n"}'
"""An object whose text says more than its value."""


def exact(text: str | bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return what a JSON text says, each number as the digits that stand there, each object as its items in order."""
    return json.loads(
        text, parse_float=_digits, parse_int=_digits, object_pairs_hook=lambda pairs: {"in order": tuple(pairs)}
    )


def argued(value: Any) -> Any:  # noqa: ANN401 - what `exact` returned
    """Return the same with arguments that are text as what that text says."""
    if isinstance(value, list):
        return [argued(item) for item in value]
    if not isinstance(value, dict):
        return value
    pairs = value["in order"]
    texts = [key == "arguments" and isinstance(item, str) for key, item in pairs]
    return {
        "in order": tuple(
            (key, argued(exact(item) if text else item)) for text, (key, item) in zip(texts, pairs, strict=True)
        )
    }


def _digits(text: str) -> tuple[str, str]:
    return ("number", text)


def said(line: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return what a row says, after a look at its being one line of UTF-8."""
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert b"\r" not in line
    return json.loads(line.decode())


def fields(prompt: Any, completion: Any, tools: Any = None, spell: Spell = json.dumps) -> Fields:  # noqa: ANN401 - JSON
    """Return values as the texts of a sample."""
    return Fields(*(None if value is None else spell(value).strip() for value in (prompt, completion, tools)))


def calling(spoken: Any, *, content: str | None = None, **more: Any) -> list[Message]:  # noqa: ANN401 - JSON
    """Return one message that calls `warmth` with these arguments; `more` stands in the call."""
    call = {"id": "a1", "type": "function", "function": {"name": "warmth", "arguments": spoken}, **more}
    return [{"role": "assistant", "content": content, "tool_calls": [call]}]


def written(layout: Layout, prompt: Any, completion: Any, tools: Any = None, **row: Any) -> Any:  # noqa: ANN401 - JSON
    """Return what the row of a sample says."""
    return said(write_row(layout, Row(fields(prompt, completion, tools), **row)))


def refusal(layout: Layout, prompt: Any, completion: Any, tools: Any = None, **row: Any) -> str:  # noqa: ANN401 - JSON
    """Return why a sample cannot be written."""
    with pytest.raises(Unwritable) as caught:
        write_row(layout, Row(fields(prompt, completion, tools), **row))
    return str(caught.value)


def samples(spellings: SearchStrategy[Spell] | None = None) -> SearchStrategy[tuple[Any, Any, Any, Fields]]:
    """Return chats as (prompt, completion, tools) and as texts in several spellings."""
    spells = st.sampled_from(SPELLINGS) if spellings is None else spellings
    return st.builds(_sample, chats(), st.none() | st.lists(tools(), max_size=2), spells)


def exchanges(calls: bool = True) -> SearchStrategy[list[Message]]:  # noqa: FBT001, FBT002 - whether calls may be drawn
    """Return chats in which user and assistant speak by turns, perhaps after a system message; text, or one call."""
    user = st.builds(lambda text: {"role": "user", "content": text}, st.text(max_size=20))
    text = st.builds(lambda text: {"role": "assistant", "content": text}, st.text(max_size=20))
    call = st.builds(_called, names, arguments())
    pairs = st.lists(st.tuples(user, text | call if calls else text), min_size=1, max_size=3)
    first = st.lists(st.builds(lambda text: {"role": "system", "content": text}, st.text(min_size=1)), max_size=1)
    return st.builds(lambda system, turns: [*system, *(each for pair in turns for each in pair)], first, pairs)


def tools() -> SearchStrategy[Message]:
    """Return a tool with any JSON as its parameters."""
    return st.builds(
        lambda name, given: {"type": "function", "function": {"name": name, "parameters": given}}, names, json_values()
    )


def as_asked(said_by: Any, tool_args: str) -> Any:  # noqa: ANN401 - messages
    """Return messages with the arguments of their structured calls as objects or as text, told in another way."""
    if tool_args == "as-is":
        return said_by
    return [_argued(message, tool_args) for message in said_by]


def _argued(message: Message, tool_args: str) -> Message:
    if not message.get("tool_calls"):
        return message
    calls = []
    for call in message["tool_calls"]:
        function = call["function"]
        spoken = function["arguments"]
        if tool_args == "object" and isinstance(spoken, str):
            spoken = json.loads(spoken)
        elif tool_args == "string" and isinstance(spoken, dict):
            spoken = json.dumps(spoken)
        calls.append({**call, "function": {**function, "arguments": spoken}})
    return {**message, "tool_calls": calls}


def _called(name: str, spoken: Any) -> Message:  # noqa: ANN401 - JSON
    call = {"id": "a1", "type": "function", "function": {"name": name, "arguments": spoken}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _sample(chat: list[Message], offered: Any, spell: Spell) -> tuple[Any, Any, Any, Fields]:  # noqa: ANN401 - JSON
    cut = len(chat)
    while cut and chat[cut - 1]["role"] == "assistant":
        cut -= 1
    return chat[:cut], chat[cut:], offered, fields(chat[:cut], chat[cut:], offered, spell)
