"""What another setting would let in, counted from what a policy keeps out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.policy.changes import changed
from ledger.reports.levers import lever, ways
from ledger.rule import Cap, Policy, Rule
from ledger.views import policies, retried
from ledger.views.judging import slots_of
from ledger.views.retried import Lever, Missing, Window
from tests.judged import LOW, Scores, decide, store_of, taken
from tests.scoring import score_is

TWO = replace(LOW, rules=(*LOW.rules, Rule("odd", "rejected", score_is("x", ">", 1))))
ROWS: list[tuple[str | None, Scores]] = [
    ("asm", {"quality": "0.499999", "x": 0}),
    ("asm", {"quality": "0.46", "x": 0}),
    ("cpp", {"quality": 0.4, "x": 2}),
    ("cpp", {"quality": 0.3}),
    ("cpp", {"quality": 0.9, "x": "1.015"}),
    (None, {"quality": 0.9, "x": 1}),
]


@pytest.fixture
def judged(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger with samples that one rule, the other, or both reject, and one that lacks a number."""
    taken(ledger, tmp_path / "in.jsonl", ROWS)
    decide(ledger, TWO)
    return ledger


def gathered(ledger: Ledger, *others: int, strict: bool = False, campaign: str | None = None) -> int:
    """Gather what the policy in force keeps out, and return how many that are."""
    connection = store_of(ledger).connection
    (adoption,) = policies.in_force(connection)
    retried.gather(connection, adoption, campaign, others or [0], strict=strict)
    return int(connection.execute(f"SELECT count(*) FROM temp.{retried.KEPT_OUT}").fetchone()[0])  # noqa: S608 - a name


def levers(policy: Policy) -> list[Lever]:
    """Return the lever of each rule."""
    return [lever(policy, rule.name, ways(policy, rule.name)[0], slots_of(policy)) for rule in policy.rules]


def test_what_is_kept_out_is_gathered(judged: Ledger) -> None:
    """Five of six; without those that a rule in every mask rejects, or (strictly) for which it cannot be told."""
    assert gathered(judged) == 5
    assert gathered(judged, 0b01, 0b10) == 4
    assert gathered(judged, 0b10) == 3
    assert gathered(judged, 0b10, strict=True) == 2
    assert gathered(judged, campaign="c") == 5
    assert gathered(judged, campaign="another") == 0


def test_what_a_person_decided_is_not_to_be_let_in(judged: Ledger) -> None:
    """A person's rejection outranks every policy, and so does what a person accepted already."""
    births = [event["event"] for event in judged.log(limit=100) if event["kind"] == "ingested"]
    judged.reject(births[:1], reason="so")
    judged.accept(births[1:2], reason="so")
    assert gathered(judged) == 3


def test_how_far_each_is_from_passing_in_hundredths(judged: Ledger) -> None:
    """Down where less is enough, up where more is allowed, always so that the sample passes; both rules' count not."""
    gathered(judged)
    connection = store_of(judged).connection
    assert sorted(retried.missing(connection, levers(TWO), strict=False)) == [
        Missing("low_quality", "asm", 46, 1),
        Missing("low_quality", "asm", 49, 1),
        Missing("low_quality", "cpp", 30, 1),
        Missing("odd", "cpp", 102, 1),
    ]
    assert len(retried.missing(connection, levers(TWO), strict=True)) == 3
    assert retried.missing(connection, [], strict=True) == []


def test_what_a_setting_gains_by_domain(judged: Ledger) -> None:
    """Counted in the window in which something can turn; outside of it nothing is judged, so nothing is gained."""
    gathered(judged)
    connection = store_of(judged).connection
    after = changed(TWO, ["threshold.min_quality=0.4"])
    everywhere = Window(None, (("x0", 0, 1_000_000),), 0)
    assert retried.gained(connection, TWO, after, [everywhere]) == Counter({"asm": 2})
    both = changed(after, ["rule.odd.off=true"])
    assert retried.gained(connection, TWO, both, [everywhere]) == Counter({"asm": 2, "cpp": 2})
    narrow = [Window(("cpp",), (("x0", 0, 1_000_000),), 0), Window(("asm",), (("x0", 0, 460_000),), 0)]
    assert retried.gained(connection, TWO, both, narrow) == Counter({"asm": 1, "cpp": 2})
    assert retried.gained(connection, TWO, both, [narrow[0]._replace(others=0b10)]) == {}
    assert retried.gained(connection, TWO, both, []) == retried.gained(connection, TWO, both, [Window((), (), 0)]) == {}


def test_caps_are_replayed_with_everything(judged: Ledger) -> None:
    """With a cap of one for each domain, of two that would pass in asm one is let in; no table is left behind."""
    policy = replace(TWO, caps=(Cap("crowd", "rejected", ("domain",), 1),))
    decide(judged, policy)
    connection = store_of(judged).connection
    (adoption,) = policies.in_force(connection)
    afters = [changed(policy, [setting]) for setting in ("threshold.min_quality=0.4", "threshold.min_quality=0.5")]
    for campaign in (None, "c"):
        assert retried.replayed(connection, adoption, afters, campaign) == [1, 0]
    left = {name for (name,) in connection.execute("SELECT name FROM sqlite_temp_schema WHERE type = 'table'")}
    assert not left & {"kept", "retried", "tried"}
