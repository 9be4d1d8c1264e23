"""The laws of a search for near-duplicates, by each engine: exact, order-free, monotone, incremental, linear."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.digest import blake3_bytes
from ledger.fixed import ONE
from ledger.similarity import candidates, index, verified
from ledger.similarity.contract import NearRecipe, Twins
from ledger.similarity.engines import ENGINES
from ledger.similarity.near import Found, Group, Member, find_twins, forgotten
from ledger.similarity.packed import from_bytes, to_bytes
from ledger.similarity.shingles import jaccard, shingles
from tests import twins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Units = list[tuple[bytes, str]]
RECIPE = NearRecipe(threshold=600_000, shingle=1)
SENTENCE = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
WORDS = st.lists(st.sampled_from(SENTENCE), max_size=12).map(" ".join)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine in turn."""
    return str(request.param)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let buckets be large, and batches be full, at a few texts already."""
    _narrow(monkeypatch)


def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "BUCKET", 3)
    monkeypatch.setattr(candidates, "WINDOW", 1)
    monkeypatch.setattr(verified, "_FETCHED", 2)
    monkeypatch.setattr(verified, "_KEPT", 30)
    monkeypatch.setattr(index, "_TEXTS", 3)


def with_ids(texts: Sequence[str]) -> Units:
    """Return texts with ids in no order that has to do with theirs."""
    return [(blake3_bytes(b"%d" % number), text) for number, text in enumerate(texts)]


def search(units: Units, recipe: NearRecipe = RECIPE, earlier: Found | None = None, known: Units = ()) -> Found:  # type: ignore[assignment]
    """Search among units, and those seen earlier, which are `known`."""
    return find_twins(units, twins.shelf([*units, *known]), recipe, earlier)


def by_force(units: Units, recipe: NearRecipe = RECIPE) -> set[Twins]:
    """Return all pairs that reach the threshold, by comparing all with all; of the same words, the smallest id."""
    first: dict[str, bytes] = {}
    for key, text in sorted(units):
        if text.split():
            first.setdefault(text, key)
    sets = {key: shingles(text, recipe.shingle) for text, key in first.items()}
    pairs = (Twins(one, other, jaccard(sets[one], sets[other])) for one, other in combinations(sorted(sets), 2))
    return {pair for pair in pairs if pair.similarity >= recipe.threshold}


@given(st.lists(WORDS, max_size=14))
@settings(max_examples=40)
def test_precision_is_one(texts: list[str]) -> None:
    """Whatever is named is as similar as it says, and reaches the threshold; equal texts are found without fail."""
    units = with_ids(texts)
    expected = by_force(units)
    for name in ENGINES:
        found = search(units, replace(RECIPE, engine=name))
        assert set(found.twins) <= expected
        assert {pair for pair in expected if pair.similarity == ONE} <= set(found.twins)
        assert list(found.twins) == sorted(found.twins)


@given(st.lists(WORDS, max_size=16), st.randoms(use_true_random=False), st.integers(0, 16), st.integers(0, 16))
@settings(max_examples=40)
def test_neither_order_nor_steps_matter(texts: list[str], draw: random.Random, cut: int, again: int) -> None:
    """Permuted, or in two steps of which the second repeats something, or from stored bytes: one and the same result.

    Pairs, similarities, groups and the index all are equal, in large buckets too.
    """
    units = with_ids(texts)
    with pytest.MonkeyPatch.context() as patch:
        _narrow(patch)
        whole = search(units)
        mixed = draw.sample(units, len(units))
        _same_found(search(mixed), whole)
        before = search(mixed[:cut])
        before = Found(before.recipe, from_bytes(to_bytes(before.index)), before.twins)
        _same_found(search(mixed[cut:] + mixed[:again], RECIPE, before, units), whole)
        _same_found(forgotten(whole, (key for key, _ in mixed[cut:]), twins.shelf(units)), before)


def _same_found(one: Found, other: Found) -> None:
    assert one.twins == other.twins
    assert one.groups() == other.groups()
    assert to_bytes(one.index) == to_bytes(other.index)


@given(st.lists(WORDS, max_size=16), st.integers(500_000, ONE), st.integers(500_000, ONE))
@settings(max_examples=40)
def test_a_higher_threshold_finds_a_part(texts: list[str], one: int, other: int) -> None:
    """What is found at a threshold is what is found at a lower one, less what does not reach it; earlier runs too."""
    units = with_ids(texts)
    low, high = sorted((one, other))
    with pytest.MonkeyPatch.context() as patch:
        _narrow(patch)
        loose, strict = (search(units, replace(RECIPE, threshold=each)) for each in (low, high))
        assert strict.twins == tuple(pair for pair in loose.twins if pair.similarity >= high)
        _same_found(search([], strict.recipe, loose, units), strict)
        _same_found(search([], loose.recipe, strict, units), loose)


@given(st.lists(WORDS, max_size=16))
@settings(max_examples=40)
def test_groups(texts: list[str]) -> None:
    """Everybody with a twin is in one group, beside each twin; its nearest twin is named; groups come in order."""
    found = search(with_ids(texts))
    pairs = [*found.twins, *(Twins(ids[0], each, ONE) for ids in found.same() for each in ids[1:])]
    groups = found.groups()
    group_of = {member.id: group for group in groups for member in group.members}
    assert sorted(group_of) == sorted({each for pair in pairs for each in pair[:2]})
    assert all(group_of[one] is group_of[other] for one, other, _ in pairs)
    assert [group.representative for group in groups] == sorted(min(each.id for each in g.members) for g in groups)
    for group in groups:
        assert list(group.members) == sorted(group.members)
        for key, twin, similarity in group.members:
            assert similarity == max(pair.similarity for pair in pairs if key in pair[:2])
            assert Twins(min(key, twin), max(key, twin), similarity) in pairs


def test_recall_and_precision_on_made_texts(engine: str) -> None:
    """Of the twins in 3,000 texts all but a few are found, as the recipe expects, and nothing else."""
    units = list(twins.texts(3000))
    recipe = NearRecipe(engine=engine)
    expected = {
        pair
        for tens in zip(*(units[at :: twins.TEN] for at in range(twins.TEN)), strict=True)
        for pair in by_force(list(tens), recipe)
    }
    found = set(search(units, recipe).twins)
    assert found <= expected
    assert len(found) >= 0.985 * len(expected) > 300


@pytest.mark.usefixtures("narrow")
def test_an_incremental_search_asks_for_what_is_new(engine: str) -> None:
    """Old texts are fetched only where a new one may be near; the result is that of a search over everything."""
    units, recipe = list(twins.texts(400)), NearRecipe(engine=engine)
    shelf = twins.shelf(units)
    old = [unit for number, unit in enumerate(units) if number % twins.TEN != 1]
    new = [unit for number, unit in enumerate(units) if number % twins.TEN == 1]
    before = find_twins(old, shelf, recipe)
    shelf.asked = 0
    found = find_twins(new[:5], shelf, recipe, before)
    assert 5 <= shelf.asked <= 25
    assert found.twins == find_twins([*old, *new[:5]], shelf, recipe).twins
    assert len(found.twins) > len(before.twins)


def test_recipes_do_not_mix(engine: str) -> None:
    """An earlier search by another recipe, or by another engine, cannot be gone on with."""
    before = search(with_ids(["one two"]), replace(RECIPE, engine=engine))
    other = next(name for name in ENGINES if name != engine)
    for recipe in (replace(RECIPE, engine=other), replace(RECIPE, engine=engine, shingle=2)):
        with pytest.raises(ValueError, match="recipes"):
            search([], recipe, before)


def test_small_and_odd_texts(engine: str) -> None:
    """Blank texts are near to nothing; short ones are one shingle; right-to-left and Chinese texts are texts."""
    texts = ["", "", "?!", "One, two", "one two", "one three"]
    arabic, chinese = "قرأ الولد الكتاب ثم نام في البيت مع أخيه الصغير حتى الصباح", "我们今天去公园看花然后回家吃晚饭"
    noise = random.Random(1).randbytes(3000).decode("latin-1")  # noqa: S311 - data
    texts += [arabic, arabic + " ثم", chinese, chinese + "了", noise, noise + "\x00more", "\ud800 lone", "\ud801 lone!"]
    units = with_ids(texts)
    ids = [key for key, _ in units]
    found = search(units, replace(NearRecipe(), engine=engine))
    expected = {tuple(sorted((ids[at], ids[at + 1]))) for at in (6, 8, 10)}
    assert {tuple(pair[:2]) for pair in found.twins} == expected
    assert found.same() == sorted(tuple(sorted((ids[at], ids[at + 1]))) for at in (3, 12))
    assert search([], replace(RECIPE, engine=engine)).groups() == []


def test_a_group_in_full() -> None:
    """Two of the same words and one near them: one group, the smallest id for all, the nearest twin of each."""
    a, b, c, d = (bytes([each]) * 32 for each in range(4))
    units = [(c, "one two three four"), (a, "One two, three four!"), (b, "one two three four five"), (d, "six")]
    groups = search(units).groups()
    assert groups == [Group(a, (Member(a, c, ONE), Member(b, a, 800_000), Member(c, a, ONE)))]


def test_a_text_that_is_gone_is_near_to_nothing(engine: str) -> None:
    """Erased since it was indexed: no twin, no error."""
    units = with_ids(["one two three", "one two three four"])
    found = find_twins(units, twins.shelf(units[:1]), replace(RECIPE, engine=engine))
    assert found.twins == ()


def hostile() -> Iterator[tuple[str, Callable[[], Iterator[tuple[bytes, str]]], int]]:
    """Yield sets of texts that would take hours if anything were quadratic, and the size of the largest group."""
    many = 20_000
    base = twins.text(0).split()

    def slots() -> Iterator[tuple[bytes, str]]:
        for number in range(many // 5):
            yield twins.key(number), " ".join([*base[:40], twins.VOCABULARY[number], *base[40:]])

    yield "identical", lambda: ((twins.key(n), "The same text for everybody.") for n in range(5 * many)), 5 * many
    yield "blank", lambda: ((twins.key(n), " ") for n in range(many)), 0
    yield "one slot", slots, many // 5
    yield "anagrams", lambda: ((twins.key(n), " ".join(base[n % 80 :] + base[: n % 80])) for n in range(many)), many


@pytest.mark.parametrize(("units", "largest"), [each[1:] for each in hostile()], ids=[each[0] for each in hostile()])
def test_no_quadratic_blow_up(units: Callable[[], Iterator[tuple[bytes, str]]], largest: int) -> None:
    """Identical texts by the hundred thousand are one; thousands alike stay one group."""
    begun = time.process_time()
    found = find_twins(units(), twins.shelf(units()), NearRecipe())
    groups = found.groups()
    assert max((len(group.members) for group in groups), default=0) == largest
    assert time.process_time() - begun < 60


def test_a_giant_of_different_words() -> None:
    """A text of two megabytes among small ones is reduced and compared once."""
    draw = random.Random(1)  # noqa: S311 - data
    giant = " ".join(twins.VOCABULARY[draw.randrange(30_000)] for _ in range(320_000))
    units = [*twins.texts(20), (twins.key(1000), giant), (twins.key(1001), giant + " and more")]
    begun = time.process_time()
    found = search(units, NearRecipe())
    assert len(giant) > 1_800_000
    one, other = sorted([twins.key(1000), twins.key(1001)])
    assert Twins(one, other, 999_993) in found.twins
    assert time.process_time() - begun < 60


def test_recall_among_texts_alike_by_the_thousand(engine: str) -> None:
    """In buckets that are too large to be compared in full, pairs are missed, but nobody leaves the group.

    1,500 texts, each the same sixty words and eight of its own: a Jaccard index of 60/76 for all million pairs.
    """
    draw = random.Random(2)  # noqa: S311 - data
    base = list(twins.VOCABULARY[:60])
    texts = [" ".join(base + draw.sample(twins.VOCABULARY[60:], 8)) for _ in range(1500)]
    found = search(with_ids(texts), NearRecipe(threshold=700_000, shingle=1, engine=engine))
    groups = found.groups()
    assert len(groups) == 1
    assert len(groups[0].members) == 1500
    assert len(found.twins) < 20 * (candidates.WINDOW + 1) * 1500
