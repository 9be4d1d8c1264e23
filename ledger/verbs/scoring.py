"""Scores on their way into the log: kept aside until all are known to be good, then appended batch by batch.

Scoring and importing share this: what is said of a version becomes one event, statements that are in the log already
are counted and not made again, and the report covers everything considered, known or new.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson

from ledger.digest import Fragment, blake3_bytes, encoded
from ledger.event import Draft, draft
from ledger.fixed import ONE, text_of
from ledger.store import Store
from ledger.verbs.files import plain_errors
from ledger.verbs.run import Run, conserve

BATCH = 25_000
BATCH_BYTES = 48 * 1024 * 1024
"""A transaction ends at whichever comes first."""

_IN_MEMORY = 16 * 1024 * 1024
_PLACES = Decimal("0.0001")

Progress = Callable[[str, int, int], None]


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
    """One event that may be in the log already, and the bytes in which its explanation stands, if they are new."""

    draft: Draft
    body: bytes | None = None


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

    def parts(self) -> dict[str, int]:
        """Return the parts that make up the samples."""
        return {name: getattr(self, name) for name in ("scored", "unscored", "known", "missing", "erased")}

    def note(self, values: Values) -> None:
        """Count what is said of one version, known or new."""
        if values.reason is not None:
            self.reasons[values.reason] += 1
            for each in self.dimensions.values():
                each.unscored += 1
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
        return {
            "samples": self.samples,
            **self.parts(),
            "reasons": dict(sorted(self.reasons.items())),
            "dimensions": {name: each.as_json() for name, each in sorted(self.dimensions.items())},
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


def statement(by: By, subject: Subject, values: Values, evidence: str | None) -> Draft:
    """Return the event in which a scorer says something of a version."""
    common = {
        "replicate": by.replicate,
        "rubric": by.rubric,
        "sample": subject.id,
        "scorer": by.scorer,
        "scorer_version": by.version,
        "version": subject.hash,
    }
    if values.reason is not None:
        return draft("unscored", subject.sample, subject.blob, {**common, "reason": values.reason})
    fields = {
        **common,
        "dimensions": _dimensions(tuple(sorted(values.numbers.items()))) if values.numbers else [],
        "evidence": evidence,
        "notes": [list(pair) for pair in sorted(values.notes.items())],
        "unscored": [list(pair) for pair in sorted(values.unscored.items())],
    }
    return draft("scored", subject.sample, subject.blob, fields)


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
            ops = dict.fromkeys(said.draft.op for said in batch)
            known = transaction.known_ops(list(ops))
            fresh: dict[bytes, Statement] = {}
            for said in batch:
                if said.draft.op in known or said.draft.op in fresh:
                    report.known += 1
                else:
                    fresh[said.draft.op] = said
                    report.scored += bool(said.draft.fields.get("dimensions"))
                    report.unscored += not said.draft.fields.get("dimensions")
            bodies = [said.body for said in fresh.values() if said.body is not None]
            transaction.add_blobs({blake3_bytes(body): body for body in bodies})
            run.append(transaction, [said.draft for said in fresh.values()])
            done += len(batch)
            conserve(
                "statements so far", done, {name: getattr(report, name) for name in ("scored", "unscored", "known")}
            )
            if is_last:
                conserve("samples", report.samples, report.parts())
                run.finish(transaction, {"samples": report.samples, **report.parts()})
        progress("recording", done, total)


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
