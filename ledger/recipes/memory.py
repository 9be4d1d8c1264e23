"""What was accepted before, as a prompt may know it: the runs of words that come back too often.

The memory of an item does not depend on the order in which replies arrive: it ends a fixed distance before the item,
at a multiple of a fixed step. So the same work asks the same questions however often it is interrupted.

Most runs of words stand in one text and never again. Of these only a digest of eight bytes is kept; words are kept of
those that came back, sorted into what stands in as many texts, so that a list of phrases reads the most frequent alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import TypeAlias

from ledger.recipes.contract import Memory
from ledger.recipes.wording import grams, words

WORDS = 5
"""Words of a phrase."""
LEAST = 3
"""Texts that a phrase stands in at least: two that agree are twins."""

Gram: TypeAlias = tuple[str, ...]
_SEEN_BYTES = 8


class Lagged:
    """The phrases of the accepted texts of all items up to a place that lags behind the item that is asked about."""

    def __init__(self, lag: int, step: int, phrases: int = 60) -> None:
        """Begin with nothing. `lag` is best twice what is in flight; with 0 an item may know its nearest neighbours."""
        if lag < 0 or step < 1 or phrases < 1:
            raise ValueError("a lag from 0, a step from 1, a phrase from 1")
        self._lag, self._step, self._most = lag, step, phrases
        self._settled = 0
        self._seen: list[set[bytes]] = [set() for _ in range(LEAST - 1)]
        """Digests of what stands in one text, in two, and so on below LEAST."""
        self._times: dict[Gram, int] = {}
        """In how many texts the others stand; and those that stand in as many."""
        self._alike: dict[int, set[Gram]] = {}
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
        for gram in {gram for text in texts for gram in grams(words(text), WORDS)}:
            self._count(gram)
        self._settled += 1
        if self._settled % self._step == 0:
            self._memories[self._settled] = Memory(self._settled, tuple(self._phrases()))
            self._drop(self._settled)

    def memory(self, index: int) -> Memory:
        """Return what the question about an item may know; raise ValueError where that is not settled yet.

        Items are asked about while they or later ones are to be settled: what only earlier ones knew is dropped.
        """
        if not self.ready(index):
            raise ValueError(f"the items before {self.epoch(index)} are not settled")
        if (memory := self._memories.get(self.epoch(index))) is None:
            raise ValueError(f"what item {index} knew was dropped when later ones were settled")
        return memory

    def _drop(self, index: int) -> None:
        """Forget the memories that no item from a place on can ask for."""
        least = self.epoch(index)
        self._memories = {epoch: memory for epoch, memory in self._memories.items() if epoch >= least}

    def _count(self, gram: Gram) -> None:
        """Count one more text for a run of words."""
        times = self._times.get(gram)
        if times is None:
            digest = blake2b(" ".join(gram).encode("utf-8", "surrogatepass"), digest_size=_SEEN_BYTES).digest()
            times = next((n for n, seen in enumerate(self._seen, 1) if digest in seen), 0)
            if times:
                self._seen[times - 1].remove(digest)
            if times + 1 < LEAST:
                self._seen[times].add(digest)
                return
        else:
            self._alike[times].remove(gram)
        self._times[gram] = times + 1
        self._alike.setdefault(times + 1, set()).add(gram)

    def _phrases(self) -> list[str]:
        """Return the most frequent phrases; of those that share three words in a row, the most frequent one."""
        told: set[Gram] = set()
        found: list[str] = []
        for times in sorted(self._alike, reverse=True):
            for gram in sorted(self._alike[times]):
                parts = set(grams(gram, WORDS - 2))
                if told.isdisjoint(parts):
                    told |= parts
                    found.append(" ".join(gram))
                    if len(found) == self._most:
                        return found
        return found


def worn(text: str, memory: Memory) -> bool:
    """Say whether a text holds a phrase that its memory forbids."""
    forbidden = set(memory.phrases)
    return bool(forbidden) and not forbidden.isdisjoint(map(" ".join, grams(words(text), WORDS)))
