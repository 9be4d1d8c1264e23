"""Which trainings a model came of, and what of a release some training was given. Nothing is kept."""

from __future__ import annotations

from typing import NamedTuple

from ledger.sqlite import Connection

_AT = """coalesce((SELECT v.position FROM versions v WHERE v.sample = m.sample AND v.position <= :seen
    AND (v.withdrawn IS NULL OR v.withdrawn > :seen) ORDER BY v.position DESC LIMIT 1), m.sample)"""
"""The event that brought the version of a sample that stood at a position."""


class Version(NamedTuple):
    """One version of a sample: its address, and what it teaches."""

    hash: bytes
    fingerprint: bytes


class Twin(NamedTuple):
    """A sample with rows in a release: its id, where its first row is (from 0), and how many it has.

    `preferred` is 1 where it is the chosen side of a pair, 0 where it is the rejected one.
    """

    sample: int
    id: bytes
    place: int
    copies: int
    preferred: int | None


def made_at(connection: Connection, release: int) -> int:
    """Return the position of the head that a release was made of, as its manifest says."""
    row = connection.execute(
        """SELECT json_extract(CAST(b.body AS TEXT), '$.head.position')
        FROM releases r JOIN main.blob b ON b.id = r.manifest WHERE r.position = ?""",
        (release,),
    ).fetchone()
    return int(row[0])


def version_at(connection: Connection, sample: int, seen: int) -> Version:
    """Return the version of a sample that stood at a position not before its birth."""
    row = connection.execute(
        f"""SELECT b.hash, unhex(json_extract(t.leaf, '$.fingerprint')) FROM (SELECT :sample AS sample) m
            JOIN told t ON t.position = {_AT} JOIN main.blob b ON b.id = t.blob""",  # noqa: S608 - constants
        {"sample": sample, "seen": seen},
    ).fetchone()
    return Version(*row)


def twins_in(connection: Connection, release: int, seen: int, fingerprint: bytes) -> list[Twin]:
    """Return the samples with rows in a release that taught what has this fingerprint at the position it was made of.

    Those that taught it then are among those that do today and those that were edited since.
    """
    rows = connection.execute(
        f"""SELECT m.sample, e.op, m.place, m.copies, m.preferred
        FROM (SELECT sample FROM samples WHERE fingerprint = :fingerprint UNION SELECT sample FROM versions) c
        JOIN release_samples m ON m.sample = c.sample AND m.release = :release AND m.copies > 0
        JOIN main.event e ON e.position = m.sample JOIN told t ON t.position = {_AT}
        WHERE unhex(json_extract(t.leaf, '$.fingerprint')) = :fingerprint ORDER BY m.place""",  # noqa: S608 - constants
        {"release": release, "seen": seen, "fingerprint": fingerprint},
    )
    return [Twin(*row) for row in rows]


def prompts_in(connection: Connection, release: int, seen: int, first: int | None) -> set[bytes]:
    """Return the fingerprints of the prompts of a release, as they stood at the position that it was made of.

    With `first` only those that have a row among the first so many. Reads all of the release.
    """
    rows = connection.execute(
        f"""SELECT DISTINCT CASE WHEN m.sample IN (SELECT sample FROM versions) THEN
                (SELECT unhex(json_extract(t.leaf, '$.prompt')) FROM told t WHERE t.position = {_AT}
                    AND json_extract(t.leaf, '$.prompt') IS NOT NULL)
            ELSE s.prompt END
        FROM release_samples m JOIN samples s ON s.sample = m.sample
        WHERE m.release = :release AND m.copies > 0 AND (:first IS NULL OR m.place < :first)""",  # noqa: S608 - constants
        {"release": release, "seen": seen, "first": first},
    )
    return {prompt for (prompt,) in rows if prompt is not None}


def erased_from(connection: Connection, release: int, seen: int) -> tuple[int, int]:
    """Return how many samples have rows in a release whose version there was erased since, and the first row, from 0.

    Whatever moment is looked at: the bytes are gone at all of them. (0, 0) where there is none. Reads all of the
    release, where anything was erased.
    """
    row = connection.execute(
        f"""WITH gone AS MATERIALIZED (SELECT DISTINCT blob FROM main.event WHERE kind = 'erased' AND blob IS NOT NULL)
        SELECT count(*), min(m.place) FROM release_samples m JOIN main.event e ON e.position = {_AT}
        WHERE EXISTS (SELECT 1 FROM gone) AND m.release = :release AND m.copies > 0 AND e.blob IN gone""",  # noqa: S608 - constants
        {"release": release, "seen": seen},
    ).fetchone()
    return int(row[0]), int(row[1] or 0)


def leading_to(connection: Connection, model: str) -> list[int]:
    """Return the positions of the trainings whose weights, as they came out, have this digest in hex, oldest first."""
    rows = connection.execute(
        """SELECT position FROM told WHERE kind = 'trained' AND json_extract(leaf, '$.result') = ? ORDER BY position""",
        (model,),
    )
    return [position for (position,) in rows]
