"""Parquet files as lines of JSON: one row, one line, the same bytes on every machine.

A row is an object with the columns in the file's order, written as Python's `json` writes it without escapes: `", "`
and `": "` between, whole numbers in digits, others as the shortest text that reads back as the same double (a narrower
float as the double that it equals), a list as an array, a struct as an object with its fields in order. An empty cell
is null, or nothing at all in a column that the file says may be absent, as exports of this program do. A column of the
logical type JSON stands as its text where that is strict JSON, its line ends as spaces; else it is text. NaN and the
infinities are written as such, text that is not UTF-8 as its bytes: both end in quarantine. Columns of other types
(bytes, times, decimals, maps) are refused by name, since JSON has no such values.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, BinaryIO

from ledger.errors import BadRequest, InputUnreadable
from ledger.sample import BadJson, strict_json

MAGIC = b"PAR1"
NOTE = b"sample-ledger"
"""The key of the note that this program leaves in what it exports."""

_ROWS = 64
"""Rows held at a time: one may be as long as a line may be."""

_BUFFER = 1 << 20
_DEPTH = 100
"""Lists and structs in one another; strict JSON goes no deeper."""

_MISSING = 'Parquet needs a package that is not installed: pip install "sample-ledger[parquet]"'
_OTHER_TYPES = "Read the column as text or leave it out, and write the file again."
_write: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False).encode


def parquet_lines(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield the rows of a Parquet file as lines without their ends; raise InputUnreadable and BadRequest."""
    if find_spec("pyarrow") is None:
        raise BadRequest(_MISSING)
    if not file.seekable():
        raise InputUnreadable(name, "Parquet cannot be read from a pipe; give the file itself")
    import pyarrow.parquet as pq  # noqa: PLC0415 - only files of this kind need it

    with _plain_errors(name):
        opened = pq.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER)
        columns = _columns(opened.schema_arrow, name)
        batches = iter(opened.iter_batches(batch_size=_ROWS, use_threads=False))
    while True:
        with _plain_errors(name):
            batch = next(batches, None)
            rows = None if batch is None else _lines(batch, columns)
        if rows is None:
            return
        yield from rows


@contextmanager
def _plain_errors(name: str) -> Iterator[None]:
    """Turn what pyarrow says of a damaged file into InputUnreadable."""
    import pyarrow as pa  # noqa: PLC0415 - likewise

    try:
        yield
    except (pa.ArrowException, OSError, MemoryError, UnicodeDecodeError, OverflowError) as error:
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputUnreadable(name, f"Parquet: {said[:200]}") from error


def _columns(schema: Any, name: str) -> list[Callable[[Any], list[str | None]]]:  # noqa: ANN401 - pyarrow has no types
    """Return for each column what makes its members of the lines, `"key": value` or None, of an array."""
    seen: set[str] = set()
    for column in schema.names:
        if column in seen:
            raise InputUnreadable(name, f"two columns are called {column[:40]!r}")
        seen.add(column)
    absent = _absent(schema.metadata or {})
    for field in schema:
        _check(field, field.name, name)
    return [_column(field, absent=field.name in absent) for field in schema]


def _column(field: Any, *, absent: bool) -> Callable[[Any], list[str | None]]:  # noqa: ANN401 - likewise
    key = _write(field.name) + ": "
    empty = None if absent else key + "null"
    write = _json_text if _is_json(field.type) else _write

    def members(array: Any) -> list[str | None]:  # noqa: ANN401 - likewise
        return [empty if value is None else key + write(value) for value in _values(array)]

    return members


def _lines(batch: Any, columns: list[Callable[[Any], list[str | None]]]) -> list[bytes]:  # noqa: ANN401 - likewise
    if not columns:
        return [b"{}"] * batch.num_rows
    parts = [members(array) for members, array in zip(columns, batch.columns, strict=True)]
    rows = (", ".join(member for member in row if member is not None) for row in zip(*parts, strict=True))
    return [("{" + row + "}").encode(errors="surrogateescape") for row in rows]


def _values(array: Any) -> list[Any]:  # noqa: ANN401 - likewise
    """Return what stands in the cells; bytes that are not UTF-8 as lone surrogates, which give them back."""
    array = getattr(array, "storage", array)
    try:
        values: list[Any] = array.to_pylist()
    except UnicodeDecodeError:
        values = [_value(scalar) for scalar in array]
    return values


def _value(scalar: Any) -> Any:  # noqa: ANN401 - likewise
    import pyarrow as pa  # noqa: PLC0415 - likewise

    if not scalar.is_valid:
        return None
    if isinstance(scalar, pa.DictionaryScalar):
        return _value(scalar.dictionary[scalar.index.as_py()])
    if isinstance(scalar, pa.StructScalar):
        return {field.name: _value(scalar[place]) for place, field in enumerate(scalar.type)}
    if isinstance(scalar, pa.ListScalar):
        return [_value(item) for item in scalar.values]
    if pa.types.is_string(scalar.type) or pa.types.is_large_string(scalar.type):
        return scalar.as_buffer().to_pybytes().decode(errors="surrogateescape")
    return scalar.as_py()


def _json_text(text: str) -> str:
    try:
        strict_json(text)
    except BadJson:
        return _write(text)
    return text.strip(" \t\r\n").replace("\r", " ").replace("\n", " ")


def _is_json(kind: Any) -> bool:  # noqa: ANN401 - likewise
    return getattr(kind, "extension_name", None) == "arrow.json"


def _check(field: Any, place: str, name: str, depth: int = 0) -> None:  # noqa: ANN401 - likewise
    """Raise InputUnreadable where a column, or what stands in it, is of a type that JSON has not."""
    import pyarrow.types as kinds  # noqa: PLC0415 - likewise

    kind = getattr(field.type, "storage_type", field.type)
    kind = kind.value_type if kinds.is_dictionary(kind) else kind
    plain = (
        kinds.is_null,
        kinds.is_boolean,
        kinds.is_integer,
        kinds.is_floating,
        kinds.is_string,
        kinds.is_large_string,
    )
    if any(test(kind) for test in plain):
        return
    if depth == _DEPTH:
        raise InputUnreadable(name, f"the column {place[:40]!r} is nested more than {_DEPTH} deep")
    inner = _inner(kind)
    if inner is None:
        told = f"the column {place[:80]!r} holds {str(kind)[:40]}, which JSON has not"
        raise InputUnreadable(name, told, hint=_OTHER_TYPES)
    names = [one.name for one in inner] if kinds.is_struct(kind) else []
    if len(set(names)) < len(names):
        raise InputUnreadable(name, f"two fields in the column {place[:80]!r} have the same name")
    for one in inner:
        _check(one, f"{place}.{one.name}", name, depth + 1)


def _inner(kind: Any) -> list[Any] | None:  # noqa: ANN401 - likewise
    import pyarrow.types as kinds  # noqa: PLC0415 - likewise

    if kinds.is_struct(kind):
        return list(kind)
    if kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind):
        return [kind.value_field]
    return None


def _absent(metadata: dict[bytes, bytes]) -> frozenset[str]:
    """Return the columns whose empty cells are no fields, as the file's note says; a strange note says nothing."""
    try:
        note = strict_json(metadata.get(NOTE, b"{}").decode())
    except (BadJson, UnicodeDecodeError):
        return frozenset()
    names = note.get("absent") if isinstance(note, dict) else None
    return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()
