"""The ledger behind the page: a few threads that read, each with a connection of its own, and one that writes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from ledger import Ledger
from review_page.options import Options

T = TypeVar("T")

READERS = 4
"""Questions that are answered at once; the others wait their turn."""
PATIENCE = 120.0
"""Seconds for an answer that is awaited by a page which is shown already."""


class Ledgers:
    """Asks and tells the ledger, off the event loop."""

    def __init__(self, options: Options) -> None:
        """Open nothing yet."""
        self._options = options
        self._own = threading.local()
        self._readers = ThreadPoolExecutor(READERS, "reader")
        self._writer = ThreadPoolExecutor(1, "writer")
        self._slow = ThreadPoolExecutor(1, "slow")

    async def read(self, ask: Callable[[Ledger], T]) -> T:
        """Return the answer of a ledger that cannot write; raise Interrupted after the deadline."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, partial(self._ask, ask))

    async def patiently(self, ask: Callable[[Ledger], T]) -> T:
        """Return the answer of a ledger that cannot write, after PATIENCE at the latest; one at a time."""
        return await asyncio.get_running_loop().run_in_executor(self._slow, partial(self._ask, ask, PATIENCE))

    async def slowly(self, ask: Callable[[Ledger], T]) -> T:
        """Return the answer to what may take minutes, from a ledger of its own; one such question at a time."""
        return await asyncio.get_running_loop().run_in_executor(self._slow, partial(self._ask_slowly, ask))

    async def write(self, actor: str | None, act: Callable[[Ledger], T]) -> T:
        """Return what came of changing the ledger as somebody; one change at a time."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, partial(self._act, actor, act))

    def close(self) -> None:
        """End the threads; each connection goes with the thread that it belongs to."""
        self._writer.shutdown()
        self._slow.shutdown()
        self._readers.shutdown()

    def _ask(self, ask: Callable[[Ledger], T], deadline: float | None = None) -> T:
        ledger: Ledger | None = getattr(self._own, "ledger", None)
        if ledger is None:
            ledger = Ledger.open(self._options.path, via="ui", read_only=True)
            self._own.ledger = ledger
        with ledger.limited(deadline or self._options.deadline):
            return ask(ledger)

    def _ask_slowly(self, ask: Callable[[Ledger], T]) -> T:
        with Ledger.open(self._options.path, via="ui", read_only=True) as ledger:
            return ask(ledger)

    def _act(self, actor: str | None, act: Callable[[Ledger], T]) -> T:
        with Ledger.open(self._options.path, actor=actor or self._options.actor, via="ui") as ledger:
            return act(ledger)
