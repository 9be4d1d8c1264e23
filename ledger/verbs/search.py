"""Search: the samples whose current version holds words, nearest first, with the place where they stand.

A query is words, and all of them must be there; a phrase in quotes is words in a row; `*` at the end of either stands
for any ending. Nothing else in a query has a meaning, so none is malformed. Case and accents do not count, and what is
neither letter nor digit only separates words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ledger import sqlite
from ledger.digest import show
from ledger.errors import BadRequest, CorruptLedger
from ledger.exporters.manifest import head_json
from ledger.policy import parse_condition
from ledger.readers import content_of
from ledger.rule import Condition
from ledger.store import Store
from ledger.transaction import Head, in_chunks
from ledger.verbs.adopt import checked_campaign
from ledger.verbs.moment import reading
from ledger.verbs.search_index import (
    Index,
    Progress,
    as_it_is,
    bring_up_to_date,
    catch_up_inside,
    check_possible,
    held,
    is_current,
    make_aside,
    sides,
)
from ledger.verbs.selection import check_scores
from ledger.verbs.words import plain_text
from ledger.views import conditions, samples, worded
from ledger.views import search as words

FIELDS = ("prompt", "completion", "all")
STATUSES = ("accepted", "rejected", "pending", "errored", "superseded")
LABELS = ("true", "false", "none")

LONGEST = 1_000
"""Characters of a query."""
_PIECE = 320
"""Characters of a snippet: its words can be of any length."""
_LEAD = 80
"""Of them, those before the first hit where it has to be cut."""

_TERM = re.compile(r'"([^"]*)(?:"|$)(\*?)|([^\s"]+)')
_SPACE = re.compile(r"\s+")
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]+"
)
"""Control characters, line ends, what nobody sees, what turns the reading order round: it only separates words."""


class Term(NamedTuple):
    """Words in a row, the last with any ending where `prefix`."""

    text: str
    prefix: bool


class Asked(NamedTuple):
    """What is searched for: a query, in which field of which samples, and which part of the list is wanted."""

    query: str
    field: str = "all"
    campaign: str | None = None
    status: str | None = None
    label: str | None = None
    domain: str | None = None
    where: str | None = None
    limit: int = 20
    offset: int = 0


class _Unsound(Exception):  # noqa: N818 - never leaves this module
    """The index is damaged, or not of these texts."""


class _Search(NamedTuple):
    """A search whose words and condition were read."""

    asked: Asked
    terms: list[Term]
    condition: Condition | None
    as_of: str | int | None
    progress: Progress


def search(
    store: Store, asked: Asked, as_of: str | int | None, progress: Progress, *, anew: bool = False
) -> dict[str, Any]:
    """Return the samples that match at a moment; new versions are put into the index first, `anew` all of them.

    Where the file cannot be written and its index is not up to date, a temporary one is made, and a warning says so.
    An index that is damaged is made again. Raises BadRequest, ConditionInvalid, NoSuchPosition, LedgerBusy, DiskFull;
    NotWritable for `anew`.
    """
    looked = _read(asked, as_of, progress)
    check_possible(store)
    if store.read_only and not anew:
        return _as_it_is(store, looked)
    try:
        added = bring_up_to_date(store, progress, anew=anew) if store.writable or anew else 0
        return _at_moment(store, looked, added)
    except (_Unsound, CorruptLedger) as error:
        if isinstance(error, CorruptLedger) and not words.is_damage(error.__cause__):
            raise
    if not store.writable:
        with reading(store, as_of) as (here, head):
            return _aside(store, here, head, looked)
    added = bring_up_to_date(store, progress, anew=True)
    try:
        return _at_moment(store, looked, added)
    except _Unsound as error:
        raise CorruptLedger(store.path, f"the index of words is not what was just made: {error}") from error


def terms_of(query: str) -> list[Term]:
    """Return what a query asks for, each once; raise BadRequest where it is too long or holds no word."""
    if not isinstance(query, str):
        raise BadRequest(f"The query must be text, not {type(query).__name__}")
    if len(query) > LONGEST:
        raise BadRequest(f"The query is {len(query)} characters long; the longest is {LONGEST}")
    found: dict[Term, None] = {}
    for phrase, star, word in _TERM.findall(unicodedata.normalize("NFC", _UNSEEN.sub(" ", query))):
        term = Term(word.rstrip("*"), word.endswith("*")) if word else Term(" ".join(phrase.split()), bool(star))
        if any(unicodedata.category(char)[0] in "LN" for char in term.text):
            found[term] = None
    if not found:
        raise BadRequest("The query holds no word: neither a letter nor a digit")
    return list(found)


def match_of(terms: Sequence[Term], field: str) -> str:
    """Return terms as a query of FTS5, in which every word stands in quotes."""
    every = " ".join(f'"{term.text}"{"*" if term.prefix else ""}' for term in terms)
    return every if field == "all" else f"{{{field}}} : ({every})"


def _read(asked: Asked, as_of: str | int | None, progress: Progress) -> _Search:
    """Return the search that is asked for; raise BadRequest and ConditionInvalid before anything is done."""
    for what, value, allowed in (
        ("field", asked.field, FIELDS),
        ("status", asked.status, (*STATUSES, None)),
        ("label", asked.label, (*LABELS, None)),
    ):
        if value not in allowed:
            raise BadRequest(f"There is no {what} {value!r}; there are {', '.join(one for one in allowed if one)}")
    if asked.domain is not None:
        plain_text("The domain", asked.domain)
    where = asked.where
    condition = None if where is None else parse_condition(plain_text("The condition", where, needed=True))
    return _Search(asked, terms_of(asked.query), condition, as_of, progress)


def _at_moment(store: Store, looked: _Search, added: int) -> dict[str, Any]:
    """Search with the file's index; with a temporary one where that is behind and cannot be written."""
    with reading(store, looked.as_of) as (here, head):
        if is_current(here, "main"):
            return _answer(here, head, looked, held(here, "main", added))
        if not store.writable:
            return _aside(store, here, head, looked)
    # Somebody wrote since the index was brought up to date: once more, and nobody writes meanwhile.
    with store.exclusive():
        added += catch_up_inside(store, looked.progress)
        return _answer(store, store.head(), looked, held(store, "main", added))


def _as_it_is(store: Store, looked: _Search) -> dict[str, Any]:
    """Search with the file's index, which may be behind; say so, and write nothing."""
    with reading(store, looked.as_of) as (here, head):
        as_it_is(here)
        try:
            return _answer(here, head, looked, held(here, "main", 0))
        except _Unsound as error:
            hint = "Run `ledger search WORD --rebuild`; nothing else depends on it."
            raise BadRequest("The index of words is damaged", hint=hint) from error


def _aside(store: Store, here: Store, head: Head, looked: _Search) -> dict[str, Any]:
    try:
        made = make_aside(here, looked.progress)
        told = "the ledger cannot be written, so its words were put into an index for this search alone"
        store.warnings.append(told)
        return _answer(here, head, looked, held(here, "temp", made))
    finally:
        words.drop_aside(here.connection)


def _answer(store: Store, head: Head, looked: _Search, index: Index) -> dict[str, Any]:
    asked = looked.asked
    campaign = checked_campaign(store, asked.campaign)
    match = match_of(looked.terms, asked.field)
    chosen = _chosen(store, looked.condition)
    wanted = words.Wanted(match, campaign, asked.status, asked.label, asked.domain, chosen)
    try:
        ranked, complete = words.found(store.connection, index.schema, wanted)
    except sqlite.Error as error:
        if words.is_damage(error):
            raise _Unsound(error) from error
        raise
    page = ranked[asked.offset : asked.offset + asked.limit]
    return {
        "query": asked.query,
        "terms": [term._asdict() for term in looked.terms],
        "field": asked.field,
        "found": len(ranked),
        "complete": complete,
        "offset": asked.offset,
        "left": max(len(ranked) - asked.offset - len(page), 0),
        "samples": _entries(store, match, page),
        "index": {
            "kind": {"main": "stored", "temp": "temporary"}[index.schema],
            "versions": index.versions,
            "added": index.added,
            "position": index.position,
            "behind": worded.behind(store.connection, index.position),
        },
        "head": head_json(head.position, head.root),
    }


def _chosen(store: Store, condition: Condition | None) -> Callable[[int], int] | None:
    """Return what says whether the condition holds for a sample."""
    if condition is None:
        return None
    check_scores(store, condition)
    return conditions.selected_set(store.connection, condition).__getitem__


def _entries(store: Store, match: str, page: Sequence[words.Hit]) -> list[dict[str, Any]]:
    """Return what is shown of each sample."""
    return [entry for chunk in in_chunks(page) for entry in _shown(store, match, chunk)]


def _shown(store: Store, match: str, hits: Sequence[words.Hit]) -> list[dict[str, Any]]:
    rows = samples.rows_of(store.connection, [hit.sample for hit in hits])
    bodies = store.bodies([row.version for row in rows.values()])
    texts = []
    for hit in hits:
        row = rows[hit.sample]
        body = bodies[row.version]
        if body is None:
            raise _Unsound(f"it holds words of sample {row.id.hex()[:12]}, whose text is gone")
        texts.append(sides(content_of(body, row.reader)))
    pieces = words.marked(match, texts)
    if len(pieces) != len(hits):
        raise _Unsound("it names samples that do not hold the words")
    return [_entry(rows[hit.sample], hit, *pieces[place]) for place, hit in enumerate(hits)]


def _entry(row: samples.Row, hit: words.Hit, prompt: str, completion: str) -> dict[str, Any]:
    in_prompt = prompt.count(words.BEGIN) >= completion.count(words.BEGIN)
    text, places = cut(prompt if in_prompt else completion)
    return {
        "sample": row.id.hex(),
        "campaign": row.campaign,
        "source": row.source,
        "domain": row.domain,
        "status": row.status,
        "label": None if row.label is None else bool(row.label),
        "split": row.split,
        "version": show(row.hash),
        "relevance": round(-hit.rank, 6),
        "field": "prompt" if in_prompt else "completion",
        "snippet": text,
        "hits": places,
    }


def cut(piece: str) -> tuple[str, list[list[int]]]:
    """Return a marked piece without its marks, in one line of _PIECE characters at most, and where the hits stand.

    What could steer a terminal is no part of a word, so a space takes its place.
    """
    text, places, done = "", [], 0
    for part in re.split(f"([{words.BEGIN}{words.END}])", piece):
        if part == words.BEGIN:
            done = len(text)
        elif part == words.END:
            places.append([done, len(text)])
        else:
            text += _SPACE.sub(" ", _UNSEEN.sub(" ", part))
    if len(text) <= _PIECE:
        return text, places
    first = places[0][0] if places else 0
    start = max(min(first - _LEAD, len(text) - _PIECE), 0)
    end = start + _PIECE
    kept = [
        [max(begin, start) - start, min(stop, end) - start] for begin, stop in places if begin < end and stop > start
    ]
    return text[start:end], kept
