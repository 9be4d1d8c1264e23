"""Reading at one moment: the present, or the views as of an earlier position."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ledger import projection, sqlite
from ledger.store import Store, look, open_store
from ledger.transaction import Head
from ledger.verbs.ids import position_of
from ledger.verbs.limits import timed, watched


@contextmanager
def reading(store: Store, as_of: str | int | None = None) -> Iterator[tuple[Store, Head]]:
    """Yield a store whose views stand still, and the head they stand at; raise NoSuchPosition, BadRequest.

    For the present this is the given store inside a read transaction. For an earlier position it is a second
    connection with the views folded up to there in temporary tables.
    """
    with timed(), sqlite.plain_errors(store.path, store.wait):
        with sqlite.snapshot(store.connection):
            now = store.head()
            position = now.position if as_of is None else position_of(store, str(as_of))
            if position == now.position:
                yield store, now
                return
        past = watched(
            look(store.path, wait=store.wait) if store.read_only else open_store(store.path, wait=store.wait), store
        )
        try:
            projection.prepare(past.connection)
            with sqlite.snapshot(past.connection):
                projection.fold_aside(past.connection, position)
                head = past.head_at(position)
                yield past, Head(position, past.root_at(position), now.at if head is None else head.at)
        finally:
            past.close()
