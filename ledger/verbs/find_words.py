"""Listing samples by the words of their texts: which of them hold what is asked for, and how far the index is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ledger import sqlite
from ledger.errors import BadRequest
from ledger.store import Store
from ledger.verbs.search import match_of, terms_of
from ledger.verbs.search_index import as_it_is, bring_up_to_date, check_possible
from ledger.views import search as index
from ledger.views import worded

FEW = 5_000
"""Samples that hold the words, up to which they are looked for first and everything else of them."""


class Words(NamedTuple):
    """A query of words at a moment: what matches where that is few, and how far the index of words is."""

    store: Store
    match: str
    few: frozenset[int] | None
    indexed_to: int
    behind: int

    def as_json(self) -> dict[str, int]:
        """Return how far the index is: up to which position, and how many versions came later."""
        return {"indexed_to": self.indexed_to, "behind": self.behind}

    def among(self, handles: list[int]) -> set[int]:
        """Return those of some samples that hold the words."""
        with _sound():
            return worded.among(self.store.connection, self.match, handles)

    def everything(self) -> list[int]:
        """Return all samples that hold the words."""
        with _sound():
            return worded.holding(self.store.connection, self.match)


def prepare(store: Store, text: str) -> None:
    """Refuse a text without words, and put new versions into the index where the file can be written now.

    Inside of a transaction, where everything stands still, the index is read as it is: `behind` says how far.
    """
    terms_of(text)
    check_possible(store)
    if store.writable and not store.connection.in_transaction:
        bring_up_to_date(store, lambda *_: None)


def words_of(store: Store, text: str) -> Words:
    """Return the words to look for at the moment that `store` looks at, by the index as it is; raise BadRequest."""
    state = as_it_is(store)
    match = match_of(terms_of(text), "all")
    with _sound():
        found = worded.holding(store.connection, match, FEW + 1)
    few = frozenset(found) if len(found) <= FEW else None
    return Words(store, match, few, state.position, worded.behind(store.connection, state.position))


@contextmanager
def _sound() -> Iterator[None]:
    try:
        yield
    except sqlite.Error as error:
        if index.is_damage(error):
            hint = "Run `ledger search WORD --rebuild`; nothing else depends on it."
            raise BadRequest("The index of words is damaged", hint=hint) from error
        raise


def holding(words: Words | None, handles: Iterable[int]) -> list[int]:
    """Return those of some samples that hold the words, all where none are asked for."""
    if words is None:
        return list(handles)
    few = words.few
    chosen = set(words.everything()) if few is None else few
    return [handle for handle in handles if handle in chosen]
