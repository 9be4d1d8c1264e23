"""From a plan to the lines of a file: each row spliced from the exact text of its sample's version.

What a row takes is fetched here, a chunk at a time; making lines of it is a pure function of that, so that it can be
done by other processes. Chunks are cut by place and written in order: how many processes there are changes no byte.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import pairwise
from multiprocessing import get_context
from typing import NamedTuple, Protocol

from ledger.digest import blake3_bytes, show
from ledger.errors import BadRequest, CorruptLedger, NotRepresentable
from ledger.exporters import layouts, trl
from ledger.exporters.layouts import Fields, Layout, Unwritable, write_row
from ledger.exporters.view_spec import ViewSpec
from ledger.readers import Raw, raw_of
from ledger.store import Store
from ledger.verbs.asked import Asked, layout_of
from ledger.verbs.facts import columns, known, wants_times
from ledger.views import samples

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


def lines(store: Store, asked: Asked, planned: Order, workers: int = 1) -> Iterator[tuple[list[bytes], list[Label]]]:
    """Yield the bytes and labels of some rows at a time, in order.

    Raises CorruptLedger where bytes are not those of their address, and NotRepresentable with the first sample that
    the layout has no way to write.
    """
    layout = layout_of(asked, planned.form)
    if layout is None:
        yield from _whole(store, planned.rows)
        return
    for sources, made in _rendered(_chunks(store, asked.spec, planned), layout, workers):
        if isinstance(made, Fault):
            raise _error(store, made, layout)
        yield made, [source.label for source in sources]


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
    """Yield the training fields of some hundred samples as they stand now; raises CorruptLedger."""
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


def _chunks(store: Store, spec: ViewSpec, planned: Order) -> Iterator[list[Source]]:
    """Yield what each run of rows is made of; runs are cut by place alone."""
    times = planned.times if wants_times(spec) else {}
    bounds = [*range(0, len(planned.rows), CHUNK), len(planned.rows)]
    for start, end in pairwise(bounds):
        chosen, rejected = planned.rows[start:end], planned.rejected[start:end]
        handles = sorted({*chosen, *rejected})
        found: dict[int, samples.Version] = {}
        for at in range(0, len(handles), CHUNK):
            found.update(samples.versions_of(store.connection, handles[at : at + CHUNK]))
        extra = columns(store, spec, chosen, times)
        yield [_source(place, chosen, rejected, found, extra) for place in range(len(chosen))]


def _source(
    place: int,
    chosen: Sequence[int],
    rejected: Sequence[int],
    found: Mapping[int, samples.Version],
    extra: Mapping[int, tuple[tuple[str, str], ...]],
) -> Source:
    sample = chosen[place]
    version = found[sample]
    other = None
    if rejected:
        less = found[rejected[place]]
        other = rejected[place], less.body, less.hash, less.reader
    label = None if version.label is None else bool(version.label)
    return Source(sample, version.body, version.hash, version.reader, label, extra.get(sample, ()), other)


def _rendered(chunks: Iterator[list[Source]], layout: Layout, workers: int) -> Iterator[tuple[list[Source], Lines]]:
    """Yield each chunk with its lines, in the order of the chunks, whoever made them."""
    if workers <= 1:
        for sources in chunks:
            yield sources, render(layout, sources)
        return
    # Spawned, not forked: a copy of this process would hold the ledger's connection and locks.
    with _worded(), ProcessPoolExecutor(workers, get_context("spawn"), initializer=_unmoved) as pool:
        waiting: deque[tuple[list[Source], Future[Lines]]] = deque()
        for sources in chunks:
            waiting.append((sources, pool.submit(render, layout, sources)))
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
    if fault.damaged or layout is None:
        told = f"the bytes of sample @{fault.sample} are gone, or not those of {fault.told}"
        return CorruptLedger(store.path, told)
    row = samples.get(store.connection, fault.sample)
    name = f"@{fault.sample}" if row is None else row.id.hex()
    return NotRepresentable(name, f"{layout.dialect} {layout.type}", fault.told)


def _whole(store: Store, order: Sequence[int]) -> Iterator[tuple[list[bytes], list[Label]]]:
    """Yield samples for reading: everything that is known of each, and its fields as far as it has them."""
    for at in range(0, len(order), CHUNK):
        chunk = list(order[at : at + CHUNK])
        facts = known(store, chunk)
        told = list(contents(store, chunk))
        made = [trl.sample_row(facts[sample], one.prompt, one.completion, one.tools) for sample, one, _ in told]
        yield made, [label for _, _, label in told]
