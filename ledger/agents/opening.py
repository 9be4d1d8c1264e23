"""Opening a provider for one model: the key, the client, what the model takes and what it costs, and a backend."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from ledger.agents import chat_api, messages_api
from ledger.agents.api import Api, Refused
from ledger.agents.budget import Budget
from ledger.agents.chat_api import ChatApi
from ledger.agents.contract import BATCH, LIVE, MODES, TRANSIENT, Backend, Failure, Request
from ledger.agents.governor import Governor
from ledger.agents.layout import request, request_digest
from ledger.agents.live import Live
from ledger.agents.messages_api import MessagesApi
from ledger.agents.prices import Prices, find
from ledger.agents.profiles import ANTHROPIC, OPENAI, PROVIDERS, Profile, is_name, near, retired, shipped, told
from ledger.agents.wire import TIMEOUT, address, quiet
from ledger.errors import BadRequest, ClientMissing, LedgerError, ModelUnknown, NoApiKey, ProviderUnreachable

OWN_KEY = "LEDGER_API_KEY"
_KEYS = {ANTHROPIC: messages_api.KEY, OPENAI: chat_api.KEY}
_PACKAGES = {ANTHROPIC: "anthropic", OPENAI: "openai"}
_KEY = re.compile(r"[!-~]+")
_TRIES = (0.0, 0.5, 1.0, 2.0)
_LONGEST = 10.0
"""Seconds that a provider is waited for at most before it is asked about the model again."""
_NOT_FOUND, _NOT_THERE = 404, 501
_MOST_CONCURRENT = 1000


@dataclass(frozen=True)
class Opened:
    """A provider, opened for one model: where calls are answered, and what is needed to write them.

    `own_address` tells the provider's own address from one that the user gave.
    """

    backend: Backend
    api: Api
    profile: Profile
    prices: Prices
    own_address: bool

    @property
    def provider(self) -> str:
        """Return the provider's name."""
        return self.profile.provider

    @property
    def model(self) -> str:
        """Return the model's name, as the provider writes it."""
        return self.profile.model

    def request(
        self,
        instructions: Sequence[tuple[str, str | None]],
        data: str,
        schema: Mapping[str, Any] | None,
        output: int,
        again: Sequence[str] = (),
        sampling: Mapping[str, float] | None = None,
        effort: str | None = None,
    ) -> Request:
        """Return the request of a question to this model (see `layout.request`)."""
        return request(instructions, data, schema, output, self.profile, again, sampling=sampling, effort=effort)

    def digest(self, asked: Request) -> bytes:
        """Return the digest of a request as it goes to this provider."""
        return request_digest(asked, self.provider, own_address=self.own_address)


@asynccontextmanager
async def open_backend(  # noqa: PLR0913 - what a command can say of a provider, each by its name
    provider: str,
    model: str,
    *,
    base_url: str | None = None,
    mode: str = LIVE,
    budget: Budget,
    price: str | None = None,
    concurrency: int | None = None,
    known: Mapping[str, Any] | None = None,
    heard: Collection[str] = (),
    timeout: float = TIMEOUT,  # noqa: ASYNC109 - how long one request may take, not this
) -> AsyncIterator[Opened]:
    """Open a provider for one model, and close it in the end; while it is open, the clients write no log lines.

    `known` and `heard` are the batches of the journal, for the mode `batch` (see `batch.Batches`). The provider is
    asked what the model takes, and nothing else. Raises BadRequest, ClientMissing, NoApiKey, ModelUnknown,
    PriceUnknown, or ProviderUnreachable where nobody answers after a few tries. A key that is not accepted shows in
    the first call.
    """
    _check(provider, model, base_url, mode, concurrency)
    key = key_of(provider, base_url)
    import_module(_PACKAGES[provider])  # before its loggers are hushed: a client may set them when it is imported
    with quiet():
        made = MessagesApi if provider == ANTHROPIC else ChatApi
        api = made(shipped(provider, model), key, _root(provider, base_url), timeout)
        try:
            api.profile = await _profile(api)
            prices = find(provider, api.profile.model, price, base_url=base_url)
            backend: Backend = Live(api, Governor(concurrency), budget, prices)
            if mode == BATCH:
                backend = _batches(api, backend, budget, prices, known or {}, heard)
            yield Opened(backend, api, api.profile, prices, base_url is None)
        finally:
            await api.aclose()


def offline(provider: str, model: str, *, price: str | None = None) -> tuple[Profile, Prices]:
    """Return what is known of a model without a key and without asking anybody: the shipped table, and prices."""
    _check(provider, model, None, LIVE, None)
    return shipped(provider, model), find(provider, model, price)


def key_of(provider: str, base_url: str | None = None) -> str:
    """Return the key from the environment; raises NoApiKey.

    BadRequest for what cannot be one.

    The key of the provider itself goes to another address only where there is none for that. A server of the user's
    own that speaks as OpenAI does may need none.
    """
    names = [_KEYS[provider], OWN_KEY] if base_url is None else [OWN_KEY, _KEYS[provider]]
    for name in names:
        if key := os.environ.get(name, "").strip():
            if not _KEY.fullmatch(key):
                raise BadRequest(f"{name} holds characters that no key has.", hint="Set it again, without quotes.")
            return key
    if base_url is not None and provider == OPENAI:
        return chat_api.NO_KEY
    raise NoApiKey(provider, _KEYS[provider])


def _check(provider: str, model: str, base_url: str | None, mode: str, concurrency: int | None) -> None:
    """Refuse what cannot be opened, before anything is sent."""
    if provider not in PROVIDERS:
        raise BadRequest(f"{provider[:40]!r} is not a provider; there are {' and '.join(PROVIDERS)}.")
    if not is_name(model):
        raise ModelUnknown(provider, repr(model[:80]), "that is not a name that a model can have")
    if mode not in MODES or (mode == BATCH and provider != ANTHROPIC):
        raise BadRequest(f"{provider} does not answer in the mode {mode[:40]!r} here.", hint="Leave --mode out.")
    if concurrency is not None and not 1 <= concurrency <= _MOST_CONCURRENT:
        raise BadRequest(f"{concurrency} requests at a time are not possible; 1 to {_MOST_CONCURRENT} are.")
    if base_url is not None and (urlsplit(base_url).scheme not in {"http", "https"} or not urlsplit(base_url).hostname):
        raise ProviderUnreachable(address(base_url), "that is not an address; it begins with http:// or https://")
    if find_spec(_PACKAGES[provider]) is None:
        raise ClientMissing(_PACKAGES[provider], provider)


def _root(provider: str, base_url: str | None) -> str | None:
    """Return an address as the client takes it: Anthropic's adds the version to it, OpenAI's does not."""
    if base_url is None or provider != ANTHROPIC:
        return base_url
    return base_url.rstrip("/").removesuffix("/v1")


async def _profile(api: MessagesApi | ChatApi) -> Profile:
    """Return what a model takes, from the provider where it says so. Raises ModelUnknown, ProviderUnreachable.

    A provider that is in trouble is asked again: what the table says instead may make other requests of the same
    questions, and their answers would be paid for once more.
    """
    model, asked = api.profile.model, 0.0
    for delay in _TRIES:
        await asyncio.sleep(max(delay, min(asked, _LONGEST)))
        try:
            said = await api.model(model)
        except Refused as refused:
            failure, asked = refused.failure, refused.failure.wait or 0.0
            if not _passes(failure):
                break
        else:
            if retired(said):
                raise _unknown(api, "it is retired", await _offered(api))
            return told(api.profile, said)
    return await _unsaid(api, failure)


async def _unsaid(api: MessagesApi | ChatApi, failure: Failure) -> Profile:
    """Return what the table says of a model of which the provider says nothing; raise where that says enough."""
    if _passes(failure):
        raise ProviderUnreachable(api.address, failure.detail)
    if failure.status == _NOT_FOUND:
        offered = await _offered(api)
        # Of the servers after OpenAI some have a list of models and no entries to ask for, and some have neither.
        if api.profile.model not in offered and (offered or api.provider == ANTHROPIC):
            raise _unknown(api, "there is none of that name", offered)
    return api.profile


def _passes(failure: Failure) -> bool:
    """Say whether a failure says nothing of what is there: nobody answered, or somebody who may answer later."""
    return failure.status is None or (failure.kind in TRANSIENT and failure.status != _NOT_THERE)


async def _offered(api: MessagesApi | ChatApi) -> list[str]:
    try:
        return await api.models()
    except Refused:
        return []


def _unknown(api: MessagesApi | ChatApi, why: str, offered: Sequence[str]) -> LedgerError:
    """Return the error about a model, whose hint names those that may have been meant."""
    model = api.profile.model
    meant = near(model, [name for name in offered if name != model])
    hint = f"Give another --model, such as {' or '.join(meant)}; nothing was sent." if meant else None
    return ModelUnknown(api.address, model, why, hint=hint)


def _batches(
    api: Api, live: Backend, budget: Budget, prices: Prices, known: Mapping[str, Any], heard: Collection[str]
) -> Backend:
    from ledger.agents.batch import Batches  # noqa: PLC0415 - only whoever asks in batches needs it

    if not api.profile.batch:
        raise BadRequest(f"The model {api.profile.model} is not offered in batches.", hint="Leave --mode out.")
    return Batches(api, live, budget, prices, known=known, heard=heard)
