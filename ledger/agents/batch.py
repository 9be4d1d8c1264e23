"""Calls answered in batches: half the price, within a day, and nothing lost when this program dies while they wait.

The money for all calls of a batch is set aside and each of them is in the journal before the provider hears of it. One
call goes first on its own, so that what is wrong with all of them is known in seconds; where many share the front of
their prompt, a batch of one call for each front goes next, or none of them would find it kept. A batch of which nobody
heard whether it was taken is looked for and never handed in blindly again.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from ledger.agents.adoption import Missed
from ledger.agents.api import Api
from ledger.agents.budget import Budget
from ledger.agents.contract import BATCH, Backend, Call, Journal, Outcome, Stopped
from ledger.agents.desk import Desk, Try
from ledger.agents.intake import Intake
from ledger.agents.live import Live
from ledger.agents.patience import Left, Patience, Wait, growing
from ledger.agents.prefixes import fronts
from ledger.agents.prices import Prices

MOST = 10_000
"""Calls of one batch; a provider takes ten times as many, but the requests wait in memory."""
LINGER = 2.0
"""Seconds without a further call after which a batch is handed in as it is."""
ATTEMPTS = 3
WARM_FROM = 10
"""Calls with one front from which a batch for that front alone is worth its turn."""
WARM_BYTES = 4096
"""Bytes of a front beyond what is kept from which such a batch is worth its turn."""
WARM_SECONDS = 3000.0
"""How long a front counts as kept: ten minutes less than the hour that it is asked for."""
PROBES = 3


class Sent(NamedTuple):
    """One call of a batch: which attempt it was, and the dollars that were set aside for it."""

    attempt: int
    reserved: Decimal


class Open(NamedTuple):
    """A batch that an earlier run sent and whose end it did not hear.

    `provider_id` is None where nobody heard whether the provider took it. `sent` has the calls by their keys; `since`
    is when they were sent, in seconds of the epoch (None: not known).
    """

    provider_id: str | None
    sent: Mapping[str, Sent]
    since: float | None = None


class Settings(NamedTuple):
    """How batches are made: calls of one, seconds without a further call, attempts of a call, pauses, the time."""

    most: int = MOST
    linger: float = LINGER
    attempts: int = ATTEMPTS
    wait: Wait = growing
    now: Callable[[], float] = time.time


_NONE: Mapping[str, Open] = MappingProxyType({})
_USUAL = Settings()


class Batches(Backend):
    """A backend that sends calls in batches.

    `live` answers the calls that go first. `known` are the batches (digest in hexadecimal -> what was sent) that an
    earlier run left open: a call of theirs is not sent again but looked for there, and `budget` must count it as
    spent. `heard` are the provider's ids of all batches that are in the log.
    """

    def __init__(
        self,
        api: Api,
        live: Live,
        budget: Budget,
        prices: Prices,
        *,
        known: Mapping[str, Open] = _NONE,
        heard: Collection[str] = (),
        settings: Settings = _USUAL,
    ) -> None:
        """Take what it needs to send batches and to pay for them."""
        self.api = api
        self.live = live
        self.budget = budget
        self.prices = prices
        self.known = known
        self.heard = {*heard, *(one.provider_id for one in known.values() if one.provider_id is not None)}
        self.settings = settings

    async def run(self, calls: AsyncIterator[Call], journal: Journal) -> AsyncIterator[Outcome]:
        """Yield what became of each call, batch by batch as they end.

        Closing it leaves the batches with the provider at once, where the next run finds them. Raises Stopped.
        """
        course = _Course(self, calls, journal)
        driving = asyncio.create_task(course.drive())
        try:
            while (outcome := await course.outcomes.get()) is not None:
                yield outcome
            await driving
        finally:
            course.leave()
            await asyncio.wait([driving])
            if not driving.cancelled():
                driving.exception()  # whoever left does not ask for it


class _Course:
    """One run of the backend: groups of calls, each answered in a lane of its own."""

    def __init__(self, batches: Batches, calls: AsyncIterator[Call], journal: Journal) -> None:
        settings = batches.settings
        self.batches = batches
        self.journal = journal
        self.budget = batches.budget
        self.outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue()
        self.patience = Patience(settings.wait)
        self.intake = Intake(calls, settings.most, settings.linger)
        self.desk = Desk(
            batches.api,
            batches.budget,
            batches.prices,
            journal,
            self.patience,
            batches.heard,
            self.outcomes.put_nowait,
            settings.attempts,
            settings.now,
        )
        self.stopped: BaseException | None = None
        self._probing, self._warming = asyncio.Lock(), asyncio.Lock()
        self._probed = False
        self._warm: dict[bytes, float] = {}

    async def drive(self) -> None:
        """Answer all calls; raise what stopped it when everything that is under way has ended."""
        lanes: list[asyncio.Task[None]] = []
        try:
            while group := await self.intake.group():
                lanes += [asyncio.create_task(self._lane(work)) for work in self._works(group)]
        except Exception as fault:  # noqa: BLE001 - raised below, when what is under way has ended
            self.stopped = self.stopped or fault
        finally:
            await asyncio.gather(*lanes)
            await self.intake.aclose()
            self.outcomes.put_nowait(None)
        if self.stopped is not None:
            raise self.stopped

    def leave(self) -> None:
        """Send nothing new and wait for no batch."""
        self.patience.leave()
        self.intake.close()
        self.batches.live.leave()

    def _works(self, group: Sequence[Call]) -> Iterator[Awaitable[None]]:
        """Yield what is to be done for a group: for each batch that is open still, and for the calls of none."""
        rest = {call.key: call for call in group}
        for digest, one in self.batches.known.items():
            mine = [rest.pop(call.key) for call in group if call.key in one.sent and call.key in rest]
            if mine:
                yield self._resumed(digest, one, mine)
        if rest:
            yield self._answered([Try(call, 1) for call in rest.values()])

    async def _lane(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Left:
            return
        except Stopped as stopped:
            self.stopped = self.stopped or stopped
            self.intake.close()
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is raised when the other lanes have ended
            self.stopped = fault
            self.leave()

    async def _resumed(self, digest: str, one: Open, calls: Sequence[Call]) -> None:
        tries = [Try(call, *one.sent[call.key]) for call in calls]
        for each in tries:  # it counts as spent; from here on it is set aside, until it is known what it cost
            self.budget.settle(-each.reserved, -each.reserved)
        missed = Missed(one.sent.keys(), one.since)
        await self._answered(await self.desk.resume(digest, tries, one.provider_id, missed))

    async def _answered(self, tries: Sequence[Try]) -> None:
        """Answer calls until there is none to be tried again."""
        rest = await self._warmed(await self._probed_first(tries))
        while rest and self.stopped is None:
            part, rest = await self._afforded(rest)
            rest = [*await self.desk.send(part), *rest]

    async def _probed_first(self, tries: Sequence[Try]) -> Sequence[Try]:
        """Send a call on its own and return the others; raise Stopped where the first few are refused as they are."""
        async with self._probing:
            refused = 0
            while not self._probed and refused < PROBES:
                if len(tries) < 2 or tries[0].attempt > 1 or self.stopped is not None:  # noqa: PLR2004 - one is no batch
                    return tries
                if self.patience.leaving:
                    raise Left
                async for outcome in self.batches.live.run(_only(tries[0].call), self.journal):
                    self.outcomes.put_nowait(outcome)
                    if outcome.failure is not None and outcome.failure.kind == "bad_request":
                        refused += 1
                    else:  # a call that was withheld says nothing of the others
                        self._probed = outcome.reply is not None or outcome.failure is not None
                tries = tries[1:]
            if not self._probed:
                raise Stopped(
                    "bad_request", f"The provider refuses the first {PROBES} requests as they are; no batch was sent."
                )
        return tries

    async def _warmed(self, tries: Sequence[Try]) -> Sequence[Try]:
        """Send a call for each front that many share, so that the others find it kept; return the others."""
        async with self._warming:
            stubs = self._stubs(tries)
            if not stubs or self.stopped is not None:
                return tries
            mine = {one.call.key for one in stubs}
            others = [one for one in tries if one.call.key not in mine]
            first, left = await self._afforded(stubs)
            again = await self.desk.send(first)
            return [*again, *left, *others]

    def _stubs(self, tries: Sequence[Try]) -> list[Try]:
        """Return the first call of each longest front that many share, where enough of it is not kept already."""
        marked = [fronts(one.call.request) for one in tries]
        times = Counter(front.digest for some in marked for front in some)
        now = self.batches.settings.now()
        warm = {digest for digest, since in self._warm.items() if now - since < WARM_SECONDS}
        stubs = []
        for one, some in zip(tries, marked, strict=True):
            longest = max((front.size for front in some if times[front.digest] >= WARM_FROM), default=0)
            kept = max((front.size for front in some if front.digest in warm), default=0)
            if longest - kept >= WARM_BYTES:
                stubs.append(one)
                warm |= {front.digest for front in some}
                self._warm |= {front.digest: now for front in some}
        return stubs

    async def _afforded(self, tries: Sequence[Try]) -> tuple[list[Try], Sequence[Try]]:
        """Set money aside for as many calls as the budget allows now, at least one; raise Stopped where it never will.

        Returns those calls, and the others. Raises Left where nothing new is to be sent.
        """
        part: list[Try] = []
        for one in tries:
            if self.patience.leaving:
                for each in part:
                    self.budget.release(each.reserved)
                raise Left
            worst = self.batches.prices.worst(one.call.request, mode=BATCH)
            while not self.budget.reserve(worst):
                if part:
                    return part, tries[len(part) :]
                if self.stopped is not None:  # what another lane set aside for good is never given back
                    raise Left
                if not self.budget.reserved:
                    raise Stopped("budget", "What is left of the budget does not cover the next request.")
                await self.patience.pause(0)
            part.append(one._replace(reserved=worst))
        return part, []


async def _only(call: Call) -> AsyncIterator[Call]:
    yield call
