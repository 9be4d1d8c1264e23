"""The interaction rubric: what code decides of it, what it leaves to judgement, and that both agree with people."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ledger.fixed import ONE
from ledger.readers import FactMap, Reading, content_of, read_line
from ledger.sample import Content, fingerprint
from ledger.scorers import Item, Score, find_scorer, settled
from ledger.scorers.rubric import restates

FULL = {
    "sessionMemory": "Created three notes in Projects/Alpha; the user then asked for a summary of all of them.",
    "toolContext": "Needed to read the notes before they can be summed up.",
    "primaryGoal": "Sum up the project",
    "subgoal": "Read the first note",
}


def call(context: object = FULL, name: str = "contentManager_readContent", **more: object) -> str:
    """Return a text call."""
    return f"tool_call: {name}\narguments: {json.dumps({'context': context, **more})}"


def chat(*said: tuple[str, Any]) -> Content:
    """Return a conversation whose last message is the completion."""
    messages = tuple({"role": role, "content": text} for role, text in said)
    return Content("conversational", messages[:-1], messages[-1:])


def score(content: Content) -> Score:
    """Return what the rubric says of a content."""
    scorer = find_scorer("rubric", {})
    said = settled(scorer.score(Item(bytes(32), content, None, {}, fingerprint(content))), scorer.dimensions)
    assert isinstance(said, Score)
    return said


def of(dimension: str, content: Content) -> int | str:
    """Return the score from 1 to 5 of one dimension, or the reason for none."""
    said = score(content)
    return said.unscored[dimension] if dimension in said.unscored else said.dimensions[dimension] // ONE


def with_context(**changes: object) -> Content:
    """Return a call whose context differs from a full one."""
    return chat(("user", "Sum it up, please."), ("assistant", call({**FULL, **changes})))


@pytest.mark.parametrize(
    ("memory", "value"),
    [
        ("", 1),
        ("  ", 1),
        ([], 1),
        ({}, 1),
        (None, 1),
        ("none", 1),
        ("N/A.", 1),
        ("null", 1),
        ("Starting new session", 1),
        ("starting new session.", 1),
        ("User opened a note", 2),  # under 20 characters
        ("User opened a note in X", "needs_judgement"),
        (["opened a note"], "needs_judgement"),
        (7, "needs_judgement"),
    ],
)
def test_session_memory(memory: object, value: int | str) -> None:
    """Empty and placeholder are 1, under 20 characters is 2; whether a longer one is any good, code cannot tell."""
    assert of("sessionMemory_quality", with_context(sessionMemory=memory)) == value


def test_a_band_of_lengths_is_a_note_not_a_score() -> None:
    """From 20 characters on, a band is one of two conditions, so it only bounds the score."""
    assert (
        score(with_context(sessionMemory="x" * 30)).notes["sessionMemory_quality"] == "under 50 characters: at most 3"
    )
    assert (
        score(with_context(sessionMemory="x" * 70)).notes["sessionMemory_quality"] == "under 100 characters: at most 4"
    )
    assert "sessionMemory_quality" not in score(with_context(sessionMemory="x" * 100)).notes


@pytest.mark.parametrize(
    ("context", "value"),
    [
        ("", 1),
        (None, 1),
        ({"currentPath": "/"}, 1),
        (["a"], 1),
        ("N/A", 1),
        ("Read content", 1),
        ("Using the contentManager_readContent tool", 1),
        ("Reading the content before summing up", "needs_judgement"),
    ],
)
def test_tool_context(context: object, value: int | str) -> None:
    """Nothing, no text, or only the tool's name: 1."""
    assert of("toolContext_quality", with_context(toolContext=context)) == value


def test_restating_needs_a_name() -> None:
    """A tool whose name has no letters is not restated by an empty text."""
    assert restates("list directory", "vaultManager_listDirectory")
    assert not restates("", "123")
    assert not restates("list", "vaultManager_listDirectory")


@pytest.mark.parametrize(
    ("primary", "sub", "value"),
    [
        ("Sum up", "Sum up", 1),
        ("Sum  up.", "sum up", 1),
        (None, "x", 1),
        ("x", "", 1),
        ("x", {"a": 1}, 1),
        ("Sum up the project", "Read a note", "needs_judgement"),
    ],
)
def test_goals(primary: object, sub: object, value: int | str) -> None:
    """Missing or identical: 1, as the scale says (the rubric's extra rule says 2)."""
    assert of("goal_coherence", with_context(primaryGoal=primary, subgoal=sub)) == value


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        ('Result: {"ok": true}', 1),
        ("\n  Result: done", 1),
        ("**Result:** done", 1),
        ("The Result: was fine", "needs_judgement"),
        ("", "empty_prompt"),
    ],
)
def test_prompts(asked: str, value: int | str) -> None:
    """A tool's result is nothing that a person would say."""
    assert of("prompt_naturalness", chat(("user", asked), ("assistant", call()))) == value


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (chat(("user", "x"), ("assistant", call())), 1),
        (chat(("user", "x"), ("assistant", call() + '\n\nResult: {"success": true}\n\nDone.')), 1),
        (chat(("user", "x"), ("assistant", call() + '\n\nResult: {"success": true, "path": "x"}')), "needs_judgement"),
        (chat(("user", "x"), ("assistant", call() + "\n\nResult: moved two files")), "needs_judgement"),
        (chat(("user", "x"), ("assistant", "Result: 3\n" + call())), 1),  # it stands before the call
        (chat(("user", "x"), ("assistant", call()), ("tool", '{"ok": true}'), ("assistant", "Done.")), 1),
        (chat(("user", "x"), ("assistant", call()), ("tool", '{"files": 3}'), ("assistant", "3")), "needs_judgement"),
        (chat(("user", "x"), ("assistant", call()), ("user", "Result: 3"), ("assistant", "3")), "needs_judgement"),
        (chat(("user", "x"), ("assistant", "Here you are.")), "no_call"),
    ],
)
def test_results(content: Content, value: int | str) -> None:
    """No result, or a bare flag of success: 1, wherever the conversation would have it."""
    assert of("response_realism", content) == value


def test_without_a_call_there_is_nothing_to_judge() -> None:
    """Prose is not scored as a bad call."""
    said = score(chat(("user", "Result: x"), ("assistant", "Here you are.")))

    assert said.dimensions == {"prompt_naturalness": ONE}
    assert set(said.unscored.values()) == {"no_call", "needs_judgement"}


def test_a_call_that_does_not_parse() -> None:
    """Only an empty memory is seen through broken JSON."""
    broken = 'tool_call: a_b\narguments: {"context": {"sessionMemory" : "", "x": 1}, "query": 1, "query": 2'
    said = score(chat(("user", "x"), ("assistant", broken)))

    assert said.dimensions == {"sessionMemory_quality": ONE, "response_realism": ONE}
    assert said.unscored["goal_coherence"] == "unreadable_call"
    assert of("sessionMemory_quality", chat(("user", "x"), ("assistant", broken[:40]))) == "unreadable_call"


def test_a_call_without_a_context() -> None:
    """Other tools than the rubric's are left alone."""
    said = score(chat(("user", "x"), ("assistant", 'tool_call: a_b\narguments: {"x": 1}')))

    assert said.unscored["sessionMemory_quality"] == "no_context"


def test_structured_calls_are_read_like_text() -> None:
    """OpenAI's tool_calls with arguments as text hold the same context."""
    arguments = json.dumps({"context": {**FULL, "sessionMemory": ""}})
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"function": {"name": "a_b", "arguments": arguments}}],
    }

    assert of("sessionMemory_quality", Content("conversational", ({"role": "user", "content": "x"},), (message,))) == 1


def test_the_mean_stands_only_where_all_five_do() -> None:
    """Four ones and a two make 1.2; with one dimension open there is no mean."""
    context = {"sessionMemory": "User opened it", "toolContext": "", "primaryGoal": "", "subgoal": ""}

    assert score(chat(("user", "Result: x"), ("assistant", call(context)))).dimensions["overall_quality"] == 1_200_000
    assert of("overall_quality", with_context()) == "needs_judgement"


def test_it_agrees_with_people_on_real_empty_memories(data: Path) -> None:
    """Every empty memory of the real slice was scored 1 by its scorer, and is here."""
    agreed: Counter[bool] = Counter()
    for line in (data / "scored.jsonl").read_bytes().splitlines():
        read = read_line(line, FactMap())
        if not isinstance(read, Reading):
            continue
        said = score(content_of(line, read.reader))
        if said.notes.get("sessionMemory_quality", "").startswith("empty"):
            agreed[json.loads(line)["quality_scores"]["sessionMemory_quality"] == 1] += 1

    assert agreed[True] >= 5
    assert agreed[False] == 0


@pytest.mark.parametrize("piece", ["Result: [", "\nResult: {", "\nResult:", "* ", "\ntool_call: x\narguments: {", "\n"])
def test_hostile_text_takes_linear_time(piece: str) -> None:
    """A megabyte of half-finished results is done in a moment."""
    text = piece * (1_000_000 // len(piece))
    started = time.perf_counter()

    score(chat(("user", text), ("assistant", call() + "\n" + text)))
    score(chat(("user", text), ("assistant", text)))

    assert time.perf_counter() - started < 20
