"""Cutting JSON text into the exact texts of its parts, and putting such texts together: nothing is written again.

Numbers, escapes and key order of a part are those of the source. Each function looks at its text once. The texts are
JSON that `strict_json` accepts; for anything else a ValueError, IndexError, StopIteration or RecursionError is raised.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from json.decoder import scanstring  # type: ignore[attr-defined]  # the standard library's own scanner, untyped
from typing import Any, NamedTuple


def _number(text: str) -> tuple[str]:
    return (text,)


_DECODER = json.JSONDecoder(parse_float=_number, parse_int=_number)
_scan = _DECODER.scan_once  # type: ignore[attr-defined]  # documented in json.scanner, untyped
_SPACE = re.compile(r"[ \t\r\n]*")
_COLON = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")
_NEXT = re.compile(r"[ \t\r\n]*,?[ \t\r\n]*")
_EMPTY = re.compile(r"[ \t\r\n]*\[[ \t\r\n]*\][ \t\r\n]*")


class Span(NamedTuple):
    """Where a value stands in a text: `text[start:end]`."""

    start: int
    end: int


class Member(NamedTuple):
    """One member of an object: what its key says, where the key begins, and where its value stands."""

    key: str
    place: int
    start: int
    end: int


class Edit(NamedTuple):
    """What is to stand in the place of `text[start:end]`."""

    start: int
    end: int
    text: str


def items(text: str, start: int = 0) -> list[Span]:
    """Return where the items of the array stand that begins at `start` (white space before it is skipped)."""
    found = []
    index = _opened(text, start, "[")
    while text[index] != "]":
        _, end = _scan(text, index)
        found.append(Span(index, end))
        index = _after(_NEXT, text, end)
    return found


def members(text: str, start: int = 0) -> list[Member]:
    """Return the members of the object that begins at `start`, in their order."""
    found = []
    index = _opened(text, start, "{")
    while text[index] != "}":
        key, after = scanstring(text, index + 1, True)  # noqa: FBT003 - the standard library's own signature
        begin = _after(_COLON, text, after)
        _, end = _scan(text, begin)
        found.append(Member(key, index, begin, end))
        index = _after(_NEXT, text, end)
    return found


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with its edits made; they come in order and do not overlap."""
    parts, done = [], 0
    for edit in edits:
        parts += [text[done : edit.start], edit.text]
        done = edit.end
    return "".join([*parts, text[done:]])


def joined(first: str, second: str) -> str:
    """Return one array of the items of two."""
    if is_empty(first):
        return second
    if is_empty(second):
        return first
    return f"{first[: first.rindex(']')].rstrip()}, {second[second.index('[') + 1 :].lstrip()}"


def is_empty(array: str) -> bool:
    """Say whether an array has no items."""
    return _EMPTY.fullmatch(array) is not None


def concatenated(first: str, second: str) -> str:
    """Return the JSON string of two JSON strings, one after the other."""
    return first[: first.rindex('"')] + second[second.index('"') + 1 :]


def unquoted(text: str) -> str:
    """Return what a JSON string says; raise ValueError for any other value."""
    if not text.startswith('"'):
        raise ValueError("not a JSON string")
    said, _ = scanstring(text, 1, True)  # noqa: FBT003 - likewise
    return str(said)


def quoted(said: str) -> str:
    """Return a text as a JSON string."""
    return json.dumps(said, ensure_ascii=False)


def alike(first: str, second: str) -> bool:
    """Say whether two texts are one JSON value: white space, escapes and the order of keys apart.

    Numbers are compared as they are written: 1 is not 1.0.
    """
    return first == second or bool(value_of(first) == value_of(second))


def value_of(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return what a text says, a number as a tuple of its digits."""
    value, _ = _scan(text, _after(_SPACE, text, 0))
    return value


def _opened(text: str, start: int, bracket: str) -> int:
    """Return where the first part of an array or object stands, or its end where it has none."""
    index = _after(_SPACE, text, start)
    if text[index] != bracket:
        raise ValueError(f"no {bracket} at character {index}")
    return _after(_SPACE, text, index + 1)


def _after(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    if match is None:
        raise ValueError(f"not JSON at character {start}")
    return match.end()
