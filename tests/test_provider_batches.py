"""The provider's batches: told apart by id, cold inside, found again when a reply was lost, paid for by half."""
# ruff: noqa: ANN401 - bodies are JSON, and what the clients give is described by their own types

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import anthropic
import pytest

from tests.provider.asking import LONG, asked, body, create, formed, text_of
from tests.provider.handle import Provider

pytest_plugins = ("tests.provider.fixture",)


def test_a_batch(provider: Provider) -> None:
    """Forty requests: told apart by id, in an order of their own, at half the price, with the answers of live ones."""
    sent: list[dict[str, Any]] = [
        {"custom_id": f"{n:064x}", "params": {**body(f"question {n}"), **formed()}} for n in range(40)
    ]
    sent[7]["params"]["model"] = "claude-4-nobody"
    live = text_of(create(provider, **sent[3]["params"]))
    price = provider.usd()
    provider.reset(
        faults=[{"kind": "item_expired", "match": "question 11"}, {"kind": "item_errored", "match": "question 12"}]
    )

    async def run(made: Any) -> tuple[Any, Any, list[Any]]:
        batch = await made.messages.batches.create(requests=sent)
        ended = await _ended(made, batch.id)
        return batch, ended, [one async for one in await made.messages.batches.results(batch.id)]

    batch, ended, results = asked(provider, run)
    assert (batch.processing_status, batch.request_counts.processing, batch.results_url) == ("in_progress", 40, None)
    assert ended.request_counts.model_dump() == {
        "processing": 0,
        "succeeded": 37,
        "errored": 2,
        "canceled": 0,
        "expired": 1,
    }
    assert [one.custom_id for one in results] != sorted(one.custom_id for one in results)
    by_id = {one.custom_id: one.result for one in results}
    assert by_id[sent[7]["custom_id"]].error.error.type == "not_found_error"
    assert text_of(by_id[sent[3]["custom_id"]].message) == live
    stats = provider.stats()
    assert (stats["billed"], stats["batches"]) == (37, 1)
    entry = [Decimal(one["usd"]) for one in provider.billed().values() if Decimal(one["usd"]) * 2 == price]
    assert entry


async def _ended(made: Any, name: str) -> Any:
    for _ in range(2_000):
        batch = await made.messages.batches.retrieve(name)
        if batch.processing_status == "ended":
            return batch
        await asyncio.sleep(0.01)
    raise AssertionError("the batch does not end")


def test_a_batch_is_cold(provider: Provider) -> None:
    """Within a batch nothing that it writes is read; after a stub with the same prefix everything is."""
    sent = [{"custom_id": f"n{n}", "params": body(f"q{n}", system=LONG)} for n in range(10)]

    async def reads(made: Any, requests: list[Any]) -> list[int]:
        batch = await made.messages.batches.create(requests=requests)
        await _ended(made, batch.id)
        results = [one async for one in await made.messages.batches.results(batch.id)]
        return [one.result.message.usage.cache_read_input_tokens for one in results]

    assert set(asked(provider, lambda made: reads(made, sent))) == {0}
    provider.reset()
    asked(provider, lambda made: reads(made, [{"custom_id": "stub", "params": body("stub", system=LONG)}]))
    assert min(asked(provider, lambda made: reads(made, sent))) > 1_024


def test_batches_that_are_lost_cancelled_and_listed(provider: Provider) -> None:
    """A lost reply leaves a batch that can be found by listing; a cancelled one costs nothing; pages are walked."""
    sent = [{"custom_id": f"n{n}", "params": body(f"q{n}")} for n in range(5)]
    provider.config(faults=[{"kind": "batch_lost", "most": 1}], batch_seconds=3)

    async def run(made: Any) -> tuple[list[Any], Any]:
        with pytest.raises(anthropic.APIConnectionError):
            await made.messages.batches.create(requests=sent)
        for size in (1, 2, 3):
            last = await made.messages.batches.create(requests=sent[:size])
        await made.messages.batches.cancel(last.id)
        listed = [one async for one in made.messages.batches.list(limit=2)]
        return listed, await _ended(made, last.id)

    listed, cancelled = asked(provider, run)
    assert [one.request_counts.processing for one in listed] == [3, 2, 1, 5]
    assert (cancelled.request_counts.canceled, cancelled.cancel_initiated_at is not None) == (3, True)
    assert provider.stats()["batches"] == 4


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "ü"])
def test_ids_of_a_batch(provider: Provider, name: str) -> None:
    """Ids that do not match the pattern are refused, and so are those that stand twice."""
    for ids in ([name], ["twice", "twice"], []):
        sent = [{"custom_id": one, "params": body()} for one in ids]

        async def made_of(made: Any, requests: list[dict[str, Any]] = sent) -> None:
            await made.messages.batches.create(requests=requests)

        with pytest.raises(anthropic.BadRequestError):
            asked(provider, made_of)
    assert provider.stats()["batches"] == 0
