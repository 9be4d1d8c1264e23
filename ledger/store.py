"""The append-only log in its file: opened, read, and written by one transaction at a time.

The views are folded through `seal`, before the commit of what they fold.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from ledger import migrations, sqlite, witness
from ledger.checkpoint import Checkpoint
from ledger.codec import RAW, Codec, Dictionary, Unpackable
from ledger.errors import (
    BrokenLaw,
    CorruptLedger,
    DiskFull,
    HeadMoved,
    LedgerError,
    LedgerExists,
    NewerLedger,
    NotALedger,
    NotWritable,
    RolledBack,
    StorageFailed,
)
from ledger.proof import Consistency, contradiction
from ledger.transaction import EMPTY_HEAD, Clock, Head, Transaction, in_chunks, marks, system_clock, tree_node
from ledger.tree import Frontier, consistency_proof, subtrees

Seal = Callable[[sqlite.Connection], None]

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_PLAIN = """CREATE TEMP VIEW blob AS SELECT id, hash, size, codec,
    CASE codec WHEN 0 THEN body ELSE plain(codec, size, body) END AS body FROM main.blob"""
"""What stands between every query of a connection and bytes that are packed: SQLite looks a name up in TEMP first."""


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
        self.read_only = False  # opened so, whether or not the file could be written
        self.is_over: Callable[[], bool] | None = None
        self.seal: Seal = lambda _connection: None
        self.warnings: list[str] = []
        row = connection.execute("SELECT value FROM meta WHERE key = 'ledger'").fetchone()
        if row is None:
            raise NotALedger(path, "it has no ledger id")
        self.ledger_id: str = row[0]
        self.codec = Codec(path, self._dictionary)
        connection.create_function("plain", 3, self.codec.plain, deterministic=True)
        connection.execute(_PLAIN)
        self.witness_file = witness.path_for(self.ledger_id, path)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def head(self) -> Head:
        """Return the current head."""
        if self.connection.in_transaction:  # whoever began it names what SQLite reports
            return _last_head(self.connection)
        with sqlite.plain_errors(self.path, self.wait):
            return _last_head(self.connection)

    def head_at(self, position: int) -> Head | None:
        """Return the head that a commit wrote at `position`, if one did."""
        row = self.connection.execute("SELECT size, root, at FROM head WHERE size = ?", (position + 1,)).fetchone()
        return None if row is None else Head(row[0] - 1, row[1], row[2])

    def head_before(self, at: int) -> Head | None:
        """Return the last head whose time is not later than `at` (microseconds)."""
        sql = "SELECT size, root, at FROM head WHERE at <= ? ORDER BY size DESC LIMIT 1"
        row = self.connection.execute(sql, (at,)).fetchone()
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
        """Raise RolledBack if this computer has seen the ledger further on, or otherwise; remember what it sees now."""
        if (error := self.contradiction()) is not None:
            raise error
        seen, now = witness.read(self.witness_file), self.head()
        if seen is None or now.position + 1 > seen.size:
            seen = witness.Seen(now.position + 1, now.root)
            self.warnings += witness.renew(self.witness_file, self.ledger_id, self.path, seen)

    def contradiction(self) -> RolledBack | None:
        """Return how the ledger is not what this computer has seen of it, or None.

        The proof is a note of the error (PEP 678): the checkpoint that was seen, and what contradicts it now.
        """
        seen, now = witness.read(self.witness_file), self.head()
        if seen is None:
            return None
        if now.position + 1 < seen.size:
            return self._refused(f"it ends at position {now.position}, but had reached {seen.size - 1}", seen, now)
        if self.root_at(seen.size - 1) != seen.root:
            return self._refused(f"the events up to position {seen.size - 1} are not those it held then", seen, now)
        return None

    @contextmanager
    def transaction(self, expected_head: int | None = None) -> Iterator[Transaction]:
        """Write: everything appended inside is committed at the end, or nothing if anything is raised.

        Raises LedgerBusy, HeadMoved, DiskFull, NotWritable. Nothing appended: nothing is written.
        """
        with self.exclusive():
            head = self.head()
            if expected_head is not None and head.position != expected_head:
                raise HeadMoved(head.position, expected_head)
            transaction = Transaction(self.connection, head, self.clock, self.codec)
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
            told = "it was opened for reading only" if self.read_only else "the file or its directory is read-only"
            raise NotWritable(self.path, told)
        with (
            sqlite.plain_errors(self.path, self.wait),
            sqlite.writing(self.connection, self.path, self.wait, self.on_wait),
        ):
            yield

    def body(self, blob: int) -> bytes | None:
        """Return the bytes of a blob by its row, or None if they were erased."""
        row = self.connection.execute("SELECT codec, size, body FROM main.blob WHERE id = ?", (blob,)).fetchone()
        if row is None:
            raise CorruptLedger(self.path, f"blob {blob} is missing")
        return self._unpacked(blob, *row)

    def bodies(self, blobs: Sequence[int]) -> dict[int, bytes | None]:
        """Return row -> bytes for many blobs."""
        found: dict[int, bytes | None] = {}
        for chunk in in_chunks(blobs):
            sql = f"SELECT id, codec, size, body FROM main.blob WHERE id IN ({marks(chunk)})"  # noqa: S608 - only question marks
            found.update((row[0], self._unpacked(*row)) for row in self.connection.execute(sql, chunk))
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
        """Return how many blobs the events up to `position` brought.

        Within a commit that is the highest row that its events name in their columns so far: rows are given in order.
        """
        row = self.connection.execute(
            "SELECT size, blobs FROM head WHERE size <= ? ORDER BY size DESC LIMIT 1", (position + 1,)
        ).fetchone()
        size, blobs = row or (0, 0)
        sql = "SELECT coalesce(max(blob), 0) FROM event WHERE position BETWEEN ? AND ?"
        return max(int(blobs), int(self.connection.execute(sql, (size, position)).fetchone()[0]))

    def _refused(self, what: str, seen: witness.Seen, now: Head) -> RolledBack:
        """Return the error, with the proof as its note."""
        error = RolledBack(self.path, what, self.witness_file)
        there = Checkpoint(self.ledger_id, now.position + 1, now.root)
        went_on = None
        with suppress(sqlite.Error):  # a file that is damaged too has gone back all the same
            if seen.size <= there.size:
                path = consistency_proof(seen.size, there.size, subtrees(partial(tree_node, self.connection)))
                went_on = Consistency(seen.size, self.root_at(seen.size - 1), tuple(path), there)
        if went_on is not None and went_on.fault():
            went_on = None
        error.add_note(contradiction(Checkpoint(self.ledger_id, seen.size, seen.root), there, went_on))
        return error

    def _unpacked(self, blob: int, number: int, size: int, body: bytes | None) -> bytes | None:
        if body is None or number == RAW:
            return body
        try:
            return self.codec.unpack(number, size, body)
        except Unpackable as error:
            raise CorruptLedger(self.path, f"blob {blob}: {error}") from error

    def _dictionary(self, number: int) -> Dictionary | None:
        row = self.connection.execute("SELECT id, hash, body FROM dictionary WHERE id = ?", (number,)).fetchone()
        return None if row is None else Dictionary(*row)

    def _remember(self, head: Head) -> None:
        seen = witness.Seen(head.position + 1, head.root)
        problem = witness.write(self.witness_file, self.ledger_id, self.path, seen)
        if problem is not None and problem not in self.warnings:
            self.warnings.append(problem)


def create(path: Path, *, clock: Clock = system_clock, wal: bool = False) -> Store:
    """Create an empty ledger at `path` and return it open; raise LedgerExists, NotWritable, DiskFull."""
    with aside(path) as made, sqlite.plain_errors(path):
        make(made, secrets.token_hex(16), wal=wal)
    return open_store(path, clock=clock)


@contextmanager
def aside(path: Path, taken: type[LedgerError] = LedgerExists) -> Iterator[Path]:
    """Yield where to make the file that gets the name `path` at the end of the block, unless anything is raised.

    So a ledger is there whole or not at all, whoever else makes one. Raises `taken` where something has the name,
    NotWritable, DiskFull.
    """
    if os.path.lexists(path):
        raise taken(path)
    try:
        if stray := next((name for name in _beside(path) if name.exists() and name.stat().st_size), None):
            raise NotWritable(path, f"{stray.name}, left by another file of that name, would be applied to it")
        beside = path.absolute().parent
        # A folder that cannot be removed in the end does not unmake the ledger; `doctor` names it.
        with TemporaryDirectory(prefix=f".{path.name}.", dir=beside, ignore_cleanup_errors=True) as folder:
            made = Path(folder) / "new.db"
            yield made
            if stray := next((name for name in _beside(made) if name.exists() and name.stat().st_size), None):
                raise StorageFailed(path, f"a part of it is still in {stray.name}, and could not be moved")
            _give_name(made, path)
    except FileExistsError as error:
        raise taken(path) from error
    except OSError as error:
        raise (DiskFull if error.errno in NO_ROOM else NotWritable)(path, error.strerror) from error


@contextmanager
def _unopened() -> Iterator[None]:
    """Send nobody whose file cannot be opened to `verify`, which would have to open it."""
    try:
        yield
    except CorruptLedger as error:
        error.next_step = "It cannot even be opened: restore a good copy, or an archive (`ledger import-events`)."
        raise


@_unopened()
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


@_unopened()
def look(path: Path, *, wait: float = sqlite.WAIT_SECONDS) -> Store:
    """Open the ledger at `path` to look at it: nothing of the file is changed, neither its journal nor its format."""
    connection = sqlite.connect(path, wait=wait, look=True)
    try:
        with sqlite.plain_errors(path, wait):
            _version(connection, path)
            connection.execute("PRAGMA cache_size = -16384")  # KiB: many may look at once; the system keeps pages too
            sqlite.guard(connection)
            store = Store(path, connection, wait=wait)
    except BaseException:
        connection.close()
        raise
    store.writable, store.read_only = False, True
    return store


def make(path: Path, ledger_id: str, *, wal: bool = False) -> None:
    """Make the file of an empty ledger, which no other program can see yet."""
    connection = sqlite.connect_new(path)
    try:
        with sqlite.writing(connection, path, 0, None):
            connection.execute(f"PRAGMA application_id = {migrations.APPLICATION_ID}")
            _migrate(connection, 0)
            made = (("hash", "blake3"), ("ledger", ledger_id))
            connection.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", made)
        if wal:  # last: what stood in the log would have to be moved on closing, and nobody is told if that fails
            connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


def _beside(path: Path) -> list[Path]:
    """Return the files that SQLite keeps beside one of that name."""
    return [path.with_name(path.name + end) for end in ("-journal", "-wal")]


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
