"""In which ways two contents say the same: what people look at to tell which text is the revision of which."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ledger.sample import Content, TextCall, text_calls
from ledger.similarity.fields import field_text, structured_calls, words

SIGNALS = ("identifiers", "tools", "arguments", "prompt")

_LONG = re.compile(r"[\w-]{8,}")
"""What may be an identifier: long, and with a letter and a digit in it."""


class Signs(NamedTuple):
    """What of a content is compared: its identifiers, the tools it calls, (path, value) of arguments, its prompt."""

    identifiers: frozenset[str]
    tools: tuple[str, ...]
    arguments: frozenset[tuple[str, str]]
    prompt: frozenset[str]


def signs(content: Content) -> Signs:
    """Return what of a content is compared."""
    calls = list(_calls(content))
    return Signs(
        frozenset(filter(_is_identifier, _LONG.findall(field_text(content, "conversation") or ""))),
        tuple(call.name for call in calls),
        frozenset(leaf for call in calls for leaf in _leaves(call.arguments)),
        frozenset(words(field_text(content, "prompt") or "")),
    )


def agreeing(one: Signs, other: Signs) -> list[str]:
    """Return in which ways two contents agree, of SIGNALS.

    They share an identifier; they call the same tools in one order; half of the arguments of the one with fewer, or
    half of all words of their prompts, are those of the other too.
    """
    least = min(len(one.arguments), len(other.arguments))
    held = (
        bool(one.identifiers & other.identifiers),
        bool(one.tools) and one.tools == other.tools,
        least > 0 and 2 * len(one.arguments & other.arguments) >= least,
        bool(one.prompt) and 2 * len(one.prompt & other.prompt) >= len(one.prompt | other.prompt),
    )
    return [name for name, holds in zip(SIGNALS, held, strict=True) if holds]


def _is_identifier(text: str) -> bool:
    return any(map(str.isdigit, text)) and any(map(str.isalpha, text))


def _calls(content: Content) -> Iterator[TextCall]:
    """Yield the tool calls of all messages of an assistant, in order, in whichever way they are written."""
    for side in (content.prompt, content.completion):
        for message in () if isinstance(side, str) else side:
            text = message.get("content") if message.get("role") == "assistant" else None
            if isinstance(text, str):
                yield from (part for part in text_calls(text) if isinstance(part, TextCall))
            yield from structured_calls(message)


def _leaves(arguments: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON value
    """Yield (path, value as text) of everything that holds nothing further."""
    left = [("", arguments)]
    while left:
        path, value = left.pop()
        if isinstance(value, Mapping):
            left += [(f"{path}.{name}", item) for name, item in value.items()]
        elif isinstance(value, list):
            left += [(f"{path}[]", item) for item in value]
        else:
            yield path, repr(value)
