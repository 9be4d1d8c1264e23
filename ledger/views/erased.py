"""Erasures: whose bytes are gone, by which event, and what may not come in again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.sqlite import Connection, Damaged
from ledger.views.span import Span

TABLES = (("erased", "blob"),)
DDL = (
    """CREATE TABLE {schema}.erased (
        blob INTEGER PRIMARY KEY,
        position INTEGER NOT NULL,
        fingerprint BLOB                -- of the content that was erased; NULL where the bytes were no sample's
    ) STRICT""",
    "CREATE INDEX {schema}.erased_fingerprint ON erased (fingerprint) WHERE fingerprint IS NOT NULL",
)


def fold(connection: Connection, span: Span) -> None:
    """Add the erasures of the span."""
    if span.has("erased"):
        connection.execute(
            """INSERT INTO erased SELECT blob, position, CASE WHEN json_extract(leaf, '$.fingerprint') IS NOT NULL
                THEN unhex(json_extract(leaf, '$.fingerprint')) END
            FROM told WHERE position BETWEEN ? AND ? AND kind = 'erased'""",
            span.range,
        )


def any_erased(connection: Connection) -> bool:
    """Say whether anything was ever erased; where not, nothing needs to be looked for."""
    return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM erased)").fetchone()[0])


def shunned(connection: Connection, fingerprints: Sequence[bytes]) -> set[bytes]:
    """Return those of up to a few hundred fingerprints whose content was erased.

    A blob that two readers read has two fingerprints and one event; the samples that hold it know both.
    """
    marks = ",".join("?" * len(fingerprints))
    sql = f"""SELECT fingerprint FROM erased WHERE fingerprint IN ({marks})
        UNION SELECT fingerprint FROM samples WHERE fingerprint IN ({marks}) AND status = 'erased'"""  # noqa: S608
    return {bytes(row[0]) for row in connection.execute(sql, [*fingerprints, *fingerprints])}


def shunned_blobs(connection: Connection, hashes: Sequence[bytes]) -> set[bytes]:
    """Return those of up to a few hundred addresses whose bytes were erased."""
    marks = ",".join("?" * len(hashes))
    sql = f"SELECT b.hash FROM blob b JOIN erased e ON e.blob = b.id WHERE b.hash IN ({marks})"  # noqa: S608 - marks
    return {bytes(row[0]) for row in connection.execute(sql, hashes)}


def since(connection: Connection, position: int) -> bool:
    """Say whether anything was erased after a position."""
    sql = "SELECT EXISTS (SELECT 1 FROM erased WHERE position > ?)"
    return bool(connection.execute(sql, (position,)).fetchone()[0])


class Erasure(NamedTuple):
    """The event that erased a blob; `leaf` is what it says."""

    position: int
    op: bytes
    leaf: str


def by(connection: Connection, blob: int) -> Erasure | None:
    """Return the event that erased a blob, whatever moment is looked at: the bytes are gone at all of them."""
    sql = "SELECT position, op, leaf FROM main.event WHERE kind = 'erased' AND blob = ?"
    row = connection.execute(sql, (blob,)).fetchone()
    return None if row is None else Erasure(*row)


def among(connection: Connection, blobs: Sequence[int]) -> set[int]:
    """Return those of up to a few hundred blobs that were erased."""
    marks = ",".join("?" * len(blobs))
    return {row[0] for row in connection.execute(f"SELECT blob FROM erased WHERE blob IN ({marks})", blobs)}  # noqa: S608 - marks


def again(connection: Connection, digest: bytes, fingerprint: bytes | None) -> dict[str, str | None]:
    """Return what an event says that keeps out bytes of an erased text that came anew: as the first erasure of it.

    That one may know the text by another reader's fingerprint; then a sample ties the two. Raises Damaged.
    """
    sql = """SELECT json_extract(leaf, '$.authority'), json_extract(leaf, '$.reason') FROM main.event
        WHERE kind = 'erased' AND (json_extract(leaf, '$.fingerprint') = ?1 OR json_extract(leaf, '$.blob') = ?2
            OR blob IN (SELECT version FROM samples WHERE fingerprint = ?3 AND status = 'erased'))
        ORDER BY position LIMIT 1"""
    printed = None if fingerprint is None else fingerprint.hex()
    row = connection.execute(sql, (printed, digest.hex(), fingerprint)).fetchone()
    if row is None:
        raise Damaged(f"what erased the text of b3:{digest.hex()} is not in the log")
    return {"authority": row[0], "blob": digest.hex(), "fingerprint": printed, "reason": row[1], "sample": None}
