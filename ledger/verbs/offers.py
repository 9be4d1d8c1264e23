"""What a shell can complete: ids that begin so, and the names of whatever has one."""

from __future__ import annotations

import re

from ledger.event import BIRTHS
from ledger.exporters.view_spec import BUILT_IN
from ledger.policy import shipped
from ledger.reports.proposals import name_of
from ledger.store import Store
from ledger.verbs.ids import short_ids
from ledger.verbs.policies import IN_FORCE
from ledger.views import defined, offered, policies, proposals, rollups

KINDS = ("actors", "campaigns", "events", "policies", "proposals", "quarantined", "samples", "sources", "views")
MOST = 50
"""Ids that are offered; whoever wants one types more of it."""

_IDS: dict[str, tuple[str, ...]] = {"events": (), "quarantined": ("quarantined",), "samples": BIRTHS}
_BEGINNING = re.compile(r"[0-9a-f]{1,64}")


def offers(store: Store, kind: str, beginning: str) -> list[str]:
    """Return what begins so, in order: ids as their shortest unique prefixes (none for an empty beginning), or names.

    `kind` is one of KINDS.
    """
    if kind in _IDS:
        return _ids(store, beginning, _IDS[kind])
    return sorted(name for name in _names(store, kind) if name.startswith(beginning))


def _ids(store: Store, beginning: str, kinds: tuple[str, ...]) -> list[str]:
    if not _BEGINNING.fullmatch(beginning):
        return []
    first, last = (bytes.fromhex(beginning.ljust(64, end)) for end in "0f")
    found = offered.ops(store.connection, first, last, kinds, MOST)
    return list(short_ids(store, list(found), least=max(8, len(beginning))).values())


def _names(store: Store, kind: str) -> set[str]:
    if kind == "campaigns":
        return {group.campaign for group in rollups.groups(store.connection)}
    if kind == "sources":
        return set(offered.sources(store.connection))
    if kind == "actors":
        return set(offered.actors(store.connection))
    if kind == "policies":
        return {IN_FORCE, *shipped(), *(one.name for one in policies.everything(store.connection))}
    if kind == "proposals":
        return {name_of(one.position) for one in proposals.listed(store.connection, ("open",), -1, MOST)}
    return {*BUILT_IN, *defined.names(store.connection)}
