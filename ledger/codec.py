"""Bytes stored smaller: zstd, with dictionaries trained on a ledger's own bytes and kept in it.

A blob's codec is 0 where its bytes stand as they are, else the number of the dictionary they were packed with. Hashes
and sizes are always of the bytes themselves, so nothing that names bytes knows how they are stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ledger.digest import blake3_bytes
from ledger.errors import CodecMissing

if TYPE_CHECKING:
    from types import ModuleType

    import zstandard

RAW = 0
LEVEL = 3
"""Of zstd, for what is appended: 6 µs a line, 0.21 of its bytes (measured on 12,879 real lines of 1.35 KB)."""

PATIENT_LEVEL = 9
"""For packing a whole file anew: 28 µs a line, 0.18 of its bytes."""

DICTIONARY_BYTES = 256 * 1024
"""Twice what zstd's own tool makes saves 6 in 100 of the packed bytes, twice that again 5; whoever reads loads it."""

LESSONS = 4_000
"""Blobs that a dictionary is trained on: 10,000 give the same ratio."""

LESSON_BYTES = 16 * 1024
"""What is looked at of each; a dictionary is made of short pieces."""

FEWEST, LEAST_BYTES = 8, 4096
"""Blobs, and bytes of all, that there must be to learn from; with fewer the dictionary is empty. zstd itself asks for
nearly as many, and with a few bytes in all it crashes."""

LARGEST = 1 << 30
"""Bytes. SQLite holds no larger blob, so no honest size is above it, and none makes memory run out."""

_SEGMENT, _GRAM = 1024, 8
"""zstd's k and d for choosing pieces. Given, the training takes one pass; searched for, four of them for the same."""


class Dictionary(NamedTuple):
    """A dictionary of a ledger: its number, the BLAKE3 of its bytes, the bytes (empty: packed without one)."""

    number: int
    hash: bytes
    body: bytes


Fetch = Callable[[int], Dictionary | None]

MISSED: set[Path] = set()
"""Files in which SQL met packed bytes where zstandard is not installed: SQL itself can only say that it failed."""


class Unpackable(ValueError):  # noqa: N818 - a value in disguise: becomes a finding or a CorruptLedger
    """Stored bytes, or a dictionary, that are not what they were."""


class Codec:
    """What packs and unpacks the bytes of one ledger file; its dictionaries are fetched when they are needed."""

    def __init__(self, path: Path, fetch: Fetch) -> None:
        """Read dictionaries by number through `fetch` (None: there is none); `path` stands in errors."""
        self._path = path
        self._fetch = fetch
        self._unpackers: dict[int, zstandard.ZstdDecompressor] = {}
        self._packers: dict[tuple[bytes, int], zstandard.ZstdCompressor] = {}

    def packer(self, number: int, digest: bytes, level: int = LEVEL) -> Callable[[bytes], tuple[int, bytes]]:
        """Return what makes (codec, bytes to store) of bytes: packed so, or raw where that is no smaller.

        `digest` is the dictionary's: a number may be another's by now. Raises CodecMissing, and Unpackable where the
        dictionary is damaged.
        """
        if (digest, level) not in self._packers:
            self._packers = {(digest, level): self._packer(number, level)}
        compress = self._packers[digest, level].compress

        def pack(body: bytes) -> tuple[int, bytes]:
            packed = compress(body) if len(body) <= LARGEST else body
            return (number, packed) if len(packed) < len(body) else (RAW, body)

        return pack

    def unpack(self, number: int, size: int, body: bytes) -> bytes:
        """Return the bytes themselves: `size` of them, never more, whatever the packed ones claim.

        Raises Unpackable where they are damaged, or their dictionary is, and CodecMissing.
        """
        if number == RAW:
            return body
        zstd = _zstandard(self._path)
        try:
            if not 0 <= size <= LARGEST or zstd.get_frame_parameters(body).content_size != size:
                raise Unpackable("the packed bytes say another size")
            if number in self._unpackers:
                with suppress(zstd.ZstdError):  # another process may have packed everything anew meanwhile
                    return self._unpackers[number].decompress(body, allow_extra_data=False)
            self._unpackers[number] = zstd.ZstdDecompressor(dict_data=self._dictionary(number))
            return self._unpackers[number].decompress(body, allow_extra_data=False)
        except (zstd.ZstdError, MemoryError, TypeError) as error:
            raise Unpackable(f"the bytes cannot be unpacked: {error}") from error

    def plain(self, number: int, size: int, body: bytes | None) -> bytes | None:
        """Do the same inside SQL: what cannot be unpacked stays as it is, and so does not have its address."""
        if body is None:
            return None
        try:
            return self.unpack(number, size, body)
        except Unpackable:
            return body
        except CodecMissing:
            MISSED.add(self._path)
            raise

    def _packer(self, number: int, level: int) -> zstandard.ZstdCompressor:
        dictionary = self._dictionary(number)
        if dictionary is not None:
            dictionary.precompute_compress(level=level)
        packer: zstandard.ZstdCompressor = _zstandard(self._path).ZstdCompressor(level=level, dict_data=dictionary)
        return packer

    def _dictionary(self, number: int) -> zstandard.ZstdCompressionDict | None:
        """Return a dictionary, None for an empty one; raise Unpackable where there is no such."""
        found = self._fetch(number)
        if found is None:
            raise Unpackable(f"there is no dictionary {number}")
        if blake3_bytes(found.body) != found.hash:
            raise Unpackable(f"the dictionary {number} is not what it was")
        zstd = _zstandard(self._path)
        made: zstandard.ZstdCompressionDict | None = zstd.ZstdCompressionDict(found.body) if found.body else None
        return made


def train(path: Path, lessons: Sequence[bytes]) -> bytes:
    """Return a dictionary for bytes like these, empty where they are too few or too small to learn from.

    The same lessons give the same dictionary. It quotes them: where one is to be forgotten, so is the dictionary.
    Raises CodecMissing.
    """
    zstd = _zstandard(path)
    total = sum(map(len, lessons))
    if len(lessons) < FEWEST or total < LEAST_BYTES:
        return b""
    size = min(DICTIONARY_BYTES, total // 8)
    try:
        made: bytes = zstd.train_dictionary(size, list(lessons), k=_SEGMENT, d=_GRAM, level=LEVEL).as_bytes()
    except zstd.ZstdError:  # there is nothing to learn
        return b""
    return made


def _zstandard(path: Path) -> ModuleType:
    try:
        import zstandard  # noqa: PLC0415 - only a ledger with packed bytes needs it
    except ImportError as error:
        raise CodecMissing(path) from error
    return zstandard
