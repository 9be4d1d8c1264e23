"""From a plan to the bytes of a file: each row spliced from the exact text of its sample's version."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ledger.digest import blake3_bytes, show
from ledger.errors import CorruptLedger
from ledger.exporters import trl
from ledger.readers import Raw, raw_of
from ledger.reports.history import leaf_of
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.plans import WHOLE
from ledger.views import decisions, samples, tags

CHUNK = 500
"""Rows whose bytes are in memory at a time."""

Label = bool | None


def rows(store: Store, view: str, order: Sequence[int]) -> Iterator[tuple[bytes, Label]]:
    """Yield each row's bytes and label, in order; raise CorruptLedger where bytes are not those of their address."""
    for chunk in in_chunks(order, CHUNK):
        found = samples.versions_of(store.connection, chunk)
        bodies = store.bodies([found[sample].version for sample in chunk])
        facts = _facts(store, chunk) if view in WHOLE else {}
        for sample in chunk:
            version = found[sample]
            label = None if version.label is None else bool(version.label)
            raw = _raw(store, sample, version, bodies[version.version])
            yield _row(view, raw, label, facts.get(sample)), label


def _raw(store: Store, sample: int, version: samples.Version, body: bytes | None) -> Raw:
    if body is None or blake3_bytes(body) != version.hash:
        raise CorruptLedger(store.path, f"the bytes of sample @{sample} are gone, or not those of {show(version.hash)}")
    return raw_of(body, version.reader)


def _row(view: str, raw: Raw, label: Label, facts: dict[str, Any] | None) -> bytes:
    if facts is not None:
        return trl.sample_row(facts, raw.prompt, raw.completion, raw.tools)
    if view == "sft":
        return trl.prompt_completion(str(raw.prompt), str(raw.completion), raw.tools)
    return trl.unpaired_preference(str(raw.prompt), str(raw.completion), raw.tools, label)


def _facts(store: Store, chunk: list[int]) -> dict[int, dict[str, Any]]:
    """Return what is known of each sample: identity, standing, and what the decision in force says."""
    found = samples.rows_of(store.connection, chunk)
    tagged = tags.of_samples(store.connection, chunk)
    decided = [row.decision for row in found.values() if row.decision is not None]
    leaves = decisions.leaves(store.connection, decided)
    facts = {}
    for sample, row in found.items():
        says = {} if row.decision is None else leaf_of(store, leaves[row.decision])
        facts[sample] = {
            "sample": row.id.hex(),
            "version": show(row.hash),
            "campaign": row.campaign,
            "source": row.source,
            "domain": row.domain,
            "tags": tagged.get(sample, {}),
            "label": None if row.label is None else bool(row.label),
            "status": row.status,
            "reason": says.get("reason"),
            "rule": says.get("rule"),
            "details": says.get("details"),
            "policy": says.get("policy"),
            "decided_by": says.get("actor"),
        }
    return facts
