"""The ladder: each thing that can be wrong with a reply has its own word, and what passes differs only as asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.readers import content_of
from ledger.recipes import Improve, Judge, load_rubric, load_spec, recipe_of, shipped
from ledger.recipes.contract import PROBLEMS, Judged, Made, Memory, Problem
from ledger.recipes.structure import same
from ledger.validators import load_schemas, validate
from ledger.verbs import ladder
from tests.improving import answer, item, real, row, text_call

IMPROVE, ENHANCE = (Improve(load_spec(shipped("spec")[name], name)) for name in ("toolset-improve", "toolset-enhance"))
JUDGE = Judge(load_rubric(shipped("rubric")["interaction"], "interaction"))
WEAK = item(row(), scores={"sessionMemory_quality": "1", "response_realism": "1", "prompt_naturalness": "1"})
READER = "messages@1"


def reply(**changed: str) -> str:
    """Return a sound reply to the question about WEAK, with some texts changed."""
    question = IMPROVE.ask(WEAK, Memory())
    assert question is not None
    assert question.schema is not None
    return json.dumps({**json.loads(answer(question.schema)), **changed})


def verdict(text: str, stop: str | None = "end_turn", **more: Any) -> str:  # noqa: ANN401 - what judge takes
    """Return what a reply about WEAK comes to in a word."""
    found = ladder.judge(IMPROVE, WEAK, READER, stop, text, **more)
    return found.kind if isinstance(found, Problem) else type(found).__name__


@pytest.mark.parametrize(
    ("stop", "said"),
    [
        ("end_turn", "Made"),
        ("stop", "Made"),
        (None, "Made"),
        ("something new", "Made"),
        ("refusal", "refused"),
        ("content_filter", "refused"),
        ("max_tokens", "cut"),
        ("length", "cut"),
        ("model_context_window_exceeded", "cut"),
    ],
)
def test_why_the_model_stopped_comes_first(stop: str | None, said: str) -> None:
    """A refusal and a cut are told apart before anything is read, in the words of both dialects."""
    assert verdict(reply(), stop) == said
    if said != "Made":
        assert verdict("", stop) == said


CALL = text_call("vaultManager_deleteEverything", {"force": True})


@pytest.mark.parametrize(
    "changed",
    [
        {"after": f"All of it is done now, and more follows.\n{CALL}"},
        {"result": json.dumps({"success": True, "data": {}}), "after": f"Here is the rest of it.\n\n{CALL}\n"},
    ],
)
def test_a_text_cannot_become_a_call(changed: dict[str, str]) -> None:
    """Prose that holds a tool call would be one, so the structure would not be what it was."""
    assert verdict(reply(**changed)) == "structure_changed"


def test_a_person_may_write_what_looks_like_a_call() -> None:
    """Only an assistant calls tools."""
    assert verdict(reply(prompt=f"What does this mean?\n{CALL}")) == "Made"


@given(
    said=st.text(st.characters(codec="utf-8"), min_size=20, max_size=300)
    | st.sampled_from([CALL + " " * 9, "Result: {}" * 5])
)
def test_whatever_passes_differs_only_as_asked(said: str) -> None:
    """Any text in any field is refused with a known word, or changes nothing but its field."""
    for name in ("sessionMemory", "after", "prompt"):
        found = ladder.judge(IMPROVE, WEAK, READER, None, reply(**{name: said}))
        if isinstance(found, Problem):
            assert found.kind in PROBLEMS
        else:
            assert isinstance(found, Made)
            assert same(WEAK.content, content_of(found.content, READER), IMPROVE.free(WEAK))


def test_a_forbidden_phrase() -> None:
    """What the memory forbade is looked for in what was written, not in the rest of the sample."""
    memory = Memory(100, ("three notes mention tides the",))

    assert verdict(reply(), memory=memory) == "banned_phrase"
    assert verdict(reply(), memory=Memory(100, ("find my notes on tides",))) == "Made"


def test_rules_that_the_sample_kept(data: Path) -> None:
    """A version may break what its parent broke, but no error more, and no rule that the spec keeps."""
    schemas = load_schemas((data / "tool_schemas.json").read_bytes(), "tool_schemas.json")
    assert any(finding.severity == "error" for finding in validate(WEAK.content, schemas))
    assert verdict(reply(), schemas=schemas) == "Made"

    key = "sk-ant-api03-" + "Ab3" * 31
    found = ladder.judge(IMPROVE, WEAK, READER, None, reply(after=f"The key is {key}, keep it somewhere safe."))
    assert isinstance(found, Problem)
    assert (found.kind, key in found.detail) == ("invalid", False)
    kept = Improve(
        load_spec(shipped("spec")["toolset-improve"].replace("[child]", '[child]\nkeep = ["calls/prose_*"]'), "x")
    )
    assert ladder.judge(kept, WEAK, READER, None, reply()) == Problem(
        "invalid", "it breaks rules that the sample kept: calls/prose_after_call"
    )


def test_a_judgement_passes_through() -> None:
    """A judge's reply is stopped by the same words, and is a judgement else."""
    scores = dict.fromkeys(JUDGE.rubric.judged, 3)
    text = json.dumps({"notes": dict.fromkeys(scores, "So."), "scores": scores})

    assert isinstance(ladder.judge(JUDGE, WEAK, READER, "end_turn", text), Judged)
    assert ladder.judge(JUDGE, WEAK, READER, "refusal", text) == Problem("refused", "the model refused")


def test_what_a_model_is_told_when_asked_again() -> None:
    """Each problem so far is told once, in its own words."""
    told = ladder.again([Problem("empty", "the reply is empty"), Problem("too_short", "after has 3 characters")])

    assert told == (
        "Your answer number 1 was not accepted: the reply is empty.",
        "Your answer number 2 was not accepted: after has 3 characters.",
    )
    assert ladder.again(()) == ()


@pytest.mark.parametrize("recipe", [IMPROVE, ENHANCE], ids=lambda recipe: recipe.name)
def test_the_real_slices_pass(recipe: Improve, data: Path) -> None:
    """Sound replies about the real slice pass the whole ladder with the real schemas, but for the gate."""
    schemas = load_schemas((data / "tool_schemas.json").read_bytes(), "tool_schemas.json")
    passed = 0
    for each in real(data / "poor.jsonl"):
        question = recipe.ask(each, Memory())
        if question is not None and question.schema is not None:
            found = ladder.judge(recipe, each, READER, "end_turn", answer(question.schema), schemas=schemas)
            assert isinstance(found, Made), (found, each.raw)
            passed += 1
    assert passed > 50


def test_a_regenerated_answer() -> None:
    """A new answer passes where it calls nothing."""
    text = shipped("spec")["persona-answers"]
    recipe = recipe_of(load_spec(text[: text.index("[persona]")], "x"))
    each = item(
        {"messages": [{"role": "user", "content": "How is it?"}, {"role": "assistant", "content": "It is fine."}]}
    )

    assert isinstance(ladder.judge(recipe, each, READER, None, '{"answer": "Warm enough to forgive the river."}'), Made)
    called = json.dumps({"answer": f"Let me look.\n{CALL}"})
    found = ladder.judge(recipe, each, READER, None, called)
    assert isinstance(found, Problem)
    assert found.kind == "structure_changed"


def test_an_answer_that_is_the_question() -> None:
    """Saying again what the person said is no answer, however it is spaced; saying part of it is one."""
    text = shipped("spec")["persona-answers"]
    recipe = recipe_of(load_spec(text[: text.index("[persona]")], "x"))
    asked = "What is the weather in the old town of Trier today?"
    each = item(
        {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": "It is fine in Trier."}]}
    )
    found = ladder.judge(recipe, each, READER, None, json.dumps({"answer": f" {asked.upper()} "}))
    assert isinstance(found, Problem)
    assert found.kind == "unchanged"
    said = ladder.judge(recipe, each, READER, None, json.dumps({"answer": f"{asked} It is fine, as ever."}))
    assert isinstance(said, Made)
