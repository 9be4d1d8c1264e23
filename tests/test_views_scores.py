"""The fold of scores: exact numbers, one measure for each dimension of a scorer, and what could not be measured."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.fixed import LARGEST, ONE, text_of
from ledger.sqlite import Connection
from ledger.views import samples, scores
from tests.logs import line, store_of
from tests.scoring import give_up, score, some

RUBRIC = "aa" * 32


def handle(ledger: Ledger, sample: str) -> int:
    """Return the number by which views name a sample."""
    return samples.by_ids(store_of(ledger).connection, [bytes.fromhex(sample)])[bytes.fromhex(sample)].sample


def views(ledger: Ledger) -> Connection:
    """Return the connection to the views."""
    return store_of(ledger).connection


@settings(max_examples=40)
@given(values=st.lists(st.integers(-LARGEST * ONE, LARGEST * ONE), min_size=1, max_size=8))
def test_a_score_is_exact_to_the_millionth(values: list[int]) -> None:
    """Whatever decimal text a leaf holds, the view holds it times a million."""
    with tempfile.TemporaryDirectory() as folder, Ledger.init(Path(folder) / "ledger.db") as ledger:
        (one,) = some(ledger, Path(folder), 1)
        score(ledger, {one: {f"d{n}": text_of(value) for n, value in enumerate(values)}})
        given_scores = scores.of_sample(views(ledger), handle(ledger, one))
    assert {each.dimension: each.value for each in given_scores} == {f"d{n}": v for n, v in enumerate(values)}


def test_a_measure_is_a_dimension_of_a_scorer_in_one_version_under_one_rubric(ledger: Ledger, tmp_path: Path) -> None:
    """Numbered in the order of their first score; the same one is not made twice."""
    one, two = some(ledger, tmp_path, 2)
    score(ledger, {one: {"b": "1", "a": "2"}}, scorer="x")
    score(ledger, {two: {"b": "3"}, one: {"c": "1"}}, scorer="x", replicate=1)
    score(ledger, {one: {"a": "1"}}, scorer="x", version="2")
    score(ledger, {one: {"a": "1"}}, scorer="x", rubric=RUBRIC)
    rows = views(ledger).execute("SELECT scorer, scorer_version, rubric, dimension FROM measures ORDER BY measure")
    assert rows.fetchall() == [
        ("x", "1", "", "a"),
        ("x", "1", "", "b"),
        ("x", "1", "", "c"),
        ("x", "2", "", "a"),
        ("x", "1", RUBRIC, "a"),
    ]
    assert scores.dimensions(views(ledger)) == ["a", "b", "c"]


def test_measures_come_by_scorer_in_the_order_asked_for(ledger: Ledger, tmp_path: Path) -> None:
    """Without scorers all are one group; a scorer that measured nothing of the kind has an empty one."""
    (one,) = some(ledger, tmp_path, 1)
    for scorer, version in (("x", "1"), ("y", "1"), ("x", "2")):
        score(ledger, {one: {"a": "1", "b": "1"}}, scorer=scorer, version=version)
    assert scores.measures(views(ledger), "a", ()) == [(1, 3, 5)]
    assert scores.measures(views(ledger), "a", ("y", "nobody", "x")) == [(3,), (), (1, 5)]
    assert scores.measures(views(ledger), "nothing", ()) == [()]


def test_scores_of_a_sample_come_oldest_first_with_their_version(ledger: Ledger, tmp_path: Path) -> None:
    """Those of an earlier version stay, and name it."""
    (one,) = some(ledger, tmp_path, 1)
    first = score(ledger, {one: {"b": "1", "a": "-0.5"}})
    ledger.edit(one, line("prompt", "another"))
    second = score(ledger, {one: {"a": "0.25"}})
    found = scores.of_sample(views(ledger), handle(ledger, one))
    assert [(each.position, each.dimension, each.value) for each in found] == [
        (*first, "a", -ONE // 2),
        (*first, "b", ONE),
        (*second, "a", ONE // 4),
    ]
    assert len({each.version for each in found}) == 2
    assert [row[0] for row in scores.everything(views(ledger))] == [handle(ledger, one)] * 3


def test_what_could_not_be_measured_is_told_with_its_reason(ledger: Ledger, tmp_path: Path) -> None:
    """A dimension by its name, everything as ''; neither is a score."""
    (one,) = some(ledger, tmp_path, 1)
    part = score(ledger, {one: {"a": "1", "b": None}})
    whole = give_up(ledger, [one], "refused", scorer="other")
    found = scores.unscored_of(views(ledger), handle(ledger, one))
    assert [(each.position, each.scorer, each.dimension, each.reason) for each in found] == [
        (*part, "judge", "b", "not_asked"),
        (*whole, "other", "", "refused"),
    ]
    assert [each.dimension for each in scores.of_sample(views(ledger), handle(ledger, one))] == ["a"]


def test_the_same_statement_is_one_score(ledger: Ledger, tmp_path: Path) -> None:
    """Another replicate, or another value, is another."""
    (one,) = some(ledger, tmp_path, 1)
    for value, replicate in (("1", 0), ("1", 0), ("1", 1), ("2", 0)):
        score(ledger, {one: {"a": value}}, replicate=replicate)
    assert [each.value for each in scores.of_sample(views(ledger), handle(ledger, one))] == [ONE, ONE, 2 * ONE]
