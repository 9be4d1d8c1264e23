"""Whether two contents are one but for the fields that may differ, compared as what they say and not as text.

The order of keys in an object, white space and escapes make no difference; the order of messages, of calls and of the
items of a list does, and 1 is not 1.0.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from ledger.recipes.fields import AFTER, ANSWER, BEFORE, NAMED, PROMPT, RESULT
from ledger.sample import BadJson, Content, Message, TextCall, strict_json, text_calls

_FREE = "free"
"""What stands for a text that may differ."""


def same(one: Content, other: Content, free: Collection[str]) -> bool:
    """Say whether two contents differ in nothing but the fields whose names or paths are `free`."""
    return _written(one, free) == _written(other, free)


def _written(content: Content, free: Collection[str]) -> str:
    return json.dumps(_skeleton(content, free), sort_keys=True)


def _skeleton(content: Content, free: Collection[str]) -> list[Any]:
    """Return what two contents must share, with the free fields masked."""
    messages = _messages(content)
    parts = [_parts(message) for message in messages]
    calling = [number for number, found in enumerate(parts) if any(map(_is_call, found))]
    asking = [number for number, message in enumerate(messages) if message.get("role") == "user"]
    last = len(messages) - 1
    if PROMPT in free and asking:
        parts[asking[-1]] = [_FREE]
    if ANSWER in free and messages and last not in calling and messages[last].get("role") == "assistant":
        parts[last] = [_FREE]
    if calling:
        parts[calling[-1]] = _masked(parts[calling[-1]], free)
    others = [_others(message) for message in messages]
    roles = [message.get("role") for message in messages]
    cut = 1 if isinstance(content.prompt, str) else len(content.prompt)
    return [content.form, cut, roles, parts, others, content.tools]


def _masked(parts: list[Any], free: Collection[str]) -> list[Any]:
    """Return the prose and calls of a message with what is free in them masked: `["call", name, arguments]`."""
    numbers = [number for number, part in enumerate(parts) if _is_call(part)]
    first, last = numbers[0], numbers[-1]
    before = [] if BEFORE in free else parts[:first]
    behind = [] if {RESULT, AFTER} & set(free) else parts[last + 1 :]
    found = [*before, *parts[first : last + 1], *behind]
    at = found.index(parts[first])
    kind, name, arguments = parts[first]
    for path in sorted({*free} - {*NAMED}):
        arguments = _without(arguments, path.split("."))
    found[at] = [kind, name, arguments]
    return found


def _without(value: Any, steps: list[str]) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value without what stands at the end of a path of keys."""
    if not isinstance(value, Mapping) or steps[0] not in value:
        return value
    if len(steps) == 1:
        return {key: inner for key, inner in value.items() if key != steps[0]}
    return {**value, steps[0]: _without(value[steps[0]], steps[1:])}


def _messages(content: Content) -> list[Message]:
    sides = (("user", content.prompt), ("assistant", content.completion))
    found: list[Message] = []
    for role, side in sides:
        found += [{"role": role, "content": side}] if isinstance(side, str) else side
    return found


def _parts(message: Message) -> list[Any]:
    """Return the prose of a message as texts and its calls as `["call", name, arguments]`, in order."""
    said = message.get("content")
    parts: list[Any] = [["other", said, None]] if not isinstance(said, str) and said is not None else []
    if isinstance(said, str):
        found = text_calls(said) if message.get("role") == "assistant" else [said]
        parts += [["call", part.name, part.arguments] if isinstance(part, TextCall) else part for part in found if part]
    return parts + [["call", *_called(call)] for call in message.get("tool_calls") or ()]


def _is_call(part: Any) -> bool:  # noqa: ANN401 - a text, or what stands for a call
    return isinstance(part, list) and part[0] == "call"


def _called(call: Any) -> tuple[Any, Any]:  # noqa: ANN401 - any JSON value
    """Return the name of a structured call with what else it says, and its arguments, parsed where they are text."""
    function = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        return call, None
    arguments = function.get("arguments")
    rest = [{key: inner for key, inner in side.items() if key != "arguments"} for side in (call, function)]
    rest[0].pop("function", None)
    if isinstance(arguments, str):
        try:
            arguments = strict_json(arguments)
        except BadJson:
            return rest, arguments
    return rest, arguments


def _others(message: Message) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key not in {"content", "tool_calls", "role"}}
