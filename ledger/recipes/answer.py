"""Reading the text of a reply as the JSON object that was asked for. Nothing here raises for any text.

What is wrong is told in sentences of this program: they name fields of the recipe, never a word of the reply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ledger.recipes.contract import Problem
from ledger.sample import BadJson, strict_json

LONGEST = 1_000_000
"""Characters of a reply that is read: no answer that a recipe can ask for is as long."""

_FENCE = "```"


def object_of(text: str) -> dict[str, Any] | Problem:
    """Return the object that a reply holds, or what is wrong; fences around it and a word before them are forgiven."""
    if len(text) > LONGEST:
        return Problem("too_long", f"the reply has more than {LONGEST:,} characters")
    said = _unfenced(text.strip())
    if not said:
        return Problem("empty", "the reply is empty")
    try:
        value = strict_json(said)
    except BadJson as error:
        return Problem("not_json", f"the reply is not one JSON object and nothing else ({error.reason})")
    if not isinstance(value, dict):
        return Problem("wrong_shape", "the reply is JSON, but not an object")
    return value


def _unfenced(said: str) -> str:
    """Return what stands between the only two fences of a text that does not begin with its JSON."""
    parts = said.split(_FENCE, 3)
    if said.startswith("{") or len(parts) != 3:  # noqa: PLR2004 - before, between and behind two fences
        return said
    return parts[1].partition("\n")[2].strip()


def schema_of(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the schema of an object of texts, each needed: name -> what it is."""
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": about} for name, about in fields.items()},
        "required": list(fields),
        "additionalProperties": False,
    }


def shape(value: Mapping[str, Any], fields: Sequence[str]) -> Problem | None:
    """Return in what an object is not one of these texts: exactly what the schema of them refuses."""
    for name in fields:
        if name not in value:
            return Problem("wrong_shape", f"the field {name} is missing")
        if not isinstance(value[name], str):
            return Problem("wrong_shape", f"the field {name} is not a text")
    if value.keys() - set(fields):
        return Problem("unknown_field", f"the reply has other fields than {', '.join(fields)}")
    return None
