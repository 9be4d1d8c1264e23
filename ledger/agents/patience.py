"""Asking a provider that may be away for a while, and leaving at once when nobody wants to wait any longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from ledger.agents.api import Refused
from ledger.agents.contract import TRANSIENT

_T = TypeVar("_T")
Wait = Callable[[int], float]
"""How many seconds to wait before asking for the n-th time again, from 0."""

PATIENCE = 100
"""How often something that may pass is asked again before it counts as lasting: an hour and a half, at `growing`."""
_FIRST, _GROWTH, _LONGEST = 1.0, 1.5, 60.0


class Left(Exception):  # noqa: N818 - what happened; it never reaches a user
    """Nobody waits any longer."""


def growing(look: int) -> float:
    """Return a pause that grows from one second to a minute."""
    return min(_LONGEST, _FIRST * _GROWTH ** min(look, 20))


class Patience:
    """Pauses that end at once, with Left, when `leave` is called."""

    def __init__(self, wait: Wait = growing) -> None:
        """Pause as long as `wait` says."""
        self.wait = wait
        self._leaving = asyncio.Event()

    @property
    def leaving(self) -> bool:
        """Say whether `leave` was called."""
        return self._leaving.is_set()

    def leave(self) -> None:
        """End every pause, now and from here on."""
        self._leaving.set()

    async def pause(self, look: int, least: float | None = None) -> None:
        """Wait as long as is due before the n-th look, and `least` seconds; raise Left."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._leaving.wait(), max(self.wait(look), least or 0.0))
        if self.leaving:
            raise Left

    async def ask(self, question: Callable[[], Awaitable[_T]]) -> _T:
        """Return the answer, asking again while what stands in the way may pass; raise Left, or the last Refused."""
        for look in range(PATIENCE):
            try:
                return await question()
            except Refused as refused:
                if refused.failure.kind not in TRANSIENT:
                    raise
                await self.pause(look, refused.failure.wait)
        return await question()
