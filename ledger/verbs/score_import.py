"""Import scores from a field of the lines that samples were born with.

Such a line cannot be corrected any more, so what is no number in it is unscored, and counted. Notes beside the scores
stay where they are: the event names the line as its evidence. All lines are read before anything is recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

import orjson

from ledger import sqlite
from ledger.digest import blake3_bytes
from ledger.errors import BadRequest
from ledger.event import read_leaf
from ledger.fixed import micro
from ledger.scorers import MOST_DIMENSIONS, is_dimension
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.ids import event_at
from ledger.verbs.run import Run, Who, without_collector
from ledger.verbs.score import CHUNK, considered, read_file
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
from ledger.views import samples

SCORES = "scores"
"""Where scores stand in the lines of files, unless a field is named."""

NOT_A_NUMBER = "not_a_number"
NOT_GIVEN = "not_given"
UNSTATED = "unstated"
"""The version of a scorer that nobody stated."""

_TOLD = 20
"""Names of fields or members that an error or an answer lists."""
_MOST_COUNTED = 1_000
_NUMERIC = frozenset({int, float})


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import was told: who scored by what, which dimensions there must be, whose samples, which field."""

    scorer: str | None
    version: str
    rubric: str | None
    dimensions: tuple[str, ...]
    campaign: str | None
    field: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain values, for the recipe."""
        return {
            "campaign": self.campaign,
            "dimensions": list(self.dimensions),
            "field": ".".join(self.field),
            "rubric": self.rubric,
            "scorer": self.scorer,
            "version": self.version,
        }


def import_plan(
    field: str | None,
    *,
    files: bool,
    scorer: str | None = None,
    version: str | None = None,
    rubric: str | Path | None = None,
    dimensions: Sequence[str] = (),
    campaign: str | None = None,
) -> ImportPlan:
    """Return a checked plan; `files` says that files are imported, `rubric` is one, of which the digest is taken.

    Raises BadRequest, InputNotFound, InputUnreadable.
    """
    if field is None:
        if not files:
            raise BadRequest("Name the files, or with --field the place of the scores in the ingested lines")
        field = SCORES
    plain_text("The field", field, needed=True)
    if scorer is not None:
        plain_text("The scorer's name", scorer, needed=True)
    if version is not None:
        plain_text("The scorer's version", version, needed=True)
    for name in dimensions:
        if not is_dimension(name):
            raise BadRequest(f"{name[:40]!r} cannot be a dimension: letters, digits, _ . -, 64 characters at most")
    if len(dimensions) > MOST_DIMENSIONS:
        raise BadRequest(f"{len(dimensions)} dimensions; the most are {MOST_DIMENSIONS}")
    campaign = None if campaign is None else normalize("NFC", plain_text("The campaign's name", campaign, needed=True))
    wanted = tuple(dict.fromkeys(normalize("NFC", name) for name in dimensions))
    digest = None if rubric is None else blake3_bytes(read_file(str(rubric)).data).hex()
    return ImportPlan(scorer, version or UNSTATED, digest, wanted, campaign, tuple(field.split(".")))


class Members(NamedTuple):
    """What stands in a field of scores: millionths by name, and the names of what is no number."""

    numbers: dict[str, int]
    others: list[str]


@without_collector()
def import_field(store: Store, plan: ImportPlan, who: Who, progress: Progress) -> ScoreReport:
    """Record the scores that stand in a field of the lines of a campaign's samples, or of all.

    They are about the version that the line is, also where the sample was edited since. A member that is a number in
    some line is a dimension; where it is something else, it is unscored. Raises BadRequest for a field that no line
    has, or that holds no number in any.
    """
    by = By(plan.scorer or plan.field[-1], plan.version, plan.rubric)
    with sqlite.plain_errors(store.path):
        chosen = considered(store, plan.campaign)
    total = len(chosen.handles)
    report = ScoreReport(samples=total + chosen.erased, erased=chosen.erased)
    lines = _Lines(plan)
    with Spool() as spool:
        for subject, members in _born(store, lines, chosen.handles, report, progress):
            spool.put([tuple(subject), tuple(members)])
        names = lines.dimensions()
        report.dimensions = {name: Range() for name in names}
        report.more["ignored"] = lines.ignored(names)
        run = Run(store.ledger_id, "score import", {**plan.as_json(), "scorer": by.scorer}, who)
        append_all(store, run, _statements(spool, by, frozenset(names), plan, report), total, report, progress)
    return report


def number_of(value: Any) -> int | None:  # noqa: ANN401 - any JSON value
    """Return a JSON number in millionths; None for what is none, or too large for a score."""
    return _number(value) if type(value) in _NUMERIC else None


def value_at(line: Any, field: Sequence[str]) -> Any:  # noqa: ANN401 - any JSON value
    """Return what stands at a dotted place of a line, None where nothing does."""
    for step in field:
        if not isinstance(line, dict) or step not in line:
            return None
        line = line[step]
    return line


def members_at(line: Any, field: Sequence[str]) -> dict[str, Any] | None:  # noqa: ANN401 - any JSON value
    """Return the members of a field, or a plain value under the field's own name; None where it has none, or null."""
    value = value_at(line, field)
    return value if isinstance(value, dict) or value is None else {field[-1]: value}


class _Lines:
    """What was met in the lines so far: members that are numbers, members that are not, fields of lines without it."""

    def __init__(self, plan: ImportPlan) -> None:
        self._field = plan.field
        self._wanted = frozenset(plan.dimensions)
        self._order = plan.dimensions
        self._numbers: dict[str, None] = {}
        self._others: Counter[str] = Counter()
        self._fields: Counter[str] = Counter()
        self._found = False

    def members(self, body: bytes) -> Members | None:
        """Return what stands in the field of a line; None where it is missing.

        Of members whose names are one in NFC a number counts; two different numbers are none.
        """
        line = orjson.loads(body)
        told = members_at(line, self._field)
        if told is None:
            _count(self._fields, (name for name, value in line.items() if _holds_a_number(value)))
            return None
        self._found = True
        numbers: dict[str, int] = {}
        others: dict[str, None] = {}
        clashing: set[str] = set()
        for name, value in told.items():
            known = name if name.isascii() else normalize("NFC", name)
            number = number_of(value)
            if number is None or (known not in self._numbers and not self._takes(known)):
                others[known] = None
            elif numbers.setdefault(known, number) != number:
                clashing.add(known)
        told_otherwise = [name for name in others if name not in numbers]
        _count(self._others, told_otherwise)
        scored = {name: number for name, number in numbers.items() if name not in clashing}
        return Members(scored, [*told_otherwise, *sorted(clashing)])

    def dimensions(self) -> tuple[str, ...]:
        """Return the names of the dimensions, sorted; raise BadRequest where there are none."""
        place = ".".join(self._field)
        if not self._found:
            there = ", ".join(name for name, _ in self._fields.most_common(_TOLD)) or "none"
            raise BadRequest(f"No sample has the field {place!r}; fields with numbers in them: {there}")
        if not self._numbers:
            raise BadRequest(f"The field {place!r} holds no {'such dimension' if self._wanted else 'number'} anywhere")
        return tuple(sorted(self._wanted or self._numbers))

    def ignored(self, names: Sequence[str]) -> dict[str, int]:
        """Return the members that are no dimensions, with how many lines have them: the most frequent ones."""
        return {name: count for name, count in sorted(self._others.most_common(_TOLD)) if name not in names}

    def _takes(self, name: str) -> bool:
        """Say whether a number under a name that was not met before is a dimension; note it if so."""
        if (self._wanted and name not in self._wanted) or not is_dimension(name):
            return False
        if len(self._numbers) == MOST_DIMENSIONS:
            raise BadRequest(
                f"The field {'.'.join(self._field)!r} holds over {MOST_DIMENSIONS} different numbers",
                hint="Name those that are scores with --dimensions a,b,c.",
            )
        self._numbers[name] = None
        return True


def _born(
    store: Store, lines: _Lines, handles: Sequence[int], report: ScoreReport, progress: Progress
) -> Iterator[tuple[Subject, Members]]:
    """Yield the birth version of each sample whose line has the field, and what stands there; count the others."""
    done = 0
    for chunk in in_chunks(handles, CHUNK):
        with sqlite.plain_errors(store.path):
            rows = samples.rows_of(store.connection, chunk)
            subjects = {handle: _birth(store, rows[handle]) for handle in chunk}
            bodies = store.bodies([subject.blob for subject in subjects.values()])
        for handle in chunk:
            subject = subjects[handle]
            body = bodies[subject.blob]
            members = None
            if body is None:
                report.erased += 1
            elif rows[handle].source is None or (members := lines.members(body)) is None:  # what is derived has no line
                report.missing += 1
            if members is not None:
                yield subject, members
        done += len(chunk)
        progress("reading", done, len(handles))


def _birth(store: Store, row: samples.Row) -> Subject:
    """Return the version that a sample was born with."""
    if row.content == row.sample:
        return Subject(row.sample, row.id.hex(), row.version, row.hash.hex())
    born = bytes.fromhex(read_leaf(event_at(store, row.sample)[1])["blob"])
    ((_, blob),) = store.find_blobs(born, born)
    return Subject(row.sample, row.id.hex(), blob, born.hex())


def _statements(
    spool: Spool, by: By, names: frozenset[str], plan: ImportPlan, report: ScoreReport
) -> Iterator[Statement]:
    """Yield what is said of each line; where it says nothing of any dimension, the sample is missing."""
    for subject, (numbers, others) in spool:
        unscored = {name: NOT_A_NUMBER for name in others if name in names}
        for name in plan.dimensions:
            if name not in numbers:
                unscored.setdefault(name, NOT_GIVEN)
        if not numbers and not unscored:
            report.missing += 1
            continue
        reasons = set(unscored.values())
        alone = reasons.pop() if not numbers and len(unscored) == len(names) and len(reasons) == 1 else None
        values = Values({}, {}, {}, alone) if alone else Values(numbers, unscored, {})
        report.note(values)
        yield statement(by, Subject(*subject), values, subject[3])


def _count(counter: Counter[str], names: Iterable[str]) -> None:
    """Count names, but not more different ones than anybody would read."""
    counter.update(name for name in names if name in counter or len(counter) < _MOST_COUNTED)


def _holds_a_number(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    told = value.values() if isinstance(value, dict) else (value,)
    return any(number_of(each) is not None for each in told)


@lru_cache(maxsize=1 << 16, typed=True)
def _number(value: float) -> int | None:
    try:
        return micro(value)
    except ValueError:
        return None
