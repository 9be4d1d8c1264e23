"""Listing samples: a page of those that filters leave, how many there are, and the digest of all of them.

A page begins behind a place, not after so many rows, so the pages together are the list, each sample once, as long as
nobody writes; and any page costs what the first one does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice, takewhile
from typing import Any, NamedTuple

from ledger.digest import blake3_bytes, show
from ledger.errors import BadRequest
from ledger.exporters.manifest import head_json
from ledger.fixed import text_of
from ledger.reports import near_misses as near
from ledger.store import Store
from ledger.transaction import Head, in_chunks
from ledger.verbs import find_words
from ledger.verbs.filters import SORTS, Asked, Looked, read
from ledger.verbs.find_words import Words, holding, prepare, words_of
from ledger.verbs.ids import short_ids
from ledger.verbs.moment import reading
from ledger.views import listing, picking, samples, standing
from ledger.views.listing import Place
from ledger.views.nearest import Near
from ledger.views.picking import Wanted

__all__ = ["SORTS", "Asked", "Page", "find", "find_ids"]

UPTO = 10_000
"""Samples that are counted one by one; of more it is said that they are at least so many."""
_LOOKED_AT = 5_000
"""Samples that are looked at, for counting those that hold a word which many hold."""
_FIRST, _CHUNK = 100, 500
_BATCH = 2_000

_CURSOR = re.compile(r"([a-z]{1,10}):(-?[0-9]{1,16}):([0-9]{1,16})")


class Page(NamedTuple):
    """Which part of a list is wanted, and what of all of it: `total` True, False or 'exact'; the `digest`."""

    limit: int = 20
    after: str | None = None
    total: bool | str = True
    digest: bool = False


class _Found(NamedTuple):
    """A question at a moment."""

    store: Store
    looked: Looked
    words: Words | None


def find(store: Store, asked: Asked, page: Page, as_of: str | int | None) -> dict[str, Any]:
    """Return the answer to `ledger list`."""
    if page.total not in (True, False, "exact"):
        raise BadRequest(
            f"The total is counted (true), counted exactly ('exact') or left out (false), not {page.total!r}"
        )
    after = None if page.after is None else _place(asked.sort, page.after)
    with _at(store, asked, as_of) as (found, head):
        places = _places(found, after, page.limit + 1) if page.limit else iter(())
        listed = list(islice(places, page.limit + 1))
        shown, more = listed[: page.limit], len(listed) > page.limit
        digest, total, exact = None, None, True
        if page.digest:
            ids = _ids(found)
            digest, total = show(blake3_bytes(b"".join(ids))), len(ids)
        elif page.total and page.limit and after is None and not more:
            total = len(shown)
        elif page.total:
            total, exact = _total(found, exact=page.total == "exact")
            total = max(total, len(listed))
        return {
            "samples": _entries(found, shown),
            "total": total,
            "exact": exact,
            "next": _cursor(asked.sort, shown[-1]) if more else None,
            "sort": asked.sort,
            "dimension": None if found.looked.wanted.score is None else found.looked.wanted.score[0],
            "digest": digest,
            "index": None if found.words is None else found.words.as_json(),
            "head": head_json(head.position, head.root),
        }


def find_ids(store: Store, asked: Asked, as_of: str | int | None) -> dict[str, Any]:
    """Return all that a list would hold, for a selection: ids in their order, how many, and their digest."""
    with _at(store, asked, as_of) as (found, head):
        ids = _ids(found)
        return {
            "ids": [one.hex() for one in ids],
            "count": len(ids),
            "digest": show(blake3_bytes(b"".join(ids))),
            "head": head_json(head.position, head.root),
        }


@contextmanager
def _at(store: Store, asked: Asked, as_of: str | int | None) -> Iterator[tuple[_Found, Head]]:
    """Yield a question, read at a moment, and the head of it; words are put into the index first."""
    text = asked.text
    if text is not None:
        prepare(store, text)
    with reading(store, as_of) as (here, head):
        looked = read(here, asked)
        words = None if text is None else words_of(here, text)
        if words is not None and words.few is not None:
            few = looked.wanted.few
            together = words.few if few is None else words.few & few
            looked = looked._replace(wanted=replace(looked.wanted, few=together))
        yield _Found(here, looked, words), head


def _places(found: _Found, after: Place | None, first: int, budget: list[int] | None = None) -> Iterator[Place]:
    """Yield what is asked for in its order, with `after` the later ones."""
    store, looked, words = found
    if looked.near is None or looked.sort != "margin":
        wanted = looked.wanted
        if looked.near is not None:
            few = frozenset(place.sample for place in _near(found, None))
            wanted = replace(wanted, few=few if wanted.few is None else few & wanted.few)
        places = listing.places(store.connection, wanted, looked.sort, after, max(first, 1))
    else:
        places = _near(found, after)
    if words is None or words.few is not None:
        return places
    return _among(places, words.among, budget)


def _near(found: _Found, after: Place | None) -> Iterator[Place]:
    """Yield those that `near-misses` lists, nearest first, and that are wanted."""
    store, looked, _ = found
    wanted = looked.wanted
    asked = near.Asked(0, wanted.campaign, wanted.domain, wanted.rule)
    begin = None if after is None else Near(*after)
    nearest = near.listed(store, asked, looked.near or "", begin)
    places: Iterator[Place] = (Place(*one.near) for one in nearest)
    if looked.within is not None:
        most = looked.within
        places = takewhile(lambda place: abs(place.key) <= most, places)
    few = wanted.few
    if few is not None:
        places = (place for place in places if place.sample in few)
    return _among(places, lambda handles: set(picking.passing(store.connection, wanted, handles)), None)


def _among(
    places: Iterator[Place], choose: Callable[[list[int]], set[int]], budget: list[int] | None
) -> Iterator[Place]:
    """Yield the places that are chosen, looked at a few hundred at a time; with a budget no more than it says."""
    size = _FIRST
    while chunk := list(islice(places, size)):
        chosen = choose([place.sample for place in chunk])
        yield from (place for place in chunk if place.sample in chosen)
        size = _CHUNK
        if budget is not None:
            budget[0] -= len(chunk)
            if budget[0] <= 0:
                return


def _total(found: _Found, *, exact: bool) -> tuple[int, bool]:
    """Return how many are wanted, and whether exactly so many: from the rollups, or counted up to UPTO."""
    if found.words is None and found.looked.near is None:
        told = picking.counted(found.store.connection, found.looked.wanted)
        if told is not None:
            return told, True
    if exact:
        return len(_handles(found)), True
    if found.words is not None and found.words.few is None and _says_nothing(found.looked):
        return min(find_words.FEW, UPTO), False
    budget = [_LOOKED_AT]
    unsorted = found._replace(looked=found.looked._replace(sort=found.looked.sort_to_count))
    count = sum(1 for _ in islice(_places(unsorted, None, _BATCH if found.words is None else _FIRST, budget), UPTO + 1))
    return min(count, UPTO), count <= UPTO and budget[0] > 0


def _says_nothing(looked: Looked) -> bool:
    return looked.near is None and looked.wanted == Wanted()


def _handles(found: _Found) -> list[int]:
    """Return all samples that are wanted, in no order."""
    if found.looked.near is None:
        every = picking.everything(found.store.connection, found.looked.wanted)
    else:
        every = [place.sample for place in _near(found, None)]
    words = found.words
    return every if words is None or words.few is not None else holding(words, every)


def _ids(found: _Found) -> list[bytes]:
    return listing.ids_of(found.store.connection, _handles(found))


def _entries(found: _Found, places: Sequence[Place]) -> list[dict[str, Any]]:
    return [entry for chunk in in_chunks(places) for entry in _shown(found, [place.sample for place in chunk])]


def _shown(found: _Found, handles: list[int]) -> list[dict[str, Any]]:
    store, wanted = found.store, found.looked.wanted
    rows = samples.rows_of(store.connection, handles)
    rules = listing.rules(store.connection, handles)
    margins = listing.margins(store.connection, handles)
    if wanted.score is not None:
        scores = listing.scored(store.connection, wanted, handles)
    else:
        scores = {sample: one.value for sample, one in standing.headlines(store.connection, handles).items()}
    short = short_ids(store, [row.id for row in rows.values()])
    return [
        {
            "sample": (row := rows[handle]).id.hex(),
            "short": short[row.id],
            "status": row.status,
            "label": None if row.label is None else bool(row.label),
            "domain": row.domain,
            "source": row.source,
            "campaign": row.campaign,
            "split": row.split,
            "rule": rules[handle] or None,
            "reason": row.reason or None,
            "margin": _number(margins.get(handle)),
            "score": _number(scores.get(handle)),
            "born": handle,
            "decided": row.decision,
        }
        for handle in handles
    ]


def _number(millionths: int | None) -> str | None:
    return None if millionths is None else text_of(millionths)


def _cursor(sort: str, place: Place) -> str:
    return f"{sort}:{place.key}:{place.sample}"


def _place(sort: str, cursor: object) -> Place:
    found = _CURSOR.fullmatch(cursor) if isinstance(cursor, str) else None
    if found is None:
        told = f"{str(cursor)[:40]!r} is not where a page of a list ends; take the `next` of an answer"
        raise BadRequest(told)
    if found[1] != sort:
        raise BadRequest(f"That page was in the order {found[1]!r}, this one is in the order {sort!r}")
    return Place(int(found[2]), int(found[3]))
