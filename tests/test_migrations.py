"""Steps that bring older files up to date: frozen once shipped, run once, and proven by the root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ledger import Ledger, migrations
from ledger.digest import blake3_bytes
from ledger.errors import BrokenLaw, NewerLedger, NotWritable
from ledger.store import create
from tests.logs import fill, findings, foreign, log_rows, nobody, open_files, store_of, tables

FROZEN = [
    "737d4ed71ef1199276aa4c8dc504e93e424d3d5534b1d2dc045e7fa0b3bd24d4",
    "cdb9e6aac41e38bec66f01498f4bb27ba48ce9b1ff36a6a372796c18cb750c3b",
]
"""BLAKE3 of each step. A step that was shipped is never edited: files made by it exist. A change is a new step."""

NEXT = ("CREATE TABLE note (text TEXT NOT NULL) STRICT", "INSERT INTO note VALUES ('here')")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a filled ledger that nobody has open."""
    with Ledger.init(tmp_path / "ledger.db") as ledger:
        fill(ledger, tmp_path)
    return tmp_path / "ledger.db"


@pytest.fixture
def newer(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a ledger that is one step older than the program."""
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, NEXT))
    return path


def test_steps_are_frozen() -> None:
    """Each step is the one that it was."""
    assert [blake3_bytes("\x00".join(step).encode()).hex() for step in migrations.STEPS] == FROZEN


def test_a_new_file_has_the_newest_format(path: Path) -> None:
    """The header names the program and the format, so `file` and other programs know what it is."""
    with foreign(path) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (int.from_bytes(b"SLDG", "big"),)
        assert connection.execute("PRAGMA user_version").fetchone() == (migrations.latest(),) == (2,)


def test_whether_bytes_were_erased_is_looked_up_in_an_index(path: Path) -> None:
    """The guard of blobs and the check of missing bytes ask for each blob, so neither may read the whole log."""
    sql = "EXPLAIN QUERY PLAN SELECT EXISTS (SELECT 1 FROM event WHERE kind = 'erased' AND blob = 7)"
    with foreign(path) as connection:
        assert any("event_erased" in row[3] for row in connection.execute(sql))


def test_an_older_file_is_brought_up_to_date(newer: Path) -> None:
    """Opening runs the missing steps once; log, root and views are as before, and verify agrees."""
    before = log_rows(newer)
    with foreign(newer) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        stood = tables(connection)
    for _ in range(2):
        with Ledger.open(newer) as ledger:
            assert tables(store_of(ledger).connection) == stood
            assert ledger.verify()["ok"]
    assert log_rows(newer) == before
    with foreign(newer) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)
        assert connection.execute("SELECT text FROM note").fetchall() == [("here",)]


def test_a_file_of_the_first_format_opens(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A ledger from before dictionaries gets their tables when it is opened, keeps its head, and can be packed."""
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", migrations.STEPS[:1])
        create(tmp_path / "old.db").close()
    with foreign(tmp_path / "old.db") as old:
        assert old.execute("PRAGMA user_version").fetchone() == (1,)
        old.execute("ATTACH ? AS whole", (str(path),))
        old.execute("DROP TRIGGER meta_no_delete")
        old.execute("DELETE FROM main.meta")
        for name in ("meta", "blob", "event", "tile", "head"):
            old.execute(f"INSERT INTO main.{name} SELECT * FROM whole.{name}")  # noqa: S608 - fixed names
        old.execute(migrations.M001_LOG[-1])
    before = log_rows(tmp_path / "old.db")
    with Ledger.open(tmp_path / "old.db") as ledger:
        assert ledger.verify()["ok"]
        assert log_rows(tmp_path / "old.db") == before
        assert ledger.compact(codec="zstd")["codec"] == "zstd"
        assert ledger.verify()["ok"]


def test_many_processes_bring_it_up_to_date_once(newer: Path) -> None:
    """Of six processes that open an older file at once, one runs the steps and all can use it."""
    pids = []
    for _ in range(6):
        pid = os.fork()
        if not pid:
            code = 99
            try:
                Ledger.open(newer).close()
                code = 0
            finally:
                os._exit(code)
        pids.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0] * 6
    with foreign(newer) as connection:
        assert connection.execute("SELECT text FROM note").fetchall() == [("here",)]


def test_a_newer_file_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a later program is not touched, and it is said which format it has."""
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", (*migrations.STEPS, NEXT))
        Ledger.open(path).close()
    before = path.read_bytes()
    with pytest.raises(NewerLedger, match=r"format 3; this program reads up to 2"):
        Ledger.open(path)
    assert path.read_bytes() == before


def test_a_step_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step is whole or not at all, and the file stays usable for the program that made it."""
    before = log_rows(path)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", (*migrations.STEPS, (*NEXT, "CREATE TABLE event (x)")))
        with pytest.raises(BrokenLaw, match="already exists") as raised:
            Ledger.open(path)
        assert open_files(path) == 0, raised
    assert log_rows(path) == before
    assert findings(path) == set()


def test_a_step_that_changes_the_log_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The head before is the head after, or nothing is written."""
    before = log_rows(path)
    broken = ("DROP TRIGGER head_no_delete", "DELETE FROM head WHERE size = (SELECT max(size) FROM head)")
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", (*migrations.STEPS, broken))
        with pytest.raises(BrokenLaw):
            Ledger.open(path)
    assert log_rows(path) == before
    assert findings(path) == set()


def test_an_older_file_that_cannot_be_written(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be brought up to date, and that is said."""
    create(shared / "ledger.db").close()
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, NEXT))
    with nobody(), pytest.raises(NotWritable):
        Ledger.open(shared / "ledger.db", actor="n")
