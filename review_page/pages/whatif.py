"""What-if: other thresholds, what they would turn, and adopting them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ledger import Ledger
from ledger.errors import NoPolicy
from review_page.site import Facts, View
from review_page.words import decimal

SETTING = "set."
"""What the names of settings begin with in an address: set.threshold.min_quality=0.4."""
MOVABLE = ("threshold.", "domain.", "cross.")
LISTED = 50


class Lever(NamedTuple):
    """A threshold that can be moved: its key, the value in force, the one asked about, and the ends of its slider."""

    key: str
    value: str
    asked: str
    least: str
    most: str


def ask(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return the thresholds, and what would change with the ones in the address; equal to `ledger whatif --json`."""
    as_of, campaign = state.get("as_of"), state.get("campaign") or None
    head = ledger.status(as_of=as_of)["head"]
    movable = levers(ledger, state)
    if movable is None:
        return {"levers": None, "changes": [], "answer": None, "campaign": campaign, "head": head}
    wanted = changes(movable, state)
    answer = ledger.whatif(wanted, campaign=campaign, limit=LISTED, as_of=as_of)
    return {"levers": movable, "changes": wanted, "answer": answer, "campaign": campaign, "head": head}


def levers(ledger: Ledger, state: Mapping[str, str]) -> list[Lever] | None:
    """Return the thresholds of the policy in force, as the address moves them; None where no policy was adopted."""
    try:
        told = ledger.policy(campaign=state.get("campaign") or None, as_of=state.get("as_of"))
    except NoPolicy:
        return None
    known = ledger.policy_settings(told["toml"])
    found = [(key, value) for key, value in known.items() if key.startswith(MOVABLE) and decimal(value) is not None]
    return [_lever(key, value, state.get(SETTING + key) or value) for key, value in found]


def changes(movable: list[Lever], state: Mapping[str, str]) -> list[str]:
    """Return what the address sets otherwise than the policy has it, as `whatif` takes it."""
    moved = [f"{lever.key}={lever.asked}" for lever in movable if lever.asked != lever.value]
    return moved + [line.strip() for line in state.get("more", "").splitlines() if line.strip()]


def _lever(key: str, value: str, asked: str) -> Lever:
    numbers = [number for number in (decimal(value), decimal(asked)) if number is not None]
    low, high = min(0.0, *numbers), max(1.0, *numbers)
    if high > 1:
        high = max(5.0, high)
    return Lever(key, value, asked, f"{low:g}", f"{high:g}")


VIEW = View("/whatif", "whatif.html", "What if", ask, "What if")
