"""Who is answered: the right Host, the right Origin, a token where one is asked for; and what a browser may do with it.

A page that got a name of its own to point here (DNS rebinding) sends that name as Host; a page of another site sends
its Origin with what it posts. Both are compared whole. What changes the ledger needs a token of this process besides,
which only its own pages hold. A page of another site may lead here by a link, but not fetch: the ledger would work for
whoever shows the page.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlencode

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from http_access.gate import Gate
from http_access.tokens import Bearers

COOKIE = "ledger-token"
FIELD = "form_token"
HEADER = "x-ledger-form"
WHO = "ledger.actor"
"""Key of the scope under which the name stands that a token is for."""
LARGEST = 4 * 1024 * 1024
"""Bytes of a request's body."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",  # without a referrer a browser sends `Origin: null` with a form
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_SAFE = frozenset({"GET", "HEAD"})
_DIGITS = 20


class Forms:
    """The token that this process's own pages send with what changes the ledger."""

    def __init__(self) -> None:
        """Make one that nobody can guess."""
        self.token = secrets.token_urlsafe(32)

    def fits(self, given: str) -> bool:
        """Say whether a token is this one, in a time that does not tell how much of it is."""
        return hmac.compare_digest(self.token.encode(), given.encode(errors="replace"))


class Guard:
    """Refuses strangers, says who acts, and sets the headers that keep a page from doing anything but show."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str], origins: Iterable[str], subjects: Mapping[str, str]) -> None:
        """Take the names and origins that are let through, and token -> name; without tokens everybody is.

        Raises BadRequest for a token that is no use.
        """
        self._app = app
        self._gate = Gate(hosts, origins)
        self._bearers = Bearers(subjects) if subjects else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 421 to another name, 403 to another site, 401 without a token, 413 to a large body; pass on the rest.

        The body is counted as it is read, whatever was said of its length before.
        """
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        body = _Body(scope, receive)
        await (refusal or self._app)(scope, body.receive, _with_headers(send, body))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts, origins = ([one.lower() for one in headers.getlist(name)] for name in ("host", "origin"))
        if refusal := self._gate.refusal(hosts, origins):
            return refusal
        if scope["method"] not in _SAFE and (scope["method"] != "POST" or not origins):
            return _no_change(scope["method"])
        if is_from_elsewhere(headers) and not _is_link(headers):
            return PlainTextResponse("Pages of other sites may not ask here.", 403)
        if self._bearers is not None and (refusal := self._stranger(scope, headers, self._bearers)):
            return refusal
        length = headers.get("content-length", "0")
        if len(length) > _DIGITS or not length.isdecimal() or int(length) > LARGEST:
            return PlainTextResponse("That is more than a form holds.", 413)
        return None

    def _stranger(self, scope: Scope, headers: Headers, bearers: Bearers) -> Response | None:
        """Let in who brings a token; one in the address is put into a cookie, and out of the address."""
        query = QueryParams(scope["query_string"])
        given = query.get("token", "").replace(" ", "+")  # no token has a space, and some have a plus
        if bearers.name_of(given) is not None:
            return _led_to(scope["path"], [(key, value) for key, value in query.multi_items() if key != "token"], given)
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        tokens = [bearer] if scheme.lower() == "bearer" else _cookies(headers)
        name = next((found for token in tokens if (found := bearers.name_of(token)) is not None), None)
        if name is None:
            return PlainTextResponse("Open the address with ?token= and your token.", 401)
        scope[WHO] = name
        return None


def _no_change(method: str) -> Response:
    """Return the refusal of a method that nothing answers to, or of a form that does not say where it is from."""
    if method != "POST":
        return PlainTextResponse("That cannot be done here.", 405, {"allow": "GET, HEAD, POST"})
    return PlainTextResponse("Only this server's own pages may change anything.", 403)


def is_from_elsewhere(headers: Headers) -> bool:
    """Say whether a browser says that a page of another site makes it ask; programs and old browsers say nothing."""
    return headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}


def _is_link(headers: Headers) -> bool:
    """Say whether somebody is led here, so that the page that leads is gone."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _led_to(path: str, query: list[tuple[str, str]], token: str) -> Response:
    """Return the way to an address of this server with the token in a cookie."""
    own = "/" + quote(path.lstrip("/"))  # with two slashes in front it would be another server's
    answer = RedirectResponse(own + (f"?{urlencode(query)}" if query else ""), 303)
    answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", path="/")
    return answer


class _Body:
    """What comes with a request: counted, and known to have come to its end or not."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        headers = Headers(scope=scope)
        self.is_read = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        self._left = LARGEST
        self._receive = receive

    async def receive(self) -> Message:
        """Return the next piece; raise HTTPException where that is too much."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413)
        self.is_read = not message.get("more_body", False)
        return message


def _cookies(headers: Headers) -> list[str]:
    try:
        jar = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return []
    return [jar[COOKIE].value] if COOKIE in jar else []


def _with_headers(send: Send, body: _Body) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
            if not body.is_read:  # else the server would take the rest, without an end
                headers["connection"] = "close"
        await send(message)

    return sending
