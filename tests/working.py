"""Work with models, for tests: a backend that answers in this process, and events of asking without any asking."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger import Ledger
from ledger.agents.contract import Backend, Call, Failure, Journal, Outcome, Reply, Request, Stopped, Usage
from ledger.agents.layout import request_digest
from ledger.digest import blake3_bytes
from ledger.event import Draft, draft
from ledger.recipes.contract import Question
from ledger.verbs.asking import Engine, Said
from ledger.verbs.engine import How, Past, said
from ledger.verbs.journal import sent_op
from ledger.verbs.run import Run, Who
from ledger.views import samples
from tests.logs import store_of

COST = Decimal("0.001")
WORST = Decimal("0.01")
_PATIENCE = 0.01
"""Seconds for which a backend that holds calls waits for another one."""
SPEC = """
name = "clearer"
version = 1
purpose = "improve"
about = "asks more clearly"
output = 100
instructions = "Write the request anew."

[child]
label = true
tags = { derivation = "improved" }

[field.prompt]
path = "prompt"
about = "what is asked"
least = 5
most = 200

[[when]]
always = true
fields = ["prompt"]
"""

Answer = str | bytes | Failure | Stopped
"""What a model says: the text of an answer, the bytes of a reply, why there is none, or that all work stops."""
Script = Callable[[Call, int], Answer]
"""What a model says to a call, at which attempt that it ever heard of (from 1)."""


class Killed(BaseException):
    """The process is gone: what was not stored is lost."""


def spec_file(folder: Path, text: str = SPEC) -> Path:
    """Write a spec and return its path."""
    path = folder / "spec.toml"
    path.write_text(text, encoding="utf-8")
    return path


def body(text: str, stop: str = "end_turn") -> bytes:
    """Return a reply as a provider sends it."""
    usage = {"input_tokens": 10, "output_tokens": 5}
    content = [{"type": "text", "text": text}]
    return json.dumps({"content": content, "stop_reason": stop, "usage": usage}).encode()


def prompted(call: Call) -> str:
    """Return what a sample in a call asks."""
    text = call.request["messages"][0]["data"]
    found: str = json.loads(text)["sample"]["messages"][0]["content"]
    return found


def clearer(call: Call, _attempt: int) -> str:
    """Return a good answer to a question of SPEC, unlike that to any other sample."""
    return json.dumps({"prompt": f"Please tell me clearly: {prompted(call)}?"})


@dataclass
class Model:
    """A provider in this process, and where its calls are answered; `opener` is what verbs take.

    `dies` counts down the steps that the journal hears; at zero the process is gone, before the step is stored, or
    after it with `late`.
    """

    script: Script = clearer
    attempts: int = 2
    at_once: int = 1
    dies: int | None = None
    late: bool = False
    batch: str | None = None
    heard: list[str] = field(default_factory=list)
    paid: int = 0
    opened: int = 0
    past: Past | None = None

    @asynccontextmanager
    async def opener(self, how: How, past: Past) -> AsyncIterator[tuple[Engine, Mapping[str, str]]]:
        """Open it."""
        self.opened, self.past = self.opened + 1, past
        yield Through(_Backend(self, how.budget, past.spent)), {"output": "1", "prompt": "1"}

    def step(self) -> None:
        """Count down to the end of the process."""
        if self.dies is not None:
            self.dies -= 1
            if self.dies == 0:
                raise Killed


class Through:
    """What questions go through on their way to a backend."""

    def __init__(self, backend: Backend) -> None:
        """Send them there."""
        self.backend = backend

    def request(self, question: Question) -> Request:
        """Return all of a question."""
        told = [block.text for block in question.instructions]
        return {
            "max_tokens": question.output,
            "system": told,
            "messages": [{"data": question.data}],
            "again": list(question.again),
        }

    def digest(self, request: Request) -> bytes:
        """Return the digest of a request."""
        return request_digest(request, "test", own_address=True)

    def read(self, reply: bytes) -> Said:
        """Return what a reply says."""
        return said(reply)


class _Backend:
    """Answers calls one by one, telling the journal of each step; of those that it holds at once the last one first."""

    def __init__(self, model: Model, budget: Decimal | None, spent: Decimal) -> None:
        self._model = model
        self._budget = budget
        self._spent = spent

    async def run(self, calls: AsyncIterator[Call], journal: Journal) -> AsyncIterator[Outcome]:
        held: list[Call] = []
        fetch: asyncio.Task[Call | None] | None = None
        more = True
        while more or held:
            if more and fetch is None:
                fetch = asyncio.create_task(_pull(calls))
            if fetch is not None:
                await asyncio.wait({fetch}, timeout=_PATIENCE if held else None)
            if fetch is not None and fetch.done():
                call, fetch = fetch.result(), None
                more = call is not None
                held += [call] if call is not None else []
            if held and (len(held) >= self._model.at_once or not more or fetch is not None):
                yield await self._answered(held.pop(), journal)

    async def _answered(self, call: Call, journal: Journal) -> Outcome:
        model = self._model
        for attempt in range(1, model.attempts + 1):
            if self._budget is not None and self._spent + WORST > self._budget:
                raise Stopped("budget", "the budget does not cover another request")
            if not await self._told(journal.sent(call, attempt, WORST, model.batch)):
                return Outcome(call, attempt - 1, None, None)
            model.heard.append(call.key)
            answer = model.script(call, model.heard.count(call.key))
            if isinstance(answer, Stopped):
                await self._told(journal.failed(call, attempt, Failure(answer.reason, answer.detail)))
                raise answer
            if isinstance(answer, Failure):
                self._spent += WORST if answer.paid else 0
                await self._told(journal.failed(call, attempt, answer))
                if attempt == model.attempts:
                    return Outcome(call, attempt, None, answer)
                continue
            model.paid += 1
            self._spent += COST
            data = answer if isinstance(answer, bytes) else body(answer)
            read = said(data)
            reply = Reply(200, data, f"req_{len(model.heard)}", 7, read.stop, Usage(10, 5), COST)
            await self._told(journal.replied(call, attempt, reply))
            return Outcome(call, attempt, reply, None)
        raise AssertionError("a call has an attempt")

    async def _told(self, step: Any) -> Any:  # noqa: ANN401 - a coroutine, and what it returns
        if self._model.late:
            said = await step
            self._model.step()
            return said
        try:
            self._model.step()
        except Killed:
            step.close()
            raise
        return await step


async def _pull(calls: AsyncIterator[Call]) -> Call | None:
    return await anext(calls, None)


# --- events of asking, without any asking


def row_of(ledger: Ledger, sample: str) -> samples.Row:
    """Return how a sample stands."""
    return samples.by_ids(store_of(ledger).connection, [bytes.fromhex(sample)])[bytes.fromhex(sample)]


def append(ledger: Ledger, drafts: Sequence[Draft], recipe: str = "ab" * 32) -> list[int]:
    """Append events under a run that names a recipe; return where they stand."""
    store = store_of(ledger)
    run = Run(store.ledger_id, "improve", {"recipe": recipe}, Who("model"))
    with store.transaction() as transaction:
        known = transaction.known_ops([one.op for one in drafts])
        first = run.append(transaction, [one for one in drafts if one.op not in known])
        run.finish(transaction, {"events": len(drafts)})
    count = sum(one.op not in known for one in drafts)
    return [] if first is None else list(range(first, first + count))


def key(name: str) -> str:
    """Return a key for a call."""
    return blake3_bytes(name.encode()).hex()


def asked(row: samples.Row, call: str, attempt: int = 1, *, batch: str | None = None, ordinal: int = 0) -> Draft:
    """Return the event of a request about a sample as it stands."""
    fields = {
        "attempt": attempt,
        "batch": batch,
        "call": key(call),
        "mode": "live" if batch is None else "batch",
        "model": "m",
        "ordinal": ordinal,
        "provider": "test",
        "purpose": "improve",
        "request": key(f"request {call}"),
        "reserved": "0.01",
        "sample": row.id.hex(),
        "version": row.hash.hex(),
    }
    return draft("request_sent", row.sample, None, fields)


def answered(
    ledger: Ledger, row: samples.Row, call: str, attempt: int = 1, text: bytes = b"reply", cost: str | None = "0.001"
) -> list[int]:
    """Append a reply to a request; return where it stands."""
    store = store_of(ledger)
    with store.transaction() as transaction:
        digest, blob = transaction.add_blob(text)
        run = Run(store.ledger_id, "improve", {"recipe": "ab" * 32}, Who("model"))
        fields = {
            "attempt": attempt,
            "blob": digest.hex(),
            "call": key(call),
            "cost": cost,
            "latency": 5,
            "purpose": "improve",
            "request_id": None,
            "sample": row.id.hex(),
            "sent": sent_op(key(call), attempt).hex(),
            "status": 200,
            "stop": "end_turn",
            "usage": {"cache_read": 0, "cache_write_1h": 0, "cache_write_5m": 0, "output": 5, "prompt": 10},
        }
        made = draft("reply_stored", row.sample, blob, fields)
        drafts = [] if transaction.known_ops([made.op]) else [made]
        first = run.append(transaction, drafts)
    return [] if first is None else [first]


def failed(
    row: samples.Row, call: str, failure: str, attempt: int = 1, *, final: bool = False, recipe: str = "ab" * 32
) -> Draft:
    """Return the event of an attempt that failed, or of work that ended without a result."""
    fields = {
        "attempt": attempt,
        "call": key(call),
        "detail": "it failed",
        "failure": failure,
        "final": final,
        "purpose": "improve",
        "recipe": recipe,
        "sample": row.id.hex(),
        "sent": sent_op(key(call), attempt).hex(),
        "version": row.hash.hex(),
    }
    return draft("attempt_failed", row.sample, None, fields)
