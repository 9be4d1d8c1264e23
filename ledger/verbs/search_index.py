"""The index of words, brought up to date: by searches alone, so that nothing that writes pays for it.

It is made in steps, each a short commit of its own: others write in between, and what was interrupted goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ledger import sqlite
from ledger.digest import blake3_bytes
from ledger.errors import BadRequest
from ledger.readers import content_of
from ledger.sample import Content, Message
from ledger.scorers import texts
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.views import search as words

STEP = 10_000
"""Versions that one commit puts in: under a second, in which others who write have to wait."""


Progress = Callable[[str, int, int], None]


class Index(NamedTuple):
    """The index as a search finds it: in the file or a temporary one, its versions, and how many were `added` now."""

    schema: words.Schema
    versions: int
    added: int
    position: int


@cache
def code() -> bytes:
    """Return what an index is made by; one that other code made is made again."""
    sources = (words.__file__, __file__, texts.__file__)
    return blake3_bytes(b"".join(Path(source).read_bytes() for source in sources))


def check_possible(store: Store) -> None:
    """Raise BadRequest where the linked SQLite cannot search."""
    if not words.is_possible(store.connection):
        hint = "Use a Python whose SQLite has FTS5, as most have."
        raise BadRequest(f"The linked SQLite {sqlite.sqlite_version()} is built without FTS5", hint=hint)


def bring_up_to_date(store: Store, progress: Progress, *, anew: bool = False) -> int:
    """Put all new versions into the ledger's index, which is made where there is none, or `anew`; return how many.

    Raises LedgerBusy, DiskFull, NotWritable; then what was put in so far stays.
    """
    with sqlite.plain_errors(store.path, store.wait):
        if not anew and is_current(store, "main"):
            return 0
    filling = _Filling(store, "main", progress)
    while filling.more:
        with store.exclusive():
            if anew or words.state(store.connection, "main", code()) is None:
                words.make(store.connection, "main", code())
            filling.step()
            anew = False
        filling.tell()
    return filling.added


def catch_up_inside(store: Store, progress: Progress) -> int:
    """Do as `bring_up_to_date` does, in the write transaction that is open; return how many versions came in."""
    if words.state(store.connection, "main", code()) is None:
        words.make(store.connection, "main", code())
    return _filled(_Filling(store, "main", progress))


def make_aside(store: Store, progress: Progress) -> int:
    """Make a temporary index of all versions, which this connection alone sees; return how many it holds."""
    words.make(store.connection, "temp", code())
    return _filled(_Filling(store, "temp", progress))


def is_current(store: Store, schema: words.Schema) -> bool:
    """Say whether the index holds every version of the moment that the store looks at."""
    state = words.state(store.connection, schema, code())
    return state is not None and state.position >= words.last_version(store.connection)


def as_it_is(store: Store) -> words.State:
    """Return how far the ledger's index is, for those who do not write; raise BadRequest where there is none."""
    state = words.state(store.connection, "main", code())
    if state is None:
        hint = "Run `ledger search WORD` once; it makes the index, and others after it put new versions in."
        raise BadRequest("There is no index of words yet, or another version of this program made it", hint=hint)
    return state


def held(store: Store, schema: words.Schema, added: int) -> Index:
    """Return what the index holds, `added` of it now."""
    state = words.state(store.connection, schema, code())
    return Index(schema, 0, added, -1) if state is None else Index(schema, state.versions, added, state.position)


def sides(content: Content) -> tuple[str, str]:
    """Return the words of a content: what all messages of the prompt say, the system's too, and of the completion."""
    return _said(content.prompt), _said(content.completion)


def _said(side: tuple[Message, ...] | str) -> str:
    return side if isinstance(side, str) else "\n".join(text for text in map(texts.message_text, side) if text)


class _Filling:
    """An index that is being filled."""

    def __init__(self, store: Store, schema: words.Schema, progress: Progress) -> None:
        self.added = 0
        self.more = True
        self._store = store
        self._schema = schema
        self._progress = progress
        self._done = self._total = 0

    def step(self) -> None:
        """Put in the versions that follow, at most STEP of them, inside a transaction."""
        connection, schema = self._store.connection, self._schema
        state = words.state(connection, schema, code())
        position = -1 if state is None else state.position
        self._total = self._total or words.waiting(connection, position)
        new = words.following(connection, position, STEP)
        if new:
            added = self._put_in(new)
            words.note(connection, schema, new[-1].position, added)
            self.added += added
        self._done += len(new)
        self.more = len(new) == STEP

    def tell(self) -> None:
        """Pass on how far it is."""
        self._progress("indexing", self._done, max(self._total, self._done))

    def _put_in(self, new: Sequence[words.Version]) -> int:
        connection, schema = self._store.connection, self._schema
        numbers = words.reader_numbers(connection, schema, (version.reader for version in new))
        rows = {version.blob * words.READERS + numbers[version.reader]: version for version in new}
        added = 0
        for chunk in in_chunks(row for row in sorted(rows) if not words.known(connection, schema, row)):
            entries = _entries(self._store, chunk, rows)
            words.add(connection, schema, entries)
            added += len(entries)
        return added


def _filled(filling: _Filling) -> int:
    while filling.more:
        filling.step()
        filling.tell()
    return filling.added


def _entries(store: Store, rows: Sequence[int], versions: Mapping[int, words.Version]) -> list[words.Entry]:
    """Return what is to be put in; what was erased is not."""
    bodies = store.bodies([versions[row].blob for row in rows])
    made = []
    for row in rows:
        body = bodies[versions[row].blob]
        if body is not None:
            made.append(words.Entry(row, *sides(content_of(body, versions[row].reader))))
    return made
