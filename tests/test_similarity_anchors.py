"""Anchors: n-grams counted by the texts that have them, and the run of words around one."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ledger.similarity.anchors import grams, greedy
from ledger.similarity.corpus import begins, distinct, grouped, often, read, spans
from ledger.similarity.fields import words
from ledger.similarity.joining import LONGEST_TEXT, joined
from ledger.similarity.wording import run_around, shown

texts = st.lists(st.lists(st.sampled_from(["a", "b", "c", "dd"]), max_size=10).map(" ".join), max_size=10)
numbers = st.lists(st.integers(0, 6), max_size=30)


@given(texts, st.integers(2, 4), st.integers(1, 4))
def test_grams_are_counted_by_texts(said: list[str], n: int, line: int) -> None:
    """Each n-gram that enough texts have is there once, in alphabetical order, with how many and which texts."""
    corpus = read(said)
    found = grams(corpus, n, line)
    having = Counter(gram for text in said for gram in set(zip(*(words(text)[k:] for k in range(n)), strict=False)))

    told = [tuple(corpus.spelled(corpus.tokens[at : at + n]).split()) for at in found.at.tolist()]
    postings = Counter(told[gram] for gram in found.gram.tolist())
    assert told == sorted(gram for gram, rows in having.items() if rows >= line)
    assert dict(zip(told, found.rows.tolist(), strict=True)) == postings == {gram: having[gram] for gram in told}


def test_a_repeated_gram_counts_once_for_its_text() -> None:
    """What one text says a hundred times is no template."""
    assert not list(greedy(read(["a b c " * 100, "d e f"]), 3, 2))


def test_ties_go_to_the_first_in_the_alphabet() -> None:
    """Of n-grams that stand in equally many texts, the alphabet decides, not the order of the texts."""
    anchors = list(greedy(read(["b b b z", "a a a z", "a a a", "b b b"]), 3, 2))

    assert [anchor.texts.tolist() for anchor in anchors] == [[1, 2], [0, 3]]


@given(texts, st.integers(0, 4))
def test_a_corpus_holds_the_words(said: list[str], fill: int) -> None:
    """The words of each text can be read back; filling up is not seen."""
    corpus = read(said, fill)

    assert [corpus.text(number).split() for number in range(corpus.texts)] == [words(text) for text in said]
    assert corpus.empty == sum(not words(text) for text in said)
    assert all(length == 0 or length >= fill for length in np.diff(corpus.starts).tolist())


@given(texts, st.integers(1, 4))
def test_an_n_gram_lies_within_one_text(said: list[str], n: int) -> None:
    """One begins wherever n words of the same text stand in a row."""
    corpus = read(said)
    places = [(start, end) for start, end in zip(corpus.starts.tolist(), corpus.starts[1:].tolist(), strict=False)]

    assert begins(corpus, n).tolist() == [at for start, end in places for at in range(start, end - n + 1)]


@given(numbers)
def test_keys_are_grouped_and_counted(values: list[int]) -> None:
    """Groups are in the order of the keys; each (group, owner) is kept once, at its first place."""
    owners = np.arange(len(values)) // 3
    groups = grouped(np.array(values, dtype=np.int64), owners)
    pairs = dict.fromkeys(zip(values, owners.tolist(), strict=True))

    assert [sorted(set(values))[group] for group in groups.group.tolist()] == values
    assert groups.rows.tolist() == [sum(key == value for key, _ in pairs) for value in sorted(set(values))]
    assert [(values[at], int(owners[at])) for at in groups.kept.tolist()] == sorted(pairs)
    assert [values.index(value) for value in sorted(set(values))] == groups.first.tolist()


@given(numbers, st.integers(1, 3), st.sampled_from([7, 10**9]))
def test_frequent_keys_are_numbered(values: list[int], least: int, bound: int) -> None:
    """It is the same whether they are counted in a table or, where they could lie far apart, sorted."""
    kept, number, total = often(np.array(values, dtype=np.int64), bound, least)
    frequent = sorted(value for value, times in Counter(values).items() if times >= least)

    assert kept.tolist() == [place for place, value in enumerate(values) if value in frequent]
    assert number.tolist() == [frequent.index(values[place]) for place in kept.tolist()]
    assert total == len(frequent)


@given(numbers)
def test_distinct_values(values: list[int]) -> None:
    """They are the set, ascending."""
    assert distinct(np.array(values, dtype=np.int64)).tolist() == sorted(set(values))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), max_size=6))
def test_spans(ranges: list[tuple[int, int]]) -> None:
    """They are the ranges one after the other, empty ones among them."""
    starts = np.array([start for start, _ in ranges], dtype=np.int64)
    lengths = np.array([length for _, length in ranges], dtype=np.int64)

    assert spans(starts, starts + lengths).tolist() == [
        n for start, length in ranges for n in range(start, start + length)
    ]


def test_a_run_ends_where_most_differ() -> None:
    """It grows on both sides while more than half of the texts go on alike."""
    said = ["p x a b c y 1", "q x a b c y 2", "r x a b c z 3", "a b c"]
    anchor = next(greedy(corpus := read(said), 3, 2))

    run = run_around(corpus, anchor)

    assert corpus.spelled(run.words) == "x a b c"
    assert (run.text, run.begin) == (0, 1)


def test_what_is_shown_is_what_was_written() -> None:
    """Words of every script, composed or not, are found again in the text."""
    assert shown("Oh — Cafe\u0301 «NOIR», s'il", 1, "café noir s il") == "Café «NOIR», s'il"
    assert shown("今天,天气好。", 1, "天 天 气") == "天,天气"
    assert shown("the Straße!", 0, "the strasse") == "the Straße"


def test_what_cannot_be_found_is_shown_as_words() -> None:
    """A giant text is not searched letter by letter, and a phrase is cut."""
    assert shown("A, b. " * 50_000, 0, "a b") == "a b"
    assert shown("Word! " * 400, 0, " ".join(["word"] * 400)) == ("Word! " * 400)[:300]
    assert shown("something else", 0, "a b") == "a b"


def likely(phrase: str, *others: str) -> list[int]:
    """Return which of the other texts join the phrase."""
    corpus = read([phrase, *others])
    free = np.array([False] + [True] * len(others))
    return [text - 1 for text in joined(corpus, [corpus.tokens[: corpus.starts[1]]], free, 78)]


def test_texts_join_by_letters_and_by_words() -> None:
    """One word of seven may be another, missing, misspelt or doubled; words in another order are another text."""
    phrase = "the sky above us will clear soon"

    assert likely(
        phrase,
        "well, the sky above us shall clear soon, they say",
        "the sky above us clear soon",
        "The sky abve us will clear soon.",
        "so the the sky above us will clear soon",
        "soon us will the clear above sky",
        "sky soon above the harbour will us clear the haze",
        "the sky",
        "",
    ) == [0, 1, 2, 3]


def test_giant_texts_and_small_phrases_do_not_join() -> None:
    """What would take long is not compared, and two words prove nothing."""
    assert likely("the sky above us clears", f"the sky above us clears {'x ' * LONGEST_TEXT}") == []
    assert likely("clear sky", "a clear sky") == []


def test_a_text_joins_the_phrase_that_it_matches_best() -> None:
    """Of two phrases the likelier one counts, and of equal ones the first."""
    said = ["red hens walk to the barn", "red hens run to the barn", "red hens ran to the barn"]
    corpus = read(said)
    phrases = [corpus.tokens[:6], corpus.tokens[6:12]]

    assert joined(corpus, phrases, np.array([False, False, True]), 78) == {2: 1}
    assert joined(corpus, [phrases[1], phrases[1]], np.array([False, False, True]), 78) == {2: 0}
