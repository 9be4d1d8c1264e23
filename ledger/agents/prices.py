"""What tokens cost, in exact dollars: from the table that genai-prices brings along, or as the user says.

Nothing is looked up on the network. A model that nobody has a price for is refused, since no budget could hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib.util import find_spec
from typing import Any, NamedTuple

import orjson

from ledger.agents.contract import BATCH, LIVE, Request, Usage
from ledger.errors import BadRequest, ClientMissing, PriceUnknown

MILLION = Decimal(1_000_000)
_HALF = Decimal("0.5")
_OVERHEAD = 1024
"""Tokens that a provider may add to a prompt: what marks messages, and what tells a model to keep a schema."""
_GIVEN = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)/(\d{1,6}(?:\.\d{1,6})?)", re.ASCII)
_WRITE_5M, _WRITE_1H = Decimal("1.25"), Decimal(2)


class Rates(NamedTuple):
    """Dollars for a million tokens: read as a prompt, written as an answer, and read from or put into a cache."""

    prompt: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal

    def times(self, factor: Decimal) -> Rates:
        """Return all rates times a factor."""
        return Rates(*(rate * factor for rate in self))


@dataclass(frozen=True)
class Prices:
    """The rates of one model: for each mode, from how many tokens of a prompt on (none above 0) which rates hold."""

    model: str
    source: str
    rates: Mapping[str, tuple[tuple[int, Rates], ...]]

    def cost(self, usage: Usage, mode: str = LIVE) -> Decimal:
        """Return what a reply cost."""
        rates = self._at(usage.prompt, mode)
        plain = usage.prompt - usage.cache_read - usage.cache_write_5m - usage.cache_write_1h
        return (
            plain * rates.prompt
            + usage.output * rates.output
            + usage.cache_read * rates.cache_read
            + usage.cache_write_5m * rates.cache_write_5m
            + usage.cache_write_1h * rates.cache_write_1h
        ) / MILLION

    def worst(self, request: Request, prompt_tokens: int | None = None, mode: str = LIVE) -> Decimal:
        """Return the most that a request can cost.

        Without a count of its tokens, its bytes and a margin bound them: no token is shorter than a byte. The whole
        prompt may have to be put into the cache for as long as any part of it is to be kept.
        """
        if prompt_tokens is None:
            prompt_tokens = len(orjson.dumps(request)) + _OVERHEAD
        rates = self._at(prompt_tokens, mode)
        dearest = rates.prompt
        written = orjson.dumps(request.get("system"))
        if b'"cache_control"' in written:
            dearest = max(dearest, rates.cache_write_1h if b'"1h"' in written else rates.cache_write_5m)
        return (prompt_tokens * dearest + int(request["max_tokens"]) * rates.output) / MILLION

    def frozen(self) -> dict[str, str]:
        """Return the prices as texts, for the record of a plan: the rates in dollars for a million, by their names."""
        texts = {"source": self.source}
        for mode, steps in self.rates.items():
            for above, rates in steps:
                label = mode if not above else f"{mode}_above_{above}"
                texts[label] = " ".join(f"{name}={rate.normalize():f}" for name, rate in rates._asdict().items())
        return texts

    def _at(self, prompt: int, mode: str) -> Rates:
        return next(rates for above, rates in reversed(self.rates[mode]) if prompt > above or not above)


def find(
    provider: str, model: str, price: str | None = None, *, base_url: str | None = None, at: datetime | None = None
) -> Prices:
    """Return the prices of a model: `price`, INPUT/OUTPUT in dollars for a million tokens, goes before the table.

    `at` is the day whose prices count (now). Raises BadRequest for a price that is none, PriceUnknown where the table
    has none, ClientMissing where the table is not installed.
    """
    if price is not None:
        return _given(provider, model, price)
    if find_spec("genai_prices") is None:
        raise ClientMissing("genai-prices", "nobody; it knows what models cost")
    moment = at or datetime.now(UTC)
    places: list[dict[str, str]] = [{"provider_id": provider}]
    if base_url is not None:
        places.insert(0, {"provider_api_url": base_url})
    for place in places:
        if (found := _listed(model, place, moment)) is not None:
            return found
    raise PriceUnknown(model)


def _given(provider: str, model: str, price: str) -> Prices:
    """Return prices as the user says them. Caches cost what they cost at this provider, in parts of the price."""
    found = _GIVEN.fullmatch(price)
    if found is None:
        raise BadRequest(f"{price[:40]!r} is not a price; it is INPUT/OUTPUT in dollars for a million tokens, as 2/10")
    prompt, output = Decimal(found[1]), Decimal(found[2])
    writes = (prompt * _WRITE_5M, prompt * _WRITE_1H) if provider == "anthropic" else (prompt, prompt)
    rates = Rates(prompt, output, prompt, *writes)
    return Prices(model, "given", {LIVE: ((0, rates),), BATCH: ((0, rates.times(_HALF)),)})


def _listed(model: str, place: Mapping[str, str], moment: datetime) -> Prices | None:
    """Return the prices that the table has for a model at a place, or None."""
    from genai_prices import Usage as Tokens  # noqa: PLC0415 - only whoever asks a model needs it
    from genai_prices import __version__, calc_price  # noqa: PLC0415 - as above

    try:
        found = calc_price(Tokens(), model, genai_request_timestamp=moment, **place)  # type: ignore[call-overload]
    except LookupError:
        return None
    live = _steps(found.model.get_prices(moment))
    if live is None:
        return None
    batch = _steps(found.model.get_prices(moment, {"processing": "batch"}))
    if batch is None or batch == live:  # the table does not say that a batch costs half
        batch = tuple((above, rates.times(_HALF)) for above, rates in live)
    return Prices(model, f"genai-prices {__version__}", {LIVE: live, BATCH: batch})


def _steps(listed: Any) -> tuple[tuple[int, Rates], ...] | None:  # noqa: ANN401 - a class of the table's own
    """Return the rates by the length of a prompt, or None where a price is missing."""
    if listed.input_mtok is None or listed.output_mtok is None:
        return None
    tiers = {tier.start for name in _NAMES for tier in getattr(getattr(listed, name), "tiers", ())}
    return tuple((above, _rates(listed, above)) for above in sorted({0, *tiers}))


_NAMES = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok")


def _rates(listed: Any, above: int) -> Rates:  # noqa: ANN401 - a class of the table's own
    prompt, output, read, write, write_1h = (_rate(getattr(listed, name), above) for name in _NAMES)
    if prompt is None or output is None:
        raise AssertionError("checked by the caller")
    write = prompt if write is None else write
    return Rates(prompt, output, prompt if read is None else read, write, write if write_1h is None else write_1h)


def _rate(price: Any, above: int) -> Decimal | None:  # noqa: ANN401 - a number, tiers of numbers, or nothing
    """Return the rate of prompts that are longer than so many tokens."""
    tiers = getattr(price, "tiers", None)
    if tiers is None:
        return None if price is None else Decimal(price)
    return Decimal(next((tier.price for tier in reversed(tiers) if tier.start <= above), price.base))
