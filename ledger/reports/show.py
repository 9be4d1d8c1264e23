"""One sample: its content as it stands, its facts, and its versions."""

from __future__ import annotations

from typing import Any

from ledger.digest import show as shown
from ledger.event import read_leaf
from ledger.readers import content_of
from ledger.store import Store
from ledger.views import samples, tags, versions


def show(store: Store, row: samples.Row) -> dict[str, Any]:
    """Return the answer to `ledger show`."""
    body = store.body(row.version)
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
        "origin": origin(store, row),
        "versions": _versions(store, row),
        "bytes": row.size,
        "reader": row.reader,
        "form": row.form,
        "type": row.type,
        "content": None if body is None else _content(body, row.reader),
        "raw": None if body is None else body.decode(),
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


def _content(body: bytes, reader: str) -> dict[str, Any]:
    content = content_of(body, reader)
    sides = {
        name: side if isinstance(side, str) else list(side) for name, side in _sides(content.prompt, content.completion)
    }
    return sides if content.tools is None else {**sides, "tools": content.tools}


def _sides(prompt: Any, completion: Any) -> list[tuple[str, Any]]:  # noqa: ANN401 - text or messages
    return [("prompt", prompt), ("completion", completion)]


def _versions(store: Store, row: samples.Row) -> list[dict[str, Any]]:
    born = _leaf(store, row.sample)
    first = {"version": f"b3:{born['blob']}", "position": row.sample, "withdrawn": False}
    later = versions.of_sample(store.connection, row.sample)
    return [first, *({"version": shown(h), "position": at, "withdrawn": w is not None} for at, h, w in later)]


def _leaf(store: Store, position: int) -> dict[str, Any]:
    found = store.event(position)
    return {} if found is None else read_leaf(found[1])
