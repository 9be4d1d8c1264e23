"""Compaction: a smaller file with the same ledger in it, whoever reads, writes, kills or damages meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger, compaction, sqlite
from ledger.compaction import Compacted, compact, forget, is_tainted
from ledger.digest import blake3_bytes
from ledger.errors import (
    BadRequest,
    BrokenLaw,
    CodecMissing,
    CorruptLedger,
    DiskFull,
    LedgerBusy,
    LedgerError,
    NotWritable,
    StorageFailed,
)
from ledger.event import Stamp, draft
from tests.cli import program, small_files
from tests.logs import fill, findings, foreign, log_rows, nobody, sample_ids, store_of, tables, tampering
from tests.small import chat, write

HIDDEN = "the cellar of Mrs Abernathy"


def quiet(_what: str, _done: int, _total: int) -> None:
    """Hear of progress, and say nothing."""


def many(count: int, first: int = 0) -> list[dict[str, Any]]:
    """Return lines that are alike enough to be packed well."""
    said = "The answer to the question that was asked before is a number, namely"
    return [chat(f"What is {n} plus {n}, please?", f"{said} {n + n}.", label=True) for n in range(first, first + count)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a ledger with something of everything and with enough to learn from."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEDGER_WITNESS_DIR", str(folder))
        with Ledger.init(folder / "ledger.db") as ledger:
            fill(ledger, folder)
            ledger.ingest([write(folder / "many.jsonl", *many(400))], campaign="many")
    return folder / "ledger.db"


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """Return the path of a copy of that ledger, which nobody has open."""
    return Path(shutil.copyfile(made, tmp_path / "ledger.db"))


def compacted(path: Path, codec: str | None = "zstd") -> Compacted:
    """Compact a ledger that nobody has open."""
    with Ledger.open(path) as ledger:
        return compact(store_of(ledger), codec, quiet)


def contents(path: Path) -> Any:  # noqa: ANN401 - everything that a ledger says
    """Return everything that can be read of a ledger: its log, its bytes, its views, what is told of each sample."""
    with Ledger.open(path) as ledger:
        store = store_of(ledger)
        rows = {name: rows for name, rows in log_rows(path).items() if name != "blob"}
        blobs = store.connection.execute("SELECT id, hash, size, body FROM blob ORDER BY id").fetchall()
        assert store.bodies([row[0] for row in blobs]) == {row[0]: row[3] for row in blobs}
        said = [(ledger.show(one), ledger.why(one)) for one in sample_ids(ledger)[-30:]]
        return rows, blobs, tables(store.connection), said, ledger.status()["head"], ledger.verify()["findings"]


@pytest.mark.parametrize("codecs", [[None], ["zstd"], ["none"], ["zstd", None], ["zstd", "none"], ["zstd", "zstd"]])
def test_nothing_that_is_read_changes(path: Path, codecs: list[str | None]) -> None:
    """Log, bytes, views, answers and findings are the same; only how the bytes are stored is not."""
    before = contents(path)
    for codec in codecs:
        done = compacted(path, codec)
    assert contents(path) == before
    assert done.bytes_after == path.stat().st_size
    assert (done.packed > 0) == (codecs[-1] == "zstd" or codecs == ["zstd", None])
    assert list(path.parent.glob(".*")) == []


def test_what_comes_later_is_packed_as_the_file_is(path: Path, tmp_path: Path) -> None:
    """New samples of a packed ledger are packed with its dictionary; of an unpacked one they are not."""
    for codec, packed in (("zstd", 200), ("none", 0)):
        done = compacted(path, codec)
        with Ledger.open(path) as ledger:
            rows = many(200, first=1000 if packed else 2000)
            ledger.ingest([write(tmp_path / f"{codec}.jsonl", *rows)], campaign="later")
            sql = "SELECT coalesce(sum(codec <> 0), 0) FROM main.blob"
            assert store_of(ledger).connection.execute(sql).fetchone()[0] == done.packed + packed
            assert ledger.verify()["ok"]


def test_packing_makes_it_small(path: Path) -> None:
    """Bytes that are alike take a third or less."""
    done = compacted(path)
    assert done.stored_bytes * 3 < done.plain_bytes
    assert done.dictionary_bytes
    assert compacted(path, "none").plain_bytes == done.plain_bytes


def test_free_pages_go(path: Path) -> None:
    """What was dropped leaves no room in the file, and no bytes."""
    with foreign(path) as other:
        other.execute("CREATE TABLE junk (x)")
        other.executemany("INSERT INTO junk VALUES (?)", [(b"junk of some size" * 200,)] * 1000)
        other.execute("DROP TABLE junk")
    done = compacted(path, None)
    assert done.bytes_after < done.bytes_before / 2
    assert b"junk of some size" not in path.read_bytes()


def test_what_folds_read_stays_as_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where zstandard is not installed, views can be made again, events verified and listed; bytes say what to do."""
    compacted(path)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with Ledger.open(path) as ledger:
        ledger.rebuild_views()
        answer = ledger.verify()
        assert answer["ok"]
        assert [(one["id"], one["severity"]) for one in answer["findings"]] == [("blob_unread", "warning")]
        assert 0 < answer["checked"]["blobs"] < 400
        assert ledger.status()["samples"]
        assert ledger.log(limit=5)
        sample = sample_ids(ledger)[0]
        uses: list[Callable[[], object]] = [
            lambda: ledger.show(sample),
            lambda: ledger.compact(codec="none"),
            lambda: ledger.ingest([write(path.parent / "new.jsonl", chat("q", "new"))], campaign="new"),
        ]
        for use in uses:
            with pytest.raises(CodecMissing, match=r"ledger\.db"):
                use()


def test_exports_of_a_packed_ledger(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are the same file; without zstandard, or with damaged bytes, they are refused for what it is."""
    rows = [{**row, "label": number % 2 == 0} for number, row in enumerate(many(60))]
    ledger.ingest([write(tmp_path / "a.jsonl", *rows)], campaign="c")
    ledger.accept(sample_ids(ledger), reason="good")
    ledger.project("kto-interleaved", tmp_path / "raw.jsonl", batch_size=2)
    ledger.compact(codec="zstd")
    ledger.project("kto-interleaved", tmp_path / "packed.jsonl", batch_size=2)
    assert (tmp_path / "packed.jsonl").read_bytes() == (tmp_path / "raw.jsonl").read_bytes()
    path = ledger.path
    ledger.close()
    with monkeypatch.context() as patch, Ledger.open(path) as bare:
        patch.setitem(sys.modules, "zstandard", None)
        with pytest.raises(CodecMissing, match=r"ledger\.db"):
            bare.project("kto-interleaved", tmp_path / "none.jsonl", batch_size=2)
    with tampering(path) as connection:
        connection.execute("UPDATE blob SET body = x'28b52ffd00' WHERE id = 7")
    with Ledger.open(path) as spoilt, pytest.raises(CorruptLedger):
        spoilt.project("kto-interleaved", tmp_path / "none.jsonl", batch_size=2)
    assert not (tmp_path / "none.jsonl").exists()


def test_bytes_that_are_a_sample_s_and_a_view_s(ledger: Ledger, tmp_path: Path) -> None:
    """Folds read bytes that were packed as a sample's before an event of their own named them."""
    ledger.ingest([write(tmp_path / "a.jsonl", *many(300))], campaign="c")
    ledger.compact(codec="zstd")
    store = store_of(ledger)
    families = b'{"after": {}, "before": {}, "families": [["' + b"ab" * 32 + b'", 1, 1, "x"]]}' + b" " * 500
    with store.transaction() as transaction:
        transaction.add_blobs({blake3_bytes(families): families})
        stored = store.connection.execute("SELECT codec FROM main.blob ORDER BY id DESC LIMIT 1").fetchone()
        assert transaction.add_blob(families)[1] == len(store.connection.execute("SELECT id FROM blob").fetchall())
        read = store.connection.execute("SELECT body FROM blob ORDER BY id DESC LIMIT 1").fetchone()
        transaction.append([draft("run_finished", None, None, {"counts": {}, "started": 0})], _stamp(transaction.at))
    assert stored != (0,)
    assert read == (families,)


def _stamp(at: int) -> Stamp:
    return Stamp("tester", "api", at, 0)


# --- others meanwhile


def test_readers_go_on_and_writers_wait(path: Path) -> None:
    """While the new file is made, others read and may not write; in the end nobody sees half of it."""
    seen: list[tuple[int, str]] = []

    def others(what: str, _done: int, _total: int) -> None:
        if what != "blobs" or seen:
            return
        with Ledger.open(path, wait=0) as other:
            count = other.status()["events"]
            with pytest.raises(LedgerBusy):
                other.accept(sample_ids(other)[:1], reason="meanwhile")
        seen.append((count, what))

    with Ledger.open(path) as ledger:
        count = ledger.status()["events"]
        compact(store_of(ledger), "zstd", others)
        assert seen == [(count, "blobs")]
        ledger.accept(sample_ids(ledger)[:1], reason="afterwards")
        assert ledger.verify()["ok"]


def test_a_writer_in_the_way_is_waited_for(path: Path) -> None:
    """Who cannot have the lock is told after the time that was allowed; nothing is changed."""
    before = path.read_bytes()
    with foreign(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with Ledger.open(path, wait=0.2) as ledger, pytest.raises(LedgerBusy):
            ledger.compact()
    assert path.read_bytes() == before


def test_a_reader_in_the_way_of_the_copy_is_waited_for(path: Path) -> None:
    """A reader that does not go keeps the old file; its own next look and everybody else's find it sound."""
    before = contents(path)
    with foreign(path) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM event").fetchone()
        with Ledger.open(path, wait=0.2) as ledger, pytest.raises(LedgerBusy):
            ledger.compact(codec="zstd")
        other.execute("ROLLBACK")
    assert contents(path) == before


def test_who_has_it_open_goes_on(path: Path, tmp_path: Path) -> None:
    """Another process that opened it before reads and appends afterwards, whatever became of pages and dictionaries."""
    with Ledger.open(path) as other:
        for codec in ("zstd", "none", "zstd", None):
            compacted(path, codec)
            sample = sample_ids(other)[0]
            assert other.show(sample)["raw"]
            answer = other.ingest([write(tmp_path / "n.jsonl", *many(9, time.monotonic_ns()))], campaign=f"of {codec}")
            assert answer["new"] == 9
            assert other.verify()["ok"]
    assert findings(path) == set()


def test_a_ledger_with_a_wal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its WAL again afterwards, and where others have it open they are in the way."""
    monkeypatch.setattr(sqlite, "wal_is_safe", lambda: True)
    with foreign(path) as other:
        other.execute("PRAGMA journal_mode = WAL")
    before = contents(path)
    with Ledger.open(path, wait=0.2) as ledger:
        with Ledger.open(path), pytest.raises(LedgerBusy):
            ledger.compact(codec="zstd")
        assert ledger.compact(codec="zstd")["packed"]
        assert store_of(ledger).connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert contents(path) == before


# --- what goes wrong


@pytest.mark.parametrize("moment", ["blobs", "pages"])
def test_an_exception_leaves_the_old_file(path: Path, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is raised on the way, also in the middle of the copy, the ledger is as it was and usable."""
    before = contents(path)

    class Stop(Exception):  # noqa: N818 - a signal
        pass

    def stop(what: str, done: int, total: int) -> None:
        if what == moment and (what == "blobs" or done < total):
            raise Stop

    with Ledger.open(path) as ledger:
        monkeypatch.setattr(compaction, "_STEP_PAGES", 3)
        with pytest.raises(Stop):
            compact(store_of(ledger), "zstd", stop)
        ledger.accept(sample_ids(ledger)[:1], reason="it goes on")
        ledger.withdraw([f"@{ledger.status()['events'] - 2}"])
        assert ledger.verify()["ok"]
    assert contents(path)[1] == before[1]
    assert list(path.parent.glob(".*")) == []


def test_killed_at_any_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After SIGKILL the file is the old one or the new one, sound, and no copy of it is left behind."""
    before = contents(path)
    monkeypatch.setattr(compaction, "_STEP_PAGES", 2)
    monkeypatch.setattr(compaction, "_STEP_ROWS", 50)
    outcomes: set[bool] = set()
    for moment in range(16):
        pid = os.fork()
        if not pid:
            left = [moment * 6]

            def fall(_what: str, _done: int, _total: int, left: list[int] = left) -> None:
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

            try:
                with Ledger.open(path) as ledger:
                    compact(store_of(ledger), "none" if moment % 2 else "zstd", fall)
            finally:
                os._exit(0)
        outcomes.add(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0)
        if moment % 4 == 0:
            assert contents(path) == before
    assert outcomes == {True, False}
    assert contents(path) == before
    assert list(path.parent.glob(".*")) == []


def test_a_full_disk(path: Path) -> None:
    """Where a file may not grow, that is said, and the ledger is as it was."""
    before = contents(path)
    size = path.stat().st_size // 2
    argv = ("--ledger", path, "compact", "--codec", "none")
    answer = program(*argv, cwd=path.parent, before=small_files(size))
    assert answer.code in {DiskFull.exit_code, StorageFailed.exit_code}, answer.err
    assert contents(path) == before
    assert [name.name for name in path.parent.iterdir() if name.name.startswith(".")] == []


def test_a_place_that_cannot_be_written(shared: Path) -> None:
    """It is said so."""
    with Ledger.init(shared / "ledger.db") as ledger:
        ledger.ingest([write(shared / "a.jsonl", chat("q", "a"))], campaign="c")
    with nobody(), Ledger.open(shared / "ledger.db", actor="n") as ledger, pytest.raises(NotWritable):
        ledger.compact()


def test_another_codec_is_refused(ledger: Ledger) -> None:
    """There are two."""
    with pytest.raises(BadRequest, match="zstd, none"):
        ledger.compact(codec="gzip")


@pytest.mark.parametrize(
    ("attack", "packed"),
    [
        ("UPDATE blob SET body = x'00112233' WHERE id = 7", True),
        ("UPDATE blob SET body = substr(body, 1, length(body) - 1) WHERE id = 7", True),
        ("UPDATE blob SET size = size + 1 WHERE id = 7", True),
        ("UPDATE blob SET size = 1 << 40 WHERE id = 7", True),
        ("UPDATE blob SET codec = 77 WHERE id = 7", True),
        ("UPDATE blob SET codec = -1 WHERE id = 7", True),
        ("UPDATE blob SET codec = 0 WHERE id = 7", True),
        ("UPDATE blob SET codec = 1 WHERE id = 7", False),
        ("UPDATE blob SET (size, body) = (SELECT size, body FROM blob WHERE id = 8) WHERE id = 7", True),
        ("UPDATE dictionary SET body = x'00'", True),
        ("UPDATE dictionary SET body = zeroblob(length(body)), hash = zeroblob(32)", True),
        ("DELETE FROM dictionary", True),
    ],
)  # fmt: skip
def test_damage_is_a_finding(path: Path, attack: str, packed: bool) -> None:  # noqa: FBT001 - a case
    """Damaged bytes and dictionaries are named by verify, reading them is refused, and compacting hides nothing."""
    if packed:
        compacted(path)
    with tampering(path) as connection:
        connection.execute(attack)
    assert findings(path) == {"blob_mismatch"}
    with Ledger.open(path) as ledger:
        sample = next(one for one in sample_ids(ledger) if _blob_of(ledger, one) == 7)
        uses: list[Callable[[], object]] = [
            lambda: ledger.show(sample),
            lambda: ledger.compact(codec="zstd"),
        ]
        for use in uses:
            with pytest.raises(LedgerError) as raised:
                use()
            assert isinstance(raised.value, CorruptLedger)
    assert findings(path) == {"blob_mismatch"}


def _blob_of(ledger: Ledger, sample: str) -> int:
    sql = "SELECT version FROM samples s JOIN event e ON e.position = s.sample WHERE e.op = ?"
    return int(store_of(ledger).connection.execute(sql, (bytes.fromhex(sample),)).fetchone()[0])


def test_appending_with_a_damaged_dictionary_is_refused(path: Path, tmp_path: Path) -> None:
    """Nothing is packed with what could not unpack it again."""
    compacted(path)
    with tampering(path) as connection:
        connection.execute("UPDATE dictionary SET body = x'00'")
    with Ledger.open(path) as ledger:
        count = ledger.status()["events"]
        with pytest.raises(CorruptLedger, match="dictionary"):
            ledger.ingest([write(tmp_path / "n.jsonl", *many(3, 9000))], campaign="new")
        assert ledger.status()["events"] == count


def test_what_would_change_is_not_put_in_place(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If what was built is not what there is, the ledger stays as it is."""
    before = contents(path)
    finish = compaction._Build._copy_shapes  # noqa: SLF001 - the fault is seeded there

    def careless(build: Any) -> None:  # noqa: ANN401 - a private class
        build._connection.execute("UPDATE main.blob SET size = size + 1 WHERE id = 3")  # noqa: SLF001 - likewise
        finish(build)

    monkeypatch.setattr(compaction._Build, "_copy_shapes", careless)  # noqa: SLF001 - likewise
    with Ledger.open(path) as ledger, pytest.raises(BrokenLaw, match="blob"):
        ledger.compact(codec="zstd")
    monkeypatch.undo()
    assert contents(path) == before


# --- erasure


def _erase(path: Path, *hits: str) -> None:
    """Take away bytes as an erasure does, in a file: the event first."""
    with Ledger.open(path) as ledger:
        store = store_of(ledger)
        rows = store.connection.execute("SELECT id, hash, body FROM blob").fetchall()
        rows = [row for row in rows if any(hit.encode() in row[2] for hit in hits)]
        with store.transaction() as transaction:
            fields = {"authority": "a", "fingerprint": None, "reason": "", "sample": None}
            drafts = [draft("erased", None, row, {**fields, "blob": digest.hex()}) for row, digest, _ in rows]
            transaction.append(drafts, _stamp(transaction.at))
    assert rows
    with foreign(path) as other:
        other.execute("PRAGMA secure_delete = ON")
        other.executemany("UPDATE blob SET body = NULL WHERE id = ?", [(row[0],) for row in rows])


def test_no_dictionary_keeps_what_was_erased(ledger: Ledger, tmp_path: Path) -> None:
    """A dictionary quotes what it was trained on; after `forget` the text is nowhere in the file."""
    rows = [*many(40), *(chat(f"Where is it, {n}?", f"In {HIDDEN}, behind the {n}th jar.") for n in range(200))]
    ledger.ingest([write(tmp_path / "a.jsonl", *rows)], campaign="c")
    path = ledger.path
    done = ledger.compact(codec="zstd")
    ledger.close()
    assert done["dictionary_bytes"]
    assert HIDDEN.encode() in path.read_bytes()  # the dictionary does quote it

    _erase(path, HIDDEN)

    with Ledger.open(path) as again:
        store = store_of(again)
        root = store.head().root
        assert is_tainted(store)
        assert forget(store, quiet)
        assert not is_tainted(store)
        assert not forget(store, quiet)
        assert store.head().root == root
        assert again.verify()["ok"]
    assert HIDDEN.encode() not in path.read_bytes()


def test_a_dictionary_that_never_saw_it_stays(path: Path, tmp_path: Path) -> None:
    """What came after the training is not in the dictionary, so nothing needs to be packed anew."""
    compacted(path)
    with Ledger.open(path) as ledger:
        ledger.ingest([write(tmp_path / "s.jsonl", chat("Where?", f"In {HIDDEN}."))], campaign="s")
    _erase(path, HIDDEN)
    with Ledger.open(path) as ledger:
        assert not is_tainted(store_of(ledger))
        assert not forget(store_of(ledger), quiet)
    assert HIDDEN.encode() not in path.read_bytes()
