"""Validating, deciding by policies, and asking what would be otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from ledger import sqlite
from ledger.door.opened import Answer, Opened, Progress, silent
from ledger.errors import BadRequest, HeadMoved
from ledger.policy import changed, parse_policy, settings, shipped
from ledger.store import Store
from ledger.validators import RULES
from ledger.verbs import judge, whatif
from ledger.verbs import validate as validation
from ledger.verbs.adopt import Proposed, checked_changes
from ledger.verbs.moment import reading
from ledger.verbs.policies import IN_FORCE, checked_file, checked_policy, find_policy, listed, shown_policy
from ledger.verbs.words import plain_text, whole_number


class Judgement(Opened):
    """Validating, deciding by policies, and asking what would be otherwise."""

    def validate(
        self,
        schemas: str | Path | None = None,
        *,
        campaign: str | None = None,
        min_chars: int | None = None,
        max_chars: int | None = None,
        require_call: bool = False,
        dry_run: bool = False,
        listing: bool = False,
        progress: Progress | None = None,
    ) -> Answer:
        """Find what is wrong with the current versions of samples, and record what differs from the last look.

        `listing` adds the first 1,000 findings with a sentence each. Raises InputNotFound, SchemaUnreadable,
        BadRequest, CorruptLedger.
        """
        plan = validation.validate_plan(
            schemas, campaign=campaign, min_chars=min_chars, max_chars=max_chars, require_call=require_call
        )
        report = validation.validate(
            self._store, plan, self._who, dry_run=dry_run, listing=listing, progress=progress or silent
        )
        return {"schema": plan.address, **report.as_json()}

    def decide(
        self,
        policy: str | Path | None = None,
        *,
        campaign: str | None = None,
        reason: str = "",
        dry_run: bool = False,
        expected_head: int | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """Adopt a policy (a TOML file, or the name of a shipped one) and append what it decides otherwise than before.

        Without one, the policy in force decides. `decided` counts every sample considered, `changed` those with a new
        decision or label, `by_outcome`, `by_label` and `by_rule` all of them. `dry_run` appends nothing. Raises
        PolicyInvalid, NoPolicy, InputNotFound, BadRequest.
        """
        proposed = None if policy is None else find_policy(policy)
        return self._decide(proposed, campaign, reason, dry_run=dry_run, expected_head=expected_head, progress=progress)

    def whatif(
        self,
        changes: Sequence[str] = (),
        *,
        policy: str | Path | None = None,
        campaign: str | None = None,
        limit: int = whatif.EXAMPLES,
        adopt: bool = False,
        reason: str = "",
        expected_head: int | None = None,
        as_of: str | int | None = None,
    ) -> Answer:
        """Return what would change under another policy, or under the one in force with settings changed.

        `changes` are texts such as `domain.asm.min_quality=0.35`. Nothing is written, unless `adopt` makes it the
        policy and decides by it: then `adopted` tells the position and `decided` is the answer of `decide`.
        With `as_of` it is asked of an earlier moment, and nothing can be adopted. Raises NoPolicy, PolicyInvalid,
        BadRequest, and HeadMoved where somebody else wrote before it was adopted.
        """
        whole_number("The limit", limit, 0, 10_000)
        if adopt and as_of is not None:
            raise BadRequest("A policy is adopted for what stands now: leave out adopt, or as_of")
        with reading(self._store, as_of) as (there, head):
            if expected_head is not None and head.position != expected_head:
                raise HeadMoved(head.position, expected_head)
            proposed = _changed(there, changes, policy, campaign)
            answer = whatif.whatif(there, proposed.policy, campaign, limit, head)
        if adopt:
            decided = self._decide(proposed, campaign, reason, expected_head=head.position)
            answer |= {"adopted": decided["adopted"], "decided": decided}
        return answer

    def policies(self, as_of: str | int | None = None) -> Answer:
        """Return the policies that come with the program, and every adoption, oldest first."""
        with reading(self._store, as_of) as (there, _):
            return listed(there)

    def policy(self, name: str = IN_FORCE, *, campaign: str | None = None, as_of: str | int | None = None) -> Answer:
        """Return one policy as TOML: in force, adopted (by name or digest), shipped, or in a file."""
        with reading(self._store, as_of) as (there, _):
            return shown_policy(there, name, campaign)

    @staticmethod
    def check_policy(text: str, place: str = "the policy") -> Answer:
        """Return what a policy in TOML compares and decides; raises PolicyInvalid. Needs no ledger."""
        return checked_policy(text, place)

    @staticmethod
    def check_policy_file(file: str | Path | BinaryIO) -> Answer:
        """Return what the policy in a TOML file compares and decides, or in one that is open for reading bytes.

        Needs no ledger. Raises PolicyInvalid, InputNotFound, InputUnreadable.
        """
        return checked_file(file)

    @staticmethod
    def shipped_policies() -> dict[str, str]:
        """Return the TOML, comments and all, of each policy that comes with the program, by name. Needs no ledger."""
        return dict(shipped())

    @staticmethod
    def policy_settings(text: str, place: str = "the policy") -> dict[str, str]:
        """Return each key of a policy in TOML that `whatif` can change, with its value; raises PolicyInvalid."""
        return dict(settings(parse_policy(text, place)))

    @staticmethod
    def validation_rules() -> dict[str, str]:
        """Return what each rule of `validate` finds, in a sentence, by its name. Needs no ledger."""
        return dict(RULES)

    def _decide(
        self,
        proposed: Proposed | None,
        campaign: str | None,
        reason: str,
        *,
        dry_run: bool = False,
        expected_head: int | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        plain_text("The reason", reason)
        with sqlite.plain_errors(self._store.path):
            report = judge.judge(
                self._store,
                proposed,
                campaign,
                self._who,
                reason=reason,
                dry_run=dry_run,
                expected=expected_head,
                progress=progress,
            )
        return report._asdict()


def _changed(store: Store, changes: Sequence[str], policy: str | Path | None, campaign: str | None) -> Proposed:
    """Return the policy to ask about: a file's, or the one in force where the store stands, with settings changed."""
    proposed = find_policy(policy) if policy is not None else Proposed(whatif.policy_to_change(store, campaign))
    if not changes:
        return proposed
    return Proposed(changed(proposed.policy, changes), proposed.source, checked_changes(changes))
