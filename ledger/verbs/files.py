"""Files that stand whole or not at all: written beside their place, made durable, then renamed into it."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from blake3 import blake3

from ledger.errors import BadRequest, DiskFull, InputNotFound, InputUnreadable, NotWritable
from ledger.exporters.manifest import SUFFIX
from ledger.verbs.words import plain_text

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_OF_THE_LEDGER = ("", "-journal", "-wal", "-shm")
_BLOCK = 1 << 20
_DOCTYPE = b"<!DOCTYPE HTML>"
MOST_BYTES = 64 << 20
"""Bytes of a file that is read as a whole (a schema, a rubric, a graph): a device may have no end."""
STANDS = "it stands there already"
ANOTHER_NAME = "What stands there is not replaced: give the export a new name."


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Turn what the system says about a file into DiskFull or NotWritable."""
    try:
        yield
    except OSError as error:
        said = error.strerror or str(error)
        if error.errno in _NO_ROOM:
            raise DiskFull(f"{path}: {said}") from error
        raise NotWritable(path, said) from error


class WholeFile:
    """A file in the making, with the size and BLAKE3 of what was written so far.

    As a context manager: what was not `put` in its place is removed on leaving. Raises DiskFull, NotWritable.
    """

    def __init__(self, place: Path) -> None:
        """Prepare to write the file that will stand at `place`; nothing is created yet."""
        self.place = place
        self.size = 0
        self._hasher = blake3()
        # Not named after the place: that name may be as long as the file system allows.
        self._draft = place.with_name(f".ledger-{secrets.token_hex(8)}.tmp")
        self._file: BinaryIO | None = None
        self._reserved: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        """Create the file beside its place."""
        with plain_errors(self.place):
            self._file = self._draft.open("xb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close and remove what was not put in its place."""
        if self._file is not None:
            with suppress(OSError):  # what could not be written was reported when it was written
                self._file.close()
            self._draft.unlink(missing_ok=True)
            self._give_back()

    def reserve(self) -> None:
        """Take the place for this file, which nobody else has then; given back unless the file is `put` there.

        Raises NotWritable where anything stands there: of two who want a place at the same time, one gets it.
        """
        try:
            with plain_errors(self.place):
                number = os.open(self.place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except NotWritable as error:
            if isinstance(error.__cause__, FileExistsError):
                raise NotWritable(self.place.name, STANDS, hint=ANOTHER_NAME) from error
            raise
        found = os.fstat(number)
        os.close(number)
        self._reserved = found.st_dev, found.st_ino

    @property
    def digest(self) -> bytes:
        """Return the BLAKE3 of what was written."""
        return self._hasher.digest()

    def write(self, data: bytes) -> None:
        """Append bytes."""
        with plain_errors(self.place):
            self._open.write(data)
        self._hasher.update(data)
        self.size += len(data)

    def settle(self) -> None:
        """Make what was written durable; from here on only `put` can fail for lack of room, and hardly ever does."""
        with plain_errors(self.place):
            self._open.flush()
            os.fsync(self._open.fileno())

    def _give_back(self) -> None:
        """Remove what was reserved, if it still is what was left there: the same file, and empty."""
        with suppress(OSError):
            there = self.place.lstat()
            if (there.st_dev, there.st_ino) == self._reserved and there.st_size == 0:
                self.place.unlink()

    def put(self) -> None:
        """Move the file to its place, over what stands there."""
        with plain_errors(self.place):
            self._open.close()
            self._draft.replace(self.place)
            self._file = None
            _settle_folder(self.place.parent)

    @property
    def _open(self) -> BinaryIO:
        if self._file is None:
            raise ValueError(f"{self.place} is not being written")
        return self._file


def place_for(out: Path, ledger: Path) -> Path:
    """Return where an export named `out` is to stand: links are followed, so a link stays and its target changes.

    Raises NotWritable where no export can stand (a directory, a device, the ledger's own files, no such directory)
    and BadRequest for a name that a manifest cannot hold.
    """
    if "\0" in str(out):
        raise BadRequest("The output's path holds a NUL byte")
    plain_text("The output's name", out.name)
    place = Path(os.path.realpath(out))
    own = Path(os.path.realpath(ledger))
    with plain_errors(out):
        mode = _mode(place)
        itself = mode is not None and ledger.exists() and place.samefile(ledger)
    if itself or any(place == own.with_name(own.name + end) for end in _OF_THE_LEDGER):
        raise NotWritable(out, "it is a file of the ledger itself")
    if mode is not None and not stat.S_ISREG(mode):
        raise NotWritable(out, "it is a directory" if stat.S_ISDIR(mode) else "it is not a plain file")
    if not place.parent.is_dir():
        raise NotWritable(out, f"there is no directory {place.parent}")
    return place


def put_page(out: Path, ledger: Path, page: bytes) -> int:
    """Write a page of HTML, whole or not at all, and return its size; most likely no other file was meant.

    Raises NotWritable, also where a file stands that is no page, BadRequest, DiskFull.
    """
    place = place_for(out, ledger)
    with plain_errors(out):
        if place.is_file():
            with place.open("rb") as file:
                if file.read(len(_DOCTYPE)).upper() not in {_DOCTYPE, b""}:
                    raise NotWritable(place, "a file that is no HTML page stands there; name another")
    with WholeFile(place) as whole:
        whole.write(page)
        whole.settle()
        whole.put()
        return whole.size


def manifest_path(out: Path) -> Path:
    """Return where the manifest of an export stands."""
    return out.with_name(out.name + SUFFIX)


def read_whole(path: Path, most: int = MOST_BYTES) -> bytes:
    """Return the bytes of a file; raise OSError, also (EFBIG) for one of more than `most` bytes."""
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has over {most:,} bytes")
    return data


def read_text(source: str | Path | BinaryIO, most: int, hint: str) -> str:
    """Return a UTF-8 file as text, or as much of it as no such file can have: a device may have no end.

    `most` is in bytes; what reads the text refuses one so long. `hint` is the next step in errors. Raises as
    `first_bytes` and `text_of`.
    """
    return text_of(first_bytes(source, most, hint), source, most, hint)


def first_bytes(source: str | Path | BinaryIO, most: int, hint: str) -> bytes:
    """Return the first `most` bytes of a file, or of an open one.

    Raises InputNotFound, and InputUnreadable, also for a name that no file can have.
    """
    try:
        if not isinstance(source, (str, Path)):
            return source.read(most)
        with Path(source).open("rb") as file:
            return file.read(most)
    except ValueError as error:
        raise InputUnreadable(called(source), "no file can be called so", hint=hint) from error
    except FileNotFoundError as error:
        raise InputNotFound(called(source), hint=hint) from error
    except OSError as error:
        raise InputUnreadable(called(source), error.strerror, hint=hint) from error


def text_of(data: bytes, source: str | Path | BinaryIO, most: int, hint: str) -> str:
    """Return the first `most` bytes of a file as text, without a byte order mark; nor a character that they cut.

    Raises InputUnreadable for what is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig", errors="strict" if len(data) < most else "ignore")
    except UnicodeDecodeError as error:
        raise InputUnreadable(called(source), "it is not UTF-8", hint=hint) from error


def called(source: str | Path | BinaryIO) -> str:
    """Return what a file is called in errors; an open one is standard input, the only one that verbs are given."""
    return str(source) if isinstance(source, (str, Path)) else "-"


def digest_of_file(path: Path) -> bytes:
    """Return the BLAKE3 of a file's bytes; raise OSError."""
    hasher = blake3()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            hasher.update(block)
    return hasher.digest()


def _mode(place: Path) -> int | None:
    try:
        return place.stat().st_mode
    except FileNotFoundError:
        return None


def _settle_folder(folder: Path) -> None:
    """Make a rename durable, where the file system lets a folder be synced."""
    with suppress(OSError):  # the file itself is whole and durable either way
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
