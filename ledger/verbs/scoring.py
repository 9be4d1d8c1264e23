"""Scores on their way into the log: kept aside until all are known to be good, then appended batch by batch.

Scoring and importing share this: what is said of a version becomes one event, unless it is what the same scorer said of
it last. The event names the one that it comes after, so a score can be corrected, and corrected back.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeAlias

import orjson

from ledger.digest import Fragment, blake3_bytes, encode, encoded
from ledger.errors import BadRequest
from ledger.event import Draft, draft
from ledger.fixed import ONE, text_of
from ledger.reports.history import leaf_of
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.files import plain_errors
from ledger.verbs.run import Run, conserve
from ledger.views import erased, scores

BATCH = 25_000
BATCH_BYTES = 48 * 1024 * 1024
"""A transaction ends at whichever comes first."""

_IN_MEMORY = 16 * 1024 * 1024
_PLACES = Decimal("0.0001")

Progress = Callable[[str, int, int], None]


_Key: TypeAlias = tuple[int, str, str, int]


class By(NamedTuple):
    """Who scored: scorer, its version, the digest of its rubric in hex (or none), and which of several attempts."""

    scorer: str
    version: str
    rubric: str | None
    replicate: int = 0


class Subject(NamedTuple):
    """The version that is scored: its sample's handle and id, the row and address of its bytes (ids in hex)."""

    sample: int
    id: str
    blob: int
    hash: str


class Values(NamedTuple):
    """What is said of one version: millionths, reasons and notes by dimension; or one reason for everything."""

    numbers: Mapping[str, int]
    unscored: Mapping[str, str]
    notes: Mapping[str, str]
    reason: str | None = None


class Statement(NamedTuple):
    """What a scorer says of a version: an event without what it comes after; and its explanation's bytes, if new."""

    kind: str
    sample: int
    blob: int
    fields: Mapping[str, Any]
    body: bytes | None = None

    @property
    def key(self) -> _Key:
        """Return what a later statement corrects: all by one scorer about one version, attempt by attempt."""
        return _key(self.sample, self.fields)

    def draft(self, after: bytes | None) -> Draft:
        """Return the event, after the one with this op."""
        fields = {**self.fields, "after": None if after is None else after.hex()}
        return draft(self.kind, self.sample, self.blob, fields)


@dataclass(slots=True)
class Range:
    """The scores of one dimension: how many, their sum, the least and the greatest; and how often there was none."""

    n: int = 0
    total: int = 0
    least: int = 0
    most: int = 0
    unscored: int = 0

    def add(self, value: int) -> None:
        """Count one score, in millionths."""
        if not self.n:
            self.least = self.most = value
        elif value < self.least:
            self.least = value
        elif value > self.most:
            self.most = value
        self.n += 1
        self.total += value

    def as_json(self) -> dict[str, Any]:
        """Return n, mean, min and max as decimal text (null where there is no score), and unscored."""
        if not self.n:
            return {"n": 0, "mean": None, "min": None, "max": None, "unscored": self.unscored}
        mean = (Decimal(self.total) / (self.n * ONE)).quantize(_PLACES, ROUND_HALF_EVEN)
        least, most = text_of(self.least), text_of(self.most)
        return {"n": self.n, "mean": str(mean), "min": least, "max": most, "unscored": self.unscored}


@dataclass(slots=True)
class ScoreReport:
    """Samples considered, by what became of them: `samples == scored + unscored + known + missing + erased`.

    `unscored` counts those without a single number. `more` holds what one verb alone reports.
    """

    dimensions: dict[str, Range] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    samples: int = 0
    scored: int = 0
    unscored: int = 0
    known: int = 0
    missing: int = 0
    erased: int = 0
    more: dict[str, Any] = field(default_factory=dict)
    whole: int = 0
    """Statements of one reason for everything; each counts as unscored in every dimension, whenever that was met."""

    def parts(self) -> dict[str, int]:
        """Return the parts that make up the samples."""
        return {name: getattr(self, name) for name in ("scored", "unscored", "known", "missing", "erased")}

    def note(self, values: Values) -> None:
        """Count what is said of one version, known or new."""
        if values.reason is not None:
            self.reasons[values.reason] += 1
            self.whole += 1
            return
        ranges = self.dimensions
        for name, value in values.numbers.items():
            if name not in ranges:
                ranges[name] = Range()
            ranges[name].add(value)
        for name, reason in values.unscored.items():
            ranges.setdefault(name, Range()).unscored += 1
            self.reasons[reason] += 1

    def as_json(self) -> dict[str, Any]:
        """Return the report under its documented keys."""
        ranges = {name: each.as_json() for name, each in sorted(self.dimensions.items())}
        return {
            "samples": self.samples,
            **self.parts(),
            "reasons": dict(sorted(self.reasons.items())),
            "dimensions": {name: {**each, "unscored": each["unscored"] + self.whole} for name, each in ranges.items()},
            **self.more,
        }


class Spool:
    """JSON values kept aside in order: in memory while they are few, else in a temporary file. Raises DiskFull."""

    def __init__(self) -> None:
        """Begin empty."""
        self._place = Path(tempfile.gettempdir())
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        """Return the spool."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what was kept."""
        self._file.close()

    def put(self, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Add one value."""
        with plain_errors(self._place):
            self._file.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))

    def __iter__(self) -> Iterator[Any]:
        """Yield the values in the order in which they were put."""
        with plain_errors(self._place):
            self._file.seek(0)
            for line in self._file:
                yield orjson.loads(line)


def statement(by: By, subject: Subject, values: Values, evidence: str | None, body: bytes | None = None) -> Statement:
    """Return what a scorer says of a version; `evidence` is the address of `body`, or of bytes that are stored."""
    common = {
        "replicate": by.replicate,
        "rubric": by.rubric,
        "sample": subject.id,
        "scorer": by.scorer,
        "scorer_version": by.version,
        "version": subject.hash,
    }
    if values.reason is not None:
        return Statement("unscored", subject.sample, subject.blob, {**common, "reason": values.reason})
    fields = {
        **common,
        "dimensions": _dimensions(tuple(sorted(values.numbers.items()))) if values.numbers else [],
        "evidence": evidence,
        "notes": [list(pair) for pair in sorted(values.notes.items())],
        "unscored": [list(pair) for pair in sorted(values.unscored.items())],
    }
    return Statement("scored", subject.sample, subject.blob, fields, body)


@lru_cache(1 << 14)
def _dimensions(numbers: tuple[tuple[str, int], ...]) -> Fragment:
    """Return dimensions and values as they stand in an event; many samples share theirs, which are written once."""
    return encoded([[name, text_of(value)] for name, value in numbers])


def append_all(
    store: Store, run: Run, statements: Iterable[Statement], total: int, report: ScoreReport, progress: Progress
) -> None:
    """Append what is not in the log yet, commit by commit, and count all of it; `total` is for the progress."""
    done = 0
    for batch, is_last in _batches(statements):
        with store.transaction() as transaction:
            drafts, bodies = news(store, batch, report)
            transaction.add_blobs({blake3_bytes(body): body for body in bodies})
            run.append(transaction, drafts)
            done += len(batch)
            conserve(
                "statements so far", done, {name: getattr(report, name) for name in ("scored", "unscored", "known")}
            )
            if is_last:
                conserve("samples", report.samples, report.parts())
                run.finish(transaction, {"samples": report.samples, **report.parts()})
        progress("recording", done, total)


def news(store: Store, batch: Sequence[Statement], report: ScoreReport) -> tuple[list[Draft], list[bytes]]:
    """Return the events that say something else than what was said last, with the bytes that they name; count all.

    Raises BadRequest where what was scored has been erased since: an explanation may quote it.
    """
    if any(erased.among(store.connection, chunk) for chunk in in_chunks({said.blob for said in batch})):
        raise BadRequest("Somebody erased samples meanwhile", hint="Run the same command again.")
    last = _last(store, batch)
    drafts: list[Draft] = []
    bodies: list[bytes] = []
    for said in batch:
        before = last.get(said.key)
        if before is not None and before.says == _says(said.kind, said.fields):
            report.known += 1
            continue
        made = said.draft(None if before is None else before.op)
        last[said.key] = _Last(made.op, _says(said.kind, said.fields))
        drafts.append(made)
        if said.body is not None:
            bodies.append(said.body)
        report.scored += bool(said.fields.get("dimensions"))
        report.unscored += not said.fields.get("dimensions")
    return drafts, bodies


class _Last(NamedTuple):
    """The last statement about something: its op, and what it says."""

    op: bytes
    says: bytes


def _last(store: Store, batch: Sequence[Statement]) -> dict[_Key, _Last]:
    """Return what the scorers of these statements said last of the same versions."""
    found: dict[_Key, _Last] = {}
    for scorer in {said.fields["scorer"] for said in batch}:
        for chunk in in_chunks({said.sample for said in batch if said.fields["scorer"] == scorer}):
            for sample, op, leaf in scores.said_by(store.connection, scorer, chunk):
                fields = leaf_of(store, leaf)
                found[_key(sample, fields)] = _Last(op, _says(fields["kind"], fields))
    return found


def _key(sample: int, fields: Mapping[str, Any]) -> _Key:
    return sample, fields["version"], fields["scorer"], fields["replicate"]


def _says(kind: str, fields: Mapping[str, Any]) -> bytes:
    """Return what makes two statements the same: all but when, after what, and why."""
    names = ("dimensions", "unscored") if kind == "scored" else ("reason",)
    return encode({"kind": kind, **{name: fields[name] for name in ("rubric", "scorer_version", *names)}})


def _batches(statements: Iterable[Statement]) -> Iterator[tuple[list[Statement], bool]]:
    """Yield (batch, whether it is the last), reading one statement ahead to know."""
    iterator = iter(statements)
    ahead = next(iterator, None)
    while ahead is not None:
        batch: list[Statement] = []
        size = 0
        while ahead is not None and len(batch) < BATCH and size < BATCH_BYTES:
            batch.append(ahead)
            size += 0 if ahead.body is None else len(ahead.body)
            ahead = next(iterator, None)
        yield batch, ahead is None
        del batch
