"""Chats: `messages` or `conversations` as a list of {role, content}, with text calls or OpenAI `tool_calls`.

The completion is the run of assistant messages at the end; what stands before it is the prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger.readers.contract import Line, Raw, Reader, array_text, refuse
from ledger.sample import Content

_KEYS = ("messages", "conversations")
ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


def _key(value: Mapping[str, Any]) -> str | None:
    return next((key for key in _KEYS if key in value), None)


def matches(value: Mapping[str, Any]) -> bool:
    """Say whether the object has a list of messages."""
    return _key(value) is not None


def read(value: Mapping[str, Any]) -> Content:
    """Return the content; raise Refused where a message is not one."""
    key = _key(value)
    if key is None:
        raise refuse("no_messages", "there is no field `messages` or `conversations`")
    messages = value[key]
    if not isinstance(messages, list) or not messages:
        raise refuse("no_messages", f"`{key}` is not a list of messages")
    for number, message in enumerate(messages):
        check_message(message, f"{key}[{number}]")
    cut = completion_start(messages)
    return Content("conversational", tuple(messages[:cut]), tuple(messages[cut:]), value.get("tools"))


def raw(line: Line, content: Content) -> Raw:
    """Return the exact text of prompt and completion messages."""
    key = next(key for key in _KEYS if line.raw(key) is not None)
    items, cut = line.items(key), len(content.prompt)
    prompt, completion = items[:cut], items[cut:]
    tools = line.raw("tools")
    return Raw(array_text(prompt), array_text(completion), None if tools == "null" else tools)


def completion_start(messages: list[Mapping[str, Any]]) -> int:
    """Return the index at which the last run of assistant messages begins (the length, if there is none)."""
    cut = len(messages)
    while cut and messages[cut - 1]["role"] == "assistant":
        cut -= 1
    return cut


def check_message(message: Any, where: str) -> None:  # noqa: ANN401 - any JSON value
    """Raise Refused unless `message` is an object with a known role and content (or tool calls)."""
    if not isinstance(message, dict):
        raise refuse("bad_message", f"{where} is not an object")
    role, content, calls = message.get("role"), message.get("content"), message.get("tool_calls")
    if role not in ROLES:
        raise refuse("bad_role", f"{where}.role is {role!r}, not one of {', '.join(sorted(ROLES))}")
    if calls is not None and not isinstance(calls, list):
        raise refuse("bad_message", f"{where}.tool_calls is not a list")
    if isinstance(content, (str, list)) or (content is None and calls):
        return
    raise refuse("bad_message", f"{where} has neither text nor tool calls")


READER = Reader(
    "messages", 1, "a chat: messages or conversations of {role, content}", (*_KEYS, "tools"), matches, read, raw
)
