"""OpenAI's rows: messages that its own types accept, arguments as text, ids that stay or are counted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
from pydantic import TypeAdapter, ValidationError

from ledger.exporters.layouts import Fields, Layout, Row, Unwritable, write_row
from tests.rows import ASKED, DETAILED, TOLD, TOOLS, as_asked, calling, fields, refusal, said, samples, written

MESSAGES = TypeAdapter(list[ChatCompletionMessageParam])
OFFERED = TypeAdapter(list[ChatCompletionFunctionToolParam])
LAYOUT = Layout("openai", "prompt_completion")
PAIR = Layout("openai", "preference")


def accepted(found: Any) -> None:  # noqa: ANN401 - messages
    """Fail where OpenAI's types do not take these messages; calls are checked only as somebody looks at them."""
    checked: list[Any] = MESSAGES.validate_python(found)
    for message in checked:
        for call in message.get("tool_calls", ()):
            assert isinstance(call["function"]["arguments"], str)


def test_the_check_would_notice() -> None:
    """The types refuse what the dialect mends: objects as arguments, and calls without an id."""
    for bad in (calling({"a": 1}), calling("{}", id=None), [{"role": "tool", "content": "x"}]):
        with pytest.raises((ValidationError, AssertionError)):
            accepted(bad)


@given(samples())
def test_chats_are_accepted_and_are_the_source(drawn: tuple[list[Any], list[Any], Any, Fields]) -> None:
    """The messages are those of the source with arguments as text; of tools, none is left out but an empty list."""
    prompt, completion, tools, texts = drawn
    for kind in ("language_modeling", "prompt_completion"):
        row = said(write_row(Layout("openai", kind), Row(texts)))
        accepted(row["messages"])
        assert _loaded(row["messages"]) == as_asked([*prompt, *completion], "object")
        assert row.get("tools", []) == (tools or [])
        assert row.keys() <= {"messages", "tools"}


def _loaded(messages: Any) -> Any:  # noqa: ANN401 - messages
    """Return messages with arguments as objects, whose text may have had any spelling."""
    return as_asked(messages, "object")


def test_pairs_are_accepted() -> None:
    """The prompt and the tools stand in `input`, the answers beside it."""
    worse = [{"role": "assistant", "content": "Cold."}]
    row = written(PAIR, ASKED, calling({"a": 1.0}), TOOLS, rejected=fields(ASKED, worse, TOOLS))
    assert row == {
        "input": {"messages": ASKED, "tools": TOOLS},
        "preferred_output": calling('{"a": 1.0}'),
        "non_preferred_output": worse,
    }
    for messages in (row["input"]["messages"], row["preferred_output"], row["non_preferred_output"]):
        accepted(messages)
    OFFERED.validate_python(row["input"]["tools"])
    assert "does not end" in refusal(PAIR, ASKED, ASKED, rejected=fields(ASKED, worse))


def test_arguments_keep_their_text() -> None:
    """An object becomes the very text that stood there; text stays as it was."""
    text = json.dumps(calling("ARGUMENTS")).replace('"ARGUMENTS"', DETAILED)
    row = said(write_row(LAYOUT, Row(Fields(json.dumps(ASKED), text, None))))
    assert row["messages"][1] == calling(DETAILED)[0]
    assert written(LAYOUT, ASKED, calling("not { json"))["messages"][1:] == calling("not { json")


def test_ids_stay_or_are_counted() -> None:
    """A call without an id gets the next number of the row that no other call has, the same in every run."""
    calls = [
        {"type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": None, "function": {"arguments": {}, "name": "f", "strict": True}},
        {"name": "f", "arguments": {"x": [1.0]}},
    ]
    spoken = {"role": "assistant", "content": None, "tool_calls": calls}
    row = written(LAYOUT, [*ASKED, spoken, *ASKED], [spoken])
    accepted(row["messages"])
    first, second = (row["messages"][at]["tool_calls"] for at in (1, 3))
    assert [call["id"] for call in first] == ["call_0", "call_1", "call_2", "call_3"]
    assert [call["id"] for call in second] == ["call_4", "call_1", "call_5", "call_6"]
    assert all(call["type"] == "function" for call in [*first, *second])
    assert first[2]["function"] == {"arguments": "{}", "name": "f", "strict": True}
    assert first[3]["function"] == {"name": "f", "arguments": '{"x": [1.0]}'}
    assert row == written(LAYOUT, [*ASKED, spoken, *ASKED], [spoken])


def test_a_result_names_its_call() -> None:
    """It stays as it is; one that names none cannot be written."""
    result = {"role": "tool", "tool_call_id": "a1", "content": "21 degrees"}
    row = written(LAYOUT, [*ASKED, *calling("{}"), result], TOLD)
    accepted(row["messages"])
    assert row["messages"] == [*ASKED, *calling("{}"), result, *TOLD]
    for missing in ({}, {"tool_call_id": None}, {"tool_call_id": 3}):
        nameless = {"role": "tool", "content": "21 degrees", **missing}
        assert "prompt[1] does not say" in refusal(LAYOUT, [*ASKED, nameless], TOLD)


def test_what_is_null_is_left_out() -> None:
    """The types take no null but an assistant's content; other fields, parts and names stay."""
    parts = [{"type": "text", "text": "How warm?"}]
    prompt = [{"role": "user", "name": "Ann", "content": parts, "tool_calls": None, "tool_call_id": None}]
    answered: list[Any] = [{"role": "assistant", "content": "Warm.", "tool_calls": [], "refusal": None}]
    row = written(LAYOUT, prompt, answered, json.dumps(TOOLS))
    accepted(row["messages"])
    assert row == {"messages": [{"role": "user", "name": "Ann", "content": parts}, *TOLD], "tools": TOOLS}
    bare = [{"role": "assistant", "tool_calls": calling("{}")[0]["tool_calls"]}]
    assert written(LAYOUT, ASKED, bare)["messages"][1:] == calling("{}")


@pytest.mark.parametrize(
    ("prompt", "completion", "word"),
    [
        ([{"role": "observer", "content": "x"}], TOLD, "none of OpenAI's"),
        ([{"role": "user", "content": None}], TOLD, "no content"),
        ([{"role": "function", "content": "x"}], TOLD, "name its function"),
        (ASKED, ASKED, "does not end"),
        (ASKED, [{"role": "assistant", "content": None}], "no content"),
        (ASKED, [{"content": "x"}], "no role"),
        (ASKED, [{"role": "assistant", "content": "", "tool_calls": {}}], "not a list"),
        (ASKED, [{"role": "assistant", "tool_calls": [{"function": {"arguments": "{}"}}]}], "names no function"),
        (ASKED, [{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}], "no arguments"),
        (ASKED, calling("{}", id=3), "id"),
        (ASKED, calling("{}", type="custom"), "not the call of a function"),
        ([{**calling("{}")[0], "role": "user"}], TOLD, "not the assistant's"),
    ],
)
def test_what_openai_cannot_hold(prompt: Any, completion: Any, word: str) -> None:  # noqa: ANN401 - messages
    """Each is refused with a sentence that says where."""
    assert word in refusal(LAYOUT, prompt, completion)


def test_a_type_that_is_no_text_is_no_function() -> None:
    """An object that mentions the word is not the word."""
    with pytest.raises(Unwritable):
        write_row(LAYOUT, Row(fields(ASKED, calling("{}", type={"x": "function"}))))
