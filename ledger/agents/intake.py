"""Calls in groups: as many as a batch may hold, or what there is when no more come for a while.

Whoever gives calls may wait for outcomes before it gives more, so a group cannot wait for its last call for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import orjson

from ledger.agents.contract import Call

LARGEST = 64_000_000
"""Bytes of requests in one group: a provider takes four times as many, but a batch goes over the wire in one piece."""
_SLICES = 10
"""Parts of a wait. Work that keeps the loop busy for long uses up one of them, not all: whoever gives was busy too."""


class Intake:
    """An iterator of calls, read ahead by a task of its own; use `group` until it returns nothing."""

    def __init__(self, calls: AsyncIterator[Call], most: int, linger: float, largest: int = LARGEST) -> None:
        """Read from `calls`; a group has `most` of them, or those that came until `linger` seconds passed without.

        Nor has it more than `largest` bytes, unless a single call has.
        """
        self._calls = calls
        self._most = most
        self._linger = linger
        self._largest = largest
        self._queue: asyncio.Queue[Call | None] = asyncio.Queue(maxsize=max(most, 1))
        self._closed = asyncio.Event()
        self._left: Call | None = None
        self._reader = asyncio.create_task(self._read())

    async def group(self) -> list[Call]:
        """Return the next calls in their order; none where there are no more. Raises what the iterator raises."""
        group: list[Call] = []
        size = 0
        while len(group) < self._most:
            call = self._left or await self._next(None if not group else self._linger)
            self._left = None
            if call is None:
                break
            size += size_of(call)
            if group and size > self._largest:
                self._left = call
                break
            group.append(call)
        if not group and self._reader.done() and not self._reader.cancelled():
            self._reader.result()
        return group

    def close(self) -> None:
        """Give no further call, also where somebody is waiting for one."""
        self._closed.set()
        self._reader.cancel()

    async def aclose(self) -> None:
        """Close and wait until nobody reads any more."""
        self.close()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([self._reader])

    async def _read(self) -> None:
        try:
            async for call in self._calls:
                await self._queue.put(call)
        finally:
            with suppress(asyncio.QueueFull):
                self._queue.put_nowait(None)

    async def _next(self, seconds: float | None) -> Call | None:
        """Return the next call; None at the end, when closed, or after so many seconds without one."""
        if self._closed.is_set() or (self._reader.done() and self._queue.empty()):
            return None
        if not self._queue.empty():
            return self._queue.get_nowait()
        waiting = asyncio.create_task(self._queue.get())
        closing = asyncio.create_task(self._closed.wait())
        for _ in range(_SLICES):
            timeout = None if seconds is None else seconds / _SLICES
            done, _ = await asyncio.wait({waiting, closing}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if done:
                break
        closing.cancel()
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        return None


def size_of(call: Call) -> int:
    """Return how many bytes a call takes up in a batch."""
    return len(orjson.dumps(call.request, default=str)) + len(call.key) + 40
