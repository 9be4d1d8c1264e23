"""Proposing a decision about samples, which changes nothing until it is accepted: by a person, or at once by a policy.

Who records what somebody confirmed proposes and accepts in one commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ledger.digest import blake3_bytes, show
from ledger.errors import BadRequest, HeadMoved
from ledger.event import draft, op_of
from ledger.reports.history import leaf_of
from ledger.reports.proposals import brief, told
from ledger.store import Store
from ledger.transaction import Transaction, in_chunks
from ledger.verbs.moment import reading
from ledger.verbs.proposal_request import Asked, Resolved, resolved
from ledger.verbs.run import Run, Who
from ledger.verbs.settle import (
    How,
    What,
    check_open,
    checked_how,
    find_proposal,
    has_recorded,
    settle,
    what_of,
    would,
)
from ledger.views import policies, proposals


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
        _check_head(transaction.first - 1, expected)
        position, what = _append(store, transaction, run, request, found, who)
        counts = {"proposed": 1, "samples": what.samples}
        if (policy := trusting(store, found.meant.campaigns, request.verdict, who.actor)) is not None:
            counts |= settle(store, transaction, run, what, How("policy", "none", policy=policy), who)
        run.finish(transaction, counts)
    return Done(position, repeated=False)


class Bound(NamedTuple):
    """What the world must still be like: where the log ends, and what somebody was asked about; None: anything.

    `members` is the digest of the list of samples, `about` the answer of `check_record_proposal`.
    """

    head: int | None = None
    members: str | None = None
    about: Mapping[str, Any] | None = None


def record(store: Store, request: Asked, how: How, who: Who, bound: Bound) -> Done:
    """Propose and accept in one commit; a proposal that the same request made before is accepted, if it waits.

    Raises ProposalSettled where that was declined, BadRequest where the samples or their versions are not those of the
    list that somebody confirmed, and what `propose` does.
    """
    checked_how(how)
    run = Run(store.ledger_id, "record", _params(request), who)
    with store.transaction() as transaction:
        found, again = _recordable(store, request, who, transaction.first - 1, bound.head)
        made = found.made
        if again and made is not None:
            return Done(made.position, repeated=True)
        _check_members(store, found, bound.members)
        if made is None:
            position, what = _append(store, transaction, run, request, found, who)
        else:
            position, what = made.position, what_of(store, made)
        counts = settle(store, transaction, run, what, how, who)
        run.finish(transaction, {"proposed": int(made is None), "samples": what.samples, **counts})
    return Done(position, repeated=False)


def record_proposal(store: Store, text: str | int, how: How, params: Mapping[str, Any], who: Who, bound: Bound) -> Done:
    """Accept an open proposal as `record` does; `params` say what was asked, and the same asked again is a repetition.

    Whoever confirmed it confirmed the list of versions that the proposal keeps: nothing is decided about what changed
    since. That it is the proposal that they were asked about has to be compared, since another file can stand here by
    now. Raises NoSuchProposal, ProposalSettled, HeadMoved, and BadRequest for another proposal.
    """
    checked_how(how)
    with store.transaction() as transaction:
        ends = transaction.first - 1
        _check_about(store, find_proposal(store, text), bound.about)
        proposal, asked, again = _acceptable(store, text, _asked(how, params), who, (ends, bound.head))
        if not again:
            run = Run(store.ledger_id, "record", asked, who)
            counts = settle(store, transaction, run, what_of(store, proposal), how, who)
            run.finish(transaction, {"samples": proposal.samples, **counts})
    return Done(proposal.position, repeated=again)


def check_record(store: Store, request: Asked, who: Who, expected: int | None) -> dict[str, Any]:
    """Return what `record` would be about; raises as it does.

    `list` is the digest of the list of samples and their versions, `repeated` says whether that was recorded before,
    `ledger` is the id of this ledger.
    """
    with reading(store) as (here, head):
        found, again = _recordable(here, request, who, head.position, expected)
        said = _untold(request, found, who) if found.made is None else told(here, found.made)
        return {**said, "list": _list_of(here, found), "repeated": again, "ledger": here.ledger_id}


def check_record_proposal(
    store: Store, text: str | int, how: How, params: Mapping[str, Any], who: Who, expected: int | None
) -> dict[str, Any]:
    """Return what `record_proposal` would be about, as `check_record` does; raises as it does."""
    with reading(store) as (here, head):
        proposal, _, again = _acceptable(here, text, _asked(how, params), who, (head.position, expected))
        said = told(here, proposal)
        return {**said, "list": _list_in(here, proposal), "repeated": again, "ledger": here.ledger_id}


def _recordable(store: Store, request: Asked, who: Who, ends: int, expected: int | None) -> tuple[Resolved, bool]:
    """Return what a request comes to, and whether it was recorded before; raise ProposalSettled, HeadMoved."""
    found = resolved(store, request, who.actor)
    if found.made is not None and found.made.state == "accepted":
        return found, True
    if found.made is not None:
        check_open(found.made)
    _check_head(ends, expected)
    return found, False


def _acceptable(
    store: Store, text: str | int, asked: Mapping[str, Any], who: Who, at: tuple[int, int | None]
) -> tuple[proposals.Proposal, dict[str, Any], bool]:
    """Return a proposal, the parameters of the run that would accept it, and whether the same run did before.

    `at` is where the log ends, and where it is expected to. Raises NoSuchProposal, ProposalSettled, HeadMoved.
    """
    proposal = find_proposal(store, text)
    params = {**asked, "proposal": proposal.op.hex()}
    if has_recorded(store, proposal, params, who):
        return proposal, params, True
    check_open(proposal)
    _check_head(*at)
    return proposal, params, False


def _asked(how: How, params: Mapping[str, Any]) -> dict[str, Any]:
    return {**params, "confirmed": how.confirmed, "reason": how.reason}


def _list_of(store: Store, found: Resolved) -> str:
    """Return the digest of the list of samples and versions that would be decided about: a waiting proposal has one."""
    if found.made is None:
        return show(blake3_bytes(found.body))
    return _list_in(store, found.made)


def _list_in(store: Store, proposal: proposals.Proposal) -> str:
    return f"b3:{leaf_of(store, proposal.leaf)['members']}"


def _check_about(store: Store, proposal: proposals.Proposal, about: Mapping[str, Any] | None) -> None:
    """Raise BadRequest where this is not the proposal that somebody was asked about: another ledger can have its id."""
    if about is None:
        return
    stands = {**brief(store, proposal), "list": _list_in(store, proposal), "ledger": store.ledger_id}
    if any(about.get(name) != value for name, value in stands.items()):
        raise BadRequest(
            "That is not the proposal that somebody was asked about, so nothing was recorded",
            hint="Ask again, about the proposal that stands now.",
        )


def _check_members(store: Store, found: Resolved, members: str | None) -> None:
    """Raise BadRequest where these are not the samples and versions that somebody confirmed."""
    if members not in {None, _list_of(store, found)}:
        raise BadRequest(
            "The samples changed after somebody was asked about them, so nothing was recorded",
            hint="Ask again, about the versions that stand now.",
        )


def tried(store: Store, request: Asked, who: Who, expected: int | None) -> dict[str, Any]:
    """Return what `propose` would answer, without appending anything; raises as it does.

    `would` says what accepting the proposal would change, `would_accept` names the policy that would do so at once;
    both are None where the same request made the proposal before.
    """
    with reading(store) as (here, head):
        found = resolved(here, request, who.actor)
        if found.made is not None:
            return {**told(here, found.made), "repeated": True, "would": None, "would_accept": None}
        _check_head(head.position, expected)
        policy = trusting(here, found.meant.campaigns, request.verdict, who.actor)
        how = How("person" if policy is None else "policy")
        counts = would(here, _what(_op(found, who), request, found), how, who)
    accepts = None if policy is None else show(policy)
    return {**_untold(request, found, who), "repeated": False, "would": counts, "would_accept": accepts}


def _untold(request: Asked, found: Resolved, who: Who) -> dict[str, Any]:
    """Return what is told of a proposal that is not made."""
    return {
        "proposal": _op(found, who).hex(),
        **dict.fromkeys(("name", "position", "time")),
        "proposer": who.actor,
        "via": who.via,
        "verdict": request.verdict,
        "reason": request.reason,
        "count": len(found.meant.members),
        "key": found.key,
        "state": None,
        "settled": None,
    }


def _op(found: Resolved, who: Who) -> bytes:
    return op_of("proposed", {"key": found.key, "proposer": who.actor})


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


def _check_head(ends: int, expected: int | None) -> None:
    """Raise HeadMoved; only here, because a request that was met already may be repeated at any head."""
    if expected not in {None, ends}:
        raise HeadMoved(ends, expected)
