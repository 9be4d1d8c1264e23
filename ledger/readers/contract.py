"""What a reader is, and what reading one line yields: a sample's content and facts, or the reason it has none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]  # the standard library's own scanner, untyped
from typing import Any, NamedTuple

from ledger.sample import Content

_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # documented in json.scanner, untyped
_FIRST = re.compile(r"[ \t\r\n]*[\[{][ \t\r\n]*")
_COLON = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")
_NEXT = re.compile(r"[ \t\r\n]*,?[ \t\r\n]*")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""What no fact may hold, since facts are shown in terminals."""
MISSING = object()
"""What stands where a line has nothing at all, as null is something."""


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


class Recorded(NamedTuple):
    """A decision that stands in an envelope: accepted or rejected, by which rule, with which numbers."""

    outcome: str
    rule: str | None
    details: Mapping[str, Any]


class Facts(NamedTuple):
    """What an envelope says about a sample; a decision only where somebody asked for those."""

    label: bool | None
    domain: str | None
    tags: Mapping[str, str]
    decision: Recorded | None = None


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


class Items(NamedTuple):
    """The items of an array: the exact text of each, and what each says."""

    texts: list[str]
    values: list[Any]


class Line:
    """The text of one JSON object, cut into the exact texts of its fields."""

    def __init__(self, text: str, split: Collection[str] = (), wanted: Collection[str] | None = None) -> None:
        """Cut `text`, an object that `strict_json` accepts; arrays named in `split` are cut into their items too.

        Where only some keys are `wanted`, an end that surely holds none of them is not looked at: envelopes are long.
        """
        self._fields: dict[str, str] = {}
        self._items: dict[str, Items] = {}
        index = _inside(text, 0)
        while text[index] != "}":
            key, index = scanstring(text, index + 1, True)  # noqa: FBT003 - the standard library's own signature
            begin = _colon(text, index)
            if key in split and text[begin] == "[":
                self._items[key], end = _items(text, begin)
            else:
                _, end = _scan(text, begin)
            self._fields[key] = text[begin:end]
            if wanted is not None and key in wanted and _has_none(text, end, wanted):
                break
            index = _next(text, end)

    def raw(self, key: str) -> str | None:
        """Return the JSON text of a field; None where it is null or not there."""
        text = self._fields.get(key)
        return None if text == "null" else text

    def items(self, key: str) -> Items:
        """Return the items of an array that was split."""
        return self._items[key]


@dataclass(frozen=True, slots=True)
class Reader:
    """One shape of line: which fields are content, and how they become a Content.

    `matches` looks at the parsed object only; `read` raises Refused where the shape is right but the content is not;
    `raw` yields the exact text of the fields for a line that `read` accepted, cut at the arrays that `split` names;
    `usual` yields the same from the bytes of lines of the usual form, faster, and None for all others.
    Any change to what an old line yields needs a new version, since events name the reader.
    """

    name: str
    version: int
    purpose: str
    keys: tuple[str, ...]
    matches: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any]], Content]
    raw: Callable[[Line], Raw]
    split: tuple[str, ...] = ()
    usual: Callable[[bytes], Raw | None] | None = None
    id: str = field(init=False)
    """`name@version`, as events record it."""

    def __post_init__(self) -> None:
        """Make the id."""
        object.__setattr__(self, "id", f"{self.name}@{self.version}")


def refuse(reason: str, message: str) -> Refused:
    """Return the exception to raise, so that messages can be built where they are used."""
    return Refused(reason, message)


def short(item: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a value as a message shows it: quoted, without control characters, 40 characters at most."""
    return repr(str(item)[:40])


def at(value: Any, place: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return what stands at a dotted path of a parsed line, MISSING where nothing does."""
    for step in place.split("."):
        if not isinstance(value, dict) or step not in value:
            return MISSING
        value = value[step]
    return value


def check_tools(tools: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the tools of a line: none, a list, or a list written as JSON text; raise Refused for anything else."""
    if tools is None or isinstance(tools, (list, str)):
        return tools
    raise refuse("bad_tools", "`tools` is neither a list nor JSON text")


def array_text(texts: list[str]) -> str:
    """Return the JSON text of an array from those of its items."""
    return f"[{', '.join(texts)}]"


def _has_none(text: str, start: int, keys: Collection[str]) -> bool:
    """Say whether surely none of the keys stands behind `start`, as it is or with a letter escaped."""
    if text.find("\\u00", start) >= 0:
        return False
    for key in keys:  # noqa: SIM110 - for every row of an export, and half as fast with any()
        if text.find(f'"{key}"', start) >= 0:
            return False
    return True


def _inside(text: str, start: int) -> int:
    """Return where the first key or item of what opens at `start` begins, or its end: as `_colon` does."""
    if text[start] in "[{" and text[start + 1] > " ":
        return start + 1
    return _after(_FIRST, text, start)


def _colon(text: str, start: int) -> int:
    """Return where a value begins, after the colon at `start`: as most programs write it, else wherever it is."""
    if text[start] == ":":
        if text[start + 1] > " ":
            return start + 1
        if text[start + 1] == " " and text[start + 2] > " ":
            return start + 2
    return _after(_COLON, text, start)


def _next(text: str, start: int) -> int:
    """Return where the next key or item, or the end of the list, begins: likewise."""
    sign = text[start]
    if sign == ",":
        if text[start + 1] > " ":
            return start + 1
        if text[start + 1] == " " and text[start + 2] > " ":
            return start + 2
    elif sign in "]}":
        return start
    return _after(_NEXT, text, start)


def _after(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    if match is None:
        raise ValueError(f"not JSON at character {start}")
    return match.end()


def _items(text: str, start: int) -> tuple[Items, int]:
    """Return the items of the array that begins at `start`, and its end."""
    texts: list[str] = []
    values: list[Any] = []
    index = _inside(text, start)
    while text[index] != "]":
        value, end = _scan(text, index)
        texts.append(text[index:end])
        values.append(value)
        index = _next(text, end)
    return Items(texts, values), index + 1
