"""TRL's own shape: `prompt` and `completion`, both text (standard) or both lists of messages (conversational)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger.readers.contract import Line, Raw, Reader, refuse
from ledger.readers.messages import check_message
from ledger.sample import Content


def matches(value: Mapping[str, Any]) -> bool:
    """Say whether the object has a prompt and a completion."""
    return "prompt" in value and "completion" in value


def read(value: Mapping[str, Any]) -> Content:
    """Return the content; raise Refused where a side is neither text nor messages, or the sides differ in form."""
    prompt, completion = value.get("prompt"), value.get("completion")
    if isinstance(prompt, str) and isinstance(completion, str):
        return Content("standard", prompt, completion, value.get("tools"))
    if not isinstance(prompt, list) or not isinstance(completion, list):
        raise refuse("bad_sides", "`prompt` and `completion` must both be text or both lists of messages")
    for key, messages in (("prompt", prompt), ("completion", completion)):
        for number, message in enumerate(messages):
            check_message(message, f"{key}[{number}]")
    return Content("conversational", tuple(prompt), tuple(completion), value.get("tools"))


def raw(line: Line, _content: Content) -> Raw:
    """Return the exact text of both sides."""
    tools = line.raw("tools")
    return Raw(line.raw("prompt"), line.raw("completion"), None if tools == "null" else tools)


READER = Reader(
    "prompt_completion",
    1,
    "TRL's {prompt, completion}, as text or as messages",
    ("prompt", "completion", "tools"),
    matches,
    read,
    raw,
)
