"""Score: a scorer looks at all samples once, then measures each one's current version.

Everything is scored before anything is recorded, aside in a temporary file, so a scorer that fails on too many
samples leaves the ledger as it was. What is in the log already is not said again. Memory holds what the scorer keeps,
and a few hundred samples.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

from ledger import sqlite
from ledger.digest import DIGEST_BYTES, PREFIX, blake3_bytes, digest_of, show
from ledger.errors import BadRequest, CorruptLedger, InputNotFound, InputUnreadable, ScorerFailed
from ledger.fixed import ONE, micro, text_of
from ledger.readers import content_of
from ledger.rule import Compare, Field, Text
from ledger.scorers import Attempt, File, Item, Scorer, Unscored, file_options, find_scorer, known_scorers, settled
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.adopt import checked_campaign
from ledger.verbs.files import read_whole
from ledger.verbs.run import Run, Who, without_collector
from ledger.verbs.scoring import (
    By,
    Progress,
    Range,
    ScoreReport,
    Spool,
    Statement,
    Subject,
    Values,
    append_all,
    statement,
)
from ledger.verbs.words import plain_text
from ledger.views import conditions, rollups, samples, tags

CHUNK = 500
"""Samples whose bytes are in memory at a time."""
JUDGED_FROM = 100
"""Samples after which the share of failures is looked at while scoring goes on; at the end it is in any case."""
FAILED = "error"


@dataclass(frozen=True, slots=True)
class ScorePlan:
    """What to score with: a scorer made from its options, the digest of these, and the share that may fail."""

    scorer: Scorer
    options: bytes
    campaign: str | None
    most_failures: int
    """In millionths of the samples."""


def score_plan(
    name: str, options: Mapping[str, str | File], campaign: str | None, most_failures: object = "0.1"
) -> ScorePlan:
    """Return a checked plan; the files that options name are read.

    Raises NoSuchScorer, BadRequest, InputNotFound, InputUnreadable, GraphUnreadable.
    """
    plain_text("The scorer's name", name, needed=True)
    files = file_options(name)
    given: dict[str, str | File] = {}
    for option, value in options.items():
        plain_text("An option's name", option, needed=True)
        if not isinstance(value, File):
            plain_text(f"The option {option}", value)
        given[option] = read_file(value) if option in files and isinstance(value, str) else value
    try:
        share = micro(most_failures)
    except ValueError as error:
        raise BadRequest(f"The share of failures is a number from 0 to 1: {error}") from error
    if not 0 <= share <= ONE:
        raise BadRequest(f"The share of failures is a number from 0 to 1, not {text_of(share)}")
    campaign = None if campaign is None else normalize("NFC", plain_text("The campaign's name", campaign, needed=True))
    said = [[option, _said(value)] for option, value in sorted(given.items())]
    return ScorePlan(find_scorer(name, given), digest_of(said), campaign, share)


def scorers() -> list[dict[str, Any]]:
    """Return every scorer that can be named: what it measures, what it takes, and its fault, if it has one."""
    listed = [one._asdict() for one in known_scorers()]
    return [
        {**one, "dimensions": list(one["dimensions"]), "options": dict(one["options"]), "files": list(one["files"])}
        for one in listed
    ]


@without_collector()
def score(store: Store, plan: ScorePlan, who: Who, progress: Progress, only: array[int] | None = None) -> ScoreReport:
    """Score the current versions of all samples, or of a campaign's, and record what is new; raise ScorerFailed.

    The scorer looks at all of them first; with `only` it then measures these alone (handles in the order of birth).
    """
    with sqlite.plain_errors(store.path):
        chosen = considered(store, plan.campaign)
    scorer, attempt = plan.scorer, Attempt()
    with attempt, redirect_stdout(sys.stderr):  # whatever a plug-in prints is no part of the answer
        scorer.prepare(item for _, item in _items(store, chosen.handles, "preparing", progress) if item is not None)
    chosen = chosen if only is None else Considered(only, 0)
    total = len(chosen.handles)
    if attempt.fault is not None:
        raise ScorerFailed(scorer.name, total, total, text_of(plan.most_failures), f"in prepare: {attempt.fault}")
    rubric = _rubric(scorer)
    by = By(scorer.name, scorer.version, rubric)
    params = {"campaign": plan.campaign, "options": PREFIX + plan.options.hex(), "rubric": rubric}
    params |= {"scorer": scorer.name, "version": scorer.version}
    report = ScoreReport({name: Range() for name in scorer.dimensions})
    report.samples, report.erased = total + chosen.erased, chosen.erased
    with Spool() as spool:
        with redirect_stdout(sys.stderr):
            _measure(store, plan, chosen.handles, _Judged(report, spool), progress)
        run = Run(store.ledger_id, "score", params, who)
        append_all(store, run, _statements(spool, by), total, report, progress)
    return report


class Considered(NamedTuple):
    """Handles of the samples that a verb looks at, in the order of birth, and how many are erased and so left out."""

    handles: array[int]
    erased: int


def considered(store: Store, campaign: str | None) -> Considered:
    """Return the samples of a campaign, or all; raise BadRequest for a campaign that is not there."""
    checked_campaign(store, campaign)
    mine = [group for group in rollups.groups(store.connection) if campaign in {None, group.campaign}]
    erased = sum(group.samples for group in mine if group.status == "erased")
    standing = Compare(Field("status"), "!=", Text("erased"))
    return Considered(array("q", conditions.select(store.connection, standing, campaign)), erased)


@dataclass(slots=True)
class _Judged:
    """What is known of the scorer so far: counts, what it said, and its failures."""

    report: ScoreReport
    spool: Spool
    seen: int = 0
    failures: int = 0
    first: str = field(default="")

    def fail(self, fault: str) -> Values:
        self.failures += 1
        self.first = self.first or fault
        return Values({}, {}, {}, FAILED)


def _measure(store: Store, plan: ScorePlan, handles: array[int], judged: _Judged, progress: Progress) -> None:
    """Put what the scorer says of each sample aside; raise ScorerFailed as soon as it fails on too many."""
    for row, item in _items(store, handles, "scoring", progress):
        judged.seen += 1
        if item is None:
            judged.report.erased += 1
            continue
        values = _values(plan.scorer, item, judged)
        judged.report.note(values)
        subject = Subject(row.sample, row.id.hex(), row.version, row.hash.hex())
        judged.spool.put([tuple(subject), tuple(values)])
        if judged.seen >= JUDGED_FROM and judged.seen % CHUNK == 0:
            _judge(plan, judged)
    _judge(plan, judged)


def _values(scorer: Scorer, item: Item, judged: _Judged) -> Values:
    attempt = Attempt()
    with attempt:
        said = settled(scorer.score(item), scorer.dimensions)
        if isinstance(said, Unscored):
            return Values({}, {}, {}, said.reason)
        return Values(said.dimensions, said.unscored, said.notes)
    return judged.fail(attempt.fault or "")


def _judge(plan: ScorePlan, judged: _Judged) -> None:
    """Raise ScorerFailed if too many failed; a single failure is no share of anything, unless none is allowed."""
    if judged.failures <= (plan.most_failures > 0) or judged.failures * ONE <= plan.most_failures * judged.seen:
        return
    share = text_of(plan.most_failures)
    raise ScorerFailed(plan.scorer.name, judged.failures, judged.seen, share, judged.first)


def _items(
    store: Store, handles: array[int], what: str, progress: Progress
) -> Iterator[tuple[samples.Row, Item | None]]:
    """Yield each sample with its current content and facts; None where its bytes were erased."""
    done = 0
    for chunk in in_chunks(handles, CHUNK):
        with sqlite.plain_errors(store.path):
            rows = samples.rows_of(store.connection, chunk)
            bodies = store.bodies([row.version for row in rows.values()])
            tagged = tags.of_samples(store.connection, chunk)
        for handle in chunk:
            row = rows[handle]
            body = bodies[row.version]
            if body is None:
                yield row, None
                continue
            if blake3_bytes(body) != row.hash:
                raise CorruptLedger(store.path, f"the bytes of sample @{handle} are not those of {show(row.hash)}")
            content = content_of(body, row.reader)
            yield row, Item(row.id, content, row.domain, tagged.get(handle, {}), row.fingerprint)
        done += len(chunk)
        progress(what, done, len(handles))


def _statements(spool: Spool, by: By) -> Iterator[Statement]:
    for subject, values in spool:
        yield statement(by, Subject(*subject), Values(*values), None)


def _rubric(scorer: Scorer) -> str | None:
    rubric: object = scorer.rubric
    if rubric is None:
        return None
    if not isinstance(rubric, bytes) or len(rubric) != DIGEST_BYTES:
        raise BadRequest(
            f"The scorer {scorer.name} cannot be used: its rubric is neither None nor {DIGEST_BYTES} bytes"
        )
    return rubric.hex()


def read_file(name: str) -> File:
    """Return a file that an option names; raise InputNotFound, InputUnreadable."""
    path = Path(name)
    if not path.exists():
        raise InputNotFound(name)
    try:
        return File(path.name, read_whole(path))
    except OSError as error:
        raise InputUnreadable(name, error.strerror) from error


def _said(value: str | File) -> str:
    """Return an option as a run's digest has it: the address of a file's bytes, or the text."""
    return show(blake3_bytes(value.data)) if isinstance(value, File) else value
