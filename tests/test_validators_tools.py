"""A sample's own tools: the schema of its calls where no file is given; bounded, because a stranger wrote it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given

from ledger.sample import Content
from tests.strategies import arguments, json_values
from tests.talks import assistant, called, calling, function, places, rules, said, schemas, talk, toolset, user

PLACE = "messages[1].tool_calls[0].arguments"
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": ["integer", "null"]},
        "unit": {"enum": ["c", "f", 1]},
        "kind": {"const": "day"},
        "at": {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]


@pytest.mark.parametrize(
    ("given_arguments", "expected"),
    [
        ({"city": "Oslo"}, []),
        ({"city": "Oslo", "days": 3, "unit": "c", "kind": "day", "at": {"lat": 1}, "tags": ["a"]}, []),
        ({"city": "Oslo", "days": 3.0}, []),
        ({"city": "Oslo", "days": None}, []),
        ({"days": 3}, [("tools/missing_parameter", ".*")]),
        ({"city": 3}, [("tools/wrong_type", ".*")]),
        ({"city": "Oslo", "days": True}, [("tools/wrong_type", ".*")]),
        ({"city": "Oslo", "unit": "k"}, [("tools/wrong_value", ".*")]),
        ({"city": "Oslo", "unit": True}, [("tools/wrong_value", ".*")]),
        ({"city": "Oslo", "kind": "night"}, [("tools/wrong_value", ".*")]),
        ({"city": "Oslo", "at": {"lon": 1}}, [("tools/missing_parameter", ".*.*")]),
        ({"city": "Oslo", "tags": ["a", 3]}, [("tools/wrong_type", ".*[1]")]),
        ({"city": "Oslo", "mood": 1}, [("tools/forbidden_parameter", ".*")]),
    ],
)
@pytest.mark.parametrize("as_text", [True, False])
def test_calls_are_compared_with_the_samples_own_tools(
    given_arguments: dict[str, Any],
    expected: list[tuple[str, str]],
    as_text: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Types, values and names fit, whether the tools are a list or the text of one; no path names a parameter."""
    content = called("weather", given_arguments, json.dumps(TOOLS) if as_text else TOOLS)

    assert places(content) == [(rule, PLACE + path) for rule, path in expected]


def test_a_tool_that_the_sample_does_not_offer() -> None:
    """A call of what is not among the tools offered is an error; without tools nobody knows."""
    assert places(called("climate", {"a": 1}, TOOLS)) == [("tools/unknown_tool", "messages[1].tool_calls[0].name")]
    assert rules(called("climate", {"a": 1})) == []
    assert rules(called("climate", {"a": 1}, [])) == []
    assert rules(called("climate", {"a": 1}, "[]")) == []
    assert rules(talk(user(), assistant(), tools=TOOLS)) == []


def test_a_file_goes_before_the_samples_own_tools() -> None:
    """With a schema file the calls are compared with that, and with that only."""
    content = called("weather", {"city": 3}, TOOLS)

    assert rules(content, schemas([{"name": "weather"}])) == []
    assert rules(content, toolset()) == ["tools/unknown_tool"]


@pytest.mark.parametrize(
    "tools",
    [
        {"name": "weather"},
        "weather",
        "[",
        '[{"name": "weather"}] and more',
        ["weather"],
        [{"parameters": {}}],
        [{"name": "a"}, {"name": "a"}],
        [{"name": "a", "parameters": "x"}],
        3,
        True,
    ],
)
def test_tools_that_are_none(tools: Any) -> None:  # noqa: ANN401 - any JSON value
    """What stands in `tools` is a list of definitions, or the text of one."""
    content = said("Hello.")

    assert places(Content(content.form, content.prompt, content.completion, tools)) == [("tools/bad_tools", "tools")]


@pytest.mark.parametrize(
    "schema", [{"anyOf": [{"required": ["x"]}]}, {"$ref": "#"}, {"pattern": "(a+)+$"}, True, {"type": 3}]
)
def test_what_is_not_judged(schema: Any) -> None:  # noqa: ANN401 - any JSON value
    """References, patterns and combinations in a sample's own tools are left alone; nothing of it can hang."""
    tools = [{"name": "f", "parameters": {"properties": {"a": schema}}}]

    assert rules(called("f", {"a": "a" * 5000 + "!"}, tools)) == []


@given(json_values(), arguments())
def test_no_tools_make_the_validator_fail(tools: Any, said_arguments: dict[str, Any]) -> None:  # noqa: ANN401 - any JSON value
    """Any JSON may stand in `tools`, and inside a definition."""
    for value in (tools, [{"name": "f", "parameters": tools}], [{"name": "f", "parameters": {"properties": tools}}]):
        found = places(called("f", said_arguments, value))

        assert not [rule for rule, _ in found if rule.startswith("internal/")]


def test_large_tools_are_given_up_on() -> None:
    """A sample whose tools ask for too many comparisons is not compared to the end, and that is said."""
    tools = [{"name": "f", "parameters": {"properties": {"a": {"items": {"enum": list(range(3000))}}}}}]
    content = called("f", {"a": list(range(3000))}, tools)

    started = time.process_time()
    assert rules(content) == ["tools/unchecked"]
    assert time.process_time() - started < 10


def test_several_calls_are_each_compared() -> None:
    """Each call has its own place."""
    content = talk(
        user(),
        calling(
            function("weather", {"city": 3}, "a"), function("weather", {"city": "Oslo"}, "b"), function("w", {}, "c")
        ),
        tools=TOOLS,
    )

    assert places(content) == [
        ("tools/wrong_type", "messages[1].tool_calls[0].arguments.*"),
        ("calls/arguments_empty", "messages[1].tool_calls[2].arguments"),
        ("tools/unknown_tool", "messages[1].tool_calls[2].name"),
    ]
