"""The archive: a ledger as lines of text, which any program can read and from which the same ledger is made again.

Every line is restricted JSON (ledger/digest.py) and ends with a line feed. The first names the ledger; then, commit by
commit, come the blobs that it brought, its events and its head; the last sums up. Everything before the last line only
ever grows, as the log does: a later archive of a ledger begins with the lines of an earlier one, but for the bytes that
were erased since. Pure: lines in, values out; no file is opened here.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple, TypeAlias

from blake3 import blake3

from ledger.checkpoint import Checkpoint
from ledger.digest import DIGEST_BYTES, Fragment, NotRestricted, decode, encode
from ledger.tree import EMPTY_ROOT

FORMAT = 1
MOST_BYTES = 1 << 30
"""Bytes of one line; SQLite holds no blob of more."""

_HASH = "blake3"
_ID_DIGITS = 32


class Start(NamedTuple):
    """The first line: whose archive it is."""

    ledger: str


class Blob(NamedTuple):
    """The next blob, counted from 1; `body` is None where its bytes were erased."""

    hash: bytes
    size: int
    body: bytes | None


class Event(NamedTuple):
    """The next event, counted from 0: its exact leaf and its columns; `sample` is a position, `blob` the n-th blob."""

    op: bytes
    sample: int | None
    blob: int | None
    leaf: bytes


class Mark(NamedTuple):
    """The head that a commit wrote: so many events under this root and so many blobs, at this time."""

    size: int
    root: bytes
    blobs: int
    at: int


class End(NamedTuple):
    """The last line: how much there is, where the log ends, and the BLAKE3 of every line before this one."""

    blobs: int
    checkpoint: str
    digest: bytes
    erased: int
    events: int
    heads: int


Line: TypeAlias = Start | Blob | Event | Mark | End


class Tally:
    """What the last line of an archive must say, followed while its other lines pass by."""

    def __init__(self) -> None:
        """Begin before the first line."""
        self.blobs = self.erased = self.events = self.heads = 0
        self._ledger = ""
        self.root = EMPTY_ROOT
        self._hasher = blake3()

    def pass_by(self, data: bytes, line: Line) -> None:
        """Count a line and its bytes."""
        self._hasher.update(data)
        if isinstance(line, Blob):
            self.blobs += 1
            self.erased += line.body is None
        elif isinstance(line, Event):
            self.events += 1
        elif isinstance(line, Mark):
            self.heads, self.root = self.heads + 1, line.root
        elif isinstance(line, Start):
            self._ledger = line.ledger

    def end(self) -> End:
        """Return the last line."""
        checkpoint = Checkpoint(self._ledger, self.events, self.root).to_text()
        return End(self.blobs, checkpoint, self._hasher.digest(), self.erased, self.events, self.heads)


def next_line(stream: BinaryIO) -> bytes:
    """Return the next line of a stream with its end, nothing at the end of it; raise NotRestricted for a cut one."""
    data = stream.readline(MOST_BYTES)
    if data and not data.endswith(b"\n"):
        raise NotRestricted(f"it has over {MOST_BYTES:,} bytes" if len(data) == MOST_BYTES else "it is cut off")
    return data


def written(line: Line) -> bytes:
    """Return a line as bytes, its end included."""
    return encode(_value(line)) + b"\n"


def read(data: bytes) -> Line:
    """Return what a line says; raise NotRestricted unless it is exactly what `written` writes."""
    value = decode(data[:-1])
    kind = value.get("line") if isinstance(value, dict) else None
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise NotRestricted("it is no line of an archive")
    try:
        line = reader(value, data)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise NotRestricted(f"it is not a whole line of an archive: {error}") from error
    return line


def _value(line: Line) -> dict[str, Any]:
    if isinstance(line, Start):
        return {"format": FORMAT, "hash": _HASH, "ledger": line.ledger, "line": "archive"}
    if isinstance(line, Blob):
        return {"hash": line.hash.hex(), "line": "blob", "size": line.size, **_body(line.body)}
    if isinstance(line, Event):
        leaf = Fragment(line.leaf)
        return {"blob": line.blob, "leaf": leaf, "line": "event", "op": line.op.hex(), "sample": line.sample}
    if isinstance(line, Mark):
        return {**line._asdict(), "line": "head", "root": line.root.hex()}
    return {**line._asdict(), "line": "end", "digest": line.digest.hex()}


def _body(body: bytes | None) -> dict[str, str]:
    """Return bytes as text where they are UTF-8, so that an archive can be read and searched; else in base64."""
    if body is None:
        return {}
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": b64encode(body).decode("ascii")}


def _start(value: dict[str, Any], _data: bytes) -> Start:
    _exactly(value, "format", "hash", "ledger")
    if value["format"] != FORMAT or value["hash"] != _HASH:
        raise NotRestricted(f"it is an archive of format {value['format']}; this program reads format {FORMAT}")
    if len(value["ledger"]) != _ID_DIGITS or bytes.fromhex(value["ledger"]).hex() != value["ledger"]:
        raise NotRestricted("it names no ledger")
    return Start(value["ledger"])


def _blob(value: dict[str, Any], data: bytes) -> Blob:
    form = next((name for name in ("text", "base64") if name in value), None)
    _exactly(value, "hash", "size", *(() if form is None else (form,)))
    body = None
    if form is not None:
        body = value["text"].encode() if form == "text" else b64decode(value["base64"], validate=True)
    line = Blob(_digest(value["hash"]), _count(value["size"]), body)
    if form == "base64" and written(line) != data:
        raise NotRestricted("its bytes are written otherwise than in an archive")
    if body is not None and (len(body) != line.size or blake3(body).digest() != line.hash):
        raise NotRestricted("its bytes do not have its address or size")
    return line


def _event(value: dict[str, Any], data: bytes) -> Event:
    _exactly(value, "blob", "leaf", "op", "sample")
    if not isinstance(value["leaf"], dict):
        raise NotRestricted("its leaf is no object")
    sample, blob = (None if value[name] is None else _count(value[name]) for name in ("sample", "blob"))
    # The line is canonical, so the leaf stands between two known texts, in exactly the bytes that were hashed.
    before = encode({"blob": blob})[:-1] + b',"leaf":'
    after = encode({"line": "event", "op": value["op"], "sample": sample})[1:]
    return Event(_digest(value["op"]), sample, blob, data[len(before) : -len(after) - 2])


def _mark(value: dict[str, Any], _data: bytes) -> Mark:
    _exactly(value, "size", "root", "blobs", "at")
    size, blobs, at = (_count(value[name]) for name in ("size", "blobs", "at"))
    return Mark(size, _digest(value["root"]), blobs, at)


def _end(value: dict[str, Any], _data: bytes) -> End:
    _exactly(value, *End._fields)
    if type(value["checkpoint"]) is not str:
        raise NotRestricted("its checkpoint is no text")
    counts = {name: _count(value[name]) for name in ("blobs", "erased", "events", "heads")}
    return End(checkpoint=value["checkpoint"], digest=_digest(value["digest"]), **counts)


_READERS: dict[str, Callable[[dict[str, Any], bytes], Line]] = {
    "archive": _start,
    "blob": _blob,
    "event": _event,
    "head": _mark,
    "end": _end,
}


def _exactly(value: dict[str, Any], *names: str) -> None:
    if value.keys() != {"line", *names}:
        raise NotRestricted(f"it does not hold exactly {', '.join(names)}")


def _digest(text: str) -> bytes:
    raw = bytes.fromhex(text)
    if len(raw) != DIGEST_BYTES or raw.hex() != text:
        raise NotRestricted(f"{text!r} is not a whole digest")
    return raw


def _count(value: int) -> int:
    if type(value) is not int or value < 0:
        raise NotRestricted(f"{value!r} is no count")
    return value
