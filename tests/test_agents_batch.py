"""ledger.agents.batch: calls answered in batches by the real client, over real HTTP, from a provider with faults."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from ledger.agents.adoption import ended
from ledger.agents.batch import MOST, Settings
from ledger.agents.budget import Budget
from ledger.agents.contract import Call, Stopped
from ledger.agents.opening import Opened
from ledger.agents.patience import Patience
from tests.batching import QUICK, SHARED, BatchNotes, Cut, batches, calls_of, collect, first_few, run_batches
from tests.calling import each, with_opened
from tests.provider.handle import Provider

pytest_plugins = ("tests.provider.fixture",)

CREATE = "POST /v1/messages/batches"


def paths(provider: Provider) -> Counter[str]:
    """Return how often each endpoint was asked."""
    return Counter(provider.stats()["paths"])


def no_call_is_paid_twice(provider: Provider, many: int) -> bool:
    """Say whether exactly so many requests are paid for, each once."""
    bills = [one["billed"] for one in provider.billed().values()]
    return bills == [1] * many


def test_every_call_is_answered_once_at_half_the_price(provider: Provider) -> None:
    """One call goes first on its own; all others are answered in one batch, and the bill is what was settled."""
    came = run_batches(provider, 40)
    assert came.error is None
    assert [outcome.reply is not None for outcome in came.outcomes] == [True] * 40
    assert no_call_is_paid_twice(provider, 40)
    assert Counter(one["batch"] for one in provider.billed().values()) == {True: 39, False: 1}
    assert (paths(provider)["POST /v1/messages"], paths(provider)[CREATE]) == (1, 1)
    assert came.budget.spent == provider.usd() == came.notes.known_cost()
    assert came.budget.reserved == 0


def test_every_call_is_in_the_journal_before_the_provider_hears_of_the_batch(provider: Provider) -> None:
    """A journal that stops at the last call of a batch leaves the provider without it."""
    came = run_batches(provider, 20, until=2 + 18)
    assert isinstance(came.error, Cut)
    assert len(came.notes.of("sent")) == 1 + 18
    assert paths(provider)[CREATE] == 0


def test_results_in_any_order_make_the_same_journal(provider: Provider) -> None:
    """The provider shuffles its results; they are told in the order of the calls, every time."""
    first = run_batches(provider, 30)
    provider.reset()
    second = run_batches(provider, 30)
    told = [[(step.what, step.key) for step in came.notes.steps] for came in (first, second)]
    assert told[0] == told[1]
    sent = [step.key for step in first.notes.of("sent")]
    assert [outcome.call.key for outcome in first.outcomes] == sent


def test_a_batch_whose_reply_is_lost_is_adopted(
    provider: Provider,
    record_property: Any,  # noqa: ANN401 - pytest's own
) -> None:
    """400 calls in four batches, the reply to each hand-in lost: 400 results, 400 billed, none double."""
    provider.config(faults=[{"kind": "batch_lost", "times": 1}])
    came = run_batches(provider, 400, settings=QUICK._replace(most=100))
    assert came.error is None
    assert sum(outcome.reply is not None for outcome in came.outcomes) == 400
    assert no_call_is_paid_twice(provider, 400)
    assert paths(provider)[CREATE] == 4
    assert [step.detail[1] for step in came.notes.of("submitted")] == [True] * 4
    assert came.budget.spent == provider.usd()
    record_property("billed", provider.stats()["billed"])


@pytest.mark.parametrize("lost", [False, True])
def test_cut_off_at_any_step_it_goes_on(provider: Provider, lost: bool) -> None:  # noqa: FBT001 - a case
    """Wherever the journal stops, the next run finds the batches again: each call is answered, and none is paid twice.

    Only the call that goes first on its own may be paid again, where its reply was not stored.
    """
    whole = len(run_batches(provider, 8).notes.steps)
    for until in range(whole):
        provider.reset(faults=[{"kind": "batch_lost", "times": 1}] if lost else [])
        first = run_batches(provider, 8, until=until)
        assert isinstance(first.error, Cut)
        assert isinstance(first.notes, BatchNotes)
        unheard = until == 1  # sent on its own, and the reply came to nobody
        last = run_batches(provider, 8, notes=first.notes)
        assert last.error is None, until
        assert isinstance(last.notes, BatchNotes)
        assert len(last.notes.answered()) == 8
        bills = sorted(one["billed"] for one in provider.billed().values())
        assert bills == [1] * 7 + [2 if unheard else 1], until
        assert last.budget.reserved == 0


def test_a_batch_that_never_arrived_is_sent_anew(provider: Provider) -> None:
    """Calls that were about to be sent, of which the provider knows nothing: said to have failed, unpaid, and sent."""
    first = run_batches(provider, 12, until=2 + 10)  # all but one in the journal, none of them with the provider
    assert isinstance(first.notes, BatchNotes)
    assert [one.provider_id for one in first.notes.open().values()] == [None]
    came = run_batches(provider, 12, notes=first.notes)
    assert [(step.detail.kind, step.detail.paid) for step in came.notes.of("failed")] == [
        ("connection_lost", False)
    ] * 10
    assert sorted(outcome.attempts for outcome in came.outcomes) == [1] + [2] * 10
    assert no_call_is_paid_twice(provider, 12)
    assert came.budget.spent + Decimal(first.budget.spent) == provider.usd()


def test_errored_expired_and_cancelled_are_told_apart(provider: Provider) -> None:
    """Each is its own kind, only what the provider's fault was is tried again, and only what succeeded is paid for."""
    provider.config(
        faults=[
            {"kind": "item_expired", "match": "text 11."},
            {"kind": "item_canceled", "match": "text 12."},
            {"kind": "item_errored", "match": "text 13."},
            {"kind": "item_errored", "match": "text 14.", "times": 1},
        ]
    )
    came = run_batches(provider, 20)
    ends = {outcome.failure.kind: outcome.attempts for outcome in came.outcomes if outcome.failure is not None}
    assert ends == {"expired": 1, "canceled": 1, "server_error": 3}
    assert came.notes.failures() == {"expired": 1, "canceled": 1, "server_error": 3 + 1}
    assert sorted(outcome.attempts for outcome in came.outcomes if outcome.reply) == [1] * 16 + [2]
    assert no_call_is_paid_twice(provider, 17)
    assert came.budget.spent == provider.usd()
    assert came.budget.reserved == 0


def test_a_call_that_the_provider_refuses_fails_alone(provider: Provider) -> None:
    """A request of the batch that is wrong is an error of its own, and is not sent again."""

    async def use(opened: Opened) -> Any:  # noqa: ANN401 - a Ran
        calls = calls_of(opened, 12)
        calls[7] = calls[7]._replace(request={**calls[7].request, "max_tokens": 10**9})
        return await collect(batches(opened), each(calls), BatchNotes())

    came = with_opened(provider, use, mode="batch", budget=Budget(None), price="0/0")
    failed = [outcome for outcome in came.outcomes if outcome.failure]
    assert [(one.failure.kind, one.attempts) for one in failed] == [("bad_request", 1)]
    assert sum(outcome.reply is not None for outcome in came.outcomes) == 11


def test_where_all_are_refused_no_batch_is_sent(provider: Provider) -> None:
    """Three calls on their own that are refused as they are: the work stops, and the rest has no failure."""

    async def use(opened: Opened) -> Any:  # noqa: ANN401 - a Ran
        calls = [one._replace(request={**one.request, "max_tokens": 10**9}) for one in calls_of(opened, 30)]
        return await collect(batches(opened), each(calls), BatchNotes())

    came = with_opened(provider, use, mode="batch", budget=Budget(None), price="0/0")
    assert isinstance(came.error, Stopped)
    assert came.error.reason == "bad_request"
    assert len(came.outcomes) == 3
    assert (paths(provider)[CREATE], provider.stats()["billed"]) == (0, 0)


def test_a_stub_makes_the_front_of_prompts_found(
    provider: Provider,
    record_property: Any,  # noqa: ANN401 - pytest's own
) -> None:
    """A batch handed in cold reads nothing from the cache and pays for writing it; with a stub all but one read."""

    async def cold(opened: Opened) -> None:
        held = await opened.api.submit(calls_of(opened, 60, shared=True))
        await ended(opened.api, held.id, Patience(lambda _: 0.02))

    with_opened(provider, cold, model="claude-sonnet-5-5")
    before, tokens = provider.usd(), provider.stats()["tokens"]
    assert tokens["read"] == 0
    assert tokens["write_1h"] > 0
    provider.reset()
    came = run_batches(provider, 60, shared=True)
    tokens = provider.stats()["tokens"]
    assert [step.attempt for step in came.notes.of("submitted")] == [1, 58]
    assert tokens["write_1h"] * 59 == tokens["read"]
    assert provider.usd() < before / 4
    assert came.budget.spent == provider.usd()
    record_property("cold_usd", str(before))
    record_property("warm_usd", str(provider.usd()))


def test_the_budget_covers_a_whole_batch_before_it_is_sent(provider: Provider) -> None:
    """Neither what is set aside nor what is spent passes the cap; the rest has no outcome, and a higher cap goes on."""
    price = run_batches(provider, 30).budget.spent
    provider.reset()
    cap = price * Decimal("0.7")
    first = run_batches(provider, 30, budget=Budget(cap))
    assert isinstance(first.error, Stopped)
    assert first.error.reason == "budget"
    assert 0 < len(first.outcomes) < 30
    assert provider.usd() == first.budget.spent <= cap
    assert first.budget.reserved == 0
    aside = spent = Decimal(0)
    for step in first.notes.steps:
        if step.what == "sent":
            aside += step.detail
        elif step.what == "replied":
            aside -= next(one.detail for one in first.notes.of("sent") if one.key == step.key)
            spent += step.detail.cost
        assert aside + spent <= cap
    assert isinstance(first.notes, BatchNotes)
    last = run_batches(provider, 30, notes=first.notes)
    assert last.error is None
    assert no_call_is_paid_twice(provider, 30)


def test_leaving_takes_no_time_and_loses_nothing(provider: Provider) -> None:
    """A batch that takes long is left with the provider at once; the next run finds it and hands in nothing."""
    provider.config(batch_seconds=1.5)

    async def use(opened: Opened) -> BatchNotes:
        notes = BatchNotes()
        began = time.monotonic()
        found = await first_few(batches(opened), each(calls_of(opened, 10)), notes, 1)
        assert len(found) == 1
        assert time.monotonic() - began < 1.4
        return notes

    notes = with_opened(provider, use, mode="batch", model="claude-sonnet-5-5", budget=Budget(None))
    handed = paths(provider)[CREATE]
    came = run_batches(provider, 10, notes=notes)
    assert came.error is None
    assert len(came.outcomes) == 9
    assert paths(provider)[CREATE] == max(handed, 1)
    assert no_call_is_paid_twice(provider, 10)


def test_whoever_gives_calls_may_wait_for_outcomes(provider: Provider) -> None:
    """A second question about each answer comes only after the first: a batch is handed in without waiting for it."""

    async def use(opened: Opened) -> Any:  # noqa: ANN401 - a Ran
        first, more = calls_of(opened, 6), calls_of(opened, 12)[6:]
        answered = asyncio.Event()

        async def calls() -> AsyncIterator[Call]:
            for one in first:
                yield one
            await answered.wait()
            for one in more:
                yield one

        notes, outcomes = BatchNotes(), []
        backend = batches(opened)
        async for outcome in backend.run(calls(), notes):
            outcomes.append(outcome)
            if len(outcomes) == len(first):
                answered.set()
        return outcomes, notes

    outcomes, notes = with_opened(provider, use, mode="batch", model="claude-sonnet-5-5", budget=Budget(None))
    assert len(outcomes) == 12
    assert [step.attempt for step in notes.of("submitted")] == [5, 6]


def test_what_the_giver_raises_comes_through_as_it_is(provider: Provider) -> None:
    """Nothing is handed in after it, and nothing stays set aside."""

    async def use(opened: Opened) -> Any:  # noqa: ANN401 - a Ran
        async def calls() -> AsyncIterator[Call]:
            for one in calls_of(opened, 5):
                yield one
            raise LookupError

        return await collect(batches(opened), calls(), BatchNotes())

    came = with_opened(provider, use, mode="batch", model="claude-sonnet-5-5", budget=Budget(None))
    assert isinstance(came.error, LookupError)
    assert came.budget.reserved == 0
    assert paths(provider)[CREATE] == 0


def test_a_key_that_is_not_accepted_stops_the_work(provider: Provider) -> None:
    """Nothing is handed in, nothing fails, and nothing stays set aside."""

    async def use(opened: Opened) -> Any:  # noqa: ANN401 - a Ran
        provider.config(key="another key")
        return await collect(batches(opened), each(calls_of(opened, 5)), BatchNotes())

    came = with_opened(provider, use, mode="batch", model="claude-sonnet-5-5", budget=Budget(Decimal(1)))
    assert isinstance(came.error, Stopped)
    assert came.error.reason == "not_allowed"
    assert (came.outcomes, came.budget.spent, came.budget.reserved) == ([], 0, 0)
    assert paths(provider)[CREATE] == 0


def test_a_batch_keeps_within_what_a_provider_takes() -> None:
    """No batch has more calls than any provider takes."""
    assert Settings().most == MOST <= 100_000


def test_a_stub_is_sent_only_where_it_is_worth_a_turn(provider: Provider) -> None:
    """Where the long front is kept already and a short piece behind it changes, the batch goes without one."""

    async def use(opened: Opened) -> list[int]:
        def about(piece: str, numbers: range) -> list[Call]:
            made = []
            for number in numbers:
                system = [(SHARED, "1h"), (piece, "5m")]
                request = opened.request(system, f'{{"text": "{number}"}}', None, 60)
                digest = opened.digest(request)
                made.append(Call(digest.hex(), request, digest))
            return made

        notes = BatchNotes()
        calls = [*about("first words", range(31)), *about("second words", range(31, 61))]
        backend = batches(opened, QUICK._replace(most=31))
        outcomes = [one async for one in backend.run(each(calls), notes)]
        assert len(outcomes) == 61
        return sorted(step.attempt for step in notes.of("submitted"))

    found = with_opened(provider, use, mode="batch", model="claude-sonnet-5-5", budget=Budget(None))
    assert found == [1, 29, 30]
