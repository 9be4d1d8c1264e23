"""Specs are read strictly: what ships reads, and whatever is unknown, missing or impossible is told with its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.digest import digest_of
from ledger.errors import SpecInvalid
from ledger.recipes import SPECS, load_spec, shipped
from ledger.recipes.contract import PURPOSES

SMALL = """\
name = "small"
version = 1
purpose = "improve"
about = "a small one"
output = 100
instructions = "Write better."

[child]
label = true

[field.memory]
path = "context.sessionMemory"
about = "what was done"
least = 5
most = 50

[[when]]
dimension = "memory"
below = 3
fields = ["memory"]
"""


def test_what_ships_reads() -> None:
    """Each spec that comes with the program has its file's name, and freezes into restricted JSON."""
    found = {name: load_spec(text, name) for name, text in shipped("spec").items()}

    assert tuple(found) == SPECS
    for name, spec in found.items():
        assert spec.name == name
        assert spec.purpose in PURPOSES
        assert len(digest_of(spec.frozen())) == 32


def test_the_two_directions() -> None:
    """Improving adds a result and prose, enhancing takes them out; both write the same five fields of one parent."""
    improve, enhance = (load_spec(shipped("spec")[name], name) for name in ("toolset-improve", "toolset-enhance"))

    assert improve.fields.keys() - enhance.fields.keys() == {"result", "after"}
    assert (improve.drop, enhance.drop) == ((), ("before", "result", "after"))
    assert improve.label is enhance.label is True


def test_a_small_spec() -> None:
    """Whatever is left out has its default."""
    spec = load_spec(SMALL, "small.toml")

    assert (spec.label, spec.tags, spec.drop, spec.model, spec.corpus) == (True, {}, (), None, None)
    assert (spec.memory, spec.gate, spec.persona) == (None, None, None)
    assert load_spec(SMALL.replace("label = true", ""), "small.toml").label is None
    (when,) = spec.when
    assert (when.kind, when.name, when.below, when.fields) == ("dimension", "memory", 3_000_000, ("memory",))


FAULTS = {
    "unknown key": ("output = 100", "output = 100\nmax_tokens = 3", 6, "nobody knows 'max_tokens'"),
    "unknown key in a field": ("least = 5", "minimum = 5", 14, "nobody knows 'minimum'"),
    "unknown key in a condition": ("below = 3", "above = 3", 17, "below is missing"),
    "unknown key of the child": ("label = true", "lable = true", 9, "nobody knows 'lable'"),
    "missing": ("output = 100\n", "", 1, "output is missing"),
    "not a number": ("below = 3", "below = nan", 19, "not a number"),
    "too precise": ("below = 3", "below = 2.1234567", 19, "6 decimals"),
    "not true or false": ("label = true", 'label = "true"', 9, "label is true or false"),
    "another purpose": ('"improve"', '"judge"', 3, "purpose is one of improve, regenerate"),
    "a name of two words": ('name = "small"', 'name = "Very Small"', 1, "name is small letters"),
    "lengths": ("least = 5", "least = 51", 14, "least is more than most"),
    "an unknown field": ('fields = ["memory"]', 'fields = ["prompt"]', 20, "fields names 'prompt'"),
    "a field twice": (
        "[[when]]",
        '[field.other]\npath = "context.sessionMemory"\nabout = "x"\n\n[[when]]',
        11,
        "at one path",
    ),
    "a field in a field": (
        "[[when]]",
        '[field.other]\npath = "context"\nabout = "x"\n\n[[when]]',
        11,
        "inside another",
    ),
    "a field nobody asks for": ("[[when]]", '[field.other]\nabout = "x"\n\n[[when]]', 11, "no [[when]] asks for other"),
    "written and dropped": (
        "label = true",
        'drop = ["result"]\n[field.result]\nabout = "x"',
        8,
        "both written and dropped",
    ),
    "nothing to drop": ("label = true", 'drop = ["prompt"]', 9, "drop names 'prompt'"),
    "no path": ('path = "context.sessionMemory"', 'path = "context..x"', 12, "names with dots"),
    "two conditions": ('dimension = "memory"', 'dimension = "memory"\nrule = "x"', 17, "one of dimension"),
    "no condition": ('dimension = "memory"\nbelow = 3\n', "", 17, "one of dimension"),
    "never": ('dimension = "memory"\nbelow = 3', "always = false", 18, "always is true"),
    "an answer to improve": ('path = "context.sessionMemory"', 'path = "answer"', 3, 'purpose = "regenerate"'),
    "a name of a field": ("[field.memory]", '[field."me mory"]', 11, "a name is letters"),
    "not TOML": ("version = 1", "version = ", 2, "a value is expected"),
    "a table for a text": ('name = "small"', "name = { a = 1 }", 1, "name is a text"),
}


@pytest.mark.parametrize(("old", "new", "line", "told"), FAULTS.values(), ids=FAULTS)
def test_what_is_no_spec(old: str, new: str, line: int, told: str) -> None:
    """Each fault is told with the file, its line and a sentence."""
    text = SMALL.replace(old, new)
    assert text != SMALL

    with pytest.raises(SpecInvalid) as refused:
        load_spec(text, "small.toml")

    assert str(refused.value).startswith(f"small.toml: line {line}: ")
    assert told in str(refused.value)


@given(st.text(max_size=200) | st.sampled_from(SMALL.splitlines()).map(lambda line: SMALL.replace(line, "")))
def test_any_text_is_a_spec_or_refused(text: str) -> None:
    """Nothing but SpecInvalid comes of any text."""
    try:
        assert load_spec(text, "x").name
    except SpecInvalid as refused:
        assert ": line " in str(refused)  # noqa: PT017 - what is raised for some texts only
