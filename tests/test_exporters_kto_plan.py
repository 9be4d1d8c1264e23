"""The plan of kto-interleaved: what goes, what is left out and why, and in which order."""

from __future__ import annotations

import random
import tracemalloc
from array import array
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import pytest
from blake3 import blake3
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ledger.errors import BadRequest, BrokenLaw, PlanImpossible
from ledger.exporters import kto_plan
from ledger.exporters.balanced_word import balanced_word
from ledger.exporters.kto_plan import OMISSIONS, Candidate, KtoParams, Plan, plan_kto
from ledger.exporters.spacing import Dealt, deal, family_cap
from ledger.exporters.windows import check_windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PAIRS = 3678
STATUSES = ("accepted", "rejected", "pending", "deferred", "errored", "superseded", "erased")


def digest(*parts: object) -> bytes:
    """Return 32 bytes that stand for `parts`."""
    return blake3(repr(parts).encode()).digest()


def row(number: int, family: object, *, label: bool | None) -> Candidate:
    """Return an accepted candidate with a blob and a fingerprint of its own."""
    return Candidate(
        sample=number,
        sample_id=digest("sample", number),
        blob=digest("blob", number),
        fingerprint=digest("fingerprint", number),
        family=digest("family", family),
        status="accepted",
        split=None,
        crosses=False,
        label=label,
        representable=True,
    )


def rows(pairs: Iterable[tuple[object, bool]]) -> list[Candidate]:
    """Return one candidate for each (family, label)."""
    return [row(number, family, label=label) for number, (family, label) in enumerate(pairs)]


def siblings(pairs: int) -> list[Candidate]:
    """Return `pairs` families of one true and one false row: an improved sample and the poor one it came from."""
    return rows((number // 2, number % 2 == 0) for number in range(2 * pairs))


class Shape(NamedTuple):
    """A collection described by a few numbers: `skew` is the share of rows in the first `giants` families."""

    size: int
    families: int
    giants: int
    skew: float
    share_true: float
    seed: int

    def rows(self) -> list[Candidate]:
        """Return the candidates of this shape, always the same ones."""
        choose = random.Random(self.seed)  # noqa: S311 - reproducible test data
        return rows(
            (
                choose.randrange(self.giants if choose.random() < self.skew else self.families),
                choose.random() < self.share_true,
            )
            for _ in range(self.size)
        )


shapes = st.builds(
    Shape,
    size=st.integers(80, 300),
    families=st.integers(30, 300),
    giants=st.integers(1, 3),
    skew=st.sampled_from((0.0, 0.1, 0.3, 0.6)),
    share_true=st.sampled_from((0.1, 0.3, 0.5, 0.8)),
    seed=st.integers(0, 2**32),
)
sizes = st.sampled_from((2, 3, 4, 8, 16))
worlds = st.sampled_from((1, 2, 3))
ratios = st.sampled_from(("keep", "1:1", "1:2", "3:2"))

requests = st.builds(
    KtoParams,
    batch_size=sizes,
    world_size=worlds,
    ratio=ratios,
    seed=st.text(max_size=3),
    policy_adopted=st.booleans(),
    splits_exist=st.booleans(),
)


@st.composite
def messy(draw: st.DrawFn) -> list[Candidate]:
    """Draw rows that share fingerprints and families, in any state; 100 plain rows behind them make a plan possible."""
    drawn = [
        row(number, draw(st.integers(0, 20)), label=draw(st.sampled_from((True, False, None))))._replace(
            fingerprint=digest("shared", draw(st.integers(0, 20))),
            blob=digest("shared", draw(st.integers(0, 3))),
            status=draw(st.sampled_from((*("accepted",) * 5, *("pending",) * 3, *STATUSES))),
            split=draw(st.sampled_from(("train", "train", "train", "val", "test", None))),
            crosses=draw(st.sampled_from((False, False, False, True))),
            representable=draw(st.sampled_from((True, True, True, False))),
        )
        for number in range(draw(st.integers(0, 40)))
    ]
    plain = range(len(drawn), len(drawn) + 100)
    return drawn + [row(number, ("plain", number), label=number % 2 == 0)._replace(split="train") for number in plain]


def planned(candidates: Sequence[Candidate], params: KtoParams) -> Plan | None:
    """Return the plan, or None where it is refused."""
    try:
        return plan_kto(candidates, params)
    except PlanImpossible:
        return None


def reason_of(candidate: Candidate, candidates: Sequence[Candidate], params: KtoParams) -> str | None:
    """Return the reason up to `unrepresentable` by the letter of the law, one row against all others."""

    def own(one: Candidate) -> str | None:
        allowed = ("accepted",) if params.policy_adopted else ("accepted", "pending")
        rules = {
            "erased": one.status == "erased",
            "status": one.status not in allowed,
            "split": params.splits_exist and one.split != "train",
            "family_crosses_splits": one.crosses,
            "no_label": one.label is None,
        }
        return next((reason for reason, applies in rules.items() if applies), None)

    if reason := own(candidate):
        return reason
    twins = [one for one in candidates if one.fingerprint == candidate.fingerprint and own(one) is None]
    if {one.label for one in twins} == {True, False}:
        return "conflict"
    if candidate != min(twins, key=lambda one: (one.blob, one.sample_id)):
        return "duplicate"
    return None if candidate.representable else "unrepresentable"


def assert_lawful(plan: Plan, candidates: Sequence[Candidate], params: KtoParams) -> None:
    """Assert law 8 and the spacing promise, by the plain definition."""
    batch = params.batch_size
    used = [candidates[number] for number in plan.rows]
    assert tuple(one.label for one in used) == plan.labels
    assert used
    assert len(used) % (batch * params.world_size) == 0
    for start in range(0, len(used), batch):
        assert set(plan.labels[start : start + batch]) == {True, False}
    for at in range(len(used)):
        assert len({one.family for one in used[at : at + batch]}) == len(used[at : at + batch])


@given(messy(), requests)
def test_every_candidate_is_used_or_omitted_once(candidates: list[Candidate], params: KtoParams) -> None:
    """Law 5: considered = used + omitted, each sample once, every reason listed in the order of the law."""
    plan = planned(candidates, params)
    assume(plan is not None)
    assert plan is not None
    assert tuple(plan.omitted) == OMISSIONS
    assert all(handles == sorted(handles) for handles in plan.omitted.values())
    together = [*plan.rows, *(handle for handles in plan.omitted.values() for handle in handles)]
    assert sorted(together) == list(range(len(candidates)))
    assert plan.considered == len(candidates)


@given(messy(), requests)
def test_reasons_are_the_first_that_applies(candidates: list[Candidate], params: KtoParams) -> None:
    """Laws 5 and 9: the streaming pass gives each row the reason that the definition gives it."""
    plan = planned(candidates, params)
    assume(plan is not None)
    assert plan is not None
    early = OMISSIONS[: OMISSIONS.index("unrepresentable") + 1]
    for reason in early:
        expected = [one.sample for one in candidates if reason_of(one, candidates, params) == reason]
        assert plan.omitted[reason] == expected


@settings(max_examples=300)
@given(shapes, requests)
def test_every_plan_keeps_the_window_law(shape: Shape, params: KtoParams) -> None:
    """Law 8: for any families, labels, batch and world size, windows are mixed and families a batch apart."""
    candidates = shape.rows()
    plan = planned(candidates, params)
    assume(plan is not None)
    assert plan is not None
    assert_lawful(plan, candidates, params)
    used = [candidates[number] for number in plan.rows]
    report = check_windows(((one.label is True, one.family, one.fingerprint) for one in used), params.batch_size)
    assert report.first_violation is None


@given(messy(), requests, st.randoms(use_true_random=False))
def test_order_of_arrival_changes_nothing(
    candidates: list[Candidate], params: KtoParams, choose: random.Random
) -> None:
    """Law 10: any permutation of the candidates gives the same plan, or the same refusal."""
    moved = list(candidates)
    choose.shuffle(moved)
    assert planned(moved, params) == planned(candidates, params)


@given(shapes, requests, st.integers(1, 10**6))
def test_handles_do_not_decide_the_order(shape: Shape, params: KtoParams, step: int) -> None:
    """Law 10: the same samples under other handles (another file, another ingest order) stand in the same order."""
    candidates = shape.rows()
    plan = planned(candidates, params)
    size = len(candidates)
    renumbered = planned([one._replace(sample=(size - one.sample) * step) for one in candidates], params)
    assume(plan is not None)
    assert plan is not None
    assert renumbered is not None
    assert renumbered.rows == tuple((size - number) * step for number in plan.rows)


@given(messy(), requests)
def test_no_fingerprint_twice_and_no_contradiction(candidates: list[Candidate], params: KtoParams) -> None:
    """Law 9: one fingerprint is exported at most once, and never where eligible rows disagree on its label."""
    plan = planned(candidates, params)
    assume(plan is not None)
    assert plan is not None
    used = [candidates[number].fingerprint for number in plan.rows]
    assert len(set(used)) == len(used)
    clashing = {candidates[number].fingerprint for number in plan.omitted["conflict"]}
    assert clashing.isdisjoint(used)


@given(shapes, requests, st.sampled_from(("rejected", "no_label", "crosses", "duplicate")))
def test_an_omitted_row_does_not_disturb_the_others(shape: Shape, params: KtoParams, why: str) -> None:
    """A sample that is left out for a reason of its own changes no row of the plan."""
    candidates = shape.rows()
    plan = planned(candidates, params)
    assume(plan is not None)
    assert plan is not None
    extra = row(len(candidates), "new", label=True)
    extra = {
        "rejected": extra._replace(status="rejected"),
        "no_label": extra._replace(label=None),
        "crosses": extra._replace(crosses=True),
        "duplicate": extra._replace(
            fingerprint=candidates[plan.rows[0]].fingerprint, label=plan.labels[0], blob=b"\xff" * 32
        ),
    }[why]
    again = plan_kto([extra, *candidates], params)
    assert (again.rows, again.labels) == (plan.rows, plan.labels)


def test_the_seed_decides_the_order() -> None:
    """Another seed gives another order of the same rows; the same seed the same order."""
    first, again, other = (plan_kto(siblings(50), KtoParams(seed=seed)) for seed in ("0", "0", "1"))
    assert first == again
    assert first.rows != other.rows
    assert sorted(first.rows) == sorted(other.rows)


def test_a_released_plan_version_gives_the_same_order_for_ever() -> None:
    """Law 10: `kto-interleaved/1` is executable as released; another order needs another version."""
    giant = rows((0 if number % 3 == 0 else number // 2, number % 7 < 2) for number in range(3000))
    orders = [plan_kto(siblings(500), KtoParams()).rows, plan_kto(giant, KtoParams(batch_size=3, ratio="1:2")).rows]
    assert [digest(order).hex()[:16] for order in orders] == ["a341bf653513135d", "01fbb2c1178d7b0b"]


def test_before_a_policy_pending_rows_go_and_after_it_they_do_not() -> None:
    """Pending and accepted may go until a policy is adopted, then accepted only; nothing else ever."""
    candidates = [
        row(number, number, label=number % 2 == 0)._replace(status=STATUSES[number // 2 % 7])
        for number in range(14 * 8)
    ]
    before = plan_kto(candidates, KtoParams(batch_size=2))
    after = plan_kto(candidates, KtoParams(batch_size=2, policy_adopted=True))
    assert {candidates[number].status for number in before.rows} == {"accepted", "pending"}
    assert {candidates[number].status for number in after.rows} == {"accepted"}
    assert len(before.omitted["erased"]) == len(after.omitted["erased"]) == 16


@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from((2, 3, 4, 8)))
def test_keep_takes_all_or_thins_the_majority_to_what_fits(n_true: int, n_false: int, batch: int) -> None:
    """`keep` omits nothing while batch >= ceil(N / minority), else exactly the majority beyond minority*(batch-1)."""
    candidates = rows((number, number < n_true) for number in range(n_true + n_false))
    plan = planned(candidates, KtoParams(batch_size=batch))
    assume(plan is not None)
    assert plan is not None
    rare = min(n_true, n_false)
    expected = 0 if batch >= -(-(n_true + n_false) // rare) else max(n_true, n_false) - rare * (batch - 1)
    assert len(plan.omitted["surplus"]) == expected
    assert all(candidates[number].label is (n_true > n_false) for number in plan.omitted["surplus"])
    assert len(plan.rows) + len(plan.omitted["tail"]) == n_true + n_false - expected


@given(st.integers(0, 120), st.integers(0, 120), st.integers(1, 4), st.integers(1, 4))
def test_a_ratio_keeps_as_many_whole_groups_as_there_are(n_true: int, n_false: int, a: int, b: int) -> None:
    """a:b keeps k*a true and k*b false rows for the largest k, before the tail is cut."""
    batch = 8
    candidates = rows((number, number < n_true) for number in range(n_true + n_false))
    plan = planned(candidates, KtoParams(batch_size=batch, ratio=f"{a}:{b}"))
    groups = min(n_true // a, n_false // b)
    assert (plan is None) == (groups * (a + b) < batch)
    if plan is not None:
        gone = set(plan.omitted["surplus"])
        kept = [one.label for one in candidates if one.sample not in gone]
        assert (kept.count(True), kept.count(False)) == (groups * a, groups * b)
        assert len(plan.omitted["tail"]) == groups * (a + b) % batch


@given(st.integers(0, 400), st.integers(0, 400), st.data())
def test_every_window_of_the_balanced_word_is_as_mixed_as_can_be(
    n_true: int, n_false: int, data: st.DataObject
) -> None:
    """Any window of L rows, also around the end, holds floor or ceil of L*m/N rows of each label."""
    word = balanced_word(n_true, n_false)
    assert (word.count(1), word.count(0)) == (n_true, n_false)
    assume(word)
    length = data.draw(st.integers(1, len(word)))
    start = data.draw(st.integers(0, len(word) - 1))
    window = (word * 2)[start : start + length]
    for label, count in ((1, n_true), (0, n_false)):
        assert length * count // len(word) <= window.count(label) <= -(-length * count // len(word))


def test_equal_counts_alternate_and_true_comes_first() -> None:
    """1:1 is T F T F; 2:1 and 1:2 put the rarer label last in each group."""
    assert balanced_word(3, 3) == bytes([1, 0, 1, 0, 1, 0])
    assert balanced_word(4, 2) == bytes([1, 1, 0, 1, 1, 0])
    assert balanced_word(1, 3) == bytes([0, 0, 0, 1])
    assert balanced_word(0, 0) == b""


@pytest.mark.parametrize(("batch", "world"), [(2, 1), (4, 1), (4, 2), (8, 4), (16, 8)])
def test_sibling_pairs_lose_nothing_to_spacing(batch: int, world: int) -> None:
    """3,678 improved/poor pairs: every row is used but a tail shorter than one step of all ranks."""
    candidates = siblings(PAIRS)
    plan = plan_kto(candidates, KtoParams(batch_size=batch, world_size=world))
    assert_lawful(plan, candidates, KtoParams(batch_size=batch, world_size=world))
    assert {reason: len(handles) for reason, handles in plan.omitted.items() if handles} == (
        {"tail": 2 * PAIRS % (batch * world)} if 2 * PAIRS % (batch * world) else {}
    )


@pytest.mark.parametrize(
    ("share", "least"),
    [
        (0.1, 4000),  # rare enough to fit anywhere
        (0.25, 4000),  # exactly every fourth row
        (0.5, 2664),  # of 2,000 rows only 2,000 / 3 can stand between 2,000 others: 666 windows of 4
    ],
)
def test_one_giant_family_loses_only_what_cannot_fit(share: float, least: int) -> None:
    """A family of both labels keeps as many rows as there are windows, and the rest of the file stays whole."""
    giant = int(4000 * share)
    candidates = rows((0 if number < giant else number, number % 2 == 0) for number in range(4000))
    plan = plan_kto(candidates, KtoParams())
    assert_lawful(plan, candidates, KtoParams())
    assert len(plan.rows) == least
    assert all(number < giant for number in plan.omitted["spacing"])


@pytest.mark.parametrize("batch", [2, 3, 4])
def test_two_giant_families_take_turns(batch: int) -> None:
    """Two families that are each a quarter of the file fit while a window has two rows or up to four."""
    candidates = rows((number % 2 if number < 2000 else number, number // 2 % 2 == 0) for number in range(4000))
    plan = plan_kto(candidates, KtoParams(batch_size=batch))
    assert_lawful(plan, candidates, KtoParams(batch_size=batch))
    assert len(plan.rows) == 4000 - 4000 % batch


def test_a_family_of_one_label_is_cut_to_what_the_other_rows_can_separate() -> None:
    """At 1:1 a family may give at most every second true row of windows of four; the surplus false rows follow."""
    candidates = rows((0 if number < 1200 else number, number < 2000) for number in range(4000))
    plan = plan_kto(candidates, KtoParams(ratio="1:1"))
    assert_lawful(plan, candidates, KtoParams(ratio="1:1"))
    assert len(plan.rows) == 3200
    assert (len(plan.omitted["spacing"]), len(plan.omitted["surplus"])) == (400, 400)


def test_surplus_rows_come_back_when_spacing_takes_others() -> None:
    """The ratio is chosen anew after each loss, so no row is called surplus that would have found a place."""
    candidates = rows((0 if number < 100 else number, number < 200) for number in range(300))
    plan = plan_kto(candidates, KtoParams(batch_size=3, ratio="1:1"))
    kept = len(plan.rows) + len(plan.omitted["tail"])
    assert kept == 2 * min(200 - len(plan.omitted["spacing"]), 100)
    assert plan.omitted["surplus"]


@pytest.mark.parametrize(
    ("pairs", "params", "says"),
    [
        ([(number, True) for number in range(50)], KtoParams(), "50 rows labelled true and 0 labelled false"),
        ([], KtoParams(), "0 rows labelled true and 0 labelled false"),
        ([(0, number % 2 == 0) for number in range(20_000)], KtoParams(), "of 1 families"),
        ([(number % 3, number % 2 == 0) for number in range(20_000)], KtoParams(), "of 3 families"),
        ([(number % 4, digest(number)[0] < 128) for number in range(2000)], KtoParams(), "of 4 families"),
        ([(0 if number % 2 else number, number % 2 == 1) for number in range(20_000)], KtoParams(ratio="1:1"), "1:1"),
        ([(number, number % 2 == 0) for number in range(7)], KtoParams(world_size=2), "only 7 rows can go"),
        ([(number, number < 2) for number in range(7)], KtoParams(ratio="3:1"), "do not make one group"),
        ([(number, number % 2 == 0) for number in range(50)], KtoParams(ratio="1:4"), "batch size of 5"),
    ],
    ids=[
        "one-label",
        "empty",
        "one-family",
        "three-families",
        "four-families",
        "one-true-family",
        "too-few",
        "no-group",
        "ratio",
    ],
)
def test_what_cannot_be_planned_is_refused(pairs: list[tuple[object, bool]], params: KtoParams, says: str) -> None:
    """No order can work: the refusal comes soon, also for many rows, and says what was there."""
    with pytest.raises(PlanImpossible, match=says):
        plan_kto(rows(pairs), params)


@pytest.mark.parametrize(
    "params",
    [
        KtoParams(batch_size=1),
        KtoParams(world_size=0),
        *(
            KtoParams(ratio=ratio)
            for ratio in ("", "1", "0:1", "1:0", "1:-1", "1:1:1", "1.5:1", "Keep", "1:1\n", "\u0661:\u0661")
        ),
        KtoParams(seed="\ud800"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(params: KtoParams) -> None:
    """A batch below 2, no process, a malformed ratio or seed: a bad request, before any row is read."""

    def unread() -> Iterator[Candidate]:
        pytest.fail("a candidate was read")
        yield row(0, 0, label=True)

    with pytest.raises(BadRequest):
        plan_kto(unread(), params)


def test_a_digest_of_another_length_is_refused() -> None:
    """Packed records have fixed widths, so a short digest is an error and not a silent mix-up of fields."""
    with pytest.raises(ValueError, match="digests are 32 bytes"):
        plan_kto([row(0, 0, label=True)._replace(blob=b"short")], KtoParams())


@pytest.mark.parametrize(
    ("fault", "says"),
    [("families", "are of one family"), ("labels", "have only one label"), ("lost", "the plan accounts for 36")],
)
def test_a_plan_that_breaks_a_law_is_never_returned(fault: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the dealing does, the final check stands between a bad order and a file."""

    def broken(
        word: bytes, by_label: tuple[Sequence[int], Sequence[int]], families: Sequence[int], *rest: int
    ) -> Dealt:
        orders = {
            "families": sorted(chain(*by_label), key=lambda number: (families[number], number)),
            "labels": [number for part in by_label for number in sorted(part, key=families.__getitem__)],
            "lost": list(deal(word, by_label, families, *rest).rows)[:-4],
        }
        return Dealt(array("q", orders[fault]), [])

    monkeypatch.setattr(kto_plan, "deal", broken)
    with pytest.raises(BrokenLaw, match=says):
        plan_kto(siblings(20), KtoParams())


@given(st.lists(st.integers(0, 12), max_size=12), st.integers(1, 6))
def test_the_family_cap_is_the_largest_number_that_fits(sizes_of_families: list[int], distance: int) -> None:
    """The cap is the largest W with sum of min(size, W) >= distance * W, or the largest family if that is smaller."""
    largest = max(sizes_of_families, default=0)
    fitting = [cap for cap in range(largest + 1) if sum(min(size, cap) for size in sizes_of_families) >= distance * cap]
    assert family_cap(sizes_of_families, distance) == max(fitting)


@given(shapes, st.integers(1, 8))
def test_dealing_loses_no_row_and_keeps_the_distance(shape: Shape, distance: int) -> None:
    """Every row is dealt or stuck, once; what was dealt keeps families apart, whatever the cap and ratio left."""
    candidates = shape.rows()
    labels = [one.label is True for one in candidates]
    families = [int.from_bytes(one.family[:2], "big") for one in candidates]
    by_label = (
        [number for number, label in enumerate(labels) if not label],
        [number for number, label in enumerate(labels) if label],
    )
    dealt = deal(balanced_word(len(by_label[1]), len(by_label[0])), by_label, families, 2**16, distance)
    assert sorted([*dealt.rows, *dealt.stuck]) == list(range(len(candidates)))
    for at in range(len(dealt.rows)):
        near = [families[number] for number in dealt.rows[at : at + distance]]
        assert len(set(near)) == len(near)


def test_planning_takes_little_memory_for_a_candidate() -> None:
    """A stream of candidates is never held as objects: under 250 bytes for each of them at the peak."""
    count = 30_000
    stream = (row(number, number // 2, label=number % 2 == 0) for number in range(count))
    tracemalloc.start()
    try:
        plan = plan_kto(stream, KtoParams())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(plan.rows) == count
    assert peak < 250 * count
