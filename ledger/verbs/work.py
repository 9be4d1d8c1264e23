"""The work itself: samples in the order of their birth, asked about by a backend, and one end for each of them.

A few hundred samples are on their way at a time, whatever their number. An end is a result, a last failure, or nothing
to ask; what has none when the work stops is left, and the same command goes on with it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple, Protocol

from ledger.agents.contract import STOPPING, Backend, Call, Outcome, Stopped
from ledger.errors import BrokenLaw, ProviderUnreachable
from ledger.recipes.contract import HOPELESS, Made, Memory, Problem
from ledger.verbs.asking import RE_ASKS, Asked, Asker, Came, Climb, Verdict
from ledger.verbs.items import Subject
from ledger.verbs.journal import WorkJournal, Write

WINDOW: Final = 512
"""Samples that are on their way at a time; in batches more, since each of them waits for all."""
BATCH_WINDOW: Final = 10_000
INTERRUPTED: Final = "interrupted"
_LOOKS = 0.1
"""Seconds between two looks whether the work is to stop."""


class Standing(NamedTuple):
    """How far the work is: samples in all, those that had an end before, and what became of the others so far."""

    planned: int
    reused: int
    accepted: int
    failed: int
    skipped: int
    requests: int
    cost: Decimal

    @property
    def done(self) -> int:
        """Return how many samples have an end."""
        return self.reused + self.accepted + self.failed + self.skipped


Watch = Callable[[Standing], None]
ShouldStop = Callable[[], bool]


class Ending(Protocol):
    """How a verdict becomes events: a child, a score, or a failure. Each is written inside a transaction."""

    def accept(self, asked: Asked, verdict: Verdict, came: Came) -> Write | Problem:
        """Return what writes a result, telling a Problem where the ledger does not take it."""
        ...

    def give_up(self, asked: Asked, kind: str, detail: str) -> Write:
        """Return what writes that there is no result."""
        ...


class Order(Protocol):
    """What depends on the order of the samples: what a question may know of results, and which of these may stand."""

    def ready(self, index: int) -> bool:
        """Say whether all is settled that the question about a sample may know."""
        ...

    def memory(self, index: int) -> Memory:
        """Return what the question about a sample may know."""
        ...

    def check(self, subject: Subject, verdict: Verdict) -> Problem | None:
        """Return what is wrong with a result after all that were settled before."""
        ...

    def settle(self, index: int, subject: Subject | None, result: Made | None) -> None:
        """Take the end of a sample; called for each index in turn."""
        ...


@dataclass(slots=True)
class Tally:
    """What became of the samples of one run; `planned` is the sum of all but `requests`, `lost` and the kinds."""

    planned: int = 0
    reused: int = 0
    accepted: int = 0
    rejected: int = 0
    failed: int = 0
    skipped: int = 0
    unknown: int = 0
    left: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    stopped: str | None = None
    detail: str = ""

    def parts(self) -> dict[str, int]:
        """Return the parts that make up what was planned."""
        names = ("accepted", "rejected", "failed", "unknown", "reused", "skipped", "left")
        return {name: getattr(self, name) for name in names}


class Next(NamedTuple):
    """The next sample in the order: to be asked about, or settled before, with its result where the order needs it."""

    subject: Subject | None
    result: Made | None = None
    gone: bool = False
    """It had no end, and its bytes were erased since it was planned."""


@dataclass
class Working:
    """One pass over the samples."""

    asker: Asker
    ending: Ending
    climb: Climb
    journal: WorkJournal
    tally: Tally
    items: Iterator[Next]
    window: int = WINDOW
    order: Order | None = None
    leaves: bool = False
    """What is under way need not be waited for when the work stops: it can be found again."""
    should_stop: ShouldStop = lambda: False
    watch: Watch = lambda _standing: None

    def __post_init__(self) -> None:
        """Begin with nothing on its way."""
        self._ready: deque[Call] = deque()
        self._flights: dict[str, Asked] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._open = 0
        self._drawn = 0
        self._more = True
        self._stopping = self._left = False
        self._fault: BaseException | None = None
        self._turn = 0
        self._turns: dict[int, asyncio.Event] = {}
        self._ends: dict[int, tuple[Subject | None, Made | None]] = {}

    async def run(self, backend: Backend) -> None:
        """Work until every sample has an end or nothing more can be done; raises what went wrong here."""
        hearing = asyncio.create_task(self._hear(backend))
        looking = asyncio.create_task(self._look(hearing))
        try:
            await hearing
        except Stopped as stopped:
            self._stop(stopped.reason, stopped.detail)
        except ProviderUnreachable as error:
            self._stop("unreachable", str(error))
        except asyncio.CancelledError:
            if not self._left:
                raise
        finally:
            self._stopping = True
            await self._land()
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
        if self._fault is not None:
            raise self._fault
        self._count_rest()

    async def _hear(self, backend: Backend) -> None:
        async for outcome in backend.run(self._calls(), self.journal):
            self._begin(self._heard(outcome))

    async def _look(self, hearing: asyncio.Task[None]) -> None:
        """Stop drawing when that is asked for; what is under way comes to its end, but for batches, which can wait."""
        while not self.should_stop():  # noqa: ASYNC110 - a signal's handler cannot set an event of this loop
            await asyncio.sleep(_LOOKS)
        self._stop(INTERRUPTED, "it was asked to stop")
        self._wake.set()
        if self.leaves:
            self._left = True
            hearing.cancel()

    def _stop(self, reason: str, detail: str) -> None:
        self._stopping = True
        if self.tally.stopped is None:
            self.tally.stopped, self.tally.detail = reason, detail

    async def _calls(self) -> AsyncIterator[Call]:
        """Yield calls: what is asked again before what is asked for the first time."""
        while not self._stopping and self._fault is None:
            self._wake.clear()
            if self._ready:
                call = self._ready.popleft()
                if self.asker.is_gone(self._flights[call.key]):
                    self._begin(self._forget(self._flights.pop(call.key)))
                else:
                    yield call
            elif self._may_draw():
                self._draw()
                await asyncio.sleep(0)  # let it ask
            elif not self._more and not self._open:
                return
            else:
                await self._wake.wait()

    def _may_draw(self) -> bool:
        if not self._more or self._open >= self.window:
            return False
        return self.order is None or self.order.ready(self._drawn)

    def _draw(self) -> None:
        """Take the next sample, and begin to ask about it."""
        drawn = next(self.items, None)
        if drawn is None:
            self._more = False
            return
        index, self._drawn = self._drawn, self._drawn + 1
        if drawn.subject is None or drawn.result is not None:
            self.tally.skipped += drawn.gone
            self._end(index, drawn.subject, drawn.result)
            return
        memory = Memory() if self.order is None else self.order.memory(index)
        self._open += 1
        self._begin(self._ask(Asked(index, drawn.subject, memory)))

    def _begin(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        """Let something go on by itself; its fault stops the work."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._fault = self._fault or fault
        self._wake.set()

    async def _land(self) -> None:
        """Wait for what goes on still; samples that wait for others before them stay without an end."""
        while self._tasks:
            if all(event.is_set() for event in self._turns.values()):
                await asyncio.wait(set(self._tasks), return_when=asyncio.FIRST_COMPLETED)
                continue
            await asyncio.wait(set(self._tasks), timeout=_LOOKS, return_when=asyncio.FIRST_COMPLETED)
            if self._tasks and not self._moving():
                for event in self._turns.values():
                    event.set()

    def _moving(self) -> bool:
        """Say whether anything but waiting for one's turn goes on."""
        return len(self._tasks) > sum(not event.is_set() for event in self._turns.values())

    async def _ask(self, asked: Asked) -> None:
        """Ask the next question about a sample, unless it was answered before."""
        call = self.asker.call(asked)
        if call is None:
            self._finish(asked, "skipped")
            return
        came = self.asker.before(asked)
        self.journal.about[asked.key] = self.asker.about(asked)
        if came is not None:
            await self._settle(asked, came)
            return
        self._flights[asked.key] = asked
        self._ready.append(call)
        self._wake.set()

    async def _heard(self, outcome: Outcome) -> None:
        """Take what became of a call."""
        asked = self._flights.pop(outcome.call.key)
        came = self.asker.heard(asked, outcome)
        failure = outcome.failure
        if came is not None:
            await self._settle(asked, came)
        elif failure is None:
            await self._forget(asked)
        elif failure.kind in STOPPING:  # one of a batch: nothing raises it
            self._stop(failure.kind, failure.detail)
            self._wake.set()
        elif await self._its_turn(asked):
            await self._give_up(asked, failure.kind, failure.detail)

    async def _forget(self, asked: Asked) -> None:
        """End the work on a sample that was erased before it was asked about: nobody is sent its text any more."""
        if await self._its_turn(asked):
            await self._give_up(asked, "erased", "the sample was erased before it was sent")

    async def _settle(self, asked: Asked, came: Came) -> None:
        """Judge a reply: a result, another question, or the end of trying."""
        if not await self._its_turn(asked):
            return
        problem, result = await self._judged(asked, came)
        if problem is None:
            self._finish(asked, "accepted", result)
            return
        asked.problems = (*asked.problems, problem)
        if problem.kind in HOPELESS or len(asked.problems) > RE_ASKS:
            await self._give_up(asked, problem.kind, problem.detail)
        else:
            self.journal.about.pop(asked.key, None)
            await self._ask(asked)

    async def _judged(self, asked: Asked, came: Came) -> tuple[Problem | None, Made | None]:
        if came.said is None:
            return Problem("erased", "The reply was erased."), None
        verdict = self.climb(asked, came.said)
        if not isinstance(verdict, Problem) and self.order is not None:
            verdict = self.order.check(asked.subject, verdict) or verdict
        if isinstance(verdict, Problem):
            return verdict, None
        write = self.ending.accept(asked, verdict, came)
        if isinstance(write, Problem):
            return write, None
        problem: Problem | None = await self.journal.result(asked.key, write, soon=self.order is not None)
        return problem, verdict if isinstance(verdict, Made) else None

    async def _give_up(self, asked: Asked, kind: str, detail: str) -> None:
        await self.journal.result(asked.key, self.ending.give_up(asked, kind, detail))
        self.tally.kinds[kind] += 1
        self._finish(asked, "failed")

    def _finish(self, asked: Asked, what: str, result: Made | None = None) -> None:
        """Count the end of a sample."""
        self._open -= 1
        self.journal.about.pop(asked.key, None)
        setattr(self.tally, what, getattr(self.tally, what) + 1)
        self._end(asked.index, asked.subject, result)
        self._wake.set()
        self.watch(self.standing())

    def _end(self, index: int, subject: Subject | None, result: Made | None) -> None:
        """Let the order know of an end, when those of all samples before it are known."""
        if self.order is None:
            return
        self._ends[index] = (subject, result)
        while self._turn in self._ends:
            self.order.settle(self._turn, *self._ends.pop(self._turn))
            self._turn += 1
        if (event := self._turns.pop(self._turn, None)) is not None:
            event.set()
        self._wake.set()

    async def _its_turn(self, asked: Asked) -> bool:
        """Wait until all samples before this one have an end; False where that will not be."""
        if self.order is not None and asked.index != self._turn:
            await self._turns.setdefault(asked.index, asyncio.Event()).wait()
        return self.order is None or asked.index == self._turn

    def _count_rest(self) -> None:
        """Count what has no end: sent with an outcome that nobody knows, or left."""
        tally = self.tally
        tally.unknown = sum(key in self.journal.unsettled for key in self._flights)
        ended = tally.accepted + tally.failed + tally.skipped
        tally.left = tally.planned - tally.reused - ended - tally.unknown
        if tally.left < 0 or (tally.stopped is None and (tally.left or self._open)):
            raise BrokenLaw(f"the work ended, and {tally.left} of {tally.planned} samples have no end")

    def standing(self) -> Standing:
        """Return how far the work is."""
        tally = self.tally
        return Standing(
            tally.planned,
            tally.reused,
            tally.accepted,
            tally.failed,
            tally.skipped,
            self.journal.requests,
            self.journal.cost,
        )
