"""The file is opened safely: what is refused and how it is said, locks, settings, and what a connection may do."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from ledger import Ledger, sqlite
from ledger.errors import (
    BadRequest,
    BrokenLaw,
    CorruptLedger,
    DiskFull,
    LedgerBusy,
    LedgerError,
    LedgerNotFound,
    NewerLedger,
    NotALedger,
    NotWritable,
    StaleViews,
    StorageFailed,
    UnsafeJournal,
)
from ledger.store import create, open_store
from tests.logs import fill, foreign, line, nobody, open_files, store_of, write_lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of an empty ledger that nobody has open."""
    Ledger.init(tmp_path / "ledger.db").close()
    return tmp_path / "ledger.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a guarded connection to an empty ledger."""
    store = open_store(path)
    yield store.connection
    store.close()


# --- what is not a ledger


def test_no_file(tmp_path: Path) -> None:
    """A path without a file is said to be that, and nothing is created there."""
    with pytest.raises(LedgerNotFound):
        open_store(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_a_pipe_and_an_empty_file(tmp_path: Path) -> None:
    """What is no regular file with something in it is refused without waiting for it."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty.db").touch()
    for name, reason in (("", "directory"), ("pipe", "not a regular file"), ("empty.db", "empty")):
        with pytest.raises(NotALedger, match=reason):
            open_store(tmp_path / name)


@pytest.mark.parametrize("data", [b"x", b"hello\n" * 10_000, bytes(20_000), b"SQLite format 3\x00", b"SQLite"])
def test_other_bytes(tmp_path: Path, data: bytes) -> None:
    """A file of other bytes is not a ledger, is left as it is, and no connection to it stays open."""
    path = tmp_path / "other.db"
    path.write_bytes(data)
    with pytest.raises((NotALedger, CorruptLedger)) as raised:
        open_store(path)
    assert open_files(path) == 0, raised
    assert path.read_bytes() == data


def test_another_programs_database(tmp_path: Path) -> None:
    """An SQLite file that is not ours is refused, unchanged, and closed."""
    path = tmp_path / "other.db"
    with foreign(path) as other:
        other.execute("CREATE TABLE t (x)")
    before = path.read_bytes()
    with pytest.raises(NotALedger, match="another program's") as raised:
        open_store(path)
    assert open_files(path) == 0, raised
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("PRAGMA user_version = 99", NewerLedger),
        ("PRAGMA user_version = 0", NotALedger),
        ("DROP TABLE meta", CorruptLedger),
        ("DELETE FROM meta", NotALedger),
        ("DROP TABLE head", CorruptLedger),
    ],
)
def test_a_file_that_cannot_be_used_is_closed_again(path: Path, statement: str, error: type[LedgerError]) -> None:
    """Whatever makes opening fail, it says so in its own class and leaves no connection open."""
    with foreign(path) as other:
        other.execute("DROP TRIGGER meta_no_delete")
        other.execute(statement)
    with pytest.raises(error) as raised:
        Ledger.open(path)
    assert open_files(path) == 0, raised


def test_a_schema_that_is_not_text(path: Path) -> None:
    """Damage inside the schema's own text is damage, also where it makes SQLite's message unreadable."""
    data = path.read_bytes()
    place = data.index(b"TABLE meta")
    path.write_bytes(data[:place] + b"\xd5\xff" + data[place + 2 :])
    with pytest.raises(CorruptLedger) as raised:
        open_store(path)
    assert open_files(path) == 0, raised


def test_strange_names(tmp_path: Path) -> None:
    """A path may hold what has a meaning in a URI, and bytes that are not UTF-8."""
    for name in ("a?mode=memory#b%41 c.db", os.fsdecode(b"caf\xe9.db")):
        with Ledger.init(tmp_path / name) as ledger:
            assert ledger.status()["events"] == 0
        assert (tmp_path / name).stat().st_size > 0


# --- locks


def holds_the_lock_elsewhere(path: Path) -> bool:
    """Say whether another process is kept from writing."""
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None);"
        "c.execute('BEGIN IMMEDIATE')"
    )
    return b"locked" in subprocess.run([sys.executable, "-c", code, path], check=False, capture_output=True).stderr


def test_opening_the_file_again_keeps_the_locks_of_this_process(path: Path) -> None:
    """A second connection of one process, opened and closed, does not release the write lock of the first.

    Closing any descriptor of a file drops all of a process's locks on it, so nothing but SQLite may open the file.
    """
    with Ledger.open(path) as ledger, store_of(ledger).transaction():
        open_store(path).close()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ledger.migrations.STEPS", ())
            with pytest.raises(NewerLedger):
                open_store(path)
        assert holds_the_lock_elsewhere(path)
    assert not holds_the_lock_elsewhere(path)


def test_waiting_for_another_writer(path: Path) -> None:
    """Who waits hears how long, and is told after the time that was allowed."""
    heard: list[float] = []
    with foreign(path) as other, Ledger.open(path, wait=0.6, on_wait=heard.append) as ledger:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        with pytest.raises(LedgerBusy, match="waited 1 s"):
            ledger.rebuild_views()
        assert 0.6 <= time.monotonic() - started < 5
        assert heard == sorted(heard)
        assert len(heard) >= 2
        other.rollback()
        ledger.rebuild_views()


def test_not_waiting_at_all(path: Path) -> None:
    """With no time allowed the answer comes at once."""
    with foreign(path) as other, Ledger.open(path, wait=0) as ledger:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        with pytest.raises(LedgerBusy):
            ledger.rebuild_views()
        assert time.monotonic() - started < 5


def test_a_reader_that_stays_delays_the_commit_until_the_time_is_up(path: Path, tmp_path: Path) -> None:
    """A commit that readers keep waiting is given up whole, and succeeds when they are gone."""
    source = write_lines(tmp_path / "in.jsonl", [line("p", "c")])
    with foreign(path) as reader, Ledger.open(path, wait=0) as ledger:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM event").fetchone()
        with pytest.raises(LedgerBusy):
            ledger.ingest([source], campaign="c")
        assert ledger.status()["events"] == 0
        reader.rollback()
        assert ledger.ingest([source], campaign="c")["new"] == 1


def test_errors_while_waiting_are_not_taken_for_a_lock(path: Path, connection: sqlite3.Connection) -> None:
    """What is not a lock is not waited for."""
    connection.execute("BEGIN")
    with pytest.raises(sqlite3.OperationalError, match="within a transaction"):
        sqlite.begin(connection, path, 5, None)
    connection.execute("ROLLBACK")


def test_a_snapshot_stands_still_and_joins_an_open_transaction(path: Path, connection: sqlite3.Connection) -> None:
    """Inside a snapshot a WAL-less file cannot change; nested, it is the transaction that is there."""
    with sqlite.snapshot(connection):
        assert connection.in_transaction
        with sqlite.snapshot(connection):
            connection.execute("SELECT count(*) FROM event").fetchone()
        assert connection.in_transaction
    assert not connection.in_transaction
    with sqlite.snapshot(connection):
        connection.execute("ROLLBACK")  # as SQLite does of itself after some errors
    with sqlite.writing(connection, path, 0, None):
        assert connection.in_transaction


# --- settings


def test_settings(connection: sqlite3.Connection) -> None:
    """Every connection has the settings that durability and detection need."""
    found = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in (
            "journal_mode",
            "synchronous",
            "recursive_triggers",
            "trusted_schema",
            "cell_size_check",
            "secure_delete",
            "page_size",
            "mmap_size",
        )
    }
    assert found == {
        "journal_mode": "truncate",
        "synchronous": 2,
        "recursive_triggers": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "secure_delete": 1,
        "page_size": 16384,
        "mmap_size": 0,
    }


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), False),
        ((3, 53, 0), True),
    ],
)
def test_which_sqlite_may_use_wal(monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], safe: bool) -> None:  # noqa: FBT001 - a parameter
    """The versions with the fix of the WAL-reset bug, and those only (sqlite.org/wal.html#walresetbug)."""
    monkeypatch.setattr("ledger.sqlite.sqlite3.sqlite_version_info", version)
    assert sqlite.wal_is_safe() is safe


def test_wal_is_kept_where_it_is_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger created for write-ahead logging stays so, works, and is one sound file when closed."""
    monkeypatch.setattr(sqlite, "wal_is_safe", lambda: True)
    with Ledger.init(tmp_path / "ledger.db", wal=True) as ledger:
        fill(ledger, tmp_path)
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        assert store_of(ledger).connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert ledger.verify()["ok"]


def test_wal_is_left_where_it_is_not_safe(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in WAL mode is changed back by a SQLite with the bug, unless someone else has it open."""
    monkeypatch.setattr(sqlite, "wal_is_safe", lambda: False)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("SELECT count(*) FROM event").fetchone()
        with pytest.raises(UnsafeJournal) as raised:
            sqlite.connect(path, wait=0)
        assert "Close the other programs" in raised.value.next_step
    with Ledger.open(path) as ledger:
        assert store_of(ledger).connection.execute("PRAGMA journal_mode").fetchone() == ("truncate",)
    with pytest.raises(UnsafeJournal):
        Ledger.init(path.with_name("new.db"), wal=True)


# --- places that cannot be written


def test_a_ledger_that_cannot_be_written_can_be_read(shared: Path) -> None:
    """Without permission to write, everything is read, and writing is refused before anything is tried."""
    with Ledger.init(shared / "ledger.db") as ledger:
        ids = fill(ledger, shared)
        answer = ledger.status()
    with nobody(), Ledger.open(shared / "ledger.db", actor="n") as ledger:
        assert ledger.status() == answer
        assert ledger.verify()["ok"]
        assert ledger.status(as_of="30")["events"] == 31
        with pytest.raises(NotWritable, match="read-only"):
            ledger.accept(ids[:1])
    assert open_files(shared / "ledger.db") == 0


def test_a_file_that_cannot_be_read(shared: Path) -> None:
    """A file without permission to read is refused with that reason."""
    Ledger.init(shared / "ledger.db").close()
    (shared / "ledger.db").chmod(0o600)
    with nobody(), pytest.raises(NotALedger, match="permission"):
        open_store(shared / "ledger.db")


def test_stale_views_in_a_file_that_cannot_be_written(shared: Path) -> None:
    """Views of another version cannot be made again there; it is said, and the file is closed."""
    Ledger.init(shared / "ledger.db").close()
    with foreign(shared / "ledger.db") as other:
        other.execute("UPDATE projection SET code = x'00'")
    with nobody(), pytest.raises(StaleViews) as raised:
        Ledger.open(shared / "ledger.db", actor="n")
    assert open_files(shared / "ledger.db") == 0, raised


def test_no_place_to_create(shared: Path) -> None:
    """Where no file can be made, none is, and nothing else either."""
    with nobody(), pytest.raises(NotWritable):
        create(shared / "ledger.db")
    with pytest.raises(NotWritable, match="No such file"):
        create(shared / "none" / "ledger.db")
    assert list(shared.iterdir()) == []


def test_a_hot_journal_is_rolled_back_where_it_can_be_and_named_where_not(shared: Path) -> None:
    """After a crash inside a commit the file is as before it; a reader without permission is told what to do."""
    path = shared / "ledger.db"
    with Ledger.init(path) as ledger:
        fill(ledger, shared)
        answer = ledger.status()
    killed = os.fork()
    if not killed:  # a writer that dies with half its pages in the file
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE junk AS SELECT * FROM blob, (SELECT 1 FROM event) LIMIT 2000")
        connection.execute("UPDATE totals SET value = 99")
        connection.execute("UPDATE samples SET reason = 'junk'")
        os._exit(0)
    os.waitpid(killed, 0)
    assert path.with_name("ledger.db-journal").stat().st_size > 0
    with nobody(), pytest.raises(NotWritable, match="was interrupted"):
        Ledger.open(path, actor="n")
    with Ledger.open(path) as ledger:
        assert ledger.status() == answer
        assert ledger.verify()["ok"]


# --- what errors mean


def reported(message: str, code: int | None, cls: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    """Return an error as the driver raises it; older drivers give no code."""
    error = cls(message)
    if code is not None:
        error.sqlite_errorcode = code
    return error


CAUSES = [
    ("database is locked", 5, LedgerBusy),
    ("database is locked", 261, LedgerBusy),
    ("database table is locked", 6, LedgerBusy),
    ("attempt to write a readonly database", 8, NotWritable),
    ("disk I/O error", 10, StorageFailed),
    ("disk I/O error", 778, StorageFailed),
    ("database disk image is malformed", 11, CorruptLedger),
    ("database or disk is full", 13, DiskFull),
    ("unable to open database file", 14, NotWritable),
    ("not authorized", 23, BrokenLaw),
    ("file is not a database", 26, NotALedger),
    ("Could not decode to UTF-8 column 'leaf'", None, CorruptLedger),
    ("malformed database schema (event)", 1, CorruptLedger),
    ("malformed JSON", 1, CorruptLedger),
    ('near "SELEC": syntax error', 1, BrokenLaw),
    ("UNIQUE constraint failed: event.op", 2067, BrokenLaw),
    ("an event takes the next position", 1811, BrokenLaw),
    ("datatype mismatch", 20, BrokenLaw),
    ("database schema has changed", 17, BrokenLaw),
]


@pytest.mark.parametrize(("message", "code", "expected"), CAUSES)
@pytest.mark.parametrize("told", [True, False])
def test_each_cause_has_its_class(
    message: str,
    code: int | None,
    expected: type[LedgerError],
    told: bool,  # noqa: FBT001 - a parameter
) -> None:
    """SQLite's result codes become what a person can act on, also where the driver gives only the message."""
    with pytest.raises(LedgerError) as raised, sqlite.plain_errors(Path("ledger.db")):
        raise reported(message, code if told else None)
    assert type(raised.value) is expected
    assert "ledger.db" in str(raised.value)


def test_a_moved_file_is_said_to_have_moved() -> None:
    """SQLITE_READONLY_DBMOVED says what happened rather than that something is read-only."""
    with pytest.raises(NotWritable, match="moved or replaced"), sqlite.plain_errors(Path("ledger.db")):
        raise reported("attempt to write a readonly database", 1032)


@pytest.mark.parametrize("code", range(1, 29))
def test_which_codes_mean_damage(code: int) -> None:
    """Of all result codes only CORRUPT and FORMAT say that the file is damaged, and NOTADB that it is none."""
    with pytest.raises(LedgerError) as raised, sqlite.plain_errors(Path("ledger.db")):
        raise reported("so it is", code)
    blames = {11: CorruptLedger, 24: CorruptLedger, 26: NotALedger}
    assert blames.get(code) == (type(raised.value) if isinstance(raised.value, (CorruptLedger, NotALedger)) else None)


@pytest.mark.parametrize("cls", [sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.NotSupportedError])
def test_mistakes_of_this_program_are_not_blamed_on_the_file(cls: type[sqlite3.Error]) -> None:
    """A wrong use of the driver is a bug, and said to be one."""
    with pytest.raises(BrokenLaw, match="wrong use") as raised, sqlite.plain_errors(Path("ledger.db")):
        raise reported("wrong use", None, cls)
    assert "bug" in raised.value.next_step


MISTAKES = ["SELECT nothing FROM event", "SELECT 1 FROM nowhere", "SELEC", "INSERT INTO event VALUES (7, 7, 7)"]


@pytest.mark.parametrize("statement", MISTAKES)
def test_a_wrong_statement_on_a_sound_file_is_a_bug(path: Path, statement: str) -> None:
    """Nobody is told to restore a good copy of a ledger that is sound, also while the file is being written."""
    store = open_store(path)
    with pytest.raises(BrokenLaw) as raised, store.exclusive():
        store.connection.execute(statement)
    store.close()
    assert "report it" in raised.value.next_step


HARM = [
    "DROP TABLE tile",
    "UPDATE sqlite_schema SET sql = replace(sql, 'hashes', 'hasher') WHERE name = 'tile'",
]


@pytest.mark.parametrize("harm", HARM)
def test_a_right_statement_on_a_file_with_another_schema_is_damage(path: Path, harm: str) -> None:
    """What is missed in a log that is not as it was made has the code of a wrong name, but is damage."""
    with foreign(path) as other:
        other.execute("PRAGMA writable_schema = ON")
        other.execute(harm)
    store = open_store(path)
    with pytest.raises(CorruptLedger, match="no such"), sqlite.plain_errors(path):
        store.connection.execute("SELECT hashes FROM tile")
    store.close()


def test_a_header_that_names_another_format_is_damage(path: Path) -> None:
    """SQLite reports it like a wrong statement; it is the file, not this program, that is at fault."""
    data = bytearray(path.read_bytes())
    data[47] = 12  # the number of the schema's format; SQLite knows 1 to 4
    path.write_bytes(data)
    with pytest.raises(CorruptLedger, match="unsupported file format"):
        sqlite.connect(path)


def test_a_ledger_belongs_to_its_thread(path: Path) -> None:
    """A second thread, and one who comes after it was closed, is told so and no damage is claimed."""
    ledger = Ledger.open(path)
    with ThreadPoolExecutor(1) as other, pytest.raises(BadRequest, match="the thread that opened it") as raised:
        other.submit(ledger.status).result()
    assert "each thread" in raised.value.next_step
    assert ledger.status()["events"] == 0
    ledger.close()
    with pytest.raises(BadRequest, match="was closed"):
        ledger.status()


# --- what a connection may do

REFUSED = [
    "UPDATE event SET kind = 'x'",
    "UPDATE main.blob SET body = NULL",
    "DELETE FROM event",
    "DELETE FROM head WHERE 0",
    "DROP TABLE event",
    "DROP TRIGGER event_no_update",
    "DROP INDEX event_of_sample",
    "ALTER TABLE event RENAME TO other",
    "ALTER TABLE samples ADD COLUMN x",
    "CREATE TRIGGER t BEFORE INSERT ON event BEGIN SELECT raise(IGNORE); END",
    "CREATE TEMP TRIGGER t BEFORE INSERT ON main.event BEGIN SELECT raise(IGNORE); END",
    "CREATE UNIQUE INDEX i ON event (kind)",
    "PRAGMA writable_schema = ON",
    "PRAGMA RECURSIVE_TRIGGERS = OFF",
    "PRAGMA ignore_check_constraints = ON",
    "PRAGMA trusted_schema = ON",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_our_own_connection_is_refused(connection: sqlite3.Connection, statement: str) -> None:
    """Before any trigger: the authorizer refuses to change, delete or reshape the log, or to loosen its guards."""
    with pytest.raises(sqlite3.DatabaseError, match=r"not authorized|prohibited"):
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE samples SET reason = ''",
        "DELETE FROM samples",
        "DROP TABLE samples",
        "CREATE TEMP TABLE event (x)",
        "PRAGMA recursive_triggers",
        "PRAGMA integrity_check(5)",
    ],
)
def test_views_and_temporary_tables_are_free(connection: sqlite3.Connection, statement: str) -> None:
    """Views can be dropped and made again, temporary tables of any name used, and settings read."""
    connection.execute("BEGIN")
    connection.execute(statement)
    connection.execute("ROLLBACK")


def test_temporary_tables_with_the_names_of_the_log_can_be_changed(connection: sqlite3.Connection) -> None:
    """The guard is about the file, not about names."""
    connection.execute("CREATE TEMP TABLE event (x)")
    connection.execute("INSERT INTO temp.event VALUES (1)")
    connection.execute("UPDATE temp.event SET x = 2")
    connection.execute("DELETE FROM temp.event")
