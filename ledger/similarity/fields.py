"""What is compared: one field of a content as text, and a text as words."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ledger.sample import BadJson, Content, Message, TextCall, strict_json, text_calls

FIELDS = ("conversation", "exchange", "prompt", "completion", "answer")
"""The fields that have a name; any other name is a path into the arguments of the completion's tool calls."""

_ESCAPED = re.compile('[\x00-\x1f"\\\\]')
_SYSTEM = frozenset({"system", "developer"})
_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, Chinese and Japanese, which put no spaces between words."""
_FOLDED = bytes(ord(char.lower()) if char.isascii() and char.isalnum() else ord(" ") for char in map(chr, range(256)))
"""What each byte of an ASCII text becomes before it is cut at spaces: three times as fast as a pattern."""
_LAST = 0x1FFFF
"""The last character that is looked up; beyond it stand Chinese characters, and none that belong to other words."""
_MOST_MARKS = 30
"""Combining marks in a row that count (Unicode's own limit for streams): more make NFC quadratic in Python."""


def field_text(content: Content, field: str) -> str | None:
    """Return a field of a content as text; None where the sample has no such field, "" where it is there and empty.

    `conversation` is what all messages say, without their roles; `exchange` leaves out system messages, which the
    samples of a set tend to share; so does `prompt`, unless it has nothing else; `completion` is the completion;
    `answer` is the last assistant message that calls no tool. Calls are written out in one way, whatever notation they
    came in.

    Anything else is a path ("context.toolContext") into the arguments of the completion's tool calls; the first call
    that has it counts. A name without dots is also looked for further down, nearest to the top first. A null is not
    there; a list of texts is its texts, a line each; what else is no text is written as JSON.
    """
    if field in {"conversation", "exchange"}:
        told = [each for each in _messages(content) if field == "conversation" or each.get("role") not in _SYSTEM]
        return "\n".join(map(_said, told))
    if field == "prompt":
        asked = [each for each in _side(content.prompt, "user") if each.get("role") not in _SYSTEM]
        return _joined(asked or _side(content.prompt, "user")) if content.prompt else None
    if field == "completion":
        return _joined(_side(content.completion, "assistant")) if content.completion else None
    return _answer(content) if field == "answer" else _argument(content, field)


def words(text: str) -> list[str]:
    """Return the words of a text: NFC, case folded, runs of letters, marks and digits; in linear time.

    A character of a script without spaces is a word of its own. What is neither (punctuation, symbols, control
    characters) only separates, so a text of nothing else has no words.
    """
    if text.isascii():
        return text.encode().translate(_FOLDED).decode().split()
    spoken, many_marks = _patterns()
    text = unicodedata.normalize("NFC", many_marks.sub(r"\1", text)).casefold()
    return spoken.findall(unicodedata.normalize("NFC", text))


def structured_calls(message: Message) -> Iterator[TextCall]:
    """Yield the tool calls that a message has beside its text, their arguments as values where they are written."""
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, (list, tuple)) else ():
        function = call.get("function", call) if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            yield TextCall(str(function.get("name")), _parsed(function.get("arguments")))


@lru_cache(1)
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the pattern of a word, and that of too many marks in a row; made when the first text needs them."""
    kinds = [unicodedata.category(chr(code))[0] for code in range(_LAST + 1)]
    spaceless = re.compile(f"[{_SPACELESS}]")
    letters = _ranges(code for code, kind in enumerate(kinds) if kind in "LNM" and not spaceless.match(chr(code)))
    alone = _ranges(code for code, kind in enumerate(kinds) if kind in "LNM" and spaceless.match(chr(code)))
    marks = _ranges(code for code in range(sys.maxunicode + 1) if unicodedata.combining(chr(code)))
    many = re.compile(f"([{marks}]{{{_MOST_MARKS}}})[{marks}]+")
    return re.compile(f"[{letters}]+|[{alone}\U00020000-\U0003ffff]"), many


def _ranges(codes: Iterable[int]) -> str:
    """Return ascending character codes as the inside of a character class."""
    runs: list[list[int]] = []
    for code in codes:
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in runs)


def _messages(content: Content) -> list[Message]:
    return [*_side(content.prompt, "user"), *_side(content.completion, "assistant")]


def _side(side: tuple[Message, ...] | str, role: str) -> Sequence[Message]:
    if isinstance(side, str):
        return [{"role": role, "content": side}] if side else []
    return side


def _joined(messages: Iterable[Message]) -> str:
    return "\n".join(text for text in map(_said, messages) if text)


def _said(message: Message) -> str:
    """Return the text of a message, its calls written out."""
    return "\n".join(part if isinstance(part, str) else _call(part) for part in _parts(message))


def _parts(message: Message) -> list[str | TextCall]:
    text, calls = _text(message), list(structured_calls(message))
    if message.get("role") != "assistant":
        return [text, *calls] if text else [*calls]
    return [*(part for part in text_calls(text) if part), *calls]


def _text(message: Message) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, (list, tuple)):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, Mapping))
    return "".join(text for text in texts if isinstance(text, str))


def _parsed(arguments: Any) -> Any:  # noqa: ANN401 - any JSON value
    if not isinstance(arguments, str):
        return arguments
    try:
        return strict_json(arguments)
    except BadJson:
        return arguments


def _call(call: TextCall) -> str:
    return f"tool_call: {call.name}\narguments: {_written(call.arguments)}"


def _written(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return arguments as text; what JSON would write as an escape, whose letter would become a word, is a space."""
    return value if isinstance(value, str) else json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return _ESCAPED.sub(" ", value)
    if isinstance(value, Mapping):
        return {_plain(name): _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _answer(content: Content) -> str | None:
    for message in reversed(_messages(content)):
        if message.get("role") == "assistant":
            parts = _parts(message)
            if not any(isinstance(part, TextCall) for part in parts):
                return "".join(part for part in parts if isinstance(part, str))
    return None


def _argument(content: Content, path: str) -> str | None:
    for message in _side(content.completion, "assistant"):
        for part in _parts(message):
            if isinstance(part, TextCall):
                found = _along(part.arguments, path) if "." in path else _nearest(part.arguments, path)
                if found is not None:
                    return _as_text(found)
    return None


def _along(value: Any, path: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return what stands at the end of a dotted path; a whole number is the place in a list, counted from 0."""
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isascii() and step.isdigit() and len(step) < _MOST_MARKS:
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value


def _nearest(value: Any, name: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of the first key of that name, level by level from the top, each in the order as written."""
    level = [value]
    while level:
        for each in level:
            if isinstance(each, Mapping) and each.get(name) is not None:
                return each[name]
        level = [below for each in level for below in _below(each)]
    return None


def _below(value: Any) -> Iterable[Any]:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _as_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    return _written(value)
