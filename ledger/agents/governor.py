"""How fast to ask: one request first, to learn the limits, and then as many as they allow and no more.

Where the answers tell limits, buckets mirror them, and what would be refused is never sent. Where they do not, the
number of requests under way grows while all goes well and shrinks when the provider says stop. A provider in trouble
is asked by one request at a time until it answers again.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ledger.agents.contract import Failure, Usage
from ledger.agents.limits import OUTPUT, PROMPT, REQUESTS, TOKENS, Bucket, Seen, seen

MOST = 256
"""Requests under way at the most, where limits are known; and where they are not, a quarter of it."""
_FIRST = 8
"""Requests under way right after the first answer; each answer allows one more."""
_TROUBLE = frozenset({"overloaded", "server_error", "timed_out", "connection_lost", "reply_lost"})
_RECENT, _ENOUGH = 20, 5
_SHRINK, _GROW = 0.8, 0.05
_SMOOTH = 0.1
_BETWEEN = (0.5, 1.0, 2.0, 4.0, 5.0)
"""Seconds between the requests that ask whether a provider is back; after a minute of that, the last is thrice this."""
_MINUTE = 60.0
TRIES = 5
"""Requests that fail before a provider that never answered is given up."""
PATIENCE = 600.0
"""Seconds without any answer after which a provider that did answer is given up."""


@dataclass(eq=False, slots=True)
class Ticket:
    """Leave to send one request: what was taken for it from each bucket, and when."""

    size: int
    taken: Mapping[str, float]
    at: float
    probe: bool = False


class Governor:
    """Gives leave to send requests, one after another, and hears what became of each."""

    def __init__(self, concurrency: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin knowing nothing; `concurrency` is the most requests under way, whatever the limits allow."""
        self.buckets: dict[str, Bucket] = {}
        self.gave_up = False
        self._most = concurrency
        self._clock = clock
        self._under_way: set[Ticket] = set()
        self._window = 1.0
        self._resumed = float(_FIRST)
        self._slow_start = True
        self._answered = False
        self._paused_until = 0.0
        self._refusals = 0
        self._recent: deque[bool] = deque(maxlen=_RECENT)
        self._trouble_since: float | None = None
        self._asked = 0
        self._last_answer = 0.0
        self._shrunk_at = -math.inf
        self._prompt_per_byte = 0.5
        self._output = 0.0
        self._latency = 0.0
        self._changed = asyncio.Event()

    @property
    def limits(self) -> dict[str, float]:
        """Return the limits for a minute as far as they are known, by what they count."""
        return {name: bucket.limit for name, bucket in self.buckets.items()}

    @property
    def under_way(self) -> int:
        """Return how many requests are under way."""
        return len(self._under_way)

    @property
    def in_trouble(self) -> bool:
        """Say whether the provider is in trouble, so that a failure says nothing about the request."""
        return self._trouble_since is not None

    async def admit(self, size: int, most_output: int, halted: Callable[[], bool] = lambda: False) -> Ticket | None:
        """Wait until a request of so many bytes may be sent, whose answer has at most so many tokens.

        Returns None as soon as `halted` says so when it is asked: at first, and whenever something changed.
        """
        while not halted():
            self._changed.clear()
            now = self._clock()
            wanted = self._wanted(size, most_output)
            wait = self._wait(wanted, now)
            if wait <= 0:
                return self._given(Ticket(size, wanted, now, probe=self.in_trouble or not self._answered))
            try:
                await asyncio.wait_for(self._changed.wait(), None if math.isinf(wait) else wait)
            except TimeoutError:
                continue
        return None

    def _given(self, ticket: Ticket) -> Ticket:
        for name, bucket in self.buckets.items():
            bucket.take(ticket.taken[name], ticket.at)
        self._under_way.add(ticket)
        return ticket

    def answered(self, ticket: Ticket, headers: Mapping[str, str], usage: Usage | None) -> None:
        """Hear that a request has its answer."""
        now = self._ended(ticket)
        self._last_answer = now
        self._recent.append(False)
        self._refusals = 0
        if usage is not None:
            self._learn(ticket, usage, now)
        first, self._answered = not self._answered, True
        if first or (self.in_trouble and ticket.probe):
            self._recover()
        self._latency = _blend(self._latency, now - ticket.at)
        self._sync(headers, now)
        self._window = min(self._window + (1 if self._slow_start else max(1 / self._window, _GROW)), self._widest())
        for bucket in self.buckets.values():
            bucket.shrink(1.001)
        self._changed.set()

    def failed(self, ticket: Ticket, failure: Failure, headers: Mapping[str, str]) -> None:
        """Hear that a request has no answer."""
        now = self._ended(ticket)
        if not failure.paid:
            self._give_back(ticket, now)
        self._sync(headers, now)
        if failure.kind == "rate_limited":
            self._refused(failure, now)
        elif failure.kind in _TROUBLE:
            self._recent.append(True)
            self._worry(ticket, now)
        self._changed.set()

    def release(self, ticket: Ticket) -> None:
        """Hear that a request was not sent after all."""
        self._ended(ticket)
        self._give_back(ticket, self._clock())
        self._changed.set()

    def wake(self) -> None:
        """Have whoever waits look again."""
        self._changed.set()

    def _widest(self) -> float:
        return float(self._most or (MOST if self.buckets else MOST // 4))

    def _wanted(self, size: int, most_output: int) -> dict[str, float]:
        prompt = size * self._prompt_per_byte
        output = min(self._output or most_output, most_output)
        return {REQUESTS: 1.0, PROMPT: prompt, OUTPUT: output, TOKENS: prompt + output}

    def _wait(self, wanted: Mapping[str, float], now: float) -> float:
        """Return in how many seconds a request may be sent; endless where an answer has to come first."""
        if len(self._under_way) >= int(min(self._window, self._widest())):
            return math.inf
        if (self.in_trouble or not self._answered) and any(ticket.probe for ticket in self._under_way):
            return math.inf
        waits = [bucket.wait(wanted[name], now) for name, bucket in self.buckets.items()]
        return max([self._paused_until - now, *waits])

    def _ended(self, ticket: Ticket) -> float:
        self._under_way.discard(ticket)
        return self._clock()

    def _learn(self, ticket: Ticket, usage: Usage, now: float) -> None:
        """Put what a request used in place of what was taken for it. What is read from a cache counts to no limit."""
        prompt = usage.prompt - usage.cache_read
        used = {PROMPT: prompt, OUTPUT: usage.output, TOKENS: usage.prompt + usage.output}
        for name, amount in used.items():
            if name in self.buckets:
                self.buckets[name].take(amount - ticket.taken[name], now)
        # The guess for the next prompt goes up at once and down slowly: too little taken is what gets refused.
        each = prompt / max(ticket.size, 1)
        self._prompt_per_byte = each if not self._answered else max(each, _blend(self._prompt_per_byte, each))
        self._output = _blend(self._output, usage.output)

    def _give_back(self, ticket: Ticket, now: float) -> None:
        """Give back the tokens of an answer that there was not; the provider may have counted the request itself."""
        if OUTPUT in self.buckets:
            self.buckets[OUTPUT].take(-ticket.taken[OUTPUT], now)

    def _sync(self, headers: Mapping[str, str], now: float) -> None:
        for name, said in seen(headers).items():
            if name not in self.buckets:
                self.buckets[name] = Bucket(said, now)
            elif name == OUTPUT:
                self._sync_output(self.buckets[name], said, now)
            else:
                self.buckets[name].sync(said, now)

    def _sync_output(self, bucket: Bucket, said: Seen, now: float) -> None:
        """Sync the bucket of answers' tokens, from which a provider takes only when an answer is written.

        Those under way will be taken from it still, while it fills: what counts is how low that brings it. Where a
        limit fell so far that this is below nothing, all of them are waited for.
        """
        coming = sum(ticket.taken[OUTPUT] for ticket in self._under_way)
        lowest = said.left + said.limit / 60 * self._latency - coming
        lower = said.limit < bucket.limit
        bucket.sync(Seen(said.limit, said.left - coming if lower and lowest < 0 else lowest), now)

    def _refused(self, failure: Failure, now: float) -> None:
        """Pause for as long as the provider asks; ask for less from now on, once for each such pause."""
        self._refusals += 1
        asked = failure.wait if failure.wait is not None else min(2.0 ** (self._refusals - 1), 30.0)
        self._paused_until = max(self._paused_until, now + asked * 1.02)
        if now - self._shrunk_at < max(1.0, 2 * self._latency):
            return
        self._shrunk_at = now
        self._slow_start = False
        if self.buckets:
            for bucket in self.buckets.values():
                bucket.shrink(0.9)
        else:
            self._window = max(1.0, self._window * _SHRINK)

    def _worry(self, ticket: Ticket, now: float) -> None:
        """Take a provider to be in trouble when more than half of the latest requests failed at its side.

        One that has not answered yet is in trouble as soon as one request fails.
        """
        if not self._answered and self._trouble_since is None:
            self._trouble_since = now
        if self.in_trouble:
            if ticket.probe:
                self._asked += 1
                since = now - (self._trouble_since or now)
                longer = 3 if since > _MINUTE else 1
                self._paused_until = now + _BETWEEN[min(self._asked, len(_BETWEEN)) - 1] * longer
        elif len(self._recent) >= _ENOUGH and sum(self._recent) * 2 > len(self._recent):
            self._trouble_since = now
            self._asked = 0
            self._resumed = max(self._window / 2, _FIRST)
            self._paused_until = max(self._paused_until, now + _BETWEEN[0])
        if not self._answered:
            self.gave_up = self._asked >= TRIES
        elif self._trouble_since is not None:
            self.gave_up = now - max(self._last_answer, self._trouble_since) > PATIENCE

    def _recover(self) -> None:
        """Begin with few requests under way at first, and with half as many as before after trouble."""
        self._trouble_since = None
        self._asked = 0
        self._recent.clear()
        self._window, self._slow_start = self._resumed, True


def _blend(old: float, new: float) -> float:
    return new if not old else old + _SMOOTH * (new - old)
