"""In which ways two contents agree: identifiers, tools, arguments, prompts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.sample import Content
from ledger.similarity.signals import SIGNALS, agreeing, signs


def call(name: str, arguments: dict[str, Any], asked: str = "find my notes on cats") -> Content:
    """Return a content with a tool call in its text."""
    text = f"tool_call: {name}\narguments: {json.dumps(arguments)}"
    return Content("conversational", ({"role": "user", "content": asked},), ({"role": "assistant", "content": text},))


def structured(name: str, arguments: object) -> Content:
    """Return a content with a structured tool call."""
    calls = [{"type": "function", "function": {"name": name, "arguments": arguments}}]
    return Content("conversational", ({"role": "user", "content": "?"},), ({"role": "assistant", "tool_calls": calls},))


FOUND = {"context": {"session": "session_17_ab", "why": "asked"}, "query": "cats"}


@pytest.mark.parametrize(
    ("other", "agree"),
    [
        (call("find", FOUND), list(SIGNALS)),
        (call("seek", FOUND), ["identifiers", "arguments", "prompt"]),
        (call("find", {"query": "cats", "limit": 9, "path": "x"}), ["tools", "prompt"]),
        (call("find", {"query": "cats", "limit": 9}, "and dogs"), ["tools", "arguments"]),
        (call("find", {**FOUND, "context": {"session": "session_18_ab"}}, "and dogs"), ["tools", "arguments"]),
        (structured("find", json.dumps(FOUND)), ["identifiers", "tools", "arguments"]),
        (structured("find", FOUND), ["identifiers", "tools", "arguments"]),
        (structured("find", "not JSON"), ["tools"]),
        (Content("standard", "find my notes", "no call"), ["prompt"]),
        (Content("standard", "", ""), []),
    ],
)
def test_what_agrees(other: Content, agree: list[str]) -> None:
    """Each way is told by itself, whichever way calls are written."""
    assert agreeing(signs(call("find", FOUND)), signs(other)) == agree
    assert agreeing(signs(other), signs(call("find", FOUND))) == agree


def test_a_path_is_part_of_an_argument() -> None:
    """The same value under another name is another argument; so is a text that looks like a number."""
    one = signs(call("find", {"a": {"b": 1}, "c": [1, "1"]}))
    assert one.arguments == {(".a.b", "1"), (".c[]", "1"), (".c[]", "'1'")}


def test_an_identifier_has_letters_and_digits() -> None:
    """Long words and long numbers are none."""
    content = Content("standard", "understanding 1234567890 ab12 ab12-cd34 x_000001", "")
    assert signs(content).identifiers == {"ab12-cd34", "x_000001"}
