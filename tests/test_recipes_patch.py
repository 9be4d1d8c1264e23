"""A patch of named fields: they say what they are told to say, and no other byte of the content moves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.readers import content_of
from ledger.recipes.fields import NAMED, Absent, Sheet, Stretch
from ledger.recipes.patch import patched
from ledger.recipes.structure import same
from ledger.sample import strict_json
from tests.improving import item, last, reader_of, real, row, text_call
from tests.strategies import SPELLINGS, samples, spaced

SAID = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
CONTEXT = "context.sessionMemory"


def spelled(line: dict[str, Any], spell: Callable[[Any], str]) -> bytes:
    """Return the training fields of a line, written in some way."""
    return item(spell(line).encode()).raw


def say(field: str) -> Any:  # noqa: ANN401 - JSON
    """Return something that has a field: a row with a call, a result and prose, or one that ends in an answer."""
    asked = {"role": "user", "content": "When is high water?"}
    if field == "answer":
        call = text_call("tides_get", {"place": "Cuxhaven"})
        said = [asked, {"role": "assistant", "content": call}, {"role": "user", "content": 'Result: {"at": 5.50}'}]
        return {"messages": [*said, {"role": "assistant", "content": "At 5:50."}]}
    behind = '\n\nResult: {"hits": [1.10, 2]}\n\nThree hits.'
    call = text_call("tides_get", {"context": {"sessionMemory": [], "x": 1e2}, "n": 1.0}, "Let me see.\n\n", behind)
    return {"messages": [asked, {"role": "assistant", "content": call}]}


@pytest.mark.parametrize("field", [*NAMED, CONTEXT])
@given(said=SAID, spell=st.sampled_from(SPELLINGS))
def test_only_the_field_moves(field: str, said: str, spell: Callable[[Any], str]) -> None:
    """The bytes before and behind the place of a field are those of the source, and the field says the new text."""
    raw = spelled(say(field), spell)
    text = json.dumps({"x": said}) if field == "result" else said
    made = patched(raw, {field: text})

    place = Sheet(raw).place(field)
    assert place is not None
    (edit,) = place.write(text)
    before, behind = raw.decode()[: edit.start], raw.decode()[edit.end :]
    assert made.decode() == before + edit.text + behind
    now = Sheet(made).place(field)
    if isinstance(now, Stretch) and field != "result" and ("tool_call:" in said or "Result:" in said):
        return  # such a text is a call or a result itself; the ladder refuses what that changes
    assert now is not None
    assert (now.now or "").strip() == text.strip()


@given(line=samples(), said=SAID)
def test_any_content_keeps_what_is_not_named(line: dict[str, Any], said: str) -> None:
    """Whatever the shape of a line, a patch of all fields leaves readable JSON, and an empty patch leaves the bytes."""
    raw = item(line).raw
    paths = [*NAMED[:1], *NAMED[4:], "a", "a.b", "context.toolContext"]
    made = patched(raw, dict.fromkeys(paths, said), add=paths)

    assert patched(raw, {}) == raw
    assert isinstance(strict_json(made.decode()), dict)
    assert strict_json(made.decode()).keys() == strict_json(raw.decode()).keys()


@given(said=st.dictionaries(st.sampled_from(["toolContext", "subgoal", "new"]), SAID, min_size=1))
def test_arguments_are_those_of_a_plain_dictionary(said: dict[str, str]) -> None:
    """What a patch makes of the arguments is what setting the keys of a dictionary makes of them, in the same order."""
    line = row()
    made = patched(item(line).raw, {f"context.{key}": text for key, text in said.items()}, add=["context.new"])

    call = last(content_of(made, "messages@1"))
    expected = strict_json(line["conversations"][1]["content"].split("arguments: ")[1])
    expected["context"] |= said
    found = strict_json(call.split("arguments: ")[1])
    assert found == expected
    assert list(found["context"]) == list(expected["context"])
    assert '"limit": 1.0}' in call


@pytest.mark.parametrize(
    "arguments",
    [{"context": {"sessionMemory": "", "n": 1.10}}, '{"context": {"sessionMemory": [], "n": 1.10}}', '{"context":{}}'],
    ids=["object", "text", "empty"],
)
def test_structured_calls(arguments: Any) -> None:  # noqa: ANN401 - JSON
    """The arguments of OpenAI's calls are patched as an object and as JSON in a text; absent keys only if allowed."""
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    line = {
        "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": None, "tool_calls": [call]}]
    }
    before = item(line)
    made = patched(
        before.raw, {CONTEXT: 'a "quoted" line\nand another', "context.b": "more"}, add=[CONTEXT, "context.b"]
    )

    after = strict_json(made.decode())["messages"][1]["tool_calls"][0]["function"]["arguments"]
    after = strict_json(after) if isinstance(after, str) else after
    assert after["context"]["sessionMemory"] == 'a "quoted" line\nand another'
    assert after["context"]["b"] == "more"
    assert same(before.content, content_of(made, reader_of(line)), {CONTEXT, "context.b"})
    assert patched(before.raw, {"context.c": "x"}) == before.raw


def test_mistral_calls() -> None:
    """Arguments in a Mistral list stand two quotings deep and are patched there."""
    text = 'So.[TOOL_CALLS] [{"name": "f", "arguments": "{\\"context\\": {\\"sessionMemory\\": \\"\\"}}"}]'
    line = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": text}]}
    made = patched(item(line).raw, {CONTEXT: 'say "ahoy" \\ é'})

    assert Sheet(made).place(CONTEXT).now == 'say "ahoy" \\ é'  # type: ignore[union-attr]  # it is there
    assert same(item(line).content, content_of(made, "messages@1"), {CONTEXT})


def test_what_stands_beside_a_call_is_dropped_or_added() -> None:
    """Result and prose are taken out without a trace, and put in where there were none."""
    full, bare = item(say("result")), text_call("tides_get", {"context": {"sessionMemory": [], "x": 1e2}, "n": 1.0})
    dropped = patched(full.raw, dict.fromkeys(["before", "result", "after"]))
    told = patched(dropped, {"before": "Let me see.", "after": "Three hits.", "result": '{"hits": [1.10, 2]}'})

    assert last(content_of(dropped, "messages@1")) == bare
    assert told == full.raw
    assert patched(dropped, dict.fromkeys(["before", "result", "after"])) == dropped


def test_fields_that_are_not_there() -> None:
    """A content without a call, with an unreadable one, or with a list of parts has no such fields, and stays."""
    asked = {"role": "user", "content": [{"type": "text", "text": "q"}]}
    unreadable = {"role": "assistant", "content": 'tool_call: f\narguments: {"context": {"a": 1, "a": 2}}'}
    for answered in ({"role": "assistant", "content": "prose"}, unreadable):
        raw = item({"messages": [asked, answered]}).raw
        assert patched(raw, dict.fromkeys([CONTEXT, "prompt", "before", "result", "after"], "x"), add=[CONTEXT]) == raw
    assert not Sheet(b"\xff").calls_tools
    assert Sheet(b"[1]").place("prompt") is None


def test_other_shapes_have_a_prompt_and_an_answer() -> None:
    """Instructions and plain texts are patched where they stand."""
    alpaca = {"instruction": "Say it.", "input": "", "output": "It."}
    plain = {"prompt": "Say it.", "completion": "It."}
    for line, keys in ((alpaca, ("instruction", "output")), (plain, ("prompt", "completion"))):
        made = strict_json(patched(item(line).raw, {"prompt": "Tell it.", "answer": "That."}).decode())
        assert made == {**line, keys[0]: "Tell it.", keys[1]: "That."}


def test_no_field_stands_twice() -> None:
    """An argument that is called like a named field is found by its path only."""
    call = text_call("agent_run", {"prompt": "inner", "context": {}})
    line = {"messages": [{"role": "user", "content": "outer"}, {"role": "assistant", "content": call}]}
    made = patched(item(line).raw, {"prompt": "new"})

    assert '"inner"' in last(content_of(made, "messages@1"))
    assert isinstance(Sheet(item(line).raw).place("context.x", add=True), Absent)


@pytest.mark.parametrize("name", ["poor.jsonl", "enhanced.jsonl", "scored.jsonl"])
def test_real_lines(name: str, data: Path) -> None:
    """Each field of the real slices, in two spellings, can be written, and all else is what it was."""
    written = 0
    for one in real(data / name):
        for spell in (json.dumps, spaced):
            each = item(spell(json.loads(one.raw)).encode())
            for path in ("prompt", CONTEXT, "context.toolContext", "context.subgoal", "after", "before"):
                made = patched(each.raw, {path: "Quite another text."})
                place = Sheet(made).place(path)
                assert (made == each.raw) == (place is None)
                if place is not None:
                    written += 1
                    assert place.now == "Quite another text."
                    assert same(each.content, content_of(made, "messages@1"), {path})
    assert written > 400


def test_hostile_texts_take_linear_time() -> None:
    """A megabyte of marks, brackets, escapes or white space is cut into its places within seconds."""
    begun = time.process_time()
    for text in (
        "tool_call: f\narguments: {" * 40_000,
        "tool_call:" * 100_000,
        'tool_call: f\narguments: {"a": 1}\n' * 30_000,
        "[TOOL_CALLS] [" * 70_000,
        "[TOOL_CALLS]" + " " * 10**6,
        'tool_call: f\narguments: {"a": "' + "\\n" * 500_000 + '"}',
        "tool_call: f\narguments: {}" + "\n" * 10**6 + "Result: {",
        "Result: {" * 100_000,
    ):
        raw = json.dumps(
            {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": text}]}
        ).encode()
        patched(raw, {"a": "x", "prompt": "x", "before": "x", "result": "{}", "after": "x", "answer": "x"}, add=["a"])

    assert time.process_time() - begun < 15
