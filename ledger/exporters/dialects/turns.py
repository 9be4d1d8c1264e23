"""The messages of a sample as their exact texts: what they hold, and what is called in them with what arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ledger.exporters.dialects.contract import Unwritable
from ledger.exporters.splice import Edit, Member, Span, edited, items, members, quoted, unquoted
from ledger.sample import BadJson, strict_json

_ESCAPED = re.compile(r"\\u00[567]")
"""How a letter of `tool_calls` can be escaped in a key."""
_USUAL = frozenset({"role", "content", "tool_calls"})


class Call(NamedTuple):
    """One tool call: the exact texts of its members, and of those of its function (the call's own, where flat)."""

    place: str
    outer: dict[str, str]
    function: dict[str, str]


class Turn(NamedTuple):
    """One message: its place (`prompt[2]`), role, and the exact texts of its members; null is not there."""

    place: str
    role: str
    fields: dict[str, str]
    calls: tuple[Call, ...]

    @property
    def text(self) -> str | None:
        """Return the exact text of the content, where that is a string."""
        content = self.fields.get("content")
        return content if content is None or content.startswith('"') else None


def turns(array: str, name: str) -> list[Turn]:
    """Return the messages of one side, whose places are called by its name."""
    return [_turn(array, span, f"{name}[{number}]") for number, span in enumerate(items(array))]


def with_arguments(array: str, tool_args: str, name: str) -> str:
    """Return messages with the arguments of their tool calls written as asked; all other text stands as it came.

    `object`: the text of an object becomes the object; `string`: an object becomes its text; what is neither is
    Unwritable. Arguments that are null or missing stay so. `as-is` changes nothing.
    """
    if tool_args == "as-is" or not _may_call(array):
        return array
    return edited(array, _edits(array, tool_args, name))


def list_of_tools(tools: str | None) -> str | None:
    """Return tools as an array, taken out of its text where it is JSON text; None where there are none."""
    if tools is None or not tools.startswith('"'):
        return tools
    said = unquoted(tools)
    if not isinstance(_inner(said, "tools"), list):
        raise Unwritable("`tools` is text that is not a JSON array")
    return said


def text_of_tools(tools: str | None) -> str | None:
    """Return tools as a JSON string that holds an array; None where there are none."""
    array = list_of_tools(tools)
    return None if array is None else quoted(array)


def plain_text(turn: Turn, dialect: str) -> str:
    """Return the exact text of a message's content; raise Unwritable where the message holds anything else."""
    if turn.calls:
        raise Unwritable(f"{turn.place} has tool calls, which {dialect} cannot hold")
    nothing_else(turn, frozenset(), dialect)
    if turn.text is None:
        raise Unwritable(f"the content of {turn.place} is not a text")
    return turn.text


def nothing_else(turn: Turn, known: frozenset[str], dialect: str) -> None:
    """Raise Unwritable where a message has members beyond `known`, its role, content and calls."""
    if turn.fields.keys() - known - _USUAL:
        raise Unwritable(f"{turn.place} has further fields, which {dialect} cannot hold")


def object_of(fields: Mapping[str, str]) -> str:
    """Return the JSON object of keys and the exact texts of their values."""
    return f"{{{', '.join([f'{quoted(key)}: {text}' for key, text in fields.items()])}}}"


def _may_call(array: str) -> bool:
    """Say whether tool calls may stand in a text: almost always told without parsing it."""
    return '"tool_calls"' in array or ("\\u00" in array and _ESCAPED.search(array) is not None)


def _turn(array: str, span: Span, place: str) -> Turn:
    fields = _present(array, span.start)
    called = fields.get("tool_calls", "[]")
    if "role" not in fields or not fields["role"].startswith('"'):
        raise Unwritable(f"{place} has no role")
    if not called.startswith("["):
        raise Unwritable(f"the tool calls of {place} are not a list")
    calls = tuple(_call(called, at, f"{place}.tool_calls[{number}]") for number, at in enumerate(items(called)))
    return Turn(place, unquoted(fields["role"]), fields, calls)


def _call(array: str, span: Span, place: str) -> Call:
    outer = _present(array, span.start)
    function = _present(outer["function"]) if "function" in outer else outer
    if not function.get("name", "").startswith('"'):
        raise Unwritable(f"{place} names no function")
    return Call(place, outer, function)


def _present(text: str, start: int = 0) -> dict[str, str]:
    """Return the members of an object that are not null, as texts, in their order."""
    found = {member.key: text[member.start : member.end] for member in members(text, start)}
    return {key: value for key, value in found.items() if value != "null"}


def _edits(array: str, tool_args: str, name: str) -> Iterator[Edit]:
    for number, message in enumerate(items(array)):
        calls = _member(array, message.start, "tool_calls")
        if calls is None or array[calls.start] != "[":
            continue
        for nth, call in enumerate(items(array, calls.start)):
            place = f"{name}[{number}].tool_calls[{nth}]"
            function = _member(array, call.start, "function")
            arguments = _member(array, call.start if function is None else function.start, "arguments")
            if arguments is not None:
                yield Edit(
                    arguments.start, arguments.end, _argued(array[arguments.start : arguments.end], tool_args, place)
                )


def _member(text: str, start: int, key: str) -> Member | None:
    return next((member for member in members(text, start) if member.key == key), None)


def _argued(text: str, tool_args: str, place: str) -> str:
    if text == "null":
        return text
    if text[0] not in '"{':
        raise Unwritable(f"the arguments of {place} are neither an object nor text")
    if text[0] == "{":
        return quoted(text) if tool_args == "string" else text
    if tool_args == "string":
        return text
    said = unquoted(text)
    if not isinstance(_inner(said, f"the arguments of {place}"), dict):
        raise Unwritable(f"the arguments of {place} are text that is not a JSON object")
    return said


def _inner(said: str, what: str) -> object:
    """Return the value of a JSON text that stood in a string; raise Unwritable where it has none, or not one only."""
    try:
        return strict_json(said)
    except BadJson as error:
        raise Unwritable(f"{what}: text that is not JSON ({error.reason})") from error
