"""The plan of kto-interleaved: what goes, what is left out and why, and in which order."""

from __future__ import annotations

import random
import tracemalloc
from array import array
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, chain
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ledger.errors import BadRequest, BrokenLaw, PlanImpossible
from ledger.exporters import kto_plan
from ledger.exporters.balanced_word import balanced_word
from ledger.exporters.kto_facts import label_weights
from ledger.exporters.kto_plan import OMISSIONS, Candidate, KtoParams, Plan, plan_kto
from ledger.exporters.spacing import Dealt, deal, family_cap
from ledger.exporters.windows import FileRow, check_file
from tests.candidates import STATUSES, collection, digest, row, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ledger.exporters.sifting import Ranged

PAIRS = 3678


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
    assert plan.used == len(set(plan.rows))
    assert len(used) % (batch * params.world_size) == 0
    for start in range(0, len(used), batch):
        assert set(plan.labels[start : start + batch]) == {True, False}
    for at in range(len(used)):
        assert len({one.family for one in used[at : at + batch]}) == len(used[at : at + batch])


def weighted(candidates: Sequence[Candidate], seed: int) -> list[Candidate]:
    """Give about a third of the samples a weight from 2 to 6."""
    choose = random.Random(seed)  # noqa: S311 - reproducible test data
    return [one._replace(times=choose.choice((1, 1, 1, 1, 2, 3, 6))) for one in candidates]


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
    written = (FileRow(one.label is True, one.family, one.fingerprint, line) for line, one in enumerate(used, 1))
    report = check_file(written, params.batch_size)
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


@pytest.mark.parametrize(
    ("shape", "params", "digest_of_plan"),
    [
        ((3000, "a", 2500, 900, 3), KtoParams(), "5ce3ba8319317384"),
        ((3000, "a", 2500, 900, 3), KtoParams(3, ratio="1:2", seed="7"), "aadb9540aaf30b2a"),
        (
            (3000, "a", 2500, 900, 3),
            KtoParams(8, 2, "1:1", policy_adopted=True, splits_exist=True),
            "0d97dcdf448c1904",
        ),
        ((3000, "a", 2500, 900, 3), KtoParams(2, 3, splits_exist=True), "b2948d834b896816"),
        ((3000, "b", 2800, 40, 5), KtoParams(), "ff5809dd202914c9"),
        ((3000, "b", 2800, 40, 5), KtoParams(8, 2, "1:1", policy_adopted=True, splits_exist=True), "35f50cd7965b2270"),
        ((2000, "c", 400, 150, 4), KtoParams(3, ratio="1:2", seed="7"), "64196c98749a882a"),
        ((2000, "c", 400, 150, 4), KtoParams(2, 3, splits_exist=True), "d76ad65cca827e74"),
    ],
)
def test_without_weights_and_marks_the_first_version_stays(
    shape: tuple[int, str, int, int, int], params: KtoParams, digest_of_plan: str
) -> None:
    """Law 10: rows, labels and omissions of `kto-interleaved/1`, as the program that released it made them."""
    plan = plan_kto(collection(*shape), params)
    assert told((plan.rows, plan.labels), plan.omitted) == digest_of_plan


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


def test_every_window_of_the_balanced_word_is_as_mixed_as_can_be() -> None:
    """Any window of L rows, also around the end, holds floor or ceil of L*m/N rows of each label: 150,000 windows."""
    choose = random.Random(1)  # noqa: S311 - reproducible test data
    checked = around = 0
    for _ in range(500):
        n_true, n_false = choose.randrange(1, 10 ** choose.randrange(1, 4)), choose.randrange(1, 1000)
        size, word = n_true + n_false, balanced_word(n_true, n_false)
        before = [0, *accumulate(word + word)]
        for _ in range(300):
            start, length = choose.randrange(size), choose.randrange(1, size + 1)
            found = before[start + length] - before[start]
            assert length * n_true // size <= found <= -(-length * n_true // size)
            assert length * n_false // size <= length - found <= -(-length * n_false // size)
            around += start + length > size
            checked += 1
    assert checked >= 10**5
    assert around >= 10**4


@given(st.integers(1, 400), st.integers(1, 400))
def test_windows_are_mixed_exactly_from_the_batch_that_is_needed(n_true: int, n_false: int) -> None:
    """Every window of B rows, also around the end, has both labels if and only if B >= ceil(N / m)."""
    size, needed = n_true + n_false, -(-(n_true + n_false) // min(n_true, n_false))
    before = [0, *accumulate(balanced_word(n_true, n_false) * 2)]

    def mixed(batch: int) -> bool:
        return all(0 < before[start + batch] - before[start] < batch for start in range(size))

    assert mixed(needed)
    assert not mixed(needed - 1)


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_balanced_word_has_the_counts_asked_for(n_true: int, n_false: int) -> None:
    """One letter for each row."""
    word = balanced_word(n_true, n_false)
    assert (word.count(1), word.count(0)) == (n_true, n_false)


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
        KtoParams(order="keyed"),
        KtoParams(duplicates="omit"),
        KtoParams(conflicts="collapse"),
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


@settings(max_examples=200)
@given(shapes, requests, st.integers(0, 99))
def test_weighted_plans_keep_the_window_law(shape: Shape, params: KtoParams, seed: int) -> None:
    """Law 8 with weights: copies stand a batch apart as siblings do, and every window has both labels."""
    candidates = weighted(shape.rows(), seed)
    plan = planned(candidates, params)
    assume(plan is not None)
    assert plan is not None
    assert_lawful(plan, candidates, params)


@given(messy(), requests, st.integers(0, 99))
def test_samples_and_rows_are_both_conserved(candidates: list[Candidate], params: KtoParams, seed: int) -> None:
    """Law 5 with weights: each sample is used or omitted once; each row is written, left out, or its sample's."""
    candidates = weighted(candidates, seed)
    plan = planned(candidates, params)
    assume(plan is not None)
    assert plan is not None
    together = [*set(plan.rows), *(handle for handles in plan.omitted.values() for handle in handles)]
    assert sorted(together) == list(range(len(candidates)))
    assert plan.considered == len(candidates)
    assert plan.facts["repeated"] == len(plan.rows) - len(set(plan.rows))
    late = [handle for reason in ("surplus", "spacing", "tail") for handle in plan.omitted[reason]]
    gone = {handle for reason in plan.omitted for handle in plan.omitted[reason]} - set(late)
    weights = dict.fromkeys({one.fingerprint for one in candidates if one.sample not in gone}, 0)
    for one in candidates:
        if one.fingerprint in weights and (one.sample not in gone or one.sample in plan.omitted["duplicate"]):
            weights[one.fingerprint] = max(weights[one.fingerprint], one.times)
    assert len(plan.rows) + len(late) + plan.facts["repeats_left_out"] == sum(weights.values())


@given(messy(), requests, st.integers(0, 99))
def test_a_plan_that_repeats_nothing_does_not_see_weights(
    candidates: list[Candidate], params: KtoParams, seed: int
) -> None:
    """`repeat=False`: the very plan of samples without weights."""
    asked = replace(params, repeat=False)
    assert planned(weighted(candidates, seed), asked) == planned(candidates, params)


@given(messy(), requests, st.integers(0, 99), st.randoms(use_true_random=False))
def test_neither_arrival_nor_the_cut_into_ranges_matters(
    candidates: list[Candidate], params: KtoParams, seed: int, choose: random.Random
) -> None:
    """Law 10: shuffled candidates in chunks, and ranges settled from the last to the first, give the same plan."""
    candidates = weighted(candidates, seed)
    moved = list(candidates)
    choose.shuffle(moved)
    at = choose.randrange(len(moved))

    def backwards(step: Callable[[list[bytes]], Ranged], ranges: Iterable[list[bytes]]) -> Iterable[Ranged]:
        return map(step, reversed(list(ranges)))

    try:
        other = plan_kto(chain(moved[at:], moved[:at]), params, each=backwards)
    except PlanImpossible:
        other = None
    assert other == planned(candidates, params)


def test_two_workers_make_the_plan_of_one() -> None:
    """Law 10: ranges settled by two processes give the plan that one process makes alone."""
    candidates = weighted(collection(3000, "workers", 2500, 900), 5)
    with ProcessPoolExecutor(2) as pool:
        assert plan_kto(candidates, KtoParams(), each=pool.map) == plan_kto(candidates, KtoParams())


def test_twins_have_the_largest_of_their_weights() -> None:
    """A file with one row three times gives one sample, and a weight on any of the twins is a weight on it."""
    twins = [
        row(number, "twin", label=True, fingerprint=digest("same"), times=times)
        for number, times in enumerate((1, 4, 2))
    ]
    unusable = row(3, "twin", label=True, fingerprint=digest("same"), times=9, status="rejected")
    others = [row(number, number, label=number % 2 == 0) for number in range(4, 100)]
    plan = plan_kto([*twins, unusable, *others], KtoParams())
    survivor = min(twins, key=lambda one: (one.blob, one.sample_id)).sample
    assert plan.rows.count(survivor) == 4
    assert plan.omitted["duplicate"] == sorted({0, 1, 2} - {survivor})
    assert plan.omitted["status"] == [3]


def test_a_sample_is_left_out_only_with_its_last_row() -> None:
    """Of 40 copies among 60 other rows only every fourth place can be one; the sample itself is used."""
    heavy = row(0, "heavy", label=True, times=40)
    plan = plan_kto([heavy, *(row(number, number, label=number % 2 == 0) for number in range(1, 61))], KtoParams())
    assert plan.rows.count(0) == 20
    assert plan.omitted["spacing"] == []
    assert plan.facts["repeated"] == 19
    assert plan.facts["repeats_left_out"] == 20


def test_the_reason_of_a_sample_is_that_of_its_last_row() -> None:
    """A weighted sample that loses rows to several steps is told under the last of them, once."""
    candidates = weighted([row(number, number, label=number < 60) for number in range(401)], 3)
    plan = plan_kto(candidates, KtoParams(batch_size=3, world_size=5))
    assert plan.facts["thinned"] > len(plan.omitted["surplus"]) > 0
    assert set(plan.rows).isdisjoint(plan.omitted["surplus"])
    few = [row(number, number, label=number % 2 == 0, times=2) for number in range(6)]
    cut = plan_kto(few, KtoParams(batch_size=2, world_size=5))
    assert len(cut.rows) == 10
    assert len(set(cut.rows)) + len(cut.omitted["tail"]) == 6
    assert len(cut.omitted["tail"]) + cut.facts["repeats_left_out"] == 2


def test_weights_count_in_the_ratio() -> None:
    """20 true samples five times are a hundred rows: 1:1 then takes a hundred false ones."""
    candidates = [row(number, number, label=number < 20, times=5 if number < 20 else 1) for number in range(220)]
    plan = plan_kto(candidates, KtoParams(batch_size=2, ratio="1:1"))
    assert (plan.labels.count(True), plan.labels.count(False)) == (100, 100)
    assert len(plan.omitted["surplus"]) == 100


@given(messy(), requests, st.sets(st.integers(0, 139)))
def test_a_mark_is_as_good_as_knowing_before(candidates: list[Candidate], params: KtoParams, unfit: set[int]) -> None:
    """What a mark calls unrepresentable is planned as a sample that said so itself; survivors are asked once."""
    asked: list[list[int]] = []

    def mark(handles: Sequence[int]) -> Mapping[int, str]:
        asked.append(list(handles))
        return {handle: "unrepresentable" for handle in handles if handle in unfit}

    known = [one._replace(representable=one.representable and one.sample not in unfit) for one in candidates]
    try:
        plan = plan_kto(candidates, params, mark)
    except PlanImpossible:
        plan = None
    assert plan == planned(known, params)
    assume(asked)  # a ratio that no batch of this size can hold is refused before any row is read
    assert len(asked) == 1
    assert asked[0] == sorted(asked[0])
    survivors = [one for one in candidates if reason_of(one, candidates, params) is None]
    assert asked[0] == [one.sample for one in survivors]


def test_what_is_too_long_is_gone_before_the_ratio() -> None:
    """The windows hold after the rows that the trainer would drop are left out."""
    plan = plan_kto(siblings(50), KtoParams(), lambda handles: dict.fromkeys(handles[:10], "too_long"))
    assert plan.omitted["too_long"] == list(range(10))
    assert_lawful(plan, siblings(50), KtoParams())


@pytest.mark.parametrize(("marks", "says"), [({0: "tail"}, "marked 'tail'"), ({10**6: "too_long"}, "accounts for 101")])
def test_a_mark_that_means_nothing_stops_the_plan(marks: dict[int, str], says: str) -> None:
    """A mark tells one of its two reasons, about samples that it was asked for."""
    with pytest.raises(BrokenLaw, match=says):
        plan_kto(siblings(50), KtoParams(), lambda _: marks)


@given(st.integers(20, 200), st.integers(1, 60), st.integers(0, 99))
def test_later_samples_do_not_reorder_rows_of_a_label(count: int, more: int, seed: int) -> None:
    """Families of one row: in both plans the rows of one label stand in the order of their keys, so in one order."""
    candidates = [row(number, number, label=digest(seed, number)[0] % 2 == 0) for number in range(count + more)]
    first, second = planned(candidates[:count], KtoParams()), planned(candidates, KtoParams())
    assume(first is not None)
    assume(second is not None)
    assert first is not None
    assert second is not None
    both = set(first.rows) & set(second.rows)
    for label in (True, False):
        orders = [
            [one for one in plan.rows if one in both and candidates[one].label is label] for plan in (first, second)
        ]
        assert orders[0] == orders[1]


def test_a_view_may_say_what_it_takes() -> None:
    """Statuses, split, labels and selection are the view's; `training` is train once splits exist."""
    facts = {"status": "pending", "split": "val", "crosses": True}
    candidates = [row(number, number, label=number % 2 == 0, **facts) for number in range(8)]
    taken = KtoParams(batch_size=2, statuses=frozenset({"pending"}), split=None)
    assert len(plan_kto(candidates, taken).rows) == 8
    some = [one._replace(selected=one.sample > 3) for one in candidates]
    assert plan_kto(some, taken).omitted["not_selected"] == [0, 1, 2, 3]
    for params, reason in (
        (KtoParams(statuses=frozenset({"accepted"})), "8 status"),
        (KtoParams(split="test"), "8 split"),
        (KtoParams(splits_exist=True), "8 split"),
        (KtoParams(split="val"), "8 family_crosses_splits"),
        (KtoParams(split=None, labels=frozenset({True, None})), "4 no_label"),
    ):
        with pytest.raises(PlanImpossible, match=reason):
            plan_kto(candidates, params)


def test_duplicates_and_contradictions_can_be_kept() -> None:
    """A set with duplicates and conflicts kept has all its rows, still a batch apart; each can be kept alone."""
    candidates = [
        row(number, number // 4, label=number % 4 < 2, fingerprint=digest("text", number // 4)) for number in range(400)
    ]
    whole = plan_kto(candidates, KtoParams(duplicates="keep", conflicts="keep"))
    assert len(whole.rows) == 400
    assert_lawful(whole, candidates, KtoParams())
    once = plan_kto(candidates, KtoParams(conflicts="keep"))
    assert len(once.omitted["duplicate"]) == 200
    assert once.labels.count(True) == once.labels.count(False) == 100
    with pytest.raises(PlanImpossible, match="400 conflict"):
        plan_kto(candidates, KtoParams(duplicates="keep"))


def test_a_hopeless_skew_is_stated() -> None:
    """100 true and 1900 false rows need a batch of 20; in batches of 8 the majority is thinned and the plan says so."""
    candidates = rows((number, number < 100) for number in range(2000))
    plan = plan_kto(candidates, KtoParams(batch_size=8))
    assert plan.facts == {
        "minority": 100,
        "majority_label": False,
        "batch_needed": 20,
        "thinned": 1200,
        "label_weights": {"desirable_weight": ["7.0000", "9.3333"], "undesirable_weight": ["0.1072", "0.1428"]},
        "repeated": 0,
        "repeats_left_out": 0,
    }
    assert plan_kto(candidates, KtoParams(batch_size=20)).facts["thinned"] == 0
    assert plan_kto(siblings(50), KtoParams()).facts["majority_label"] is None


def test_label_weights_are_those_of_the_paper() -> None:
    """1,837 true and 3,681 false rows: one of the weights, not both."""
    assert label_weights(1837, 3681) == {
        "desirable_weight": ["2.0039", "2.6717"],
        "undesirable_weight": ["0.3743", "0.4990"],
    }
    assert label_weights(1, 100_000)["undesirable_weight"] == ["0.000007500", "0.00001000"]


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_every_stated_weight_lies_in_the_range(n_true: int, n_false: int) -> None:
    """Rounded inward: desirable_weight * n_true : undesirable_weight * n_false is in [1, 4/3] at both ends."""
    told_weights = label_weights(n_true, n_false)
    desirable = [Fraction(text) * n_true / n_false for text in told_weights["desirable_weight"]]
    undesirable = [n_true / (Fraction(text) * n_false) for text in told_weights["undesirable_weight"]]
    assert 1 <= desirable[0] <= desirable[1] <= Fraction(4, 3)
    assert 1 <= undesirable[1] <= undesirable[0] <= Fraction(4, 3)


@pytest.mark.parametrize("times", [0, -1, 1001])
def test_a_weight_out_of_range_is_refused(times: int) -> None:
    """A weight is a whole number from 1 to 1000."""
    with pytest.raises(ValueError, match="from 1 to 1000"):
        plan_kto([row(0, 0, label=True, times=times)], KtoParams())
