"""Definitions of tools as OpenAI, Anthropic, MCP and chat templates write them: a name, and a schema of arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ledger.validators.contract import NoSchema

SCHEMA_KEYS = ("parameters", "input_schema", "inputSchema")
"""Where a definition holds the schema of its arguments: OpenAI's, Anthropic's and MCP's word."""


def definition(item: Any) -> tuple[str, Any] | None:  # noqa: ANN401 - any JSON value
    """Return name and JSON Schema of one definition, bare or as {type, function}; None where it is none."""
    function = item.get("function", item) if isinstance(item, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str) or not name.strip() or not isinstance(function, Mapping):
        return None
    schema = schema_in(function)
    return None if schema is None else (name, schema)


def schema_in(function: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    """Return the schema of a definition, {} (anything) where it has none, None where what stands there is none."""
    for key in SCHEMA_KEYS:
        schema = function.get(key)
        if schema is not None:
            return schema if isinstance(schema, (dict, bool)) else None
    return {}


def definitions(items: Sequence[Any]) -> dict[str, Any]:
    """Return name -> JSON Schema of a list of definitions; raise NoSchema with the place of one that is none."""
    named: dict[str, Any] = {}
    for number, item in enumerate(items, 1):
        tool = definition(item)
        if tool is None:
            raise NoSchema(f"item {number} is no definition of a tool: a name, and an object as its parameters")
        name, schema = tool
        if name in named:
            raise NoSchema(f"item {number} defines {name[:80]!r} a second time")
        named[name] = schema
    return named
