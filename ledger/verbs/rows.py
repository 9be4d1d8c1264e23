"""From a plan to the lines of a file: each row spliced from the exact text of its sample's version.

What a row takes is fetched here, a chunk at a time; making lines of it is a pure function of that, so that it can be
done by other processes. Rows are made in the order of their samples, since then each page of the ledger is read once,
not once for each row on it, and then put in the order of the file: how many processes there are changes no byte.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, Protocol

from ledger.digest import blake3_bytes, show
from ledger.errors import BadRequest, CorruptLedger, ErasedBytes, NotRepresentable
from ledger.exporters import layouts, trl
from ledger.exporters.layouts import Fields, Layout, Unwritable, write_row
from ledger.exporters.view_spec import ViewSpec
from ledger.readers import Raw, raw_of
from ledger.store import Store
from ledger.verbs.asked import Asked, layout_of
from ledger.verbs.facts import columns, known, wants_times
from ledger.verbs.spool import Spool
from ledger.views import erased, samples

CHUNK = 500
"""Rows whose bytes are in memory at a time, in each process."""
_WAITING = 4
"""Chunks that may wait for each process."""


Label = bool | None


class Source(NamedTuple):
    """What one row is made of: bytes, address and reader of its sample's version, and of what it is preferred to."""

    sample: int
    body: bytes | None
    address: bytes
    reader: str
    label: Label
    extra: tuple[tuple[str, str], ...]
    other: tuple[int, bytes | None, bytes, str] | None


class _Chunk(NamedTuple):
    """Some rows: their places in the file, and what they are made of."""

    places: list[int]
    sources: list[Source]


class Order(Protocol):
    """What a plan says of rows: handles in file order, those that each is preferred to (or none), and their form."""

    @property
    def rows(self) -> tuple[int, ...]:
        """Return the handles, in file order."""

    @property
    def rejected(self) -> tuple[int, ...]:
        """Return the handles of what each row is preferred to; empty for other types."""

    @property
    def form(self) -> str:
        """Return the form that all rows have."""

    @property
    def times(self) -> dict[int, int]:
        """Return how often each sample counts, of those that count more than once."""


class Fault(NamedTuple):
    """Why a row could not be written: of which sample, whether its bytes are damaged, and what is wrong."""

    sample: int
    damaged: bool
    told: str


Lines = list[bytes] | Fault
OnRows = Callable[[int], None]
"""Hears how many rows were made."""


def lines(
    store: Store, asked: Asked, planned: Order, aside: Path, on_rows: OnRows, workers: int = 1
) -> Iterator[tuple[list[bytes], list[Label]]]:
    """Yield the bytes and labels of some rows at a time, in order; `aside` is a folder with room for all of them.

    Raises CorruptLedger where bytes are not those of their address, ErasedBytes where they were erased, and
    NotRepresentable with the oldest sample that the layout has no way to write; DiskFull where `aside` has no room.
    """
    layout = layout_of(asked, planned.form)
    done = 0
    if layout is None:
        for some in _whole(store, planned.rows):
            yield some
            done += len(some[0])
            on_rows(done)
        return
    with Spool(aside, len(planned.rows)) as spool:
        for chunk, made in _rendered(_chunks(store, asked.spec, planned), layout, workers):
            if isinstance(made, Fault):
                raise _error(store, made, layout)
            spool.put(chunk.places, made, [source.label for source in chunk.sources])
            done += len(made)
            on_rows(done)
        yield from spool.in_order(CHUNK)


def render(layout: Layout, sources: Sequence[Source]) -> Lines:
    """Return the lines of some rows, or the first fault; pure."""
    made: list[bytes] = []
    for source in sources:
        at = source.sample
        try:
            fields, other = _fields(source.body, source.address, source.reader), None
            if source.other is not None:
                at = source.other[0]
                other = _fields(*source.other[1:])
        except _Damaged as damage:
            return Fault(at, damaged=True, told=str(damage))
        try:
            made.append(write_row(layout, layouts.Row(fields, other, source.label, source.extra)))
        except Unwritable as error:
            return Fault(source.sample, damaged=False, told=str(error))
    return made


def contents(store: Store, handles: Sequence[int]) -> Iterator[tuple[int, Fields, Label]]:
    """Yield the training fields of some hundred samples as they stand now; raises CorruptLedger, ErasedBytes."""
    found = samples.versions_of(store.connection, handles)
    for sample in handles:
        version = found[sample]
        try:
            fields = _fields(version.body, version.hash, version.reader)
        except _Damaged as damage:
            raise _error(store, Fault(sample, damaged=True, told=str(damage)), None) from damage
        yield sample, fields, None if version.label is None else bool(version.label)


class _Damaged(ValueError):  # noqa: N818 - never leaves this module
    """Bytes that are gone, or not those of their address."""


def _fields(body: bytes | None, address: bytes, reader: str) -> Fields:
    raw = _raw(body, address, reader)
    return Fields(raw.prompt, raw.completion, raw.tools)


def _raw(body: bytes | None, address: bytes, reader: str) -> Raw:
    if body is None or blake3_bytes(body) != address:
        raise _Damaged(show(address))
    return raw_of(body, reader)


def _chunks(store: Store, spec: ViewSpec, planned: Order) -> Iterator[_Chunk]:
    """Yield what some rows at a time are made of, in the order of their samples."""
    times = planned.times if wants_times(spec) else {}
    places = sorted(range(len(planned.rows)), key=planned.rows.__getitem__)
    for start in range(0, len(places), CHUNK):
        chunk = places[start : start + CHUNK]
        chosen = [planned.rows[place] for place in chunk]
        rejected = [planned.rejected[place] for place in chunk] if planned.rejected else []
        handles = sorted({*chosen, *rejected})
        found: dict[int, samples.Version] = {}
        for at in range(0, len(handles), CHUNK):
            found.update(samples.versions_of(store.connection, handles[at : at + CHUNK]))
        extra = columns(store, spec, chosen, times)
        yield _Chunk(chunk, [_source(nth, chosen, rejected, found, extra) for nth in range(len(chunk))])


def _source(
    nth: int,
    chosen: Sequence[int],
    rejected: Sequence[int],
    found: Mapping[int, samples.Version],
    extra: Mapping[int, tuple[tuple[str, str], ...]],
) -> Source:
    sample = chosen[nth]
    version = found[sample]
    other = None
    if rejected:
        less = found[rejected[nth]]
        other = rejected[nth], less.body, less.hash, less.reader
    label = None if version.label is None else bool(version.label)
    return Source(sample, version.body, version.hash, version.reader, label, extra.get(sample, ()), other)


def _rendered(chunks: Iterator[_Chunk], layout: Layout, workers: int) -> Iterator[tuple[_Chunk, Lines]]:
    """Yield each chunk with its lines, in the order of the chunks, whoever made them."""
    if workers <= 1:
        for chunk in chunks:
            yield chunk, render(layout, chunk.sources)
        return
    # Spawned, not forked: a copy of this process would hold the ledger's connection and locks.
    with _worded(), ProcessPoolExecutor(workers, get_context("spawn"), initializer=_unmoved) as pool:
        waiting: deque[tuple[_Chunk, Future[Lines]]] = deque()
        for chunk in chunks:
            waiting.append((chunk, pool.submit(render, layout, chunk.sources)))
            if len(waiting) >= _WAITING * workers:
                done, made = waiting.popleft()
                yield done, made.result()
        for done, made in waiting:
            yield done, made.result()


def _unmoved() -> None:
    """Leave an interrupt from the keyboard to the process that asked for the rows."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _worded() -> Iterator[None]:
    """Turn the end of a worker into a sentence."""
    try:
        yield
    except BrokenProcessPool as error:
        told = (
            "The processes that make rows could not be started, or were killed. A script that asks for workers must "
            "begin with `if __name__ == '__main__':`, since each of them reads it."
        )
        raise BadRequest(told, hint="Ask for one worker; it makes the same bytes.") from error


def _error(store: Store, fault: Fault, layout: Layout | None) -> Exception:
    row = samples.get(store.connection, fault.sample)
    name = f"@{fault.sample}" if row is None else row.id.hex()
    if fault.damaged or layout is None:
        gone = None if row is None else erased.by(store.connection, row.version)
        if gone is not None:
            return ErasedBytes(f"The row of sample {name[:12]}", gone.position)
        told = f"the bytes of sample @{fault.sample} are gone, or not those of {fault.told}"
        return CorruptLedger(store.path, told)
    return NotRepresentable(name, f"{layout.dialect} {layout.type}", fault.told)


def _whole(store: Store, order: Sequence[int]) -> Iterator[tuple[list[bytes], list[Label]]]:
    """Yield samples for reading: everything that is known of each, and its fields as far as it has them."""
    for at in range(0, len(order), CHUNK):
        chunk = list(order[at : at + CHUNK])
        facts = known(store, chunk)
        told = list(contents(store, chunk))
        made = [trl.sample_row(facts[sample], one.prompt, one.completion, one.tools) for sample, one, _ in told]
        yield made, [label for _, _, label in told]
