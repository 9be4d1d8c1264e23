"""ledger.agents.chat_api: servers that speak as OpenAI does, through the real `openai` client."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import orjson

from ledger.agents.budget import Budget
from ledger.agents.chat_api import completion
from ledger.agents.layout import request
from ledger.agents.live import Live
from ledger.agents.opening import Opened, open_backend
from ledger.agents.profiles import shipped
from ledger.agents.replies import read
from tests.calling import Notes, Ran, call, collected, each
from tests.provider.handle import Provider

pytest_plugins = ("tests.provider.fixture",)

SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}


def ran(provider: Provider, model: str, texts: list[str], **options: Any) -> Ran:  # noqa: ANN401 - options of open_backend
    """Ask about texts."""

    async def run() -> Ran:
        given: dict[str, Any] = {"budget": Budget(Decimal(10))} | options
        async with open_backend("openai", model, base_url=provider.chat_url, **given) as opened:
            assert isinstance(opened.backend, Live)
            calls = [asked(opened, text) for text in texts]
            return await collected(opened.backend, each(calls), Notes())

    def asked(opened: Opened, text: str) -> Any:  # noqa: ANN401 - a call
        made = call(opened, text)
        return made._replace(request=opened.request([("Rules.", "1h")], orjson.dumps(text).decode(), SCHEMA, 200))

    return asyncio.run(run())


def test_calls_are_answered_as_anywhere(provider: Provider) -> None:
    """The same backend, journal and budget; the answer keeps the schema, and its cost is what was billed."""
    came = ran(provider, "gpt-5-mini", [f"text {number}" for number in range(20)])
    assert came.error is None
    said = [read(outcome.reply.body) for outcome in came.outcomes if outcome.reply]
    assert [one.stop for one in said] == ["end_turn"] * 20
    assert all(orjson.loads(one.text)["answer"] for one in said)
    assert came.budget.spent == provider.usd() > 0


def test_a_server_of_ones_own(provider: Provider) -> None:
    """A model that nobody knows is told the schema in words, and costs what the user says."""
    came = ran(provider, "local-model", ["text"], price="0/0")
    assert came.error is None
    assert came.budget.spent == 0
    assert "JSON schema" in provider.requests()[0]["messages"][1]["content"]


def test_limits_are_read_from_other_headers(provider: Provider) -> None:
    """Two buckets, for requests and for tokens of both kinds; nothing that they would refuse is sent."""
    provider.config(rpm=1200, otpm=4_000_000, itpm=10_000_000, latency=0.02)
    came = ran(provider, "gpt-5-mini", [f"text {number}" for number in range(60)])
    assert len([outcome for outcome in came.outcomes if outcome.reply]) == 60
    assert came.notes.failures() == {}
    assert set(provider.stats()["statuses"]) == {"200"}


def test_a_request_in_their_words() -> None:
    """Instructions in one message, what a model takes in their names, the schema where the model is held to it."""
    profile = shipped("openai", "gpt-5-mini")
    made = request([("a", "1h"), ("b", None)], "{}", SCHEMA, 100, profile)
    sent = completion(made, own_address=True)
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    assert sent["messages"][0]["content"] == "a\n\nb"
    assert sent["max_completion_tokens"] == made["max_tokens"]
    assert sent["reasoning_effort"] == "low"
    assert sent["response_format"]["json_schema"]["strict"] is True
    assert {"thinking", "max_tokens", "system"} & set(sent) == set()
    warm = request([], "{}", None, 5, shipped("openai", "local"), sampling={"temperature": 0.5})
    assert completion(warm, own_address=False) == {
        "model": "local",
        "messages": [{"role": "user", "content": warm["messages"][0]["content"][0]["text"]}],
        "max_tokens": 5,
        "temperature": 0.5,
    }
