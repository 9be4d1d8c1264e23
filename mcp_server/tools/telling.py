"""From what Ledger answers to facts and rows: names apart from texts, short ids, what is constant said once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from ledger import Ledger
from mcp_server.answers import Table
from mcp_server.tools.asking import MARK, is_plain, mark_of
from mcp_server.untrusted import PREFIX, shown

Facts: TypeAlias = dict[str, Any]

LONGEST = 200
"""Characters that are shown of a name that is not plain."""
WORTH = 3
"""Rows from which saying a value once is shorter than in every row."""


class Names:
    """Tells names from texts: a plain name is itself, another is `~1`, `~2` …, and `untrusted_names` says what.

    One that is not shown whole (it is long, or holds what cannot be seen), or that looks like a mark itself, has a mark
    of eight digits, which can be given in place of the name.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._odd: dict[str, str] = {}

    def __call__(self, text: str | None) -> str | None:
        """Return a name to show; None and the empty text are themselves."""
        if not text or is_plain(text):
            return text
        if text not in self._odd:
            whole = len(text) <= LONGEST and shown(text) == (text, 0) and not text.startswith(MARK)
            self._odd[text] = f"{MARK}{len(self._odd) + 1}" if whole else mark_of(text)
        return self._odd[text]

    def facts(self) -> Facts:
        """Return what the odd names stand for, to add to the facts."""
        return {"untrusted_names": {mark: text[:LONGEST] for text, mark in self._odd.items()}} if self._odd else {}


class Ids:
    """Shortens the ids of one answer, all at once."""

    def __init__(self, ledger: Ledger, ids: Iterable[str | None]) -> None:
        """Look up the shortest unique prefixes."""
        self._short = ledger.short(dict.fromkeys(one for one in ids if one))

    def __call__(self, whole: str | None) -> str | None:
        """Return the short form of an id that was given to the constructor."""
        return None if whole is None else self._short[whole]


def number(text: object) -> object:
    """Return decimal text as a number where it is one exactly, else what it is."""
    if not isinstance(text, str):
        return text
    try:
        exact = Decimal(text)
    except InvalidOperation:
        return text
    if not exact.is_finite():
        return text
    if exact == exact.to_integral_value():
        return int(exact)
    return float(exact) if Decimal(repr(float(exact))) == exact else text


def told(pairs: Iterable[tuple[str, Any]]) -> Facts:
    """Return the facts that say something: without null and without what is empty."""
    return {name: value for name, value in pairs if value is not None and value not in ("", [], {})}


def counts(by: dict[str, int]) -> dict[str, int]:
    """Return the counts that are not zero."""
    return {name: count for name, count in by.items() if count}


def columns(name: str, cols: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[Table, Facts]:
    """Return a table, and as facts what all of its rows have in common (`each`).

    A column that is the same in every row of three or more is said once; one that says nothing anywhere is left out.
    The first column stays always, and one with text of samples wherever it says something.
    """
    kept: list[int] = []
    same: Facts = {}
    for place, column in enumerate(cols):
        values = [row[place] for row in rows]
        if place and all(value in (None, "") for value in values):
            continue
        is_one = len(rows) >= WORTH and len({repr(value) for value in values}) == 1
        if place and is_one and not column.startswith(PREFIX):
            same[column] = values[0]
        else:
            kept.append(place)
    table = Table(name, [cols[place] for place in kept], [[row[place] for place in kept] for row in rows])
    return table, ({"each": same} if same else {})


def without(table: Table, column: str) -> Table:
    """Return a table without one of its columns, where it has that."""
    kept = [place for place, name in enumerate(table.columns) if name != column]
    return Table(table.name, [table.columns[n] for n in kept], [[row[n] for n in kept] for row in table.rows])


def most(by: dict[str, int], names: Names, limit: int = 10) -> tuple[list[list[Any]], int]:
    """Return the most frequent names with their counts, and how many samples the others have."""
    ordered = sorted(by.items(), key=lambda item: (-item[1], item[0]))
    return [[names(name), count] for name, count in ordered[:limit]], sum(count for _, count in ordered[limit:])


def excerpt(text: str | None, limit: int) -> str | None:
    """Return how a text begins, in one line."""
    if text is None:
        return None
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def table_of(name: str, cols: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Table]:
    """Return a table in a list, or none where it has no rows."""
    return [Table(name, list(cols), [list(row) for row in rows])] if rows else []
