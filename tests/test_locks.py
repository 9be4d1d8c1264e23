"""Who holds the write lock is asked of the system, and asking disturbs nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger import Ledger, sqlite
from ledger.locks import busy, writer
from tests.cli import ROOT, environment
from tests.logs import foreign, open_files

if not Path("/proc/locks").exists():
    pytest.skip("this system does not tell who holds a lock", allow_module_level=True)

HOLDER = """import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of an empty ledger that nobody has open."""
    Ledger.init(tmp_path / "ledger.db").close()
    return tmp_path / "ledger.db"


def holder_of(path: Path) -> subprocess.Popen[bytes]:
    """Start a process that holds the write lock until its standard input is closed."""
    argv = [sys.executable, "-c", HOLDER, str(path)]
    child = subprocess.Popen(argv, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    return child


@pytest.mark.parametrize("mode", ["TRUNCATE", "WAL"])
def test_the_process_and_its_command_are_named(path: Path, mode: str) -> None:
    """While another process holds the lock it is named, in both journal modes; before and after nobody is."""
    with foreign(path) as kept:  # so that the file stays in that mode
        kept.execute(f"PRAGMA journal_mode = {mode}")
        kept.execute("SELECT count(*) FROM event").fetchall()
        assert writer(path) is None
        with holder_of(path) as child:
            found = writer(path)
            assert child.stdin is not None
            child.stdin.close()
        assert found is not None
        assert found[0] == child.pid
        assert str(path) in found[1]
        assert writer(path) is None


def test_a_commit_in_the_making_is_found_too(path: Path) -> None:
    """At its end a writer locks the whole range, which the system shows as one lock."""
    connection = sqlite.connect(path)
    connection.execute("BEGIN EXCLUSIVE")

    found = writer(path)

    connection.execute("ROLLBACK")
    connection.close()
    assert found is not None
    assert found[0] == os.getpid()


def test_readers_are_not_writers(path: Path) -> None:
    """A lock that is shared is nobody's write lock."""
    with foreign(path) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM event").fetchall()
        assert writer(path) is None


def test_asking_opens_nothing_and_keeps_our_locks(path: Path) -> None:
    """To open and close the file would drop the locks of this process: another one could then write, too."""
    connection = sqlite.connect(path)
    connection.execute("BEGIN IMMEDIATE")
    before = open_files(path)
    for _ in range(3):
        writer(path)
    code = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False, capture_output=True)
    assert open_files(path) == before
    connection.execute("ROLLBACK")
    connection.close()

    assert b"database is locked" in done.stderr


def test_a_file_that_is_not_there_has_no_writer(tmp_path: Path) -> None:
    """Nothing to ask about is None, not an error."""
    assert writer(tmp_path / "none.db") is None


def test_the_error_says_whom_to_wait_for(path: Path) -> None:
    """It names the process where that is known, and the option that allows more time."""
    connection = sqlite.connect(path)
    connection.execute("BEGIN IMMEDIATE")
    known = busy(path, 3.2)
    connection.execute("ROLLBACK")
    connection.close()

    assert f"process {os.getpid()} (" in known.next_step
    assert "waited 3 s" in str(known)
    assert "the other command" in busy(path, 3).next_step
    assert "--wait SECONDS" in busy(path, 3).next_step
