"""Chats: what the fast way says of lines of the usual form is what the long way says, and others are left to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.readers import Raw, raw_of, reader_of
from ledger.readers.contract import Line
from ledger.readers.messages import usual

READER = reader_of("messages@1")
ASKED = {"role": "user", "content": 'say "\\" ünd {"role": "assistant"}'}
SAID = {"role": "assistant", "content": 'tool_call: a\narguments: {"b": "c\\"}"}'}
KEYS = ("conversations", "messages", "tools", "label", "domain")
NAMES = st.sampled_from([*KEYS, "t\\u006fols", "text"])
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system"]), "content": st.text(max_size=12)},
        optional={"name": st.text(max_size=3), "meta": st.just([{"a": "b"}, ASKED])},
    ),
    min_size=1,
    max_size=3,
)
SPACES = st.sampled_from([(", ", ": "), (",", ":"), (" , ", " : ")])


def long_way(body: bytes) -> Raw:
    """Return what the reader says of a line without its fast way."""
    return READER.raw(Line(body.decode(), READER.split))


@given(
    messages=MESSAGES, key=st.sampled_from(KEYS[:2]), more=st.dictionaries(NAMES, st.text(max_size=5)), spaces=SPACES
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_the_fast_way_is_the_long_way(
    ascii_only: bool,  # noqa: FBT001 - a parameter of the test
    messages: list[dict[str, Any]],
    key: str,
    more: dict[str, str],
    spaces: tuple[str, str],
) -> None:
    """Whatever stands in a line, in whatever spacing, the texts of its fields are those that a full cut gives."""
    value = {key: messages, **{name: said for name, said in more.items() if name not in KEYS[:2]}}
    body = json.dumps(value, ensure_ascii=ascii_only, separators=spaces).replace("\\\\u006f", "\\u006f").encode()
    assert raw_of(body, READER.id) == long_way(body)


def test_a_question_and_an_answer_go_the_fast_way() -> None:
    """The usual line needs no full cut, with or without an envelope behind it."""
    for more in ({}, {"label": True, "notes": {"a": [1.0, "x"]}}):
        body = json.dumps({"conversations": [ASKED, SAID], **more}, ensure_ascii=False).encode()
        assert usual(body) == long_way(body)
        assert usual(body) is not None


@pytest.mark.parametrize(
    "value",
    [
        {"conversations": [ASKED, SAID], "tools": []},
        {"conversations": [ASKED, SAID], "messages": [SAID]},
        {"label": True, "conversations": [ASKED, SAID]},
        {"conversations": [ASKED]},
        {"conversations": [SAID, SAID]},
        {"conversations": [ASKED, SAID, ASKED]},
        {"conversations": [{**ASKED, "meta": [{"a": "b"}, SAID]}]},
    ],
)
def test_other_lines_go_the_long_way(value: dict[str, Any]) -> None:
    """What has more of content than a question and an answer, or has it elsewhere, is left to the full cut."""
    assert usual(json.dumps(value).encode()) is None


def test_an_escaped_key_is_seen() -> None:
    """A key that is written with an escape is the same key, so such a line has tools."""
    body = json.dumps({"conversations": [ASKED, SAID], "t@ols": []}).replace("@", "\\u006f").encode()
    assert usual(body) is None
    assert raw_of(body, READER.id).tools == "[]"


def test_an_end_without_wanted_keys_is_not_looked_at() -> None:
    """A line is cut as far as its last wanted key; a wanted key behind others is still found."""
    text = json.dumps({"a": 1, "messages": [SAID], "b": {"c": []}})
    assert Line(text, (), ("messages",)).raw("b") is None
    assert Line(text, (), ("messages", "b")).raw("b") == '{"c": []}'
    assert Line(text).raw("b") == '{"c": []}'
