"""Asking a model about one sample until there is a result or a last failure: the same walk for new and old replies.

Whatever was answered before is in the log under the key of its call. So going on after a crash is the walk that asking
is anyway: what is there is judged again, for nothing, and what is not there is sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol, TypeAlias

from ledger.agents.contract import Backend, Call, Outcome, Request
from ledger.digest import blake3_bytes, digest_of
from ledger.errors import BadRequest
from ledger.recipes.contract import Item, Judged, Made, Memory, Problem, Question, Recipe
from ledger.store import Store
from ledger.verbs import journal
from ledger.verbs.items import Subject
from ledger.verbs.ladder import again
from ledger.views import erased, work

RE_ASKS: Final = 2
"""How often a model is asked again, with what was wrong; then the original stands."""

Verdict: TypeAlias = Made | Judged | Problem


class Said(NamedTuple):
    """What a reply says: its text, why it ends, and its category where the model refused."""

    text: str
    stop: str | None
    refusal: str | None = None


class Engine(Protocol):
    """What questions go through: a backend, opened for one model, and how its requests and replies are written."""

    @property
    def backend(self) -> Backend:
        """Where calls are answered."""
        ...

    def request(self, question: Question) -> Request:
        """Return the body of a request."""
        ...

    def digest(self, request: Request) -> bytes:
        """Return what names a request."""
        ...

    def read(self, body: bytes) -> Said:
        """Return what the bytes of a reply say; never raises."""
        ...


@dataclass(slots=True)
class Asked:
    """One sample on its way: where it stands in the order, what was wrong so far, the call that is out for it."""

    index: int
    subject: Subject
    memory: Memory
    problems: tuple[Problem, ...] = ()
    key: str = ""
    request: str = ""
    attempt: int = 0
    """The last attempt of the call at hand, as the log counts."""


Climb: TypeAlias = Callable[[Asked, Said], Verdict]
"""The ladder: what a reply makes of a sample, or what is wrong with it."""


class Came(NamedTuple):
    """A reply: what it says (None: its bytes were erased), the address of its bytes, what was counted and taken."""

    said: Said | None
    address: str
    usage: Mapping[str, int] | None
    cost: str | None


@dataclass(slots=True)
class Asker:
    """Makes calls of samples, and finds what was answered to them before."""

    store: Store
    recipe: Recipe
    engine: Engine
    waiting: Collection[str] = ()
    """Keys of the calls that wait in batches of earlier runs: whoever answers them counts attempts as the log does."""
    fetches: bool = False
    """Whoever answers fetches what waits in batches."""
    found: int = 0
    """Replies of earlier runs that were judged again."""
    lost: set[tuple[str, int]] = field(default_factory=set)
    """Attempts of earlier runs of which nobody knows how they ended."""

    def call(self, asked: Asked) -> Call | None:
        """Return the next call about a sample; None where there is nothing to ask."""
        question = self.recipe.ask(asked.subject.item, asked.memory, again(asked.problems))
        if question is None:
            return None
        request = self.engine.request(question)
        digest = self.engine.digest(request)
        asked.request, asked.attempt = digest.hex(), 0
        asked.key = key_of(self.recipe.purpose, asked.subject.item, digest)
        return Call(asked.key, request, digest)

    def before(self, asked: Asked) -> Came | None:
        """Return the reply that the log holds for the call at hand, if there is one; note how often it was tried.

        Who asked then does not matter: another spec may have asked just the same of this version.
        """
        attempts = work.attempts_of(self.store.connection, bytes.fromhex(asked.key))
        replied = [one for one in attempts if one.outcome == "replied"]
        if replied:
            self.found += 1
            asked.attempt = replied[-1].attempt
            return self._came(replied[-1])
        if asked.key in self.waiting and not self.fetches:
            raise BadRequest(
                f"Of {len(self.waiting)} requests that wait in batches some are of this job; "
                "sent again, they would be paid for twice",
                hint="Run the same command with --mode batch, which fetches what is there.",
            )
        asked.attempt = attempts[-1].attempt if attempts else 0
        if asked.key not in self.waiting:
            self.lost |= {(asked.key, one.attempt) for one in attempts if one.outcome is None}
        return None

    def is_gone(self, asked: Asked) -> bool:
        """Say whether what a call is about was erased since it was read."""
        return bool(erased.among(self.store.connection, [asked.subject.row.version]))

    def about(self, asked: Asked) -> journal.Subject:
        """Return what a journal has to know of the call at hand."""
        row, item = asked.subject
        before = 0 if asked.key in self.waiting else asked.attempt
        return journal.Subject(row.sample, row.id.hex(), row.version, row.hash.hex(), item.ordinal, before)

    def heard(self, asked: Asked, outcome: Outcome) -> Came | None:
        """Return the reply that came just now, if one came; note at which attempt it ended."""
        asked.attempt = self.about(asked).before + outcome.attempts
        reply = outcome.reply
        if reply is None:
            return None
        usage = None if reply.usage is None else reply.usage._asdict()
        cost = None if reply.cost is None else journal.money_text(reply.cost)
        return Came(self.engine.read(reply.body), blake3_bytes(reply.body).hex(), usage, cost)

    def _came(self, attempt: work.Attempt) -> Came:
        leaf = json.loads(work.reply_leaf(self.store.connection, attempt.ended or 0))
        body = self.store.body(attempt.reply or 0)
        return Came(None if body is None else self.engine.read(body), leaf["blob"], leaf["usage"], leaf["cost"])


def key_of(purpose: str, item: Item, request: bytes) -> str:
    """Return the key of a call: two equal questions are two calls where sample, version or ordinal differ."""
    named = {
        "ordinal": item.ordinal,
        "purpose": purpose,
        "request": request.hex(),
        "sample": item.id.hex(),
        "version": item.version.hex(),
    }
    return digest_of(named).hex()
