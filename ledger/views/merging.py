"""One list made of many that stand in the same order, none of which is begun before it is needed."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
Key = tuple[int, ...]


def merged(lists: Iterable[tuple[Key, Callable[[], Iterator[T]]]], key: Callable[[T], Key]) -> Iterator[T]:
    """Yield what lists hold in one order; each comes with the key of its first item, or how that key begins.

    A list is begun when its first item comes up, so of thousands of lists those are read that are looked at. Keys
    differ between the lists.
    """
    waiting = sorted(enumerate(lists), key=lambda one: (one[1][0], one[0]), reverse=True)
    heap: list[tuple[Key, int, T, Iterator[T]]] = []

    def push(nth: int, rest: Iterator[T]) -> None:
        for item in rest:
            heapq.heappush(heap, (key(item), nth, item, rest))
            return

    while heap or waiting:
        while waiting and (not heap or waiting[-1][1][0] <= heap[0][0]):
            nth, (_, begin) = waiting.pop()
            push(nth, begin())
        if heap:
            _, nth, item, rest = heapq.heappop(heap)
            yield item
            push(nth, rest)
