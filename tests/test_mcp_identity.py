"""Who calls: a token's subject or the operator, never an argument; what the client says of itself is cleaned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, Implementation

from mcp_server import identity
from mcp_server.answers import answer
from mcp_server.identity import operator
from mcp_server.options import Options
from mcp_server.server import LedgerServer
from tests.mcp_client import ALICE, BOB, ERAS, SUBJECTS, Web, empty, listening, talk

HOSTILE = Implementation(name="evil\u202e\x00\n" + "n" * 500, version="1\u200b")


def asked(options: Options) -> LedgerServer:
    """Return a server with one tool, which says who called it."""
    mcp, face = empty(options)

    @mcp.tool()
    async def who(ctx: Context[Any, Any], principal: str = "") -> CallToolResult:
        caller = face.caller(ctx, "who")
        return answer({"principal": caller.principal, "argument": principal, **caller.client}, line="You.")

    return mcp


@pytest.mark.parametrize("era", ERAS)
def test_the_operator_acts_where_there_is_no_token(tmp_path: Path, era: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In memory and over stdio it is --actor; a session is what the host put into the environment."""
    monkeypatch.setenv(identity.SESSION, "5e55-10")
    mcp = asked(Options(tmp_path / "x.db", actor="olga"))

    async def act(client: Any) -> Any:  # noqa: ANN401 - a client, a result
        return (await client.call_tool("who", {"principal": "root"})).structured_content

    found = talk(mcp, act, era, client_info=HOSTILE)

    assert found["principal"] == "olga"
    assert found["name"] == ("evil " + "n" * 500)[:199] + "…"
    assert (found["version"], found["session"], found["tool"]) == ("1", "5e55-10", "who")
    assert found["request"]


def test_a_name_of_the_operator_is_always_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--actor, else LEDGER_ACTOR, else the user, else the number of the user."""
    options = Options(tmp_path / "x.db")

    assert operator(Options(tmp_path / "x.db", actor="olga")) == "olga"
    assert operator(options) == "tester"
    monkeypatch.delenv("LEDGER_ACTOR")
    monkeypatch.setattr("getpass.getuser", lambda: "user")
    assert operator(options) == "user"
    monkeypatch.setattr("getpass.getuser", _nobody)
    assert operator(options).startswith("uid ")


def _nobody() -> str:
    raise KeyError("no such user")


@pytest.mark.parametrize("era", ERAS)
def test_a_token_stands_above_everything_else(tmp_path: Path, era: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP the subject of the token acts, whatever the operator's name, the arguments or the environment say."""
    monkeypatch.setenv(identity.SESSION, "the server's own")
    options = Options(tmp_path / "x.db", actor="olga")

    def make(**auth: Any) -> LedgerServer:  # noqa: ANN401 - the SDK's
        mcp = LedgerServer(asked(options).face, None, **auth)
        _add(mcp)
        return mcp

    with listening(options, SUBJECTS, make=make) as url:
        seen = {}
        for token in (ALICE, BOB):

            async def act(client: Any) -> Any:  # noqa: ANN401 - a client, a result
                return (await client.call_tool("who", {"principal": "root"})).structured_content

            seen[token] = talk(Web(url, token), act, era)

    assert [seen[token]["principal"] for token in (ALICE, BOB)] == ["alice", "bob"]
    assert {seen[token]["session"] for token in (ALICE, BOB)} == {None}


def _add(mcp: LedgerServer) -> None:
    @mcp.tool()
    async def who(ctx: Context[Any, Any], principal: str = "") -> CallToolResult:
        caller = mcp.face.caller(ctx, "who")
        return answer({"principal": caller.principal, "argument": principal, **caller.client}, line="You.")


def test_one_persons_session_is_no_use_to_another(tmp_path: Path) -> None:
    """A session of the handshake era answers only the token that it was begun with."""
    with listening(Options(tmp_path / "x.db"), SUBJECTS) as url:
        head = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        start = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}

        async def run() -> list[int]:
            async with httpx2.AsyncClient(headers=head) as web:
                body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": start}
                begun = await web.post(url, json=body, headers={"Authorization": f"Bearer {ALICE}"})
                session = {"Mcp-Session-Id": begun.headers["mcp-session-id"]}
                ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
                codes = []
                for token in (BOB, ALICE):
                    bearer = {"Authorization": f"Bearer {token}", **session}
                    codes.append((await web.post(url, json=ping, headers=bearer)).status_code)
                return codes

        assert anyio.run(run) == [404, 200]
