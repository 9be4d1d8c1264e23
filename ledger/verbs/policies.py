"""Which policies there are: those that come with the program, those in files, and those that were adopted."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from ledger.digest import MIN_PREFIX, blake3_bytes
from ledger.digest import show as shown
from ledger.errors import BadRequest, InputNotFound, InputUnreadable
from ledger.policy import parse_policy, shipped, to_toml
from ledger.policy.toml import LONGEST
from ledger.policy.writing import measured
from ledger.rule import Policy, observed
from ledger.store import Store
from ledger.verbs.adopt import Proposed
from ledger.verbs.files import called, first_bytes, read_text, text_of
from ledger.verbs.trial import in_force
from ledger.views import policies

IN_FORCE = "in-force"
MOST_BYTES = 5 * LONGEST
_HINT = "Give a TOML file in UTF-8; `ledger policy show NAME` prints one to begin with."
SUFFIX = ".toml"


def find_policy(name: str | Path) -> Proposed:
    """Return the policy in a TOML file, or, where there is no such file, the one of that name in the program.

    Raises PolicyInvalid, InputNotFound, InputUnreadable.
    """
    text, place = _text_of(name)
    return Proposed(parse_policy(text, place), text.encode())


def listed(store: Store) -> dict[str, Any]:
    """Return the names of the policies in the program, and every adoption, oldest first."""
    standing = {adoption.position for adoption in policies.in_force(store.connection)}
    adopted = [
        {
            "position": adoption.position,
            "event": adoption.op.hex(),
            "name": adoption.name,
            "policy": shown(adoption.digest),
            "campaign": adoption.campaign,
            "authority": adoption.authority,
            "reason": adoption.reason,
            "in_force": adoption.position in standing,
        }
        for adoption in policies.everything(store.connection)
    ]
    return {"shipped": sorted(shipped()), "adopted": adopted}


def shown_policy(store: Store, name: str, campaign: str | None) -> dict[str, Any]:
    """Return one policy: that in force, an adopted one by its digest (6 characters or more) or name, or a shipped one.

    Raises NoPolicy, BadRequest for a digest that is cut too short to say which, and as `find_policy`.
    """
    if name == IN_FORCE:
        judged = in_force(store, campaign)
        if len(judged) > 1:
            raise BadRequest("Some campaigns have policies of their own; say which one with --campaign")
        return described(judged[0].policy)
    adopted = policies.everything(store.connection)
    digest = name.removeprefix("b3:").lower()
    by_digest = {a.digest: a for a in adopted if len(digest) >= MIN_PREFIX and a.digest.hex().startswith(digest)}
    if len(by_digest) > 1:
        raise BadRequest(f"{len(by_digest)} policies have digests that begin with {digest}; give more of it")
    if by_digest:
        return described(policies.frozen(*by_digest.values()))
    by_name = [adoption for adoption in adopted if adoption.name == name]
    if by_name:
        return described(policies.frozen(by_name[-1]))
    return described(find_policy(name).policy)


def described(policy: Policy) -> dict[str, Any]:
    """Return a policy as plain values: name, digest, TOML, and what it looks up."""
    return {
        "name": policy.name,
        "policy": shown(blake3_bytes(policy.to_bytes())),
        "toml": to_toml(policy),
        "compares": [measured(item) for item in observed(policy)],
        "rules": [rule.name for rule in policy.rules],
        "labels": [rule.name for rule in policy.labels],
        "caps": [cap.name for cap in policy.caps],
    }


def checked_policy(text: str, place: str) -> dict[str, Any]:
    """Return a policy's description, from TOML; raises PolicyInvalid."""
    return described(parse_policy(text, place))


def checked_file(source: str | Path | BinaryIO) -> dict[str, Any]:
    """Return the description of the policy in a file, or in an open one.

    Raises PolicyInvalid, InputNotFound, InputUnreadable.
    """
    text = read_text(source, MOST_BYTES, _HINT)
    return checked_policy(text, called(source))


def _text_of(name: str | Path) -> tuple[str, str]:
    try:
        data = first_bytes(name, MOST_BYTES, _HINT)
    except (InputNotFound, InputUnreadable) as error:
        known = shipped()
        stem = str(name).removesuffix(SUFFIX)
        if stem in known:
            return known[stem], f"{stem}{SUFFIX}"
        if isinstance(error, InputNotFound):
            hint = f"Give a TOML file, or one of the policies in the program: {', '.join(sorted(known))}."
            raise InputNotFound(name, hint=hint) from error
        raise
    return text_of(data, name, MOST_BYTES, _HINT), str(name)
