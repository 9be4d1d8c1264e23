"""The append-only log in its file: blobs, events, the tree over them, one writer at a time.

A position is the index of a leaf; it is assigned here, inside the write transaction, without gaps from 0. A commit
adds events, the tiles they complete and one head. The views are folded through `seal`, before the same commit.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeVar

from ledger import migrations, sqlite, witness
from ledger.digest import blake3_bytes
from ledger.errors import (
    BrokenLaw,
    CorruptLedger,
    DiskFull,
    HeadMoved,
    LedgerExists,
    NewerLedger,
    NotALedger,
    NotWritable,
    RolledBack,
)
from ledger.event import KINDS, SELF, Draft, Stamp, leaf_bytes
from ledger.tree import EMPTY_ROOT, Frontier, grow, leaf_hash, subtrees

Clock = Callable[[], int]
Seal = Callable[[sqlite.Connection], None]
T = TypeVar("T")

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_CHUNK = 900
"""Parameters of one statement; every SQLite takes 999."""


class Head(NamedTuple):
    """Where the log ends: the last position (-1 when empty) and the root over all events up to it."""

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


class Store:
    """An open ledger file. Reading is always possible; writing goes through `transaction`."""

    def __init__(
        self,
        path: Path,
        connection: sqlite.Connection,
        *,
        clock: Clock = system_clock,
        wait: float = sqlite.WAIT_SECONDS,
        on_wait: sqlite.OnWait | None = None,
    ) -> None:
        """Wrap a connection that `open_store` has prepared; raise NotALedger if the file has no ledger id."""
        self.path = path
        self.connection = connection
        self.clock = clock
        self.wait = wait
        self.on_wait = on_wait
        self.writable = sqlite.is_writable(path)
        self.seal: Seal = lambda _connection: None
        self.warnings: list[str] = []
        row = connection.execute("SELECT value FROM meta WHERE key = 'ledger'").fetchone()
        if row is None:
            raise NotALedger(path, "it has no ledger id")
        self.ledger_id: str = row[0]
        self.witness_file = witness.path_for(self.ledger_id, path)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def head(self) -> Head:
        """Return the current head."""
        return _last_head(self.connection)

    def head_at(self, position: int) -> Head | None:
        """Return the head that a commit wrote at `position`, if one did."""
        row = self.connection.execute("SELECT size, root, at FROM head WHERE size = ?", (position + 1,)).fetchone()
        return None if row is None else Head(row[0] - 1, row[1], row[2])

    def head_before(self, at: int) -> Head | None:
        """Return the last head whose time is not later than `at` (microseconds)."""
        row = self.connection.execute(
            "SELECT size, root, at FROM head WHERE at <= ? ORDER BY size DESC LIMIT 1",
            (at,),
        ).fetchone()
        return None if row is None else Head(row[0] - 1, row[1], row[2])

    def root_at(self, position: int) -> bytes:
        """Return the root over the events up to `position`, from the stored tiles where no commit ended there."""
        head = EMPTY_HEAD if position < 0 else self.head_at(position)
        if head is not None:
            return head.root
        subtree = subtrees(partial(tree_node, self.connection))
        size, start, peaks = position + 1, 0, []
        for level in range(size.bit_length() - 1, -1, -1):
            if size >> level & 1:
                peaks.append(subtree(level, start >> level))
                start += 1 << level
        return Frontier(size, tuple(peaks)).root()

    def check_witness(self) -> None:
        """Raise RolledBack if this computer has seen the ledger further on, or otherwise, than it now is.

        What is seen now is remembered, so that it holds for copies and for what others appended too.
        """
        seen = witness.read(self.witness_file)
        now = self.head()
        if seen is not None:
            if now.position + 1 < seen.size:
                what = f"it ends at position {now.position}, but had reached {seen.size - 1}"
                raise RolledBack(self.path, what, self.witness_file)
            there = self.head_at(seen.size - 1)
            if there is None or there.root != seen.root:
                what = f"the events up to position {seen.size - 1} are not those it held then"
                raise RolledBack(self.path, what, self.witness_file)
        if now.position + 1 > (0 if seen is None else seen.size):
            # Reading needs no witness, so a place that cannot be written is no news before the first commit.
            witness.write(self.witness_file, self.ledger_id, self.path, witness.Seen(now.position + 1, now.root))

    @contextmanager
    def transaction(self, expected_head: int | None = None) -> Iterator[Transaction]:
        """Write: everything appended inside is committed at the end, or nothing if anything is raised.

        Raises LedgerBusy, HeadMoved, DiskFull, NotWritable. Nothing appended: nothing is written.
        """
        with self.exclusive():
            head = self.head()
            if expected_head is not None and head.position != expected_head:
                raise HeadMoved(head.position, expected_head)
            transaction = Transaction(self.connection, head, self.clock)
            yield transaction
            new_head = transaction.write_head()
            if new_head is not None:
                self.seal(self.connection)
        if new_head is not None:
            self._remember(new_head)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the write lock; commits at the end, or changes nothing if anything is raised."""
        if not self.writable:
            raise NotWritable(self.path, "the file or its directory is read-only")
        with (
            sqlite.plain_errors(self.path, self.wait),
            sqlite.writing(self.connection, self.path, self.wait, self.on_wait),
        ):
            yield

    def body(self, blob: int) -> bytes | None:
        """Return the bytes of a blob by its row, or None if they were erased."""
        row = self.connection.execute("SELECT body FROM blob WHERE id = ?", (blob,)).fetchone()
        if row is None:
            raise CorruptLedger(self.path, f"blob {blob} is missing")
        return None if row[0] is None else bytes(row[0])

    def bodies(self, blobs: Sequence[int]) -> dict[int, bytes | None]:
        """Return row -> bytes for many blobs."""
        found: dict[int, bytes | None] = {}
        for chunk in in_chunks(blobs):
            sql = f"SELECT id, body FROM blob WHERE id IN ({_marks(chunk)})"  # noqa: S608 - only question marks
            found.update(self.connection.execute(sql, chunk))
        return found

    def find_ops(self, first: bytes, last: bytes) -> list[tuple[bytes, int, str, int | None]]:
        """Return (op, position, kind, sample) of up to 20 events whose op lies between two bounds, inclusive."""
        sql = "SELECT op, position, kind, sample FROM event WHERE op BETWEEN ? AND ? ORDER BY op LIMIT 20"
        return list(self.connection.execute(sql, (first, last)))

    def find_blobs(self, first: bytes, last: bytes) -> list[tuple[bytes, int]]:
        """Return (hash, row) of up to 20 blobs whose address lies between two bounds, inclusive."""
        sql = "SELECT hash, id FROM blob WHERE hash BETWEEN ? AND ? ORDER BY hash LIMIT 20"
        return list(self.connection.execute(sql, (first, last)))

    def neighbours(self, op: bytes) -> tuple[bytes | None, bytes | None]:
        """Return the ops just before and just after `op`, from which its shortest unique prefix follows."""
        before = self.connection.execute("SELECT max(op) FROM event WHERE op < ?", (op,)).fetchone()[0]
        after = self.connection.execute("SELECT min(op) FROM event WHERE op > ?", (op,)).fetchone()[0]
        return before, after

    def event(self, position: int) -> tuple[bytes, str] | None:
        """Return (op, leaf) of the event at `position`."""
        row = self.connection.execute("SELECT op, leaf FROM event WHERE position = ?", (position,)).fetchone()
        return None if row is None else (row[0], row[1])

    def events(self, *, sample: int | None, upto: int, limit: int) -> list[tuple[int, bytes, str]]:
        """Return (position, op, leaf) of the last `limit` events up to a position (of one sample), oldest first."""
        if sample is None:
            sql = "SELECT position, op, leaf FROM event WHERE position <= ? ORDER BY position DESC LIMIT ?"
            return list(self.connection.execute(sql, (upto, limit)))[::-1]
        sql = """SELECT position, op, leaf FROM event WHERE position = :sample AND position <= :upto
            UNION ALL SELECT position, op, leaf FROM event
            WHERE sample = :sample AND sample <> position AND position <= :upto
            ORDER BY position DESC LIMIT :limit"""
        named = {"sample": sample, "upto": upto, "limit": limit}
        return list(self.connection.execute(sql, named))[::-1]

    def blob_count(self, position: int) -> int:
        """Return how many blobs were stored when the event at `position` was committed."""
        row = self.connection.execute(
            "SELECT blobs FROM head WHERE size > ? ORDER BY size LIMIT 1", (position,)
        ).fetchone()
        return 0 if row is None or position < 0 else int(row[0])

    def _remember(self, head: Head) -> None:
        seen = witness.Seen(head.position + 1, head.root)
        problem = witness.write(self.witness_file, self.ledger_id, self.path, seen)
        if problem is not None and problem not in self.warnings:
            self.warnings.append(problem)


class Transaction:
    """One commit in the making."""

    def __init__(self, connection: sqlite.Connection, head: Head, clock: Clock) -> None:
        """Begin after `head`; its time is the clock's, but never before the last head's."""
        self.connection = connection
        self.first = head.position + 1
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
            found.update(self.connection.execute(sql.format(_marks(chunk)), chunk))
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


def create(path: Path, *, clock: Clock = system_clock, wal: bool = False) -> Store:
    """Create an empty ledger at `path` and return it open; raise LedgerExists, NotWritable, DiskFull.

    It is made aside and then given its name, so that a ledger is there whole or not at all, whoever else creates one.
    """
    if os.path.lexists(path):
        raise LedgerExists(path)
    try:
        with TemporaryDirectory(prefix=f".{path.name}.", dir=path.absolute().parent) as folder:
            made = Path(folder) / "new.db"
            with sqlite.plain_errors(path):
                _make(made, wal=wal)
            _give_name(made, path)
    except FileExistsError as error:
        raise LedgerExists(path) from error
    except OSError as error:
        raise (DiskFull if error.errno in _NO_ROOM else NotWritable)(path, error.strerror) from error
    return open_store(path, clock=clock)


def open_store(
    path: Path,
    *,
    clock: Clock = system_clock,
    wait: float = sqlite.WAIT_SECONDS,
    on_wait: sqlite.OnWait | None = None,
) -> Store:
    """Open the ledger at `path`, bringing an older file up to date; raise what `sqlite.connect` does or NewerLedger."""
    connection = sqlite.connect(path, wait=wait)
    try:
        with sqlite.plain_errors(path, wait):
            if _version(connection, path) < migrations.latest():
                with sqlite.writing(connection, path, wait, on_wait):
                    _migrate(connection, _version(connection, path))
            sqlite.guard(connection)
            return Store(path, connection, clock=clock, wait=wait, on_wait=on_wait)
    except BaseException:
        connection.close()
        raise


def _make(path: Path, *, wal: bool) -> None:
    connection = sqlite.connect_new(path)
    try:
        if wal:
            connection.execute("PRAGMA journal_mode = WAL")
        with sqlite.writing(connection, path, 0, None):
            connection.execute(f"PRAGMA application_id = {migrations.APPLICATION_ID}")
            _migrate(connection, 0)
            made = (("hash", "blake3"), ("ledger", secrets.token_hex(16)))
            connection.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", made)
    finally:
        connection.close()


def _give_name(made: Path, path: Path) -> None:
    """Give a finished file its name; raise FileExistsError if the name is taken."""
    try:
        path.hardlink_to(made)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        path.touch(exist_ok=False)
        made.replace(path)
    directory = os.open(path.absolute().parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # else a power failure could take the name back
    finally:
        os.close(directory)


def _version(connection: sqlite.Connection, path: Path) -> int:
    """Return the format of the file; raise NotALedger or NewerLedger."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if application != migrations.APPLICATION_ID or version < 1:
        raise NotALedger(path, "it is another program's SQLite file")
    if version > migrations.latest():
        raise NewerLedger(path, version, migrations.latest())
    return version


def _migrate(connection: sqlite.Connection, version: int) -> None:
    """Run the steps after `version`; a step that would change the log's head is refused."""
    before = _last_head(connection) if version else EMPTY_HEAD
    for number, step in enumerate(migrations.STEPS[version:], version + 1):
        for statement in step:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
    if _last_head(connection) != before:
        raise BrokenLaw("bringing the file up to date would change its events")


def _last_head(connection: sqlite.Connection) -> Head:
    row = connection.execute("SELECT size, root, at FROM head ORDER BY size DESC LIMIT 1").fetchone()
    return EMPTY_HEAD if row is None else Head(row[0] - 1, row[1], row[2])


def _marks(items: Sequence[object]) -> str:
    return ",".join("?" * len(items))
