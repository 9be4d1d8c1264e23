"""The fields of a content that a recipe may write, by name, and where each of them stands.

`prompt` is what the user said last, `answer` the last message where that is an assistant's and calls no tool. Of the
last message that calls one, `before` is the text before the call, `result` the JSON after `Result:` behind it, and
`after` what is told behind that. Any other name is a path (`context.sessionMemory`) into the arguments of its first
call. A message whose content is a list of parts has no fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from ledger.recipes import places
from ledger.recipes.places import Call, Edit, Layer, Span, TextCall

PROMPT, BEFORE, RESULT, AFTER, ANSWER = "prompt", "before", "result", "after", "answer"
NAMED = (PROMPT, BEFORE, RESULT, AFTER, ANSWER)
DROPPED = (BEFORE, RESULT, AFTER)
"""Those that can be taken out: a call stays what it is without them."""

_MISTRAL = re.compile(r"\[TOOL_CALLS\]\s*+(?=\[)")
_UNREADABLE = (ValueError, LookupError, StopIteration, RecursionError)


class Value(NamedTuple):
    """A value that stands in a layer as JSON, such as the text of a message; it becomes a text."""

    layer: Layer
    span: Span

    @property
    def now(self) -> str | None:
        """Return what it says: a text, or other JSON as it is written; None for null."""
        written = self.layer.text[self.span.start : self.span.end]
        return json.loads(written) if written[0] == '"' else None if written == "null" else written

    def write(self, text: str | None) -> list[Edit]:
        """Return the changes after which it says a text, or nothing."""
        return [self.layer.edit(self.span, json.dumps(text, ensure_ascii=False))]


class Stretch(NamedTuple):
    """A stretch of a text, with what separates it from what stands before and behind it."""

    layer: Layer
    span: Span
    lead: str = ""
    tail: str = ""
    inner: Span | None = None

    @property
    def now(self) -> str | None:
        """Return what it says; None where nothing stands there."""
        start, end = self.span if self.inner is None else self.inner
        return self.layer.text[start:end].strip() or None

    def write(self, text: str | None) -> list[Edit]:
        """Return the changes after which it says a text, or nothing."""
        return [self.layer.edit(self.span, "" if text is None else f"{self.lead}{text}{self.tail}")]


class Absent(NamedTuple):
    """A key that an object does not have yet."""

    layer: Layer
    span: Span
    key: str
    now: None = None

    def write(self, text: str | None) -> list[Edit]:
        """Return the changes after which the object has the key."""
        return [places.added(self.layer, self.span, self.key, json.dumps(text, ensure_ascii=False))]


class _Turn:
    """One message: its role, where its text stands, and where its structured calls do."""

    def __init__(self, layer: Layer, role: str, said: Value | None, structured: Span | None = None) -> None:
        self.role, self.said, self.structured = role, said, structured
        self._layer = layer

    @cached_property
    def inside(self) -> Layer | None:
        """Return what the message says as a layer; None where it has no text."""
        said = self.said
        return None if said is None or said.layer.kind(said.span) != '"' else said.layer.inside(said.span)

    @cached_property
    def written(self) -> list[TextCall]:
        """Return the calls that its text writes out."""
        return [] if self.inside is None else places.text_calls(self.inside.text)

    @cached_property
    def calls(self) -> list[Call]:
        """Return its calls in whichever notation; none but an assistant's has any."""
        try:
            return self._calls() if self.role == "assistant" else []
        except _UNREADABLE:
            return []

    def _calls(self) -> list[Call]:
        if self.structured is not None:
            return _structured(self._layer, places.items(self._layer, self.structured))
        said = self.inside
        if said is None:
            return []
        if self.written:
            return [Call(call.name, said, call.arguments) for call in self.written]
        mark = _MISTRAL.search(said.text)
        if mark is None:
            return []
        _, end = places.value_at(said.text, mark.end())
        return _structured(said, places.items(said, Span(mark.end(), end)))


class Sheet:
    """A content, cut into the places where its fields stand."""

    def __init__(self, raw: bytes) -> None:
        """Cut the bytes of a content: a line with its training fields. What cannot be read has no fields."""
        self._layer = Layer("", (0,))
        self._turns: list[_Turn] = []
        try:
            self._layer = places.document(raw)
            self._turns = _turns(self._layer)
        except _UNREADABLE:
            self._turns = []
        self._calling = next((turn for turn in reversed(self._turns) if turn.calls), None)

    @property
    def calls_tools(self) -> bool:
        """Say whether a message calls a tool."""
        return self._calling is not None

    def place(self, path: str, *, add: bool = False) -> Value | Stretch | Absent | None:
        """Return where a field stands, None where this content has no such field.

        Where the object around a path is there, but not its last key, that counts as a place only if keys may be added.
        """
        if path == PROMPT:
            return next((turn.said for turn in reversed(self._turns) if turn.role == "user"), None)
        if path == ANSWER:
            last = self._turns[-1] if self._turns else None
            return last.said if last and last.role == "assistant" and last is not self._calling else None
        if self._calling is None:
            return None
        if path in NAMED:
            return _beside(self._calling, path)
        return _argument(self._calling.calls[0], path.split("."), add=add)

    def edited(self, wanted: Sequence[tuple[Value | Stretch | Absent, str | None]]) -> bytes:
        """Return the content with new texts at some of its places (None: nothing is to stand there)."""
        changes = [edit for place, text in wanted for edit in place.write(text)]
        return places.edited(self._layer.text, changes).encode()


def _turns(layer: Layer) -> list[_Turn]:
    messages = places.message_spans(layer)
    if messages:
        return [
            _Turn(layer, role, _text(layer, inner.get("content")), _array(layer, inner.get("tool_calls")))
            for inner, role in messages
        ]
    top = dict(places.members(layer, places.whole(layer)))
    asked, given = (("instruction", "output"), ("prompt", "completion"))["instruction" not in top]
    return [
        _Turn(layer, role, said)
        for role, key in (("user", asked), ("assistant", given))
        if (said := _text(layer, top.get(key))) is not None
    ]


def _text(layer: Layer, span: Span | None) -> Value | None:
    return None if span is None or layer.kind(span) not in '"n' else Value(layer, span)


def _array(layer: Layer, span: Span | None) -> Span | None:
    return None if span is None or layer.kind(span) != "[" or layer.text[span.start : span.end] == "[]" else span


def _structured(layer: Layer, spans: Iterable[Span]) -> list[Call]:
    calls = []
    for span in spans:
        inner = dict(places.members(layer, span))
        function = inner.get("function")
        if function is not None and layer.kind(function) == "{":
            inner = dict(places.members(layer, function))
        name, arguments = inner.get("name"), inner.get("arguments")
        if name is None or arguments is None:
            continue
        said = Value(layer, name).now or ""
        if layer.kind(arguments) == '"':
            within = layer.inside(arguments)
            calls.append(Call(said, within, places.whole(within)))
        else:
            calls.append(Call(said, layer, arguments))
    return calls


def _beside(turn: _Turn, path: str) -> Value | Stretch | None:
    """Return what stands before or behind the calls of a message."""
    if turn.structured is not None:
        return turn.said if path == BEFORE else None
    said, calls = turn.inside, turn.written
    if said is None or not calls:
        return None
    if path == BEFORE:
        return Stretch(said, Span(0, calls[0].start), tail="\n\n")
    end = calls[-1].arguments.end
    result = places.result_at(said.text, end)
    if path == RESULT:
        outer, inner = (Span(end, end), Span(end, end)) if result is None else result
        return Stretch(said, outer, "\n\nResult: ", inner=inner)
    start = end if result is None else result[0].end
    return Stretch(said, Span(start, len(said.text)), "\n\n")


def _argument(call: Call, steps: Sequence[str], *, add: bool) -> Value | Absent | None:
    try:
        found = places.at(call.layer, call.arguments, steps)
        if found is not None:
            return Value(call.layer, found)
        around = places.at(call.layer, call.arguments, steps[:-1]) if add else None
    except _UNREADABLE:
        return None
    if around is None or call.layer.kind(around) != "{":
        return None
    return Absent(call.layer, around, steps[-1])
