"""The stretch of the log that one fold takes in."""

from __future__ import annotations

from typing import NamedTuple

from ledger.event import BIRTHS


class Span(NamedTuple):
    """Events `first` to `last`, inclusive, and the kinds that occur among them."""

    first: int
    last: int
    kinds: frozenset[str]

    def has(self, *kinds: str) -> bool:
        """Say whether any of these kinds occurs."""
        return not self.kinds.isdisjoint(kinds)

    @property
    def range(self) -> tuple[int, int]:
        """Return the two positions, as parameters of `BETWEEN ? AND ?`."""
        return (self.first, self.last)


def quoted(kinds: tuple[str, ...]) -> str:
    """Return kind names as a list for SQL's IN; they are this program's constants, never data."""
    return ", ".join(f"'{kind}'" for kind in kinds)


BORN = quoted(BIRTHS)
