"""What differs between two texts, word by word: the shortest way from one to the other, as long as it is not too long.

Myers' greedy algorithm. It takes time and memory by the number of differences, which is bounded: texts that differ in
more words than that are told as one taken out and one put in, since nobody would read the pieces. So are the texts of
a page for which nothing is left of the page's `Effort`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MOST = 400
"""Differences that are looked for."""
_WORDS = 20_000
"""Words of a text that are compared; a longer one is told whole."""
_EFFORT = 1_000_000
"""Steps of one page, all its texts together; a million take about half a second."""
_WORD = re.compile(r"\s+|\w+|[^\w\s]")


class Piece(NamedTuple):
    """A stretch of text that both have (`same`), that only the first has (`out`), or only the second (`in`)."""

    kind: str
    text: str


class Effort:
    """How many steps are left for finding what differs between the texts of one page."""

    def __init__(self, left: int = _EFFORT) -> None:
        """Begin with so many."""
        self.left = left


def worddiff(before: str, after: str, effort: Effort | None = None) -> list[Piece]:
    """Return the pieces of two texts in order; joined without `in` they are the first, without `out` the second."""
    if before == after:
        return [Piece("same", before)] if before else []
    a, b = _WORD.findall(before), _WORD.findall(after)
    begin = 0
    while begin < min(len(a), len(b)) and a[begin] == b[begin]:
        begin += 1
    end = 0
    while end < min(len(a), len(b)) - begin and a[-1 - end] == b[-1 - end]:
        end += 1
    middle = _middle(a[begin : len(a) - end], b[begin : len(b) - end], effort or Effort())
    return _joined([("same", word) for word in a[:begin]] + middle + [("same", word) for word in a[len(a) - end :]])


def _middle(a: list[str], b: list[str], effort: Effort) -> list[tuple[str, str]]:
    trace = _trace(a, b, effort) if len(a) + len(b) <= _WORDS else None
    if trace is None:
        return [("out", word) for word in a] + [("in", word) for word in b]
    x, y = len(a), len(b)
    steps: list[tuple[str, str]] = []
    for d in range(len(trace) - 1, 0, -1):
        reach, k = trace[d - 1], x - y
        down = _goes_down(reach, k, d)
        was_x = reach[k + 1 if down else k - 1]
        was_y = was_x - (k + 1 if down else k - 1)
        steps += [("same", a[n]) for n in range(x - 1, (was_x if down else was_x + 1) - 1, -1)]
        steps.append(("in", b[was_y]) if down else ("out", a[was_x]))
        x, y = was_x, was_y
    return [("same", word) for word in a[:x]] + steps[::-1]


def _goes_down(reach: dict[int, int], k: int, d: int) -> bool:
    """Say whether the furthest way to a diagonal takes in a word of the second text, not one of the first out."""
    return k == -d or (k != d and reach.get(k - 1, -1) < reach.get(k + 1, -1))


def _trace(a: list[str], b: list[str], effort: Effort) -> list[dict[int, int]] | None:
    """Return how far each diagonal is reached after 0, 1, 2 … differences; None where that takes too much."""
    reach = {1: 0}
    trace: list[dict[int, int]] = []
    for d in range(min(MOST, len(a) + len(b)) + 1):
        now: dict[int, int] = {}
        for k in range(-d, d + 1, 2):
            down = _goes_down(reach, k, d)
            begin = x = reach.get(k + 1, 0) if down else reach.get(k - 1, 0) + 1
            y = x - k
            while x < len(a) and y < len(b) and a[x] == b[y]:
                x, y = x + 1, y + 1
            now[k] = x
            effort.left -= 1 + x - begin
            if x >= len(a) and y >= len(b):
                trace.append(now)
                return trace
        if effort.left <= 0:
            return None
        trace.append(now)
        reach = now
    return None


def _joined(steps: list[tuple[str, str]]) -> list[Piece]:
    found: list[tuple[str, list[str]]] = []
    for kind, word in steps:
        if found and found[-1][0] == kind:
            found[-1][1].append(word)
        else:
            found.append((kind, [word]))
    return [Piece(kind, "".join(words)) for kind, words in found]
