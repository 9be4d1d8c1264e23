"""Schema files: which dialect one is written in, and the tools that it names."""

from __future__ import annotations

from typing import Any

from ledger.errors import SchemaUnreadable
from ledger.sample import BadJson, strict_json
from ledger.validators import json_schema, toolset
from ledger.validators.contract import NoSchema, Schemas
from ledger.validators.definitions import SCHEMA_KEYS, definition, definitions, schema_in

DIALECTS = {
    toolset.DIALECT: "tool_schemas.json: parameters in TypeScript types, and a context in every call",
    json_schema.DIALECT: "tool definitions (a list of OpenAI's, Anthropic's or MCP's), or name -> JSON Schema",
}

_SCHEMA_WORDS = frozenset({"type", "properties", "$ref"})


def load_schemas(data: bytes, place: str) -> Schemas:
    """Return the tools of a schema file; raise SchemaUnreadable, which names `place` and what is wrong there."""
    try:
        value = strict_json(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SchemaUnreadable(place, f"byte {error.start} is not UTF-8") from error
    except BadJson as error:
        raise SchemaUnreadable(place, f"it is not JSON: {error}") from error
    try:
        return toolset.load(value) if toolset.looks_so(value) else json_schema.load(_named(value))
    except NoSchema as error:
        raise SchemaUnreadable(place, str(error)) from error


def _named(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return name -> JSON Schema of what is not the toolset's dialect; raise NoSchema."""
    if isinstance(value, dict) and value.keys() == {"tools"}:
        value = value["tools"]
    if not isinstance(value, (dict, list)):
        raise NoSchema("it is neither a list of tools nor an object of them")
    if not value:
        raise NoSchema("it names no tool")
    if isinstance(value, list):
        return definitions(value)
    if (alone := definition(value)) is not None and isinstance(value.get("name"), str):
        return dict([alone])
    return {name: _schema_of(name, item) for name, item in value.items()}


def _schema_of(name: str, item: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the schema of one tool of an object: a JSON Schema, or a definition that holds one."""
    if isinstance(item, bool):
        return item
    if not isinstance(item, dict):
        raise NoSchema(f"what stands under {name[:80]!r} is neither a JSON Schema nor the definition of a tool")
    if isinstance(item.get("parameters"), list):
        raise NoSchema(f"{name[:80]!r} has a list of parameters, but other tools of the file have none")
    inner = item.get("function", item)
    is_definition = isinstance(inner, dict) and inner.keys() & SCHEMA_KEYS and not inner.keys() & _SCHEMA_WORDS
    schema = schema_in(inner) if is_definition else item
    if schema is None:
        raise NoSchema(f"the parameters of {name[:80]!r} are not an object")
    return schema
