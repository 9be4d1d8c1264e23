"""Lines of files: their ends, offsets and compressions, and how inputs are found and refused."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InputNotFound, InputUnreadable, SourceClash
from ledger.readers import lines
from ledger.readers.lines import Input, RawLine, find_inputs, read_lines, source_name


def lines_of(path: Path) -> list[tuple[int, int, bytes]]:
    """Return the lines of a file as plain tuples."""
    return [(line.number, line.offset, line.body) for line in read_lines(Input(path.name, path, None))]


def put(path: Path, data: bytes) -> Path:
    """Write a file and return its path."""
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n\r\n \t\n", []),
        (b"a", [(1, 0, b"a")]),
        (b"a\nb\n", [(1, 0, b"a"), (2, 2, b"b")]),
        (b"a\r\nb\r\n", [(1, 0, b"a"), (2, 3, b"b")]),
        (b"a\r\n\r\n\nb", [(1, 0, b"a"), (4, 6, b"b")]),
        (b"a\rb", [(1, 0, b"a\rb")]),
        (b" a \r\r\n", [(1, 0, b" a \r")]),
        (b"\xef\xbb\xbfa\nb", [(1, 3, b"a"), (2, 5, b"b")]),
        (b"\xef\xbb\xbf\n\xef\xbb\xbfb", [(2, 4, b"\xef\xbb\xbfb")]),
        (b"\x1f", [(1, 0, b"\x1f")]),
        (b"\x00\n", [(1, 0, b"\x00")]),
        ("ä\u2028b\u0085\n".encode(), [(1, 0, "ä\u2028b\u0085".encode())]),
    ],
    ids=map(str, range(13)),
)
def test_lines(tmp_path: Path, data: bytes, expected: list[tuple[int, int, bytes]]) -> None:
    """Only LF and CRLF end a line, a mark at the start is none of it, blank lines count but are not yielded."""
    assert lines_of(put(tmp_path / "a.jsonl", data)) == expected
    assert lines_of(put(tmp_path / "a.jsonl.gz", gzip.compress(data))) == expected


@given(st.lists(st.binary(max_size=8), max_size=8), st.sampled_from([b"\n", b"\r\n"]))
def test_offsets_are_those_of_the_unpacked_bytes(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes], end: bytes
) -> None:
    """Each line stands at its offset in the input, and all that is not yielded is blank, an end or the mark."""
    data = end.join(bodies)
    if data.startswith((b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b", b"PAR1", b"\x28\xb5\x2f\xfd")):
        return
    folder = tmp_path_factory.mktemp("lines")
    left = bytearray(data)
    for _, offset, body in lines_of(put(folder / "a", data)):
        assert data[offset : offset + len(body)] == body
        assert b"\n" not in body
        left[offset : offset + len(body)] = b" " * len(body)
    assert not bytes(left).removeprefix(b"\xef\xbb\xbf").strip()
    assert lines_of(put(folder / "a.gz", gzip.compress(data))) == lines_of(folder / "a")


def test_gzip_is_known_by_its_bytes(tmp_path: Path) -> None:
    """The name does not matter, members are read one after the other, and offsets count unpacked bytes."""
    path = put(tmp_path / "a.jsonl", gzip.compress(b"a\n") + gzip.compress(b"b\n"))
    assert lines_of(path) == [(1, 0, b"a"), (2, 2, b"b")]


def test_damaged_gzip_is_unreadable(tmp_path: Path) -> None:
    """A truncated, a corrupt and a garbage-trailed archive end in InputUnreadable, after the readable lines."""
    packed = gzip.compress(b"".join(b"%d\n" % n for n in range(50_000)))
    for data in (
        packed[:-4],
        packed[: len(packed) // 2],
        packed[:2000] + b"\xff" * 50 + packed[2050:],
        packed + b"garbage",
    ):
        path = put(tmp_path / "a.gz", data)
        taken: list[RawLine] = []
        with pytest.raises(InputUnreadable, match=r"a\.gz"):
            taken.extend(read_lines(Input("a.gz", path, None)))
        assert [line.body for line in taken] == [b"%d" % n for n in range(len(taken))]


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_refused(tmp_path: Path, mark: str) -> None:
    """UTF-16 is named as what it is, instead of a thousand lines in quarantine."""
    path = put(tmp_path / "a.jsonl", "\ufeff{}\n".encode(mark))
    with pytest.raises(InputUnreadable, match="UTF-16"):
        lines_of(path)


class Standard(io.TextIOWrapper):
    """A standard input over given bytes."""


@pytest.mark.parametrize("data", [b"a\nb", gzip.compress(b"a\nb")], ids=["plain", "gzip"])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """`-` reads standard input, packed or not, and leaves it open."""
    stream = Standard(io.BytesIO(data))
    monkeypatch.setattr(sys, "stdin", stream)
    [item] = find_inputs(["-"])
    assert item == Input("stdin", None, None)
    assert [tuple(line) for line in read_lines(item)] == [(1, 0, b"a"), (2, 2, b"b")]
    assert not stream.buffer.closed
    assert find_inputs(["-"], "mine") == [Input("mine", None, None)]


def test_a_closed_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without standard input says so."""
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputUnreadable, match="closed"):
        list(read_lines(Input("stdin", None, None)))


@pytest.mark.parametrize("data", [b"a\nb", gzip.compress(b"a\nb")], ids=["plain", "gzip"])
def test_a_fifo_is_read(tmp_path: Path, data: bytes) -> None:
    """A pipe with a name, as `<(…)` makes one, is read once from front to end; its size is unknown."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(data,))
    writer.start()
    [item] = find_inputs([str(path)])
    assert item == Input("pipe", path, None)
    assert [line.body for line in read_lines(item)] == [b"a", b"b"]
    writer.join()


def test_inputs_stand_in_order(tmp_path: Path) -> None:
    """Names keep their order, directories and patterns sort, and a directory gives the files of known suffixes."""
    for name in ("b.jsonl", "a.jsonl.gz", "C.ndjson", "notes.txt", "x.json"):
        put(tmp_path / name, b"{}\n")
    put(tmp_path / "[odd].jsonl", b"{}\n")
    (tmp_path / "sub.jsonl").mkdir()
    put(tmp_path / "sub.jsonl" / "deep.jsonl", b"12")
    assert [item.source for item in find_inputs([str(tmp_path)])] == [
        "C.ndjson",
        "[odd].jsonl",
        "a.jsonl",
        "b.jsonl",
        "x.json",
    ]
    assert [item.source for item in find_inputs([str(tmp_path / "b*"), str(tmp_path / "[ax]*")])] == [
        "b.jsonl",
        "a.jsonl",
        "x.json",
    ]
    assert [item.source for item in find_inputs([str(tmp_path / "[odd].jsonl"), str(tmp_path / "notes.txt")])] == [
        "[odd].jsonl",
        "notes.txt",
    ]
    [deep] = find_inputs([str(tmp_path / "**" / "deep*")])
    assert deep == Input("deep.jsonl", tmp_path / "sub.jsonl" / "deep.jsonl", 2)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    """No file, no match, an empty directory and a name that no system takes: each a clear error."""
    (tmp_path / "empty").mkdir()
    for name in ("none.jsonl", "*.none", "with\0nul"):
        with pytest.raises(InputNotFound):
            find_inputs([str(tmp_path / name)])
    with pytest.raises(InputUnreadable, match="holds no"):
        find_inputs([str(tmp_path / "empty")])
    with pytest.raises(InputUnreadable, match="too long"):
        find_inputs([str(tmp_path / ("x" * 5000))])
    assert find_inputs([]) == []


def test_unreadable_files_are_said(tmp_path: Path) -> None:
    """A file that vanished and a directory given as one end in InputUnreadable with the system's reason."""
    with pytest.raises(InputUnreadable, match="No such file"):
        lines_of(tmp_path / "gone.jsonl")
    with pytest.raises(InputUnreadable, match="Is a directory"):
        lines_of(tmp_path)


def test_one_name_is_one_source(tmp_path: Path) -> None:
    """Two inputs of one name in one command are refused, since their samples could not be told apart."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        put(tmp_path / folder / "a.jsonl", b"")
    paths = [str(tmp_path / "one" / "a.jsonl"), str(tmp_path / "two" / "a.jsonl")]
    with pytest.raises(SourceClash, match=r"a\.jsonl.*one.*two"):
        find_inputs(paths)
    for names in (["-", "-"], [paths[0], paths[0]]):
        with pytest.raises(SourceClash):
            find_inputs(names)
    with pytest.raises(SourceClash, match="mine"):
        find_inputs([paths[0], "-"], "mine")
    assert [item.source for item in find_inputs(paths[:1], "mine")] == ["mine"]


def test_a_compressed_file_is_the_same_source(tmp_path: Path) -> None:
    """The ending `.gz` is no part of a source's name, so a file and its compressed copy clash in one command."""
    paths = [str(put(tmp_path / name, b"")) for name in ("a.jsonl", "a.jsonl.gz")]
    assert [find_inputs([path])[0].source for path in paths] == ["a.jsonl", "a.jsonl"]
    assert find_inputs([paths[0]], "b.jsonl.gz")[0].source == "b.jsonl"
    assert [source_name(name) for name in (".gz", "gz", "a.gz.jsonl")] == [".gz", "gz", "a.gz.jsonl"]
    for names in (paths, [str(tmp_path)]):
        with pytest.raises(SourceClash, match=r"a\.jsonl"):
            find_inputs(names)


@pytest.mark.skipif(sys.platform == "darwin", reason="the file system composes names itself")
def test_a_name_is_one_however_it_is_composed(tmp_path: Path) -> None:
    """NFD and NFC of a name are one source; so they clash in one command."""
    paths = [str(put(tmp_path / name, b"")) for name in ("caf\u00e9.jsonl", "cafe\u0301.jsonl")]
    assert {find_inputs([path])[0].source for path in paths} == {"caf\u00e9.jsonl"}
    with pytest.raises(SourceClash):
        find_inputs(paths)
    assert find_inputs(["-"], "e\u0301")[0].source == "\u00e9"


@pytest.mark.skipif(sys.platform == "darwin", reason="the file system takes UTF-8 names only")
def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    """A name of other bytes is read; its source is text that can stand in a leaf."""
    path = os.fsencode(tmp_path) + b"/a\xff.jsonl"
    Path(os.fsdecode(path)).write_bytes(b"{}\n")
    [item] = find_inputs([str(tmp_path)])
    assert item.source == "a\ufffd.jsonl"
    assert [line.body for line in read_lines(item)] == [b"{}"]


def test_memory_is_that_of_one_line(tmp_path: Path) -> None:
    """Lines are streamed: a packed megabyte of zeros or a million short lines hold no more than the longest line."""
    short = put(tmp_path / "short", b'{"a": 1}\n' * 200_000)
    packed = put(tmp_path / "packed", gzip.compress(b'{"a": 1}\n' * 200_000))
    long = put(tmp_path / "long", b"0" * 4_000_000 + b"\n" + b"1" * 4_000_000)
    for path, most in ((short, 300_000), (packed, 600_000), (long, 20_000_000)):
        tracemalloc.start()
        assert sum(1 for _ in read_lines(Input("x", path, None)))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < most, path.name


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no line end beyond any sense is no JSONL file; a line of exactly the limit is one."""
    monkeypatch.setattr(lines, "LONGEST", 8)
    assert lines_of(put(tmp_path / "a", b"1234567\n12345678")) == [(1, 0, b"1234567"), (2, 8, b"12345678")]
    path = put(tmp_path / "b", b"ok\n123456789")
    with pytest.raises(InputUnreadable, match="line 2 has no end"):
        lines_of(path)


def test_reading_can_stop_early(tmp_path: Path) -> None:
    """Whoever takes only the first line leaves no file open."""
    stream = read_lines(Input("a", put(tmp_path / "a", b"a\nb\n"), None))
    assert next(stream).body == b"a"
    stream.close()  # type: ignore[attr-defined]  # a generator
    assert list(stream) == []


def test_a_directory_s_exports_are_not_input(tmp_path: Path) -> None:
    """Of a directory neither manifests nor the exports beside them are read; named, any file is."""
    for name in ("a.jsonl", "out.jsonl", "out.jsonl.manifest.json"):
        (tmp_path / name).write_text("{}\n")

    assert [item.source for item in find_inputs([str(tmp_path)])] == ["a.jsonl"]
    assert [item.source for item in find_inputs([str(tmp_path / "out.jsonl")])] == ["out.jsonl"]
