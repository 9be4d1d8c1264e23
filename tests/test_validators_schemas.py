"""Schema files: every way to write tools is recognised, and what is none is refused with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.errors import SchemaUnreadable
from ledger.validators import DIALECTS, load_schemas
from tests.talks import SCHEMA_FILE, called, rules, schemas, toolset


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ([{"type": "function", "function": {"name": "b", "parameters": {}}}, {"name": "a"}], ("a", "b")),
        ([{"name": "a", "input_schema": {"type": "object"}}], ("a",)),
        ([{"name": "a", "inputSchema": True, "description": "x"}], ("a",)),
        ({"tools": [{"name": "a"}]}, ("a",)),
        ({"b": {"type": "object"}, "a": True}, ("a", "b")),
        ({"a": {"parameters": {"type": "object"}, "description": "x"}}, ("a",)),
        ({"a": {"type": "function", "function": {"name": "a", "parameters": {}}}}, ("a",)),
        ({"name": "a", "parameters": {"type": "object"}}, ("a",)),
    ],
)
def test_ways_to_write_tools(value: Any, names: tuple[str, ...]) -> None:  # noqa: ANN401 - JSON
    """Lists of definitions, objects of schemas, one definition alone."""
    read = schemas(value)

    assert (read.dialect, read.names) == ("json_schema", names)
    assert not read.expects_call
    assert read.dialect in DIALECTS


def test_definitions_under_their_names_are_compared_with_their_parameters() -> None:
    """A definition is not mistaken for a schema, which would let everything through."""
    strict = {"type": "object", "required": ["x"]}
    wrapped = {"type": "function", "function": {"name": "a", "parameters": strict}}

    for value in ({"a": {"parameters": strict}}, {"a": wrapped}, [wrapped]):
        assert rules(called("a", {"y": 1}), schemas(value)) == ["tools/missing_parameter"]


def test_the_toolset_is_recognised() -> None:
    """28 tools stand in the slice, and its samples are about calling them."""
    read = toolset()

    assert (read.dialect, len(read.names), read.expects_call) == ("toolset", 28, True)
    assert list(read.names) == sorted(read.names)
    assert load_schemas(b"\xef\xbb\xbf" + SCHEMA_FILE.read_bytes(), "x").names == read.names


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": {}, "a": {}}', "stands twice"),
        (b"\xff{}", "byte 0 is not UTF-8"),
        (b"[" * 5000, "deep"),
        (b"3", "neither a list of tools nor an object"),
        (b"[]", "names no tool"),
        (b"{}", "names no tool"),
        (b'{"tools": []}', "names no tool"),
        (b'["a"]', "item 1 is no definition"),
        (b'[{"name": "a"}, {"nam": "b"}]', "item 2 is no definition"),
        (b'[{"name": "a"}, {"name": "a"}]', "item 2 defines 'a' a second time"),
        (b'[{"name": "a", "parameters": "x"}]', "item 1 is no definition"),
        (b'{"type": "object", "properties": {}}', "under 'type'"),
        (b'{"a": {"parameters": 3}}', "parameters of 'a'"),
        (b'{"a": {"parameters": []}, "b": {"type": "object"}}', "'a' has a list of parameters"),
        (b'{"a": {"parameters": [{}]}}', "a parameter of 'a' has no name"),
        (b'{"a": {"parameters": [], "required_params": "x"}}', "required_params of 'a'"),
        (b'{"a": {"parameters": [], "context_schema": []}}', "context_schema of 'a'"),
        (b'{"a": {"type": "strin"}}', "'a' is not valid at type"),
        (b'{"a": {"properties": {"b": {"minimum": "x"}}}}', "'a' is not valid at properties.b.minimum"),
        (b'{"a": {"pattern": "("}}', "'a' is not valid at pattern"),
        (b'{"a": {"$schema": "draft-99"}}', "draft that is not known"),
        (b'{"a": {"$schema": 3}}', "draft that is not known"),
        (b'{"a": {"$schema": "http://["}}', "'a' cannot be read"),
        (b'{"a": {"$ref": "#"}}', "in a circle"),
        (b'{"a": {"$ref": "https://example.org/schema"}}', "nothing is fetched"),
        (b'{"a": {"properties": {"b": {"$ref": "#/$defs/c"}}}}', "'#/$defs/c'"),
    ],
)
def test_what_is_no_schema_is_refused(data: bytes, says: str) -> None:
    """The error names the file, the place in it and what is wrong there."""
    with pytest.raises(SchemaUnreadable) as raised:
        load_schemas(data, "my-tools.json")

    assert str(raised.value).startswith("my-tools.json is not a schema of tools: ")
    assert says in str(raised.value)
    assert len(str(raised.value)) < 400


def test_a_large_schema_is_fine() -> None:
    """A thousand tools are read."""
    value = [{"name": f"tool_{n}", "parameters": {"type": "object"}} for n in range(1000)]

    assert len(load_schemas(json.dumps(value).encode(), "x").names) == 1000
