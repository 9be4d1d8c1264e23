"""How near to a provider's limits a job comes, and at what price: this program's governor beside what scripts do.

    python -m bench.governor [--full] [--only plain,halved,outage] [--with governor,...] [--json]

Each strategy asks a provider of its own (tests.provider: real HTTP, three buckets, drawn latency), all of a scenario at
the same time. Limits are those of a new account: 1,000 requests, 2 million tokens in and 400,000 out in a minute, 385
in and 425 out for each row, so that output binds at 15.7 rows a second. Scenarios: `plain`; `halved`, where all limits
are halved in the middle; `outage`, where everything is answered 529 for a while, 1 % at all times, and 0.5 % of the
replies are lost. A row fails when whoever asks gives it up. Short runs by default; --full is 90 seconds at a median of
2.4 seconds for an answer.

The share of the limit is counted by the provider: tokens answered over tokens allowed, from the end of the warm-up to
the last second, without the outage and ten seconds after it; more than all of it is what a full bucket gives away, or
what is charged only when it is answered. `back after` is how many seconds after the outage, taken three at a time,
nine tenths of the limit are reached again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import anthropic

from bench.measure import percentile
from ledger.agents.budget import Budget
from ledger.agents.contract import Call, Failure, Reply
from ledger.agents.opening import open_backend
from tests.provider.handle import KEY, Provider

MODEL = "claude-haiku-5-5"
LIMITS = {"rpm": 1_000, "itpm": 2_000_000, "otpm": 400_000}
TOKENS = {"input_tokens": 385, "output_tokens": 425}
_LOST = [{"kind": "overloaded", "share": 0.01}, {"kind": "drop_after", "share": 0.005}]
_AFTER = 10
_START, _LEAST, _MOST, _EPISODE = 20, 10, 100, 15.0


class Length(NamedTuple):
    """How long a scenario runs, in seconds, and the median latency of its provider."""

    run: float
    warm: float
    latency: float
    outage: tuple[float, float]


SHORT = Length(50, 12, 1.2, (18, 26))
FULL = Length(90, 20, 2.4, (35, 55))


class Rows:
    """The rows of one strategy: given out until the time is over, and what became of each."""

    def __init__(self, length: Length) -> None:
        """Start the clock."""
        self.length = length
        self.began = time.monotonic()
        self.given = self.ok = self.failed = 0
        self.took: list[float] = []

    def next(self) -> dict[str, Any] | None:
        """Return the body of the next row, or None when the time is over."""
        if time.monotonic() - self.began >= self.length.run:
            return None
        self.given += 1
        said = [{"role": "user", "content": f"row {self.given}"}]
        return {"model": MODEL, "max_tokens": 600, "messages": said, "thinking": {"type": "disabled"}}

    def ended(self, began: float, *, ok: bool) -> None:
        """Hear what became of a row."""
        self.took.append(time.monotonic() - began)
        self.ok += ok
        self.failed += not ok


class Measured(NamedTuple):
    """What a strategy did in a scenario."""

    scenario: str
    strategy: str
    rows: int
    rows_per_second: float
    share_of_limit: float
    refused_per_100: float
    refused: int
    failed: int
    paid_twice: int
    p95_seconds: float
    back_after: int | None


Strategy = Callable[[Provider, Rows], Coroutine[None, None, None]]


class Unheard:
    """A journal that keeps nothing: what is measured is the asking."""

    async def sent(self, call: Call, attempt: int, reserved: Decimal, batch: str | None = None) -> bool:  # noqa: ARG002 - a Journal's
        """Forget it."""
        return True

    async def replied(self, call: Call, attempt: int, reply: Reply) -> None:
        """Forget it."""

    async def failed(self, call: Call, attempt: int, failure: Failure) -> None:
        """Forget it."""

    async def submitted(self, batch: str, calls: int, provider_id: str, *, adopted: bool) -> None:
        """Forget it."""


async def governor(provider: Provider, rows: Rows) -> None:
    """Ask as this program does."""
    began: dict[str, float] = {}

    async def calls() -> AsyncIterator[Call]:
        while (body := rows.next()) is not None:
            key = f"{rows.given:064x}"
            began[key] = time.monotonic()
            yield Call(key, body, bytes.fromhex(key))

    async with open_backend("anthropic", MODEL, base_url=provider.url, budget=Budget(None)) as opened:
        async for outcome in opened.backend.run(calls(), Unheard()):
            rows.ended(began[outcome.call.key], ok=outcome.reply is not None)


def pool(workers: int) -> Strategy:
    """Return the strategy of so many workers, each of whom asks again and again, with the client's own retries."""

    async def ask(provider: Provider, rows: Rows) -> None:
        async with client(provider) as made:
            await asyncio.gather(*(_worker(made, rows) for _ in range(workers)))

    return ask


async def sequential(provider: Provider, rows: Rows) -> None:
    """Ask for one row after another, and sleep for a second after each."""
    async with client(provider) as made:
        await _worker(made, rows, pause=1.0)


async def aimd(provider: Provider, rows: Rows) -> None:
    """Ask for as many at a time as went well so far: one in twenty more each round, a fifth less when refused."""
    state = _Window()
    async with client(provider, retries=0) as made:
        flights: set[asyncio.Task[None]] = set()
        while (body := rows.next()) is not None:
            while len(flights) >= int(state.size):
                _, flights = await asyncio.wait(flights, return_when=asyncio.FIRST_COMPLETED)
            flights.add(asyncio.create_task(_again_and_again(made, rows, body, state)))
        await asyncio.gather(*flights)


STRATEGIES: dict[str, Strategy] = {
    "governor": governor,
    "fixed 20": pool(20),
    "fixed 100": pool(100),
    "aimd": aimd,
    "sequential": sequential,
}


class _Window:
    """How many requests may be under way where limits are not known."""

    def __init__(self) -> None:
        self.size = float(_START)
        self._shrunk = 0.0

    def refused(self) -> None:
        """Shrink, once in a while."""
        if time.monotonic() - self._shrunk > _EPISODE:
            self._shrunk = time.monotonic()
            self.size = max(_LEAST, self.size * 0.8)

    def went_well(self) -> None:
        """Grow by a twentieth for each round."""
        self.size = min(_MOST, self.size + 0.05)


@asynccontextmanager
async def client(provider: Provider, retries: int = 2) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """Yield the provider's own client."""
    async with anthropic.AsyncAnthropic(api_key=KEY, base_url=provider.url, max_retries=retries, timeout=120) as made:
        yield made


async def _worker(made: anthropic.AsyncAnthropic, rows: Rows, pause: float = 0.0) -> None:
    while (body := rows.next()) is not None:
        began = time.monotonic()
        try:
            await made.messages.create(**body)
        except anthropic.APIError:
            rows.ended(began, ok=False)
        else:
            rows.ended(began, ok=True)
        await asyncio.sleep(pause)


async def _again_and_again(made: anthropic.AsyncAnthropic, rows: Rows, body: dict[str, Any], state: _Window) -> None:
    began = time.monotonic()
    for tried in range(50):
        try:
            await made.messages.create(**body)
        except anthropic.RateLimitError as error:
            state.refused()
            await asyncio.sleep(float(error.response.headers.get("retry-after", "1")))
        except anthropic.APIError:
            await asyncio.sleep(min(8.0, 0.5 * 2**tried))
        else:
            state.went_well()
            rows.ended(began, ok=True)
            return
    rows.ended(began, ok=False)


async def measured(scenario: str, name: str, length: Length) -> Measured:
    """Run one strategy in one scenario against a provider of its own."""
    faults = _LOST if scenario == "outage" else []
    with Provider(latency=length.latency, faults=faults, **LIMITS, **TOKENS) as provider:
        # The strategies of a scenario share this process: its providers are started before any clock.
        await asyncio.sleep(1.0)
        provider.reset(outage=length.outage if scenario == "outage" else None)
        rows = Rows(length)
        tasks: list[asyncio.Task[None]] = [asyncio.create_task(STRATEGIES[name](provider, rows))]
        if scenario == "halved":
            tasks.append(asyncio.create_task(_halve(provider, length)))
        await asyncio.gather(*tasks)
        stats = await asyncio.to_thread(provider.stats)
    return _figures(scenario, name, rows, stats)


async def _halve(provider: Provider, length: Length) -> None:
    await asyncio.sleep(length.run / 2)
    await asyncio.to_thread(provider.config, **{limit: most // 2 for limit, most in LIMITS.items()})


def _figures(scenario: str, name: str, rows: Rows, stats: dict[str, Any]) -> Measured:
    length = rows.length
    answered = {int(second): counts[2] for second, counts in stats["seconds"].items()}
    used = allowed = 0.0
    for second in range(int(length.warm), int(length.run)):
        if scenario == "outage" and length.outage[0] - 1 <= second < length.outage[1] + _AFTER:
            continue
        halved = scenario == "halved" and second >= length.run / 2
        used += answered.get(second, 0)
        allowed += LIMITS["otpm"] / 60 / (2 if halved else 1)
    refused = int(stats["statuses"].get("429", 0))
    return Measured(
        scenario,
        name,
        rows.given,
        rows.ok / length.run,
        used / allowed,
        100 * refused / max(1, rows.ok),
        refused,
        rows.failed,
        stats["billed"] - stats["distinct"],
        percentile(rows.took, 95),
        _back(answered, length) if scenario == "outage" else None,
    )


def _back(answered: dict[int, int], length: Length) -> int | None:
    """Return after how many seconds a strategy was back at nine tenths of the limit, None where it never was."""
    for second in range(int(length.outage[1]), int(length.run) - 2):
        if sum(answered.get(second + more, 0) for more in range(3)) >= 0.9 * 3 * LIMITS["otpm"] / 60:
            return second - int(length.outage[1])
    return None


async def run(scenario: str, names: list[str], length: Length) -> list[Measured]:
    """Run strategies side by side."""
    return list(await asyncio.gather(*(measured(scenario, name, length) for name in names)))


HEAD = ("scenario", "strategy", "rows/s", "of the limit", "429 per 100", "failed", "paid twice", "p95 s", "back after")


def table(found: list[Measured]) -> str:
    """Return the figures as a Markdown table."""
    lines = [f"| {' | '.join(HEAD)} |", f"|---|---|{'--:|' * (len(HEAD) - 2)}"]
    for one in found:
        rates = (f"{one.rows_per_second:.2f}", f"{one.share_of_limit:.1%}", f"{one.refused_per_100:.0f}")
        ends = (
            str(one.failed),
            str(one.paid_twice),
            f"{one.p95_seconds:.1f}",
            "" if one.back_after is None else str(one.back_after),
        )
        lines.append(f"| {' | '.join((one.scenario, one.strategy, *rates, *ends))} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print."""
    about = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about.add_argument("--full", action="store_true", help="90 seconds each, at the latency of a real provider")
    about.add_argument("--only", default="plain,halved,outage")
    about.add_argument("--with", dest="strategies", default=",".join(STRATEGIES))
    about.add_argument("--json", action="store_true")
    given = about.parse_args()
    length = FULL if given.full else SHORT
    _use_key()
    found = []
    for scenario in given.only.split(","):
        found += asyncio.run(run(scenario, given.strategies.split(","), length))
    shown = json.dumps([one._asdict() for one in found], indent=2) + "\n" if given.json else table(found)
    sys.stdout.write(shown)


def _use_key() -> None:
    from os import environ  # noqa: PLC0415 - the one place that needs it

    environ["ANTHROPIC_API_KEY"] = KEY


if __name__ == "__main__":
    main()
