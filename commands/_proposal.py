"""How proposals look, for the verbs that make, list and settle them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from commands._render import Part, many

if TYPE_CHECKING:
    from collections.abc import Mapping


def what(found: Mapping[str, Any]) -> tuple[Part, ...]:
    """Return what is proposed of how many samples, and why."""
    return ((found["verdict"], "bold"), f" of {many(found['count'], 'sample')}: {found['reason']}")


def render_counts(count: int, parts: Mapping[str, Any]) -> None:
    """Print what becomes (or became) of the samples of a proposal that is accepted; together they are all of them."""
    from commands._render import line, total

    names = ("changed", "outranked", "unchanged", "changed_since", "erased")
    total(count, "sample", {name.replace("_", " "): parts[name] for name in names})
    if parts["outranked"]:
        line(("outranked: ", "dim"), "a person has decided about them, and that stands")


def render_settled(found: Mapping[str, Any]) -> None:
    """Print who accepted or declined a proposal and why, and what that changed."""
    from commands._render import line

    done = found["settled"]
    by = f" by {done['actor']} ({done['authority']}, {done['via']}) at {done['time']}"
    policy = f" under the policy {done['policy'][:15]}" if done["policy"] else ""
    reason = f": {done['reason']}" if done["reason"] else ""
    line((found["state"], "green" if found["state"] == "accepted" else "red"), f"{by}{policy}{reason}")
    if found["state"] != "accepted":
        return
    render_counts(found["count"], done)
    if events := done["events"]:
        span = f"@{events[0]}" if events[0] == events[1] else f"@{events[0]}-@{events[1]}"
        line(("recorded ", "dim"), span, ("  take it back: ", "dim"), f"ledger withdraw {span}")


def open_about(found: Mapping[str, Any]) -> None:
    """Print the open proposals about one sample."""
    from commands._render import heading, line

    if not found["proposals"]:
        return
    heading("proposed")
    for one in found["proposals"]:
        said = (one["name"], "bold cyan"), f" by {one['proposer']} at {one['time']}: "
        line("  ", *said, *what(one))
