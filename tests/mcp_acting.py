"""Clients of a server in memory for tests of what writes: who answers the server's questions, and what came back."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import anyio
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.session import ClientRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult

from ledger import Ledger
from mcp_server.options import Options
from mcp_server.server import LedgerServer, make

T = TypeVar("T")

ERAS = ("auto", "legacy")
EVERYTHING = ("propose", "record", "export")


class Person:
    """Whoever sits at the client: gives the same answer to every question, and remembers the questions."""

    def __init__(self, action: str = "accept", content: Mapping[str, Any] | None = None) -> None:
        """Take the answer."""
        self.questions: list[str] = []
        self._answer = {"action": action, "content": content}

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:  # noqa: ARG002 - the SDK's
        """Answer."""
        self.questions.append(params.message)
        return ElicitResult.model_validate(self._answer)


def yes() -> Person:
    """Return somebody who confirms everything."""
    return Person("accept", {"record": True})


class Said(NamedTuple):
    """What a call brought: whether it is an error, the text, and the facts (none of an error)."""

    is_error: bool
    text: str
    facts: dict[str, Any]


def said(result: CallToolResult) -> Said:
    """Return what a result says."""
    text = "\n".join(one.text for one in result.content if one.type == "text")
    return Said(bool(result.is_error), text, dict(result.structured_content or {}))


def server(path: Path, *allow: str, root: Path | None = None, actor: str = "alice") -> LedgerServer:
    """Return a server for a ledger."""
    return make(Options(path=path, allow=frozenset(allow), actor=actor, export_root=root))


def using(
    made: LedgerServer | StdioServerParameters | str,
    work: Callable[[Client], Awaitable[T]],
    person: Person | None = None,
    era: str = "auto",
) -> T:
    """Return what `work` finds with a client of a server, wherever it is; raise the MCPError that it ended with."""
    refused: list[MCPError] = []
    found: list[T] = []

    async def run() -> None:
        async with Client(made, mode=era, elicitation_callback=person) as client:
            try:
                found.append(await work(client))
            except MCPError as error:  # outside, since the client's own tasks would put it into a group
                refused.append(error)

    anyio.run(run)
    if refused:
        raise refused[0]
    return found[0]


def call(
    made: LedgerServer | StdioServerParameters | str,
    tool: str,
    person: Person | None = None,
    era: str = "auto",
    **arguments: object,
) -> Said:
    """Call one tool."""

    async def work(client: Client) -> Said:
        return said(await client.call_tool(tool, dict(arguments)))

    return using(made, work, person, era)


def standing(path: Path) -> str:
    """Return everything that decides how samples stand, as text: all but proposals and the head."""
    with Ledger.open(path) as ledger:
        status = ledger.status()
        found = ledger.find(limit=1_000)["samples"]
    kept = {name: status[name] for name in ("samples", "by_status", "by_label", "by_reason", "campaigns")}
    return json.dumps([kept, found], sort_keys=True, default=str)


def head(path: Path) -> int:
    """Return where the log ends."""
    with Ledger.open(path) as ledger:
        return int(ledger.status()["head"]["position"])
