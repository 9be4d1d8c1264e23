"""What scorers read of a content: the text of each side, and the tool calls in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ledger.sample import BadJson, Content, Message, TextCall, strict_json, text_calls

_SYSTEM = frozenset({"system", "developer"})


class Call(NamedTuple):
    """One tool call: its name, and its arguments as parsed JSON (as text where they do not parse)."""

    name: str
    arguments: Any


def prompt_text(content: Content) -> str:
    """Return the instruction: the prompt without system messages, which the samples of a set tend to share.

    Where there is nothing else, the system messages are the instruction.
    """
    if isinstance(content.prompt, str):
        return content.prompt
    asked = [message for message in content.prompt if message.get("role") not in _SYSTEM]
    return _joined(asked or content.prompt)


def completion_text(content: Content) -> str:
    """Return the output: the text of the completion; structured tool calls are written as text calls are."""
    return content.completion if isinstance(content.completion, str) else _joined(content.completion)


def message_text(message: Message) -> str:
    """Return the text of one message, its text parts run together, its structured calls written out after it."""
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(part["text"] for part in content if isinstance(part.get("text"), str))
    text = content if isinstance(content, str) else ""
    if not message.get("tool_calls"):
        return text
    calls = [f"tool_call: {call.name}\narguments: {_written(call.arguments)}" for call in _structured(message)]
    return "\n".join([text, *calls] if text else calls)


def parts(message: Message) -> list[str | Call]:
    """Return the prose and the tool calls of one message, in order."""
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(part["text"] for part in content if isinstance(part.get("text"), str))
    found: list[str | Call] = []
    if isinstance(content, str) and content:
        said = text_calls(content) if message.get("role") == "assistant" else [content]
        found += [Call(part.name, part.arguments) if isinstance(part, TextCall) else part for part in said]
    return [*found, *_structured(message)]


def messages(content: Content) -> list[Message]:
    """Return all messages in order; texts of a standard content count as a user's and an assistant's."""
    if isinstance(content.prompt, str) or isinstance(content.completion, str):
        sides = (("user", content.prompt), ("assistant", content.completion))
        return [{"role": role, "content": text} for role, text in sides]
    return [*content.prompt, *content.completion]


def _structured(message: Message) -> Iterator[Call]:
    for call in message.get("tool_calls") or ():
        function = call.get("function", call) if isinstance(call, Mapping) else None
        if isinstance(function, Mapping) and isinstance(function.get("name"), str):
            yield Call(function["name"], _parsed(function.get("arguments")))


def _parsed(arguments: Any) -> Any:  # noqa: ANN401 - any JSON value
    if not isinstance(arguments, str):
        return arguments
    try:
        return strict_json(arguments)
    except BadJson:
        return arguments


def _written(arguments: Any) -> str:  # noqa: ANN401 - any JSON value
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _joined(said: Iterable[Message]) -> str:
    return "\n".join(text for text in map(message_text, said) if text)
