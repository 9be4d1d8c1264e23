"""Check the order of any KTO file as a sequential trainer reads it, whoever wrote it.

What TRL 1.16 makes of a file, in order: rows whose prompt fills `max_length` are dropped; what is left is cut into
aligned runs of the batch size, a short one at the end included; and inside each run every prompt is paired with the
completion of the row before it, the first with the last, as pairs that do not match, to estimate the KL term.
Process k of w takes the runs k, k + w, ... and at the end rows from the start of the file, until all have as many.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from ledger.errors import BadRequest
from ledger.exporters.packed import Packed, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_DIGEST = 32
_PLACE = Struct(">QQ")
_FIRST = 20
"""How many lines are named of those that a trainer drops."""


class FileRow(NamedTuple):
    """A row of a file: its label, the fingerprints of its prompt (empty: no prompt) and of the whole, and its line.

    Lines count from 1; `dropped` says whether a trainer drops the row for its length.
    """

    label: bool
    prompt: bytes
    fingerprint: bytes
    line: int
    dropped: bool = False


class Violation(TypedDict):
    """One broken rule: the window and the two rows that show it, counted from 0; the message counts lines from 1."""

    window: int | None
    rows: list[int] | None
    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class WindowReport:
    """What a file holds: windows of one label, windows with one prompt twice, fingerprints with both labels.

    `first_violation` is the one that the reader of the file meets first, None if every rule holds; `violations` names
    every rule that is broken. Windows are counted after `dropped_by_trainer` rows are gone, of which `too_long` has
    the first lines. KL pairs of one prompt are really matched pairs; a row alone in its window pairs with itself.
    `tail` says how many rows stand behind the last whole batch of all processes, and how many are trained twice to
    fill it. No order mixes every batch below `batch_needed` rows; None where only one label is there.
    """

    rows: int
    batch_size: int
    single_label_windows: int
    same_prompt_windows: int
    conflicts: int
    first_violation: Violation | None
    world_size: int
    same_prompt_kl_pairs: int
    self_pairs: int
    dropped_by_trainer: int
    too_long: list[int]
    tail: dict[str, int]
    labels: dict[str, int]
    batch_needed: int | None
    violations: list[str]


def check_file(
    rows: Iterable[FileRow], batch_size: int, world_size: int = 1, *, drops_count: bool = True
) -> WindowReport:
    """Read rows in the order in which a trainer has them, before it drops any, and report on their windows.

    Fingerprints are 32 bytes, a prompt's may be empty: it never equals another. Takes 48 bytes a row, for the
    conflicts, and is else constant in memory. `drops_count` says whether a dropped row is a violation. Raises
    BadRequest for a batch or world size below 1.
    """
    for name, size, unit in (("batch", batch_size, "rows"), ("world", world_size, "processes")):
        if size < 1:
            message = f"A {name} size of {size} was asked for; it is a number of {unit}, 1 or more."
            raise BadRequest(message)
    drop = _Drop(batch_size)
    seen = Packed(_DIGEST + _PLACE.size)
    count = _Count()
    kept = drop.kept(rows)
    while batch := list(islice(kept, batch_size)):
        for number, (label, _, fingerprint, line, _) in enumerate(batch, start=count.rows):
            seen.add(fingerprint + _PLACE.pack(number << 1 | label, line))
        count.add(batch, batch_size)
    conflicts, conflict = _conflicts(seen, batch_size)
    found = [violation for violation in (drop.first if drops_count else None, count.first, conflict) if violation]
    first = min(found, key=lambda one: one["window"] or 0, default=None)
    rules = (
        ("dropped", drops_count and drop.count),
        ("single_label", count.single - count.tail),
        ("tail", count.tail),
        ("same_prompt", count.same),
        ("conflict", conflicts),
    )
    minority = min(count.true, count.rows - count.true)
    return WindowReport(
        rows=count.rows + drop.count,
        batch_size=batch_size,
        single_label_windows=count.single,
        same_prompt_windows=count.same,
        conflicts=conflicts,
        first_violation=first,
        world_size=world_size,
        same_prompt_kl_pairs=count.matched,
        self_pairs=count.alone,
        dropped_by_trainer=drop.count,
        too_long=drop.lines,
        tail=_tail(count.rows, batch_size, world_size),
        labels={"true": count.true, "false": count.rows - count.true},
        batch_needed=-(-count.rows // minority) if minority else None,
        violations=[name for name, broken in rules if broken],
    )


class _Drop:
    """The rows that a trainer drops before anything else."""

    def __init__(self, batch_size: int) -> None:
        self.count = 0
        self.lines: list[int] = []
        self.first: Violation | None = None
        self._batch_size = batch_size

    def kept(self, rows: Iterable[FileRow]) -> Iterator[FileRow]:
        """Yield the other rows."""
        kept = 0
        for row in rows:
            if not row.dropped:
                kept += 1
                yield row
                continue
            self.count += 1
            if len(self.lines) < _FIRST and row.line not in self.lines[-1:]:
                self.lines.append(row.line)
            if self.first is None:
                line = row.line
                message = f"the prompt in line {line} is too long, so it is dropped and every row behind it moves"
                window = kept // self._batch_size
                self.first = {"window": window, "rows": [line - 1] * 2, "rule": "dropped", "message": message}


class _Count:
    """What the windows so far hold."""

    def __init__(self) -> None:
        self.rows = self.true = self.single = self.same = self.tail = self.matched = self.alone = 0
        self.first: Violation | None = None
        self._window = 0

    def add(self, batch: Sequence[FileRow], batch_size: int) -> None:
        """Take in the next window."""
        size, true = len(batch), sum(row.label for row in batch)
        one_label = one_prompt = None
        if true in {0, size}:
            self.single += 1
            self.tail += size < batch_size
            one_label = _single_label(batch, self._window, batch_size) if self.first is None else None
        prompts = {row.prompt for row in batch if row.prompt}
        if len(prompts) < size and len(prompts) < sum(1 for row in batch if row.prompt):
            self.same += 1
            self.matched += _matched(batch)
            one_prompt = _same_prompt(batch, self._window) if self.first is None else None
        self.alone += size == 1
        self.first = self.first or one_label or one_prompt
        self.rows += size
        self.true += true
        self._window += 1


def _matched(batch: Sequence[FileRow]) -> int:
    """Return how many prompts get the completion of a row with that same prompt."""
    before = batch[-1].prompt
    found = 0
    for row in batch:
        found += bool(row.prompt) and row.prompt == before
        before = row.prompt
    return found


def _single_label(batch: Sequence[FileRow], window: int, batch_size: int) -> Violation:
    first, last = batch[0].line, batch[-1].line
    told = f"holds only the label {'true' if batch[0].label else 'false'}"
    rule = "single_label" if len(batch) == batch_size else "tail"
    if len(batch) == 1:
        message = f"window {window} (line {first}) {told}, as one row alone does; for the KL term it pairs with itself"
    else:
        message = f"window {window} (lines {first} to {last}) {told}"
    return {"window": window, "rows": [first - 1, last - 1], "rule": rule, "message": message}


def _same_prompt(batch: Sequence[FileRow], window: int) -> Violation | None:
    lines: dict[bytes, int] = {}
    for row in batch:
        if row.prompt and row.prompt in lines:
            pair = (lines[row.prompt], row.line)
            message = f"lines {pair[0]} and {pair[1]} have the same prompt and stand in window {window}"
            rows = [line - 1 for line in pair]
            return {"window": window, "rows": rows, "rule": "same_prompt", "message": message}
        lines[row.prompt] = row.line
    return None


def _conflicts(seen: Packed, batch_size: int) -> tuple[int, Violation | None]:
    """Return how many fingerprints have both labels, and the one whose second label is met first."""
    count, earliest = 0, None
    for records in seen.drain():
        for start, end in runs(records, _DIGEST):
            if end - start == 1:
                continue
            places = [_place(record) for record in records[start:end]]
            other = next((place for place in places if (place[0] ^ places[0][0]) & 1), None)
            if other is not None:
                count += 1
                pair = (other, places[0])
                earliest = pair if earliest is None else min(earliest, pair)
    if earliest is None:
        return 0, None
    (later, line), (_, before) = earliest
    message = f"lines {before} and {line} teach the same with opposite labels"
    window = (later >> 1) // batch_size
    return count, {"window": window, "rows": [before - 1, line - 1], "rule": "conflict", "message": message}


def _place(record: bytes) -> tuple[int, int]:
    """Return place and label (the last bit), and the line, of what is kept of a row."""
    place, line = _PLACE.unpack_from(record, _DIGEST)
    return place, line


def _tail(rows: int, batch_size: int, world_size: int) -> dict[str, int]:
    """Return the rows behind the last whole step, and those that fill it up; one process alone fills nothing."""
    step = batch_size * world_size
    return {"rows": rows % step, "repeated": -rows % step if world_size > 1 else 0}
