"""ShareGPT: {conversations: [{from, value}], system, tools}, all of it text, tools and calls as JSON in a text.

A message with tool calls becomes one of `function_call`: {name, arguments}, or a list of them. The ids of calls have no
place there and are left out; they are no part of what is taught. Whoever trains on such a file teaches every message
of gpt and function_call, also those of a prompt.
"""

from __future__ import annotations

from ledger.exporters.dialects.contract import Layout, Row, Unwritable
from ledger.exporters.dialects.sides import conversation
from ledger.exporters.dialects.turns import Call, Turn, nothing_else, object_of, text_of_tools
from ledger.exporters.splice import quoted

NAMES = {"assistant": "gpt", "function": "observation", "system": "system", "tool": "observation", "user": "human"}
"""What each role is called; `function_call` stands for an assistant's message with calls."""

_IDS = frozenset({"id", "tool_call_id"})
_CALL = frozenset({"arguments", "function", "id", "index", "name", "type"})


def columns(_layout: Layout) -> frozenset[str]:
    """Return the keys of a row, so that no further column may be called so."""
    return frozenset({"conversations", "system", "tools"})


def write(layout: Layout, row: Row) -> str:
    """Return {conversations}, with system and tools where the sample has them."""
    system, said = parted(conversation(layout, row.fields))
    fields = {"conversations": f"[{', '.join([spoken(turn) for turn in said])}]"}
    if system is not None:
        fields["system"] = system
    tools = text_of_tools(row.fields.tools)
    if tools is not None:
        fields["tools"] = tools
    return object_of(fields)


def parted(said: list[Turn]) -> tuple[str | None, list[Turn]]:
    """Return the text of the system message that comes first (None: there is none), and the other messages."""
    if not said or said[0].role != "system":
        return None, said
    nothing_else(said[0], frozenset(), "ShareGPT")
    return _text(said[0]), said[1:]


def spoken(turn: Turn) -> str:
    """Return one message as {from, value}."""
    return object_of({"from": quoted(name_of(turn)), "value": value_of(turn)})


def name_of(turn: Turn) -> str:
    """Return who says a message."""
    if turn.role not in NAMES:
        raise Unwritable(f"the role of {turn.place} has no name in ShareGPT")
    return "function_call" if turn.calls and turn.role == "assistant" else NAMES[turn.role]


def value_of(turn: Turn) -> str:
    """Return what a message says, as a JSON string."""
    nothing_else(turn, _IDS, "ShareGPT")
    if not turn.calls:
        return _text(turn)
    if turn.role != "assistant":
        raise Unwritable(f"{turn.place} has tool calls, but is not the assistant's")
    if turn.fields.get("content", '""') != '""':
        raise Unwritable(f"{turn.place} has content beside its tool calls, and ShareGPT has room for one of them")
    calls = [_called(call) for call in turn.calls]
    return quoted(calls[0] if len(calls) == 1 else f"[{', '.join(calls)}]")


def _text(turn: Turn) -> str:
    if turn.text is None:
        raise Unwritable(f"the content of {turn.place} is not a text")
    return turn.text


def _called(call: Call) -> str:
    if (call.outer.keys() | call.function.keys()) - _CALL:
        raise Unwritable(f"{call.place} has further fields, which ShareGPT cannot hold")
    if "arguments" not in call.function:
        raise Unwritable(f"{call.place} has no arguments")
    return object_of({"name": call.function["name"], "arguments": call.function["arguments"]})
