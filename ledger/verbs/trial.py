"""Trying a policy on: its verdicts in a temporary table, beside those of the policy in force. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ledger import sqlite
from ledger.digest import blake3_bytes
from ledger.errors import NoPolicy
from ledger.rule import Policy
from ledger.store import Store
from ledger.views import due, judgements, policies
from ledger.views.judging import Slots, slots_of


class Judged(NamedTuple):
    """The verdicts of one policy: in which table, under which adoption, and where in its rows things stand."""

    table: str
    adoption: policies.Adoption
    policy: Policy
    slots: Slots

    def fill(self, store: Store, name: str, campaign: str | None) -> None:
        """Make the temporary table `name` of what deciding by this policy comes to (`ledger.views.due`)."""
        due.fill(store.connection, name, self.table, self.adoption.position, self.policy, self.slots, campaign)


def in_force(store: Store, campaign: str | None) -> list[Judged]:
    """Return the policies in force, all or the one that covers a campaign; raise NoPolicy where there is none."""
    standing = policies.in_force(store.connection)
    if campaign is not None:
        covering = policies.in_force_for(store.connection, campaign)
        standing = [] if covering is None else [covering]
    if not standing:
        raise NoPolicy("" if campaign is None else f" for the campaign {campaign}")
    return [Judged("judgements", a, p, slots_of(p)) for a in standing for p in (policies.frozen(a),)]


@contextmanager
def trying(store: Store, policy: Policy, campaign: str | None) -> Iterator[Judged]:
    """Yield the verdicts of a policy as if it were adopted, for one campaign or for all; nothing is written."""
    frozen = policy.to_bytes()
    head = store.head().position
    adoption = policies.Adoption(head + 1, b"", campaign, policy.name, blake3_bytes(frozen), "policy", "", frozen)
    standing = [] if campaign is None else policies.in_force(store.connection)
    with sqlite.snapshot(store.connection):
        slots = judgements.try_on(store.connection, [*standing, adoption], adoption)
        yield Judged("temp.tried", adoption, policy, slots)
        due.drop(store.connection, "tried")
