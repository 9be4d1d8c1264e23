"""Readers: from the bytes of one line to a sample's content and facts. One shape of line, one file."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.readers import instruction, messages, prompt_completion
from ledger.readers.contract import Facts, Line, Raw, Reader, Reading, Refused, Unreadable
from ledger.readers.envelope import FactMap, read_facts
from ledger.sample import BadJson, Content, both_fingerprints, strict_json

READERS: dict[str, Reader] = {
    reader.name: reader for reader in (messages.READER, prompt_completion.READER, instruction.READER)
}
"""Every reader by name, in the order in which a line's shape is tried."""

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
    "raw_of",
    "read_line",
]


def read_line(body: bytes, places: FactMap, forced: Reader | None = None) -> Reading | Unreadable:
    """Return what one line is: a Reading, or the reason why it is none. Never raises for bad data."""
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
        whole, prompt = both_fingerprints(content)
    except (BadJson, Refused) as error:
        return Unreadable(error.reason, str(error))
    return Reading(reader.id, content.form, content.type, whole, prompt, facts)


def content_of(body: bytes, reader_id: str) -> Content:
    """Return the content of a version's bytes by the reader that its event names."""
    return READERS[reader_id.partition("@")[0]].read(strict_json(body.decode()))


def raw_of(body: bytes, reader_id: str) -> Raw:
    """Return the exact text of a version's training fields by the reader that its event names."""
    text = body.decode()
    reader = READERS[reader_id.partition("@")[0]]
    return reader.raw(Line(text), reader.read(strict_json(text)))


def content_bytes(body: bytes, reader_id: str) -> bytes:
    """Return the line with its training fields only, each exactly as it stands: the form of derived blobs."""
    line = Line(body.decode())
    fields = ((key, line.raw(key)) for key in READERS[reader_id.partition("@")[0]].keys)
    return ("{" + ", ".join(f'"{key}": {text}' for key, text in fields if text is not None) + "}").encode()


def _reader_for(value: object, forced: Reader | None) -> Reader:
    if not isinstance(value, Mapping):
        raise Refused("not_an_object", "the line is JSON but not an object")
    if forced is not None:
        return forced
    for reader in READERS.values():
        if reader.matches(value):
            return reader
    reason = "unknown_shape"
    shown = ", ".join(str(key)[:30] for key in list(value)[:8])
    raise Refused(reason, f"no reader knows a line with the fields {shown or '(none)'}")
