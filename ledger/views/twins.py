"""Samples that teach the same thing as others: questions to `samples` by fingerprint."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.sqlite import Connection


def any_rejected(connection: Connection) -> bool:
    """Say whether any sample is rejected; a question to the counts, which costs nothing."""
    return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM rollups WHERE status = 'rejected')").fetchone()[0])


def rejected_among(connection: Connection, fingerprints: Sequence[bytes], upto: int) -> set[bytes]:
    """Return those of up to a few hundred fingerprints with a sample that a decision up to a position rejects."""
    marks = ",".join("?" * len(fingerprints))
    rows = connection.execute(
        f"""SELECT DISTINCT fingerprint FROM samples
        WHERE fingerprint IN ({marks}) AND status = 'rejected' AND decision <= ?""",  # noqa: S608 - question marks
        (*fingerprints, upto),
    )
    return {row[0] for row in rows}
