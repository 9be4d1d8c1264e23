"""Trying a policy on: its verdicts as if it were adopted, in temporary tables that do not stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import NoPolicy
from ledger.verbs.trial import in_force, trying
from tests.judged import LOW
from tests.logs import store_of, tables
from tests.scoring import decide, score, some
from tests.test_views_scores import handle, views


def temporary(ledger: Ledger) -> set[str]:
    """Return the names of the temporary tables of judgement."""
    rows = views(ledger).execute("SELECT name FROM temp.sqlite_schema WHERE type = 'table'")
    return {row[0] for row in rows}


def test_a_trial_leaves_nothing_behind(ledger: Ledger, tmp_path: Path) -> None:
    """Not even where what was done with it fails."""
    (one,) = some(ledger, tmp_path, 1)
    score(ledger, {one: {"quality": "0.2"}})
    store, before = store_of(ledger), temporary(ledger)
    stood, body = tables(views(ledger)), ledger.path.read_bytes()
    with trying(store, LOW, None) as judged:
        rows = views(ledger).execute(f"SELECT sample, rule FROM {judged.table}").fetchall()  # noqa: S608 - a fixed name
        assert rows == [(handle(ledger, one), "low_quality")]
        assert temporary(ledger) - before == {"tried"}
    assert (temporary(ledger), tables(views(ledger)), ledger.path.read_bytes()) == (before, stood, body)
    with pytest.raises(ZeroDivisionError), trying(store, LOW, None):
        raise ZeroDivisionError
    decide(ledger, LOW)
    assert ledger.verify()["ok"]


def test_a_trial_covers_what_an_adoption_would(ledger: Ledger, tmp_path: Path) -> None:
    """One campaign, or all whatever policies they have."""
    here, there = (*some(ledger, tmp_path, 1, "here"), *some(ledger, tmp_path, 1, "there"))
    decide(ledger, LOW, "there")
    for campaign, covered in ((None, [here, there]), ("here", [here]), ("there", [there])):
        with trying(store_of(ledger), replace(LOW, default="rejected"), campaign) as judged:
            rows = views(ledger).execute(f"SELECT sample FROM {judged.table}").fetchall()  # noqa: S608 - a fixed name
        assert [row[0] for row in rows] == [handle(ledger, one) for one in covered]


def test_the_policies_in_force(ledger: Ledger, tmp_path: Path) -> None:
    """All of them, or the one that covers a campaign; an error where there is none."""
    for name in ("here", "there"):
        some(ledger, tmp_path, 1, name)
    with pytest.raises(NoPolicy):
        in_force(store_of(ledger), None)
    decide(ledger, LOW, "there")
    with pytest.raises(NoPolicy, match="for the campaign here"):
        in_force(store_of(ledger), "here")
    decide(ledger, LOW)
    other = replace(LOW, name="other")
    decide(ledger, other, "here")
    assert [judged.policy for judged in in_force(store_of(ledger), None)] == [LOW, other]
    assert [judged.policy for judged in in_force(store_of(ledger), "there")] == [LOW]
    assert {judged.table for judged in in_force(store_of(ledger), "here")} == {"judgements"}
