"""What a decision did, for the verbs that decide."""

from __future__ import annotations

from typing import Any


def render_decided(done: dict[str, Any], noun: str = "sample", *, dry_run: bool = False) -> None:
    """Print how many samples were named and changed (or would change), and where the events stand."""
    from commands._render import line, total

    total(done["samples"], noun, {"changed": done["changed"], "unchanged": done["unchanged"]})
    if dry_run:
        line(("nothing was recorded (--dry-run)", "dim"))
    if events := done["events"]:
        span = f"@{events[0]}" if len(events) == 1 else f"@{events[0]}-@{events[-1]}"
        back = () if noun == "event" else (("  take it back: ", "dim"), f"ledger withdraw {span}")
        line(("recorded ", "dim"), span, *back)  # a withdrawal itself is not withdrawn: decide again
