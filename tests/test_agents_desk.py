"""ledger.agents.desk: results that come twice, break off, name strangers or leave calls out."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from ledger.agents.api import Api, Held, Refused, Result
from ledger.agents.contract import Call, Failure, Stopped
from ledger.agents.desk import KEPT_SECONDS
from ledger.agents.opening import Opened
from tests.batching import QUICK, BatchNotes, batches, calls_of, collect
from tests.calling import Ran, each, with_opened
from tests.provider.handle import Provider

pytest_plugins = ("tests.provider.fixture",)


class Spoiled:
    """The interface of a provider, whose answers about batches are spoiled on their way here."""

    def __init__(self, api: Api, *, missing: str = "", breaks: int = 0, takes: tuple[Failure, ...] = ()) -> None:
        """Leave the results of calls with `missing` in their key out, break off `breaks` times, refuse hand-ins."""
        self._api = api
        self._missing, self._breaks, self._takes = missing, breaks, list(takes)
        self.provider, self.profile = api.provider, api.profile

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it is
        """Return what the provider's own interface has."""
        return getattr(self._api, name)

    async def submit(self, calls: list[Call]) -> Held:
        """Refuse a few times, then hand in."""
        if self._takes:
            raise Refused(self._takes.pop(0))
        return await self._api.submit(calls)

    async def results(self, provider_id: str) -> AsyncIterator[Result]:
        """Yield a stranger first, every result twice, the second time with other bytes, and break off."""
        yield Result("0" * 64, b"{}", None)
        async for result in self._api.results(provider_id):
            if self._missing and result.key == self._missing:
                continue
            yield result
            yield result._replace(body=b"another one")
            if self._breaks:
                self._breaks -= 1
                raise Refused(Failure("reply_lost", "it broke off"))


def spoiled(provider: Provider, many: int, notes: BatchNotes | None = None, **spoils: Any) -> Ran:  # noqa: ANN401 - as above
    """Ask `many` questions through a spoiled interface; `missing` is the place of a call."""

    async def use(opened: Opened) -> Ran:
        answered = set() if notes is None else notes.answered()
        calls = [one for one in calls_of(opened, many) if one.key not in answered]
        if "missing" in spoils:
            spoils["missing"] = calls[spoils["missing"]].key
        backend = batches(opened, QUICK, notes)
        backend.api = Spoiled(backend.api, **spoils)  # type: ignore[assignment]
        return await collect(backend, each(calls), BatchNotes(before=notes))

    return with_opened(provider, use, mode="batch", model="claude-sonnet-5-5")


def test_each_result_is_told_once_as_it_first_came(provider: Provider) -> None:
    """Strangers and repetitions are left out, and what broke off is read again from its beginning."""
    came = spoiled(provider, 10, breaks=3)
    assert came.error is None
    assert len(came.outcomes) == len(came.notes.of("replied")) == 10
    assert all(outcome.reply and outcome.reply.usage for outcome in came.outcomes)
    assert came.budget.spent == provider.usd()


def test_a_call_that_no_result_names_counts_as_paid_and_is_tried_again(provider: Provider) -> None:
    """What was set aside for it is spent; after the last attempt it fails."""
    came = spoiled(provider, 6, missing=3)
    (failed,) = [outcome for outcome in came.outcomes if outcome.failure]
    assert failed.failure is not None
    assert (failed.failure.kind, failed.failure.paid, failed.attempts) == ("reply_lost", True, 3)
    assert came.budget.spent == came.notes.known_cost() > provider.usd()
    assert came.budget.reserved == 0


@pytest.mark.parametrize("kind", ["rate_limited", "connection_lost", "overloaded", "timed_out"])
def test_a_hand_in_that_fails_for_a_while_is_repeated(provider: Provider, kind: str) -> None:
    """Where the provider may hold it all the same it is looked for before that; all are answered, none twice."""
    came = spoiled(provider, 6, takes=(Failure(kind, "no"),) * 2)
    assert came.error is None
    assert len(came.outcomes) == 6
    assert provider.stats()["billed"] == 6
    looked = provider.stats()["paths"].get("GET /v1/messages/batches", 0)
    assert (looked > 0) == (kind in {"overloaded", "timed_out"})


@pytest.mark.parametrize("kind", ["bad_request", "not_allowed", "spend_limit"])
def test_a_hand_in_that_is_refused_stops_the_work(provider: Provider, kind: str) -> None:
    """The calls are said to have failed, unpaid, and none of them is at its end; nothing stays set aside."""
    came = spoiled(provider, 6, takes=(Failure(kind, "no"),))
    assert isinstance(came.error, Stopped)
    assert came.error.reason == kind
    assert len(came.outcomes) == 1
    assert came.notes.failures() == {kind: 5}
    assert came.budget.reserved == 0
    assert came.budget.spent == provider.usd()


@pytest.mark.parametrize("kind", ["timed_out", "reply_lost"])
def test_a_batch_that_was_never_taken_was_not_paid_for(provider: Provider, kind: str) -> None:
    """However its handing in failed, the provider does not hold it: the log and the budget say so in one word."""
    came = spoiled(provider, 6, takes=(Failure(kind, "no"),) * 5)
    assert isinstance(came.error, Stopped)
    assert came.error.reason == kind
    assert came.notes.failures() == {"connection_lost": 5}
    assert came.budget.spent == came.notes.known_cost() == provider.usd()
    assert came.budget.reserved == 0


def forgotten(provider: Provider, age: float | None) -> BatchNotes:
    """Return a journal with a batch of four calls, that old, whose results nobody read and that the provider forgot."""
    came = spoiled(provider, 5)
    assert isinstance(came.notes, BatchNotes)
    notes = BatchNotes(before=came.notes)
    notes.steps = [s for s in came.notes.steps if s.what != "replied" or notes.batch_of[s.key, s.attempt] is None]
    notes.since = None if age is None else time.time() - age
    provider.reset()
    return notes


@pytest.mark.parametrize("age", [None, 3_600.0, KEPT_SECONDS - 60])
def test_a_batch_that_the_provider_does_not_show_stops_the_work(provider: Provider, age: float | None) -> None:
    """Another key may be the reason, so nothing is sent again as long as its results may be there."""
    again = spoiled(provider, 5, forgotten(provider, age))
    assert isinstance(again.error, Stopped)
    assert again.error.reason == "bad_request"
    assert (again.outcomes, provider.stats()["paths"].get("POST /v1/messages/batches", 0)) == ([], 0)


def test_a_batch_whose_results_are_dropped_is_sent_anew(provider: Provider) -> None:
    """After that time there is nothing left to find: what it was to cost counts as spent, and the calls go again."""
    notes = forgotten(provider, KEPT_SECONDS + 60)
    lost = sum((one.reserved for batch in notes.open().values() for one in batch.sent.values()), Decimal(0))
    again = spoiled(provider, 5, notes)
    assert again.error is None
    assert [outcome.attempts for outcome in again.outcomes] == [2] * 4
    assert again.notes.failures() == {"reply_lost": 4}
    assert again.budget.spent == lost + provider.usd()
