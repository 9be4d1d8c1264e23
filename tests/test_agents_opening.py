"""ledger.agents.opening: keys, models, prices, and what is said when a provider cannot be opened."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

from ledger.agents import opening
from ledger.agents.api import Refused
from ledger.agents.budget import Budget
from ledger.agents.failures import of_status
from ledger.agents.live import Live
from ledger.agents.opening import Opened, key_of, offline, open_backend
from ledger.agents.profiles import shipped
from ledger.errors import (
    BadRequest,
    ClientMissing,
    LedgerError,
    ModelUnknown,
    NoApiKey,
    PriceUnknown,
    ProviderUnreachable,
)
from tests.calling import MODEL, Notes, call, collected, each, with_opened
from tests.provider.handle import KEY, Provider

pytest_plugins = ("tests.provider.fixture",)


async def nothing(opened: Opened) -> Opened:
    """Use a provider for nothing."""
    return opened


def refused(model: str = MODEL, provider: str = "anthropic", **options: Any) -> LedgerError:  # noqa: ANN401 - options of open_backend
    """Return the error of opening what cannot be opened."""

    async def run() -> None:
        async with open_backend(provider, model, budget=Budget(Decimal(1)), **options):
            pass

    with pytest.raises(LedgerError) as raised:
        asyncio.run(run())
    return raised.value


def closed_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_model_is_opened_as_the_provider_tells_of_it(provider: Provider) -> None:
    """One question about the model and nothing else; its prices and what it takes are there."""
    opened = with_opened(provider, nothing)
    assert (opened.provider, opened.model, opened.own_address) == ("anthropic", MODEL, False)
    assert (opened.profile.thinking, opened.profile.max_output) == ("off", 64_000)
    assert opened.prices.source.startswith("genai-prices ")
    assert isinstance(opened.backend, Live)
    assert provider.stats()["paths"] == {"GET /v1/models/ID": 1}


def test_models_that_are_not_there(provider: Provider) -> None:
    """An unknown model and a retired one are refused, with near names where there are any; nothing is sent."""
    unknown = refused("claude-haiku-5-6", base_url=provider.url)
    assert isinstance(unknown, ModelUnknown)
    assert MODEL in unknown.next_step
    gone = refused("claude-sonnet-4-20250514", base_url=provider.url)
    assert isinstance(gone, ModelUnknown)
    assert "retired" in str(gone)
    assert isinstance(refused("../batches", base_url=provider.url), ModelUnknown)
    assert provider.stats()["billed"] == 0


def test_a_server_that_lists_no_models(provider: Provider) -> None:
    """A server of one's own need not have a list; one that has it names what may have been meant."""
    meant = refused("gpt-5-minni", "openai", base_url=provider.chat_url, price="1/1")
    assert isinstance(meant, ModelUnknown)
    assert "gpt-5-mini" in meant.next_step

    async def run() -> str:
        away = f"{provider.url}/nowhere"
        async with open_backend("openai", "my-model", base_url=away, budget=Budget(None), price="0/0") as opened:
            return opened.model

    assert asyncio.run(run()) == "my-model"


def test_batches_are_opened_with_what_the_log_knows(provider: Provider) -> None:
    """The backend for batches sends what goes first through a live one, under the same budget."""

    async def use(opened: Opened) -> tuple[Any, ...]:
        backend: Any = opened.backend
        return backend.budget is backend.live.budget, backend.api is opened.api, "msgbatch_1" in backend.heard

    assert with_opened(provider, use, mode="batch", heard=["msgbatch_1"]) == (True, True, True)


def test_a_price_that_nobody_knows(provider: Provider) -> None:
    """A model without a price is not opened, unless a price is given."""
    url = provider.chat_url
    assert isinstance(refused("local-model", "openai", base_url=url), PriceUnknown)
    assert isinstance(refused("local-model", "openai", base_url=url, price="cheap"), BadRequest)

    async def run() -> str:
        async with open_backend("openai", "local-model", base_url=url, budget=Budget(None), price="0/0") as opened:
            return opened.prices.source

    assert asyncio.run(run()) == "given"


def test_a_provider_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody at an address, and an address that is none, are said so after a few tries, without names or passwords."""
    monkeypatch.setenv("LEDGER_API_KEY", KEY)
    port = closed_port()
    away = refused(base_url=f"http://ada:secret@127.0.0.1:{port}/v1?token=secret")
    assert isinstance(away, ProviderUnreachable)
    assert str(away).startswith(f"http://127.0.0.1:{port} cannot be reached")
    assert "secret" not in f"{away!r} {away.args} {away.next_step}"
    for url in ("ftp://127.0.0.1/", "127.0.0.1:80", "http://", "http://:99999/"):
        assert isinstance(refused(base_url=url), ProviderUnreachable)


profile_of: Any = opening._profile  # noqa: SLF001 - what is asked first, without a server to ask


class Told:
    """A provider that answers a question about a model with statuses, one after another, and then with the model."""

    def __init__(self, *statuses: int) -> None:
        """Begin with nothing asked."""
        self.profile, self.address, self.provider = shipped("anthropic", MODEL), "an address", "anthropic"
        self.asked = 0
        self._statuses = list(statuses)

    async def model(self, name: str) -> dict[str, Any]:
        """Refuse, or tell of the model."""
        self.asked += 1
        if self._statuses:
            raise Refused(of_status(self._statuses.pop(0), b"", {}))
        return {"id": name, "max_tokens": 1234}

    async def models(self) -> list[str]:
        """List the model."""
        return [MODEL]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again without a pause."""
    monkeypatch.setattr(opening, "_TRIES", (0.0,) * 4)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
@pytest.mark.usefixtures("at_once")
def test_a_provider_in_trouble_is_asked_about_a_model_again(status: int) -> None:
    """The shipped table does not stand in for it: requests might be others, and be paid for once more."""
    once, always = Told(status, status), Told(*[status] * 9)
    assert asyncio.run(profile_of(once)).max_output == 1234
    assert once.asked == 3
    with pytest.raises(ProviderUnreachable):
        asyncio.run(profile_of(always))
    assert always.asked == 4


@pytest.mark.parametrize("status", [401, 403, 404, 405, 501])
@pytest.mark.usefixtures("at_once")
def test_where_nothing_is_said_of_models_the_table_stands(status: int) -> None:
    """A key that may not ask, and a server without such a list, are asked once."""
    told = Told(status)
    assert asyncio.run(profile_of(told)) == told.profile
    assert told.asked == 1


@pytest.mark.parametrize("provider_", ["anthropic", "openai"])
def test_without_a_key_nothing_is_opened(provider_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable; a blank one is none."""
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "LEDGER_API_KEY"):
        monkeypatch.setenv(name, " ")
    error = refused("m-1", provider_)
    assert isinstance(error, NoApiKey)
    assert f"{provider_.upper()}_API_KEY" in str(error)


def test_whose_key_goes_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider gets its own key; another address gets it only where there is none for that address."""
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "LEDGER_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert key_of("openai", "http://127.0.0.1:1") == "none"
    monkeypatch.setenv("ANTHROPIC_API_KEY", "theirs")
    assert key_of("anthropic", "http://127.0.0.1:1") == "theirs"
    monkeypatch.setenv("LEDGER_API_KEY", "mine")
    assert key_of("anthropic") == "theirs"
    assert key_of("anthropic", "http://127.0.0.1:1") == "mine"
    assert key_of("openai") == "mine"


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"provider": "elsewhere"}, BadRequest),
        ({"mode": "slow"}, BadRequest),
        ({"provider": "openai", "mode": "batch"}, BadRequest),
        ({"concurrency": 0}, BadRequest),
        ({"concurrency": 10**6}, BadRequest),
    ],
)
def test_what_cannot_be_asked_for(options: dict[str, Any], kind: type[LedgerError]) -> None:
    """Strange providers, modes and numbers are refused before a key is looked for."""
    assert isinstance(refused("m-1", **options), kind)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the client is not installed, the error says what to install."""
    monkeypatch.setitem(sys.modules, "anthropic", None)
    assert isinstance(refused(), ClientMissing)


def test_the_key_stands_nowhere(
    provider: Provider, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """No log line, no output, no repr and no failure holds the key or a word of a sample, however much is logged."""
    provider.config(faults=[{"kind": "server_error", "times": 1}, {"kind": "drop_after", "share": 0.3, "times": 2}])
    caplog.set_level(logging.DEBUG)

    async def use(opened: Opened) -> str:
        assert isinstance(opened.backend, Live)
        came = await collected(opened.backend, each([call(opened, f"hapax {n}") for n in range(5)]), Notes())
        failures = [step.detail for step in came.notes.of("failed")]
        return f"{opened!r} {opened.api!r} {vars(opened.api)!r} {failures}"

    said = with_opened(provider, use) + caplog.text + "".join(capfd.readouterr())
    assert KEY not in said
    assert "hapax" not in said
    assert logging.getLogger("anthropic").level <= logging.DEBUG or not logging.getLogger("anthropic").level


def test_a_client_that_is_told_to_log_logs_nothing(provider: Provider) -> None:
    """The client's own switch for logging, which would write every request, is turned off while it is open."""
    code = """
import asyncio
import sys
from ledger.agents.budget import Budget
from ledger.agents.opening import open_backend
async def run():
    async with open_backend("anthropic", sys.argv[1], base_url=sys.argv[2], budget=Budget(None)) as opened:
        await opened.api.send(opened.request([], '"hapax"', None, 20))
asyncio.run(run())
"""
    environment = {**os.environ, "ANTHROPIC_LOG": "debug", **provider.env}
    done = subprocess.run(
        [sys.executable, "-c", code, MODEL, provider.url], env=environment, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("key", ["k\u00e9y", "a b", "a\nb"])
def test_what_is_no_key_is_not_sent(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that no header can hold is refused, without being said."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    error = refused()
    assert isinstance(error, BadRequest)
    assert key not in f"{error!r} {error.next_step}"


def test_an_address_may_end_with_its_version(provider: Provider) -> None:
    """Anthropic's address is given with or without /v1."""
    assert with_opened(provider, nothing, base_url=f"{provider.url}/v1/").model == MODEL


def test_nobody_need_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run has the shipped table and the prices, without a key."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    profile, prices = offline("anthropic", MODEL)
    assert (profile.model, profile.max_output) == (MODEL, 64_000)
    assert prices.rates["live"]
    with pytest.raises(PriceUnknown):
        offline("anthropic", "no-such-model")


def test_requests_are_named_by_what_they_say(provider: Provider) -> None:
    """The digest of a request is the same at whichever address of one's own, and another at the provider's."""

    async def use(opened: Opened) -> bytes:
        return opened.digest(opened.request([("rules", "1h")], "{}", None, 10))

    first = with_opened(provider, use)
    assert with_opened(provider, use, base_url=provider.url.replace("127.0.0.1", "localhost")) == first
