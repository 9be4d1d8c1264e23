"""The application: pages, their twins, decisions and static files, behind the guard; and how it is served."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from http_access.door import Door
from http_access.place import listen
from review_page.connections import MOST, Connection, check, leave
from review_page.deciding import deciding
from review_page.downloads import downloads
from review_page.guard import Guard
from review_page.ledgers import Ledgers
from review_page.options import Options
from review_page.pages import PAGES
from review_page.site import HERE, Site, View

_FAREWELL = 2
"""Seconds that answers under way have to end when the server is told to."""
_LAST_LOOK = 1.5
"""Seconds after which whoever takes no answer is not waited for."""
_SECOND = 10
"""Ticks of the server's own clock."""
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
        headers = (error.headers if isinstance(error, HTTPException) else None) or {}
        view = View(request.url.path, "error.html", "Not here", lambda _ledger, _state: {})
        message = _WRONG.get(status, "That did not work.")
        facts = {"error": {"name": str(status), "message": message, "hint": "Go back to the overview."}}
        if request.url.path.endswith(".json"):
            return JSONResponse(facts, status, headers)
        answer = site.render(request, view, facts, {}, status)
        answer.headers.update(headers)
        return answer

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:  # a second Ctrl-C cancels this
            site.ledgers.close()

    routes: list[Route | Mount] = [route for page in PAGES for route in site.routes(page)]
    routes += [*deciding(site), *downloads(site), Mount("/static", StaticFiles(directory=HERE / "static"))]
    handlers = {HTTPException: wrong, ClientDisconnect: _gone}
    made = Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)
    return _told_of_the_end(Guard(made, hosts, origins, site.options.subjects))


async def _gone(_request: Request, _error: Exception) -> Response:
    """Return what nobody gets: who asked has left."""
    return Response(status_code=400)


def _told_of_the_end(app: ASGIApp) -> ASGIApp:
    """Return an application of which who waits is told when the server ends, and no trace is left."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        began = False

        async def sending(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await app(scope, receive, sending)
        except asyncio.CancelledError:
            if began or scope["type"] != "http":
                raise
            await PlainTextResponse("The server ends. Look whether it was done.", 503)(scope, receive, send)

    return answer


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
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=2 * MOST,  # those beyond it make room before, where they are idle
        timeout_graceful_shutdown=_FAREWELL,
    )
    return _Server(config, site.ledgers)


class _Server(uvicorn.Server):
    """Stops the questions as soon as it is told to end, so that whoever waits is told, and nobody is waited for."""

    def __init__(self, config: uvicorn.Config, ledgers: Ledgers) -> None:
        super().__init__(config)
        self._ledgers = ledgers

    async def on_tick(self, counter: int) -> bool:
        """Look once a second for connections on which nothing happens."""
        if counter % _SECOND == 0:
            check(self.server_state.connections)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the questions, then everything else."""
        self._ledgers.stop()
        held = self.server_state.connections
        leave(held, frozenset({"body"}))
        late = asyncio.get_running_loop().call_later(_LAST_LOOK, leave, held, frozenset({"body", "answer"}))
        await super().shutdown(sockets)
        late.cancel()
