"""Text: the length of the completion, whether it looks cut off, and secrets anywhere in a sample."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ledger.validators import secrets
from ledger.validators.contract import (
    ERROR,
    MISSING,
    WARNING,
    Finding,
    Schemas,
    Talk,
    TextLimits,
    Turn,
    Validator,
    finder,
)
from ledger.validators.reading import read_json

RULES = {
    "text/too_short": (ERROR, "the completion has fewer characters than were asked for"),
    "text/too_long": (ERROR, "the completion has more characters than were asked for"),
    "text/truncated_fence": (WARNING, "the last answer opens a code block and does not close it"),
    "text/truncated_json": (WARNING, "the last answer ends inside a JSON value"),
    "text/truncated_sentence": (WARNING, "the last answer ends in the middle of a sentence"),
    **secrets.RULES,
}
_found = finder(RULES)

_FENCE = re.compile(r"^[ \t]{0,3}```", re.MULTILINE)
_OPENS_JSON = re.compile(r"\s*+(?:\{|\[\s*+[{\[\"])")
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|["{}\[\]]', re.DOTALL)
_LONG_ENOUGH = 40
"""Characters from which an answer is taken for sentences."""
_UNFINISHED = re.compile(r"(?:[,;(\[{\uff0c\u3001\uff08]|[A-Za-z]-|(?<![A-Za-z])(?:the|a|an|and|or|of|my|your|its))\Z")
_TAIL = 12


def check(talk: Talk, _schemas: Schemas | None, limits: TextLimits) -> Iterator[Finding]:
    """Yield what is wrong with the texts of a content."""
    if limits.min_chars is not None or limits.max_chars is not None:
        yield from _length(talk, limits)
    if talk.turns and talk.turns[-1].role == "assistant":
        yield from _truncated(talk.turns[-1])
    yield from _secrets(talk)


def _length(talk: Talk, limits: TextLimits) -> Iterator[Finding]:
    length = sum(len(turn.text) + _structured_length(turn) for turn in talk.turns[talk.cut :])
    if limits.min_chars is not None and length < limits.min_chars:
        message = f"the completion has {length} characters, fewer than {limits.min_chars}"
        yield _found("text/too_short", "completion", message)
    if limits.max_chars is not None and length > limits.max_chars:
        message = f"the completion has {length} characters, more than {limits.max_chars}"
        yield _found("text/too_long", "completion", message)


def _structured_length(turn: Turn) -> int:
    written = turn.message.get("tool_calls") if isinstance(turn.message, Mapping) else None
    return len(json.dumps(written, ensure_ascii=False)) if written else 0


def _truncated(turn: Turn) -> Iterator[Finding]:
    place = turn.path if turn.message is MISSING else f"{turn.path}.content"
    if "```" in turn.text and "````" not in turn.text and len(_FENCE.findall(turn.text)) % 2:
        yield _found("text/truncated_fence", place, "a code block is opened and not closed")
        return
    last = turn.calls[-1] if turn.calls else None
    if last is not None and last.arguments is MISSING and is_cut_off(last.text):
        yield _found("text/truncated_json", f"{last.path}.arguments", "the arguments end before the JSON value does")
    elif last is None and _OPENS_JSON.match(turn.text):
        if read_json(turn.text.lstrip()).value is MISSING and is_cut_off(turn.text):
            yield _found("text/truncated_json", place, "the answer ends before the JSON value does")
    elif len(turn.told) >= _LONG_ENOUGH and _ends_unfinished(turn):
        yield _found("text/truncated_sentence", place, "the answer ends in the middle of a sentence")


def is_cut_off(text: str) -> bool:
    """Say whether a text that begins like JSON ends inside a string, an array or an object."""
    depth = 0
    for token in _BRACKET.finditer(text):
        sign = token[0]
        if sign == '"':
            return True
        depth += (sign in "{[") - (sign in "}]")
        if depth == 0 and sign in "}]":
            return False  # the value is over; what is wrong is not that it was cut off
    return depth > 0


def _ends_unfinished(turn: Turn) -> bool:
    if isinstance(turn.message, Mapping) and turn.message.get("tool_calls"):
        return False  # structured calls come after the text
    return _UNFINISHED.search(turn.told[-2 * _TAIL :].rstrip()[-_TAIL:]) is not None


def _secrets(talk: Talk) -> Iterator[Finding]:
    for turn in talk.turns:
        if not isinstance(turn.message, Mapping):
            yield from _in(turn.text, turn.path)
            continue
        for key, value in turn.message.items():
            if key == "content":
                yield from _in(value, f"{turn.path}.content")
            elif key == "tool_calls":
                yield from _in(value, f"{turn.path}.tool_calls")
            elif key != "role":
                yield from _in(value, f"{turn.path}.*")
    if talk.content.tools is not None:
        yield from _in(talk.content.tools, "tools")


def _in(value: Any, path: str) -> Iterator[Finding]:  # noqa: ANN401 - any JSON value
    for text in (value,) if isinstance(value, str) else _strings(value):
        for secret in secrets.find_secrets(text):
            what = RULES[secret.rule][1]
            yield _found(secret.rule, path, f"{what}, characters {secret.start} to {secret.end}")


def _strings(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield every text in a JSON value, keys too, in order."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            waiting.extend(reversed([part for pair in item.items() for part in pair]))
        elif isinstance(item, list):
            waiting.extend(reversed(item))


VALIDATOR = Validator("text", "1", "length, signs of being cut off, secrets", check, RULES)
