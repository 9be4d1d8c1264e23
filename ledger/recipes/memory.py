"""What was accepted before, as a prompt may know it: the runs of words that come back too often.

The memory of an item does not depend on the order in which replies arrive: it ends a fixed distance before the item,
at a multiple of a fixed step. So the same work asks the same questions however often it is interrupted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ledger.recipes.contract import Memory
from ledger.recipes.wording import grams, words

WORDS = 5
"""Words of a phrase."""
LEAST = 3
"""Texts that a phrase stands in at least: two that agree are twins."""


class Lagged:
    """The phrases of the accepted texts of all items up to a place that lags behind the item that is asked about."""

    def __init__(self, lag: int, step: int, phrases: int = 60) -> None:
        """Begin with nothing. `lag` is best twice what is in flight; with 0 an item may know its nearest neighbours."""
        if lag < 0 or step < 1 or phrases < 1:
            raise ValueError("a lag from 0, a step from 1, a phrase from 1")
        self._lag, self._step, self._most = lag, step, phrases
        self._settled = 0
        self._texts: Counter[tuple[str, ...]] = Counter()
        self._memories: dict[int, Memory] = {0: Memory()}

    def epoch(self, index: int) -> int:
        """Return up to which item (not including it) the memory of an item goes: floor((i - lag) / step) * step."""
        return max(0, (index - self._lag) // self._step * self._step)

    def ready(self, index: int) -> bool:
        """Say whether all that an item may know is settled."""
        return self.epoch(index) <= self._settled

    def settle(self, index: int, texts: Iterable[str]) -> None:
        """Take the accepted texts of an item, or none; items come in their order, from 0, each once."""
        if index != self._settled:
            raise ValueError(f"item {self._settled} is next, not {index}")
        self._texts.update({gram for text in texts for gram in grams(words(text), WORDS)})
        self._settled += 1
        if self._settled % self._step == 0:
            self._memories[self._settled] = Memory(self._settled, tuple(self._phrases()))

    def memory(self, index: int) -> Memory:
        """Return what the question about an item may know; raise ValueError where that is not settled yet."""
        if not self.ready(index):
            raise ValueError(f"the items before {self.epoch(index)} are not settled")
        return self._memories[self.epoch(index)]

    def _phrases(self) -> list[str]:
        """Return the most frequent phrases; of those that share three words in a row, the most frequent one."""
        known = [(gram, texts) for gram, texts in self._texts.items() if texts >= LEAST]
        known.sort(key=lambda pair: (-pair[1], pair[0]))
        told: set[tuple[str, ...]] = set()
        found: list[str] = []
        for gram, _ in known:
            parts = set(grams(gram, WORDS - 2))
            if told.isdisjoint(parts):
                told |= parts
                found.append(" ".join(gram))
                if len(found) == self._most:
                    break
        return found


def worn(text: str, memory: Memory) -> bool:
    """Say whether a text holds a phrase that its memory forbids."""
    forbidden = set(memory.phrases)
    return bool(forbidden) and not forbidden.isdisjoint(map(" ".join, grams(words(text), WORDS)))
