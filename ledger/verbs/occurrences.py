"""How often the same bytes stood in a source before, within one command: what tells two equal lines apart.

Nearly every line brings new bytes, and of those nothing needs to be noted: the row that they were given says in which
batch, and so in which source, they came first. Only what is met again is counted, in a temporary table, so that memory
holds a few numbers for each batch, whatever the size of the input.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ledger.transaction import Transaction


class _Rows(NamedTuple):
    """Blobs that one batch brought, as rows from `first` to `last`, all from one source."""

    first: int
    last: int
    source: int


class Occurrences:
    """The counts of one command; `begin` clears what another left behind."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._brought: list[_Rows] = []

    @staticmethod
    def begin(transaction: Transaction) -> None:
        """Make room for the counts of a new command."""
        transaction.forget_occurrences()

    def before(self, transaction: Transaction, keys: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int]:
        """Return (source, blob row) -> how often it stood there in earlier batches, for all keys."""
        wanted = list(keys)
        noted = transaction.occurrences(wanted)
        return {key: noted[key] if key in noted else int(self._came_first_in(key[1]) == key[0]) for key in wanted}

    def note(
        self, transaction: Transaction, counts: Mapping[tuple[int, int], int], brought: Iterable[tuple[int, int]]
    ) -> None:
        """Note the counts of bytes that were met again, and which rows this batch brought: (row, source), ascending."""
        transaction.note_occurrences((source, row, times) for (source, row), times in counts.items())
        for row, source in brought:
            last = self._brought[-1] if self._brought else None
            if last is not None and last.last == row - 1 and last.source == source:
                self._brought[-1] = last._replace(last=row)
            else:
                self._brought.append(_Rows(row, row, source))

    def _came_first_in(self, row: int) -> int | None:
        at = bisect_right(self._brought, (row, float("inf"))) - 1
        found = self._brought[at] if at >= 0 else None
        return found.source if found is not None and row <= found.last else None
