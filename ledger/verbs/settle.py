"""Accepting and declining: what an accepted proposal changes now, decision by decision, in the commit that accepts it.

Of the samples that it is about, those that are another version by now, or erased, are left as they are and counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from ledger.digest import MIN_PREFIX
from ledger.errors import AmbiguousId, BadRequest, CorruptLedger, NoSuchProposal, ProposalSettled
from ledger.event import Draft, draft
from ledger.reports.history import leaf_of
from ledger.reports.proposals import COUNTS, name_of
from ledger.store import Store
from ledger.transaction import Transaction
from ledger.verbs.decide import LABELS, OUTCOMES, Judge, outcomes, relabelings
from ledger.verbs.limits import check
from ledger.verbs.member_list import Member, unpacked
from ledger.verbs.run import Run, Who, conserve, without_collector
from ledger.verbs.words import plain_text
from ledger.views import proposals, samples

CONFIRMED = ("none", "command", "elicitation")
"""How whoever accepted said so: not at all, by a command, or to a question that their client put to them."""

_PLACE = re.compile(r"[@Pp]([0-9]{1,15})")
_PREFIX = re.compile(rf"[0-9a-f]{{{MIN_PREFIX},64}}")
_STATUS = {"accept": "accepted", "reject": "rejected", "defer": "pending"}
"""How a sample stands of which a verdict holds."""
_TOLD = 5
"""Proposals that a refusal names."""


class What(NamedTuple):
    """What is settled: a proposal's op, what it says, and its `samples`, which `pieces` tells bit by bit."""

    op: bytes
    verdict: str
    reason: str
    samples: int
    pieces: Callable[[], Iterable[list[Member]]]


class How(NamedTuple):
    """On whose authority a proposal is accepted, how that was confirmed, why, and the digest of a policy that did."""

    authority: str
    confirmed: str = "command"
    reason: str = ""
    policy: bytes | None = None


def find_proposal(store: Store, text: str | int) -> proposals.Proposal:
    """Return the proposal that `P12`, `@12`, 12 or the beginning of its id names.

    Raises BadRequest, NoSuchProposal, AmbiguousId.
    """
    words = f"@{text}" if isinstance(text, int) and not isinstance(text, bool) else str(text).strip()
    if place := _PLACE.fullmatch(words):
        found = proposals.get(store.connection, int(place[1]))
        if found is None:
            raise NoSuchProposal(words)
        return found
    prefix = words.lower()
    if not _PREFIX.fullmatch(prefix):
        wanted = f"P or @ and a position, or {MIN_PREFIX} to 64 hexadecimal characters of its id"
        raise BadRequest(f"{words[:80]!r} is no proposal: {wanted}")
    first, last = (bytes.fromhex(prefix.ljust(64, end)) for end in "0f")
    among = proposals.between(store.connection, first, last, _TOLD)
    if not among:
        raise NoSuchProposal(words)
    if len(among) > 1:
        raise AmbiguousId(words, len(among), ", ".join(name_of(one.position) for one in among))
    return among[0]


def what_of(store: Store, proposal: proposals.Proposal) -> What:
    """Return what is to be settled of a proposal."""
    pieces = partial(unpacked, store, proposal.members, proposal.samples)
    return What(proposal.op, proposal.verdict, proposal.reason, proposal.samples, pieces)


def checked_how(how: How) -> How:
    """Return it; raise BadRequest for a reason that is no plain text, and for words that do not say how."""
    plain_text("The reason", how.reason)
    if how.confirmed not in CONFIRMED:
        raise BadRequest(f"Nobody confirms by {str(how.confirmed)[:80]!r}; there are {', '.join(CONFIRMED)}")
    return how


def check_open(proposal: proposals.Proposal) -> None:
    """Raise ProposalSettled unless a proposal waits."""
    if proposal.settled is not None:
        raise ProposalSettled(name_of(proposal.position), proposal.state, proposal.settled)


@without_collector()
def settle(store: Store, transaction: Transaction, run: Run, what: What, how: How, who: Who) -> dict[str, int]:
    """Append that a proposal is accepted, and the decisions that it asks for; return COUNTS.

    A policy accepts on its own authority, but the decisions are those of the agent who proposed them.
    """
    fields: dict[str, Any] = {
        "authority": how.authority,
        "confirmed": how.confirmed,
        "policy": None if how.policy is None else how.policy.hex(),
        "proposal": what.op.hex(),
        "reason": how.reason,
    }
    run.append(transaction, [draft("proposal_accepted", None, None, fields)])
    counts: Counter[str] = Counter()
    for drafts, piece in _judged(store, what, deciding(how, who)):
        run.append(transaction, drafts)
        counts += piece
    return _conserved(what, counts)


@without_collector()
def would(store: Store, what: What, how: How, who: Who) -> dict[str, int]:
    """Return what accepting a proposal would come to as things stand; nothing is appended."""
    counts: Counter[str] = Counter()
    for _, piece in _judged(store, what, deciding(how, who)):
        counts += piece
    return _conserved(what, counts)


def decline(store: Store, text: str | int, reason: str, who: Who, expected: int | None) -> int:
    """Append that a proposal is declined and return where the proposal stands; raise ProposalSettled and others."""
    plain_text("The reason", reason, needed=True)
    with store.transaction(expected) as transaction:
        proposal = find_proposal(store, text)
        check_open(proposal)
        run = Run(store.ledger_id, "proposals decline", {"proposal": proposal.op.hex(), "reason": reason}, who)
        fields = {"authority": who.authority, "proposal": proposal.op.hex(), "reason": reason}
        run.append(transaction, [draft("proposal_declined", None, None, fields)])
        run.finish(transaction, {"declined": 1})
    return proposal.position


def accept(store: Store, text: str | int, how: How, who: Who, expected: int | None) -> int:
    """Accept an open proposal in one commit and return where the proposal stands; raise ProposalSettled and others."""
    checked_how(how)
    with store.transaction(expected) as transaction:
        proposal = find_proposal(store, text)
        check_open(proposal)
        params = {"confirmed": how.confirmed, "proposal": proposal.op.hex(), "reason": how.reason}
        run = Run(store.ledger_id, "proposals accept", params, who)
        counts = settle(store, transaction, run, what_of(store, proposal), how, who)
        run.finish(transaction, {**counts, "samples": proposal.samples})
    return proposal.position


def has_recorded(store: Store, proposal: proposals.Proposal, params: dict[str, Any], who: Who) -> bool:
    """Say whether the same actor accepted a proposal by the same request, whatever client it came through."""
    event = None if proposal.settled is None else store.event(proposal.settled)
    if event is None or proposal.state != "accepted":
        return False
    leaf = leaf_of(store, event[1])
    began = store.event(leaf["run"])
    given = {} if began is None else leaf_of(store, began[1])["params"]
    return leaf["actor"] == who.actor and {**given, "client": None} == {**params, "client": None}


def deciding(how: How, who: Who) -> Who:
    """Return on whose authority the decisions are made."""
    return Who(who.actor, who.via, "person" if how.authority == "person" else "agent")


def _judged(store: Store, what: What, who: Who) -> Iterator[tuple[list[Draft], Counter[str]]]:
    """Yield the decisions about a few hundred members at a time, and what becomes of these."""
    judge = _judge(store, what, who)
    for piece in what.pieces():
        check(store)
        counts: Counter[str] = Counter()
        standing = _standing(store, piece, counts)
        drafts = list(judge(standing))
        said = {one.sample for one in drafts}
        held = _held(store, what, who, standing)
        counts["outranked"] = sum(
            row.sample in held and (row.sample in said or _differs(row, what)) for row in standing
        )
        counts["changed"] = len(said - held)
        counts["unchanged"] = len(piece) - counts.total()
        yield drafts, counts


def _held(store: Store, what: What, who: Who, rows: list[samples.Row]) -> set[int]:
    """Return the samples that stay as they are whatever is decided here, because a person has decided about them."""
    if who.authority == "person" or not rows:
        return set()
    return proposals.held_by_people(store.connection, what.verdict, [row.sample for row in rows])


def _differs(row: samples.Row, what: What) -> bool:
    """Say whether a sample stands otherwise than the verdict has it."""
    if what.verdict in OUTCOMES:
        return row.status != _STATUS[what.verdict]
    wanted = LABELS[what.verdict.removeprefix("label-")]
    return row.label != (None if wanted is None else int(wanted))


def _standing(store: Store, piece: list[Member], counts: Counter[str]) -> list[samples.Row]:
    """Return the members that still are the version that was meant, and count the others."""
    rows = samples.by_ids(store.connection, [one for one, _ in piece])
    standing = []
    for one, version in piece:
        row = rows.get(one)
        if row is None:
            raise CorruptLedger(store.path, f"a proposal names {one.hex()[:12]}, which is no sample")
        if row.status == "erased":
            counts["erased"] += 1
        elif row.hash != version:
            counts["changed_since"] += 1
        else:
            standing.append(row)
    return standing


def _judge(store: Store, what: What, who: Who) -> Judge:
    details = {"proposal": what.op.hex()}
    if what.verdict in OUTCOMES:
        return outcomes(store, OUTCOMES[what.verdict], what.reason, who, details)
    return relabelings(store, LABELS[what.verdict.removeprefix("label-")], what.reason, who, details)


def _conserved(what: What, counts: Counter[str]) -> dict[str, int]:
    found = {name: counts[name] for name in COUNTS}
    conserve("samples", what.samples, found)
    return found
