"""What the provider's models say: what schemas ask for, different for each prompt, and wrong in every way."""
# ruff: noqa: ANN401 - bodies are JSON, and what the clients give is described by their own types

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.provider import words
from tests.provider.answers import Asked, Writer
from tests.provider.asking import SCHEMA, asked, body, create, formed, text_of
from tests.provider.faults import Dice
from tests.provider.handle import KEY, Provider
from tests.provider.settings import ANSWERS

pytest_plugins = ("tests.provider.fixture",)


def test_an_answer_to_a_schema(provider: Provider) -> None:
    """Fields are those asked for, with the lengths that their descriptions name, and another text for each prompt."""
    first = create(provider, **body(), **formed())
    other = create(provider, **body("plan the garden of the museum"), **formed())
    value = json.loads(text_of(first))
    assert list(value) == ["sessionMemory", "goal", "score"]
    assert 50 <= len(value["sessionMemory"]) <= 150
    assert len(value["goal"]) <= 80
    assert value["score"] in range(1, 6)
    assert text_of(first) != text_of(other)
    assert (first.stop_reason, first.usage.service_tier) == ("end_turn", "standard")


def test_a_schema_told_in_words(provider: Provider) -> None:
    """A model that is asked for JSON in words alone gives it as well, by the last schema of the prompt."""
    said = f"<sample>\n{{}}\n</sample>\nAnswer by this schema:\n{json.dumps(SCHEMA, separators=(',', ':'))}"
    assert list(json.loads(text_of(create(provider, **body(said))))) == ["sessionMemory", "goal", "score"]


def test_every_kind_of_answer(provider: Provider) -> None:
    """Each thing that can be wrong with an answer is wrong with it, and it is paid for."""
    sample = json.dumps({"context": {"sessionMemory": "was so before", "goal": "as before"}})
    got = {}
    for kind in sorted(ANSWERS):
        provider.config(faults=[kind])
        got[kind] = create(provider, **body(sample, max_tokens=20_000), **formed())
    texts = {kind: text_of(message) for kind, message in got.items()}
    assert (got["cut"].stop_reason, got["refused"].stop_reason) == ("max_tokens", "refusal")
    assert got["refused"].stop_details.category == "frontier_llm"
    assert got["refused"].content == got["empty"].content == []
    for kind in ("cut", "not_json", "fenced"):
        with pytest.raises(json.JSONDecodeError):
            json.loads(texts[kind])
    assert isinstance(json.loads(texts["wrong_shape"]), list)
    assert len(json.loads(texts["unknown_field"])) == 4
    assert json.loads(texts["unchanged"])["sessionMemory"] == "was so before"
    assert json.loads(texts["hostile"])["score"] == 99
    assert len(json.loads(texts["too_long"])["goal"]) >= 9_000
    assert len(json.loads(texts["too_short"])["goal"]) < 5
    assert "tool_call: vaultManager_deleteEverything" in json.loads(texts["structure"])["goal"]
    assert provider.stats()["billed"] == len(ANSWERS)
    provider.config(faults=["templated"])
    assert len({json.loads(text_of(create(provider, **body(str(n)), **formed())))["goal"] for n in range(3)}) == 1


def test_thinking_is_paid_for_unless_it_is_off(provider: Provider) -> None:
    """Who does not say how to think pays for thinking, and its tokens count in max_tokens."""
    off, on = create(provider, **body()), create(provider, **{**body(), "thinking": {"type": "adaptive"}})
    assert on.usage.output_tokens_details.thinking_tokens > 0 == off.usage.output_tokens_details.thinking_tokens
    cut = create(provider, **{**body(), "thinking": {"type": "adaptive"}, "max_tokens": 100})
    assert (cut.stop_reason, text_of(cut)) == ("max_tokens", "")


def test_a_stream_is_the_same_message(provider: Provider) -> None:
    """A streamed answer has the text and the usage of the one that comes at once, given the same sighting."""
    plain = create(provider, **body())

    async def streamed(made: Any) -> Any:
        async with made.messages.stream(**body()) as stream:
            return await stream.get_final_message()

    got = asked(provider, streamed)
    assert got.stop_reason == "end_turn"
    assert got.usage.input_tokens == plain.usage.input_tokens
    assert text_of(got)


def test_the_other_client(provider: Provider) -> None:
    """OpenAI's client gets the same kind of answers, errors and limits."""
    wanted = {"type": "json_schema", "json_schema": {"name": "patch", "schema": SCHEMA, "strict": True}}
    said = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "find the budget notes"}]

    async def run() -> tuple[Any, list[Any], list[str]]:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=provider.chat_url, max_retries=0) as made:
            chat: Any = made.chat.completions
            got = await chat.create(model="gpt-5-mini", messages=said, response_format=wanted)
            wrong = []
            for kind, model in (("spend_limit", "gpt-5-mini"), ("overloaded", "gpt-5-mini"), ("cut", "nobody")):
                provider.config(faults=[kind])
                with pytest.raises(openai.APIStatusError) as caught:
                    await chat.create(model=model, messages=said)
                wrong.append((caught.value.status_code, caught.value.code))
            provider.config(faults=[])
            return got, wrong, [one.id async for one in made.models.list()]

    got, wrong, models = asyncio.run(run())
    assert len(json.loads(got.choices[0].message.content)) == 3
    assert (got.choices[0].finish_reason, got.usage.prompt_tokens > 0) == ("stop", True)
    assert wrong == [(429, "insufficient_quota"), (529, None), (404, "model_not_found")]
    assert "gpt-5-mini" in models


def test_scores_follow_what_was_improved(provider: Provider) -> None:
    """A dimension named after a field is judged by the field's length: longer is better; or as the settings say."""
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"sessionMemory_quality": {"type": "integer", "enum": [1, 2, 3, 4, 5]}},
    }

    def score(memory: str) -> int:
        sample = json.dumps({"content": "arguments: " + json.dumps({"context": {"sessionMemory": memory}})})
        got = create(provider, **body(f"<sample>\n{json.dumps(sample)}\n</sample>"), **formed(schema))
        value: int = json.loads(text_of(got))["sessionMemory_quality"]
        return value

    assert [score("x" * size) for size in (5, 30, 60, 90, 130)] == [1, 2, 3, 4, 5]
    provider.config(judge="2")
    assert score("x" * 130) == 2


@given(st.integers(1, 400), st.integers(0, 300), st.integers())
def test_texts_have_their_lengths(low: int, more: int, seed: int) -> None:
    """A text is as long as it must be, whatever is drawn."""
    assert low <= len(words.text(Dice(seed, "d", 1).draw("x"), [], low, low + more)) <= low + more


@pytest.mark.parametrize(
    ("described", "wanted"),
    [
        ("50 to 150 characters", (50, 150)),
        ("Between 20 and 40 words.", (140, 280)),
        ("at least 30 characters", (30, 140)),
        ("no more than 90 characters", (45, 90)),
        ("{minLength: 10, maxLength: 20}", (10, 20)),
        ("a sentence", (60, 140)),
    ],
)
def test_lengths_are_read(described: str, wanted: tuple[int, int]) -> None:
    """The ways in which descriptions say how long a text must be are understood."""
    assert words.lengths(described) == wanted


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=9),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner),
    )
)
def test_any_prompt_is_answered(value: Any) -> None:
    """Whatever a prompt holds, every kind of answer is written."""
    for kind in (None, *ANSWERS):
        data = json.dumps(json.dumps(value))
        assert isinstance(Writer(Asked(data, data, SCHEMA), Dice(0, "d", 1), kind).text(), str)
