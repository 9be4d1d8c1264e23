"""Shingles as sets and as hashes: what makes two texts alike, exactly and in 64 bits."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ledger.fixed import ONE
from ledger.similarity.shingles import Hasher, jaccard, mixed, shingles, text_digest

WORDS = st.lists(st.sampled_from("abcdefg"), max_size=12)


def test_shingles_of_short_texts() -> None:
    """A text shorter than a shingle is one; one without words has none; a shingle that stands twice counts once."""
    assert shingles("", 3) == shingles("...", 3) == frozenset()
    assert shingles("One, two", 3) == frozenset({("one", "two")})
    assert shingles("a b a b a b", 2) == frozenset({("a", "b"), ("b", "a")})


def test_jaccard_is_rounded_down() -> None:
    """Millionths, rounded down, so that nothing reaches a threshold that it does not reach; empty sets are not near."""
    assert jaccard(shingles("a b c", 1), shingles("a b d e f g", 1)) == 285_714
    assert jaccard(shingles("a", 1), shingles("A.", 1)) == ONE
    assert jaccard(frozenset(), frozenset()) == 0


@given(st.lists(WORDS, min_size=1, max_size=6), st.integers(1, 5))
def test_hashes_are_the_shingles(texts: list[list[str]], size: int) -> None:
    """As many different hashes as shingles in each text, in whatever company; the same shingle, the same hash."""
    values, ends = (hashed := Hasher().shingles(texts, size))
    runs = [values[first:last].tolist() for first, last in zip([0, *ends[:-1]], ends, strict=True)]
    sets = [shingles(" ".join(told), size) for told in texts]
    assert [len(set(run)) for run in runs] == [len(each) for each in sets] == hashed.sizes().tolist()
    alone = [Hasher().shingles([told], size).values.tolist() for told in texts]
    assert alone == runs
    union = frozenset[tuple[str, ...]]().union(*sets)
    assert len({value for run in runs for value in run}) == len(union)


def test_the_order_of_words_matters() -> None:
    """Two shingles of the same words in another order are two; so are two texts."""
    values = Hasher().shingles([["a", "b"], ["b", "a"], ["a"], ["a", "a"]], 2).values.tolist()
    assert len(set(values)) == 4
    assert text_digest(["a", "b"]) != text_digest(["b", "a"])
    assert text_digest(["\ud800"]) != text_digest(["\ud801"])


def test_hashes_are_the_same_on_every_machine() -> None:
    """What indexes hold; a change of these numbers is a new version of every engine."""
    values = Hasher().shingles([["near", "twins", "here"], ["été"]], 3).values
    assert values.tolist() == [15756423608665681964, 4511514664398442498]
    assert mixed(np.arange(2, dtype=np.uint64)).tolist() == [0, 6238072747940578789]
