"""What is told of asking a model, on its way into the log: gathered for a moment, committed together, in a fixed order.

Whoever tells something goes on only when it is stored for good. What is gathered stands in the log by kind, then by
the key of its call, so that the order of a commit depends on nothing but on what came together.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from ledger.agents.contract import BATCH, FAILURES, LIVE, Call, Failure, Reply
from ledger.digest import blake3_bytes
from ledger.errors import BadRequest
from ledger.event import Draft, draft, op_of
from ledger.store import Store
from ledger.transaction import Transaction
from ledger.verbs.run import Run
from ledger.views import erased, work

GATHERED: Final = 0.02
"""Seconds for which what is told is gathered; a commit takes a few milliseconds whatever it holds."""
LONGEST = 300
"""Characters of a sentence that an event keeps."""

_PLAIN = re.compile(r"[A-Za-z0-9_.:-]{1,100}", re.ASCII)
_SENT, _REPLIED, _FAILED, _SUBMITTED, _RESULT = range(5)

Write = Callable[[Transaction], tuple[list[Draft], Any]]
"""Makes events inside the transaction, looking at what stands there; and what its teller is to know."""


class Subject(NamedTuple):
    """What a call is about: sample (handle, and id in hex), version (row, and address in hex), and which attempt.

    `before` is how many attempts of it the log holds already, which its backend does not count.
    """

    sample: int
    id: str
    blob: int
    version: str
    ordinal: int
    before: int = 0


class By(NamedTuple):
    """What all calls of a run share; `recipe` in hex."""

    purpose: str
    recipe: str
    provider: str
    model: str


@dataclass(slots=True)
class _Told:
    key: tuple[int, str, int]
    write: Write
    told: asyncio.Future[Any]


class Writer:
    """Commits what is told within a moment of one another; one for each run, in the thread that opened the ledger."""

    def __init__(self, store: Store, run: Run, *, gather: bool = True) -> None:
        """Write into a ledger, under a run; without `gather` at once, so that no clock has a say in a commit."""
        self._store = store
        self._run = run
        self._gather = gather
        self._waiting: list[_Told] = []
        self._began = False
        """The run's start is stored for good."""
        self._for_all = False
        """What keeps the commit at hand keeps every other one: there is no transaction, or the run has no start."""

    async def put(self, key: tuple[int, str, int], write: Write, *, soon: bool = False) -> Any:  # noqa: ANN401 - what `write` returns
        """Write with the next commit, which `soon` brings about; return when it is stored, or raise what kept it."""
        loop = asyncio.get_running_loop()
        if soon or (not self._waiting and not self._gather):
            loop.call_soon(self.flush)
        elif not self._waiting:
            loop.call_later(GATHERED, self.flush)
        told = _Told(key, write, loop.create_future())
        self._waiting.append(told)
        return await told.told

    def flush(self) -> None:
        """Commit what was told so far; where that cannot be together, each alone, so that a refusal is one teller's.

        A request whose sender was interrupted is not sent, so nothing is said of it.
        """
        told = [one for one in self._waiting if one.key[0] != _SENT or not one.told.done()]
        waiting, self._waiting = sorted(told, key=lambda one: one.key), []
        error = self._told(waiting)
        if error is None:
            return
        for one in waiting:
            alone = error if self._for_all or len(waiting) == 1 else self._told([one])
            if alone is not None and not one.told.done():
                one.told.set_exception(alone)
            error = alone if self._for_all and alone is not None else error

    def _told(self, waiting: list[_Told]) -> Exception | None:
        """Commit some of what was told and let their tellers go on; return what kept it, of which they know nothing."""
        try:
            results = self._commit(waiting) if waiting else []
        except Exception as error:  # noqa: BLE001 - it reaches whoever told what could not be stored
            return error
        except BaseException:
            for one in waiting:
                if not one.told.done():
                    one.told.set_exception(asyncio.CancelledError())
            self._waiting = [*waiting, *self._waiting]  # the last flush stores what came back, whoever waits for it
            raise
        for one, result in zip(waiting, results, strict=True):
            if not one.told.done():
                one.told.set_result(result)
        return None

    def write(self, drafts: Iterable[Draft]) -> None:
        """Commit events at once, for what comes before and after the asking."""
        with self._store.transaction() as transaction:
            self._run.append(transaction, new_only(transaction, list(drafts)))

    def _commit(self, waiting: list[_Told]) -> list[Any]:
        results = []
        self._for_all = True
        with self._store.transaction() as transaction:
            self._for_all = False
            said: dict[bytes, Draft] = {}
            for one in waiting:
                drafts, result = one.write(transaction)
                said |= {each.op: each for each in drafts if each.op not in said}
                results.append(result)
            new = new_only(transaction, list(said.values()))
            self._for_all = bool(new) and not self._began
            self._run.append(transaction, new)
        self._began = self._began or bool(new)
        return results


def new_only(transaction: Transaction, drafts: list[Draft]) -> list[Draft]:
    """Return those events that the log does not hold yet."""
    known = transaction.known_ops([each.op for each in drafts])
    return [each for each in drafts if each.op not in known]


class WorkJournal:
    """Hears every step of a backend, and says what calls are about; a Journal (ledger.agents.contract)."""

    def __init__(self, store: Store, writer: Writer, by: By) -> None:
        """Tell a writer."""
        self._store = store
        self._writer = writer
        self._by = by
        self.about: dict[str, Subject] = {}
        """Key of a call -> what it is about, as long as its outcome is awaited."""
        self.unsettled: set[str] = set()
        """Keys of calls that were sent and whose outcome is not known yet."""
        self.requests = 0
        self.cost = Decimal(0)
        self._reserved: dict[str, Decimal] = {}

    async def sent(self, call: Call, attempt: int, reserved: Decimal, batch: str | None = None) -> bool:
        """Hear that an attempt is about to be sent; False where what it is about was erased since it was asked for."""
        about, by = self.about[call.key], self._by
        fields = {
            **self._called(call.key, attempt),
            "batch": batch,
            "mode": LIVE if batch is None else BATCH,
            "model": by.model,
            "ordinal": about.ordinal,
            "provider": by.provider,
            "request": call.digest.hex(),
            "reserved": money_text(reserved),
            "version": about.version,
        }
        made = draft("request_sent", about.sample, None, fields)

        def write(transaction: Transaction) -> tuple[list[Draft], bool]:
            if erased.among(self._store.connection, [about.blob]):
                return [], False
            if transaction.known_ops([made.op]):
                raise BadRequest("Another process asks the same at this moment", hint="Let it finish.")
            return [made], True

        if not await self._writer.put((_SENT, call.key, attempt), write):
            return False
        self.requests += 1
        self.unsettled.add(call.key)
        self._reserved[call.key] = reserved
        return True

    async def replied(self, call: Call, attempt: int, reply: Reply) -> None:
        """Hear what came back; where what it is about was erased meanwhile, its bytes are not kept either."""
        about = self.about[call.key]
        digest, called = blake3_bytes(reply.body), self._called(call.key, attempt)
        fields = {
            **called,
            "blob": digest.hex(),
            "cost": None if reply.cost is None else money_text(reply.cost),
            "latency": max(0, reply.milliseconds),
            "request_id": plain(reply.request_id),
            "sent": sent_op(call.key, called["attempt"]).hex(),
            "status": reply.status,
            "stop": plain(reply.stop),
            "usage": None if reply.usage is None else dict(reply.usage._asdict()),
        }

        def write(transaction: Transaction) -> tuple[list[Draft], None]:
            connection = self._store.connection
            if not erased.among(connection, [about.blob]):
                row = transaction.add_blobs({digest: reply.body})[digest]
                return [draft("reply_stored", about.sample, row, fields)], None
            rows = transaction.known_blobs([digest]) or transaction.add_addresses({digest: len(reply.body)})
            why = erased.again(connection, bytes.fromhex(about.version), None)
            gone = draft("erased", about.sample, rows[digest], {**why, "blob": digest.hex(), "sample": about.id})
            return [draft("reply_stored", about.sample, rows[digest], fields), gone], None

        await self._writer.put((_REPLIED, call.key, attempt), write)
        reserved = self._settled(call.key)
        self.cost += reserved if reply.cost is None else reply.cost

    async def failed(self, call: Call, attempt: int, failure: Failure) -> None:
        """Hear that an attempt has no reply."""
        called = self._called(call.key, attempt)
        made = self.failure(call.key, called["attempt"], failure.kind, failure.detail, final=False)
        await self._writer.put((_FAILED, call.key, attempt), lambda _: ([made], None))
        self._settled(call.key)

    async def submitted(self, batch: str, calls: int, provider_id: str, *, adopted: bool) -> None:
        """Hear that the provider holds a batch."""
        fields = {"adopted": adopted, "batch": batch, "calls": calls, "provider": self._by.provider}
        made = draft("batch_submitted", None, None, {**fields, "provider_id": provider_id[:LONGEST]})
        await self._writer.put((_SUBMITTED, batch, 0), lambda _: ([made], None))

    async def result(self, call: str, write: Write, *, soon: bool = False) -> Any:  # noqa: ANN401 - what `write` returns
        """Write what became of a call; `soon` where others wait for it."""
        return await self._writer.put((_RESULT, call, 0), write, soon=soon)

    def failure(self, call: str, attempt: int, kind: str, detail: str, *, final: bool) -> Draft:
        """Return the event of an attempt that failed, or of work that ended without a result."""
        about = self.about[call]
        fields = {
            **self._called(call, attempt - about.before),
            "detail": detail[:LONGEST],
            "failure": kind,
            "final": final,
            "recipe": self._by.recipe,
            "sent": sent_op(call, attempt).hex() if kind in FAILURES or attempt else None,
            "version": about.version,
        }
        return draft("attempt_failed", about.sample, None, fields)

    def _settled(self, call: str) -> Decimal:
        """Take back what was set aside for a call."""
        self.unsettled.discard(call)
        return self._reserved.pop(call, Decimal(0))

    def _called(self, call: str, attempt: int) -> dict[str, Any]:
        about = self.about[call]
        return {"attempt": attempt + about.before, "call": call, "purpose": self._by.purpose, "sample": about.id}


def sent_op(call: str, attempt: int) -> bytes:
    """Return the op of the event that says that an attempt (counted as the log does) is about to be sent."""
    return op_of("request_sent", {"attempt": attempt, "call": call})


def money_text(dollars: Decimal) -> str:
    """Return dollars as plain decimal text, to a picodollar."""
    text = f"{dollars.quantize(work.PICO):f}"
    return text.rstrip("0").rstrip(".")


def plain(text: str | None) -> str | None:
    """Return a provider's name for something, or None where it is more than a name: no event holds its prose."""
    return text if text is not None and _PLAIN.fullmatch(text) else None
