"""Verify finds what was changed behind the ledger's back: by plain SQL, by a flipped bit, by a whole new file."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger, audit, projection
from ledger.audit import Audit
from ledger.digest import blake3_bytes, decode
from ledger.errors import CorruptLedger, LedgerBusy, NewerLedger, NotALedger
from ledger.event import KINDS, Stamp, draft, leaf_bytes
from ledger.faults import FINDINGS
from ledger.store import open_store
from ledger.tree import leaf_hash
from tests.logs import (
    Ticks,
    copy_of,
    fill,
    findings,
    foreign,
    improve,
    line,
    log_rows,
    sample_ids,
    store_of,
    tables,
    tampering,
    write_lines,
)

Attack = Callable[[sqlite3.Connection], object]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a ledger with something of everything and complete tiles."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEDGER_WITNESS_DIR", str(folder))
        with Ledger.init(folder / "ledger.db") as ledger:
            many = [line(f"m{number}", "c", label=True) for number in range(300)]
            ledger.ingest([write_lines(folder / "many.jsonl", many)], campaign="many")
            fill(ledger, folder)
    return folder / "ledger.db"


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """Return the path of a copy of that ledger, which nobody has open."""
    return Path(shutil.copyfile(made, tmp_path / "ledger.db"))


def sql(*statements: str) -> Attack:
    """Return the attack that runs these statements."""

    def run(connection: sqlite3.Connection) -> None:
        for statement in statements:
            connection.execute(statement)

    return run


def forged_leaf(connection: sqlite3.Connection) -> None:
    """Change what a decision says, its op and columns included, as a careful hand would."""
    row = connection.execute("SELECT position, leaf FROM event WHERE kind = 'rejected' LIMIT 1").fetchone()
    position, leaf = row[0], decode(row[1])
    fields = {key: leaf[key] for key in KINDS["rejected"].fields} | {"reason": "another"}
    made = draft("rejected", None, None, fields)
    text = leaf_bytes("rejected", fields, Stamp(leaf["actor"], leaf["via"], leaf["at"], leaf["run"])).decode()
    connection.execute("UPDATE event SET op = ?, leaf = ? WHERE position = ?", (made.op, text, position))


def pointing_nowhere(kind: str, field: str) -> Attack:
    """Return the attack that lets an event name an op that no event has, its own op included."""

    def run(connection: sqlite3.Connection) -> None:
        sql = "SELECT position, leaf FROM event WHERE kind = ? LIMIT 1"
        position, text = connection.execute(sql, (kind,)).fetchone()
        leaf = decode(text)
        fields = {key: leaf[key] for key in KINDS[kind].fields} | {field: "ab" * 32}
        made = leaf_bytes(kind, fields, Stamp(leaf["actor"], leaf["via"], leaf["at"], leaf["run"])).decode()
        op = draft(kind, None, None, fields).op
        connection.execute("UPDATE event SET op = ?, leaf = ? WHERE position = ?", (op, made, position))

    return run


def forged_tree(connection: sqlite3.Connection) -> None:
    """Change a leaf and the tile over it, but not the heads."""
    forged_leaf(connection)
    position = connection.execute("SELECT position FROM event WHERE kind = 'rejected' LIMIT 1").fetchone()[0]
    first = position // 256 * 256
    rows = connection.execute("SELECT leaf FROM event WHERE position >= ? ORDER BY position LIMIT 256", (first,))
    hashes = b"".join(leaf_hash(row[0].encode()) for row in rows)
    connection.execute("UPDATE tile SET hashes = ? WHERE idx = ? AND length(?1) = 8192", (hashes, position // 256))


def inserted(connection: sqlite3.Connection) -> None:
    """Insert an event in the middle, moving all later ones."""
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute("UPDATE event SET position = -position - 2 WHERE position >= 40")
    connection.execute("UPDATE event SET position = -position - 1 WHERE position < 0")
    leaf = leaf_bytes("run_finished", {"counts": {}, "started": "00"}, Stamp("me", "cli", 1, 0))
    op = draft("run_finished", None, None, {"counts": {}, "started": "00"}).op
    connection.execute("INSERT INTO event VALUES (40, ?, 'run_finished', 1, NULL, NULL, ?)", (op, leaf.decode()))


def without_head(connection: sqlite3.Connection) -> None:
    """Append an event as this program would, but write no head."""
    leaf = leaf_bytes("run_finished", {"counts": {}, "started": "00"}, Stamp("me", "cli", 1, 0))
    op = draft("run_finished", None, None, {"counts": {}, "started": "00"}).op
    sql = "INSERT INTO event SELECT max(position) + 1, ?, 'run_finished', 1, NULL, NULL, ? FROM event"
    connection.execute(sql, (op, leaf.decode()))


SWAP = (
    "PRAGMA ignore_check_constraints = ON",
    "UPDATE event SET position = -1 WHERE position = 20",
    "UPDATE event SET position = 20 WHERE position = 21",
    "UPDATE event SET position = 21 WHERE position = -1",
)
LEAVES = "SELECT leaf FROM event WHERE position = "
ATTACKS: list[tuple[str, Attack, set[str]]] = [
    (
        "a leaf is changed",
        sql("UPDATE event SET leaf = replace(leaf, 'bad', 'odd') WHERE kind = 'rejected'"),
        {"op_mismatch", "head_mismatch"},
    ),
    (
        "a leaf is no longer canonical",
        sql("UPDATE event SET leaf = leaf || ' ' WHERE position = 5"),
        {"leaf_damaged", "head_mismatch"},
    ),
    ("a leaf is no object", sql("UPDATE event SET leaf = '[]' WHERE position = 5"), {"leaf_damaged"}),
    (
        "a leaf has lost a field",
        sql('UPDATE event SET leaf = \'{"at":1,"kind":"ingested","v":1}\' WHERE position = 5'),
        {"leaf_damaged"},
    ),
    ("an event is forged with care", forged_leaf, {"head_mismatch"}),
    ("an event and its tile are forged", forged_tree, {"head_mismatch", "tile_mismatch"}),
    ("a withdrawal names nothing", pointing_nowhere("withdrawn", "target"), {"reference_missing", "head_mismatch"}),
    ("a child has no parent", pointing_nowhere("improved", "parent"), {"reference_missing", "head_mismatch"}),
    ("an event is deleted", sql("DELETE FROM event WHERE position = 33"), {"position_gap", "head_mismatch"}),
    ("events are deleted", sql("DELETE FROM event WHERE position BETWEEN 33 AND 36"), {"position_gap"}),
    ("an event is inserted", inserted, {"head_mismatch", "head_missing"}),
    ("two events change places", sql(*SWAP), {"column_mismatch", "head_mismatch"}),
    (
        "two leaves change places",
        sql(
            "CREATE TEMP TABLE t AS SELECT position AS p, leaf FROM event WHERE position IN (20, 21)",
            "UPDATE event SET leaf = (SELECT leaf FROM t WHERE p <> position) WHERE position IN (20, 21)",
        ),
        {"op_mismatch", "column_mismatch", "head_mismatch"},
    ),
    ("an op is forged", sql("UPDATE event SET op = zeroblob(32) WHERE position = 9"), {"op_mismatch"}),
    ("a kind is changed", sql("UPDATE event SET kind = 'accepted' WHERE kind = 'rejected'"), {"column_mismatch"}),
    ("a version is changed", sql("UPDATE event SET v = 2 WHERE position = 9"), {"column_mismatch"}),
    ("a sample is changed", sql("UPDATE event SET sample = 3 WHERE kind = 'rejected'"), {"column_mismatch"}),
    ("a birth names another", sql("UPDATE event SET sample = 3 WHERE position = 5"), {"column_mismatch"}),
    ("a run gets a sample", sql("UPDATE event SET sample = 3 WHERE kind = 'run_started'"), {"column_mismatch"}),
    ("a blob is changed for another", sql("UPDATE event SET blob = 2 WHERE position = 5"), {"column_mismatch"}),
    ("a tag gets a blob", sql("UPDATE event SET blob = 2 WHERE kind = 'tagged'"), {"column_mismatch"}),
    ("a blob column points nowhere", sql("UPDATE event SET blob = 99999 WHERE position = 5"), {"blob_missing"}),
    ("a body is changed", sql("UPDATE blob SET body = CAST('{}' AS BLOB) WHERE id = 7"), {"blob_mismatch"}),
    (
        "a body is replaced by its equal",
        sql("INSERT OR REPLACE INTO blob SELECT id, hash, size, 0, CAST(body || x'20' AS BLOB) FROM blob WHERE id = 7"),
        {"blob_mismatch"},
    ),
    ("a size is changed", sql("UPDATE blob SET size = size + 1 WHERE id = 7"), {"blob_mismatch"}),
    ("a codec is named that there is not", sql("UPDATE blob SET codec = 1 WHERE id = 7"), {"blob_mismatch"}),
    (
        "an address is changed",
        sql("UPDATE blob SET hash = zeroblob(32) WHERE id = 7"),
        {"blob_mismatch", "column_mismatch"},
    ),
    ("bytes are gone without an event", sql("UPDATE blob SET body = NULL WHERE id = 7"), {"blob_erased_without_event"}),
    ("a blob is gone", sql("DELETE FROM blob WHERE id = 7"), {"blob_missing"}),
    (
        "the list of a release is gone",
        sql(
            "DELETE FROM blob WHERE lower(hex(hash)) IN"
            " (SELECT json_extract(leaf, '$.members') FROM event WHERE kind = 'released')"
        ),
        {"blob_missing"},
    ),
    ("a blob is smuggled in", sql("INSERT INTO blob VALUES (99999, zeroblob(32), 1, 0, x'00')"), {"blob_unnamed"}),
    ("a tile is changed", sql("UPDATE tile SET hashes = zeroblob(8192)"), {"tile_mismatch"}),
    ("the root of a tile is changed", sql("UPDATE tile SET root = zeroblob(32)"), {"tile_mismatch"}),
    ("a tile is gone", sql("DELETE FROM tile"), {"tile_mismatch"}),
    ("a tile too many", sql("INSERT INTO tile SELECT level, idx + 9, hashes, root FROM tile"), {"tile_mismatch"}),
    (
        "the root of an old head is changed",
        sql("UPDATE head SET root = zeroblob(32) WHERE size < 310"),
        {"head_mismatch"},
    ),
    ("a frontier is changed", sql("UPDATE head SET frontier = x'' WHERE size < 310"), {"head_mismatch"}),
    ("the time of a head is changed", sql("UPDATE head SET at = at - 1 WHERE size < 310"), {"head_mismatch"}),
    ("the number of blobs is changed", sql("UPDATE head SET blobs = blobs + 1 WHERE size < 310"), {"head_mismatch"}),
    (
        "a head is below the first",
        sql(
            "PRAGMA ignore_check_constraints = ON",
            "INSERT INTO head SELECT -5, root, frontier, blobs, at FROM head LIMIT 1",
        ),
        {"head_mismatch"},
    ),
    ("the last heads are gone", sql("DELETE FROM head WHERE size > 320"), {"head_missing"}),
    ("the last events are gone", sql("DELETE FROM event WHERE position > 320"), {"events_missing"}),
    ("an event without a head", without_head, {"head_missing"}),
    ("a guard is dropped", sql("DROP TRIGGER event_no_delete"), {"schema_changed"}),
    (
        "a guard is made harmless",
        sql(
            "DROP TRIGGER event_no_delete", "CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT 1; END"
        ),
        {"schema_changed"},
    ),
    (
        "a trigger is added to a view",
        sql("CREATE TRIGGER t AFTER INSERT ON samples BEGIN DELETE FROM labels; END"),
        {"schema_changed"},
    ),
    ("a column is added", sql("ALTER TABLE event ADD COLUMN note TEXT"), {"schema_changed"}),
    ("an index is added", sql("CREATE UNIQUE INDEX i ON event (leaf)"), {"schema_changed"}),
    (
        "a view's row is changed",
        sql("UPDATE samples SET status = 'accepted' WHERE status = 'rejected'"),
        {"view_drift"},
    ),
    (
        "a view's row is gone",
        sql("DELETE FROM decisions WHERE position = (SELECT max(position) FROM decisions)"),
        {"view_drift"},
    ),
    ("a view's row is added", sql("INSERT INTO families VALUES (zeroblob(32), zeroblob(32))"), {"view_drift"}),
    ("a view's table is gone", sql("DROP TABLE lineage"), {"view_drift"}),
    (
        "a view's table is another",
        sql("DROP TABLE lineage", "CREATE TABLE lineage (child, parent, how)"),
        {"view_drift"},
    ),
    ("a count is changed", sql("UPDATE totals SET value = value + 1"), {"view_drift"}),
    ("the views' position is changed", sql("UPDATE projection SET position = position - 1"), {"view_drift"}),
    ("the views are another version's", sql("UPDATE projection SET code = zeroblob(32)"), {"views_stale"}),
    ("the ledger's name is changed", sql("UPDATE meta SET value = 'another' WHERE key = 'ledger'"), {"meta_changed"}),
    ("the hash is said to be another", sql("UPDATE meta SET value = 'sha256' WHERE key = 'hash'"), {"meta_changed"}),
    ("something else is said", sql("INSERT INTO meta VALUES ('x', 'y')"), {"meta_changed"}),
]


@pytest.mark.parametrize(("attack", "expected"), [pytest.param(a, e, id=name) for name, a, e in ATTACKS])
def test_each_attack_has_its_finding(path: Path, attack: Attack, expected: set[str]) -> None:
    """Plain SQL by one who removes the guards and puts them back is named for what it did."""
    schema = "schema_changed" in expected
    with (foreign if schema else tampering)(path) as connection:
        attack(connection)
    found = findings(path)
    assert expected <= found
    assert ("schema_changed" in found) == schema


def test_every_finding_is_provoked() -> None:
    """No finding is only a word: each is the answer to one of the attacks here or of the witness's tests."""
    elsewhere = {
        "blob_unread",  # tests/test_compaction.py
        "erased_bytes_present",
        "event_unknown",
        "rewritten",
        "rolled_back",
        "sqlite_damaged",
    }
    assert set().union(*(expected for _, _, expected in ATTACKS)) | elsewhere == FINDINGS.keys()


def test_an_honest_ledger_has_no_finding(path: Path) -> None:
    """Full and quick, with how much was looked at, and progress that reaches its end."""
    heard: list[tuple[str, int, int]] = []
    with Ledger.open(path) as ledger:
        answer = ledger.verify(progress=lambda *told: heard.append(told))
        count = ledger.status()["events"]
        assert answer["ok"]
        assert answer["findings"] == []
        assert answer["head"] == ledger.status()["head"]
        assert answer["checked"]["events"] == count
        assert answer["checked"]["tiles"] == count // 256
        assert answer["checked"]["views"] == len(projection.tables())
        assert ("events", count, count) in heard
        assert ("views", count, count) in heard
        assert ledger.verify(quick=True) == {
            **answer,
            "checked": {"schema": answer["checked"]["schema"], "events": count, "heads": 1, "witness": 1},
        }


def test_an_empty_ledger_has_no_finding(ledger: Ledger) -> None:
    """Nothing is sound too."""
    assert ledger.verify()["findings"] == ledger.verify(quick=True)["findings"] == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE tile SET root = zeroblob(32)", "head_mismatch"),
        ("UPDATE event SET leaf = leaf || ' ' WHERE position = (SELECT max(position) FROM event)", "head_mismatch"),
        ("DELETE FROM head WHERE size > 320", "head_missing"),
        ("DELETE FROM event WHERE position > 320", "events_missing"),
        ("DELETE FROM event WHERE position = (SELECT max(position) - 3 FROM event)", "sqlite_damaged"),
        ("UPDATE projection SET position = 3", "view_drift"),
        ("UPDATE projection SET code = x'00'", "views_stale"),
        ("DROP TABLE lineage", "view_drift"),
    ],
)
def test_what_the_quick_check_sees(path: Path, statement: str, expected: str) -> None:
    """The quick check compares the schema, the last head with tiles and last events, and the views' position."""
    with tampering(path) as connection:
        connection.execute(statement)
    assert expected in findings(path, quick=True)


def test_erased_bytes_that_were_put_back_are_found(path: Path) -> None:
    """The right bytes in their old place agree with everything but the event that says that they are gone."""
    with Ledger.open(path) as ledger:
        (sample, *_) = sample_ids(ledger)
        version = bytes.fromhex(ledger.show(sample)["version"][3:])
        body = foreign_body(path, version)
        ledger.erase([sample], reason="asked for", authority="ticket 1", yes=True)
    assert findings(path) == set()
    with tampering(path) as connection:
        connection.execute("UPDATE blob SET body = ? WHERE hash = ?", (body, version))
    assert findings(path) == {"erased_bytes_present"}


def foreign_body(path: Path, version: bytes) -> bytes:
    """Return the bytes of a blob as another program reads them."""
    with foreign(path) as connection:
        found: tuple[bytes] = connection.execute("SELECT body FROM blob WHERE hash = ?", (version,)).fetchone()
    return found[0]


def test_many_faults_are_counted_and_some_listed(path: Path) -> None:
    """A hundred of one name are listed; a thousand faults do not make a thousand lines."""
    with tampering(path) as connection:
        connection.execute("UPDATE event SET op = randomblob(32)")
    with Ledger.open(path, trust=True) as ledger:
        checked = Audit(store_of(ledger), lambda *_: None)
        checked.run(quick=False)
    listed = [finding for finding in checked.findings if finding.id == "op_mismatch"]
    assert len(listed) == audit.MOST < checked.found["op_mismatch"]


def test_a_locked_file_is_not_called_damaged(path: Path) -> None:
    """Where another process holds the file exclusively, verify says so instead of finding faults."""
    with foreign(path) as other, Ledger.open(path, wait=0) as ledger:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerBusy):
            ledger.verify()
        other.rollback()
        assert ledger.verify()["ok"]


@pytest.mark.parametrize("kind", ["tagged", "released"])
def test_kinds_of_a_later_version_are_a_warning(path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Events that this version does not know pass the tree's check; what cannot be checked is said.

    A release names blobs that are not in its column: one who does not know the kind cannot count them.
    """
    with monkeypatch.context() as patch:
        patch.delitem(KINDS, kind)
        with Ledger.open(path, trust=True) as ledger:
            answer = ledger.verify()
    assert answer["ok"]
    assert {finding["id"] for finding in answer["findings"]} == {"event_unknown"}


def test_an_unknown_kind_is_named_also_where_the_views_are_stale(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That blobs could not be counted is said whether or not the views could be looked at, and what is known counts."""
    with tampering(path) as connection:
        connection.execute("UPDATE projection SET code = x'00'")
        connection.execute("UPDATE head SET root = zeroblob(32) WHERE size > 340")
    with monkeypatch.context() as patch:
        patch.delitem(KINDS, "released")
        assert findings(path) == {"event_unknown", "views_stale", "head_mismatch"}


def test_a_full_rewrite_is_seen_by_the_witness_alone(path: Path) -> None:
    """A ledger made anew under the old name agrees with itself; only what was remembered outside tells."""
    with Ledger.open(path) as ledger:
        identity = store_of(ledger).ledger_id
    remade = path.with_name("remade.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("secrets.token_hex", lambda _size=32: identity)
        with Ledger.init(remade) as ledger:
            other = write_lines(path.parent / "r.jsonl", [line("p", str(number)) for number in range(900)])
            ledger.ingest([other], campaign="c")
    assert findings(remade) == set()
    shutil.copyfile(remade, path)
    assert findings(path) == {"rewritten"}


def test_a_clean_truncation_is_seen_by_the_witness_alone(path: Path) -> None:
    """The last commit taken away whole, its views made again, leaves a file that agrees with itself."""
    with Ledger.open(path) as ledger:
        head = store_of(ledger).head().position
        store_of(ledger).witness_file.rename(path.with_name("kept.json"))
    with tampering(path) as connection:
        last = connection.execute("SELECT size FROM head ORDER BY size DESC LIMIT 1, 1").fetchone()[0]
        connection.execute("DELETE FROM event WHERE position >= ?", (last,))
        connection.execute("DELETE FROM head WHERE size > ?", (last,))
    with Ledger.open(path) as ledger:
        ledger.rebuild_views()
        assert ledger.verify()["ok"]
        witness_file = store_of(ledger).witness_file
    path.with_name("kept.json").replace(witness_file)
    assert head >= last
    assert findings(path) == {"rolled_back"}


# --- flipped bits


def everything(path: Path) -> Any:  # noqa: ANN401 - compared only
    """Return all that any reader of the file sees."""
    with Ledger.open(path) as ledger:
        shown = [ledger.why(one) for one in sample_ids(ledger)]
        return log_rows(path), tables(store_of(ledger).connection), ledger.status(), shown


def found_or_refused(path: Path, *, quick: bool = False) -> set[str]:
    """Return what verify finds, or that the file is so damaged that it does not open."""
    try:
        return findings(path, quick=quick)
    except (CorruptLedger, NotALedger, NewerLedger):
        return {"refused"}


def test_flipped_bits(tmp_path: Path) -> None:
    """Of 320 flipped bits none changes what a reader sees without a finding or a refusal to open."""
    original = tmp_path / "ledger.db"
    with Ledger.init(original, clock=Ticks()) as ledger:
        rows = [line(f"p{number % 7}", f"c{number}", label=bool(number % 2), tags={"n": "x"}) for number in range(120)]
        ledger.ingest([write_lines(tmp_path / "in.jsonl", [*rows, b"{broken"])], campaign="one")
        ids = sample_ids(ledger)
        ledger.reject(ids[:40], reason="bad")
        ledger.edit(ids[50], line("another", "prompt"))
        improve(ledger, ids[0], [line("p0", "improved")])
        ledger.split()
        ledger.tag(ids[:5], "colour", "blue")
        ledger.project("kto-interleaved", tmp_path / "out.jsonl", batch_size=2)
    path = copy_of(original)
    everything(path)  # which registers the copy with its own witness
    whole = path.read_bytes()
    truth, schema = everything(path), findings(path)
    assert schema == set()
    used = [offset for offset, value in enumerate(whole) if value]  # the rest is unused space, zeroed
    chance, missed, detected = random.Random(8), [], 0  # noqa: S311 - places, not secrets
    for offset in chance.choices(used, k=320):
        data = bytearray(whole)
        data[offset] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        path.with_name("copy.db-journal").unlink(missing_ok=True)
        found = found_or_refused(path)
        detected += bool(found)
        if not found and everything(path) != truth:
            missed.append(offset)
    assert missed == []
    assert detected > 200


def test_damage_that_changes_a_type_is_a_finding(path: Path) -> None:
    """A stored value of another type than it was is reported, not stumbled over."""
    with foreign(path) as connection:
        for name in ("event_no_update", "head_no_update", "blob_only_erased"):
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, ' STRICT', '') WHERE name IN ('event', 'head', 'blob')"
        )
    with foreign(path) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE head SET frontier = 5, root = 'text' WHERE size < 320")
        connection.execute("UPDATE event SET op = 7 WHERE position = 3")
        connection.execute("UPDATE event SET op = 'text' WHERE position = 9")
        connection.execute("UPDATE blob SET body = 'text', size = 4 WHERE id = 9")
    assert {"schema_changed", "head_mismatch", "op_mismatch", "sqlite_damaged"} <= findings(path)


@pytest.mark.parametrize("quick", [False, True])
def test_what_only_sqlite_can_see_is_a_finding(path: Path, quick: bool) -> None:  # noqa: FBT001 - a parameter
    """Pages that are said to be free and are not there change no row, and are damage all the same."""
    data = bytearray(path.read_bytes())
    data[36:40] = (int.from_bytes(data[36:40], "big") + 9).to_bytes(4, "big")  # how many pages are free
    path.write_bytes(data)
    assert findings(path, quick=quick) == {"sqlite_damaged"}


def test_a_row_that_cannot_be_read_is_a_finding(path: Path) -> None:
    """A page of noise in the middle of the file is damage with a name, and verify ends."""
    size = 16384
    data = bytearray(path.read_bytes())
    for page in range(3, len(data) // size, 4):
        data[page * size : page * size + 200] = bytes(range(200))
    path.write_bytes(data)
    assert found_or_refused(path) & {"sqlite_damaged", "refused"}
    assert found_or_refused(path, quick=True) & {"sqlite_damaged", "refused"}


def test_the_views_of_a_log_that_cannot_be_folded(path: Path) -> None:
    """A leaf that no fold can read is view_drift beside what the log's check says."""
    with tampering(path) as connection:
        connection.execute("UPDATE event SET leaf = 'noise' WHERE position = 5")
    assert {"leaf_damaged", "view_drift"} <= findings(path)


def test_the_address_of_a_blob_is_plain_blake3(path: Path) -> None:
    """What `b3sum` prints for the bytes is the address that is stored."""
    store = open_store(path)
    try:
        rows = store.connection.execute("SELECT hash, body FROM blob").fetchall()
    finally:
        store.close()
    assert all(blake3_bytes(body) == digest for digest, body in rows)
