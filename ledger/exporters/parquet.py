"""Rows as Parquet: JSON lines in, one table out, exactly, in constant memory, the same bytes for the same pyarrow.

Kinds become types: bool, int64, double, string; `messages` a list of structs of strings; `json` a string with
Parquet's logical type JSON, which `datasets` (from 4.7 on), DuckDB and Polars read as structures. An empty cell is
null or, where the file's metadata names the column under `absent`, a field that the row does not have.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Protocol

from ledger.errors import BadRequest
from ledger.exporters.columns import Cell, Column, Unparquetable, cells

__all__ = ["METADATA", "Unparquetable", "write_parquet", "writer"]

METADATA = b"sample-ledger"
"""The key of this program's note in the file's metadata: {"absent": [columns], "null_is_text": [columns]}."""

GROUP_ROWS = 10_000
GROUP_BYTES = 64 << 20
"""A row group ends at so many rows, or with the row that brings its lines to so many bytes."""

_COMPRESSION, _LEVEL, _FORMAT = "zstd", 3, "2.6"
_MISSING = 'Parquet needs a package that is not installed: pip install "sample-ledger[parquet]"'


class Place(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> object:
        """Append bytes."""


def writer() -> dict[str, str]:
    """Return what writes Parquet here: the bytes are the same only where it is the same. Raises BadRequest."""
    if find_spec("pyarrow") is None:
        raise BadRequest(_MISSING)
    return {"pyarrow": version("pyarrow")}


def write_parquet(lines: Iterable[bytes], place: Place, columns: Sequence[Column]) -> int:
    """Write rows to `place` as one Parquet file and return how many they are.

    `columns` is what `columns_of` says of these very rows. Memory is bounded by a row group, and so by GROUP_BYTES and
    the longest row. Raises Unparquetable for a row that cannot be held exactly or does not fit `columns`, BadRequest
    where pyarrow is not installed, and whatever `place` raises.
    """
    writer()
    import pyarrow.parquet as pq  # noqa: PLC0415 - only whoever writes Parquet needs pyarrow

    schema = _schema(columns)
    sink = _Sink(place)
    table = pq.ParquetWriter(
        sink, schema, version=_FORMAT, compression=_COMPRESSION, compression_level=_LEVEL, write_page_index=True
    )
    try:
        rows = _write_groups(lines, table, schema, columns)
    except BaseException:
        sink.dead = True  # closing writes a footer, which nobody wants any more
        raise
    finally:
        table.close()
    return rows


def _write_groups(lines: Iterable[bytes], table: Any, schema: Any, columns: Sequence[Column]) -> int:  # noqa: ANN401 - pyarrow has no types
    """Write row group after row group."""
    rows = held = 0
    group: list[list[Any]] = [[] for _ in columns]
    for line in lines:
        rows += 1
        found = cells(line, rows)
        for values, column in zip(group, columns, strict=True):
            values.append(_value(found.pop(column.name, None), column, rows))
        if found:
            raise Unparquetable(f"Row {rows} has the column {min(found)[:40]!r}, which was not there at first sight.")
        held += len(line)
        if rows % GROUP_ROWS == 0 or held >= GROUP_BYTES:
            _flush(group, table, schema)
            held = 0
    if group and group[0]:
        _flush(group, table, schema)
    return rows


def _flush(group: list[list[Any]], table: Any, schema: Any) -> None:  # noqa: ANN401 - likewise
    """Write what is held as one row group, and hold nothing."""
    import pyarrow as pa  # noqa: PLC0415 - likewise

    arrays = [pa.array(values, type=field.type) for values, field in zip(group, schema, strict=True)]
    table.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=GROUP_ROWS)
    for values in group:
        values.clear()


def _value(cell: Cell | None, column: Column, row: int) -> Any:  # noqa: ANN401 - what stands in a cell
    """Return what stands in a table for a cell."""
    if cell is None or (cell.value is None and not column.null_is_text):
        if cell is None and not column.absent:
            raise Unparquetable(f"Row {row} lacks the column {column.name[:40]!r}, which every row had at first sight.")
        return None
    if column.kind == "json":
        return cell.text
    if not _fits(cell.value, column):
        raise Unparquetable(f"Row {row} has something else in {column.name[:40]!r} than at first sight.")
    return cell.value


def _fits(value: object, column: Column) -> bool:
    """Return whether a value is of its column's kind, as far as pyarrow would not notice."""
    if column.kind == "messages":
        return isinstance(value, list) and all(isinstance(one, dict) and tuple(one) == column.keys for one in value)
    return type(value) is {"bool": bool, "int": int, "float": float, "text": str}[column.kind]


def _schema(columns: Sequence[Column]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return the types of the columns, with the note on empty cells."""
    import pyarrow as pa  # noqa: PLC0415 - only whoever writes Parquet needs pyarrow

    plain = {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "text": pa.string(), "json": pa.json_()}

    def type_of(column: Column) -> Any:  # noqa: ANN401 - likewise
        if column.kind == "messages":
            return pa.list_(pa.struct([pa.field(key, pa.string()) for key in column.keys]))
        return plain[column.kind]

    note = {
        "absent": [column.name for column in columns if column.absent],
        "null_is_text": [column.name for column in columns if column.null_is_text],
    }
    fields = [pa.field(column.name, type_of(column)) for column in columns]
    return pa.schema(fields, metadata={METADATA: json.dumps(note, sort_keys=True).encode()})


class _Sink(io.RawIOBase):
    """What pyarrow takes for a file: it counts, passes bytes on, and when dead throws them away."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.dead = False
        self._place = place
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        block = bytes(data)
        if not self.dead:
            try:
                self._place.write(block)
            except BaseException:
                self.dead = True
                raise
        self._at += len(block)
        return len(block)
