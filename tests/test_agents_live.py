"""ledger.agents.live: calls answered one by one by the real client, from a provider that is slow, broken and strict."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from ledger.agents.budget import Budget
from ledger.agents.contract import Call, Outcome, Stopped
from ledger.agents.governor import Governor
from ledger.agents.live import Live
from ledger.agents.opening import Opened
from ledger.agents.replies import read
from ledger.errors import ProviderUnreachable
from tests.calling import Notes, Ran, call, collected, each, ran, with_opened
from tests.provider.handle import Provider

pytest_plugins = ("tests.provider.fixture",)

TEXTS = [f"text {number}" for number in range(40)]


def test_every_call_is_answered_once(provider: Provider) -> None:
    """Each has one reply with the bytes as they came; what was paid is what the provider billed."""
    came = ran(provider, TEXTS)
    assert came.error is None
    assert len({outcome.call.key for outcome in came.outcomes}) == len(came.outcomes) == 40
    assert all(outcome.reply and outcome.attempts == 1 and read(outcome.reply.body).text for outcome in came.outcomes)
    stats = provider.stats()
    assert (stats["billed"], stats["distinct"]) == (40, 40)
    assert came.budget.spent == provider.usd() == came.notes.known_cost()
    assert came.budget.reserved == 0


def test_the_journal_hears_of_each_step_before_it_is_taken(provider: Provider) -> None:
    """Sent before the provider sees it, replied before anybody else; the first answer before the second request."""
    notes = Notes(pause=0.005)
    came = ran(provider, TEXTS[:10], notes)
    for outcome in came.outcomes:
        steps = [step.what for step in notes.steps if step.key == outcome.call.key]
        assert steps == ["sent", "replied"]
    assert [step.what for step in notes.steps[:2]] == ["sent", "replied"]
    assert all(step.detail > 0 for step in notes.of("sent"))


@pytest.mark.parametrize(
    "kind", ["overloaded", "server_error", "rate_limited", "drop_before", "drop_after", "truncated"]
)
def test_what_may_pass_is_tried_again(provider: Provider, kind: str) -> None:
    """Every call is answered in the end, and every attempt is in the journal."""
    provider.config(faults=[{"kind": kind, "share": 0.3, "times": 1}])
    came = ran(provider, TEXTS[:20])
    assert came.error is None
    assert all(outcome.reply for outcome in came.outcomes)
    failed = came.notes.of("failed")
    assert failed
    assert sum(outcome.attempts for outcome in came.outcomes) == 20 + len(failed)
    assert came.budget.spent == came.notes.known_cost() >= provider.usd()


def test_a_lost_reply_counts_as_paid(provider: Provider) -> None:
    """Where a connection breaks after a request was sent, the whole sum that was set aside is spent."""
    provider.config(faults=[{"kind": "drop_after", "times": 1, "match": "text 3"}])
    came = ran(provider, TEXTS[:5])
    (lost,) = came.notes.of("failed")
    assert (lost.detail.kind, lost.detail.paid) == ("reply_lost", True)
    reserved = next(step.detail for step in came.notes.of("sent") if (step.key, step.attempt) == (lost.key, 1))
    replies = sum(outcome.reply.cost for outcome in came.outcomes if outcome.reply and outcome.reply.cost)
    assert came.budget.spent == replies + reserved
    assert came.budget.spent >= provider.usd()


def test_a_call_that_never_passes_fails_alone(provider: Provider) -> None:
    """After so many attempts of its own a call ends with its last failure, and the others are answered."""
    provider.config(faults=[{"kind": "server_error", "match": "text 13"}])

    async def use(opened: Opened) -> Ran:
        backend = Live(opened.api, Governor(), Budget(None), opened.prices, attempts=3)
        return await collected(backend, each([call(opened, text) for text in TEXTS]), Notes())

    came = with_opened(provider, use)
    (failed,) = [outcome for outcome in came.outcomes if outcome.failure]
    assert failed.failure is not None
    assert (failed.failure.kind, failed.reply, failed.attempts) == ("server_error", None, 3)
    assert len(came.outcomes) == 40


def test_a_request_that_is_refused_is_not_sent_again(provider: Provider) -> None:
    """A 400 ends its call; where nothing is answered and all is refused, the rest is not tried."""

    async def use(opened: Opened) -> tuple[Any, Any]:
        assert isinstance(opened.backend, Live)
        good = [call(opened, text) for text in TEXTS[:15]]
        bad = [one._replace(request={**one.request, "max_tokens": 10**9}) for one in good]
        mixed = await collected(opened.backend, each([*good[:3], bad[3], *good[4:8]]), Notes())
        return mixed, await collected(opened.backend, each(bad), Notes())

    mixed, refused = with_opened(provider, use, price="0/0")
    assert [outcome.failure.kind for outcome in mixed.outcomes if outcome.failure] == ["bad_request"]
    assert len(mixed.outcomes) == 8
    assert isinstance(refused.error, Stopped)
    assert refused.error.reason == "bad_request"
    assert refused.outcomes == []
    assert 10 <= len(refused.notes.of("failed")) < 40


def test_a_refusal_that_the_next_call_waits_for_is_told(provider: Provider) -> None:
    """Whoever gives the calls one by one, each after the outcome before, is not left waiting."""

    async def use(opened: Opened) -> list[Outcome]:
        done, outcomes = asyncio.Semaphore(1), []

        async def calls() -> AsyncIterator[Call]:
            for text in TEXTS[:2]:
                await done.acquire()
                one = call(opened, text)
                yield one._replace(request={**one.request, "max_tokens": 10**9})

        async for outcome in opened.backend.run(calls(), Notes()):
            outcomes.append(outcome)
            done.release()
        return outcomes

    assert len(with_opened(provider, use, price="0/0")) == 2


def test_few_refusals_are_told_in_the_end(provider: Provider) -> None:
    """Where the work ends before there is an answer, each call that was refused has failed."""

    async def use(opened: Opened) -> Ran:
        assert isinstance(opened.backend, Live)
        calls = [call(opened, text) for text in TEXTS[:3]]
        bad = [one._replace(request={**one.request, "max_tokens": 10**9}) for one in calls]
        return await collected(opened.backend, each(bad), Notes())

    came = with_opened(provider, use, price="0/0")
    assert [outcome.failure.kind for outcome in came.outcomes if outcome.failure] == ["bad_request"] * 3
    assert came.error is None


@pytest.mark.parametrize(("kind", "reason"), [("spend_limit", "spend_limit"), ("own_limit", "spend_limit")])
def test_a_spending_limit_stops_the_work(provider: Provider, kind: str, reason: str) -> None:
    """The provider's limit and one that users set themselves: nothing else is sent, and no call fails for it."""
    provider.config(faults=[{"kind": kind, "match": "text 20"}])
    came = ran(provider, TEXTS, concurrency=4)
    assert isinstance(came.error, Stopped)
    assert came.error.reason == reason
    assert all(outcome.reply for outcome in came.outcomes)
    assert 15 <= len(came.outcomes) < 30
    assert came.budget.reserved == 0
    assert came.notes.failures() == {"spend_limit": 1}


def test_a_wrong_key_stops_the_work_at_the_first_call(provider: Provider) -> None:
    """One request is sent, and nothing that is said or kept holds the key."""
    provider.config(key="another")
    came = ran(provider, TEXTS)
    assert isinstance(came.error, Stopped)
    assert came.error.reason == "not_allowed"
    assert (len(came.outcomes), len(came.notes.of("sent"))) == (0, 1)
    assert came.budget.spent == 0
    assert provider.env["ANTHROPIC_API_KEY"] not in f"{came.error!r} {came.error.args} {came.notes.steps}"


def test_a_refusal_is_a_reply(provider: Provider) -> None:
    """A refusal has status 200 and is paid for: it is stored as it came and never asked again by itself."""
    provider.config(faults=["refused"])
    came = ran(provider, TEXTS[:3])
    assert [outcome.reply.stop for outcome in came.outcomes if outcome.reply] == ["refusal"] * 3
    assert provider.stats()["billed"] == 3


def test_bytes_that_are_no_json_are_a_reply(provider: Provider) -> None:
    """They were paid for, so they are stored; nobody knows their cost, so the sum that was set aside stands."""
    provider.config(faults=["malformed"])
    came = ran(provider, TEXTS[:3])
    assert all(outcome.reply and outcome.reply.body and outcome.reply.cost is None for outcome in came.outcomes)
    assert came.budget.spent == sum(step.detail for step in came.notes.of("sent")) >= provider.usd()


def test_a_stalled_answer_is_given_up(provider: Provider) -> None:
    """An answer that never ends is cut off after the time that was given, and may have been paid for."""
    provider.config(faults=[{"kind": "stalled", "times": 1, "match": "text 1"}])
    came = ran(provider, ["text 0", "text 1"], timeout=0.5)
    assert all(outcome.reply for outcome in came.outcomes)
    (failed,) = came.notes.of("failed")
    assert (failed.detail.kind, failed.detail.paid) == ("timed_out", True)


@pytest.mark.parametrize("cap", ["0.0005", "0.0015", "0.004"])
def test_the_budget_holds(provider: Provider, cap: str) -> None:
    """What is billed never exceeds the budget, whatever breaks; the work stops and says so."""
    provider.config(faults=[{"kind": "drop_after", "share": 0.1}], latency=0.01)
    budget = Budget(Decimal(cap))
    came = ran(provider, [f"text {number}" for number in range(300)], budget=budget)
    assert isinstance(came.error, Stopped)
    assert came.error.reason == "budget"
    assert provider.usd() <= budget.spent <= Decimal(cap)
    assert budget.reserved == 0
    assert budget.spent == came.notes.known_cost()


def test_a_budget_that_covers_nothing_sends_nothing(provider: Provider) -> None:
    """Not even one request whose worst cost is above the budget."""
    came = ran(provider, TEXTS, budget=Budget(Decimal("0.00001")))
    assert isinstance(came.error, Stopped)
    assert (came.outcomes, provider.stats()["requests"]) == ([], 0)


def test_closing_waits_for_what_is_under_way(provider: Provider) -> None:
    """After the reader leaves, nothing new is sent, and every reply that was paid for is in the journal."""
    provider.config(latency=0.3)
    notes = Notes()

    async def use(opened: Opened) -> int:
        assert isinstance(opened.backend, Live)
        run = opened.backend.run(each([call(opened, f"text {number}") for number in range(300)]), notes)
        await anext(run)
        while opened.backend.governor.under_way < 3:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.001)
        allowed = len(notes.of("sent")) + opened.backend.governor.under_way
        await run.aclose()
        assert opened.backend.budget.reserved == opened.backend.governor.under_way == 0
        return allowed

    allowed = with_opened(provider, use)
    assert 3 <= len(notes.of("sent")) <= allowed < 300
    assert len(notes.of("sent")) == len(notes.of("replied")) == provider.stats()["billed"]


def test_cancelling_leaves_at_once(provider: Provider) -> None:
    """What was sent and not answered stays in the journal as sent; nobody waits for it."""
    provider.config(latency=0.05, faults=[{"kind": "stalled", "match": "text 7"}])
    notes = Notes()

    async def use(opened: Opened) -> float:
        assert isinstance(opened.backend, Live)
        reading = asyncio.create_task(collected(opened.backend, each([call(opened, text) for text in TEXTS]), notes))
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time()
        reading.cancel()
        await asyncio.wait([reading])
        return asyncio.get_running_loop().time() - began

    assert with_opened(provider, use) < 1
    assert len(notes.of("sent")) == len(notes.of("replied")) + 1 == 40


def test_calls_may_wait_for_what_came_before(provider: Provider) -> None:
    """Whoever gives the calls may need an earlier outcome for the next; that blocks nothing else."""

    async def use(opened: Opened) -> list[Outcome]:
        backend, done, outcomes = opened.backend, asyncio.Semaphore(0), []

        async def calls() -> AsyncIterator[Call]:
            for number in range(30):
                if number >= 10:
                    await done.acquire()
                yield call(opened, f"text {number}")

        async for outcome in backend.run(calls(), Notes()):
            outcomes.append(outcome)
            done.release()
        return outcomes

    assert len(with_opened(provider, use)) == 30


@pytest.mark.parametrize("step", ["sent", "replied"])
def test_a_journal_that_breaks_stops_everything(provider: Provider, step: str) -> None:
    """Nothing is sent that cannot be recorded, and the error of the journal is what is raised."""
    came = ran(provider, TEXTS, Notes(breaks=step))
    assert isinstance(came.error, OSError)
    assert came.outcomes == []
    assert provider.stats()["billed"] == len(came.notes.of("sent")) <= (2 if step == "replied" else 0)
    assert came.budget.reserved == 0


def test_calls_that_break_stop_everything(provider: Provider) -> None:
    """An error of whoever gives the calls is raised when what is under way has ended."""

    async def use(opened: Opened) -> Ran:
        assert isinstance(opened.backend, Live)

        async def calls() -> AsyncIterator[Call]:
            for text in TEXTS[:5]:
                yield call(opened, text)
            raise KeyError("no such sample")

        return await collected(opened.backend, calls(), Notes())

    came = with_opened(provider, use)
    assert isinstance(came.error, KeyError)
    assert len(came.notes.of("sent")) == len(came.outcomes)


def test_nobody_there_is_an_error_after_a_few_tries(provider: Provider) -> None:
    """A provider that never answers is given up; what was never whole costs nothing."""

    async def use(opened: Opened) -> Ran:
        assert isinstance(opened.backend, Live)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            opened.api._wire._client.base_url = f"http://127.0.0.1:{taken.getsockname()[1]}"  # type: ignore[attr-defined] # noqa: SLF001 - the server that was there is gone
            return await collected(opened.backend, each([call(opened, text) for text in TEXTS]), Notes())

    came = with_opened(provider, use)
    assert isinstance(came.error, ProviderUnreachable)
    assert came.outcomes == []
    assert came.budget.spent == 0
    assert came.notes.failures() == {"connection_lost": 5}


def test_no_more_at_a_time_than_was_said(provider: Provider) -> None:
    """`concurrency` bounds the requests under way."""
    provider.config(latency=0.03)
    came = ran(provider, TEXTS, concurrency=3)
    assert len(came.outcomes) == 40
    assert provider.stats()["max_in_flight"] == 3


def test_what_a_prompt_shares_is_read_from_the_cache(provider: Provider) -> None:
    """The first request writes the shared front, and all others read it, since they wait for its answer."""
    front = "Rules that every prompt begins with, word for word. " * 200

    async def use(opened: Opened) -> Ran:
        assert isinstance(opened.backend, Live)
        calls = []
        for one in (call(opened, text) for text in TEXTS):
            request = opened.request([(front, "1h")], f'"{one.key}"', None, 20)
            calls.append(one._replace(request=request))
        return await collected(opened.backend, each(calls), Notes())

    came = with_opened(provider, use)
    used = [outcome.reply.usage for outcome in came.outcomes if outcome.reply and outcome.reply.usage]
    assert used[0].cache_write_1h > 1024
    assert all(usage.cache_read == used[0].cache_write_1h and not usage.cache_write_1h for usage in used[1:])
    assert came.budget.spent == provider.usd()
