"""A ledger that leaves its file, or comes back: page by page as a copy, and line by line as an archive."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, NoReturn

from ledger import sqlite
from ledger.archive import Blob, Event, Mark
from ledger.digest import NotRestricted, blake3_bytes, decode
from ledger.errors import CorruptLedger, Forked
from ledger.event import CIRCUMSTANCES, KINDS
from ledger.store import Store
from ledger.transaction import Transaction, tree_node
from ledger.tree import Frontier, grow, leaf_hash

OnPages = Callable[[int, int], None]

_PAGES = 1024
"""Pages that are copied while the file is held; between two such steps others may write."""
_OK = 0
_PAUSE_SECONDS = 0.05
_EVENTS, _BLOBS, _HEADS = 2000, 100, 1000
"""Rows that are read at a time."""
_CIRCUMSTANCES = frozenset(CIRCUMSTANCES)
_FULL = 8 << 20
"""Bytes of lines that wait to be inserted together."""


class _Overtaken(Exception):  # noqa: N818 - never leaves this module
    """Somebody wrote while the pages were copied, so that the copy would begin anew."""


def journal_of(store: Store) -> str:
    """Return how the file of an open ledger is written: with a `rollback` journal or with a `wal`."""
    mode = store.connection.execute("PRAGMA journal_mode").fetchone()[0]
    return "wal" if mode == "wal" else "rollback"


def format_of(store: Store) -> int:
    """Return the format of the file; an older one is brought up to date when it is opened to be used."""
    return int(store.connection.execute("PRAGMA user_version").fetchone()[0])


def is_packed(store: Store) -> bool:
    """Say whether bytes of the ledger may be packed, so that reading them needs zstandard."""
    return bool(store.connection.execute("SELECT EXISTS (SELECT 1 FROM dictionary)").fetchone()[0])


def copy_pages(source: Store, target: Path, on_pages: OnPages) -> None:
    """Copy the file of an open ledger to the new file `target`, durably; others go on reading.

    Others may write, too; once they did, which makes what was copied worthless, they wait until the copy is made.
    """
    connection = sqlite.connect_new(target)
    try:
        connection.execute("PRAGMA synchronous = OFF")  # synced below, once
        try:
            _copy(source, connection, on_pages, again=False)
        except _Overtaken:
            with sqlite.snapshot(source.connection):
                source.head()  # from here on this is what is copied
                _copy(source, connection, on_pages, again=True)
    finally:
        connection.close()
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _copy(source: Store, connection: sqlite.Connection, on_pages: OnPages, *, again: bool) -> None:
    """Copy step by step; raise _Overtaken where SQLite begins anew, unless it may do so `again`."""
    furthest = -1

    def told(status: int, left: int, total: int) -> None:
        nonlocal furthest
        done = total - left
        if status == _OK and done <= furthest and not again:
            raise _Overtaken
        furthest = done
        on_pages(done, total)

    source.connection.backup(connection, pages=_PAGES, progress=told, sleep=_PAUSE_SECONDS)


def read_out(store: Store) -> Iterator[Blob | Event | Mark]:
    """Yield the whole log, commit by commit: the blobs that it brought, its events, its head.

    Nobody waits for this: what was committed stays as it is, so no lock is held meanwhile. (Bytes can be erased; then
    it goes on to the event that says so.) Raises CorruptLedger where the file contradicts itself.
    """
    frontier, blobs, last = Frontier(), 0, store.head().position + 1
    while frontier.size < last:
        sql = "SELECT size, root, blobs, at FROM head WHERE size > ? ORDER BY size LIMIT ?"
        for mark in map(Mark._make, store.connection.execute(sql, (frontier.size, _HEADS)).fetchall()):
            if mark.size > last:
                return
            for blob in _blobs(store, blobs + 1, mark.blobs):
                if blob.body is None:
                    last = max(last, store.head().position + 1)
                yield blob
            blobs = mark.blobs
            for events in _events(store, frontier.size, mark.size):
                frontier = frontier.extend([leaf_hash(event.leaf) for event in events])
                yield from events
            if (frontier.size, frontier.root()) != (mark.size, mark.root):
                raise CorruptLedger(store.path, f"the head at position {mark.size - 1} is not that over its events")
            yield mark


def _blobs(store: Store, first: int, last: int) -> Iterator[Blob]:
    for begin in range(first, last + 1, _BLOBS):
        rows = range(begin, min(begin + _BLOBS, last + 1))
        bodies = store.bodies(rows)
        sql = "SELECT id, hash, size FROM main.blob WHERE id BETWEEN ? AND ? ORDER BY id"
        found = store.connection.execute(sql, (rows[0], rows[-1])).fetchall()
        if [row[0] for row in found] != list(rows):
            raise CorruptLedger(store.path, f"a blob between {rows[0]} and {rows[-1]} is missing")
        for row, digest, size in found:
            body = bodies.get(row)
            if body is not None and (len(body) != size or blake3_bytes(body) != digest):
                raise CorruptLedger(store.path, f"blob {row}: b3:{digest.hex()} is not the address of its bytes")
            yield Blob(digest, size, body)


def _events(store: Store, first: int, end: int) -> Iterator[list[Event]]:
    sql = """SELECT op, sample, blob, CAST(leaf AS BLOB) FROM event
        WHERE position >= ? AND position < ? ORDER BY position"""
    for begin in range(first, end, _EVENTS):
        yield [Event._make(row) for row in store.connection.execute(sql, (begin, min(begin + _EVENTS, end)))]


def line_of(store: Store, position: int) -> int:
    """Return the number of the line that an event has in the archive of a ledger."""
    sql = "SELECT blobs FROM head WHERE size > ? ORDER BY size LIMIT 1"
    blobs = store.connection.execute(sql, (position,)).fetchone()[0]
    heads = store.connection.execute("SELECT count(*) FROM head WHERE size <= ?", (position,)).fetchone()[0]
    return 1 + int(blobs) + int(heads) + position + 1


class Filling:
    """A ledger that is filled from the lines of an archive, inside one write transaction.

    What it holds already is compared, the rest appended. Raises NotRestricted for what cannot follow what came before,
    and Forked where the ledger and the lines went on differently. What the lines say is not looked at here: `verify`
    does that, before the commit.
    """

    def __init__(self, store: Store, source: Path) -> None:
        """Begin at the first line of `source`; `store` may hold an older copy of the same ledger."""
        self._store = store
        self._source = source
        self._connection = store.connection
        self._transaction = Transaction(store.connection, store.head(), store.clock)
        self.known = self._transaction.first
        self.known_blobs = store.blob_count(self.known - 1)
        self.blobs = 0
        self._frontier = Frontier()
        self._last = Mark(0, self._frontier.root(), 0, 0)
        self._new_blobs: list[Blob] = []
        self._new_events: list[Event] = []
        self._waiting = 0

    @property
    def size(self) -> int:
        """Return how many events have come by."""
        return self._frontier.size + len(self._new_events)

    @property
    def root(self) -> bytes:
        """Return the root of the last head that came by."""
        return self._last.root

    def take(self, line: Blob | Event | Mark) -> None:
        """Take the next line."""
        if isinstance(line, Mark):
            self._settle(line)
            return
        if isinstance(line, Blob):
            self._flush_events()
            self.blobs += 1
            if self.blobs > self.known_blobs:
                self._new_blobs.append(line)
                self._waiting += len(line.body or b"")
        else:
            self._flush_blobs()
            self._new_events.append(line)
            self._waiting += len(line.leaf)
        if self._waiting > _FULL or len(self._new_events) + len(self._new_blobs) >= _EVENTS:
            self._flush_blobs()
            self._flush_events()

    def forget_erased(self) -> int:
        """Take away the bytes whose erasure the lines told of, where they were still here; return of how many."""
        sql = """SELECT DISTINCT e.blob FROM event e JOIN main.blob b ON b.id = e.blob
            WHERE e.kind = 'erased' AND e.position >= ? AND b.body IS NOT NULL ORDER BY e.blob"""
        rows = [row[0] for row in self._connection.execute(sql, (self.known,))]
        sqlite.forget_bodies(self._connection, rows)
        return len(rows)

    def _settle(self, mark: Mark) -> None:
        """Compare a head with what came before it, and write it where it is new."""
        self._flush_blobs()
        self._flush_events()
        size = self._frontier.size
        if (mark.size, mark.root, mark.blobs) != (size, self._frontier.root(), self.blobs):
            raise NotRestricted(f"the head is not that over the {size:,} events and {self.blobs:,} blobs before it")
        if mark.size <= self._last.size or mark.at < self._last.at:
            raise NotRestricted("the head does not go on from the one before it")
        last, self._last = self._last, mark
        if mark.size > self.known:
            self._connection.execute(
                "INSERT INTO head (size, root, frontier, blobs, at) VALUES (?, ?, ?, ?, ?)",
                (mark.size, mark.root, self._frontier.to_bytes(), mark.blobs, mark.at),
            )
            return
        here = self._store.head_at(mark.size - 1)
        if here is None or here.root != mark.root:
            self._fork(last.size)
        if mark.size == self.known and mark.blobs != self.known_blobs:
            raise NotRestricted(f"the head has not the {self.known_blobs:,} blobs that the ledger has at that position")

    def _flush_blobs(self) -> None:
        """Insert the blobs that wait, in their order: runs of bytes, and between them those that were erased."""
        waiting, self._new_blobs, self._waiting = self._new_blobs, [], 0
        for erased, run in groupby(waiting, lambda blob: blob.body is None):
            blobs = list(run)
            if len({blob.hash for blob in blobs}) < len(blobs):
                raise NotRestricted("a blob stands there twice")
            with _as_they_come():
                if erased:
                    self._transaction.add_addresses({blob.hash: blob.size for blob in blobs})
                else:
                    bodies = {blob.hash: blob.body for blob in blobs if blob.body is not None}
                    self._transaction.add_blobs(bodies, first_seen=True)

    def _flush_events(self) -> None:
        """Let the events that wait join the tree, and insert them where they are new."""
        waiting, self._new_events, self._waiting = self._new_events, [], 0
        first, end = self._frontier.size, self._frontier.size + len(waiting)
        hashes = [leaf_hash(event.leaf) for event in waiting]
        if end <= self.known:
            self._frontier = self._frontier.extend(hashes)
        elif waiting:
            if self._last.size < self.known:  # no head stands where the ledger ends
                self._fork(self._last.size)
            rows = (_row(position, event) for position, event in enumerate(waiting, first))
            with _as_they_come():
                self._connection.executemany(
                    "INSERT INTO event (position, op, kind, v, sample, blob, leaf) VALUES (?, ?, ?, ?, ?, ?, ?)", rows
                )
            self._frontier, tiles = grow(self._frontier, hashes, partial(tree_node, self._connection))
            self._connection.executemany("INSERT INTO tile (level, idx, hashes, root) VALUES (?, ?, ?, ?)", tiles)

    def _fork(self, same: int) -> NoReturn:
        """Raise Forked; `same` events up to a head that both have."""
        raise Forked(self._source, self._store.path, f"{same:,}")


def _row(position: int, event: Event) -> tuple[Any, ...]:
    """Return the columns of an event; raise NotRestricted for a leaf that is none."""
    leaf = decode(event.leaf)
    kind, v = leaf.get("kind"), leaf.get("v")
    if type(kind) is not str or type(v) is not int:
        raise NotRestricted("an event has no kind and version")
    if kind in KINDS and v == KINDS[kind].v and leaf.keys() != KINDS[kind].names | _CIRCUMSTANCES:
        raise NotRestricted(f"the event at position {position} has not exactly the fields of {kind}")
    return position, event.op, kind, v, event.sample, event.blob, event.leaf.decode()


@contextmanager
def _as_they_come() -> Iterator[None]:
    """Turn what the log's guards refuse into a fault of the lines."""
    try:
        yield
    except sqlite.Refused as error:
        raise NotRestricted(f"the log does not take it: {error}") from error
