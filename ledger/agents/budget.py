"""Money: a sum is set aside before a request is sent and settled when its outcome is known; the cap always holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

Warn = Callable[[Decimal, Decimal], None]
"""Told once, with what is spent and the cap, when four fifths of it are gone."""

_FOUR_FIFTHS = Decimal("0.8")


class Budget:
    """Dollars that may be spent, that are spent, and that are set aside for what is under way.

    `cap` None allows anything and still counts. `spent` is what was spent before, with what is unknown counted in full.
    """

    def __init__(self, cap: Decimal | None, spent: Decimal = Decimal(0), warn: Warn | None = None) -> None:
        """Start with what was spent before."""
        self.cap = cap
        self.spent = spent
        self.reserved = Decimal(0)
        self._warn = warn
        self._warned = False
        self._changed = asyncio.Event()

    @property
    def left(self) -> Decimal | None:
        """Return what may still be set aside, or None where there is no cap."""
        return None if self.cap is None else self.cap - self.spent - self.reserved

    def reserve(self, dollars: Decimal) -> bool:
        """Set a sum aside; False, and nothing done, where the cap does not cover it."""
        left = self.left
        if left is not None and dollars > left:
            return False
        self.reserved += dollars
        return True

    async def take(self, dollars: Decimal, halted: Callable[[], bool] = lambda: False) -> bool:
        """Set a sum aside, waiting for what is under way to be settled; False where even that could not cover it.

        False, too, as soon as `halted` says so when it is asked: at first, and whenever something is settled.
        """
        while not halted():
            if self.reserve(dollars):
                return True
            if not self.reserved:
                return False
            self._changed.clear()
            await self._changed.wait()
        return False

    def wake(self) -> None:
        """Have whoever waits look again."""
        self._changed.set()

    def settle(self, reserved: Decimal, cost: Decimal | None) -> None:
        """Put a cost in place of what was set aside; None, where nobody knows it, counts the whole sum as spent."""
        self.reserved -= reserved
        self.spent += reserved if cost is None else cost
        self._changed.set()
        if self.cap is not None and not self._warned and self.spent >= self.cap * _FOUR_FIFTHS:
            self._warned = True
            if self._warn is not None:
                self._warn(self.spent, self.cap)

    def release(self, reserved: Decimal) -> None:
        """Give back what was set aside for something that was never paid for."""
        self.settle(reserved, Decimal(0))
