"""What-if: other thresholds, what they would turn, and adopting them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ledger import Ledger
from ledger.errors import BadRequest, NoPolicy
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

    @property
    def moved(self) -> bool:
        """Say whether another value is asked about; 2.50 is 2.5."""
        return self.asked != self.value and (decimal(self.asked) is None or decimal(self.asked) != decimal(self.value))


def ask(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return the thresholds, and what would change with the ones in the address; equal to `ledger whatif --json`.

    Where campaigns have policies of their own and none is named, `campaigns` are those to choose from.
    """
    as_of, campaign = state.get("as_of"), state.get("campaign") or None
    status = ledger.status(as_of=as_of)
    facts: Facts = {"levers": None, "changes": [], "answer": None, "campaign": campaign, "head": status["head"]}
    own = _own(ledger, as_of)
    names = [one["name"] for one in status["campaigns"]]
    facts["campaigns"] = [name for name in names if None in own or name in own] if own - {None} else []
    movable = levers(ledger, state)
    if movable is None:
        return facts
    refuse_unknown(movable, state)
    wanted = changes(movable, state)
    answer = ledger.whatif(wanted, campaign=campaign, limit=LISTED, as_of=as_of)
    return {**facts, "levers": movable, "changes": wanted, "answer": answer}


def _own(ledger: Ledger, as_of: str | None) -> set[str | None]:
    """Return the campaigns that policies in force are for; None stands for all others."""
    return {one["campaign"] for one in ledger.policies(as_of=as_of)["adopted"] if one["in_force"]}


def levers(ledger: Ledger, state: Mapping[str, str]) -> list[Lever] | None:
    """Return the thresholds of the policy in force, as the address moves them.

    None where no policy was adopted, and where campaigns have policies of their own and none is named.
    """
    campaign, as_of = state.get("campaign") or None, state.get("as_of")
    if campaign is None and _own(ledger, as_of) - {None}:
        return None
    try:
        told = ledger.policy(campaign=campaign, as_of=as_of)
    except NoPolicy:
        return None
    known = ledger.policy_settings(told["toml"])
    found = [(key, value) for key, value in known.items() if key.startswith(MOVABLE) and decimal(value) is not None]
    return [_lever(key, value, state.get(SETTING + key) or value) for key, value in found]


def refuse_unknown(movable: list[Lever], state: Mapping[str, str]) -> None:
    """Raise BadRequest for a setting in an address that the policy does not have."""
    known = {lever.key for lever in movable}
    for name in state:
        if name.startswith(SETTING) and name.removeprefix(SETTING) not in known:
            key = name.removeprefix(SETTING)[:60]
            raise BadRequest(
                f"The policy has no threshold {key!r}", hint=f"It has {', '.join(sorted(known)) or 'none'}."
            )


def changes(movable: list[Lever], state: Mapping[str, str]) -> list[str]:
    """Return what the address sets otherwise than the policy has it, as `whatif` takes it."""
    moved = [f"{lever.key}={lever.asked}" for lever in movable if lever.moved]
    return moved + [line.strip() for line in state.get("more", "").splitlines() if line.strip()]


def _lever(key: str, value: str, asked: str) -> Lever:
    numbers = [number for number in (decimal(value), decimal(asked)) if number is not None]
    low, high = min(0.0, *numbers), max(1.0, *numbers)
    if high > 1:
        high = max(5.0, high)
    return Lever(key, value, asked, f"{low:g}", f"{high:g}")


VIEW = View("/whatif", "whatif.html", "What if", ask, "What if", takes=frozenset({"campaign", "more", f"{SETTING}*"}))
