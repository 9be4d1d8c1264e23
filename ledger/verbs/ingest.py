"""Ingest: lines of files become samples, or stand in quarantine with the reason why not.

A line's sample is identified by campaign, source, bytes and how often these bytes stood in that source before, so a
file read again adds nothing, an amended file adds its new lines, and an interrupted run is taken up by the same
command. Memory holds one batch, whatever the size of the input. Decisions that lines record are taken where asked for.
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
from ledger.transaction import Transaction, in_chunks
from ledger.verbs.ids import event_at
from ledger.verbs.imported import Told, record
from ledger.verbs.run import Run, Who, conserve, without_collector
from ledger.verbs.words import plain_text
from ledger.views import quarantine, twins

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
    """Lines that are not blank, by what became of them; `lines == new + known + quarantined`.

    Where decisions are looked for, `new + known == decisions + decisions_known + undecided`: recorded now, recorded
    before, and lines that tell none. `twins_rejected`: new samples that teach what was already rejected when the
    command began, without being rejected themselves.
    """

    lines: int = 0
    new: int = 0
    known: int = 0
    quarantined: int = 0
    decisions: int = 0
    decisions_known: int = 0
    undecided: int = 0
    twins_rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


class _Item(NamedTuple):
    """One line on its way: the number of its source among the inputs, its address and what it was read as."""

    source: int
    line: RawLine
    digest: bytes
    read: Reading | Unreadable


def ingest_plan(
    campaign: str, tags: Mapping[str, str], places: str | None, form: str | None, *, decisions: bool = False
) -> IngestPlan:
    """Return a checked plan from what a user gave; `decisions` records those that lines tell. Raises BadRequest."""
    plain_text("The campaign's name", campaign, needed=True)
    for key, value in tags.items():
        plain_text("A tag's name", key, needed=True)
        plain_text(f"The tag {key!r}", value)
    if places is not None:
        plain_text("--map", places)
    if form is not None and form not in READERS:
        raise BadRequest(f"There is no format {form!r}; there are {', '.join(READERS)}")
    try:
        where = parse_map(places, with_decisions=decisions)
    except ValueError as error:
        raise BadRequest(f"--map: {error}") from error
    return IngestPlan(normalize("NFC", campaign), dict(tags), where, None if form is None else READERS[form])


@without_collector()
def ingest(store: Store, inputs: list[Input], plan: IngestPlan, who: Who, progress: Progress) -> IngestReport:
    """Read the inputs to their ends, committing batch by batch, and return what became of every line."""
    params = {**plan.as_json(), "sources": [item.source for item in inputs]}
    run = Run(store.ledger_id, "ingest", params, who)
    report = IngestReport()
    began_at = store.head().position
    names = [item.source for item in inputs]
    for batch, is_last in _batches(_read(inputs, plan)):
        with store.transaction() as transaction:
            if report.lines == 0:
                transaction.forget_occurrences()
            before = report.lines
            _take(transaction, batch, names, plan, run, report, began_at)
            conserve("lines in the batch", len(batch), {"taken": report.lines - before})
            counts = _conserved(report, plan)
            if is_last:
                run.finish(transaction, counts)
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
        told: list[Told] = []
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
            if read.facts.decision is not None:
                told.append(Told(drafts[-1].op, line.hash, line.blob, read.facts.decision))
        conserve("lines", report.lines, {"new": report.new, "quarantined": report.quarantined})
        run.append(transaction, drafts)
        report.decisions = record(transaction, run, told)
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
    places = recorded.places if given.places == FactMap() else given.places
    return replace(
        recorded,
        tags={**recorded.tags, **given.tags},
        places=replace(places, decisions=recorded.places.decisions),
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
    began_at: int,
) -> None:
    """Append what is new of one batch and count all of it; `began_at` is where the log ended before the command."""
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
    report.twins_rejected += _twins_rejected(transaction, [batch[number] for number in fresh], began_at)
    run.append(transaction, drafts)
    if plan.places.decisions is not None:
        samples = [
            (item, birth)
            for item, birth in zip(batch, births, strict=True)
            if birth in known or not isinstance(item.read, Unreadable)
        ]
        _take_decisions(transaction, samples, rows, run, report)
    transaction.note_occurrences(
        (item.source, rows[item.digest], nth + 1) for item, nth in zip(batch, nths, strict=True)
    )


def _take_decisions(
    transaction: Transaction,
    samples: list[tuple[_Item, bytes]],
    rows: Mapping[bytes, int],
    run: Run,
    report: IngestReport,
) -> None:
    """Append the decisions that lines tell of their samples, new and known ones, unless that was done before."""
    told = [
        Told(birth, item.digest, rows[item.digest], item.read.facts.decision)
        for item, birth in samples
        if not isinstance(item.read, Unreadable) and item.read.facts.decision is not None
    ]
    recorded = record(transaction, run, told)
    report.decisions += recorded
    report.decisions_known += len(told) - recorded
    report.undecided += len(samples) - len(told)


def _twins_rejected(transaction: Transaction, new: list[_Item], upto: int) -> int:
    """Return how many new samples teach what was already rejected, and are not rejected by their own line."""
    if not twins.any_rejected(transaction.connection):
        return 0
    taught = Counter(
        item.read.fingerprint
        for item in new
        if not isinstance(item.read, Unreadable)
        and (item.read.facts.decision is None or item.read.facts.decision.outcome != "rejected")
    )
    found = (twins.rejected_among(transaction.connection, chunk, upto) for chunk in in_chunks(taught))
    return sum(taught[fingerprint] for chunk in found for fingerprint in chunk)


def _conserved(report: IngestReport, plan: IngestPlan) -> dict[str, int]:
    """Return the counts of a report for its run; raise BrokenLaw unless they add up."""
    parts = {"known": report.known, "new": report.new, "quarantined": report.quarantined}
    conserve("lines", report.lines, parts)
    if plan.places.decisions is None:
        return {"lines": report.lines, **parts}
    told = {
        "decisions": report.decisions,
        "decisions_known": report.decisions_known,
        "undecided": report.undecided,
    }
    conserve("samples", report.known + report.new, told)
    return {"lines": report.lines, **parts, **told}


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
