"""Readers: from the bytes of one line to a sample's content and facts. One shape of line, one file."""

from __future__ import annotations

from itertools import islice

from ledger.errors import UnknownEvent
from ledger.readers import instruction, messages, prompt_completion
from ledger.readers.contract import Facts, Line, Raw, Reader, Reading, Refused, Unreadable, refuse, short
from ledger.readers.envelope import FactMap, map_of, read_facts
from ledger.readers.quick import quick_object, quick_prints
from ledger.sample import BadJson, Content, both_fingerprints, strict_json

READERS: dict[str, Reader] = {
    reader.name: reader for reader in (messages.READER, prompt_completion.READER, instruction.READER)
}
"""Every reader by name, in the order in which a line's shape is tried."""

_BY_ID = {reader.id: reader for reader in READERS.values()}

LARGEST_LINE = 64 * 1024 * 1024
"""Bytes. A longer line is kept in quarantine and not parsed, so that memory stays bounded."""

__all__ = [
    "LARGEST_LINE",
    "READERS",
    "FactMap",
    "Facts",
    "Raw",
    "Reader",
    "Reading",
    "Unreadable",
    "content_bytes",
    "content_of",
    "map_of",
    "raw_of",
    "read_line",
    "reader_of",
]


def read_line(body: bytes, places: FactMap, forced: Reader | None = None) -> Reading | Unreadable:
    """Return what one line is: a Reading, or the reason why it is none. Never raises for bad data."""
    quick = _read_quickly(body, places, forced)
    if quick is not None:
        return quick
    if len(body) > LARGEST_LINE:
        return Unreadable("too_long", f"{len(body)} bytes; the longest line is {LARGEST_LINE}")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        return Unreadable("invalid_utf8", f"byte {error.start} of the line is not UTF-8")
    try:
        value = strict_json(text)
        reader = _reader_for(value, forced)
        content = reader.read(value)
        facts = read_facts(value, places)
    except (BadJson, Refused) as error:
        return Unreadable(error.reason, str(error))
    whole, prompt = both_fingerprints(content)
    return Reading(reader.id, content.form, content.type, whole, prompt, facts)


def content_of(body: bytes, reader_id: str) -> Content:
    """Return the content of a version's bytes by the reader its event names; raise UnknownEvent for a newer one."""
    return reader_of(reader_id).read(strict_json(body.decode()))


def raw_of(body: bytes, reader_id: str) -> Raw:
    """Return the exact text of a version's training fields by the reader that its event names."""
    reader = reader_of(reader_id)
    found = None if reader.usual is None else reader.usual(body)
    return reader.raw(Line(body.decode(), reader.split, reader.keys)) if found is None else found


def content_bytes(body: bytes, reader_id: str) -> bytes:
    """Return the line with its training fields only, each exactly as it stands: the form of derived blobs."""
    line = Line(body.decode())
    fields = ((key, line.raw(key)) for key in reader_of(reader_id).keys)
    return ("{" + ", ".join(f'"{key}": {text}' for key, text in fields if text is not None) + "}").encode()


def reader_of(reader_id: str) -> Reader:
    """Return the reader of an id; raise UnknownEvent where this version has none such."""
    reader = _BY_ID.get(reader_id)
    if reader is None:
        raise UnknownEvent(f"what the reader {reader_id} made")
    return reader


def _read_quickly(body: bytes, places: FactMap, forced: Reader | None) -> Reading | None:
    """Return the reading of a usual line; None where the long way has to be gone, whatever it leads to."""
    if len(body) > LARGEST_LINE or places.decisions is not None or (value := quick_object(body)) is None:
        return None
    try:
        reader = _reader_for(value, forced)
        content = reader.read(value)
        facts = read_facts(value, places)
    except Refused:
        return None
    prints = quick_prints(content)
    # A number beyond 64 bits is a float here; as a fact it would be written with an exponent.
    if prints is None or "e+" in (facts.domain or "") or any("e+" in text for text in facts.tags.values()):
        return None
    return Reading(reader.id, content.form, content.type, *prints, facts)


def _reader_for(value: object, forced: Reader | None) -> Reader:
    if not isinstance(value, dict):
        raise refuse("not_an_object", "the line is JSON but not an object")
    if forced is not None:
        return forced
    for reader in READERS.values():
        if reader.matches(value):
            return reader
    shown = ", ".join(short(key) for key in islice(value, 8))
    raise refuse("unknown_shape", f"no reader knows a line with the fields {shown or '(none)'}")
