"""JSON schemas as providers take them: what they cannot hold to is said in a description, and checked on return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

_KEPT = frozenset(
    {
        "$defs",
        "$ref",
        "anyOf",
        "allOf",
        "const",
        "description",
        "enum",
        "items",
        "properties",
        "required",
        "title",
        "type",
    }
)
_MAPS = frozenset({"$defs", "properties"})
_LISTS = frozenset({"anyOf", "allOf"})


def plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema without bounds of lengths and numbers, which stand in the descriptions instead.

    Objects take no other keys than theirs. Schemas are this program's own and nest a few levels.
    """
    kept: dict[str, Any] = {}
    said: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _MAPS:
            kept[name] = {key: plain(inner) for key, inner in value.items()}
        elif name in _LISTS:
            kept[name] = [plain(inner) for inner in value]
        elif name == "items" and isinstance(value, Mapping):
            kept[name] = plain(value)
        elif name in _KEPT or (name == "minItems" and value in {0, 1}):
            kept[name] = value
        elif name != "additionalProperties":
            said[name] = value
    if said:
        bounds = orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode()
        kept["description"] = f"{kept.get('description', '')} {bounds}".strip()
    if kept.get("type") == "object":
        kept["additionalProperties"] = False
    return kept
