"""A scorer in one file: how much of an answer is shouted."""

from __future__ import annotations

from types import MappingProxyType

from ledger.scorers import Item, Options, Score, Scorer, Unscored, measured
from ledger.scorers.texts import completion_text


class Shouting(Scorer):
    """The share of capital letters among the letters of the completion."""

    name = "shouting"
    version = "1"
    dimensions = ("shouting",)
    options = MappingProxyType({"least": "letters that a completion must have to be judged; 1 without it"})

    def __init__(self, options: Options) -> None:
        """Take the least number of letters."""
        self._least = int(str(options.get("least", 1)))

    def score(self, item: Item) -> Score | Unscored:
        """Return the share of capitals, or too_short."""
        letters = [letter for letter in completion_text(item.content) if letter.isalpha()]
        if len(letters) < self._least:
            return Unscored("too_short")
        return measured({"shouting": sum(map(str.isupper, letters)) / len(letters)})
