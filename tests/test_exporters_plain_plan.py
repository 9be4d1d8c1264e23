"""The plain plan: one order and one reason each, whatever the order of the candidates."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadRequest, BrokenLaw
from ledger.exporters.eligibility import OMISSIONS, Candidate
from ledger.exporters.plain_plan import PlainParams, plan_plain
from tests.candidates import collection, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ledger.exporters.sifting import Ranged

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
    times=st.sampled_from([1, 1, 1, 2, 3]),
    selected=st.sampled_from([True, True, True, False]),
)
PARAMS = st.builds(
    replace,
    st.sampled_from([TRAIN, SFT, WHOLE]),
    duplicates=st.sampled_from([None, "collapse", "keep"]),
    conflicts=st.sampled_from([None, "omit", "keep"]),
    repeat=st.booleans(),
    order=st.sampled_from(["keyed", "ingested"]),
)
MANY = st.lists(CANDIDATES, max_size=30, unique_by=lambda each: each.sample)


@given(MANY, PARAMS, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_nothing_is_lost(
    candidates: list[Candidate],
    params: PlainParams,
    random: Any,  # noqa: ANN401 - random.Random
) -> None:
    """Shuffled candidates give the same plan; every one is used or has one reason; handles are ascending."""
    plan = plan_plain(candidates, params)
    shuffled = candidates[:]
    random.shuffle(shuffled)

    def backwards(step: Callable[[list[bytes]], Ranged], ranges: Iterable[list[bytes]]) -> Iterable[Ranged]:
        return map(step, reversed(list(ranges)))

    assert plan_plain(shuffled, params, each=backwards) == plan
    accounted = [*set(plan.rows), *(handle for handles in plan.omitted.values() for handle in handles)]
    assert sorted(accounted) == sorted(each.sample for each in candidates)
    assert list(plan.omitted) == list(OMISSIONS)
    assert all(handles == sorted(handles) for handles in plan.omitted.values())


@given(MANY, st.sampled_from([TRAIN, SFT]))
def test_no_text_twice_and_none_with_both_labels(candidates: list[Candidate], params: PlainParams) -> None:
    """In a view for training a fingerprint stands once, and never while its opposite label stands there too."""
    by_handle = {each.sample: each for each in candidates}
    rows = [by_handle[handle] for handle in set(plan_plain(candidates, params).rows)]
    assert len({row.fingerprint for row in rows}) == len(rows)
    there = [
        each
        for each in candidates
        if each.selected
        and each.status in params.statuses
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
        ({"selected": False}, "not_selected"),
        ({"status": "erased", "selected": False}, "erased"),
        ({"status": "rejected", "split": "val", "selected": False}, "not_selected"),
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


def test_a_plan_that_loses_a_row_is_refused() -> None:
    """The sum is checked: a range that drops a candidate stops the export."""

    def losing(step: Callable[[list[bytes]], Ranged], ranges: Iterable[list[bytes]]) -> Iterable[Ranged]:
        return (step(records)._replace(rows=[]) for records in ranges)

    with pytest.raises(BrokenLaw, match="2 samples were considered"):
        plan_plain([candidate(1), candidate(2)], TRAIN, each=losing)


def test_a_text_that_is_labelled_false_anywhere_is_not_taught() -> None:
    """An unlabelled sample whose twin is labelled false is a conflict in a view that does not take false."""
    twins = [candidate(1, fingerprint=digest(7), label=None), candidate(2, fingerprint=digest(7), label=False)]

    plan = plan_plain([*twins, candidate(3, label=None)], SFT)

    assert plan.rows == (3,)
    assert (plan.omitted["conflict"], plan.omitted["no_label"]) == ([1], [2])


@pytest.mark.parametrize(
    ("shape", "params", "digest_of_plan"),
    [
        ((3000, "a", 2500, 900, 3), TRAIN, "bd37631b337bcffa"),
        ((3000, "a", 2500, 900, 3), replace(SFT, statuses=frozenset({"accepted"}), seed="\xe9"), "c7beba24009ec9e8"),
        ((3000, "a", 2500, 900, 3), WHOLE, "90311bdcff52e4f6"),
        (
            (3000, "b", 2800, 40, 5),
            PlainParams(frozenset({"accepted", "erased"}), "val", frozenset({False})),
            "dfd77231a5cdf2a2",
        ),
        (
            (3000, "b", 2800, 40, 5),
            PlainParams(frozenset({"accepted"}), None, frozenset({True}), collapse=False),
            "c5a35784ae1f0d5d",
        ),
        ((2000, "c", 400, 150, 4), TRAIN, "0acf58a93b9120fb"),
    ],
)
def test_without_weights_and_marks_the_first_version_stays(
    shape: tuple[int, str, int, int, int], params: PlainParams, digest_of_plan: str
) -> None:
    """Law 10: rows and omissions of `plain/1`, as the program that released it made them."""
    plan = plan_plain(collection(*shape), params)
    assert told(plan.rows, plan.omitted) == digest_of_plan


def test_two_workers_make_the_plan_of_one() -> None:
    """Law 10: ranges settled by two processes give the plan that one process makes alone."""
    candidates = [one._replace(times=1 + one.sample % 3) for one in collection(3000, "workers", 2500, 900)]
    with ProcessPoolExecutor(2) as pool:
        assert plan_plain(candidates, TRAIN, each=pool.map) == plan_plain(candidates, TRAIN)


def test_each_copy_has_a_place_of_its_own() -> None:
    """Copy 0 stands where the sample stands without a weight, copy k by the hash of family, fingerprint and k."""
    rows = [candidate(n, times=1 + n % 4) for n in range(40)]
    key = blake3(b"0").digest()
    keys = [
        (blake3(digest(n) * 2 + (copy.to_bytes(4, "big") if copy else b""), key=key).digest(), n)
        for n in range(40)
        for copy in range(1 + n % 4)
    ]
    assert plan_plain(rows, TRAIN).rows == tuple(n for _, n in sorted(keys))
    assert plan_plain(rows, replace(TRAIN, repeat=False)).rows == plan_plain(map(candidate, range(40)), TRAIN).rows


def test_the_order_of_ingest_keeps_copies_together() -> None:
    """Ascending handles, a handle as often as its weight says."""
    rows = [candidate(n, times=1 + n % 2) for n in (5, 2, 4, 1)]
    assert plan_plain(rows, replace(TRAIN, order="ingested")).rows == (1, 1, 2, 4, 5, 5)


@given(MANY, MANY, st.sampled_from([TRAIN, SFT, WHOLE]))
def test_later_samples_do_not_reorder_what_was_there(
    candidates: list[Candidate], more: list[Candidate], params: PlainParams
) -> None:
    """The samples that both plans hold stand in the same order, as long as no family gets another root."""
    later = [each._replace(sample=each.sample + 10**7, sample_id=digest(each.sample + 10**7)) for each in more]
    once = replace(params, repeat=False)
    first, second = plan_plain(candidates, once), plan_plain([*later, *candidates], once)
    both = set(first.rows) & set(second.rows)
    assert [one for one in first.rows if one in both] == [one for one in second.rows if one in both]


def test_each_of_duplicates_and_conflicts_can_be_kept_alone() -> None:
    """Kept conflicts collapse by label; kept duplicates with conflicts left out are all there or none."""
    same = digest(9)
    rows = [candidate(n, fingerprint=same, label=n > 2) for n in range(1, 6)]
    contradicting = plan_plain(rows, replace(TRAIN, conflicts="keep"))
    assert (sorted(contradicting.rows), contradicting.omitted["duplicate"]) == ([1, 3], [2, 4, 5])
    assert plan_plain(rows, replace(TRAIN, duplicates="keep")).omitted["conflict"] == [1, 2, 3, 4, 5]
    assert sorted(plan_plain(rows[2:], replace(TRAIN, duplicates="keep")).rows) == [3, 4, 5]
    assert sorted(plan_plain(rows, replace(TRAIN, duplicates="keep", conflicts="keep")).rows) == [1, 2, 3, 4, 5]


def test_twins_have_the_largest_of_their_weights() -> None:
    """A weight on a twin that the view takes is a weight on the survivor; others' weights are not."""
    same = digest(9)
    rows = [candidate(n, fingerprint=same, times=n) for n in (1, 3, 2)]
    unused = [candidate(4, fingerprint=same, times=7, split="val"), candidate(5, fingerprint=same, label=None, times=2)]
    assert plan_plain([*rows, *unused], TRAIN).rows == (1, 1, 1)


def test_marks_are_asked_once_for_the_survivors() -> None:
    """Survivors are handed over in ascending order; their twins stay duplicates."""
    asked: list[list[int]] = []

    def mark(handles: Sequence[int]) -> dict[int, str]:
        asked.append(list(handles))
        return {3: "too_long", 7: "unrepresentable"}

    rows = [candidate(n, times=2) for n in (9, 7, 5, 3)]
    plan = plan_plain([*rows, candidate(11, fingerprint=digest(3))], TRAIN, mark)
    assert asked == [[3, 5, 7, 9]]
    assert sorted(plan.rows) == [5, 5, 9, 9]
    found = [plan.omitted[reason] for reason in ("too_long", "unrepresentable", "duplicate")]
    assert found == [[3], [7], [11]]


@pytest.mark.parametrize(
    "facts", [{"order": "interleaved"}, {"duplicates": "omit"}, {"conflicts": "collapse"}, {"seed": "\ud800"}]
)
def test_words_that_mean_nothing_are_refused(facts: dict[str, str]) -> None:
    """A view that asks for what no plain plan has is a bad request."""
    with pytest.raises(BadRequest):
        plan_plain([candidate(1)], replace(TRAIN, **facts))  # type: ignore[arg-type]


def test_planning_takes_little_memory_for_a_candidate() -> None:
    """A stream of candidates is never held as objects: under 250 bytes for each of them at the peak."""
    count = 30_000

    def stream() -> Iterator[Candidate]:
        for number in range(count):
            name = blake3(number.to_bytes(4, "big")).digest()
            yield candidate(number, sample_id=name, blob=name, fingerprint=name, family=name)

    tracemalloc.start()
    try:
        plan = plan_plain(stream(), TRAIN)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(plan.rows) == count
    assert peak < 250 * count
