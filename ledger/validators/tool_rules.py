"""The rules about tools and their schemas, whatever dialect the schemas are written in."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from ledger.validators.calls import is_name
from ledger.validators.contract import ERROR, MISSING, WARNING, Call, Finding, Talk, clip, finder

RULES = {
    "tools/unknown_tool": (ERROR, "a tool is called that the schemas do not have"),
    "tools/missing_parameter": (ERROR, "a parameter that the schema requires is missing"),
    "tools/empty_parameter": (WARNING, "a parameter that the schema requires is empty"),
    "tools/unknown_parameter": (WARNING, "a parameter is given that the schema does not describe"),
    "tools/forbidden_parameter": (ERROR, "a parameter is given although the schema allows no others than its own"),
    "tools/wrong_type": (ERROR, "a value is not of the type that the schema says"),
    "tools/wrong_value": (ERROR, "a value is none of those that the schema allows"),
    "tools/schema_violation": (ERROR, "the arguments break another rule of the schema"),
    "tools/unchecked": (WARNING, "the arguments are too deep or too long to be compared with the schema"),
    "tools/bad_tools": (ERROR, "the sample's own list of tools is not a list of tool definitions"),
    "tools/context_missing": (ERROR, "a call has no context"),
    "tools/context_not_first": (ERROR, "the context is not the first of the arguments"),
    "tools/context_not_object": (ERROR, "the context is not an object"),
    "tools/context_field_missing": (ERROR, "a field of the context is missing"),
    "tools/context_field_empty": (ERROR, "a field of the context is empty"),
    "tools/context_field_type": (ERROR, "a field of the context is not text"),
    "tools/session_id": (ERROR, "the session's id is not session_, 13 digits, _ and 9 small letters or digits"),
    "tools/workspace_id": (ERROR, "the workspace's id is neither `default` nor ws_ with the signs of a session's id"),
    "tools/session_mismatch": (ERROR, "the session's id is not the one that the system prompt gives"),
    "tools/workspace_mismatch": (ERROR, "the workspace's id is none of those that the system prompt gives"),
    "tools/unlisted_workspace": (WARNING, "a workspace is loaded that the system prompt does not list"),
    "tools/unlisted_agent": (WARNING, "an agent is named that the system prompt does not list"),
}
found = finder(RULES)

UNKNOWN = "*"
"""Stands in a path for a name that no schema file knows, which may be text of the sample."""

_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,63}")


def shown(name: str) -> str:
    """Return the name of a parameter that a schema file has as paths hold it."""
    return name if _PLAIN.fullmatch(name) else UNKNOWN


def unknown_tools(talk: Talk, names: Collection[str]) -> Iterator[Finding]:
    """Yield each call of a tool that is not there; what cannot be a tool's name is the business of `calls`.

    An error: a model that learns to call what does not exist fails on every such call, and nothing else about the
    call could be compared with anything.
    """
    for call in talk.calls:
        if is_name(call.name) and call.name not in names:
            yield found("tools/unknown_tool", f"{call.path}.name", f"there is no tool {clip(call.name)}")


def readable(talk: Talk) -> Iterator[Call]:
    """Yield the calls that name a tool and whose arguments are an object."""
    return (call for call in talk.calls if call.arguments is not MISSING and isinstance(call.name, str))
