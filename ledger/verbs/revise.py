"""Work done elsewhere comes back: rows become children of the samples that were given out, or are listed with a reason.

A batch is taken as a set: where a sample is missing, or a row is none of its samples', nothing of it is recorded unless
that is asked for. `rows = aligned + unaligned`, and
`aligned = unchanged + recorded + known + refused + held`. Importing the same files again appends nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from ledger.digest import blake3_bytes, digest_of
from ledger.errors import BadRequest
from ledger.readers import Reader, Reading, content_bytes
from ledger.readers.lines import Input
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.aligned import ALIGNED, OPEN, Fate, settle
from ledger.verbs.checkout import find_job
from ledger.verbs.decide import LABELS
from ledger.verbs.derive import Child, Origin, born, refusal
from ledger.verbs.items import Subject, subjects
from ledger.verbs.moment import reading
from ledger.verbs.originals import Batch, OnStep, batches_named, batches_of_job, batches_of_sources, check_size, placed
from ledger.verbs.returned import Places, Row, places_of, read_rows, reader_named
from ledger.verbs.revised import CAME_OF, Report
from ledger.verbs.run import Run, Who, conserve, without_collector
from ledger.verbs.selection import Selection, selection
from ledger.verbs.words import plain_text
from ledger.views import erased, returned

_CHUNK = 400

Made: TypeAlias = "defaultdict[tuple[int, int], set[bytes]]"
"""Sample and version (handles) -> the addresses of all that a recipe made of it."""
_Files: TypeAlias = "defaultdict[int | None, list[int]]"
_Rows: TypeAlias = "defaultdict[int | None, list[Row]]"


@dataclass(frozen=True, slots=True)
class RevisePlan:
    """How to take returned rows: against which originals, and what their children are.

    `recipe` is what the work was told, in words; `partial` also records what is aligned in a batch that is not whole.
    """

    checkout: str | None
    chosen: Selection | None
    against: str | None
    recipe: str
    label: bool | None
    places: Places
    reader: Reader | None
    partial: bool
    dry_run: bool

    @property
    def digest(self) -> str:
        """Return the recipe's digest, in hex."""
        return digest_of({"recipe": self.recipe, "verb": "revise"}).hex()

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain values, for the run."""
        return {
            "against": self.against,
            "checkout": self.checkout,
            "label": self.label,
            "partial": self.partial,
            "recipe": self.digest,
            "told": self.recipe,
            **({} if self.chosen is None else self.chosen.as_json()),
        }


class Scope(NamedTuple):
    """Which originals rows may be from: those of a checkout, or the samples chosen, of all sources or of one."""

    checkout: str | None
    where: str | None
    campaign: str | None
    against: str | None


def revise_plan(
    scope: Scope, recipe: str, label: str, places: str | None, form: str | None, *, partial: bool, dry_run: bool
) -> RevisePlan:
    """Return a checked plan; raise BadRequest, ConditionInvalid."""
    checkout, where, campaign, against = scope
    if checkout is not None and (where, campaign, against) != (None, None, None):
        raise BadRequest("--checkout says which samples were given out; --where, --campaign and --against do, too")
    if label not in LABELS:
        raise BadRequest(f"{label!r} is not a label: {', '.join(LABELS)}")
    return RevisePlan(
        checkout,
        None if where is None and campaign is None else selection((), where, campaign),
        None if against is None else plain_text("The source", against, needed=True),
        plain_text("The recipe", recipe),
        LABELS[label],
        places_of(places),
        reader_named(form),
        partial,
        dry_run,
    )


@without_collector()
def revise(store: Store, inputs: Sequence[Input], plan: RevisePlan, who: Who, step: OnStep) -> dict[str, Any]:
    """Align the rows of the files, record what is to be recorded, and return what became of every row.

    Raises NoSuchCheckout, AmbiguousId, BadRequest, InputUnreadable.
    """
    rows = read_rows(inputs, plan.places, plan.reader)
    with reading(store) as (_, head):
        batches = _batches(store, rows, plan)
        where = placed(store, len(inputs), rows, batches, step)
        report = Report([item.source for item in inputs], plan.dry_run, plan.digest)
        files_of, rows_of = _by_batch(where, rows)
        for number, batch in enumerate(batches):
            its, files = rows_of[number], files_of[number]
            step("aligning", number, len(batches))
            if files:
                check_size(batch, len(its))
                report.add(settle(store, batch, its), files)
            elif batch.key is not None:
                report.outstanding.append(batch.name)
        step("aligning", len(batches), len(batches))
        report.unplaced(files_of[None], rows_of[None])
        made: Made = defaultdict(set)
        if plan.dry_run:
            for some in in_chunks(_wanted(report, plan), _CHUNK):
                _news(store, some, plan, report, made)
            _conserved(report)
            return report.as_json(store)
    run = Run(store.ledger_id, "revise import", {**plan.as_json(), "sources": report.files}, who)
    with store.transaction() as transaction:
        if erased.since(store.connection, head.position):
            raise BadRequest("Somebody erased samples meanwhile", hint="Run the same command again.")
        for some in in_chunks(_wanted(report, plan), _CHUNK):
            news = _news(store, some, plan, report, made)
            origin = Origin(plan.digest)
            run.append(transaction, [born(transaction, "improved", *new, origin) for new in news])
        run.finish(transaction, _conserved(report))
    with reading(store):
        return report.as_json(store)


def _batches(store: Store, rows: Sequence[Row], plan: RevisePlan) -> list[Batch]:
    """Return the batches that rows may be from: of the checkout, else those that they name, else all sources."""
    if plan.checkout is not None:
        return batches_of_job(store, find_job(store, plan.checkout))
    if plan.chosen is None and plan.against is None and (named := batches_named(store, rows)):
        return named
    return batches_of_sources(store, plan.chosen, plan.against)


def _by_batch(where: dict[int, int | None], rows: Sequence[Row]) -> tuple[_Files, _Rows]:
    """Return the files and the rows of each batch, in their order; None: of none."""
    files: _Files = defaultdict(list)
    for file, number in where.items():
        files[number].append(file)
    found: _Rows = defaultdict(list)
    for row in rows:
        found[where[row.place]].append(row)
    return files, found


def _conserved(report: Report) -> dict[str, int]:
    """Return the counts of a report; raise BrokenLaw unless they add up."""
    counts = report.counts()
    conserve("rows", counts["rows"], {"aligned": counts["aligned"], "unaligned": counts["unaligned"]})
    conserve("unaligned rows", counts["unaligned"], {state: counts[state] for state in OPEN})
    conserve("aligned rows", counts["aligned"], {name: counts[name] for name in CAME_OF})
    conserve("originals", counts["originals"], {name: counts[name] for name in ("aligned", "missing", "gone")})
    return counts


def _wanted(report: Report, plan: RevisePlan) -> list[Fate]:
    """Return the rows that are to become children; those of batches that are not whole are held, unless asked for."""
    found: list[Fate] = []
    for settled in report.settled:
        changed = [fate for fate in settled.fates if fate.state == ALIGNED and not fate.unchanged]
        if settled.whole or plan.partial:
            found += changed
        else:
            report.held += len(changed)
    return found


def _news(
    store: Store, fates: Sequence[Fate], plan: RevisePlan, report: Report, made: Made
) -> list[tuple[Subject, Child]]:
    """Return what is to be born of rows: their parents, and the children. What is known or refused is counted.

    `made` holds what the rows before made, and takes what these do: a sample may have come back in several batches.
    """
    handles = [original.sample for fate in fates if (original := fate.original) is not None]
    for before in returned.children(store.connection, handles, plan.digest):
        made[before.parent, before.version].add(before.hash)
    about = {subject.row.sample: subject for subject in subjects(store, handles, {})}
    news: list[tuple[Subject, Child]] = []
    for fate in fates:
        original, read = fate.original, fate.row.read
        if original is None or read is None:
            raise ValueError("a row that is not aligned was to be recorded")
        subject = about.get(original.sample)
        if subject is None:
            report.refuse(fate, "erased")
            continue
        child = _child(fate.row.body, read, subject, plan)
        known = made[original.sample, original.version]
        if (content := blake3_bytes(child.content)) in known:
            report.known += 1
        elif (problem := refusal(store, child)) is not None:
            report.refuse(fate, problem.kind)
        else:
            item = subject.item._replace(version=original.hash, ordinal=len(known))
            row = subject.row._replace(hash=original.hash, domain=read.facts.domain or subject.row.domain)
            news.append((Subject(row, item), child))
            known.add(content)
            report.recorded += 1
    return news


def _child(body: bytes, read: Reading, subject: Subject, plan: RevisePlan) -> Child:
    """Return the child that a row makes: its content alone, with the facts of its parent and those that it tells."""
    label = plan.label if read.facts.label is None else read.facts.label
    return Child(content_bytes(body, read.reader), read, label, {**subject.item.tags, **read.facts.tags})
