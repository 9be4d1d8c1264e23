"""TRL's own shape: `prompt` and `completion`, both text (standard) or both lists of messages (conversational)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger.readers.contract import Line, Raw, Reader, check_tools, refuse
from ledger.readers.messages import check_messages
from ledger.sample import Content


def matches(value: Mapping[str, Any]) -> bool:
    """Say whether the object has a prompt and a completion."""
    return value.get("prompt") is not None and value.get("completion") is not None


def read(value: Mapping[str, Any]) -> Content:
    """Return the content; raise Refused where a side is neither text nor messages, or the sides differ in form."""
    prompt, completion, tools = value.get("prompt"), value.get("completion"), check_tools(value.get("tools"))
    if not prompt and not completion:
        raise refuse("no_messages", "`prompt` and `completion` are both empty")
    if isinstance(prompt, str) and isinstance(completion, str):
        return Content("standard", prompt, completion, tools)
    if not isinstance(prompt, list) or not isinstance(completion, list):
        raise refuse("bad_sides", "`prompt` and `completion` must both be text or both lists of messages")
    check_messages(prompt, "prompt")
    check_messages(completion, "completion")
    return Content("conversational", tuple(prompt), tuple(completion), tools)


def raw(line: Line) -> Raw:
    """Return the exact text of both sides."""
    return Raw(line.raw("prompt"), line.raw("completion"), line.raw("tools"))


READER = Reader(
    "prompt_completion",
    1,
    "TRL's {prompt, completion}, as text or as messages",
    ("prompt", "completion", "tools"),
    matches,
    read,
    raw,
)
