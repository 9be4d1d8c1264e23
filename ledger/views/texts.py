"""The distinct texts of the samples that stand, by fingerprint: questions to `samples`."""

from __future__ import annotations

from typing import NamedTuple

from ledger.sqlite import Connection


class Text(NamedTuple):
    """Where the bytes of a text stand (a row in blob), who reads them, and what ties its samples to their family."""

    version: int
    reader: str
    token: bytes


def each(connection: Connection, campaign: str | None) -> dict[bytes, Text]:
    """Return fingerprint -> text of all samples that are not erased, or of a campaign's; the bytes of the oldest."""
    sql = """SELECT fingerprint, version, reader, token FROM samples WHERE sample IN (SELECT min(sample) FROM samples
        WHERE status <> 'erased' AND (?1 IS NULL OR campaign = ?1) GROUP BY fingerprint)"""
    return {row[0]: Text(*row[1:]) for row in connection.execute(sql, (campaign,))}


def standing(connection: Connection, campaign: str | None) -> list[int]:
    """Return the samples that are not erased, all or of a campaign, in the order of birth."""
    sql = "SELECT sample FROM samples WHERE status <> 'erased' AND (?1 IS NULL OR campaign = ?1) ORDER BY sample"
    return [row[0] for row in connection.execute(sql, (campaign,))]
