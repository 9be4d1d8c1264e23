"""Progress of work in another thread, told to the client at least once a second, and the way to stop that work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import anyio
from mcp.server.mcpserver import Context

from ledger.errors import Interrupted, LedgerError

EVERY = 0.5
"""Seconds between two messages."""
_STEP = 0.001
"""What is added where nothing was done since the last message: progress has to grow."""


class Reported:
    """What the working thread says of itself. Both sides only ever assign, so they need no lock."""

    def __init__(self) -> None:
        """Begin now."""
        self.began = monotonic()
        self.stopped = False
        self._now = ("planning", 0, 0)
        self._sent = 0.0

    def hear(self, what: str, done: int, total: int) -> None:
        """Take note of what is being done, from the working thread; raise Interrupted where nobody waits any more."""
        self._now = (what, done, total)
        self.check()

    def check(self) -> None:
        """Raise Interrupted where nobody waits any more."""
        if self.stopped:
            raise Interrupted(round(monotonic() - self.began, 1))

    def message(self) -> tuple[float, float | None, str]:
        """Return progress, total (None where it is not known yet) and a sentence, each time more than before."""
        what, done, total = self._now
        self._sent = max(float(done), self._sent + _STEP)
        if not total:
            return self._sent, None, f"{what}, {monotonic() - self.began:.0f} s"
        return self._sent, float(total), f"{what}: {done:,} of {total:,}"


@asynccontextmanager
async def reporting(context: Context[Any, Any]) -> AsyncIterator[Reported]:
    """Tell the client of the work inside the block; where the call is cancelled, the work hears of it at once."""
    reported = Reported()

    async def tell() -> None:
        try:
            while True:
                await anyio.sleep(EVERY)
                await context.report_progress(*reported.message())
        finally:
            reported.stopped = True

    failed: LedgerError | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tell)
        try:
            yield reported
        except LedgerError as error:  # kept, since a task group would raise it inside a group
            failed = error
        tasks.cancel_scope.cancel()
    if failed is not None:
        raise failed
