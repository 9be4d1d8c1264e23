"""What differs between a plan and the last release of the same view: questions to `taken` and the log's views."""

from __future__ import annotations

from typing import NamedTuple

from ledger.sqlite import Connection

EXAMPLES = 5

_THEIRS = "SELECT m.sample FROM release_samples m WHERE m.release = :release AND m.omitted IS NULL"
_KEPT = (
    "EXISTS (SELECT 1 FROM release_samples m WHERE m.sample = t.sample AND m.release = :release AND m.omitted IS NULL)"
)
_LABEL_THEN = """coalesce((SELECT l.position FROM labels l WHERE l.sample = t.sample AND l.position <= :head
        AND (l.withdrawn IS NULL OR l.withdrawn > :head)
    ORDER BY l.authority <> 'person', l.position DESC LIMIT 1), t.sample)"""
_RELABELLED = f"""SELECT count(*) FROM taken t JOIN told o ON o.position = {_LABEL_THEN}
    WHERE t.sample IN (SELECT sample FROM labels WHERE position > :head OR withdrawn > :head)
        AND {_KEPT} AND json_extract(o.leaf, '$.label') IS NOT t.label"""  # noqa: S608 - likewise
_EDITED = f"""SELECT count(*) FROM taken t JOIN samples s ON s.sample = t.sample
    WHERE s.content > :head AND {_KEPT}"""  # noqa: S608 - likewise
_MOVED = f"""SELECT count(*) FROM taken t WHERE t.sample IN (SELECT sample FROM splits WHERE position > :head)
    AND {_KEPT} AND (SELECT p.split FROM splits p WHERE p.sample = t.sample AND p.position <= :head
        ORDER BY p.position DESC LIMIT 1) <> t.split"""  # noqa: S608 - likewise


class Previous(NamedTuple):
    """A release: its event's position, the file's name and BLAKE3, its rows, and the head that it was made from."""

    position: int
    name: str
    output: str
    rows: int
    head: int


class Change(NamedTuple):
    """Samples: of the previous release, new here, gone from here, with another label, another text, another split."""

    before: int
    added: int
    removed: int
    relabelled: int
    edited: int
    moved_split: int
    gone: list[int]


def previous(connection: Connection, view: str) -> Previous | None:
    """Return the last release of a view, or None."""
    row = connection.execute(
        """SELECT r.position, r.name, r.output, r.rows,
            coalesce(json_extract(CAST(b.body AS TEXT), '$.head.position'), r.position)
        FROM releases r JOIN blob b ON b.id = r.manifest WHERE r.view = ? ORDER BY r.position DESC LIMIT 1""",
        (view,),
    ).fetchone()
    return None if row is None else Previous(*row)


def change(connection: Connection, since: Previous) -> Change:
    """Return what differs between a release and what is taken now."""
    named = {"release": since.position, "head": since.head}

    def number(sql: str) -> int:
        return int(connection.execute(sql, named).fetchone()[0])

    before = number(f"SELECT count(DISTINCT sample) FROM ({_THEIRS})")  # noqa: S608 - constants
    kept, now = number(f"SELECT count(*) FROM taken t WHERE {_KEPT}"), number("SELECT count(*) FROM taken")  # noqa: S608 - likewise
    gone = f"""SELECT DISTINCT sample FROM ({_THEIRS}) WHERE sample NOT IN (SELECT sample FROM taken)
        ORDER BY sample LIMIT {EXAMPLES}"""  # noqa: S608 - likewise
    listed = [row[0] for row in connection.execute(gone, named)]
    return Change(before, now - kept, before - kept, number(_RELABELLED), number(_EDITED), number(_MOVED), listed)
