"""ledger.agents.schemas: schemas as providers take them."""

from __future__ import annotations

from ledger.agents.schemas import plain


def test_bounds_become_words() -> None:
    """What a provider cannot hold to is said in the description, and objects take no other keys."""
    schema = {
        "type": "object",
        "properties": {
            "score": {"type": "integer", "minimum": 1, "maximum": 5, "description": "how good"},
            "notes": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "string", "minLength": 2}},
            "kind": {"enum": ["a", "b"]},
        },
        "required": ["score"],
    }
    assert plain(schema) == {
        "type": "object",
        "properties": {
            "score": {"type": "integer", "description": 'how good {"maximum":5,"minimum":1}'},
            "notes": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "description": '{"minLength":2}'},
                "description": '{"maxItems":3}',
            },
            "kind": {"enum": ["a", "b"]},
        },
        "required": ["score"],
        "additionalProperties": False,
    }


def test_the_schema_that_was_given_stays_as_it_was() -> None:
    """What is checked on return is the whole schema, so it is not changed here."""
    schema = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}, "additionalProperties": True}
    before = repr(schema)
    assert plain(schema)["additionalProperties"] is False
    assert repr(schema) == before
    assert plain({"anyOf": [{"type": "object"}, {"type": "null"}]})["anyOf"][0]["additionalProperties"] is False
