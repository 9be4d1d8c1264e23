"""Policies as TOML: what people write, keep beside their data and send to one another."""

from __future__ import annotations

import json
from typing import Any

from ledger.errors import PolicyInvalid
from ledger.policy.check import Fault
from ledger.policy.document import Written, document_of, policy_from
from ledger.rule import Policy
from ledger.toml_text import Lines, NotToml, read_toml, toml_key, toml_string

LONGEST = 100_000
"""Characters of one policy."""


def parse_policy(text: str, place: str) -> Policy:
    """Return the policy of a TOML text; `place` names the file in errors.

    Raises PolicyInvalid(place, line, what was expected there).
    """
    try:
        document = read_toml(text, "a policy", LONGEST, Written)
    except NotToml as error:
        raise PolicyInvalid(place, error.line, error.what) from None
    try:
        return policy_from(document)
    except Fault as fault:
        lines = Lines(text)
        line = lines.inside(fault.path, fault.at) if fault.at else lines.of(fault.path)
        raise PolicyInvalid(place, line, fault.what) from None


def to_toml(policy: Policy) -> str:
    """Return a policy as TOML: `parse_policy(to_toml(policy), ...) == policy`."""
    document = document_of(policy)
    parts = [
        "".join(f"{key} = {_toml(value)}\n" for key, value in document.items() if not isinstance(value, (dict, list)))
    ]
    parts.append(_table("scores", document["scores"]))
    parts += [_table(f"measure.{toml_key(name)}", table) for name, table in document["measure"].items()]
    parts += [_table(name, document[name]) for name in ("threshold",) if document[name]]
    parts += [_table(f"domain.{toml_key(name)}", table) for name, table in document["domain"].items()]
    parts += [_table("cross", document["cross"])] if document["cross"] else []
    listed = ("rule", "label", "cap", "proposals")
    parts += [_table(section, table, "[[", "]]") for section in listed for table in document[section]]
    return "\n".join(parts)


def _table(name: str, table: dict[str, Any], opening: str = "[", closing: str = "]") -> str:
    return f"{opening}{name}{closing}\n" + "".join(f"{toml_key(k)} = {_toml(value)}\n" for k, value in table.items())


def _toml(value: Any) -> str:  # noqa: ANN401 - a value of a document
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml_key(name)} = {_toml(inner)}" for name, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return toml_string(value) if isinstance(value, str) else json.dumps(value)
