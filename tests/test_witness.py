"""What was seen is remembered outside the file: a ledger that goes back, or otherwise, is refused and named."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from pathlib import Path

import pytest

from ledger import Ledger, witness
from ledger.checkpoint import Checkpoint, read_checkpoint
from ledger.errors import ProofInvalid, RolledBack
from ledger.proof import Consistency, Proof, read_proof
from tests.logs import copy_of, fill, findings, line, store_of, tampering, write_lines
from tests.small import chat, write

SEEN_LATER = witness.Seen(9, bytes(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a filled ledger that nobody has open."""
    with Ledger.init(tmp_path / "ledger.db") as ledger:
        fill(ledger, tmp_path)
    return tmp_path / "ledger.db"


def witness_of(path: Path) -> Path:
    """Return the witness file of a ledger."""
    with Ledger.open(path, trust=True) as ledger:
        return store_of(ledger).witness_file


def more(path: Path, name: str = "more") -> None:
    """Append something."""
    source = write_lines(path.parent / f"{name}.jsonl", [line("p", name)])
    with Ledger.open(path) as ledger:
        ledger.ingest([source], campaign="more")


def test_each_commit_is_remembered(path: Path) -> None:
    """After a commit the witness holds its size and root, and the file's id and place."""
    with Ledger.open(path) as ledger:
        head = ledger.status()["head"]
        seen = witness.read(store_of(ledger).witness_file)
    assert seen is not None
    assert (seen.size - 1, f"b3:{seen.root.hex()}") == (head["position"], head["root"])


def test_a_commit_is_remembered_at_once(path: Path) -> None:
    """Not only when the ledger is opened again: each commit is witnessed before the next."""
    with Ledger.open(path) as ledger:
        for number in range(2):
            ledger.ingest([write_lines(path.parent / f"{number}.jsonl", [line("p", str(number))])], campaign="c")
            seen, head = witness.read(store_of(ledger).witness_file), store_of(ledger).head()
            assert seen == witness.Seen(head.position + 1, head.root)


def test_an_older_copy_put_back_is_refused_and_found(path: Path) -> None:
    """Restoring an older file at the same place is a rollback: refused when opened, named by verify."""
    old = copy_of(path, "old.db")
    more(path)
    shutil.copyfile(old, path)
    with pytest.raises(RolledBack, match="had reached"):
        Ledger.open(path)
    assert findings(path) == findings(path, quick=True) == {"rolled_back"}


def test_other_events_at_the_same_place_are_refused_and_found(path: Path) -> None:
    """A file that continued otherwise from an older copy is a rewrite, whether longer or of the same length."""
    other = copy_of(path, "other.db")
    more(path)
    more(other, "other")
    for number in range(2):
        shutil.copyfile(other, path)
        with pytest.raises(RolledBack, match="are not those"):
            Ledger.open(path)
        assert findings(path) == findings(path, quick=True) == {"rewritten"}
        more(other, f"longer {number}")


def proof_in(error: RolledBack) -> tuple[Checkpoint, Proof | Checkpoint]:
    """Return what a refusal says was seen, and what is there now."""
    (told,) = error.__notes__
    _, seen, now = told.split(":\n\n")
    return read_checkpoint(seen.partition("\nWhat")[0]), read_proof(now.encode())


def test_a_rollback_is_refused_with_its_proof(path: Path) -> None:
    """The error holds both heads: the one that was seen and the one of now, which has fewer events."""
    old = copy_of(path, "old.db")
    before = head_of(path)
    more(path)
    after = head_of(path)
    shutil.copyfile(old, path)
    with pytest.raises(RolledBack) as raised:
        Ledger.open(path)
    assert proof_in(raised.value) == (after, before)
    counts = raised.value.__notes__[0].splitlines()[0]
    assert counts == f"A checkpoint counts events: the last of {after.size} stands at position {after.size - 1}."


@pytest.mark.parametrize("times", [1, 3])
def test_a_fork_is_refused_with_its_proof(path: Path, times: int) -> None:
    """What is there now is shown to go on from another root over as many events as were seen; anybody can check it."""
    other = copy_of(path, "other.db")
    more(path)
    seen = head_of(path)
    for number in range(times):
        more(other, f"other {number}")
    shutil.copyfile(other, path)
    with pytest.raises(RolledBack) as raised:
        Ledger.open(path)
    was, now = proof_in(raised.value)
    assert was == seen
    assert isinstance(now, Consistency)
    assert now.fault() is None
    assert (now.head, now.size) == (head_of(other), seen.size)
    assert now.root != seen.root
    (path.parent / "now.proof").write_text(now.to_text())
    (path.parent / "seen").write_text(was.to_text())
    with pytest.raises(ProofInvalid):
        Ledger.verify_proof(path.parent / "now.proof", head=path.parent / "seen")


def test_a_file_that_is_damaged_too_is_refused_all_the_same(path: Path) -> None:
    """Where the proof cannot be made of what is left, the heads are told."""
    other = copy_of(path, "other.db")
    more(path)
    seen = head_of(path)
    more(other, "other")
    more(other, "longer")
    with tampering(other) as connection:
        connection.execute("UPDATE event SET leaf = replace(leaf, 'tester', 'another') WHERE position = 3")
    shutil.copyfile(other, path)
    with pytest.raises(RolledBack) as raised:
        Ledger.open(path)
    was, now = proof_in(raised.value)
    assert was == seen
    assert isinstance(now, Checkpoint)


def head_of(path: Path) -> Checkpoint:
    """Return the head of a ledger as a checkpoint."""
    with Ledger.open(path, trust=True) as ledger:
        return read_checkpoint(ledger.checkpoint()["text"])


def test_after_the_witness_was_deleted_the_older_file_is_taken(path: Path) -> None:
    """Going back on purpose is possible: delete the file that the message names."""
    old = copy_of(path, "old.db")
    more(path)
    shutil.copyfile(old, path)
    with pytest.raises(RolledBack) as raised:
        Ledger.open(path)
    named = witness_of(path)
    assert str(named) in raised.value.next_step
    named.unlink()
    more(path)
    assert findings(path) == set()


def test_verifying_an_older_file_does_not_make_it_trusted(path: Path) -> None:
    """Opened to be verified, and even written, a rolled-back file stays rolled back."""
    old = copy_of(path, "old.db")
    for number in range(5):
        more(path, str(number))
    shutil.copyfile(old, path)
    with Ledger.open(path, trust=True) as ledger:
        assert not ledger.verify()["ok"]
        ledger.ingest([write_lines(path.parent / "x.jsonl", [line("p", "x")])], campaign="x")
    with pytest.raises(RolledBack):
        Ledger.open(path)


def test_a_copy_registers_its_own(path: Path) -> None:
    """A copy elsewhere is a ledger of its own place: seen once, its own going back is noticed, not the original's."""
    copied = copy_of(path)
    older = copy_of(path, "older.db")
    assert witness.read(witness_of(copied)) is None
    more(copied)
    more(path, "other")
    assert witness_of(copied) != witness_of(path)
    shutil.copyfile(older, copied)
    with pytest.raises(RolledBack):
        Ledger.open(copied)
    Ledger.open(path).close()


def test_what_others_appended_is_remembered_when_it_is_seen(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head written under another user's witness counts from the moment this user has opened the file."""
    older = copy_of(path, "older.db")
    mine = witness.directory()
    monkeypatch.setenv("LEDGER_WITNESS_DIR", str(path.parent / "theirs"))
    more(path)
    monkeypatch.setenv("LEDGER_WITNESS_DIR", str(mine))
    Ledger.open(path).close()
    shutil.copyfile(older, path)
    with pytest.raises(RolledBack):
        Ledger.open(path)


def test_writers_at_once_leave_the_latest(tmp_path: Path) -> None:
    """However processes that note their commits overlap, what stays is the last of them."""
    file = tmp_path / "w.json"
    for first in range(1, 400, 40):
        pids = []
        for number in range(4):
            pid = os.fork()
            if not pid:
                code = 99
                try:
                    for size in range(first + number, first + 40, 4):
                        witness.write(file, "id", tmp_path / "ledger.db", witness.Seen(size, bytes(32)))
                    code = 0
                finally:
                    os._exit(code)
            pids.append(pid)
        assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0] * 4
        assert witness.read(file) == witness.Seen(first + 39, bytes(32))


def test_a_slow_writer_does_not_undo_a_later_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that stops between looking and writing keeps the other waiting rather than overwriting it afterwards."""
    file, place = tmp_path / "w.json", tmp_path / "ledger.db"
    looked, later = witness.read, threading.Thread(target=witness.write, args=(file, "id", place, SEEN_LATER))

    def slow(one: Path) -> witness.Seen | None:
        seen = looked(one)
        if threading.current_thread() is threading.main_thread():
            later.start()
            later.join(0.2)
        return seen

    with monkeypatch.context() as patch:
        patch.setattr(witness, "read", slow)
        witness.write(file, "id", place, witness.Seen(5, bytes(32)))
        later.join()
    assert witness.read(file) == SEEN_LATER


def test_a_witness_inside_a_commit_is_compared_too(path: Path) -> None:
    """What was seen is a root over events; that a head ended there is not needed, and another root is a rewrite."""
    with Ledger.open(path) as ledger:
        store = store_of(ledger)
        file, inside = store.witness_file, next(n for n in range(300) if store.head_at(n) is None)
        sound = witness.Seen(inside + 1, store.root_at(inside))
        place = (file, store.ledger_id, path)
    for seen, found in ((sound, set()), (sound._replace(root=bytes(32)), {"rewritten"})):
        file.unlink()
        witness.write(*place, seen)
        assert findings(path) == findings(path, quick=True) == found
    with pytest.raises(RolledBack, match="are not those"):
        Ledger.open(path)
    file.unlink()
    witness.write(*place, sound)
    Ledger.open(path).close()


def test_a_witness_never_goes_back(tmp_path: Path) -> None:
    """Of two commits remembered in the wrong order the later one stays."""
    file = tmp_path / "w.json"
    for size in (5, 9, 7):
        assert witness.write(file, "id", tmp_path / "ledger.db", witness.Seen(size, bytes([size]) * 32)) is None
    assert witness.read(file) == witness.Seen(9, b"\x09" * 32)
    assert [child.name for child in tmp_path.iterdir()] == ["w.json"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"root":"00"}', '{"root":"zz","size":1}', '{"root":"00","size":0}', "\xff"]
)
def test_a_witness_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    """Anything else than what was written says nothing, and does not stop the ledger."""
    (tmp_path / "w.json").write_text(text)
    assert witness.read(tmp_path / "w.json") is None


def test_a_witness_that_cannot_be_read_is_replaced_with_a_warning(path: Path) -> None:
    """Whoever opens the ledger hears that a rollback would have gone unnoticed, once; then it is watched again."""
    file = witness_of(path)
    file.write_bytes(file.read_bytes()[:-9])
    with Ledger.open(path) as ledger:
        (told,) = ledger.warnings
        seen = witness.read(file)
        assert seen is not None
        assert seen.size == store_of(ledger).head().position + 1
    assert str(file) in told
    with Ledger.open(path) as ledger:
        assert ledger.warnings == []


def test_a_witness_that_can_be_neither_read_nor_replaced_is_told(path: Path) -> None:
    """Where a folder has its name, both are said."""
    file = witness_of(path)
    file.unlink()
    file.mkdir()
    with Ledger.open(path) as ledger:
        assert "nor can it be replaced" in ledger.warnings[0]


def test_ledgers_that_were_seen_at_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of other ids, at that very path; what is no witness file, or too large, says nothing, nor is all read."""
    monkeypatch.setenv("LEDGER_WITNESS_DIR", str(tmp_path / "seen"))
    place, other = tmp_path / "ledger.db", tmp_path / "other.db"
    assert witness.others_at("1" * 32, place) == []
    for ledger_id, path in (("1" * 32, place), ("2" * 32, place), ("2" * 32, other)):
        witness.write(witness.path_for(ledger_id, path), ledger_id, path, SEEN_LATER)
    (tmp_path / "seen" / "a.json").write_text("[]")
    (tmp_path / "seen" / "b.json").write_text("{")
    (tmp_path / "seen" / "c.json").write_text('{"path":"' + str(place) + '"}' + " " * 100_000)
    (tmp_path / "seen" / "d.json").mkdir()
    assert witness.others_at("1" * 32, place) == [witness.path_for("2" * 32, place)]
    assert witness.others_at("2" * 32, place) == [witness.path_for("1" * 32, place)]
    assert witness.others_at("2" * 32, other) == []
    monkeypatch.setattr(witness, "MOST_FILES", 0)
    assert witness.others_at("1" * 32, place) == []


def test_a_place_that_cannot_be_written_is_a_warning(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no witness can be kept, writing succeeds and says once what would go unnoticed; reading says nothing."""
    (path.parent / "file").touch()
    monkeypatch.setenv("LEDGER_WITNESS_DIR", str(path.parent / "file" / "below"))
    with Ledger.open(path) as ledger:
        assert ledger.warnings == []
        for number in range(2):
            ledger.ingest([write_lines(path.parent / f"{number}.jsonl", [line("p", str(number))])], campaign="c")
        assert len(ledger.warnings) == 1
        assert "rollback would go unnoticed" in ledger.warnings[0]
        assert ledger.verify()["ok"]


def test_where_witnesses_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LEDGER_WITNESS_DIR, else XDG_STATE_HOME, else the home directory."""
    monkeypatch.delenv("LEDGER_WITNESS_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert witness.directory() == tmp_path / "state" / "sample-ledger" / "witness"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert witness.directory() == tmp_path / ".local" / "state" / "sample-ledger" / "witness"


def test_a_link_to_a_ledger_is_that_ledger(path: Path) -> None:
    """The real path counts, so a rollback is noticed through a link too."""
    link = path.with_name("link.db")
    link.symlink_to(path)
    assert witness_of(link) == witness_of(path)


def test_a_witness_that_cannot_be_put_in_place_leaves_no_draft(tmp_path: Path) -> None:
    """Where the name is taken by a folder the reason is told, and what was begun is taken away."""
    (tmp_path / "place.json").mkdir()
    said = witness.write(tmp_path / "place.json", "0" * 32, tmp_path / "ledger.db", SEEN_LATER)
    assert said is not None
    assert "could not be written" in said
    assert [path.name for path in tmp_path.iterdir()] == ["place.json"]


def test_the_lock_is_given_back_where_closing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails as the folder is closed does not leave the next commit waiting for ever."""
    place = tmp_path / "place"
    kept: list[int] = []

    def failing(handle: int) -> None:
        kept.append(handle)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", failing)
        said = witness.write(place / "a.json", "0" * 32, tmp_path / "ledger.db", SEEN_LATER)
    assert said is not None
    assert "Input/output error" in said
    other = os.open(place, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    for handle in {other, *kept}:
        os.close(handle)


def test_a_process_that_is_stuck_with_the_lock_stops_nobody(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit stands and a warning says that it was not noted; the next one notes it."""
    monkeypatch.setattr(witness, "WAIT_SECONDS", 0.05)
    with Ledger.open(path) as ledger:
        folder = store_of(ledger).witness_file.parent
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "stuck")), campaign="a")
            assert "another process holds its folder" in ledger.warnings[0]
        finally:
            os.close(handle)
        seen = witness.read(store_of(ledger).witness_file)
        assert seen is not None
        assert seen.size < ledger.status()["events"]
        ledger.ingest(write(tmp_path / "b.jsonl", chat("q", "free")), campaign="a")
        assert witness.read(store_of(ledger).witness_file).size == ledger.status()["events"]  # type: ignore[union-attr]  # it is there
