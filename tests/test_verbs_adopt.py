"""Adopting a policy: what the event says, and when it changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.digest import blake3_bytes
from ledger.errors import BadRequest
from ledger.policy import parse_policy, to_toml
from ledger.rule import Cap, Policy
from ledger.verbs.adopt import Proposed, adopt, checked_campaign, checked_changes, digest_of_policy, is_in_force
from ledger.verbs.judge import judge
from ledger.verbs.run import Run, Who
from ledger.views import policies
from tests.judged import LOW
from tests.logs import store_of
from tests.scoring import decide, some

WHO = Who("ann", "cli")
CAPPED = replace(LOW, caps=(Cap("one", "rejected", ("prompt",), 1),))


def adopted(ledger: Ledger) -> list[dict[str, Any]]:
    """Return what the adoptions say, oldest first."""
    return [event["says"] for event in ledger.log(limit=1000) if event["kind"] == "policy_adopted"]


def test_an_adoption_names_the_policy_and_where_it_is_from(ledger: Ledger, tmp_path: Path) -> None:
    """The frozen form and the text are stored; what was set on top, who and why stand in the event."""
    some(ledger, tmp_path, 1)
    text = to_toml(LOW).encode()
    proposed = Proposed(parse_policy(text.decode(), "p.toml"), text, checked_changes(["threshold.min_quality = 0.5"]))
    judge(store_of(ledger), proposed, "c", WHO, reason="why not")
    (said,) = adopted(ledger)
    assert said == {
        "after": None,
        "authority": "person",
        "campaign": "c",
        "changes": [["threshold.min_quality", "0.5"]],
        "name": "low",
        "policy": digest_of_policy(LOW).hex(),
        "reason": "why not",
        "source": blake3_bytes(text).hex(),
    }
    bodies = {row[0]: row[1] for row in store_of(ledger).connection.execute("SELECT hash, body FROM blob")}
    assert bodies[digest_of_policy(LOW)] == LOW.to_bytes()
    assert bodies[blake3_bytes(text)] == text


def test_each_adoption_names_the_one_before(ledger: Ledger, tmp_path: Path) -> None:
    """So the same policy can be adopted again after another."""
    some(ledger, tmp_path, 1)
    for policy in (LOW, CAPPED, LOW):
        decide(ledger, policy)
    events = [event["event"] for event in ledger.log(limit=1000) if event["kind"] == "policy_adopted"]
    assert [said["after"] for said in adopted(ledger)] == [None, *events[:2]]
    assert [said["source"] for said in adopted(ledger)] == [None] * 3


def test_a_policy_in_force_is_not_adopted_again(ledger: Ledger, tmp_path: Path) -> None:
    """Nothing is appended, whatever the reason given."""
    some(ledger, tmp_path, 1)
    decide(ledger, LOW)
    store = store_of(ledger)
    run = Run(store.ledger_id, "decide", {}, WHO)
    with store.transaction() as transaction:
        assert adopt(store, transaction, run, Proposed(LOW), None, "again", WHO) is None
        assert adopt(store, transaction, run, Proposed(LOW), "c", "again", WHO) is None
    assert len(adopted(ledger)) == 1


@pytest.mark.parametrize(
    ("before", "policy", "campaign", "stands"),
    [
        ([], LOW, None, False),
        ([(LOW, None)], LOW, None, True),
        ([(LOW, None)], LOW, "c", True),
        ([(LOW, None)], replace(LOW, name="other"), "c", False),
        ([(LOW, "c")], LOW, None, False),
        ([(LOW, "c")], LOW, "c", True),
        ([(LOW, "c")], LOW, "d", False),
        ([(LOW, None), (CAPPED, "d")], LOW, None, False),
        ([(LOW, None), (CAPPED, "d")], LOW, "c", True),
        ([(CAPPED, None)], CAPPED, None, True),
        ([(CAPPED, None)], CAPPED, "c", False),  # a cap of one campaign alone counts its samples alone
        ([(CAPPED, None), (CAPPED, "c")], CAPPED, "c", True),
    ],
)
def test_what_is_in_force(
    ledger: Ledger,
    tmp_path: Path,
    before: list[tuple[Policy, str | None]],
    policy: Policy,
    campaign: str | None,
    *,
    stands: bool,
) -> None:
    """For one campaign what covers it counts; for all, none may have one of its own."""
    for name in ("c", "d"):
        some(ledger, tmp_path, 1, name)
    for earlier, covers in before:
        decide(ledger, earlier, covers)
    assert is_in_force(store_of(ledger), policy, campaign) is stands
    assert decide(ledger, policy, campaign).adopted == (
        None if stands else policies.everything(store_of(ledger).connection)[-1].position
    )


def test_a_campaign_must_be_there(ledger: Ledger, tmp_path: Path) -> None:
    """Those that are are named."""
    with pytest.raises(BadRequest, match="none yet"):
        checked_campaign(store_of(ledger), "c")
    some(ledger, tmp_path, 1, "b")
    some(ledger, tmp_path, 1, "a")
    with pytest.raises(BadRequest, match="there are a, b"):
        checked_campaign(store_of(ledger), "c")
    assert checked_campaign(store_of(ledger), None) is None
    assert checked_campaign(store_of(ledger), "a") == "a"


def test_changes_are_recorded_as_key_and_value() -> None:
    """Split at the first sign of equality."""
    assert checked_changes([" a = 1", "rule.x.when=q == 2"]) == (("a", "1"), ("rule.x.when", "q == 2"))
