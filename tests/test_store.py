"""The log: atomic, ordered, one writer at a time, and sound after crashes, kills and a full disk."""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger, migrations, projection, sqlite
from ledger import store as store_module
from ledger.digest import blake3_bytes
from ledger.errors import (
    CorruptLedger,
    HeadMoved,
    LedgerError,
    LedgerExists,
    NotWritable,
    StorageFailed,
)
from ledger.event import Draft, draft
from ledger.store import Store, aside, create, open_store
from ledger.transaction import EMPTY_HEAD, in_chunks, tree_node
from ledger.tree import TILE, leaf_hash, root_of
from ledger.verbs import ingest
from ledger.verbs.run import Run, Who
from tests.logs import Ticks, copy_of, fill, findings, foreign, line, open_files, sample_ids, store_of, write_lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of an empty ledger that nobody has open."""
    Ledger.init(tmp_path / "ledger.db").close()
    return tmp_path / "ledger.db"


def notes(count: int, start: int = 0) -> list[Draft]:
    """Return small events about no sample, each different."""
    return [
        draft("run_finished", None, None, {"counts": {}, "started": f"{number:064x}"})
        for number in range(start, start + count)
    ]


def append(store: Store, drafts: Sequence[Draft]) -> None:
    """Append drafts in one commit."""
    with store.transaction() as transaction:
        Run(store.ledger_id, "note", {}, Who("me")).append(transaction, drafts)


# --- one commit


def test_everything_of_a_commit_or_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """What is raised inside a transaction undoes blobs, events, tiles, heads, views and what was counted."""
    fill(ledger, tmp_path)
    store = store_of(ledger)
    before = (store.head(), store.connection.execute("SELECT count(*) FROM blob").fetchone(), ledger.status())

    def burn(connection: sqlite.Connection) -> None:
        projection.catch_up(connection)
        raise ZeroDivisionError

    def broken() -> None:
        with store.transaction() as transaction:
            transaction.forget_occurrences()
            transaction.note_occurrences([(0, 1, 1)])
            transaction.add_blob(b"gone")
            Run(store.ledger_id, "note", {}, Who("me")).append(transaction, notes(400))

    store.seal = burn
    with pytest.raises(ZeroDivisionError):
        broken()
    store.seal = projection.catch_up
    assert before == (store.head(), store.connection.execute("SELECT count(*) FROM blob").fetchone(), ledger.status())
    assert ledger.verify()["ok"]


def test_nothing_appended_nothing_written(ledger: Ledger) -> None:
    """A transaction without events leaves the file, its head and its witness as they are."""
    store = store_of(ledger)
    before = ledger.path.read_bytes()
    with store.transaction() as transaction:
        assert transaction.next_position == 0
    assert store.head() == EMPTY_HEAD
    assert ledger.path.read_bytes() == before
    assert not store.witness_file.exists()


def test_expected_head(ledger: Ledger, tmp_path: Path) -> None:
    """A writer who expects another head than there is changes nothing and learns where it is."""
    ids = fill(ledger, tmp_path)
    head = ledger.status()["head"]["position"]
    with pytest.raises(HeadMoved, match=f"position {head}, not at the expected 3"):
        ledger.accept(ids[:1], expected_head=3)
    assert ledger.status()["head"]["position"] == head
    assert ledger.accept(ids[:1], reason="now", expected_head=head)["changed"] == 1


def test_time_never_goes_back(ledger: Ledger) -> None:
    """A clock that goes back gives the last head's time again."""
    clock = Ticks(step=-5)
    store = store_of(ledger)
    store.clock = clock
    for number in range(3):
        append(store, notes(1, number))
    times = [row[0] for row in store.connection.execute("SELECT at FROM head ORDER BY size")]
    assert times == [times[0]] * 3


def test_the_root_at_every_position_is_the_one_by_definition(ledger: Ledger) -> None:
    """From stored tiles, leaves and heads: at every position of 1,100 events in commits of odd sizes."""
    store, sizes = store_of(ledger), [2, 254, 2, 256, 3, 299, 284]
    for number, size in enumerate(sizes):
        append(store, notes(size - 1, number * 1000))
    leaves = [row[0].encode() for row in store.connection.execute("SELECT leaf FROM event ORDER BY position")]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    assert len(hashes) == sum(sizes)
    assert store.root_at(-1) == EMPTY_HEAD.root
    edges = {at + near for at in (0, 256, 512, 768, 1024) for near in (-2, -1, 0, 1)}
    for position in sorted({*range(0, 1100, 13), *edges, 1099} - {-2, -1}):
        assert store.root_at(position) == root_of(hashes[: position + 1])
    assert ledger.verify()["ok"]


def test_tiles_of_tiles(ledger: Ledger) -> None:
    """Beyond 65,536 events there are tiles over tiles, and every check still holds, also where one is missing."""
    store = store_of(ledger)
    store.seal = lambda _connection: None
    for number in range(3):
        append(store, notes(TILE * TILE // 3 + 99, number * 100_000))
    levels = dict(store.connection.execute("SELECT level, count(*) FROM tile GROUP BY level"))
    count = store.head().position + 1
    assert levels == {0: count // TILE, 1: 1}
    hashes = [
        leaf_hash(row[0].encode()) for row in store.connection.execute("SELECT leaf FROM event ORDER BY position")
    ]
    assert store.root_at(TILE * TILE + 50) == root_of(hashes[: TILE * TILE + 51])
    with store.exclusive():
        projection.rebuild(store.connection)
    assert ledger.verify()["checked"]["tiles"] == sum(levels.values())
    assert ledger.verify(quick=True)["ok"]
    with foreign(ledger.path) as other:
        other.execute("DROP TRIGGER tile_no_delete")
        other.execute("DELETE FROM tile WHERE level = 0 AND idx = 3")
    assert findings(ledger.path) == {"tile_mismatch", "schema_changed"}
    with pytest.raises(CorruptLedger, match="tile 3 of level 0"), store.exclusive():
        tree_node(store.connection, 1, 3)
    with pytest.raises(CorruptLedger, match="event at position"), store.exclusive():
        tree_node(store.connection, 0, count)


def test_looking_up_more_than_one_statement_holds(ledger: Ledger, tmp_path: Path) -> None:
    """Ops, blobs and bodies are found by the thousand, and those that are not there are left out."""
    source = write_lines(tmp_path / "in.jsonl", [line("p", f"c{number}") for number in range(2000)])
    ledger.ingest([source], campaign="c")
    store = store_of(ledger)
    ids = [bytes.fromhex(one) for one in sample_ids(ledger)]
    bodies = [line("p", f"c{number}") for number in range(2000)]
    with store.transaction() as transaction:
        assert transaction.known_ops([*ids, bytes(32)]) == {op: at for at, op in enumerate(ids, 1)}
        rows = transaction.known_blobs([*map(blake3_bytes, bodies), bytes(32)])
        assert transaction.add_blobs({blake3_bytes(body): body for body in bodies}) == rows
    assert store.bodies(sorted(rows.values())) == {rows[blake3_bytes(body)]: body for body in bodies}
    assert store.body(rows[blake3_bytes(bodies[7])]) == bodies[7]
    with pytest.raises(CorruptLedger, match="blob 9999"):
        store.body(9999)
    assert list(in_chunks([])) == []


# --- creating


def test_creating_over_something(tmp_path: Path) -> None:
    """What is there is never overwritten: a file, a folder, a link to nowhere."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "folder", "link"):
        with pytest.raises(LedgerExists):
            create(tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(child.name for child in tmp_path.iterdir()) == ["file", "folder", "link"]


def test_creating_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A creation that breaks in the middle leaves neither a half-made file nor an open one."""
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, ("CREATE TABLE event (x)",)))
    with pytest.raises(LedgerError, match="already exists") as raised:
        create(tmp_path / "ledger.db")
    assert open_files(tmp_path / "ledger.db") == 0, raised
    assert list(tmp_path.iterdir()) == []


def test_a_new_ledger_whose_views_cannot_be_made_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When making the views fails the log is there, whole and closed, and opening it makes them."""

    def broken(*_: object) -> int:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(projection, "rebuild", broken)
        with pytest.raises(ZeroDivisionError) as raised:
            Ledger.init(tmp_path / "ledger.db")
        assert open_files(tmp_path / "ledger.db") == 0, raised
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        assert ledger.status()["events"] == 0
        assert ledger.verify()["ok"]


def test_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system without them the name is claimed first; the ledger is the same."""

    def refuse(_self: Path, _target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with Ledger.init(tmp_path / "ledger.db") as ledger:
        assert ledger.verify()["ok"]
    assert [child.name for child in tmp_path.iterdir() if child.suffix == ".db"] == ["ledger.db"]
    with pytest.raises(LedgerExists):
        Ledger.init(tmp_path / "ledger.db")


def test_a_new_file_with_a_part_beside_it_gets_no_name(tmp_path: Path) -> None:
    """What could not be moved out of a write-ahead log on closing is not lost with the folder: nothing is made."""

    def interrupted() -> None:
        with aside(tmp_path / "ledger.db") as made:
            made.write_bytes(b"all but the last pages")
            made.with_name("new.db-wal").write_bytes(b"the last pages")

    with pytest.raises(StorageFailed, match=r"a part of it is still in new\.db-wal"):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_new_ledger_leaves_nothing_in_its_write_ahead_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger made for write-ahead logging is whole in its own file before anything has to be moved."""
    monkeypatch.setattr(sqlite, "wal_is_safe", lambda: True)
    made = tmp_path / "made.db"
    store_module.make(made, "0" * 32, wal=True)
    assert made.read_bytes()[18:20] == b"\x02\x02", "the file says that it has a write-ahead log"
    copy = copy_of(made)
    open_store(copy).close()
    assert findings(copy) == {"views_stale"}


def test_a_head_that_cannot_be_read(ledger: Ledger) -> None:
    """It is an error of the ledger's own where nobody began a transaction; inside one, its beginner names it."""
    store = store_of(ledger)
    with foreign(ledger.path) as other:
        other.execute("DROP TABLE head")
    with pytest.raises(CorruptLedger, match="no such table: head"):
        store.head()
    with pytest.raises(sqlite.Error, match="no such table: head"), sqlite.snapshot(store.connection):
        store.head()


def test_a_name_taken_while_creating(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes the name first has it; the other is told, and nothing of the loser remains."""
    path = tmp_path / "ledger.db"

    def late(connection: sqlite.Connection, version: int) -> None:
        migrate(connection, version)
        path.write_text("first")

    migrate = store_module._migrate  # noqa: SLF001 - the moment between looking for the file and naming it
    monkeypatch.setattr(store_module, "_migrate", late)
    with pytest.raises(LedgerExists):
        create(path)
    assert path.read_text() == "first"
    assert [child.name for child in tmp_path.iterdir()] == ["ledger.db"]


def test_many_creators_one_ledger(tmp_path: Path) -> None:
    """Of eight processes that create the same ledger at once, one does and seven are told that it exists."""
    path = tmp_path / "ledger.db"

    def race() -> int:
        try:
            create(path).close()
        except LedgerExists:
            return 7
        return 0

    assert sorted(finish([start(race) for _ in range(8)])) == [0, *[7] * 7]
    assert findings(path) == {"views_stale"}
    assert [child.name for child in tmp_path.iterdir() if not child.name.endswith("-journal")] == ["ledger.db"]


# --- several processes


def start(work: Callable[[], int | None]) -> int:
    """Run `work` in a child process and return its process id; its result is the exit code."""
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        code = work() or 0
    finally:
        os._exit(code)


def finish(pids: Sequence[int]) -> list[int]:
    """Wait for child processes and return their exit codes (negative: the signal that ended them)."""
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def test_writers_and_a_reader_at_once(path: Path, tmp_path: Path) -> None:
    """Four processes ingest and decide, one reads: nothing is lost or doubled, nobody sees half a batch or a lock."""
    shared = [line("shared", f"c{number}") for number in range(10)]
    batches, size = 6, 10

    def write(number: int) -> None:
        with Ledger.open(path) as ledger:
            for batch in range(batches):
                mine = [line(f"p{number}", f"{batch} {row}") for row in range(size)]
                source = write_lines(tmp_path / f"{number}-{batch}.jsonl", mine)
                assert ledger.ingest([source], campaign=f"w{number}")["new"] == size
                everyone = write_lines(tmp_path / f"all-{number}.jsonl", shared)
                ledger.ingest([everyone], campaign="all", source="shared.jsonl")
                own = [one for one in ledger.log(limit=10_000) if one["says"].get("campaign") == f"w{number}"]
                assert ledger.accept([one["event"] for one in own][-size:], reason=str(batch))["changed"] == size

    def read() -> None:
        with Ledger.open(path) as ledger:
            until = time.monotonic() + 30
            while time.monotonic() < until:
                status = ledger.status()
                assert status["conserved"]
                own = [one["samples"] for one in status["campaigns"] if one["name"] != "all"]
                assert all(samples % size == 0 for samples in own), own
                assert status["by_status"]["accepted"] % size == 0
                if sum(own) == 4 * batches * size and status["by_status"]["accepted"] == sum(own):
                    return
            raise TimeoutError

    pids = [start(lambda number=number: write(number)) for number in range(4)]  # type: ignore[misc]  # bound early
    assert finish([*pids, start(read)]) == [0] * 5
    with Ledger.open(path) as ledger:
        status = ledger.status()
        assert status["samples"] == 4 * batches * size + len(shared)
        assert status["by_status"]["accepted"] == 4 * batches * size
        assert ledger.verify()["ok"]
        assert sum(one["kind"] == "run_started" for one in ledger.log(limit=10_000)) == 4 * batches * 2 + 1


def test_killed_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ingest killed at 25 random moments and taken up again ends where one in peace does, sound each time."""
    monkeypatch.setattr(ingest, "BATCH_LINES", 20)
    rows = [line(f"p{number % 50}", f"c{number // 2}", label=bool(number % 3)) for number in range(300)]
    source = write_lines(tmp_path / "in.jsonl", [*rows[:150], b"{broken", *rows[150:]])
    calm, rough = tmp_path / "calm.db", tmp_path / "rough.db"
    for one in (calm, rough):
        Ledger.init(one).close()
    with Ledger.open(calm) as ledger:
        started = time.monotonic()
        ledger.ingest([source], campaign="c")
        whole = time.monotonic() - started

    def take_up() -> None:
        with Ledger.open(rough) as ledger:
            ledger.ingest([source], campaign="c")

    chance, kills, heads, peace = random.Random(5), 0, {-1}, state_of(calm)  # noqa: S311 - moments, not secrets
    while kills < 25:
        pid = start(take_up)
        time.sleep(chance.random() * whole / 2)
        os.kill(pid, signal.SIGKILL)
        if finish([pid]) == [0]:
            assert state_of(rough) == peace
            rough.unlink()
            Ledger.init(rough).close()
            continue
        kills += 1
        with Ledger.open(rough) as ledger:
            assert ledger.status()["conserved"]
            heads.add(ledger.status()["head"]["position"])
            if kills % 5 == 0:
                assert ledger.verify()["ok"]
    assert len(heads) > 5, "the kills must have come while it wrote"
    take_up()
    assert state_of(rough) == peace


def state_of(path: Path) -> tuple[Any, ...]:
    """Return what does not depend on how often a command was taken up."""
    with Ledger.open(path) as ledger:
        assert ledger.verify()["ok"]
        status = ledger.status()
        places = {"events", "head", "ledger", "path"}
        return sorted(sample_ids(ledger)), {key: value for key, value in status.items() if key not in places}


def test_a_full_disk(path: Path, tmp_path: Path) -> None:
    """When the file cannot grow the command ends with its own error, the ledger is sound, and resumes with room."""
    rows = [line(f"p{number}", "c" * 3000) for number in range(400)]
    source = write_lines(tmp_path / "in.jsonl", rows)

    def without_room() -> int:
        ingest.BATCH_LINES = 40
        limit = path.stat().st_size + 600_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            with Ledger.open(path) as ledger:
                ledger.ingest([source], campaign="c")
        except LedgerError as error:
            return error.exit_code
        return 0

    assert finish([start(without_room)]) in ([16], [38])  # DiskFull or StorageFailed
    with Ledger.open(path) as ledger:
        kept = ledger.status()["samples"]
        assert 0 < kept < 400
        assert kept % 40 == 0
        assert ledger.verify()["ok"]
        answer = ledger.ingest([source], campaign="c")
        assert (answer["new"], answer["known"]) == (400 - kept, kept)
        assert ledger.verify()["ok"]


def test_no_room_to_create(tmp_path: Path) -> None:
    """A ledger that does not fit is not created, and what was begun is taken away."""

    def without_room() -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        try:
            create(tmp_path / "ledger.db")
        except LedgerError as error:
            return error.exit_code
        return 0

    assert finish([start(without_room)]) in ([16], [38])
    assert list(tmp_path.iterdir()) == []


def test_a_store_whose_place_became_read_only(ledger: Ledger) -> None:
    """Writing is refused before a transaction begins where the file was found read-only."""
    store = store_of(ledger)
    store.writable = False
    with pytest.raises(NotWritable), store.transaction():
        pytest.fail("the block must not be entered")


def test_events_of_a_sample_come_in_order_and_limited(ledger: Ledger, tmp_path: Path) -> None:
    """The history of a sample begins with its birth; a limit keeps the last ones; a position cuts it."""
    ids = fill(ledger, tmp_path)
    kinds = [event["kind"] for event in ledger.log(ids[0])]
    assert kinds[:3] == ["ingested", "accepted", "rejected"]
    assert [event["kind"] for event in ledger.log(ids[0], limit=2)] == kinds[-2:]
    birth = ledger.log(ids[0])[0]["position"]
    assert [event["kind"] for event in ledger.log(ids[0], as_of=str(birth))] == ["ingested"]
    assert ledger.log(limit=1)[0]["position"] == ledger.status()["head"]["position"]


def test_blobs_inside_a_commit(ledger: Ledger, tmp_path: Path) -> None:
    """A position inside a commit counts the blobs that its events brought so far, not those of the ones to come."""
    rows = [line("p", str(number)) for number in (1, 2, 2, 3)]
    for number, campaign in enumerate("ab"):
        ledger.ingest([write_lines(tmp_path / f"{number}.jsonl", rows)], campaign=campaign)
        rows = [line("p", str(number)) for number in (3, 4, 5)]
    store, counts, total = store_of(ledger), {}, 0
    for position, blob in store.connection.execute("SELECT position, blob FROM event ORDER BY position"):
        total = max(total, blob or 0)
        counts[position] = total
    assert {position: store.blob_count(position) for position in counts} == counts
    assert sorted(set(counts.values())) == [0, 1, 2, 3, 4, 5]


def test_a_store_without_views_is_still_a_log(tmp_path: Path) -> None:
    """The log stands on its own: events can be appended and read with no view folded."""
    store = create(tmp_path / "ledger.db")
    append(store, notes(3))
    store.close()
    store = open_store(tmp_path / "ledger.db")
    assert store.head().position == 3
    assert store.head_at(2) is None
    assert store.head_before(0) is None
    assert store.blob_count(-1) == store.blob_count(3) == 0
    assert store.neighbours(bytes(32))[0] is None
    store.close()
