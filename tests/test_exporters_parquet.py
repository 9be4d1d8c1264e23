"""ledger.exporters.parquet: what is read back is what was written, and nothing else is written."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given

from ledger.errors import BadRequest, DiskFull
from ledger.exporters import parquet
from ledger.exporters.columns import Column, columns_of
from ledger.exporters.parquet import METADATA, Unparquetable, write_parquet, writer
from tests.test_exporters_columns import ANSWER, CALLING, ROWS, USER, line

MIXED: list[dict[str, Any]] = [
    {
        "prompt": [USER],
        "completion": [ANSWER],
        "label": True,
        "tools": [{"name": "f", "parameters": {"z": 1, "a": {}}}],
    },
    {"prompt": [USER, ANSWER, USER], "completion": [CALLING], "label": False},
    {"prompt": [], "completion": [ANSWER], "label": None, "tools": []},
]


def made(rows: Iterable[bytes]) -> bytes:
    """Return rows as Parquet."""
    kept = list(rows)
    file = io.BytesIO()
    assert write_parquet(kept, file, columns_of(kept)) == len(kept)
    return file.getvalue()


def rows_of(data: bytes) -> list[dict[str, Any]]:
    """Return the rows of a file by what its note says of empty cells."""
    table = pq.read_table(io.BytesIO(data))
    note = json.loads(table.schema.metadata[METADATA])
    texts = {field.name for field in table.schema if isinstance(field.type, pa.JsonType)}
    return [
        {
            name: json.loads(value) if name in texts and value is not None else value
            for name, value in row.items()
            if not (value is None and name in note["absent"])
        }
        for row in table.to_pylist()
    ]


def test_rows_come_back() -> None:
    """Messages of text are structs, those with calls and the tools JSON; a row without tools has none."""
    data = made(map(line, MIXED))
    assert rows_of(data) == MIXED
    schema = pq.read_schema(io.BytesIO(data))
    assert schema.field("prompt").type == pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    assert schema.field("label").type == pa.bool_()
    assert {schema.field(name).type for name in ("completion", "tools")} == {pa.json_()}


def test_the_order_of_keys_and_the_text_of_numbers_survive() -> None:
    """JSON stands in its column as it stood in the row."""
    text = '{"z": 1.50, "a": 1e2, "m": 0.10000000000000000001, "é": "\\u00e9"}'
    table = pq.read_table(io.BytesIO(made([f'{{"tools": {text}}}\n'.encode()])))
    assert table.column("tools").to_pylist() == [text]


@given(ROWS)
def test_any_rows_come_back(rows: list[dict[str, Any]]) -> None:
    """Whatever JSON stands in the rows, and wherever it is null or missing."""
    data = made(map(line, rows))
    if any(rows):
        assert [json.dumps(row, sort_keys=True) for row in rows_of(data)] == [
            json.dumps(row, sort_keys=True) for row in rows
        ]


def test_the_same_rows_are_the_same_bytes_in_every_process() -> None:
    """Under another hash seed, in another process, at another time."""
    script = (
        "import sys, io, json\n"
        "from tests.test_exporters_parquet import MIXED, line, made\n"
        "sys.stdout.buffer.write(made(map(line, MIXED * 50)))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1] == made(map(line, MIXED * 50))


def test_row_groups_end_by_count_and_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held at a time is bounded both ways."""
    monkeypatch.setattr(parquet, "GROUP_ROWS", 10)
    monkeypatch.setattr(parquet, "GROUP_BYTES", 1000)
    data = made(line({"a": "x" * size}) for size in [1] * 25 + [2000] * 2)
    found = pq.ParquetFile(io.BytesIO(data)).metadata
    assert [found.row_group(at).num_rows for at in range(found.num_row_groups)] == [10, 10, 6, 1]


def test_memory_does_not_grow_with_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times the rows take no more memory."""
    monkeypatch.setattr(parquet, "GROUP_ROWS", 500)

    def peak(count: int) -> int:
        def rows() -> Iterator[bytes]:
            return (line({"a": f"{n}" * 200}) for n in range(count))

        columns = columns_of(rows())
        place = io.BytesIO()
        tracemalloc.start()
        write_parquet(rows(), place, columns)
        most = tracemalloc.get_traced_memory()[1] - len(place.getbuffer())
        tracemalloc.stop()
        return most

    peak(500)
    assert peak(10_000) < 1.5 * peak(1_000) + 1_000_000


def test_a_giant_row() -> None:
    """Ten megabytes in one cell are one cell."""
    row = {"prompt": [{"role": "user", "content": "é" * 5_000_000}], "tools": [{"a": "b" * 10_000_000}]}
    assert rows_of(made([line(row), line({"prompt": [], "tools": []})])) == [row, {"prompt": [], "tools": []}]


def test_no_rows_are_a_table_with_columns() -> None:
    """An export without rows is a whole file that says what its columns are."""
    file = io.BytesIO()
    assert write_parquet([], file, [Column("prompt", "json"), Column("completion", "json")]) == 0
    table = pq.read_table(io.BytesIO(file.getvalue()))
    assert (table.num_rows, table.column_names) == (0, ["prompt", "completion"])


@pytest.mark.parametrize(
    ("columns", "row", "says"),
    [
        ([Column("a", "text")], {"a": 1}, "something else"),
        ([Column("a", "bool")], {"a": 1}, "something else"),
        ([Column("a", "int")], {"a": True}, "something else"),
        ([Column("a", "messages", ("role",))], {"a": [{"role": "x", "content": "y"}]}, "something else"),
        ([Column("a", "text")], {"a": "x", "b": 1}, "'b', which was not there"),
        ([Column("a", "text"), Column("b", "text")], {"a": "x"}, "lacks the column 'b'"),
        ([Column("a", "json")], {"a": 2**64}, "64 bits"),
    ],
)
def test_a_row_that_was_not_looked_at_is_refused(columns: list[Column], row: dict[str, Any], says: str) -> None:
    """Rows other than those that the columns come from are not bent to fit."""
    with pytest.raises(Unparquetable, match=f"Row 1 .*{says}"):
        write_parquet([line(row)], io.BytesIO(), columns)


class Full:
    """A disk that fills up after some writes."""

    def __init__(self, writes: int) -> None:
        """Have room for so many."""
        self.left = writes
        self.written = 0

    def write(self, data: bytes) -> None:
        """Take so many writes, and no more."""
        if self.left == 0:
            raise DiskFull("here")
        self.left -= 1
        self.written += len(data)


@pytest.mark.parametrize("writes", range(5))
def test_a_full_disk_is_told_as_such_and_left_alone(writes: int) -> None:
    """The error of the place comes through, and nothing is written after it: no footer, no second error."""
    rows = [line(row) for row in MIXED]
    place = Full(writes)
    with pytest.raises(DiskFull):
        write_parquet(rows, place, columns_of(rows))
    assert place.left == 0


def test_a_refused_row_leaves_no_footer() -> None:
    """What was written before the row that is refused is no Parquet file."""
    rows = [line({"a": 1}), line({"a": 2})]
    file = io.BytesIO()
    with pytest.raises(Unparquetable):
        write_parquet([*rows, b"x"], file, columns_of(rows))
    assert not file.getvalue().endswith(b"PAR1") or len(file.getvalue()) == 4


def test_the_writer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest says what made the bytes; without pyarrow it is said what to install."""
    assert writer() == {"pyarrow": pa.__version__}
    monkeypatch.setattr(parquet, "find_spec", lambda _: None)
    with pytest.raises(BadRequest, match=r"sample-ledger\[parquet\]"):
        write_parquet([], io.BytesIO(), [])
