"""The dialect of tool_schemas.json: every rule of the validator that it came with, and what that one missed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.sample import Content
from ledger.validators import ERROR, WARNING, validate
from ledger.validators.toolset import CONTEXT_FIELDS, Type, given_by, parse_type
from tests.talks import assistant, called, places, rules, schemas, talk, text_call, toolset, user

CONTEXT = {
    "sessionId": "session_1731398400000_a1b2c3d4e",
    "workspaceId": "ws_1731398400000_f5g6h7i8j",
    "sessionDescription": "Finding last Friday's session",
    "sessionMemory": "The user asked for the notes of last Friday.",
    "toolContext": "The sessions are needed to load one of them.",
    "primaryGoal": "Load the work of Friday afternoon",
    "subgoal": "Find the sessions of Friday",
}
PLACE = "messages[1].tool_calls[0].arguments"
SYSTEM = """<session_context>
IMPORTANT: When using tools, include these values in your tool call parameters:

- sessionId: "session_1731398400000_a1b2c3d4e"
- workspaceId: "ws_1731398400000_f5g6h7i8j" (current workspace)
</session_context>
<available_workspaces>
- Research (id: "ws_1731398400000_f5g6h7i8j")
- Other (id: "ws_1731398400001_other1234")
</available_workspaces>
<available_agents>
- Writer (id: "agent_1")
</available_agents>"""


def call(name: str, **parameters: Any) -> Content:  # noqa: ANN401 - JSON
    """Return a call with a good context."""
    return called(name, {"context": CONTEXT, **parameters})


def with_context(**changes: Any) -> Content:  # noqa: ANN401 - JSON
    """Return a good call whose context is changed."""
    return called("vaultManager_openNote", {"context": {**CONTEXT, **changes}, "path": "a.md"})


def under(system: str, name: str, arguments: dict[str, Any]) -> Content:
    """Return a call after a system prompt."""
    return talk({"role": "system", "content": system}, user(), assistant(text_call(name, arguments)))


def test_a_good_call_has_no_findings() -> None:
    """The context first, all its fields full, the parameters that are required, of the types that are described."""
    for content in (
        call("vaultManager_openNote", path="a.md", mode="split", focus=True),
        call("memoryManager_listStates", order="desc", limit=3, tags=["a"]),
        call("get_tools", managers=["vaultManager"]),
        with_context(workspaceId="default"),
    ):
        assert places(content, toolset()) == []


@pytest.mark.parametrize(
    ("arguments", "rule", "path"),
    [
        ({"path": "a"}, "tools/context_missing", PLACE),
        ({"path": "a", "context": CONTEXT}, "tools/context_not_first", f"{PLACE}.context"),
        ({"context": "x", "path": "a"}, "tools/context_not_object", f"{PLACE}.context"),
        ({"context": None, "path": "a"}, "tools/context_not_object", f"{PLACE}.context"),
        ({"context": CONTEXT}, "tools/missing_parameter", f"{PLACE}.path"),
        ({"context": CONTEXT, "path": ""}, "tools/empty_parameter", f"{PLACE}.path"),
        ({"context": CONTEXT, "path": "a", "shade": "dark"}, "tools/unknown_parameter", f"{PLACE}.*"),
    ],
)
def test_the_rules_about_arguments(arguments: dict[str, Any], rule: str, path: str) -> None:
    """Each fault is one finding at its place."""
    assert places(called("vaultManager_openNote", arguments), toolset()) == [(rule, path)]


@pytest.mark.parametrize("field", CONTEXT_FIELDS)
def test_every_field_of_the_context(field: str) -> None:
    """Each of the seven must be there, be text, and say something."""
    at = f"{PLACE}.context.{field}"
    rest = {key: CONTEXT[key] for key in CONTEXT if key != field}
    without = called("vaultManager_openNote", {"context": rest, "path": "a.md"})

    assert places(without, toolset()) == [("tools/context_field_missing", at)]
    for empty in ("", "  ", None):
        assert places(with_context(**{field: empty}), toolset()) == [("tools/context_field_empty", at)]
    others: list[Any] = [{"open": []}, ["a"], 3, True]
    for other in others:
        assert places(with_context(**{field: other}), toolset()) == [("tools/context_field_type", at)]
    assert places(with_context(**{field: []}), toolset()) == [
        ("tools/context_field_empty", at),
        ("tools/context_field_type", at),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "session_173139840000_a1b2c3d4e",
        "session_1731398400000_A1B2C3D4E",
        "session_1731398400000_a1b2c3d4",
        "session_1731398400000_a1b2c3d4e\n",
        "session_١٧٣١٣٩٨٤٠٠٠٠٠_a1b2c3d4e",
        "ws_1731398400000_f5g6h7i8j",
        "default",
    ],
)
def test_ids_of_sessions(text: str) -> None:
    """A session's id has its own pattern, in ASCII, from beginning to end."""
    assert places(with_context(sessionId=text), toolset()) == [("tools/session_id", f"{PLACE}.context.sessionId")]


@pytest.mark.parametrize("text", ["ws_1", "session_1731398400000_a1b2c3d4e", "Default", "ws_1731398400000_F5G6H7I8J"])
def test_ids_of_workspaces(text: str) -> None:
    """A workspace's id has its own pattern, or is `default`."""
    assert rules(with_context(workspaceId=text), toolset()) == ["tools/workspace_id"]


def test_get_tools_needs_its_managers() -> None:
    """Managers must be there and a list; an empty list is a warning."""
    for managers, expected in ((["a"], []), ([], ["tools/empty_parameter"]), ("a", ["tools/wrong_type"])):
        assert rules(call("get_tools", managers=managers), toolset()) == expected
    assert places(call("get_tools"), toolset()) == [("tools/missing_parameter", f"{PLACE}.managers")]


def test_a_tool_that_is_not_there() -> None:
    """Calling what does not exist is an error, and nothing else about the call can be compared."""
    (found,) = validate(called("vaultManager_renameFolder", {"a": 1}), toolset())

    assert (found.rule, found.severity, found.path) == (
        "tools/unknown_tool",
        ERROR,
        "messages[1].tool_calls[0].name",
    )


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"order": "newest"}, ["tools/wrong_value"]),
        ({"order": 3}, ["tools/wrong_type"]),
        ({"limit": "3"}, ["tools/wrong_type"]),
        ({"limit": True}, ["tools/wrong_type"]),
        ({"limit": None}, ["tools/wrong_type"]),
        ({"limit": 2.5}, []),
        ({"tags": "a"}, ["tools/wrong_type"]),
        ({"tags": ["a", 3]}, ["tools/wrong_type"]),
        ({"tags": []}, []),
    ],
)
def test_types_of_values(parameters: dict[str, Any], expected: list[str]) -> None:
    """Values are compared with the TypeScript types: kinds, texts of their own, items of arrays."""
    assert rules(call("memoryManager_listStates", **parameters), toolset()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("string", Type(frozenset({str}))),
        ("number", Type(frozenset({int, float}))),
        ("string | null", Type(frozenset({str, type(None)}))),
        ("'asc' | 'desc'", Type(frozenset(), frozenset({"asc", "desc"}))),
        ("'a' | string[]", Type(frozenset({list}), frozenset({"a"}), None)),
        ("string[]", Type(frozenset({list}), items=Type(frozenset({str})))),
        ("number[][]", Type(frozenset({list}), items=Type(frozenset({list}), items=Type(frozenset({int, float}))))),
        ("DateRange[]", Type(frozenset({list}))),
        ("Array<string>", Type(frozenset({list}))),
        ("any", None),
        ("AspectRatio", None),
        ("WorkspaceContext | string", None),
        ("", None),
        ("[]" * 2000, None),
    ],
)
def test_types_are_read(text: str, expected: Type | None) -> None:
    """What names an interface may be anything; the rest is read exactly."""
    read = parse_type(text)

    if expected is not None and expected.items is None and read is not None and text == "'a' | string[]":
        read = read._replace(items=None)
    assert read == expected


def test_the_system_prompt_gives_the_ids() -> None:
    """Session and workspace are those of the system prompt; another listed workspace is fine too."""
    good = {"context": CONTEXT, "path": "a"}
    other = {**CONTEXT, "workspaceId": "ws_1731398400001_other1234"}
    wrong = {
        **CONTEXT,
        "sessionId": "session_1731398400000_zzzzzzzzz",
        "workspaceId": "ws_1731398400000_zzzzzzzzz",
    }
    at = "messages[2].tool_calls[0].arguments.context"

    assert places(under(SYSTEM, "vaultManager_openNote", good), toolset()) == []
    assert places(under(SYSTEM, "vaultManager_openNote", {**good, "context": other}), toolset()) == []
    assert places(under(SYSTEM, "vaultManager_openNote", {**good, "context": wrong}), toolset()) == [
        ("tools/session_mismatch", f"{at}.sessionId"),
        ("tools/workspace_mismatch", f"{at}.workspaceId"),
    ]
    assert places(under("You help.", "vaultManager_openNote", {**good, "context": wrong}), toolset()) == []


def test_default_is_a_workspace_only_where_it_is_given() -> None:
    """`default` is as good as the system prompt says."""
    system = '<session_context>\n- workspaceId: "default" (no specific workspace selected)\n</session_context>'
    good = {"context": {**CONTEXT, "workspaceId": "default"}, "path": "a"}

    assert rules(under(system, "vaultManager_openNote", good), toolset()) == []
    assert rules(under(SYSTEM, "vaultManager_openNote", good), toolset()) == ["tools/workspace_mismatch"]
    assert rules(under(system, "vaultManager_openNote", {**good, "context": CONTEXT}), toolset()) == [
        "tools/workspace_mismatch"
    ]


def test_what_is_named_must_be_listed() -> None:
    """A workspace to load and an agent to change stand in the lists, where the system prompt has lists."""
    load = {"context": CONTEXT, "id": "ws_1731398400001_other1234"}
    delete = {"context": CONTEXT, "id": "agent_2"}

    assert rules(under(SYSTEM, "memoryManager_loadWorkspace", load), toolset()) == []
    found = validate(under(SYSTEM, "memoryManager_loadWorkspace", {**load, "id": "ws_9"}), toolset())
    assert [(one.rule, one.severity) for one in found] == [("tools/unlisted_workspace", WARNING)]
    assert rules(under(SYSTEM, "agentManager_deleteAgent", delete), toolset()) == ["tools/unlisted_agent"]
    assert rules(under(SYSTEM, "agentManager_deleteAgent", {**delete, "id": "agent_1"}), toolset()) == []
    without = SYSTEM.partition("<available_workspaces>")[0]
    assert rules(under(without, "agentManager_deleteAgent", delete), toolset()) == []
    assert rules(under(without, "memoryManager_loadWorkspace", {**load, "id": "ws_9"}), toolset()) == []


def test_a_section_that_is_not_closed_reaches_to_the_end() -> None:
    """A system prompt that was cut off still gives what it gives."""
    given = given_by(SYSTEM.removesuffix("</available_agents>"))

    assert given.session == CONTEXT["sessionId"]
    assert given.workspace == CONTEXT["workspaceId"]
    assert given.agents == frozenset({"agent_1"})
    assert given_by("") == (None, None, None, None)


def test_the_context_belongs_to_this_dialect_only() -> None:
    """A tool of another dialect is called without any context."""
    content = called("vaultManager_openNote", {"path": "a"})

    assert rules(content, schemas([{"name": "vaultManager_openNote", "parameters": {"type": "object"}}])) == []
    assert rules(content) == []


def test_a_field_of_its_own_in_the_context() -> None:
    """What a tool's context_schema requires beside the seven is required of that tool."""
    tool = {
        "parameters": [],
        "context_schema": {"fields": [{"name": "mood", "optional": False}, {"name": "luck", "optional": True}]},
    }

    assert places(called("a", {"context": CONTEXT}), schemas({"a": tool})) == [
        ("tools/context_field_missing", f"{PLACE}.context.mood")
    ]


def test_required_parameters_where_only_optional_says_so() -> None:
    """Without `required_params` those are required that are not optional."""
    tool = {"parameters": [{"name": "p", "type": "string"}, {"name": "q", "optional": True}]}

    assert rules(called("a", {"context": CONTEXT}), schemas({"a": tool})) == ["tools/missing_parameter"]


def test_a_structured_call_is_judged_alike() -> None:
    """Text and structured calls get the same findings at the same places."""
    arguments = {"context": {**CONTEXT, "subgoal": ""}, "mode": "up"}
    written = called("vaultManager_openNote", arguments)
    structured = talk(
        user(),
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c",
                    "type": "function",
                    "function": {"name": "vaultManager_openNote", "arguments": json.dumps(arguments)},
                }
            ],
        },
    )

    assert places(written, toolset()) == places(structured, toolset())
    assert len(places(written, toolset())) == 3
