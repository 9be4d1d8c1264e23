"""Adopting a policy: from here on it is in force, for one campaign or for all, until another is adopted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from unicodedata import normalize

from ledger.digest import blake3_bytes
from ledger.errors import BadRequest
from ledger.event import draft
from ledger.policy.changes import key_text, split
from ledger.rule import Policy
from ledger.store import Store
from ledger.transaction import Transaction
from ledger.verbs.run import Run, Who
from ledger.verbs.words import plain_text
from ledger.views import policies, rollups


class Proposed(NamedTuple):
    """A policy on its way: frozen, the text that it was read from, and what was changed on top of that."""

    policy: Policy
    source: bytes | None = None
    changes: tuple[tuple[str, str], ...] = ()


def digest_of_policy(policy: Policy) -> bytes:
    """Return a policy's digest: the address of its frozen form."""
    return blake3_bytes(policy.to_bytes())


def is_in_force(store: Store, policy: Policy, campaign: str | None) -> bool:
    """Say whether adopting a policy would change nothing; for all campaigns, none may have one of its own.

    Caps count the samples that a policy covers, so one with caps is another where it covers a campaign alone.
    """
    standing = policies.in_force(store.connection)
    digest = digest_of_policy(policy)
    if campaign is None:
        return [(a.campaign, a.digest) for a in standing] == [(None, digest)]
    covering = policies.in_force_for(store.connection, campaign)
    if covering is None or covering.digest != digest:
        return False
    return covering.campaign == campaign or not policy.caps


def adopt(
    store: Store, transaction: Transaction, run: Run, proposed: Proposed, campaign: str | None, reason: str, who: Who
) -> int | None:
    """Append the adoption, and return its position; None where this policy is in force there already."""
    if is_in_force(store, proposed.policy, campaign):
        return None
    frozen = proposed.policy.to_bytes()
    _, blob = transaction.add_blob(frozen)
    source = None if proposed.source is None else transaction.add_blob(proposed.source)[0]
    before = policies.everything(store.connection)
    fields = {
        "after": before[-1].op.hex() if before else None,
        "authority": who.authority,
        "campaign": campaign,
        "changes": [list(change) for change in proposed.changes],
        "name": proposed.policy.name,
        "policy": blake3_bytes(frozen).hex(),
        "reason": reason,
        "source": None if source is None else source.hex(),
    }
    return run.append(transaction, [draft("policy_adopted", None, blob, fields)])


def checked_campaign(store: Store, campaign: str | None) -> str | None:
    """Return a campaign that exists, or None; raise BadRequest naming those that do."""
    if campaign is None:
        return None
    campaign = normalize("NFC", plain_text("The campaign's name", campaign, needed=True))
    known = sorted({group.campaign for group in rollups.groups(store.connection)})
    if campaign not in known:
        raise BadRequest(f"There is no campaign {campaign!r}; there are {', '.join(known[:20]) or 'none yet'}")
    return campaign


def checked_changes(changes: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return KEY=VALUE texts as pairs, as an adoption records them."""
    return tuple((key_text(key), value) for key, value in map(split, changes))
