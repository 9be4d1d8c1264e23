"""ledger.agents.adoption: a batch of which nobody heard is found again by its calls, and by nothing less."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ledger.agents.adoption import LOOKS, Missed, ended, find
from ledger.agents.api import Refused
from ledger.agents.opening import Opened
from ledger.agents.patience import Left, Patience
from tests.batching import calls_of
from tests.calling import with_opened
from tests.provider.handle import Provider

pytest_plugins = ("tests.provider.fixture",)


def quick() -> Patience:
    """Return pauses that are hardly any."""
    return Patience(lambda _: 0.01)


def test_of_batches_of_one_size_the_right_one_is_found(provider: Provider) -> None:
    """Three batches hold ten calls each: each is found by its own keys, also while it goes on still."""
    provider.config(batch_seconds=0.3)

    async def use(opened: Opened) -> None:
        calls = calls_of(opened, 30)
        parts = [calls[:10], calls[10:20], calls[20:]]
        held = [await opened.api.submit(part) for part in parts]
        for part, one in zip(parts, held, strict=True):
            keys = {call.key for call in part}
            assert await find(opened.api, Missed(keys, time.time()), (), quick()) == one.id

    with_opened(provider, use)


def test_what_is_no_match_is_not_taken(provider: Provider) -> None:
    """Not one with other calls, not one with more or fewer of them, not one that is known to be another."""

    async def use(opened: Opened) -> None:
        calls = calls_of(opened, 12)
        keys = {call.key for call in calls[:10]}
        for part in (calls[:9], calls[:11], calls[2:]):
            await opened.api.submit(part)
        assert await find(opened.api, Missed(keys), (), quick()) is None
        right = await opened.api.submit(calls[:10])
        assert await find(opened.api, Missed(keys), {right.id}, quick()) is None
        assert await find(opened.api, Missed(keys), (), quick()) == right.id
        assert await find(opened.api, Missed(keys, time.time() + 7_200), (), quick()) is None, "it is older than that"

    with_opened(provider, use)


def test_the_list_is_read_to_its_end(provider: Provider) -> None:
    """The batch that is missed is found behind more than a page of others."""

    async def use(opened: Opened) -> None:
        calls = calls_of(opened, 4)
        wanted = await opened.api.submit(calls[:3])
        for number in range(103):
            await opened.api.submit([calls[3]._replace(key=f"{number:064x}")])
        assert await find(opened.api, Missed({call.key for call in calls[:3]}), (), quick()) == wanted.id

    with_opened(provider, use)


def test_it_is_looked_for_more_than_once(provider: Provider) -> None:
    """A provider may list a batch late, so the list is asked for several times before nothing counts as found."""

    async def use(opened: Opened) -> None:
        assert await find(opened.api, Missed({"0" * 64}), (), quick()) is None

    with_opened(provider, use)
    assert provider.stats()["paths"]["GET /v1/messages/batches"] == LOOKS


def test_nobody_waits_longer_than_somebody_wants(provider: Provider) -> None:
    """Leaving ends the waiting for a batch at once."""
    provider.config(batch_seconds=30)

    async def use(opened: Opened) -> Any:  # noqa: ANN401 - what is raised
        held = await opened.api.submit(calls_of(opened, 2))
        patience = Patience(lambda _: 20.0)
        patience.leave()
        with pytest.raises(Left):
            await ended(opened.api, held.id, patience)

    began = time.monotonic()
    with_opened(provider, use)
    assert time.monotonic() - began < 10


def test_a_refusal_that_lasts_comes_through(provider: Provider) -> None:
    """A batch that the provider does not know is not waited for."""

    async def use(opened: Opened) -> None:
        with pytest.raises(Refused) as refused:
            await ended(opened.api, "msgbatch_0", quick())
        assert refused.value.failure.status == 404

    with_opened(provider, use)
