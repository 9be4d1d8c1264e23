"""Policies as TOML: what people write, keep beside their data and send to one another."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from ledger.errors import PolicyInvalid
from ledger.policy.check import Fault
from ledger.policy.document import Written, document_of, policy_from
from ledger.policy.lines import Lines
from ledger.rule import Policy

LONGEST = 100_000
"""Characters of one policy."""
DEEPEST = 16
"""Names that a key may join with dots; no key here needs more than four, and the time to read one grows as a square."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_LONG_NUMBER = re.compile(r"[0-9_]{1000}")
_LONG_KEY = re.compile(
    rf"""^[ \t]*+\[{{0,2}}+(?:[ \t]*+(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.){{{DEEPEST}}}""",
    re.MULTILINE,
)
_REASONS = {
    "Invalid value": "a value is expected after =: a text in quotes, a number, true, false, a list or a table",
    "Invalid statement": "this is neither KEY = VALUE nor a [TABLE]",
    "Cannot overwrite a value": "a key is given twice in one table",
}


def parse_policy(text: str, place: str) -> Policy:
    """Return the policy of a TOML text; `place` names the file in errors.

    Raises PolicyInvalid(place, line, what was expected there).
    """
    if len(text) > LONGEST:
        raise PolicyInvalid(place, 1, f"a policy has at most {LONGEST:,} characters")
    if found := _LONG_KEY.search(text):
        what = f"a key joins at most {DEEPEST} names with dots; docs/policies.md has all keys"
        raise PolicyInvalid(place, text.count("\n", 0, found.start()) + 1, what)
    document = _load(text, place)
    try:
        return policy_from(document)
    except Fault as fault:
        lines = Lines(text)
        at, value = fault.at, _value_at(document, fault)
        line = lines.inside(fault.path, value, at) if at else lines.of(fault.path)
        raise PolicyInvalid(place, line, fault.what) from None


def to_toml(policy: Policy) -> str:
    """Return a policy as TOML: `parse_policy(to_toml(policy), ...) == policy`."""
    document = document_of(policy)
    parts = [
        "".join(f"{key} = {_toml(value)}\n" for key, value in document.items() if not isinstance(value, (dict, list)))
    ]
    parts.append(_table("scores", document["scores"]))
    parts += [_table(f"measure.{key(name)}", table) for name, table in document["measure"].items()]
    parts += [_table(name, document[name]) for name in ("threshold",) if document[name]]
    parts += [_table(f"domain.{key(name)}", table) for name, table in document["domain"].items()]
    parts += [_table("cross", document["cross"])] if document["cross"] else []
    parts += [_table(section, table, "[[", "]]") for section in ("rule", "label", "cap") for table in document[section]]
    return "\n".join(parts)


def key(name: str) -> str:
    """Return a name as a TOML key, in quotes where it needs them."""
    return name if _BARE.fullmatch(name) else _toml(name)


def _load(text: str, place: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=Written)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        found = _PLACE.search(message)
        line = text.rstrip().count("\n") + 1 if found is None or found[1] is None else int(found[1])
        reason = _PLACE.sub("", message)
        column = f" (column {found[2]})" if found is not None and found[2] is not None else ""
        raise PolicyInvalid(place, line, f"not TOML: {_REASONS.get(reason, reason)}{column}") from None
    except RecursionError:
        deepest = max(text.split("\n"), key=lambda line: line.count("[") + line.count("{"))
        line = text.count("\n", 0, text.index(deepest)) + 1
        raise PolicyInvalid(place, line, "not TOML: lists or tables are nested too deep") from None
    except ValueError:  # Python refuses to read whole numbers of thousands of digits
        found = _LONG_NUMBER.search(text)
        line = text.count("\n", 0, found.start() if found else 0) + 1
        raise PolicyInvalid(place, line, "a number has far too many digits") from None


def _value_at(document: object, fault: Fault) -> str:
    value: Any = document
    for step in fault.path if fault.at else ():
        value = value[step]
    return value if isinstance(value, str) else ""


def _table(name: str, table: dict[str, Any], opening: str = "[", closing: str = "]") -> str:
    return f"{opening}{name}{closing}\n" + "".join(f"{key(k)} = {_toml(value)}\n" for k, value in table.items())


def _toml(value: Any) -> str:  # noqa: ANN401 - a value of a document
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key(name)} = {_toml(inner)}" for name, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str) and '"' in value and "'" not in value and value.isprintable():
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
