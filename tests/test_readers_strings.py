"""Stretches of texts inside JSON: found as the texts are meant, replaced in the document, and nothing else changes."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.readers.strings import Found, Stretch, find_in_strings, replaced
from tests.strategies import SPELLINGS, json_values

_SECRET = re.compile(r"(?<![a-z])key-[0-9]{4}|BEGIN.*?END", re.DOTALL)
GONE = "[GONE]"


def find(text: str) -> list[Stretch]:
    """Return keys of four digits with no letter before them, and whatever stands between BEGIN and END."""
    return [Stretch("key", *match.span()) for match in _SECRET.finditer(text)]


def without(document: str) -> str:
    """Return a document with every stretch gone."""
    return replaced(document, find_in_strings(document, find), lambda _one: GONE)


def paths(value: Any) -> list[str]:  # noqa: ANN401 - any JSON value
    """Return the paths of what is found in a value."""
    return [one.path for one in find_in_strings(json.dumps(value), find)]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ('{"a": "key-1234"}', '{"a": "[GONE]"}'),
        ('{"a": "key-1234 y key-5678", "b": [1.50, "key-1234"]}', '{"a": "[GONE] y [GONE]", "b": [1.50, "[GONE]"]}'),
        (r'{"a" : "\u00e9\/ \ud83d\ude00key-12\u00334 \ud83d"}', r'{"a" : "\u00e9\/ \ud83d\ude00[GONE] \ud83d"}'),
        (r'{"a": "one\nkey-1234\ttwo"}', r'{"a": "one\n[GONE]\ttwo"}'),
        (r'{"a": "\u006bey-1234\u0031"}', r'{"a": "[GONE]\u0031"}'),
        ('{"key-1234": 1, "b": {"key-5678": null}}', '{"[GONE]": 1, "b": {"[GONE]": null}}'),
        ('{"a": "😀 key-1234 é"}', '{"a": "😀 [GONE] é"}'),
    ],
    ids=range(7),
)  # fmt: skip
def test_only_what_was_found_changes(document: str, expected: str) -> None:
    """Numbers, spaces, other escapes and the text around a stretch stand as before, however the stretch is spelled."""
    assert without(document) == expected
    assert without(expected) == expected


def test_json_in_text_is_looked_into() -> None:
    """A stretch whose beginning only the inner escapes show is found, and the inner text stays JSON."""
    inner = r'{"a": "one\nkey-1234", "b": ["\u006bey-5678"], "c": "\"quoted\" \\ é"}'
    document = json.dumps({"function": {"arguments": inner}})
    assert without(document) == document.replace(r"key-1234", GONE).replace(r"\\u006bey-5678", GONE)
    again = json.loads(json.loads(without(document))["function"]["arguments"])
    assert again == {"a": f"one\n{GONE}", "b": [GONE], "c": '"quoted" \\ é'}


def test_calls_written_in_text_are_looked_into() -> None:
    """What stands after `arguments:` or `[TOOL_CALLS]` is JSON in the text; prose around it is prose."""
    call = 'key-1\ntool_call: f\narguments: {"a": "x\\nkey-1234"}\nkey-5678'
    assert json.loads(without(json.dumps([call])))[0] == call.replace("key-1234", GONE).replace("key-5678", GONE)
    mistral = 'so [TOOL_CALLS] [{"name": "f", "arguments": {"a": "\\tkey-1234"}}] done'
    assert json.loads(without(json.dumps([mistral])))[0] == mistral.replace("key-1234", GONE)


def test_json_in_json_in_text() -> None:
    """Each level undoes its own escapes, down to where no real data goes any more."""
    value: Any = "a\nkey-1234"
    for _ in range(4):
        value = json.dumps({"v": value})
    found = json.loads(without(value))
    for _ in range(3):
        found = json.loads(found["v"])
    assert found == {"v": f"a\n{GONE}"}


def test_a_stretch_across_strings_leaves_the_json_whole() -> None:
    """What begins in one inner string and ends in another is cut out of both, and the structure stays."""
    inner = {"a": "x BEGIN 1", "b": {"c": [True, "2 END y"]}}
    document = json.dumps({"arguments": json.dumps(inner)})
    assert json.loads(json.loads(without(document))["arguments"]) == {
        "a": f"x {GONE}", GONE: {GONE: [True, f"{GONE} y"]},
    }  # fmt: skip
    deeper = json.dumps({"arguments": json.dumps({"a": "BEGIN", "b": json.dumps(inner)})})
    json.loads(json.loads(json.loads(without(deeper))["arguments"])[GONE])


def test_paths_name_the_format_and_nothing_of_the_sample() -> None:
    """Known keys and places in lists are named; a key of the sample's own is a star."""
    message = {"role": "user", "content": "key-1234"}
    call = {"function": {"name": "f", "arguments": json.dumps({"password": "key-1234"})}}
    assert paths({"messages": [message, {"role": "assistant", "tool_calls": [call]}]}) == [
        "messages[0].content",
        "messages[1].tool_calls[0].function.arguments",
    ]
    secret_key = {"arguments": {"a key": {"content": ["x", "key-1234"]}, "key-1234": 1}}
    assert paths(secret_key) == ["arguments.*.content[1]", "arguments.*"]
    assert paths(["key-1234", {"x": 1}, "key-1234"]) == ["[0]", "[2]"]


def test_keys_are_told_from_values() -> None:
    """A word for a key may have to differ each time, so it is known which stretches stand in keys, at any depth."""
    document = json.dumps({"key-1234": "key-1234", "a": json.dumps({"key-5678": "key-5678"})})
    assert [one.in_key for one in find_in_strings(document, find)] == [True, False, True, False]


@given(json_values(), st.sampled_from(SPELLINGS))
def test_a_document_without_stretches_is_left_alone(value: Any, spell: Any) -> None:  # noqa: ANN401 - JSON, a function
    """Nothing is found in arbitrary JSON, and replacing nothing changes nothing."""
    document = spell({"a": value})
    assert find_in_strings(document, find) == []
    assert without(document) == document


plain = st.text(st.characters(codec="utf-8", exclude_characters="-0123456789"), max_size=8)
planted = st.builds(lambda before, after: f"{before} key-1234 {after}", plain, plain)
values = st.recursive(
    plain | planted | st.integers() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(plain, inner, max_size=3)
        | st.builds(lambda value, spell: spell([value]), inner, st.sampled_from(SPELLINGS))
    ),
    max_leaves=6,
)


def cleaned(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value with what was planted taken out of its texts."""
    if isinstance(value, str):
        return value.replace("key-1234", GONE)
    if isinstance(value, list):
        return [cleaned(item) for item in value]
    return {key: cleaned(item) for key, item in value.items()} if isinstance(value, dict) else value


@given(values, st.sampled_from(SPELLINGS))
def test_what_was_planted_is_found_and_nothing_else_changes(value: Any, spell: Any) -> None:  # noqa: ANN401 - JSON, a function
    """Taking stretches out of a document is taking them out of its texts, JSON in texts included."""
    document = spell({"a": value})
    assert json.loads(without(document)) == {"a": cleaned(value)}
    found = find_in_strings(document, find)
    assert found == sorted(found, key=lambda one: one.start)
    assert [document[one.start : one.end] for one in found] == ["key-1234"] * len(found)


@pytest.mark.parametrize(
    "text",
    ["\narguments: {" * 60_000, "[TOOL_CALLS][" * 60_000, '{"a": ' * 60_000, "\\" * 10**5, '"' * 10**5, "[" * 10**5],
    ids=["arguments", "mistral", "objects", "backslashes", "quotes", "arrays"],
)  # fmt: skip
def test_hostile_texts_take_time_in_proportion(text: str) -> None:
    """Half a megabyte of beginnings that lead nowhere takes seconds at worst, not minutes."""
    begun = time.monotonic()
    assert find_in_strings(json.dumps({"a": text + "\\ key-1234"}), find)
    assert time.monotonic() - begun < 10


def test_a_found_stretch_says_where_it_stands() -> None:
    """Positions are those of characters in the document."""
    assert find_in_strings('{"text": "a key-1234"}', find) == [Found("key", 12, 20, in_key=False, path="text")]
