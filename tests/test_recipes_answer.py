"""The text of a reply is read as the object that was asked for, or told what is wrong with it; nothing raises."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ledger.recipes import Improve, Judge, load_rubric, load_spec, shipped
from ledger.recipes.answer import object_of, schema_of, shape
from ledger.recipes.contract import PROBLEMS, Judged, Made, Memory, Problem, Recipe
from tests.improving import answer, item, row
from tests.strategies import json_values

RECIPES = [Improve(load_spec(shipped("spec")[name], name)) for name in ("toolset-improve", "toolset-enhance")]
JUDGE = Judge(load_rubric(shipped("rubric")["interaction"], "interaction"))
WEAK = item(row(), scores={"sessionMemory_quality": "1", "toolContext_quality": "2", "response_realism": "1"})
ALL: list[Recipe] = [*RECIPES, JUDGE]
SHAPES = {"not_json", "wrong_shape", "unknown_field", "empty"}


@given(
    names=st.sets(st.sampled_from("abcd"), min_size=1),
    value=st.dictionaries(st.sampled_from("abcde"), json_values() | st.text()),
)
def test_the_schema_accepts_what_is_read(names: set[str], value: dict[str, Any]) -> None:
    """An object has the shape that was asked for exactly where the schema that was sent accepts it."""
    fields = dict.fromkeys(sorted(names), "a text")

    assert (shape(value, list(fields)) is None) == Draft202012Validator(schema_of(fields)).is_valid(value)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            key: st.dictionaries(st.sampled_from([*JUDGE.rubric.judged, "x"]), inner)
            | st.fixed_dictionaries(dict.fromkeys(JUDGE.rubric.judged, inner))
            for key, inner in (
                ("notes", st.just("a note") | json_values()),
                ("scores", st.integers(0, 6) | st.sampled_from([3.0, 2.5, True, None, "4"])),
            )
        },
    )
)
def test_the_schema_of_a_judge_accepts_what_is_read(value: dict[str, Any]) -> None:
    """A judgement has the right shape exactly where the judge's schema accepts it."""
    question = JUDGE.ask(WEAK, Memory())
    assert question is not None
    assert question.schema is not None
    read = JUDGE.read(WEAK, json.dumps(value))

    refused = isinstance(read, Problem) and read.kind in SHAPES
    assert refused != Draft202012Validator(question.schema).is_valid(value)


HOSTILE = [
    "",
    "[" * 5000,
    "{" * 5000,
    '{"a":' * 3000,
    "```",
    "``````",
    "```json\n{}\n```",
    "null",
    "\ud800",
    '{"a": NaN}',
    "\x00",
]
REPLIES = (
    st.text(st.characters())
    | st.sampled_from(HOSTILE)
    | json_values().map(json.dumps)
    | st.dictionaries(
        st.sampled_from(["sessionMemory", "toolContext", "result", "after", "notes", "scores", "x"]),
        st.text(st.characters(), max_size=400) | json_values(),
    ).map(json.dumps)
)


@given(text=REPLIES)
def test_reading_any_text_never_raises(text: str) -> None:
    """Whatever a model says, the answer is a version, a judgement, or a problem with a known word and a sentence."""
    for recipe in ALL:
        read = recipe.read(WEAK, text)
        assert isinstance(read, (Made, Judged, Problem))
        if isinstance(read, Problem):
            assert read.kind in PROBLEMS
            assert read.detail.isprintable()


@given(
    word=st.from_regex(r"[qxzj]{12,20}", fullmatch=True),
    broken=st.sampled_from(["{%s", '{"%s": 1}', '{"a": "%s", "a": 1}', "%s"]),
)
def test_no_word_of_a_reply_is_repeated(word: str, broken: str) -> None:
    """What is wrong is told in this program's words: a reply cannot write into an event."""
    for recipe in ALL:
        read = recipe.read(WEAK, broken % word)
        assert isinstance(read, Problem)
        assert word not in read.detail


@pytest.mark.parametrize(
    "around", ["{}", "```json\n{}\n```", "Here it is:\n```json\n{}\n```\nAnything else?", " \n{}\n"]
)
def test_fences_are_forgiven(around: str) -> None:
    """JSON in a fence is read, also with a word before it; JSON that holds fences is left alone."""
    inner = json.dumps({"a": "with ``` in it"}) if around.startswith(" ") else '{"a": "x"}'

    assert object_of(around.replace("{}", inner)) == json.loads(inner)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("```\n\n```", "empty"),
        ("I would rather not", "not_json"),
        ('{"a": "x"} and more', "not_json"),
        ('{"a": "x", "a": "y"}', "not_json"),
        ('{"a": "x', "not_json"),
        ('["a"]', "wrong_shape"),
        ("x" * 1_000_001, "too_long"),
    ],
)
def test_what_is_no_object(text: str, kind: str) -> None:
    """Each way of not being one JSON object has its word."""
    read = object_of(text)

    assert isinstance(read, Problem)
    assert read.kind == kind


def test_hostile_replies_take_linear_time() -> None:
    """A megabyte of fences, brackets or quotes is told to be wrong within a second."""
    begun = time.process_time()
    for text in ("```" * 333_000, "{" * 999_999, '{"' * 499_999, "```json\n" * 120_000, '{"a": "' + "\\" * 999_000):
        assert isinstance(RECIPES[0].read(WEAK, text), Problem)

    assert time.process_time() - begun < 5


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_schema_that_is_sent_is_the_one_that_is_read(recipe: Improve) -> None:
    """A reply that the question's schema accepts, with texts of the right lengths, makes a new version."""
    question = recipe.ask(WEAK, Memory())
    assert question is not None
    assert question.schema is not None
    text = answer(question.schema)

    assert Draft202012Validator(question.schema).is_valid(json.loads(text))
    assert isinstance(recipe.read(WEAK, text), Made)
