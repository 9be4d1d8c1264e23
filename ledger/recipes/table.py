"""Reading a TOML document strictly: each key is asked for once, and what nobody asked for is a fault."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

from ledger.errors import SpecInvalid
from ledger.fixed import exactly
from ledger.toml_text import Lines, NotToml, Path, read_toml

LONGEST = 100_000
"""Characters of one file."""

LONGEST_TEXT = 20_000
"""Characters of one text in it."""

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_NEEDED: Any = object()


class Wrong(ValueError):  # noqa: N818 - a value in disguise: becomes SpecInvalid before it leaves the recipes
    """What stands at a path of a document is not what is expected there."""

    def __init__(self, path: Path, what: str) -> None:
        """Keep the path beside the sentence."""
        super().__init__(what)
        self.path = path
        self.what = what


class Table:
    """One table of a document. Each method takes a key out of it and raises Wrong for a value of another kind."""

    def __init__(self, document: Mapping[str, Any], path: Path = ()) -> None:
        """Begin with all keys of a table that stands at `path`."""
        self._left = dict(document)
        self.path = path

    def __contains__(self, key: str) -> bool:
        """Say whether a key is there and was not taken yet."""
        return key in self._left

    def wrong(self, what: str, key: str | None = None) -> NoReturn:
        """Raise Wrong about the table, or about one of its keys."""
        raise Wrong(self.path if key is None else (*self.path, key), what)

    def text(self, key: str, default: str = _NEEDED, most: int = LONGEST_TEXT) -> str:
        """Return a text that is not blank, without white space around it."""
        if default is not _NEEDED and key not in self:
            return str(default)
        value = self._take(key, _NEEDED)
        if not isinstance(value, str) or not value.strip() or len(value) > most:
            self.wrong(f"{key} is a text of 1 to {most:,} characters", key)
        return value.strip()

    def maybe(self, key: str) -> str | None:
        """Return a text, or None where there is none."""
        return self.text(key) if key in self else None

    def name(self, key: str) -> str:
        """Return a name: small letters, digits and `. _ -`, 64 at most."""
        value = self.text(key)
        if _NAME.fullmatch(value) is None:
            self.wrong(f"{key} is small letters, digits and . _ -, 64 at most", key)
        return value

    def choice(self, key: str, choices: tuple[str, ...], default: str = _NEEDED) -> str:
        """Return one of several words."""
        value = self._take(key, default)
        if value not in choices:
            self.wrong(f"{key} is one of {', '.join(choices)}", key)
        return str(value)

    def whole(self, key: str, default: int = _NEEDED, *, least: int, most: int) -> int:
        """Return a whole number within its limits."""
        value = self._take(key, default)
        if type(value) is not int or not least <= value <= most:
            self.wrong(f"{key} is a whole number from {least:,} to {most:,}", key)
        return value

    def number(self, key: str) -> int:
        """Return a number of at most six decimals, in millionths."""
        value = self._take(key, _NEEDED)
        try:
            return exactly(str(value) if isinstance(value, Decimal) else value if type(value) is int else None)
        except ValueError as error:
            raise Wrong((*self.path, key), f"{key}: {error}") from None

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._take(key, default)
        if type(value) is not bool:
            self.wrong(f"{key} is true or false", key)
        return value

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return a list of texts, none blank and none twice."""
        value = self._take(key, list(default))
        if not isinstance(value, list) or not all(isinstance(each, str) and each.strip() for each in value):
            self.wrong(f"{key} is a list of texts", key)
        if len(set(value)) != len(value):
            self.wrong(f"{key} names something twice", key)
        return tuple(value)

    def wholes(self, key: str) -> list[int]:
        """Return a list of whole numbers from 0."""
        value = self._take(key, _NEEDED)
        if not isinstance(value, list) or not all(type(each) is int and 0 <= each < LONGEST for each in value):
            self.wrong(f"{key} is a list of whole numbers", key)
        return value

    def names(self) -> list[str]:
        """Return the keys that were not taken yet, in their order."""
        return list(self._left)

    def pairs(self, key: str) -> dict[str, str]:
        """Return a table of names and texts."""
        value = self._take(key, {})
        if not isinstance(value, dict) or not all(isinstance(text, str) and text.strip() for text in value.values()):
            self.wrong(f"{key} is a table of names and texts", key)
        return {name: text.strip() for name, text in value.items()}

    def table(self, key: str) -> Table:
        """Return a table inside; an empty one where there is none."""
        value = self._take(key, {})
        if not isinstance(value, dict):
            self.wrong(f"{key} is a table", key)
        return Table(value, (*self.path, key))

    def tables(self, key: str) -> dict[str, Table]:
        """Return the tables `[key.NAME]` by name, in their order; a name is a plain word."""
        value = self._take(key, {})
        if not isinstance(value, dict) or not all(isinstance(inner, dict) for inner in value.values()):
            self.wrong(f"{key} is tables: [{key}.NAME]", key)
        for name in value:
            if _WORD.fullmatch(name) is None:
                raise Wrong((*self.path, key, name), "a name is letters, digits and _, a letter first, 64 at most")
        return {name: Table(inner, (*self.path, key, name)) for name, inner in value.items()}

    def rows(self, key: str) -> list[Table]:
        """Return the tables of a list: `[[key]]`."""
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(inner, dict) for inner in value):
            self.wrong(f"{key} is a list of tables: [[{key}]]", key)
        return [Table(inner, (*self.path, key, number)) for number, inner in enumerate(value)]

    def end(self) -> None:
        """Raise Wrong if anything is left."""
        for key in self._left:
            self.wrong(f"nobody knows {key[:40]!r} here", key)

    def _take(self, key: str, default: Any) -> Any:  # noqa: ANN401 - any value of TOML
        if key in self._left:
            return self._left.pop(key)
        if default is _NEEDED:
            self.wrong(f"{key} is missing")
        return default


def document_of(text: str, place: str, kind: str) -> Table:
    """Return a file's document; `kind` is what it is, as in "a spec". Raises SpecInvalid(place, line and sentence)."""
    try:
        return Table(read_toml(text, kind, LONGEST, Decimal))
    except NotToml as error:
        raise SpecInvalid(place, f"line {error.line}: {error.what}") from None


def refusal(wrong: Wrong, text: str, place: str) -> SpecInvalid:
    """Return the error that says on which line of a file something is wrong."""
    return SpecInvalid(place, f"line {Lines(text).of(wrong.path)}: {wrong.what}")
