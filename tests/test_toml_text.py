"""Reading TOML with the places of its keys: every line is that on which a key, an element or a character stands."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.policy import to_toml
from ledger.rule import Policy
from ledger.toml_text import Lines, NotToml, Path, read_toml, toml_key, toml_string
from tests import policy_model as book


def paths(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Yield every path in a document with what stands there."""
    yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from paths(inner, (*path, index))


@given(book.policies())
def test_every_value_of_a_policy(policy: Policy) -> None:
    """The line of a key holds that key, that of a table its header; the line of an element is that of its list."""
    text = to_toml(policy)
    lines, written = Lines(text), text.split("\n")
    for path, value in paths(tomllib.loads(text)):
        line = written[lines.of(path) - 1]
        names = [toml_key(step) for step in path if isinstance(step, str)]
        if line.startswith("["):
            assert f"{line.strip('[]')}.".startswith(f"{'.'.join(names)}.")
            assert isinstance(value, (dict, list))
        elif path:
            assert f"{names[-1]} = " in line


TEXT = """\
top = 1 # a = 2
'quoted key' = "# no comment"
dotted . "key" = [1,
  2, # ]
  { inner = 3, far.down = [
    4 ] },
]
time = 1979-05-27 07:32:00 # said
long = \"""
[not.a.header]
key = 5\"""
literal = '''
key = 6'''

[a.b] # c
c = 7
  [[list]]
  x = 8
[list.below]
y = 9
[[list]]
x.y = 10
[ "a" . d ]
"""
LINES = [
    (("top",), 1),
    (("quoted key",), 2),
    (("dotted",), 3),
    (("dotted", "key"), 3),
    (("dotted", "key", 0), 3),
    (("dotted", "key", 1), 4),
    (("dotted", "key", 2), 5),
    (("dotted", "key", 2, "inner"), 5),
    (("dotted", "key", 2, "far", "down"), 5),
    (("dotted", "key", 2, "far", "down", 0), 6),
    (("time",), 8),
    (("long",), 9),
    (("literal",), 12),
    (("a",), 15),
    (("a", "b"), 15),
    (("a", "b", "c"), 16),
    (("list",), 17),
    (("list", 0), 17),
    (("list", 0, "x"), 18),
    (("list", 0, "below"), 19),
    (("list", 0, "below", "y"), 20),
    (("list", 1), 21),
    (("list", 1, "x"), 22),
    (("list", 1, "x", "y"), 22),
    (("a", "d"), 23),
    (("list", 1, "missing"), 21),
    (("missing",), 1),
    ((), 1),
]


@pytest.mark.parametrize(("path", "line"), LINES, ids=[".".join(map(str, path)) or "all" for path, _ in LINES])
def test_each_way_to_write(path: Path, line: int) -> None:
    """Comments, quotes, dots, lists and long texts lead nowhere else; what is missing is where its table is."""
    document: Any = tomllib.loads(TEXT)
    for step in path:
        document = {} if step == "missing" else document[step]

    assert Lines(TEXT).of(path) == line
    assert Lines(TEXT.replace("\n", "\r\n")).of(path) == line


def test_lists_and_tables_in_one_line() -> None:
    """An empty list, an empty table and a comma at the end mislead nobody."""
    text = "a = [[], {}, [1,],\n]\nb = [{ x = [], y.z = {} },\n{ x = 1 }]\nc = {}\nd = 1"
    lines = Lines(text)
    document = tomllib.loads(text)
    found = {path: lines.of(path) for path, _ in paths(document)}

    assert {path: line for path, line in found.items() if len(path) == 1} == {
        ("a",): 1,
        ("b",): 3,
        ("c",): 5,
        ("d",): 6,
    }
    assert (found["b", 0, "y", "z"], found["b", 1, "x"]) == (3, 4)


CHARACTERS = [
    ("'''\nx\ny'''", "x\ny", [2, 2, 3, 3]),
    ("'''x\n\ny'''", "x\n\ny", [1, 1, 2, 3, 3]),
    ("'''\n\\\nx'''", "\\\nx", [2, 2, 3, 3]),
    ('"""\nx\\"\ny"""', 'x"\ny', [2, 2, 2, 3, 3]),
    ('"""x \\\n  \n y\\n\\u0079\\U00000079\nz"""', "x y\nyy\nz", [1, 1, 3, 3, 3, 3, 3, 4, 4]),
    ('"""\\\n\n"""', "", [3]),
    ('"x\\ny"', "x\ny", [1, 1, 1, 1]),
    ("'x'", "x", [1, 1]),
]


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize(("written", "value", "wanted"), CHARACTERS, ids=[ascii(text) for text, _, _ in CHARACTERS])
def test_characters_inside(written: str, value: str, wanted: list[int], ends: str) -> None:
    """A character has the line on which it stands, behind escapes too; the one behind the last, that of the quotes."""
    text = f"b = {written}\nc = 3\n".replace("\n", ends)
    lines = Lines(text)

    assert tomllib.loads(text)["b"] == value
    assert [lines.inside(("b",), at) for at in range(1, len(value) + 2)] == wanted


@given(st.text(max_size=40))
def test_keys_and_texts_as_they_are_written(text: str) -> None:
    """Any text that TOML can hold is read again as it was, as a key and as a value."""
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert tomllib.loads(f"{toml_key(text)} = {toml_string(text)}") == {text: text}


HOSTILE = {
    "a long list": "a = [" + "1, " * 30_000 + "]",
    "tables in a list": "a = [" + "{ b = 1 }, " * 9_000 + "]",
    "headers": "[[a]]\n" * 16_000,
    "a long text": 'a = """' + "\\\n" * 30_000 + '"""',
    "quotes": "a = '''" + "''x" * 30_000 + "'''",
    "comments": "#\n" * 50_000,
    "spaces": "a = 1" + " " * 90_000,
    "keys": "".join(f"k{n} = 1\n" for n in range(9_000)),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_take_no_time(text: str) -> None:
    """A text of 100,000 characters is searched in a moment, whatever it is full of."""
    started = time.perf_counter()
    document = read_toml(text, "a file", 100_000)
    lines = Lines(text)

    assert [lines.of((name,)) for name in list(document)[:1]] in ([1], [])
    assert lines.inside(("a",), len(text)) >= 1
    assert time.perf_counter() - started < 10


VALUES = (
    "1",
    '"x"',
    "'#'",
    '"""\n]\n"""',
    "'''a\n'b''c\n'''",
    "[\n1,\n2]",
    "[[],\n{a = 1}, # c]\n]",
    "{ a = [1,\n2] }",
)


@given(st.lists(st.sampled_from(VALUES) | st.just("#"), max_size=12), st.booleans())
def test_the_line_of_every_key(drawn: list[str], in_table: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever values and comments stand before a key, its line is the one on which it was put."""
    text, wanted = ("[t]\n", {}) if in_table else ("", {})
    for number, value in enumerate(drawn):
        wanted[f"k{number}"] = text.count("\n") + 1
        text += "# k = 1\n" if value == "#" else f"k{number} = {value}\n"
    document = tomllib.loads(text)
    keys: dict[str, Any] = document["t"] if in_table else document
    lines = Lines(text)
    assert {key: lines.of(("t", key) if in_table else (key,)) for key in keys} == {key: wanted[key] for key in keys}


def test_what_is_read_is_what_tomllib_reads() -> None:
    """Nothing is added to the document."""
    assert read_toml(TEXT, "a file", len(TEXT)) == tomllib.loads(TEXT)
    assert read_toml("x = 0.10", "a file", 99, str) == {"x": "0.10"}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (TEXT, 1, "a file has at most 10 characters"),
        ("\na = ", 2, "a value is expected after ="),
        ("\na", 2, "not TOML"),
        ("a=1\na=2", 2, "not TOML"),
        ("a=[\n\n", 1, "not TOML"),
    ],
)
def test_what_is_no_toml(text: str, line: int, what: str) -> None:
    """The line and a sentence, for whoever asked."""
    with pytest.raises(NotToml, match=what) as caught:
        read_toml(text, "a file", 10)
    assert caught.value.line == line
