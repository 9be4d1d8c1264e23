"""Calls: three notations, one structure; what looks like a call and is none is named for what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.sample import Content
from ledger.validators import tools_called
from ledger.validators.contract import MISSING
from ledger.validators.reading import talk_of
from tests.talks import assistant, calling, function, places, rules, said, schemas, talk, text_call, toolset, user

GOOD = {"path": "notes", "depth": 2}
PLACE = "messages[1].tool_calls[0]"


@pytest.mark.parametrize(
    "content",
    [
        said(text_call("list", GOOD)),
        said("I look.\n\n" + text_call("list", GOOD)),
        said('[TOOL_CALLS] [{"name": "list", "arguments": {"path": "notes", "depth": 2}}]'),
        said('[TOOL_CALLS][{"name": "list", "arguments": "{\\"path\\": \\"notes\\", \\"depth\\": 2}", "id": "a"}]'),
        talk(user(), calling(function("list", json.dumps(GOOD)))),
        talk(user(), calling(function("list", GOOD))),
        talk(user(), calling({"name": "list", "arguments": GOOD})),
        Content("standard", "ask", text_call("list", GOOD)),
    ],
)
def test_one_structure_for_every_notation(content: Content) -> None:
    """A call as text, of Mistral's or OpenAI's notation, its arguments as text or object, is the same call."""
    (call,) = talk_of(content).calls

    assert (call.name, call.arguments, call.faults) == ("list", GOOD, ())
    assert call.path.endswith(".tool_calls[0]")
    assert places(content) == []
    assert tools_called(content) == ["list"]


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ('{"path": "notes"', "calls/malformed_arguments"),
        ("path=notes", "calls/malformed_arguments"),
        ('{"path": NaN}', "calls/malformed_arguments"),
        ('{"path": 1e999}', "calls/malformed_arguments"),
        ('{"path": ' + "9" * 5000 + "}", "calls/malformed_arguments"),
        ('{"path": ' + "[" * 120 + "]" * 120 + "}", "calls/malformed_arguments"),
        ('{"path": ' + "[" * 90_000, "calls/malformed_arguments"),
        ("", "calls/malformed_arguments"),
        ('["notes"]', "calls/arguments_not_object"),
        ('"notes"', "calls/arguments_not_object"),
        ("null", "calls/arguments_not_object"),
        ("{}", "calls/arguments_empty"),
        ('{"path": "a", "path": "b"}', "calls/duplicate_key"),
        ('{"path": "a\nb"}', "calls/control_character"),
    ],
)
@pytest.mark.parametrize("notation", ["text", "openai"])
def test_arguments_that_are_none(arguments: str, rule: str, notation: str) -> None:
    """What is wrong with the arguments is one finding at the arguments, however the call is written."""
    text = talk(user(), assistant(text_call("list", arguments)))
    content = text if notation == "text" else talk(user(), calling(function("list", arguments)))

    assert (rule, f"{PLACE}.arguments") in places(content)
    assert {one for one in rules(content) if one.startswith("calls/")} - {"calls/loose_notation"} == {rule}


def test_what_can_be_read_all_the_same_is_read() -> None:
    """A key that stands twice, or a raw line end, is an error, but the call is still compared with its schema."""
    (twice,) = talk_of(said(text_call("list", '{"a": 1, "a": 2}'))).calls
    (raw,) = talk_of(said(text_call("list", '{"a": "x\ny", "a": "z\t"}'))).calls

    assert twice.arguments == {"a": 2}
    assert raw.arguments == {"a": "z\t"}
    assert [rule for rule, _ in raw.faults] == ["calls/duplicate_key", "calls/control_character"]


@pytest.mark.parametrize("arguments", [None, 3, [], ["a"], True])
def test_structured_arguments_of_another_type(arguments: Any) -> None:  # noqa: ANN401 - any JSON value
    """OpenAI's arguments are JSON text or an object, nothing else."""
    assert places(talk(user(), calling(function("list", arguments)))) == [
        ("calls/arguments_not_object", f"{PLACE}.arguments")
    ]


def test_text_after_structured_arguments() -> None:
    """The text of the arguments holds one JSON value and nothing after it."""
    assert rules(talk(user(), calling(function("list", '{"a": 1} and so on')))) == ["calls/malformed_arguments"]


@pytest.mark.parametrize(
    "text",
    [
        "tool_call: list",
        "tool_call: list\nwith some arguments",
        "I use tool_call: list for that.",
        "[TOOL_CALLS]",
        "[TOOL_CALLS] list the notes",
        "[TOOL_CALLS] []",
        '[TOOL_CALLS] {"name": "list"}',
    ],
)
def test_a_marker_without_a_call(text: str) -> None:
    """A marker announces a call; where none can be read, that is an error."""
    assert places(said(text)) == [("calls/not_extracted", "messages[1].content")]


def test_arguments_without_a_marker() -> None:
    """Fourteen real samples say what to do in prose and then give arguments: no tool is named."""
    text = 'I need to use the file listing tool instead.\narguments: {"path": "notes"}'

    assert places(said(text)) == [("calls/no_marker", "messages[1].content")]
    assert rules(said("It takes two arguments: a and b.")) == []


@pytest.mark.parametrize("name", ["", " ", None, 3, []])
def test_a_call_without_a_name(name: Any) -> None:  # noqa: ANN401 - any JSON value
    """A call names a tool, in text that is not blank."""
    assert ("calls/no_name", f"{PLACE}.name") in places(talk(user(), calling(function(name, GOOD))))


@pytest.mark.parametrize(
    "name",
    [
        "Found your session. Loading it now.",
        "Found your session - 'API'.\n\n memoryManager_loadSession",
        "list notes",
        "list()",
        "-list",
        "a" * 129,
    ],
)
def test_a_sentence_as_a_name(name: str) -> None:
    """What stands in the place of the name is no name: four real samples have a sentence there."""
    found = places(said(text_call(name, GOOD)))

    assert ("calls/name_not_identifier", f"{PLACE}.name") in found
    assert "tools/unknown_tool" not in [rule for rule, _ in places(said(text_call(name, GOOD)), toolset())]


@pytest.mark.parametrize("name", ["list", "get_tools", "mcp.server:list-notes/2", "Ünïcode_1", "a" * 128])
def test_a_name(name: str) -> None:
    """One word of letters, digits and a few signs is a name."""
    assert rules(said(text_call(name, GOOD))) == []


@pytest.mark.parametrize(
    "text",
    [
        'tool_call: list\n    arguments: {"a": 1}',
        'tool_call: list\n\narguments: {"a": 1}',
        'tool_call:\nlist\narguments: {"a": 1}',
        'tool_call: list\narguments:\n{"a": 1}',
    ],
)
def test_a_call_that_only_a_lenient_parser_finds(text: str) -> None:
    """Indented or split over more lines it is read, with a warning: the trainer's parser may not."""
    assert places(said(text)) == [("calls/loose_notation", "messages[1].content")]


def test_text_after_a_call() -> None:
    """What follows a call, or stands between two, is a warning; what stands before the first is fine."""
    call = text_call("list", GOOD)

    assert rules(said(f"{call}\n\nResult: done")) == ["calls/prose_after_call"]
    assert rules(said(f"{call}\nThen:\n{call}")) == ["calls/prose_after_call"]
    assert rules(said(f"First:\n{call}\n{call}\n")) == []
    assert rules(said('[TOOL_CALLS] [{"name": "a", "arguments": {"b": 1}}] Done.')) == ["calls/prose_after_call"]
    assert tools_called(said(f"{call}\n{call}")) == ["list", "list"]


@pytest.mark.parametrize("written", [[], "list", {}, 3])
def test_tool_calls_that_are_no_list(written: Any) -> None:  # noqa: ANN401 - any JSON value
    """`tool_calls` is a list with at least one call."""
    content = talk(user(), {"role": "assistant", "content": "x", "tool_calls": written})

    assert places(content) == [("calls/not_a_list", "messages[1].tool_calls")]


@pytest.mark.parametrize("item", [None, "list", 3, [], {"function": "list"}])
def test_an_item_that_is_no_call(item: Any) -> None:  # noqa: ANN401 - any JSON value
    """Each item of `tool_calls` is an object with a function."""
    assert places(talk(user(), calling(item))) == [("calls/not_a_call", PLACE)]


def test_two_notations_in_one_message() -> None:
    """A call in the text beside structured ones is told twice or hidden; the numbers go on."""
    content = talk(user(), {**assistant(text_call("list", GOOD)), "tool_calls": [function("look", GOOD)]})

    assert places(content) == [("calls/two_notations", "messages[1]")]
    assert [call.path for call in talk_of(content).calls] == [PLACE, "messages[1].tool_calls[1]"]


def test_prose_where_a_call_is_required() -> None:
    """An error where the caller requires calls, a warning where the schemas' dialect is all about them."""
    prose, tried = said("I cannot do that."), said("tool_call: list")

    assert rules(prose) == []
    assert rules(prose, require_call=True) == ["calls/no_call"]
    assert rules(prose, toolset()) == ["calls/prose_only"]
    assert rules(prose, toolset(), require_call=True) == ["calls/no_call"]
    assert rules(prose, schemas([{"name": "list"}])) == []
    assert rules(tried, require_call=True) == ["calls/not_extracted"]
    assert rules(said(text_call("list", GOOD)), require_call=True) == []


def test_a_call_earlier_in_the_chat_counts() -> None:
    """The final answer after a tool's result need not call again."""
    result = {"role": "tool", "tool_call_id": "c1", "content": "7 degrees"}

    assert rules(talk(user(), calling(function("look", GOOD)), result, assistant()), require_call=True) == []


def test_only_the_assistant_calls() -> None:
    """A user who quotes a call makes none."""
    content = talk(user(text_call("list", "{")), assistant())

    assert places(content) == []
    assert list(talk_of(content).calls) == []


def test_empty_arguments_are_the_schemas_business_where_one_knows_the_tool() -> None:
    """Without a schema a call without arguments is a warning; a tool that takes none is called rightly so."""
    content = said(text_call("now", {}))

    assert rules(content) == ["calls/arguments_empty"]
    assert rules(content, schemas([{"name": "now", "parameters": {"type": "object"}}])) == []


def test_arguments_that_cannot_be_read_are_missing() -> None:
    """No rule about arguments looks at what could not be read."""
    (call,) = talk_of(said(text_call("list", "{"))).calls

    assert call.arguments is MISSING
    assert call.text == "{"
