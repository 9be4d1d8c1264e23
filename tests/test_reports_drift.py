"""drift: means of scorers and of batches against the mean of all, as fractions give them."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.reports.drift import drift
from tests.judged import ingested, store_of
from tests.scoring import score
from tests.small import chat, write

Key = tuple[str, str | None]
Values = dict[Key, list[Fraction]]


def mean(values: list[Fraction]) -> Fraction:
    """Return the mean."""
    return sum(values, Fraction(0)) / len(values)


def told(named: Values, overall: Values) -> dict[Key, tuple[int, float, float]]:
    """Return what should be told of each dimension of one scorer or batch: how many, mean, and drift."""
    return {
        key: (len(values), round(float(mean(values)), 6), round(float(mean(values) - mean(overall[key])), 6))
        for key, values in named.items()
    }


def plain(each: dict[str, Any]) -> dict[Key, tuple[int, float, float]]:
    """Return the same of an answer."""
    return {(one["dimension"], one["rubric"]): (one["scores"], one["mean"], one["drift"]) for one in each["dimensions"]}


SCORED = st.tuples(
    st.sampled_from(["a", "b"]),
    st.sampled_from([None, "ab" * 32]),
    st.dictionaries(st.sampled_from(["quality", "memory"]), st.sampled_from(["0", "0.2", "0.7", "1"]), min_size=1),
)
SAMPLES = st.lists(st.tuples(st.integers(0, 2), st.lists(SCORED, max_size=3)), min_size=1, max_size=8)


@settings(max_examples=30)
@given(SAMPLES)
def test_it_is_a_mean_less_a_mean(drawn: list[tuple[int, list[tuple[str, str | None, dict[str, str]]]]]) -> None:
    """Of every scorer and every batch, each dimension under each rubric apart; of repeated scores the latest."""
    overall: Values = defaultdict(list)
    scorers: dict[str, Values] = defaultdict(lambda: defaultdict(list))
    batches: dict[str, Values] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "ledger.db") as ledger:
        for batch in range(3):
            mine = [given_ for place, given_ in drawn if place == batch]
            rows = [chat(f"{batch} {n}", "a") for n in range(len(mine))]
            ids = ingested(ledger, write(Path(name) / f"{batch}.jsonl", *rows)) if rows else []
            for one, scorings in zip(ids, mine, strict=True):
                last: dict[tuple[str, Key], Fraction] = {}
                for scorer, rubric, said in scorings:
                    if score(ledger, {one: said}, scorer=scorer, rubric=rubric):
                        shown = None if rubric is None else f"b3:{rubric}"
                        last |= {(scorer, (dimension, shown)): Fraction(number) for dimension, number in said.items()}
                for (scorer, key), number in last.items():
                    for sums in (overall, scorers[scorer], batches[f"{batch}.jsonl"]):
                        sums[key].append(number)
        found = drift(store_of(ledger), None, ["scorer", "batch"], 100)
    assert {(each["dimension"], each["rubric"]): (each["scores"], each["mean"]) for each in found["overall"]} == {
        key: (len(values), round(float(mean(values)), 6)) for key, values in overall.items()
    }
    assert {each["scorer"]: plain(each) for each in found["by_scorer"]} == named(scorers, overall)
    assert {each["source"]: plain(each) for each in found["by_batch"]} == named(batches, overall)
    assert (found["scorers_counted"], found["batches_counted"]) == (len(scorers), len(batches))
    for ranked in (found["by_scorer"], found["by_batch"]):
        assert descending(abs(each["dimensions"][0]["deviations"]) for each in ranked)
        assert all(descending(abs(one["deviations"]) for one in each["dimensions"]) for each in ranked)
        assert all(each["scores"] == max(one["scores"] for one in each["dimensions"]) for each in ranked)


def named(groups: dict[str, Values], overall: Values) -> dict[str, dict[Key, tuple[int, float, float]]]:
    """Return what should be told of each."""
    return {name: told(values, overall) for name, values in groups.items()}


def descending(numbers: Iterable[float]) -> bool:
    """Say whether numbers go down."""
    listed = list(numbers)
    return listed == sorted(listed, reverse=True)


def test_two_files_of_one_name_in_two_campaigns(ledger: Ledger, tmp_path: Path) -> None:
    """They are two batches; of one campaign alone there is one, against the mean of that campaign."""
    for n, campaign in enumerate(("c", "d")):
        (one,) = ingested(ledger, write(tmp_path / "in.jsonl", chat(f"q{n}", "a")), campaign)
        score(ledger, {one: {"quality": str(n)}})
    both = drift(store_of(ledger), None, ["batch"], 10)
    assert [(each["campaign"], each["source"], each["dimensions"][0]["drift"]) for each in both["by_batch"]] == [
        ("c", "in.jsonl", -0.5),
        ("d", "in.jsonl", 0.5),
    ]
    alone = drift(store_of(ledger), "d", ["batch"], 10)
    assert (alone["batches_counted"], alone["by_batch"][0]["dimensions"][0]["drift"]) == (1, 0.0)


def test_only_what_is_asked_for(ledger: Ledger, tmp_path: Path) -> None:
    """By scorer or by batch or neither, up to a limit; all are counted. Of no scores, nothing."""
    assert drift(store_of(ledger), None, ["scorer", "batch"], 10) == {
        "overall": [],
        "by_scorer": [],
        "scorers_counted": 0,
        "by_batch": [],
        "batches_counted": 0,
    }
    (one,) = ingested(ledger, write(tmp_path / "in.jsonl", chat("q", "a")))
    for n in range(3):
        score(ledger, {one: {"quality": str(n)}}, scorer=f"s{n}", version=str(n))
    found = drift(store_of(ledger), None, ["scorer"], 2)
    assert [(each["scorer"], each["scorer_version"]) for each in found["by_scorer"]] == [("s0", "0"), ("s2", "2")]
    assert (found["scorers_counted"], "by_batch" in found) == (3, False)
    assert set(drift(store_of(ledger), None, [], 2)) == {"overall"}
