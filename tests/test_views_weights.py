"""Weights: which of several is in force, the same however the log is cut, and withdrawn like a label."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger, projection
from ledger.sqlite import in_memory
from ledger.store import open_store
from ledger.verbs import decide
from ledger.verbs.run import Who
from ledger.views import weights
from ledger.views.weights import Weighting
from tests.logs import folded, line, store_of, tables
from tests.scoring import take_in

AUTHORITIES = ("person", "policy", "agent", "import")


@pytest.fixture
def three(ledger: Ledger, tmp_path: Path) -> list[str]:
    """Return the ids of three samples."""
    return take_in(ledger, tmp_path, [line(f"p{n}", "c") for n in range(3)])


def of(ledger: Ledger) -> dict[int, int]:
    """Return what is in force, as both queries agree on it."""
    connection = store_of(ledger).connection
    found = dict(weights.in_force(connection))
    everyone = [row[0] for row in connection.execute("SELECT sample FROM samples")]
    assert weights.of_samples(connection, everyone) == found
    assert list(found) == sorted(found)
    return found


def say(ledger: Ledger, sample: str, times: int, authority: str) -> None:
    """Give a weight on some authority."""
    decide.weight(store_of(ledger), [sample], times, "", Who("x", "api", authority), None)


def test_nobody_has_a_weight_at_first(ledger: Ledger, three: list[str]) -> None:
    """A sample that nobody weighted is in no answer, and its history is empty."""
    assert of(ledger) == {}
    assert weights.history(store_of(ledger).connection, [1, 2]) == {}
    assert weights.standing([]) is None
    assert ledger.show(three[0])["times"] == 1


def test_the_latest_counts_and_one_takes_it_back(ledger: Ledger, three: list[str]) -> None:
    """Three, then five is five; one is no weight, and its event stands."""
    first = ledger.show(three[0])["origin"]["position"]
    ledger.weight(three[:1], 3)
    ledger.weight(three[:2], 5, reason="rare")
    assert of(ledger) == {first: 5, first + 1: 5}
    ledger.weight(three[1:2], 1)
    assert of(ledger) == {first: 5}
    told = weights.history(store_of(ledger).connection, [first])[first]
    assert [(one.times, one.authority, one.reason, one.withdrawn) for one in told] == [
        (3, "person", "", None),
        (5, "person", "rare", None),
    ]


def test_a_withdrawn_weight_never_was(ledger: Ledger, three: list[str]) -> None:
    """What stood before applies again; withdrawn too, the sample has no weight."""
    ledger.weight(three[:1], 3)
    ledger.weight(three[:1], 5)
    for left in (3, None):
        event = next(e for e in reversed(ledger.log(three[0])) if e["kind"] == "weighted")
        if left is None:
            event = next(e for e in ledger.log(three[0]) if e["kind"] == "weighted")
        ledger.withdraw([event["event"]])
        assert list(of(ledger).values()) == ([] if left is None else [left])
    assert tables(store_of(ledger).connection) == folded(ledger.path, store_of(ledger).head().position)


def test_a_person_outranks_whoever_came_later(ledger: Ledger, three: list[str]) -> None:
    """An agent's later weight waits until the person's is withdrawn."""
    ledger.weight(three[:1], 3)
    say(ledger, three[0], 7, "agent")
    assert list(of(ledger).values()) == [3]
    ledger.withdraw([next(e["event"] for e in ledger.log(three[0]) if e["kind"] == "weighted")])
    assert list(of(ledger).values()) == [7]


def test_an_earlier_moment_has_its_own_weights(ledger: Ledger, three: list[str]) -> None:
    """As of a position the queries answer from what stood there."""
    first = ledger.show(three[0])["origin"]["position"]
    stood = []
    for times in (2, 3, 1, 4):
        ledger.weight(three[:1], times)
        stood.append((store_of(ledger).head().position, {} if times == 1 else {first: times}))
    for position, expected in stood:
        store = open_store(ledger.path)
        projection.prepare(store.connection)
        projection.fold_aside(store.connection, position)
        assert dict(weights.in_force(store.connection)) == expected
        assert weights.of_samples(store.connection, [first]) == expected
        store.close()


@given(
    said=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(AUTHORITIES), st.booleans())),
)
def test_in_force_is_a_persons_latest_else_the_latest(said: list[tuple[int, int, str, bool]]) -> None:
    """SQL and `standing` agree with the definition, over any history with withdrawals."""
    connection = in_memory()
    for statement in (*weights.DDL, *weights.INDEXES):
        connection.execute(statement.format(schema="main"))
    told: dict[int, list[Weighting]] = {}
    for position, (sample, times, authority, gone) in enumerate(said):
        one = Weighting(position, times, authority, "", 99 if gone else None)
        told.setdefault(sample, []).append(one)
        row = (position, sample, times, authority, "", one.withdrawn)
        connection.execute("INSERT INTO weights VALUES (?, ?, ?, ?, ?, ?)", row)
    expected = {}
    for sample, given_to in sorted(told.items()):
        stand = [one for one in given_to if one.withdrawn is None]
        best = max(stand, key=lambda one: (one.authority == "person", one.position), default=None)
        assert weights.standing(given_to) == best
        if best is not None and best.times != 1:
            expected[sample] = best.times
    assert dict(weights.in_force(connection)) == expected == weights.of_samples(connection, [0, 1, 2])
    connection.close()


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from([1, 2, 5, None]), st.sampled_from(AUTHORITIES)), max_size=8
    ),
    batch=st.integers(1, 4),
)
def test_followed_made_again_and_made_aside_are_the_same(steps: list[tuple[int, int | None, str]], batch: int) -> None:
    """Weights and withdrawals in any order: incremental == from nothing, whatever the cut."""
    kept = projection.BATCH
    with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "ledger.db") as ledger:
        ids = take_in(ledger, Path(name), [line(f"p{n}", "c") for n in range(3)])
        for place, times, authority in steps:
            weighted = [event["event"] for event in ledger.log(ids[place]) if event["kind"] == "weighted"]
            if times is not None:
                say(ledger, ids[place], times, authority)
            elif weighted:
                ledger.withdraw(weighted[-1:])
        grown = tables(store_of(ledger).connection)
        try:
            projection.BATCH = batch
            assert folded(ledger.path, store_of(ledger).head().position) == grown
        finally:
            projection.BATCH = kept
        ledger.rebuild_views()
        assert tables(store_of(ledger).connection) == grown
