"""What questions go through: a provider, opened for one model, with the budget and the batches that the log knows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, TypeAlias, TypedDict

from ledger.agents import replies
from ledger.agents.budget import Budget, Warn
from ledger.agents.contract import LIVE, MODES, Backend, Request
from ledger.agents.opening import Opened, open_backend
from ledger.errors import BadRequest
from ledger.recipes.contract import Question
from ledger.store import Store
from ledger.verbs.asking import Engine, Said
from ledger.verbs.words import plain_text, whole_number
from ledger.views import work

PROVIDERS = ("anthropic", "openai")
DEAREST = Decimal(1_000_000)


class How(NamedTuple):
    """How questions are asked: by which provider and model, where, for how much at most, how many at a time."""

    model: str
    provider: str = PROVIDERS[0]
    base_url: str | None = None
    mode: str = LIVE
    budget: Decimal | None = None
    price: str | None = None
    concurrency: int | None = None
    effort: str | None = None


class Past(NamedTuple):
    """What earlier runs leave: dollars spent, batches that are open (digest -> what was sent), and all that are known.

    The dollars count what nobody knows in full.
    """

    spent: Decimal
    known: Mapping[str, Any]
    heard: tuple[str, ...]
    warn: Warn | None = None
    """Told once when four fifths of the budget are spent."""


Opener: TypeAlias = Callable[[How, Past], AbstractAsyncContextManager[tuple[Engine, Mapping[str, str]]]]
"""Opens what questions go through, and says what it costs (as texts)."""


class Through:
    """An opened provider as the work sees it."""

    def __init__(self, opened: Opened, effort: str | None) -> None:
        """Ask through it."""
        self._opened = opened
        self._effort = effort

    @property
    def backend(self) -> Backend:
        """Where calls are answered."""
        return self._opened.backend

    def request(self, question: Question) -> Request:
        """Return the body of a request."""
        blocks = [(block.text, block.keep) for block in question.instructions]
        return self._opened.request(
            blocks, question.data, question.schema, question.output, question.again, None, self._effort
        )

    def digest(self, request: Request) -> bytes:
        """Return what names a request."""
        return self._opened.digest(request)

    def read(self, body: bytes) -> Said:
        """Return what the bytes of a reply say."""
        return said(body)


def said(body: bytes) -> Said:
    """Return what the bytes of a reply say; never raises."""
    read = replies.read(body)
    return Said(read.text, read.stop, read.refusal)


@asynccontextmanager
async def open_engine(how: How, past: Past) -> AsyncIterator[tuple[Engine, Mapping[str, str]]]:
    """Open the provider; raises what `open_backend` does."""
    budget = Budget(how.budget, past.spent, past.warn)
    async with open_backend(
        how.provider,
        how.model,
        base_url=how.base_url,
        mode=how.mode,
        budget=budget,
        price=how.price,
        concurrency=how.concurrency,
        known=past.known,
        heard=past.heard,
    ) as opened:
        opened.request([], "", None, 1, effort=how.effort)  # an effort that the model does not take is refused here
        yield Through(opened, how.effort), opened.prices.frozen()


def past(store: Store, recipe: str, provider: str, spent: Decimal) -> Past:
    """Return what earlier runs of a recipe leave, and what waits in batches of whatever recipe.

    What another recipe set aside is none of this one's spending, and nothing of it is given back here.
    """
    from ledger.agents.batch import Open, Sent  # noqa: PLC0415 - only whoever asks in batches needs it

    sent: dict[bytes, dict[str, Sent]] = {}
    since: dict[bytes, float] = {}
    for one in work.open_batches(store.connection, provider):
        reserved = work.dollars(one.reserved if one.recipe == recipe else 0)
        sent.setdefault(one.batch, {})[one.call.hex()] = Sent(one.attempt, reserved)
        since.setdefault(one.batch, one.at / 1_000_000)
    known = {
        batch.hex(): Open(work.provider_id(store.connection, batch), calls, since[batch])
        for batch, calls in sent.items()
    }
    return Past(spent, known, tuple(work.heard(store.connection, provider)))


class Asking(TypedDict, total=False):
    """How somebody wants questions to be asked, unchecked: the keywords that every job and estimate takes."""

    provider: str
    base_url: str | None
    mode: str
    budget: object
    price: str | None
    concurrency: int | None
    effort: str | None


def how_to_ask(
    model: str | None,
    *,
    provider: str = PROVIDERS[0],
    base_url: str | None = None,
    mode: str = LIVE,
    budget: object = None,
    price: str | None = None,
    concurrency: int | None = None,
    effort: str | None = None,
) -> How:
    """Return checked options; raise BadRequest."""
    if model is None:
        raise BadRequest("No model was named", hint="Give --model NAME, or name one in the file.")
    if provider not in PROVIDERS:
        raise BadRequest(f"There is no provider {provider[:40]!r}; there are {', '.join(PROVIDERS)}")
    if mode not in MODES:
        raise BadRequest(f"There is no mode {mode[:40]!r}; there are {', '.join(MODES)}")
    if concurrency is not None:
        whole_number("The number of requests at a time", concurrency, 1)
    model = plain_text("The model's name", model, needed=True)
    return How(model, provider, base_url, mode, _dollars(budget), price, concurrency, effort)


def _dollars(amount: object) -> Decimal | None:
    if amount is None:
        return None
    try:
        dollars = Decimal(str(amount))
    except InvalidOperation:
        dollars = Decimal("NaN")
    if not dollars.is_finite() or not 0 <= dollars <= DEAREST:
        raise BadRequest(f"The budget is dollars from 0 to {DEAREST:,}, not {str(amount)[:40]!r}")
    return dollars
