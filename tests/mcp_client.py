"""Servers to talk to: in this process, as a program over stdio, and over HTTP on a real port; in both protocol eras."""

from __future__ import annotations

import ssl
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
import httpx2
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent

from http_access.door import Door
from http_access.place import Place, listen
from ledger import Ledger, sqlite
from mcp_server import http, server
from mcp_server.face import Face
from mcp_server.options import Options
from tests.cli import environment

T = TypeVar("T")

ERAS = ("auto", "legacy")
PROTOCOLS = {"auto": "2026-07-28", "legacy": "2025-11-25"}
ALICE, BOB = "alice-0123456789abcdef", "bob-0123456789abcdef"
UNUSED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing here is encrypted; a client would read all of the system's certificates before it sends anything."""
SUBJECTS = {ALICE: "alice", BOB: "bob"}


class Web:
    """An address, and the token that requests to it bear."""

    def __init__(self, url: str, token: str | None = None) -> None:
        """Take both."""
        self.url = url
        self.token = token


Target = server.LedgerServer | StdioServerParameters | Web


def empty(options: Options) -> tuple[server.LedgerServer, Face]:
    """Return a server without tools, to put some of a test's own in, and its way to the ledger."""
    face = Face(options)
    return server.LedgerServer(face, None), face


@asynccontextmanager
async def connected(target: Target, era: str = "auto", **more: Any) -> AsyncIterator[Client]:  # noqa: ANN401 - what Client takes
    """Yield a client of a server in this process, of one that is started, or of one on the net."""
    if not isinstance(target, Web):
        async with Client(target, mode=era, **more) as client:
            yield client
        return
    headers = {} if target.token is None else {"Authorization": f"Bearer {target.token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30, verify=UNUSED) as carrier:
        transport = streamable_http_client(target.url, http_client=carrier)
        async with Client(transport, mode=era, **more) as client:
            yield client


def talk(target: Target, act: Callable[[Client], Awaitable[T]], era: str = "auto", **more: Any) -> T:  # noqa: ANN401 - what Client takes
    """Connect and return what `act` finds; raise the MCPError that it ended with."""
    found: list[T | MCPError] = []

    async def run() -> None:
        async with connected(target, era, **more) as client:
            try:
                found.append(await act(client))
            except MCPError as error:  # raised outside: the client's own tasks would put it into a group
                found.append(error)

    anyio.run(run)
    if isinstance(found[0], MCPError):
        raise found[0]
    return found[0]


def call(target: Target, tool: str, arguments: Mapping[str, Any] | None = None, era: str = "auto") -> CallToolResult:
    """Connect, call one tool, and return its result."""
    return talk(target, lambda client: client.call_tool(tool, dict(arguments or {})), era)


def said(result: CallToolResult) -> str:
    """Return the text of a result."""
    return "".join(one.text for one in result.content if isinstance(one, TextContent))


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so; raise TimeoutError after five seconds."""
    with anyio.fail_after(5):
        while not is_so():  # noqa: ASYNC110 - threads bring it about, which know no event of a loop
            await anyio.sleep(0.01)


def endless(ledger: Ledger) -> int:
    """Ask a ledger what SQL never comes to the end of."""
    sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    with sqlite.plain_errors(ledger.path):
        return int(ledger._store.connection.execute(sql).fetchone()[0])  # noqa: SLF001 - no question takes so long


def program(path: Path, *arguments: str, **env: str) -> StdioServerParameters:
    """Return how to start `ledger mcp` for the ledger at `path`."""
    start = "from commands.cli import main; main()"
    return StdioServerParameters(
        command=sys.executable,
        args=["-c", start, "--ledger", str(path), "mcp", *arguments],
        env=environment(**env),
        cwd=path.parent,
    )


@contextmanager
def listening(
    options: Options,
    subjects: Mapping[str, str] | None = None,
    *,
    hosts: Sequence[str] = (),
    origins: Sequence[str] = (),
    make: Callable[..., server.LedgerServer] | None = None,
) -> Iterator[str]:
    """Serve on a free port of this computer while the block runs; yield the address."""
    door = Door(Place("127.0.0.1", 0), subjects or {}, hosts, origins)
    with listen(door.place) as bound:
        serving = http.prepared(make or partial(server.make, options), door, bound)
        thread = threading.Thread(target=serving.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield http.address(door.place, bound)
        finally:
            serving.should_exit = True
            thread.join(20)
