"""Releases as people and programs read them: which view, into which file, how many rows, and whether it is current."""

from __future__ import annotations

from typing import Any

import orjson

from ledger.digest import show as shown
from ledger.errors import CorruptLedger, NoSuchId
from ledger.exporters.manifest import head_json
from ledger.reports.history import leaf_of, time_text
from ledger.store import Store
from ledger.transaction import Head
from ledger.views import released


def releases(store: Store, head: Head, name: str | None, before: int | None, limit: int) -> dict[str, Any]:
    """Return a page of releases, the newest first; `next` is the position that the next page is before, or null."""
    found = released.page(store.connection, name, before, limit + 1)
    changed = released.last_change(store.connection, head.position)
    return {
        "releases": [_release(store, one, changed) for one in found[:limit]],
        "next": found[limit - 1].position if len(found) > limit else None,
        "view": name,
        "head": head_json(head.position, head.root),
    }


def release(store: Store, head: Head, position: int) -> dict[str, Any]:
    """Return one release with its manifest; raise NoSuchId where no release stands at that position."""
    found = released.at(store.connection, position)
    if found is None:
        raise NoSuchId(f"@{position}", hint="`Ledger.releases` lists the positions of releases.")
    changed = released.last_change(store.connection, head.position)
    return {
        **_release(store, found, changed),
        "contents": _manifest(store, found),
        "head": head_json(head.position, head.root),
    }


def manifest_bytes(store: Store, position: int) -> bytes:
    """Return the manifest of a release as it was written; raise NoSuchId where no release stands at that position."""
    found = released.at(store.connection, position)
    if found is None:
        raise NoSuchId(f"@{position}", hint="`Ledger.releases` lists the positions of releases.")
    return _manifest_bytes(store, found)


def _release(store: Store, one: released.Release, changed: int) -> dict[str, Any]:
    """Return one release; `stale` says that something was recorded after which the view can have other rows."""
    leaf = leaf_of(store, one.leaf)
    manifest = _manifest(store, one)
    made_from = manifest["head"]["position"]
    return {
        "position": one.position,
        "event": one.op.hex(),
        "time": time_text(leaf["at"]),
        "actor": leaf["actor"],
        "view": leaf["view"],
        "name": leaf["name"],
        "type": manifest["type"],
        "output": f"b3:{leaf['output']}",
        "manifest": shown(bytes.fromhex(leaf["manifest"])),
        "made_from": made_from,
        "rows": leaf["rows"],
        "used": manifest["used"],
        "considered": manifest["considered"],
        "omitted": manifest["omitted"],
        "stale": changed > made_from,
    }


def _manifest(store: Store, one: released.Release) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(_manifest_bytes(store, one))
    return value


def _manifest_bytes(store: Store, one: released.Release) -> bytes:
    body = store.body(one.manifest)
    if body is None:
        raise CorruptLedger(store.path, f"the manifest of the release @{one.position} is gone")
    return body
