"""The plain plan: one order and one reason each, whatever the order of the candidates."""

from __future__ import annotations

from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BrokenLaw
from ledger.exporters import plain_plan
from ledger.exporters.eligibility import OMISSIONS, Candidate
from ledger.exporters.plain_plan import PLAN_VERSION, PlainParams, plan_plain

EVERY = frozenset({True, False, None})
TRAIN = PlainParams(frozenset({"accepted", "pending"}), "train", EVERY, collapse=True)
SFT = PlainParams(frozenset({"accepted", "pending"}), None, frozenset({True, None}), collapse=True)
WHOLE = PlainParams(frozenset({"rejected"}), None, EVERY, collapse=False)


def digest(number: int) -> bytes:
    """Return 32 bytes that stand for a number."""
    return number.to_bytes(32, "big")


def candidate(number: int, **facts: Any) -> Candidate:  # noqa: ANN401 - any field of a candidate
    """Return a candidate that every view takes, except for the given facts."""
    usual = {"blob": digest(number), "fingerprint": digest(number), "family": digest(number), "status": "accepted"}
    more = {"split": "train", "crosses": False, "label": True, "representable": True}
    return Candidate(**{"sample": number, "sample_id": digest(number), **usual, **more, **facts})


CANDIDATES = st.builds(
    candidate,
    st.integers(0, 10**6),
    fingerprint=st.integers(0, 3).map(digest),
    blob=st.integers(0, 3).map(digest),
    family=st.integers(0, 3).map(digest),
    status=st.sampled_from(["accepted", "pending", "rejected", "errored", "superseded", "erased"]),
    split=st.sampled_from([None, "train", "val", "test"]),
    crosses=st.booleans(),
    label=st.sampled_from([True, False, None]),
    representable=st.booleans(),
)
MANY = st.lists(CANDIDATES, max_size=30, unique_by=lambda each: each.sample)


@given(MANY, st.sampled_from([TRAIN, SFT, WHOLE]), st.randoms(use_true_random=False))
def test_order_does_not_matter_and_nothing_is_lost(
    candidates: list[Candidate],
    params: PlainParams,
    random: Any,  # noqa: ANN401 - random.Random
) -> None:
    """Shuffled candidates give the same plan; every one is used or has one reason; handles are ascending."""
    plan = plan_plain(candidates, params)
    shuffled = candidates[:]
    random.shuffle(shuffled)
    assert plan_plain(shuffled, params) == plan
    told = [*plan.rows, *(handle for handles in plan.omitted.values() for handle in handles)]
    assert sorted(told) == sorted(each.sample for each in candidates)
    assert list(plan.omitted) == list(OMISSIONS)
    assert all(handles == sorted(handles) for handles in plan.omitted.values())


@given(MANY, st.sampled_from([TRAIN, SFT]))
def test_no_text_twice_and_none_with_both_labels(candidates: list[Candidate], params: PlainParams) -> None:
    """In a view for training a fingerprint stands once, and never while its opposite label stands there too."""
    by_handle = {each.sample: each for each in candidates}
    rows = [by_handle[handle] for handle in plan_plain(candidates, params).rows]
    assert len({row.fingerprint for row in rows}) == len(rows)
    there = [
        each
        for each in candidates
        if each.status in params.statuses
        and params.split in {None, each.split}
        and not (params.split is not None and each.crosses)
    ]
    for row in rows:
        assert len({each.label for each in there if each.fingerprint == row.fingerprint} - {None}) <= 1
        assert row.representable
        assert row.label in params.labels


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"status": "erased"}, "erased"),
        ({"status": "rejected"}, "status"),
        ({"split": "val"}, "split"),
        ({"split": None}, "split"),
        ({"crosses": True}, "family_crosses_splits"),
        ({"representable": False}, "unrepresentable"),
        ({"status": "erased", "split": "val", "crosses": True, "representable": False}, "erased"),
        ({"status": "errored", "split": "val", "crosses": True, "representable": False}, "status"),
        ({"split": "val", "crosses": True, "representable": False}, "split"),
        ({"crosses": True, "representable": False}, "family_crosses_splits"),
    ],
)
def test_the_first_reason_that_applies(facts: dict[str, Any], reason: str) -> None:
    """Of several reasons the one that stands first in the list is told."""
    plan = plan_plain([candidate(1, **facts), candidate(2)], TRAIN)
    assert plan.rows == (2,)
    assert plan.omitted[reason] == [1]


def test_conflicts_come_before_duplicates() -> None:
    """All rows of a text with both labels are conflicts, also those equal to each other."""
    same = digest(9)
    plan = plan_plain([candidate(n, fingerprint=same, label=n > 1) for n in (1, 2, 3)], TRAIN)
    assert (plan.rows, plan.omitted["conflict"]) == ((), [1, 2, 3])


def test_a_text_labelled_bad_is_not_taught_as_good() -> None:
    """Sft takes no row labelled false, nor a good one that has the same text; without a label it is no conflict."""
    same = digest(9)
    rows = [candidate(1, fingerprint=same, label=False), candidate(2, fingerprint=same), candidate(3, label=None)]
    plan = plan_plain(rows, SFT)
    assert plan.rows == (3,)
    assert (plan.omitted["no_label"], plan.omitted["conflict"]) == ([1], [2])


def test_the_survivor_is_the_smallest() -> None:
    """Of duplicates the one with the smallest blob, then the smallest id, is kept."""
    same = digest(9)
    rows = [
        candidate(1, fingerprint=same, blob=digest(5)),
        candidate(2, fingerprint=same, blob=digest(4), sample_id=digest(8)),
        candidate(3, fingerprint=same, blob=digest(4), sample_id=digest(7)),
    ]
    plan = plan_plain(rows, TRAIN)
    assert (plan.rows, plan.omitted["duplicate"]) == ((3,), [1, 2])


def test_a_text_that_cannot_be_written_is_left_out_once() -> None:
    """The first of its copies is unrepresentable, the others are its duplicates."""
    same = digest(9)
    plan = plan_plain([candidate(n, fingerprint=same, representable=False) for n in (1, 2, 3)], TRAIN)
    assert (plan.omitted["unrepresentable"], plan.omitted["duplicate"]) == ([1], [2, 3])


def test_a_view_for_reading_holds_everything_of_its_status() -> None:
    """Duplicates and contradictions stand in `rejected` as they are."""
    same = digest(9)
    plan = plan_plain(
        [candidate(n, fingerprint=same, status="rejected", label=n > 1, split=None) for n in (1, 2)], WHOLE
    )
    assert sorted(plan.rows) == [1, 2]


def test_erased_can_be_asked_for() -> None:
    """A view of erased samples would hold them: the reason applies to views that do not."""
    params = PlainParams(frozenset({"erased"}), None, EVERY, collapse=False)
    assert plan_plain([candidate(1, status="erased")], params).rows == (1,)


def test_the_order_of_this_plan_version_is_fixed() -> None:
    """`plain/1` is executable as released: the seed orders rows by keyed hashes, the same for ever."""
    assert PLAN_VERSION == "plain/1"
    rows = [candidate(n) for n in range(8)]
    key = blake3(b"0").digest()
    assert plan_plain(rows, TRAIN).rows == tuple(
        sorted(range(8), key=lambda n: blake3(digest(n) * 2, key=key).digest())
    )
    assert plan_plain(rows, TRAIN).rows == (7, 6, 3, 1, 2, 4, 0, 5)
    assert plan_plain(rows, PlainParams(TRAIN.statuses, "train", EVERY, collapse=True, seed="1")).rows == (
        2,
        1,
        5,
        7,
        6,
        3,
        0,
        4,
    )


def test_a_plan_that_loses_a_row_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sum is checked: a bug that drops a candidate stops the export."""
    monkeypatch.setattr(plain_plan, "_settled", lambda pool, _params, _omitted: pool[1:])
    with pytest.raises(BrokenLaw, match="2 samples were considered"):
        plan_plain([candidate(1), candidate(2)], TRAIN)


def test_a_text_that_is_labelled_false_anywhere_is_not_taught() -> None:
    """An unlabelled sample whose twin is labelled false is a conflict in a view that does not take false."""
    twins = [candidate(1, fingerprint=digest(7), label=None), candidate(2, fingerprint=digest(7), label=False)]

    plan = plan_plain([*twins, candidate(3, label=None)], SFT)

    assert plan.rows == (3,)
    assert (plan.omitted["conflict"], plan.omitted["no_label"]) == ([1], [2])
