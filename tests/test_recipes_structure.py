"""Contents are compared as what they say: no spelling makes a difference, and every change but the named ones does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.readers import content_of
from ledger.recipes.structure import same
from ledger.sample import Content
from tests.improving import item, row, text_call
from tests.strategies import arguments, json_values, spaced

FREE = {"context.toolContext", "prompt", "after"}


def reordered(value: Any, turn: int) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value whose objects have their keys in another order."""
    if isinstance(value, dict):
        keys = list(value)
        keys = keys[turn % len(keys) :] + keys[: turn % len(keys)] if keys else keys
        return {key: reordered(value[key], turn) for key in (reversed(keys) if turn % 2 else keys)}
    return [reordered(each, turn) for each in value] if isinstance(value, list) else value


def called(said: Any, spell: Any = json.dumps, **more: Any) -> Content:  # noqa: ANN401 - JSON
    """Return a conversation with a structured call and a written one, its arguments written in some way."""
    written = f"tool_call: f\narguments: {spell(said).strip()}"
    function = {"name": "g", "arguments": spell(said)}
    turn = {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "function": function}], **more}
    return Content(
        "conversational", ({"role": "user", "content": "q"},), (turn, {"role": "assistant", "content": written})
    )


@given(said=arguments(), turn=st.integers(0, 5))
def test_any_reordering_that_json_allows(said: dict[str, Any], turn: int) -> None:
    """Keys in another order, other white space and other escapes change nothing."""
    one = called(said)

    assert same(one, called(reordered(said, turn)), ())
    assert same(one, called(said, spaced), ())
    assert same(one, called(said, lambda value: json.dumps(value, ensure_ascii=False)), ())


@given(one=arguments(), other=arguments())
def test_other_arguments_are_other_calls(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Calls are the same where their arguments are the same JSON, and only there."""
    assert same(called(one), called(other), ()) == (
        json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    )


@given(old=json_values(), new=json_values())
def test_what_is_free_may_be_anything(old: Any, new: Any) -> None:  # noqa: ANN401 - JSON
    """A free argument may change, appear and go; the one beside it may not."""
    line = {"context": {"toolContext": old, "subgoal": "x"}, "n": 1}
    changed = {"context": {"toolContext": new, "subgoal": "x"}, "n": 1}
    other = {"context": {"toolContext": new, "subgoal": "y"}, "n": 1}
    gone = {"context": {"subgoal": "x"}, "n": 1}

    def only(said: Any) -> Content:  # noqa: ANN401 - JSON
        return item(
            {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": text_call("f", said)}]}
        ).content

    assert same(only(line), only(changed), FREE)
    assert same(only(line), only(gone), FREE)
    assert not same(only(line), only(other), FREE)


CHANGES = {
    "the tool": lambda said: said.replace("searchContent", "deleteContent"),
    "an id": lambda said: said.replace("a1b2c3d4e", "a1b2c3d4f"),
    "a number's kind": lambda said: said.replace("1.0", "1"),
    "an argument": lambda said: said.replace('\\"tides\\"', '\\"waves\\"'),
    "a call more": lambda said: said.replace('}"}]', '}\\n\\ntool_call: f\\narguments: {}"}]'),
    "a role": lambda said: said.replace('"role": "user"', '"role": "system"'),
    "a field of a message": lambda said: said.replace('"role": "user"', '"role": "user", "name": "Kim"'),
    "a message more": lambda said: said.replace("[{", '[{"role": "system", "content": "s"}, {'),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_other_change_is_noticed(change: Any) -> None:  # noqa: ANN401 - a function of a text
    """Tool, ids, kinds of numbers, arguments, calls, roles and messages have to stay."""
    raw = item(row()).raw.decode()
    assert change(raw) != raw

    assert not same(content_of(raw.encode(), "messages@1"), content_of(change(raw).encode(), "messages@1"), FREE)


def test_prose_may_change_where_it_is_free() -> None:
    """Text before a call and text behind it are told apart; an answer is one only where it calls nothing."""
    plain, behind = item(row()).content, item(row(behind="\n\nDone.")).content
    before = item(json.dumps(row()).replace("tool_call:", "So.\\n\\ntool_call:").encode()).content

    assert same(plain, behind, {"after"})
    assert not same(plain, behind, {"before"})
    assert same(plain, before, {"before"})
    assert not same(plain, before, {"after", "prompt"})
    chats = [
        item({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": said}]}).content
        for said in ("a", "b", text_call("f", {}))
    ]
    assert same(chats[0], chats[1], {"answer"})
    assert not same(chats[0], chats[1], {"prompt"})
    assert not same(chats[0], chats[2], {"answer"})


def test_a_path_is_no_named_field() -> None:
    """Freeing the prompt does not free an argument that is called so."""
    contents = [
        item(
            {
                "messages": [
                    {"role": "user", "content": "q"},
                    {"role": "assistant", "content": text_call("f", {"prompt": said})},
                ]
            }
        ).content
        for said in ("a", "b")
    ]

    assert not same(contents[0], contents[1], {"prompt"})
