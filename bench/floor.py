"""The floor: what storing the same lines costs in plain SQLite with the ledger's settings, and what people write.

Promises are ratios to these, measured in the same run, so that a slow or busy machine does not move them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from blake3 import blake3
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the driver that the ledger uses

ROWS_OF_A_TRANSACTION = 50_000
_SETTINGS = ("page_size = 16384", "journal_mode = TRUNCATE", "synchronous = FULL", "cache_size = -131072")


def store_lines(source: Path, target: Path) -> tuple[int, int]:
    """Store the lines of a file once each under their BLAKE3 in a new database, durably; return (lines, stored)."""
    lines = 0
    connection = sqlite3.connect(target, isolation_level=None)
    for setting in _SETTINGS:
        connection.execute(f"PRAGMA {setting}")
    connection.execute("CREATE TABLE blob (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, body BLOB NOT NULL)")
    with source.open("rb") as file:
        rows = _addressed(file)
        while batch := list(islice(rows, ROWS_OF_A_TRANSACTION)):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO blob (hash, body) VALUES (?, ?) ON CONFLICT DO NOTHING", batch)
            connection.execute("COMMIT")
            lines += len(batch)
    stored = connection.execute("SELECT count(*) FROM blob").fetchone()[0]
    connection.close()
    return lines, int(stored)


def interleave(source: Path, target: Path) -> int:
    """Do what the usual script does: load all, part by label, shuffle, take turns, dump; return the rows written.

    It finds neither conflicts nor duplicates, cuts the larger half, and records nothing.
    """
    with source.open(encoding="utf-8") as file:
        rows = [json.loads(text) for text in file]
    good = [row for row in rows if row["label"]]
    bad = [row for row in rows if not row["label"]]
    order = random.Random(0)  # noqa: S311 - the script's, not for secrets
    order.shuffle(good)
    order.shuffle(bad)
    written = 0
    with target.open("w", encoding="utf-8") as file:
        for pair in zip(good, bad, strict=False):
            for row in pair:
                *prompt, answer = row["conversations"]
                kept = {"prompt": prompt, "completion": [answer], "label": row["label"]}
                file.write(json.dumps(kept, ensure_ascii=False) + "\n")
                written += 1
    return written


def read(source: Path) -> int:
    """Parse every line of a file, as any reader must; return the lines."""
    with source.open("rb") as file:
        return sum(json.loads(line) is not None for line in file)


def _addressed(lines: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
    for line in lines:
        body = line.rstrip(b"\n")
        yield blake3(body).digest(), body
