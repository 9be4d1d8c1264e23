"""What an erasure touches, and what of the text stays beside it: relatives, releases, events that quote it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from ledger.errors import UnknownEvent
from ledger.event import CIRCUMSTANCES
from ledger.fixed import text_of
from ledger.readers import content_of
from ledger.readers.strings import Stretch, find_in_strings
from ledger.reports.history import leaf_of
from ledger.sample import Content
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.covering import Cover
from ledger.verbs.echoes import WINDOW, Echoes, echoes
from ledger.views import holders, proposals, quarantine

LISTED = 1_000
"""Samples, relatives and events that an answer lists; all are counted."""
_EVENTS = 10_000
"""Events of one sample, and lines in quarantine, that are looked at."""
_PROPOSALS = 500
_MOST_READ = 100
_DIGEST = re.compile("[0-9a-f]{64}")
_OURS = frozenset({*CIRCUMSTANCES, "form", "reader", "type"})
"""Fields whose words are this program's own."""


class Traces(NamedTuple):
    """Samples that lose a version, relatives that keep theirs, quarantined lines, releases, models, quoting events.

    All relatives are counted; of those that only have the same prompt 1,000 are listed, and `same_prompt` counts all
    that have it. `unread` counts covered versions whose text was not looked for in events: it is gone, or there were
    too many. `alike` are the events of other lines in quarantine: broken, so without a fingerprint, but with the text.
    """

    samples: list[dict[str, Any]]
    relatives: list[dict[str, Any]]
    relatives_count: int
    same_prompt: int
    lines: set[tuple[int, int]]
    releases: list[holders.Release]
    echoes: Echoes
    quoting: list[dict[str, Any]]
    unread: int
    alike: list[str]


_Said: TypeAlias = tuple[Mapping[str, Any], dict[str, set[str]]]
"""What an event says, and the windows of each field."""


class _Related(NamedTuple):
    """Relatives that an answer lists, how many there are, and how many of all have the prompt of an erased version."""

    listed: list[dict[str, Any]]
    total: int
    same_prompt: int


def traces(store: Store, covered: Cover) -> Traces:
    """Return what a cover touches and leaves; inside `holders.former`."""
    connection = store.connection
    lines: set[tuple[int, int]] = set()
    for chunk in in_chunks(covered.blobs):
        lines |= holders.lines(connection, chunk)
    with holders.covered(connection, covered.blobs):
        released = _releases(store, covered)
        related = _related(store, covered, holders.same_prompt(connection))
    texts, unread = _read(store, covered)
    return Traces(
        list(_samples(store, covered)),
        related.listed,
        related.total,
        related.same_prompt,
        lines,
        released,
        echoes(store, [one.position for one in released], texts, covered.blobs),
        quoting(store, texts),
        unread,
        alike(store, covered, texts),
    )


def quoting(store: Store, texts: Mapping[int, Sequence[Sequence[str]]]) -> list[dict[str, Any]]:
    """Return position, kind and fields of the events that quote a text of the samples that they are about.

    Events cannot be erased: their notes, reasons and tags stay, and so do the parameters of the runs that made them. A
    dozen characters in a row count as a quotation. `texts` are of the erased versions of each sample. Of proposals the
    latest 500 are looked at, whatever samples they are about.
    """
    found: dict[int, dict[str, Any]] = {}
    begun: dict[int, _Said] = {}
    for sample, versions in texts.items():
        events = store.events(sample=sample, upto=store.head().position, limit=_EVENTS)
        found |= _quoting(store, {position: text for position, _, text in events}, versions, begun)
    told = proposals.events(store.connection, _PROPOSALS)
    found |= _quoting(store, told, [version for versions in texts.values() for version in versions], begun)
    return [one for _, one in sorted(found.items())]


def _quoting(
    store: Store, events: Mapping[int, str], versions: Sequence[Sequence[str]], begun: dict[int, _Said]
) -> dict[int, dict[str, Any]]:
    """Return which of some events, and of those that began their runs, quote a text; `begun` keeps these."""
    leaves = {position: leaf_of(store, text) for position, text in events.items()}
    said: dict[int, _Said] = {position: (leaf, _words(leaf)) for position, leaf in leaves.items()}
    for run in {leaf["run"] for leaf in leaves.values()}:
        said[run] = begun[run] = begun.get(run) or _begun(store, run)
    every = set[str]().union(*(windows for _, words in said.values() for windows in words.values()))
    quoted = set[str]().union(*(_quoted(version, every) for version in versions if every))
    fields = {
        position: [name for name, windows in words.items() if not windows.isdisjoint(quoted)]
        for position, (_, words) in said.items()
    }
    return {
        position: {"position": position, "kind": said[position][0]["kind"], "fields": names}
        for position, names in fields.items()
        if names
    }


def alike(store: Store, covered: Cover, texts: Mapping[int, Sequence[Sequence[str]]]) -> list[str]:
    """Return the quarantined lines, not covered, that hold the longest text of a covered sample; the oldest 10,000."""
    longest = [max(version, key=len, default="") for versions in texts.values() for version in versions]
    needles = set[bytes]().union(*(_spellings(text) for text in longest))
    found: list[str] = []
    lines = quarantine.listed(store.connection, limit=_EVENTS) if needles else []
    for chunk in in_chunks(line for line in lines if line.blob not in covered.blobs):
        bodies = store.bodies([line.blob for line in chunk])
        found += [line.id.hex() for line in chunk if any(one in (bodies[line.blob] or b"") for one in needles)]
    return found


def _read(store: Store, covered: Cover) -> tuple[dict[int, list[list[str]]], int]:
    """Return the texts of the covered versions of up to 100 samples, and how many versions were not read.

    Those are the texts of prompt and completion: no keys, and nothing of what else stands in the line.
    """
    texts: dict[int, list[list[str]]] = {}
    read: set[int] = set()
    for sample, rows in list(covered.held.items())[:_MOST_READ]:
        bodies = store.bodies(sorted(rows))
        texts[sample] = []
        for held in holders.by_samples(store.connection, [sample]):
            body = bodies.get(held.blob)
            if body is not None and (content := _content(body, held.reader)) is not None:
                texts[sample].append([*_texts(content.prompt), *_texts(content.completion)])
                read.add(held.blob)
    return texts, len(set[int]().union(*covered.held.values()) - read)


def _content(body: bytes, reader: str) -> Content | None:
    """Return what a version teaches; None where only a newer program can tell."""
    try:
        return content_of(body, reader)
    except UnknownEvent:
        return None


def _begun(store: Store, run: int) -> _Said:
    """Return the event that began a run, and the windows of what it was asked."""
    event = store.event(run)
    leaf = {"kind": "run_started", "params": {}} if event is None else leaf_of(store, event[1])
    return leaf, {"params": _windows(_texts(leaf["params"]))}


def _releases(store: Store, covered: Cover) -> list[holders.Release]:
    found: dict[int, holders.Release] = {}
    for chunk in in_chunks(covered.held):
        for one in holders.releases(store.connection, chunk):
            before = found.get(one.position, one._replace(samples=0, rows=0))
            found[one.position] = one._replace(samples=one.samples + before.samples, rows=one.rows + before.rows)
    return [one for _, one in sorted(found.items())]


def _samples(store: Store, covered: Cover) -> Iterator[dict[str, Any]]:
    for chunk in in_chunks(covered.held):
        standing = holders.standing(store.connection, chunk)
        for sample in chunk:
            version, status = standing[sample]
            yield {"sample": covered.ids[sample].hex(), "how": _how(covered, sample, version), "status": status}


def _how(covered: Cover, sample: int, version: int) -> str:
    if sample in covered.named:
        return "named"
    if sample in covered.children:
        return "child"
    return "same_text" if version in covered.blobs else "earlier_version"


def _related(store: Store, covered: Cover, asking: list[int]) -> _Related:
    """Return, each once, what was derived from covered samples, their parents, what is near, and what asks the same."""
    same = frozenset(asking)
    related = list(_relatives(store, covered, same))
    known = {one["sample"] for one in related}
    others: list[dict[str, Any]] = []
    for chunk in in_chunks(asking):
        standing, ids = holders.standing(store.connection, chunk), holders.ids(store.connection, chunk)
        for sample in chunk:
            told = {"how": "same_prompt", "by": None, "same_prompt": True, "status": standing[sample][1]}
            others += [{"sample": name, **told}] if (name := ids[sample].hex()) not in known else []
    return _Related([*related, *others[:LISTED]], len(related) + len(others), len(same))


def _relatives(store: Store, covered: Cover, same: frozenset[int]) -> Iterator[dict[str, Any]]:
    """Yield, each once, what was derived from covered samples, their parents, and what is near to them."""
    found: dict[int, dict[str, Any]] = {}
    for chunk in in_chunks(covered.held):
        for child, how in holders.descendants(store.connection, chunk):
            found.setdefault(child, {"how": "child", "by": how})
        for parent, how in holders.parents(store.connection, chunk):
            found.setdefault(parent, {"how": "parent", "by": how})
    for prints in in_chunks(bytes.fromhex(one) for one in covered.fingerprints):
        for near in holders.near(store.connection, prints):
            found.setdefault(near.sample, {"how": "near", "by": f"{near.field} {text_of(near.similarity)}"})
    for chunk in in_chunks(sample for sample in found if sample not in covered.held):
        standing, ids = holders.standing(store.connection, chunk), holders.ids(store.connection, chunk)
        for sample in chunk:
            if standing[sample][1] != "erased" or sample in same:
                told = {**found[sample], "same_prompt": sample in same, "status": standing[sample][1]}
                yield {"sample": ids[sample].hex(), **told}


def _words(leaf: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return the windows of what each field of an event says, digests and this program's own words apart."""
    said = {name: _windows(_texts(value)) for name, value in leaf.items() if name not in _OURS}
    return {name: windows for name, windows in sorted(said.items()) if windows}


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - a value of a leaf
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            left += one.values()
        elif isinstance(one, Sequence):
            left += one


def _windows(texts: Iterable[str]) -> set[str]:
    spoken = (text for text in texts if not _DIGEST.fullmatch(text))
    return {text[at : at + WINDOW] for text in spoken for at in range(len(text) - WINDOW + 1)}


def _quoted(texts: Sequence[str], among: set[str]) -> set[str]:
    """Return those of some windows that stand in texts, also where JSON in a text spells them otherwise."""
    found: set[str] = set()

    def find(text: str) -> list[Stretch]:
        found.update(window for at in range(len(text) - WINDOW + 1) if (window := text[at : at + WINDOW]) in among)
        return []

    find_in_strings(json.dumps(texts), find)
    return found


def _spellings(text: str) -> set[bytes]:
    """Return a text as bytes, in the ways in which JSON writes it; nothing for one that is too short to be told."""
    if len(text) < WINDOW:
        return set()
    return {each.encode() for each in (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])}
