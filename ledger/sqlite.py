"""One SQLite file, opened safely: settings, what a connection may do, and plain words for what SQLite reports.

The driver is the one that sqlite-utils uses. Two SQLite libraries in one process drop each other's file locks, so no
other module imports a driver.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # it is there on purpose, for callers

from ledger.errors import (
    CorruptLedger,
    DiskFull,
    LedgerBusy,
    LedgerError,
    LedgerNotFound,
    NotALedger,
    NotWritable,
    StorageFailed,
)
from ledger.migrations import LOG_TABLES, PAGE_SIZE

Connection = sqlite3.Connection
Error = sqlite3.Error
OnWait = Callable[[float], None]

WAIT_SECONDS = 60.0
CACHE_KIB = 128 * 1024
_HEADER = b"SQLite format 3\x00"
_STEP_SECONDS = 0.25
_ERASE_OR_CHANGE = frozenset({sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})
_DROPS = frozenset(
    {
        sqlite3.SQLITE_DROP_TABLE,
        sqlite3.SQLITE_DROP_TRIGGER,
        sqlite3.SQLITE_DROP_INDEX,
        sqlite3.SQLITE_ALTER_TABLE,
    },
)


def connect(path: Path, *, create: bool = False) -> Connection:
    """Return a connection to the ledger file at `path` with every setting that safety needs.

    Raises LedgerNotFound, NotALedger, NotWritable or CorruptLedger. A file in a place that cannot be written is
    opened for reading only.
    """
    if create:
        return _open(path, "rwc")
    check_is_file(path)
    return _open(path, "rw" if is_writable(path) else "ro")


def is_writable(path: Path) -> bool:
    """Say whether the file, and the directory that its journal goes to, can be written by this user."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def check_is_file(path: Path) -> None:
    """Raise LedgerNotFound or NotALedger unless `path` is a file that begins like an SQLite database."""
    if path.is_dir():
        raise NotALedger(path, "it is a directory")
    try:
        with path.open("rb") as file:
            head = file.read(len(_HEADER))
    except FileNotFoundError as error:
        raise LedgerNotFound(path) from error
    except OSError as error:
        raise NotALedger(path, error.strerror) from error
    if head != _HEADER:
        raise NotALedger(path, "it is empty" if not head else "it is not an SQLite file")


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors inside the block into LedgerErrors about the file at `path`."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(error, path) from error


def begin(connection: Connection, path: Path, wait: float, on_wait: OnWait | None) -> None:
    """Take the write lock, telling `on_wait` the seconds waited; raise LedgerBusy after `wait` seconds."""
    started = time.monotonic()
    connection.execute(f"PRAGMA busy_timeout = {int(_STEP_SECONDS * 1000)}")
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                waited = time.monotonic() - started
                if not _is_busy(error):
                    raise
                if waited >= wait:
                    raise LedgerBusy(path, round(waited)) from error
                if on_wait is not None:
                    on_wait(waited)
            else:
                return
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(WAIT_SECONDS * 1000)}")


def wal_is_safe() -> bool:
    """Say whether the linked SQLite has the fix for the WAL-reset bug (sqlite.org/wal.html#walresetbug)."""
    version = sqlite3.sqlite_version_info
    if version >= (3, 51, 3):
        return version[:2] != (3, 52)
    return (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def sqlite_version() -> str:
    """Return the version of the linked SQLite library."""
    return str(sqlite3.sqlite_version)


def _open(path: Path, mode: str) -> Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with plain_errors(path):
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=WAIT_SECONDS, check_same_thread=False)
        if mode == "rwc":
            connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        for setting in (
            "recursive_triggers = ON",
            "trusted_schema = OFF",
            "cell_size_check = ON",
            "secure_delete = ON",
            "synchronous = FULL",
            f"cache_size = -{CACHE_KIB}",
        ):
            connection.execute(f"PRAGMA {setting}")
        if mode != "ro" and connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            connection.execute("PRAGMA journal_mode = TRUNCATE")
    return connection


def guard(connection: Connection) -> None:
    """Let this connection neither change, delete nor drop anything of the log."""
    connection.set_authorizer(_authorize)


def _authorize(action: int, first: Any, second: Any, schema: Any, _trigger: Any) -> int:  # noqa: ANN401 - SQLite's own
    if schema == "temp":
        return sqlite3.SQLITE_OK
    if action in _ERASE_OR_CHANGE and first in LOG_TABLES:
        return sqlite3.SQLITE_DENY
    if action in _DROPS and (first in LOG_TABLES or second in LOG_TABLES or action == sqlite3.SQLITE_ALTER_TABLE):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _is_busy(error: sqlite3.Error) -> bool:
    return "locked" in str(error) or "busy" in str(error)


def _translated(error: sqlite3.Error, path: Path) -> LedgerError:
    """Name SQLite's result codes (sqlite.org/rescode.html) by what a person can do about them."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    causes: dict[int | None, LedgerError] = {
        sqlite3.SQLITE_FULL: DiskFull(path),
        sqlite3.SQLITE_BUSY: LedgerBusy(path, round(WAIT_SECONDS)),
        sqlite3.SQLITE_LOCKED: LedgerBusy(path, round(WAIT_SECONDS)),
        sqlite3.SQLITE_READONLY: NotWritable(path, str(error)),
        sqlite3.SQLITE_PERM: NotWritable(path, str(error)),
        sqlite3.SQLITE_CANTOPEN: NotWritable(path, str(error)),
        sqlite3.SQLITE_NOTADB: NotALedger(path, "it is not an SQLite file"),
        sqlite3.SQLITE_IOERR: StorageFailed(path, str(error)),
    }
    return causes.get(primary) or CorruptLedger(path, str(error))


@contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """Let every query inside see the same state; joins a transaction that is already open."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def in_memory() -> Connection:
    """Return a connection to an empty database in memory."""
    return sqlite3.connect(":memory:", isolation_level=None)
