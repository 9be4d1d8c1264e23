"""ledger.reports.gains: what improved samples gained, against numbers that are computed from the log alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import BadRequest
from tests.improving import row
from tests.provider.handle import Provider
from tests.provider.jobs import CAMPAIGN, MODEL, job, told

pytest_plugins = ("tests.provider.fixture",)

ROWS = 12


@pytest.fixture
def improved(provider: Provider, tmp_path: Path) -> Iterator[Ledger]:
    """Yield a ledger in which some samples were improved, and one could not be."""
    provider.config(faults=[{"kind": "refused", "match": "number 7"}])
    made = job(tmp_path, ROWS)
    with Ledger.open(made.ledger) as ledger:
        done = ledger.improve(made.spec, campaign=CAMPAIGN, model=MODEL, base_url=provider.url)
        assert (done["accepted"], done["failed"]) == (ROWS - 1, 1)
        yield ledger


def scored(
    ledger: Ledger, folder: Path, marks: Mapping[str, int], scorer: str = "people", version: str | None = None
) -> None:
    """Give samples a score by their ids."""
    lines = [json.dumps({"sample": sample, "scores": {"worth": mark}}) for sample, mark in marks.items()]
    (folder / "scores.jsonl").write_text("\n".join(lines) + "\n")
    ledger.import_scores(folder / "scores.jsonl", scorer=scorer, version=version)


def family(ledger: Ledger) -> list[tuple[str, str]]:
    """Return parent and child of everything that was improved, in the order of birth."""
    return [
        (event["says"]["parent"], event["event"]) for event in ledger.log(limit=10**6) if event["kind"] == "improved"
    ]


def only(found: dict[str, Any]) -> dict[str, Any]:
    """Return the one recipe."""
    (one,) = found["recipes"]
    assert isinstance(one, dict)
    return one


def test_scores_are_compared_pair_by_pair(improved: Ledger, tmp_path: Path) -> None:
    """Means before, after and of the difference, over the pairs of which both were scored."""
    both = family(improved)
    before = {parent: 1 + number % 2 for number, (parent, _) in enumerate(both)}
    after = {child: 2 + number % 3 for number, (_, child) in enumerate(both[:-2])}
    scored(improved, tmp_path, before | after)
    (found,) = only(improved.gains())["dimensions"]
    assert (found["dimension"], found["scorer"], found["accepted"]) == ("worth", "people", None)
    pairs = [(before[parent], after[child]) for parent, child in both[:-2]]
    of_all = found["all"]
    assert of_all["samples"] == len(pairs)
    assert of_all["before"]["mean"] == pytest.approx(fmean(b for b, _ in pairs), abs=1e-6)
    assert of_all["after"]["mean"] == pytest.approx(fmean(a for _, a in pairs), abs=1e-6)
    change = of_all["change"]
    assert change["mean"] == pytest.approx(fmean(a - b for b, a in pairs), abs=1e-6)
    assert change["low"] < change["mean"] < change["high"]
    assert change["word"] == ("higher" if change["low"] > 0 else "not distinguishable")
    assert of_all["better"]["samples"] == sum(a > b for b, a in pairs)
    assert (of_all["same"], of_all["worse"]) == (sum(a == b for b, a in pairs), sum(a < b for b, a in pairs))


def test_scorers_that_differ_are_never_compared(improved: Ledger, tmp_path: Path) -> None:
    """Parents judged by one scorer, children by another, or by another version of it: there is nothing to compare."""
    both = family(improved)
    scored(improved, tmp_path, {parent: 1 for parent, _ in both})
    scored(improved, tmp_path, {child: 5 for _, child in both[:3]}, "others")
    scored(improved, tmp_path, {child: 5 for _, child in both[3:]}, version="2")
    assert only(improved.gains())["dimensions"] == []


def test_the_last_score_counts(improved: Ledger, tmp_path: Path) -> None:
    """Where a scorer changed its mind, the newer number is compared, once."""
    parent, child = family(improved)[0]
    scored(improved, tmp_path, {parent: 1, child: 2})
    scored(improved, tmp_path, {child: 4})
    (found,) = only(improved.gains())["dimensions"]
    assert (found["all"]["samples"], found["all"]["change"]["mean"]) == (1, 3.0)
    assert found["all"]["change"]["word"] == "unknown", "one pair says nothing of how much it varies"


def test_the_accepted_are_told_beside_all(improved: Ledger, tmp_path: Path) -> None:
    """Choosing the better ones raises their mean; the mean over all stands beside it, and so does the cost of each."""
    both = family(improved)
    scored(improved, tmp_path, {parent: 2 for parent, _ in both})
    scored(improved, tmp_path, {child: 1 + number % 4 for number, (_, child) in enumerate(both)})
    chosen = [child for number, (_, child) in enumerate(both) if 1 + number % 4 > 2]
    improved.accept(chosen, reason="better")
    found = only(improved.gains())
    (worth,) = found["dimensions"]
    assert worth["accepted"]["samples"] == len(chosen) == found["by_status"]["accepted"]
    assert worth["accepted"]["change"]["mean"] > worth["all"]["change"]["mean"]
    assert found["cost_per_accepted_usd"] == f"{Decimal(found['cost_usd']) / len(chosen):.6f}"


def test_counts_and_costs_are_those_of_the_log(improved: Ledger, provider: Provider) -> None:
    """Results, failures by kind, requests and dollars; the provider's bill is the sum."""
    found, log = only(improved.gains()), told(improved.path)
    assert (found["purpose"], found["name"], found["model"]) == ("improve", "memories", MODEL)
    assert (found["results"], found["failed"], found["by_failure"]) == (ROWS - 1, 1, {"refused": 1})
    assert sum(found["by_status"].values()) == found["results"]
    assert (found["requests"], found["unknown"]) == (len(log.sent), 0)
    assert Decimal(found["cost_usd"]) == log.paid == provider.usd()
    assert found["cost_per_result_usd"] == f"{log.paid / (ROWS - 1):.6f}"
    assert (found["unchanged"], found["templated"]) == (
        {"samples": 0, "share": 0.0},
        {"samples": 0, "share": 0.0, "by_field": {}},
    )


def test_templated_results_are_counted(provider: Provider, tmp_path: Path) -> None:
    """Where the model says the same of all, the look for templates finds it, and it is told."""
    provider.config(faults=["templated"])
    made = job(tmp_path, 30)
    with Ledger.open(made.ledger) as ledger:
        ledger.improve(made.spec, campaign=CAMPAIGN, model=MODEL, base_url=provider.url)
        assert only(ledger.gains())["templated"]["samples"] == 0, "nobody looked yet"
        ledger.templates("sessionMemory", min_rows=5)
        found = only(ledger.gains())
    assert found["templated"]["samples"] > 20
    assert found["templated"]["by_field"] == {"sessionMemory": found["templated"]["samples"]}
    assert found["templated"]["share"] == round(found["templated"]["samples"] / found["results"], 6)


def test_it_can_be_narrowed(improved: Ledger) -> None:
    """To a recipe by its first digits, to a run by its event; another recipe is refused, another run has nothing."""
    whole = improved.gains()
    digest = only(whole)["recipe"]
    assert improved.gains(recipe=digest) == improved.gains(recipe=digest[3:12]) == whole
    runs = [event for event in improved.log(limit=10**6) if event["kind"] == "run_started"]
    began = {event["says"]["command"]: event["event"] for event in runs}
    assert improved.gains(run=began["improve"]) == whole
    assert improved.gains(run=began["ingest"])["recipes"] == []
    for wrong in ("b3:000000", "12345", ""):
        with pytest.raises(BadRequest):
            improved.gains(recipe=wrong)


def test_the_past_is_as_it_was(improved: Ledger, tmp_path: Path) -> None:
    """As of a moment before the scores there are none, and before the work there is nothing."""
    head = improved.status()["head"]["position"]
    both = family(improved)
    scored(improved, tmp_path, {one: 3 for pair in both for one in pair})
    assert only(improved.gains())["dimensions"] != []
    assert only(improved.gains(as_of=head))["dimensions"] == []
    assert improved.gains(as_of=0)["recipes"] == []


def test_a_parent_that_was_edited_since_is_compared_as_it_was(improved: Ledger, tmp_path: Path) -> None:
    """Scores of the parent's newer version do not count, those of the version that the child was made of do."""
    parent, child = family(improved)[0]
    scored(improved, tmp_path, {parent: 1, child: 2})
    improved.edit(parent, json.dumps(row(asked="Find my notes on tides again")).encode(), reason="clearer")
    scored(improved, tmp_path, {parent: 5})
    (found,) = only(improved.gains())["dimensions"]
    assert (found["all"]["samples"], found["all"]["before"]["mean"]) == (1, 1.0)
