"""The application: pages, their twins, decisions and static files, behind the guard; and how it is served."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from http_access.door import Door
from http_access.place import listen
from review_page.deciding import deciding
from review_page.downloads import downloads
from review_page.guard import Guard
from review_page.ledgers import Ledgers
from review_page.options import Options
from review_page.pages import PAGES
from review_page.site import HERE, Site, View

_CONNECTIONS = 256
_FAREWELL = 2
"""Seconds that answers under way have to end when the server is told to."""
_WRONG = {
    403: "Only this server's own pages may ask for that.",
    404: "There is no such page.",
    405: "That cannot be done here.",
    413: "That is more than a form holds.",
}


def application(options: Options, hosts: Sequence[str], origins: Sequence[str]) -> ASGIApp:
    """Return the ASGI application of a ledger, which answers to these names and to forms of these origins only."""
    return _behind_guard(Site(options), hosts, origins)


def _behind_guard(site: Site, hosts: Sequence[str], origins: Sequence[str]) -> ASGIApp:
    site.menu = tuple(page for page in PAGES if page.nav)

    async def wrong(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        view = View(request.url.path, "error.html", "Not here", lambda _ledger, _state: {})
        message = _WRONG.get(status, "That did not work.")
        facts = {"error": {"name": str(status), "message": message, "hint": "Go back to the overview."}}
        answer = site.render(request, view, facts, {}, status)
        answer.headers.update((error.headers if isinstance(error, HTTPException) else None) or {})
        return answer

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:  # a second Ctrl-C cancels this
            site.ledgers.close()

    routes: list[Route | Mount] = [route for page in PAGES for route in site.routes(page)]
    routes += [*deciding(site), *downloads(site), Mount("/static", StaticFiles(directory=HERE / "static"))]
    made = Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: wrong})
    return Guard(made, hosts, origins, site.options.subjects)


def serve(options: Options, door: Door, ready: Callable[[str], None]) -> None:
    """Serve until a signal says to stop; `ready` hears the address. Raises BadRequest before anything is served."""
    door.check()
    with listen(door.place) as bound:
        server = prepared(options, door, bound)
        ready(address(door, bound))
        with suppress(KeyboardInterrupt):  # how this program ends when it is told to
            server.run(sockets=[bound])


def address(door: Door, bound: socket.socket) -> str:
    """Return the address of the first page."""
    return f"http://{door.place._replace(port=bound.getsockname()[1])}/"


def prepared(options: Options, door: Door, bound: socket.socket) -> uvicorn.Server:
    """Return what serves on a socket that listens already; `door` says who has a token."""
    port = bound.getsockname()[1]
    site = Site(replace(options, subjects=door.subjects))
    config = uvicorn.Config(
        _behind_guard(site, door.names(port), door.sites(port)),
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_FAREWELL,
    )
    return _Server(config, site.ledgers)


class _Server(uvicorn.Server):
    """Stops the questions as soon as it is told to end, so that whoever waits is told, and nobody is waited for."""

    def __init__(self, config: uvicorn.Config, ledgers: Ledgers) -> None:
        super().__init__(config)
        self._ledgers = ledgers

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the questions, then everything else."""
        self._ledgers.stop()
        await super().shutdown(sockets)
