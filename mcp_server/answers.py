"""Answers in both channels: structured content for programs, text for models; each holds every fact of the other."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mcp.types import CallToolResult, TextContent

from ledger.errors import BadRequest
from mcp_server.untrusted import PREFIX, shown, tag

LONGEST = 40_000
"""Characters of either channel; hosts put what is longer aside, where a model does not see it."""

_NOTE = 400
"""Characters kept free for saying what was left out."""
_BARE = re.compile(r"[^\s\"\[{<][^\t\n\r]*")
_NOT_BARE = re.compile(r"null|true|false|-?\d.*|.*\s")
"""Texts that would read as another value, or lose their end."""


class Table(NamedTuple):
    """Rows under one name. Columns whose names begin with `untrusted_` hold text from samples."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


def answer(
    facts: Mapping[str, object],
    *,
    line: str,
    tables: Sequence[Table] = (),
    untrusted: Mapping[str, str] | None = None,
) -> CallToolResult:
    """Return facts and tables in both channels.

    structured: the facts, and each table as {"cols": [...], "rows": [...]} under its name. text: `line`, the facts, the
    tables as TSV. Texts of samples stand in fields whose names begin with `untrusted_` only: a key of `untrusted`, of
    `facts` at any depth, or a column. They are cleaned for display, and `hidden_chars_removed` says of how many
    characters, where there were any; in the text they stand between tags with a random name. Each channel is at most
    40,000 characters: rows are left out from the end, and `cut` says how to get them (a key `next`, the cursor, is left
    out then: it would skip them). Raises BadRequest where the facts alone are longer, ValueError for other names.
    """
    draft = _Draft(tag())
    for key, value in facts.items():
        draft.fact(key, value)
    pages = [draft.page(table) for table in tables]
    for key, text in (untrusted or {}).items():
        if not key.startswith(PREFIX):
            raise ValueError(f"{key} holds text of a sample, so its name must begin with {PREFIX}")
        draft.fact(key, text)
    draft.fit(line, pages)
    structured = {**draft.facts, **{page.name: {"cols": page.columns, "rows": page.rows} for page in pages}}
    text = "\n".join((line, *draft.lines.values(), *(text for page in pages for text in (page.head, *page.lines))))
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=structured)


@dataclass
class _Page:
    name: str
    columns: list[str]
    rows: list[list[Any]]
    head: str
    lines: list[str]

    def size(self, at: int) -> int:
        """Return how many characters a row takes in the channel where it is longer."""
        return max(len(compact(self.rows[at])), len(self.lines[at])) + 1


@dataclass
class _Draft:
    """The facts of an answer in both channels."""

    tag: str
    facts: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)
    removed: int = 0

    def fact(self, key: str, value: object) -> None:
        clean, marked = self.cleaned(value, inside=key.startswith(PREFIX))
        self.facts[key] = clean
        if marked and isinstance(clean, str):
            self.lines[key] = f"{key}:\n<{self.tag}>\n{clean}\n</{self.tag}>"
        else:
            self.lines[key] = f"{key}: {self.cell(clean, marked=marked)}"

    def page(self, table: Table) -> _Page:
        columns = list(table.columns)
        marked = [name.startswith(PREFIX) for name in columns]
        rows, lines = [], []
        for row in table.rows:
            cells = [self.cleaned(value, inside=inside) for value, inside in zip(row, marked, strict=True)]
            rows.append([value for value, _ in cells])
            lines.append("\t".join(self.cell(value, marked=is_marked) for value, is_marked in cells))
        return _Page(table.name, columns, rows, f"{table.name}:\n" + "\t".join(columns), lines)

    def cleaned(self, value: object, *, inside: bool) -> tuple[Any, bool]:
        """Return a value ready to be sent, and whether text of samples stands in it."""
        if isinstance(value, str):
            if not inside:
                return value, False
            text, removed = shown(value)
            self.removed += removed
            return text, True
        if isinstance(value, Mapping):
            kept = {
                str(key): self.cleaned(one, inside=inside or str(key).startswith(PREFIX)) for key, one in value.items()
            }
            return {key: one for key, (one, _) in kept.items()}, any(marked for _, marked in kept.values())
        if isinstance(value, (list, tuple)):
            items = [self.cleaned(one, inside=inside) for one in value]
            return [one for one, _ in items], any(marked for _, marked in items)
        return value, False

    def cell(self, value: object, *, marked: bool) -> str:
        """Return a value as it stands in a line of text: bare where that can be read in one way only, else as JSON."""
        if marked:
            return f"<{self.tag}>{compact(value)}</{self.tag}>"
        if value is None:
            return ""
        bare = isinstance(value, str) and _BARE.fullmatch(value) and not _NOT_BARE.fullmatch(value)
        return str(value) if bare else compact(value)

    def fit(self, line: str, pages: list[_Page]) -> None:
        """Leave out what is too long, and say so."""
        if self.removed:
            self.fact("hidden_chars_removed", self.removed)
        room = LONGEST - _NOTE - len(line)
        room -= sum(max(len(compact({key: self.facts[key]})), len(text)) + 1 for key, text in self.lines.items())
        room -= sum(2 * len(page.head) + 40 for page in pages)
        if room < 0:
            raise BadRequest(
                "The answer is longer than an answer may be", hint="Ask for fewer characters or fewer fields."
            )
        notes = []
        for page in pages:
            there, fits = len(page.rows), 0
            while fits < there and room >= page.size(fits):
                room -= page.size(fits)
                fits += 1
            del page.rows[fits:], page.lines[fits:]
            if fits < there:
                notes.append(f"{page.name}: the first {fits} of {there} rows fit; call again with limit={max(fits, 1)}")
        if notes:
            for key in ("next", "cut"):
                self.facts.pop(key, None)
                self.lines.pop(key, None)
            self.fact("cut", "; ".join(notes))


def compact(value: object) -> str:
    """Return JSON without spaces; raises ValueError for numbers that JSON does not have."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
