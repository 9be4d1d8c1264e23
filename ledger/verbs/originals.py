"""What was given out: batches of versions, those of a checkout or of a source, and which of them rows are from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ledger.errors import BadRequest
from ledger.readers import content_of
from ledger.sample import Content
from ledger.similarity.aligning import Poll
from ledger.similarity.fields import field_text, words
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.returned import Row
from ledger.verbs.selection import Selection, selected
from ledger.views import checkouts, returned, samples, texts

_CHUNK = 400

MOST = 10_000
"""Originals, or rows, of one batch: all are compared with one another."""

OnStep = Callable[[str, int, int], None]


class Original(NamedTuple):
    """A version that somebody was given: its sample, and the bytes by their row in blob and their address."""

    sample: int
    id: bytes
    version: int
    hash: bytes
    reader: str


class Batch(NamedTuple):
    """Originals that belong together, under a name; `key` is the digest of a batch that was checked out."""

    name: str
    originals: list[Original]
    key: bytes | None = None


def batches_of_job(store: Store, job: bytes) -> list[Batch]:
    """Return the batches of a checkout."""
    return [Batch(one.file, _given(store, one.position), one.batch) for one in checkouts.listed(store.connection, job)]


def batches_named(store: Store, rows: Sequence[Row]) -> list[Batch]:
    """Return the batches that rows say they are from, where they were checked out of this ledger."""
    digests = sorted({row.batch for row in rows if row.batch is not None})
    found = [each for some in in_chunks(digests, _CHUNK) for each in checkouts.named(store.connection, some)]
    files = Counter(file for _, _, file in found)
    return [
        Batch(file if files[file] == 1 else f"{file} b3:{digest.hex()[:12]}", _given(store, position), digest)
        for position, digest, file in sorted(found)
    ]


def batches_of_sources(store: Store, chosen: Selection | None, source: str | None) -> list[Batch]:
    """Return the samples that came from files, those that are chosen or all, a batch for each source (or for one).

    Raises BadRequest where there are none.
    """
    found: dict[tuple[str, str], list[Original]] = {}
    for row in _rows(store, chosen):
        if row.source is not None and source in {None, row.source}:
            original = Original(row.sample, row.id, row.version, row.hash, row.reader)
            found.setdefault((row.campaign, row.source), []).append(original)
    if not found:
        told = "No sample that came from a file is chosen" if source is None else f"No sample came from {source!r}"
        raise BadRequest(told)
    times = Counter(name for _, name in found)
    return [
        Batch(name if times[name] == 1 else f"{campaign}/{name}", originals)
        for (campaign, name), originals in found.items()
    ]


def placed(
    store: Store, files: int, rows: Sequence[Row], batches: Sequence[Batch], step: OnStep
) -> dict[int, int | None]:
    """Return for each of so many files, by its number, the batch that it came from; None where it is none's.

    That is the batch to which over half of its rows belong. A row belongs to the batch that has its sample, or that it
    names; without either to that of the original most like it.
    """
    if len(batches) == 1:
        return dict.fromkeys(range(files), 0)
    by_key = {batch.key: number for number, batch in enumerate(batches) if batch.key is not None}
    by_id = {original.id: number for number, batch in enumerate(batches) for original in batch.originals}
    votes: dict[int, Counter[int]] = {file: Counter() for file in range(files)}
    silent: list[Row] = []
    for row in rows:
        known = by_key.get(row.batch) if row.batch is not None else None
        known = known if known is not None or row.sample is None else by_id.get(row.sample)
        if known is not None:
            votes[row.place][known] += 1
        elif row.read is not None:
            silent.append(row)
    for row, best in zip(silent, _best(store, silent, batches, step), strict=True):
        if best is not None:
            votes[row.place][best] += 1
    return {file: _winner(said) for file, said in votes.items()}


def check_size(batch: Batch, rows: int) -> None:
    """Raise BadRequest for a batch of more originals or rows than are compared with one another."""
    if max(len(batch.originals), rows) > MOST:
        told = f"{batch.name} has {len(batch.originals):,} samples, and {rows:,} rows came back for it"
        hint = "Choose fewer samples with --where, or give them out with `ledger checkout`."
        raise BadRequest(f"{told}; of each at most {MOST:,} are compared", hint=hint)


def said(store: Store, originals: Sequence[Original]) -> Iterator[tuple[Original, Content]]:
    """Yield each original whose bytes are there, and its content."""
    for some in in_chunks(originals, _CHUNK):
        bodies = store.bodies([original.version for original in some])
        for original in some:
            body = bodies[original.version]
            if body is not None:
                yield original, content_of(body, original.reader)


def words_of(content: Content) -> list[str]:
    """Return the words of all that a content says."""
    return words(field_text(content, "conversation") or "")


def content_of_row(row: Row) -> Content:
    """Return the content of a row that was read."""
    if row.read is None:
        raise ValueError("a row without a content")
    return content_of(row.body, row.read.reader)


def _given(store: Store, position: int) -> list[Original]:
    members = checkouts.members(store.connection, position)
    chunks = in_chunks([member.sample for member in members], _CHUNK)
    readers = {key: reader for some in chunks for key, reader in returned.readers(store.connection, some).items()}
    return [Original(*member, readers[member.sample, member.version]) for member in members]


def _rows(store: Store, chosen: Selection | None) -> Iterator[samples.Row]:
    if chosen is not None:
        for some in selected(store, chosen):
            yield from some
        return
    for handles in in_chunks(texts.standing(store.connection, None)):
        rows = samples.rows_of(store.connection, handles)
        yield from (rows[handle] for handle in handles)


def _best(store: Store, rows: Sequence[Row], batches: Sequence[Batch], step: OnStep) -> list[int | None]:
    """Return the batch of the original most like each row."""
    if not rows:
        return []
    poll = Poll([words_of(content_of_row(row)) for row in rows])
    total = 2 * len(batches)
    for number, batch in enumerate(batches):
        step("looking for batches", number, total)
        for _, content in said(store, batch.originals):
            poll.count(words_of(content))
    for number, batch in enumerate(batches):
        step("looking for batches", len(batches) + number, total)
        for _, content in said(store, batch.originals):
            poll.weigh(words_of(content), number)
    step("looking for batches", total, total)
    return poll.best()


def _winner(votes: Counter[int]) -> int | None:
    if not votes:
        return None
    batch, most = votes.most_common(1)[0]
    return batch if 2 * most > votes.total() else None
