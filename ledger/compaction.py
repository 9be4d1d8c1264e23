"""Making the file smaller: the same ledger built anew beside it, compared, and put in its place in one transaction.

What is built has no name in any folder, so nothing of it is left behind. SQLite's backup copies it over the ledger as
one transaction of the ledger's own file: same file, same locks, and after a crash either the old or the new. Readers
go on reading until that copy begins; writers wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from ledger import sqlite
from ledger.codec import LESSON_BYTES, LESSONS, PATIENT_LEVEL, RAW, Codec, Dictionary, Unpackable, train
from ledger.digest import blake3_bytes
from ledger.errors import BrokenLaw, CorruptLedger, DiskFull, NotWritable, StorageFailed
from ledger.migrations import PAGE_SIZE
from ledger.store import NO_ROOM, Store
from ledger.transaction import in_chunks

ZSTD, NONE = "zstd", "none"
CODECS = (ZSTD, NONE)

FOLDED = {
    "duplicates_found": ("keys",),
    "policy_adopted": ("source",),
    "proposed": (),
    "released": ("members", "omissions"),
    "templates_found": (),
    "view_defined": ("source",),
}
"""Kinds whose blobs stay as they are: folds read them, so views can be made where zstandard is not installed. Beside
the blob of an event's column, the fields that name more."""

PACKED_PAGE_SIZE = 8192
"""Bytes of a page of a packed file: 4 in 100 smaller with them, as a tile of the tree wastes less of its last page;
appending then takes 8 in 100 longer, which a file that is to be small may cost."""

_STEP_ROWS = 1000
_STEP_PAGES = 1024

Progress = Callable[[str, int, int], None]


class Compacted(NamedTuple):
    """What became of a file: its bytes before and after; how its blobs are stored.

    Of `blobs`, `packed` are packed; `plain_bytes` is what all of them hold and `stored_bytes` what stands for that.
    `dictionary_bytes` is the size of the dictionary, None where there is none.
    """

    bytes_before: int
    bytes_after: int
    blobs: int
    packed: int
    plain_bytes: int
    stored_bytes: int
    dictionary_bytes: int | None


def compact(store: Store, codec: str | None, progress: Progress) -> Compacted:
    """Build the file anew without free pages; with a codec also pack (`zstd`) or unpack (`none`) its bytes.

    Packing trains a new dictionary on the bytes there are now. Ids, root and everything that is read stay the same.
    Needs room for the new file and for the old pages, until the end. `progress` hears (what, done, of). Raises
    NotWritable, LedgerBusy, DiskFull, CodecMissing, and CorruptLedger where bytes are not those of their address.
    """
    if not store.writable:
        raise NotWritable(store.path, "the file or its directory is read-only")
    before = store.path.stat().st_size
    with sqlite.plain_errors(store.path, store.wait), _without_wal(store.connection):
        with closing(sqlite.connect(store.path, wait=store.wait)) as held, _aside(store.path) as new:
            new.execute(f"PRAGMA page_size = {_page_size(store.connection, codec)}")
            sqlite.begin(held, store.path, store.wait, store.on_wait)
            new.execute("ATTACH ? AS old", (str(store.path),))
            build = _Build(new, store.path, progress)
            build.run(codec)
            build.compare()
            new.execute("DETACH old")
            _take_alone(held)
            new.backup(
                held, pages=_STEP_PAGES, progress=lambda _status, left, all_: progress("pages", all_ - left, all_)
            )
        return _measured(store, before)


def is_tainted(store: Store) -> bool:
    """Say whether a dictionary was trained on bytes that were erased since, and so may quote them."""
    sql = "SELECT EXISTS (SELECT 1 FROM lesson l JOIN main.blob b ON b.id = l.blob WHERE b.body IS NULL)"
    return bool(store.connection.execute(sql).fetchone()[0])


def forget(store: Store, progress: Progress) -> bool:
    """Let no dictionary quote what was erased: where one may, pack everything with a new one. Return whether it was so.

    Call it after the commit that erased. Raises what `compact` does; the erasure stands, and calling it again goes on.
    """
    with sqlite.plain_errors(store.path, store.wait):
        tainted = is_tainted(store)
    if tainted:
        compact(store, ZSTD, progress)
    return tainted


class _Build:
    """The new file in the making; the ledger is attached to its connection as `old`."""

    def __init__(self, connection: sqlite.Connection, path: Path, progress: Progress) -> None:
        self._connection = connection
        self._path = path
        self._progress = progress
        self._old = Codec(path, self._fetch("old"))
        self._new = Codec(path, self._fetch("main"))
        rows = connection.execute("SELECT type, name, tbl_name, rootpage, sql FROM old.sqlite_schema ORDER BY rowid")
        self._shapes = [row for row in rows if row[4] is not None and not row[2].startswith("sqlite_")]

    def run(self, codec: str | None) -> None:
        """Make everything that `old` holds, in the way that VACUUM does: tables, rows, indexes, then the rest."""
        connection = self._connection
        for setting in ("application_id", "user_version"):
            value = connection.execute(f"PRAGMA old.{setting}").fetchone()[0]
            connection.execute(f"PRAGMA main.{setting} = {int(value)}")
        connection.execute("BEGIN")
        for shape in self._tables():
            connection.execute(shape[4])
        apart = () if codec is None else ("blob", "dictionary", "lesson")
        for _, name, *_ in self._tables():
            if name not in apart:
                connection.execute(f"INSERT INTO main.{_quoted(name)} SELECT * FROM old.{_quoted(name)}")  # noqa: S608 - quoted
        if codec is not None:
            self._keep_folded()
            self._copy_blobs(self._learn() if codec == ZSTD else None)
        for kind, *_, sql in self._shapes:
            if kind == "index":
                connection.execute(sql)
        self._copy_shapes()
        connection.execute("COMMIT")

    def compare(self) -> None:
        """Raise BrokenLaw unless what was built is what `old` holds, and StorageFailed where its pages are unsound."""
        for (line,) in self._connection.execute("PRAGMA main.quick_check(1)"):
            if line != "ok":
                raise StorageFailed(self._path, f"what was built anew is damaged: {line}")
        for _, name, *_ in self._tables():
            if name not in {"dictionary", "lesson"} and not self._same(name):
                raise BrokenLaw(f"the table {name} would change")

    def _tables(self) -> Iterator[tuple[Any, ...]]:
        """Yield the shapes of tables that hold rows; virtual ones hold theirs in others."""
        return (shape for shape in self._shapes if shape[0] == "table" and shape[3])

    def _same(self, table: str) -> bool:
        columns = list(self._connection.execute(f"PRAGMA old.table_info({_quoted(table)})"))
        names = [(_quoted(name), key) for _, name, _, _, _, key in columns]
        keys = " AND ".join(f"a.{name} = b.{name}" for name, key in names if key) or "a.rowid = b.rowid"
        alike = [f"a.{name} IS b.{name}" for name, _ in names]
        if table == "blob":
            alike = ["a.hash = b.hash", "a.size = b.size", "(a.body IS NULL) = (b.body IS NULL)"]
        sql = f"""SELECT (SELECT count(*) FROM old.{_quoted(table)}), (SELECT count(*) FROM main.{_quoted(table)}),
            (SELECT count(*) FROM old.{_quoted(table)} a JOIN main.{_quoted(table)} b ON {keys}
            WHERE {" AND ".join(alike)})"""  # noqa: S608 - quoted names
        return len(set(self._connection.execute(sql).fetchone())) == 1

    def _keep_folded(self) -> None:
        """Note the rows of blobs that stay as they are."""
        connection = self._connection
        connection.execute("CREATE TEMP TABLE kept (id INTEGER PRIMARY KEY)")
        for kind, fields in FOLDED.items():
            connection.execute("INSERT OR IGNORE INTO kept SELECT blob FROM old.event WHERE kind = ?", (kind,))
            for field in fields:
                connection.execute(
                    """INSERT OR IGNORE INTO kept SELECT b.id FROM old.event e
                    JOIN old.blob b ON b.hash = unhex(json_extract(e.leaf, '$.' || :field))
                    WHERE e.kind = :kind AND json_extract(e.leaf, '$.' || :field) IS NOT NULL""",
                    {"field": field, "kind": kind},
                )

    def _learn(self) -> Dictionary:
        """Train a dictionary on some of the bytes, evenly taken, and store it with what it was trained on."""
        connection = self._connection
        total = connection.execute("SELECT count(*) FROM old.blob").fetchone()[0]
        rows = connection.execute(
            """SELECT id, size, codec, body FROM old.blob
            WHERE id % ? = 0 AND size > 0 AND body IS NOT NULL AND id NOT IN (SELECT id FROM kept)""",
            (total // LESSONS + 1,),
        )
        lessons = {row: self._plain(row, *rest)[:LESSON_BYTES] for row, *rest in rows}
        body = train(self._path, list(lessons.values()))
        number = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM old.dictionary").fetchone()[0]
        made = Dictionary(number, blake3_bytes(body), body)
        connection.execute("INSERT INTO main.dictionary (id, hash, body) VALUES (?, ?, ?)", made)
        if body:
            taught = ((number, row) for row in lessons)
            connection.executemany("INSERT INTO main.lesson (dictionary, blob) VALUES (?, ?)", taught)
        return made

    def _copy_blobs(self, dictionary: Dictionary | None) -> None:
        """Copy every blob, packed with the dictionary or, without one, as its bytes stand."""
        pack = None if dictionary is None else self._new.packer(dictionary.number, dictionary.hash, PATIENT_LEVEL)
        total = self._connection.execute("SELECT count(*) FROM old.blob").fetchone()[0]
        rows = self._connection.execute(
            """SELECT b.id, b.hash, b.size, b.codec, b.body, k.id IS NOT NULL
            FROM old.blob b LEFT JOIN temp.kept k ON k.id = b.id ORDER BY b.id"""
        )
        done = 0
        for chunk in in_chunks(rows, _STEP_ROWS):
            self._connection.executemany(
                "INSERT INTO main.blob (id, hash, size, codec, body) VALUES (?, ?, ?, ?, ?)",
                [(*row[:3], *self._stored(row, pack)) for row in chunk],
            )
            done += len(chunk)
            self._progress("blobs", done, total)

    def _stored(
        self, row: tuple[Any, ...], pack: Callable[[bytes], tuple[int, bytes]] | None
    ) -> tuple[int, bytes | None]:
        """Return the codec and the bytes to store for a blob; raise CorruptLedger where it is not what it should be."""
        number, digest, size, codec, body, kept = row
        if body is None:
            return RAW, None
        plain = self._plain(number, size, codec, body)
        if len(plain) != size or blake3_bytes(plain) != digest:
            raise CorruptLedger(self._path, f"blob {number} does not have the bytes of its address")
        if pack is None or kept:
            return RAW, plain
        packed = pack(plain)
        if self._new.unpack(packed[0], size, packed[1]) != plain:
            raise BrokenLaw(f"blob {number} would not be what it was")
        return packed

    def _plain(self, number: int, size: int, codec: int, body: bytes) -> bytes:
        try:
            return self._old.unpack(codec, size, body)
        except Unpackable as error:
            raise CorruptLedger(self._path, f"blob {number}: {error}") from error

    def _copy_shapes(self) -> None:
        """Copy what holds no rows of its own: guards, views, virtual tables. No statement makes those that exist."""
        connection = self._connection
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            """INSERT INTO main.sqlite_schema SELECT * FROM old.sqlite_schema
            WHERE type IN ('view', 'trigger') OR (type = 'table' AND rootpage = 0)"""
        )
        connection.execute("PRAGMA writable_schema = OFF")

    def _fetch(self, schema: str) -> Callable[[int], Dictionary | None]:
        def fetch(number: int) -> Dictionary | None:
            sql = f"SELECT id, hash, body FROM {schema}.dictionary WHERE id = ?"  # noqa: S608 - two fixed names
            row = self._connection.execute(sql, (number,)).fetchone()
            return None if row is None else Dictionary(*row)

        return fetch


@contextmanager
def _aside(path: Path) -> Iterator[sqlite.Connection]:
    """Yield a connection to an empty database on the disk of `path`, which goes when it is closed, however that is."""
    try:
        beside = path.absolute().parent
        with TemporaryDirectory(prefix=f".{path.name}.", dir=beside, ignore_cleanup_errors=True) as folder:
            name = Path(folder) / "new.db"
            connection = sqlite.connect_new(name)
            name.unlink()
    except OSError as error:
        raise (DiskFull if error.errno in NO_ROOM else NotWritable)(path, error.strerror) from error
    with closing(connection):
        # What nobody can find needs neither a journal, which would need its name, nor to outlive a power failure.
        for setting in ("journal_mode = OFF", "synchronous = OFF"):
            connection.execute(f"PRAGMA {setting}")
        connection.create_function("unhex", 1, bytes.fromhex, deterministic=True)
        yield connection


def _page_size(connection: sqlite.Connection, codec: str | None) -> int:
    present: int = connection.execute("PRAGMA page_size").fetchone()[0]
    return {ZSTD: PACKED_PAGE_SIZE, NONE: PAGE_SIZE}.get(codec or "", present)


def _take_alone(held: sqlite.Connection) -> None:
    """Go from the write lock, which leaves readers in, to a lock that leaves nobody in and outlasts transactions.

    The copy needs that no transaction is open; between this one and its own, nobody may come in.
    """
    held.execute("PRAGMA locking_mode = EXCLUSIVE")
    held.execute("COMMIT")
    held.execute("BEGIN EXCLUSIVE")
    held.execute("COMMIT")


@contextmanager
def _without_wal(connection: sqlite.Connection) -> Iterator[None]:
    """Use a rollback journal inside the block; raises as SQLite does where others have a WAL file open."""
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        yield
        return
    connection.execute("PRAGMA journal_mode = TRUNCATE")
    try:
        yield
    finally:
        with suppress(sqlite.Error):  # another program that opened it meanwhile keeps it as it is, which is sound
            connection.execute("PRAGMA journal_mode = WAL")


def _measured(store: Store, before: int) -> Compacted:
    blobs, packed, plain, stored = store.connection.execute(
        """SELECT count(*), coalesce(sum(codec <> 0), 0), coalesce(sum(size), 0), coalesce(sum(length(body)), 0)
        FROM main.blob"""
    ).fetchone()
    row = store.connection.execute("SELECT length(body) FROM dictionary ORDER BY id DESC LIMIT 1").fetchone()
    after = store.path.stat().st_size
    return Compacted(before, after, blobs, packed, plain, stored, None if row is None else row[0])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
