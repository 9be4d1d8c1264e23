"""Expectations: what an answer has or has not; any TOML reads or is refused; hostile answers cost no time."""

from __future__ import annotations

import re
import time
import warnings
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import SettingsInvalid
from ledger.validators.expectations import Expectation, meets, read_expectations
from ledger.validators.reading import talk_of
from tests.talks import assistant, calling, function, talk, user

CODE = 'Here:\n\n```python\ndef f():\n    """Say nothing."""\n```\n'
PLAIN = "```python\ndef f():\n    pass\n```"


def says(answer: str, kind: str, value: object) -> bool:
    """Say whether a plain answer has one thing."""
    return meets(Expectation("x", kind, value), answer, talk_of(talk(user("q"), assistant(answer))))


@pytest.mark.parametrize(
    ("kind", "value", "good", "bad"),
    [
        ("heading", "Solution", "## Solution\n\ntext", "the solution is"),
        ("heading", "Solution", "**Solution:**", "Solutions"),
        ("contains", "**Usage**", "see **Usage**: x", "usage"),
        ("absent", "As an AI", "yes", "As an AI, no"),
        ("docstring", True, CODE, PLAIN),
        ("docstring", True, 'class A:\n    """Is one."""', "def f(:"),
        ("json", True, '{"a": 1}', "{a: 1}"),
        ("json", True, " [1e3]\n", "[NaN]"),
        ("json", True, '{"a": {"b": 1}}', '{"a": 1, "a": 2}'),
        ("json", True, "1", "1e999"),
        ("min_chars", 3, "abc", "ab"),
        ("max_chars", 3, "abc", "abcd"),
    ],
)
def test_an_answer_has_it_or_not(kind: str, value: object, good: str, bad: str) -> None:
    """Each kind tells an answer that has it from one that has not."""
    assert says(good, kind, value)
    assert not says(bad, kind, value)


def test_calls_are_those_of_the_answer_only() -> None:
    """A tool that the answer calls counts, one that was called before it does not."""
    asked = [user("q"), calling(function("open", {})), user("again")]
    with_call = talk_of(talk(*asked, calling(function("move", {}))))
    without = talk_of(talk(*asked, assistant("done")))
    for value, call in (("move", True), (True, True), ("open", False)):
        assert meets(Expectation("x", "calls", value), "", with_call) is call
    assert not meets(Expectation("x", kind="calls", value=True), "", without)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no [[expect]] table"),
        ("[[expct]]\n", "there is no table 'expct' here"),
        ('[[expect]]\nheading = "x"', "a name of at most 60 characters"),
        ('[[expect]]\nname = "a"', "a takes one of heading"),
        ('[[expect]]\nname = "a"\nheading = "x"\njson = true', "not 2"),
        ('[[expect]]\nname = "a"\nheadng = "x"', "did you mean 'heading'?"),
        ('[[expect]]\nname = "a"\njson = false', "json takes true"),
        ('[[expect]]\nname = "a"\nmin_chars = true', "min_chars takes a whole number above 0"),
        ('[[expect]]\nname = "a"\nmin_chars = -1', "min_chars takes a whole number above 0"),
        ('[[expect]]\nname = "a"\njson = true\n[[expect]]\nname = "a"\njson = true', "two expectations are called 'a'"),
        ('[[expect]]\nname = "a\\nb"\njson = true', "a name of"),
        ("expect = 1", "there is no [[expect]] table"),
        ("expect = [1]", "write [[expect]]"),
    ],
)
def test_what_means_nothing_is_refused(text: str, message: str) -> None:
    """With the line and the remedy."""
    with pytest.raises(SettingsInvalid, match=re.escape(message)) as caught:
        read_expectations(text, "e.toml")
    assert re.match(r"e\.toml, line \d+: ", str(caught.value))


def test_the_names_of_other_checks_are_taken() -> None:
    """An expectation under one of them is refused with its line; any other name is free."""
    text = '[[expect]]\nname = "b"\njson = true\n[[expect]]\nname = "a"\njson = true\n'
    with pytest.raises(SettingsInvalid, match=r"^e\.toml, line 4: 'a' is a check already"):
        read_expectations(text, "e.toml", {"a", "c"})
    assert [one.name for one in read_expectations(text, "e.toml", {"c"})] == ["b", "a"]


@given(st.text(max_size=300))
def test_any_text_reads_or_is_refused(text: str) -> None:
    """No text ends in another error."""
    with suppress(SettingsInvalid):
        assert read_expectations(text, "e.toml")


@given(st.text(alphabet='`python \n\t#*:"\\x(', max_size=400))
def test_any_answer_is_checked_in_silence(answer: str) -> None:
    """Whatever a model says, every kind is yes or no, and Python's warnings about its code stay inside."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind, value in (("heading", "python"), ("docstring", True), ("json", True), ("calls", True)):
            assert says(answer, kind, value) in {True, False}


@pytest.mark.parametrize(
    "piece", ["```", "``` ", "```python\n", "`", "```" + " " * 400_000, "(" * 500, "-" * 500, "[" * 500 + "\n", "# "]
)
def test_hostile_answers_take_little_time(piece: str) -> None:
    """Half a million characters made to confuse are read in well under a second each."""
    answer = piece * (500_000 // len(piece))
    start = time.process_time()
    for kind, value in (("heading", "x"), ("docstring", True), ("json", True)):
        assert not says(answer, kind, value)
    assert time.process_time() - start < 5
