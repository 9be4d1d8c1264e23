"""One commit in the making: blobs, events, the tiles that they complete, one head.

A position is the index of a leaf; it is assigned here, inside the write transaction, without gaps from 0.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple, TypeVar

from ledger import sqlite
from ledger.digest import blake3_bytes
from ledger.event import KINDS, SELF, Draft, Stamp, leaf_bytes
from ledger.tree import EMPTY_ROOT, Frontier, grow, leaf_hash

Clock = Callable[[], int]
T = TypeVar("T")

_CHUNK = 900
"""Parameters of one statement; every SQLite takes 999."""


class Head(NamedTuple):
    """Where the log ends: the last position (-1 when empty), the root over all events up to it, and its time."""

    position: int
    root: bytes
    at: int


EMPTY_HEAD = Head(-1, EMPTY_ROOT, 0)


def system_clock() -> int:
    """Return the time in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def in_chunks(items: Iterable[T], size: int = _CHUNK) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def marks(items: Sequence[object]) -> str:
    """Return as many question marks as there are items, for SQL's IN."""
    return ",".join("?" * len(items))


class Transaction:
    """One commit in the making."""

    def __init__(self, connection: sqlite.Connection, head: Head, clock: Clock) -> None:
        """Begin after `head`; its time is the clock's, but never before the last head's."""
        self.connection = connection
        self.first = head.position + 1
        self.root = head.root
        self.at = max(clock(), head.at)
        self._leaf_hashes: list[bytes] = []

    @property
    def next_position(self) -> int:
        """Return the position that the next event will take."""
        return self.first + len(self._leaf_hashes)

    def known_ops(self, ops: Sequence[bytes]) -> dict[bytes, int]:
        """Return op -> position for those of `ops` that are in the log."""
        return self._lookup("SELECT op, position FROM event WHERE op IN ({})", ops)

    def known_blobs(self, hashes: Sequence[bytes]) -> dict[bytes, int]:
        """Return hash -> row for those of `hashes` that are stored (erased ones too)."""
        return self._lookup("SELECT hash, id FROM blob WHERE hash IN ({})", hashes)

    def add_blobs(self, bodies: Mapping[bytes, bytes], *, first_seen: bool = False) -> dict[bytes, int]:
        """Store the bodies that are not there yet and return hash -> row for all; keys are the bodies' BLAKE3.

        `first_seen` says that the caller has already looked and none is there.
        """
        rows = {} if first_seen else self.known_blobs(list(bodies))
        new = [digest for digest in bodies if digest not in rows]
        first = self.connection.execute("SELECT coalesce(max(id), 0) + 1 FROM blob").fetchone()[0]
        for row, digest in enumerate(new, first):
            rows[digest] = row
        self.connection.executemany(
            "INSERT INTO blob (id, hash, size, body) VALUES (?, ?, ?, ?)",
            ((rows[digest], digest, len(bodies[digest]), bodies[digest]) for digest in new),
        )
        return rows

    def add_blob(self, body: bytes) -> tuple[bytes, int]:
        """Store one body and return (hash, row)."""
        digest = blake3_bytes(body)
        return digest, self.add_blobs({digest: body})[digest]

    def forget_occurrences(self) -> None:
        """Begin to count anew how often bytes stand in a source; the counts live in a temporary file."""
        self.connection.execute("DROP TABLE IF EXISTS temp.seen")
        self.connection.execute(
            """CREATE TEMP TABLE seen (source INTEGER, blob INTEGER, times INTEGER, PRIMARY KEY (source, blob))
            WITHOUT ROWID""",
        )

    def occurrences(self, keys: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int]:
        """Return (source, blob row) -> how often it was noted, where it was."""
        sql = "SELECT times FROM temp.seen WHERE source = ? AND blob = ?"
        found = ((key, self.connection.execute(sql, key).fetchone()) for key in keys)
        return {key: row[0] for key, row in found if row is not None}

    def note_occurrences(self, counts: Iterable[tuple[int, int, int]]) -> None:
        """Note (source, blob row, times seen so far)."""
        self.connection.executemany("INSERT OR REPLACE INTO temp.seen VALUES (?, ?, ?)", counts)

    def append(self, drafts: Sequence[Draft], stamp: Stamp) -> int:
        """Append the drafts in order, none of which may be in the log; return the position of the first."""
        first = self.next_position
        rows = []
        for position, (op, kind, sample, blob, fields) in enumerate(drafts, first):
            leaf = leaf_bytes(kind, fields, stamp)
            self._leaf_hashes.append(leaf_hash(leaf))
            subject = position if sample == SELF else sample
            rows.append((position, op, kind, KINDS[kind].v, subject, blob, leaf.decode()))
        self.connection.executemany(
            "INSERT INTO event (position, op, kind, v, sample, blob, leaf) VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        return first

    def write_head(self) -> Head | None:
        """Write the tiles that became complete and the new head; None if nothing was appended."""
        if not self._leaf_hashes:
            return None
        row = self.connection.execute("SELECT frontier FROM head WHERE size = ?", (self.first,)).fetchone()
        before = Frontier.from_bytes(self.first, b"" if row is None else row[0])
        frontier, tiles = grow(before, self._leaf_hashes, partial(tree_node, self.connection))
        self.connection.executemany("INSERT INTO tile (level, idx, hashes, root) VALUES (?, ?, ?, ?)", tiles)
        head = Head(frontier.size - 1, frontier.root(), self.at)
        self.connection.execute(
            """INSERT INTO head (size, root, frontier, blobs, at)
            VALUES (?, ?, ?, (SELECT coalesce(max(id), 0) FROM blob), ?)""",
            (frontier.size, head.root, frontier.to_bytes(), head.at),
        )
        return head

    def _lookup(self, sql: str, keys: Sequence[bytes]) -> dict[bytes, int]:
        found: dict[bytes, int] = {}
        for chunk in in_chunks(keys):
            found.update(self.connection.execute(sql.format(marks(chunk)), chunk))
        return found


def tree_node(connection: sqlite.Connection, level: int, index: int) -> bytes:
    """Return the hash at `index` of a tile level: that of a leaf, or on upper levels the root of a lower tile."""
    if level == 0:
        row = connection.execute("SELECT CAST(leaf AS BLOB) FROM event WHERE position = ?", (index,)).fetchone()
        if row is None:
            raise sqlite.Damaged(f"the event at position {index} is missing")
        return leaf_hash(row[0])
    sql = "SELECT root FROM tile WHERE level = ? AND idx = ?"
    row = connection.execute(sql, (level - 1, index)).fetchone()
    if row is None:
        raise sqlite.Damaged(f"tile {index} of level {level - 1} is missing")
    return bytes(row[0])
