"""Hypothesis strategies that tests share: JSON values, contents, samples (lines as objects) and lines (bytes)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ledger.digest import LARGEST_INT
from ledger.sample import Content

Json: TypeAlias = Any
Sample: TypeAlias = dict[str, Any]

texts = st.text(max_size=30)
prose = st.text(st.characters(codec="utf-8", exclude_characters=":["), max_size=30)
"""Text in which no tool call can begin."""
ascii_keys = st.text(st.characters(max_codepoint=127), max_size=8)
names = st.from_regex(r"[a-z]{1,6}_[A-Za-z]{1,8}", fullmatch=True)


def restricted_json() -> SearchStrategy[Json]:
    """Return values that restricted JSON can hold."""
    ints = st.integers(-LARGEST_INT, LARGEST_INT)
    return _nested(st.none() | st.booleans() | ints | texts, ascii_keys)


def json_values() -> SearchStrategy[Json]:
    """Return any value of strict JSON, floats and long integers included."""
    floats = st.floats(allow_nan=False, allow_infinity=False)
    return _nested(st.none() | st.booleans() | st.integers() | floats | texts, texts)


def arguments() -> SearchStrategy[dict[str, Json]]:
    """Return what a tool can be called with."""
    return st.dictionaries(texts, json_values(), max_size=3)


def messages(role: str) -> SearchStrategy[Sample]:
    """Return messages of one role; an assistant's may hold a tool call, as text or structured."""
    plain = st.builds(lambda text: {"role": role, "content": text}, texts)
    return plain if role != "assistant" else st.one_of(plain, st.builds(text_call, prose, names, arguments()), calls())


def calls() -> SearchStrategy[Sample]:
    """Return assistant messages with OpenAI `tool_calls`, the arguments as text or as an object."""
    return st.builds(structured_call, prose | st.none(), names, arguments(), st.booleans())


def text_call(before: str, name: str, said: dict[str, Json], after: str = "") -> Sample:
    """Return an assistant's message whose call stands in its text."""
    return {"role": "assistant", "content": f"{before}\ntool_call: {name}\narguments: {json.dumps(said)}\n{after}"}


def structured_call(before: str | None, name: str, said: dict[str, Json], as_text: bool) -> Sample:  # noqa: FBT001 - drawn
    """Return an assistant's message with OpenAI `tool_calls`."""
    function = {"name": name, "arguments": json.dumps(said) if as_text else said}
    return {
        "role": "assistant",
        "content": before,
        "tool_calls": [{"id": "a1", "type": "function", "function": function}],
    }


def chats() -> SearchStrategy[list[Sample]]:
    """Return conversations that begin with a prompt and end with an answer."""
    asked = st.lists(messages("system"), max_size=1), st.lists(messages("user"), min_size=1, max_size=2)
    answered = st.lists(messages("assistant"), min_size=1, max_size=2)
    return st.builds(lambda first, then, last: [*first, *then, *last], *asked, answered)


def samples() -> SearchStrategy[Sample]:
    """Return valid lines as objects: every shape that is read, with some facts in the envelope."""
    shapes: list[SearchStrategy[Sample]] = [
        st.builds(lambda key, chat: {key: chat}, st.sampled_from(["messages", "conversations"]), chats()),
        st.builds(lambda p, c: {"prompt": p, "completion": c}, st.text(min_size=1, max_size=30), texts),
        st.builds(
            lambda p, c: {"prompt": [p], "completion": [c]},
            messages("user"),
            messages("assistant"),
        ),
        st.builds(lambda i, x, o: {"instruction": i, "input": x, "output": o}, texts, texts | st.none(), texts),
    ]
    labels = st.sampled_from([{}, {"label": True}, {"label": False}, {"label": "desirable"}, {"label": None}])
    domains = st.sampled_from([{}, {"domain": "asm"}, {"domain": ["a", "b"]}, {"metadata": {"domain": "x"}}])
    tags = st.sampled_from([{}, {"tags": {"persona": "p", "turns": 3}}, {"scores": {"overall": 2.5}}])
    return st.builds(
        lambda *parts: {k: v for part in parts for k, v in part.items()}, st.one_of(shapes), labels, domains, tags
    )


def contents() -> SearchStrategy[Content]:
    """Return contents of both forms."""
    standard = st.builds(lambda p, c: Content("standard", p, c), texts, texts)
    return standard | st.builds(lambda chat: Content("conversational", tuple(chat[:1]), tuple(chat[1:])), chats())


def lines() -> SearchStrategy[bytes]:
    """Return lines without line feeds: valid samples in several spellings, other JSON, broken samples, any bytes."""
    written = st.builds(lambda value, spell: spell(value).encode(), samples(), st.sampled_from(SPELLINGS))
    other = json_values().map(lambda value: json.dumps(value).encode())
    broken = st.builds(_broken, written, st.integers(0, 10**6), st.binary(max_size=3))
    return st.one_of(written, other, broken, st.binary(max_size=60)).map(lambda line: line.replace(b"\n", b" "))


def spaced(value: Json) -> str:
    """Return JSON with white space wherever it may stand."""
    return " " + json.dumps(value, separators=(" \t,\r ", " : ")) + " "


SPELLINGS: list[Callable[[Json], str]] = [
    json.dumps,
    lambda value: json.dumps(value, ensure_ascii=False),
    lambda value: json.dumps(value, separators=(",", ":")),
    spaced,
]
"""Ways to write one value as JSON."""


def _broken(line: bytes, at: int, put: bytes) -> bytes:
    at %= len(line) + 1
    return line[:at] + put + line[at + len(put) :]


def _nested(leaves: SearchStrategy[Json], keys: SearchStrategy[str]) -> SearchStrategy[Json]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    )
