"""What every page shares: the ledger, the templates, and how an answer becomes a page or its JSON twin."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from ledger import Ledger
from ledger.errors import HeadMoved, Interrupted, LedgerBusy, LedgerError, NoSuchId, NoSuchPosition
from review_page import filters
from review_page.guard import WHO, Forms
from review_page.ledgers import Ledgers
from review_page.options import Options
from review_page.words import KEYS

HERE = Path(__file__).parent
Facts: TypeAlias = dict[str, Any]
Asking: TypeAlias = Callable[[Ledger, Mapping[str, str]], Facts]
"""From a ledger and the state in the address to what a page shows; its JSON twin shows the same."""

STATUSES: Mapping[type[LedgerError], int] = {
    HeadMoved: 409,
    Interrupted: 503,
    LedgerBusy: 503,
    NoSuchId: 404,
    NoSuchPosition: 404,
}
"""What an error is in HTTP; any other is a bad request."""
MANY = 50_000
"""Samples from which on an answer that takes longer the more there are comes after its page."""
NOW = "now"
"""The name in an address that asks for an answer with its page, as a browser without scripts does."""
LARGEST = 4 * 1024 * 1024
"""Bytes of a form."""


@dataclass(frozen=True)
class View:
    """One page: its address, the template, the title, and what is asked for it; `nav` is its name in the menu.

    `slow` says that the answer takes longer the more samples there are.
    """

    path: str
    template: str
    title: str
    ask: Asking
    nav: str = ""
    slow: bool = False


@dataclass
class Site:
    """The parts that pages are made of."""

    options: Options
    ledgers: Ledgers = field(init=False)
    forms: Forms = field(default_factory=Forms)
    menu: tuple[View, ...] = ()
    templates: Environment = field(init=False)

    def __post_init__(self) -> None:
        """Open the templates; every text in them is escaped, and a name that is not given is an error."""
        self.ledgers = Ledgers(self.options)
        self.templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.filters.update(filters.FILTERS)
        self.templates.globals.update(filters.GLOBALS)

    def routes(self, view: View) -> list[Route]:
        """Return a page and its JSON twin."""
        twin = "/overview.json" if view.path == "/" else f"{view.path}.json"
        return [Route(twin, self._twin(view), name=f"{view.title} as JSON"), Route(view.path, self._page(view))]

    def _page(self, view: View) -> Callable[[Request], Awaitable[Response]]:
        async def page(request: Request) -> Response:
            state = _state(request)
            try:
                if await self._takes_long(view, state):
                    if "hx-request" not in request.headers and NOW not in state:
                        return self.render(request, replace(view, template="later.html"), {}, state)
                    facts = await self.ledgers.patiently(lambda ledger: view.ask(ledger, state))
                else:
                    facts = await self.ledgers.read(lambda ledger: view.ask(ledger, state))
            except LedgerError as error:
                return self.refused(request, error)
            return self.render(request, view, facts, state)

        return page

    def _twin(self, view: View) -> Callable[[Request], Awaitable[Response]]:
        async def twin(request: Request) -> Response:
            state = _state(request)
            try:
                ask = self.ledgers.patiently if await self._takes_long(view, state) else self.ledgers.read
                return Plain(await ask(lambda ledger: view.ask(ledger, state)))
            except LedgerError as error:
                return JSONResponse(told(error), status_of(error))

        return twin

    async def _takes_long(self, view: View, state: Mapping[str, str]) -> bool:
        """Say whether a page is shown at once and its answer when it is there: of a large ledger, or its past."""
        if not (view.slow or state.get("as_of")):
            return False
        samples: int = (await self.ledgers.read(lambda ledger: ledger.status()))["samples"]
        return samples > MANY

    def render(
        self, request: Request, view: View, facts: Facts, state: Mapping[str, str], status: int = 200
    ) -> Response:
        """Return a page, or with `HX-Request` only the part of it that changes."""
        part = "hx-request" in request.headers and "hx-boosted" not in request.headers
        template = self.templates.get_template(view.template)
        given = {
            **facts,
            "as_of": state.get("as_of"),
            "form_token": self.forms.token,
            "here": view.path,
            "keys_there_are": KEYS,
            "menu": self.menu,
            "part": part,
            "parts": request.path_params,
            "place": request.url.path,
            "state": state,
            "title": view.title,
            "twin": _twin_address(view, state),
            "who": request.scope.get(WHO) or self.options.actor,
        }
        return HTMLResponse(template.render(given), status, headers={"vary": "HX-Request"})

    def refused(self, request: Request, error: LedgerError) -> Response:
        """Return an error as a page: what is wrong and what to do."""
        view = View(request.url.path, "error.html", "Refused", lambda _l, _s: {})
        return self.render(request, view, told(error), {}, status_of(error))

    async def form(self, request: Request) -> Facts | Response:
        """Return the fields of a form that came from this server's own page, or the refusal."""
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) > LARGEST:
            return Response("A form of a known, moderate size is needed.", 413)
        async with request.form(max_files=0, max_fields=200, max_part_size=LARGEST) as given:
            fields = {name: value for name, value in given.items() if isinstance(value, str)}
        token = request.headers.get("x-ledger-form") or fields.pop("form_token", "")
        if not self.forms.fits(token):
            return Response("This form is of another session; reload the page.", 403)
        return fields


class Plain(JSONResponse):
    """JSON as people read it; what stands in it is what the page shows."""

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - any JSON value
        """Return the bytes."""
        return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False).encode()


def told(error: LedgerError) -> Facts:
    """Return an error as the command line tells it under --json."""
    return {"error": {"name": type(error).__name__, "message": str(error), "hint": error.hint}}


def status_of(error: LedgerError) -> int:
    """Return what an error is in HTTP."""
    return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 400)


def _state(request: Request) -> dict[str, str]:
    """Return all that the address says: its parts and its query; a name that comes twice counts once, the last."""
    return {**dict(request.query_params), **{name: str(value) for name, value in request.path_params.items()}}


def _twin_address(view: View, state: Mapping[str, str]) -> str:
    path = "/overview" if view.path == "/" else view.path
    named = {name: value for name, value in state.items() if f"{{{name}}}" in path}
    query = urlencode({name: value for name, value in state.items() if name not in named})
    return f"{path.format(**named)}.json" + (f"?{query}" if query else "")
