"""Proposing a decision about samples, which changes nothing until it is accepted: by a person, or at once by a policy.

Who records what somebody confirmed proposes and accepts in one commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ledger.digest import show
from ledger.errors import BadRequest, HeadMoved, ProposalSettled
from ledger.event import draft, op_of
from ledger.reports.proposals import name_of, told
from ledger.store import Store
from ledger.transaction import Transaction, in_chunks
from ledger.verbs.moment import reading
from ledger.verbs.proposing import Asked, Resolved, resolved
from ledger.verbs.run import Run, Who
from ledger.verbs.settling import How, What, checked_how, find_proposal, has_recorded, settle, what_of, would
from ledger.views import policies


class Done(NamedTuple):
    """Where the proposal stands in the log, and whether the same request had made it, or recorded it, before."""

    position: int
    repeated: bool


def propose(store: Store, request: Asked, who: Who, expected: int | None) -> Done:
    """Append a proposal; where the policy in force trusts its proposer with its verdict, it is accepted with it.

    Raises BadRequest, NoSuchId, AmbiguousId, ErasedBytes, HeadMoved.
    """
    run = Run(store.ledger_id, "propose", _params(request), who)
    with store.transaction() as transaction:
        found = resolved(store, request, who.actor)
        if found.made is not None:
            return Done(found.made.position, repeated=True)
        _check_head(transaction, expected)
        position, what = _append(store, transaction, run, request, found, who)
        counts = {"proposed": 1, "samples": what.samples}
        if (policy := trusting(store, found.meant.campaigns, request.verdict, who.actor)) is not None:
            counts |= settle(store, transaction, run, what, How("policy", "none", policy=policy), who)
        run.finish(transaction, counts)
    return Done(position, repeated=False)


def record(store: Store, request: Asked, how: How, who: Who, expected: int | None) -> Done:
    """Propose and accept in one commit; a proposal that the same request made before is accepted, if it waits.

    Raises ProposalSettled where that was declined, and what `propose` does.
    """
    checked_how(how)
    run = Run(store.ledger_id, "record", _params(request), who)
    with store.transaction() as transaction:
        found = resolved(store, request, who.actor)
        made = found.made
        if made is not None and made.state == "accepted":
            return Done(made.position, repeated=True)
        if made is not None and made.settled is not None:
            raise ProposalSettled(name_of(made.position), made.state, made.settled)
        _check_head(transaction, expected)
        if made is None:
            position, what = _append(store, transaction, run, request, found, who)
        else:
            position, what = made.position, what_of(store, made)
        counts = settle(store, transaction, run, what, how, who)
        run.finish(transaction, {"proposed": int(made is None), "samples": what.samples, **counts})
    return Done(position, repeated=False)


def record_proposal(
    store: Store, text: str | int, how: How, params: Mapping[str, Any], who: Who, expected: int | None
) -> Done:
    """Accept an open proposal as `record` does; `params` say what was asked, and the same asked again is a repetition.

    Raises NoSuchProposal, ProposalSettled, HeadMoved.
    """
    checked_how(how)
    with store.transaction() as transaction:
        proposal = find_proposal(store, text)
        asked = {**params, "confirmed": how.confirmed, "proposal": proposal.op.hex(), "reason": how.reason}
        if has_recorded(store, proposal, asked, who):
            return Done(proposal.position, repeated=True)
        if proposal.settled is not None:
            raise ProposalSettled(name_of(proposal.position), proposal.state, proposal.settled)
        _check_head(transaction, expected)
        run = Run(store.ledger_id, "record", asked, who)
        counts = settle(store, transaction, run, what_of(store, proposal), how, who)
        run.finish(transaction, {"samples": proposal.samples, **counts})
    return Done(proposal.position, repeated=False)


def tried(store: Store, request: Asked, who: Who, expected: int | None) -> dict[str, Any]:
    """Return what `propose` would answer, without appending anything; raises as it does.

    `would` says what accepting the proposal would change, `would_accept` names the policy that would do so at once;
    both are None where the same request made the proposal before.
    """
    with reading(store) as (here, head):
        found = resolved(here, request, who.actor)
        if found.made is not None:
            return {**told(here, found.made), "repeated": True, "would": None, "would_accept": None}
        if expected not in {None, head.position}:
            raise HeadMoved(head.position, expected)
        op = op_of("proposed", {"key": found.key, "proposer": who.actor})
        policy = trusting(here, found.meant.campaigns, request.verdict, who.actor)
        how = How("person" if policy is None else "policy")
        counts = would(here, _what(op, request, found), how, who)
    return {
        "proposal": op.hex(),
        **dict.fromkeys(("name", "position", "time")),
        "proposer": who.actor,
        "via": who.via,
        "verdict": request.verdict,
        "reason": request.reason,
        "count": len(found.meant.members),
        "key": found.key,
        "state": None,
        "settled": None,
        "repeated": False,
        "would": counts,
        "would_accept": None if policy is None else show(policy),
    }


def trusting(store: Store, campaigns: Iterable[str], verdict: str, actor: str) -> bytes | None:
    """Return the digest of the one policy that is in force for all of these campaigns, if it accepts such proposals."""
    standing = {adoption.campaign: adoption for adoption in policies.in_force(store.connection)}
    found = {campaign: standing.get(campaign, standing.get(None)) for campaign in campaigns}
    adoptions = {adoption.digest: adoption for adoption in found.values() if adoption is not None}
    if len(adoptions) != 1 or None in found.values():
        return None
    ((digest, adoption),) = adoptions.items()
    trusted = policies.frozen(adoption).proposals
    return digest if any(verdict in one.verdicts and actor in one.actors for one in trusted) else None


def _append(
    store: Store, transaction: Transaction, run: Run, request: Asked, found: Resolved, who: Who
) -> tuple[int, What]:
    """Append the proposal; return its position, and what there is to settle."""
    digest, blob = transaction.add_blob(found.body)
    if store.body(blob) is None:
        raise BadRequest(f"The list of these samples, {show(digest)[:15]}, was erased as something else")
    fields: dict[str, Any] = {
        "client": request.client,
        "count": len(found.meant.members),
        "evidence": request.evidence,
        "key": found.key,
        "members": digest.hex(),
        "proposer": who.actor,
        "reason": request.reason,
        "verdict": request.verdict,
    }
    made = draft("proposed", None, blob, fields)
    run.begun(transaction)
    position = transaction.next_position
    run.append(transaction, [made])
    return position, _what(made.op, request, found)


def _what(op: bytes, request: Asked, found: Resolved) -> What:
    members = found.meant.members
    return What(op, request.verdict, request.reason, len(members), lambda: in_chunks(sorted(members.items())))


def _params(request: Asked) -> dict[str, Any]:
    return {"reason": request.reason, "verdict": request.verdict, **request.chosen.as_json()}


def _check_head(transaction: Transaction, expected: int | None) -> None:
    """Raise HeadMoved; only here, because a request that was met already may be repeated at any head."""
    if expected not in {None, transaction.first - 1}:
        raise HeadMoved(transaction.first - 1, expected)
