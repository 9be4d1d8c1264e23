"""Rows of Parquet as lines: one rule, the same bytes every time, and a name for what JSON cannot hold."""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest, InputUnreadable
from ledger.readers.lines import Input, RawLine, find_inputs, read_lines
from tests.cli import ok
from tests.small import chat, pairs, read, write

NOT_UTF8 = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff")])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


def put(path: Path, table: pa.Table, **options: Any) -> Path:  # noqa: ANN401 - pyarrow's own
    """Write a table and return its path."""
    pq.write_table(table, path, **options)
    return path


def lines(path: Path) -> list[RawLine]:
    """Return the lines of a file."""
    return list(read_lines(Input(path.name, path, None)))


def bodies(path: Path) -> list[bytes]:
    """Return the bytes of its lines."""
    return [line.body for line in lines(path)]


def test_the_rule(tmp_path: Path) -> None:
    """Order, spaces, digits, nesting and nulls of a line are these bytes, for ever: samples are named by them."""
    table = pa.table(
        {
            "z": pa.array([True, None]),
            "tiny": pa.array([-128, 127], pa.int8()),
            "huge": pa.array([2**64 - 1, 0], pa.uint64()),
            "half": pa.array([0.1, 65504.0], pa.float16()),
            "single": pa.array([0.1, 1e30], pa.float32()),
            "double": pa.array([0.1, -0.0], pa.float64()),
            "text": pa.array(['ä\u2028"\\\n\x00', "\U0001f600/"], pa.large_string()),
            "word": pa.array(["a", "a"]).dictionary_encode(),
            "list": pa.array([[1, None], []], pa.list_(pa.int32())),
            "pair": pa.array([[1.0, 2.0], None], pa.list_(pa.float64(), 2)),
            "struct": pa.array([{"b": 1, "a": [{"x": None}]}, None]),
            "none": pa.nulls(2),
        }
    )
    first = (
        '{"z": true, "tiny": -128, "huge": 18446744073709551615, "half": 0.0999755859375, '
        '"single": 0.10000000149011612, "double": 0.1, "text": "ä\u2028\\"\\\\\\n\\u0000", "word": "a", '
        '"list": [1, null], "pair": [1.0, 2.0], "struct": {"b": 1, "a": [{"x": null}]}, "none": null}'
    )
    second = (
        '{"z": null, "tiny": 127, "huge": 0, "half": 65504.0, "single": 1.0000000150474662e+30, "double": -0.0, '
        '"text": "\U0001f600/", "word": "a", "list": [], "pair": null, "struct": null, "none": null}'
    )
    expected = [first, second]
    found = lines(put(tmp_path / "a", table))
    assert [line.body.decode() for line in found] == expected
    assert [line.number for line in found] == [1, 2]
    assert [line.offset for line in found] == [0, len(expected[0].encode()) + 1]


@given(st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.none() | st.integers(-99, 99)}), max_size=150))
def test_a_line_reads_back_as_its_row(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> None:
    """Whatever the file's row groups, compression and versions: same rows, same lines."""
    folder = tmp_path_factory.mktemp("rows")
    table = pa.Table.from_pylist(rows, pa.schema([("a", pa.string()), ("b", pa.int64())]))
    one = bodies(put(folder / "one", table))
    other = put(folder / "other", table, row_group_size=7, compression="none", version="1.0", use_dictionary=False)
    assert [json.loads(line) for line in one] == rows
    assert bodies(other) == one


@given(st.lists(st.fixed_dictionaries({"v": VALUES}), min_size=1, max_size=5))
def test_a_json_column_stands_as_its_text(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> None:
    """JSON in a column of that type is part of the line, its spaces kept and its line ends made spaces."""
    texts = [json.dumps(row["v"], indent=1) for row in rows]
    column = pa.ExtensionArray.from_storage(pa.json_(), pa.array(texts, pa.string()))
    path = put(tmp_path_factory.mktemp("json") / "a", pa.table({"v": column}))
    assert bodies(path) == [('{"v": ' + text.replace("\n", " ") + "}").encode() for text in texts]


def test_what_is_no_json_in_a_json_column_is_text(tmp_path: Path) -> None:
    """No cell can close the object and write fields of its own."""
    texts = ['1, "label": true', "{", '{"a": 1, "a": 2}', "", "NaN"]
    column = pa.ExtensionArray.from_storage(pa.json_(), pa.array(texts, pa.string()))
    found = bodies(put(tmp_path / "a", pa.table({"v": column})))
    assert [json.loads(line) for line in found] == [{"v": text} for text in texts]


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (pa.array([float("nan")]), "not_a_number"),
        (pa.array([[{"a": float("-inf")}]]), "not_a_number"),
        (NOT_UTF8, "invalid_utf8"),
        (pa.StructArray.from_arrays([NOT_UTF8], ["a"]), "invalid_utf8"),
        (pa.ListArray.from_arrays([0, 1], NOT_UTF8), "invalid_utf8"),
    ],
    ids=["nan", "infinity", "bytes", "in a struct", "in a list"],
)
def test_values_that_json_has_not_end_in_quarantine(
    ledger: Ledger, tmp_path: Path, array: pa.Array, reason: str
) -> None:
    """The row is kept with what it said, and the others are samples."""
    sample = [chat("q", "a")["messages"]]
    path = put(tmp_path / "a.parquet", pa.table({"messages": sample, "x": array}))
    answer = ledger.ingest([path], campaign="c")
    assert (answer["quarantined"], answer["new"]) == (1, 0)
    assert list(answer["reasons"]) == [reason]


@pytest.mark.parametrize(
    "array",
    [
        pa.array([b"\x00"]),
        pa.array([datetime(2024, 1, 1, tzinfo=UTC)]),
        pa.array([Decimal("1.5")]),
        pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        pa.array([[{"deep": b"x"}]]),
    ],
    ids=["binary", "timestamp", "decimal", "map", "nested"],
)
def test_columns_that_json_has_not_are_refused_by_name(ledger: Ledger, tmp_path: Path, array: pa.Array) -> None:
    """The file is refused before its first row, with the column and its type; nothing is written."""
    path = put(tmp_path / "a.parquet", pa.table({"fine": ["x"], "odd": array}))
    with pytest.raises(InputUnreadable, match=r"column 'odd.*which JSON has not"):
        ledger.ingest([path], campaign="c")
    assert ledger.status()["events"] == 0


def test_names_that_clash_are_refused(tmp_path: Path) -> None:
    """An object has each name once, at the top and below."""
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(InputUnreadable, match="two columns are called 'a'"):
        lines(put(tmp_path / "a", twice))
    inner = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["b", "b"])
    with pytest.raises(InputUnreadable, match="two fields in the column 's'"):
        lines(put(tmp_path / "b", pa.table({"s": inner})))


def test_our_own_exports_come_back(ledger: Ledger, tmp_path: Path) -> None:
    """What this program exports as Parquet has the lines that it exports as JSONL, as values: absent is not null."""
    rows = [
        *pairs(3),
        chat("with", "a tag", label=True, domain="x"),
        chat("with", "tools", label=False, tools=[{"a": 1}]),
    ]
    ledger.ingest([write(tmp_path / "a.jsonl", *rows)], campaign="c")
    for sample in (event["event"] for event in ledger.log(limit=99) if event["kind"] == "ingested"):
        ledger.accept([sample])
    ledger.project("kto-interleaved", tmp_path / "out.jsonl", batch_size=2)
    ledger.project("kto-interleaved", tmp_path / "out.parquet", batch_size=2, container="parquet")
    assert [json.loads(line) for line in bodies(tmp_path / "out.parquet")] == read(tmp_path / "out.jsonl")


@pytest.fixture
def packed(tmp_path: Path) -> bytes:
    """Return a Parquet file of two columns and a few row groups."""
    table = pa.table({"a": [f"text {n % 50}" for n in range(400)], "b": [[{"x": n}] for n in range(400)]})
    return put(tmp_path / "whole.parquet", table, row_group_size=100).read_bytes()


def damaged(packed: bytes) -> Iterator[bytes]:
    """Yield files that are cut off, and such as have bytes changed."""
    drawn = random.Random(7)  # noqa: S311 - a fixed draw, so that a failure can be repeated
    yield from (packed[:size] for size in (4, 8, 11, len(packed) // 2, len(packed) - 1))
    for _ in range(300):
        spoilt = bytearray(packed)
        for _ in range(drawn.choice((1, 1, 4))):
            spoilt[drawn.randrange(4, len(packed))] = drawn.randrange(256)
        yield bytes(spoilt)


def test_damaged_files_are_unreadable(tmp_path: Path, packed: bytes) -> None:
    """No damage ends otherwise than in lines or in InputUnreadable with the file's name."""
    refused = []
    for data in damaged(packed):
        path = tmp_path / "spoilt.parquet"
        path.write_bytes(data)
        try:
            lines(path)
        except InputUnreadable as error:
            refused.append(str(error))
    assert len(refused) > 50
    assert all("spoilt.parquet" in said for said in refused)


def test_memory_is_that_of_a_few_rows(tmp_path: Path) -> None:
    """One row group of 100 MB is read in a part of that."""
    table = pa.table({"a": ["x" * 1000 + str(n) for n in range(100_000)]})
    path = put(tmp_path / "big.parquet", table, row_group_size=100_000, compression="zstd", use_dictionary=False)
    del table
    pool = pa.default_memory_pool()
    before, most = pool.bytes_allocated(), 0
    tracemalloc.start()
    for count, _ in enumerate(read_lines(Input("x", path, None)), 1):
        most = max(most, pool.bytes_allocated() - before) if count % 500 == 0 else most
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 100_000
    assert most < 20_000_000
    assert peak < 5_000_000


def test_folders_and_the_command_line(ledger: Ledger, tmp_path: Path) -> None:
    """A folder gives Parquet files beside the others; the same file again adds nothing."""
    folder = tmp_path / "in"
    folder.mkdir()
    rows = [chat(f"q{n}", "a", label=True) for n in range(3)]
    put(folder / "b.parquet", pa.Table.from_pylist(rows))
    write(folder / "a.jsonl", chat("other", "a"))
    assert [(item.source, item.size is None) for item in find_inputs([str(folder)])] == [
        ("a.jsonl", False),
        ("b.parquet", True),
    ]
    argv = ("--ledger", ledger.path, "ingest", folder, "--campaign", "c", "--json")
    assert ok(*argv).json["new"] == 4
    assert ok(*argv).json["known"] == 4


def test_a_pipe_is_refused(tmp_path: Path, packed: bytes) -> None:
    """Parquet is read from its end, so what comes through a pipe will not do."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=_into, args=(path, packed))
    writer.start()
    with pytest.raises(InputUnreadable, match="from a pipe"):
        lines(path)
    writer.join()


def _into(path: Path, data: bytes) -> None:
    with suppress(BrokenPipeError):
        path.write_bytes(data)


def test_reading_can_stop_early(tmp_path: Path, packed: bytes) -> None:
    """Whoever takes only the first line leaves no file open."""
    path = tmp_path / "a.parquet"
    path.write_bytes(packed)
    stream = read_lines(Input("a", path, None))
    assert next(stream).number == 1
    stream.close()  # type: ignore[attr-defined]  # a generator
    assert list(stream) == []


def test_without_the_package(tmp_path: Path, packed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said what to install."""
    path = tmp_path / "a.parquet"
    path.write_bytes(packed)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr("ledger.readers.parquet.find_spec", lambda _name: None)
    with pytest.raises(BadRequest, match=r"sample-ledger\[parquet\]"):
        lines(path)
