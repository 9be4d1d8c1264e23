"""ledger.exporters.croissant: metadata as the specification has it, and as its own library reads it."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ledger.exporters.card import About, DataFile
from ledger.exporters.columns import Column, columns_of
from ledger.exporters.croissant import croissant
from tests.test_exporters_card import FILES, HOSTILE, MANIFEST
from tests.test_exporters_columns import line
from tests.test_exporters_parquet import MIXED

ABOUT = About("A set", "mit")
COLUMNS = (
    Column("prompt", "messages", ("role", "content")),
    Column("completion", "json", ("role",)),
    Column("label", "bool"),
    Column("n", "int"),
    Column("share", "float"),
    Column("text", "text"),
    Column("tools", "json"),
)
TEXT = {"type": "string", "minLength": 1}
SOURCE = {
    "type": "object",
    "required": ["fileObject", "extract"],
    "properties": {"fileObject": {"required": ["@id"]}, "extract": {"required": ["column"]}},
}
FIELD = {
    "type": "object",
    "required": ["@type", "@id", "name"],
    "properties": {"@type": {"const": "cr:Field"}, "@id": TEXT, "name": TEXT, "source": SOURCE},
    "oneOf": [
        {"required": ["dataType", "source"], "properties": {"dataType": {"pattern": "^(sc|cr):[A-Z][A-Za-z0-9]*$"}}},
        {"required": ["subField"], "properties": {"subField": {"minItems": 1, "items": {"$ref": "#/$defs/field"}}}},
    ],
}
SCHEMA = {
    "$defs": {"field": FIELD},
    "type": "object",
    "required": [
        *("@context", "@type", "conformsTo", "description", "license", "name"),
        *("distribution", "recordSet"),
    ],
    "properties": {
        "@type": {"const": "sc:Dataset"},
        "conformsTo": {"const": "http://mlcommons.org/croissant/1.0"},
        "name": TEXT,
        "distribution": {
            "minItems": 1,
            "items": {
                "required": ["@type", "@id", "name", "contentUrl", "contentSize", "encodingFormat", "sha256"],
                "properties": {"@type": {"const": "cr:FileObject"}, "sha256": {"pattern": "^[0-9a-f]{64}$"}},
            },
        },
        "recordSet": {
            "minItems": 1,
            "items": {
                "required": ["@type", "@id", "name", "field"],
                "properties": {"@type": {"const": "cr:RecordSet"}, "field": {"items": {"$ref": "#/$defs/field"}}},
            },
        },
    },
}
"""What the specification requires of the parts that are used here."""


def value_of(files: list[DataFile] = FILES, columns: tuple[Column, ...] = COLUMNS, about: About = ABOUT) -> Any:  # noqa: ANN401 - JSON
    """Return the metadata, as JSON says it, after holding it against the specification."""
    value = json.loads(croissant(MANIFEST, files, columns, about))
    Draft202012Validator(SCHEMA).validate(value)
    return value


def test_required_properties() -> None:
    """All are there, the types are the columns', and every reference leads to something."""
    value = value_of()
    (file,) = value["distribution"]
    assert (file["sha256"], file["contentSize"]) == ("3" * 64, "1234 B")
    (records,) = value["recordSet"]
    kinds = {
        field["name"]: field.get("dataType", [part["name"] for part in field.get("subField", [])])
        for field in records["field"]
    }
    assert kinds == {
        "prompt": ["role", "content"],
        "completion": ["role"],
        "label": "sc:Boolean",
        "n": "sc:Integer",
        "share": "sc:Float",
        "text": "sc:Text",
        "tools": "sc:Text",
    }
    assert {field["source"]["fileObject"]["@id"] for field in records["field"] if "source" in field} == {file["@id"]}


def test_what_varies_is_text_in_parquet() -> None:
    """There a column of JSON is its text."""
    value = value_of([FILES[0]._replace(name="train.parquet")])
    completion = value["recordSet"][0]["field"][1]
    assert completion["dataType"] == "sc:Text"
    assert value["distribution"][0]["encodingFormat"] == "application/x-parquet"


def test_only_what_is_known_is_said() -> None:
    """Without a license there is none; an address, a creator and a time are never made up, and no clock is asked."""
    value = json.loads(croissant(MANIFEST, FILES, COLUMNS, About("A set")))
    assert not {"license", "url", "creator", "datePublished"} & set(value)


@pytest.mark.parametrize("text", HOSTILE)
def test_names_are_values(text: str) -> None:
    """Whatever names are, they stand in strings."""
    if text.strip():
        value = value_of([FILES[0]._replace(name=text)], (Column(text, "messages", (text,)),), About(text, "mit"))
        assert (value["name"], value["distribution"][0]["name"]) == (text, text)


@pytest.mark.filterwarnings("default")  # that library's own, about others
@pytest.mark.parametrize("container", ["jsonl", "parquet"])
def test_the_specifications_own_library_reads_the_rows(tmp_path: Path, container: str) -> None:
    """Mlcroissant finds no error and yields the rows; skipped where mlcroissant is not installed."""
    mlcroissant = pytest.importorskip("mlcroissant")
    from ledger.exporters.parquet import write_parquet  # noqa: PLC0415 - only here

    rows = [line({key: row[key] for key in ("prompt", "completion", "label")}) for row in MIXED[:2]]
    path = tmp_path / f"train.{container}"
    if container == "jsonl":
        path.write_bytes(b"".join(rows))
    else:
        with path.open("wb") as file:
            write_parquet(rows, file, columns_of(rows))
    data = path.read_bytes()
    files = [DataFile(path.name, "b3:" + "0" * 64, len(data), sha256(data).hexdigest())]
    (tmp_path / "croissant.json").write_bytes(croissant(MANIFEST, files, columns_of(rows), ABOUT))
    read = mlcroissant.Dataset(str(tmp_path / "croissant.json"))
    assert not read.metadata.ctx.issues.errors
    assert [record["train/label"] for record in read.records("train")] == [True, False]
