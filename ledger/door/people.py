"""What people decide about samples, and take back."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.door.opened import Answer, Opened
from ledger.verbs import decide
from ledger.verbs.redact import redact
from ledger.verbs.selection import selection


class People(Opened):
    """What people decide about samples, and take back.

    Samples are named by `ids`, or chosen: all for which the condition `where` holds, of one `campaign` or of all. With
    `dry_run` the answer says how many would change and nothing is recorded. Raises NoSuchId, AmbiguousId,
    ConditionInvalid, and BadRequest where ids and a choice are given together, or neither.
    """

    def accept(
        self,
        ids: Sequence[str] = (),
        *,
        reason: str = "",
        where: str | None = None,
        campaign: str | None = None,
        dry_run: bool = False,
        expected_head: int | None = None,
    ) -> Answer:
        """Accept samples: samples, changed, unchanged, events."""
        chosen = selection(ids, where, campaign)
        return decide.decide(self._store, "accept", chosen, reason, self._who, expected_head, dry_run=dry_run)._asdict()

    def reject(
        self,
        ids: Sequence[str] = (),
        *,
        reason: str,
        where: str | None = None,
        campaign: str | None = None,
        dry_run: bool = False,
        expected_head: int | None = None,
    ) -> Answer:
        """Reject samples, saying why."""
        chosen = selection(ids, where, campaign)
        return decide.decide(self._store, "reject", chosen, reason, self._who, expected_head, dry_run=dry_run)._asdict()

    def defer(
        self,
        ids: Sequence[str] = (),
        *,
        reason: str = "",
        where: str | None = None,
        campaign: str | None = None,
        dry_run: bool = False,
        expected_head: int | None = None,
    ) -> Answer:
        """Put off the decision about samples: they are pending again."""
        chosen = selection(ids, where, campaign)
        return decide.decide(self._store, "defer", chosen, reason, self._who, expected_head, dry_run=dry_run)._asdict()

    def relabel(
        self,
        ids: Sequence[str],
        label: str,
        *,
        reason: str = "",
        where: str | None = None,
        campaign: str | None = None,
        dry_run: bool = False,
        expected_head: int | None = None,
    ) -> Answer:
        """Label samples `true`, `false` or `none`; `ids` is empty where they are chosen."""
        chosen = selection(ids, where, campaign)
        return decide.relabel(self._store, chosen, label, reason, self._who, expected_head, dry_run=dry_run)._asdict()

    def tag(
        self,
        ids: Sequence[str],
        key: str,
        value: str | None,
        *,
        reason: str = "",
        where: str | None = None,
        campaign: str | None = None,
        dry_run: bool = False,
        expected_head: int | None = None,
    ) -> Answer:
        """Set a tag of samples, or remove it with value None; `ids` is empty where they are chosen."""
        chosen = selection(ids, where, campaign)
        return decide.tag(self._store, chosen, key, value, reason, self._who, expected_head, dry_run=dry_run)._asdict()

    def weight(
        self,
        ids: Sequence[str],
        times: int,
        *,
        reason: str = "",
        where: str | None = None,
        campaign: str | None = None,
        dry_run: bool = False,
        expected_head: int | None = None,
    ) -> Answer:
        """Let exports for training repeat samples `times` times (1 to 1000); `ids` is empty where they are chosen."""
        chosen = selection(ids, where, campaign)
        return decide.weight(self._store, chosen, times, reason, self._who, expected_head, dry_run=dry_run)._asdict()

    def redact(
        self,
        ids: Sequence[str] = (),
        *,
        rule: str | None = None,
        where: str | None = None,
        campaign: str | None = None,
        dry_run: bool = False,
        expected_head: int | None = None,
    ) -> Answer:
        """Give samples that hold secrets a version without them: samples, changed, secrets, by_rule, places.

        `rule` is one kind of secret or a pattern. The bytes of the old versions stay in the log until `erase` takes
        them out by `old_versions`, their addresses.
        """
        chosen = selection(ids, where, campaign)
        return redact(self._store, chosen, rule, self._who, expected_head, dry_run=dry_run)._asdict()

    def edit(
        self,
        sample: str,
        line: bytes,
        *,
        form: str | None = None,
        reason: str = "",
        expected_head: int | None = None,
    ) -> Answer:
        """Give a sample a new version, from one JSON line; raises ContentRefused."""
        return decide.edit(self._store, sample, line, form, reason, self._who, expected_head)._asdict()

    def withdraw(self, events: Sequence[str], *, reason: str = "", expected_head: int | None = None) -> Answer:
        """Withdraw decisions, labels, tags, weights or edits by id or @POSITION; what stood before applies again."""
        return decide.withdraw(self._store, events, reason, self._who, expected_head)._asdict()
