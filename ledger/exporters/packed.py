"""Fixed-width records kept as packed bytes, partitioned by their first byte.

A million Python tuples of digests cost a gigabyte; the same bytes packed end to end cost what they weigh. Reading
back sorts one part at a time, which fits in a processor cache where one list of everything does not. The first byte
should be that of a hash, so that the parts are of like size; a poor spread costs time and memory, never correctness.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Packed:
    """Records of `width` bytes: `add` them in any order, `drain` them once in byte order."""

    __slots__ = ("_parts", "width")

    def __init__(self, width: int) -> None:
        """Start empty, for records of `width` bytes."""
        self.width = width
        self._parts = [bytearray() for _ in range(256)]

    def add(self, record: bytes) -> None:
        """Keep one record; raise ValueError if it is not `width` bytes long."""
        if len(record) != self.width:
            raise ValueError(_wrong(record, self.width))
        self._parts[record[0]] += record

    def extend(self, records: Iterable[bytes]) -> None:
        """Keep every one of `records`."""
        parts, width = self._parts, self.width
        for record in records:
            if len(record) != width:
                raise ValueError(_wrong(record, width))
            parts[record[0]] += record

    def drain(self) -> Iterator[list[bytes]]:
        """Yield sorted lists that, one after the other, hold every record in byte order; each part is freed first."""
        width = self.width
        for number, part in enumerate(self._parts):
            if not part:
                continue
            self._parts[number] = bytearray()
            raw = bytes(part)
            part.clear()
            yield sorted(raw[at : at + width] for at in range(0, len(raw), width))


def _wrong(record: bytes, width: int) -> str:
    return f"a record of {len(record)} bytes where {width} are expected: digests are 32 bytes"


def runs(records: list[bytes], width: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each run of sorted `records` whose first `width` bytes are equal."""
    start, count = 0, len(records)
    while start < count:
        prefix = records[start][:width]
        end = start + 1
        while end < count and records[end].startswith(prefix):
            end += 1
        yield start, end
        start = end
