"""The application: pages, their twins, decisions and static files, behind the guard; and how it is served."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ledger.errors import BadRequest
from review_page.deciding import deciding
from review_page.downloads import downloads
from review_page.guard import Guard
from review_page.options import Options
from review_page.pages import PAGES
from review_page.site import HERE, Site, View

_CONNECTIONS = 256
_FAREWELL = 2
"""Seconds that answers under way have to end when the server is told to."""


def application(options: Options, hosts: Sequence[str], origins: Sequence[str]) -> ASGIApp:
    """Return the ASGI application of a ledger, which answers to these names and to forms of these origins only."""
    site = Site(options)
    site.menu = tuple(page for page in PAGES if page.nav)

    async def wrong(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        view = View(request.url.path, "error.html", "Not here", lambda _ledger, _state: {})
        message = {404: "There is no such page.", 405: "That cannot be done here."}.get(status, "That did not work.")
        facts = {"error": {"name": str(status), "message": message, "hint": "Go back to the overview."}}
        return site.render(request, view, facts, {}, status)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        site.ledgers.close()

    routes: list[Route | Mount] = [route for page in PAGES for route in site.routes(page)]
    routes += [*deciding(site), *downloads(site), Mount("/static", StaticFiles(directory=HERE / "static"))]
    made = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: wrong})
    return Guard(made, hosts, origins, options.subjects)


def names_of(host: str, port: int) -> list[str]:
    """Return every Host that is answered at a place."""
    own = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
    return [f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", *own] if is_loopback(host) else own


def is_loopback(host: str) -> bool:
    """Say whether only this computer can connect."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def serve(options: Options, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until a signal says to stop; `ready` hears the address. Raises BadRequest before anything is served."""
    if not options.subjects and not is_loopback(host):
        raise BadRequest(
            f"{host} can be reached from other computers, and there is no token",
            hint="Set LEDGER_TOKEN, or listen on 127.0.0.1.",
        )
    with _listening(host, port) as bound:
        port = bound.getsockname()[1]
        names = names_of(host, port)
        app = application(options, names, [f"http://{name}" for name in names])
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_FAREWELL,
        )
        ready(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
        with suppress(KeyboardInterrupt):  # how this program ends when it is told to
            uvicorn.Server(config).run(sockets=[bound])


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(place)
            made.listen()
        except BaseException:
            made.close()
            raise
    except OSError as error:
        hint = "Choose another port with --port, or stop what listens there."
        raise BadRequest(f"Cannot listen at {host}:{port}: {error.strerror}", hint=hint) from error
    return made
