"""ledger.agents.messages_api: Anthropic's interface through the real client, over real HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from ledger.agents.api import Held, Refused, Result
from ledger.agents.messages_api import MessagesApi
from ledger.agents.opening import Opened
from ledger.agents.replies import read
from tests.calling import call, with_opened
from tests.provider.handle import Provider

pytest_plugins = ("tests.provider.fixture",)


async def ended(api: Any, provider_id: str) -> Held:  # noqa: ANN401 - an interface
    """Wait until a batch has ended."""
    while not (held := await api.held(provider_id)).ended:  # noqa: ASYNC110 - the provider calls nobody
        await asyncio.sleep(0.02)
    assert isinstance(held, Held)
    return held


def test_counting_is_free(provider: Provider) -> None:
    """The count is the provider's own, for the prompt as it would be sent, schema and all."""

    async def use(opened: Opened) -> tuple[int | None, int]:
        request = opened.request([("rules " * 50, "1h")], '{"a":1}', {"type": "object", "properties": {}}, 20)
        answer = await opened.api.send(request)
        usage = read(answer.body).usage
        assert usage is not None
        return await opened.api.count(request), usage.prompt

    counted, used = with_opened(provider, use)
    assert counted == used
    assert provider.stats()["billed"] == 1


def test_a_temperature_goes_to_models_that_take_it(provider: Provider) -> None:
    """It is sent under the older version of the interface, which the newest models no longer have."""

    async def use(opened: Opened) -> int:
        made = opened.request([], "{}", None, 20, sampling={"temperature": 0.9})
        return len((await opened.api.send(made)).body)

    assert with_opened(provider, use, model="claude-haiku-4-5") > 0
    assert provider.requests()[0]["temperature"] == 0.9


def test_an_answer_comes_as_it_is(provider: Provider) -> None:
    """The bytes, the request's name and the headers of the limits."""

    async def use(opened: Opened) -> Any:  # noqa: ANN401 - an answer
        return await opened.api.send(call(opened, "x").request)

    answer = with_opened(provider, use)
    assert orjson.loads(answer.body)["type"] == "message"
    assert answer.request_id.startswith("req_")
    assert answer.headers["anthropic-ratelimit-requests-limit"] == "1000000"
    assert answer.milliseconds > 0


def test_batches_from_end_to_end(provider: Provider) -> None:
    """Handed in, listed, asked after, read line by line as it came, whatever became of each request."""
    faults = [{"kind": "item_errored", "match": "text 1"}, {"kind": "item_expired", "match": "text 2"}]
    provider.config(faults=faults)

    async def use(opened: Opened) -> tuple[list[Any], list[Result], list[Held], Held]:
        calls = [call(opened, f"text {number}") for number in range(4)]
        held = await opened.api.submit(calls)
        assert held.size == 4
        after = await ended(opened.api, held.id)
        results = [result async for result in opened.api.results(held.id)]
        return calls, results, [one async for one in opened.api.listed()], after

    calls, results, listed, after = with_opened(provider, use)
    by_key = {result.key: result for result in results}
    assert set(by_key) == {one.key for one in calls}
    assert dict(after.counts) == {"processing": 0, "succeeded": 2, "errored": 1, "canceled": 0, "expired": 1}
    kinds = [failure.kind if (failure := by_key[one.key].failure) else None for one in calls]
    assert kinds[0] is kinds[3] is None
    assert kinds[1] in {"server_error", "bad_request", "overloaded"}
    assert kinds[2] == "expired"
    assert read(by_key[calls[0].key].body or b"").usage is not None
    assert [one.id for one in listed] == [after.id]


def test_many_batches_are_listed_page_by_page(provider: Provider) -> None:
    """All are listed, youngest first, though a page holds a hundred."""

    async def use(opened: Opened) -> tuple[list[str], list[str]]:
        ids = [(await opened.api.submit([call(opened, f"text {number}")])).id for number in range(105)]
        return ids, [one.id async for one in opened.api.listed()]

    ids, listed = with_opened(provider, use)
    assert listed == ids[::-1]


def test_a_batch_can_be_cancelled(provider: Provider) -> None:
    """What was not answered by then is told as cancelled."""
    provider.config(batch_seconds=30)

    async def use(opened: Opened) -> list[Result]:
        held = await opened.api.submit([call(opened, "text")])
        await opened.api.cancel(held.id)
        await ended(opened.api, held.id)
        return [result async for result in opened.api.results(held.id)]

    (result,) = with_opened(provider, use)
    assert result.failure is not None
    assert (result.failure.kind, result.failure.paid) == ("canceled", False)


def test_a_lost_answer_to_a_batch_is_not_known(provider: Provider) -> None:
    """The provider holds it; here it is only known that it may."""
    provider.config(faults=["batch_lost"])

    async def use(opened: Opened) -> tuple[Any, int]:
        with pytest.raises(Refused) as lost:
            await opened.api.submit([call(opened, "text")])
        return lost.value.failure, len([one async for one in opened.api.listed()])

    failure, held = with_opened(provider, use)
    assert (failure.kind, failure.paid, held) == ("reply_lost", True, 1)


@pytest.mark.parametrize("name", ["../models", "a/b", "", "ä", "msgbatch_nothere"])
def test_what_names_no_batch_is_refused(provider: Provider, name: str) -> None:
    """Names of batches become part of an address, so none may lead elsewhere."""

    async def use(opened: Opened) -> str:
        with pytest.raises(Refused) as refused:
            await opened.api.held(name)
        with pytest.raises(Refused):
            assert not [one async for one in opened.api.results(name)]
        return refused.value.failure.kind

    assert with_opened(provider, use) == "bad_request"


def test_the_client_repeats_nothing(provider: Provider) -> None:
    """A failure is one request; whoever asks decides whether there is another."""
    provider.config(faults=["overloaded"])

    async def use(opened: Opened) -> str:
        assert isinstance(opened.api, MessagesApi)
        with pytest.raises(Refused) as refused:
            await opened.api.send(call(opened, "x").request)
        assert refused.value.__cause__ is None
        assert refused.value.headers
        return refused.value.failure.kind

    assert with_opened(provider, use) == "overloaded"
    assert provider.stats()["paths"]["POST /v1/messages"] == 1
