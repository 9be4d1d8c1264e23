"""Strict JSON, fingerprints and identities: what they depend on, and what they do not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger.digest import digest_of
from ledger.readers import FactMap, Reading, read_line
from ledger.sample import (
    MAX_DEPTH,
    BadJson,
    Content,
    TextCall,
    both_fingerprints,
    fingerprint,
    prompt_fingerprint,
    sample_id,
    strict_json,
    text_calls,
)
from tests.strategies import SPELLINGS, arguments, chats, contents, json_values, names, prose, text_call, texts
from tests.vectors import make_content_vectors

VECTORS = json.loads(make_content_vectors.FILE.read_text(encoding="utf-8"))
ASKED = {"role": "user", "content": "do it"}
SAID = {"path": "a", "n": 1, "deep": {"x": [True, None, 0.5]}}


def chat(*completion: dict[str, Any], tools: Any = None, asked: dict[str, Any] | None = None) -> bytes:  # noqa: ANN401
    """Return the fingerprint of a conversation."""
    return fingerprint(Content("conversational", (asked or ASKED,), completion, tools))


def answer(content: Any, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return an assistant's message."""
    return {"role": "assistant", "content": content, **fields}


def call(name: Any = "open", said: Any = SAID, **around: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return an OpenAI call."""
    return {"id": "c1", "type": "function", **around, "function": {"name": name, "arguments": said}}


def written(said: Any = SAID, name: str = "open") -> str:  # noqa: ANN401 - any JSON value
    """Return a call as text."""
    return f"tool_call: {name}\narguments: {said if isinstance(said, str) else json.dumps(said)}"


@pytest.mark.parametrize("case", VECTORS["contents"], ids=lambda case: case["what"])
def test_fingerprints_are_those_of_the_definition(case: dict[str, Any]) -> None:
    """Each line of a case has the fingerprints that an independent script computed from the normal form."""
    for line in case["lines"]:
        for spell in SPELLINGS:
            read = read_line(spell(line).encode(), FactMap())
            assert isinstance(read, Reading), read
            assert read.fingerprint.hex() == case["fingerprint"], line
            assert (None if read.prompt is None else read.prompt.hex()) == case["prompt"], line


def test_the_vectors_are_those_the_script_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stored vectors have not drifted from the script that makes them."""
    monkeypatch.setattr(make_content_vectors, "FILE", tmp_path / "made.json")
    make_content_vectors.main()
    assert json.loads((tmp_path / "made.json").read_text(encoding="utf-8")) == VECTORS


@given(contents(), json_values())
def test_the_fast_encoder_changes_nothing(content: Content, tools: Any) -> None:  # noqa: ANN401 - any JSON value
    """Fingerprints are those that the standard library alone would give, whatever numbers the arguments hold."""

    def parts(message: Any) -> list[Any]:  # noqa: ANN401 - a message
        found = text_calls(message["content"] or "") if message["role"] == "assistant" else [message["content"]]
        said = [p if isinstance(p, str) else ["call", p.name, p.arguments] for p in found]
        for made in message.get("tool_calls", ()):
            given_as = made["function"]["arguments"]
            given_as = json.loads(given_as) if isinstance(given_as, str) else given_as
            said = [p.strip() if isinstance(p, str) else p for p in said if not isinstance(p, str) or p.strip()]
            said.append(["call", made["function"]["name"], given_as])
        return [message["role"], said]

    prompt, completion = (
        s if isinstance(s, str) else [parts(m) for m in s] for s in (content.prompt, content.completion)
    )
    tools = tools if isinstance(tools, list) and tools else None
    value = ["content", 1, content.form, tools, prompt, completion]
    text = unicodedata.normalize("NFC", json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    content = Content(content.form, content.prompt, content.completion, tools)
    assert fingerprint(content) == blake3(text.encode()).digest()
    assert both_fingerprints(content) == (fingerprint(content), prompt_fingerprint(content))


@given(prose, names, arguments(), st.sampled_from(SPELLINGS), st.booleans())
def test_three_ways_to_call_are_one(before: str, name: str, said: dict[str, Any], spell: Any, as_text: bool) -> None:  # noqa: ANN401, FBT001 - drawn
    """A call as text, as OpenAI `tool_calls` and as Mistral's have one fingerprint, in any spelling of the JSON."""
    spelled = spell(said).strip().replace("\r", " ")
    as_lines = chat(answer(f"{before}\ntool_call: {name}\narguments: {spelled}"))
    openai = chat(answer(before, tool_calls=[call(name, spelled if as_text else said)]))
    mistral = f'{before}[TOOL_CALLS] [{{"name": {json.dumps(name)}, "arguments": {spelled}}}]'
    assert as_lines == openai == chat(answer(mistral))


@given(chats(), st.randoms(use_true_random=False))
def test_ids_of_calls_do_not_count(messages: list[dict[str, Any]], random: Any) -> None:  # noqa: ANN401 - a Random
    """The ids of messages and tool calls, random in real data, are not part of a fingerprint."""
    spoiled = [
        {
            **message,
            "id": str(random.random()),
            "tool_call_id": str(random.random()),
            "tool_calls": [{**made, "id": str(random.random()), "index": 0} for made in message.get("tool_calls", ())],
        }
        for message in messages
    ]
    assert chat(*messages) == chat(*spoiled)


@given(texts)
def test_canonical_equivalents_are_one_text(text: str) -> None:
    """NFC and NFD of a text have one fingerprint, in messages and inside arguments."""
    composed, apart = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert chat(answer(composed)) == chat(answer(apart)) == chat(answer(text))
    assert chat(answer(written({"a": composed}))) == chat(answer(written({"a": apart})))


@given(texts, texts)
def test_different_texts_differ(left: str, right: str) -> None:
    """Texts that are not canonically equivalent never share a fingerprint."""
    assume(unicodedata.normalize("NFC", left) != unicodedata.normalize("NFC", right))
    assert Content("standard", "p", left) != Content("standard", "p", right)
    assert fingerprint(Content("standard", "p", left)) != fingerprint(Content("standard", "p", right))
    assert fingerprint(Content("standard", left, "c")) != fingerprint(Content("standard", right, "c"))


@pytest.mark.parametrize(("left", "right"), [("\ufb01", "fi"), ("\u00b2", "2"), ("\uff21", "A"), ("\u2126", "O")])
def test_different_texts_differ_where_only_compatible(left: str, right: str) -> None:
    """What looks alike, or is the same letter in another width, is another text: a model sees other tokens."""
    assert fingerprint(Content("standard", "p", left)) != fingerprint(Content("standard", "p", right))


def test_all_that_is_taught_counts() -> None:
    """Any change of role, text, order, value, kind of number, name, tools or form gives another fingerprint."""
    prints = [
        chat(answer("x")),
        chat(answer("x ")),
        chat(answer("X")),
        chat(answer("")),
        chat({"role": "user", "content": "x"}),
        chat(answer("x", name="n")),
        chat(answer("x", weight=0)),
        chat(answer("x"), answer("")),
        chat(answer("x"), tools=[1]),
        chat(answer("x"), tools=["1"]),
        chat(answer("x"), tools="not json"),
        chat(answer("x"), tools="{}"),
        chat(answer("x"), asked={"role": "system", "content": "do it"}),
        chat(answer("x"), asked={"role": "user", "content": "tool_call: open\narguments: {}"}),
        chat(answer("x"), asked={"role": "user", "content": "[TOOL_CALLS] []"}),
        fingerprint(Content("standard", "do it", "x")),
        fingerprint(Content("conversational", (ASKED, answer("x")), ())),
        fingerprint(Content("conversational", (), (ASKED, answer("x")))),
        chat(answer(written())),
        chat(answer(written(name="Open"))),
        chat(answer(f"before\n{written()}")),
        chat(answer(f"{written()}\nafter")),
        chat(answer(f"{written()}\n{written()}")),
        chat(answer(None, tool_calls=[call(), call(strict=True)])),
        chat(answer(None, tool_calls=[call(strict=True)])),
        chat(answer(None, tool_calls=[call(said="not json")])),
        chat(answer(None, tool_calls=[call(said="5")])),
        chat(answer(None, tool_calls=[call(said=5)])),
        chat(answer(None, tool_calls=[call(said="{} {}")])),
        chat(answer(None, tool_calls=[call(said=None)])),
        chat(answer(None, tool_calls=[call(said="")])),
        chat(answer(None, tool_calls=[call(name=None)])),
        chat(answer(None, tool_calls=["open"])),
        chat(answer(None, tool_calls=[{"function": "open"}])),
        chat(answer([{"type": "image", "url": "u"}])),
        chat(answer([{"type": "text", "text": "x", "cache": True}])),
        chat(answer([{"type": "text", "text": 1}])),
        chat(answer([{"type": "text", "text": "1"}])),
        chat(answer({"text": "x"})),
        *(
            chat(answer(written(said)))
            for said in (
                '{"a":1,"b":2}',
                '{"b":2,"a":1}',
                '{"a":1,"b":"2"}',
                '{"a":1.0,"b":2}',
                '{"a":true,"b":2}',
                '{"a":[1],"b":2}',
                '{"a":-0.0}',
                '{"a":0.0}',
                '{"a":0}',
                '{"a":1e400}',
                '{"a":null}',
                '{"a":36893488147419103232}',
                '{"a":36893488147419103233}',
                '{"a":3.6893488147419103e19}',
                '{"a":"\\ud800"}',
                '{"a":"\\ud801"}',
                '{"a":1,"a":2}',
                '{"a":2}',
                '{"a":NaN}',
            )
        ),
    ]
    assert len(set(prints)) == len(prints)


def test_parts_of_text_are_one_text() -> None:
    """A content given as parts of plain text is the text that a chat template makes of it."""
    assert chat(answer([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])) == chat(answer("ab"))
    assert chat(answer([])) == chat(answer(""))


def test_empty_is_none_where_nothing_could_differ() -> None:
    """Null fields, an empty list of calls and one of tools, as JSON text too, are not there."""
    assert chat(answer("x"), tools=[]) == chat(answer("x"), tools=" [ ]") == chat(answer("x"), tools=None)
    assert chat(answer("x", tool_calls=[], name=None, refusal=None)) == chat(answer("x"))
    assert chat(answer("", tool_calls=[call()])) == chat(answer(None, tool_calls=[call()]))


@given(contents(), texts, st.sampled_from([None, [{"name": "t"}]]))
def test_the_prompt_fingerprint_covers_what_stands_before(content: Content, other: str, tools: Any) -> None:  # noqa: ANN401 - a JSON value
    """It is the same for any completion, whatever the tools, another for any other prompt or form."""
    completion = other if content.form == "standard" else (answer(other),)
    changed = Content(content.form, content.prompt, completion, content.tools)
    assert prompt_fingerprint(changed) == prompt_fingerprint(content)
    if not content.prompt:
        assert prompt_fingerprint(content) is None
        return
    longer = content.prompt + other + "." if isinstance(content.prompt, str) else (*content.prompt, answer(other))
    assert prompt_fingerprint(Content(content.form, longer, completion)) != prompt_fingerprint(content)
    with_tools = Content(content.form, content.prompt, completion, tools)
    assert prompt_fingerprint(with_tools) == prompt_fingerprint(content)
    assert (fingerprint(with_tools) == fingerprint(changed)) == (tools is None)
    assert prompt_fingerprint(content) != fingerprint(content)


def test_types_are_those_of_trl() -> None:
    """A content is named by which sides it has."""
    assert Content("standard", "p", "c").type == "prompt_completion"
    assert Content("standard", "", "c").type == "language_modeling"
    assert Content("conversational", (ASKED,), ()).type == "prompt_only"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", [""]),
        ("tool_call: x", ["tool_call: x"]),
        (" a ", [" a "]),
        ("tool_call: x\narguments: {", ["tool_call: x\narguments: {"]),
        ("tool_call: x\narguments: [1]", ["tool_call: x\narguments: [1]"]),
        ("say tool_call: x\narguments: {}", ["say tool_call: x\narguments: {}"]),
        ("tool_call:\narguments:{}", [("", {})]),
        ("\n tool_call: x\narguments: {}", ["\n tool_call: x\narguments: {}"]),
        ("tool_call: x y\t\r\narguments:\t{} tail", [("x y", {}), "tail"]),
        ("a\ntool_call: x\narguments: {}\ntool_call: y\narguments: {\n}\n\nb", ["a", ("x", {}), ("y", {}), "b"]),
        ("tool_call: x\narguments: {!}\ntool_call: y\narguments: {}", ["tool_call: x\narguments: {!}", ("y", {})]),
        ('tool_call: x\narguments: {"a": 1, "a": 2}', ['tool_call: x\narguments: {"a": 1, "a": 2}']),
        ('[TOOL_CALLS] [{"name": "x", "arguments": "{}"}] b', [("x", {}), "b"]),
        ('a [TOOL_CALLS][{"name": "x"}, {"name": "y", "id": "1"}]', ["a", ("x", None), ("y", None)]),
        ("[TOOL_CALLS] x", ["[TOOL_CALLS] x"]),
        ("[TOOL_CALLS] [", ["[TOOL_CALLS] ["]),
        ("[TOOL_CALLS] []", ["[TOOL_CALLS] []"]),
        ('[TOOL_CALLS] [{"name": "x"}, 1]', ['[TOOL_CALLS] [{"name": "x"}, 1]']),
        ('[TOOL_CALLS] [{"name": 1}]', ['[TOOL_CALLS] [{"name": 1}]']),
        ('[TOOL_CALLS] [{"name": "x", "more": 1}]', ['[TOOL_CALLS] [{"name": "x", "more": 1}]']),
        ('tool_call: no [TOOL_CALLS] [{"name": "x"}]', ["tool_call: no", ("x", None)]),
    ],
    ids=map(str, range(21)),
)
def test_calls_are_found_in_text(text: str, parts: list[Any]) -> None:
    """A call begins a line; what does not parse strictly stays prose, down to its white space."""
    found = [(part.name, part.arguments) if isinstance(part, TextCall) else part for part in text_calls(text)]
    assert found == parts


@pytest.mark.parametrize(
    "unit",
    [
        "tool_call:",
        "tool_call: ",
        " ",
        "\ntool_call: x",
        "\ntool_call: x\narguments: {",
        '\ntool_call: x\narguments: {"a":',
        "[TOOL_CALLS]",
        "[TOOL_CALLS] [",
        "\t\r",
    ],
    ids=ascii,
)
def test_hostile_repeats_take_no_time(unit: str) -> None:
    """Text that repeats half a call many times is searched in one pass."""
    begun = time.perf_counter()
    text = "tool_call:" + unit * 300_000
    assert text_calls(text) == [text]
    assert time.perf_counter() - begun < 10  # a second pass for each repeat would take minutes


def test_hostile_arguments_stay_prose() -> None:
    """Nesting, integers without end and constants inside arguments raise nothing."""
    for said in (
        '{"a":' * 100_000,
        '{"a":' * 101 + "1" + "}" * 101,
        '{"a":' + "9" * 5000 + "}",
        '{"a":NaN}',
        '{"a":-Infinity}',
    ):
        assert text_calls(written(said)) == [written(said)]
        assert chat(answer(written(said))) != chat(answer(None, tool_calls=[call(said=said)]))
    deepest = '{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH
    assert chat(answer(written(deepest))) == chat(answer(None, tool_calls=[call(said=deepest)]))


@given(json_values(), st.sampled_from(SPELLINGS))
def test_strict_json_reads_json(value: Any, spell: Any) -> None:  # noqa: ANN401 - any JSON value
    """Every JSON value is read in every spelling, with integers, floats and booleans kept apart."""
    read = strict_json(spell(value))
    assert read == value
    assert repr(read) == repr(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "invalid_json"),
        ("{} {}", "invalid_json"),
        ("\ufeff{}", "invalid_json"),
        ("{'a': 1}", "invalid_json"),
        ('"\t"', "invalid_json"),
        ("9" * 5000, "invalid_json"),
        ('{"a": 1, "b": {"c": 1, "\\u0063": 2}}', "duplicate_key"),
        ("[NaN]", "not_a_number"),
        ("-Infinity", "not_a_number"),
        ("[1e400]", "not_a_number"),
        ("-1" + "0" * 309 + ".0", "not_a_number"),
        ("-" + "9" * 4301, "invalid_json"),
        ("[" * 101 + "]" * 101, "too_deep"),
        ('{"a":' * 100 + "[]" + "}" * 100, "too_deep"),
        ("[" * 200_000, "too_deep"),
        ('"\\ud800"', "lone_surrogate"),
        ('{"\\uDFFF": 1}', "lone_surrogate"),
        ('["\\ude00\\ud83d"]', "lone_surrogate"),
    ],
    ids=map(str, range(18)),
)
def test_what_is_not_strict_json_is_refused(text: str, reason: str) -> None:
    """Each fault has a stable word and a message without control characters."""
    with pytest.raises(BadJson) as caught:
        strict_json(text)
    assert caught.value.reason == reason
    assert str(caught.value).isprintable()


def test_the_limits_are_exact() -> None:
    """A hundred levels (and no more), brackets in strings, surrogate pairs and integers of 4,300 digits are fine."""
    assert strict_json("[" * 100 + "]" * 100)
    assert strict_json("[" * 99 + '{"a": 1}' + "]" * 99)
    assert strict_json("[" * 99 + "[1], []" + "]" * 99)
    for deeper in ("[" * 101 + "]" * 101, "[" * 100 + '{"a": 1}' + "]" * 100):
        with pytest.raises(BadJson, match="deeper than 100"):
            strict_json(deeper)
    assert strict_json(json.dumps(["[{" * 500])) == ["[{" * 500]
    assert strict_json(json.dumps([["[{" * 500], {"a": [1]}]))
    assert strict_json('"\\ud83d\\ude00"') == "\U0001f600"
    assert strict_json("9" * 4300) == int("9" * 4300)
    assert strict_json("-" + "9" * 4300) == -int("9" * 4300)
    assert strict_json("[1e308, 1e-400, -0.0]") == [1e308, 0.0, 0.0]


@pytest.mark.parametrize("limit", ["0", "100000"])
def test_the_environment_does_not_move_the_limit_of_integers(limit: str) -> None:
    """However many digits this Python was told to read, 4,300 can be read and 4,301 cannot."""
    code = (
        "from ledger.sample import *\n"
        "strict_json('9' * 4300)\n"
        "try: strict_json('9' * 4301)\n"
        "except BadJson as error: print(error.reason)\n"
        "said = 'tool_call: x\\narguments: {\"a\": ' + '9' * 4301 + '}'\n"
        "print(text_calls(said) == [said])"
    )
    environment = {**os.environ, "PYTHONINTMAXSTRDIGITS": limit}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["invalid_json", "True"]


@given(texts, texts, st.binary(min_size=32, max_size=32), st.integers(0, 10**9))
def test_a_sample_is_an_occurrence_of_bytes_in_a_source(campaign: str, source: str, blob: bytes, nth: int) -> None:
    """Its identity is the digest of exactly campaign, source, blob and count."""
    said = {"campaign": campaign, "source": source, "blob": blob.hex(), "nth": nth}
    assert sample_id(campaign, source, blob, nth) == digest_of(said)
    others = {
        sample_id(campaign + "x", source, blob, nth),
        sample_id(campaign, source + "x", blob, nth),
        sample_id(campaign, source, blob[::-1] + b"x", nth),
        sample_id(campaign, source, blob, nth + 1),
    }
    assert sample_id(campaign, source, blob, nth) not in others
    assert len(others) == 4


def test_a_text_call_message_is_what_the_strategies_say() -> None:
    """The shared strategy really makes calls, so that properties over it mean something."""
    parts = text_calls(text_call("say", "open", {"a": 1}, "end")["content"])
    assert parts == ["say", TextCall("open", {"a": 1}, plain=True), "end"]
