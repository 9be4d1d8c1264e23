"""A conversation as turns that templates can show: role, text, calls with pretty arguments. Text stays text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ledger import Ledger

FOLDED = 1_200
"""Characters of a turn from which on it is folded."""
LONGEST = 200_000
"""Characters of one text that are shown; the JSON twin has all of them."""


class Call(NamedTuple):
    """One tool call: its name, and its arguments as JSON with an indent, or as the text that stood there."""

    name: str
    arguments: str


class Turn(NamedTuple):
    """One message: who said it, the text before and after its calls, the calls; `cut` characters are not shown."""

    role: str
    side: str
    text: str
    calls: tuple[Call, ...]
    is_long: bool
    cut: int


def turns(ledger: Ledger, content: Mapping[str, Any] | None) -> list[Turn]:
    """Return the turns of a content as `show` tells it; none where its bytes were erased."""
    if content is None:
        return []
    found: list[Turn] = []
    for side in ("prompt", "completion"):
        said = content[side]
        if isinstance(said, str):
            found += [_turn(ledger, side, side, said, ())] if said else []
        else:
            found += [_message(ledger, side, message) for message in said]
    return found


def _message(ledger: Ledger, side: str, message: Mapping[str, Any]) -> Turn:
    calls = message.get("tool_calls")
    listed = calls if isinstance(calls, list) else []
    return _turn(ledger, str(message.get("role", "?")), side, _text(message.get("content")), listed)


def _turn(ledger: Ledger, role: str, side: str, text: str, calls: Iterable[Any]) -> Turn:
    structured = [_call(one) for one in calls]
    if not structured and role == "assistant":
        pieces = ledger.text_calls(text)
        structured = [Call(piece.name, _pretty(piece.arguments)) for piece in pieces if not isinstance(piece, str)]
        text = "".join(piece for piece in pieces if isinstance(piece, str)).strip() if structured else text
    shown = text[:LONGEST]
    return Turn(role, side, shown, tuple(structured), len(shown) > FOLDED, len(text) - len(shown))


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if isinstance(content, list):
        return "\n".join(
            str(part["text"]) if isinstance(part, dict) and "text" in part else _pretty(part) for part in content
        )
    return _pretty(content)


def _call(call: object) -> Call:
    inner = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(inner, dict):
        return Call("?", _pretty(call))
    return Call(str(inner.get("name", "?")), _pretty(inner.get("arguments")))


def _pretty(value: object) -> str:
    """Return JSON with an indent; a text that holds JSON is shown as that JSON, any other as it is."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return str(value)
    try:
        return json.dumps(value, ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return str(value)
