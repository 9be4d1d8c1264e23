"""The server over HTTP: who may connect, under which names, with how much."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ledger.errors import BadRequest
from mcp_server.server import settle
from mcp_server.tokens import Tokens

LARGEST = 1024 * 1024
"""Bytes of a request's body."""
PATH = "/mcp"

_SESSIONS = 256
_CONNECTIONS = 512
_FAREWELL = 2
"""Seconds that open streams have to end when the server is told to."""
_PLACE = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9_.-]+)):(?P<port>\d{1,5})")
_NAME = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?")
_LAST_PORT, _USUAL = 65_535, 80
_NO_AUTHORITY = "http://localhost"
"""The SDK wants the address of a server that gives out tokens; there is none, and nobody is told of this one."""


class Place(NamedTuple):
    """Where to listen: a name or an address, and a port; 0 is any free one."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> Place:
        """Read HOST:PORT, [ADDRESS]:PORT or PORT; raises BadRequest."""
        found = _PLACE.fullmatch(text if ":" in text else f"127.0.0.1:{text}")
        if found is None or int(found["port"]) > _LAST_PORT:
            raise BadRequest(f"{text!r} is not HOST:PORT", hint="For example: --http 127.0.0.1:8765")
        return cls((found["six"] or found["name"]).lower(), int(found["port"]))

    def is_loopback(self) -> bool:
        """Say whether only this computer can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def is_everywhere(self) -> bool:
        """Say whether this is every address that the computer has."""
        try:
            return ipaddress.ip_address(self.host).is_unspecified
        except ValueError:
            return False

    def __str__(self) -> str:
        """Return it as it stands in an address."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Door:
    """Who may come in: where to listen, token -> subject, and names and origins beyond those of the place itself."""

    place: Place
    subjects: dict[str, str] = field(default_factory=dict)
    hosts: Sequence[str] = ()
    origins: Sequence[str] = ()

    def check(self) -> None:
        """Raise BadRequest unless this door can be opened without letting strangers in."""
        if not self.subjects and not self.place.is_loopback():
            raise BadRequest(
                f"{self.place.host} can be reached from other computers, and there is no token",
                hint="Set LEDGER_TOKEN or give --token-file, or listen on 127.0.0.1.",
            )
        if self.place.is_everywhere() and not self.hosts:
            raise BadRequest(
                f"{self.place.host} says nothing about the names under which this server is reached",
                hint="Give each with --allow-host, such as --allow-host ledger.example.org:8765.",
            )
        for what, pattern, given in (("host", _NAME, self.hosts), ("origin", _ORIGIN, self.origins)):
            for one in given:
                if not pattern.fullmatch(one.lower()):
                    raise BadRequest(f"{one!r} is not an exact {what}", hint="Give ledger.example.org:8765, without *.")

    def names(self, port: int) -> list[str]:
        """Return every Host that is answered when the server listens on `port`, exactly as it must be sent."""
        own = [str(self.place._replace(port=port))] if not self.place.is_everywhere() else []
        if self.place.is_loopback():
            own = [f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", *own]
        if port == _USUAL:  # then clients leave it out
            own += [name.removesuffix(f":{port}") for name in own]
        return list(dict.fromkeys([*own, *(one.lower() for one in self.hosts)]))

    def sites(self, port: int) -> list[str]:
        """Return every Origin that is answered: the server's own, and those that the operator named."""
        return [*(f"http://{name}" for name in self.names(port)), *(one.lower() for one in self.origins)]


class Gate:
    """Refuses requests for another host's name or from another site's page, before anything else looks at them.

    A page that got a name of its own to point here (DNS rebinding) sends that name as Host; a page on another site
    sends its Origin. Both are compared whole, and sent once.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], origins: Iterable[str]) -> None:
        """Take the names and the origins that are let through."""
        self._app = app
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 421 to another name, 403 to another site; pass on everything else."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            hosts, origins = headers.getlist("host"), headers.getlist("origin")
            if len(hosts) != 1 or hosts[0] not in self._hosts:
                await PlainTextResponse("This server has another name.", 421)(scope, receive, send)
                return
            if len(origins) > 1 or not self._origins.issuperset(origins):
                await PlainTextResponse("Pages of this origin may not ask here.", 403)(scope, receive, send)
                return
        elif scope["type"] != "lifespan":
            return
        await self._app(scope, receive, send)


def listen(place: Place) -> socket.socket:
    """Return a socket that listens at a place; raises BadRequest where that cannot be done."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            made.listen()
        except BaseException:
            made.close()
            raise
    except OSError as error:
        hint = "Choose another port, or stop what listens there."
        raise BadRequest(f"Cannot listen at {place}: {error.strerror}", hint=hint) from error
    return made


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
    return Gate(inside, hosts, origins)


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
