"""Reading by margin: from any place on, the rest of the list; no more of the index than is asked for."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.rule import Levels
from ledger.sqlite import Connection
from ledger.views import nearest
from ledger.views.nearest import Near, Wanted
from tests.judged import LOW, decide, ingested, rejected_line, row_of, score, store_of, taken
from tests.small import chat, write

QUALITIES = ["0.5", "0.500001", "0.4", "0.6", "0.45", "0.55", "0.499999", "0.1", "0.9"]


@pytest.fixture
def judged(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger with margins on both sides of nothing, some of the same size."""
    taken(ledger, tmp_path / "in.jsonl", [("asm", {"quality": quality}) for quality in QUALITIES])
    decide(ledger, LOW)
    return ledger


def near_ones(connection: Connection, wanted: Wanted, after: Near | None = None) -> list[Near]:
    """Return what is listed, without what is left out."""
    return [ranked.near for ranked in nearest.judged(connection, wanted, after) if not ranked.left_out]


@given(st.lists(st.builds(Near, st.integers(-3, 3), st.integers(0, 5)), unique=True))
def test_the_order_is_of_the_size_of_margins(nears: list[Near]) -> None:
    """The smallest first; of one size those that a rule decided; of these the newest, of the others the oldest."""
    ordered = sorted(nears, key=lambda near: near.key)
    for one, other in pairwise(ordered):
        assert abs(one.margin) <= abs(other.margin)
        if abs(one.margin) == abs(other.margin):
            assert one.margin <= other.margin
            if one.margin == other.margin:
                assert (one.sample < other.sample) is (one.margin > 0)


@pytest.mark.parametrize("status", ["accepted", "rejected"])
def test_from_every_place_on_the_rest_follows(judged: Ledger, status: str) -> None:
    """After a sample come all that stand after it, also after a place where none stands."""
    connection = store_of(judged).connection
    whole = near_ones(connection, Wanted(status))
    assert sorted(whole, key=lambda near: near.key) == whole
    assert len(whole) == {"accepted": 5, "rejected": 4}[status]
    places = [*whole, *(Near(margin, 3) for margin in (-600_000, -50_000, -1, 0, 1, 50_000, 10**15))]
    for place in places:
        rest = [near for near in whole if near.key > place.key]
        assert near_ones(connection, Wanted(status), place) == rest


def test_no_more_is_read_than_asked_for(judged: Ledger) -> None:
    """One sample of a list is found by the index of margins: neither all judgements nor all samples are looked at."""
    connection = store_of(judged).connection
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    (ranked,) = islice(nearest.judged(connection, Wanted("rejected", zero=False)), 1)
    connection.set_trace_callback(None)
    assert ranked == (Near(-1, row_of(judged, _sample(judged, "0.499999")).sample), False)
    of_margins = [statement for statement in statements if "FROM judgements" in statement]
    assert len(of_margins) == 3  # the nearest of either sign, and of the one that has any the list itself
    for statement in of_margins:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert any("judgements_margin" in step for step in plan)
        assert not [step for step in plan if step.startswith("SCAN") or "TEMP B-TREE" in step]


def _sample(ledger: Ledger, quality: str) -> str:
    births: list[str] = [event["event"] for event in ledger.log(limit=100) if event["kind"] == "ingested"]
    return births[QUALITIES.index(quality)]


def test_flat_rules_are_left_out_unless_asked_for(judged: Ledger) -> None:
    """By adoption: the same name under another policy is another rule."""
    connection = store_of(judged).connection
    (adoption,) = connection.execute("SELECT position FROM policies").fetchone()
    names = {adoption: ["low_quality"]}
    assert near_ones(connection, Wanted("rejected", flat=names)) == []
    assert len(near_ones(connection, Wanted("rejected", rule="low_quality", flat=names))) == 4
    assert len(near_ones(connection, Wanted("rejected", flat={adoption + 1: ["low_quality"]}))) == 4


def test_what_was_seen(judged: Ledger) -> None:
    """The adoption, the label without policies, and the numbers in the order of the policy."""
    connection = store_of(judged).connection
    row = row_of(judged, _sample(judged, "0.4"))
    seen = nearest.seen(connection, [row.sample])
    assert set(seen) == {row.sample}
    assert (seen[row.sample].given, seen[row.sample].numbers[0]) == ("none", 400_000)
    assert nearest.seen(connection, []) == {}


def test_a_decision_of_a_file_is_noticed(ledger: Ledger, tmp_path: Path) -> None:
    """Only while one stands that was not withdrawn; a policy's or a person's is none."""
    connection = store_of(ledger).connection
    taken(ledger, tmp_path / "in.jsonl", [("asm", {"quality": 0.1})])
    decide(ledger, LOW)
    assert not nearest.any_recorded(connection)
    ledger.ingest(write(tmp_path / "r.jsonl", rejected_line("q", "low", 0.1)), campaign="old", decisions=True)
    assert nearest.any_recorded(connection)
    (event,) = [one["event"] for one in ledger.log(limit=100) if one["says"].get("authority") == "import"]
    ledger.withdraw([event])
    assert not nearest.any_recorded(connection)


def test_the_levels_of_a_domain_make_the_margin(ledger: Ledger, tmp_path: Path) -> None:
    """The margin in the list is the one to the threshold of the sample's own domain."""
    taken(ledger, tmp_path / "in.jsonl", [("asm", {"quality": 0.1}), ("cpp", {"quality": 0.1})])
    levels = Levels("min_quality", 500_000, (("asm", 200_000),))
    decide(ledger, replace(LOW, thresholds=(levels,)))
    found = near_ones(store_of(ledger).connection, Wanted("rejected"))
    assert [near.margin for near in found] == [-100_000, -400_000]


def test_many_copies_take_linear_time(ledger: Ledger, tmp_path: Path) -> None:
    """Of thousands of rejected samples that teach the same one is listed, without comparing each with each."""
    ids = ingested(ledger, write(tmp_path / "a.jsonl", *([chat("q", "a")] * 3_000)))
    score(ledger, {one: {"quality": 0.25} for one in ids})
    decide(ledger, LOW)
    connection = store_of(ledger).connection
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(step, 1_000)
    found = near_ones(connection, nearest.Wanted("rejected"))
    connection.set_progress_handler(None, 0)
    assert len(found) == 1
    assert steps < 3_000  # thousands of instructions of SQLite: a thousand for each sample at most
