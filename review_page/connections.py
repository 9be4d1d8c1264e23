"""Connections that cannot be held for nothing: whoever sends or takes nothing is cut off, and first where many wait.

Without this a few hundred connections on which nothing happens would keep everybody else out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

MOST = 256
"""Connections at once; where one more comes, the one that has awaited its client longest makes room."""
PATIENCE = {"head": 10.0, "body": 60.0, "answer": 60.0}
"""Seconds for a client to send a request's head and the rest of it, and to take another piece of the answer."""


class Connection(H11Protocol):
    """A connection that knows since when its client is waited for."""

    _awaited: tuple[str, int] | None = None
    _since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a client; where there is no room, end the connection that has been idle longest."""
        super().connection_made(transport)
        self._since = time.monotonic()
        self._awaited = self._awaits()
        held = [one for one in self.connections if isinstance(one, Connection) and not one.transport.is_closing()]
        if len(held) >= MOST:
            idle = [one for one in held if one is not self and one.awaits() is not None]
            if idle:
                min(idle, key=lambda one: one._since).transport.abort()  # noqa: SLF001 - of the same class

    def awaits(self) -> str | None:
        """Return what the client has to do next: send a `head` or a `body`, take an `answer`, or None."""
        now = self._awaits()
        if now != self._awaited:
            self._awaited, self._since = now, time.monotonic()
        return None if now is None else now[0]

    def check(self) -> None:
        """End a connection whose client lets itself be waited for too long."""
        awaited = self.awaits()
        if awaited is not None and time.monotonic() - self._since > PATIENCE[awaited]:
            self.transport.abort()

    def _awaits(self) -> tuple[str, int] | None:
        """Return what the client has to do, and a number that changes as it does."""
        if left := self.transport.get_write_buffer_size():
            return "answer", left
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            return "head", id(cycle)
        return ("body", id(cycle)) if cycle.more_body else None


def check(connections: Iterable[object]) -> None:
    """Look at each connection, and end those on which nothing happens."""
    for one in list(connections):
        if isinstance(one, Connection):
            one.check()


def leave(connections: Iterable[object], awaited: frozenset[str]) -> None:
    """End the connections whose client has one of these to do: nobody waits for it any more."""
    for one in list(connections):
        if isinstance(one, Connection) and one.awaits() in awaited:
            one.transport.abort()
