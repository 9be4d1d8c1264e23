"""Secrets in a ledger, and looking for what is left of them: whole, in pieces, and as JSON writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ledger import Ledger
from tests.logs import store_of

PIECE = 12
"""Bytes in a row that count as a piece of a secret."""

PRIVATE = 'Ada Löwe\\, "born" 10.12.1815 \u2028 in 7 Marylebone Road \U0001f600'
"""Text that JSON writes in several ways; no other text of a test shares 12 bytes with it."""

WHY: dict[str, Any] = {"reason": "the person asked", "authority": "ticket 4711"}


def pieces(secret: str = PRIVATE) -> set[bytes]:
    """Return every piece of a secret as UTF-8, and as JSON writes it with and without escapes."""
    forms = (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    every = [form.encode() for form in (*forms, json.dumps(json.dumps(secret))[1:-1])]
    return {form[at : at + PIECE] for form in every for at in range(len(form) - PIECE + 1)}


def left_in(folder: Path, secret: str = PRIVATE) -> Iterator[tuple[str, bytes]]:
    """Yield the files below a folder, hidden ones too, that hold a piece of a secret, with the first one found."""
    wanted = pieces(secret)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            found = next((piece for piece in wanted if piece in data), None)
            if found is not None:
                yield path.name, found


def held_by(ledger: Ledger, secret: str = PRIVATE) -> list[str]:
    """Return the stored columns that hold a piece of a secret: of every table, log and views alike."""
    connection = store_of(ledger).connection
    wanted = pieces(secret)
    found = []
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    for table in names:
        for row in connection.execute(f"SELECT * FROM {table}"):  # noqa: S608 - names of the schema
            said = b"\0".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
            if any(piece in said for piece in wanted):
                found.append(table)
                break
    return found
