"""Who is answered: the right Host, the right Origin, a token where one is asked for; and what a browser may do with it.

A page that got a name of its own to point here (DNS rebinding) sends that name as Host; a page of another site sends
its Origin with what it posts. Both are compared whole. What changes the ledger needs a token of this process besides,
which only its own pages hold.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "ledger-token"
FIELD = "form_token"
HEADER = "x-ledger-form"
WHO = "ledger.actor"
"""Key of the scope under which the name stands that a token is for."""

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
        """Take the names and origins that are let through, and token -> name; without tokens everybody is."""
        self._app = app
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origins)
        self._subjects = [(_digest(token), name) for token, name in subjects.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 421 to another name, 403 to another site, 401 without a token; pass on everything else."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return PlainTextResponse("This server has another name.", 421)
        if scope["method"] not in _SAFE and (len(origins) != 1 or origins[0].lower() not in self._origins):
            return PlainTextResponse("Only this server's own pages may change anything.", 403)
        if origins and not self._origins.issuperset(origin.lower() for origin in origins):
            return PlainTextResponse("Pages of this origin may not ask here.", 403)
        return self._stranger(scope, headers) if self._subjects else None

    def _stranger(self, scope: Scope, headers: Headers) -> Response | None:
        """Let in who brings a token; one in the address is put into a cookie, and out of the address."""
        query = QueryParams(scope["query_string"])
        if (given := query.get("token")) is not None and self._name(given) is not None:
            rest = "&".join(f"{key}={value}" for key, value in query.multi_items() if key != "token")
            answer = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), 303)
            answer.set_cookie(COOKIE, given, httponly=True, samesite="strict", path="/")
            return answer
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        tokens = [bearer] if scheme.lower() == "bearer" else _cookies(headers)
        name = next((found for token in tokens if (found := self._name(token)) is not None), None)
        if name is None:
            return PlainTextResponse("Open the address with ?token= and your token.", 401)
        scope[WHO] = name
        return None

    def _name(self, token: str) -> str | None:
        given, found = _digest(token), None
        for known, name in self._subjects:
            if hmac.compare_digest(known, given):
                found = name
        return found


def _cookies(headers: Headers) -> list[str]:
    try:
        jar = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return []
    return [jar[COOKIE].value] if COOKIE in jar else []


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return sending


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
