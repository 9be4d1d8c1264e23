"""The dialect of `tool_schemas.json`: tools with parameters in TypeScript types, and a context in every call.

Everything that is peculiar to this dialect stands here: the fields of the context, the patterns of its ids, how the
system prompt gives them, which tools name a workspace or an agent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ledger.validators.contract import MISSING, Call, Finding, NoSchema, Talk, clip, is_blank
from ledger.validators.tool_rules import UNKNOWN, found, readable, shown, unknown_tools

DIALECT = "toolset"
CONTEXT = "context"
CONTEXT_FIELDS = (
    "sessionId",
    "workspaceId",
    "sessionDescription",
    "sessionMemory",
    "toolContext",
    "primaryGoal",
    "subgoal",
)
"""Every tool's context has these, whether or not its schema says so."""
NO_WORKSPACE = "default"

_SYSTEM = ("system", "developer")
_SESSION = re.compile(r"session_[0-9]{13}_[a-z0-9]{9}")
_WORKSPACE = re.compile(r"ws_[0-9]{13}_[a-z0-9]{9}")
_GIVEN_SESSION = re.compile(r'sessionId: *+"([^"\n]{1,200})"')
_GIVEN_WORKSPACE = re.compile(r'workspaceId: *+"([^"\n]{1,200})"')
_LISTED = re.compile(r'\(id: *+"([^"\n]{1,200})"\)')
_LIST_NAMES = {
    "memoryManager_loadWorkspace": "tools/unlisted_workspace",
    "agentManager_updateAgent": "tools/unlisted_agent",
    "agentManager_deleteAgent": "tools/unlisted_agent",
    "agentManager_getAgent": "tools/unlisted_agent",
    "agentManager_toggleAgent": "tools/unlisted_agent",
}
"""Tools whose parameter `id` must stand in a list of the system prompt, and the rule that says so."""

_KINDS: dict[str, frozenset[type]] = {
    "string": frozenset({str}),
    "number": frozenset({int, float}),
    "integer": frozenset({int}),
    "boolean": frozenset({bool}),
    "object": frozenset({dict}),
    "array": frozenset({list}),
    "null": frozenset({type(None)}),
}
_LONGEST_TYPE = 1000
_LITERAL = re.compile(r"""'([^']*)'|"([^"]*)\"""")


class Type(NamedTuple):
    """What a TypeScript type allows: kinds of values, texts of its own, and what the items of an array may be."""

    kinds: frozenset[type]
    texts: frozenset[str] = frozenset()
    items: Type | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: its parameters (None: of a type that is not described, so anything fits) and what must be there."""

    parameters: Mapping[str, Type | None]
    required: tuple[str, ...]
    context: tuple[str, ...]


class Given(NamedTuple):
    """The ids that a system prompt gives; a list is None where the prompt has none."""

    session: str | None
    workspace: str | None
    workspaces: frozenset[str] | None
    agents: frozenset[str] | None


class Toolset:
    """The tools of a file in this dialect."""

    dialect = DIALECT
    expects_call = True

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        """Keep the tools by name."""
        self._tools = dict(tools)
        self.names = tuple(sorted(tools))

    def check(self, talk: Talk) -> Iterator[Finding]:
        """Yield what is wrong with the calls of a content."""
        yield from unknown_tools(talk, self._tools.keys())
        given: Given | None = None
        for call in readable(talk):
            tool = self._tools.get(call.name)
            if tool is None:
                continue
            yield from _context(call, tool)
            yield from _parameters(call, tool)
            if talk.turns[0].role in _SYSTEM:
                given = given or given_by(talk.turns[0].text)
                yield from _as_given(call, given)


def looks_so(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Say whether a parsed file is of this dialect."""
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(tool, dict) and isinstance(tool.get("parameters"), list) for tool in value.values())
    )


def load(value: Mapping[str, Mapping[str, Any]]) -> Toolset:
    """Return the tools of a parsed file that looks so; raise NoSchema with what is wrong."""
    return Toolset({name: _tool(name, tool) for name, tool in value.items()})


def parse_type(text: str) -> Type | None:
    """Return what a TypeScript type allows; None where it names an interface, which may be anything."""
    if len(text) > _LONGEST_TYPE:
        return None
    kinds: set[type] = set()
    texts: set[str] = set()
    items: list[Type | None] = []
    for part in (part.strip() for part in text.split("|")):
        literal = _LITERAL.fullmatch(part)
        if literal is not None:
            texts.add(literal[1] if literal[1] is not None else literal[2])
        elif part.endswith("[]") or part.startswith("Array<"):
            kinds.add(list)
            items.append(parse_type(part[:-2]) if part.endswith("[]") else None)
        elif part in _KINDS:
            kinds |= _KINDS[part]
        else:
            return None
    of_items = items[0] if len(items) == 1 and len(kinds) == 1 else None
    return Type(frozenset(kinds), frozenset(texts), of_items)


def given_by(system: str) -> Given:
    """Return the ids that a system prompt gives."""
    session = _section(system, "session_context") or ""
    stated = _GIVEN_SESSION.search(session)
    current = _GIVEN_WORKSPACE.search(session)
    lists = [_section(system, name) for name in ("available_workspaces", "available_agents")]
    workspaces, agents = (None if text is None else frozenset(_LISTED.findall(text)) for text in lists)
    return Given(stated and stated[1], current and current[1], workspaces, agents)


def _section(system: str, name: str) -> str | None:
    begin = system.find(f"<{name}>")
    if begin < 0:
        return None
    end = system.find(f"</{name}>", begin)
    return system[begin:] if end < 0 else system[begin:end]


def _tool(name: str, tool: Mapping[str, Any]) -> Tool:
    parameters: dict[str, Type | None] = {}
    for parameter in tool["parameters"]:
        if not isinstance(parameter, dict) or not isinstance(parameter.get("name"), str):
            raise NoSchema(f"a parameter of {name[:80]!r} has no name")
        described = parameter.get("type")
        parameters[parameter["name"]] = parse_type(described) if isinstance(described, str) else None
    required = tool.get("required_params")
    if required is None:
        required = [one["name"] for one in tool["parameters"] if not one.get("optional")]
    if not isinstance(required, list) or not all(isinstance(one, str) for one in required):
        raise NoSchema(f"required_params of {name[:80]!r} is not a list of names")
    return Tool(
        {key: allowed for key, allowed in parameters.items() if key != CONTEXT},
        tuple(one for one in required if one != CONTEXT),
        (*CONTEXT_FIELDS, *_own_fields(name, tool.get("context_schema"))),
    )


def _own_fields(name: str, schema: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield the fields that a tool's context must have beside those of every tool."""
    if schema is None:
        return
    fields = schema.get("fields") if isinstance(schema, dict) else None
    if not isinstance(fields, list) or not all(
        isinstance(one, dict) and isinstance(one.get("name"), str) for one in fields
    ):
        raise NoSchema(f"context_schema of {name[:80]!r} has no list of fields")
    for one in fields:
        if one["name"] not in CONTEXT_FIELDS and not one.get("optional"):
            yield one["name"]


def _context(call: Call, tool: Tool) -> Iterator[Finding]:
    arguments, place = call.arguments, f"{call.path}.arguments"
    context = arguments.get(CONTEXT, MISSING)
    if context is MISSING:
        yield found("tools/context_missing", place, "the call has no context")
        return
    place = f"{place}.{CONTEXT}"
    if next(iter(arguments)) != CONTEXT:
        yield found("tools/context_not_first", place, "the context is not the first of the arguments")
    if not isinstance(context, dict):
        yield found("tools/context_not_object", place, f"the context is {clip(context)}")
        return
    for field in tool.context:
        value = context.get(field, MISSING)
        if not isinstance(value, str) or is_blank(value):
            yield from _poor_field(f"{place}.{shown(field)}", field, value)
    yield from _ids(context, place)


def _poor_field(place: str, field: str, value: Any) -> Iterator[Finding]:  # noqa: ANN401 - any JSON value
    if value is MISSING:
        yield found("tools/context_field_missing", place, f"the context has no {field}")
        return
    if _is_empty(value):
        yield found("tools/context_field_empty", place, f"{field} is empty")
    if not isinstance(value, str) and value is not None:
        yield found("tools/context_field_type", place, f"{field} is {clip(value)}, not text")


def _ids(context: Mapping[str, Any], place: str) -> Iterator[Finding]:
    session, workspace = context.get("sessionId"), context.get("workspaceId")
    if isinstance(session, str) and not is_blank(session) and _SESSION.fullmatch(session) is None:
        yield found("tools/session_id", f"{place}.sessionId", f"{clip(session)} is not a session's id")
    if isinstance(workspace, str) and not is_blank(workspace) and not _is_workspace(workspace):
        yield found("tools/workspace_id", f"{place}.workspaceId", f"{clip(workspace)} is not a workspace's id")


def _is_workspace(text: str) -> bool:
    return text == NO_WORKSPACE or _WORKSPACE.fullmatch(text) is not None


def _parameters(call: Call, tool: Tool) -> Iterator[Finding]:
    arguments, place = call.arguments, f"{call.path}.arguments"
    for name in tool.required:
        if name not in arguments:
            yield found("tools/missing_parameter", f"{place}.{shown(name)}", f"the parameter {name} is missing")
        elif _is_empty(arguments[name]):
            yield found("tools/empty_parameter", f"{place}.{shown(name)}", f"the parameter {name} is empty")
    for name, value in arguments.items():
        if name == CONTEXT:
            continue
        if name not in tool.parameters:
            message = f"{clip(name)} is no parameter of {call.name}"
            yield found("tools/unknown_parameter", f"{place}.{UNKNOWN}", message)
            continue
        allowed = tool.parameters[name]
        if allowed is not None and (rule := _misfit(value, allowed)):
            yield found(rule, f"{place}.{shown(name)}", f"{name} is {clip(value)}")


def _misfit(value: Any, allowed: Type) -> str | None:  # noqa: ANN401 - any JSON value
    """Return the rule that a value of a parameter breaks."""
    if type(value) in allowed.kinds:
        items = allowed.items
        if items is not None and isinstance(value, list):
            return next((rule for item in value if (rule := _misfit(item, items))), None)
        return None
    if isinstance(value, str) and allowed.texts:
        return None if value in allowed.texts else "tools/wrong_value"
    return "tools/wrong_type"


def _is_empty(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return is_blank(value) if isinstance(value, str) else value is None or value in ([], {})


def _as_given(call: Call, given: Given) -> Iterator[Finding]:
    context, place = call.arguments.get(CONTEXT), f"{call.path}.arguments"
    if isinstance(context, dict):
        session, workspace = context.get("sessionId"), context.get("workspaceId")
        if given.session is not None and isinstance(session, str) and session != given.session:
            message = f"{clip(session)} is not the session of the system prompt"
            yield found("tools/session_mismatch", f"{place}.{CONTEXT}.sessionId", message)
        known = _workspaces(given)
        if known and isinstance(workspace, str) and workspace not in known:
            message = f"{clip(workspace)} is no workspace of the system prompt"
            yield found("tools/workspace_mismatch", f"{place}.{CONTEXT}.workspaceId", message)
    rule, named = _LIST_NAMES.get(call.name), call.arguments.get("id")
    if rule is not None and isinstance(named, str):
        listed = given.agents if rule == "tools/unlisted_agent" else _listed_workspaces(given)
        if listed is not None and named not in listed:
            yield found(rule, f"{place}.id", f"{clip(named)} does not stand in the system prompt")


def _workspaces(given: Given) -> frozenset[str]:
    current = frozenset() if given.workspace is None else frozenset({given.workspace})
    return current | (given.workspaces or frozenset())


def _listed_workspaces(given: Given) -> frozenset[str] | None:
    return None if given.workspaces is None else _workspaces(given)
