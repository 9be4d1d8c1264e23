"""The lines of keys in TOML: found for every value, wherever and however it is written."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given

from ledger.policy import to_toml
from ledger.policy.lines import Lines, Path
from ledger.policy.toml import key
from ledger.rule import Policy
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
        names = [key(step) for step in path if isinstance(step, str)]
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


def test_characters_inside() -> None:
    """A character of a text over several lines has the line on which it stands."""
    text = "a = '''\nx\ny'''\nb = '''x\ny'''\nc = \"x\\ny\""
    lines = Lines(text)

    assert [lines.inside(("a",), "x\ny", at) for at in (1, 3)] == [2, 3]
    assert [lines.inside(("b",), "x\ny", at) for at in (1, 3)] == [4, 5]
    assert [lines.inside(("c",), "x\ny", at) for at in (1, 3)] == [6, 6]
