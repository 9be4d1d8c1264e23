"""Work that ends before its time: nothing waits for ever, nothing new is sent, and nothing erased is sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.agents.api import Answer, Held, Refused, Result
from ledger.agents.batch import Batches, Open, Sent, Settings
from ledger.agents.budget import Budget
from ledger.agents.contract import Call, Failure, Stopped
from ledger.agents.governor import Governor
from ledger.agents.live import Live
from ledger.agents.prices import find
from ledger.agents.profiles import ANTHROPIC
from ledger.digest import blake3_bytes
from ledger.verbs.asking import Engine
from ledger.verbs.engine import How, Past
from tests.batching import BatchNotes
from tests.calling import each
from tests.provider.handle import Provider
from tests.provider.jobs import CAMPAIGN, MODEL, SPEC, job
from tests.small import chat, write
from tests.working import Through, body, clearer, spec_file

pytest_plugins = ("tests.provider.fixture",)

SOON = 5.0
"""Seconds in which work has ended that is to end at once."""
PRICES = find(ANTHROPIC, "m", "2/10")
QUICK = Settings(linger=0.05, wait=lambda _look: 0.02)
_TOO_MANY = 100


class Api:
    """A provider in this process: it answers as a model of `tests.working`, and keeps batches until they are told."""

    provider = ANTHROPIC
    profile = None
    address = "here"

    def __init__(self, *, takes: float = 0.0, ends: bool = True, refuses: bool = False) -> None:
        """Take so many seconds for an answer; end batches, or not, or refuse to tell of them."""
        self.takes, self.ends, self.refuses = takes, ends, refuses
        self.on_send: Callable[[], None] = lambda: None
        self.sent: list[str] = []
        self.batches: dict[str, list[Call]] = {}
        self.forgets = False

    async def send(self, request: Mapping[str, Any]) -> Answer:
        """Answer."""
        self.sent.append(json.dumps(dict(request)))
        await asyncio.sleep(self.takes)
        self.on_send()
        said = clearer(Call("", request, b""), 1) if "data" in request["messages"][0] else "{}"
        return Answer(body(said), {}, None, 1)

    async def submit(self, calls: list[Call]) -> Held:
        """Take a batch."""
        self.sent += [json.dumps(dict(call.request)) for call in calls]
        name = f"b{len(self.batches)}"
        self.batches[name] = list(calls)
        return Held(name, ended=False, counts={}, created="")

    async def held(self, name: str) -> Held:
        """Tell of a batch."""
        await asyncio.sleep(0.1)
        if self.forgets:
            raise Refused(Failure("bad_request", "there is no such batch", 404))
        if self.refuses:
            raise Refused(Failure("not_allowed", "the key was withdrawn", 401))
        return Held(name, self.ends, {}, "")

    async def listed(self) -> AsyncIterator[Held]:
        """Tell of no batch."""
        none: list[Held] = []
        for one in none:
            yield one

    async def results(self, name: str) -> AsyncIterator[Result]:
        """Tell the results of a batch."""
        for call in self.batches[name]:
            yield Result(call.key, body(clearer(call, 1)), None)


def call(number: int) -> Call:
    """Return a call of its own."""
    digest = blake3_bytes(str(number).encode())
    return Call(digest.hex(), {"max_tokens": 100, "system": [], "messages": [{"n": number}]}, digest)


LIVE, BATCHED = PRICES.worst(call(1).request), PRICES.worst(call(1).request, mode="batch")


def backend(api: Any, budget: Budget, known: Mapping[str, Open] | None = None, most: int = 50) -> Batches:  # noqa: ANN401 - an Api
    """Return a backend that asks in batches."""
    live = Live(api, Governor(1), budget, PRICES)
    return Batches(api, live, budget, PRICES, known=known or {}, settings=QUICK._replace(most=most))


async def first_then_nothing(many: int) -> AsyncIterator[Call]:
    """Yield so many calls, and keep whoever asks for more waiting."""
    for number in range(many):
        yield call(number)
    await asyncio.sleep(_TOO_MANY)


async def left(made: Batches, many: int, after: float) -> bool:
    """Run calls, leave after some seconds, and say whether it ended soon."""

    async def go() -> None:
        async for _ in made.run(first_then_nothing(many), BatchNotes()):
            pass

    going = asyncio.create_task(go())
    await asyncio.sleep(after)
    going.cancel()
    done, _ = await asyncio.wait([going], timeout=SOON)
    return bool(done)


def test_after_leaving_no_batch_is_handed_in() -> None:
    """Whoever leaves while the first call is under way sends nothing after it."""
    api = Api(takes=0.5)
    assert asyncio.run(left(backend(api, Budget(None)), 40, 0.2))
    assert (len(api.sent), api.batches) == (1, {})


def test_leaving_ends_a_wait_for_money() -> None:
    """The first call waits for what a batch of an earlier run has set aside: that is no reason to stay."""
    api = Api(ends=False)
    known = {"aa": Open("b9", {call(0).key: Sent(1, LIVE), call(1).key: Sent(1, LIVE)})}
    assert asyncio.run(left(backend(api, Budget(3 * LIVE, 2 * LIVE + LIVE / 2), known), 6, 0.5))
    assert api.sent == []


def test_a_lane_that_was_stopped_keeps_no_other_waiting() -> None:
    """The key is withdrawn while a batch waits, whose money is never given back: the lane that waits for it ends."""
    api = Api(refuses=True)
    budget = Budget(2 * BATCHED + LIVE)
    made = backend(api, budget, most=3)

    async def go() -> None:
        async for _ in made.run(each([call(number) for number in range(7)]), BatchNotes()):
            pass

    with pytest.raises(Stopped, match="key was withdrawn"):
        asyncio.run(asyncio.wait_for(go(), SOON))
    assert budget.spent + budget.reserved <= budget.cap  # type: ignore[operator]


@pytest.mark.parametrize("mode", ["live", "batch"])
def test_what_is_withheld_costs_nothing(mode: str) -> None:
    """A journal that says no: no request, no money, and an outcome without a reply and without a failure."""
    api, budget, notes = Api(), Budget(Decimal(1)), BatchNotes()
    notes.withheld = {call(number).key for number in range(6) if number % 2}
    made = backend(api, budget)

    async def go() -> list[tuple[int, bool]]:
        run = (made if mode == "batch" else made.live).run(each([call(number) for number in range(6)]), notes)
        return [(outcome.attempts, outcome == outcome._replace(reply=None, failure=None)) async for outcome in run]

    api.forgets = True
    if mode == "batch":
        with pytest.raises(Stopped):
            asyncio.run(go())
    else:
        assert sorted(asyncio.run(go())) == [(0, True)] * 3 + [(1, False)] * 3
    assert sorted(json.loads(one)["messages"][0]["n"] for one in api.sent) == [0, 2, 4]
    assert budget.reserved == (2 * BATCHED if mode == "batch" else 0)  # of the batch that nobody tells of


@pytest.mark.parametrize("mode", ["live", "batch"])
def test_nothing_is_sent_after_its_erasure(ledger: Ledger, tmp_path: Path, mode: str) -> None:
    """A sample is erased while the first call is under way: its text was read already, and is not sent."""
    rows = [chat(f"what about SECRET{number} things", f"answer {number}") for number in range(4)]
    ledger.ingest([write(tmp_path / "in.jsonl", *rows)], campaign="c")
    api = Api()

    def erase() -> None:
        if len(api.sent) == 1:
            with Ledger.open(tmp_path / "ledger.db") as other:
                found = [one["sample"] for one in other.find(limit=9)["samples"]]
                secret = next(one for one in found if "SECRET2" in json.dumps(other.show(one)["content"]))
                other.erase([secret], reason="asked to be forgotten", authority="ticket 1", yes=True)

    api.on_send = erase

    @asynccontextmanager
    async def opener(how: How, past: Past) -> AsyncIterator[tuple[Engine, Mapping[str, str]]]:
        made = backend(api, Budget(how.budget, past.spent))
        yield Through(made if mode == "batch" else made.live), PRICES.frozen()

    done = ledger.improve(spec_file(tmp_path), campaign="c", model="m", mode=mode, opener=opener)
    assert (done["accepted"], done["by_failure"]) == (3, {"erased": 1})
    assert len(api.sent) == 3
    assert not any("SECRET2" in one for one in api.sent)
    assert ledger.verify()["ok"]


def test_a_batch_in_which_the_credit_ends_stops_the_work(provider: Provider, tmp_path: Path) -> None:
    """One result of a batch says so, and no exception does: the work ends, and the same command goes on with it."""
    made = job(tmp_path, 12, SPEC)
    provider.config(faults=[{"kind": "item_unpaid", "times": 1}])
    how = {"campaign": CAMPAIGN, "model": MODEL, "mode": "batch", "base_url": provider.url}
    with Ledger.open(made.ledger) as ledger:
        first = ledger.improve(made.spec, **how)
        assert (first["stopped"], first["failed"]) == ("spend_limit", 0)
        assert first["left"] > 0
        provider.config(faults=[])
        again = ledger.improve(made.spec, **how)
        assert (again["stopped"], again["accepted"] + again["reused"]) == (None, 12)
