"""The gate against templates: a text whose words too many accepted texts have used in a row is refused.

It is asked in the order of the items, so what it says does not depend on which reply came first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ledger.digest import blake3_bytes
from ledger.recipes.wording import grams, words


class Gate:
    """The runs of `n` words of all accepted texts, field by field, with the number of texts that have each."""

    def __init__(self, n: int = 8, seen: int = 5) -> None:
        """Begin with nothing; a run that `seen` texts have is worn."""
        if n < 1 or seen < 1:
            raise ValueError("a run has a word at least, and a text that had it")
        self._n, self._seen = n, seen
        self._texts: dict[str, Counter[bytes]] = {}

    def collides(self, texts: Mapping[str, str]) -> str | None:
        """Return the first field whose text has a worn run of words, or None."""
        for name, text in texts.items():
            known = self._texts.get(name)
            if known and any(known[gram] >= self._seen for gram in self._runs(text)):
                return name
        return None

    def add(self, texts: Mapping[str, str]) -> None:
        """Count the texts of an accepted item."""
        for name, text in texts.items():
            self._texts.setdefault(name, Counter()).update(self._runs(text))

    def _runs(self, text: str) -> set[bytes]:
        # Eight bytes of a digest take a tenth of the room that the words do; Python's own hash differs by process.
        return {blake3_bytes("\0".join(gram).encode())[:8] for gram in grams(words(text), self._n)}
