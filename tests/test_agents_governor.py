"""ledger.agents.governor: how fast to ask, with a clock of the tests' own and against a provider with limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from ledger.agents.contract import Call, Failure, Usage
from ledger.agents.governor import PATIENCE, TRIES, Governor, Ticket
from ledger.agents.live import Live
from ledger.agents.opening import Opened
from tests.calling import Notes, Ran, call, collected, with_opened
from tests.provider.handle import Provider

pytest_plugins = ("tests.provider.fixture",)

BUSY = Failure("overloaded", "")
SLOW = Failure("rate_limited", "", wait=2.0)
USED = Usage(100, 50)


def limits(requests: int = 6000, left: int = 5999) -> Mapping[str, str]:
    """Return headers that tell a limit of requests."""
    return {
        "anthropic-ratelimit-requests-limit": str(requests),
        "anthropic-ratelimit-requests-remaining": str(left),
    }


class Clocked:
    """A governor whose time stands still until it is told to go on."""

    def __init__(self, concurrency: int | None = None) -> None:
        """Begin at 100 s."""
        self.now = 100.0
        self.governor = Governor(concurrency, lambda: self.now)

    async def asks(self, most: int = 500) -> list[Ticket]:
        """Return the leave that is given right now, as often as it is."""
        given: list[Ticket] = []
        while len(given) < most:
            try:
                ticket = await asyncio.wait_for(self.governor.admit(200, 100), 0.003)
            except TimeoutError:
                break
            assert ticket is not None
            given.append(ticket)
        return given

    async def led(self, headers: Mapping[str, str]) -> None:
        """Let the first request have its answer."""
        (leader,) = await self.asks()
        self.now += 1
        self.governor.answered(leader, headers, USED)

    def answer(self, tickets: list[Ticket], headers: Mapping[str, str]) -> None:
        """Let requests have their answers."""
        for ticket in tickets:
            self.governor.answered(ticket, headers, USED)


def test_one_request_goes_first_and_more_follow_its_answer() -> None:
    """One until the first answer, then eight, then one more for each answer."""

    async def run() -> list[int]:
        one = Clocked()
        counts = [len(first := await one.asks())]
        one.now += 1
        one.answer(first, limits())
        counts.append(len(second := await one.asks()))
        one.now += 1
        one.answer(second, limits())
        counts.append(len(await one.asks()))
        return counts

    assert asyncio.run(run()) == [1, 9, 18]


@pytest.mark.parametrize("headers", [limits(), {}])
def test_concurrency_is_never_exceeded(headers: Mapping[str, str]) -> None:
    """Whatever the limits allow, no more are under way than was said."""

    async def run() -> int:
        one = Clocked(concurrency=3)
        await one.led(headers)
        most = 0
        for _ in range(20):
            given = await one.asks()
            most = max(most, one.governor.under_way)
            one.now += 1
            one.answer(given, headers)
        return most

    assert asyncio.run(run()) == 3


def test_a_pause_that_is_asked_for_is_kept() -> None:
    """After a 429 nothing goes out before the provider's time has passed."""

    async def run() -> list[int]:
        one = Clocked()
        await one.led(limits())
        given = await one.asks()
        one.governor.failed(given[0], SLOW, {})
        one.answer(given[1:], limits())
        counts = []
        for seconds in (0.0, 1.9, 0.3):
            one.now += seconds
            counts.append(len(await one.asks()))
        return counts

    first, second, third = asyncio.run(run())
    assert (first, second) == (0, 0)
    assert third > 0


def test_without_limits_it_shrinks_and_grows() -> None:
    """Where no header tells a limit, each episode of refusals takes a fifth, and answers bring it back."""

    async def run() -> tuple[int, int, int]:
        one = Clocked()
        await one.led({})
        while (wide := len(given := await one.asks())) < 60:
            one.now += 1
            one.answer(given, {})
        for ticket in given:  # one episode, however many are refused in it
            one.governor.failed(ticket, SLOW._replace(wait=None), {})
        one.now += 60
        narrow = len(given := await one.asks())
        for _ in range(8):
            one.now += 1
            one.answer(given, {})
            given = await one.asks()
        return wide, narrow, len(given)

    wide, narrow, later = asyncio.run(run())
    assert narrow == int(wide * 0.8)
    assert narrow < later <= 64


def test_a_provider_in_trouble_is_asked_by_one_at_a_time() -> None:
    """When most requests fail at its side, one goes out after a pause, and the next after a longer one."""

    async def run() -> tuple[list[int], int]:
        one = Clocked()
        await one.led(limits())
        for ticket in await one.asks():
            one.governor.failed(ticket, BUSY, limits())
        assert one.governor.in_trouble
        counts = []
        for seconds in (0.0, 0.6, 0.3, 0.3, 0.6, 0.5):
            one.now += seconds
            given = await one.asks()
            counts.append(len(given))
            for ticket in given:
                one.governor.failed(ticket, BUSY, limits())
        one.now += 30
        one.answer(await one.asks(), limits())
        assert not one.governor.in_trouble
        return counts, len(await one.asks())

    assert asyncio.run(run()) == ([0, 1, 0, 1, 0, 1], 9)


def test_single_failures_change_nothing() -> None:
    """One request of a hundred that fails is no trouble, and nothing slows down for it."""

    async def run() -> bool:
        one = Clocked()
        await one.led(limits())
        for _ in range(10):
            given = await one.asks(20)
            one.now += 1
            one.governor.failed(given[0], BUSY, limits())
            one.answer(given[1:], limits())
        return one.governor.in_trouble or len(await one.asks()) < 20

    assert not asyncio.run(run())


def test_nobody_is_asked_for_ever() -> None:
    """A provider that never answered is given up after some tries, and one that did after a long time."""

    async def run() -> tuple[int, float]:
        never = Clocked()
        tries = 0
        while not never.governor.gave_up:
            never.now += 20
            (ticket,) = await never.asks()
            never.governor.failed(ticket, Failure("connection_lost", ""), {})
            tries += 1
        once = Clocked()
        await once.led(limits())
        began = once.now
        while not once.governor.gave_up:
            for ticket in await once.asks():
                once.governor.failed(ticket, BUSY, {})
            once.now += 5
        return tries, once.now - began

    tries, seconds = asyncio.run(run())
    assert tries == TRIES
    assert PATIENCE <= seconds <= PATIENCE + 30


def test_leave_that_is_not_used_is_given_back() -> None:
    """A request that was not sent after all counts to nothing."""

    async def run() -> int:
        one = Clocked(concurrency=1)
        await one.led(limits())
        (ticket,) = await one.asks()
        one.governor.release(ticket)
        return len(await one.asks())

    assert asyncio.run(run()) == 1


def endless(opened: Opened, seconds: float) -> AsyncIterator[Call]:
    """Return calls without end, for so many seconds."""

    async def calls() -> AsyncIterator[Call]:
        loop = asyncio.get_running_loop()
        until, number = loop.time() + seconds, 0
        while loop.time() < until:
            yield call(opened, f"text {number}", output=500)
            number += 1

    return calls()


def driven(provider: Provider, seconds: float, change: dict[str, Any] | None = None, at: float = 0.0) -> Ran:
    """Ask as fast as is allowed for so many seconds, with a change of the provider's settings on the way."""

    async def use(opened: Opened) -> Ran:
        assert isinstance(opened.backend, Live)
        if change is not None:
            asyncio.get_running_loop().call_later(at, lambda: provider.config(**change))
        return await collected(opened.backend, endless(opened, seconds), Notes(pause=0.01))

    return with_opened(provider, use)


def used(provider: Provider, start: int, stop: int, column: int, limit: float) -> float:
    """Return the part of a limit for a minute that was used in the seconds from `start` up to `stop`."""
    counted = provider.stats()["seconds"]
    first = min(int(second) for second in counted)
    amounts = [counted.get(str(first + second), [0, 0, 0])[column] for second in range(start, stop)]
    return float(sum(amounts)) / (limit / 60 * len(amounts))


REQUESTS, OUTPUT = 0, 2


def test_the_limit_of_requests_is_used_and_never_exceeded(provider: Provider) -> None:
    """No request is refused, and at least 95 of 100 that the limit allows are sent."""
    provider.config(rpm=1800, latency=0.2, output_tokens=40)
    came = driven(provider, 11)
    assert came.error is None
    assert set(provider.stats()["statuses"]) == {"200"}
    assert 0.95 <= used(provider, 4, 10, REQUESTS, 1800) <= 1.05


def test_the_limit_of_answers_is_used_and_never_exceeded(provider: Provider) -> None:
    """Tokens of answers, which the provider counts when an answer is written, are foreseen well enough."""
    provider.config(otpm=600_000, latency=0.4, output_tokens=400)
    came = driven(provider, 11)
    assert set(provider.stats()["statuses"]) == {"200"}
    assert all(outcome.reply for outcome in came.outcomes)
    assert 0.95 <= used(provider, 4, 10, OUTPUT, 600_000) <= 1.05


def test_a_limit_that_is_halved_is_followed(provider: Provider) -> None:
    """Not one request is refused when the limits fall on the way."""
    limits_ = {"rpm": 1800, "otpm": 600_000, "latency": 0.3, "output_tokens": 400}
    provider.config(**limits_)
    came = driven(provider, 11, {"rpm": 900, "otpm": 300_000}, at=5)
    assert set(provider.stats()["statuses"]) == {"200"}
    assert all(outcome.reply for outcome in came.outcomes)
    assert 0.9 <= used(provider, 7, 10, OUTPUT, 300_000) <= 1.1


def test_an_outage_loses_nothing(provider: Provider) -> None:
    """Three seconds without the provider, failures here and there, lost replies: every call is answered."""
    faults = [{"kind": "overloaded", "share": 0.01}, {"kind": "drop_after", "share": 0.005}]
    provider.config(rpm=1800, latency=0.2, output_tokens=40, faults=faults, outage=[4, 7])
    came = driven(provider, 12)
    assert came.error is None
    assert all(outcome.reply for outcome in came.outcomes)
    assert "429" not in provider.stats()["statuses"]
    assert came.notes.failures()["overloaded"] < 60
    assert provider.stats()["billed"] - len(came.outcomes) <= came.notes.failures()["reply_lost"]
