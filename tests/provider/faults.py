"""What strikes a request: drawn from the seed, the body's digest and how often it was seen, never from arrival."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tests.provider.settings import Fault


class Dice(NamedTuple):
    """Everything that is drawn for one sighting of one body; each purpose has numbers of its own."""

    seed: int
    digest: str
    sighting: int

    def draw(self, purpose: str) -> random.Random:
        """Return the numbers for a purpose."""
        return random.Random(f"{self.seed}:{self.digest}:{self.sighting}:{purpose}")  # noqa: S311 - meant to be replayed

    def seconds(self, median: float, spread: float) -> float:
        """Return how long the answer takes, drawn lognormally."""
        return median * self.draw("latency").lognormvariate(0, spread)


def struck(
    faults: Sequence[Fault], kinds: Iterable[str], body: bytes, dice: Dice, so_far: Counter[Fault]
) -> Fault | None:
    """Return the first fault of some kinds that strikes, and count it in `so_far`."""
    wanted = set(kinds)
    for number, fault in enumerate(faults):
        if fault.kind not in wanted or fault.match.encode() not in body:
            continue
        if fault.times is not None and dice.sighting > fault.times:
            continue
        if fault.most is not None and so_far[fault] >= fault.most:
            continue
        if dice.draw(f"fault {number}").random() < fault.share:
            so_far[fault] += 1
            return fault
    return None
