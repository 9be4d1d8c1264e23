"""Readers: every shape of line, what is refused and why, exact text, and that no line at all makes one raise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.errors import UnknownEvent
from ledger.readers import READERS, FactMap, Reading, Unreadable, content_bytes, content_of, raw_of, read_line
from ledger.readers.contract import Facts, Raw
from ledger.sample import both_fingerprints
from tests.strategies import SPELLINGS, json_values, lines, samples

SLICES = ("poor.jsonl", "enhanced.jsonl", "scored.jsonl")
USER = {"role": "user", "content": "u"}
ANSWER = {"role": "assistant", "content": "a"}
MESSAGES, SIDES, ALPACA = (READERS[name] for name in ("messages", "prompt_completion", "instruction"))


def read(value: Any, **options: Any) -> Reading | Unreadable:  # noqa: ANN401 - any JSON value
    """Return what the line of a value is."""
    return read_line(json.dumps(value).encode(), FactMap(), **options)


def reason(value: Any, **options: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the reason why the line of a value is no sample."""
    found = read(value, **options)
    assert isinstance(found, Unreadable), found
    assert found.message.isprintable()
    assert len(found.message) < 300
    return found.reason


def fine(body: bytes) -> Reading:
    """Return a line's Reading."""
    found = read_line(body, FactMap())
    assert isinstance(found, Reading), found
    return found


@given(lines(), st.sampled_from([None, *READERS.values()]))
@example(b'{"messages": [{"role": [], "content": "x"}]}', None)
@example(b'{"messages": [{"role": {}, "content": "x"}]}', MESSAGES)
@example(b'{"label": ' + b"[" * 90 + b"]" * 90 + b', "messages": [{"role": "user", "content": "x"}]}', None)
def test_no_line_raises(body: bytes, forced: Any) -> None:  # noqa: ANN401 - a Reader or None
    """Any bytes, broken samples and other JSON are a Reading or Unreadable, under any forced format."""
    found = read_line(body, FactMap(), forced)
    assert isinstance(found, (Reading, Unreadable))
    if isinstance(found, Unreadable):
        found.message.encode()
        return
    assert both_fingerprints(content_of(body, found.reader)) == (found.fingerprint, found.prompt)
    assert all(part is None or json.loads(part) is not None for part in raw_of(body, found.reader))


@given(st.data())
def test_no_mutated_real_line_raises(data: st.DataObject) -> None:
    """Real lines with a piece cut out, doubled or replaced are a Reading or Unreadable."""
    folder = Path(__file__).parent / "data" / "toolset"
    real = (folder / data.draw(st.sampled_from(SLICES))).read_bytes().splitlines()
    body = data.draw(st.sampled_from(real[:20]))
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 40)))
    put = data.draw(
        st.one_of(st.binary(max_size=4), st.sampled_from([b"[" * 5000, b"9" * 5000, b'\\"\\ud800', b"\x00"]))
    )
    found = read_line(body[:start] + put + body[end:], FactMap())
    assert isinstance(found, (Reading, Unreadable))


@given(st.sampled_from(["messages", "prompt", "completion", "tools", "instruction", "input", "output"]), json_values())
def test_no_wrong_field_raises(key: str, put: Any) -> None:  # noqa: ANN401 - any JSON value
    """A training field may hold any JSON value: the line is a Reading or Unreadable."""
    shape: dict[str, Any] = {"messages": [USER, ANSWER]} if key in {"messages", "tools"} else {}
    shape |= {"prompt": "p", "completion": "c"} if key in {"prompt", "completion"} else {}
    shape |= {"instruction": "i", "output": "o"} if key in {"instruction", "input", "output"} else {}
    assert isinstance(read({**shape, key: put}), (Reading, Unreadable))


@given(st.sampled_from(["role", "content", "tool_calls", "name"]), json_values())
def test_no_wrong_message_raises(key: str, put: Any) -> None:  # noqa: ANN401 - any JSON value
    """A field of a message may hold any JSON value: the line is a Reading or Unreadable."""
    for message in (USER, ANSWER):
        assert isinstance(read({"messages": [USER, {**message, key: put}]}), (Reading, Unreadable))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "not_an_object"),
        ([{"messages": [USER]}], "not_an_object"),
        ({}, "unknown_shape"),
        ({"text": "x", "\u202e" * 40: 1}, "unknown_shape"),
        ({"messages": None, "prompt": "p"}, "unknown_shape"),
        ({"messages": []}, "no_messages"),
        ({"messages": "x"}, "no_messages"),
        ({"messages": ["x"]}, "bad_message"),
        ({"messages": [{"content": "x"}]}, "bad_role"),
        ({"messages": [{"role": "human\u0007" * 900, "content": "x"}]}, "bad_role"),
        ({"messages": [{"role": [], "content": "x"}]}, "bad_role"),
        ({"messages": [{"role": "user"}]}, "bad_message"),
        ({"messages": [{"role": "user", "content": 1}]}, "bad_message"),
        ({"messages": [{"role": "user", "content": [1]}]}, "bad_message"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "bad_message"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]}, "bad_message"),
        ({"messages": [{**ANSWER, "tool_calls": {}}]}, "bad_message"),
        ({"messages": [{**ANSWER, "tool_calls": [1]}]}, "bad_message"),
        ({"messages": [{**ANSWER, "tool_calls": [{"function": "f"}]}]}, "bad_message"),
        ({"messages": [{**ANSWER, "tool_calls": [{"function": {"name": 1}}]}]}, "bad_message"),
        ({"messages": [{**ANSWER, "content": None, "tool_calls": []}]}, "bad_message"),
        ({"messages": [USER], "tools": {}}, "bad_tools"),
        ({"messages": [USER], "tools": 0}, "bad_tools"),
        ({"prompt": "p", "completion": [ANSWER]}, "bad_sides"),
        ({"prompt": 1, "completion": "c"}, "bad_sides"),
        ({"prompt": "", "completion": ""}, "no_messages"),
        ({"prompt": [], "completion": []}, "no_messages"),
        ({"prompt": ["p"], "completion": []}, "bad_message"),
        ({"instruction": 1, "output": "o"}, "bad_field"),
        ({"instruction": "i", "output": []}, "bad_field"),
        ({"instruction": "i", "input": 1, "output": "o"}, "bad_field"),
        ({"instruction": "i", "output": "o", "system": "be brief"}, "bad_field"),
        ({"instruction": "i", "output": "o", "history": [["a", "b"]]}, "bad_field"),
        ({"messages": [USER], "label": "maybe"}, "bad_label"),
    ],
    ids=map(str, range(34)),
)
def test_what_is_no_sample_has_a_reason(value: Any, expected: str) -> None:  # noqa: ANN401 - any JSON value
    """Each fault has its stable word, and a short message fit for a terminal."""
    assert reason(value) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "invalid_json"),
        (b"{\x00}", "invalid_json"),
        (b'{"a": "\xff"}', "invalid_utf8"),
        (b'{"a": "\xed\xa0\x80"}', "invalid_utf8"),
        (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', "lone_surrogate"),
        (b'{"messages": 1, "messages": 2}', "duplicate_key"),
        (b'{"a": NaN}', "not_a_number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "invalid_json"),
        (b'{"a": ' * 150 + b"1" + b"}" * 150, "too_deep"),
        (b'{"a": ' * 100_000, "too_deep"),
    ],
    ids=map(str, range(10)),
)
def test_hostile_bytes_have_a_reason(body: bytes, expected: str) -> None:
    """Bytes that are no strict JSON are quarantined with a stable word."""
    found = read_line(body, FactMap())
    assert isinstance(found, Unreadable)
    assert found.reason == expected


def test_hostile_arguments_are_kept() -> None:
    """A line is not refused for what its answer quotes: nesting, long integers, halves of characters, NUL."""
    for said in (
        '{"a":' * 5000,
        f'{{"a": {"9" * 5000}}}',
        '{"a": "\\ud800"}',
        '{"a": "\\u0000\u0000"}',
        '{"a": 1e999}',
    ):
        text = fine(
            json.dumps({"messages": [USER, {**ANSWER, "content": f"tool_call: x\narguments: {said}"}]}).encode()
        )
        call = {"function": {"name": "x", "arguments": said}}
        assert text.type == fine(json.dumps({"messages": [USER, {**ANSWER, "tool_calls": [call]}]}).encode()).type


def test_a_line_too_long_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line over the limit is unreadable by its length alone; one at the limit is read."""
    body = json.dumps({"messages": [USER]}).encode()
    monkeypatch.setattr("ledger.readers.LARGEST_LINE", len(body))
    assert isinstance(read_line(body, FactMap()), Reading)
    found = read_line(body + b" ", FactMap())
    assert isinstance(found, Unreadable)
    assert found.reason == "too_long"


def test_shapes_are_found_and_can_be_forced() -> None:
    """The first shape that fits reads the line; null fields do not make a shape; a forced reader reads or refuses."""
    both = {"messages": [USER, ANSWER], "prompt": "p", "completion": "c", "instruction": None, "output": None}
    assert fine(json.dumps(both).encode()).reader == "messages@1"
    assert fine(json.dumps({**both, "messages": None}).encode()).reader == "prompt_completion@1"
    assert fine(json.dumps({"conversations": [USER], "messages": None}).encode()).type == "prompt_only"
    alpaca = {"prompt": None, "completion": "c", "instruction": "i", "output": "o"}
    assert fine(json.dumps(alpaca).encode()).reader == "instruction@1"
    forced = read(both, forced=SIDES)
    assert isinstance(forced, Reading)
    assert (forced.reader, forced.form) == ("prompt_completion@1", "standard")
    assert reason({"prompt": "p", "completion": "c"}, forced=MESSAGES) == "no_messages"
    assert reason({"messages": [USER]}, forced=SIDES) == "no_messages"
    assert reason({"messages": [USER]}, forced=ALPACA) == "bad_field"
    assert reason([], forced=ALPACA) == "not_an_object"


def test_the_answer_is_the_run_of_assistant_messages_at_the_end() -> None:
    """A chat is cut before its last run of answers, and equals the same messages given as two sides."""
    chat = [USER, ANSWER, USER, ANSWER, {**ANSWER, "content": "b"}]
    for cut, messages in ((3, chat), (0, chat[3:]), (3, chat[:3])):
        whole = fine(json.dumps({"messages": messages}).encode())
        sides = {"prompt": messages[:cut], "completion": messages[cut:]}
        assert whole[1:5] == fine(json.dumps(sides).encode())[1:5]


@given(samples(), st.sampled_from(SPELLINGS))
def test_the_envelope_and_the_spelling_do_not_count(value: dict[str, Any], spell: Any) -> None:  # noqa: ANN401 - a function
    """Fingerprints are the same without the envelope, in another order of fields and in any spelling."""
    bare = {key: value[key] for key in reversed(value) if any(key in reader.keys for reader in READERS.values())}
    left, right = fine(spell(value).encode()), fine(json.dumps(bare).encode())
    assert left[:5] == right[:5]


@given(samples(), st.sampled_from(SPELLINGS))
def test_raw_text_says_what_was_read(value: dict[str, Any], spell: Any) -> None:  # noqa: ANN401 - a function
    """The spliced text is a sample with the same fingerprint, and its values are those of the content."""
    body = spell(value).encode()
    found = fine(body)
    raw, content = raw_of(body, found.reader), content_of(body, found.reader)
    sides = [side if isinstance(side, str) else list(side) for side in (content.prompt, content.completion)]
    assert [json.loads(str(raw.prompt)), json.loads(str(raw.completion))] == sides
    row = f'{{"prompt": {raw.prompt}, "completion": {raw.completion}, "tools": {raw.tools or "null"}}}'
    assert fine(row.encode())[1:5] == found[1:5]


@given(samples(), st.sampled_from(SPELLINGS))
def test_content_bytes_are_the_content_alone(value: dict[str, Any], spell: Any) -> None:  # noqa: ANN401 - a function
    """A line reduced to its training fields reads the same, says no facts, and reduces to itself."""
    body = spell(value).encode()
    found = fine(body)
    reduced = content_bytes(body, found.reader)
    again = fine(reduced)
    assert again[:5] == found[:5]
    assert again.facts == Facts(None, None, {})
    assert content_bytes(reduced, again.reader) == reduced
    assert raw_of(reduced, again.reader) == raw_of(body, found.reader)


EXACT = r"""{ "x" : [ {"messages": 1} ] ,"\u0074ools":[ {"n" : 1.0 ,"m":1e400}] , "messages" : [ {"role":"user",
 "content" : "\u00e9\/ \ud83d\ude00" , "b":1.50,"a": -0 } ,{ "content": "ok" , "role"	:"assistant"}	], "z":1 }"""


def test_raw_text_is_exact() -> None:
    """Numbers, escapes, white space and the order of keys stand exactly as in the line, whatever spelling keys have."""
    assert raw_of(EXACT.encode(), "messages@1") == Raw(
        '[{"role":"user",\n "content" : "\\u00e9\\/ \\ud83d\\ude00" , "b":1.50,"a": -0 }]',
        '[{ "content": "ok" , "role"\t:"assistant"}]',
        '[ {"n" : 1.0 ,"m":1e400}]',
    )
    assert content_bytes(EXACT.encode(), "messages@1").endswith(b'], "tools": [ {"n" : 1.0 ,"m":1e400}]}')
    sides = b'{"prompt" :"\\u0041" ,"completion": "\\n" , "tools": null}'
    assert raw_of(sides, "prompt_completion@1") == Raw('"\\u0041"', '"\\n"', None)
    assert content_bytes(sides, "prompt_completion@1") == b'{"prompt": "\\u0041", "completion": "\\n"}'


def test_an_instruction_is_spliced() -> None:
    """Instruction and input become one text without being written anew; an empty input is none."""
    body = rb'{"instruction": "a\u00e9", "input": "\t\u0062", "output": "\/o"}'
    raw = raw_of(body, "instruction@1")
    assert raw.prompt == r'[{"role": "user", "content": "a\u00e9\n\n\t\u0062"}]'
    assert raw.completion == r'[{"role": "assistant", "content": "\/o"}]'
    for empty in (b'""', b"null"):
        body = b'{"instruction": "a", "input": ' + empty + b', "output": "o"}'
        assert raw_of(body, "instruction@1").prompt == '[{"role": "user", "content": "a"}]'


def test_real_lines_come_through_exactly() -> None:
    """Every message of the real slices stands in the spliced text byte for byte."""
    count = 0
    for name in SLICES:
        for body in (Path(__file__).parent / "data" / "toolset" / name).read_bytes().splitlines():
            found = read_line(body, FactMap())
            if isinstance(found, Reading):
                raw = raw_of(body, found.reader)
                assert str(raw.prompt)[1:-1].encode() in body
                assert str(raw.completion)[1:-1].encode() in body
                count += 1
    assert count > 60


@pytest.mark.parametrize("reader", ["messages@2", "messages", "sharegpt@1", ""])
def test_a_reader_of_another_version_is_not_guessed(reader: str) -> None:
    """What a newer reader made is not read by an older one: the error says to upgrade."""
    for function in (content_of, raw_of, content_bytes):
        with pytest.raises(UnknownEvent):
            function(b'{"messages": []}', reader)


def test_cutting_what_is_no_object_fails() -> None:
    """Text that strict JSON would refuse is not cut into something."""
    for body in (b'{"a" 1}', b"1"):
        with pytest.raises(ValueError, match="not JSON at character"):
            raw_of(body, "prompt_completion@1")
