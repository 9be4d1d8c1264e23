"""Lines of files: plain or gzip, directories and patterns, standard input, in constant memory."""

from __future__ import annotations

import glob
import gzip
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ledger.errors import InputNotFound, InputUnreadable, SourceClash

STDIN = "-"
SUFFIXES = (".jsonl", ".json", ".ndjson", ".jsonl.gz", ".json.gz", ".ndjson.gz")
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"


class Input(NamedTuple):
    """One input: its source name, its path (None: standard input) and its size on disk, if known."""

    source: str
    path: Path | None
    size: int | None


class RawLine(NamedTuple):
    """One line without its end: number from 1, byte offset in the (uncompressed) input, bytes."""

    number: int
    offset: int
    body: bytes


def find_inputs(names: Iterable[str], source: str | None = None) -> list[Input]:
    """Return the inputs that `names` stand for, in the order given, directories and patterns sorted.

    Raises InputNotFound, InputUnreadable (nothing in a directory), SourceClash.
    """
    inputs: list[Input] = []
    for name in names:
        if name == STDIN:
            inputs.append(Input(source or "stdin", None, None))
            continue
        for path in _paths(name):
            inputs.append(Input(source or _name(path), path, path.stat().st_size))
    seen: dict[str, Input] = {}
    for item in inputs:
        other = seen.setdefault(item.source, item)
        if other is not item:
            raise SourceClash(item.source, other.path or STDIN, item.path or STDIN)
    return inputs


def read_lines(item: Input) -> Iterator[RawLine]:
    """Yield the lines of one input that are not blank; raise InputUnreadable where it cannot be read.

    The line end (LF or CRLF) and a byte order mark at the start are not part of a line.
    """
    try:
        if item.path is None:
            yield from _lines(sys.stdin.buffer, STDIN)
            return
        with item.path.open("rb") as file:
            magic = file.read(2)
            file.seek(0)
            if magic == _GZIP:
                with gzip.open(file) as unpacked:
                    yield from _lines(unpacked, str(item.path))  # type: ignore[arg-type]  # reads like a BinaryIO
            else:
                yield from _lines(file, str(item.path))
    except (OSError, EOFError, zlib.error) as error:
        raise InputUnreadable(item.path or STDIN, getattr(error, "strerror", None) or error) from error


def _name(path: Path) -> str:
    return os.fsencode(path.name).decode("utf-8", "replace")


def _paths(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        found = sorted(child for child in path.iterdir() if child.is_file() and child.name.endswith(SUFFIXES))
        if not found:
            raise InputUnreadable(path, f"the directory holds no {', '.join(SUFFIXES[:3])} file")
        return found
    if path.exists():
        return [path]
    found = sorted(Path(match) for match in glob.glob(name, recursive=True) if Path(match).is_file())  # noqa: PTH207 - patterns may be absolute
    if not found:
        raise InputNotFound(name)
    return found


def _lines(stream: BinaryIO, name: str) -> Iterator[RawLine]:
    offset = 0
    for number, line in enumerate(stream, 1):
        body = line
        start = offset
        offset += len(line)
        if number == 1:
            if body.startswith(_UTF16):
                raise InputUnreadable(name, "it is UTF-16; convert it to UTF-8 first")
            if body.startswith(_BOM):
                body, start = body[len(_BOM) :], start + len(_BOM)
        if body.endswith(b"\n"):
            body = body[:-2] if body.endswith(b"\r\n") else body[:-1]
        if body.strip():
            yield RawLine(number, start, body)
