"""Ingest: lines of files become samples, or stand in quarantine with the reason why not.

A line's sample is identified by campaign, source, bytes and how often these bytes stood in that source before, so a
file read again adds nothing, an amended file adds its new lines, and an interrupted run is taken up by the same
command. Memory holds one batch, whatever the size of the input. Decisions that lines record are taken where asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from unicodedata import normalize

from ledger.errors import BadRequest
from ledger.event import SELF, Draft, draft, pairs, read_leaf
from ledger.readers import READERS, FactMap, Reading, Unreadable, read_line
from ledger.readers.envelope import parse_map
from ledger.readers.lines import Input
from ledger.store import Store
from ledger.verbs.ahead import read_ahead
from ledger.verbs.ids import event_at
from ledger.verbs.imported import Told, record
from ledger.verbs.ready import IngestPlan, Ready, plan_of
from ledger.verbs.run import Run, Who, conserve, without_collector
from ledger.verbs.take import IngestReport, Taking
from ledger.verbs.words import plain_text
from ledger.views import erased, quarantine

BATCH_LINES = 20_000
BATCH_BYTES = 40 * 1024 * 1024
"""A transaction ends at whichever comes first; both were chosen for the peak of memory, not for speed."""

Progress = Callable[[str, int, IngestReport], None]

__all__ = ["IngestPlan", "IngestReport", "Progress", "ingest", "ingest_plan", "plan_of_run", "retry_quarantined"]


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
def ingest(
    store: Store, inputs: list[Input], plan: IngestPlan, who: Who, progress: Progress, workers: int | None = None
) -> IngestReport:
    """Read the inputs to their ends, committing batch by batch, and return what became of every line.

    `workers` counts processes: one writes, the others read; None: as many as pay. What is recorded is the same.
    """
    params = {**plan.as_json(), "sources": [item.source for item in inputs]}
    run = Run(store.ledger_id, "ingest", params, who)
    names = [item.source for item in inputs]
    taking = Taking(names, plan, run, store.head().position)
    with closing(read_ahead(inputs, plan, who.via, workers)) as lines:
        for batch, is_last in _batches(lines):
            with store.transaction() as transaction:
                taking.take(transaction, batch)
                counts = _conserved(taking.report, plan)
                if is_last:
                    run.finish(transaction, counts)
            last = batch[-1]
            progress(names[last.source], last.offset + len(last.body), taking.report)
            del batch, last  # else two batches would be in memory while the next is read
    return taking.report


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
            if isinstance(read, Reading) and erased.shunned(store.connection, [read.fingerprint]):
                read = Unreadable("erased", "its text was erased")
            report.lines += 1
            if isinstance(read, Unreadable):
                report.quarantined += 1
                report.reasons[read.reason] += 1
                continue
            report.new += 1
            drafts.append(_sample_draft(read, line, its))
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
    return plan_of({**params, "campaign": campaign})


def _over(recorded: IngestPlan, given: IngestPlan) -> IngestPlan:
    """Return a recorded plan with what was given now in its place."""
    places = recorded.places if given.places == FactMap() else given.places
    return replace(
        recorded,
        tags={**recorded.tags, **given.tags},
        places=replace(places, decisions=recorded.places.decisions),
        reader=given.reader or recorded.reader,
    )


def _batches(items: Iterable[Ready]) -> Iterator[tuple[list[Ready], bool]]:
    """Yield (batch, whether it is the last), reading one item ahead to know."""
    iterator = iter(items)
    ahead = next(iterator, None)
    while ahead is not None:
        batch: list[Ready] = []
        size = 0
        while ahead is not None and len(batch) < BATCH_LINES and size < BATCH_BYTES:
            batch.append(ahead)
            size += len(ahead.body)
            ahead = next(iterator, None)
        yield batch, ahead is None
        del batch


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


def _sample_draft(read: Reading, line: quarantine.Quarantined, plan: IngestPlan) -> Draft:
    """Return the event that makes a sample of a quarantined line that can be read now."""
    fields = {
        "blob": line.hash.hex(),
        "campaign": plan.campaign,
        "domain": read.facts.domain,
        "fingerprint": read.fingerprint.hex(),
        "form": read.form,
        "label": read.facts.label,
        "line": line.line,
        "nth": line.nth,
        "prompt": None if read.prompt is None else read.prompt.hex(),
        "reader": read.reader,
        "source": line.source,
        "tags": pairs({**read.facts.tags, **plan.tags}),
        "type": read.type,
    }
    return draft("ingested", SELF, line.blob, fields)
