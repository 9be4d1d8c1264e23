"""Calls answered one by one, many at a time: as fast as the limits allow, and never beyond the budget.

The order of every attempt: the budget covers it, the governor gives leave, the journal has stored that it is sent, it
is sent, the journal has stored what came back. Only then does anybody else hear of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from decimal import Decimal
from typing import NamedTuple

import orjson

from ledger.agents.api import Api, Refused
from ledger.agents.budget import Budget
from ledger.agents.contract import FAILURES, STOPPING, TRANSIENT, Call, Failure, Journal, Outcome, Stopped
from ledger.agents.governor import Governor, Ticket
from ledger.agents.prices import Prices
from ledger.agents.replies import reply
from ledger.errors import ProviderUnreachable

ATTEMPTS = 5
_MOST_WAITS = 50
"""Attempts of one call that end because the provider asks to wait or is in trouble, which is not the call's fault."""
_DELAYS = (0.5, 1.0, 2.0, 4.0, 8.0)
_HOPELESS = 10
"""Calls that a provider refuses as they are before it has answered any, after which the rest is not tried."""
_GRACE = 1.0
_KEPT = "What was paid for is kept. Check the network and --base-url, then run the same command again."


class _Job(NamedTuple):
    """A call and how often it was tried: attempts told to the journal, and those that count against it."""

    call: Call
    attempts: int = 0
    strikes: int = 0


class Live:
    """A backend that sends each call by itself, and again where another attempt may mend what went wrong."""

    def __init__(self, api: Api, governor: Governor, budget: Budget, prices: Prices, attempts: int = ATTEMPTS) -> None:
        """Keep what it works with; `attempts` is how often a call is tried, apart from waits that were asked for."""
        self.api = api
        self.governor = governor
        self.budget = budget
        self.prices = prices
        self.attempts = attempts
        self._works: set[_Work] = set()

    def leave(self) -> None:
        """Send nothing new in any run that goes on; what is in flight comes to its end."""
        for work in self._works:
            work.halt()

    async def run(self, calls: AsyncIterator[Call], journal: Journal) -> AsyncGenerator[Outcome, None]:
        """Yield what became of each call, in the order in which they end.

        Raises Stopped when no further call can be sent, or when the first ten are all refused as they are (they have no
        outcome then), ProviderUnreachable where nobody answers, and whatever the journal or `calls` raise; what is in
        flight is waited for before that, and yielded. Closing the iterator drains it; cancelling the task that reads it
        breaks off what is in flight.
        """
        work = _Work(self, calls, journal)
        self._works.add(work)
        dispatcher = asyncio.create_task(work.dispatch())
        try:
            while (outcome := await work.ended.get()) is not None:
                yield outcome
            await dispatcher
        except GeneratorExit:
            work.halt()
            await asyncio.wait([dispatcher])
            raise
        finally:
            await work.abandon(dispatcher)
            self._works.discard(work)


class _Work:
    """One run: the calls that wait, those in flight, and what ended."""

    def __init__(self, live: Live, calls: AsyncIterator[Call], journal: Journal) -> None:
        self.ended: asyncio.Queue[Outcome | None] = asyncio.Queue()
        self._live = live
        self._calls = calls
        self._journal = journal
        self._ready: deque[_Job] = deque()
        self._open = 0
        self._fetch: asyncio.Task[Call | None] | None = None
        self._exhausted = False
        self._halted = False
        self._error: BaseException | None = None
        self._refused: list[Outcome] | None = []
        self._flights: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    async def dispatch(self) -> None:
        """Send calls until there are none, or none may be sent; wait for those in flight, and say why it stopped."""
        try:
            while (job := await self._next()) is not None and await self._launch(job):
                pass
        except Exception as error:  # noqa: BLE001 - kept, and raised when what is in flight has ended
            self._fail(error)
        self._halted = True
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.wait([self._fetch])
        if self._flights:
            await asyncio.wait(self._flights)
        if self._error is None:
            self._let_go()
        self.ended.put_nowait(None)
        if self._error is not None:
            raise self._error

    def halt(self) -> None:
        """Send nothing new."""
        self._halted = True
        self._changed.set()
        self._live.governor.wake()
        self._live.budget.wake()

    async def abandon(self, dispatcher: asyncio.Task[None]) -> None:
        """Break off whatever still goes on; nothing does after an end in peace."""
        tasks = [task for task in (dispatcher, self._fetch, *self._flights) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _next(self) -> _Job | None:
        """Return what is to be sent next: what is to be tried again goes before what is new."""
        while not self._halted:
            self._changed.clear()
            if self._ready:
                return self._ready.popleft()
            if self._fetch is None and not self._exhausted:
                self._fetch = asyncio.create_task(_pull(self._calls))
                self._fetch.add_done_callback(lambda _: self._changed.set())
            if self._fetch is not None and self._fetch.done():
                call, self._fetch = self._fetch.result(), None
                if call is not None:
                    self._open += 1
                    return _Job(call)
                self._exhausted = True
            if self._exhausted and not self._open:
                return None
            if not self._ready:
                await self._wait()
        return None

    async def _wait(self) -> None:
        """Wait for whatever changes. Whoever gives the calls may in turn wait for an outcome that is kept back."""
        try:
            await asyncio.wait_for(self._changed.wait(), _GRACE if self._refused and not self._open else None)
        except TimeoutError:
            for outcome in self._refused or ():
                self.ended.put_nowait(outcome)
            self._refused = []

    async def _launch(self, job: _Job) -> bool:
        """Set money aside, wait for leave and let an attempt fly; False where nothing more is to be sent."""
        live, request = self._live, job.call.request
        reserved = live.prices.worst(request)
        if not await live.budget.take(reserved, lambda: self._halted):
            if not self._halted:
                self._stop("budget", f"the budget of ${live.budget.cap} does not cover another request")
            return False
        size, most = len(orjson.dumps(request)), int(request["max_tokens"])
        ticket = await live.governor.admit(size, most, lambda: self._halted)
        if ticket is None:
            live.budget.release(reserved)
            return False
        flight = asyncio.create_task(self._fly(job, reserved, ticket))
        self._flights.add(flight)
        flight.add_done_callback(self._landed)
        return True

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flights.discard(flight)
        if not flight.cancelled() and (error := flight.exception()) is not None:
            self._fail(error)
        self._changed.set()

    async def _fly(self, job: _Job, reserved: Decimal, ticket: Ticket) -> None:
        """Make one attempt, telling the journal before and after."""
        live, attempt = self._live, job.attempts + 1
        if self._halted:
            live.governor.release(ticket)
            live.budget.release(reserved)
            return
        allowed = False
        try:
            allowed = await self._journal.sent(job.call, attempt, reserved)
        finally:
            if not allowed:
                live.governor.release(ticket)
                live.budget.release(reserved)
        if not allowed:
            self._end(Outcome(job.call, job.attempts, None, None))
            return
        try:
            answer = await live.api.send(job.call.request)
        except Refused as refused:
            if refused.failure.kind in STOPPING:
                self.halt()  # at once: telling the journal takes a while
            # A provider that is in trouble when this fails, or is found to be by this, is no fault of the call's.
            troubled = live.governor.in_trouble
            live.governor.failed(ticket, refused.failure, refused.headers)
            live.budget.settle(reserved, None if refused.failure.paid else Decimal(0))
            await self._journal.failed(job.call, attempt, refused.failure)
            self._judge(job, refused.failure, troubled=troubled or live.governor.in_trouble)
            return
        came = reply(answer, live.prices)
        live.governor.answered(ticket, answer.headers, came.usage)
        live.budget.settle(reserved, came.cost)
        await self._journal.replied(job.call, attempt, came)
        self._let_go()
        self._end(Outcome(job.call, attempt, came, None))

    def _judge(self, job: _Job, failure: Failure, *, troubled: bool) -> None:
        """Decide what follows a failure: the end of all work, another attempt, or the end of this call."""
        attempts = job.attempts + 1
        excused = failure.kind == "rate_limited" or (troubled and failure.kind in TRANSIENT)
        strikes = job.strikes if excused else job.strikes + 1
        if failure.kind in STOPPING:
            self._stop(failure.kind, failure.detail)
        elif self._live.governor.gave_up:
            self._fail(ProviderUnreachable(self._live.api.address, failure.detail, hint=_KEPT))
        elif failure.kind in TRANSIENT and strikes < self._live.attempts and attempts < _MOST_WAITS:
            delay = 0.0 if excused else _DELAYS[min(strikes, len(_DELAYS)) - 1]
            asyncio.get_running_loop().call_later(delay, self._again, _Job(job.call, attempts, strikes))
        elif failure.kind == "bad_request" and self._refused is not None:
            self._keep(Outcome(job.call, attempts, None, failure), self._refused)
        else:
            self._end(Outcome(job.call, attempts, None, failure))

    def _keep(self, outcome: Outcome, refused: list[Outcome]) -> None:
        """Keep back a refusal until there is an answer: a provider that refuses all it is sent says nothing of each."""
        refused.append(outcome)
        self._open -= 1
        if len(refused) >= _HOPELESS:
            self._stop("bad_request", f"{FAILURES['bad_request']}, {_HOPELESS} times in a row and never otherwise")

    def _let_go(self) -> None:
        """Tell the outcomes that were kept back: the provider does answer, or there is nothing more to ask."""
        for outcome in self._refused or ():
            self.ended.put_nowait(outcome)
        self._refused = None

    def _again(self, job: _Job) -> None:
        self._ready.append(job)
        self._changed.set()

    def _end(self, outcome: Outcome) -> None:
        self._open -= 1
        self.ended.put_nowait(outcome)

    def _stop(self, reason: str, detail: str) -> None:
        self._fail(Stopped(reason, detail))

    def _fail(self, error: BaseException) -> None:
        """Keep the first thing that went wrong, and send nothing more."""
        self._error = self._error or error
        self.halt()


async def _pull(calls: AsyncIterator[Call]) -> Call | None:
    return await anext(calls, None)
