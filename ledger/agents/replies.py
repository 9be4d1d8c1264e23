"""Reading the bytes of a reply: its text, why it ends, what it used. They are a stranger's; nothing here ever raises.

Three forms are read: a message, a completion as OpenAI's interface answers it, and a line of a batch's results.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from ledger.agents.api import Answer
from ledger.agents.contract import LIVE, Reply, Usage
from ledger.agents.prices import Prices

END, CUT, REFUSAL, OTHER = "end_turn", "max_tokens", "refusal", "other"
STOPS = frozenset(
    {END, CUT, REFUSAL, OTHER, "stop_sequence", "tool_use", "pause_turn", "model_context_window_exceeded"}
)
"""The words that a reply's end is told in, whichever provider's it is; `other` stands for any word that is not here."""
CATEGORIES = frozenset({"cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms"})

_CHAT_STOPS: Mapping[str, str] = MappingProxyType(
    {
        "stop": END,
        "length": CUT,
        "content_filter": REFUSAL,
        "tool_calls": "tool_use",
        "function_call": "tool_use",
    }
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
MOST_TOKENS = 10**7
"""Tokens of each kind that a reply can have used: ten times what any model takes. More is no count."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Read(NamedTuple):
    """What a reply says: its text ("" where there is none), one of STOPS, its tokens, and why it was refused if it was.

    `stop` and `usage` are None where the bytes do not say.
    """

    text: str
    stop: str | None
    usage: Usage | None
    refusal: str | None = None


def read(body: bytes) -> Read:
    """Return what the bytes of a reply say; what they do not say is missing, whatever they are."""
    try:
        value = _object(orjson.loads(body))
    except orjson.JSONDecodeError:
        return Read("", None, None)
    value = _object(_object(value.get("result")).get("message")) or value
    return _completion(value) if "choices" in value else _message(value)


def reply(answer: Answer, prices: Prices, mode: str = LIVE) -> Reply:
    """Return what a journal is told of an answer."""
    said = read(answer.body)
    cost = None if said.usage is None else prices.cost(said.usage, mode)
    return Reply(200, answer.body, request_id(answer.request_id), answer.milliseconds, said.stop, said.usage, cost)


def request_id(text: str | None) -> str | None:
    """Return a provider's name of a request, or None where it is not the plain word that it should be."""
    return text if text is not None and _REQUEST_ID.fullmatch(text) else None


def _message(value: Mapping[str, Any]) -> Read:
    blocks = [_object(block) for block in _list(value.get("content"))]
    text = "".join(block["text"] for block in blocks if isinstance(block.get("text"), str))
    stop = _word(value.get("stop_reason"), STOPS)
    category = _word(_object(value.get("stop_details")).get("category"), CATEGORIES)
    return Read(text, stop, _message_usage(_object(value.get("usage"))), category if stop == REFUSAL else None)


def _message_usage(usage: Mapping[str, Any]) -> Usage | None:
    plain, output = _count(usage, "input_tokens"), _count(usage, "output_tokens")
    if plain is None or output is None:
        return None
    created = _object(usage.get("cache_creation"))
    read_, written = _count(usage, "cache_read_input_tokens") or 0, _count(usage, "cache_creation_input_tokens") or 0
    longer = min(_count(created, "ephemeral_1h_input_tokens") or 0, written)
    if _too_many(usage, "cache_read_input_tokens", "cache_creation_input_tokens"):
        return None
    return Usage(plain + read_ + written, output, read_, written - longer, longer)


def _completion(value: Mapping[str, Any]) -> Read:
    choice = _object(next(iter(_list(value.get("choices"))), None))
    message = _object(choice.get("message"))
    content = message.get("content")
    stop = _word(_CHAT_STOPS.get(str(choice.get("finish_reason")), choice.get("finish_reason")), STOPS)
    if message.get("refusal"):
        stop = REFUSAL
    usage = _completion_usage(_object(value.get("usage")))
    return Read(content if isinstance(content, str) else "", stop, usage)


def _completion_usage(usage: Mapping[str, Any]) -> Usage | None:
    prompt, output = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    if prompt is None or output is None:
        return None
    cached = _count(_object(usage.get("prompt_tokens_details")), "cached_tokens") or 0
    return Usage(prompt, output, min(cached, prompt))


def _too_many(value: Mapping[str, Any], *names: str) -> bool:
    """Say whether more tokens stand anywhere than a reply can have used: then nothing that it counts is believed."""
    return any(type(value.get(name)) is int and value[name] > MOST_TOKENS for name in names)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NOTHING


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _word(value: object, words: frozenset[str]) -> str | None:
    """Return a word that is known, `other` for one that is not, None for none."""
    if not isinstance(value, str):
        return None
    return value if value in words else OTHER


def _count(value: Mapping[str, Any], name: str) -> int | None:
    """Return a number of tokens, or None where none stands there that a reply could have."""
    number = value.get(name)
    return number if type(number) is int and 0 <= number <= MOST_TOKENS else None
