"""A sample's own `tools` as the schema of its calls, where no schema file is given.

Such a schema is a stranger's, so it is not handed to a library that follows references and regular expressions:
only `type`, `properties`, `required`, `additionalProperties: false`, `items`, `enum` and `const` are judged, within a
bounded number of steps. Names of parameters are text of the sample here, so no path holds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ledger.validators.contract import MISSING, Call, Finding, NoSchema, Talk, clip
from ledger.validators.definitions import definitions
from ledger.validators.reading import read_json
from ledger.validators.tool_rules import UNKNOWN, found, readable, unknown_tools

_STEPS = 100_000
"""Comparisons for one sample."""


def own_tools(talk: Talk) -> dict[str, Any] | None:
    """Return name -> schema of the tools that a sample brings, None where it brings none; raise NoSchema."""
    tools = talk.content.tools
    if isinstance(tools, str):
        text = tools.strip()
        if not text or text == "null":
            return None
        read = read_json(text)
        if read.value is MISSING or read.end != len(text):
            raise NoSchema("`tools` is text, but not JSON")
        tools = read.value
    if tools is None or tools == []:
        return None
    if not isinstance(tools, list):
        raise NoSchema("`tools` is not a list")
    return definitions(tools)


def check(talk: Talk, tools: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield where the calls of a sample do not fit its own tools."""
    yield from unknown_tools(talk, tools.keys())
    judge = _Judge()
    for call in readable(talk):
        if call.name in tools:
            yield from judge.call(call, tools[call.name])
    if judge.steps > _STEPS:
        yield found("tools/unchecked", "tools", "the calls or the tools are too large to be compared")


class _Judge:
    def __init__(self) -> None:
        self.steps = 0

    def call(self, call: Call, schema: Any) -> Iterator[Finding]:  # noqa: ANN401 - any JSON value
        """Yield where the arguments of one call do not fit."""
        yield from self._value(call.arguments, schema, f"{call.path}.arguments")

    def _value(self, value: Any, schema: Any, place: str) -> Iterator[Finding]:  # noqa: ANN401 - any JSON values
        self.steps += 1
        if self.steps > _STEPS or not isinstance(schema, Mapping):
            return
        if not self._is_of(value, schema.get("type")):
            yield found("tools/wrong_type", place, f"{clip(value)} is not of the type {clip(schema['type'])}")
            return
        if not self._is_allowed(value, schema):
            yield found("tools/wrong_value", place, f"{clip(value)} is none of the values that are allowed")
        if isinstance(value, dict):
            yield from self._object(value, schema, place)
        elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
            for number, item in enumerate(value):
                yield from self._value(item, schema["items"], f"{place}[{number}]")

    def _object(self, value: dict[str, Any], schema: Mapping[str, Any], place: str) -> Iterator[Finding]:
        known, required = schema.get("properties"), schema.get("required")
        known = known if isinstance(known, Mapping) else {}
        for name in required if isinstance(required, list) else ():
            self.steps += 1
            if isinstance(name, str) and name not in value:
                yield found("tools/missing_parameter", f"{place}.{UNKNOWN}", f"the parameter {clip(name)} is missing")
        closed = schema.get("additionalProperties") is False and "patternProperties" not in schema
        for name, item in value.items():
            if name in known:
                yield from self._value(item, known[name], f"{place}.{UNKNOWN}")
            elif closed:
                yield found("tools/forbidden_parameter", f"{place}.{UNKNOWN}", f"{clip(name)} is no parameter")

    def _is_of(self, value: Any, wanted: Any) -> bool:  # noqa: ANN401 - any JSON values
        """Say whether a value has a type; of a schema that says something else, every value has."""
        if isinstance(wanted, str):
            return _is_a(value, wanted)
        if not isinstance(wanted, list) or not wanted:
            return True
        self.steps += len(wanted)
        return any(not isinstance(one, str) or _is_a(value, one) for one in wanted)

    def _is_allowed(self, value: Any, schema: Mapping[str, Any]) -> bool:  # noqa: ANN401 - any JSON value
        if "const" in schema and not _equal(value, schema["const"]):
            return False
        allowed = schema.get("enum")
        if not isinstance(allowed, list):
            return True
        self.steps += len(allowed)
        return self.steps > _STEPS or any(_equal(value, one) for one in allowed)


def _is_a(value: Any, kind: str) -> bool:  # noqa: ANN401 - any JSON value
    if isinstance(value, bool):
        return kind == "boolean" or kind not in _KINDS
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _KINDS.get(kind, object))


_KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}


def _equal(one: Any, other: Any) -> bool:  # noqa: ANN401 - any JSON values
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
