"""An open ledger: finding, making, opening and closing the file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ledger import projection, sqlite, store
from ledger.errors import LedgerNotFound, StaleViews, UnsafeJournal
from ledger.transaction import Clock, system_clock
from ledger.verbs.ids import short_ids, whole_id
from ledger.verbs.limits import Limit, limited
from ledger.verbs.moment import reading
from ledger.verbs.run import Who, default_actor

FILE_NAME = "ledger.db"
ENVIRONMENT = "LEDGER_PATH"

Answer = dict[str, Any]
Progress = Callable[[str, int, int], None]


def silent(_what: str, _done: int, _total: int) -> None:
    """Hear of progress, and say nothing."""


def find_ledger(start: Path | None = None) -> Path:
    """Return LEDGER_PATH, else the `ledger.db` in `start` (default: here) or the nearest parent that has one.

    Raises LedgerNotFound.
    """
    if named := os.environ.get(ENVIRONMENT):
        return Path(named)
    here = (start or Path.cwd()).absolute()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise LedgerNotFound(here / FILE_NAME)


class Opened:
    """An open ledger. Use as a context manager, or call `close`."""

    def __init__(self, opened: store.Store, who: Who) -> None:
        """Wrap an open store; use `init` or `open`."""
        self._store = opened
        self._who = who
        self._limit: Limit | None = None
        projection.prepare(opened.connection)
        opened.seal = projection.catch_up

    @classmethod
    def init(
        cls,
        path: str | Path = FILE_NAME,
        *,
        actor: str | None = None,
        via: str = "api",
        clock: Clock = system_clock,
        wal: bool = False,
    ) -> Self:
        """Create an empty ledger at `path` and open it.

        `wal` asks for write-ahead logging (many small concurrent commits); it is refused with UnsafeJournal where
        the linked SQLite can corrupt it. Raises LedgerExists, NotWritable.
        """
        if wal and not sqlite.wal_is_safe():
            raise UnsafeJournal(sqlite.sqlite_version())
        who = Who(actor or default_actor(), via)
        opened = store.create(Path(path).absolute(), clock=clock, wal=wal)
        made = cls(opened, who)
        try:
            made.rebuild_views()
        except BaseException:
            opened.close()
            raise
        return made

    @classmethod
    def open(
        cls,
        path: str | Path | None = None,
        *,
        actor: str | None = None,
        via: str = "api",
        clock: Clock = system_clock,
        wait: float = sqlite.WAIT_SECONDS,
        on_wait: sqlite.OnWait | None = None,
        trust: bool = False,
        read_only: bool = False,
    ) -> Self:
        """Open the ledger at `path` (default: `find_ledger()`).

        `wait` is how many seconds to wait for another writer, `on_wait` hears the seconds waited so far. Views made
        by another version are made again. `trust` leaves out the comparison with what this computer last saw; only
        `verify` needs that. `read_only` never changes the file, whoever may write to it: what would write raises
        NotWritable, and views that another version made StaleViews. Raises LedgerNotFound, NotALedger, NewerLedger,
        CorruptLedger, RolledBack, StaleViews.
        """
        who = Who(actor or default_actor(), via)
        place = find_ledger() if path is None else Path(path)
        if read_only:
            opened = store.look(place.absolute(), wait=wait)
        else:
            opened = store.open_store(place.absolute(), clock=clock, wait=wait, on_wait=on_wait)
        ledger = cls(opened, who)
        try:
            if not trust:
                with sqlite.plain_errors(opened.path):
                    opened.check_witness()
                    ledger._freshen()
        except BaseException:
            opened.close()
            raise
        return ledger

    def __enter__(self) -> Self:
        """Return the ledger."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """Stop what is asked inside the block with Interrupted when it takes longer, or when `interrupt` says so.

        Waiting for another process that writes counts too (LedgerBusy). The ledger stays usable; what writes is undone.
        """
        with limited(self._store, seconds, self._limit) as limit:
            before, self._limit = self._limit, limit
            try:
                yield
            finally:
                self._limit = before

    def interrupt(self) -> None:
        """Stop the running question with Interrupted; the one method that another thread may call.

        Inside `limited` wherever the question is, outside of it only SQL that runs at this moment.
        """
        limit = self._limit
        if limit is None:
            self._store.connection.interrupt()
        else:
            limit.stop()

    @property
    def path(self) -> Path:
        """Return where the file is."""
        return self._store.path

    @property
    def warnings(self) -> list[str]:
        """Return what went less well than it should have, in sentences."""
        return self._store.warnings

    def short(self, ids: Iterable[str]) -> dict[str, str]:
        """Return each sample or event id (64 hexadecimal characters) with its shortest unique prefix."""
        with reading(self._store) as (here, _):
            found = short_ids(here, [whole_id(one) for one in ids])
        return {op.hex(): text for op, text in found.items()}

    def rebuild_views(self, progress: Progress | None = None) -> Answer:
        """Drop every view and fold it again from the log; the index of words is dropped too."""
        with self._store.exclusive():
            sqlite.forget_words(self._store.connection)
            events = projection.rebuild(self._store.connection, of("events", progress))
        return {"events": events, "views": len(projection.tables())}

    def _freshen(self) -> None:
        position = projection.state(self._store.connection)
        if position is None:
            if not self._store.writable:
                raise StaleViews(self._store.path)
            self.rebuild_views()


def of(what: str, progress: Progress | None) -> Callable[[int, int], None]:
    """Return what passes on progress in one kind of thing."""
    return lambda done, total: (progress or silent)(what, done, total)
