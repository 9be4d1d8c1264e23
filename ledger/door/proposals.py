"""Proposals: decisions that somebody asks for, and that a person or a policy makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ledger import sqlite
from ledger.door.opened import Answer, Opened
from ledger.verbs import settle
from ledger.verbs.moment import reading
from ledger.verbs.proposal_list import MOST, proposal_shown, proposals_there_are, told_at
from ledger.verbs.proposal_request import asked, checked_circumstances
from ledger.verbs.propose import (
    Bound,
    Done,
    check_record,
    check_record_proposal,
    propose,
    record,
    record_proposal,
    tried,
)
from ledger.verbs.run import Who
from ledger.verbs.selection import selection
from ledger.verbs.settle import How, checked_how, find_proposal
from ledger.verbs.words import whole_number


class Proposals(Opened):
    """Proposals: decisions that somebody asks for, and that a person or a policy makes.

    A proposal is named by `P12` or `@12`, where 12 is its position in the log, or by 6 or more characters of its id.
    Every answer about one has the same keys: proposal, name, position, time, proposer, via, verdict, reason, count,
    key, state (open, accepted, declined) and `settled`: None, or who settled it and what that changed, with
    count = changed + outranked + unchanged + changed_since + erased.
    """

    def propose(  # noqa: PLR0913 - a keyword for each part of the request
        self,
        ids: Sequence[str],
        verdict: str,
        *,
        reason: str,
        where: str | None = None,
        campaign: str | None = None,
        key: str | None = None,
        evidence: Sequence[int] = (),
        client: Mapping[str, Any] | None = None,
        dry_run: bool = False,
        expected_head: int | None = None,
    ) -> Answer:
        """Propose accept, reject, defer, label-true, label-false or label-none of samples; nothing of them changes.

        `key` names the request: made again by the same actor it appends nothing and returns the first answer with
        `repeated` true, also where somebody else wrote meanwhile. Without one, the digest of what is proposed is the
        key. `evidence` are positions of events, `client` what a program says of itself (name, version, session, tool,
        request). A policy that trusts the actor with the verdict accepts the proposal at once. With `dry_run` nothing
        is recorded and `would` tells what accepting would change. Raises BadRequest, NoSuchId, AmbiguousId,
        ConditionInvalid, ErasedBytes, HeadMoved.
        """
        request = asked(selection(ids, where, campaign), verdict, reason, key, evidence, client)
        with sqlite.plain_errors(self._store.path):
            if dry_run:
                return tried(self._store, request, self._who, expected_head)
            done = self._told(propose(self._store, request, self._who, expected_head))
        return {**done, "would": None, "would_accept": None}

    def record(
        self,
        ids: Sequence[str],
        verdict: str,
        *,
        reason: str,
        key: str,
        evidence: Sequence[int] = (),
        client: Mapping[str, Any] | None = None,
        confirmed: str = "elicitation",
        members: str | None = None,
        expected_head: int | None = None,
    ) -> Answer:
        """Propose and accept in one commit, as an agent whom somebody confirmed: its decisions rank with a policy's.

        `key` names the request: made again with it, it returns the first answer, whatever was decided since. `members`
        is the `list` of `check_record` that somebody confirmed: where the samples or their versions are others by now,
        BadRequest is raised. Raises ProposalSettled where it was declined, and what `propose` does.
        """
        request = asked(selection(ids), verdict, reason, key, evidence, client)
        with sqlite.plain_errors(self._store.path):
            how, bound = How("agent", confirmed), Bound(expected_head, members)
            return self._told(record(self._store, request, how, self._who, bound))

    def check_record(
        self,
        ids: Sequence[str],
        verdict: str,
        *,
        reason: str,
        key: str,
        evidence: Sequence[int] = (),
        actor: str | None = None,
        expected_head: int | None = None,
    ) -> Answer:
        """Return what `record` of the same request by `actor` would be about, and raise what it would raise.

        Nothing is written, and what it would change is not asked: `count`, and `list`, the digest of the samples and
        their versions, for `record(members=…)`; `ledger` is this ledger's id. `repeated` true: it was recorded, and
        this is that answer.
        """
        request = asked(selection(ids), verdict, reason, key, evidence)
        with sqlite.plain_errors(self._store.path):
            return check_record(self._store, request, self._acting(actor), expected_head)

    def record_proposal(
        self,
        proposal: str | int,
        *,
        reason: str = "",
        key: str | None = None,
        client: Mapping[str, Any] | None = None,
        confirmed: str = "elicitation",
        about: Mapping[str, Any] | None = None,
        expected_head: int | None = None,
    ) -> Answer:
        """Accept an open proposal as `record` does; the same request made again returns the first answer.

        `about` is the answer of `check_record_proposal` that somebody confirmed: where another proposal stands there by
        now, or another ledger, BadRequest is raised. Raises NoSuchProposal, ProposalSettled, HeadMoved.
        """
        how = How("agent", confirmed, reason)
        params = checked_circumstances(key, client)
        with sqlite.plain_errors(self._store.path):
            bound = Bound(expected_head, about=about)
            done = record_proposal(self._store, proposal, how, params, self._who, bound)
            return self._told(done)

    def check_record_proposal(
        self,
        proposal: str | int,
        *,
        reason: str = "",
        key: str | None = None,
        confirmed: str = "elicitation",
        actor: str | None = None,
        expected_head: int | None = None,
    ) -> Answer:
        """Return what `record_proposal` would be about, as `check_record` does; `list` is the proposal's own."""
        how = checked_how(How("agent", confirmed, reason))
        params = checked_circumstances(key, None)
        with sqlite.plain_errors(self._store.path):
            who = self._acting(actor)
            return check_record_proposal(self._store, proposal, how, params, who, expected_head)

    def accept_proposal(
        self,
        proposal: str | int,
        *,
        reason: str = "",
        confirmed: str = "command",
        expected_head: int | None = None,
    ) -> Answer:
        """Make the decisions that a proposal asks for, in one commit, on the authority of a person.

        Raises NoSuchProposal, ProposalSettled, AmbiguousId, HeadMoved.
        """
        how = How("person", confirmed, reason)
        with sqlite.plain_errors(self._store.path):
            position = settle.accept(self._store, proposal, how, self._who, expected_head)
            return self._told(Done(position, repeated=False))

    def decline_proposal(self, proposal: str | int, *, reason: str, expected_head: int | None = None) -> Answer:
        """Decline a proposal, saying why; raises NoSuchProposal, ProposalSettled, AmbiguousId, HeadMoved."""
        with sqlite.plain_errors(self._store.path):
            position = settle.decline(self._store, proposal, reason, self._who, expected_head)
            return self._told(Done(position, repeated=False))

    def proposals(
        self,
        state: str = "open",
        limit: int = 50,
        after: str | int | None = None,
        as_of: str | int | None = None,
    ) -> Answer:
        """Return proposals that are open, accepted or declined, or `all`, oldest first; `next` goes on with `after`."""
        whole_number("The limit", limit, 1, MOST)
        with reading(self._store, as_of) as (there, head):
            start = -1 if after is None else find_proposal(there, after).position
            return proposals_there_are(there, head, state, start, limit)

    def proposal(self, proposal: str | int, limit: int = 20, as_of: str | int | None = None) -> Answer:
        """Return one proposal: also its evidence, client, the first `limit` of its samples, and what it would change.

        Raises NoSuchProposal, AmbiguousId, BadRequest.
        """
        whole_number("The limit", limit, 0, MOST)
        with reading(self._store, as_of) as (there, head):
            return proposal_shown(there, head, proposal, limit, self._who)

    def _acting(self, actor: str | None) -> Who:
        return self._who if actor is None else Who(actor, self._who.via)

    def _told(self, done: Done) -> Answer:
        with reading(self._store) as (here, _):
            return {**told_at(here, done.position), "repeated": done.repeated}
