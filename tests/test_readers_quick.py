"""Quick reading: fingerprints as everywhere, or none at all."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger import readers
from ledger.readers import FactMap, Reading, Unreadable, read_line
from ledger.readers.quick import quick_row

ARGUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
CALL = st.builds(
    lambda before, name, arguments, ascii_, behind: (
        f"{before}tool_call: {name}\narguments: {json.dumps(arguments, ensure_ascii=ascii_)}{behind}"
    ),
    st.sampled_from(("", "I look.\n", "text \n\n", "tool_call: ")),
    st.text(max_size=4),
    st.dictionaries(st.text(max_size=3), ARGUMENTS, max_size=3),
    st.booleans(),
    st.sampled_from(
        ("", "\n", " ", "\n\nResult: {}", " and\nmore", "\ntool_call: b\narguments: {}", " [TOOL_CALLS] [")
    ),
)
SAID = CALL | st.text(max_size=20) | st.just('tool_call: a\narguments: {"a": 1, "a": 2}')
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(("user", "assistant", "system", "nobody")), "content": SAID}),
    max_size=3,
)


SPACE = st.sampled_from(("", " ", "\t", "\r", " \t  \r"))
WRITTEN = st.sampled_from(
    (
        '"user"',
        '"assistant"',
        '"p"',
        '""',
        '"\\""',
        '"\\u0022"',
        '"\\\\u0022"',
        '"label\\": true"',
        '"\\u00e9é"',
        "[]",
        "1e999",
    )
)
"""Values as they are written in JSON, among them quotation marks in all their spellings."""
TWICE = (
    b'{"prompt": [{"role": "user","content":"a"},{"role":"user","content":"a"},{"role":"user","content":"a"}],'
    b'"completion":[{"role":"assistant","content":"b"}],"label": false,"label": true }'
)
"""As long as it would be with a blank behind each comma and colon, and a label that stands twice."""


@st.composite
def spelled(draw: st.DrawFn, key: str) -> str:
    """Return a key as JSON, with one of its characters perhaps as an escape."""
    at = draw(st.integers(0, 3 * len(key)))
    return f'"{key[:at]}\\u{ord(key[at]):04x}{key[at + 1 :]}"' if at < len(key) else f'"{key}"'


@st.composite
def objects(draw: st.DrawFn, fields: dict[str, st.SearchStrategy[str]]) -> str:
    """Return an object's text: its keys in any order, some of them perhaps twice, and white space anywhere."""
    keys = draw(st.permutations([*fields, *draw(st.lists(st.sampled_from(sorted(fields)), max_size=1))]))
    space = partial(draw, SPACE)
    pairs = [f"{space()}{draw(spelled(key))}{space()}:{space()}{draw(fields[key])}{space()}" for key in keys]
    return f"{{{','.join(pairs)}}}"


def lists(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return the text of a list of one to three."""
    return st.lists(items, min_size=1, max_size=3).map(lambda found: f"[{', '.join(found)}]")


TURNS = lists(objects({"role": st.sampled_from(('"user"', '"assistant"')), "content": WRITTEN}))
LINES = objects({"prompt": TURNS, "completion": TURNS, "label": st.sampled_from(("true", "false"))}).map(str.encode)


def usual_reading(body: bytes) -> Reading | Unreadable:
    """Return what a line is read as the long way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "_read_quickly", lambda *_: None)
        return read_line(body, FactMap())


def same_or_none(body: bytes) -> bool:
    """Hold what is read quickly against what is read usually; say whether it was read quickly."""
    quick, usual = quick_row(body), usual_reading(body)
    if quick is None:
        return False
    assert not isinstance(usual, Unreadable)
    assert (quick.fingerprint, quick.prompt, quick.label) == (usual.fingerprint, usual.prompt, usual.facts.label)
    return True


@given(MESSAGES, MESSAGES, st.booleans(), st.booleans())
@example([{"role": "user", "content": "n\u0303"}], [{"role": "assistant", "content": "\nñ"}], True, False)  # noqa: FBT003 - a label; a way of writing
def test_fingerprints_are_those_of_everywhere(
    prompt: list[dict[str, Any]],
    completion: list[dict[str, Any]],
    label: bool,  # noqa: FBT001 - a label
    ascii_: bool,  # noqa: FBT001 - a way of writing
) -> None:
    """Whatever a row says, a quick answer is the usual one."""
    row = {"prompt": prompt, "completion": completion, "label": label}
    same_or_none(json.dumps(row, ensure_ascii=ascii_).encode("utf-8", "surrogatepass"))


@given(LINES)
@example(TWICE)
def test_no_spelling_hides_a_key_that_stands_twice(body: bytes) -> None:
    """However a line is written, what strict JSON refuses has no quick answer."""
    same_or_none(body)


def test_odd_white_space_and_escapes_stay_quick() -> None:
    """A line that has each key once is read quickly, whatever its spaces, and whichever key is spelled oddly."""
    assert same_or_none(TWICE.replace(b'"label": false,', b""))
    assert same_or_none(TWICE.replace(b'"label": false,', b"").replace(b'"label"', b'\t"l\\u0061bel"'))


@pytest.mark.parametrize("name", ["poor", "enhanced"])
def test_usual_rows_are_read_quickly(data: Path, name: str) -> None:
    """Of the real rows, nearly all are."""
    rows = [json.loads(line)["conversations"] for line in (data / f"{name}.jsonl").read_bytes().splitlines()]
    lines = [json.dumps({"prompt": said[:-1], "completion": said[-1:], "label": True}).encode() for said in rows]
    assert sum(map(same_or_none, lines)) > 0.8 * len(lines)


def _line(prompt: str, completion: str, rest: str) -> bytes:
    return f'{{"prompt": {prompt}, "completion": {completion}, {rest}}}'.encode()


ASKED = '[{"role": "user", "content": "p"}]'


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{",
        _line("[]", "[]", '"label": true'),
        _line('"p"', '"c"', '"label": true'),
        _line(ASKED, '[{"role": "user", "content": 1}]', '"label": true'),
        _line(ASKED, ASKED, '"label": 1'),
        _line(ASKED, ASKED, '"label": true, "tools": []'),
        _line(ASKED, ASKED, '"label": true, "label": false'),
        _line(ASKED, '[{"role": "user", "content": "p", "content": "q"}]', '"label": true'),
        _line(ASKED, '[{"role": "user", "content": "p", "content\\u0020": "q"}]', '"label": true'),
        _line(ASKED, '[{"role": "user", "content": "\\ud800"}]', '"label": true'),
    ],
)
def test_what_is_not_usual_goes_the_long_way(line: bytes) -> None:
    """Other shapes, keys that stand twice and what is no JSON have no quick answer."""
    assert quick_row(line) is None


NUMBERS = st.sampled_from(
    ("0", "-0", "1.5", "1e22", "1E5", "-0.0", "1e-7", "1" * 19, "1" * 21, "9" * 400, "1e999", "NaN")
)
"""Numbers as they are written, some beyond 64 bits and beyond every float."""
PLACES = objects(
    {
        "messages": TURNS | st.just("[]"),
        "label": st.sampled_from(("true", "false", "null", '"desirable"', "1", "2")) | NUMBERS,
        "domain": WRITTEN | NUMBERS,
        "tags": objects({"size": NUMBERS | WRITTEN, "é": WRITTEN}),
        "tools": st.sampled_from(("null", "[]", "{}", '[{"name": "a"}]')),
    }
)


@given(PLACES.map(str.encode) | LINES | st.binary(max_size=40))
@example(b'{"messages": [{"role": "assistant", "content": "a"}], "tags": {"n": 123456789012345678901}}')
def test_a_line_is_read_as_ever(body: bytes) -> None:
    """Whatever stands in a line, in its envelope too: what is read quickly is what the long way reads."""
    assert read_line(body, FactMap()) == usual_reading(body)


def test_real_lines_are_read_quickly(data: Path) -> None:
    """Of the real lines, nearly all."""
    lines = [
        line for name in ("poor", "enhanced", "scored") for line in (data / f"{name}.jsonl").read_bytes().split(b"\n")
    ]
    quick = [readers._read_quickly(line, FactMap(), None) for line in lines if line]  # noqa: SLF001 - how, not what
    assert sum(each is not None for each in quick) > len(quick) * 0.9
