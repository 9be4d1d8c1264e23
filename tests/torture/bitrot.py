"""R8: bits that flip by themselves, in the file, in a hot journal and in a write-ahead log.

A flip is missed where a reader sees something else afterwards and nothing says so. What a reader sees is every row of
every table and what each index leads to. `integrity_check` alone misses nine of ten such flips.
"""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

from ledger import Ledger, projection, sqlite
from ledger.errors import CorruptLedger, LedgerError, NewerLedger, NotALedger, StorageFailed
from tests.logs import Ticks, fill, findings, line, sample_ids, store_of, write_lines
from tests.torture.table import Row, Scale, row

SEED = 8
PAGE_KINDS = {2: "index interior", 5: "table interior", 10: "index leaf", 13: "table leaf"}
FLIPS: dict[Scale, dict[str, int]] = {
    "short": dict.fromkeys(
        [
            "header",
            "table leaf",
            "table interior",
            "index leaf",
            "index interior",
            "overflow",
            "free",
            "journal",
            "WAL",
        ],
        6,
    ),
    "full": {
        "header": 500,
        "table leaf": 3000,
        "index leaf": 2600,
        "table interior": 700,
        "index interior": 700,
        "overflow": 1300,
        "free": 400,
        "journal": 900,
        "WAL": 900,
    },
}
"""How many bits are flipped in pages of each kind."""

_SAID = (CorruptLedger, NotALedger, NewerLedger, StorageFailed)
"""Refusals that blame the file, as they should."""

Content = dict[str, Any]
Files = Mapping[str, bytes]
"""Suffix -> bytes of the files that together are a ledger at some moment."""


class Rot:
    """Flips bits in copies of one state of a ledger, and counts what came of it."""

    def __init__(self, path: Path, files: Files, truths: list[Content], chance: random.Random) -> None:
        """Lay copies of `files` at `path`; `truths` are the contents that a reader may see there."""
        self.path = path
        self.files = files
        self.truths = truths
        self.chance = chance
        self.problems: list[str] = []
        self.outcomes: Counter[str] = Counter()

    def lay(self, files: Files) -> None:
        """Put files where the ledger is, and nothing else."""
        for suffix in ("", "-journal", "-wal", "-shm"):
            place = self.path.with_name(self.path.name + suffix)
            if suffix in files:
                place.write_bytes(files[suffix])
            else:
                place.unlink(missing_ok=True)

    def flip(self, suffix: str, offsets: range, what: str) -> None:
        """Flip one bit somewhere in a range of one file, half of the time where there is something; judge it."""
        data = bytearray(self.files[suffix])
        offset = self.chance.choice(offsets)
        if self.chance.random() < 0.75:  # most flips where bytes are in use
            offset = next(
                (at for at in (*range(offset, offsets.stop), *range(offsets.start, offset)) if data[at]), offset
            )
        bit = self.chance.randrange(8)
        data[offset] ^= 1 << bit
        self.lay({**self.files, suffix: bytes(data)})
        outcome = self._judge()
        self.outcomes[outcome] += 1
        if outcome == "missed":
            self.problems.append(f"bit {bit} of byte {offset} ({what}) was missed")

    def _judge(self) -> str:
        try:
            found = findings(self.path)
        except _SAID:
            return "refused"
        except LedgerError as error:
            self.problems.append(f"blamed on something else: {error}")
            return "refused"
        if found:
            return "found"
        return "harmless" if content(self.path) in self.truths else "missed"


def run(scale: Scale) -> Row:
    """Flip bits in every kind of page and file."""
    flips = FLIPS[scale]
    chance = random.Random(SEED)  # noqa: S311 - places, not secrets
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rots = [_main(folder / "main", flips, chance), _journal(folder / "journal", flips["journal"], chance)]
        rots.append(_wal(folder / "wal", flips["WAL"], chance))
    outcomes = sum((rot.outcomes for rot in rots), Counter[str]())
    told = f"{outcomes['found']:,} found, {outcomes['refused']:,} refused at open, {outcomes['harmless']:,} harmless"
    return row(
        "R8",
        "bit rot",
        "single bits flipped in " + ", ".join(f"{kind} {count}" for kind, count in flips.items()) + "; then `verify`",
        outcomes.total(),
        [problem for rot in rots for problem in rot.problems],
        told,
    )


def content(path: Path) -> Content:
    """Return everything that a reader of the file can see: each table by itself and through each of its indexes."""
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes  # a flipped text need not be UTF-8
        schema = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
        seen: Content = {"schema": sorted(map(repr, schema))}
        for kind, raw, raw_table, sql in schema:
            name, table = raw.decode(), raw_table.decode()
            if kind == b"table":
                seen[name] = connection.execute(f"SELECT * FROM {table} NOT INDEXED").fetchall()  # noqa: S608 - its own
            elif kind == b"index":
                where = re.search(rb"\bWHERE\b.*", sql or b"", re.DOTALL)
                condition = where[0].decode() if where else ""
                told = f"SELECT * FROM {table} INDEXED BY {name} {condition}"  # noqa: S608 - its own
                seen[name] = Counter(connection.execute(told).fetchall())
    return seen


def pages(data: bytes) -> dict[str, list[range]]:
    """Return the kind of page -> the bytes of each such page; the header of the file is a kind of its own."""
    size = int.from_bytes(data[16:18], "big")
    free = set(_free(data, size))
    found: dict[str, list[range]] = {"header": [range(100)]}
    for number in range(1, len(data) // size + 1):
        first = (number - 1) * size
        start = 100 if number == 1 else first
        kind = "free" if number in free else PAGE_KINDS.get(data[start], "overflow")
        found.setdefault(kind, []).append(range(start, first + size))
    return found


def _free(data: bytes, size: int) -> Iterator[int]:
    """Yield the numbers of unused pages: trunks, and the leaves that they list."""
    trunk = int.from_bytes(data[32:36], "big")
    while trunk:
        yield trunk
        at = (trunk - 1) * size
        count = int.from_bytes(data[at + 4 : at + 8], "big")
        for number in range(count):
            yield int.from_bytes(data[at + 8 + 4 * number : at + 12 + 4 * number], "big")
        trunk = int.from_bytes(data[at : at + 4], "big")


def _filled(folder: Path, *, wal: bool = False) -> Ledger:
    """Return an open ledger whose file has pages of every kind."""
    folder.mkdir()
    ledger = Ledger.init(folder / "ledger.db", clock=Ticks(), wal=wal)
    many = [line(f"m{number % 90}", f"c{number}", label=bool(number % 2)) for number in range(420)]
    many.append(line("long", "word " * 9000))
    ledger.ingest([write_lines(folder / "many.jsonl", many)], campaign="many")
    fill(ledger, folder)
    return ledger


def _main(folder: Path, flips: Mapping[str, int], chance: random.Random) -> Rot:
    with _filled(folder) as ledger:
        path = ledger.path
        with sqlite.writing(store_of(ledger).connection, path, 1, None):  # pages that were used and are free again
            store_of(ledger).connection.execute("CREATE TABLE gone AS SELECT * FROM samples, (SELECT 1 UNION SELECT 2)")
        with sqlite.writing(store_of(ledger).connection, path, 1, None):
            store_of(ledger).connection.execute("DROP TABLE gone")
    data = path.read_bytes()
    kinds = pages(data)
    rot = _rot(path, {"": data}, chance)
    if absent := [kind for kind in flips if kind not in {*kinds, "journal", "WAL"}]:
        rot.problems.append(f"the file has no page of these kinds: {', '.join(absent)}")
    for kind, there in kinds.items():
        for _ in range(flips[kind]):
            rot.flip("", chance.choice(there), kind)
    return rot


def _rot(path: Path, files: Files, chance: random.Random, *, also: tuple[Content, ...] = ()) -> Rot:
    """Return a Rot over files at a copy's place, where the witness knows them whole."""
    copied = path.with_name("copy.db")
    rot = Rot(copied, files, [*also], chance)
    rot.lay(files)
    Ledger.open(copied).close()
    rot.lay(files)
    rot.truths.append(content(copied))
    rot.lay(files)
    if whole := findings(copied):
        rot.problems.append(f"the untouched file has findings: {', '.join(sorted(whole))}")
    return rot


def _journal(folder: Path, count: int, chance: random.Random) -> Rot:
    """Flip bits in the journal of a commit that was interrupted when half of its pages were in the file."""
    kept: dict[str, bytes] = {}
    with _filled(folder) as ledger:
        path, store = ledger.path, store_of(ledger)
        store.connection.execute("PRAGMA main.cache_size = 10")  # so that pages are written before the commit

        def seal(connection: sqlite.Connection) -> None:
            projection.catch_up(connection)
            kept.update({suffix: path.with_name(path.name + suffix).read_bytes() for suffix in ("", "-journal")})
            raise KeyboardInterrupt

        store.seal = seal
        before = path.read_bytes()
        more = write_lines(folder / "more.jsonl", [line(f"m{n}", "word " * 40 + str(n)) for n in range(300)])
        _stopped(lambda: ledger.ingest([more], campaign="more"))
    rot = _rot(path, kept, chance)
    if kept[""] == before or not kept["-journal"]:
        rot.problems.append("the commit wrote nothing to the file before it was interrupted")
    for _ in range(count):
        rot.flip("-journal", range(len(kept["-journal"])), "journal")
    return rot


def _stopped(work: Callable[[], object]) -> None:
    try:
        work()
    except KeyboardInterrupt:
        return
    raise AssertionError("it was not interrupted")


def _wal(folder: Path, count: int, chance: random.Random) -> Rot:
    """Flip bits in a write-ahead log that holds the last commits; the linked SQLite need not be fit for it here."""
    with mock.patch("ledger.sqlite.wal_is_safe", return_value=True):
        with _filled(folder, wal=True) as ledger:
            path = ledger.path
            connection = store_of(ledger).connection
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            for number, identity in enumerate(sample_ids(ledger)[:6]):
                ledger.reject([identity], reason=f"reason {number}")
            kept = {suffix: path.with_name(path.name + suffix).read_bytes() for suffix in ("", "-wal")}
        rot = _rot(path, kept, chance)
        for _ in range(count):
            rot.flip("-wal", range(len(kept["-wal"])), "WAL")
    shutil.rmtree(folder)
    return rot
