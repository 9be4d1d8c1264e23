"""Fixed-lag memory: what an item may know depends on its place alone, and never on the order in which replies come."""

from __future__ import annotations

import tracemalloc
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.recipes import Lagged
from ledger.recipes.contract import Memory
from ledger.recipes.memory import LEAST, WORDS, worn
from ledger.recipes.wording import grams, words

TEMPLATE = "The user wants to see the current state of things"
TEXTS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=9).map(" ".join)


@given(lag=st.integers(0, 50), step=st.integers(1, 20), index=st.integers(0, 500))
def test_the_epoch_is_the_formula(lag: int, step: int, index: int) -> None:
    """v(i) = floor((i - D) / E) * E, nothing before the first, never less than the lag behind, at most a step more."""
    epoch = Lagged(lag, step).epoch(index)

    assert epoch == max(0, ((index - lag) // step) * step)
    assert epoch % step == 0
    assert epoch == 0 or lag <= index - epoch < lag + step


@given(lag=st.integers(0, 8), step=st.integers(1, 5), texts=st.lists(TEXTS, max_size=30))
def test_the_memory_of_an_item_does_not_change(lag: int, step: int, texts: list[str]) -> None:
    """As soon as an item is ready its memory is the one it will always have: that of the texts before its epoch."""
    lagged = Lagged(lag, step)
    early: dict[int, Memory] = {}
    for index, text in enumerate(texts):
        for ahead in range(index, index + lag + step):
            if lagged.ready(ahead):
                early.setdefault(ahead, lagged.memory(ahead))
        lagged.settle(index, [text])
    fresh = Lagged(lag, step)
    for index, text in enumerate(texts):
        fresh.settle(index, [text])

    for index, memory in early.items():
        assert memory.epoch == lagged.epoch(index)
        if index >= len(texts):
            assert memory == lagged.memory(index) == fresh.memory(index)


def defined(texts: list[list[str]], most: int) -> tuple[str, ...]:
    """Return the phrases of the texts of some items by their definition, with everything in memory."""
    counted = Counter(gram for some in texts for gram in {one for text in some for one in grams(words(text), WORDS)})
    known = sorted((pair for pair in counted.items() if pair[1] >= LEAST), key=lambda pair: (-pair[1], pair[0]))
    told: set[tuple[str, ...]] = set()
    found: list[str] = []
    for gram, _ in known:
        parts = set(grams(gram, WORDS - 2))
        if told.isdisjoint(parts) and len(found) < most:
            told |= parts
            found.append(" ".join(gram))
    return tuple(found)


LONGER = st.lists(st.sampled_from("abcd"), max_size=14).map(" ".join)


@given(
    lag=st.integers(0, 8),
    step=st.integers(1, 5),
    most=st.integers(1, 4),
    items=st.lists(st.lists(LONGER, max_size=2), max_size=16),
)
def test_phrases_are_as_they_are_defined(lag: int, step: int, most: int, items: list[list[str]]) -> None:
    """Whatever is kept of what was seen once or twice, each item knows what the definition says."""
    lagged = Lagged(lag, step, most)
    for index, texts in enumerate(items):
        memory = lagged.memory(index)
        assert memory == Memory(lagged.epoch(index), defined(items[: lagged.epoch(index)], most))
        lagged.settle(index, texts)


def test_what_is_kept_does_not_grow_with_the_items() -> None:
    """Of words that never come back eight bytes are kept each, and of memories those that can be asked for still."""
    lagged = Lagged(4, 2)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for index in range(2_000):
        lagged.settle(index, [" ".join(f"word{index}x{n}" for n in range(14))])
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 20_000 * 200
    with pytest.raises(ValueError, match="dropped"):
        lagged.memory(0)
    assert lagged.memory(2_000).epoch == 1_996


@given(lag=st.integers(0, 50), step=st.integers(1, 20))
def test_the_next_item_is_always_ready(lag: int, step: int) -> None:
    """Nobody ever waits for itself: the first item that is not settled can be asked about, and `lag` behind it too."""
    lagged = Lagged(lag, step)
    for index in range(60):
        assert lagged.ready(index)
        assert lagged.ready(index + lag)
        lagged.settle(index, ())


def test_frequent_phrases_are_remembered() -> None:
    """A phrase is remembered from the third text on; of those that share three words in a row one stands for all."""
    lagged = Lagged(0, 1)
    for index in range(LEAST):
        assert lagged.memory(index).phrases == ()
        lagged.settle(index, [f"{TEMPLATE}, number {index} of the day."])

    phrases = lagged.memory(LEAST).phrases
    assert phrases == ("current state of things number", "the user wants to see", "to see the current state")
    assert worn(f"Now: {TEMPLATE.upper()}!", lagged.memory(LEAST))
    assert not worn("The user wants nothing of the kind", lagged.memory(LEAST))
    assert not worn(TEMPLATE, Memory())


def test_there_are_only_so_many_phrases() -> None:
    """The list has a bound, and its most frequent phrases are on it."""
    lagged = Lagged(0, 1, 2)
    often = ["one two three four five", "six seven eight nine ten", "red green blue brown black"]
    for index in range(12):
        lagged.settle(index, [text for rank, text in enumerate(often) if index < 4 * (rank + 1)])

    assert lagged.memory(12).phrases == (often[2], often[1])


def test_one_item_counts_once() -> None:
    """A text that says a thing five times is one text."""
    lagged = Lagged(0, 1)
    lagged.settle(0, ["again and again and again and again and again and again"] * 5)

    assert lagged.memory(1).phrases == ()


def test_what_cannot_be_asked() -> None:
    """Items are settled in order, and a memory that is not settled is not guessed."""
    lagged = Lagged(2, 1)
    with pytest.raises(ValueError, match="item 0 is next"):
        lagged.settle(1, ())
    with pytest.raises(ValueError, match="not settled"):
        lagged.memory(3)
    for wrong in ((-1, 1, 1), (0, 0, 1), (0, 1, 0)):
        with pytest.raises(ValueError, match="lag"):
            Lagged(*wrong)
