"""Which samples a verb is about: those that ids name, or all for which a condition holds, of one campaign or of all.

Ids and a condition are not mixed: whether both would mean either or both of them could only be guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from unicodedata import normalize

from ledger.errors import BadRequest
from ledger.policy import parse_condition
from ledger.policy.expression import hint, listed
from ledger.rule import Compare, Condition, Field, Score, Text, compared
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.adopt import checked_campaign
from ledger.verbs.ids import find_samples
from ledger.verbs.words import plain_text
from ledger.views import conditions, samples, scores


class Selection(NamedTuple):
    """Ids as they were given, or a condition and a campaign; `where` is the condition as it was written."""

    ids: tuple[str, ...]
    where: str | None = None
    campaign: str | None = None
    condition: Condition | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what a run's parameters hold of it: nothing where ids were given, since the events name them."""
        given = {"campaign": self.campaign, "where": self.where}
        return {name: text for name, text in given.items() if text is not None}


def selection(ids: Sequence[str], where: str | None = None, campaign: str | None = None) -> Selection:
    """Return a checked selection; raise BadRequest where it selects in no way or in two, and ConditionInvalid."""
    queried = where is not None or campaign is not None
    if ids and queried:
        raise BadRequest("Ids and a selection (--where, --campaign) were given; give one of the two")
    if not ids and not queried:
        raise BadRequest("No ids were given, and no selection (--where, --campaign) either")
    if campaign is not None:
        campaign = normalize("NFC", plain_text("The campaign's name", campaign, needed=True))
    condition = None if where is None else parse_condition(plain_text("The condition", where, needed=True))
    return Selection(tuple(ids), where, campaign, condition)


def selected(store: Store, chosen: Selection) -> Iterator[list[samples.Row]]:
    """Yield the samples of a selection, each once, a few hundred at a time.

    By ids they come in the order in which they are first named, else in that of their birth. Raises NoSuchId,
    AmbiguousId, and BadRequest for a campaign that is not there, or a score that no sample has.
    """
    if chosen.ids:
        yield from in_chunks(find_samples(store, chosen.ids))
        return
    campaign = checked_campaign(store, chosen.campaign)
    condition = chosen.condition
    if condition is None:
        condition = Compare(Field("campaign"), "==", Text(campaign or ""))
    check_scores(store, condition)
    for handles in in_chunks(conditions.select(store.connection, condition, campaign)):
        rows = samples.rows_of(store.connection, handles)
        yield [rows[handle] for handle in handles]


def check_scores(store: Store, condition: Condition) -> None:
    """Refuse a score that nobody ever gave: such a condition holds for nothing, most likely by a slip of the pen."""
    known = scores.dimensions(store.connection)
    for one in compared(condition):
        if isinstance(one.left, Score) and one.left.dimension not in known:
            close = hint(one.left.dimension, known) or (listed(known) if known else "; nothing was scored yet")
            raise BadRequest(f"No sample has a score {one.left.dimension!r}{close}")
