"""Chats: `messages` or `conversations` as a list of {role, content}, with text calls or OpenAI `tool_calls`.

The completion is the run of assistant messages at the end; what stands before it is the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from ledger.readers.contract import Line, Raw, Reader, array_text, check_tools, refuse, short
from ledger.sample import Content

_KEYS = ("messages", "conversations")
ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_MESSAGE = rb'\{"role": "%b", "content": "[^"\\]*+(?:\\.[^"\\]*+)*+"\}'
_USUAL = re.compile(
    rb'\{"(?:messages|conversations)": \[(%b), (%b)\](?:, (?=")|(?=\}))'
    % (_MESSAGE % b"(?!assistant)[a-z]+", _MESSAGE % b"assistant")
)
"""How most lines begin: a question and an answer, spaced as Python does."""


def matches(value: Mapping[str, Any]) -> bool:
    """Say whether the object has messages."""
    return _key(value) is not None


def read(value: Mapping[str, Any]) -> Content:
    """Return the content; raise Refused where a message is not one."""
    key = _key(value)
    messages = None if key is None else value[key]
    if not isinstance(messages, list) or not messages:
        raise refuse("no_messages", f"`{key or ' or '.join(_KEYS)}` is not a list of messages")
    check_messages(messages, key or "")
    cut = completion_start(messages)
    return Content("conversational", tuple(messages[:cut]), tuple(messages[cut:]), check_tools(value.get("tools")))


def raw(line: Line) -> Raw:
    """Return the exact text of prompt and completion messages."""
    texts, values = line.items(_KEYS[line.raw(_KEYS[0]) is None])
    cut = completion_start(values)
    return Raw(array_text(texts[:cut]), array_text(texts[cut:]), line.raw("tools"))


def usual(body: bytes) -> Raw | None:
    """Return the same of a line that begins with a question and an answer and has nothing else of content."""
    found = _USUAL.match(body)
    if found is None:
        return None
    try:
        rest = orjson.loads(b"{" + body[found.end() :])
    except orjson.JSONDecodeError:
        return None
    if not rest.keys().isdisjoint(READER.keys):
        return None
    return Raw(f"[{found[1].decode()}]", f"[{found[2].decode()}]", None)


def completion_start(messages: list[Mapping[str, Any]]) -> int:
    """Return the index at which the last run of assistant messages begins (the length, if there is none)."""
    cut = len(messages)
    while cut and messages[cut - 1]["role"] == "assistant":
        cut -= 1
    return cut


def check_messages(messages: list[Any], where: str) -> None:
    """Raise Refused unless each message is an object with a known role and content (or tool calls)."""
    for number, message in enumerate(messages):
        fault = _fault(message)
        if fault is not None:
            raise refuse(fault[0], f"{where}[{number}]{fault[1]}")


def _key(value: Mapping[str, Any]) -> str | None:
    for key in _KEYS:
        if value.get(key) is not None:
            return key
    return None


def _fault(message: Any) -> tuple[str, str] | None:  # noqa: ANN401 - any JSON value
    if not isinstance(message, dict):
        return "bad_message", " is not an object"
    role, calls = message.get("role"), message.get("tool_calls")
    if not isinstance(role, str) or role not in ROLES:
        return "bad_role", f".role is {short(role)}, not one of {', '.join(sorted(ROLES))}"
    if calls is not None and not (isinstance(calls, list) and all(map(_is_call, calls))):
        return "bad_message", ".tool_calls is not a list of calls, each with a name"
    fault = _content_fault(message.get("content"), bool(calls))
    return None if fault is None else ("bad_message", fault)


def _content_fault(content: Any, calls: bool) -> str | None:  # noqa: ANN401, FBT001 - any JSON value; whether it calls
    if isinstance(content, str):
        return None
    if content is None:
        return None if calls else " has neither text nor tool calls"
    if isinstance(content, list) and all(map(_is_part, content)):
        return None
    return ".content is neither text nor a list of parts, each with a type"


def _is_call(call: Any) -> bool:  # noqa: ANN401 - any JSON value
    function = call.get("function", call) if isinstance(call, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def _is_part(part: Any) -> bool:  # noqa: ANN401 - any JSON value
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        return False
    return part["type"] != "text" or isinstance(part.get("text"), str)


READER = Reader(
    "messages",
    1,
    "a chat: messages or conversations of {role, content}",
    (*_KEYS, "tools"),
    matches,
    read,
    raw,
    _KEYS,
    usual,
)
