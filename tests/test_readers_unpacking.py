"""Files compressed with zstd: every frame, all of it, and nothing that only looks whole."""

from __future__ import annotations

import io
import sys
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import CodecMissing, InputUnreadable
from ledger.readers.lines import Input, find_inputs, read_lines, source_name
from ledger.readers.unpacking import is_zstd, unpacked
from tests.cli import ok, run
from tests.small import chat, text_of, write

SKIPPABLE = b"\x5a\x2a\x4d\x18\x05\x00\x00\x00hello"


def lines_of(path: Path) -> list[tuple[int, int, bytes]]:
    """Return the lines of a file as plain tuples."""
    return [(line.number, line.offset, line.body) for line in read_lines(Input(path.name, path, None))]


@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=4), st.booleans(), st.integers(1, 5000))
def test_all_frames_are_read(parts: list[bytes], skip: bool, most: int) -> None:  # noqa: FBT001 - drawn
    """The parts come back one after the other, however many are asked for at a time, with frames of no data between."""
    packed = b"".join((SKIPPABLE if skip else b"") + zstandard.compress(part) for part in parts)
    assert is_zstd(packed[:4])
    stream = unpacked(io.BytesIO(packed), "x")
    assert b"".join(iter(lambda: stream.read(most), b"")) == b"".join(parts)


@given(st.binary(min_size=1, max_size=3000), st.data())
def test_what_was_cut_off_is_not_whole(body: bytes, data: st.DataObject) -> None:
    """A file that ends anywhere inside a frame is an error, where the library's own stream takes it for the end."""
    packed = zstandard.compress(body)
    cut = data.draw(st.integers(1, len(packed) - 1))
    with pytest.raises((EOFError, OSError)):
        unpacked(io.BytesIO(packed[:cut]), "x").read()


def test_a_changed_bit_is_found() -> None:
    """With the checksum that the program `zstd` writes, no flipped bit changes a byte unnoticed."""
    body = b"".join(b'{"a": %d}\n' % n for n in range(300))
    packed = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(body))
    found = 0
    for place in range(len(packed)):
        packed[place] ^= 4
        try:
            assert unpacked(io.BytesIO(packed), "x").read() == body
        except (EOFError, OSError):
            found += 1
        packed[place] ^= 4
    assert found >= len(packed) - 2  # one bit of the header has no meaning


def test_lines_are_those_of_the_plain_file(tmp_path: Path) -> None:
    """Known by its bytes, whatever its name; offsets count unpacked bytes."""
    plain = b"\xef\xbb\xbfa\r\n\nb\n" + b"c" * 200_000
    (tmp_path / "a").write_bytes(plain)
    (tmp_path / "b").write_bytes(zstandard.compress(plain[:7]) + SKIPPABLE + zstandard.compress(plain[7:]))
    assert lines_of(tmp_path / "b") == lines_of(tmp_path / "a")


def test_damage_is_unreadable_after_the_readable_lines(tmp_path: Path) -> None:
    """What stood before the damage was read; then it is said which file is not sound."""
    packed = zstandard.ZstdCompressor(write_checksum=True).compress(b"".join(b"%d\n" % n for n in range(200_000)))
    for data in (packed[:-4], packed[: len(packed) // 2], packed + b"garbage", packed[:-3] + b"\x00\x00\x00"):
        (tmp_path / "a.zst").write_bytes(data)
        taken: list[bytes] = []
        with pytest.raises(InputUnreadable, match=r"a\.zst"):
            taken.extend(line.body for line in read_lines(Input("a", tmp_path / "a.zst", None)))
        assert taken == [b"%d" % n for n in range(len(taken))]


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    """A small file that unpacks to 256 MB of blank lines is read in a few megabytes."""
    path = tmp_path / "bomb.zst"
    path.write_bytes(zstandard.compress(b"\n" * (1 << 20)) * 256)
    assert path.stat().st_size < 50_000
    with path.open("rb") as file:
        stream = unpacked(file, "x")
        tracemalloc.start()
        size = sum(map(len, iter(lambda: stream.read(1 << 16), b"")))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert size == 256 << 20
    assert peak < 40_000_000


def test_folders_patterns_and_names(tmp_path: Path) -> None:
    """A folder gives compressed files of the known kinds, a pattern any; the ending is no part of the source's name."""
    for name in ("a.jsonl.zst", "b.json.zst", "c.ndjson.zst", "d.txt.zst"):
        (tmp_path / name).write_bytes(zstandard.compress(b"{}\n"))
    found = find_inputs([str(tmp_path)])
    assert [(item.source, item.size) for item in found] == [("a.jsonl", None), ("b.json", None), ("c.ndjson", None)]
    assert [item.source for item in find_inputs([str(tmp_path / "*.zst")])][-1] == "d.txt"
    assert [source_name(name) for name in (".zst", "a.zst.gz", "a.jsonl.zst")] == [".zst", "a.zst", "a.jsonl"]


def test_the_compressed_file_adds_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """A file that was compressed since it was ingested is the same source with the same samples."""
    plain = write(tmp_path / "a.jsonl", *(chat(f"q{n}", "a") for n in range(5)))
    assert ledger.ingest([plain], campaign="c")["new"] == 5
    (tmp_path / "a.jsonl.zst").write_bytes(zstandard.compress(plain.read_bytes()))
    assert ledger.ingest([tmp_path / "a.jsonl.zst"], campaign="c")["known"] == 5


def test_standard_input(ledger: Ledger) -> None:
    """A pipe may carry it too."""
    packed = zstandard.compress(text_of([chat("q", "a")]).encode())
    answer = ok("--ledger", ledger.path, "ingest", "-", "--campaign", "c", "--json", stdin=packed)
    assert answer.json["new"] == 1


def test_without_the_package(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said what to install; nothing is written."""
    (tmp_path / "a.jsonl.zst").write_bytes(zstandard.compress(b"{}\n"))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(CodecMissing, match=r"a\.jsonl\.zst"):
        lines_of(tmp_path / "a.jsonl.zst")
    answer = run("--ledger", ledger.path, "ingest", tmp_path / "a.jsonl.zst", "--campaign", "c")
    assert (answer.code, "sample-ledger[zstd]" in answer.err) == (63, True)
    assert ledger.status()["events"] == 0
