"""The provider that tests ask is one: the real client understands it, and its limits, prices and faults are exact."""
# ruff: noqa: ANN401 - bodies are JSON, and what the clients give is described by their own types

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from typing import Any

import anthropic
import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from tests.provider.asking import LONG, MODEL, asked, body, create, formed, status_of, text_of
from tests.provider.buckets import Bucket
from tests.provider.handle import Provider
from tests.provider.models import MODELS, Tokens, dollars
from tests.provider.settings import ANSWERS, KINDS

pytest_plugins = ("tests.provider.fixture",)


def test_the_order_of_arrival_changes_nothing(provider: Provider) -> None:
    """Sixty answers, asked at once and then one by one the other way round, are the same; a second sighting is not."""
    texts = [f"question {n} about the harbor" for n in range(60)]

    async def at_once(made: Any) -> list[str]:
        got = await asyncio.gather(*(made.messages.create(**body(text), **formed()) for text in texts))
        return [text_of(one) for one in got]

    async def in_turn(made: Any) -> list[str]:
        return [text_of(await made.messages.create(**body(text), **formed())) for text in reversed(texts)]

    first = asked(provider, at_once)
    provider.reset()
    assert asked(provider, in_turn) == first[::-1]
    assert len(set(first)) == 60
    assert text_of(create(provider, **body(texts[0]), **formed())) != first[0]
    provider.reset(seed=1)
    assert text_of(create(provider, **body(texts[0]), **formed())) != first[0]


def test_faults_are_replayed(provider: Provider) -> None:
    """A share of the requests strikes the same ones whatever their order, near the share that was asked for."""
    texts = [f"question {n}" for n in range(200)]

    async def struck(made: Any, order: list[str]) -> set[str]:
        async def one(text: str) -> str | None:
            try:
                await made.messages.create(**body(text))
            except anthropic.APIStatusError:
                return text
            return None

        return {text for text in await asyncio.gather(*map(one, order)) if text}

    provider.reset(faults=[{"kind": "overloaded", "share": 0.2}])
    first = asked(provider, lambda made: struck(made, texts))
    provider.reset(faults=[{"kind": "overloaded", "share": 0.2}])
    assert asked(provider, lambda made: struck(made, texts[::-1])) == first
    assert 20 <= len(first) <= 60
    assert provider.stats()["faults"] == {"overloaded": len(first)}


@pytest.mark.parametrize(
    ("kind", "status", "error", "code"),
    [
        ("overloaded", 529, "overloaded_error", None),
        ("server_error", 500, "api_error", None),
        ("rate_limited", 429, "rate_limit_error", None),
        ("spend_limit", 429, "rate_limit_error", "enforced_spend_limit_reached"),
        ("own_limit", 400, "invalid_request_error", None),
        ("not_allowed", 403, "permission_error", None),
    ],
)
def test_what_is_not_paid_for(provider: Provider, kind: str, status: int, error: str, code: str | None) -> None:
    """Errors have the status, type and code that the client knows, and cost nothing."""
    provider.config(faults=[kind])
    assert status_of(provider, **body()) == (status, error, code)
    assert provider.billed() == {}


@pytest.mark.parametrize(
    ("fault", "billed"),
    [("drop_before", 0), ("drop_after", 1), ("truncated", 1), ({"kind": "cut_at", "at": 37}, 1)],
)
def test_connections_that_are_cut(provider: Provider, fault: Any, billed: int) -> None:
    """The client sees a lost connection; whether it is paid for depends on when it was cut."""
    provider.config(faults=[fault])
    with pytest.raises(anthropic.APIConnectionError):
        create(provider, **body())
    assert provider.stats()["billed"] == billed
    provider.config(faults=[])
    assert create(provider, **body()).stop_reason == "end_turn"


def test_a_reply_that_never_ends(provider: Provider) -> None:
    """A stalled reply is paid for, and is the client's to give up on."""
    provider.config(faults=["stalled"], stall=3)
    with pytest.raises(anthropic.APITimeoutError):
        asked(provider, lambda made: made.with_options(timeout=0.3).messages.create(**body()))
    assert provider.stats()["billed"] == 1


def test_sdk_retries_pay_again(provider: Provider) -> None:
    """With the client's own two retries one question whose replies are lost is paid for three times."""
    provider.config(faults=["drop_after"])
    with pytest.raises(anthropic.APIConnectionError):
        asked(provider, lambda made: made.with_options(max_retries=2).messages.create(**body()))
    assert [one["billed"] for one in provider.billed().values()] == [3]


def test_faults_that_end(provider: Provider) -> None:
    """A fault can strike the first sighting only, only some bodies, and only so often."""
    provider.config(faults=[{"kind": "overloaded", "times": 1, "match": "harbor"}])
    assert status_of(provider, **body("the harbor"))[0] == 529
    assert create(provider, **body("the harbor")).stop_reason == "end_turn"
    assert create(provider, **body("the garden")).stop_reason == "end_turn"
    provider.config(faults=[{"kind": "server_error", "most": 1}])
    assert status_of(provider, **body("a"))[0] == 500
    assert create(provider, **body("b")).stop_reason == "end_turn"


def test_what_the_api_refuses(provider: Provider) -> None:
    """Keys, versions, retired models, prefill, sampling, thinking and schemas are looked at as the API does."""
    wrong = [
        body(model="claude-4-nobody"),
        body(model="claude-3-5-sonnet-20241022"),
        body(messages=[{"role": "user", "content": "a"}, {"role": "assistant", "content": "{"}]),
        body(extra_body={"temperature": 0.9}),
        body(model="claude-opus-5-5"),
        body(max_tokens=70_000, timeout=5),
        body(**formed({"type": "object", "properties": {}})),
        body(**formed({"type": "string", "maxLength": 9})),
        body(extra_headers={"anthropic-version": "2020-01-01"}),
    ]
    assert [status_of(provider, **one)[0] for one in wrong] == [404, 404, 400, 400, 400, 400, 400, 400, 400]
    provider.config(key="the right one")
    assert status_of(provider, key="a wrong one", **body())[:2] == (401, "authentication_error")
    assert create(provider, key="the right one", **body()).stop_reason == "end_turn"
    provider.config(retired=[MODEL], key=None)
    assert status_of(provider, **body())[0] == 404
    shown = asked(provider, lambda made: made.models.retrieve(MODEL))
    assert shown.lifecycle == "retired"


def test_sampling_where_it_is_still_taken(provider: Provider) -> None:
    """An old model takes a temperature on the old version of the API, and only there."""
    old: dict[str, Any] = {
        "model": "claude-sonnet-4-6",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hello"}],
    }
    hot: dict[str, Any] = {"extra_body": {"temperature": 0.9}}
    assert status_of(provider, **old, **hot)[0] == 400
    assert create(provider, **old, **hot, extra_headers={"anthropic-version": "2023-06-01"}).stop_reason == "max_tokens"


def test_models_are_described(provider: Provider) -> None:
    """The client reads lifecycles and capabilities of every model, those that are retired too."""

    async def all_of(made: Any) -> list[Any]:
        return [one async for one in made.models.list()]

    shown = {one.id: one for one in asked(provider, all_of)}
    assert shown.keys() == MODELS.keys()
    assert shown["claude-opus-5-5"].capabilities.thinking.types.disabled.supported is False
    assert shown["claude-3-5-sonnet-20241022"].lifecycle == "retired"
    assert shown["claude-sonnet-4-5"].retires_at.year == 2026


def test_the_cache(provider: Provider) -> None:
    """A long prefix is written once, read after its answer has begun, and silently not kept under the minimum."""
    short = [{"type": "text", "text": "rules", "cache_control": {"type": "ephemeral"}}]
    first = create(provider, **body("one", system=LONG)).usage
    second = create(provider, **body("two", system=LONG)).usage
    none = create(provider, **body("three", system=short)).usage
    assert first.cache_creation.ephemeral_1h_input_tokens == second.cache_read_input_tokens > 1_024
    assert (first.cache_read_input_tokens, second.cache_creation_input_tokens) == (0, 0)
    assert (none.cache_creation_input_tokens, none.cache_read_input_tokens) == (0, 0)
    provider.reset(latency=0.2)

    async def at_once(made: Any) -> list[Any]:
        return await asyncio.gather(*(made.messages.create(**body(f"n{n}", system=LONG)) for n in range(5)))

    assert sum(one.usage.cache_read_input_tokens for one in asked(provider, at_once)) == 0


def test_prices_are_those_of_genai_prices(provider: Provider) -> None:
    """The bill is what genai-prices makes of the same usage, for every model that it knows, long prompts included."""
    for model in MODELS.values():
        for used in (Tokens(700, 1_000, 2_000, 3_000, 250), Tokens(0, 0, 0, 150_000, 900)):
            usage = Usage(
                input_tokens=used.prompt,
                cache_write_tokens=used.write_5m + used.write_1h,
                cache_write_1h_tokens=used.write_1h,
                cache_read_tokens=used.read,
                output_tokens=used.output,
            )
            known = calc_price(usage, model.id, provider_id="anthropic").total_price
            assert dollars(model, used, batch=False) == known, model.id
            assert dollars(model, used, batch=True) * 2 == known
    create(provider, **body())
    entry = next(iter(provider.billed().values()))
    assert (Decimal(entry["usd"]), entry["billed"]) == (provider.usd(), 1)


def test_limits(provider: Provider) -> None:
    """A bucket of six seconds lets through its size at once; the rest is told to wait, with all headers."""
    provider.reset(rpm=100)

    async def many(made: Any) -> list[Any]:
        calls = [made.messages.with_raw_response.create(**body(str(n))) for n in range(30)]
        return await asyncio.gather(*calls, return_exceptions=True)

    got = asked(provider, many)
    refused = [one for one in got if isinstance(one, anthropic.RateLimitError)]
    assert len(refused) == 20
    assert all(1 <= int(one.response.headers["retry-after"]) <= 7 for one in refused)
    kept = next(one for one in got if not isinstance(one, Exception))
    wanted = {
        f"anthropic-ratelimit-{name}-remaining" for name in ("requests", "tokens", "input-tokens", "output-tokens")
    }
    assert wanted <= set(kept.headers)
    assert kept.headers["anthropic-ratelimit-requests-limit"] == "100"
    assert int(kept.headers["anthropic-ratelimit-input-tokens-remaining"]) % 1_000 == 0
    assert provider.stats()["statuses"] == {"200": 10, "429": 20}
    provider.config(headers=False)
    bare = asked(provider, lambda made: made.messages.with_raw_response.create(**body("x"))) if _later() else None
    assert bare is None or not [name for name in bare.headers if "ratelimit" in name]


def _later() -> bool:
    time.sleep(0.7)  # one more request is there by then
    return True


def test_output_is_charged_when_it_is_there(provider: Provider) -> None:
    """Requests with long outputs are all let in at once, and the next one waits for what they wrote."""
    provider.reset(otpm=6_000, output_tokens=400)

    async def many(made: Any) -> None:
        await asyncio.gather(*(made.messages.create(**body(str(n))) for n in range(5)))

    asked(provider, many)
    assert status_of(provider, **body("one more"))[0] == 429


@given(st.integers(10, 10_000), st.lists(st.tuples(st.floats(0, 20), st.integers(0, 50)), max_size=30))
def test_a_bucket_holds_its_limit(limit: int, steps: list[tuple[float, int]]) -> None:
    """However it is used, a bucket never gives more than its size and its rate times the time."""
    bucket, now, given_out = Bucket(limit, 6, 0.0), 0.0, 0.0
    for passed, wanted in steps:
        now += passed
        bucket.refill(now)
        if bucket.level >= wanted:
            bucket.level -= wanted
            given_out += wanted
        assert given_out <= bucket.size + now * limit / 60 + 1e-6
        assert -1e-9 <= bucket.level <= bucket.size


def test_outage_and_down(provider: Provider) -> None:
    """In an outage everything is answered 529; afterwards nothing is."""
    provider.reset(outage=(0.0, 0.3))
    assert status_of(provider, **body())[0] == 529
    time.sleep(0.35)
    assert create(provider, **body()).stop_reason == "end_turn"
    provider.config(down=True)
    assert status_of(provider, **body())[0] == 529


def test_counting_costs_nothing(provider: Provider) -> None:
    """Counted tokens are those of the answer's usage, and nothing is billed for them."""
    sent = {name: value for name, value in body().items() if name in {"model", "messages"}}
    counted = asked(provider, lambda made: made.messages.count_tokens(**sent)).input_tokens
    assert provider.stats()["billed"] == 0
    assert create(provider, **body()).usage.input_tokens == counted


def test_settings_that_do_not_exist(provider: Provider) -> None:
    """What cannot be set is refused, and nothing changes."""
    for wrong in ({"latncy": 1}, {"faults": ["explodes"]}, {"faults": [{"kind": "cut", "shore": 1}]}):
        with pytest.raises(ValueError, match=r"shore|explodes|latncy"):
            provider.config(**wrong)
    assert create(provider, **body()).stop_reason == "end_turn"


def test_the_kinds_are_told_apart() -> None:
    """No fault is of two kinds."""
    assert len(KINDS) == 6 + 1 + 5 + len(ANSWERS) + 4 + 1
