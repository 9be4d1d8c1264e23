"""Structure: messages and their roles, who follows whom, what is empty, which tool message answers which call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ledger.validators.contract import (
    ERROR,
    MISSING,
    WARNING,
    Finding,
    Schemas,
    Talk,
    TextLimits,
    Turn,
    Validator,
    clip,
    finder,
    is_blank,
)

RULES = {
    "structure/no_messages": (ERROR, "there is neither a prompt nor a completion"),
    "structure/bad_message": (ERROR, "a message is not an object with a role that chats know"),
    "structure/content_type": (ERROR, "the content of a message is neither text nor a list of parts"),
    "structure/no_user": (ERROR, "no message is the user's, so nothing is asked"),
    "structure/no_answer": (ERROR, "the last message is not the assistant's, so nothing is answered"),
    "structure/role_order": (
        ERROR,
        "roles do not follow one another as in a chat: system, user and assistant in turn, a tool only after a call",
    ),
    "structure/empty_prompt": (ERROR, "the user's message, or the prompt, is empty"),
    "structure/empty_completion": (ERROR, "the assistant's message, or the completion, is empty"),
    "structure/empty_message": (WARNING, "a system message is empty"),
    "structure/calls_by_other": (ERROR, "a message that is not the assistant's has tool calls"),
    "structure/call_id_missing": (ERROR, "a tool message does not say which call it answers"),
    "structure/call_id_unknown": (ERROR, "a tool message answers a call that was not made just before"),
    "structure/call_id_repeated": (ERROR, "two calls of one message have the same id, or one call has two answers"),
    "structure/call_unanswered": (WARNING, "the chat goes on, but a call before has no tool message"),
}
_found = finder(RULES)

_SYSTEM = frozenset({"system", "developer"})
_TOOL = frozenset({"tool", "function"})
_ROLES = _SYSTEM | _TOOL | {"user", "assistant"}
_UNKNOWN = "something unknown"
_MAY_FOLLOW = {
    "system": frozenset({""}),
    "user": frozenset({"", "system", "assistant", _UNKNOWN}),
    "assistant": frozenset({"user", "tool", _UNKNOWN}),
    "tool": frozenset({"assistant", "tool", _UNKNOWN}),
}
"""Kind of role -> the kinds after which it may stand; the empty one is the beginning."""


def check(talk: Talk, _schemas: Schemas | None, _limits: TextLimits) -> Iterator[Finding]:
    """Yield what is wrong with the messages of a content, or with its two texts."""
    plain = bool(talk.turns) and talk.turns[0].message is MISSING
    if not talk.turns or (plain and not any(turn.text for turn in talk.turns)):
        yield _found("structure/no_messages", "", "there is neither a prompt nor a completion")
    elif plain:
        yield from _texts(talk)
    else:
        yield from _messages(talk)


def _texts(talk: Talk) -> Iterator[Finding]:
    asked, given = talk.turns
    if is_blank(asked.text):
        yield _found("structure/empty_prompt", asked.path, "the prompt is empty")
    if is_blank(given.text):
        yield _found("structure/empty_completion", given.path, "the completion is empty")


def _messages(talk: Talk) -> Iterator[Finding]:
    before, users = "", 0
    answering = _Answers()
    for turn in talk.turns:
        if not isinstance(turn.message, Mapping) or not isinstance(turn.role, str) or turn.role not in _ROLES:
            before = _UNKNOWN
            yield _found("structure/bad_message", turn.path, f"it is no message of a known role: {clip(turn.role)}")
            continue
        kind = _kind(turn.role)
        users += kind == "user"
        follows = before in _MAY_FOLLOW[kind] and not (kind == "tool" and before == "assistant" and not answering.calls)
        if not follows:
            after = f"after {before}" if before else "at the beginning"
            yield _found("structure/role_order", f"{turn.path}.role", f"{turn.role} stands {after}")
        yield from _content(turn, kind)
        yield from answering.hear(turn, kind)
        if follows or kind != "system":  # a system message in the middle does not change whose turn it is
            before = kind
    if not users:
        yield _found("structure/no_user", "messages", "no message is the user's")
    if before != "assistant":
        yield _found("structure/no_answer", talk.turns[-1].path, "the last message is not the assistant's")


def _kind(role: str) -> str:
    return "system" if role in _SYSTEM else "tool" if role in _TOOL else role


def _content(turn: Turn, kind: str) -> Iterator[Finding]:
    """Yield what is wrong with one message by itself."""
    content, calls = turn.message.get("content"), turn.message.get("tool_calls")
    place = f"{turn.path}.content"
    if calls is not None and kind != "assistant":
        yield _found("structure/calls_by_other", f"{turn.path}.tool_calls", f"a message of {turn.role} has tool calls")
    if not isinstance(content, str):
        if content is not None and not _are_parts(content):
            yield _found("structure/content_type", place, f"the content is {clip(content)}")
            return
        if content is None and kind != "assistant":
            yield _found("structure/content_type", place, "there is no content")
            return
    if not is_blank(turn.text) or (isinstance(content, list) and _has_more_than_text(content)):
        return
    if kind == "user":
        yield _found("structure/empty_prompt", place, "the user's message is empty")
    elif kind == "assistant" and not calls:
        yield _found("structure/empty_completion", place, "the assistant's message is empty")
    elif kind == "system":
        yield _found("structure/empty_message", place, f"the message of {turn.role} is empty")


def _are_parts(content: Any) -> bool:  # noqa: ANN401 - any JSON value
    return isinstance(content, list) and all(_is_part(part) for part in content)


def _is_part(part: Any) -> bool:  # noqa: ANN401 - any JSON value
    if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
        return False
    return part["type"] != "text" or isinstance(part.get("text"), str)


def _has_more_than_text(parts: list[Any]) -> bool:
    return any(part["type"] != "text" for part in parts)


class _Answers:
    """Which calls of the last assistant's message still wait for a tool message."""

    def __init__(self) -> None:
        self.calls = 0
        self._place = ""
        self._ids: set[str] = set()
        self._waiting: set[str] = set()
        self._written = False

    def hear(self, turn: Turn, kind: str) -> Iterator[Finding]:
        """Yield what is wrong with the ids of one message, seen after those before it."""
        if kind == "tool":
            yield from self._answer(turn)
            return
        if self._waiting:  # calls that end the chat wait for nothing, and those written in the text have no ids
            yield _found("structure/call_unanswered", self._place, f"{len(self._waiting)} calls have no tool message")
        yield from self._begin(turn)

    def _begin(self, turn: Turn) -> Iterator[Finding]:
        self.calls, self._place = len(turn.calls), f"{turn.path}.tool_calls"
        written = turn.message.get("tool_calls")
        calls = written if turn.role == "assistant" and isinstance(written, list) else []
        ids = [call["id"] for call in calls if isinstance(call, Mapping) and isinstance(call.get("id"), str)]
        self._written, self._ids, self._waiting = bool(calls), set(ids), set(ids)
        if len(self._ids) != len(ids):
            yield _found("structure/call_id_repeated", self._place, "two calls have the same id")

    def _answer(self, turn: Turn) -> Iterator[Finding]:
        place, answered = f"{turn.path}.tool_call_id", turn.message.get("tool_call_id")
        if not isinstance(answered, str) or not answered:
            if self._written:
                yield _found("structure/call_id_missing", place, "there is no id of the call that it answers")
        elif answered in self._waiting:
            self._waiting.discard(answered)
        elif answered in self._ids:
            yield _found("structure/call_id_repeated", place, f"the call {clip(answered)} was answered before")
        elif self._written:
            yield _found("structure/call_id_unknown", place, f"no call just before has the id {clip(answered)}")


VALIDATOR = Validator("structure", "1", "messages, roles and their order, what is empty, call ids", check, RULES)
