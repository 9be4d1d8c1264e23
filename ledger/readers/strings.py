"""Changing stretches of the texts inside a JSON document, and nothing else of it: no other escape, number or space.

A text may hold JSON itself (the arguments of a call, written as text or standing after `arguments:`), whose strings
are texts again. What is looked for is looked for in each text as it is meant, with its escapes undone, and then found
again in the characters of the document, where it is replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PIECE = re.compile(rf"{_STRING}|[{{}}\[\],:]", re.DOTALL)
_TEXT = re.compile(_STRING, re.DOTALL)
_UNIT = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]++",
    re.DOTALL,
)
_IS_KEY = re.compile(r"[ \t\r\n]*:")
_OPENING = re.compile(r"[ \t\r\n]*(?=[\[{\"])")
_MARK = re.compile(r"(?:^|(?<=\n))arguments:[ \t\r\n]*+(?=\{)|\[TOOL_CALLS\]\s*+(?=\[)")
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # documented in json.scanner, untyped
_DEEPEST = 4
"""Texts in texts that are looked into; JSON in JSON in JSON is as far as real data goes."""

WORDS = frozenset(
    {"arguments", "completion", "content", "conversations", "description", "function", "id", "input", "instruction"}
    | {"messages", "name", "output", "parameters", "prompt", "role", "text", "tool_call_id", "tool_calls", "tools"}
    | {"type"}
)
"""Keys that a path names: those of the formats. Any other key is the sample's own, and stands there as `*`."""


class Stretch(NamedTuple):
    """Characters of a text from `start` up to, not including, `end`, and the name of what they are."""

    name: str
    start: int
    end: int


class Found(NamedTuple):
    """A stretch of a document: its name, where it stands, whether in an object's key, and the path of its text."""

    name: str
    start: int
    end: int
    in_key: bool
    path: str


Find = Callable[[str], Sequence[Stretch]]
"""From a text to its stretches, in order and without overlap."""


def find_in_strings(document: str, find: Find) -> list[Found]:
    """Return the stretches of every text in a JSON document (one that `strict_json` accepts), in order.

    Of JSON in a text only what stands inside its strings is returned, in pieces if need be, so that it stays JSON.
    """
    found: list[Found] = []
    for begin, written, steps, is_key in _strings(document):
        stretches = _merged(_search(written, begin, find, 0))
        if stretches:
            leaves = list(_leaves(written, begin, 0, is_key=is_key))
            path = _path(steps)
            found += [Found(*piece, path) for piece in _cut(stretches, leaves)]
    return found


def replaced(document: str, found: Iterable[Found], word: Callable[[Found], str]) -> str:
    """Return the document with a word in the place of each stretch; the word must need no escape in JSON."""
    parts, done = [], 0
    for one in found:
        parts += [document[done : one.start], word(one)]
        done = one.end
    return "".join([*parts, document[done:]])


class _Leaf(NamedTuple):
    """Characters that are text and nothing else, and whether they belong to an object's key."""

    start: int
    end: int
    in_key: bool


def _strings(document: str) -> Iterator[tuple[int, str, tuple[str | int, ...], bool]]:
    """Yield (where it begins, as it is written, the steps to it, whether it is a key) of each string of a document."""
    steps: list[str | int] = []
    key = False  # whether the next string is a key
    for piece in _PIECE.finditer(document):
        sign = piece[0]
        if sign[0] == '"':
            if key:
                word = json.loads(sign)
                steps[-1] = word if word in WORDS else "*"
            yield piece.start(), sign, tuple(steps), key
            key = False
        elif sign in "{[":
            steps.append("*" if sign == "{" else 0)
            key = sign == "{"
        elif sign in "}]":
            steps.pop()
            key = False
        elif sign == ",":
            step = steps[-1]
            key = isinstance(step, str)
            steps[-1] = "*" if isinstance(step, str) else step + 1


def _path(steps: tuple[str | int, ...]) -> str:
    return "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in steps).removeprefix(".")


def _search(written: str, begin: int, find: Find, depth: int) -> list[Stretch]:
    """Return the stretches of a string that stands, as `written`, at `begin`, and of the strings of JSON in it."""
    text = _meaning(written)
    stretches = list(find(text))
    if "\\" in text:  # else no string in it means anything but what is written there
        for string in _inner(text, depth):
            stretches += _search(string[0], string.start(), find, depth + 1)
    if not stretches:
        return []
    places = _places(written, begin)
    return [Stretch(name, places[start], places[end]) for name, start, end in stretches]


def _leaves(written: str, begin: int, depth: int, *, is_key: bool) -> Iterator[_Leaf]:
    """Yield the leaves of a string that stands, as `written`, at `begin`, in order."""
    text = _meaning(written)
    places = _places(written, begin)
    done = 0
    for start, end in _json_in(text) if depth < _DEEPEST else ():
        yield _Leaf(places[done], places[start], is_key)
        for string in _TEXT.finditer(text, start, end):
            in_key = is_key or _IS_KEY.match(text, string.end(), end) is not None
            for leaf in _leaves(string[0], string.start(), depth + 1, is_key=in_key):
                yield leaf._replace(start=places[leaf.start], end=places[leaf.end])
        done = end
    yield _Leaf(places[done], places[len(text)], is_key)


def _cut(stretches: list[Stretch], leaves: list[_Leaf]) -> Iterator[tuple[str, int, int, bool]]:
    """Yield (name, start, end, whether in a key) of the parts of stretches that lie in leaves; both are in order."""
    at = 0
    for name, begin, stop in stretches:
        while leaves[at].end <= begin and at + 1 < len(leaves):
            at += 1
        for leaf in islice(leaves, at, None):
            if leaf.start >= stop:
                break
            start, end = max(begin, leaf.start), min(stop, leaf.end)
            if start < end:
                yield name, start, end, leaf.in_key


def _inner(text: str, depth: int) -> Iterator[re.Match[str]]:
    """Yield the strings of the JSON in a text."""
    for start, end in _json_in(text) if depth < _DEEPEST else ():
        yield from _TEXT.finditer(text, start, end)


def _json_in(text: str) -> Iterator[tuple[int, int]]:
    """Yield where JSON values begin and end in a text: it is one as a whole, or they are what tools are called with."""
    opening = _OPENING.match(text)
    if opening is not None:
        end = _end_of_json(text, opening.end())
        if end is not None and not text[end:].strip(" \t\r\n"):
            yield opening.end(), end
            return
    marks = list(_MARK.finditer(text))
    for number, mark in enumerate(marks, 1):
        # Cut at the next mark, so that a text of failing marks takes time in proportion to its length.
        within = text[mark.end() : marks[number].start() if number < len(marks) else len(text)]
        end = _end_of_json(within, 0)
        if end is not None:
            yield mark.end(), mark.end() + end


def _end_of_json(text: str, start: int) -> int | None:
    try:
        return int(_scan(text, start)[1])
    except (StopIteration, ValueError, RecursionError):
        return None


def _meaning(written: str) -> str:
    return str(json.loads(written)) if "\\" in written else written[1:-1]


def _places(written: str, begin: int) -> Sequence[int]:
    """Return where each character of a string's meaning begins in how it is written, and where the last one ends."""
    if "\\" not in written:
        return range(begin + 1, begin + len(written))
    places: list[int] = []
    for unit in _UNIT.finditer(written, 1, len(written) - 1):
        first, last = begin + unit.start(), begin + unit.end()
        places.extend((first,) if unit[0][0] == "\\" else range(first, last))
    return [*places, begin + len(written) - 1]


def _merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return stretches in order, those that overlap made one under the first one's name."""
    merged: list[Stretch] = []
    for one in sorted(stretches, key=lambda stretch: (stretch.start, -stretch.end)):
        if merged and one.start < merged[-1].end:
            merged[-1] = merged[-1]._replace(end=max(merged[-1].end, one.end))
        else:
            merged.append(one)
    return merged
