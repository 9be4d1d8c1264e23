"""What a decision did, for the verbs that decide."""

from __future__ import annotations

from typing import Any


def render_decided(done: dict[str, Any], noun: str = "sample") -> None:
    """Print how many samples were named and changed, and where the events stand."""
    from commands._render import line, total

    total(done["samples"], noun, {"changed": done["changed"], "unchanged": done["unchanged"]})
    if events := done["events"]:
        last = "" if len(events) == 1 else f" to @{events[-1]}"
        line(("recorded ", "dim"), f"@{events[0]}{last}", ("  take it back: ", "dim"), f"ledger withdraw @{events[0]}")
