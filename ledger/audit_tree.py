"""The part of a check that is about the tree: stored tiles and heads against those made anew from the events."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ledger import sqlite
from ledger.transaction import Head
from ledger.tree import Frontier, Tile, complete_tiles


class Find(Protocol):
    """What notes a finding: its name, a sentence, and the position it is about."""

    def __call__(self, name: str, message: str, position: int | None = None) -> None:
        """Note it."""


class Leaf(NamedTuple):
    """What the tree and the heads need of one event: `at` and `blobs` are None where they cannot be known."""

    hash: bytes
    at: int | None
    blobs: int | None


class Tiles:
    """The stored tiles, compared with those made anew as the events pass by."""

    def __init__(self, connection: sqlite.Connection, find: Find) -> None:
        """Compare with what `connection` has stored; `find` hears of each fault."""
        self._connection, self._find = connection, find
        self._roots: list[list[bytes]] = []  # by level: the roots of the tiles made so far
        self.count = 0

    def compare(self, first: int, hashes: list[bytes]) -> None:
        """Make the tiles that these leaves complete; `first` is a multiple of the size of a tile."""
        for tile in complete_tiles(first, hashes, lambda level, index: self._roots[level - 1][index]):
            if tile.level == len(self._roots):
                self._roots.append([])
            self._roots[tile.level].append(tile.root)
            self.count += 1
            self._same(tile)

    def finish(self) -> None:
        """Look for tiles that the events do not complete."""
        stored = self._connection.execute("SELECT count(*) FROM tile").fetchone()[0]
        if stored > self.count:
            self._find("tile_mismatch", f"{stored} tiles are stored, but the events complete {self.count}")

    def _same(self, tile: Tile) -> None:
        sql = "SELECT hashes, root FROM tile WHERE level = ? AND idx = ?"
        if self._connection.execute(sql, (tile.level, tile.number)).fetchone() != (tile.hashes, tile.root):
            self._find("tile_mismatch", f"tile {tile.number} of level {tile.level} is not that over the events")


class Heads:
    """The stored heads, compared one by one as the events pass by."""

    def __init__(self, connection: sqlite.Connection, find: Find) -> None:
        """Compare with what `connection` has stored; `find` hears of each fault."""
        self._find = find
        self._rows = iter(connection.execute("SELECT size, root, frontier, at, blobs FROM head ORDER BY size"))
        self._next: tuple[int, bytes, bytes, int, int] | None = next(self._rows, None)
        self.count = 0

    def compare(self, frontier: Frontier, leaves: list[Leaf]) -> Frontier:
        """Extend the frontier by the leaves, stopping at each head on the way."""
        hashes, first, done = [leaf.hash for leaf in leaves], frontier.size, 0
        while self._next is not None and self._next[0] <= first + len(leaves):
            size, *said = self._next
            frontier = frontier.extend(hashes[done : size - first])
            done = max(size - first, done)
            last = leaves[done - 1]
            made = [frontier.root(), frontier.to_bytes(), last.at, said[-1] if last.blobs is None else last.blobs]
            if frontier.size != size or said != made:
                self._find("head_mismatch", f"the head at {size - 1} is not that over its events", size - 1)
            self.count += 1
            self._next = next(self._rows, None)
        return frontier.extend(hashes[done:])

    def finish(self, head: Head, events: int) -> None:
        """Compare the last head with the end of the log."""
        compare_end(self._find, head, events)


def compare_end(find: Find, head: Head, events: int) -> None:
    """Say where the last head does not stand at the last event."""
    if head.position + 1 < events:
        find("head_missing", f"the events after position {head.position} have no head", head.position)
    elif head.position + 1 > events:
        find("events_missing", f"the head is at {head.position}, but there are {events} events", events)
