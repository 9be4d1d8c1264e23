"""One sample: its content as it stands, its facts, and its versions."""

from __future__ import annotations

from typing import Any

from ledger.digest import blake3_bytes
from ledger.digest import show as shown
from ledger.errors import CorruptLedger
from ledger.readers import content_of
from ledger.reports.history import leaf_of, time_text
from ledger.reports.proposals import MOST_ABOUT, about
from ledger.sample import Content
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.views import erased, samples, tags, versions, weights


def show(store: Store, row: samples.Row) -> dict[str, Any]:
    """Return the answer to `ledger show`."""
    body = store.body(row.version)
    if body is not None and blake3_bytes(body) != row.hash:
        raise CorruptLedger(store.path, f"the bytes of sample @{row.sample} are not those of {shown(row.hash)}")
    return {
        "sample": row.id.hex(),
        "version": shown(row.hash),
        "fingerprint": shown(row.fingerprint),
        "prompt_fingerprint": None if row.prompt is None else shown(row.prompt),
        "status": row.status,
        "label": label_of(row),
        "split": row.split,
        "domain": row.domain,
        "tags": tags.of_sample(store.connection, row.sample),
        "times": weights.of_samples(store.connection, [row.sample]).get(row.sample, weights.ONCE),
        "origin": origin(store, row),
        "versions": _versions(store, row),
        "erased": erasure(store, row),
        "proposals": about(store, row.sample)[:MOST_ABOUT],
        "bytes": row.size,
        "reader": row.reader,
        "form": row.form,
        "type": row.type,
        "content": None if body is None else content_json(content_of(body, row.reader)),
        "raw": None if body is None else body.decode(),
    }


def erasure(store: Store, row: samples.Row) -> dict[str, Any] | None:
    """Return by whom, on whose authority and why a sample's bytes were erased; None where they are there."""
    gone = erased.by(store.connection, row.version)
    if gone is None:
        return None
    leaf = leaf_of(store, gone.leaf)
    return {
        "position": gone.position,
        "event": gone.op.hex(),
        "time": time_text(leaf["at"]),
        "actor": leaf["actor"],
        "authority": leaf["authority"],
        "reason": leaf["reason"],
    }


def label_of(row: samples.Row) -> bool | None:
    """Return a row's label as JSON has it."""
    return None if row.label is None else bool(row.label)


def origin(store: Store, row: samples.Row) -> dict[str, Any]:
    """Return where a sample came from: campaign, source, line, and the event that brought it."""
    leaf = _leaf(store, row.sample)
    return {
        "event": leaf["kind"],
        "position": row.sample,
        "campaign": row.campaign,
        "source": row.source,
        "line": leaf.get("line"),
        "occurrence": leaf.get("nth"),
        "label": leaf["label"],
        "reader": leaf["reader"],
    }


def content_json(content: Content) -> dict[str, Any]:
    """Return a content as JSON has it: both sides, and the tools where there are some."""
    sides = {"prompt": content.prompt, "completion": content.completion}
    fields = {name: side if isinstance(side, str) else list(side) for name, side in sides.items()}
    return fields if content.tools is None else {**fields, "tools": content.tools}


def _versions(store: Store, row: samples.Row) -> list[dict[str, Any]]:
    born = _leaf(store, row.sample)
    first = versions.Edit(row.sample, bytes.fromhex(born["blob"]), None)
    every = [first, *versions.of_sample(store.connection, row.sample)]
    gone = {digest for chunk in in_chunks(every) for digest in _erased(store, chunk)}
    return [
        {"version": shown(h), "position": at, "withdrawn": w is not None, "erased": h in gone} for at, h, w in every
    ]


def _erased(store: Store, chunk: list[versions.Edit]) -> set[bytes]:
    return erased.shunned_blobs(store.connection, [version.hash for version in chunk])


def _leaf(store: Store, position: int) -> dict[str, Any]:
    found = store.event(position)
    if found is None:
        raise CorruptLedger(store.path, f"the event @{position} is missing")
    return leaf_of(store, found[1])
