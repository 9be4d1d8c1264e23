"""The rows of any file that is meant for a KTO trainer, as TRL makes them of its lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

import orjson

from ledger.errors import InputUnreadable
from ledger.exporters.lengths import Ruler, Sides
from ledger.exporters.windows import FileRow
from ledger.readers import LARGEST_LINE, READERS, FactMap, Unreadable, read_line
from ledger.readers.contract import Reader, Refused
from ledger.readers.envelope import read_label
from ledger.readers.lines import Input, RawLine, read_lines
from ledger.readers.quick import quick_row
from ledger.sample import BadJson, Content, both_fingerprints, strict_json

PAIRED_BLOCK = 1000
"""Rows of {chosen, rejected} that TRL unpairs at a time: all that are chosen, then all that are rejected."""
UNPAIRED, PAIRED = "unpaired_preference", "paired"
_NO_PROMPT = (
    "Rows of {%s} are refused by TRL's KTO trainer (KeyError 'chosen' in trl 1.16), which takes "
    "{prompt, completion, label}; another loader may take them."
)
_TEXT_LABEL = (
    "A label in line %d is text, which TRL's KTO trainer refuses (TypeError in trl 1.16); it takes the JSON values "
    "true and false."
)
_EMPTY_PROMPT = "The prompt in line %d has no message, which TRL's KTO trainer refuses."
_CHUNK = 1000
_PLACES = FactMap()
_TRL = READERS["prompt_completion"]


_Read = tuple[FileRow, Mapping[str, Any]]  # a row, and its prompt, completion and tools


class _Broken(ValueError):  # noqa: N818 - never leaves this module
    """A line that is no row; the message says which and why."""


class KtoFile:
    """A file as a KTO trainer would read it: `rows` once, then what was noticed on the way.

    `layout` is UNPAIRED, PAIRED, or a sentence that says why the trainer refuses the file. `broken` is the first line
    that is no row, with what is wrong; nothing behind it was read.
    """

    def __init__(self, path: Path, ruler: Ruler | None, max_length: int | None) -> None:
        """Read `path`; measure rows against `max_length` where there is something to measure with."""
        self.path = path
        self.layout = UNPAIRED
        self.broken: InputUnreadable | None = None
        self._ruler = ruler
        self._max_length = max_length

    def rows(self) -> Iterator[FileRow]:
        """Yield the rows in the order in which the trainer has them; raise InputUnreadable for no such file."""
        try:
            if self._ruler is None or self._max_length is None:
                for row, _ in self._read():
                    yield row
            else:
                yield from self._measured(self._ruler, self._max_length)
        except _Broken as error:
            self.broken = InputUnreadable(self.path, str(error))

    def _measured(self, ruler: Ruler, max_length: int) -> Iterator[FileRow]:
        read = self._read()
        while some := list(islice(read, _CHUNK)):
            gone = ruler.dropped([_sides(said) for _, said in some], max_length)
            for (row, _), dropped in zip(some, gone, strict=True):
                yield row._replace(dropped=True) if dropped else row

    def _read(self) -> Iterator[_Read]:
        lines = read_lines(Input(self.path.name, self.path, None))
        first = next(lines, None)
        if first is None:
            return iter(())
        every = chain((first,), lines)
        if quick_row(first.body) is None and _is_paired(_value(first)):
            self.layout = PAIRED
            return _unpaired(every)
        return self._each(every)

    def _each(self, lines: Iterable[RawLine]) -> Iterator[_Read]:
        """Yield the row of each line; the layout is that of the first line that the trainer refuses."""
        for line in lines:
            found = quick_row(line.body)
            if found is None:
                yield self._usual(line, _value(line))
            else:
                label, whole, prompt, value = found
                yield FileRow(label, prompt, whole, line.number), value

    def _usual(self, line: RawLine, value: Any) -> _Read:  # noqa: ANN401 - any JSON value
        """Return the row of a line of any shape that can be read."""
        reader = _reader(line, value)
        try:
            content = reader.read(value)
            label = read_label(value.get("label"), "label")
        except (BadJson, Refused) as error:
            raise _Broken(f"line {line.number} is not a row: {error}") from error
        if label is None:
            raise _Broken(f"line {line.number} has no label, so a KTO trainer does not take it")
        if self.layout is UNPAIRED:
            self.layout = _refusal(line, value, reader, content)
        whole, prompt = both_fingerprints(content)
        said = {"prompt": content.prompt, "completion": content.completion, "tools": content.tools}
        return FileRow(label, prompt or b"", whole, line.number), said


def _value(line: RawLine) -> Any:  # noqa: ANN401 - any JSON value
    try:
        if len(line.body) <= LARGEST_LINE:
            return strict_json(line.body.decode())
    except (BadJson, UnicodeDecodeError):
        pass
    raise _no_row(line)


def _no_row(line: RawLine) -> _Broken:
    """Return what is wrong with a line, in the words of whoever ingests it."""
    told = read_line(line.body, _PLACES)
    why = told.message if isinstance(told, Unreadable) else "its rows have another layout than those before it"
    return _Broken(f"line {line.number} is not a row: {why}")


def _reader(line: RawLine, value: Any) -> Reader:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        for reader in READERS.values():
            if reader.matches(value):
                return reader
    raise _no_row(line)


def _refusal(line: RawLine, value: Mapping[str, Any], reader: Reader, content: Content) -> str:
    """Return what TRL's trainer says to such a row; UNPAIRED, if it takes it."""
    if reader is not _TRL:
        return _NO_PROMPT % next(key for key in reader.keys if value.get(key) is not None)
    if isinstance(value["label"], str):
        return _TEXT_LABEL % line.number
    return UNPAIRED if content.prompt or content.form == "standard" else _EMPTY_PROMPT % line.number


def _is_paired(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return isinstance(value, dict) and value.get("chosen") is not None and value.get("rejected") is not None


def _unpaired(lines: Iterator[RawLine]) -> Iterator[_Read]:
    """Yield, for each block of lines, the rows that are chosen and then those that are rejected."""
    while block := list(islice(lines, PAIRED_BLOCK)):
        both = [_pair(line, _value(line)) for line in block]
        for place in range(2):
            yield from (pair[place] for pair in both)


def _pair(line: RawLine, value: Any) -> tuple[_Read, _Read]:  # noqa: ANN401 - any JSON value
    if not _is_paired(value):
        raise _no_row(line)
    try:
        split = (
            value if value.get("prompt") is not None else {**value, **_extracted(value["chosen"], value["rejected"])}
        )
        chosen, rejected = (_side_of(line, split, key) for key in ("chosen", "rejected"))
    except (BadJson, Refused) as error:
        raise _Broken(f"line {line.number} is not a row: {error}") from error
    return chosen, rejected


def _side_of(line: RawLine, value: Mapping[str, Any], side: str) -> _Read:
    row = {"prompt": value["prompt"], "completion": value[side], "tools": value.get("tools")}
    content = _TRL.read(row)
    whole, prompt = both_fingerprints(content)
    return FileRow(side == "chosen", prompt or b"", whole, line.number), row


def _extracted(chosen: Any, rejected: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON values
    """Return the prompt that both begin with, and the rest of each, cut where TRL cuts."""
    if type(chosen) is not type(rejected) or not isinstance(chosen, str | list):
        return {"prompt": []}  # of two forms, so refused with the rest
    shortest = min(len(chosen), len(rejected))
    cut = next((place for place in range(shortest) if chosen[place] != rejected[place]), max(shortest - 1, 0))
    if cut < shortest and chosen[cut] != rejected[cut] and chosen[cut - 1] == " ":
        cut -= 1
    return {"prompt": chosen[:cut], "chosen": chosen[cut:], "rejected": rejected[cut:]}


def _sides(said: Mapping[str, Any]) -> Sides:
    """Return a row as rulers measure it: as JSON texts."""
    form = "standard" if isinstance(said["prompt"], str) else "conversational"
    tools = said.get("tools")
    return Sides(_json(said["prompt"]), _json(said["completion"]), None if tools is None else _json(tools), form)


def _json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # an integer beyond 64 bits
        return json.dumps(value, ensure_ascii=False)
