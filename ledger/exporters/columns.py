"""The columns of a file of rows: what stands in them, seen over all rows before a table is written.

A table has one type for a column, a file of JSON lines has none. So every row is looked at first, and a column gets
the narrowest kind that holds every value of it exactly; `json`, the text of the value as it stands in the row, holds
all. Nothing here depends on the order of the rows, except the order of columns, which is that of first sight.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from math import isfinite
from typing import Any, NamedTuple, NoReturn, TypeAlias

KINDS = ("bool", "int", "float", "text", "messages", "json")

Scan: TypeAlias = "Callable[[str, int], tuple[Any, int]]"

_SPACE = " \t\r\n"
_OPENING, _COLON, _ENDING = (re.compile(rf"[{_SPACE}]*([{signs}])[{_SPACE}]*") for signs in ("{", ":", ",}"))
_INT64 = range(-(1 << 63), 1 << 63)
_INT64_OR_UNSIGNED = range(-(1 << 63), 1 << 64)
_MOST_DIGITS = 20  # of an integer in that range, its sign included


class Unparquetable(ValueError):  # noqa: N818 - turned into a LedgerError by the verb that writes
    """Rows that a table cannot hold exactly; the message is a sentence that names the row."""


class Cell(NamedTuple):
    """A value of a row, and its exact text."""

    value: Any
    text: str


class Column(NamedTuple):
    """A column: its kind (one of KINDS), and whether rows lack it or have null there.

    `keys` are those of each message of `messages`, in order; of `json` that is lists of objects in every row, those
    that every object has with text under them.
    """

    name: str
    kind: str
    keys: tuple[str, ...] = ()
    absent: bool = False
    nulls: bool = False

    @property
    def null_is_text(self) -> bool:
        """Return whether null is written as the JSON text `null`, because an empty cell says that the row lacks it."""
        return self.absent and self.nulls


class _Seen:
    """What was seen of one column so far."""

    __slots__ = ("keys", "kind", "nulls", "rows", "shared")

    def __init__(self) -> None:
        self.kind: str | None = None
        self.keys: tuple[str, ...] = ()
        self.shared: tuple[str, ...] | None = None
        self.rows = 0
        self.nulls = False

    def see(self, cell: Cell) -> None:
        """Widen the kind so that it holds this value too."""
        self.rows += 1
        if cell.value is None:
            self.nulls = True
            return
        self._share(cell.value)
        if self.kind == "json":
            return
        kind, keys = _kind(cell)
        if kind == "messages" and self.kind in {None, "messages"}:
            if keys and self.keys not in {(), keys}:
                kind = "json"
            self.keys = self.keys or keys
        elif self.kind not in {None, kind}:
            kind = "json"
        self.kind = kind

    def column(self, name: str, rows: int) -> Column:
        """Return the column, in a file of so many rows."""
        absent = self.rows < rows
        kind = self.kind or "json"
        if (absent and self.nulls) or (kind == "messages" and not self.keys):
            kind = "json"
        keys = {"messages": self.keys, "json": self.shared or ()}.get(kind, ())
        return Column(name, kind, keys, absent, self.nulls)

    def _share(self, value: object) -> None:
        """Keep the keys that the objects of every list have with text under them; no keys for anything else."""
        if self.shared == ():
            return
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.shared = ()
            return
        for one in value:
            keys = one if self.shared is None else self.shared
            self.shared = tuple(key for key in keys if isinstance(one.get(key), str))


class Shape:
    """The columns of the rows seen so far."""

    def __init__(self) -> None:
        """Start without rows."""
        self.rows = 0
        self._seen: dict[str, _Seen] = {}

    def see(self, line: bytes) -> None:
        """Take one row in; raise Unparquetable where it is no JSON object."""
        self.rows += 1
        for name, cell in cells(line, self.rows, exact=False).items():
            self._seen.setdefault(name, _Seen()).see(cell)

    def columns(self) -> tuple[Column, ...]:
        """Return the columns; those in which no value was seen are `json`."""
        return tuple(seen.column(name, self.rows) for name, seen in self._seen.items())


def columns_of(lines: Iterable[bytes]) -> tuple[Column, ...]:
    """Return the columns of a file of rows, in one pass of constant memory; raise Unparquetable."""
    shape = Shape()
    for line in lines:
        shape.see(line)
    return shape.columns()


def cells(line: bytes, row: int, *, exact: bool = True) -> dict[str, Cell]:
    """Return the cells of a row, with the exact text of each; `row` is its number, from 1, for messages.

    `exact` refuses integers beyond 64 bits: readers of JSON columns take them for errors, or round them.
    """
    try:
        return _pairs(line.decode(), _EXACT if exact else _ANY)
    except RecursionError as error:
        raise Unparquetable(f"Row {row} is nested too deeply.") from error
    except UnicodeDecodeError as error:
        raise Unparquetable(f"Row {row} is not UTF-8.") from error
    except _Refused as error:
        raise Unparquetable(f"Row {row} {error}.") from error
    except (IndexError, json.JSONDecodeError) as error:
        raise Unparquetable(f"Row {row} is not a JSON object.") from error


def _pairs(text: str, scan: Scan) -> dict[str, Cell]:
    """Return name and cell of each field of the object that `text` is."""
    found: dict[str, Cell] = {}
    _, at = _sign(_OPENING, text, 0)
    closed = text[at] == "}"
    at += closed
    while not closed:
        name, at = scan(text, at)
        if not isinstance(name, str):
            raise _Refused("is not a JSON object")
        if name in found:
            raise _Refused(f"has the column {name[:40]!r} twice")
        _, start = _sign(_COLON, text, at)
        value, end = scan(text, start)
        found[name] = Cell(value, text[start:end])
        sign, at = _sign(_ENDING, text, end)
        closed = sign == "}"
    if text[at:].strip(_SPACE):
        raise _Refused("has something after its object")
    return found


def _sign(pattern: re.Pattern[str], text: str, at: int) -> tuple[str, int]:
    """Return the sign that must stand here, and where the next thing begins after it; white space does not count."""
    found = pattern.match(text, at)
    if found is None:
        raise _Refused("is not a JSON object")
    return found[1], found.end()


class _Refused(ValueError):  # noqa: N818 - never leaves this module
    """The row breaks a rule; the message continues a sentence that begins with its number."""


def _kind(cell: Cell) -> tuple[str, tuple[str, ...]]:
    """Return the narrowest kind that holds a value exactly, and the keys of its messages."""
    value = cell.value
    kind = "json"
    if isinstance(value, bool):
        kind = "bool"
    elif isinstance(value, int):
        kind = "int" if value in _INT64 else "json"
    elif isinstance(value, float):
        kind = "float" if _is_exact(value, cell.text) else "json"
    elif isinstance(value, str):
        kind = "text" if _is_text(value) else "json"
    elif isinstance(value, list) and (keys := _message_keys(value)) is not None:
        return "messages", keys
    return kind, ()


def _message_keys(value: list[Any]) -> tuple[str, ...] | None:
    """Return the keys that all messages of a list have, in order, if every value is text; else None. () for none."""
    keys: tuple[str, ...] = ()
    for message in value:
        if not isinstance(message, dict) or not message or not all(map(_is_text, message.values())):
            return None
        if keys not in {(), tuple(message)} or not all(map(_is_text, message)):
            return None
        keys = tuple(message)
    return keys


def _is_text(value: object) -> bool:
    """Return whether it is text that UTF-8 can hold: JSON can write half a surrogate pair, UTF-8 cannot."""
    if not isinstance(value, str):
        return False
    try:
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False


def _is_exact(value: float, text: str) -> bool:
    """Return whether a float says what its text says."""
    try:
        return isfinite(value) and Decimal(text) == Decimal(repr(value))
    except ArithmeticError:  # an exponent that not even Decimal takes
        return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Refused("has a key twice in one object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise _Refused(f"holds {name}, which is not JSON")


def _whole(text: str) -> int:
    """Return an integer, or one beyond 64 bits in place of a longer one: its text is what is kept."""
    return int(text) if len(text) <= _MOST_DIGITS else _INT64_OR_UNSIGNED.stop


def _whole_64(text: str) -> int:
    value = _whole(text)
    if value not in _INT64_OR_UNSIGNED:
        raise _Refused("holds an integer beyond 64 bits, which readers of tables do not take: write JSON lines instead")
    return value


def _scanner(parse_int: Callable[[str], int]) -> Scan:
    """Return what reads one value of a text from a place on, and says where it ends."""
    return json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=parse_int).raw_decode


_ANY, _EXACT = _scanner(_whole), _scanner(_whole_64)
