"""What every page shares: the ledger, the templates, and how an answer becomes a page or its JSON twin."""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from ledger import Ledger
from ledger.errors import (
    AmbiguousId,
    BadRequest,
    ConditionInvalid,
    ContentRefused,
    ErasedBytes,
    HeadMoved,
    Interrupted,
    LedgerBusy,
    LedgerError,
    NoPolicy,
    NoSuchId,
    NoSuchPosition,
    NotWithdrawable,
    PolicyInvalid,
    SampleChanged,
)
from review_page import filters, notices, safe
from review_page.forms import fields_of
from review_page.guard import WHO, Forms
from review_page.ledgers import Ledgers
from review_page.options import Options
from review_page.words import KEYS, own

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
    SampleChanged: 409,
}
"""What an error is in HTTP; any other is a bad request."""
HINTS: Mapping[type[LedgerError], str] = {
    AmbiguousId: "Give more characters of the id.",
    BadRequest: "Go back, and ask for something else.",
    ConditionInvalid: "For example: status == 'rejected' and quality >= 0.35",
    ContentRefused: 'Write one JSON object, for example {"messages": [{"role": "user", "content": "..."}]}.',
    ErasedBytes: "They cannot come back.",
    LedgerBusy: "Nothing was recorded. Do it again in a moment.",
    NoPolicy: "There has to be one before thresholds can be moved: `ledger decide --policy FILE` adopts one.",
    NoSuchId: "Follow a link of a list, or give 6 or more characters of an id.",
    NoSuchPosition: "Give a position or a time that the log has reached; the overview shows the head.",
    NotWithdrawable: "The sample's own page shows what happened to it.",
    PolicyInvalid: "Go back, and give a number that the setting can have.",
    HeadMoved: "Nothing was recorded. Look at what was appended since, then decide again.",
}
"""What to do next where an error says nothing of its own: what a class says is for the command line."""
MANY = 50_000
"""Samples from which on an answer that takes longer the more there are comes after its page."""
NOW = "now"
"""The name in an address that asks for an answer with its page, as a browser without scripts does."""
_EVERYWHERE = frozenset({"as_of", NOW}) | notices.NAMES


@dataclass(frozen=True)
class View:
    """One page: its address, the template, the title, and what is asked for it; `nav` is its name in the menu.

    `slow` says that the answer takes longer the more samples there are. `takes` are the names that its address may
    hold, each as it is, or ending in `*` what names begin with; others are refused, as they would seem to be heeded.
    """

    path: str
    template: str
    title: str
    ask: Asking
    nav: str = ""
    slow: bool = False
    takes: frozenset[str] = frozenset()

    def check(self, state: Mapping[str, str], parts: Mapping[str, object]) -> None:
        """Raise BadRequest for a name in an address that this page knows nothing of."""
        for name in state:
            if name in parts or name in self.takes or name in _EVERYWHERE:
                continue
            if not any(name.startswith(one[:-1]) for one in self.takes if one.endswith("*")):
                known = ", ".join(sorted(self.takes)) or "nothing"
                raise BadRequest(f"This page knows no {name[:40]!r}", hint=f"Its address may hold {known}, and as_of.")


@dataclass
class Site:
    """The parts that pages are made of."""

    options: Options
    ledgers: Ledgers = field(init=False)
    forms: Forms = field(default_factory=Forms)
    menu: tuple[View, ...] = ()
    actor: str = field(init=False)
    paths: set[str] = field(init=False, default_factory=set)
    templates: Environment = field(init=False)

    def __post_init__(self) -> None:
        """Open the templates; every text in them is escaped, and a name that is not given is an error."""
        self.ledgers = Ledgers(self.options)
        self.actor = self.options.actor or _user()
        self.templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=safe.shown,
        )
        self.templates.filters.update(filters.FILTERS)
        self.templates.globals.update(filters.GLOBALS)

    def routes(self, view: View) -> list[Route]:
        """Return a page and its JSON twin."""
        self.paths.add(view.path)
        twin = "/overview.json" if view.path == "/" else f"{view.path}.json"
        return [Route(twin, self._twin(view), name=f"{view.title} as JSON"), Route(view.path, self._page(view))]

    def _page(self, view: View) -> Callable[[Request], Awaitable[Response]]:
        async def page(request: Request) -> Response:
            state, person = _state(request), self.person(request)
            try:
                view.check(state, request.path_params)
                ask = self.ledgers.read
                if await self._takes_long(view, state):
                    if not _is_part(request) and NOW not in state:
                        return self.render(request, replace(view, template="later.html"), {}, state)
                    ask = self.ledgers.patiently
                seen, notice, facts = await ask(
                    lambda ledger: (
                        ledger.position("now"),
                        notices.noticed(ledger, state, person),
                        view.ask(ledger, state),
                    )
                )
            except LedgerError as error:
                return self.refused(request, error, view, state)
            return self.render(request, view, {**facts, "notice": notice}, state, seen=seen)

        return page

    def _twin(self, view: View) -> Callable[[Request], Awaitable[Response]]:
        async def twin(request: Request) -> Response:
            state = _state(request)
            try:
                view.check(state, request.path_params)
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
        self,
        request: Request,
        view: View,
        facts: Facts,
        state: Mapping[str, str],
        status: int = 200,
        *,
        seen: int | None = None,
    ) -> Response:
        """Return a page, or with `HX-Request` only the part of it that changes; `seen` is the head that it shows."""
        template = self.templates.get_template(view.template)
        state = {name: value for name, value in state.items() if name not in notices.NAMES}
        given = {
            "notice": None,
            **facts,
            "as_of": state.get("as_of"),
            "form_token": self.forms.token,
            "here": view.path,
            "keys_there_are": KEYS,
            "menu": self.menu,
            "part": _is_part(request),
            "parts": request.path_params,
            "place": request.url.path,
            "seen": seen,
            "state": state,
            "title": view.title,
            "twin": _twin_address(view, state, request.path_params) if view.path in self.paths else None,
            "who": self.person(request),
        }
        return HTMLResponse(template.render(given), status, headers={"vary": "HX-Request"})

    def person(self, request: Request) -> str:
        """Return who asks: whose token it is, else whose program it is."""
        return str(request.scope.get(WHO) or self.actor)

    def refused(
        self,
        request: Request,
        error: LedgerError,
        view: View | None = None,
        state: Mapping[str, str] | None = None,
        **facts: object,
    ) -> Response:
        """Return an error as a page, of the page that was asked for: what is wrong, what changed, what to do."""
        asked = view or View(request.url.path, "error.html", "Refused", lambda _l, _s: {})
        shown = replace(asked, template="error.html", title="Refused")
        facts = {"again": self._page_before(request, asked), **facts}
        return self.render(request, shown, {**told(error), **facts}, state or {}, status_of(error))

    def _page_before(self, request: Request, view: View) -> str | None:
        """Return the page that led to one that was refused, else that page as it is without a question."""
        led = urlsplit(request.headers.get("referer", ""))
        before = own(led.path + (f"?{led.query}" if led.query else ""))
        here = f"{request.url.path}?{request.url.query}".rstrip("?")
        if before and led.netloc == request.url.netloc and before != here:
            return before
        return view.path if view.path in self.paths and "{" not in view.path and request.url.query else None

    async def form(self, request: Request) -> dict[str, str] | Response:
        """Return the fields of a form that came from this server's own page, or the refusal."""
        return await fields_of(request, self.forms.fits)


class Plain(JSONResponse):
    """JSON as people read it; what stands in it is what the page shows."""

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - any JSON value
        """Return the bytes; whatever text cannot be written in UTF-8 is escaped."""
        text = json.dumps(_named(content), ensure_ascii=False, indent=1, allow_nan=False)
        return text.encode(errors="backslashreplace")


def _named(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value with every tuple that has names as an object."""
    if isinstance(value, Mapping):
        return {key: _named(one) for key, one in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _named(value._asdict())
    return [_named(one) for one in value] if isinstance(value, list | tuple) else value


def told(error: LedgerError) -> Facts:
    """Return an error as the command line tells it under --json, with what changed where that is the matter."""
    usual = type(error).hint.format(*error.args)
    hint = HINTS.get(type(error), error.next_step) if error.next_step == usual else error.next_step
    facts: Facts = {"error": {"name": type(error).__name__, "message": str(error), "hint": hint}}
    return {**facts, "changed": error.changes} if isinstance(error, SampleChanged) else facts


def status_of(error: LedgerError) -> int:
    """Return what an error is in HTTP."""
    return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 400)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in the password database
        return f"uid {os.getuid()}"


def _is_part(request: Request) -> bool:
    """Say whether a script asks for the part that changes; for going back it needs the page whole."""
    headers = request.headers
    return "hx-request" in headers and "hx-boosted" not in headers and "hx-history-restore-request" not in headers


def _state(request: Request) -> dict[str, str]:
    """Return all that the address says: its parts and its query; a name that comes twice counts once, the last.

    A moment that is left empty is none: a form sends it so.
    """
    query = {name: value for name, value in request.query_params.items() if value or name != "as_of"}
    return {**query, **{name: str(value) for name, value in request.path_params.items()}}


def _twin_address(view: View, state: Mapping[str, str], parts: Mapping[str, object]) -> str:
    """Return the address of a page's twin; `parts` are the names in its path with their values."""
    path = "/overview" if view.path == "/" else view.path
    named = re.sub(r"\{([a-z]+)\}", lambda found: quote(str(parts.get(found[1], "")), safe=""), path)
    query = urlencode({name: value for name, value in state.items() if name not in parts})
    return f"{named}.json" + (f"?{query}" if query else "")
