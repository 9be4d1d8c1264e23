"""R9: changes by SQL, from careless to careful: each is refused, or found afterwards, or seen by the witness alone."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from unittest import mock

from sqlite_utils import Database

from ledger import Ledger
from ledger.errors import LedgerError, RolledBack
from tests.logs import fill, findings, foreign, line, log_rows, store_of, tampering, write_lines
from tests.test_audit import ATTACKS, Attack
from tests.torture.table import Row, Scale, row

VIEWS_ALONE = frozenset({"view_drift", "views_stale"})
"""What making the views again heals, as it should."""
HEALED = frozenset({"a trigger is added to a view"})
"""Likewise: it goes with the table that it hung on."""

_SAID_TWICE = (
    "INSERT OR REPLACE INTO event SELECT max(position) + 1, (SELECT op FROM event WHERE position = 7),"
    " 'accepted', 1, NULL, NULL, leaf FROM event"
)
REFUSED = (
    "UPDATE event SET kind = 'accepted'",
    "UPDATE event SET leaf = leaf || ' ' WHERE position = 5",
    "DELETE FROM event",
    "DELETE FROM event WHERE position = (SELECT max(position) FROM event)",
    "INSERT OR REPLACE INTO event SELECT * FROM event WHERE position = 0",
    "REPLACE INTO event SELECT position, zeroblob(32), kind, v, sample, blob, leaf FROM event WHERE position = 7",
    "INSERT INTO event SELECT max(position) + 2, zeroblob(32), kind, v, sample, blob, leaf FROM event",
    _SAID_TWICE,
    "UPDATE blob SET body = x'00'",
    "UPDATE blob SET body = NULL",
    "UPDATE blob SET hash = zeroblob(32) WHERE id = 1",
    "DELETE FROM blob",
    "INSERT OR REPLACE INTO blob SELECT id, hash, size, 0, x'00' FROM blob WHERE id = 1",
    "UPDATE head SET at = 0",
    "UPDATE head SET root = zeroblob(32)",
    "DELETE FROM head",
    "INSERT OR REPLACE INTO head SELECT * FROM head",
    "INSERT INTO head SELECT 1, root, frontier, blobs, at FROM head LIMIT 1",
    "INSERT INTO head SELECT max(size) + 1, root, frontier, blobs, 0 FROM head",
    "UPDATE tile SET root = zeroblob(32)",
    "DELETE FROM tile",
    "INSERT OR REPLACE INTO tile SELECT * FROM tile",
    "UPDATE meta SET value = 'x'",
    "DELETE FROM meta",
    "INSERT OR REPLACE INTO meta VALUES ('ledger', 'x')",
)
"""What the guards refuse to any program that leaves them where they are."""

STEP: dict[Scale, int] = {"short": 9, "full": 1}
"""Each how many of the edits is tried; `tests/test_audit.py` tries all of them."""


def run(scale: Scale) -> Row:
    """Try every attack twice: as it is, and by one who makes the views again after it, so that only the log tells."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = _made(folder)
        cases = [
            *_edits(path, ATTACKS[:: STEP[scale]], careful=False),
            *_edits(path, ATTACKS[:: STEP[scale]], careful=True),
            *refused(path),
            *_around(path),
            *_by_witness(path, folder),
        ]
    wrong = [problem for problem in cases if problem]
    edits = f"{len(ATTACKS[:: STEP[scale]])} edits, with and without new views"
    told = f"{edits}, {len(REFUSED)} statements against the guards, {len(AROUND)} around them, 4 by the witness"
    return row("R9", "logical attacks", "SQL by a stranger; then `verify`", len(cases), wrong, told)


def _made(folder: Path) -> Path:
    with Ledger.init(folder / "ledger.db") as ledger:
        many = [line(f"m{number}", "c", label=True) for number in range(300)]
        ledger.ingest([write_lines(folder / "many.jsonl", many)], campaign="many")
        fill(ledger, folder)
    return folder / "ledger.db"


def _edits(path: Path, attacks: Sequence[tuple[str, Attack, set[str]]], *, careful: bool) -> Iterator[str]:
    """Yield what was wrong with the answer to each edit; nothing where it was found under its name."""
    for name, attack, expected in attacks:
        copied = Path(shutil.copyfile(path, path.with_name("copy.db")))
        with (foreign if "schema_changed" in expected else tampering)(copied) as connection:
            attack(connection)
        if not careful:
            found = findings(copied)
            yield "" if expected <= found else f"{name}: {sorted(expected)} expected, {sorted(found)} found"
        elif expected <= VIEWS_ALONE or name in HEALED:
            with Ledger.open(copied, trust=True) as ledger:
                ledger.rebuild_views()
            yield "" if not findings(copied) else f"{name}: still there after the views were made again"
        else:
            yield "" if _found_after_rebuild(copied) else f"{name}: not found once the views were made again"


def _found_after_rebuild(path: Path) -> bool:
    try:
        with Ledger.open(path, trust=True) as ledger:
            ledger.rebuild_views()
    except (LedgerError, ValueError, sqlite3.Error):  # a log that cannot be folded has been found out
        return True
    return bool(findings(path))


def refused(path: Path) -> Iterator[str]:
    """Yield what is wrong with the answer to each statement that the guards refuse."""
    before = log_rows(path)
    for statement in REFUSED:
        with closing(sqlite3.connect(path)) as stranger:
            try:
                stranger.execute(statement)
                stranger.commit()
                problem = f"not refused: {statement}"
            except sqlite3.IntegrityError:
                problem = ""
        yield problem or ("" if log_rows(path) == before else f"refused, but something changed: {statement}")


def _around(path: Path) -> Iterator[str]:
    for name, attack in AROUND.items():
        copied = Path(shutil.copyfile(path, path.with_name("copy.db")))
        attack(copied)
        try:
            found = findings(copied)
        except LedgerError:
            found = {"refused"}
        yield "" if found else f"{name}: not found"


def _transform(path: Path) -> None:
    database = Database(path)
    try:
        database.table("event").transform(rename={})
    finally:
        database.close()


def _write_past(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA recursive_triggers = OFF")
        with connection.blobopen("blob", "body", 7) as stream:
            first = stream.read(1)
            stream.seek(0)
            stream.write(bytes([first[0] ^ 1]))
        connection.commit()


def _schema(path: Path, statement: str) -> None:
    with foreign(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(statement)


def _sql(path: Path, statement: str) -> None:
    with foreign(path) as connection:
        connection.execute(statement)


AROUND: dict[str, Callable[[Path], object]] = {
    "a table is transformed, which drops its guards": _transform,
    "bytes are written past the guards": _write_past,
    "a guard is taken out of the schema": lambda path: _schema(
        path, "DELETE FROM sqlite_schema WHERE name = 'event_no_update'"
    ),
    "a check is taken out of the schema": lambda path: _schema(
        path, "UPDATE sqlite_schema SET sql = replace(sql, ' CHECK (length(op) = 32)', '') WHERE name = 'event'"
    ),
    "a table is renamed": lambda path: _sql(path, "ALTER TABLE head RENAME TO heads"),
    "a table is dropped": lambda path: _sql(path, "DROP TABLE tile"),
}
"""Ways around the guards: what a program can do to a file that is not its own."""


def _by_witness(path: Path, folder: Path) -> Iterator[str]:
    """Yield what was wrong with the answers to files that agree with themselves: cut short, and made anew."""
    with Ledger.open(path) as ledger:
        identity = store_of(ledger).ledger_id
    kept = path.read_bytes()

    with tampering(path) as connection:
        last = connection.execute("SELECT size FROM head ORDER BY size DESC LIMIT 1, 1").fetchone()[0]
        connection.execute("DELETE FROM event WHERE position >= ?", (last,))
        connection.execute("DELETE FROM head WHERE size > ?", (last,))
        connection.execute("DELETE FROM blob WHERE id > (SELECT blobs FROM head ORDER BY size DESC LIMIT 1)")
    with Ledger.open(path, trust=True) as ledger:
        ledger.rebuild_views()
    yield "" if findings(path) == {"rolled_back"} else f"a clean truncation: {sorted(findings(path))}"
    yield "" if _refuses(path) else "a clean truncation was opened"
    path.write_bytes(kept)

    with mock.patch("secrets.token_hex", return_value=identity), Ledger.init(folder / "remade.db") as ledger:
        other = write_lines(folder / "other.jsonl", [line("p", str(number)) for number in range(900)])
        ledger.ingest([other], campaign="c")
    shutil.copyfile(folder / "remade.db", path)
    yield "" if findings(path) == {"rewritten"} else f"a whole rewrite: {sorted(findings(path))}"
    yield "" if _refuses(path) else "a whole rewrite was opened"
    path.write_bytes(kept)


def _refuses(path: Path) -> bool:
    try:
        Ledger.open(path).close()
    except RolledBack:
        return True
    return False
