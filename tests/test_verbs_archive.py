"""Archives: the same ledger again from text, and nothing at all from text that is not whole and sound."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.archive import Blob, Event, Line, Mark
from ledger.digest import blake3_bytes, decode, encode
from ledger.errors import (
    ArchiveInvalid,
    CorruptLedger,
    DestinationExists,
    DiskFull,
    Forked,
    InputNotFound,
    InputUnreadable,
    LedgerBusy,
    NotWritable,
    RolledBack,
    StorageFailed,
    UnknownEvent,
)
from ledger.event import op_of
from tests import strategies
from tests.archives import Change, changing, forged, lines_of
from tests.cli import ROOT, environment, program, small_files
from tests.logs import (
    copy_of,
    fill,
    findings,
    foreign,
    line,
    log_rows,
    sample_ids,
    store_of,
    tables,
    tampering,
    write_lines,
)
from tests.small import names

Content = tuple[object, ...]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a ledger of something of everything, an older copy of it, and its archive."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEDGER_WITNESS_DIR", str(folder))
        with Ledger.init(folder / "ledger.db") as ledger:
            many = [line(f"m{number}", "c", label=True) for number in range(300)]
            ledger.ingest([write_lines(folder / "many.jsonl", many)], campaign="many")
        copy_of(folder / "ledger.db", "older.db")
        with Ledger.open(folder / "ledger.db") as ledger:
            fill(ledger, folder)
            ledger.erase([sample_ids(ledger)[305]], reason="asked to", authority="ticket 1", yes=True)
            ledger.export_events(folder / "all.jsonl")
    return folder


@pytest.fixture
def archive(world: Path, tmp_path: Path) -> Path:
    """Return a copy of that archive, alone in its folder."""
    return Path(shutil.copyfile(world / "all.jsonl", tmp_path / "all.jsonl"))


@pytest.fixture
def older(world: Path, tmp_path: Path) -> Path:
    """Return the path of the older copy, which nobody has open."""
    return Path(shutil.copyfile(world / "older.db", tmp_path / "older.db"))


def content(path: Path) -> Content:
    """Return all that a ledger is: its log, row by row, with the bytes of blobs however stored, and its views."""
    rows = log_rows(path)
    with Ledger.open(path, trust=True) as ledger:
        store = store_of(ledger)
        blobs = [(row[0], row[1], row[2], store.body(row[0])) for row in rows["blob"]]
        return rows["meta"], blobs, rows["event"], rows["tile"], rows["head"], tables(store.connection)


def _without_journals(folder: Path) -> list[str]:
    return [name for name in names(folder) if not name.endswith("-journal")]


def refused(archive: Path, says: str | None = None, path: Path | None = None) -> ArchiveInvalid:
    """Import what must be refused, and check that nothing is left behind or changed."""
    target = archive.with_name("new.db") if path is None else path
    before = None if path is None else content(path)
    stood = _without_journals(archive.parent)
    with pytest.raises(ArchiveInvalid, match=says) as raised:
        Ledger.import_events(archive, target)
    assert _without_journals(archive.parent) == stood
    assert path is None or content(path) == before
    return raised.value


# --- the same again


@settings(max_examples=6)
@given(
    st.lists(st.lists(strategies.lines(), max_size=6), max_size=4),
    st.sets(st.integers(0, 10), max_size=3),
    st.sampled_from(["a.jsonl", "a.jsonl.gz"]),
)
def test_any_log_comes_back(batches: list[list[bytes]], erased: set[int], name: str) -> None:
    """Samples, broken lines, decisions and erasures: events, blobs, tree, heads and views are those that were."""
    with tempfile.TemporaryDirectory() as folder:
        path, archive, again = (Path(folder) / each for each in ("ledger.db", name, "again.db"))
        with Ledger.init(path) as ledger:
            for number, batch in enumerate(batches):
                source = write_lines(Path(folder) / f"{number}.in", batch)
                ledger.ingest([source], campaign=f"c{number}")
            ids = sample_ids(ledger)
            ledger.reject(ids[:2], reason="no") if ids else None
            for each in sorted(erased & set(range(len(ids)))):
                ledger.erase([ids[each]], reason="asked", authority="me", yes=True)
            made = ledger.export_events(archive)

        answer = Ledger.import_events(archive, again)

        assert (answer["created"], answer["new"], answer["forgotten"]) == (True, made["events"], 0)
        assert (answer["head"], answer["blobs"], answer["erased"]) == (made["head"], made["blobs"], made["erased"])
        assert content(again) == content(path)
        assert findings(again) == set()
        with Ledger.open(again) as ledger:
            ledger.export_events(Path(folder) / "twice.jsonl")
        text = gzip.decompress(archive.read_bytes()) if name.endswith(".gz") else archive.read_bytes()
        assert (Path(folder) / "twice.jsonl").read_bytes() == text


def test_something_of_everything_comes_back(world: Path, archive: Path) -> None:
    """Lineage, edits, releases, families, quarantine and an erasure, with complete tiles of the tree."""
    again = archive.with_name("again.db")

    answer = Ledger.import_events(archive, again)

    assert answer["erased"] > 0
    assert content(again) == content(world / "ledger.db")
    assert findings(again) == set()


def test_an_empty_ledger_comes_back(ledger: Ledger, tmp_path: Path) -> None:
    """A first and a last line are a ledger without events, with the same id."""
    ledger.export_events(tmp_path / "empty.jsonl")

    answer = Ledger.import_events(tmp_path / "empty.jsonl", tmp_path / "again.db")

    assert (answer["ledger"], answer["events"]) == (ledger.status()["ledger"], 0)
    assert findings(tmp_path / "again.db") == set()


def test_a_later_archive_begins_with_an_earlier_one(ledger: Ledger, tmp_path: Path) -> None:
    """But for its last line an archive only grows, as the log does."""
    source = write_lines(tmp_path / "a.in", [line("p", "c")])
    ledger.ingest([source], campaign="one")
    ledger.export_events(tmp_path / "first.jsonl")
    ledger.accept(sample_ids(ledger))
    ledger.export_events(tmp_path / "second.jsonl")

    first, second = ((tmp_path / name).read_bytes() for name in ("first.jsonl", "second.jsonl"))

    assert second.startswith(first[: first.rindex(b"\n", 0, -1) + 1])


def test_erased_text_is_in_no_archive_made_later(ledger: Ledger, tmp_path: Path) -> None:
    """Nor in the ledger that is made of it, where its address still keeps it out."""
    source = write_lines(tmp_path / "a.in", [line("p", "the secret words"), line("q", "others")])
    ledger.ingest([source], campaign="one")
    ledger.erase(sample_ids(ledger)[:1], reason="asked", authority="me", yes=True)
    ledger.export_events(tmp_path / "a.jsonl")

    Ledger.import_events(tmp_path / "a.jsonl", tmp_path / "again.db")

    assert b"secret" not in (tmp_path / "a.jsonl").read_bytes() + (tmp_path / "again.db").read_bytes()
    with Ledger.open(tmp_path / "again.db") as again:
        assert again.ingest([source], campaign="two")["new"] == 1


def test_packed_bytes_leave_as_they_were(ledger: Ledger, tmp_path: Path) -> None:
    """An archive of a compacted ledger is the archive of the ledger: how bytes are stored is no part of it."""
    pytest.importorskip("zstandard")
    many = [line(f"a prompt of some length {number}", "and an answer, too") for number in range(50)]
    ledger.ingest([write_lines(tmp_path / "a.in", many)], campaign="one")
    ledger.export_events(tmp_path / "before.jsonl")
    ledger.compact(codec="zstd")
    ledger.export_events(tmp_path / "after.jsonl")

    assert (tmp_path / "after.jsonl").read_bytes() == (tmp_path / "before.jsonl").read_bytes()


# --- refused whole


@settings(max_examples=12)
@given(at=st.integers(0, 10**9), change=st.integers(1, 255))
def test_a_changed_byte_is_refused(world: Path, at: int, change: int) -> None:
    """One other byte, anywhere: ArchiveInvalid, and nothing is left."""
    with tempfile.TemporaryDirectory() as folder:
        data = bytearray((world / "all.jsonl").read_bytes())
        data[at % len(data)] ^= change
        archive = Path(folder) / "a.jsonl"
        archive.write_bytes(data)
        refused(archive)


@settings(max_examples=12)
@given(at=st.integers(0, 10**9), change=st.integers(1, 255))
def test_a_changed_byte_of_a_compressed_archive_changes_nothing(world: Path, at: int, change: int) -> None:
    """It is refused, or (a few bytes of gzip's own mean nothing) what is imported is the same ledger."""
    with tempfile.TemporaryDirectory() as folder:
        data = bytearray(gzip.compress((world / "all.jsonl").read_bytes(), mtime=0))
        data[at % len(data)] ^= change
        archive = Path(folder) / "a.jsonl.gz"
        archive.write_bytes(data)
        try:
            Ledger.import_events(archive, Path(folder) / "new.db")
        except ArchiveInvalid:
            assert names(Path(folder)) == ["a.jsonl.gz"]
        else:
            assert content(Path(folder) / "new.db") == content(world / "ledger.db")


@settings(max_examples=12)
@given(data=st.data(), how=st.sampled_from(["cut", "cut line", "drop", "twice", "swap", "tail", "packed"]))
def test_a_cut_a_copy_and_another_order_are_refused(world: Path, data: st.DataObject, how: str) -> None:
    """Archives that end early, lack a line, have one twice, or two in each other's place."""
    whole = (world / "all.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    one, other = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    made = {
        "cut": whole[: data.draw(st.integers(0, len(whole) - 1))],
        "cut line": b"".join(lines[:one]),
        "drop": b"".join([*lines[:one], *lines[one + 1 :]]),
        "twice": b"".join([*lines[: one + 1], *lines[one:]]),
        "tail": whole + lines[one],
        "packed": gzip.compress(whole)[: -1 - one],
    }
    lines[one], lines[other] = lines[other], lines[one]
    changed = made.get(how, b"".join(lines))
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "a.jsonl"
        archive.write_bytes(changed)
        if changed == whole:
            return
        refused(archive)


def _leaf(**changes: object) -> Callable[[Event], Event]:
    """Return what changes fields of a leaf (None: takes them away), and its op where the event still has one."""

    def change(event: Event) -> Event:
        said = {**decode(event.leaf), **changes}
        said = {key: value for key, value in said.items() if value is not None}
        try:
            op = op_of(said["kind"], said)
        except (KeyError, TypeError, ValueError):
            op = event.op
        return event._replace(leaf=encode(said), op=op)

    return change


def _twice(lines: list[Line]) -> Iterable[Line]:
    """Say the last event once more before its head."""
    return [*lines[:-1], lines[-2], lines[-1]]


def _without(kind: type[Line], which: int) -> Change:
    def change(lines: list[Line]) -> Iterable[Line]:
        gone = [line for line in lines if isinstance(line, kind)][which]
        return [line for line in lines if line is not gone]

    return change


def _heads(at: int | None = None, blobs: int | None = None) -> Change:
    def change(lines: list[Line]) -> Iterable[Line]:
        for one in lines:
            if isinstance(one, Mark):
                yield one._replace(at=one.at if at is None else at, blobs=one.blobs if blobs is None else blobs)
            else:
                yield one

    return change


def _erased(lines: list[Line]) -> Iterable[Line]:
    """Leave the bytes of the first blob out."""
    return [
        line._replace(body=None) if number == 1 and isinstance(line, Blob) else line
        for number, line in enumerate(lines)
    ]


BODY = b"a stranger"
FORGERIES: list[tuple[str, Change, str]] = [
    ("another sample", changing(400, lambda event: event._replace(sample=1)), "column_mismatch"),
    ("another blob", changing(5, lambda event: event._replace(blob=1)), "column_mismatch"),
    ("a blob that is not there", changing(5, lambda event: event._replace(blob=10**6)), "blob_missing"),
    ("no blob", changing(5, lambda event: event._replace(blob=None)), "blob_missing"),
    ("another op", changing(5, lambda event: event._replace(op=bytes(32))), "op_mismatch"),
    ("a leaf without its op's fields", changing(5, _leaf(nth=None)), "exactly the fields"),
    ("a leaf without a kind", changing(5, _leaf(kind=None)), "kind and version"),
    ("a leaf with a version of text", changing(5, _leaf(v="1")), "kind and version"),
    ("a leaf without a fact", changing(5, _leaf(reader=None)), "exactly the fields"),
    ("a leaf with more", changing(5, _leaf(more=1)), "exactly the fields"),
    ("another ledger's run", changing(0, _leaf(ledger="ab" * 16)), "meta_changed"),
    ("an event twice", _twice, "does not take it"),
    ("a blob that nobody names", lambda lines: [*lines[:1], Blob(blake3_bytes(BODY), 10, BODY), *lines[1:]], "over"),
    ("a blob less", _without(Blob, 7), "over"),
    ("a blob twice", lambda lines: [*lines[:2], lines[1], *lines[2:]], "twice|over"),
    ("erased without an event", _erased, "blob_erased"),
    ("heads at another time", _heads(at=5), "head_mismatch"),
    ("heads of other blobs", _heads(blobs=5), "over"),
    ("an empty commit", lambda lines: [*lines, lines[-1]], "not go on"),
    ("no last head", lambda lines: lines[:-1], "have no head"),
    ("no first line", lambda lines: lines[1:], "begins with"),
    ("a second beginning", lambda lines: [*lines, lines[0]], "another archive"),
]


@pytest.mark.parametrize(("change", "says"), [forgery[1:] for forgery in FORGERIES], ids=[one[0] for one in FORGERIES])
def test_a_forged_archive_is_refused(archive: Path, change: Change, says: str) -> None:
    """What contradicts itself is found although its tree and its last line are right, and nothing is left behind."""
    made = forged(archive, change)
    archive.unlink()

    error = refused(made, says)

    assert "line" in str(error)


def test_the_line_of_an_event_at_fault_is_named(archive: Path) -> None:
    """What verifying finds after reading points to the line, as what reading finds does."""
    lines = lines_of(archive)
    numbers = [number for number, line in enumerate(lines, 1) if isinstance(line, Event)]

    error = refused(forged(archive, changing(400, lambda event: event._replace(sample=1))), "column_mismatch")

    assert f"line {numbers[400]}:" in str(error)


def test_what_a_newer_version_wrote_is_not_imported(archive: Path) -> None:
    """Events of an unknown kind cannot be folded: upgrade, and nothing is there."""
    made = forged(archive, changing(400, _leaf(kind="unheard")))

    with pytest.raises((UnknownEvent, ArchiveInvalid), match="unheard"):
        Ledger.import_events(made, archive.with_name("new.db"))

    assert not archive.with_name("new.db").exists()


# --- continuing


def test_an_older_copy_is_continued(world: Path, archive: Path, older: Path) -> None:
    """What it lacks is appended, and erased where later events erased it; doing it twice adds nothing."""
    answer = Ledger.import_events(archive, older)

    assert answer["created"] is False
    assert 0 < answer["new"] < answer["events"]
    assert content(older) == content(world / "ledger.db")
    assert findings(older) == set()
    before = older.read_bytes()
    assert Ledger.import_events(archive, older)["new"] == 0
    assert older.read_bytes() == before


def test_bytes_that_were_erased_since_go_from_the_copy(ledger: Ledger, tmp_path: Path) -> None:
    """A copy made before an erasure forgets the bytes when it is continued past it."""
    source = write_lines(tmp_path / "a.in", [line("p", "the secret words"), line("q", "others")])
    ledger.ingest([source], campaign="one")
    ledger.backup(tmp_path / "older.db")
    ledger.erase(sample_ids(ledger)[:1], reason="asked", authority="me", yes=True)
    ledger.export_events(tmp_path / "a.jsonl")
    assert b"secret" in (tmp_path / "older.db").read_bytes()

    answer = Ledger.import_events(tmp_path / "a.jsonl", tmp_path / "older.db")

    assert answer["forgotten"] == 1
    assert b"secret" not in (tmp_path / "older.db").read_bytes()
    assert content(tmp_path / "older.db") == content(ledger.path)


def test_an_older_archive_adds_nothing(world: Path, older: Path, tmp_path: Path) -> None:
    """A ledger that is further on than the archive stays as it is."""
    with Ledger.open(older) as ledger:
        ledger.export_events(tmp_path / "early.jsonl")
    newer = Path(shutil.copyfile(world / "ledger.db", tmp_path / "newer.db"))

    assert Ledger.import_events(tmp_path / "early.jsonl", newer)["new"] == 0
    assert content(newer) == content(world / "ledger.db")


def test_what_went_back_is_brought_forward_in_its_place(archive: Path, older: Path) -> None:
    """A ledger that is refused takes the archive that holds what was seen of it, and is then opened again."""
    early = older.read_bytes()
    Ledger.import_events(archive, older)
    whole = content(older)
    older.write_bytes(early)
    with pytest.raises(RolledBack):
        Ledger.open(older)

    assert Ledger.import_events(archive, older)["new"] > 0

    assert content(older) == whole
    Ledger.open(older).close()
    assert findings(older) == set()


def test_what_went_back_takes_nothing_that_does_not_reach_what_was_seen(archive: Path, older: Path) -> None:
    """An archive of less, with new events or without, is refused as the ledger is, and changes nothing."""
    early = older.read_bytes()
    with Ledger.open(older) as ledger:
        ledger.export_events(archive.with_name("none.jsonl"))
        ledger.accept(sample_ids(ledger)[:1], reason="one")
        ledger.export_events(archive.with_name("some.jsonl"))
        ledger.accept(sample_ids(ledger)[1:2], reason="two")
        seen = ledger.status()["head"]["position"]
    older.write_bytes(early)
    for name in ("none.jsonl", "some.jsonl"):
        with pytest.raises(RolledBack, match=f"had reached {seen}") as raised:
            Ledger.import_events(archive.with_name(name), older)
        assert raised.value.__notes__
        assert older.read_bytes() == early


def forked(archive: Path, path: Path) -> Forked:
    """Import what went apart from the ledger at `path`, and check that nothing is changed."""
    before = content(path)
    with pytest.raises(Forked) as raised:
        Ledger.import_events(archive, path)
    assert content(path) == before
    return raised.value


@pytest.mark.parametrize("more", [1, 40])
def test_a_fork_is_refused(archive: Path, older: Path, more: int) -> None:
    """A copy that went on by itself, less or further than the archive, is told that the two went apart, and where."""
    with Ledger.open(older) as ledger:
        same = ledger.status()["events"]
        for number in range(more):
            ledger.accept(sample_ids(ledger)[number : number + 1], reason="otherwise")

    error = forked(archive, older)

    assert str(error) == f"{archive} and {older} have the same first {same} events and then went apart."
    assert "under a new name" in error.next_step


def test_a_fork_that_is_further_on_is_refused(world: Path, older: Path, tmp_path: Path) -> None:
    """Also where the archive ends before the ledger does."""
    with Ledger.open(older) as ledger:
        ledger.accept(sample_ids(ledger)[:1], reason="otherwise")
        ledger.export_events(tmp_path / "fork.jsonl")
    newer = Path(shutil.copyfile(world / "ledger.db", tmp_path / "newer.db"))

    forked(tmp_path / "fork.jsonl", newer)


def test_the_archive_of_another_ledger_is_refused(archive: Path, ledger: Ledger) -> None:
    """A ledger is continued by its own archive only, also an empty one."""
    error = refused(archive, "it is of the ledger", ledger.path)

    assert "older copy" in error.next_step


def test_a_place_that_had_seen_more_is_not_given_less(ledger: Ledger, tmp_path: Path) -> None:
    """Restoring from an old archive where this computer has seen newer events is a rollback, and said to be one."""
    ledger.ingest([write_lines(tmp_path / "a.in", [line("p", "c")])], campaign="one")
    ledger.export_events(tmp_path / "early.jsonl")
    ledger.accept(sample_ids(ledger))
    ledger.close()
    ledger.path.unlink()

    with pytest.raises(RolledBack):
        Ledger.import_events(tmp_path / "early.jsonl", ledger.path)

    assert not ledger.path.exists()


def test_other_writers_are_waited_for(archive: Path, older: Path) -> None:
    """Continuing takes the write lock."""
    with foreign(older) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy):
            Ledger.import_events(archive, older, wait=0)


# --- the world outside


def test_what_stands_there_is_not_overwritten(world: Path, archive: Path) -> None:
    """Neither by an archive nor by a ledger."""
    with Ledger.open(world / "ledger.db") as ledger, pytest.raises(DestinationExists):
        ledger.export_events(archive)
    with pytest.raises(NotWritable), Ledger.open(world / "ledger.db") as ledger:
        ledger.export_events(archive.parent / "no" / "such.jsonl")


def test_inputs_that_cannot_be_read(tmp_path: Path) -> None:
    """No file, a folder, a name that no file can have, an empty file."""
    for name, error in (("none", InputNotFound), (".", InputUnreadable), ("a\0b", InputUnreadable)):
        with pytest.raises(error):
            Ledger.import_events(tmp_path / name, tmp_path / "new.db")
    (tmp_path / "empty").touch()
    refused(tmp_path / "empty", "cut off")


def test_a_journal_of_another_file_is_not_applied(archive: Path) -> None:
    """A journal beside the place would be played into the new ledger; it must be moved away first."""
    archive.with_name("new.db-journal").write_bytes(b"something")

    with pytest.raises(NotWritable, match="applied"):
        Ledger.import_events(archive, archive.with_name("new.db"))


def test_no_archive_is_made_of_a_damaged_ledger(world: Path, tmp_path: Path) -> None:
    """Damage is found before anything is written, also what only importing would notice."""
    path = Path(shutil.copyfile(world / "ledger.db", tmp_path / "ledger.db"))
    with tampering(path) as connection:
        connection.execute("UPDATE event SET sample = 1 WHERE kind = 'rejected'")

    with Ledger.open(path, trust=True) as ledger, pytest.raises(CorruptLedger):
        ledger.export_events(tmp_path / "a.jsonl")

    assert not (tmp_path / "a.jsonl").exists()


def test_a_full_disk_leaves_nothing(archive: Path) -> None:
    """Importing without room is DiskFull, and no ledger is there."""
    answer = program(
        "--ledger", "new.db", "import-events", "all.jsonl", cwd=archive.parent, before=small_files(200_000)
    )

    assert answer.code in {DiskFull.exit_code, StorageFailed.exit_code}, answer.err
    assert names(archive.parent) == ["all.jsonl"]


def test_a_kill_leaves_nothing_or_all(world: Path, archive: Path, older: Path) -> None:
    """Killed at any moment, a new ledger is there whole or not at all, and a continued one is as before or whole."""
    whole, before, outcomes = content(world / "ledger.db"), content(older), set()
    code = "import sys; from ledger import Ledger; Ledger.import_events(sys.argv[1], sys.argv[2])"
    for delay in (0.4, 0.7, 1.0):
        for name, left in (("new.db", None), ("continued.db", before)):
            path = archive.with_name(name)
            if left is not None:
                shutil.copyfile(older, path)
            argv = [sys.executable, "-c", code, str(archive), str(path)]
            with subprocess.Popen(argv, cwd=ROOT, env=environment()) as child:
                time.sleep(delay)
                child.kill()
            if left is None and not path.exists():
                outcomes.add("nothing")
                continue
            found = content(path)
            assert found == whole or (left is not None and found == left)
            outcomes.add("whole" if found == whole else "as before")
            os.unlink(path)  # noqa: PTH108 - the next round begins anew
    assert outcomes


def test_an_archive_made_while_others_write_is_one_state(ledger: Ledger, tmp_path: Path) -> None:
    """No lock is held, yet what is written ends at a head of the ledger."""
    many = [line(f"m{number}", "c") for number in range(3000)]
    ledger.ingest([write_lines(tmp_path / "many.in", many)], campaign="many")
    code = """import sys; from ledger import Ledger
with Ledger.open(sys.argv[1]) as ledger:
    for number in range(25):
        ledger.tag(sys.argv[2:], "n", str(number))
"""
    argv = [sys.executable, "-c", code, str(ledger.path), *sample_ids(ledger)[:3]]
    made: list[dict[str, Any]] = []
    with subprocess.Popen(argv, cwd=ROOT, env=environment()) as child:
        while child.poll() is None:
            made.append(ledger.export_events(tmp_path / f"{len(made)}.jsonl", quick=True))
        assert child.returncode == 0
    for each in (made[0], made[len(made) // 2]):
        again = Ledger.import_events(each["path"], tmp_path / f"{each['events']}.db")
        head = store_of(ledger).head_at(each["head"]["position"])
        assert head is not None
        assert again["head"] == each["head"] == {"position": head.position, "root": f"b3:{head.root.hex()}"}
