"""Threads that answer one call at a time: questions, each in a ledger of the thread's own, and deeds.

SQLite's connections belong to the thread that opened them, and a thread cannot be stopped from outside; so a question
that is given up is interrupted in its ledger, and its thread goes on to the next one.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar

import anyio

from ledger import Ledger
from ledger.errors import Interrupted

T = TypeVar("T")

IDLE = 30.0
"""Seconds after which a thread that nobody asks closes its ledger and ends."""
GRACE = 1.0
"""Seconds beyond its deadline after which a question is given up, whether or not it has stopped."""


class Hand:
    """What one thread works with: the ledger at `path`, open for reading, once it is needed."""

    def __init__(self, path: Path) -> None:
        """Take the path; nothing is opened."""
        self._path = path
        self._open: Ledger | None = None
        self._file: tuple[int, int] | None = None

    def reading(self) -> Ledger:
        """Return the ledger; it is opened anew where another file stands in its place now."""
        now = self._identity()
        if self._open is None or now != self._file:
            self.close()
            self._open, self._file = Ledger.open(self._path, via="mcp", read_only=True), now
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
    """A question to a ledger that is open for reading; it ends with Interrupted after `seconds`, or when stopped."""

    def __init__(self, ask: Callable[[Ledger], T], seconds: float) -> None:
        """Keep the question."""
        self.future: Future[T] = Future()
        self.seconds = seconds
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

    def _do(self, hand: Hand) -> T:
        ledger = hand.reading()
        with ledger.limited(self.seconds or 0):
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
        raise Interrupted(f"{time.monotonic() - began:.1f}")

    def close(self, wait: float = 10.0) -> None:
        """Stop the questions, let the deeds end, close every ledger; return after `wait` seconds at the latest."""
        with self._lock:
            crew, self._crew = self._crew, _Crew()
            threads = list(crew.threads)
            for job in crew.running:
                job.stop()
        for _ in threads:
            crew.waiting.put(None)
        ends = time.monotonic() + wait
        for thread in threads:
            thread.join(max(ends - time.monotonic(), 0))

    def _submit(self, job: Job[Any]) -> None:
        with self._lock:
            crew = self._crew
            if crew.free <= 0 and len(crew.threads) < self._most:
                thread = threading.Thread(target=self._work, args=(crew,), name="ledger", daemon=True)
                crew.threads.add(thread)
                crew.free += 1
                thread.start()
            crew.free -= 1
            crew.waiting.put(job)

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
