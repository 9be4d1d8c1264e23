"""JSON Schema: what the library finds, told by rules of ours at places that hold no text of the sample."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from ledger.validators import validate
from ledger.validators.json_schema import _written
from tests.strategies import json_values
from tests.talks import called, places, rules, schemas

ROOT = Path(__file__).resolve().parent.parent
PLACE = "messages[1].tool_calls[0].arguments"
WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1},
        "days": {"type": "integer", "maximum": 14},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "at": {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]},
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "a b": {"type": "string"},
    },
    "required": ["city"],
    "additionalProperties": False,
}
OPENAI = [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]


@pytest.mark.parametrize(
    ("arguments", "rule", "path"),
    [
        ({}, "tools/missing_parameter", ".city"),
        ({"city": 3}, "tools/wrong_type", ".city"),
        ({"city": ""}, "tools/schema_violation", ".city"),
        ({"city": "Oslo", "days": 15}, "tools/schema_violation", ".days"),
        ({"city": "Oslo", "days": 1.5}, "tools/wrong_type", ".days"),
        ({"city": "Oslo", "unit": "kelvin"}, "tools/wrong_value", ".unit"),
        ({"city": "Oslo", "at": {}}, "tools/missing_parameter", ".at.lat"),
        ({"city": "Oslo", "at": {"lat": "59"}}, "tools/wrong_type", ".at.lat"),
        ({"city": "Oslo", "tags": ["a", 3]}, "tools/wrong_type", ".tags[1]"),
        ({"city": "Oslo", "tags": ["a", "a"]}, "tools/schema_violation", ".tags"),
        ({"city": "Oslo", "mood": "good"}, "tools/forbidden_parameter", ".*"),
        ({"city": "Oslo", "a b": 3}, "tools/wrong_type", ".*"),
    ],
)
@pytest.mark.parametrize("file", [OPENAI, [OPENAI[0]["function"]], {"weather": WEATHER}, {"tools": OPENAI}])
def test_the_rules_by_which_arguments_are_judged(file: Any, arguments: Any, rule: str, path: str) -> None:  # noqa: ANN401 - JSON
    """However the file writes its tools, each fault is one finding at its place."""
    assert places(called("weather", arguments), schemas(file)) == [(rule, PLACE + path)]


def test_a_good_call_has_no_findings() -> None:
    """What fits, fits; a tool that is not there is said to be missing."""
    good = {"city": "Oslo", "days": 3, "unit": "celsius", "at": {"lat": 59.9}, "tags": ["a", "b"]}

    assert rules(called("weather", good), schemas(OPENAI)) == []
    assert rules(called("climate", good), schemas(OPENAI)) == ["tools/unknown_tool"]


def test_a_key_that_the_schema_does_not_know_is_a_star() -> None:
    """Names come from the schema, wherever it has them; all others are hidden."""
    schema = {"properties": {"known": {"additionalProperties": {"type": "string"}}}}

    assert places(called("f", {"known": {"strange": 3}}), schemas({"f": schema})) == [
        ("tools/wrong_type", f"{PLACE}.known.*")
    ]


def test_messages_are_clipped() -> None:
    """A message quotes a short piece of a value at most."""
    (found,) = validate(called("f", {"a": "x\n" * 10_000}), schemas({"f": {"properties": {"a": {"type": "null"}}}}))

    assert len(found.message) < 200
    assert found.message.isprintable()


def test_drafts_differ() -> None:
    """Draft 2020-12 unless the schema names another."""
    tuple_of = {"properties": {"a": {"items": [{"type": "string"}]}}}
    old = {"$schema": "http://json-schema.org/draft-07/schema#", **tuple_of}

    assert rules(called("f", {"a": [3]}), schemas({"f": old})) == ["tools/wrong_type"]
    assert rules(
        called("f", {"a": [3]}), schemas({"f": {"properties": {"a": {"prefixItems": [{"type": "string"}]}}}})
    ) == ["tools/wrong_type"]


def test_references_inside_the_schema_are_followed() -> None:
    """`$ref` and `$defs` work, and a schema that is recursive by right is no circle."""
    tree = {
        "$ref": "#/$defs/node",
        "$defs": {"node": {"properties": {"of": {"$ref": "#/$defs/node"}, "n": {"type": "integer"}}}},
    }
    deep: dict[str, Any] = {"n": "x"}
    for _ in range(20):
        deep = {"of": deep}

    assert places(called("f", deep), schemas({"f": tree})) == [("tools/wrong_type", PLACE + ".of" * 20 + ".n")]


def test_what_is_nested_too_deep_is_not_compared() -> None:
    """The library needs stack for every level; beyond a fixed depth that is said instead."""
    deep: Any = 1
    for _ in range(60):
        deep = {"a": deep}

    assert rules(called("f", deep), schemas({"f": {"type": "object"}})) == ["tools/unchecked"]


def test_a_circle_that_only_some_arguments_enter() -> None:
    """It is found when a call enters it, and ends there."""
    loop = {"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"$ref": "#/$defs/x"}}}

    assert rules(called("f", {"b": 1}), schemas({"f": loop})) == []
    assert rules(called("f", {"a": 1}), schemas({"f": loop})) == ["tools/unchecked"]


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """No schema and no call makes the program open a connection."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    meta = {"$ref": "https://json-schema.org/draft/2020-12/schema"}

    assert rules(called("f", {"type": 3}), schemas({"f": meta})) == ["tools/schema_violation"]


def test_unique_items_take_linear_time() -> None:
    """Items that cannot be sorted are compared by what they say; 1 and 1.0 are equal, 1 and true are not."""
    schema = schemas({"f": {"properties": {"a": {"uniqueItems": True}}}})
    many = [item for n in range(20_000) for item in (n, str(n), [n], {"n": n})]

    started = time.process_time()
    assert rules(called("f", {"a": many}), schema) == []
    assert time.process_time() - started < 20
    assert rules(called("f", {"a": [1, 1.0]}), schema) == ["tools/schema_violation"]
    assert rules(called("f", {"a": [1, True, "1", [1], {"a": 1}, [{"a": 1}]]}), schema) == []


@given(json_values(), json_values())
def test_what_is_written_is_equal_exactly_if_the_values_are(one: Any, other: Any) -> None:  # noqa: ANN401 - JSON
    """Two values share their text exactly if JSON Schema takes them for equal."""
    assert _written(one) == _written(one)
    assert (_written(one) == _written(other)) == _same(one, other)


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401 - JSON
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other)


def test_the_library_is_not_imported_without_need() -> None:
    """Validating by the toolset's dialect, or by none, costs no import of jsonschema."""
    code = (
        "import sys; from pathlib import Path; from ledger.validators import load_schemas; "
        "load_schemas(Path('tests/data/toolset/tool_schemas.json').read_bytes(), 'x'); "
        "sys.exit('jsonschema' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
