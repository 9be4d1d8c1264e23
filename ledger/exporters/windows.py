"""Check the order of any KTO file as a sequential trainer reads it, whoever wrote it.

Windows are aligned runs of `batch_size` rows, the short one at the end included: TRL makes its KL pairs inside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypedDict

from ledger.errors import BadRequest
from ledger.exporters.packed import Packed, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_DIGEST = 32
_ROW = 8
Row = tuple[bool, bytes, bytes]  # label, prompt fingerprint (empty: no prompt), fingerprint


class Violation(TypedDict):
    """One broken rule: the window and the two rows that show it, counted from 0; the message counts lines from 1."""

    window: int
    rows: list[int]
    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class WindowReport:
    """What a file holds: windows of one label, windows with one prompt twice, fingerprints with both labels.

    `first_violation` is the one that the reader of the file meets first, None if every rule holds.
    """

    rows: int
    batch_size: int
    single_label_windows: int
    same_prompt_windows: int
    conflicts: int
    first_violation: Violation | None


def check_windows(rows: Iterable[Row], batch_size: int) -> WindowReport:
    """Read (label, prompt fingerprint, fingerprint) rows in file order and report on their windows.

    Fingerprints are 32 bytes, a prompt's may be empty: it never equals another. Takes 40 bytes a row, for the
    conflicts, and is else constant in memory. Raises BadRequest for a batch size below 1.
    """
    if batch_size < 1:
        message = f"A batch size of {batch_size} was asked for; it is a number of rows, 1 or more."
        raise BadRequest(message)
    seen = Packed(_DIGEST + _ROW)
    single = same = total = window = 0
    first: Violation | None = None
    stream = iter(rows)
    while batch := list(islice(stream, batch_size)):
        for number, (label, _, fingerprint) in enumerate(batch, start=total):
            seen.add(fingerprint + (number << 1 | label).to_bytes(_ROW, "big"))
        one_label = _single_label(batch, window, total)
        one_prompt = _same_prompt(batch, window, total)
        single += one_label is not None
        same += one_prompt is not None
        first = first or one_label or one_prompt
        total += len(batch)
        window += 1
    conflicts, conflict = _conflicts(seen, batch_size)
    if conflict is not None and (first is None or conflict["window"] < first["window"]):
        first = conflict
    return WindowReport(total, batch_size, single, same, conflicts, first)


def _single_label(batch: Sequence[Row], window: int, start: int) -> Violation | None:
    if len({bool(label) for label, _, _ in batch}) > 1:
        return None
    last = start + len(batch) - 1
    name = "true" if batch[0][0] else "false"
    message = f"window {window} (lines {start + 1} to {last + 1}) holds only the label {name}"
    return {"window": window, "rows": [start, last], "rule": "single_label", "message": message}


def _same_prompt(batch: Sequence[Row], window: int, start: int) -> Violation | None:
    places: dict[bytes, int] = {}
    for place, (_, prompt, _) in enumerate(batch, start=start):
        if prompt and prompt in places:
            message = f"lines {places[prompt] + 1} and {place + 1} have the same prompt and stand in window {window}"
            return {"window": window, "rows": [places[prompt], place], "rule": "same_prompt", "message": message}
        places[prompt] = place
    return None


def _conflicts(seen: Packed, batch_size: int) -> tuple[int, Violation | None]:
    """Return how many fingerprints have both labels, and the one whose second label is met first."""
    count, earliest = 0, None
    for records in seen.drain():
        for start, end in runs(records, _DIGEST):
            places = [int.from_bytes(record[_DIGEST:], "big") for record in records[start:end]]
            other = next((place for place in places if (place ^ places[0]) & 1), None)
            if other is not None:
                count += 1
                pair = (other >> 1, places[0] >> 1)
                earliest = pair if earliest is None else min(earliest, pair)
    if earliest is None:
        return 0, None
    later, earlier = earliest
    message = f"lines {earlier + 1} and {later + 1} teach the same with opposite labels"
    return count, {"window": later // batch_size, "rows": [earlier, later], "rule": "conflict", "message": message}
