"""Two campaigns part by part: by reason, rule, domain or source, how many of what, and how far the shares lie apart.

Counts come from rollups, whatever the size of the ledger. By domain or source the share is that of accepted samples
among those decided; by reason or rule that of the decided samples that it decided. Differences are percentage points,
of the second campaign minus the first. Only how many texts are judged otherwise is looked up sample by sample (about
half a second for campaigns of 250,000), and kept for as long as the log stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ledger.fixed import half_away
from ledger.reports.intervals import share
from ledger.store import Store
from ledger.transaction import Head
from ledger.views import campaigns, rollups

WAYS = ("reason", "rule", "domain", "source")

_FOUND: dict[tuple[bytes, str, str], int] = {}
_MOST_FOUND = 256


class _Part(NamedTuple):
    """How many samples of one campaign stand how, for one key."""

    campaign: str
    key: str
    status: str
    rule: str
    samples: int


def sides(store: Store, head: Head, both: tuple[str, str], by: str, limit: int) -> dict[str, Any]:
    """Return two campaigns part by part, those with the most samples first."""
    one, other = both
    decided: dict[str, int] = {one: 0, other: 0}
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for part in _parts(store, one, other, by):
        is_decided = bool(part.rule) and part.status != "erased"
        decided[part.campaign] += part.samples if is_decided else 0
        if (by == "rule" and not is_decided) or (by == "reason" and part.status != "rejected"):
            continue
        told = counts.setdefault(part.key, {}).setdefault(part.campaign, {"samples": 0, "accepted": 0, "decided": 0})
        told["samples"] += part.samples
        told["accepted"] += part.samples if part.status == "accepted" else 0
        told["decided"] += part.samples if is_decided else 0
    entries = [_entry(key, told, (one, other), decided, by) for key, told in counts.items()]
    entries.sort(key=lambda entry: (-entry["a"]["samples"] - entry["b"]["samples"], entry["key"]))
    return {
        "by": by,
        "a": one,
        "b": other,
        "parts": entries[:limit],
        "left": max(len(entries) - limit, 0),
        "texts_judged_otherwise": _judged_otherwise(store, head, one, other),
    }


def _judged_otherwise(store: Store, head: Head, one: str, other: str) -> int:
    """Return how many texts are; a root stands for the whole log, so what was found for it once stays true."""
    asked = (head.root, min(one, other), max(one, other))
    found = _FOUND.get(asked)
    if found is None:
        found = campaigns.judged_otherwise(store.connection, one, other)
        if len(_FOUND) >= _MOST_FOUND:  # any thread may come between: nothing is read back from here
            _FOUND.clear()
        _FOUND[asked] = found
    return found


def _parts(store: Store, one: str, other: str, by: str) -> Iterator[_Part]:
    if by == "source":
        for each in rollups.by_source(store.connection, list(dict.fromkeys((one, other)))):
            yield _Part(each.campaign, each.source, each.status, each.rule, each.samples)
        return
    for group in rollups.groups(store.connection):
        if group.campaign in {one, other}:
            key = group.domain if by == "domain" else group.rule
            yield _Part(group.campaign, key, group.status, group.rule, group.samples)


def _entry(
    key: str, told: dict[str, dict[str, int]], names: tuple[str, str], decided: dict[str, int], by: str
) -> dict[str, Any]:
    both = []
    for name in names:
        counts = told.get(name, {"samples": 0, "accepted": 0, "decided": 0})
        part, whole = counts["samples"], decided[name]
        if by in {"domain", "source"}:
            part, whole = counts["accepted"], counts["decided"]
        both.append((counts, part, whole))
    (first, part, whole), (second, other_part, other_whole) = both
    return {
        "key": key,
        "a": {**first, "share": share(part, whole)},
        "b": {**second, "share": share(other_part, other_whole)},
        "points": points((part, whole), (other_part, other_whole)),
    }


def points(before: tuple[int, int], after: tuple[int, int]) -> float | None:
    """Return the second share minus the first in percentage points, to two places; None where one is of nothing."""
    (part, whole), (other, other_whole) = before, after
    if not whole or not other_whole:
        return None
    return half_away((other * whole - part * other_whole) * 10_000, whole * other_whole) / 100
