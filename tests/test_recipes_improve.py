"""Improving: what is wanting is asked for with its reasons, and what a reply says becomes a version, or a problem."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.digest import digest_of
from ledger.readers import content_of
from ledger.recipes import Improve, load_spec, shipped
from ledger.recipes.contract import Item, Made, Memory, Problem
from ledger.recipes.structure import same
from tests.improving import GOOD, answer, item, real, row

IMPROVE, ENHANCE = (Improve(load_spec(shipped("spec")[name], name)) for name in ("toolset-improve", "toolset-enhance"))
ONE = """
name = "one"
version = 1
purpose = "improve"
about = "one field"
output = 100
instructions = "Write better."
[field.memory]
path = "context.sessionMemory"
about = "what was done"
least = 3
most = 60
"""
WEAK = item(row(), scores={"sessionMemory_quality": "1", "goal_coherence": "2.5"}, notes={"notes": "very thin"})


def one(when: str, more: str = "") -> Improve:
    """Return an improver of one field under a condition."""
    return Improve(load_spec(f"{ONE}{more}\n[[when]]\n{when}", "one.toml"))


def asked(recipe: Improve, each: Item) -> list[str]:
    """Return the fields that a question asks for."""
    question = recipe.ask(each, Memory())
    return [] if question is None or question.schema is None else list(question.schema["properties"])


def kind(text: str, recipe: Improve = IMPROVE, each: Item = WEAK) -> str:
    """Return what comes of a reply in a word: made, or the kind of the problem."""
    read = recipe.read(each, text)
    return read.kind if isinstance(read, Problem) else "made"


def test_what_is_wanting_is_asked_for() -> None:
    """Only fields of dimensions below their line are asked for, in the order of the spec, with the reasons."""
    question = IMPROVE.ask(WEAK, Memory())

    assert asked(IMPROVE, WEAK) == ["sessionMemory", "primaryGoal", "subgoal"]
    assert question is not None
    assert "sessionMemory_quality was scored 1, below 3." in question.instructions[-1].text
    assert "goal_coherence was scored 2.5, below 3." in question.instructions[-1].text
    assert (question.instructions[0].keep, question.instructions[-1].keep) == ("1h", None)
    assert question.output == 900


def test_the_instructions_are_the_same_for_all() -> None:
    """What comes first does not depend on the sample, so that it can be cached; no word of a sample stands in it."""
    other = item(row(asked="Wholly else", sessionMemory="zebra crossing"), scores={"toolContext_quality": "1"})
    first, second = IMPROVE.ask(WEAK, Memory()), IMPROVE.ask(other, Memory())

    assert first is not None
    assert second is not None
    assert first.instructions[0] == second.instructions[0]
    assert not any("zebra" in block.text for block in second.instructions)
    assert "zebra crossing" in second.data


def test_the_data_is_the_sample_as_it_stands() -> None:
    """The data is JSON that holds the sample's own bytes, its scores and what scorers noted."""
    question = IMPROVE.ask(WEAK, Memory())

    assert question is not None
    assert WEAK.raw.decode() in question.data
    told = json.loads(question.data)
    assert told["sample"] == row()
    assert told["scores"] == WEAK.scores
    assert told["notes"] == {"notes": "very thin"}


@pytest.mark.parametrize(
    ("when", "known", "holds"),
    [
        ('dimension = "m"\nbelow = 3', {"scores": {"m": "2.999999"}}, True),
        ('dimension = "m"\nbelow = 3', {"scores": {"m": "3"}}, False),
        ('dimension = "m"\nbelow = 3', {"scores": {"m": "many"}}, False),
        ('dimension = "m"\nbelow = 3', {}, False),
        ('dimension = "m"\nbelow = 3\nmissing = true', {}, True),
        ('rule = "low_memory"', {"failed": ["other", "low_memory"]}, True),
        ('rule = "low_memory"', {"failed": ["other"]}, False),
        ('note = "placeholder"', {"notes": {"m": "It is a PLACEHOLDER."}}, True),
        ('note = "placeholder"', {"notes": {"m": "It is short."}}, False),
        ('field = "memory"\nshorter = 1', {}, True),
        ('field = "memory"\nbegins = "Result:"', {}, False),
        ("always = true", {}, True),
    ],
)
def test_each_condition(when: str, known: dict[str, object], holds: bool) -> None:  # noqa: FBT001 - an expectation
    """Scores, rules, notes and fields decide whether a field is asked for."""
    assert asked(one(when), item(row(), **known)) == (["memory"] if holds else [])


def test_a_field_that_is_not_there_is_not_asked_for() -> None:
    """Without a call there is nothing to ask; without the key only where the spec lets it be added."""
    prose = item({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})
    call = 'tool_call: f\narguments: {"context": {}}'
    bare = item({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": call}]})

    assert asked(one("always = true"), prose) == []
    assert asked(one("always = true"), bare) == []
    assert asked(one("always = true", "add = true\n"), bare) == ["memory"]
    assert kind('{"memory": "x y z"}', one("always = true"), prose) == "unknown_field"


def test_a_reply_becomes_a_version() -> None:
    """The texts stand in their fields, nothing else moved, and label and tags are those of the spec."""
    each = WEAK._replace(tags={"persona": "kim"})
    question = IMPROVE.ask(each, Memory())
    assert question is not None
    assert question.schema is not None
    made = IMPROVE.read(each, answer(question.schema))

    assert isinstance(made, Made)
    assert (made.label, made.tags) == (True, {"persona": "kim", "derivation": "improved"})
    assert IMPROVE.texts(each, made) == {name: GOOD[name] for name in ("sessionMemory", "primaryGoal", "subgoal")}
    assert IMPROVE.free(each) == {"context.sessionMemory", "context.primaryGoal", "context.subgoal"}
    after = content_of(made.content, "messages@1")
    assert same(each.content, after, IMPROVE.free(each))
    assert not same(each.content, after, {"context.sessionMemory"})


def test_a_spec_without_label_and_tags_keeps_the_parents() -> None:
    """Where a spec says nothing of them, neither does what is made."""
    made = one("always = true").read(item(row()), '{"memory": "Three notes were listed."}')

    assert isinstance(made, Made)
    assert (made.label, made.tags) == (None, None)


def test_enhancing_takes_results_out() -> None:
    """Result and prose of the source are gone; the call and all of its other bytes are there."""
    full = item(row(behind='\n\nResult: {"hits": 3}\n\nThree hits.'), scores={"toolContext_quality": "1"})
    question = ENHANCE.ask(full, Memory())
    assert question is not None
    assert question.schema is not None
    made = ENHANCE.read(full, answer(question.schema))

    assert isinstance(made, Made)
    expected = row(toolContext=GOOD["toolContext"], sessionMemory=GOOD["sessionMemory"])
    assert json.loads(made.content) == json.loads(json.dumps(expected))


def reply(**changed: object) -> str:
    """Return a reply to the question about WEAK, with some texts changed."""
    texts: dict[str, object] = {name: GOOD[name] for name in ("sessionMemory", "primaryGoal", "subgoal")}
    return json.dumps({**texts, **changed})


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({}, "made"),
        ({"sessionMemory": None}, "wrong_shape"),
        ({"toolContext": GOOD["toolContext"]}, "unknown_field"),
        ({"sessionMemory": " short "}, "too_short"),
        ({"sessionMemory": "long " * 100}, "too_long"),
        ({"sessionMemory": "[insert what was done before, with all of its details, here]"}, "placeholder"),
        ({"subgoal": "lorem ipsum dolor"}, "placeholder"),
        ({"subgoal": "…………………………"}, "placeholder"),
        ({"primaryGoal": "find the NOTES on tides!"}, "unchanged"),
        ({"subgoal": "Записать время прилива"}, "wrong_language"),
        ({"subgoal": "潮の時刻の表を一つだけ開いて見る"}, "wrong_language"),
        ({"subgoal": "Open the note \x1b[31m"}, "wrong_shape"),
        ({"subgoal": "Open \u202ethe note with tides"}, "wrong_shape"),
    ],
)
def test_what_is_wrong_with_a_text(changed: dict[str, object], problem: str) -> None:
    """Shape, length, placeholders, scripts and texts that stayed each have their word."""
    assert kind(reply(**changed)) == problem


@pytest.mark.parametrize("escaped", [True, False])
def test_a_sample_in_another_script_is_answered_in_it(escaped: bool) -> None:  # noqa: FBT001 - one of two spellings
    """Letters count as what they say, also where the sample writes them as escapes two quotings deep."""
    line = json.dumps(row(asked="潮の時刻の表", subgoal="潮の表を開く"), ensure_ascii=escaped)
    each = item(line.encode(), scores={"goal_coherence": "1", "sessionMemory_quality": "5"})
    texts = {"primaryGoal": "潮に合わせて舟を出す日を決めるため", "subgoal": "時刻の表が載った紙を一枚だけ開く"}

    assert kind(json.dumps({**texts, "sessionMemory": GOOD["sessionMemory"]}), each=each) == "made"


def test_a_result_is_the_text_of_an_object() -> None:
    """What a tool returned has to be JSON; over several lines it is written on one, its numbers as they are."""
    each = item(row(), scores={"response_realism": "1", "sessionMemory_quality": "5"})
    wanted = {name: GOOD[name] for name in ("sessionMemory", "after")}

    assert asked(IMPROVE, each) == ["sessionMemory", "result", "after"]
    for bad in ("Three hits were found.", '["three hits"]', '{"hits": 3', "{ }          "):
        assert kind(json.dumps({**wanted, "result": bad}), each=each) in {"not_json", "too_short"}
    made = IMPROVE.read(each, json.dumps({**wanted, "result": '{\n "hits": [1.10]\n}'}))
    assert isinstance(made, Made)
    assert made.content.endswith(rb"\n\nResult: {  \"hits\": [1.10] }\n\n" + GOOD["after"].encode() + b'"}]}')


def test_forbidden_phrases_are_told() -> None:
    """What the memory forbids stands in a block of its own, which may be cached for a while."""
    question = IMPROVE.ask(WEAK, Memory(200, ("the user wants to see",)), ["Too short."])

    assert question is not None
    assert [block.keep for block in question.instructions] == ["1h", "5m", None]
    assert '["the user wants to see"]' in question.instructions[1].text
    assert question.again == ["Too short."]


def test_the_digest_is_that_of_the_spec() -> None:
    """Two readings of one spec are one recipe; any change of what is told makes another."""
    text = shipped("spec")["toolset-improve"]
    recipes = [Improve(load_spec(each, "x")) for each in (text, text, text.replace("below = 3", "below = 4", 1))]
    digests = [digest_of(recipe.frozen()) for recipe in recipes]

    assert digests[0] == digests[1] != digests[2]
    assert IMPROVE.version == "1.1"


@pytest.mark.parametrize("recipe", [IMPROVE, ENHANCE], ids=lambda recipe: recipe.name)
def test_the_real_slices(recipe: Improve, data: Path) -> None:
    """Every real sample that is wanting and has a readable call gets a version in which only what was asked moved."""
    made = skipped = 0
    for each in real(data / "poor.jsonl"):
        question = recipe.ask(each, Memory())
        if question is None:
            skipped += 1
            continue
        assert question.schema is not None
        read = recipe.read(each, answer(question.schema))
        assert isinstance(read, Made), read
        assert same(each.content, content_of(read.content, "messages@1"), recipe.free(each))
        assert recipe.texts(each, read) == {name: GOOD[name] for name in question.schema["required"]}
        made += 1
    assert made > 50
    assert made + skipped == 60
