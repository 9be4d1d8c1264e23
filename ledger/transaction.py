"""One commit in the making: blobs, events, the tiles that they complete, one head.

A position is the index of a leaf; it is assigned here, inside the write transaction, without gaps from 0.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple, TypeVar

from ledger import guards, sqlite
from ledger.codec import RAW, Codec, Unpackable
from ledger.digest import blake3_bytes
from ledger.errors import BrokenLaw
from ledger.event import KINDS, SELF, Draft, Stamp, leaf_bytes
from ledger.tree import EMPTY_ROOT, Frontier, grow, leaf_hash

Clock = Callable[[], int]
T = TypeVar("T")

_CHUNK = 900
"""Parameters of one statement; every SQLite takes 999."""
_MANY = 500
"""Events in one call from which on it pays to take the guards of inserts off, which changes the schema twice."""


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


class Written(NamedTuple):
    """An event whose leaf is written already and that brings its own sample into being."""

    op: bytes
    kind: str
    blob: int
    leaf: bytes


class Transaction:
    """One commit in the making."""

    def __init__(self, connection: sqlite.Connection, head: Head, clock: Clock, codec: Codec | None = None) -> None:
        """Begin after `head`; its time is the clock's, but never before the last head's.

        Without a codec, bytes are stored as they are.
        """
        self.connection = connection
        self._codec = codec
        self.first = head.position + 1
        self.root = head.root
        self.at = max(clock(), head.at)
        self._leaf_hashes: list[bytes] = []
        self._unguarded = False

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

    def expect_many(self, events: int) -> None:
        """Say how many events or blobs are about to be added, so that many of them cost less each."""
        if events >= _MANY and not self._unguarded:
            guards.lift(self.connection)
            self._unguarded = True

    def add_addresses(self, sizes: Mapping[bytes, int]) -> dict[bytes, int]:
        """Store the addresses of bytes that are erased and not there yet, by their size; return hash -> row."""
        first = self.connection.execute("SELECT coalesce(max(id), 0) + 1 FROM blob").fetchone()[0]
        rows = {digest: row for row, digest in enumerate(sizes, first)}
        self.connection.executemany(
            "INSERT INTO main.blob (id, hash, size) VALUES (?, ?, ?)",
            ((row, digest, sizes[digest]) for digest, row in rows.items()),
        )
        return rows

    def add_blobs(
        self, bodies: Mapping[bytes, bytes], *, first_seen: bool = False, raw: bool = False
    ) -> dict[bytes, int]:
        """Store the bodies that are not there yet and return hash -> row for all; keys are the bodies' BLAKE3.

        They are packed where the ledger has a dictionary, unless `raw` is asked for, as folds read them. `first_seen`
        says that the caller has already looked and none is there. Raises CodecMissing.
        """
        rows = {} if first_seen else self.known_blobs(list(bodies))
        new = [digest for digest in bodies if digest not in rows]
        first = self.connection.execute("SELECT coalesce(max(id), 0) + 1 FROM blob").fetchone()[0]
        for row, digest in enumerate(new, first):
            rows[digest] = row
        pack = _as_it_is if raw else self._pack()
        self.connection.executemany(
            "INSERT INTO main.blob (id, hash, size, codec, body) VALUES (?, ?, ?, ?, ?)",
            ((rows[digest], digest, len(bodies[digest]), *pack(bodies[digest])) for digest in new),
        )
        return rows

    def add_blob(self, body: bytes) -> tuple[bytes, int]:
        """Store one body as it stands, which folds can read, and return (hash, row)."""
        digest = blake3_bytes(body)
        return digest, self.add_blobs({digest: body}, raw=True)[digest]

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
        self.expect_many(len(drafts))
        return self.append_written(drafts, stamp)

    def append_written(self, events: Iterable[Written | Draft], stamp: Stamp) -> int:
        """Append events in order, none of which may be in the log, one at a time; return the position of the first."""
        first = self.next_position
        self._insert(self._row(position, event, stamp) for position, event in enumerate(events, first))
        return first

    def _row(self, position: int, event: Written | Draft, stamp: Stamp) -> tuple[object, ...]:
        """Return the row of an event, and count its leaf in."""
        if isinstance(event, Written):
            op, kind, blob, leaf = event
            self._leaf_hashes.append(leaf_hash(leaf))
            return position, op, kind, KINDS[kind].v, position, blob, leaf.decode()
        leaf = leaf_bytes(event.kind, event.fields, stamp)
        self._leaf_hashes.append(leaf_hash(leaf))
        subject = position if event.sample == SELF else event.sample
        return position, event.op, event.kind, KINDS[event.kind].v, subject, event.blob, leaf.decode()

    def kinds(self, first: int, last: int) -> Counter[str]:
        """Return how many events of each kind stand from one position to another."""
        sql = "SELECT kind, count(*) FROM event WHERE position BETWEEN ? AND ? GROUP BY kind"
        return Counter(dict(self.connection.execute(sql, (first, last)).fetchall()))

    def write_head(self) -> Head | None:
        """Write the tiles that became complete and the new head; None if nothing was appended.

        Raises BrokenLaw where the positions are not those that follow.
        """
        if self._unguarded:
            guards.put_back(self.connection)
            self._check_positions()
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

    def _pack(self) -> Callable[[bytes], tuple[int, bytes]]:
        """Return what makes (codec, bytes to store) of bytes: packed with the newest dictionary, if there is one."""
        newest = self.connection.execute("SELECT id, hash FROM dictionary ORDER BY id DESC LIMIT 1").fetchone()
        if newest is None or self._codec is None:
            return _as_it_is
        try:
            return self._codec.packer(*newest)
        except Unpackable as error:
            raise sqlite.Damaged(str(error)) from error

    def _check_positions(self) -> None:
        """Hold what the guard of each event does: positions follow one another."""
        sql = """SELECT count(*), coalesce(min(position), ?1), coalesce(max(position), ?1 - 1)
            FROM event WHERE position >= ?1"""
        found = self.connection.execute(sql, (self.first,)).fetchone()
        if found != (len(self._leaf_hashes), self.first, self.next_position - 1):
            raise BrokenLaw(f"{found[0]} events were written after position {self.first - 1}")

    def _insert(self, rows: Iterable[tuple[object, ...]]) -> None:
        self.connection.executemany(
            "INSERT INTO event (position, op, kind, v, sample, blob, leaf) VALUES (?, ?, ?, ?, ?, ?, ?)", rows
        )

    def _lookup(self, sql: str, keys: Sequence[bytes]) -> dict[bytes, int]:
        found: dict[bytes, int] = {}
        for chunk in in_chunks(keys):
            found.update(self.connection.execute(sql.format(marks(chunk)), chunk))
        return found


def _as_it_is(body: bytes) -> tuple[int, bytes]:
    return RAW, body


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
