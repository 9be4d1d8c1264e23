"""The doctor names what could harm a ledger where it stands, says what to do, and changes nothing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ledger import Ledger, sqlite
from ledger.errors import LedgerNotFound
from ledger.faults import FINDINGS
from ledger.verbs import doctor
from ledger.verbs.doctor import ADVICE, file_system
from tests.cli import ROOT
from tests.logs import copy_of, fill, foreign, line, nobody, store_of, tampering, write_lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a filled ledger that nobody has open."""
    with Ledger.init(tmp_path / "ledger.db") as ledger:
        fill(ledger, tmp_path)
    return tmp_path / "ledger.db"


def found(path: Path) -> dict[str, dict[str, Any]]:
    """Return what the doctor finds, by name, without what is said of every ledger on this computer."""
    answer = Ledger.doctor(path)
    assert answer["ok"] is not any(finding["severity"] == "error" for finding in answer["findings"])
    named = {finding["id"]: finding for finding in answer["findings"]}
    return {name: finding for name, finding in named.items() if name not in {"wal_unavailable", "extra_missing"}}


def test_a_sound_ledger_has_no_findings(path: Path) -> None:
    """Facts say what it is and where; not a byte of its folder changes."""
    before = {each.name: (each.read_bytes(), each.stat().st_mtime_ns) for each in path.parent.iterdir()}

    assert found(path) == {}

    facts = Ledger.doctor(path)["facts"]
    with Ledger.open(path) as ledger:
        status = ledger.status()
    assert (facts["head"], facts["ledger"], facts["journal"]) == (status["head"], status["ledger"], "rollback")
    assert facts["bytes"] == path.stat().st_size
    assert facts["sqlite"] == sqlite.sqlite_version()
    assert {each.name: (each.read_bytes(), each.stat().st_mtime_ns) for each in path.parent.iterdir()} == before


def test_names_are_those_of_the_doctor_or_of_verify() -> None:
    """No finding has two meanings, and each says what to do."""
    assert not ADVICE.keys() & FINDINGS.keys()
    assert all(severity in {"error", "warning", "info"} and advice for severity, advice in ADVICE.values())


def test_every_finding_of_its_own_is_documented() -> None:
    """docs/formats.md has each with its severity, in this order."""
    _, _, table = (ROOT / "docs" / "formats.md").read_text("utf-8").partition("## What `doctor` can find\n")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| .+ \|$", table.partition("\n## ")[0], re.MULTILINE)

    assert rows == [(name, severity) for name, (severity, _) in ADVICE.items()]


def test_no_ledger_is_an_error(tmp_path: Path) -> None:
    """Where there is no file there is nothing to look at."""
    with pytest.raises(LedgerNotFound):
        Ledger.doctor(tmp_path / "none.db")


class Ill(NamedTuple):
    """One thing that can be wrong: how to make it, and what the doctor then says."""

    make: Callable[[Path], object]
    name: str
    severity: str


def _old(path: Path) -> None:
    os.utime(path, (time.time() - 3600,) * 2)


def _leave_file(path: Path) -> None:
    (path.parent / ".ledger-0123.tmp").touch()
    _old(path.parent / ".ledger-0123.tmp")


def _leave_folder(path: Path) -> None:
    (path.parent / ".ledger.db.x1y2").mkdir()
    _old(path.parent / ".ledger.db.x1y2")


def witness_of(path: Path) -> Path:
    """Return the witness file of a ledger."""
    with Ledger.open(path, trust=True) as ledger:
        return store_of(ledger).witness_file


def _forget_witness(path: Path) -> None:
    witness_of(path).unlink()


def _other_ledger(path: Path) -> None:
    path.unlink()
    with Ledger.init(path) as other:
        other.ingest([write_lines(path.parent / "other.jsonl", [line("p", "other")])], campaign="other")


def _go_on_elsewhere(path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEDGER_WITNESS_DIR", str(path.parent / "other"))
        with Ledger.open(path) as ledger:
            ledger.ingest([write_lines(path.parent / "more.jsonl", [line("p", "more")])], campaign="more")


def _roll_back(path: Path) -> None:
    early = copy_of(path, "early.db")
    with Ledger.open(path) as ledger:
        ledger.ingest([write_lines(path.parent / "more.jsonl", [line("p", "more")])], campaign="more")
    early.replace(path)


def _from_tomorrow(path: Path) -> None:
    with Ledger.open(path, clock=lambda: int((time.time() + 86_400) * 1e6)) as ledger:
        ledger.ingest([write_lines(path.parent / "more.jsonl", [line("p", "more")])], campaign="more")


def _spoil_views(path: Path) -> None:
    with foreign(path) as connection:
        connection.execute("UPDATE projection SET position = 3")


def _other_code(path: Path) -> None:
    with foreign(path) as connection:
        connection.execute("UPDATE projection SET code = x'00'")


def _drop_guard(path: Path) -> None:
    with foreign(path) as connection:
        connection.execute("DROP TRIGGER event_no_update")


def _cut_tail(path: Path) -> None:
    with tampering(path) as connection:
        connection.execute("DELETE FROM event WHERE position = (SELECT max(position) FROM event)")


def _newer(path: Path) -> None:
    with foreign(path) as connection:
        connection.execute("PRAGMA user_version = 99")


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


ILLS = {
    "a file in the making": Ill(_leave_file, "leftover", "warning"),
    "a folder in the making": Ill(_leave_folder, "leftover", "warning"),
    "a journal": Ill(lambda path: path.with_name("ledger.db-journal").write_bytes(b"x"), "journal_left", "warning"),
    "a stray log": Ill(lambda path: path.with_name("ledger.db-wal").write_bytes(b"x" * 99), "stray_wal", "error"),
    "a second name": Ill(lambda path: path.with_name("b.db").hardlink_to(path), "hard_links", "error"),
    "open to all": Ill(lambda path: path.chmod(0o666), "writable_by_others", "warning"),
    "a folder open to all": Ill(lambda path: path.parent.chmod(0o777), "writable_by_others", "warning"),
    "an empty file": Ill(lambda path: path.write_bytes(b""), "cannot_open", "error"),
    "a witness of nonsense": Ill(lambda path: witness_of(path).write_bytes(b"{}"), "witness_unreadable", "warning"),
    "another ledger": Ill(_other_ledger, "other_ledger_seen", "warning"),
    "no witness": Ill(_forget_witness, "witness_missing", "warning"),
    "a witness behind": Ill(_go_on_elsewhere, "witness_behind", "info"),
    "a rollback": Ill(_roll_back, "rolled_back", "error"),
    "events from tomorrow": Ill(_from_tomorrow, "clock_behind", "warning"),
    "views behind": Ill(_spoil_views, "view_drift", "error"),
    "views of another version": Ill(_other_code, "views_stale", "warning"),
    "a guard less": Ill(_drop_guard, "schema_changed", "error"),
    "an event less": Ill(_cut_tail, "events_missing", "error"),
    "a newer format": Ill(_newer, "cannot_open", "error"),
    "another file": Ill(lambda path: path.write_bytes(b"not a database" * 100), "cannot_open", "error"),
    "a folder": Ill(_make_folder, "cannot_open", "error"),
}


@pytest.mark.parametrize("ill", ILLS.values(), ids=ILLS.keys())
def test_what_is_wrong_is_named(path: Path, ill: Ill) -> None:
    """Each ill has its name, its severity, a sentence and something to do; looking does not mend or worsen it."""
    ill.make(path)
    first = found(path)

    assert ill.name in first
    assert first[ill.name]["severity"] == ill.severity
    assert first[ill.name]["message"]
    assert first[ill.name]["advice"]
    assert found(path) == first


def test_a_command_that_was_killed_is_a_warning_alone(path: Path) -> None:
    """With half of a commit in the file it says what cures it; nobody has to look for permissions."""
    killed = os.fork()
    if not killed:  # a writer that dies with half its pages in the file
        with foreign(path) as connection:
            connection.execute("PRAGMA cache_size = 1")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("CREATE TABLE junk AS SELECT * FROM blob, (SELECT 1 FROM event) LIMIT 2000")
            connection.execute("UPDATE samples SET reason = 'junk'")
            os._exit(0)
    os.waitpid(killed, 0)
    left = path.with_name("ledger.db-journal").stat().st_size

    one = found(path)

    assert left > 0
    assert set(one) == {"journal_left"}
    assert one["journal_left"]["severity"] == "warning"
    assert "`ledger status`" in one["journal_left"]["advice"]
    Ledger.open(path).close()
    assert found(path) == {}


@pytest.mark.parametrize("ended", [True, False])
def test_a_journal_that_takes_nothing_back_is_only_mentioned(path: Path, *, ended: bool) -> None:
    """While a command writes, or when it ended before a page of the file was changed, nothing is wrong."""
    child = os.fork()
    if not child:
        with foreign(path) as connection:
            connection.execute("UPDATE samples SET reason = 'junk'")
            path.with_name("now").touch()
            time.sleep(0 if ended else 60)
            os._exit(0)
    while not path.with_name("now").exists():
        time.sleep(0.01)
    try:
        if ended:
            os.waitpid(child, 0)
        assert path.with_name("ledger.db-journal").stat().st_size > 0
        assert {name: one["severity"] for name, one in found(path).items()} == {"journal_present": "info"}
    finally:
        if not ended:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_a_folder_is_only_told_to_be_none(path: Path) -> None:
    """Nothing is said of its names, as if it were a ledger."""
    _make_folder(path)
    (path / "sub").mkdir()

    assert set(found(path)) == {"cannot_open"}


def test_damage_that_stops_the_opening_leads_to_a_copy(path: Path) -> None:
    """`verify` would have to open the file, too, so it is no next step."""
    data = path.read_bytes()
    path.write_bytes(data[:200] + b"\xa5" * (len(data) - 200))

    advice = found(path)["cannot_open"]["advice"]

    assert "restore a good copy" in advice
    assert "verify" not in advice


def test_a_rollback_names_what_may_be_deleted(path: Path) -> None:
    """As the refusal does: the witness file, and what to do first; an archive is another way."""
    _roll_back(path)

    one = found(path)["rolled_back"]

    assert f"restore the newer file, or, if going back was meant, delete {witness_of(path)}" in one["message"]
    assert "import-events" in one["advice"]


def test_another_ledger_in_its_place_is_named(path: Path) -> None:
    """The file that says so is named; it is no longer said once that file is deleted, nor of other places."""
    former = witness_of(path)
    elsewhere = copy_of(path)
    _other_ledger(path)

    assert str(former) in found(path)["other_ledger_seen"]["message"]
    Ledger.open(elsewhere).close()
    assert "other_ledger_seen" not in found(elsewhere)
    former.unlink()
    assert found(path) == {}


def test_a_witness_of_nonsense_is_none_that_is_missing(path: Path) -> None:
    """Both are told apart; opening the ledger makes it anew."""
    witness_of(path).write_bytes(b"{")

    assert set(found(path)) == {"witness_unreadable"}
    Ledger.open(path).close()
    assert found(path) == {}


def test_what_matters_comes_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors, then warnings, then what is only for information."""
    monkeypatch.setattr(doctor, "find_spec", lambda _name: None)
    _leave_file(path)
    path.with_name("b.db").hardlink_to(path)

    severities = [finding["severity"] for finding in Ledger.doctor(path)["findings"]]

    assert set(severities) == {"error", "warning", "info"}
    assert severities == sorted(severities, key=["error", "warning", "info"].index)


def test_what_was_touched_just_now_may_be_in_use(path: Path) -> None:
    """A file in the making that is young belongs to a command that is running, most likely."""
    path.with_name(".ledger-0123.tmp").touch()

    assert found(path) == {}


def test_write_ahead_logging_is_judged_by_the_library(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in WAL mode is an error where SQLite has the bug, and none where it is mended; it stays in that mode."""
    with foreign(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")

    for safe in (False, True):
        monkeypatch.setattr(sqlite, "wal_is_safe", lambda safe=safe: safe)
        assert ("wal_unsafe" in found(path)) is not safe
        assert Ledger.doctor(path)["facts"]["journal"] == "wal"


def test_packed_bytes_need_what_reads_them(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A packed ledger where zstandard is not installed is an error."""
    pytest.importorskip("zstandard")
    with Ledger.open(path) as ledger:
        ledger.compact(codec="zstd")
    assert found(path) == {}
    monkeypatch.setattr(doctor, "find_spec", lambda _name: None)

    assert set(found(path)) == {"codec_missing"}


def test_a_place_without_room(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less free than the ledger takes is a warning, next to nothing an error."""

    def free(count: int) -> set[str]:
        monkeypatch.setattr(shutil, "disk_usage", lambda _place: type("Usage", (), {"free": count})())
        return set(found(path))

    assert free(10**12) == set()
    assert free(1000) == {"disk_nearly_full"}
    monkeypatch.setattr(doctor, "_FEW_BYTES", 10)
    assert free(1000) == {"disk_low"}


def test_a_place_that_cannot_be_written(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading goes on, and that a rollback would go unnoticed is said."""
    monkeypatch.setenv("LEDGER_WITNESS_DIR", str(shared / "witness"))
    with Ledger.init(shared / "ledger.db"):
        pass
    with nobody():
        names = set(found(shared / "ledger.db"))

    assert names == {"not_writable", "witness_unwritable"}


def test_far_file_systems_are_known(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mount that is nearest above the file counts; on a network, locks of other computers can fail."""
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        f"23 22 0:40 / {tmp_path}/a\\040share rw,relatime shared:1 - nfs4 server:/x rw\n"
        f"24 22 0:41 / {tmp_path}/a rw - tmpfs none rw\n",
    )

    assert file_system(tmp_path / "a share" / "ledger.db", mounts) == "nfs4"
    assert file_system(tmp_path / "a" / "b" / "ledger.db", mounts) == "tmpfs"
    assert file_system(tmp_path / "ledger.db", mounts) == "ext4"
    assert file_system(tmp_path, tmp_path / "none") is None
    monkeypatch.setattr(doctor, "file_system", lambda _path: "nfs4")
    assert set(found(path)) == {"network_file_system"}


def test_two_libraries_in_one_process() -> None:
    """Python's own driver beside another one is a warning: they would drop each other's locks."""
    facts = {"driver": "pysqlite3", "wal_safe": True, "sqlite": "3.53.4", "extras": {}}

    assert [finding.id for finding in doctor.of_the_library(facts)] == ["two_drivers"]
