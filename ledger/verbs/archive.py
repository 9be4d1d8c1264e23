"""Export of the whole log as text, and import: the same ledger, made anew or continued, whole or not at all."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn, cast

from ledger import archive, compaction, projection, sqlite, witness
from ledger.archive import Blob, End, Event, Line, Mark, Start, Tally
from ledger.audit import Audit, Progress
from ledger.backup import Filling, line_of, read_out
from ledger.digest import NotRestricted, show
from ledger.errors import (
    ArchiveInvalid,
    BrokenLaw,
    CorruptLedger,
    DestinationExists,
    InputNotFound,
    InputUnreadable,
    RolledBack,
)
from ledger.exporters.manifest import head_json
from ledger.faults import ERROR, Finding
from ledger.store import Store, aside, make, open_store
from ledger.verbs.files import WholeFile, place_for

OnPart = Callable[[int, int], None]
"""Hears how much is done, of how much."""

_GZIP = b"\x1f\x8b"
_GZIP_BITS, _GZIP_LEVEL = 31, 6
_TELL = 2000
"""Lines between two words of progress."""
_OTHER = "Nothing was imported. An archive goes into a new file, or into an older copy of the same ledger."


class Asked(NamedTuple):
    """Where a ledger is to be made or continued, and how long to wait for others who write it."""

    path: Path
    wait: float
    on_wait: sqlite.OnWait | None


def export_events(store: Store, out: Path, progress: Progress, *, quick: bool) -> dict[str, Any]:
    """Write the whole log to `out` as an archive, compressed where its name ends with .gz; it stands there whole.

    It is verified first; `quick` leaves out what only importing would find. Raises DestinationExists, NotWritable,
    DiskFull, CorruptLedger.
    """
    place = place_for(out, store.path)
    if os.path.lexists(place):
        raise DestinationExists(out)
    audit = Audit(store, progress)
    audit.run(quick=quick, views=False)
    if (fault := _first_error(audit)) is not None:
        raise CorruptLedger(store.path, fault.message)
    tally = Tally()
    with WholeFile(place) as whole:
        for data in _packed(_lines_of(store, tally, progress), place):
            whole.write(data)
        whole.settle()
        whole.put()
    return {
        "path": str(place),
        "bytes": whole.size,
        "blake3": show(whole.digest),
        "ledger": store.ledger_id,
        "head": head_json(tally.events - 1, tally.root),
        **_counts(tally.end()),
    }


def import_events(source: Path, asked: Asked, on_part: OnPart) -> dict[str, Any]:
    """Make the ledger of an archive, or continue the older copy of it that stands at its place.

    Everything is checked before anything is there: each line, each head, and all that `verify` looks at in a log. So a
    ledger that went back is brought forward again by an archive that holds what this computer has seen of it.
    Raises ArchiveInvalid, Forked, InputNotFound, InputUnreadable, RolledBack, UnknownEvent, and what opening and
    writing a ledger can raise.
    """
    path = asked.path
    with _opened(source, on_part) as lines:
        ledger_id = lines.start()
        if os.path.lexists(path):
            with _open(path, asked) as store:
                if store.ledger_id != ledger_id:
                    lines.fault(f"it is of the ledger {ledger_id}, but {path} is {store.ledger_id}", hint=_OTHER)
                answer = _fill(store, lines)
                store.check_witness()
                return {"path": str(path), "created": False, **answer}
        with aside(path) as made:
            with sqlite.plain_errors(path):
                make(made, ledger_id)
            with _open(made, asked) as store:
                answer = _fill(store, lines)
                _check_seen(store, path)
    with _open(path, asked) as store:
        store.check_witness()
    return {"path": str(path), "created": True, **answer}


class _Lines:
    """The lines of an archive in order, compared with what the last one says."""

    def __init__(self, source: Path, stream: BinaryIO, tell: Callable[[], None]) -> None:
        self.source = source
        self._stream = stream
        self._tell = tell
        self._number = 0
        self.tally = Tally()

    def start(self) -> str:
        """Read the first line and return the id of the ledger."""
        line = self._next()
        if not isinstance(line, Start):
            self.fault("an archive begins with the line that names its ledger")
        return line.ledger

    def rest(self) -> Iterator[Blob | Event | Mark]:
        """Yield every other line; the last one must be what the others sum up to, and nothing may follow it."""
        last: Line = Mark(0, b"", 0, 0)
        while not isinstance(line := self._next(), End):
            if isinstance(line, Start):
                self.fault("another archive begins here")
            last = line
            yield line
        if line != self.tally.end():
            self.fault("the last line is not what the lines before it sum up to")
        if not isinstance(last, Mark):
            self.fault("the last events have no head")
        with self._plain():
            if self._stream.read(1):
                self.fault("something follows the last line")

    def fault(self, why: str, number: int | None = None, hint: str | None = None) -> NoReturn:
        """Raise ArchiveInvalid about the line at hand, or another."""
        raise ArchiveInvalid(self.source, self._number if number is None else number, why, hint=hint)

    def _next(self) -> Line:
        self._number += 1
        if self._number % _TELL == 0:
            self._tell()
        with self._plain():
            data = archive.next_line(self._stream)
            if not data:
                self.fault("it is cut off: the last line is missing")
            line = archive.read(data)
        if not isinstance(line, End):
            self.tally.pass_by(data, line)
        return line

    @contextmanager
    def _plain(self) -> Iterator[None]:
        try:
            yield
        except NotRestricted as error:
            self.fault(str(error))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.fault(f"what was compressed cannot be read: {error}")
        except OSError as error:
            raise InputUnreadable(self.source, error.strerror or error) from error


def _fill(store: Store, lines: _Lines) -> dict[str, Any]:
    """Take in the lines in one transaction, which is committed if they are all there and sound."""
    with store.exclusive():
        before = store.contradiction()
        filling = Filling(store, lines.source)
        for line in lines.rest():
            try:
                filling.take(line)
            except NotRestricted as error:
                lines.fault(str(error))
        if before is not None and store.contradiction() is not None:
            raise before
        new = max(filling.size - filling.known, 0)
        forgotten = filling.forget_erased()
        if new or not filling.size:
            _audit(store, lines)
            _fold(store, lines)
    sqlite.empty_wal(store.connection)
    if forgotten:
        compaction.forget(store, lambda _what, _done, _of: None)
    head = store.head()
    return {
        "ledger": store.ledger_id,
        "head": head_json(head.position, head.root),
        "new": new,
        "forgotten": forgotten,
        **_counts(lines.tally.end()),
    }


def _audit(store: Store, lines: _Lines) -> None:
    """Look at the log as `verify` does, before the commit; name the line of an event that is at fault."""
    audit = Audit(store, lambda _what, _done, _of: None)
    audit.run(quick=False, views=False)
    if (found := _first_error(audit)) is not None:
        number = None if found.position is None else line_of(store, found.position)
        lines.fault(f"{found.message} ({found.id})", number)


def _first_error(audit: Audit) -> Finding | None:
    return next((finding for finding in audit.findings if finding.severity == ERROR), None)


def _fold(store: Store, lines: _Lines) -> None:
    projection.prepare(store.connection)
    try:
        projection.catch_up(store.connection)
    except (sqlite.Error, ValueError) as error:
        if isinstance(error, sqlite.Error):
            problem = sqlite.translated(error, store.path, store.wait)
            if not isinstance(problem, BrokenLaw | CorruptLedger):
                raise problem from error
        lines.fault(f"its events cannot be folded: {error}")


def _check_seen(made: Store, path: Path) -> None:
    """Raise RolledBack where this computer has seen the ledger at `path` further on, or otherwise, than it would be."""
    file = witness.path_for(made.ledger_id, path)
    seen = witness.read(file)
    if seen is not None and (made.head().position + 1 < seen.size or made.root_at(seen.size - 1) != seen.root):
        raise RolledBack(path, f"the archive does not hold the {seen.size:,} events that were seen there", file)


def _counts(end: End) -> dict[str, int]:
    return {"events": end.events, "heads": end.heads, "blobs": end.blobs, "erased": end.erased}


def _lines_of(store: Store, tally: Tally, progress: Progress) -> Iterator[bytes]:
    last = store.head().position + 1

    def line(what: Line) -> bytes:
        data = archive.written(what)
        tally.pass_by(data, what)
        return data

    yield line(Start(store.ledger_id))
    with sqlite.plain_errors(store.path, store.wait):
        for what in read_out(store):
            yield line(what)
            if isinstance(what, Mark):
                progress("written", what.size, max(last, what.size))
    yield archive.written(tally.end())


def _packed(lines: Iterator[bytes], place: Path) -> Iterator[bytes]:
    """Yield lines as they are, or compressed; no name and no time stands in what is compressed."""
    if place.suffix != ".gz":
        yield from lines
        return
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_BITS)
    for line in lines:
        yield packer.compress(line)
    yield packer.flush()


@contextmanager
def _opened(source: Path, on_part: OnPart) -> Iterator[_Lines]:
    """Yield the lines of a file, compressed or not; progress is told in bytes of the file."""
    try:
        file = source.open("rb")
    except FileNotFoundError as error:
        raise InputNotFound(source) from error
    except (OSError, ValueError) as error:
        raise InputUnreadable(source, getattr(error, "strerror", None) or error) from error
    with file:
        size = os.fstat(file.fileno()).st_size
        try:
            packed = file.peek(2)[:2] == _GZIP
        except OSError as error:
            raise InputUnreadable(source, error.strerror) from error
        stream = cast("BinaryIO", gzip.GzipFile(fileobj=file)) if packed else file
        seekable = file.seekable()
        yield _Lines(source, stream, lambda: on_part(file.tell(), size) if seekable else None)


@contextmanager
def _open(path: Path, asked: Asked) -> Iterator[Store]:
    with closing(open_store(path, wait=asked.wait, on_wait=asked.on_wait)) as store:
        yield store
