"""What an erasure touches, and what of the text stays beside it: relatives, releases, events that quote it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ledger.event import CIRCUMSTANCES
from ledger.fixed import text_of
from ledger.readers.strings import Stretch, find_in_strings
from ledger.reports.history import leaf_of
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.covering import Cover
from ledger.views import holders, quarantine

WINDOW = 12
"""Characters in a row that make a quotation: longer than most words, shorter than any secret."""
_EVENTS = 10_000
"""Events of one sample, and lines in quarantine, that are looked at."""
_MOST_READ = 100
_DIGEST = re.compile("[0-9a-f]{64}")
_OURS = frozenset({*CIRCUMSTANCES, "form", "reader", "type"})
"""Fields whose words are this program's own."""


class Traces(NamedTuple):
    """Samples that lose a version, relatives that keep theirs, quarantined lines, releases, and quoting events.

    `alike` are the events of other lines in quarantine: broken, so without a fingerprint, but with the text in them.
    """

    samples: list[dict[str, Any]]
    relatives: list[dict[str, Any]]
    lines: set[tuple[int, int]]
    releases: list[holders.Release]
    quoting: list[dict[str, Any]]
    alike: list[str]


def traces(store: Store, covered: Cover) -> Traces:
    """Return what a cover touches and leaves; inside `holders.former`."""
    connection = store.connection
    lines: set[tuple[int, int]] = set()
    for chunk in in_chunks(covered.blobs):
        lines |= holders.lines(connection, chunk)
    released: dict[int, holders.Release] = {}
    for chunk in in_chunks(covered.held):
        for one in holders.releases(connection, chunk):
            before = released.get(one.position)
            released[one.position] = one._replace(samples=one.samples + (before.samples if before else 0))
    return Traces(
        list(_samples(store, covered)),
        list(_relatives(store, covered)),
        lines,
        [one for _, one in sorted(released.items())],
        quoting(store, covered),
        alike(store, covered),
    )


def quoting(store: Store, covered: Cover) -> list[dict[str, Any]]:
    """Return position, kind and fields of the events about covered samples that quote a covered text.

    Events cannot be erased: their notes, reasons and tags stay. A dozen characters in a row count as a quotation; up to
    100 samples are looked at.
    """
    found: list[dict[str, Any]] = []
    for sample, rows in list(covered.held.items())[:_MOST_READ]:
        events = store.events(sample=sample, upto=store.head().position, limit=_EVENTS)
        said = [(position, leaf, _words(leaf)) for position, _, text in events for leaf in [leaf_of(store, text)]]
        every = set[str]().union(*(windows for _, _, words in said for windows in words.values()))
        bodies = [body for body in store.bodies(sorted(rows)).values() if body is not None]
        quoted = set[str]().union(*(_quoted(body, every) for body in bodies if every))
        for position, leaf, words in said:
            if fields := [name for name, windows in words.items() if not windows.isdisjoint(quoted)]:
                found.append({"position": position, "kind": leaf["kind"], "fields": fields})
    return sorted(found, key=lambda one: one["position"])


def alike(store: Store, covered: Cover) -> list[str]:
    """Return the quarantined lines, not covered, that hold the longest text of a covered sample; the oldest 10,000."""
    needles: set[bytes] = set()
    for rows in list(covered.held.values())[:_MOST_READ]:
        for body in store.bodies(sorted(rows)).values():
            needles |= set() if body is None else _spellings(_longest(body))
    found: list[str] = []
    lines = quarantine.listed(store.connection, limit=_EVENTS) if needles else []
    for chunk in in_chunks(line for line in lines if line.blob not in covered.blobs):
        bodies = store.bodies([line.blob for line in chunk])
        found += [line.id.hex() for line in chunk if any(one in (bodies[line.blob] or b"") for one in needles)]
    return found


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


def _relatives(store: Store, covered: Cover) -> Iterator[dict[str, Any]]:
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
            if standing[sample][1] != "erased":
                yield {"sample": ids[sample].hex(), **found[sample], "status": standing[sample][1]}


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


def _quoted(body: bytes, among: set[str]) -> set[str]:
    """Return those of some windows that stand in a text of a sample's JSON."""
    found: set[str] = set()

    def find(text: str) -> list[Stretch]:
        found.update(window for at in range(len(text) - WINDOW + 1) if (window := text[at : at + WINDOW]) in among)
        return []

    find_in_strings(body.decode(), find)
    return found


def _longest(body: bytes) -> str:
    """Return the longest text in a sample's JSON."""
    found: list[str] = [""]

    def find(text: str) -> list[Stretch]:
        found[0] = max(found[0], text, key=len)
        return []

    find_in_strings(body.decode(), find)
    return found[0]


def _spellings(text: str) -> set[bytes]:
    """Return a text as bytes, in the ways in which JSON writes it; nothing for one that is too short to be told."""
    if len(text) < WINDOW:
        return set()
    return {each.encode() for each in (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])}
