"""The server over HTTP: who may connect, under which names, with how much."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from http_access.door import Door
from http_access.gate import Gate
from http_access.place import Place, listen
from mcp_server.server import settle
from mcp_server.tokens import Tokens

LARGEST = 1024 * 1024
"""Bytes of a request's body."""
PATH = "/mcp"

_SESSIONS = 256
_CONNECTIONS = 512
_FAREWELL = 2
"""Seconds that open streams have to end when the server is told to."""
_NO_AUTHORITY = "http://localhost"
"""The SDK wants the address of a server that gives out tokens; there is none, and nobody is told of this one."""


class Gated:
    """Lets an application see only requests that pass the gate."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        """Take both."""
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            refusal = self._gate.refusal(headers.getlist("host"), headers.getlist("origin"))
            await (refusal or self._app)(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)


def app(make: Callable[..., MCPServer], door: Door, port: int) -> ASGIApp:
    """Return the ASGI application: the gate, then the token, then the size of the body, then the protocol.

    `make` is given what the SDK needs to know of tokens, as keyword arguments: none where there are none.
    """
    hosts, origins = door.names(port), door.sites(port)
    auth = AuthSettings(issuer_url=AnyHttpUrl(_NO_AUTHORITY), resource_server_url=None, required_scopes=[])
    guarded = {"token_verifier": Tokens(door.subjects), "auth": auth} if door.subjects else {}
    inside = make(**guarded).streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=LARGEST,
        max_sessions=_SESSIONS,
        transport_security=TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins),
        host=door.place.host,
    )
    return Gated(inside, Gate(hosts, origins))


def serve(make: Callable[..., MCPServer], door: Door, ready: Callable[[str], None]) -> None:
    """Serve until a signal says to stop; `ready` hears the address. Raises BadRequest before anything is served."""
    door.check()
    with listen(door.place) as bound:
        server = prepared(make, door, bound)
        settle()
        ready(address(door.place, bound))
        with suppress(KeyboardInterrupt):  # how this program ends when it is told to; open streams have ended by then
            server.run(sockets=[bound])


def address(place: Place, bound: socket.socket) -> str:
    """Return the address that clients are given."""
    return f"http://{place._replace(port=bound.getsockname()[1])}{PATH}"


def prepared(make: Callable[..., MCPServer], door: Door, bound: socket.socket) -> uvicorn.Server:
    """Return what serves on a socket that listens already."""
    config = uvicorn.Config(
        app(make, door, bound.getsockname()[1]),
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_FAREWELL,
    )
    return uvicorn.Server(config)
