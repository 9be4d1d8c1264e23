"""Checkout: batches of samples as files, to be worked on elsewhere, each line with its sample, version and batch.

A batch is a set: its digest is that of the list of its samples and versions, and its job's that of its batches. So the
same checkout again is the same job, writes the same files and appends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ledger.digest import DIGEST_BYTES, MIN_PREFIX, PREFIX, blake3_bytes, digest_of, show
from ledger.errors import AmbiguousId, BadRequest, NoSuchCheckout, NotWritable
from ledger.event import Draft, draft
from ledger.exporters.manifest import head_json
from ledger.readers import content_bytes
from ledger.reports.history import time_text
from ledger.store import Store
from ledger.transaction import Head, Transaction, in_chunks
from ledger.verbs.files import WholeFile, digest_of_file, place_for, plain_errors, read_whole
from ledger.verbs.member_list import packed
from ledger.verbs.originals import MOST
from ledger.verbs.run import Run, Who, conserve, without_collector
from ledger.verbs.selection import Selection, selected, selection
from ledger.verbs.words import whole_number
from ledger.views import checkouts, samples

SIDECAR = "checkout.json"
MOST_IN_ALL = 100_000
"""Samples of one checkout."""
_HEX = 2 * DIGEST_BYTES


class _Given(NamedTuple):
    """One batch in the making: its file, its digest, the list of its samples and versions, and their rows."""

    file: str
    batch: str
    members: bytes
    rows: list[samples.Row]


@without_collector()
def checkout(store: Store, which: Selection, size: int, folder: Path, who: Who) -> dict[str, Any]:
    """Write the chosen samples into batches of `size` in `folder`, record who was given what, and return the job.

    A file of the same name that says something else is left as it is: NotWritable. Erased samples are never chosen.
    Raises BadRequest, ConditionInvalid.
    """
    whole_number("The size of a batch", size, 1, MOST)
    with plain_errors(folder):
        folder.mkdir(exist_ok=True)
    with store.transaction() as transaction:  # until the end nobody can erase what is being written
        rows = [row for some in selected(store, which) for row in some]
        if len(rows) > MOST_IN_ALL:
            raise BadRequest(f"A checkout has at most {MOST_IN_ALL:,} samples, not {len(rows):,}", hint="Choose fewer.")
        if not rows:
            raise BadRequest("No sample is chosen, so there is nothing to check out")
        batches = list(_batches(rows, size))
        job = digest_of([batch.batch for batch in batches]).hex()
        _check_own(folder, PREFIX + job)
        written = [_write(store, folder, batch) for batch in batches]
        told = [
            {"file": batch.file, "batch": PREFIX + batch.batch, "samples": len(batch.rows), "bytes": count}
            for batch, count in zip(batches, written, strict=True)
        ]
        _put(folder / SIDECAR, store, _sidecar(store, job, told))
        recorded = _record(store, transaction, (job, batches, written), size, which, who)
        conserve("samples", len(rows), {batch.file: len(batch.rows) for batch in batches})
    return {
        "job": show(bytes.fromhex(job)),
        "samples": len(rows),
        "recorded": recorded,
        "folder": str(folder),
        "batches": told,
    }


def chosen(where: str | None, campaign: str | None) -> Selection:
    """Return which samples to give out; raise BadRequest where nothing says so, and ConditionInvalid."""
    if where is None and campaign is None:
        raise BadRequest("Nothing says which samples to check out", hint="Give --where, --campaign or both.")
    return selection((), where, campaign)


def jobs(store: Store, head: Head) -> dict[str, Any]:
    """Return what was checked out, oldest first: jobs, their batches, and how many of each came back improved."""
    found: dict[bytes, list[checkouts.Batch]] = {}
    for one in checkouts.listed(store.connection):
        found.setdefault(one.job, []).append(one)
    return {"jobs": [_job(job, batches) for job, batches in found.items()], "head": head_json(head.position, head.root)}


def find_job(store: Store, text: str) -> bytes:
    """Return the job that a digest, or 6 or more characters of it, names; raise NoSuchCheckout, AmbiguousId."""
    prefix = text.strip().lower().removeprefix(PREFIX)
    if not MIN_PREFIX <= len(prefix) <= _HEX or set(prefix) - set("0123456789abcdef"):
        raise NoSuchCheckout(text)
    first, last = (bytes.fromhex(prefix.ljust(_HEX, sign)) for sign in "0f")
    found = checkouts.jobs_between(store.connection, first, last)
    if not found:
        raise NoSuchCheckout(text)
    if len(found) > 1:
        raise AmbiguousId(text, len(found), ", ".join(show(job)[:15] for job in found[:5]))
    return found[0]


def _batches(rows: Sequence[samples.Row], size: int) -> Iterator[_Given]:
    width = max(3, len(str(-(-len(rows) // size))))
    for number, some in enumerate(in_chunks(sorted(rows), size), 1):
        members = packed({row.id: row.hash for row in some})
        yield _Given(f"batch_{number:0{width}}.jsonl", blake3_bytes(members).hex(), members, some)


def _check_own(folder: Path, job: str) -> None:
    """Raise NotWritable for a folder that holds another checkout, before anything is written among its files."""
    place = folder / SIDECAR
    with plain_errors(place):
        text = read_whole(place) if place.exists() else None
    try:
        there = job if text is None else json.loads(text)["job"]
    except (ValueError, TypeError, LookupError):
        there = None
    if there != job:
        raise NotWritable(place, "another checkout stands there", hint="Name another folder.")


def _write(store: Store, folder: Path, batch: _Given) -> int:
    """Write the file of a batch and return its size."""
    bodies = store.bodies([row.version for row in batch.rows])
    lines = bytearray()
    for row in batch.rows:
        named = {"sample": row.id.hex(), "version": show(row.hash), "batch": PREFIX + batch.batch}
        content = content_bytes(bodies[row.version] or b"", row.reader)
        lines += json.dumps(named)[:-1].encode() + b", " + content[1:] + b"\n"
    return _put(folder / batch.file, store, bytes(lines))


def _put(out: Path, store: Store, data: bytes) -> int:
    """Write a file, unless it stands there; raise NotWritable where another one does, which may be somebody's work."""
    place = place_for(out, store.path)
    with plain_errors(place):
        if place.exists():
            if digest_of_file(place) != blake3_bytes(data):
                raise NotWritable(place, "a file that says something else stands there", hint="Name another folder.")
            return len(data)
    with WholeFile(place) as whole:
        whole.write(data)
        whole.settle()
        whole.put()
    return len(data)


def _sidecar(store: Store, job: str, batches: Sequence[dict[str, Any]]) -> bytes:
    value = {"ledger": store.ledger_id, "job": PREFIX + job, "batches": batches}
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def _record(
    store: Store,
    transaction: Transaction,
    made: tuple[str, Sequence[_Given], Sequence[int]],
    size: int,
    which: Selection,
    who: Who,
) -> int:
    """Append an event for each batch that is not recorded yet, and return how many they were."""
    job, batches, sizes = made
    drafts: list[Draft] = []
    for batch, count in zip(batches, sizes, strict=True):
        _, blob = transaction.add_blob(batch.members)
        fields = {
            "batch": batch.batch,
            "blob": batch.batch,
            "count": len(batch.rows),
            "file": batch.file,
            "job": job,
            "size": count,
        }
        drafts.append(draft("checked_out", None, blob, fields))
    known = transaction.known_ops([one.op for one in drafts])
    new = [one for one in drafts if one.op not in known]
    run = Run(store.ledger_id, "checkout", {"job": job, "size": size, **which.as_json()}, who)
    run.append(transaction, new)
    run.finish(transaction, {"batches": len(new), "samples": sum(one.fields["count"] for one in new)})
    return len(new)


def _job(job: bytes, batches: Sequence[checkouts.Batch]) -> dict[str, Any]:
    return {
        "job": show(job),
        "time": time_text(batches[0].at),
        "samples": sum(one.samples for one in batches),
        "returned": sum(one.returned for one in batches),
        "batches": [
            {"file": one.file, "batch": show(one.batch), "samples": one.samples, "returned": one.returned}
            for one in batches
        ],
    }
