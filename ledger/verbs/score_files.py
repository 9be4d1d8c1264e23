"""Import scores from files: one JSON object a line, about a sample by its id or about whatever teaches a content.

    {"sample": "3f9a2c1d", "scores": {"helpful": 4.5}, "scorer": "judge", "version": "2", "notes": "…"}
    {"messages": […], "scores": {"helpful": 4.5, "brief": null}, "replicate": 1}

All lines are read and checked first, aside in a temporary file; one that is not right is an error that names it, and
nothing is recorded. The line's bytes are stored: an event names them as its evidence. For each statement about 200
bytes of memory tell whether another line contradicts it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from unicodedata import normalize

from ledger import sqlite
from ledger.digest import blake3_bytes, digest_of, parse
from ledger.errors import LedgerError, ScoresUnreadable
from ledger.readers import LARGEST_LINE, FactMap, Unreadable, read_line
from ledger.readers.lines import Input, RawLine, read_lines
from ledger.sample import BadJson, strict_json
from ledger.scorers import MOST_DIMENSIONS, is_dimension, is_word
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.adopt import checked_campaign
from ledger.verbs.ids import find_sample
from ledger.verbs.run import Run, Who, without_collector
from ledger.verbs.score_import import NOT_GIVEN, ImportPlan, members_at, number_of
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
from ledger.verbs.words import LARGEST, plain_text
from ledger.views import samples

MOST_TWINS = 1_000
"""Samples that one line can be about by its content; beyond that it must name one."""

_CHUNK = 500
_ID = re.compile(r"[0-9a-fA-F]{64}")
_NOWHERE = FactMap(label=(), domain=(), tag_root=None)
_UNSCORED = "unscored"
_NOTES = "notes"


class _Fault(ValueError):  # noqa: N818 - a value in disguise: becomes ScoresUnreadable where the line is known
    """Why a line cannot be read."""


class _Read(NamedTuple):
    """One line on its way: where it stands, its text, what it says by whom, and what it is about."""

    place: str
    number: int
    text: str
    by: By
    values: Values
    sample: str | None
    fingerprint: bytes | None


@without_collector()
def import_files(store: Store, inputs: list[Input], plan: ImportPlan, who: Who, progress: Progress) -> ScoreReport:
    """Record the scores of the files' lines; raise ScoresUnreadable for the first line that cannot be, BadRequest."""
    with sqlite.plain_errors(store.path):
        checked_campaign(store, plan.campaign)
    report = ScoreReport({name: Range() for name in plan.dimensions})
    said: dict[int, int] = {}
    lines = 0
    with Spool() as spool:
        for chunk in in_chunks((read for item in inputs for read in _read(item, plan)), _CHUNK):
            with sqlite.plain_errors(store.path):
                known = samples.by_ids(store.connection, _whole_ids(chunk))
                for read in chunk:
                    subjects, gone = _subjects(store, read, known, plan.campaign)
                    _check_same(said, read, subjects)
                    spool.put([read.text, tuple(read.by), tuple(read.values), [tuple(one) for one in subjects]])
                    report.samples += len(subjects) + gone
                    report.erased += gone
            lines += len(chunk)
            progress("reading", lines, lines)
        report.more["lines"] = lines
        params = {**plan.as_json(), "sources": [item.source for item in inputs]}
        run = Run(store.ledger_id, "score import", params, who)
        append_all(store, run, _statements(spool, report), report.samples, report, progress)
    return report


def _read(item: Input, plan: ImportPlan) -> Iterator[_Read]:
    for line in read_lines(item):
        try:
            yield _line(item.source, line, plan)
        except (_Fault, BadJson) as error:
            raise ScoresUnreadable(item.source, line.number, str(error)) from error
        except LedgerError as error:
            raise ScoresUnreadable(item.source, line.number, str(error).rstrip(".")) from error


def _line(place: str, line: RawLine, plan: ImportPlan) -> _Read:
    if len(line.body) > LARGEST_LINE:
        raise _Fault(f"it has {len(line.body)} bytes; the longest line is {LARGEST_LINE}")
    try:
        text = line.body.decode()
    except UnicodeDecodeError as error:
        raise _Fault(f"byte {error.start} is not UTF-8") from error
    value = strict_json(text)
    if not isinstance(value, dict):
        raise _Fault("it is not a JSON object")
    values = _values(value, plan)
    by = _by(value, plan)
    if "sample" in value:
        return _Read(place, line.number, text, by, values, _text(value, "sample"), None)
    content = read_line(line.body, _NOWHERE)
    if isinstance(content, Unreadable):
        raise _Fault(f'it names no "sample", and its content cannot be read: {content.message}')
    return _Read(place, line.number, text, by, values, None, content.fingerprint)


def _by(value: Mapping[str, Any], plan: ImportPlan) -> By:
    scorer = _text(value, "scorer") if "scorer" in value else plan.scorer
    if scorer is None:
        raise _Fault('it names no "scorer", and no --scorer was given')
    version = _text(value, "version") if "version" in value else plan.version
    replicate = value.get("replicate", 0)
    if type(replicate) is not int or not 0 <= replicate <= LARGEST:
        raise _Fault('"replicate" is not a whole number from 0 on')
    rubric = value.get("rubric")
    return By(scorer, version, plan.rubric if rubric is None else _digest(_text(value, "rubric")), replicate)


def _values(value: Mapping[str, Any], plan: ImportPlan) -> Values:
    """Return what a line says: numbers and reasons by dimension, or one reason for everything."""
    told = members_at(value, plan.field)
    unscored = value.get(_UNSCORED, {})
    if isinstance(unscored, str):
        if told:
            raise _Fault(f'it has scores, and "{_UNSCORED}" for all of them')
        return Values({}, {}, {}, _reason(_UNSCORED, unscored))
    if not isinstance(unscored, dict):
        raise _Fault(f'"{_UNSCORED}" is neither a word nor an object of words')
    if told is None and not unscored:
        raise _Fault(f'it has no "{".".join(plan.field)}", an object of numbers')
    numbers: dict[str, int] = {}
    reasons = {_name(name): _reason(name, why) for name, why in _taken(unscored, plan)}
    for name, member in _taken(told or {}, plan):
        if name == _NOTES and isinstance(member, str):
            continue
        number = number_of(member)
        if member is None:
            reasons.setdefault(_name(name), NOT_GIVEN)
        elif number is None:
            raise _Fault(f"{name[:40]!r} is {str(member)[:40]!r}, which is no number; --dimensions would leave it out")
        else:
            numbers[_name(name)] = number
    _check_whole(numbers, reasons, plan)
    return Values(numbers, reasons, {})


def _taken(members: Mapping[str, Any], plan: ImportPlan) -> list[tuple[str, Any]]:
    """Return the members that are asked for; no two names may be one in NFC, or which of them counts is not known."""
    taken = frozenset(plan.dimensions)
    spelled: dict[str, tuple[str, Any]] = {}
    for name, member in members.items():
        known = normalize("NFC", name)
        if taken and known not in taken:
            continue
        if known in spelled:
            raise _Fault(f"{known[:40]!r} stands there twice, in two spellings")
        spelled[known] = (name, member)
    return list(spelled.values())


def _check_whole(numbers: Mapping[str, int], reasons: Mapping[str, str], plan: ImportPlan) -> None:
    if both := sorted(numbers.keys() & reasons.keys()):
        raise _Fault(f"{both[0]!r} has a score and is unscored")
    if missing := [name for name in plan.dimensions if name not in numbers and name not in reasons]:
        raise _Fault(f'it says nothing of {", ".join(missing)}; null or a reason under "{_UNSCORED}" would do')
    if not numbers and not reasons:
        raise _Fault(f'"{".".join(plan.field)}" holds no number')
    if len(numbers) + len(reasons) > MOST_DIMENSIONS:
        raise _Fault(f"it has over {MOST_DIMENSIONS} dimensions; name those that are scores with --dimensions")


def _subjects(
    store: Store, read: _Read, known: Mapping[bytes, samples.Row], campaign: str | None
) -> tuple[list[Subject], int]:
    """Return the current versions that a line is about, and how many more were erased; nothing is said of those."""
    if read.sample is not None:
        try:
            rows = [known.get(_whole_id(read.sample) or b"") or find_sample(store, read.sample)]
        except LedgerError as error:
            raise ScoresUnreadable(read.place, read.number, str(error).rstrip(".")) from error
    else:
        rows = samples.by_fingerprint(store.connection, read.fingerprint or b"", MOST_TWINS + 1)
    mine = [row for row in rows if campaign in {None, row.campaign}]
    if not mine:
        where = "" if campaign is None else f" of the campaign {campaign!r}"
        said = "its content is that of no sample" if read.sample is None else f"{read.sample} is no sample"
        raise ScoresUnreadable(read.place, read.number, said + where)
    if len(mine) > MOST_TWINS:
        said = f'over {MOST_TWINS} samples teach this content; name one with "sample"'
        raise ScoresUnreadable(read.place, read.number, said)
    there = [row for row in mine if row.status != "erased"]
    return [Subject(row.sample, row.id.hex(), row.version, row.hash.hex()) for row in there], len(mine) - len(there)


def _check_same(said: dict[int, int], read: _Read, subjects: Iterable[Subject]) -> None:
    """Raise ScoresUnreadable where an earlier line says something else of the same version, by the same scorer."""
    dims, reasons = sorted(read.values.numbers.items()), sorted(read.values.unscored.items())
    mine = _short([list(map(list, dims)), list(map(list, reasons)), read.values.reason])
    for subject in subjects:
        key = _short([list(read.by), subject.id, subject.hash])
        if said.setdefault(key, mine) != mine:
            what = f"an earlier line says otherwise of sample {subject.id[:12]}"
            how = 'number the attempts with "replicate", or name the "sample" that each is about'
            raise ScoresUnreadable(read.place, read.number, f"{what}; {how}")


def _statements(spool: Spool, report: ScoreReport) -> Iterator[Statement]:
    for text, by, values, subjects in spool:
        body = text.encode()
        evidence = blake3_bytes(body).hex()
        for subject in subjects:
            report.note(Values(*values))
            yield statement(By(*by), Subject(*subject), Values(*values), evidence, body)


def _whole_ids(chunk: Sequence[_Read]) -> list[bytes]:
    return [whole for read in chunk if (whole := _whole_id(read.sample)) is not None]


def _whole_id(text: str | None) -> bytes | None:
    return bytes.fromhex(text) if text is not None and _ID.fullmatch(text) else None


def _text(value: Mapping[str, Any], key: str) -> str:
    return plain_text(f'"{key}"', value[key], needed=True)


def _digest(text: str) -> str:
    """Return a rubric's digest in hex: as it is written, or that of the text."""
    try:
        return parse(text).hex()
    except ValueError:
        return blake3_bytes(text.encode()).hex()


def _name(name: str) -> str:
    known = normalize("NFC", name)
    if not is_dimension(known):
        raise _Fault(f"{name[:40]!r} cannot be a dimension: letters, digits, _ . -, 64 characters at most")
    return known


def _reason(name: str, reason: object) -> str:
    if not isinstance(reason, str) or not is_word(reason):
        raise _Fault(f"the reason of {name[:40]!r} is not a word of small letters, digits and _")
    return reason


def _short(value: list[Any]) -> int:
    return int.from_bytes(digest_of(value)[:8], "big")
