"""Lines of files: plain, gzip or zstd, and rows of Parquet; directories, patterns, standard input; constant memory."""

from __future__ import annotations

import glob
import gzip
import io
import os
import stat
import sys
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ledger.errors import InputNotFound, InputUnreadable, SourceClash
from ledger.readers import parquet, unpacking

STDIN = "-"
_PACKED = (".gz", ".zst")
_LINES = (".jsonl", ".json", ".ndjson")
SUFFIXES = (*_LINES, *(name + packed for packed in _PACKED for name in _LINES), ".parquet")
_MANIFEST = ".manifest.json"
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"
_FIRST = 4
"""Bytes of a file that say what it is; its name does not matter."""

LONGEST = 512 * 1024 * 1024
"""Bytes. What has no line end for so long is no JSONL file, and SQLite could not hold it as one blob."""


class Input(NamedTuple):
    """One input: its source name, its path (None: standard input) and the bytes its lines have, if known beforehand."""

    source: str
    path: Path | None
    size: int | None


class RawLine(NamedTuple):
    """One line without its end: number from 1, byte offset in the (uncompressed) input, bytes.

    A row of Parquet stands at the offset that it would have if the rows before it were lines of a file.
    """

    number: int
    offset: int
    body: bytes


def find_inputs(names: Iterable[str], source: str | None = None) -> list[Input]:
    """Return the inputs that `names` stand for, in the order given, directories and patterns sorted.

    `source` stands in the place of the files' names; both become source names.
    Raises InputNotFound, InputUnreadable (nothing in a directory), SourceClash.
    """
    try:
        inputs = [item for name in names for item in _inputs(name, source)]
    except OSError as error:
        raise InputUnreadable(error.filename, error.strerror) from error
    seen: dict[str, Input] = {}
    for item in inputs:
        other = seen.setdefault(item.source, item)
        if other is not item:
            raise SourceClash(item.source, other.path or STDIN, item.path or STDIN)
    return inputs


def source_name(text: str) -> str:
    """Return the name under which a source enters identities.

    It is in NFC, since file systems differ in how they keep a name, and without `.gz` or `.zst`: a file that was
    compressed since it was read is the same source.
    """
    name = unicodedata.normalize("NFC", text)
    return next((name.removesuffix(end) for end in _PACKED if name.endswith(end)), name) or name


def read_lines(item: Input) -> Iterator[RawLine]:
    """Yield the lines of one input that are not blank; raise InputUnreadable where it cannot be read.

    Raises CodecMissing for zstd and BadRequest for Parquet where the package is not installed that reads it.

    The line end (LF or CRLF) and a byte order mark at the start are not part of a line. Nothing is read twice, so
    pipes do as well as files.
    """
    if item.path is None and sys.stdin is None:
        raise InputUnreadable(STDIN, "standard input is closed")
    try:
        if item.path is None:
            yield from _plain_lines(sys.stdin.buffer, STDIN)
        else:
            with item.path.open("rb", buffering=0) as file:
                yield from _plain_lines(file, str(item.path))
    except (OSError, EOFError, zlib.error) as error:
        raise InputUnreadable(item.path or STDIN, getattr(error, "strerror", None) or error) from error


def _plain_lines(file: BinaryIO | io.FileIO, name: str) -> Iterator[RawLine]:
    ahead = io.BufferedReader(file)  # type: ignore[type-var]  # all it asks of a stream is `readinto`
    try:
        first = ahead.peek(_FIRST)[:_FIRST]
        if first == parquet.MAGIC:
            yield from _rows(ahead, name)
        elif unpacking.is_zstd(first):
            with unpacking.unpacked(ahead, name) as unpacked:
                yield from _lines(unpacked.readline, name)
        elif first[: len(_GZIP)] == _GZIP:
            with gzip.open(ahead) as unzipped:
                yield from _lines(unzipped.readline, name)
        else:
            yield from _lines(ahead.readline, name)
    finally:
        ahead.detach()  # whoever opened the file closes it


def _rows(file: BinaryIO, name: str) -> Iterator[RawLine]:
    offset = 0
    for number, body in enumerate(parquet.parquet_lines(file, name), 1):
        if len(body) > LONGEST:
            raise InputUnreadable(name, f"row {number} has {len(body)} bytes as a line; the most is {LONGEST}")
        yield RawLine(number, offset, body)
        offset += len(body) + 1


def _inputs(name: str, source: str | None) -> Iterator[Input]:
    if name == STDIN:
        yield Input(source_name(source or "stdin"), None, None)
        return
    for path in _paths(name):
        status = path.stat()
        is_known = stat.S_ISREG(status.st_mode) and path.suffix not in {*_PACKED, ".parquet"}
        yield Input(source_name(source or _name(path)), path, status.st_size if is_known else None)


def _name(path: Path) -> str:
    return os.fsencode(path.name).decode("utf-8", "replace")


def _paths(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        found = sorted(child for child in path.iterdir() if child.is_file() and _is_input(child))
        if not found:
            raise InputUnreadable(path, f"the directory holds no {', '.join(SUFFIXES[:3])} file")
        return found
    if path.exists():
        return [path]
    found = sorted(Path(match) for match in glob.glob(name, recursive=True) if Path(match).is_file())  # noqa: PTH207 - patterns may be absolute
    if not found:
        raise InputNotFound(name)
    return found


def _is_input(child: Path) -> bool:
    """Say whether a file of a directory is meant: not a manifest, and not the export that one stands beside."""
    exported = child.name.endswith(_MANIFEST) or child.with_name(child.name + _MANIFEST).exists()
    return child.name.endswith(SUFFIXES) and not exported


def _lines(readline: Callable[[int], bytes], name: str) -> Iterator[RawLine]:
    offset = 0
    for number, line in enumerate(iter(partial(readline, LONGEST + 1), b""), 1):
        if len(line) > LONGEST:
            raise InputUnreadable(name, f"line {number} has no end for {LONGEST} bytes; this is no JSONL file")
        start, end = 0, len(line)
        if number == 1:
            if line.startswith(_UTF16):
                raise InputUnreadable(name, "it is UTF-16; convert it to UTF-8 first")
            start = len(_BOM) if line.startswith(_BOM) else 0
        if line.endswith(b"\n"):
            end -= 2 if line.endswith(b"\r\n") else 1
        body = line[start:end]
        if body and not body.isspace():
            yield RawLine(number, offset + start, body)
        offset += len(line)
