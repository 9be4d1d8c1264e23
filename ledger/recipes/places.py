"""Where things stand in the bytes of a content: messages, the tool calls in their texts, and values in the arguments.

A text of JSON may hold JSON again: arguments stand in a text that stands in a line. A layer is such a text as it is
meant, with the place in the document of each of its characters, so that a change of a stretch of it becomes a change of
the document and of nothing else. Everything here looks at JSON that `strict_json` accepts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from json.decoder import scanstring  # type: ignore[attr-defined]  # the standard library's own scanner, untyped
from typing import Any, NamedTuple

from ledger.sample import BadJson, strict_json

_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # documented in json.scanner, untyped
_SPACE = re.compile(r"[ \t\r\n]*+")
_COLON = re.compile(r"[ \t\r\n]*+:[ \t\r\n]*+")
_NEXT = re.compile(r"[ \t\r\n]*+,?[ \t\r\n]*+")
_UNIT = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]++", re.DOTALL
)
_CALL = re.compile(r"(?:^|(?<=\n))tool_call:([^\n]*)\narguments:[ \t]*+(?=\{)")
_CHATS: Sequence[str] = ("messages", "conversations")
_SIDES: Sequence[str] = ("prompt", "completion")
_RESULT = re.compile(r"\s*+Result:[ \t]*+(?=\{)")


class Span(NamedTuple):
    """Where a value stands in the text of a layer: from `start` up to, not including, `end`."""

    start: int
    end: int


class Edit(NamedTuple):
    """What is to stand in the place of the document's characters from `start` to `end`."""

    start: int
    end: int
    text: str


class Layer(NamedTuple):
    """A text that stands in a document: what it says, where each character and its end stand, how deep it is quoted."""

    text: str
    places: Sequence[int]
    depth: int = 0

    def inside(self, span: Span) -> Layer:
        """Return what the JSON string at a span says."""
        literal = self.text[span.start : span.end]
        if "\\" not in literal:
            return Layer(literal[1:-1], self.places[span.start + 1 : span.end], self.depth + 1)
        places: list[int] = []
        for unit in _UNIT.finditer(literal, 1, len(literal) - 1):
            first = span.start + unit.start()
            many = 1 if unit[0][0] == "\\" else len(unit[0])
            places.extend(self.places[first : first + many])
        places.append(self.places[span.end - 1])
        return Layer(str(json.loads(literal)), places, self.depth + 1)

    def edit(self, span: Span, text: str) -> Edit:
        """Return the change of the document that puts a text in the place of a stretch of this one."""
        for _ in range(self.depth):
            text = json.dumps(text, ensure_ascii=False)[1:-1]
        return Edit(self.places[span.start], self.places[span.end], text)

    def kind(self, span: Span) -> str:
        """Return the sign with which a value begins: `{`, `[`, `"`, or that of a number or a word."""
        return self.text[span.start]


class Call(NamedTuple):
    """A tool call: its name, the layer that its arguments stand in, and where."""

    name: str
    layer: Layer
    arguments: Span


class TextCall(NamedTuple):
    """A call that a text writes out: where its mark begins, where its arguments stand, and what they say."""

    name: str
    start: int
    arguments: Span
    value: dict[str, Any]


def document(raw: bytes) -> Layer:
    """Return the bytes of a content as a layer; raise ValueError for what is not UTF-8."""
    text = raw.decode()
    return Layer(text, range(len(text) + 1))


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Return a document with its edits made; they may come in any order and do not overlap."""
    parts, done = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < done:
            raise ValueError("two changes of one place")
        parts += [text[done : edit.start], edit.text]
        done = edit.end
    return "".join([*parts, text[done:]])


def members(layer: Layer, span: Span) -> Iterator[tuple[str, Span]]:
    """Yield each key of the object at a span, with where its value stands."""
    index = _after(_SPACE, layer.text, span.start + 1)
    while layer.text[index] != "}":
        key, after = scanstring(layer.text, index + 1, True)  # noqa: FBT003 - the standard library's own signature
        begin = _after(_COLON, layer.text, after)
        _, end = _scan(layer.text, begin)
        yield key, Span(begin, end)
        index = _after(_NEXT, layer.text, end)


def items(layer: Layer, span: Span) -> Iterator[Span]:
    """Yield where the items of the array at a span stand."""
    index = _after(_SPACE, layer.text, span.start + 1)
    while layer.text[index] != "]":
        _, end = _scan(layer.text, index)
        yield Span(index, end)
        index = _after(_NEXT, layer.text, end)


def whole(layer: Layer) -> Span:
    """Return where the one value of a text of JSON stands; raise ValueError where it is none."""
    start = _after(_SPACE, layer.text, 0)
    _, end = _scan(layer.text, start)
    if _after(_SPACE, layer.text, end) != len(layer.text):
        raise ValueError("text follows the value")
    return Span(start, end)


def at(layer: Layer, span: Span, path: Sequence[str]) -> Span | None:
    """Return where the value at the end of a path of keys stands, None where nothing does."""
    for step in path:
        if layer.kind(span) != "{":
            return None
        found = next((inner for key, inner in members(layer, span) if key == step), None)
        if found is None:
            return None
        span = found
    return span


def added(layer: Layer, span: Span, key: str, value: str) -> Edit:
    """Return the change that adds a key, with a value written as JSON, at the end of the object at a span."""
    ends = [inner.end for _, inner in members(layer, span)]
    place = ends[-1] if ends else span.start + 1
    member = f"{json.dumps(key, ensure_ascii=False)}: {value}"
    return layer.edit(Span(place, place), f", {member}" if ends else member)


def text_calls(text: str) -> list[TextCall]:
    """Return the calls that a text writes out after `tool_call:`, as `ledger.sample.text_calls` finds them."""
    marks = list(_CALL.finditer(text))
    found = []
    for number, mark in enumerate(marks, 1):
        end = marks[number].start() if number < len(marks) else len(text)
        within = text[mark.end() : end]  # cut at the next mark, so that a text of failing marks stays linear
        try:
            _, length = _scan(within, 0)
            value = strict_json(within[:length])
        except (StopIteration, BadJson, ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            span = Span(mark.end(), mark.end() + length)
            found.append(TextCall(mark[1].strip(" \t\r"), mark.start(), span, value))
    return found


def value_at(text: str, start: int) -> tuple[Any, int]:
    """Return the JSON value that begins at `start`, and its end; raise ValueError or StopIteration without one."""
    value, end = _scan(text, start)
    return value, int(end)


def result_at(text: str, start: int) -> tuple[Span, Span] | None:
    """Return where the result of a call stands that ends at `start`: all of it, and its JSON. None without one."""
    mark = _RESULT.match(text, start)
    if mark is None:
        return None
    try:
        _, length = _scan(text[mark.end() :], 0)
    except (StopIteration, ValueError, RecursionError):
        return None
    return Span(start, mark.end() + length), Span(mark.end(), mark.end() + length)


def message_spans(layer: Layer) -> list[tuple[Mapping[str, Span], str]]:
    """Return the messages of a content of messages: where each one's members stand, and its role."""
    top = dict(members(layer, whole(layer)))
    keys = [key for key in _CHATS if key in top and layer.kind(top[key]) == "["][:1]
    found: list[tuple[Mapping[str, Span], str]] = []
    for key in keys or _SIDES:
        if key in top and layer.kind(top[key]) == "[":
            for span in items(layer, top[key]):
                inner = dict(members(layer, span)) if layer.kind(span) == "{" else {}
                role = inner.get("role")
                said = json.loads(layer.text[role.start : role.end]) if role is not None else None
                found.append((inner, said if isinstance(said, str) else ""))
    return found


def _after(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    if match is None:
        raise ValueError(f"not JSON at character {start}")
    return match.end()
