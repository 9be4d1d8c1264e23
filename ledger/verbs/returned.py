"""Rows that come back from elsewhere: what each line of the files says, and which sample it says it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ledger.digest import parse
from ledger.errors import BadRequest
from ledger.readers import READERS, FactMap, Reader, Reading, Unreadable, read_line
from ledger.readers.contract import MISSING, at
from ledger.readers.envelope import parse_map
from ledger.readers.lines import Input, read_lines
from ledger.sample import BadJson, strict_json
from ledger.verbs.words import plain_text

MOST = 100_000
"""Rows of one import: they are compared with one another, so they stand in memory."""

_NAMED = ("sample", "version", "batch")
_HEX = re.compile(r"(?:b3:)?[0-9a-fA-F]{64}")


class Places(NamedTuple):
    """Where rows name their sample, version and batch (dotted paths), which of these were asked for, and their facts.

    What was asked for must be a digest where it is there; elsewhere other programs may have other uses for the word.
    """

    named: dict[str, str]
    asked: frozenset[str]
    facts: FactMap


class Row(NamedTuple):
    """One row that came back; without a `read` it is none, for the `reason`. What it names is None where it does not.

    `place` is the number of the file among those given, `line` counts from 1.
    """

    place: int
    line: int
    body: bytes
    read: Reading | None
    reason: str | None
    sample: bytes | None = None
    version: bytes | None = None
    batch: bytes | None = None


def places_of(text: str | None) -> Places:
    """Return where things stand, of `FACT=PATH,…`: sample, version, batch, label, domain, tags or tag.NAME.

    Without it, the first three stand under their own names and nothing else is looked for. Raises BadRequest.
    """
    named = {name: name for name in _NAMED}
    asked: set[str] = set()
    rest: list[str] = []
    for part in plain_text("--map", text or "").split(","):
        fact, _, place = (piece.strip() for piece in part.partition("="))
        if fact in named and place:
            named[fact] = place
            asked.add(fact)
        else:
            rest.append(part)
    try:
        facts = parse_map(",".join(rest))
    except ValueError as error:
        raise BadRequest(f"--map: {error}") from error
    return Places(
        named,
        frozenset(asked),
        replace(
            facts,
            label=facts.label if "label" in facts.asked else (),
            domain=facts.domain if "domain" in facts.asked else (),
            tag_root=facts.tag_root if "tags" in facts.asked else None,
        ),
    )


def reader_named(form: str | None) -> Reader | None:
    """Return the reader to force, if any; raise BadRequest."""
    if form is not None and form not in READERS:
        raise BadRequest(f"There is no format {form!r}; there are {', '.join(READERS)}")
    return None if form is None else READERS[form]


def read_rows(inputs: Sequence[Input], places: Places, reader: Reader | None) -> list[Row]:
    """Return all rows of the files; raise InputUnreadable, and BadRequest where they are too many."""
    rows: list[Row] = []
    for place, item in enumerate(inputs):
        for line in read_lines(item):
            if len(rows) >= MOST:
                raise BadRequest(f"One import takes at most {MOST:,} rows", hint="Import the files in several runs.")
            rows.append(_row(place, line.number, line.body, places, reader))
    return rows


def _row(place: int, number: int, body: bytes, places: Places, reader: Reader | None) -> Row:
    read = read_line(body, places.facts, reader)
    if isinstance(read, Unreadable):
        return Row(place, number, body, None, read.reason)
    names: dict[str, bytes] = {}
    for name, said in _said(body, places).items():
        if said is MISSING or said is None:
            continue
        if isinstance(said, str) and _HEX.fullmatch(said):
            names[name] = parse(said.lower())
        elif name in places.asked:
            return Row(place, number, body, None, f"bad_{name}")
    return Row(place, number, body, read, None, names.get("sample"), names.get("version"), names.get("batch"))


def _said(body: bytes, places: Places) -> dict[str, Any]:
    """Return what stands where names may stand; most lines without names are told without parsing them again."""
    last = [path.rpartition(".")[2].encode() for path in places.named.values()]
    if b"\\u" not in body and not any(b'"%b"' % word in body for word in last):
        return {}
    try:
        value = strict_json(body.decode())
    except BadJson:  # not reached: the line was read
        return {}
    return {name: at(value, path) for name, path in places.named.items()}
