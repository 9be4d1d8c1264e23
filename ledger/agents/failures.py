"""Why a request has no answer, told by a status or by what broke; in words of this program, never of a provider."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import orjson

from ledger.agents.contract import FAILURES, Failure
from ledger.agents.limits import wait

_BY_STATUS: Mapping[int, str] = MappingProxyType(
    {401: "not_allowed", 402: "spend_limit", 403: "not_allowed", 408: "timed_out", 429: "rate_limited"}
    | {409: "server_error", 503: "overloaded", 529: "overloaded"}
    | dict.fromkeys((499, 502, 504), "reply_lost")  # of something in between: the provider may have answered it
)
_SERVER = 500
_SPENDING = ("spend_limit_reached", "insufficient_quota", "billing_hard_limit_reached")
_SPENDING_TEXT = ("You have reached your specified API usage limits", "credit balance is too low")
_BODY = 1 << 16

_UNSENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "WriteError", "WriteTimeout", "ProxyError"})
"""What breaks before a request is whole at the other side, by the names of the client's errors."""
_NEVER = frozenset({"UnsupportedProtocol", "InvalidURL", "LocalProtocolError"})


def of_status(status: int, body: bytes, headers: Mapping[str, str]) -> Failure:
    """Return what an answer with another status than 200 means; `headers` are named in small letters."""
    kind = _BY_STATUS.get(status, "server_error" if status >= _SERVER else "bad_request")
    if _is_spending(status, body):
        kind = "spend_limit"
    asked = wait(headers, time.time())
    return Failure(kind, f"{FAILURES[kind]} (HTTP {status})", status, asked)


def of_break(name: str) -> Failure:
    """Return what the breaking of a connection means, by the name of the client's error."""
    if name in _NEVER:
        return _failure("bad_request")
    if name in _UNSENT:
        return _failure("connection_lost")
    if name.endswith("Timeout") or name == "TimeoutError":
        return _failure("timed_out")
    return _failure("reply_lost")


def _failure(kind: str) -> Failure:
    return Failure(kind, FAILURES[kind])


def _is_spending(status: int, body: bytes) -> bool:
    """Say whether an error is about money: by its code, or, of a limit that users set themselves, by its sentence."""
    if status not in {400, 402, 403, 429}:
        return False
    try:
        error = orjson.loads(body[:_BODY]).get("error")
    except (orjson.JSONDecodeError, AttributeError):
        return False
    if not isinstance(error, dict):
        return False
    details = error.get("details")
    codes = (error.get("code"), error.get("type"), details.get("error_code") if isinstance(details, dict) else None)
    return any(_ends(code) for code in codes) or any(text in str(error.get("message", "")) for text in _SPENDING_TEXT)


def _ends(code: Any) -> bool:  # noqa: ANN401 - anything that JSON can hold
    return isinstance(code, str) and (code.endswith(_SPENDING) or code == "billing_error")
