"""Samples as recipes see them, for tests: conversations with a tool call, and what is known beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ledger.digest import blake3_bytes
from ledger.readers import FactMap, Unreadable, content_bytes, content_of, read_line
from ledger.recipes.contract import Item
from ledger.sample import Content

NOWHERE = FactMap(label=(), domain=(), tag_root=None)
CONTEXT = {
    "sessionId": "session_1731398400000_a1b2c3d4e",
    "sessionMemory": "",
    "toolContext": "Search",
    "primaryGoal": "Find the notes on tides",
    "subgoal": "Find the notes on tides",
}
GOOD = {
    "sessionMemory": "The harbour folder was listed; three notes mention tides, the newest from 8 November.",
    "toolContext": "Searching the harbour folder shows which of the three notes holds the table itself.",
    "primaryGoal": "Plan the boat trip around the tides",
    "subgoal": "Open the one note with the table",
    "prompt": "Which of my harbour notes had that table in it again?",
    "result": '{"success": true, "data": {"hits": 3, "score": 0.82}}',
    "after": "Three notes mention tides; the newest has the table, so that is the one to open.",
}
"""A text for each field of the shipped specs that keeps within their lengths."""


def text_call(name: str, said: Mapping[str, Any], before: str = "", behind: str = "") -> str:
    """Return an assistant's text with a call in it."""
    return f"{before}tool_call: {name}\narguments: {json.dumps(said)}{behind}"


def row(behind: str = "", *, asked: str = "Find my notes on tides", **context: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a conversation of a question and a call, whose context is CONTEXT with some keys changed."""
    said = {"context": {**CONTEXT, **context}, "query": "tides", "limit": 1.0}
    call = text_call("vaultLibrarian_searchContent", said, behind=behind)
    return {"conversations": [{"role": "user", "content": asked}, {"role": "assistant", "content": call}]}


def item(line: Mapping[str, Any] | bytes, **known: Any) -> Item:  # noqa: ANN401 - fields of an Item
    """Return a line as a recipe sees it, read by the reader that recognises it."""
    body = line if isinstance(line, bytes) else json.dumps(line).encode()
    read = read_line(body, NOWHERE)
    assert not isinstance(read, Unreadable), read
    nothing: dict[str, Any] = {"domain": None, "tags": {}, "scores": {}, "notes": {}, "failed": ()}
    version = blake3_bytes(body)
    raw = content_bytes(body, read.reader)
    return Item(version, version, content_of(body, read.reader), raw, **{**nothing, **known})


def last(content: Content) -> str:
    """Return the text of the last message of a conversation."""
    message = content.completion[-1]
    assert not isinstance(message, str)
    return str(message["content"])


def reader_of(line: Mapping[str, Any] | bytes) -> str:
    """Return the id of the reader that recognises a line."""
    body = line if isinstance(line, bytes) else json.dumps(line).encode()
    read = read_line(body, NOWHERE)
    assert not isinstance(read, Unreadable), read
    return read.reader


def real(path: Path) -> list[Item]:
    """Return the readable lines of a file as samples, with the numbers that scorers left in them."""
    found = []
    for line in path.read_bytes().splitlines():
        if not isinstance(read_line(line, NOWHERE), Unreadable):
            said = json.loads(line).get("quality_scores", {})
            numbers = {name: str(value) for name, value in said.items() if type(value) in {int, float}}
            found.append(item(line, scores=numbers))
    return found


def answer(schema: Mapping[str, Any], texts: Mapping[str, str] = GOOD) -> str:
    """Return a reply that gives the fields of a schema."""
    names: Sequence[str] = schema["required"]
    return json.dumps({name: texts[name] for name in names}, ensure_ascii=False)
