"""One SQLite file, opened safely: settings, what a connection may do, and plain words for what SQLite reports.

The driver is the one that sqlite-utils uses. Two SQLite libraries in one process drop each other's file locks, so no
other module imports a driver.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # it is there on purpose, for callers

from ledger import codec, locks
from ledger.errors import (
    BadRequest,
    BrokenLaw,
    CodecMissing,
    CorruptLedger,
    DiskFull,
    Interrupted,
    LedgerBusy,
    LedgerError,
    LedgerNotFound,
    NotALedger,
    NotWritable,
    StorageFailed,
    UnsafeJournal,
)
from ledger.migrations import LOG_TABLES, PAGE_SIZE, STEPS

Connection = sqlite3.Connection
Error = sqlite3.Error
Refused = sqlite3.IntegrityError
OnWait = Callable[[float], None]

WAIT_SECONDS = 60.0
CACHE_KIB = 128 * 1024
_TEMP_CACHE_KIB = 32 * 1024
_STEP_SECONDS = 0.25
_READERS_SECONDS = 1.0
"""However short a user's wait is, a commit waits this long for readers: they hold the file for milliseconds."""
_OPCODES = 10_000
"""Instructions of SQLite between two looks at the clock: about half a millisecond."""

_ERASE_OR_CHANGE = frozenset({sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})
_SHAPES = frozenset(
    {
        sqlite3.SQLITE_DROP_TABLE,
        sqlite3.SQLITE_DROP_TRIGGER,
        sqlite3.SQLITE_DROP_INDEX,
        sqlite3.SQLITE_CREATE_TRIGGER,
        sqlite3.SQLITE_CREATE_TEMP_TRIGGER,
        sqlite3.SQLITE_CREATE_INDEX,
    },
)
_LOOSE = frozenset({"ignore_check_constraints", "recursive_triggers", "trusted_schema", "writable_schema"})
"""Settings that would open a way around the guards."""

# Result codes (sqlite.org/rescode.html), and words of their messages: an older driver gives no code.
_BUSY, _LOCKED, _READONLY, _IOERR, _FULL, _CANTOPEN, _AUTH, _NOTADB = 5, 6, 8, 10, 13, 14, 23, 26
_UNKNOWN, _ERROR, _CORRUPT, _SCHEMA, _CONSTRAINT, _MISMATCH, _MISUSE, _FORMAT, _RANGE = 0, 1, 11, 17, 19, 20, 21, 24, 25
_INTERNAL, _INTERRUPT = 2, 9
_WORDS = (
    ("locked", _BUSY),
    ("readonly", _READONLY),
    ("disk I/O", _IOERR),
    ("is full", _FULL),
    ("unable to open", _CANTOPEN),
    ("interrupted", _INTERRUPT),
    ("not authorized", _AUTH),
    ("not a database", _NOTADB),
    ("malformed", _CORRUPT),  # the schema, a page, or the JSON of an event
    ("Could not decode", _CORRUPT),  # the driver's own finding: a text that is no UTF-8; it has no code
)
_OURS = frozenset({_UNKNOWN, _ERROR, _INTERNAL, _SCHEMA, _CONSTRAINT, _MISMATCH, _MISUSE, _RANGE, _AUTH})
"""A sound file never causes these, and a damaged one only where its schema is not what it was."""
_DAMAGE = ("malformed", "unsupported file format")
"""Words of messages that a sound file never causes, though their code is that of any mistake."""
_CALLERS = (
    ("same thread", "a Ledger belongs to the thread that opened it", "Open one in each thread that needs one."),
    ("closed database", "this Ledger was closed", "Open it again with Ledger.open()."),
)
"""Wrong uses of the driver that the caller of a Ledger can cause, by words of its messages: sentence, next step."""

_UNMAKE = ("PRAGMA writable_schema=1", "DELETE FROM sqlite_schema WHERE name='search'", "PRAGMA writable_schema=RESET")
_INTERRUPTED = frozenset({_READONLY | 1 << 8, _READONLY | 3 << 8})
_MOVED = _READONLY | 4 << 8


class Damaged(sqlite3.DatabaseError):
    """What must be in the file is not; found by this program, reported like SQLite's own findings."""


def connect(path: Path, *, wait: float = WAIT_SECONDS, look: bool = False) -> Connection:
    """Return a connection to the ledger file at `path` with every setting that safety needs.

    Raises LedgerNotFound, NotALedger, NotWritable, CorruptLedger, LedgerBusy or UnsafeJournal. A file in a place that
    cannot be written is opened for reading only, and so it is to `look`: then not even its journal mode is changed.
    """
    check_is_file(path)
    return _open(path, "rw" if is_writable(path) and not look else "ro", wait)


def connect_new(path: Path) -> Connection:
    """Return a connection to a database that is created at `path`."""
    return _open(path, "rwc", WAIT_SECONDS)


def is_writable(path: Path) -> bool:
    """Say whether the file, and the directory that its journal goes to, can be written by this user."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def check_is_file(path: Path) -> None:
    """Raise LedgerNotFound or NotALedger unless `path` is a file that may be a database.

    The file is not opened: closing it again would drop the locks that another connection of this process holds on it
    (sqlite.org/howtocorrupt.html, 2.2). SQLite itself looks at its first bytes.
    """
    if not path.exists():
        raise LedgerNotFound(path)
    if not path.is_file():
        raise NotALedger(path, "it is a directory" if path.is_dir() else "it is not a regular file")
    if not os.access(path, os.R_OK):
        raise NotALedger(path, "it cannot be read: permission denied")
    if path.stat().st_size == 0:
        raise NotALedger(path, "it is empty", hint="Remove that file first, then restore a copy or make a ledger.")


@contextmanager
def plain_errors(path: Path, wait: float = WAIT_SECONDS) -> Iterator[None]:
    """Turn SQLite's errors inside the block into LedgerErrors about the file at `path`."""
    try:
        yield
    except sqlite3.Error as error:
        raise translated(error, path, wait) from error


def translated(error: sqlite3.Error, path: Path, wait: float) -> LedgerError:
    """Name SQLite's result codes by what a person can do about them.

    Only damage is called damage: a mistake of this program must not make anyone throw away a sound ledger.
    """
    code, said = _code(error), str(error)
    if "user-defined function" in said and path in codec.MISSED:
        return CodecMissing(path)
    if isinstance(error, Damaged):
        return CorruptLedger(path, said)
    if isinstance(error, (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.NotSupportedError)):
        causes_by_caller = (BadRequest(told, hint=step) for words, told, step in _CALLERS if words in said)
        return next(causes_by_caller, BrokenLaw(f"{path}: {said}"))
    if code & 0xFF in _OURS:
        named = any(words in said for words in _DAMAGE)
        damaged = code & 0xFF in {_UNKNOWN, _ERROR} and (named or not _has_its_log(path))
        return CorruptLedger(path, said) if damaged else BrokenLaw(f"{path}: {said}")
    if code in _INTERRUPTED:
        said = "a command that wrote to it was interrupted; open it once where it can be written"
    elif code == _MOVED:
        said = "it was moved or replaced while it was open"
    causes: dict[int, LedgerError] = {
        _FULL: DiskFull(path),
        _BUSY: LedgerBusy(path, round(wait)),
        _LOCKED: LedgerBusy(path, round(wait)),
        _INTERRUPT: Interrupted(0),
        _READONLY: NotWritable(path, said),
        _CANTOPEN: NotWritable(path, said),
        _NOTADB: NotALedger(path, "it is not an SQLite file"),
        _CORRUPT: CorruptLedger(path, said),
        _FORMAT: CorruptLedger(path, said),
    }
    return causes.get(code & 0xFF) or StorageFailed(path, said)


def begin(connection: Connection, path: Path, wait: float, on_wait: OnWait | None) -> None:
    """Take the write lock, telling `on_wait` the seconds waited; raise LedgerBusy after `wait` seconds."""
    started = time.monotonic()
    try:
        while True:
            waited = time.monotonic() - started
            set_patience(connection, min(_STEP_SECONDS, max(wait - waited, 0)))
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                waited = time.monotonic() - started
                if _code(error) & 0xFF not in {_BUSY, _LOCKED}:
                    raise
                if waited >= wait:
                    raise locks.busy(path, waited) from error
                if on_wait is not None:
                    on_wait(waited)
            else:
                return
    finally:
        set_patience(connection, max(wait, _READERS_SECONDS))


@contextmanager
def writing(connection: Connection, path: Path, wait: float, on_wait: OnWait | None) -> Iterator[None]:
    """Hold the write lock inside the block; commit at its end, or roll back if anything is raised."""
    begin(connection, path, wait, on_wait)
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def watch(connection: Connection, is_over: Callable[[], bool] | None) -> None:
    """Stop what this connection runs (Interrupted) as soon as `is_over` says so; None: let it run."""
    connection.set_progress_handler(is_over, _OPCODES)


def wal_is_safe() -> bool:
    """Say whether the linked SQLite has the fix for the WAL-reset bug (sqlite.org/wal.html#walresetbug)."""
    version = sqlite3.sqlite_version_info
    if version >= (3, 51, 3):
        return version[:2] != (3, 52)
    return (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def sqlite_version() -> str:
    """Return the version of the linked SQLite library."""
    return str(sqlite3.sqlite_version)


def guard(connection: Connection) -> None:
    """Let this connection neither change, delete nor drop anything of the log, nor loosen its guards."""
    connection.set_authorizer(_authorize)


def change_schema(connection: Connection, statements: Iterable[str]) -> None:
    """Run statements that the authorizer refuses; for this program's own changes, inside a transaction of its own."""
    connection.set_authorizer(None)
    try:
        for statement in statements:
            connection.execute(statement)
    finally:
        guard(connection)


def forget_bodies(connection: Connection, blobs: Iterable[int]) -> None:
    """Erase the bytes of blobs, by their rows; the file's own guard refuses those that no event says it of.

    The one change that is ever made to the log's tables: the connection may make it inside this call only, and no
    other. SQLite overwrites what becomes free (`secure_delete`). The index of words goes with them.
    """
    connection.execute("PRAGMA secure_delete = ON")
    forget_words(connection)
    connection.set_authorizer(_authorize_erasure)
    try:
        rows = ((blob,) for blob in blobs)
        connection.executemany("UPDATE main.blob SET body = NULL WHERE id = ? AND body IS NOT NULL", rows)
    finally:
        guard(connection)


def forget_words(connection: Connection) -> None:
    """Drop the index of words (`ledger search`), whole: FTS5 keeps the words of a row that is deleted."""
    try:
        connection.execute("DROP TABLE IF EXISTS main.search")
    except sqlite3.DatabaseError:  # FTS5 cannot open what is damaged; then its own tables go by themselves
        change_schema(connection, _UNMAKE)
    for name in ("config", "data", "docsize", "idx", "reader", "state"):
        connection.execute(f"DROP TABLE IF EXISTS main.search_{name}")


def empty_wal(connection: Connection) -> bool:
    """Move what stands in a write-ahead log into the file and empty it; say whether that could be done.

    Until then the file holds the pages as they were. A rollback journal is empty after each commit.
    """
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        return True
    return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)


def _open(path: Path, mode: str, wait: float) -> Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with plain_errors(path, wait):
        connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        try:
            _settle(connection, mode, wait)
        except UnicodeDecodeError as error:  # the driver cannot read SQLite's message, which quotes a broken schema
            connection.close()
            raise CorruptLedger(path, "its schema cannot be read") from error
        except BaseException:
            connection.close()
            raise
    return connection


def _settle(connection: Connection, mode: str, wait: float) -> None:
    set_patience(connection, max(wait, _READERS_SECONDS))
    if mode == "rwc":
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    for setting in (
        "recursive_triggers = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",
        "secure_delete = ON",
        "temp.secure_delete = OFF",
        "synchronous = FULL",
        f"cache_size = -{CACHE_KIB}",
        f"temp.cache_size = -{_TEMP_CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {setting}")
    journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if mode != "ro" and (journal != "wal" or not wal_is_safe()):
        _leave_wal(connection)


def _leave_wal(connection: Connection) -> None:
    """Use a rollback journal; a file in WAL mode is changed to it, which needs that nobody else has it open."""
    try:
        mode = connection.execute("PRAGMA journal_mode = TRUNCATE").fetchone()[0]
    except sqlite3.OperationalError as error:
        if _code(error) & 0xFF != _BUSY:
            raise
        mode = "wal"
    if mode != "truncate":
        hint = "Close the other programs that have the ledger open, then try again."
        raise UnsafeJournal(sqlite_version(), hint=hint)


def set_patience(connection: Connection, seconds: float) -> None:
    """Wait so long for others who hold the file before LedgerBusy."""
    connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")


def _authorize(action: int, first: Any, second: Any, schema: Any, _trigger: Any) -> int:  # noqa: ANN401 - SQLite's own
    of_log = first in LOG_TABLES or second in LOG_TABLES
    if action in _ERASE_OR_CHANGE:
        refused = schema != "temp" and first in LOG_TABLES
    elif action in _SHAPES:
        refused = of_log
    elif action == sqlite3.SQLITE_PRAGMA:
        refused = second is not None and first.lower() in _LOOSE
    else:
        refused = action == sqlite3.SQLITE_ALTER_TABLE
    return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK


def _authorize_erasure(action: int, first: Any, second: Any, schema: Any, trigger: Any) -> int:  # noqa: ANN401 - SQLite's own
    if action == sqlite3.SQLITE_UPDATE and (first, second, schema) == ("blob", "body", "main"):
        return int(sqlite3.SQLITE_OK)
    return _authorize(action, first, second, schema, trigger)


def _has_its_log(path: Path) -> bool:
    """Say whether the log's tables stand in the file as they were made; True also where that cannot be looked up."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as other:
            version = other.execute("PRAGMA user_version").fetchone()[0]
            present = set(schema(other).values())
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return not isinstance(error, UnicodeDecodeError) and _code(error) & 0xFF not in {_CORRUPT, _FORMAT, _NOTADB}
    return all(line in present for step in STEPS[:version] for line in step if line.startswith("CREATE TABLE"))


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's extended result code of an error; 0 where neither the driver nor the message tells."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code
    return next((code for words, code in _WORDS if words in str(error)), 0)


@contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """Let every query inside see the same state; joins a transaction that is already open."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    except BaseException as error:
        locks.let_go(error)
        raise
    finally:
        if connection.in_transaction:  # SQLite itself ends it after some errors
            connection.execute("ROLLBACK")


def schema(connection: Connection) -> dict[tuple[str, str, str], str]:
    """Return (type, name, table) -> SQL of everything in the file that was made by SQL."""
    sql = "SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL"
    return {(kind, name, table): text for kind, name, table, text in connection.execute(sql)}


def in_memory() -> Connection:
    """Return a connection to an empty database in memory."""
    return sqlite3.connect(":memory:", isolation_level=None)
