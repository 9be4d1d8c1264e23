"""TOML that people write, read with the places of its keys, so that an error can name the line.

`tomllib` does not say where a value stands. What it has read is TOML; this only has to find its way through.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys from the outside in; with the number of an element, from 0, where the value is a list."""

DEEPEST = 16
"""Names that a key may join with dots; the time that one takes to read grows as a square."""

_LINE = r'"(?:[^"\\\n]|\\.)*+"|' + r"'[^'\n]*+'"
_STRING = r'"""(?:[^"\\]|\\.|"(?!""))*+"""(?:"{1,2}(?!"))?+|' + r"'''(?:[^']|'(?!''))*+'''(?:'{1,2}(?!'))?+|" + _LINE
_NAME = rf"[ \t]*+(?:[A-Za-z0-9_-]++|{_LINE})[ \t]*+"
_LONG_KEY = re.compile(rf"^[ \t]*+\[{{0,2}}+(?:{_NAME}\.){{{DEEPEST}}}", re.MULTILINE)
_KEY = re.compile(rf"(?:{_NAME}\.?+)++")
_BLANK = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+")
_PIECE = re.compile(rf"{_STRING}|#[^\n]*+|[\[\]{{}},\n]|[^\[\]{{}},\n#\"']++|[\"']", re.DOTALL)
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


def read_toml(text: str, longest: int) -> dict[str, Any]:
    """Return the document of a text of at most so many characters; raise NotToml."""
    if len(text) > longest:
        raise NotToml(1, f"such a file has at most {longest:,} characters")
    if found := _LONG_KEY.search(text):
        raise NotToml(_line(text, found.start()), f"a key joins at most {DEEPEST} names with dots")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(text, str(error)) from None
    except RecursionError:
        deepest = max(text.split("\n"), key=lambda line: line.count("[") + line.count("{"))
        raise NotToml(_line(text, text.index(deepest)), "not TOML: lists or tables are nested too deep") from None
    except ValueError:  # Python refuses to read whole numbers of thousands of digits
        found = _LONG_NUMBER.search(text)
        raise NotToml(_line(text, found.start() if found else 0), "a number has far too many digits") from None


class Lines:
    """The lines on which the values of a text begin, which `read_toml` has read."""

    def __init__(self, text: str) -> None:
        """Find the keys of a text that is TOML."""
        self._text = text
        self._keys: dict[Path, int] = {}
        self._values: dict[Path, int] = {}
        self._scan()

    def of(self, path: Path) -> int:
        """Return the line of a key or an element, or of the nearest thing around it that has one."""
        while path and path not in self._keys:
            path = path[:-1]
        return _line(self._text, self._keys.get(path, 0))

    def inside(self, path: Path, value: str, at: int) -> int:
        """Return the line of the character `at`, from 1, of a text that may go over several lines."""
        start = self._values.get(path, 0)
        if not self._text.startswith(("'''", '"""'), start):
            return self.of(path)  # a line break in it is written \n
        raw = self._text[start + 3 :].replace("\r\n", "\n").removeprefix("\n")
        if not raw.startswith(value):
            return _line(self._text, start)  # with escapes in it, places in the value are none in the text
        begun = self._text.startswith(("\n", "\r\n"), start + 3)
        return _line(self._text, start) + begun + value.count("\n", 0, at - 1)

    def _scan(self) -> None:
        table: Path = ()
        at = 0
        while (at := _end(_BLANK, self._text, at)) < len(self._text):
            brackets = self._text.startswith("[", at) + self._text.startswith("[[", at)
            end = _end(_KEY, self._text, at + brackets)
            names = _names(self._text[at + brackets : end])
            outer = () if brackets else table
            for many in range(1, len(names) + 1):
                self._keys.setdefault((*outer, *names[:many]), at)
            if brackets:
                table, at = names, end + brackets
            else:
                at = self._value((*outer, *names), end + 1)

    def _value(self, path: Path, at: int) -> int:
        """Keep where a value and its elements begin, and return where the line ends on which it does."""
        depth, element, expected = 0, 0, False
        for found in _PIECE.finditer(self._text, at):
            piece = found[0]
            if piece == "\n" and not depth:
                return found.end()
            if not piece.strip() or piece.startswith("#"):
                continue
            start = found.end() - len(piece.lstrip())
            self._values.setdefault(path, start)
            if expected and piece not in {"]", ","}:
                self._keys[(*path, element)] = start
                expected = False
            depth += (piece in {"[", "{"}) - (piece in {"]", "}"})
            if depth == 1 and piece in {"[", ","} and self._text[self._values[path]] == "[":
                element += piece == ","
                expected = True
        return len(self._text)


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


def _names(key: str) -> tuple[str, ...]:
    """Return the names that a key joins with dots."""
    names: list[str] = []
    inner: Any = tomllib.loads(f"{key.strip()} = 0")
    while isinstance(inner, dict):
        ((name, inner),) = inner.items()
        names.append(name)
    return tuple(names)
