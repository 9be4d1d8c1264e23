"""Reading at one moment, while others write."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import CorruptLedger, LedgerBusy
from ledger.store import open_store
from ledger.verbs.moment import reading
from tests.small import chat, pairs, write


def test_the_present_stands_still_while_it_is_read(ledger: Ledger, tmp_path: Path) -> None:
    """Inside one reading every query sees one state, though another connection asks to write meanwhile."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(3)), campaign="a")
    opened = open_store(ledger.path)
    with reading(opened) as (here, head):
        with Ledger.open(ledger.path, wait=0.2) as other, pytest.raises(LedgerBusy):
            _impatient(other).accept([other.log(limit=2)[0]["event"]])
        assert here.head() == head
    opened.close()


def _impatient(other: Ledger) -> Ledger:
    """Let a commit wait for readers as briefly as it waits for writers."""
    other._store.connection.execute("PRAGMA busy_timeout = 100")  # noqa: SLF001 - there is no shorter wait to ask for
    return other


def test_as_of_a_position_is_that_state_and_no_later_one(ledger: Ledger, tmp_path: Path) -> None:
    """What is read as of the last position stays that state after more was appended: the fold stops there."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(3)), campaign="a")
    head = ledger.status()["head"]
    before = ledger.status()
    ledger.ingest(write(tmp_path / "b.jsonl", *pairs(4)), campaign="b")
    assert ledger.status(str(head["position"])) == before


def test_any_position_inside_a_commit_is_a_state(ledger: Ledger, tmp_path: Path) -> None:
    """Positions between two heads can be read too; the root told is that over exactly these events."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(3)), campaign="a")
    last = ledger.status()["head"]["position"]
    roots = set()
    for position in range(last + 1):
        told = ledger.status(str(position))
        assert told["head"]["position"] == position
        assert told["events"] == position + 1
        assert told["samples"] == min(position, 6)  # the run's start comes before the samples, its end after them
        assert told["conserved"]
        roots.add(told["head"]["root"])
    assert len(roots) == last + 1


def test_a_ledger_opened_by_a_relative_path_can_be_read_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file stays the same when the working directory changes, also for the second connection of --as-of."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.jsonl", chat("q", "a"))
    with Ledger.init("here.db") as ledger:
        ledger.ingest("a.jsonl", campaign="a")
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert ledger.status("1")["samples"] == 1


def test_damage_met_while_reading_is_told_as_damage(ledger: Ledger, tmp_path: Path) -> None:
    """A page that is overwritten gives CorruptLedger, not an error of the driver."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(400)), campaign="a")
    ledger.close()
    size = ledger.path.stat().st_size
    with ledger.path.open("r+b") as file:
        file.seek(16384)
        file.write(b"\xff" * (size - 16384))
    with pytest.raises(CorruptLedger), Ledger.open(ledger.path) as damaged:
        damaged.status()
