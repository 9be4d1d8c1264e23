"""TOML that people write: read into a document, with the lines of its keys, so that an error can name one.

`tomllib` does not say where a value stands. What it has read is TOML, so that `Lines` only has to find its way: it
knows keys, headers, texts and brackets, and judges nothing.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from itertools import islice
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys from the outside in, with the number of an element where a list is: ("rule", 0, "name")."""

DEEPEST = 16
"""Names that a key may join with dots; no key here needs more than four, and the time to read one grows as a square."""

_ONE_LINE = r'"(?:[^"\\\n]|\\.)*+"|' + r"'[^'\n]*+'"
_STRING = r'"""(?:[^"\\]|\\.|"(?!""))*+"{3,5}|' + r"'''(?:[^']|'(?!''))*+'{3,5}|" + _ONE_LINE
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+")
_SPACE = re.compile(r"[ \t]*+")
_KEY = re.compile(rf"[ \t]*+({_ONE_LINE}|[A-Za-z0-9_-]++)[ \t]*+(\.?)", re.DOTALL)
_VALUE = re.compile(rf"(?:[ \t\r\n]++|#[^\n]*+)*+({_STRING}|[\[\]{{}},]|[^\s\[\]{{}},#\"']++)", re.DOTALL)
_LONG_KEY = re.compile(
    rf"^[ \t]*+\[{{0,2}}+(?:[ \t]*+(?:[A-Za-z0-9_-]++|{_ONE_LINE})[ \t]*+\.){{{DEEPEST}}}", re.MULTILINE
)
_BREAK = re.compile(r"\r?\n")
_CHARACTERS = {
    "'''": re.compile(r"\r\n|.", re.DOTALL),
    '"""': re.compile(r"(\\[ \t]*+\r?\n[ \t\r\n]*+)|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|\\.|\r\n|.", re.DOTALL),
}
"""How each character of a text over several lines is written; the group is what stands for none."""
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_LONG_NUMBER = re.compile(r"[0-9_]{1000}")
_REASONS = {
    "Invalid value": "a value is expected after =: a text in quotes, a number, true, false, a list or a table",
    "Invalid statement": "this is neither KEY = VALUE nor a [TABLE]",
    "Cannot overwrite a value": "a key is given twice in one table",
}


class NotToml(ValueError):  # noqa: N818 - what is wrong; the callers turn it into an error of theirs
    """A text is not TOML; `line` counts from 1, `what` is a sentence without its final stop."""

    def __init__(self, line: int, what: str) -> None:
        """Keep the place and the sentence."""
        super().__init__(what)
        self.line = line
        self.what = what


def read_toml(text: str, kind: str, longest: int, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """Return the document of a text, of which `kind` (such as "a policy") has at most so many characters.

    Raises NotToml.
    """
    if len(text) > longest:
        raise NotToml(1, f"{kind} has at most {longest:,} characters")
    if found := _LONG_KEY.search(text):
        raise NotToml(_line(text, found.start()), f"a key joins at most {DEEPEST} names with dots")
    try:
        return tomllib.loads(text, parse_float=parse_float)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(text, str(error)) from None
    except RecursionError:
        deepest = max(text.split("\n"), key=lambda line: line.count("[") + line.count("{"))
        raise NotToml(_line(text, text.index(deepest)), "not TOML: lists or tables are nested too deep") from None
    except ValueError:  # Python refuses to read whole numbers of thousands of digits
        found = _LONG_NUMBER.search(text)
        raise NotToml(_line(text, found.start() if found else 0), "a number has far too many digits") from None


def toml_key(name: str) -> str:
    """Return a name as a TOML key, in quotes where it needs them."""
    return name if _BARE.fullmatch(name) else toml_string(name)


def toml_string(text: str) -> str:
    """Return a text as a TOML string of one line, in the quotes that need no escapes where there are such."""
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


class Lines:
    """The lines on which the values of a text begin, which `read_toml` has read."""

    def __init__(self, text: str) -> None:
        """Find the keys of a text that is TOML."""
        self._text = text
        self._at = 0
        self._offsets: dict[Path, int] = {}
        self._lists: dict[Path, int] = {}
        self._scan()

    def of(self, path: Path) -> int:
        """Return the line of a value, or of the nearest thing around it that has one."""
        while path and path not in self._offsets:
            path = path[:-1]
        return _line(self._text, self._offsets.get(path, 0))

    def inside(self, path: Path, at: int) -> int:
        """Return the line of the character `at`, from 1, of a text that may go over several lines."""
        start = self._offsets.get(path, 0)
        pattern = _CHARACTERS.get(self._text[start : start + 3])
        if pattern is None:
            return self.of(path)  # a line break in it is written \n
        start = _end(_BREAK, self._text, start + 3)
        characters = (found.start() for found in pattern.finditer(self._text, start) if found.lastindex is None)
        return _line(self._text, next(islice(characters, at - 1, None), start))

    def _scan(self) -> None:
        table: Path = ()
        while (at := _end(_BLANK, self._text, self._at)) < len(self._text):
            self._at = at
            if self._text[at] == "[":
                table = self._header()
            else:
                self._value(self._below(table, at, self._keys(1)))

    def _header(self) -> Path:
        start = self._at
        brackets = 1 + self._text.startswith("[[", start)
        self._at += brackets
        names = self._keys(brackets)
        path: Path = ()
        for index, name in enumerate(names, 1):
            path += (name,)
            if brackets > 1 and index == len(names):
                self._lists[path] = self._lists.get(path, -1) + 1
            self._offsets.setdefault(path, start)
            if path in self._lists:
                path += (self._lists[path],)
                self._offsets.setdefault(path, start)
        return path

    def _below(self, path: Path, at: int, names: tuple[str, ...]) -> Path:
        """Return the path of names joined with dots, having kept where those before the last begin."""
        for name in names[:-1]:
            path += (name,)
            self._offsets.setdefault(path, at)
        return path + names[-1:]

    def _keys(self, closing: int) -> tuple[str, ...]:
        """Return the names of a dotted key and go on behind what ends it: an equals sign, or so many brackets."""
        names: list[str] = []
        while found := _KEY.match(self._text, self._at):
            self._at = found.end()
            names.append(_name(found[1]))
            if not found[2]:
                break
        self._at += closing
        return tuple(names)

    def _value(self, path: Path) -> None:
        """Go on behind a value, keeping the places of what is in it. Lists and tables are a stack, not a recursion."""
        self._offsets.setdefault(path, _end(_SPACE, self._text, self._at))
        open_: list[tuple[str, Path, int]] = []
        while found := _VALUE.match(self._text, self._at):
            self._at = found.end()
            mark = found[1]
            if mark in {"]", "}"}:
                open_.pop()
            elif mark in {"[", "{"}:
                open_.append((mark, path, 0))
            if not open_:
                if mark not in {"]", "}"}:
                    self._line_end()
                return
            kind, here, index = open_[-1]
            if mark in {",", kind}:
                index += mark == ","
                open_[-1] = (kind, here, index)
                path = self._inside(kind, here, index)

    def _inside(self, kind: str, here: Path, index: int) -> Path:
        at = _end(_BLANK, self._text, self._at)
        if kind == "[" or self._text[at] == "}":
            path: Path = (*here, index)
        else:
            self._at = at
            path = self._below(here, at, self._keys(1))
        self._offsets.setdefault(path, at)
        return path

    def _line_end(self) -> None:
        """Skip what is left of a plain value that holds a space, as a date and a time may."""
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end


def _not_toml(text: str, message: str) -> NotToml:
    found = _PLACE.search(message)
    placed = found is not None and found[1] is not None
    line = int(found[1]) if found is not None and placed else text.rstrip().count("\n") + 1
    reason = _PLACE.sub("", message)
    column = f" (column {found[2]})" if found is not None and placed else ""
    return NotToml(line, f"not TOML: {_REASONS.get(reason, reason)}{column}")


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()


def _name(written: str) -> str:
    if written[0] not in "\"'":
        return written
    name: str = tomllib.loads(f"name = {written}")["name"]
    return name
