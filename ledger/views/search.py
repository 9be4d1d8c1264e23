"""The words of every version, in an index of SQLite's FTS5: made by the first search, never by what writes.

It is no view of the fold: nothing depends on it, and it can be dropped at any time. It stands in the ledger's own file,
so that an erasure drops it in its own commit (`sqlite.forget_words`); a file of its own could be left behind. It holds
words and where they stand, no text (`content = ''`). Each text is in it once, by the row of its blob and its reader,
whichever samples have or had it: edits take nothing out, and earlier moments are searched in the same index. Where the
file cannot be written, TEMP tables of one connection take its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Literal, NamedTuple

from ledger import sqlite
from ledger.sqlite import Connection

Schema = Literal["main", "temp"]

READERS = 64
"""Readers that a ledger can name: an index row is that of the blob times so many, and the reader's number."""
RANKED = 10_000
"""Samples that are ranked at most; of more, the newest."""
BEGIN, END = "\x02", "\x03"
"""What stands around a hit in `marked`."""

_COLUMNS = """prompt, completion, tokenize = 'unicode61 remove_diacritics 2'"""
_DDL = (
    """CREATE TABLE {schema}.search_state (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        code BLOB NOT NULL,             -- what made the index
        position INTEGER NOT NULL,      -- up to which versions are in it
        versions INTEGER NOT NULL
    ) STRICT""",
    f"""CREATE TABLE {{schema}}.search_reader (
        number INTEGER PRIMARY KEY CHECK (number < {READERS}), reader TEXT NOT NULL UNIQUE) STRICT""",
    f"CREATE VIRTUAL TABLE {{schema}}.search USING fts5 ({_COLUMNS}, content = '')",
)
_CORRUPT_VTAB = 267
"""SQLite's code for a table of FTS5 that is not what FTS5 made (sqlite.org/rescode.html)."""
_SNIPPET_WORDS = 24
_UNMARKED = str.maketrans(BEGIN + END + "\0", "   ")


class State(NamedTuple):
    """Up to which position versions are in the index, and how many."""

    position: int
    versions: int


class Version(NamedTuple):
    """A version that is to be put in: the event that brought it, its row in blob, its reader."""

    position: int
    blob: int
    reader: str


class Entry(NamedTuple):
    """A version's row in the index, and its words."""

    row: int
    prompt: str
    completion: str


class Wanted(NamedTuple):
    """Which samples: a query of FTS5, and what else must be so of them (None: anything; domain '' is none)."""

    match: str
    campaign: str | None = None
    status: str | None = None
    label: str | None = None
    domain: str | None = None
    chosen: Callable[[int], int] | None = None


class Hit(NamedTuple):
    """A sample that was found; the smaller the rank, the nearer."""

    sample: int
    rank: float


def is_possible(connection: Connection) -> bool:
    """Say whether the linked SQLite has FTS5."""
    return bool(connection.execute("SELECT count(*) FROM pragma_module_list WHERE name = 'fts5'").fetchone()[0])


def state(connection: Connection, schema: Schema, code: bytes) -> State | None:
    """Return how far the index is, None where there is none, or one that other code made."""
    table = {"main": "sqlite_schema", "temp": "sqlite_temp_schema"}[schema]
    sql = f"SELECT count(*) FROM {table} WHERE name IN ('search', 'search_reader', 'search_state')"  # noqa: S608 - two fixed names
    if connection.execute(sql).fetchone()[0] != len(_DDL):
        return None
    row = connection.execute(f"SELECT code, position, versions FROM {schema}.search_state").fetchone()  # noqa: S608
    return State(*row[1:]) if row is not None and row[0] == code else None


def last_version(connection: Connection) -> int:
    """Return the position of the last event that brought a version, at the moment that the connection looks at."""
    sql = """SELECT max(coalesce((SELECT max(sample) FROM samples), -1),
        coalesce((SELECT max(position) FROM versions), -1))"""
    return int(connection.execute(sql).fetchone()[0])


def make(connection: Connection, schema: Schema, code: bytes) -> None:
    """Make an empty index, in place of any that is there."""
    if schema == "main":
        sqlite.forget_words(connection)
    for statement in _DDL:
        connection.execute(statement.format(schema=schema))
    connection.execute(f"INSERT INTO {schema}.search_state VALUES (1, ?, -1, 0)", (code,))  # noqa: S608 - two fixed names


def drop_aside(connection: Connection) -> None:
    """Drop a temporary index, where there is one."""
    for table in ("search", "search_reader", "search_state"):
        connection.execute(f"DROP TABLE IF EXISTS temp.{table}")


def waiting(connection: Connection, position: int) -> int:
    """Return how many versions came after a position."""
    sql = """SELECT (SELECT count(*) FROM main.samples WHERE sample > ?1)
        + (SELECT count(*) FROM main.versions WHERE position > ?1)"""
    return int(connection.execute(sql, (position,)).fetchone()[0])


def following(connection: Connection, position: int, limit: int) -> list[Version]:
    """Return up to `limit` versions that came after a position, in order: of the present, whatever moment is seen."""
    rows = connection.execute(
        """SELECT t.position, t.blob, json_extract(t.leaf, '$.reader') FROM (
            SELECT sample AS position FROM main.samples WHERE sample > ?1
            UNION ALL SELECT position FROM main.versions WHERE position > ?1 ORDER BY 1 LIMIT ?2
        ) new JOIN told t ON t.position = new.position ORDER BY t.position""",
        (position, limit),
    )
    return [Version(*row) for row in rows]


def reader_numbers(connection: Connection, schema: Schema, readers: Iterable[str]) -> dict[str, int]:
    """Return the number of each reader, given now to those that have none."""
    for reader in sorted(set(readers)):
        sql = f"INSERT OR IGNORE INTO {schema}.search_reader (reader) VALUES (?)"  # noqa: S608 - two fixed names
        connection.execute(sql, (reader,))
    return dict(connection.execute(f"SELECT reader, number FROM {schema}.search_reader"))  # noqa: S608 - two fixed names


def known(connection: Connection, schema: Schema, row: int) -> bool:
    """Say whether a row is in the index."""
    sql = f"SELECT rowid FROM {schema}.search WHERE rowid = ?"  # noqa: S608 - two fixed names
    return connection.execute(sql, (row,)).fetchone() is not None


def add(connection: Connection, schema: Schema, entries: Sequence[Entry]) -> None:
    """Put versions in; in the order of their rows it is fastest."""
    sql = f"INSERT INTO {schema}.search (rowid, prompt, completion) VALUES (?, ?, ?)"  # noqa: S608 - two fixed names
    connection.executemany(sql, entries)


def note(connection: Connection, schema: Schema, position: int, added: int) -> None:
    """Note that the index holds all versions up to a position, `added` more than before."""
    sql = f"UPDATE {schema}.search_state SET position = ?, versions = versions + ?"  # noqa: S608 - two fixed names
    connection.execute(sql, (position, added))


def found(connection: Connection, schema: Schema, wanted: Wanted) -> tuple[list[Hit], bool]:
    """Return the samples whose current version matches, nearest first, then in the order of birth; and whether all.

    At most RANKED of them: of more, those with the newest versions, so that a word of every text costs no more.
    """
    asked = {
        "campaign": ("s.campaign = :campaign", wanted.campaign),
        "status": ("s.status = :status", wanted.status),
        "label": ("s.label IS (CASE :label WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)", wanted.label),
        "domain": ("coalesce(s.domain, '') = :domain", wanted.domain),
    }
    conditions = [sql for sql, value in asked.values() if value is not None]
    if wanted.chosen is not None:
        connection.create_function("chosen", 1, wanted.chosen)
        conditions.append("chosen(s.sample)")
    sql = f"""SELECT s.sample, search.rank FROM {schema}.search
        CROSS JOIN {schema}.search_reader d ON d.number = search.rowid % {READERS}
        CROSS JOIN samples s ON s.version = search.rowid / {READERS} AND s.reader = d.reader
        WHERE search MATCH :match AND {" AND ".join(["s.status <> 'erased'", *conditions])}
        ORDER BY search.rowid DESC LIMIT {RANKED + 1}"""  # noqa: S608 - constants
    named = {"match": wanted.match, **{name: value for name, (_, value) in asked.items()}}
    newest = [Hit(*row) for row in connection.execute(sql, named)]
    return sorted(newest[:RANKED], key=lambda hit: (hit.rank, hit.sample)), len(newest) <= RANKED


def marked(match: str, texts: Iterable[tuple[str, str]]) -> dict[int, tuple[str, str]]:
    """Return, for those of the texts that match, the piece of prompt and completion that shows most of it, hits marked.

    The keys are the places of the texts. FTS5 itself says what a hit is, in a database in memory.
    """
    with closing(sqlite.in_memory()) as memory:
        memory.execute(f"CREATE VIRTUAL TABLE search USING fts5 ({_COLUMNS})")
        memory.executemany("INSERT INTO search (rowid, prompt, completion) VALUES (?, ?, ?)", _numbered(texts))
        pieces = ", ".join(f"snippet(search, {column}, :begin, :end, '…', {_SNIPPET_WORDS})" for column in (0, 1))
        sql = f"SELECT rowid, {pieces} FROM search WHERE search MATCH :match ORDER BY rowid"  # noqa: S608 - constants
        rows = memory.execute(sql, {"begin": BEGIN, "end": END, "match": match})
        return {number: (prompt, completion) for number, prompt, completion in rows}


def _numbered(texts: Iterable[tuple[str, str]]) -> Iterator[Entry]:
    """Yield texts with a space for each mark, and for NUL, where FTS5 ends a snippet: none is part of a word."""
    for number, both in enumerate(texts):
        yield Entry(number, *(text.translate(_UNMARKED) for text in both))


def is_damage(error: BaseException | None) -> bool:
    """Say whether an error tells that the index is damaged, and not the ledger."""
    code = getattr(error, "sqlite_errorcode", None)
    return code == _CORRUPT_VTAB or "vtable constructor failed: search" in str(error)
