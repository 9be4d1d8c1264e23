"""R9 in short: the guards refuse what they can, and what they cannot is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.event import draft
from tests.logs import fill, foreign, line, log_rows, store_of, write_lines
from tests.scoring import append
from tests.torture import attacks


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a filled ledger with a complete tile, which nobody has open."""
    with Ledger.init(tmp_path / "ledger.db") as ledger:
        many = [line(f"m{number}", "c") for number in range(260)]
        ledger.ingest([write_lines(tmp_path / "many.jsonl", many)], campaign="many")
        fill(ledger, tmp_path)
    return tmp_path / "ledger.db"


@pytest.fixture
def erased(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield another program's connection to a ledger whose blob 7 is erased, as far as events go."""
    with Ledger.open(path) as ledger:
        digest = store_of(ledger).connection.execute("SELECT lower(hex(hash)) FROM blob WHERE id = 7").fetchone()[0]
        fields = {"authority": "a", "blob": digest, "fingerprint": None, "reason": "r", "sample": None}
        append(ledger, "erase", [draft("erased", None, 7, fields)])
    with foreign(path) as connection:
        yield connection


def test_attacks() -> None:
    """Some edits, all statements against the guards, all ways around them, and what only the witness sees."""
    found = attacks.run("short")
    assert found.problems == 0, found.note


def test_the_guards_refuse(path: Path) -> None:
    """No statement of another program changes what the log holds."""
    assert [problem for problem in attacks.refused(path) if problem] == []


def test_the_guard_of_blobs_lets_nothing_go_but_bytes(path: Path, erased: sqlite3.Connection) -> None:
    """After the event the bytes of that blob can go, and nothing else of it or of another can change."""
    before = log_rows(path)["blob"]
    changes = (
        "hash = zeroblob(32)",
        "size = size + 1",
        "id = 99999",
        "body = x'00'",
        "body = NULL, hash = zeroblob(32)",
        "body = NULL, size = size + 1",
        "body = NULL, id = 99999",
    )
    for change in changes:
        with pytest.raises(sqlite3.IntegrityError, match="append only"):
            erased.execute(f"UPDATE blob SET {change} WHERE id = 7")  # noqa: S608 - the test's own
    with pytest.raises(sqlite3.IntegrityError, match="append only"):
        erased.execute("UPDATE blob SET body = NULL WHERE id = 8")
    assert erased.execute("UPDATE blob SET body = NULL WHERE id = 7").rowcount == 1
    erased.commit()
    after = log_rows(path)["blob"]
    assert [one[:3] for one in after] == [one[:3] for one in before]
    assert [one[0] for one, other in zip(after, before, strict=True) if one != other] == [7]
