"""Templates: the phrases that many texts are made from, found without a list."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadRequest
from ledger.fixed import ONE
from ledger.sample import Content
from ledger.similarity.fields import field_text, words
from ledger.similarity.templates import (
    Family,
    Found,
    TemplateRecipe,
    by_group,
    find_in_groups,
    find_templates,
    recipe_of,
)
from tests import weather

EXACT = TemplateRecipe(n=3, min_rows=2, fuzzy=0)
SOON = 20.0
"""Seconds that are enough on a busy machine for what takes one on a free one; anything quadratic takes minutes."""


def numbered(texts: Sequence[str]) -> list[tuple[bytes, str]]:
    """Return texts with ids that do not follow their order."""
    return [
        (blake3(f"{number} {text}".encode("utf-8", "surrogatepass")).digest(), text)
        for number, text in enumerate(texts)
    ]


def told(found: Found, texts: Sequence[tuple[bytes, str]]) -> list[tuple[object, ...]]:
    """Return what was found with ids instead of places."""
    ids = [each for each, _ in texts]
    return [
        (one.phrase, one.anchor, one.rows, one.fuzzy, [ids[n] for n in one.members], [ids[n] for n in one.examples])
        for one in found.families
    ]


few_words = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=9).map(" ".join)


@pytest.fixture(scope="module")
def found() -> Found:
    """Return what is found in the answers about the weather."""
    return find_templates(weather.texts(), TemplateRecipe())


def test_the_four_families_are_all_and_whole(found: Found) -> None:
    """Rows and shares are the generator's own table, also where a word of the fixed phrase was changed."""
    table = [(family.rows, round(found.share(family.rows) / ONE * 100, 1)) for family in found.families]

    assert table == [(2966, 20.6), (2398, 16.7), (1790, 12.4), (1348, 9.4)]
    assert [
        phrase in family.phrase for phrase, family in zip(weather.PHRASES.values(), found.families, strict=True)
    ] == [True] * 4
    assert (found.rows, found.empty, found.templated) == (14399, 0, 8502)


def test_no_other_row_is_in_a_family(found: Found) -> None:
    """Prose and rows that use the same words for something else are left out: precision is 1."""
    rows = weather.rows()

    for kind, family in zip(weather.COUNTS, found.families, strict=True):
        assert {rows[place].kind for place in family.members} == {kind}


def test_anchors_alone_find_nearly_all() -> None:
    """Without rapidfuzz precision is 1 too, and what is missed is some of the changed rows."""
    rows = weather.rows()
    found = find_templates(weather.texts(), TemplateRecipe(fuzzy=0))
    members = {place for family in found.families for place in family.members}

    missed = [row for place, row in enumerate(rows) if row.kind in weather.COUNTS and place not in members]
    assert {rows[place].kind for place in members} == set(weather.COUNTS)
    assert all(row.altered for row in missed)
    assert len(members) / sum(weather.COUNTS.values()) >= 0.95


@given(st.lists(few_words, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_the_texts_changes_nothing(texts: list[str], shuffler: random.Random) -> None:
    """The same set of texts has the same families, phrases and examples, in whatever order it comes."""
    recipe = TemplateRecipe(n=3, min_rows=2)
    given_texts = numbered(texts)
    shuffled = list(given_texts)
    shuffler.shuffle(shuffled)

    assert told(find_templates(shuffled, recipe), shuffled) == told(find_templates(given_texts, recipe), given_texts)


@given(st.lists(few_words, max_size=12), st.integers(2, 4), st.integers(2, 4))
def test_families_are_taken_greedily(texts: list[str], n: int, line: int) -> None:
    """They are what the definition, followed to the letter with sets, gives."""
    found = find_templates(numbered(texts), TemplateRecipe(n=n, min_rows=line, fuzzy=0))

    assert {one.anchor: set(one.members) for one in found.families} == naive(texts, n, line)


def naive(texts: Sequence[str], n: int, line: int) -> dict[tuple[str, ...], set[int]]:
    """Return anchors and members by the definition."""
    left = {place: grams(text, n) for place, text in enumerate(texts)}
    families: dict[tuple[str, ...], set[int]] = {}
    while True:
        counts = Counter(gram for each in left.values() for gram in each)
        best = min(counts, key=lambda gram: (-counts[gram], gram), default=None)
        if best is None or counts[best] < line:
            return families
        families[best] = {place for place, each in left.items() if best in each}
        left = {place: each for place, each in left.items() if best not in each}


def grams(text: str, n: int) -> set[tuple[str, ...]]:
    """Return the n-grams of a text; of a short one the whole."""
    said = words(text)
    whole = {tuple(said)} if said else set()
    return {tuple(said[at : at + n]) for at in range(len(said) - n + 1)} or whole


@given(st.lists(few_words, max_size=12), st.integers(2, 5))
def test_a_higher_line_leaves_the_larger_families(texts: list[str], line: int) -> None:
    """Raising the line drops small families and changes no other."""
    every = find_templates(numbered(texts), EXACT)
    fewer = find_templates(numbered(texts), replace(EXACT, min_rows=line))

    assert fewer.families == tuple(family for family in every.families if family.rows >= line)


@given(st.lists(few_words, max_size=12))
def test_no_text_is_in_two_families(texts: list[str]) -> None:
    """Members are told once, `templated` counts them, and those that rapidfuzz brought are within."""
    found = find_templates(numbered(texts), TemplateRecipe(n=3, min_rows=2, fuzzy=60))
    members = [place for family in found.families for place in family.members]

    assert len(members) == len(set(members)) == found.templated
    assert all(family.rows == len(family.members) > family.fuzzy for family in found.families)


def test_the_phrase_stands_as_it_was_written() -> None:
    """It is the longest run that most share, from the first text in the order of ids, with its case and punctuation."""
    texts = [
        (bytes([n]), f"Hi {name}: «Dear friend,\n the sky -- over {name} -- is GREY.»") for n, name in enumerate("abcd")
    ]

    family = find_templates(texts, TemplateRecipe(n=3)).families[0]

    assert family.phrase == "Dear friend, the sky -- over"
    assert family.anchor == ("dear", "friend", "the")
    assert family.members == (0, 1, 2, 3)


def test_examples_differ() -> None:
    """They are the first three texts that are not the same."""
    texts = [(bytes([n]), f"one two three four five {n // 2}") for n in range(9)]

    assert find_templates(texts, TemplateRecipe()).families[0].examples == (0, 2, 4)


def test_a_short_text_said_often_is_a_family() -> None:
    """Two words are a template where they are the whole text, and not where they are part of another."""
    texts = numbered(
        ["Loading workspace"] * 4 + ["loading workspace."] * 3 + ["Loading workspace to find the notes of May"] * 2
    )

    found = find_templates(texts, TemplateRecipe(min_rows=3))

    assert [(family.anchor, family.rows) for family in found.families] == [(("loading", "workspace"), 7)]


def test_a_changed_word_joins_by_its_letters() -> None:
    """A text that misses the anchor by a word joins the family, is counted as such, and is not a family of its own."""
    texts = [(bytes([n]), f"The clouds above {n} will surely part before noon today") for n in range(6)]
    texts += [(b"x", "The clouds above 9 will surely go before noon today"), (b"y", "Noon will part the sure clouds")]

    off, on = (find_templates(texts, TemplateRecipe(fuzzy=fuzzy)) for fuzzy in (0, 78))

    assert [(one.rows, one.fuzzy) for one in off.families] == [(6, 0)]
    assert [(one.rows, one.fuzzy, one.members) for one in on.families] == [(7, 1, tuple(range(7)))]


def test_texts_without_words_are_in_no_family() -> None:
    """They are counted among the rows, and as empty."""
    found = find_templates(
        numbered(["", " ", "?!", "\x00\x01", "one two three", "one two three", "one two three"]), EXACT
    )

    assert (found.rows, found.empty, found.templated) == (7, 4, 3)


def test_nothing_has_no_families() -> None:
    """No texts, or only empty ones, are no error."""
    assert find_templates([], TemplateRecipe()) == Found(0, 0, 3, 0, ())
    assert find_templates(numbered([""] * 5), TemplateRecipe()) == Found(5, 5, 3, 0, ())
    assert find_templates([], TemplateRecipe()).share(0) == 0


def test_scripts_without_spaces_and_from_right_to_left() -> None:
    """Each character of Chinese is a word, Arabic has words as English has; the phrase reads as it was written."""
    chinese = [f"今天{place}的天气非常晴朗,适合出门。" for place in ("北京", "上海", "广州", "西安")]
    arabic = [f"الطقس اليوم جميل جدا في مدينة {place}" for place in ("القاهرة", "دمشق", "عمان")]

    found = find_templates(numbered([*chinese, *arabic]), TemplateRecipe())

    assert [family.phrase for family in found.families] == ["的天气非常晴朗,适合出门", "الطقس اليوم جميل جدا في مدينة"]


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["The same sentence, word for word, again and again."] * 100_000, id="identical"),
        pytest.param(
            ["one two three four five", "word " * 2_000_000] + ["one two three four five"] * 9, id="one-giant"
        ),
        pytest.param(["x" * 10_000_000, "y" * 10_000_000], id="one-word-giants"),
        pytest.param(["a b c d e f g h " * 400 for _ in range(300)], id="the-same-words"),
        pytest.param([f"{n} {n + 1} {n} {n + 1} {n} {n + 1}" for n in range(20_000)], id="many-small-families"),
        pytest.param([blake3(bytes([n])).digest(3000).decode("latin-1") for n in range(250)], id="binary-noise"),
        pytest.param(["\ud800 \udfff lone surrogates and a\u0301\u0301 marks"] * 5, id="surrogates"),
    ],
)
def test_hostile_texts_take_no_longer_than_others(texts: list[str]) -> None:
    """Time grows with the characters, whatever they are; and the families say the same in any order."""
    started = time.perf_counter()
    recipe = TemplateRecipe(min_rows=2)

    forwards, backwards = numbered(texts), numbered(texts)[::-1]
    assert told(find_templates(forwards, recipe), forwards) == told(find_templates(backwards, recipe), backwards)
    assert time.perf_counter() - started < SOON


def test_a_giant_text_shows_a_short_phrase() -> None:
    """What is shown is cut, and found with bounded work, however much most of the texts share."""
    family = find_templates(numbered(["wordy " * 200_000] * 3), TemplateRecipe()).families[0]

    assert family.phrase == ("wordy " * 25).strip()


def test_each_group_is_searched_by_itself() -> None:
    """What is a family in one batch may be too rare among all; members are told by their places among all."""
    texts = numbered(
        [f"{n} ways to say it: {blake3(bytes([n])).hexdigest(9)}" for n in range(200)] + ["a pasted line"] * 4
    )
    groups = ["rest"] * 199 + ["batch"] * 5
    recipe = TemplateRecipe(n=3)

    found = find_in_groups(texts, groups, recipe)

    assert list(found) == ["batch", "rest"]
    assert found["batch"].rows == 5
    assert [set(family.members) for family in found["batch"].families] == [{200, 201, 202, 203}]
    assert found["rest"] == find_templates(texts[:199], recipe)
    assert "a pasted line" not in [family.phrase for family in find_templates(texts, recipe).families]


def test_groups_of_a_family() -> None:
    """Members are counted by the group of each, the largest first, those without a group as None."""
    family = Family("p", ("p",), 5, (0, 1, 2, 4, 5), 0, (0,))

    counts = by_group([family], ["b", "a", "b", "never", None, "a"])

    assert [list(each.items()) for each in counts] == [[("a", 2), ("b", 2), (None, 1)]]


@given(
    st.builds(
        TemplateRecipe,
        field=st.text(min_size=1),
        n=st.integers(2, 12),
        min_share=st.integers(1, ONE),
        min_rows=st.none() | st.integers(2, 10**9),
        fuzzy=st.just(0) | st.integers(50, 100),
    )
)
def test_a_recipe_survives_json(recipe: TemplateRecipe) -> None:
    """What is recorded is the recipe, and gives it back."""
    assert recipe_of(recipe.as_json()) == recipe


@pytest.mark.parametrize(
    "wrong",
    [
        {"n": 1},
        {"n": 13},
        {"n": 5.0},
        {"n": True},
        {"min_share": 0},
        {"min_rows": 1},
        {"min_rows": 10**30},
        {"fuzzy": 20},
        {"fuzzy": 101},
        {"field": ""},
        {"version": 2},
        {"more": 1},
    ],
)
def test_a_recipe_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    """Out of range, of another type, of another version, or with fields that nobody knows."""
    with pytest.raises(BadRequest):
        recipe_of({**TemplateRecipe().as_json(), **wrong})


def test_the_line_follows_the_share() -> None:
    """A share is rounded up to whole texts, never below three; a number of rows counts as it stands."""
    assert [TemplateRecipe().line(rows) for rows in (0, 100, 150, 151, 14399)] == [3, 3, 3, 4, 288]
    assert TemplateRecipe(min_rows=2).line(14399) == 2


@pytest.mark.parametrize("package", ["numpy", "rapidfuzz"])
def test_a_missing_package_is_said_with_what_to_install(package: str) -> None:
    """Templates need the extra `scale`; without it the request is refused in a sentence."""
    program = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from ledger.errors import BadRequest\n"
        "from ledger.similarity.templates import TemplateRecipe, find_templates\n"
        "try:\n    find_templates([(b'', 'a')], TemplateRecipe())\n"
        "except BadRequest as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert package in done.stdout
    assert 'pip install "sample-ledger[scale]"' in done.stdout


def test_real_fields_pasted_from_a_few_sentences(data: Path) -> None:
    """Half of the session memories that were improved come from four phrases; those they replaced from none."""
    found = {}
    for name in ("enhanced", "poor"):
        texts = []
        for line in (data / f"{name}.jsonl").read_bytes().splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # one line was kept because it does not parse
                asked, answered = json.loads(line)["conversations"]
                said = field_text(Content("conversational", (asked,), (answered,)), "sessionMemory")
                texts += [] if said is None else [(blake3(line).digest(), said)]
        found[name] = find_templates(texts, TemplateRecipe(field="sessionMemory"))

    assert [(family.rows, family.phrase[:21]) for family in found["enhanced"].families][:1] == [
        (21, "Workspace initialized")
    ]
    assert (found["enhanced"].rows, found["enhanced"].templated) == (60, 35)
    assert found["poor"].families == ()
