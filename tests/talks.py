"""Small contents for tests of validators, and what validators say about them in short."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ledger.sample import Content
from ledger.validators import Schemas, TextLimits, load_schemas, validate

SCHEMA_FILE = Path(__file__).parent / "data" / "toolset" / "tool_schemas.json"

Message = dict[str, Any]


def user(text: str = "Please do it.") -> Message:
    """Return a message of the user."""
    return {"role": "user", "content": text}


def assistant(text: Any = "It is done.", **more: Any) -> Message:  # noqa: ANN401 - JSON
    """Return a message of the assistant."""
    return {"role": "assistant", "content": text, **more}


def text_call(name: str, arguments: Any) -> str:  # noqa: ANN401 - JSON, or the text of it
    """Return a call as text."""
    said = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return f"tool_call: {name}\narguments: {said}"


def function(name: Any, arguments: Any, identity: str | None = "c1") -> Message:  # noqa: ANN401 - JSON
    """Return one item of `tool_calls`."""
    call = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return call if identity is None else {"id": identity, **call}


def calling(*calls: Any) -> Message:  # noqa: ANN401 - JSON
    """Return a message of the assistant with `tool_calls`."""
    return {"role": "assistant", "content": None, "tool_calls": list(calls)}


def talk(*messages: Any, tools: Any = None) -> Content:  # noqa: ANN401 - JSON
    """Return messages as a content: the last one is the completion."""
    return Content("conversational", tuple(messages[:-1]), tuple(messages[-1:]), tools)


def said(text: str) -> Content:
    """Return a chat in which the assistant says this."""
    return talk(user(), assistant(text))


def called(name: str, arguments: Any, tools: Any = None) -> Content:  # noqa: ANN401 - JSON
    """Return a chat in which the assistant makes this call, as text."""
    return talk(user(), assistant(text_call(name, arguments)), tools=tools)


def schemas(value: Any) -> Schemas:  # noqa: ANN401 - JSON
    """Return the schemas of a file that holds this."""
    return load_schemas(json.dumps(value).encode(), "tools.json")


def toolset() -> Schemas:
    """Return the schemas that stand beside the real slices."""
    return load_schemas(SCHEMA_FILE.read_bytes(), SCHEMA_FILE.name)


def rules(content: Content, given: Schemas | None = None, **limits: Any) -> list[str]:  # noqa: ANN401 - TextLimits
    """Return the rules that a content breaks."""
    return [finding.rule for finding in validate(content, given, TextLimits(**limits))]


def places(content: Content, given: Schemas | None = None) -> list[tuple[str, str]]:
    """Return (rule, path) of what is wrong with a content."""
    return [(finding.rule, finding.path) for finding in validate(content, given)]
