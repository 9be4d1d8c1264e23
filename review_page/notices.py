"""What a page says about what was just done: by the positions in its address, in the words of the log.

An address can be written by anybody. So it only says where to look, and nothing is told of events that are not there,
that somebody else made, or that were not made on this page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ledger import Ledger
from ledger.errors import BadRequest, LedgerError, NoSuchId
from review_page.words import LARGEST

DID, UNDONE, UNDO = "did", "undone", "undo"
NAMES = frozenset({DID, UNDONE})
"""Names in an address of what was just done; the links of the page do not carry them on."""
CHAIN = 50
"""Decisions that can be taken back one after the other."""
_SPAN = re.compile(r"([0-9]{1,10})(?:-([0-9]{1,10}))?")
_CHAIN = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,10})*")


def chain(text: str | None) -> list[int]:
    """Return the positions of decisions that an address holds, the latest last; raise BadRequest for anything else."""
    if not text:
        return []
    if not _CHAIN.fullmatch(text) or any(int(each) > LARGEST for each in text.split(".")):
        raise BadRequest(f"{UNDO} is a list of positions, not {text[:40]!r}", hint="Go back, and follow the links.")
    return [int(each) for each in text.split(".")][-CHAIN:]


def as_text(positions: list[int]) -> str | None:
    """Return positions as an address holds them; None for none."""
    return ".".join(str(each) for each in positions[-CHAIN:]) or None


def span(text: str) -> tuple[int, int] | None:
    """Return the first and the last position of `A-B`, or `A`; None for anything else."""
    found = _SPAN.fullmatch(text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    return (first, last) if first <= last <= LARGEST else None


def noticed(ledger: Ledger, state: Mapping[str, str], person: str) -> dict[str, Any] | None:
    """Return what the person did (`did`), or took back (`undone`), as the address says and the log confirms."""
    for name, tell in ((UNDONE, _undone), (DID, _did)):
        if state.get(name):
            return tell(ledger, state[name], person)
    return None


def of_one_run(ledger: Ledger, text: str, person: str) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """Return the first and the last event of a stretch that the person made on this page in one commit."""
    places = span(text)
    try:
        ends = [ledger.event(f"@{place}") for place in places or ()]
    except (NoSuchId, BadRequest):
        return None
    if not ends or any((end["actor"], end["via"]) != (person, "ui") for end in ends):
        return None
    return (ends[0], ends[1]) if ends[0]["run"] == ends[1]["run"] and ends[0]["kind"] != "run_started" else None


def _did(ledger: Ledger, text: str, person: str) -> dict[str, Any] | None:
    ends = of_one_run(ledger, text, person)
    if ends is None or ends[1]["kind"] == "run_finished":
        return None
    first, last = ends
    told = {"first": first, "last": last, "span": text, "samples": last["position"] - first["position"] + 1}
    if first["kind"] == "policy_adopted":
        return {**told, "what": "adopted", "samples": told["samples"] - 1, "before": _before(ledger, first)}
    if first["kind"] != last["kind"] or first["sample"] is None:
        return None
    return {**told, "what": "decided", "stands": not _is_withdrawn(ledger, first)}


def _undone(ledger: Ledger, text: str, person: str) -> dict[str, Any] | None:
    ends = of_one_run(ledger, text, person)
    if ends is None or {end["kind"] for end in ends} != {"withdrawn"}:
        return None
    first, last = ends
    return {
        "what": "undone",
        "samples": last["position"] - first["position"] + 1,
        "target": ledger.event(first["says"]["target"]),
        "status": ledger.show(first["sample"])["status"],
        "label": ledger.show(first["sample"])["label"],
    }


def _before(ledger: Ledger, adopted: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the settings of the policy before that this one has otherwise; None where there was none."""
    campaign = adopted["says"]["campaign"]
    try:
        old, new = (
            ledger.policy_settings(ledger.policy(campaign=campaign, as_of=moment)["toml"])
            for moment in (adopted["position"] - 1, adopted["position"])
        )
    except LedgerError:
        return None
    return {key: value for key, value in old.items() if new.get(key) != value}


def _is_withdrawn(ledger: Ledger, event: Mapping[str, Any]) -> bool:
    later = ledger.history(event["sample"], limit=CHAIN)["events"]
    return any(one["kind"] == "withdrawn" and one["says"]["target"] == event["event"] for one in later)
