"""What somebody saw and then decided about: where it changed since, nothing is decided, and what changed is told.

A page's forms hold the position of the head that it was made at (`head`), and those of one sample its `version`. What
happens to other samples meanwhile is in nobody's way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from ledger import Ledger
from ledger.errors import BadRequest, HeadMoved, SampleChanged
from review_page.words import whole

T = TypeVar("T")

STATES = frozenset({"accepted", "rejected", "deferred", "superseded", "relabeled", "edited", "withdrawn", "erased"})
"""Kinds of events after which a sample does not stand as it was shown."""
_EVENTS = 200
_TRIES = 5
"""How often it is looked again where somebody wrote about other samples between the look and the decision."""


def head_of(given: Mapping[str, str]) -> int:
    """Return the head that a form was made at; raise BadRequest where it does not say."""
    if not given.get("head"):
        raise BadRequest("The form does not say what was seen", hint="Reload the page, and decide there.")
    return whole(given, "head")


def unchanged(
    ledger: Ledger,
    samples: Iterable[str],
    given: Mapping[str, str],
    person: str,
    act: Callable[[int], T],
) -> T:
    """Return what came of `act`, which takes the head at which the samples still stand as a form shows them.

    Raises SampleChanged where one does not, BadRequest where the form does not say what was seen, and HeadMoved where
    others write without a pause.
    """
    since, named = head_of(given), list(samples)
    for left in reversed(range(_TRIES)):
        now = ledger.position("now")
        if since > now:
            raise BadRequest(f"There is no position {since} yet", hint="Reload the page, and decide there.")
        changes = [told for each in named if (told := _change(ledger, each, since, given.get("version"), person))]
        if changes:
            raise SampleChanged(changes)
        try:
            return act(now)
        except HeadMoved:
            if not left:
                raise
    raise AssertionError


def _change(ledger: Ledger, sample: str, since: int, version: str | None, person: str) -> dict[str, Any] | None:
    """Return what happened to a sample since a head, None for nothing; what the person did is known to them."""
    told = ledger.history(sample, limit=_EVENTS)
    events = told["events"]
    while told["next"] is not None and told["next"] > since:  # scores may be many
        told = ledger.history(sample, before=told["next"], limit=_EVENTS)
        events = [*events, *told["events"]]
    later = [one for one in reversed(events) if one["position"] > since and one["kind"] in STATES]
    news = [one for one in later if not _known(ledger, one, person)]
    other = version is not None and ledger.show(sample)["version"] != version
    return {"sample": told["sample"], "events": news or later} if news or other else None


def _known(ledger: Ledger, event: Mapping[str, Any], person: str) -> bool:
    """Say whether an event is the person's own, on this page, and left the text as it was."""
    if (event["actor"], event["via"]) != (person, "ui") or event["kind"] == "edited":
        return False
    return bool(event["kind"] != "withdrawn" or ledger.event(event["says"]["target"])["kind"] != "edited")
