"""OpenAI's JSONL for fine-tuning, which Azure, Together and Fireworks take too: chats, and pairs of answers.

Arguments of tool calls are text there, each call has an id and a type, and a message of the role `tool` names the call
that it answers. A call without an id gets `call_0`, `call_1` and so on, counted in the row, passing over ids that
stand there already. Fields that are null are left out, but for an assistant's content. Calls in text stay text.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from ledger.exporters.dialects.contract import Layout, Row, Unwritable
from ledger.exporters.dialects.sides import conversation, pair
from ledger.exporters.dialects.turns import Call, Turn, list_of_tools, object_of, turns
from ledger.exporters.splice import is_empty, quoted, unquoted

_ROLES = frozenset({"assistant", "developer", "function", "system", "tool", "user"})
_FUNCTION = ("name", "arguments")


def columns(_layout: Layout) -> frozenset[str]:
    """Return the keys of a row, so that no further column may be called so."""
    return frozenset(
        {"input", "messages", "non_preferred_output", "parallel_tool_calls", "preferred_output", "tools"},
    )


def write(layout: Layout, row: Row) -> str:
    """Return {messages, tools}, or {input, preferred_output, non_preferred_output} for a pair."""
    tools = list_of_tools(row.fields.tools)
    offered = {} if tools is None or is_empty(tools) else {"tools": tools}
    if layout.type != "preference":
        said = conversation(layout, row.fields)
        return object_of({"messages": _messages(said, _ids(said)), **offered})
    names = ("prompt", "chosen", "rejected")
    prompt, chosen, rejected = map(turns, pair(layout, row), names)
    if chosen[-1].role != "assistant" or rejected[-1].role != "assistant":
        raise Unwritable("an answer does not end with a message of the assistant")
    ids = _ids([*prompt, *chosen, *rejected])
    asked = object_of({"messages": _messages(prompt, ids), **offered})
    outputs = {"preferred_output": _messages(chosen, ids), "non_preferred_output": _messages(rejected, ids)}
    return object_of({"input": asked, **outputs})


def _ids(said: list[Turn]) -> Iterator[str]:
    """Yield ids that no call of the row has, as JSON strings."""
    there = {unquoted(call.outer["id"]) for turn in said for call in turn.calls if _has_id(call)}
    return (quoted(name) for name in map("call_{}".format, count()) if name not in there)


def _has_id(call: Call) -> bool:
    """Say whether a call has an id; raise Unwritable where that is not a text."""
    if "id" not in call.outer:
        return False
    if not call.outer["id"].startswith('"'):
        raise Unwritable(f"the id of {call.place} is not a text")
    return True


def _messages(said: list[Turn], ids: Iterator[str]) -> str:
    return f"[{', '.join([_message(turn, ids) for turn in said])}]"


def _message(turn: Turn, ids: Iterator[str]) -> str:
    if turn.role not in _ROLES:
        raise Unwritable(f"the role of {turn.place} is none of OpenAI's")
    fields = {key: text for key, text in turn.fields.items() if key != "tool_calls" or turn.calls}
    if turn.role == "tool" and not fields.get("tool_call_id", "").startswith('"'):
        raise Unwritable(f"{turn.place} does not say in `tool_call_id` which call it answers")
    if turn.role == "function" and not fields.get("name", "").startswith('"'):
        raise Unwritable(f"{turn.place} does not name its function")
    if turn.calls:
        if turn.role != "assistant":
            raise Unwritable(f"{turn.place} has tool calls, but is not the assistant's")
        fields["tool_calls"] = f"[{', '.join([_call(call, ids) for call in turn.calls])}]"
    if "content" not in fields:
        if not turn.calls:
            raise Unwritable(f"{turn.place} has no content")
        fields = {"role": fields.pop("role"), "content": "null", **fields}
    return object_of(fields)


def _call(call: Call, ids: Iterator[str]) -> str:
    if not call.function.get("arguments", "").startswith('"'):
        raise Unwritable(f"{call.place} has no arguments")
    if unquoted(call.outer.get("type", '"function"')) != "function":
        raise Unwritable(f"{call.place} is not the call of a function")
    fields = dict(call.outer)
    if "function" not in fields:
        fields["function"] = object_of({key: fields.pop(key) for key in _FUNCTION})
    fields = fields if "id" in fields else {"id": next(ids), **fields}
    return object_of({"id": fields.pop("id"), "type": fields.pop("type", '"function"'), **fields})
