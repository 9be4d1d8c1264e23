"""What every tool, resource and prompt works with: reading and writing the ledger on behalf of one caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from mcp.server.mcpserver import Context

from ledger import Ledger
from mcp_server import identity
from mcp_server.handles import Handles
from mcp_server.identity import Caller
from mcp_server.options import Options
from mcp_server.workers import Job, Question, Workers

__all__ = ["READERS", "Caller", "Face"]

T = TypeVar("T")

READERS = 16
"""Questions at once; each has a thread and a connection of its own."""
PATIENCE = 10.0
"""Seconds that a tool waits for another program that writes the ledger."""


class Face:
    """One server's way to its ledger."""

    def __init__(self, options: Options) -> None:
        """Keep the options; the file is opened when something is asked."""
        self.options = options
        self.handles = Handles()
        self._readers = Workers(options.path, READERS)
        self._writer = Workers(options.path, 1)

    async def read(self, ask: Callable[[Ledger], T], *, seconds: float | None = None, lane: str = "") -> T:
        """Return what `ask` finds in a read-only ledger, in a worker thread; at most 16 at once.

        Raises Interrupted after `seconds` (default: the server's deadline), waiting for a thread and opening the file
        included. Of those that are given seconds of their own, and of those in one `lane`, two run at a time. A call
        that the client cancels is stopped. The ledger is the thread's own: let nothing of it out of `ask`.
        """
        if seconds is None:
            return await self._readers.do(Question(ask, self.options.deadline, lane))
        return await self._readers.do(Question(ask, seconds, lane or "long"))

    async def write(self, caller: Caller, act: Callable[[Ledger], T]) -> T:
        """Return what `act` does in the ledger, opened for writing in the caller's name; one at a time.

        A call that is cancelled before its turn does nothing. Once begun it ends, heard or not: what it does must be
        safe to ask for again, or look for itself whether it is still wanted. Raises LedgerBusy after ten seconds.
        """

        def open_and_act() -> T:
            with Ledger.open(self.options.path, actor=caller.principal, via="mcp", wait=PATIENCE) as ledger:
                return act(ledger)

        return await self._writer.do(Job(open_and_act))

    def caller(self, context: Context[Any, Any], tool: str) -> Caller:
        """Return who calls `tool`: a principal that this server vouches for, and what the client says of itself."""
        return identity.caller(self.options, context, tool)

    def close(self) -> None:
        """Stop the questions and close the file; what is asked afterwards opens it again."""
        self._readers.close(wait=2)
        self._writer.close(wait=PATIENCE)
