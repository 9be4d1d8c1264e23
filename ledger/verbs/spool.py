"""Rows that are made in one order and read in another, kept in a nameless file between."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import BinaryIO, Self

from ledger.verbs.files import plain_errors

_LABELS = (False, True, None)


class Spool:
    """Lines and labels by their places: `put` each once, in any order, then read all `in_order`.

    Takes 17 bytes of memory a row; the lines stand in a file without a name, which is gone when it is closed or its
    process ends. As a context manager. Raises DiskFull, NotWritable.
    """

    def __init__(self, folder: Path, rows: int) -> None:
        """Prepare for so many rows; their file stands in `folder`."""
        self._folder = folder
        self._starts, self._ends = array("q", bytes(8 * rows)), array("q", bytes(8 * rows))
        self._labels = bytearray(rows)
        self._size = 0
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Create the file."""
        with plain_errors(self._folder):
            self._file = TemporaryFile(dir=self._folder, buffering=0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()

    def put(self, places: Sequence[int], lines: Sequence[bytes], labels: Sequence[bool | None]) -> None:
        """Keep lines and labels of some places."""
        end = self._size
        for place, line, label in zip(places, lines, labels, strict=True):
            self._starts[place] = end
            end += len(line)
            self._ends[place] = end
            self._labels[place] = _LABELS.index(label)
        self._size = end
        data = memoryview(b"".join(lines))
        with plain_errors(self._folder):
            while data:
                data = data[os.write(self._number, data) :]

    def in_order(self, some: int) -> Iterator[tuple[list[bytes], list[bool | None]]]:
        """Yield lines and labels in the order of their places, `some` at a time."""
        for first in range(0, len(self._starts), some):
            chunk = slice(first, first + some)
            with plain_errors(self._folder):
                spans = zip(self._starts[chunk], self._ends[chunk], strict=True)
                lines = [os.pread(self._number, end - start, start) for start, end in spans]
            yield lines, [_LABELS[code] for code in self._labels[chunk]]

    @property
    def _number(self) -> int:
        if self._file is None:
            raise ValueError("the file for rows is not open")
        return self._file.fileno()
