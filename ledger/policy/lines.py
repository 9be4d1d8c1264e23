"""Where the keys of a TOML text stand, so that an error can name the line.

`tomllib` does not say. The text has already passed through it here, so this scanner only has to find its way: it
knows keys, headers, texts and brackets, and judges nothing.
"""

from __future__ import annotations

import re
import tomllib
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys from the outside in, with the number of an element where a list is: ("rule", 0, "name")."""

_STRING = (
    r'"""(?:[^"\\]|\\.|"(?!""))*""""{0,2}'
    r"|'''(?:[^']|'(?!''))*''''{0,2}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
)
_SKIPPED = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(rf"[ \t]*({_STRING}|[A-Za-z0-9_-]+)[ \t]*(\.?)", re.DOTALL)
_VALUE = re.compile(rf"(?:[ \t\r\n]|#[^\n]*)*({_STRING}|[\[\]{{}},]|[^\s\[\]{{}},#\"']+)", re.DOTALL)


class Lines:
    """The lines on which values begin."""

    def __init__(self, text: str) -> None:
        """Scan a text that is TOML."""
        self._text = text
        self._at = 0
        self._offsets: dict[Path, int] = {}
        self._lists: dict[Path, int] = {}
        self._scan()

    def of(self, path: Path) -> int:
        """Return the line of a value, or of the nearest thing around it that has one."""
        while path and path not in self._offsets:
            path = path[:-1]
        return self._text.count("\n", 0, self._offsets.get(path, 0)) + 1

    def inside(self, path: Path, value: str, at: int) -> int:
        """Return the line of the character `at`, from 1, of a text that may go over several lines."""
        start = self._offsets.get(path, 0)
        if not self._text.startswith(('"""', "'''"), start):
            return self.of(path)  # a line break in it is written \n
        begun = self._text.startswith(("\n", "\r\n"), start + 3)
        return self.of(path) + begun + value.count("\n", 0, at - 1)

    def _scan(self) -> None:
        table: Path = ()
        while (skipped := _SKIPPED.match(self._text, self._at)) and skipped.end() < len(self._text):
            self._at = skipped.end()
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._value(self._below(table, self._at, self._keys()))

    def _header(self) -> Path:
        start = self._at
        is_list = self._text.startswith("[[", start)
        self._at += 2 if is_list else 1
        names = self._keys(1 if not is_list else 2)
        path: Path = ()
        for index, name in enumerate(names):
            path += (name,)
            if is_list and index == len(names) - 1:
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

    def _keys(self, closing: int = 1) -> tuple[str, ...]:
        """Return the names of a dotted key and go on behind what ends it: an equals sign, or brackets."""
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
        space = _SPACE.match(self._text, self._at)
        self._offsets.setdefault(path, self._at if space is None else space.end())
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
        skipped = _SKIPPED.match(self._text, self._at)
        at = self._at if skipped is None else skipped.end()
        if kind == "[" or self._text[at] == "}":
            path: Path = (*here, index)
        else:
            self._at = at
            path = self._below(here, at, self._keys())
        self._offsets.setdefault(path, at)
        return path

    def _line_end(self) -> None:
        """Skip what is left of a plain value that holds a space, as a date and a time may."""
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end


def _name(written: str) -> str:
    if written[0] not in "\"'":
        return written
    name: str = tomllib.loads(f"name = {written}")["name"]
    return name
