"""The one door: opening, closing, finding a ledger, and the answers that no other test file is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger, LedgerError, __version__, find_ledger, sqlite
from ledger.errors import (
    BadRequest,
    LedgerBusy,
    LedgerExists,
    LedgerNotFound,
    NotALedger,
    NotWritable,
    RolledBack,
    StaleViews,
    UnsafeJournal,
)
from ledger.store import open_store
from tests.small import chat, names, pairs, samples, write


def test_the_nearest_ledger_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LEDGER_PATH wins; else the ledger here or in the nearest parent; else the error says where it was looked for."""
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    Ledger.init(tmp_path / "ledger.db").close()
    assert find_ledger(deep) == tmp_path / "ledger.db"
    Ledger.init(tmp_path / "a" / "ledger.db").close()
    assert find_ledger(deep) == tmp_path / "a" / "ledger.db"
    monkeypatch.chdir(deep)
    assert find_ledger() == tmp_path / "a" / "ledger.db"
    with Ledger.open() as found:
        assert found.path == tmp_path / "a" / "ledger.db"
    monkeypatch.setenv("LEDGER_PATH", "elsewhere.db")
    assert find_ledger(deep) == Path("elsewhere.db")
    with pytest.raises(LedgerNotFound, match=r"elsewhere\.db"):
        Ledger.open()


def test_no_ledger_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a ledger the error names the place where one would be made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ledger.door.opened.FILE_NAME", "no-such-ledger-anywhere.db")
    with pytest.raises(LedgerNotFound, match="no-such-ledger-anywhere"):
        find_ledger()


def test_init_makes_an_empty_ledger_once(tmp_path: Path) -> None:
    """What is made can be used at once and is sound; a second time is refused and changes nothing."""
    with Ledger.init(tmp_path / "ledger.db") as made:
        assert made.status()["samples"] == 0
        assert made.verify()["ok"]
        assert made.warnings == []
        body = made.path.read_bytes()
        with pytest.raises(LedgerExists):
            Ledger.init(tmp_path / "ledger.db")
        assert made.path.read_bytes() == body


def test_init_where_none_can_be(tmp_path: Path) -> None:
    """A missing folder is NotWritable; so is a place that takes no files."""
    with pytest.raises(NotWritable):
        Ledger.init(tmp_path / "no" / "ledger.db")
    with pytest.raises(LedgerExists):
        Ledger.init(tmp_path)
    assert names(tmp_path) == []


def test_a_ledger_that_could_not_be_made_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted while the views are made, the file is closed (an open one would fail this test) and can be opened."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ledger.projection.rebuild", interrupt)
        with pytest.raises(KeyboardInterrupt):
            Ledger.init(tmp_path / "ledger.db")
    with Ledger.open(tmp_path / "ledger.db") as opened:
        assert opened.status()["samples"] == 0


def test_what_is_no_ledger(tmp_path: Path) -> None:
    """A directory, an empty file and another file are told apart from a ledger."""
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("hello " * 100, encoding="utf-8")
    for path in (tmp_path, tmp_path / "empty.db", tmp_path / "text.db"):
        with pytest.raises(NotALedger):
            Ledger.open(path)


def test_write_ahead_logging_only_where_it_is_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for on a SQLite that can corrupt it, WAL is refused before a file is made; elsewhere it works."""
    monkeypatch.setattr(sqlite, "wal_is_safe", lambda: False)
    with pytest.raises(UnsafeJournal):
        Ledger.init(tmp_path / "ledger.db", wal=True)
    assert names(tmp_path) == []
    monkeypatch.setattr(sqlite, "wal_is_safe", lambda: True)
    with Ledger.init(tmp_path / "ledger.db", wal=True) as made:
        made.ingest(write(tmp_path / "a.jsonl", *pairs(2)), campaign="a")
        with pytest.raises(NotWritable, match="of the ledger itself"):
            made.project("kto-interleaved", tmp_path / "ledger.db-wal")
        assert made.project("kto-interleaved", tmp_path / "out.jsonl")["rows"] == 4
        assert made.verify()["ok"]


def test_a_busy_ledger_is_waited_for_and_then_named(ledger: Ledger, tmp_path: Path) -> None:
    """A second writer hears that it waits, and after its time gets LedgerBusy; reading goes on."""
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(2)), campaign="a")
    heard: list[float] = []
    holder = open_store(ledger.path)
    with holder.transaction(), Ledger.open(ledger.path, wait=0.3, on_wait=heard.append) as other:
        assert other.status()["samples"] == 4
        with pytest.raises(LedgerBusy):
            other.accept(samples(other))
    holder.close()
    assert heard
    assert ledger.accept(samples(ledger))["changed"] == 4


def test_a_rolled_back_ledger_is_noticed(ledger: Ledger, tmp_path: Path) -> None:
    """An older copy put in place is refused by every verb but verify, which names it."""
    old = ledger.path.read_bytes()
    ledger.ingest(write(tmp_path / "a.jsonl", *pairs(2)), campaign="a")
    ledger.close()
    ledger.path.write_bytes(old)
    with pytest.raises(RolledBack):
        Ledger.open(ledger.path)
    with Ledger.open(ledger.path, trust=True) as opened:
        told = opened.verify()
        assert (told["ok"], [finding["id"] for finding in told["findings"]]) == (False, ["rolled_back"])


def test_views_of_another_version_are_made_again(toolset: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose views other code made is folded again on opening, or refused where it cannot be written."""
    before = toolset.status()
    toolset.close()
    monkeypatch.setattr("ledger.projection._CODE", b"another version")
    monkeypatch.setattr(sqlite, "is_writable", lambda _path: False)
    with pytest.raises(StaleViews):
        Ledger.open(toolset.path)
    monkeypatch.setattr(sqlite, "is_writable", lambda _path: True)
    with Ledger.open(toolset.path) as opened:
        assert opened.status() == before


def test_views_can_be_made_again_at_any_time(toolset: Ledger) -> None:
    """rebuild-views tells how much it folded, and changes no answer; progress hears the end."""
    toolset.split()
    before = toolset.status()
    heard: list[tuple[str, int, int]] = []
    told = toolset.rebuild_views(progress=lambda *each: heard.append(each))
    assert told == {"events": before["events"], "views": told["views"]}
    assert heard[-1] == ("events", before["events"], before["events"])
    assert toolset.status() == before
    assert toolset.verify()["ok"]


def test_verify_says_what_it_looked_at(toolset: Ledger, tmp_path: Path) -> None:
    """The answer has its named keys; quick looks at less; neither writes."""
    toolset.project("kto-interleaved", tmp_path / "out.jsonl")
    body = toolset.path.read_bytes()
    heard: list[str] = []
    full = toolset.verify(progress=lambda what, _done, _total: heard.append(what))
    quick = toolset.verify(quick=True)
    for told in (full, quick):
        assert set(told) >= {"ok", "findings", "head", "checked"}
        assert (told["ok"], told["findings"]) == (True, [])
        assert told["head"] == toolset.status()["head"]
    assert full["checked"]["blobs"] > 100
    assert "blobs" not in quick["checked"]
    assert "events" in heard
    assert toolset.path.read_bytes() == body


def test_a_witness_that_cannot_be_written_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be remembered outside the file, work goes on and says so once."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("LEDGER_WITNESS_DIR", str(tmp_path / "file" / "dir"))
    with Ledger.init(tmp_path / "ledger.db") as made:
        made.ingest(write(tmp_path / "a.jsonl", *pairs(2)), campaign="a")
        made.accept(samples(made))
        assert len(made.warnings) == 1
        assert "would go unnoticed" in made.warnings[0]


def test_one_file_or_many_can_be_named(ledger: Ledger, tmp_path: Path) -> None:
    """A single path is one file, not its letters; text and Path are the same."""
    file = write(tmp_path / "a.jsonl", *pairs(1))
    assert ledger.ingest(str(file), campaign="a")["new"] == 2
    assert ledger.ingest(file, campaign="a")["known"] == 2
    assert ledger.ingest([file], campaign="a")["known"] == 2
    assert ledger.ingest([], campaign="a")["lines"] == 0


def test_every_error_is_a_ledger_error(ledger: Ledger) -> None:
    """One except clause is enough around any verb, and each error has a next step."""
    with pytest.raises(LedgerError) as raised:
        ledger.show("nothing")
    assert isinstance(raised.value, BadRequest)
    assert raised.value.next_step
    assert __version__


def test_the_same_history_is_the_same_everywhere(tmp_path: Path) -> None:
    """With a pinned clock, two ledgers that live through the same have the same events, roots and exports."""
    told = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        with Ledger.init(folder / "ledger.db", clock=lambda: 1_000_000) as made:
            made.ingest(write(folder / "a.jsonl", *pairs(6), chat("q", "a")), campaign="a")
            made.reject(samples(made)[:2], reason="no")
            made.split("80/10/10")
            made.project("kto-interleaved", folder / "out.jsonl", batch_size=2)
            body = (folder / "out.jsonl").read_bytes()
            told.append((samples(made), body, [event["event"] for event in made.log(limit=100)]))
    assert told[0] == told[1]
