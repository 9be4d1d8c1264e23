"""Ingest: lines of files become samples, or stand in quarantine with the reason why not.

A line's sample is identified by campaign, source, bytes and how often these bytes stood in that source before, so a
file read again adds nothing, an amended file adds its new lines, and an interrupted run is taken up by the same
command. Memory holds one batch, whatever the size of the input.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, NamedTuple
from unicodedata import normalize

from ledger.digest import blake3_bytes
from ledger.errors import BadRequest
from ledger.event import SELF, Draft, draft, op_of, pairs, read_leaf
from ledger.readers import READERS, FactMap, Reader, Reading, Unreadable, map_of, read_line, reader_of
from ledger.readers.envelope import parse_map
from ledger.readers.lines import Input, RawLine, read_lines
from ledger.store import Store
from ledger.transaction import Transaction
from ledger.verbs.ids import event_at
from ledger.verbs.run import Run, Who, conserve, without_collector
from ledger.verbs.words import plain_text
from ledger.views import quarantine

BATCH_LINES = 25_000
BATCH_BYTES = 48 * 1024 * 1024
"""A transaction ends at whichever comes first; both were chosen for the peak of memory, not for speed."""

Progress = Callable[[str, int, "IngestReport"], None]


@dataclass(frozen=True, slots=True)
class IngestPlan:
    """How to read: the campaign, tags for every sample, where facts stand, and a reader to force."""

    campaign: str
    tags: Mapping[str, str] = field(default_factory=dict)
    places: FactMap = field(default_factory=FactMap)
    reader: Reader | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain values, for the recipe."""
        return {
            "campaign": self.campaign,
            "format": None if self.reader is None else self.reader.id,
            "map": self.places.as_json(),
            "tags": pairs(self.tags),
        }


@dataclass(slots=True)
class IngestReport:
    """Lines that are not blank, by what became of them; `lines == new + known + quarantined`."""

    lines: int = 0
    new: int = 0
    known: int = 0
    quarantined: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


class _Item(NamedTuple):
    """One line on its way: the number of its source among the inputs, its address and what it was read as."""

    source: int
    line: RawLine
    digest: bytes
    read: Reading | Unreadable


def ingest_plan(campaign: str, tags: Mapping[str, str], places: str | None, form: str | None) -> IngestPlan:
    """Return a checked plan from what a user gave; raise BadRequest."""
    plain_text("The campaign's name", campaign, needed=True)
    for key, value in tags.items():
        plain_text("A tag's name", key, needed=True)
        plain_text(f"The tag {key!r}", value)
    if places is not None:
        plain_text("--map", places)
    if form is not None and form not in READERS:
        raise BadRequest(f"There is no format {form!r}; there are {', '.join(READERS)}")
    try:
        where = parse_map(places)
    except ValueError as error:
        raise BadRequest(f"--map: {error}") from error
    return IngestPlan(normalize("NFC", campaign), dict(tags), where, None if form is None else READERS[form])


@without_collector()
def ingest(store: Store, inputs: list[Input], plan: IngestPlan, who: Who, progress: Progress) -> IngestReport:
    """Read the inputs to their ends, committing batch by batch, and return what became of every line."""
    params = {**plan.as_json(), "sources": [item.source for item in inputs]}
    run = Run(store.ledger_id, "ingest", params, who)
    report = IngestReport()
    names = [item.source for item in inputs]
    for batch, is_last in _batches(_read(inputs, plan)):
        with store.transaction() as transaction:
            if report.lines == 0:
                transaction.forget_occurrences()
            before = (report.new, report.known, report.quarantined)
            _take(transaction, batch, names, plan, run, report)
            parts = dict(
                zip(("new", "known", "quarantined"), (report.new, report.known, report.quarantined), strict=True)
            )
            conserve("lines", report.lines, parts)
            conserve("lines in the batch", len(batch), {"taken": sum(parts.values()) - sum(before)})
            if is_last:
                run.finish(transaction, {"lines": report.lines, **parts})
        last = batch[-1]
        progress(names[last.source], last.line.offset + len(last.line.body), report)
        del batch, last  # else two batches would be in memory while the next is read
    return report


def retry_quarantined(store: Store, plan: IngestPlan, who: Who) -> IngestReport:
    """Read the lines in quarantine again and make samples of those that are valid now.

    Each line is read as the run that quarantined it would, with its tags, except for what `plan` itself says.
    """
    report = IngestReport()
    given = {**plan.as_json(), "map": plan.places.as_json() if plan.places != FactMap() else None}
    run = Run(store.ledger_id, "quarantine retry", given, who)
    with store.transaction() as transaction:
        drafts: list[Draft] = []
        plans: dict[int, IngestPlan] = {}
        for line in quarantine.listed(store.connection, campaign=plan.campaign):
            if line.run not in plans:
                plans[line.run] = _over(plan_of_run(store, line.run, plan.campaign), plan)
            its = plans[line.run]
            body = store.body(line.blob)
            read = (
                Unreadable("erased", "its bytes were erased")
                if body is None
                else read_line(body, its.places, its.reader)
            )
            report.lines += 1
            if isinstance(read, Unreadable):
                report.quarantined += 1
                report.reasons[read.reason] += 1
                continue
            report.new += 1
            drafts.append(_sample_draft(read, line.line, its, line.source, line.nth, line.hash, line.blob))
        conserve("lines", report.lines, {"new": report.new, "quarantined": report.quarantined})
        run.append(transaction, drafts)
        run.finish(transaction, {"lines": report.lines, "new": report.new, "quarantined": report.quarantined})
    return report


def plan_of_run(store: Store, position: int, campaign: str) -> IngestPlan:
    """Return the plan that the run at a position recorded; raise UnknownEvent where its format is not known here."""
    params = read_leaf(event_at(store, position)[1]).get("params", {})
    form, places = params.get("format"), params.get("map")
    return IngestPlan(
        campaign,
        dict(params.get("tags", ())),
        FactMap() if places is None else map_of(places),
        None if form is None else reader_of(form),
    )


def _over(recorded: IngestPlan, given: IngestPlan) -> IngestPlan:
    """Return a recorded plan with what was given now in its place."""
    return replace(
        recorded,
        tags={**recorded.tags, **given.tags},
        places=recorded.places if given.places == FactMap() else given.places,
        reader=given.reader or recorded.reader,
    )


def _read(inputs: list[Input], plan: IngestPlan) -> Iterator[_Item]:
    for source, item in enumerate(inputs):
        for line in read_lines(item):
            yield _Item(source, line, blake3_bytes(line.body), read_line(line.body, plan.places, plan.reader))


def _batches(items: Iterable[_Item]) -> Iterator[tuple[list[_Item], bool]]:
    """Yield (batch, whether it is the last), reading one item ahead to know."""
    iterator = iter(items)
    ahead = next(iterator, None)
    while ahead is not None:
        batch: list[_Item] = []
        size = 0
        while ahead is not None and len(batch) < BATCH_LINES and size < BATCH_BYTES:
            batch.append(ahead)
            size += len(ahead.line.body)
            ahead = next(iterator, None)
        yield batch, ahead is None
        del batch


def _take(
    transaction: Transaction,
    batch: list[_Item],
    names: list[str],
    plan: IngestPlan,
    run: Run,
    report: IngestReport,
) -> None:
    """Append what is new of one batch and count all of it."""
    rows = transaction.known_blobs(list({item.digest for item in batch}))
    nths = _occurrences(transaction, batch, rows)
    births = [_op("ingested", item, plan, names, nth) for item, nth in zip(batch, nths, strict=True)]
    ops = [
        _op("quarantined", item, plan, names, nth) if isinstance(item.read, Unreadable) else birth
        for item, nth, birth in zip(batch, nths, births, strict=True)
    ]
    known = transaction.known_ops(list(dict.fromkeys([*ops, *births])))
    new = [op not in known and birth not in known for op, birth in zip(ops, births, strict=True)]
    fresh = [number for number, is_new in enumerate(new) if is_new]
    bodies = {batch[number].digest: batch[number].line.body for number in fresh}
    rows |= transaction.add_blobs({key: body for key, body in bodies.items() if key not in rows}, first_seen=True)
    for item, birth in zip(batch, births, strict=True):
        report.lines += 1
        if birth in known:  # also where it cannot be read today: the line is a sample already
            report.known += 1
        elif isinstance(item.read, Unreadable):
            report.quarantined += 1
            report.reasons[item.read.reason] += 1
        else:
            report.new += 1
    drafts = []
    for number in fresh:
        item = batch[number]
        drafts.append(_draft(item, plan, names[item.source], nths[number], rows[item.digest], ops[number]))
    run.append(transaction, drafts)
    transaction.note_occurrences(
        (item.source, rows[item.digest], nth + 1) for item, nth in zip(batch, nths, strict=True)
    )


def _occurrences(transaction: Transaction, batch: list[_Item], rows: Mapping[bytes, int]) -> list[int]:
    """Return for each item how often its bytes stood in its source before."""
    seen = transaction.occurrences({(item.source, rows[item.digest]) for item in batch if item.digest in rows})
    counters: dict[tuple[int, bytes], count[int]] = {}
    nths: list[int] = []
    for item in batch:
        key = (item.source, item.digest)
        if key not in counters:
            counters[key] = count(seen.get((item.source, rows.get(item.digest, -1)), 0))
        nths.append(next(counters[key]))
    return nths


def _op(kind: str, item: _Item, plan: IngestPlan, names: list[str], nth: int) -> bytes:
    source = names[item.source]
    return op_of(kind, {"blob": item.digest.hex(), "campaign": plan.campaign, "nth": nth, "source": source})


def _draft(item: _Item, plan: IngestPlan, source: str, nth: int, blob: int, op: bytes) -> Draft:
    if isinstance(item.read, Unreadable):
        fields = {
            "blob": item.digest.hex(),
            "campaign": plan.campaign,
            "line": item.line.number,
            "nth": nth,
            "offset": item.line.offset,
            "reason": item.read.reason,
            "source": source,
        }
        return draft("quarantined", None, blob, fields, op)
    return _sample_draft(item.read, item.line.number, plan, source, nth, item.digest, blob, op=op)


def _sample_draft(
    read: Reading,
    line: int,
    plan: IngestPlan,
    source: str,
    nth: int,
    digest: bytes,
    blob: int,
    *,
    op: bytes | None = None,
) -> Draft:
    fields = {
        "blob": digest.hex(),
        "campaign": plan.campaign,
        "domain": read.facts.domain,
        "fingerprint": read.fingerprint.hex(),
        "form": read.form,
        "label": read.facts.label,
        "line": line,
        "nth": nth,
        "prompt": None if read.prompt is None else read.prompt.hex(),
        "reader": read.reader,
        "source": source,
        "tags": pairs({**read.facts.tags, **plan.tags}),
        "type": read.type,
    }
    return draft("ingested", SELF, blob, fields, op)
