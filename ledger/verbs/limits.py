"""How long a question may take: a deadline, and a word from another thread, looked at while SQL runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ledger import sqlite
from ledger.errors import BadRequest, Interrupted
from ledger.store import Store

LONGEST = 86_400
"""Seconds: a day."""
_GRACE = 1.0
"""Seconds that what tidies up after a question that was stopped may take."""


class Limit:
    """When a question is over: `seconds` from now, or when `stop` is called, or when the limit around it says so."""

    def __init__(self, seconds: float, around: Limit | None = None) -> None:
        """Begin now."""
        self.began = time.monotonic()
        self._ends = self.began + seconds
        self._around = around
        self._asked = False
        self._stopped = self.began - _GRACE

    @property
    def has_stopped(self) -> bool:
        """Say whether anything was stopped."""
        return self._stopped > self.began - _GRACE

    def stop(self) -> None:
        """Ask whatever runs under this limit to stop; any thread may."""
        self._asked = True

    def is_over(self) -> bool:
        """Say whether SQL is to stop now.

        True once, then not for a moment: a transaction is rolled back and temporary tables are dropped by SQL too.
        """
        now = time.monotonic()
        if now - self._stopped < _GRACE or not (self._asked or now >= self._ends or self._is_over_around()):
            return False
        self._stopped = now
        return True

    def _is_over_around(self) -> bool:
        return self._around is not None and self._around.is_over()


@contextmanager
def limited(store: Store, seconds: object, around: Limit | None = None) -> Iterator[Limit]:
    """Stop what `store` is asked inside the block after `seconds`, with Interrupted; raise BadRequest for no number."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= LONGEST:
        raise BadRequest(f"A question may take from 0 to {LONGEST} seconds, not {seconds!r}")
    limit = Limit(seconds, around)
    before, wait = store.is_over, store.wait
    store.is_over, store.wait = limit.is_over, min(wait, seconds)
    sqlite.watch(store.connection, limit.is_over)
    sqlite.set_patience(store.connection, store.wait)
    try:
        with timed(limit.began), sqlite.plain_errors(store.path, store.wait):
            yield limit
            if limit.has_stopped:  # whoever caught that has an answer of which a part is missing
                raise Interrupted(0)
    finally:
        store.is_over, store.wait = before, wait
        sqlite.watch(store.connection, before)
        sqlite.set_patience(store.connection, wait)


@contextmanager
def timed(began: float | None = None) -> Iterator[None]:
    """Let an Interrupted raised inside say how long the question took, from `began` or from now."""
    began = time.monotonic() if began is None else began
    try:
        yield
    except Interrupted as error:
        took = time.monotonic() - began
        raise Interrupted(f"{took:.1f}" if took >= 0.1 else f"{took:.3f}") from error.__cause__  # noqa: PLR2004 - tenths


def watched(store: Store, like: Store) -> Store:
    """Put another connection under the limit that the store it is opened for stands under."""
    store.is_over = like.is_over
    sqlite.watch(store.connection, like.is_over)
    return store


def check(store: Store) -> None:
    """Raise Interrupted if the question is over; for loops that run little SQL."""
    if store.is_over is not None and store.is_over():
        raise Interrupted(0)
