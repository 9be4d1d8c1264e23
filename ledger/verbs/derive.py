"""Derived samples: what a reply made of a sample becomes its child, unless nobody may have such a text."""

from __future__ import annotations

from typing import Any, NamedTuple

from ledger.digest import blake3_bytes
from ledger.event import SELF, Draft, draft, pairs
from ledger.readers import FactMap, Reading, Unreadable, content_bytes, read_line, reader_of
from ledger.recipes.contract import Made, Problem
from ledger.store import Store
from ledger.transaction import Transaction
from ledger.verbs.items import Subject
from ledger.views import erased, work

KINDS = {"improve": "improved", "regenerate": "regenerated"}
_NOWHERE = FactMap(label=(), domain=(), tag_root=None)


class Origin(NamedTuple):
    """Where a child comes from: its recipe (hex), and the request, usage and cost of the reply that made it."""

    recipe: str
    request: str | None = None
    usage: dict[str, int] | None = None
    cost: str | None = None


class Child(NamedTuple):
    """A child in the making: its content as stored bytes, how these read, its label and tags."""

    content: bytes
    read: Reading
    label: bool | None
    tags: dict[str, str]


def child_of(subject: Subject, made: Made) -> Child | Problem:
    """Return what a result comes to as a sample; a Problem where it is none."""
    read = read_line(made.content, _NOWHERE, reader_of(subject.row.reader))
    if isinstance(read, Unreadable):
        return Problem("invalid", f"What comes of it is not a sample ({read.reason}).")
    label = made.label if made.label is not None else _label(subject.row.label)
    tags = {**subject.item.tags, **(made.tags or {})}
    return Child(content_bytes(made.content, read.reader), read, label, tags)


def refusal(store: Store, child: Child) -> Problem | None:
    """Return why nobody may have such a text: it was erased, or it is that of a sample labelled false or rejected."""
    shunned = erased.shunned(store.connection, [child.read.fingerprint])
    if shunned or erased.shunned_blobs(store.connection, [blake3_bytes(child.content)]):
        return Problem("erased", "The text was erased from this ledger.")
    if work.refused(store.connection, child.read.fingerprint):
        return Problem("contradiction", "The text is that of a sample that is labelled false or rejected.")
    return None


def born(transaction: Transaction, kind: str, subject: Subject, child: Child, origin: Origin) -> Draft:
    """Store a child's bytes and return the event that brings it into being; it inherits what it does not say."""
    digest = blake3_bytes(child.content)
    blob = transaction.add_blobs({digest: child.content})[digest]
    row, read = subject.row, child.read
    fields: dict[str, Any] = {
        "blob": digest.hex(),
        "campaign": row.campaign,
        "cost": origin.cost,
        "domain": row.domain,
        "fingerprint": read.fingerprint.hex(),
        "form": read.form,
        "label": child.label,
        "ordinal": subject.item.ordinal,
        "parent": row.id.hex(),
        "prompt": None if read.prompt is None else read.prompt.hex(),
        "reader": read.reader,
        "recipe": origin.recipe,
        "request": origin.request,
        "tags": pairs(child.tags),
        "type": read.type,
        "usage": origin.usage,
        "version": row.hash.hex(),
    }
    return draft(kind, SELF, blob, fields)


def _label(label: int | None) -> bool | None:
    return None if label is None else bool(label)
