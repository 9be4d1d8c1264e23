"""Anthropic's interface: messages, counting, batches and the list of models, through the `anthropic` package."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import orjson

from ledger.agents.api import Answer, Held, Refused, Result
from ledger.agents.contract import FAILURES, Call, Failure, Request
from ledger.agents.layout import SAMPLING
from ledger.agents.profiles import Profile
from ledger.agents.wire import CONNECT, TIMEOUT, Wire, address, loaded

ADDRESS = "https://api.anthropic.com"
KEY = "ANTHROPIC_API_KEY"

_MESSAGES, _COUNT = "/v1/messages", "/v1/messages/count_tokens"
_BATCHES, _MODELS = "/v1/messages/batches", "/v1/models"
_COUNTED = ("model", "system", "messages", "thinking", "output_config", "tools")
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_PAGE = 100
_COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")
_ENDS: Mapping[str, str] = MappingProxyType({"canceled": "canceled", "expired": "expired"})


class MessagesApi:
    """The interface of Anthropic, or of a server that speaks as it does, opened for one model."""

    provider = "anthropic"

    def __init__(self, profile: Profile, key: str, base_url: str | None = None, timeout: float = TIMEOUT) -> None:
        """Make a client; nothing is sent. The address is always said, so that no file on this machine can change it."""
        import anthropic  # noqa: PLC0415 - only whoever asks a model needs it
        import httpx2  # noqa: PLC0415 - as above

        self.profile = profile
        self.address = address(base_url or ADDRESS)
        self._wire = Wire(
            anthropic,
            anthropic.AsyncAnthropic(
                api_key=key,
                base_url=base_url or ADDRESS,
                timeout=httpx2.Timeout(timeout, connect=min(CONNECT, timeout)),
                max_retries=0,
                open_telemetry=False,
            ),
            timeout,
        )

    async def send(self, request: Request) -> Answer:
        """Send one request, once; raise Refused where there is no answer."""
        return await self._wire.ask(_MESSAGES, request, self._version(request))

    async def count(self, request: Request) -> int | None:
        """Return how many tokens a request's prompt has; raises Refused."""
        asked = {name: request[name] for name in _COUNTED if name in request}
        counted = loaded((await self._wire.ask(_COUNT, asked)).body).get("input_tokens")
        return counted if type(counted) is int and counted >= 0 else None

    async def submit(self, calls: Sequence[Call]) -> Held:
        """Hand in a batch, once; raise Refused where no answer says that the provider holds it."""
        requests = [{"custom_id": call.key, "params": dict(call.request)} for call in calls]
        version = self._version(calls[0].request) if calls else {}
        return _held(await self._wire.ask(_BATCHES, {"requests": requests}, version))

    async def held(self, provider_id: str) -> Held:
        """Return what became of a batch so far; raises Refused."""
        return _held(await self._wire.ask(f"{_BATCHES}/{_checked(provider_id)}"))

    async def listed(self) -> AsyncIterator[Held]:
        """Yield the batches that the provider holds, youngest first, each once; raises Refused."""
        after, told = "", set[str]()
        while True:
            page = loaded((await self._wire.ask(f"{_BATCHES}?limit={_PAGE}{after}")).body)
            entries = page.get("data")
            found = [_batch(entry) for entry in (entries if isinstance(entries, list) else [])]
            new = [held for held in found if held is not None and held.id not in told]
            told.update(held.id for held in new)
            for held in new:
                yield held
            last = page.get("last_id")
            if page.get("has_more") is not True or not new or not isinstance(last, str) or not _ID.fullmatch(last):
                return
            after = f"&after_id={last}"

    async def results(self, provider_id: str) -> AsyncIterator[Result]:
        """Yield the results of a batch that has ended, in any order; raises Refused.

        They are asked for at the address that was opened, not at the one that the batch names: the key goes there.
        """
        async for line in self._wire.lines(f"{_BATCHES}/{_checked(provider_id)}/results"):
            if (result := _result(line)) is not None:
                yield result

    async def cancel(self, provider_id: str) -> Held:
        """Ask for a batch to end early; raises Refused."""
        return _held(await self._wire.ask(f"{_BATCHES}/{_checked(provider_id)}/cancel", {}))

    async def model(self, name: str) -> Mapping[str, Any]:
        """Return what the provider says of a model, tolerantly read; raises Refused."""
        return loaded((await self._wire.ask(f"{_MODELS}/{name}")).body)

    async def models(self) -> list[str]:
        """Return the names of the models that the provider offers (the first thousand); raises Refused."""
        listed = loaded((await self._wire.ask(f"{_MODELS}?limit=1000")).body).get("data")
        names = [entry.get("id") for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        return [name for name in names if isinstance(name, str)]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    def _version(self, request: Request) -> dict[str, str]:
        """Return the header by which a model that takes a temperature is asked as it takes it."""
        asked = any(name in request for name in SAMPLING)
        return {"anthropic-version": self.profile.version} if asked and self.profile.version is not None else {}


def _held(answer: Answer) -> Held:
    held = _batch(loaded(answer.body))
    if held is None:
        raise Refused(Failure("reply_lost", "the provider's answer names no batch; it may hold one", 200))
    return held


def _batch(said: object) -> Held | None:
    if not isinstance(said, dict) or not isinstance(said.get("id"), str) or not _ID.fullmatch(said["id"]):
        return None
    told = said.get("request_counts")
    counts = told if isinstance(told, dict) else {}
    numbers = {name: counts.get(name) for name in _COUNTS}
    created = said.get("created_at")
    return Held(
        said["id"],
        said.get("processing_status") == "ended",
        {name: number if type(number) is int and number >= 0 else 0 for name, number in numbers.items()},
        created[:40] if isinstance(created, str) else "",
    )


def _result(line: bytes) -> Result | None:
    """Return a line of results, or None where it does not say which call it is about."""
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    key = said.get("custom_id") if isinstance(said, dict) else None
    result = said.get("result") if isinstance(said, dict) else None
    if not isinstance(key, str) or not isinstance(result, dict):
        return None
    kind = result.get("type")
    if kind == "succeeded":
        return Result(key, line, None)
    failure = _ENDS.get(str(kind), _errored(result))
    return Result(key, None, Failure(failure, FAILURES[failure]))


def _errored(result: Mapping[str, Any]) -> str:
    """Return why a request of a batch failed: by the type of its error, which may stand inside another."""
    error = result.get("error")
    inner = error.get("error") if isinstance(error, dict) else None
    named = (inner if isinstance(inner, dict) else error if isinstance(error, dict) else {}).get("type")
    return _ERRORS.get(str(named), "server_error")


_ERRORS: Mapping[str, str] = MappingProxyType(
    {
        "invalid_request_error": "bad_request",
        "not_found_error": "bad_request",
        "authentication_error": "not_allowed",
        "permission_error": "not_allowed",
        "billing_error": "spend_limit",
        "rate_limit_error": "rate_limited",
        "overloaded_error": "overloaded",
        "timeout_error": "server_error",
    }
)


def _checked(provider_id: str) -> str:
    """Return the name of a batch, which becomes part of an address; raise Refused where it is none."""
    if not _ID.fullmatch(provider_id):
        raise Refused(Failure("bad_request", "this is not the name of a batch"))
    return provider_id
