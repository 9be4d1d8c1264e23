"""Validate: look at the current version of every sample, and record what is found where that is news.

The events say rule, severity and place; sentences, which may quote a sample, are made again whenever somebody looks.
Batches are committed one by one, so what was killed goes on where it stopped; memory holds a few hundred samples.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unicodedata import normalize

from ledger import sqlite
from ledger.digest import blake3_bytes, show
from ledger.errors import BadRequest, CorruptLedger, InputNotFound, SchemaUnreadable
from ledger.event import Draft, draft
from ledger.readers import content_of
from ledger.reports.coverage import Coverage
from ledger.reports.history import leaf_of
from ledger.rule import Compare, Field, Text
from ledger.store import Store
from ledger.transaction import Transaction, in_chunks
from ledger.validators import (
    ERROR,
    SEVERITIES,
    VALIDATORS,
    Examined,
    Finding,
    Schemas,
    TextLimits,
    examine,
    load_schemas,
)
from ledger.verbs.adopt import checked_campaign
from ledger.verbs.files import read_whole
from ledger.verbs.moment import reading
from ledger.verbs.run import Run, Who, conserve, without_collector
from ledger.verbs.words import plain_text, whole_number
from ledger.views import conditions, findings, samples

BATCH = 25_000
"""Samples of one commit."""
CHUNK = 500
"""Samples whose bytes are in memory at a time."""
MOST_LISTED = 1000
"""Findings that are told with their sentences; all are counted."""
LONGEST = 10**9
"""Characters that a limit of length can name."""

Progress = Callable[[str, int, int], None]
_BY = [[name, VALIDATORS[name].version] for name in sorted(VALIDATORS)]


@dataclass(frozen=True, slots=True)
class ValidatePlan:
    """What to look at and by what: a schema file as it was read, limits of the text, a campaign or all."""

    schemas: Schemas | None
    data: bytes | None
    limits: TextLimits
    campaign: str | None

    @property
    def schema(self) -> str | None:
        """Return the address of the schema file's bytes, in hexadecimal."""
        return None if self.data is None else blake3_bytes(self.data).hex()

    @property
    def address(self) -> str | None:
        """Return the same as people see it."""
        return None if self.data is None else show(blake3_bytes(self.data))

    def params(self) -> dict[str, Any]:
        """Return what a run records."""
        return {
            "campaign": self.campaign,
            "max_chars": self.limits.max_chars,
            "min_chars": self.limits.min_chars,
            "require_call": self.limits.require_call,
            "schema": self.schema,
            "validators": _BY,
        }


@dataclass(slots=True)
class ValidateReport:
    """Samples looked at: `samples == changed + unchanged == with_errors + with_warnings + clean`.

    `with_warnings` counts those that have warnings and no error. `listed` is None unless findings were to be told.
    """

    coverage: Coverage | None
    listed: list[dict[str, str]] | None
    samples: int = 0
    changed: int = 0
    with_errors: int = 0
    with_warnings: int = 0
    clean: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    """Rule -> samples."""
    found: Counter[str] = field(default_factory=Counter)
    """Rule -> findings."""

    def note(self, identity: str, seen: Examined) -> None:
        """Count what was found in one sample."""
        self.samples += 1
        if not seen.findings:
            self.clean += 1
        elif any(finding.severity == ERROR for finding in seen.findings):
            self.with_errors += 1
        else:
            self.with_warnings += 1
        self.broken.update({finding.rule for finding in seen.findings})
        self.found.update(finding.rule for finding in seen.findings)
        if self.coverage is not None:
            self.coverage.add(seen.tools)
        if self.listed is not None:
            room = MOST_LISTED - len(self.listed)
            self.listed += [{"sample": identity, **finding._asdict()} for finding in seen.findings[:room]]

    def counts(self) -> dict[str, int]:
        """Return the counts of samples, checked: they add up."""
        parts = {"with_errors": self.with_errors, "with_warnings": self.with_warnings, "clean": self.clean}
        conserve("samples", self.samples, parts)
        return {"samples": self.samples, "changed": self.changed, "unchanged": self.samples - self.changed, **parts}

    def as_json(self) -> dict[str, Any]:
        """Return the report under its documented keys."""
        rules = {
            rule: {"severity": SEVERITIES[rule], "samples": count, "findings": self.found[rule]}
            for rule, count in sorted(self.broken.items())
        }
        coverage = None if self.coverage is None else self.coverage.as_json()
        told = {} if self.listed is None else {"findings": self.listed}
        return {**self.counts(), "by_rule": rules, "coverage": coverage, **told}


def validate_plan(
    schemas: str | Path | None = None,
    *,
    campaign: str | None = None,
    min_chars: int | None = None,
    max_chars: int | None = None,
    require_call: bool = False,
) -> ValidatePlan:
    """Return a checked plan, the schema file read; raise InputNotFound, SchemaUnreadable, BadRequest."""
    for what, number in (("The least number of characters", min_chars), ("The most characters", max_chars)):
        if number is not None:
            whole_number(what, number, 0, LONGEST)
    if min_chars is not None and max_chars is not None and min_chars > max_chars:
        raise BadRequest(f"No text has at least {min_chars} and at most {max_chars} characters")
    if campaign is not None:
        campaign = normalize("NFC", plain_text("The campaign's name", campaign, needed=True))
    limits = TextLimits(min_chars, max_chars, require_call)
    if schemas is None:
        return ValidatePlan(None, None, limits, campaign)
    data = _read(Path(schemas))
    return ValidatePlan(load_schemas(data, str(schemas)), data, limits, campaign)


@without_collector()
def validate(
    store: Store, plan: ValidatePlan, who: Who, *, dry_run: bool = False, listing: bool = False, progress: Progress
) -> ValidateReport:
    """Look at all samples, or at a campaign's, and record what differs from the last look; erased ones are left out.

    With `dry_run` nothing is recorded; with `listing` the first findings are told. Raises BadRequest, CorruptLedger.
    """
    coverage = None if plan.schemas is None else Coverage(plan.schemas.names)
    report = ValidateReport(coverage, [] if listing else None)
    if dry_run:
        with reading(store) as (here, _):
            handles = _considered(here, plan)
            for _drafts in _looks(here, plan, handles, report):
                progress("validating", report.samples, len(handles))
        return report
    with sqlite.plain_errors(store.path):
        handles = _considered(store, plan)
    run = Run(store.ledger_id, "validate", plan.params(), who)
    for start in range(0, len(handles), BATCH):
        batch = handles[start : start + BATCH]
        with store.transaction() as transaction:
            for drafts in _looks(store, plan, batch, report):
                _append(transaction, run, plan, drafts)
                progress("validating", report.samples, len(handles))
            counts = report.counts()
            if start + BATCH >= len(handles):
                run.finish(transaction, counts)
    return report


def _read(path: Path) -> bytes:
    if not path.exists():
        raise InputNotFound(path)
    try:
        return read_whole(path)
    except OSError as error:
        raise SchemaUnreadable(path, f"it cannot be read: {error.strerror}") from error


def _considered(store: Store, plan: ValidatePlan) -> array[int]:
    """Return the samples to look at, in the order of birth."""
    checked_campaign(store, plan.campaign)
    standing = Compare(Field("status"), "!=", Text("erased"))
    return array("q", conditions.select(store.connection, standing, plan.campaign))


def _looks(store: Store, plan: ValidatePlan, handles: Sequence[int], report: ValidateReport) -> Iterator[list[Draft]]:
    """Yield, for a few hundred samples at a time, what is to be recorded of them; all are counted in the report."""
    for chunk in in_chunks(handles, CHUNK):
        rows = samples.rows_of(store.connection, chunk)
        last = findings.latest(store.connection, chunk)
        bodies = store.bodies([row.version for row in rows.values()])
        drafts = []
        for handle in chunk:
            row = rows[handle]
            body = bodies[row.version]
            if row.status == "erased":
                continue  # by another process, since the samples were chosen
            if body is None or blake3_bytes(body) != row.hash:
                what = f"the bytes of sample @{handle} are gone, or not those of {show(row.hash)}"
                raise CorruptLedger(store.path, what)
            seen = examine(content_of(body, row.reader), plan.schemas, plan.limits)
            report.note(row.id.hex(), seen)
            made = _news(store, plan, row, last.get(handle), seen.findings)
            if made is not None:
                drafts.append(made)
        report.changed += len(drafts)
        yield drafts


def _news(
    store: Store, plan: ValidatePlan, row: samples.Row, last: findings.Validation | None, found: list[Finding]
) -> Draft | None:
    """Return the event about one sample, None where the last look at this version found the same in the same way."""
    said = {
        "findings": [[finding.rule, finding.severity, finding.path] for finding in found],
        "schema": plan.schema,
        "validators": _BY,
    }
    if last is not None and last.version == row.version:
        leaf = leaf_of(store, last.leaf)
        if all(leaf[name] == value for name, value in said.items()):
            return None
    after = None if last is None else last.op.hex()
    fields = {**said, "after": after, "sample": row.id.hex(), "version": row.hash.hex()}
    return draft("found", row.sample, row.version, fields)


def _append(transaction: Transaction, run: Run, plan: ValidatePlan, drafts: list[Draft]) -> None:
    """Append what is news, and with it the schema file that it names."""
    if drafts and plan.data is not None:
        transaction.add_blob(plan.data)
    run.append(transaction, drafts)
