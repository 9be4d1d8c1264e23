"""Calls: whether what looks like a tool call is one, whichever way it is written, and whether there is one at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ledger.validators.contract import (
    ERROR,
    MISSING,
    WARNING,
    Call,
    Finding,
    Schemas,
    Talk,
    TextLimits,
    Validator,
    clip,
    finder,
)

RULES = {
    "calls/not_extracted": (ERROR, "the marker of a tool call stands there, but no call that can be read follows"),
    "calls/no_marker": (ERROR, "the arguments of a call stand there without the line that names the tool"),
    "calls/malformed_arguments": (ERROR, "the arguments of a call are not JSON"),
    "calls/duplicate_key": (ERROR, "a key stands twice in the arguments, and parsers differ in which value counts"),
    "calls/control_character": (ERROR, "a string in the arguments holds a control character, which JSON has escaped"),
    "calls/arguments_not_object": (ERROR, "the arguments of a call are not an object, or there are none"),
    "calls/arguments_empty": (WARNING, "a call of a tool that no schema describes has no arguments"),
    "calls/no_name": (ERROR, "a call does not name a tool"),
    "calls/name_not_identifier": (
        ERROR,
        "the name of a called tool is not one: it is a sentence, or holds white space",
    ),
    "calls/not_a_call": (ERROR, "an item of tool_calls is not a call"),
    "calls/not_a_list": (ERROR, "tool_calls is not a list, or an empty one"),
    "calls/two_notations": (WARNING, "one message writes calls both in its text and in tool_calls"),
    "calls/loose_notation": (WARNING, "a call is written so that only a lenient parser finds it: indented, or split"),
    "calls/prose_after_call": (WARNING, "text follows a call, where a model should stop and wait for the result"),
    "calls/prose_only": (WARNING, "no tool is called, although samples for these schemas are about calling tools"),
    "calls/no_call": (ERROR, "no tool is called, although a call is required"),
}
_found = finder(RULES)

_NAME = re.compile(r"\w[\w.:/-]{0,127}")


def check(talk: Talk, schemas: Schemas | None, limits: TextLimits) -> Iterator[Finding]:
    """Yield what is wrong with the notation of the calls of a content."""
    called = False
    for turn in talk.turns:
        for rule, path, message in turn.faults:
            called = called or rule != "calls/no_marker"
            yield _found(rule, path, message)
        if isinstance(turn.message, Mapping):
            written = turn.message.get("tool_calls")
            if written is not None and not (isinstance(written, list) and written):
                yield _found("calls/not_a_list", f"{turn.path}.tool_calls", f"tool_calls is {clip(written)}")
        for call in turn.calls:
            called = True
            yield from _call(call, schemas)
    if not called and limits.require_call:
        yield _found("calls/no_call", "completion", "no tool is called")
    elif not called and schemas is not None and schemas.expects_call:
        yield _found("calls/prose_only", "completion", "no tool is called")


def is_name(name: object) -> bool:
    """Say whether this can be the name of a tool: one word of letters, digits and `_ . : / -`, 128 at most."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def _call(call: Call, schemas: Schemas | None) -> Iterator[Finding]:
    for rule, message in call.faults:
        yield _found(rule, call.path if rule == "calls/not_a_call" else f"{call.path}.arguments", message)
        if rule == "calls/not_a_call":
            return
    if not isinstance(call.name, str) or not call.name.strip():
        yield _found("calls/no_name", f"{call.path}.name", "the call names no tool")
    elif not is_name(call.name):
        yield _found("calls/name_not_identifier", f"{call.path}.name", f"{clip(call.name)} is not the name of a tool")
    if call.arguments is not MISSING and not call.arguments and (schemas is None or call.name not in schemas.names):
        yield _found("calls/arguments_empty", f"{call.path}.arguments", "the arguments are empty")


VALIDATOR = Validator("calls", "1", "whether calls can be read, name a tool and have arguments", check, RULES)
