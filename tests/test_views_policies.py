"""The fold of adoptions: which policy is in force where, and that nothing else than a policy comes out of the file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from ledger import Ledger
from ledger.rule import Cap, Compare, Field, LabelRule, Policy, Text, Weighted, as_json
from ledger.views import policies
from tests import policy_model as book
from tests.judged import LOW
from tests.scoring import decide, errors, some
from tests.test_views_scores import views

FULL = replace(
    LOW,
    labels=(LabelRule("l", label=False, when=errors()), LabelRule("f", label=True, when=errors("tools/*"))),
    caps=(Cap("c", "rejected", ("fingerprint",), 1, "m"),),
    measures=(Weighted("m", (("quality", 1000),)),),
    rules=(*LOW.rules, replace(LOW.rules[0], name="by field", when=Compare(Field("domain"), "==", Text("x")))),
)
"""A policy with everything in it whose words and numbers become SQL."""


def test_nothing_is_in_force_before_an_adoption(ledger: Ledger, tmp_path: Path) -> None:
    """Then one is, for all campaigns or for one."""
    some(ledger, tmp_path, 1)
    assert not policies.adopted(views(ledger))
    assert policies.in_force_for(views(ledger), None) is None
    decide(ledger, LOW)
    assert policies.adopted(views(ledger))


@pytest.mark.parametrize(
    ("adopted", "standing"),
    [
        ([None], [(None, 0)]),
        (["a"], [("a", 0)]),
        ([None, "a"], [(None, 0), ("a", 1)]),
        (["a", None], [(None, 1)]),
        (["a", "b", "a"], [("b", 1), ("a", 2)]),
        ([None, "a", "b", None, "b"], [(None, 3), ("b", 4)]),
    ],
)
def test_the_last_that_covers_a_campaign_is_in_force_there(
    ledger: Ledger, tmp_path: Path, adopted: list[str | None], standing: list[tuple[str | None, int]]
) -> None:
    """One for all campaigns ends those of single ones; a later one for a single campaign is in force only there."""
    for campaign in ("a", "b"):
        some(ledger, tmp_path, 1, campaign)
    for n, covers in enumerate(adopted):
        decide(ledger, replace(LOW, name=str(n)), covers)
    assert [(a.campaign, int(a.name)) for a in policies.in_force(views(ledger))] == standing
    assert [a.name for a in policies.everything(views(ledger))] == [str(n) for n in range(len(adopted))]
    there = dict(standing)
    for asked in ("a", "b", "elsewhere"):
        covering = policies.in_force_for(views(ledger), asked)
        wanted = there.get(asked, there.get(None))
        assert (None if covering is None else int(covering.name)) == wanted


def adoption(frozen: object) -> policies.Adoption:
    """Return the adoption of what may be a policy."""
    return policies.Adoption(0, b"", None, "p", b"", "person", "", json.dumps(frozen).encode())


@settings(max_examples=40)
@given(policy=book.policies())
def test_the_policy_that_was_adopted_comes_back(policy: Policy) -> None:
    """Every policy, value for value."""
    assert policies.frozen(adoption(as_json(policy))) == policy


HOSTILE = "accepted' OR load_extension('x') OR '"


@pytest.mark.parametrize(
    "forged",
    [
        {"default": HOSTILE},
        {"unknown": HOSTILE},
        {"rules": [["r", HOSTILE, ["==", ["field", "domain"], ["text", ""]]]]},
        {"rules": [["r", "rejected", ["==", ["field", "domain OR 1"], ["text", ""]]]]},
        {"rules": [["r", "rejected", ["==", ["field", "status"], ["text", ""]]]]},
        {"rules": [["r", "rejected", [">", ["findings", "*", HOSTILE], ["number", "0"]]]]},
        {"rules": [["r", "rejected", [HOSTILE, ["score", "q"], ["number", "0"]]]]},
        {"rules": [["r", "rejected", [">", ["score", "q"], ["number", HOSTILE]]]]},
        {"labels": [["l", HOSTILE, ["==", ["field", "domain"], ["text", ""]]]]},
        {"caps": [["c", HOSTILE, ["domain"], 1, None]]},
        {"caps": [["c", "rejected", ["domain"], "1 OR 1", None]]},
        {"caps": [["c", "rejected", ["domain"], True, None]]},
        {"measures": [["m", [["q", "1 OR 1"]], [], "defer"]]},
        {"thresholds": [["t", HOSTILE, [], None]]},
        {"thresholds": [["t", "1", [["asm", HOSTILE]], None]]},
        {"thresholds": [["t", "1", [], HOSTILE]]},
        {"scores": [HOSTILE, [], "0"]},
        {"scores": ["agree", [], HOSTILE]},
        {"format": 2},
    ],
)
def test_what_is_no_policy_never_becomes_sql(forged: dict[str, Any]) -> None:
    """A file from elsewhere may hold anything where a frozen policy should be."""
    with pytest.raises(ValueError, match=r"polic|number|comparison"):
        policies.frozen(adoption({**as_json(FULL), **forged}))


def test_the_hostile_ones_above_differ_from_a_sound_one_alone() -> None:
    """The policy that they are made of is read."""
    assert policies.frozen(adoption(as_json(FULL))) == FULL
