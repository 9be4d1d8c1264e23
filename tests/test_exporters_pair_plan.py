"""The plan of pairs: who stands over whom, each sample at most once, whatever the order of the candidates."""

from __future__ import annotations

import tracemalloc
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadRequest, BrokenLaw
from ledger.exporters.eligibility import OMISSIONS, Candidate
from ledger.exporters.pair_plan import PairParams, plan_pairs
from tests.candidates import STATUSES, digest, row

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Sequence

    from ledger.exporters.pair_plan import PairPlan
    from ledger.exporters.sifting import Ranged

ACCEPTED = frozenset({"accepted"})
PROMPT = PairParams(ACCEPTED)
LINEAGE = PairParams(ACCEPTED, pairs="lineage")


def sample(number: int, prompt: object, *, label: bool | None, parent: int | None = None) -> Candidate:
    """Return a sample of a prompt, whose family is that of the prompt, derived from sample `parent`."""
    derived = None if parent is None else digest("sample", parent)
    asked = None if prompt is None else digest("prompt", prompt)
    return row(number, prompt, label=label, prompt=asked, parent=derived)


@st.composite
def drawn(draw: st.DrawFn) -> list[Candidate]:
    """Draw samples of few prompts and texts, in any state, most of them with a parent among those before them."""
    made: list[Candidate] = []
    for number in range(draw(st.integers(0, 40))):
        text = draw(st.integers(0, 30))
        prompt = None if text % 11 == 0 else text % 5
        parent = draw(st.integers(0, number)) if number and draw(st.booleans()) else None
        label = draw(st.sampled_from((True, True, False, False, None)))
        made.append(
            sample(number, prompt, label=label, parent=parent)._replace(
                fingerprint=digest("text", text, label if draw(st.integers(0, 5)) else None),
                blob=digest("bytes", draw(st.integers(0, 2))),
                status=draw(st.sampled_from((*("accepted",) * 9, *STATUSES))),
                split=draw(st.sampled_from(("train", "train", "train", "val"))),
                crosses=draw(st.sampled_from((False, False, False, True))),
                representable=draw(st.sampled_from((True, True, True, False))),
                times=draw(st.sampled_from((1, 1, 1, 2, 3))),
                selected=draw(st.sampled_from((True, True, True, False))),
            )
        )
    return made


requests = st.builds(
    PairParams,
    st.sampled_from((ACCEPTED, frozenset({"accepted", "pending"}))),
    split=st.sampled_from((None, "train")),
    seed=st.text(st.characters(codec="utf-8"), max_size=2),
    duplicates=st.sampled_from(("collapse", "keep")),
    repeat=st.booleans(),
    order=st.sampled_from(("keyed", "ingested")),
    pairs=st.sampled_from(("lineage", "prompt")),
)


def used_by(plan: PairPlan) -> set[int]:
    """Return the handles that stand in a pair."""
    return {handle for pair in plan.rows for handle in pair}


def order_key(one: Candidate, copy: int = 0, seed: str = "0") -> bytes:
    """Return the key of a copy of a sample, by the letter of the law."""
    said = one.family + one.fingerprint + (copy.to_bytes(4, "big") if copy else b"")
    return blake3(said, key=blake3(seed.encode()).digest()).digest()


@given(drawn(), requests)
def test_every_candidate_is_used_or_omitted_once(candidates: list[Candidate], params: PairParams) -> None:
    """Law 5: considered = used + omitted, in samples, under the reasons of the law in their order."""
    plan = plan_pairs(candidates, params)
    assert tuple(plan.omitted) == OMISSIONS
    assert all(handles == sorted(handles) for handles in plan.omitted.values())
    together = [*used_by(plan), *(handle for handles in plan.omitted.values() for handle in handles)]
    assert sorted(together) == list(range(len(candidates)))


@given(drawn(), requests)
def test_a_pair_is_of_one_prompt_and_two_labels(candidates: list[Candidate], params: PairParams) -> None:
    """Chosen is true, rejected false, both have the one prompt and teach different things; each is in one pair."""
    pairs = set(plan_pairs(candidates, params).rows)
    for chosen, rejected in pairs:
        good, poor = candidates[chosen], candidates[rejected]
        assert (good.label, poor.label) == (True, False)
        assert good.prompt == poor.prompt is not None
        assert good.fingerprint != poor.fingerprint
    assert len({handle for pair in pairs for handle in pair}) == 2 * len(pairs)


@given(drawn(), requests)
def test_who_stays_alone_has_nobody_left(candidates: list[Candidate], params: PairParams) -> None:
    """No true sample is unpaired beside its own unpaired parent; by prompt, no two labels of a prompt are."""
    plan = plan_pairs(candidates, params)
    alone = [candidates[handle] for handle in plan.omitted["unpaired"]]
    false_ones = {one.sample_id: one for one in alone if one.label is False and one.prompt is not None}
    for one in alone:
        parent = false_ones.get(one.parent) if one.label and one.parent is not None else None
        assert parent is None or parent.prompt != one.prompt
    if params.pairs == "prompt":
        labels = defaultdict(set)
        for one in alone:
            if one.prompt is not None:
                labels[one.prompt].add(one.label)
        assert all(len(found) == 1 for found in labels.values())


@given(drawn(), requests)
def test_lineage_pairs_follow_an_edge(candidates: list[Candidate], params: PairParams) -> None:
    """By lineage the rejected sample, or a twin of it, is the parent of the chosen one, or of a twin of that."""
    for chosen, rejected in plan_pairs(candidates, replace(params, pairs="lineage")).rows:
        good, poor = candidates[chosen].fingerprint, candidates[rejected].fingerprint
        parents = {one.sample_id for one in candidates if one.fingerprint == poor}
        assert any(one.parent in parents for one in candidates if one.fingerprint == good)


@given(drawn(), requests)
def test_a_prompt_keeps_its_lineage_pairs(candidates: list[Candidate], params: PairParams) -> None:
    """Pairing by prompt adds to the pairs by lineage and changes none of them."""
    by_lineage = plan_pairs(candidates, replace(params, pairs="lineage"))
    by_prompt = plan_pairs(candidates, replace(params, pairs="prompt"))
    assert set(by_lineage.rows) <= set(by_prompt.rows)


@given(drawn(), requests, st.randoms(use_true_random=False))
def test_neither_arrival_nor_the_cut_into_ranges_matters(
    candidates: list[Candidate], params: PairParams, choose: random.Random
) -> None:
    """Law 10: any permutation, and ranges settled from the last to the first, give the same plan."""
    moved = list(candidates)
    choose.shuffle(moved)

    def backwards(step: Callable[[list[bytes]], Ranged], ranges: Iterable[list[bytes]]) -> Iterable[Ranged]:
        return map(step, reversed(list(ranges)))

    assert plan_pairs(moved, params, each=backwards) == plan_pairs(candidates, params)


def test_two_workers_make_the_plan_of_one() -> None:
    """Law 10: ranges settled by two processes give the plan that one process makes alone."""
    candidates = [sample(n, n // 3, label=n % 3 > 0, parent=n - 1 if n % 3 == 1 else None) for n in range(3000)]
    with ProcessPoolExecutor(2) as pool:
        assert plan_pairs(candidates, PROMPT, each=pool.map) == plan_pairs(candidates, PROMPT)


@given(drawn(), requests)
def test_pairs_stand_in_the_order_of_what_is_chosen(candidates: list[Candidate], params: PairParams) -> None:
    """Each copy of a pair stands by the key of that copy of the chosen sample; a pair has the larger weight."""
    params = replace(params, order="keyed", duplicates="keep")
    plan = plan_pairs(candidates, params)
    keys = []
    for chosen, rejected in set(plan.rows):
        times = max(candidates[chosen].times, candidates[rejected].times) if params.repeat else 1
        one = candidates[chosen]
        keys += [((order_key(one, k, params.seed), one.sample_id), (chosen, rejected)) for k in range(times)]
    assert plan.rows == tuple(pair for _, pair in sorted(keys))
    assert plan_pairs(candidates, replace(params, order="ingested")).rows == tuple(sorted(plan.rows))


@given(drawn(), drawn(), requests)
def test_samples_of_other_prompts_change_no_pair(
    candidates: list[Candidate], more: list[Candidate], params: PairParams
) -> None:
    """Samples added later, of other prompts and texts, come between pairs and neither change nor reorder them."""
    later = [
        one._replace(
            sample=one.sample + 100,
            sample_id=digest("later", one.sample),
            fingerprint=digest("later", one.fingerprint),
            prompt=None if one.prompt is None else digest("later", one.prompt),
        )
        for one in more
    ]
    before, after = plan_pairs(candidates, params), plan_pairs([*later, *candidates], params)
    assert before.rows == tuple(pair for pair in after.rows if pair[0] < 100)


@given(drawn(), requests, st.sets(st.integers(0, 39)))
def test_a_mark_is_as_good_as_knowing_before(candidates: list[Candidate], params: PairParams, unfit: set[int]) -> None:
    """What a mark calls unrepresentable is planned as a sample that said so itself; survivors are asked once."""
    asked: list[list[int]] = []

    def mark(handles: Sequence[int]) -> dict[int, str]:
        asked.append(list(handles))
        return {handle: "unrepresentable" for handle in handles if handle in unfit}

    known = [one._replace(representable=one.representable and one.sample not in unfit) for one in candidates]
    plan = plan_pairs(candidates, params, mark)
    assert plan == plan_pairs(known, params)
    unmarked = plan_pairs(candidates, params)
    assert asked == [sorted([*used_by(unmarked), *unmarked.omitted["unpaired"]])]


def test_an_improved_sample_stands_over_what_it_came_from() -> None:
    """Of two false samples of a prompt the parent is rejected, whichever has the lower key; then the rest."""
    for parent in (0, 1):
        rows = [
            sample(0, "p", label=False),
            sample(1, "p", label=False),
            sample(2, "p", label=True, parent=parent),
            sample(3, "p", label=True),
        ]
        assert plan_pairs(rows, LINEAGE).rows == ((2, parent),)
        assert plan_pairs(rows, LINEAGE).omitted["unpaired"] == sorted({0, 1, 3} - {parent})
        assert sorted(plan_pairs(rows, PROMPT).rows) == [(2, parent), (3, 1 - parent)]


def test_a_rewritten_prompt_is_no_pair() -> None:
    """An improved sample whose prompt was rewritten has a parent, but nothing that it could be compared with."""
    rows = [sample(0, "old", label=False), sample(1, "new", label=True, parent=0)]
    plan = plan_pairs([one._replace(family=digest("one family")) for one in rows], PROMPT)
    assert (plan.rows, plan.omitted["unpaired"]) == ((), [0, 1])


def test_one_parent_is_rejected_once() -> None:
    """Two children of one poor sample: the one with the lower key gets it, the other finds none."""
    rows = [sample(0, "p", label=False), *(sample(n, "p", label=True, parent=0) for n in (1, 2))]
    first, second = sorted(rows[1:], key=order_key)
    plan = plan_pairs(rows, PROMPT)
    assert (plan.rows, plan.omitted["unpaired"]) == (((first.sample, 0),), [second.sample])


def test_a_parent_that_cannot_go_leaves_its_child_alone() -> None:
    """A rejected status, a label true, a mark: by lineage nothing is chosen over such a parent."""
    child = sample(1, "p", label=True, parent=0)
    for parent in (sample(0, "p", label=False)._replace(status="rejected"), sample(0, "p", label=True)):
        assert 1 in plan_pairs([parent, child], PROMPT).omitted["unpaired"]
    marked = plan_pairs([sample(0, "p", label=False), child], PROMPT, lambda _: {0: "too_long"})
    assert (marked.rows, marked.omitted["too_long"], marked.omitted["unpaired"]) == ((), [0], [1])


def test_collapsed_twins_lend_their_lineage() -> None:
    """The parent was collapsed into a twin, and the child into another: their survivors are the pair."""
    rows = [
        sample(0, "p", label=False)._replace(fingerprint=digest("poor"), blob=digest(0)),
        sample(1, "p", label=False)._replace(fingerprint=digest("poor"), blob=digest(1)),
        sample(2, "p", label=True, parent=0)._replace(fingerprint=digest("good"), blob=digest(0)),
        sample(3, "p", label=True, parent=1)._replace(fingerprint=digest("good"), blob=digest(1)),
    ]
    for parents in ((0, None), (None, 1), (1, None), (None, 0), (0, 1)):
        tied = [
            *rows[:2],
            *(
                one._replace(parent=None if parent is None else digest("sample", parent))
                for one, parent in zip(rows[2:], parents, strict=True)
            ),
        ]
        plan = plan_pairs(tied, LINEAGE)
        survivors = [min(pair, key=lambda one: one.blob).sample for pair in (tied[2:], tied[:2])]
        assert plan.rows == (tuple(survivors),)
        assert len(plan.omitted["duplicate"]) == 2


def test_a_text_with_both_labels_is_in_no_pair() -> None:
    """A contradiction is found before anything is paired, so nothing stands over itself."""
    rows = [sample(n, "p", label=n == 1, parent=0 if n else None) for n in (0, 1)]
    plan = plan_pairs([one._replace(fingerprint=digest("same")) for one in rows], PROMPT)
    assert (plan.rows, plan.omitted["conflict"]) == ((), [0, 1])


def test_without_a_prompt_or_a_label_there_is_no_pair() -> None:
    """A sample without a prompt is unpaired, one without a label has no label that the view takes."""
    rows = [sample(0, None, label=False), sample(1, None, label=True, parent=0), sample(2, "p", label=None)]
    plan = plan_pairs(rows, PairParams(ACCEPTED, labels=frozenset({True, False, None})))
    assert (plan.rows, plan.omitted["unpaired"], plan.omitted["no_label"]) == ((), [0, 1], [2])


def test_a_weight_repeats_the_pair() -> None:
    """The larger weight of the two counts, unless weights are ignored."""
    rows = [sample(0, "p", label=False)._replace(times=2), sample(1, "p", label=True)._replace(times=3)]
    assert plan_pairs(rows, PROMPT).rows == ((1, 0),) * 3
    assert plan_pairs(rows, replace(PROMPT, repeat=False)).rows == ((1, 0),)


def test_a_released_plan_version_gives_the_same_order_for_ever() -> None:
    """Law 10: `pairs/1` is executable as released; another order needs another version."""
    rows = [sample(n, n // 4, label=n % 4 > 1, parent=n - 2 if n % 4 == 3 else None) for n in range(2000)]
    rows = [one._replace(times=1 + one.sample % 7 // 6) for one in rows]
    plans = [plan_pairs(rows, LINEAGE), plan_pairs(rows, replace(PROMPT, seed="1"))]
    assert [digest(plan.rows).hex()[:16] for plan in plans] == ["6328c61b17c01e54", "f3f29be4141d7db5"]


@pytest.mark.parametrize(
    ("params", "says"),
    [
        (replace(PROMPT, conflicts="keep"), "stand over itself"),
        (replace(PROMPT, conflicts="collapse"), "`omit` or `keep`"),
        (replace(PROMPT, duplicates="omit"), "`collapse` or `keep`"),
        (replace(PROMPT, order="interleaved"), "keyed, ingested"),
        (replace(PROMPT, pairs="family"), "lineage, prompt"),
        (replace(PROMPT, seed="\ud800"), "not Unicode"),
    ],
)
def test_words_that_mean_nothing_are_refused(params: PairParams, says: str) -> None:
    """A view that asks for what pairs cannot have is a bad request."""
    with pytest.raises(BadRequest, match=says):
        plan_pairs([], params)


def test_a_plan_that_loses_a_sample_is_refused() -> None:
    """The sum is checked: a range that drops a survivor stops the export."""

    def losing(step: Callable[[list[bytes]], Ranged], ranges: Iterable[list[bytes]]) -> Iterable[Ranged]:
        return (step(records)._replace(rows=[]) for records in ranges)

    with pytest.raises(BrokenLaw, match="2 samples were considered"):
        plan_pairs([sample(0, "p", label=False), sample(1, "p", label=True)], PROMPT, each=losing)


def test_planning_takes_little_memory_for_a_candidate() -> None:
    """A stream of candidates is never held as objects: under 400 bytes for each of them at the peak."""
    count = 30_000
    stream = (sample(n, n // 2, label=n % 2 == 1, parent=n - 1 if n % 2 else None) for n in range(count))
    tracemalloc.start()
    try:
        plan = plan_pairs(stream, LINEAGE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(plan.rows) == count // 2
    assert peak < 400 * count
