"""Talking to a server in memory, and reading back what it says in text."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import anyio
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent

from mcp_server.options import Options
from mcp_server.server import make

T = TypeVar("T")
Era: TypeAlias = Literal["auto", "legacy"]


def talk(
    path: Path,
    conversation: Callable[[Client], Awaitable[T]],
    *,
    allow: frozenset[str] = frozenset(),
    mode: Era = "auto",
) -> T:
    """Return what a conversation with a server for a ledger comes to, or raise what its last question raised."""

    async def whole() -> T:
        async with Client(make(Options(path, allow)), mode=mode) as client:
            try:
                return await conversation(client)
            except MCPError as error:  # let it through as it is: the client would put it into a group
                refused = error
        raise refused

    return anyio.run(whole)


def ask(path: Path, tool: str, mode: Era = "auto", **arguments: Any) -> CallToolResult:  # noqa: ANN401 - JSON
    """Return the answer of one tool."""

    async def call(client: Client) -> CallToolResult:
        return await client.call_tool(f"ledger_{tool}", arguments)

    return talk(path, call, mode=mode)


def facts(path: Path, tool: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return what a tool answers to a program; fail where it is an error."""
    made = ask(path, tool, **arguments)
    assert not made.is_error, text_of(made)
    return dict(made.structured_content or {})


def refusal(path: Path, tool: str, **arguments: Any) -> str:  # noqa: ANN401 - JSON
    """Return the words of a tool's error; fail where it is none."""
    made = ask(path, tool, **arguments)
    assert made.is_error
    return text_of(made)


def text_of(made: CallToolResult) -> str:
    """Return the text of an answer."""
    return "".join(block.text for block in made.content if isinstance(block, TextContent))


def rows(told: Mapping[str, Any], table: str) -> list[dict[str, Any]]:
    """Return a table's rows by the names of its columns, with what all rows have in common."""
    found = told.get(table, {"cols": [], "rows": []})
    return [{**told.get("each", {}), **dict(zip(found["cols"], row, strict=True))} for row in found["rows"]]


def read_back(text: str, structured: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that stand in a text, read by its own rules; `structured` only tells which keys are tables."""
    tables = {
        name for name, value in structured.items() if isinstance(value, Mapping) and set(value) == {"cols", "rows"}
    }
    lines = text.split("\n")[1:]
    found: dict[str, Any] = {}
    while lines:
        line = lines.pop(0)
        key, _, value = line.partition(": ")
        if line.endswith(":") and line[:-1] in tables:
            cols = lines.pop(0).split("\t")
            found[line[:-1]] = {"cols": cols, "rows": _rows(lines, len(cols), tables)}
        elif line.endswith(":") and lines and lines[0].startswith("<sample-"):
            end = lines.index(lines[0].replace("<", "</", 1))
            found[line[:-1]] = "\n".join(lines[1:end])
            del lines[: end + 1]
        else:
            found[key] = _cell(value)
    return found


def _rows(lines: list[str], width: int, tables: set[str]) -> list[list[Any]]:
    made = []
    while lines and not (lines[0].endswith(":") and lines[0][:-1] in tables):
        cells = lines.pop(0).split("\t")
        assert len(cells) == width
        made.append([_cell(cell) for cell in cells])
    return made


def _cell(text: str) -> Any:  # noqa: ANN401 - JSON
    if text.startswith("<sample-"):
        text = text[text.index(">") + 1 : text.rindex("</")]
    if not text:
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
