"""Reading at one moment: the present, or the views as of an earlier position."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ledger import projection, sqlite
from ledger.store import Head, Store, open_store
from ledger.verbs.ids import position_of


@contextmanager
def reading(store: Store, as_of: str | int | None = None) -> Iterator[tuple[Store, Head]]:
    """Yield a store whose views stand still, and the head they stand at; raise NoSuchPosition, BadRequest.

    For the present this is the given store inside a read transaction. For an earlier position it is a second
    connection with the views folded up to there in temporary tables.
    """
    now = store.head()
    position = now.position if as_of is None else position_of(store, str(as_of))
    if position == now.position:
        with sqlite.plain_errors(store.path), sqlite.snapshot(store.connection):
            yield store, store.head()
        return
    past = open_store(store.path)
    try:
        projection.prepare(past.connection)
        with sqlite.plain_errors(past.path), sqlite.snapshot(past.connection):
            projection.fold_aside(past.connection, position)
            head = past.head_at(position)
            yield past, Head(position, past.root_at(position), 0 if head is None else head.at)
    finally:
        past.close()
