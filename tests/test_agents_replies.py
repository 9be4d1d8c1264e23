"""ledger.agents.replies: reading what came, whatever it is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.agents.api import Answer
from ledger.agents.contract import BATCH, Usage
from ledger.agents.prices import find
from ledger.agents.replies import CATEGORIES, STOPS, Read, read, reply

MESSAGE: dict[str, Any] = {
    "type": "message",
    "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
    },
}
COMPLETION: dict[str, Any] = {
    "choices": [{"message": {"role": "assistant", "content": "ab", "refusal": None}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 140, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 100}},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**63) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["content", "text", "stop_reason", "usage", "choices", "message", "result", "input_tokens", "refusal"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def test_a_message() -> None:
    """Text blocks are joined, thoughts are not text, and the prompt is all that went in."""
    assert read(orjson.dumps(MESSAGE)) == Read("ab", "end_turn", Usage(140, 5, 100, 10, 20))


def test_a_completion() -> None:
    """OpenAI's form says the same in other words."""
    assert read(orjson.dumps(COMPLETION)) == Read("ab", "end_turn", Usage(140, 5, 100))


def test_a_line_of_a_batch() -> None:
    """The message inside a line of results is what is read."""
    line = {"custom_id": "k", "result": {"type": "succeeded", "message": MESSAGE}}
    assert read(orjson.dumps(line)) == read(orjson.dumps(MESSAGE))


@pytest.mark.parametrize(
    ("given_", "stop", "refusal"),
    [
        (MESSAGE | {"stop_reason": "refusal", "stop_details": {"category": "frontier_llm"}}, "refusal", "frontier_llm"),
        (MESSAGE | {"stop_reason": "refusal", "stop_details": {"category": "said by a stranger"}}, "refusal", "other"),
        (MESSAGE | {"stop_reason": "refusal"}, "refusal", None),
        (MESSAGE | {"stop_reason": "max_tokens"}, "max_tokens", None),
        (MESSAGE | {"stop_reason": "a word of tomorrow"}, "other", None),
        (MESSAGE | {"stop_reason": None}, None, None),
        (COMPLETION | {"choices": [{"finish_reason": "length", "message": {"content": "x"}}]}, "max_tokens", None),
        (COMPLETION | {"choices": [{"finish_reason": "content_filter", "message": {}}]}, "refusal", None),
        (COMPLETION | {"choices": [{"finish_reason": "stop", "message": {"refusal": "no"}}]}, "refusal", None),
        (COMPLETION | {"choices": [{"finish_reason": ["x"], "message": {}}]}, None, None),
    ],
)
def test_ends_are_told_in_one_set_of_words(given_: dict[str, Any], stop: str | None, refusal: str | None) -> None:
    """No word of a provider is passed on that this program does not know."""
    said = read(orjson.dumps(given_))
    assert (said.stop, said.refusal) == (stop, refusal)


@given(st.binary(max_size=200) | JSON.map(lambda value: orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)))
def test_no_bytes_are_too_strange(body: bytes) -> None:
    """Whatever comes is read without an error, and says only known words and possible numbers."""
    said = read(body)
    assert said.stop is None or said.stop in STOPS
    assert said.refusal is None or said.refusal in {*CATEGORIES, "other"}
    assert said.usage is None or all(number >= 0 for number in said.usage)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[" * 100_000, b'{"usage":{"input_tokens":-1,"output_tokens":1}}', b"\xff"]
)
def test_what_says_nothing_has_no_cost(body: bytes) -> None:
    """Where the tokens are not told, the cost is unknown; the bytes are kept as they came."""
    came = reply(Answer(body, {}, "req_1", 7), find("anthropic", "m", "1/1"))
    assert (came.status, came.body, came.request_id, came.milliseconds) == (200, body, "req_1", 7)
    assert (came.stop, came.usage, came.cost) == (None, None, None)


@pytest.mark.parametrize(
    "name", ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]
)
def test_more_tokens_than_there_can_be_are_no_count(name: str) -> None:
    """Then the cost is unknown, and what was set aside counts."""
    most = MESSAGE | {"usage": MESSAGE["usage"] | {name: 10**7}}
    more = MESSAGE | {"usage": MESSAGE["usage"] | {name: 10**7 + 1}}
    assert read(orjson.dumps(most)).usage is not None
    assert read(orjson.dumps(more)).usage is None
    assert reply(Answer(orjson.dumps(more), {}, None, 0), find("anthropic", "m", "1/1")).cost is None


def test_a_reply_has_its_cost_and_a_plain_name() -> None:
    """Costs are by the mode, and a request's name that is no plain word is not kept."""
    body = orjson.dumps(MESSAGE | {"usage": {"input_tokens": 10, "output_tokens": 5}})
    prices = find("anthropic", "m", "1/2")
    assert reply(Answer(body, {}, "req_1", 1), prices).cost == Decimal("0.00002")
    assert reply(Answer(body, {}, "a b\n", 1), prices, BATCH).cost == Decimal("0.00001")
    assert reply(Answer(body, {}, "a b\n", 1), prices).request_id is None
