"""What a job is about: which samples, in the order of their birth, which of them have an end already, and the rest.

Nothing here depends on the number of samples but their handles, eight bytes each.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from ledger.digest import blake3_bytes, digest_of, encode
from ledger.event import draft
from ledger.recipes.contract import Made, Recipe
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.decide import check_there
from ledger.verbs.engine import How
from ledger.verbs.items import subjects
from ledger.verbs.journal import money_text
from ledger.verbs.run import Run
from ledger.verbs.selection import Selection, selected
from ledger.verbs.work import Next
from ledger.views import samples, work

CHUNK = 200
"""Samples whose bytes are in memory at a time, beside those that are on their way."""
PIECE = 10_000
"""Samples of one event that says what is planned."""

Known: TypeAlias = Callable[[list[samples.Row]], Mapping[int, work.Done]]
"""What a recipe came to with the versions of some samples so far."""


Chosen: TypeAlias = "Selection | array[int]"
"""What somebody selects, or handles."""


class Planned(NamedTuple):
    """The samples of a job (handles), how many of them have an end already, and what was spent on them before."""

    handles: array[int]
    reused: int
    spent: Decimal

    @property
    def todo(self) -> int:
        """Return how many samples have no end yet."""
        return len(self.handles) - self.reused


class Frozen(NamedTuple):
    """A recipe with the model that it is given to, as bytes; their address names it."""

    body: bytes
    digest: str


def freeze(recipe: Recipe, how: How) -> Frozen:
    """Return all that questions and results depend on: the recipe, the provider, the model and the effort."""
    made = {
        "effort": how.effort,
        "model": how.model,
        "name": recipe.name,
        "provider": how.provider,
        "purpose": recipe.purpose,
        "recipe": recipe.frozen(),
        "version": recipe.version,
    }
    body = encode(made)
    return Frozen(body, blake3_bytes(body).hex())


def plan(store: Store, chosen: Chosen, recipe: str, known: Known, *, retry: bool, limit: int | None) -> Planned:
    """Return the samples of a selection that a recipe did not make itself, the first `limit` of them.

    With `retry` a last failure is no end. Raises what a selection does, and ErasedBytes for ids of what is gone.
    """
    handles = chosen if isinstance(chosen, array) else _handles(store, chosen, recipe)
    handles = array("q", sorted(handles))[:limit]
    reused, spent = 0, 0
    for chunk in in_chunks(handles, CHUNK):
        rows_of = samples.rows_of(store.connection, chunk)
        done = known([rows_of[handle] for handle in chunk])
        reused += sum(is_done(done[handle], retry=retry) for handle in chunk)
        spent += sum(done[handle].spent for handle in chunk)
    return Planned(handles, reused, work.dollars(spent))


def spent_on(store: Store, handles: array[int], known: Known) -> Decimal:
    """Return the dollars that a job spent on samples so far, with what is unknown counted in full."""
    spent = 0
    for chunk in in_chunks(handles, CHUNK):
        rows_of = samples.rows_of(store.connection, chunk)
        done = known([rows_of[handle] for handle in chunk])
        spent += sum(done[handle].spent for handle in chunk)
    return work.dollars(spent)


def _handles(store: Store, chosen: Selection, recipe: str) -> array[int]:
    handles = array("q")
    for rows in selected(store, chosen):
        check_there(store, rows)
        own = work.made_by(store.connection, recipe, [row.sample for row in rows])
        handles.extend(row.sample for row in rows if row.sample not in own)
    return handles


def is_done(done: work.Done, *, retry: bool) -> bool:
    """Say whether a sample has an end already."""
    return done.child is not None or (done.failures > 0 and not retry)


def record(
    store: Store, run: Run, planned: Planned, recipe: Recipe, frozen: Frozen, how: How, prices: Mapping[str, str]
) -> None:
    """Append what is planned, as far as no earlier run said just that."""
    for piece in in_chunks(planned.handles, PIECE):
        with store.transaction() as transaction:
            members = _members(store, piece)
            fields = {
                "budget": None if how.budget is None else money_text(how.budget),
                "items": len(piece),
                "members": blake3_bytes(members).hex(),
                "model": how.model,
                "prices": dict(prices),
                "provider": how.provider,
                "purpose": recipe.purpose,
                "recipe": frozen.digest,
            }
            made = draft("work_planned", None, None, fields)
            if not transaction.known_ops([made.op]):
                rows = transaction.add_blobs({blake3_bytes(body): body for body in (frozen.body, members)})
                run.append(transaction, [made._replace(blob=rows[bytes.fromhex(frozen.digest)])])


def stream(store: Store, planned: Planned, known: Known, *, retry: bool, whole: bool) -> Iterator[Next]:
    """Yield the samples that have no end yet; with `whole` all of them, those that have one with their result.

    A sample that failed before and is tried again gets the next ordinal, so that its questions are new calls.
    """
    for chunk in in_chunks(planned.handles, CHUNK):
        rows = samples.rows_of(store.connection, chunk)
        done = known([rows[handle] for handle in chunk])
        ends = {handle: is_done(done[handle], retry=retry) for handle in chunk}
        wanted = [handle for handle in chunk if whole or not ends[handle]]
        ordinals = {handle: done[handle].failures for handle in wanted}
        found = {one.row.sample: one for one in subjects(store, wanted, ordinals)}
        for handle in wanted:
            subject = found.get(handle)
            if not ends[handle]:
                yield Next(subject, gone=subject is None)
                continue
            result = _result(store, done[handle].child)
            yield Next(None if result is None else subject, result=result)


def _result(store: Store, child: int | None) -> Made | None:
    row = None if child is None else samples.get(store.connection, child)
    body = None if row is None else store.body(row.version)
    return None if body is None else Made(body)


def _members(store: Store, piece: list[int]) -> bytes:
    """Return samples and their versions as JSON, in their order."""
    listed: list[list[str]] = []
    for chunk in in_chunks(piece):
        rows = samples.rows_of(store.connection, chunk)
        listed += [[rows[handle].id.hex(), rows[handle].hash.hex()] for handle in chunk]
    return encode(listed)


def params(chosen: Chosen, recipe: Recipe, frozen: Frozen, how: How) -> dict[str, Any]:
    """Return the parameters of a run; `recipe` is what the views know its attempts by."""
    selection = {"samples": len(chosen)} if isinstance(chosen, array) else _as_json(chosen)
    return {
        **selection,
        "budget": None if how.budget is None else money_text(how.budget),
        "mode": how.mode,
        "model": how.model,
        "name": recipe.name,
        "provider": how.provider,
        "recipe": frozen.digest,
    }


def _as_json(chosen: Selection) -> dict[str, Any]:
    return {"ids": digest_of(sorted(chosen.ids)).hex()} if chosen.ids else chosen.as_json()
