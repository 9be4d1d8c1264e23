"""Threads that answer one call at a time: questions, each in a ledger of the thread's own, and deeds.

SQLite's connections belong to the thread that opened them, and a thread cannot be stopped from outside; so a question
that is given up is interrupted in its ledger, and its thread goes on to the next one.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar

import anyio

from ledger import Ledger
from ledger.errors import Interrupted

T = TypeVar("T")

IDLE = 30.0
"""Seconds after which a thread that nobody asks closes its ledger and ends."""
LANE = 2
"""Questions of one lane at a time: each of these takes a thread, a processor and memory for long."""
BUSY = "Others of this kind run already; call again when they have ended. Nothing was changed."
SHORTEST = 1.0
"""Seconds that opening may wait for a writer, however short the question's time is."""
GRACE = 1.0
"""Seconds beyond its deadline after which a question is given up, whether or not it has stopped."""


class Hand:
    """What one thread works with: the ledger at `path`, open for reading, once it is needed."""

    def __init__(self, path: Path) -> None:
        """Take the path; nothing is opened."""
        self._path = path
        self._open: Ledger | None = None
        self._file: tuple[int, int] | None = None

    def reading(self, wait: float = SHORTEST) -> Ledger:
        """Return the ledger; it is opened anew where another file stands in its place now.

        `wait` is how many seconds opening may wait for another program that writes.
        """
        now = self._identity()
        if self._open is None or now != self._file:
            self.close()
            wait = max(wait, SHORTEST)  # the ledger is kept for the questions that follow
            self._open, self._file = Ledger.open(self._path, via="mcp", wait=wait, read_only=True), now
        return self._open

    def close(self) -> None:
        """Close the ledger."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _identity(self) -> tuple[int, int] | None:
        with suppress(OSError):
            found = self._path.stat()
            return found.st_dev, found.st_ino
        return None


class Job(Generic[T]):
    """One call, from when it is asked for until it is answered or given up; this kind cannot be stopped half-way."""

    seconds: float | None = None
    lane: str = ""

    def __init__(self, act: Callable[[], T]) -> None:
        """Keep what is to be done."""
        self.future: Future[T] = Future()
        self._act = act

    def run(self, hand: Hand) -> None:
        """Do it, unless nobody waits for it any more."""
        if self.future.set_running_or_notify_cancel():
            with _Outcome(self.future):
                self.future.set_result(self._do(hand))

    def stop(self) -> None:
        """Leave it out if it has not begun; any thread may say so."""
        self.future.cancel()

    def _do(self, _hand: Hand) -> T:
        return self._act()


class Question(Job[T]):
    """A question to a ledger that is open for reading; it ends with Interrupted after `seconds`, or when stopped.

    The seconds begin when it is asked: waiting for a thread and opening the file are part of them. Of the questions in
    one `lane` (names are the caller's; '': none) at most LANE run at a time.
    """

    def __init__(self, ask: Callable[[Ledger], T], seconds: float, lane: str = "") -> None:
        """Keep the question."""
        self.future: Future[T] = Future()
        self.seconds = seconds
        self.lane = lane
        self._began = time.monotonic()
        self._ask = ask
        self._ledger: Ledger | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Stop it, whether it waits or runs; any thread may."""
        self.future.cancel()
        with self._lock:
            self._stopped = True
            if self._ledger is not None:
                self._ledger.interrupt()

    def _left(self) -> float:
        """Return how much of the time is left; raise Interrupted where none is."""
        took = time.monotonic() - self._began
        if took >= (self.seconds or 0):
            raise Interrupted(shown(took))
        return (self.seconds or 0) - took

    def _do(self, hand: Hand) -> T:
        ledger = hand.reading(self._left())
        with ledger.limited(self._left()):
            with self._lock:
                if self._stopped:
                    raise Interrupted(0)
                self._ledger = ledger
            try:
                return self._ask(ledger)
            finally:
                with self._lock:
                    self._ledger = None


@dataclass(eq=False)
class _Crew:
    """Threads and the calls that wait for them; one that was sent home is never asked again."""

    waiting: queue.SimpleQueue[Job[Any] | None] = field(default_factory=queue.SimpleQueue)
    threads: set[threading.Thread] = field(default_factory=set)
    running: set[Job[Any]] = field(default_factory=set)
    free: int = 0
    """Threads without work, less calls without a thread."""
    lanes: dict[str, int] = field(default_factory=dict)
    """How many calls of each lane have a thread, or wait for one."""
    held: dict[str, deque[Job[Any]]] = field(default_factory=dict)
    """Calls that wait for others of their lane."""


class Workers:
    """Up to `most` threads; begun when they are needed, ended when they are not."""

    def __init__(self, path: Path, most: int, *, idle: float = IDLE) -> None:
        """Take the path of the ledger; no thread is begun."""
        self._path = path
        self._most = most
        self._idle = idle
        self._crew = _Crew()
        self._lock = threading.Lock()

    async def do(self, job: Job[T]) -> T:
        """Return what a job finds; it is stopped when this is cancelled, and when its time is over.

        The time counts from now, so that waiting for a thread is part of it. Raises what the job raises.
        """
        began = time.monotonic()
        self._submit(job)
        try:
            with anyio.move_on_after(None if job.seconds is None else job.seconds + GRACE):
                return await asyncio.wrap_future(job.future)
        finally:
            if not job.future.done():
                job.stop()
        took = shown(time.monotonic() - began)
        raise Interrupted(took, hint=BUSY) if job.lane and job.future.cancelled() else Interrupted(took)

    def close(self, wait: float = 10.0) -> None:
        """Stop the questions, let the deeds end, close every ledger; return after `wait` seconds at the latest."""
        with self._lock:
            crew, self._crew = self._crew, _Crew()
            threads = list(crew.threads)
            for job in (*crew.running, *chain.from_iterable(crew.held.values())):
                job.stop()
        for _ in threads:
            crew.waiting.put(None)
        ends = time.monotonic() + wait
        for thread in threads:
            thread.join(max(ends - time.monotonic(), 0))

    def _submit(self, job: Job[Any]) -> None:
        with self._lock:
            crew = self._crew
            if job.lane:
                if crew.lanes.get(job.lane, 0) >= LANE:
                    crew.held.setdefault(job.lane, deque()).append(job)
                    return
                crew.lanes[job.lane] = crew.lanes.get(job.lane, 0) + 1
            self._hand_out(crew, job)

    def _hand_out(self, crew: _Crew, job: Job[Any]) -> None:
        """Let a thread do a job, one more where all are busy and there may be more; call under the lock."""
        if crew.free <= 0 and len(crew.threads) < self._most:
            thread = threading.Thread(target=self._work, args=(crew,), name="ledger", daemon=True)
            crew.threads.add(thread)
            crew.free += 1
            thread.start()
        crew.free -= 1
        crew.waiting.put(job)

    def _let_in(self, crew: _Crew, lane: str) -> None:
        """Let the next of a lane begin, as one of it has ended; call under the lock."""
        held = crew.held.get(lane)
        if held:
            self._hand_out(crew, held.popleft())
        else:
            crew.lanes[lane] -= 1

    def _work(self, crew: _Crew) -> None:
        hand = Hand(self._path)
        try:
            while (job := self._next(crew)) is not None:
                with self._lock:
                    crew.running.add(job)
                job.run(hand)
                with self._lock:
                    crew.running.discard(job)
                    crew.free += 1
                    if job.lane:
                        self._let_in(crew, job.lane)
        finally:
            hand.close()

    def _next(self, crew: _Crew) -> Job[Any] | None:
        """Return the next call; None when this thread is to end."""
        while True:
            with suppress(queue.Empty):
                return crew.waiting.get(timeout=self._idle)
            with self._lock:
                if crew.waiting.empty():
                    crew.threads.discard(threading.current_thread())
                    crew.free -= 1
                    return None


def shown(seconds: float) -> str:
    """Return a time as messages have it: tenths, of very short ones thousandths."""
    return f"{seconds:.1f}" if seconds >= 0.1 else f"{seconds:.3f}"  # noqa: PLR2004 - as it says


class _Outcome:
    """Passes on whatever is raised inside to where the answer is awaited."""

    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        """Keep the error."""
        if error is not None:
            self._future.set_exception(error)
        return True
