"""Reading TOML with the places of its keys: every line is that on which a key or an element stands."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.exporters.toml_lines import Lines, NotToml, read_toml

TEXT = """\
# a comment = 1
a = 1 # b = 2
"b c" = '''
[x]
''' # ] [
list = [ # [
  1, # one, two
  [2,
   3], { x = "]" },

  "four" ]
when = 1979-05-27 07:32:00
t.u.v = 1
t.u.w = [[1,
 2], [3]]

[ outer . inner ] # [no]
a = "#"
[outer]
'lit.eral' = 1
[[many]]
x = 1
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 2),
        (("b c",), 3),
        (("list",), 6),
        (("list", 0), 7),
        (("list", 1), 8),
        (("list", 2), 9),
        (("list", 3), 11),
        (("list", 9), 6),
        (("list", 2, "x"), 9),
        (("when",), 12),
        (("t",), 13),
        (("t", "u", "v"), 13),
        (("t", "u", "w"), 14),
        (("t", "u", "w", 0), 14),
        (("t", "u", "w", 1), 15),
        (("outer",), 17),
        (("outer", "inner"), 17),
        (("outer", "inner", "a"), 18),
        (("outer", "lit.eral"), 20),
        (("many",), 21),
        (("many", "x"), 22),
        (("many", "y"), 21),
        (("none",), 1),
        ((), 1),
    ],
)
def test_where_things_stand(path: tuple[str | int, ...], line: int) -> None:
    """A key, an element, or the nearest thing around what has no line of its own."""
    assert Lines(TEXT).of(path) == line
    assert Lines(TEXT.replace("\n", "\r\n")).of(path) == line


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
    assert read_toml(TEXT, len(TEXT)) == tomllib.loads(TEXT)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (TEXT, 1, "at most 10 characters"),
        ("\na = ", 2, "a value is expected after ="),
        ("\na", 2, "not TOML"),
        ("a=1\na=2", 2, "not TOML"),
        ("a=[\n\n", 1, "not TOML"),
    ],
)
def test_what_is_no_toml(text: str, line: int, what: str) -> None:
    """The line and a sentence, for whoever asked."""
    with pytest.raises(NotToml, match=what) as caught:
        read_toml(text, 10)
    assert caught.value.line == line
