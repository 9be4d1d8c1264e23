"""What may be asked of a list of samples, read and checked: from what people type to `views.picking.Wanted`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from unicodedata import normalize

from ledger.digest import LARGEST_INT
from ledger.errors import BadRequest
from ledger.fixed import micro
from ledger.policy import parse_condition
from ledger.reports.status import LABELS, STATUSES
from ledger.rule import Compare, Number, Score
from ledger.store import Store
from ledger.verbs.adopt import checked_campaign
from ledger.verbs.selection import check_scores
from ledger.verbs.words import plain_text
from ledger.views import picking, spreads
from ledger.views.picking import Wanted

SORTS = ("born", "newest", "decided", "margin", "score", "lowest")
NEAR = ("rejected", "accepted")
"""Statuses that samples can be near to losing."""

_PREFIX = re.compile(r"[0-9a-f]{1,64}")
_POSITION = re.compile(r"@?([0-9]{1,30})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Asked(NamedTuple):
    """Filters as they were given, all of which must hold (None: says nothing), and the order; see `Ledger.find`."""

    campaign: str | None = None
    status: str | None = None
    label: str | None = None
    reason: str | None = None
    rule: str | None = None
    source: str | None = None
    domain: str | None = None
    actor: str | None = None
    split: str | None = None
    tag: str | None = None
    since: str | int | None = None
    until: str | int | None = None
    score: tuple[str, str | float | None, str | float | None] | None = None
    where: str | None = None
    text: str | None = None
    unlike: str | None = None
    within: str | float | None = None
    ids_prefix: str | None = None
    sort: str = "born"


class Looked(NamedTuple):
    """A question that was read; `near` is the status of which near-misses are asked for, `within` in millionths."""

    wanted: Wanted
    sort: str
    near: str | None
    within: int | None

    @property
    def sort_to_count(self) -> str:
        """Return the order that is read fastest: for counting any will do."""
        return "born" if self.near is None else "margin"


def read(store: Store, asked: Asked) -> Looked:
    """Return what is asked of the moment that `store` looks at; raise BadRequest, ConditionInvalid."""
    for what, value, allowed in (
        ("status", asked.status, (*STATUSES, None)),
        ("label", asked.label, (*LABELS, None)),
        ("order", asked.sort, SORTS),
    ):
        if value not in allowed:
            raise BadRequest(f"There is no {what} {value!r}; there are {', '.join(one for one in allowed if one)}")
    within = None if asked.within is None else _number("The margin", asked.within)
    wanted = Wanted(
        campaign=checked_campaign(store, asked.campaign),
        status=asked.status,
        label=asked.label,
        reason=_text("The reason", asked.reason, needed=True),
        rule=_text("The rule", asked.rule),
        source=_text("The source", asked.source),
        domain=_text("The domain", asked.domain),
        actor=_text("The actor", asked.actor, needed=True),
        split=_text("The split", asked.split),
        tag=None if asked.tag is None else _tag(asked.tag),
        since=None if asked.since is None else _moment(store, "since", asked.since),
        until=None if asked.until is None else _moment(store, "until", asked.until),
        **({} if asked.score is None else _score(store, asked.score)),
        condition=None if asked.where is None else parse_condition(_needed("The condition", asked.where)),
        unlike=checked_campaign(store, asked.unlike),
    )
    if wanted.condition is not None:
        check_scores(store, wanted.condition)
    if asked.sort in {"score", "lowest"} and wanted.score is None:
        raise BadRequest(f"The order {asked.sort!r} needs to know of which score; name one (score)")
    ids = None if asked.ids_prefix is None else _bounds(asked.ids_prefix)
    near = None
    if asked.sort == "margin" and within is None:
        raise BadRequest("The order 'margin' is one of near-misses; say how near (within)")
    if within is not None:
        near = asked.status or NEAR[0]
        if near not in NEAR:
            raise BadRequest(f"Only rejected and accepted samples have a margin, not those that are {near}")
    return Looked(picking.narrowed(store.connection, wanted, ids), asked.sort, near, within)


def _text(what: str, value: str | None, *, needed: bool = False) -> str | None:
    return None if value is None else plain_text(what, value, needed=needed)


def _needed(what: str, value: str) -> str:
    return plain_text(what, value, needed=True)


def _tag(given: str) -> tuple[str, str | None]:
    key, equals, value = _needed("The tag", given).partition("=")
    if not key.strip():
        raise BadRequest("The tag has no key; a tag is asked for by KEY or KEY=VALUE")
    return normalize("NFC", key.strip()), value if equals else None


def _number(what: str, value: object) -> int:
    try:
        number = micro(value)
    except ValueError as error:
        raise BadRequest(f"{what}: {error}") from error
    if number < 0:
        raise BadRequest(f"{what} is a distance, so it is not below 0")
    return number


def _score(store: Store, given: object) -> dict[str, Any]:
    """Return the fields of a measure that a policy in force makes of scores, or else of a dimension that was scored.

    In this order, as `spreads` tells of a name that is both.
    """
    if not isinstance(given, (tuple, list)) or len(given) != 3:  # noqa: PLR2004 - as the message says
        raise BadRequest("A score is asked for by its dimension, the least and the most that it may be")
    name = _needed("The score's name", given[0])
    measured = spreads.measure(store.connection, name)
    if measured is None:
        check_scores(store, Compare(Score(name), ">=", Number(0)))
    try:
        least, most = (None if bound is None else micro(bound) for bound in given[1:])
    except ValueError as error:
        raise BadRequest(f"The score {name!r}: {error}") from error
    return {"score": (name, least, most), "measured": measured}


def _bounds(prefix: object) -> tuple[bytes, bytes]:
    text = prefix.strip().lower() if isinstance(prefix, str) else ""
    if not _PREFIX.fullmatch(text):
        raise BadRequest("An id begins with 1 to 64 hexadecimal characters")
    return bytes.fromhex(text.ljust(64, "0")), bytes.fromhex(text.ljust(64, "f"))


def _moment(store: Store, what: str, given: object) -> int:
    """Return the first (`since`) or last (`until`) position of the stretch that a position or a time bounds."""
    text = str(given) if isinstance(given, int) and not isinstance(given, bool) and abs(given) <= LARGEST_INT else given
    if not isinstance(text, str):
        raise BadRequest(f"`{what}` takes a position or a time such as 2026-01-31T12:00Z")
    if found := _POSITION.fullmatch(text):
        return min(int(found[1]), LARGEST_INT)
    try:
        time = datetime.fromisoformat(text)
        at = ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        told = f"`{what}` takes a position or a time such as 2026-01-31T12:00Z, not {text[:40]!r}"
        raise BadRequest(told) from error
    head = store.head_before(at - 1 if what == "since" else at)
    last = -1 if head is None else head.position
    return last + 1 if what == "since" else last
