"""ledger.agents.counting: tokens as the provider counts them, and what is said where it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.agents.counting import COUNTED, Counted, count, mean_range, size_of, spread
from ledger.agents.opening import Opened
from ledger.agents.prefixes import fronts
from tests.batching import SHARED
from tests.calling import with_opened
from tests.provider.handle import Provider

pytest_plugins = ("tests.provider.fixture",)


def requests_of(opened: Opened, many: int) -> list[Any]:
    """Return requests about texts of very different lengths, behind the same long instructions."""
    texts = [json.dumps({"text": f"text {n} " * (1 + n % 50)}) for n in range(many)]
    return [opened.request([(SHARED, "1h")], text, None, 60) for text in texts]


def counted(provider: Provider, many: int) -> tuple[Counted, list[int], list[Any]]:
    """Return what is counted of some requests, and the true tokens of each."""

    async def use(opened: Opened) -> tuple[Counted, list[int], list[Any]]:
        requests = requests_of(opened, many)
        true = [await opened.api.count(request) or 0 for request in requests]
        provider.reset()
        return await count(opened.api, requests), true, requests

    return with_opened(provider, use, model="claude-sonnet-5-5")


def test_a_few_prompts_are_all_counted(provider: Provider) -> None:
    """The sum over all of them is the true one, to the token."""
    found, true, requests = counted(provider, 30)
    assert (found.how, found.prompts) == ("counted", 30)
    assert found.ratio.low == found.ratio.high
    assert round(sum(size_of(one) for one in requests) * found.ratio.likely) == sum(true)


def test_of_many_a_few_are_counted(provider: Provider) -> None:
    """No more than so many are asked for, and the true sum lies between low and high."""
    found, true, requests = counted(provider, 300)
    assert (found.how, found.prompts) == ("sampled", COUNTED)
    assert provider.stats()["paths"]["POST /v1/messages/count_tokens"] <= COUNTED + 4
    size = sum(size_of(one) for one in requests)
    assert size * found.ratio.low <= sum(true) <= size * found.ratio.high
    assert (found.ratio.high - found.ratio.low) / found.ratio.likely < 0.1


def test_fronts_are_counted_on_their_own(provider: Provider) -> None:
    """The part that is kept has the tokens that the provider would keep, give or take a handful."""
    found, _, requests = counted(provider, 3)
    (front,) = fronts(requests[0])
    assert abs(found.fronts[front.digest] - len(SHARED) / 2.9) < 5


@pytest.mark.parametrize("asked", [True, False])
def test_without_a_provider_that_counts_bytes_tell(provider: Provider, asked: bool) -> None:  # noqa: FBT001 - a case
    """One that is not asked, or that refuses, leaves a wide range that holds the truth."""

    async def use(opened: Opened) -> tuple[Counted, int, int]:
        requests = requests_of(opened, 5)
        true = sum([await opened.api.count(request) or 0 for request in requests])
        provider.config(key="another key")
        return await count(opened.api if asked else None, requests), true, sum(size_of(one) for one in requests)

    found, true, size = with_opened(provider, use)
    assert (found.how, found.prompts) == ("bytes", 0)
    assert size * found.ratio.low <= true <= size * found.ratio.high


@given(st.integers(0, 500), st.integers(1, 50))
def test_what_is_spread_keeps_the_order_and_both_ends(many: int, most: int) -> None:
    """No more than asked for, each once, in their order; where there are two or more, the first and the last."""
    found = spread(range(many), most)
    assert len(found) == min(many, most)
    assert found == sorted(set(found))
    if len(found) > 1:
        assert (found[0], found[-1]) == (0, many - 1)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_a_mean_lies_within_its_range(numbers: list[float]) -> None:
    """Low is at most the mean and at least nothing, high at least the mean."""
    found = mean_range(numbers)
    assert 0 <= found.low <= found.likely <= found.high
