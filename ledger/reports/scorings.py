"""What scorers and validators said of one sample, each statement with who said it and of which version."""

from __future__ import annotations

from typing import Any

from ledger.reports.history import leaf_of, time_text
from ledger.store import Store
from ledger.views import decisions, findings, samples, scores

SCORINGS = 50
"""How many scorings are listed, the latest."""


def scorings(store: Store, row: samples.Row) -> tuple[list[dict[str, Any]], bool]:
    """Return the scorings of a sample, oldest first, and whether there are older ones that are not listed.

    `current` says whether one is about the version that stands. Dimensions are decimal texts; what could not be
    measured says why (the dimension '' stands for all of them).
    """
    given = [each.position for each in scores.of_sample(store.connection, row.sample)]
    given += [each.position for each in scores.unscored_of(store.connection, row.sample)]
    positions = sorted(set(given))
    leaves = decisions.leaves(store.connection, positions[-SCORINGS:])
    told = [_scoring(store, position, leaves[position], row) for position in positions[-SCORINGS:]]
    return told, len(positions) > SCORINGS


def found(store: Store, row: samples.Row) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """Return the latest look that validators took at the version that stands (None: nobody looked), and its findings.

    The sentence of a finding is made from the rules of this program, so it is null for a rule that it does not know.
    """
    last = findings.latest(store.connection, [row.sample]).get(row.sample)
    if last is None or not findings.is_validated(store.connection, row.sample, row.version):
        return None, []
    rows = findings.of_sample(store.connection, row.sample, row.version)
    sentences = _sentences() if rows else {}
    told = [
        {"rule": each.rule, "severity": each.severity, "path": each.path, "sentence": sentences.get(each.rule)}
        for each in rows
    ]
    if last.version != row.version:  # an edit was validated, and then withdrawn
        return {"position": rows[0].position if rows else None, "time": None, "validators": None, "schema": None}, told
    leaf = leaf_of(store, last.leaf)
    look = {
        "position": last.position,
        "time": time_text(leaf["at"]),
        "validators": dict(leaf["validators"]),
        "schema": None if leaf["schema"] is None else f"b3:{leaf['schema']}",
    }
    return look, told


def _scoring(store: Store, position: int, text: str, row: samples.Row) -> dict[str, Any]:
    leaf = leaf_of(store, text)
    whole = [["", leaf["reason"]]] if leaf["kind"] == "unscored" else leaf["unscored"]
    return {
        "position": position,
        "scorer": leaf["scorer"],
        "scorer_version": leaf["scorer_version"],
        "rubric": None if leaf["rubric"] is None else f"b3:{leaf['rubric']}",
        "replicate": leaf["replicate"],
        "version": f"b3:{leaf['version']}",
        "current": leaf["version"] == row.hash.hex(),
        "actor": leaf["actor"],
        "time": time_text(leaf["at"]),
        "dimensions": dict(leaf.get("dimensions", ())),
        "unscored": [{"dimension": dimension, "reason": reason} for dimension, reason in whole],
        "notes": dict(leaf.get("notes", ())),
        "evidence": f"b3:{leaf['evidence']}" if leaf.get("evidence") else None,
    }


def _sentences() -> dict[str, str]:
    from ledger.validators import RULES  # noqa: PLC0415 - takes as long to load as all else that `why` needs

    return RULES
