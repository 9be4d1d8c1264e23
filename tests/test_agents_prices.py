"""ledger.agents.prices: what tokens cost, and the most that a request can cost."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage as Tokens
from genai_prices import calc_price
from hypothesis import given
from hypothesis import strategies as st

from ledger.agents.contract import BATCH, LIVE, Usage
from ledger.agents.prices import Prices, find
from ledger.digest import encode
from ledger.errors import BadRequest, PriceUnknown

AT = datetime(2026, 11, 1, tzinfo=UTC)
MODELS = ("claude-haiku-5-5", "claude-haiku-4-5", "claude-sonnet-5-5", "claude-opus-5-5", "claude-sonnet-4-6")
PART = st.integers(0, 150_000)


@given(st.sampled_from(MODELS), st.sampled_from([LIVE, BATCH]), PART, PART, PART, PART, PART)
def test_costs_are_those_of_the_table(
    model: str, mode: str, plain: int, read: int, short: int, long: int, output: int
) -> None:
    """Every cost is to the last digit what genai-prices says, with caches, long prompts and batches."""
    total = plain + read + short + long
    context = {"processing": "batch"} if mode == BATCH else None
    tokens = Tokens(
        input_tokens=total,
        cache_read_tokens=read,
        cache_write_tokens=short + long,
        cache_write_1h_tokens=long,
        output_tokens=output,
    )
    expected = calc_price(
        tokens, model, provider_id="anthropic", genai_request_timestamp=AT, price_context=context
    ).total_price
    prices = find("anthropic", model, at=AT)
    assert prices.cost(Usage(total, output, read, short, long), mode) == expected


@given(st.data(), st.sampled_from(MODELS), st.sampled_from([LIVE, BATCH]), st.sampled_from([None, "5m", "1h"]))
def test_nothing_costs_more_than_the_worst(data: st.DataObject, model: str, mode: str, keep: str | None) -> None:
    """No reply within max_tokens, to a prompt of no more tokens than bytes, costs more than is set aside for it."""
    text = data.draw(st.text(max_size=400))
    block: dict[str, object] = {"type": "text", "text": text}
    if keep is not None:
        block["cache_control"] = {"type": "ephemeral", "ttl": keep}
    request = {"model": model, "max_tokens": 50, "system": [block], "messages": [{"role": "user", "content": "x"}]}
    prompt = data.draw(st.integers(0, len(text.encode()) + 1024))
    read = data.draw(st.integers(0, prompt))
    written = data.draw(st.integers(0, prompt - read)) if keep is not None else 0
    writes = (written, 0) if keep == "5m" else (0, written)
    prices = find("anthropic", model, at=AT)
    usage = Usage(prompt, data.draw(st.integers(0, 50)), read, *writes)
    assert prices.cost(usage, mode) <= prices.worst(request, mode=mode)
    assert prices.cost(usage, mode) <= prices.worst(request, prompt, mode)


def test_a_price_that_is_given_goes_first() -> None:
    """Dollars for a million tokens, of prompts and of answers; batches cost half."""
    prices = find("anthropic", "no-such-model", "2/10")
    assert prices.source == "given"
    assert prices.cost(Usage(1_000_000, 1_000_000)) == 12
    assert prices.cost(Usage(1_000_000, 1_000_000), BATCH) == 6
    assert find("openai", "local-model", "0/0").cost(Usage(5, 5)) == 0


def test_at_a_stranger_a_given_price_holds_for_caches_too() -> None:
    """Where nobody says what a cache costs, what is read from it costs what any token does."""
    assert find("openai", "m", "1/1").cost(Usage(1_000_000, 0, cache_read=1_000_000)) == 1


@pytest.mark.parametrize(
    "price", ["", "1", "1/", "-1/2", "1/2/3", "nan/1", "1e9/1", "1,5/2", "\u0661/\u0662", "9999999/1"]
)
def test_what_is_no_price_is_refused(price: str) -> None:
    """A price is two plain numbers."""
    with pytest.raises(BadRequest):
        find("anthropic", "m", price)


@pytest.mark.parametrize(("provider", "model"), [("anthropic", "no-such-model"), ("openai", "local-model")])
def test_an_unknown_price_is_refused(provider: str, model: str) -> None:
    """Without a price no budget can hold, so nothing is opened."""
    with pytest.raises(PriceUnknown, match=model):
        find(provider, model)


def test_servers_after_openai_have_their_own_prices() -> None:
    """The address tells whose price it is, where the table knows it."""
    assert find("openai", "llama-3.3-70b-versatile", base_url="https://api.groq.com/openai/v1").rates[LIVE][0][1].prompt
    with pytest.raises(PriceUnknown):
        find("openai", "llama-3.3-70b-versatile", base_url="http://127.0.0.1:9/v1")


def test_prices_can_be_recorded() -> None:
    """What stands in a plan is restricted JSON: the rates of each mode as decimal text, and where they come from."""
    frozen = find("anthropic", "claude-haiku-5-5", at=AT).frozen()
    assert encode(frozen)
    assert frozen["live"] == "prompt=0.1 output=0.5 cache_read=0.01 cache_write_5m=0.125 cache_write_1h=0.2"
    assert set(frozen) == {"source", "live", "live_above_100000", "batch", "batch_above_100000"}
    assert all(isinstance(rate, Decimal) for _, rates in find("anthropic", "m", "1/2").rates[LIVE] for rate in rates)
    assert isinstance(find("anthropic", "m", "1/2"), Prices)
