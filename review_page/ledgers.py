"""The ledger behind the page: threads that read, each with a connection of its own, and one that writes.

SQLite's connections belong to the thread that opened them, and a thread cannot be stopped from outside; so a question
that is given up is interrupted in its ledger, and its thread goes on to the next one.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

from ledger import Ledger
from ledger.errors import Interrupted
from review_page.options import Options

T = TypeVar("T")

READERS = 4
"""Questions that are answered at once; the others wait their turn."""
PATIENCE = 120.0
"""Seconds for an answer that is awaited by a page which is shown already."""
LONGEST = 1_800.0
"""Seconds for the rows of a release, and for a change."""
AWAITED = 16
"""Answers of PATIENCE that are made or wait; more are refused."""
MAKING = 4
"""Files of rows that are made or wait; more are refused."""
FAREWELL = 5.0
"""Seconds that a change under way has to end when the server does."""
CROWDED = "Others ask for as much at this moment; ask again when they have their answers. Nothing was changed."
ENDING = "The server ends. Nothing was changed."


class _Line:
    """Some threads, and those who wait for one of them."""

    def __init__(self, name: str, threads: int, most: int | None = None) -> None:
        """Take how many are let in, waiting and answered together; None: all."""
        self._threads = ThreadPoolExecutor(threads, name)
        self._room = None if most is None else threading.BoundedSemaphore(most)

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Let somebody wait; raise Interrupted where there is no room."""
        if self._room is None:
            return self._threads.submit(work)
        if not self._room.acquire(blocking=False):
            raise Interrupted("0.0", hint=CROWDED)
        future = self._threads.submit(work)
        future.add_done_callback(lambda _: self._leave())
        return future

    def close(self) -> None:
        """Take nobody any more."""
        self._threads.shutdown(wait=False)

    def _leave(self) -> None:
        if self._room is not None:
            self._room.release()


class Ledgers:
    """Asks and tells the ledger, off the event loop."""

    def __init__(self, options: Options) -> None:
        """Open nothing yet."""
        self._options = options
        self._own = threading.local()
        self._readers = _Line("reader", READERS)
        self._slow = _Line("slow", 1, AWAITED)
        self._makers = _Line("maker", 1, MAKING)
        self._writer = _Line("writer", 1)
        self._stopped = False
        self._running: dict[Ledger, bool] = {}
        self._changed = threading.Condition()
        """Holds of the two above; which ledgers run, and whether what they do may come to its end."""

    async def read(self, ask: Callable[[Ledger], T]) -> T:
        """Return the answer of a ledger that cannot write; raise Interrupted after the deadline."""
        return await self._do(self._readers, self._reading, ask, self._options.deadline)

    async def patiently(self, ask: Callable[[Ledger], T]) -> T:
        """Return the answer of a ledger that cannot write, after PATIENCE at the latest; one at a time."""
        return await self._do(self._slow, self._reading, ask, PATIENCE)

    async def slowly(self, ask: Callable[[Ledger], T]) -> T:
        """Return the answer to what may take minutes, from a ledger of its own; one such question at a time."""
        return await self._do(self._makers, lambda: Ledger.open(self._options.path, via="ui", read_only=True), ask)

    async def write(self, actor: str | None, act: Callable[[Ledger], T]) -> T:
        """Return what came of changing the ledger as somebody; one change at a time."""
        who = actor or self._options.actor
        return await self._do(self._writer, lambda: Ledger.open(self._options.path, actor=who, via="ui"), act)

    def stop(self) -> None:
        """Interrupt the questions that run and refuse all that wait; a change that runs may come to its end."""
        with self._changed:
            self._stopped = True
            self._interrupt(lambda may_end: not may_end)

    def close(self) -> None:
        """End the threads, after FAREWELL also a change that runs; each connection goes with its thread."""
        self.stop()
        for line in (self._readers, self._slow, self._makers, self._writer):
            line.close()
        with self._changed:
            self._changed.wait_for(lambda: not self._running, FAREWELL)
            self._interrupt(lambda _: True)

    async def _do(
        self,
        line: _Line,
        opened: Callable[[], AbstractContextManager[Ledger]],
        ask: Callable[[Ledger], T],
        seconds: float = LONGEST,
    ) -> T:
        """Return what a ledger says; the seconds begin now, so that waiting in the line is part of them."""
        ends = time.monotonic() + seconds

        def work() -> T:
            left = ends - time.monotonic()
            if self._stopped:
                raise Interrupted("0.0", hint=ENDING)
            if left <= 0:
                raise Interrupted(f"{seconds:.1f}", hint=CROWDED)
            with opened() as ledger, ledger.limited(left), self._known_to_run(ledger, may_end=line is self._writer):
                return ask(ledger)

        if self._stopped:
            raise Interrupted("0.0", hint=ENDING)
        return await asyncio.wrap_future(line.submit(work))

    @contextmanager
    def _known_to_run(self, ledger: Ledger, *, may_end: bool) -> Iterator[None]:
        with self._changed:
            if self._stopped:
                raise Interrupted("0.0")
            self._running[ledger] = may_end
        try:
            yield
        finally:
            with self._changed:
                del self._running[ledger]
                self._changed.notify_all()

    def _interrupt(self, which: Callable[[bool], bool]) -> None:
        for ledger, may_end in self._running.items():
            if which(may_end):
                ledger.interrupt()

    def _reading(self) -> AbstractContextManager[Ledger]:
        """Return the ledger of this thread, which stays open."""
        ledger: Ledger | None = getattr(self._own, "ledger", None)
        if ledger is None:
            ledger = self._own.ledger = Ledger.open(self._options.path, via="ui", read_only=True)
        return nullcontext(ledger)
