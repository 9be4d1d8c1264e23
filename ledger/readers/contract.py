"""What a reader is, and what reading one line yields: a sample's content and facts, or the reason it has none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]  # the standard library's own scanner, untyped
from typing import Any, NamedTuple

from ledger.sample import Content

_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # documented in json.scanner, untyped
_SPACE = frozenset(" \t\r\n")


class Refused(ValueError):  # noqa: N818 - a value in disguise: becomes an Unreadable before it leaves the readers
    """A line that is JSON but not a sample of the shape it has; `reason` is a stable word."""

    def __init__(self, reason: str, message: str) -> None:
        """Keep the reason beside the message."""
        super().__init__(message)
        self.reason = reason


class Unreadable(NamedTuple):
    """Why a line is not a valid sample: a stable word, and a sentence."""

    reason: str
    message: str


class Facts(NamedTuple):
    """What an envelope says about a sample."""

    label: bool | None
    domain: str | None
    tags: Mapping[str, str]


class Reading(NamedTuple):
    """A line as a sample: by which reader (`name@version`), its content, fingerprints and facts."""

    reader: str
    form: str
    type: str
    fingerprint: bytes
    prompt: bytes | None
    facts: Facts


class Raw(NamedTuple):
    """The JSON text of the training fields exactly as they stand in the line (None: not there)."""

    prompt: str | None
    completion: str | None
    tools: str | None


class Line:
    """The text of one JSON object, and the exact text of its parts, found only when asked for."""

    def __init__(self, text: str) -> None:
        """Keep the text; it must be an object that `strict_json` accepts."""
        self.text = text
        self._fields = dict(_object_spans(text, _skip(text, 0)))

    def raw(self, key: str) -> str | None:
        """Return the JSON text of a top-level field."""
        span = self._fields.get(key)
        return None if span is None else self.text[span[0] : span[1]]

    def items(self, key: str) -> list[str]:
        """Return the JSON texts of the items of a top-level array."""
        return [self.text[start:end] for start, end in _array_spans(self.text, self._fields[key][0])]


@dataclass(frozen=True, slots=True)
class Reader:
    """One shape of line: which fields are content, and how they become a Content.

    `matches` looks at the parsed object only; `read` raises Refused where the shape is right but the content is not;
    `raw` yields the exact text of the fields for a line that `read` accepted.
    """

    name: str
    version: int
    purpose: str
    keys: tuple[str, ...]
    matches: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any]], Content]
    raw: Callable[[Line, Content], Raw]

    @property
    def id(self) -> str:
        """Return `name@version`, as events record it."""
        return f"{self.name}@{self.version}"


def refuse(reason: str, message: str) -> Refused:
    """Return the exception to raise, so that messages can be built where they are used."""
    return Refused(reason, message)


def array_text(items: list[str]) -> str:
    """Return the JSON text of an array from the texts of its items."""
    return f"[{', '.join(items)}]"


def _skip(text: str, index: int) -> int:
    while text[index] in _SPACE:
        index += 1
    return index


def _object_spans(text: str, start: int) -> list[tuple[str, tuple[int, int]]]:
    spans: list[tuple[str, tuple[int, int]]] = []
    index = _skip(text, start + 1)
    while text[index] != "}":
        key, index = scanstring(text, index + 1, True)  # noqa: FBT003 - the standard library's own signature
        begin = _skip(text, _skip(text, index) + 1)
        _, end = _scan(text, begin)
        spans.append((key, (begin, end)))
        index = _skip(text, end)
        if text[index] == ",":
            index = _skip(text, index + 1)
    return spans


def _array_spans(text: str, start: int) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    index = _skip(text, start + 1)
    while text[index] != "]":
        _, end = _scan(text, index)
        spans.append((index, end))
        index = _skip(text, end)
        if text[index] == ",":
            index = _skip(text, index + 1)
    return spans
