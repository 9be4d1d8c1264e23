"""Deciding while somebody else writes: each commit is made of what the log said just before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import HeadMoved
from ledger.rule import Policy, Rule
from ledger.verbs import judge
from tests.judged import LOW
from tests.logs import line
from tests.scoring import decide, score, score_is, some, standing

TEN = [f"0.{n}" for n in range(10)]
FIRST = Policy("first", rules=(Rule("low", "rejected", score_is("quality", "<", 0.5)),))
MANY = 3
"""Samples in a commit."""


def deciding(ledger: Ledger, act: Callable[[Ledger], object]) -> dict[str, Any]:
    """Decide in small commits; after the first of them another opening of the same file acts."""
    acted: list[bool] = []

    def heard(_what: str, _done: int, _due: int) -> None:
        if not acted:
            acted.append(True)
            with Ledger.open(ledger.path, actor="other") as other:
                act(other)

    return ledger.decide(progress=heard)


@pytest.fixture
def ids(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return ten scored samples about which a policy in force is to decide."""
    monkeypatch.setattr(judge, "BATCH", MANY)
    made = some(ledger, tmp_path, len(TEN))
    score(ledger, {one: {"quality": value} for one, value in zip(made, TEN, strict=True)})
    decide(ledger, FIRST)
    ledger.withdraw([event["event"] for event in ledger.log(limit=1000) if event["kind"] in {"accepted", "rejected"}])
    return made


def test_two_at_once_decide_each_sample_once(ledger: Ledger, ids: list[str]) -> None:
    """What the other decided is not decided again."""
    before = ledger.status()["head"]["position"]
    done = deciding(ledger, lambda other: other.decide())
    said = [event for event in ledger.log(limit=1000) if event["position"] > before]
    decided = [event["says"]["sample"] for event in said if event["kind"] in {"accepted", "rejected"}]
    assert sorted(decided) == sorted(ids)
    assert done["changed"] == MANY
    assert ledger.decide()["changed"] == 0


def test_an_edit_is_not_decided_by_the_scores_of_the_old_text(ledger: Ledger, ids: list[str]) -> None:
    """The new version has no score, so nothing can be told of it."""
    deciding(ledger, lambda other: other.edit(ids[-1], line("another", "text")))
    assert standing(ledger)[ids[-1]][0] == "pending"
    assert standing(ledger)[ids[-2]][0] == "accepted"


def test_another_policy_ends_it(ledger: Ledger, ids: list[str]) -> None:
    """The old policy is in force no more, so its run stops; what it did not decide the new one has decided."""
    with pytest.raises(HeadMoved):
        deciding(ledger, lambda other: decide(other, LOW))
    assert {standing(ledger)[one][0] for one in ids[5:]} == {"accepted"}
    assert ledger.decide()["changed"] == 0
