"""Files compressed with zstd, as a stream of their bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ledger.errors import CodecMissing

if TYPE_CHECKING:
    import zstandard

MAGIC = b"\x28\xb5\x2f\xfd"
_NO_DATA = frozenset(bytes([kind]) + b"\x2a\x4d\x18" for kind in range(0x50, 0x60))
"""How frames begin that hold no data; some programs write one first."""

_BLOCK = 1024
"""Packed bytes taken at a time: the most that they can become is 128 KiB for every four, so memory stays bounded."""


def is_zstd(first: bytes) -> bool:
    """Say whether a file whose first four bytes these are is compressed with zstd."""
    return first == MAGIC or first in _NO_DATA


def unpacked(file: BinaryIO | io.BufferedReader, name: str) -> io.BufferedReader:
    """Return the unpacked bytes of all frames of a file, one after the other, in constant memory.

    Reading raises OSError for what is damaged and EOFError for what ends too early. Raises CodecMissing.
    """
    try:
        import zstandard  # noqa: PLC0415 - only files compressed so need it
    except ImportError as error:
        raise CodecMissing(Path(name)) from error
    return io.BufferedReader(_Frames(file.read, zstandard.ZstdDecompressor(), zstandard.ZstdError))


class _Frames(io.RawIOBase):
    """The frames of a file; `zstandard`'s own stream takes a file that was cut off for whole."""

    def __init__(
        self, read: Callable[[int], bytes], unpacker: zstandard.ZstdDecompressor, damage: type[Exception]
    ) -> None:
        super().__init__()
        self._read = read
        self._unpacker = unpacker
        self._damage = damage
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._packed = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # what BufferedReader passes
        while not self._ready:
            self._packed = self._packed or self._read(_BLOCK)
            if not self._packed:
                if self._frame is not None:
                    raise EOFError("it ends in the middle of a zstd frame")
                return 0
            self._ready = memoryview(self._step())
        taken = min(len(buffer), len(self._ready))
        buffer[:taken] = self._ready[:taken]
        self._ready = self._ready[taken:]
        return taken

    def _step(self) -> bytes:
        """Unpack what was read; what follows the end of a frame is the next one's."""
        frame = self._frame = self._frame or self._unpacker.decompressobj()
        try:
            made = frame.decompress(self._packed)
        except self._damage as error:
            raise OSError(f"zstd: {error}") from error
        self._packed = b""
        if frame.eof:
            self._packed, self._frame = frame.unused_data, None
        return made
