"""Copies of the file: verified, one state of the ledger whoever writes meanwhile, whole or not there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger import backup as pages
from ledger.errors import CopyFailed, DestinationExists, DiskFull, LedgerError, NotWritable, RolledBack, StorageFailed
from tests.cli import ROOT, environment, program, small_files
from tests.logs import fill, findings, line, log_rows, sample_ids, store_of, tables, tampering, write_lines
from tests.small import names


@pytest.fixture
def filled(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger with something of everything."""
    fill(ledger, tmp_path)
    return ledger


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    """Return where a copy can stand: a new name in an empty folder."""
    (tmp_path / "copies").mkdir()
    return tmp_path / "copies" / "copy.db"


@pytest.mark.parametrize("quick", [True, False])
def test_a_copy_is_the_ledger(filled: Ledger, dest: Path, *, quick: bool) -> None:
    """Row by row the same log and views, at the same head; it stands alone, verified, and can be written to."""
    made = filled.backup(dest, quick=quick)

    assert made["head"] == filled.status()["head"]
    assert made["bytes"] == dest.stat().st_size
    assert ("views" in made["checked"]) is not quick
    assert names(dest.parent) == ["copy.db"]
    assert log_rows(dest) == log_rows(filled.path)
    with Ledger.open(dest) as copy:
        assert tables(store_of(copy).connection) == tables(store_of(filled).connection)
        copy.accept(sample_ids(copy)[7:8], reason="in the copy only")
    assert findings(dest) == set()


def test_a_copy_is_watched_like_any_ledger(filled: Ledger, dest: Path) -> None:
    """It has a witness of its own from the start: an older file put in its place is refused."""
    filled.backup(dest)
    early = dest.with_name("early.db")
    shutil.copyfile(dest, early)
    with Ledger.open(dest) as copy:
        copy.accept(sample_ids(copy)[7:8])
    early.replace(dest)

    with pytest.raises(RolledBack):
        Ledger.open(dest)


def test_an_empty_ledger_can_be_copied(ledger: Ledger, dest: Path) -> None:
    """Its copy is empty, under the same id."""
    assert ledger.backup(dest)["ledger"] == ledger.status()["ledger"]
    assert findings(dest) == set()


def test_nothing_is_overwritten(filled: Ledger, dest: Path) -> None:
    """A file, a folder and a dangling link keep their names, and so does the ledger itself."""
    dest.write_text("mine")
    dest.with_name("link").symlink_to("nowhere")
    for place in (dest, dest.parent, dest.with_name("link"), filled.path):
        with pytest.raises(DestinationExists):
            filled.backup(place)
    assert dest.read_text() == "mine"


def test_places_where_no_copy_can_stand(filled: Ledger, dest: Path) -> None:
    """No such folder, and a journal that would be applied to the copy."""
    with pytest.raises(NotWritable, match="no directory"):
        filled.backup(dest.parent / "no" / "copy.db")
    dest.with_name("copy.db-journal").write_bytes(b"something")
    with pytest.raises(NotWritable, match="applied"):
        filled.backup(dest)
    assert names(dest.parent) == ["copy.db-journal"]


def test_a_damaged_ledger_has_no_copy(filled: Ledger, dest: Path) -> None:
    """What is not sound is not kept under the name of a backup."""
    path = filled.path
    filled.close()
    with tampering(path) as connection:
        connection.execute("UPDATE blob SET body = CAST('{}' AS BLOB) WHERE id = 7")

    with Ledger.open(path) as opened, pytest.raises(CopyFailed, match="blob 7"):
        opened.backup(dest)

    assert names(dest.parent) == []


def test_a_copy_that_is_another_ledger_is_refused(
    filled: Ledger, dest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was copied is compared with the ledger, not only with itself."""
    with Ledger.init(tmp_path / "other.db") as other:
        fill(other, tmp_path)

    def astray(_source: object, target: Path, _told: object) -> None:
        shutil.copyfile(tmp_path / "other.db", target)

    monkeypatch.setattr("ledger.verbs.backup.copy_pages", astray)
    with pytest.raises(CopyFailed, match="none of the ledger"):
        filled.backup(dest)
    assert names(dest.parent) == []


def test_a_ledger_with_write_ahead_logging_is_one_file_as_a_copy(
    dest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in the log is in the copy, and no log beside it is needed."""
    monkeypatch.setattr("ledger.sqlite.wal_is_safe", lambda: True)
    with Ledger.init(tmp_path / "wal.db", wal=True) as ledger:
        fill(ledger, tmp_path)
        made = ledger.backup(dest)
        assert made["head"] == ledger.status()["head"]
    assert names(dest.parent) == ["copy.db"]
    assert findings(dest) == set()


def test_a_full_disk_leaves_nothing(filled: Ledger, dest: Path) -> None:
    """Without room it is DiskFull, and no part of a copy stands there."""
    answer = program("--ledger", filled.path, "backup", dest.name, cwd=dest.parent, before=small_files(300_000))

    assert answer.code == DiskFull.exit_code, answer.err
    assert f"No room to write: the copy {dest}." in answer.err
    assert "the ledger is as it was" in answer.err
    assert "committed" not in answer.err
    assert "goes on where it stopped" not in answer.err
    assert names(dest.parent) == []


def test_a_disk_that_fails_is_told_of_the_copy(filled: Ledger, dest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is room it stays an error of the storage, and what it says is of a backup, not of a commit."""

    def failing(*_arguments: object) -> None:
        raise StorageFailed(dest, "disk I/O error")

    monkeypatch.setattr("ledger.verbs.backup.copy_pages", failing)
    for sized in (False, True):
        monkeypatch.setattr("ledger.verbs.backup._has_room", lambda _made, _size, sized=sized: sized)
        with pytest.raises(StorageFailed if sized else DiskFull) as raised:
            filled.backup(dest)
        assert "the ledger is as it was" in raised.value.next_step
        assert names(dest.parent) == []


WRITER = """import sys; from ledger import Ledger
with Ledger.open(sys.argv[1]) as ledger:
    for number in range(int(sys.argv[2])):
        ledger.tag(sys.argv[3:], "n", str(number))
"""


def test_a_copy_made_while_others_write_is_one_state(
    ledger: Ledger, dest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each copy is sound and equals a head that the ledger had, and every commit of the writer succeeds."""
    monkeypatch.setattr(pages, "_PAGES", 4)  # so that somebody writes between two steps
    many = [line(f"m{number}", "c" * 2000) for number in range(500)]
    ledger.ingest([write_lines(tmp_path / "many.in", many)], campaign="many")
    argv = [sys.executable, "-c", WRITER, str(ledger.path), "30", *sample_ids(ledger)[:3]]
    seen: set[int] = set()
    with subprocess.Popen(argv, cwd=ROOT, env=environment()) as child:
        while child.poll() is None:
            place = dest.with_name(f"{len(seen)}.db")
            place.unlink(missing_ok=True)
            made = ledger.backup(place, quick=True)
            head = store_of(ledger).head_at(made["head"]["position"])
            assert head is not None
            assert made["head"]["root"] == f"b3:{head.root.hex()}"
            seen.add(made["head"]["position"])
        assert child.returncode == 0
    assert ledger.verify()["ok"]


def test_overtaken_once_it_holds_the_file(
    ledger: Ledger, dest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer in the midst of copying makes it begin anew, once: then the ledger stands still until it is copied."""
    monkeypatch.setattr(pages, "_PAGES", 4)
    many = [line(f"m{number}", "c" * 2000) for number in range(500)]
    ledger.ingest([write_lines(tmp_path / "many.in", many)], campaign="many")
    ids = sample_ids(ledger)
    tries: list[str] = []

    def interfere(what: str, _done: int, _total: int) -> None:
        if what != "pages" or len(tries) > 2:
            return
        try:
            with Ledger.open(ledger.path, wait=0) as other:
                other.accept([ids[len(tries)]])
            tries.append("written")
        except LedgerError as error:
            tries.append(type(error).__name__)

    made = ledger.backup(dest, quick=True, progress=interfere)

    assert tries == ["written", "LedgerBusy", "LedgerBusy"]
    assert made["head"] == ledger.status()["head"]


def test_a_kill_leaves_nothing_or_all(filled: Ledger, dest: Path) -> None:
    """Killed while it copies or verifies, the name is not there; what is left is a folder that `doctor` names."""
    code = """import os, signal, sys; from ledger import Ledger
def die(what, done, total):
    if what == sys.argv[3]: os.kill(os.getpid(), signal.SIGKILL)
with Ledger.open(sys.argv[1]) as ledger: ledger.backup(sys.argv[2], progress=die)
"""
    for what in ("pages", "events"):
        argv: list[Any] = [sys.executable, "-c", code, filled.path, dest, what]
        done = subprocess.run(argv, cwd=ROOT, env=environment(), check=False, capture_output=True)
        assert done.returncode == -9, done.stderr
        assert not dest.exists()
    assert filled.verify()["ok"]
