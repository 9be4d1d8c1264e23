"""What depends on the order of the samples: the memory of what was accepted, and the gate against templates.

Both go by the order of birth and not by that in which replies come, so that the same work ends the same however often
it is interrupted, and however many requests are under way.
"""

from __future__ import annotations

from ledger.recipes import Gate, Improve, Lagged
from ledger.recipes.contract import Made, Memory, Problem
from ledger.verbs.asking import Verdict
from ledger.verbs.items import Subject


class InOrder:
    """The memory and the gate of one run of a spec that asks for either (see `ledger.verbs.work.Order`)."""

    def __init__(self, recipe: Improve) -> None:
        """Begin with nothing."""
        self._recipe = recipe
        spec = recipe.spec
        self._lagged = None if spec.memory is None else Lagged(*spec.memory)
        self._gate = None if spec.gate is None else Gate(*spec.gate)

    def ready(self, index: int) -> bool:
        """Say whether all is settled that the question about a sample may know."""
        return self._lagged is None or self._lagged.ready(index)

    def memory(self, index: int) -> Memory:
        """Return what the question about a sample may know."""
        return Memory() if self._lagged is None else self._lagged.memory(index)

    def check(self, subject: Subject, verdict: Verdict) -> Problem | None:
        """Return what the gate has against a result."""
        if self._gate is None or not isinstance(verdict, Made):
            return None
        worn = self._gate.collides(self._recipe.texts(subject.item, verdict))
        if worn is None:
            return None
        return Problem("template", f"{worn} has a run of words that too many accepted texts have")

    def settle(self, index: int, subject: Subject | None, result: Made | None) -> None:
        """Take the end of a sample."""
        texts = {} if subject is None or result is None else self._recipe.texts(subject.item, result)
        if self._gate is not None:
            self._gate.add(texts)
        if self._lagged is not None:
            self._lagged.settle(index, texts.values())


def in_order(recipe: Improve) -> InOrder | None:
    """Return what depends on the order, where anything does."""
    return InOrder(recipe) if recipe.spec.memory is not None or recipe.spec.gate is not None else None
