"""What the provider keeps, and the way of one question through it: faults, limits, cache, latency, answer, bill."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple

from tests.provider.answers import Asked, Writer
from tests.provider.buckets import Limits
from tests.provider.cache import BEGINS, Breakpoint, Cache
from tests.provider.checks import Refusal
from tests.provider.faults import Dice, struck
from tests.provider.models import Model, Tokens, counted, dollars
from tests.provider.settings import ANSWERS, PAID, UNPAID, Fault, Settings

_THOUGHT = {"low": 40, "medium": 160, None: 240, "high": 320, "xhigh": 640, "max": 1_280}
_REFUSED_TOKENS = 5


class Said(NamedTuple):
    """What a model said: its text, why it stopped, what was used, how much of that was thought, and the reply's id."""

    text: str
    stop: str
    used: Tokens
    thought: int
    id: str


class Reply(NamedTuple):
    """What goes back over the wire.

    The connection is closed after `cut` bytes (counted from the end where negative), `stall` seconds after those.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]
    cut: int | None = None
    stall: float | None = None


class Question(NamedTuple):
    """One question in no provider's shape: `body` is what it was made of, `digest` names that."""

    model: Model
    body: Mapping[str, Any]
    raw: bytes
    digest: str
    asked: Asked
    most: int
    thinks: bool
    effort: str | None


@dataclass
class Counts:
    """What happened since the last reset."""

    requests: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    paths: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    max_in_flight: int = 0
    billed: int = 0
    usd: Decimal = Decimal(0)
    tokens: Counter[str] = field(default_factory=Counter)
    seconds: dict[int, list[int]] = field(default_factory=dict)
    """Second since the reset -> answers with status 200, their uncached input, their output."""


class Desk:
    """All of the state of a provider."""

    def __init__(self, settings: Settings) -> None:
        """Start at nothing."""
        self.settings = settings
        self.began = time.monotonic()
        self.counts = Counts()
        self.sightings: Counter[str] = Counter()
        self.struck: Counter[Fault] = Counter()
        self.limits: dict[str, Limits] = {}
        self.cache = Cache()
        self.bills: dict[str, dict[str, Any]] = {}
        self.kept: list[dict[str, Any]] = []

    def take(self, settings: Settings) -> None:
        """Go on under other settings."""
        self.settings = settings
        for limits in self.limits.values():
            limits.resize(settings, time.monotonic())

    def now(self) -> float:
        """Return the seconds of the clock that everything here goes by."""
        return time.monotonic()

    def sight(self, digest: str) -> Dice:
        """Count a sighting of a body and return what is drawn for it."""
        self.sightings[digest] += 1
        return Dice(self.settings.seed, digest, self.sightings[digest])

    def strike(self, kinds: frozenset[str], raw: bytes, dice: Dice) -> Fault | None:
        """Return the fault of some kinds that strikes, if one does."""
        found = struck(self.settings.faults, kinds, raw, dice, self.struck)
        if found is not None:
            self.counts.faults[found.kind] += 1
        return found

    def limits_of(self, model: Model) -> Limits:
        """Return the buckets of a model."""
        return self.limits.setdefault(model.id, Limits(self.settings, time.monotonic()))

    def used(self, question: Question, now: float) -> tuple[Tokens, list[Breakpoint]]:
        """Return the input that a question uses, and the prefixes that it will write."""
        if self.settings.input_tokens is not None:
            return Tokens(self.settings.input_tokens), []
        used, new = self.cache.used(question.model, question.body, now)
        return (used, new) if self.settings.cache else (Tokens(used.prompt), [])

    def say(self, question: Question, used: Tokens, dice: Dice) -> Said:
        """Return what the model says to a question."""
        fault = self.strike(ANSWERS, question.raw, dice)
        kind = None if fault is None else fault.kind
        name = sha256(f"{dice.seed}:{dice.digest}:{dice.sighting}".encode()).hexdigest()[:24]
        if kind == "refused":
            return Said("", "refusal", used._replace(output=_REFUSED_TOKENS), 0, name)
        text = Writer(question.asked, dice, kind).text()
        thought = _THOUGHT[question.effort] if question.thinks else 0
        output = thought + (counted(question.model, [text]) if text else 1)
        room = question.most - thought
        if kind == "cut" or output > question.most:
            size = min(max(0, room) * question.model.bytes_per_token, len(text) / 2)
            return Said(text[: int(size)], "max_tokens", used._replace(output=question.most), thought, name)
        if self.settings.output_tokens is not None:
            output = self.settings.output_tokens
        return Said(text, "end_turn", used._replace(output=output), thought, name)

    def bill(self, question: Question, used: Tokens, *, batch: bool) -> None:
        """Note that something is paid for."""
        price = dollars(question.model, used, batch=batch)
        entry = self.bills.setdefault(
            question.digest, {"model": question.model.id, "billed": 0, "usd": Decimal(0), "batch": batch}
        )
        entry["billed"] += 1
        entry["usd"] += price
        self.counts.billed += 1
        self.counts.usd += price
        self.counts.tokens.update(used._asdict())

    def ended(self, used: Tokens) -> None:
        """Note an answer with status 200 in its second."""
        second = self.counts.seconds.setdefault(int(time.monotonic() - self.began), [0, 0, 0])
        for place, many in enumerate((1, used.fresh + used.write_5m + used.write_1h, used.output)):
            second[place] += many

    async def answer(
        self, question: Question, render: Callable[[Said], bytes], headers: Callable[[], Mapping[str, str]]
    ) -> Reply:
        """Return the reply to a live question; a Refusal is raised for every other status than 200."""
        dice = self.sight(question.digest)
        self._keep(question)
        self._away()
        unpaid = self.strike(UNPAID, question.raw, dice)
        if unpaid is not None:
            if unpaid.kind == "drop_before":
                return Reply(0, b"", {}, cut=0)
            raise refusal(unpaid.kind)
        now = time.monotonic()
        used, new = self.used(question, now)
        limits = self.limits_of(question.model)
        if refused := limits.admit(used.fresh + used.write_5m + used.write_1h, now):
            told = {"retry-after": str(refused.seconds), **headers()}
            raise Refusal(
                429, "rate_limit_error", f"This request would exceed your rate limit ({refused.limit}).", None, told
            )
        seconds = dice.seconds(self.settings.latency, self.settings.spread)
        self.cache.write(new, now + BEGINS * seconds)
        await asyncio.sleep(seconds)
        said = self.say(question, used, dice)
        limits.charge_output(said.used.output, time.monotonic())
        self.bill(question, said.used, batch=False)
        self.ended(said.used)
        named = dict.fromkeys(("request-id", "x-request-id"), f"req_{said.id}")
        return self._spoiled(Reply(200, render(said), {**headers(), **named}), question, dice)

    def _spoiled(self, reply: Reply, question: Question, dice: Dice) -> Reply:
        fault = self.strike(PAID, question.raw, dice)
        if fault is None:
            return reply
        half = -(len(reply.body) // 2) or None
        return {
            "drop_after": reply._replace(cut=0),
            "cut_at": reply._replace(cut=fault.at),
            "truncated": reply._replace(cut=half),
            "stalled": reply._replace(cut=half, stall=self.settings.stall),
            "malformed": reply._replace(body=b"<html><body>upstream said: " + reply.body[:40]),
        }[fault.kind]

    def _away(self) -> None:
        window, since = self.settings.outage, time.monotonic() - self.began
        if self.settings.down or (window is not None and window[0] <= since < window[1]):
            raise refusal("overloaded")

    def _keep(self, question: Question) -> None:
        if len(self.kept) < 10_000:
            self.kept.append({"digest": question.digest, "body": question.body})


def refusal(kind: str) -> Refusal:
    """Return how a fault is answered that is not paid for."""
    limit = "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."
    spent = "Your organization has reached the monthly API usage threshold of its tier."
    return {
        "overloaded": Refusal(529, "overloaded_error", "Overloaded"),
        "server_error": Refusal(500, "api_error", "Internal server error"),
        "rate_limited": Refusal(429, "rate_limit_error", "Please slow down.", None, {"retry-after": "1"}),
        "spend_limit": Refusal(429, "rate_limit_error", spent, "enforced_spend_limit_reached"),
        "own_limit": Refusal(400, "invalid_request_error", limit),
        "not_allowed": Refusal(403, "permission_error", "Your key may not use this model."),
    }[kind]


def digest_of(body: Mapping[str, Any]) -> str:
    """Return the digest of a body, however it was written and wherever it stood."""
    return sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
