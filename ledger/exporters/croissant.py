"""Croissant metadata of a dataset (docs.mlcommons.org/croissant, version 1.0): which files, and what stands in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ledger.exporters.card import About, DataFile
from ledger.exporters.columns import Column

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"

_OWN = (
    "citeAs",
    "column",
    "conformsTo",
    "equivalentProperty",
    "extract",
    "field",
    "fileProperty",
    "fileObject",
    "fileSet",
    "format",
    "includes",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "samplingRate",
    "separator",
    "source",
    "subField",
    "transform",
)
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    **{name: f"cr:{name}" for name in _OWN},
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
}
"""The context that the specification asks for, word for word."""

_TYPES = {"bool": "sc:Boolean", "int": "sc:Integer", "float": "sc:Float", "text": "sc:Text", "json": "sc:Text"}
_PARQUET = ".parquet"
_ENCODINGS = {_PARQUET: "application/x-parquet", ".jsonl": "application/jsonlines", ".json": "application/json"}


def croissant(manifest: Mapping[str, Any], files: Sequence[DataFile], columns: Sequence[Column], about: About) -> bytes:
    """Return croissant.json: one record set for each file, a field for each column.

    `license` stands there where `about` has one. The specification asks for `url`, `creator` and `datePublished` too,
    which a ledger does not know: whoever publishes adds them. A column of structures that vary from row to row is a
    field of the parts that every row has as text; where there are none, its JSON text. Raises ValueError as
    `About.checked` does.
    """
    about.checked()
    value: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": about.name,
        "description": _description(manifest),
        **({} if about.license is None else {"license": about.license}),
        "isLiveDataset": False,
        "distribution": [_file_object(file) for file in files],
        "recordSet": [_record_set(file, columns) for file in files],
    }
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _description(manifest: Mapping[str, Any]) -> str:
    head = manifest["head"]
    return (
        f"{manifest['rows']} rows of type {manifest['type']}: the view {manifest['view']} of the ledger "
        f"{manifest['ledger']} at position {head['position']}, root {head['root']}."
    )


def _file_object(file: DataFile) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": file.name,
        "name": file.name,
        "contentUrl": file.name,
        "contentSize": f"{file.bytes} B",
        "encodingFormat": encoding_of(file.name),
        "sha256": file.sha256,
    }


def encoding_of(name: str) -> str:
    """Return the media type of a file by the end of its name; JSON lines, where the end says nothing."""
    return next((kind for end, kind in _ENCODINGS.items() if name.endswith(end)), _ENCODINGS[".jsonl"])


def _record_set(file: DataFile, columns: Sequence[Column]) -> dict[str, Any]:
    # In Parquet a column of varying structures is text; in JSON lines it is structures.
    parquet = file.name.endswith(_PARQUET)
    return {
        "@type": "cr:RecordSet",
        "@id": file.split,
        "name": file.split,
        "field": [_field(file, column, parquet=parquet) for column in columns],
    }


def _field(file: DataFile, column: Column, *, parquet: bool) -> dict[str, Any]:
    field: dict[str, Any] = {"@type": "cr:Field", "@id": f"{file.split}/{column.name}", "name": column.name}
    if column.keys and not (parquet and column.kind == "json"):
        if column.kind == "json":
            field["description"] = "A list of objects, of which these are the parts that each has as text."
        return field | {"repeated": True, "subField": [_part(file, column, key) for key in column.keys]}
    if column.kind == "json":
        field["description"] = "JSON, of a structure that varies from row to row."
    return field | {"dataType": _TYPES.get(column.kind, "sc:Text"), "source": _source(file, column)}


def _part(file: DataFile, column: Column, key: str) -> dict[str, Any]:
    """Return the field of one key of the objects in a list."""
    source = {**_source(file, column), "transform": {"jsonPath": _step(key)}}
    name = f"{file.split}/{column.name}/{key}"
    return {"@type": "cr:Field", "@id": name, "name": key, "dataType": "sc:Text", "source": source}


def _step(key: str) -> str:
    """Return a key as a step of a JSON path."""
    return key if key.isidentifier() else "'" + key.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _source(file: DataFile, column: Column) -> dict[str, Any]:
    return {"fileObject": {"@id": file.name}, "extract": {"column": column.name}}
