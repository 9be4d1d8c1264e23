"""Diversity: four figures, each against its definition."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.fixed import ONE
from ledger.similarity.diversity import (
    Diversity,
    compression_ratio,
    distinct_n,
    diversity,
    seed_score,
    self_repetition,
)
from ledger.similarity.fields import words
from tests import weather

some_texts = st.lists(st.lists(st.sampled_from(["a", "b", "c"]), max_size=8).map(" ".join), min_size=1, max_size=8)


def grams(text: str, n: int) -> list[tuple[str, ...]]:
    """Return the n-grams of a text in order."""
    said = words(text)
    return [tuple(said[at : at + n]) for at in range(len(said) - n + 1)]


@given(some_texts, st.integers(1, 5))
def test_distinct_n(texts: list[str], n: int) -> None:
    """It is the different n-grams over all of them; None without any."""
    every = [gram for text in texts for gram in grams(text, n)]

    assert distinct_n(texts, n) == (len(set(every)) * ONE // len(every) if every else None)


@given(some_texts, st.integers(1, 4))
def test_self_repetition(texts: list[str], n: int) -> None:
    """It is the mean of ln(1 + the other texts that have each n-gram of a text)."""
    having = Counter(gram for text in texts for gram in set(grams(text, n)))
    mean = sum(math.log1p(sum(having[gram] - 1 for gram in set(grams(text, n)))) for text in texts) / len(texts)

    assert self_repetition(texts, n) == pytest.approx(mean * ONE, abs=1)


@given(some_texts)
def test_seed_score(texts: list[str]) -> None:
    """It is the formula of the analysis that it comes from, with repetition inside a text counted."""
    most = max(Counter(gram for text in texts for gram in grams(text, 4)).values(), default=0)
    total = len(texts)
    points = 100 * (0.3 * len(set(texts)) / total + 0.5 * (total - 1) / total + 0.2 * (1 - most / total))

    assert seed_score(texts, 1) == pytest.approx(points * ONE, abs=1)


def test_the_score_can_be_below_zero() -> None:
    """A phrase that comes more often than there are texts takes away more than there is."""
    said = diversity(["a b c d " * 100], templated=1)

    assert said.score is not None
    assert said.score < 0
    assert said.grade == "poor"


@given(some_texts, st.randoms(use_true_random=False))
def test_the_order_of_the_texts_changes_no_figure(texts: list[str], shuffler: random.Random) -> None:
    """All four are figures of the set."""
    shuffled = list(texts)
    shuffler.shuffle(shuffled)

    assert diversity(shuffled) == diversity(texts)


def test_the_figures_stand_together() -> None:
    """Each is what its own function says."""
    texts = ["one two three four five", "one two three four six", ""]

    assert diversity(texts, 2) == Diversity(
        3, 2, distinct_n(texts), compression_ratio(texts), self_repetition(texts), seed_score(texts, 2)
    )


def test_without_texts_there_is_nothing_to_measure() -> None:
    """No figure is invented for an empty set; empty texts have no n-grams, which is no repetition."""
    assert diversity([]) == Diversity(0, 0, None, None, None, None)
    assert diversity([]).grade is None
    assert diversity(["", ""])[2:] == (None, 2 * ONE // 10, 0, (15 + 50 + 20) * ONE)


def test_repeated_texts_compress_better() -> None:
    """Lone surrogates and noise compress too; a text said a hundred times compresses far more."""
    noise = [weather.rows()[n].text for n in range(100)]

    ratios = [compression_ratio(texts) or 0 for texts in (noise, [noise[0]] * 100, ["\ud800"] * 100)]
    assert ratios[1] > 5 * ratios[0] > 5 * ONE
    assert ratios[2] > ONE


def test_templates_show_in_every_figure() -> None:
    """Without its templated rows the set says more different things and repeats itself less."""
    rows = weather.rows()
    before = diversity([row.text for row in rows], sum(weather.COUNTS.values()))
    after = diversity([row.text for row in rows if row.kind not in weather.COUNTS])

    assert (before.grade, after.grade) == ("fair", "excellent")
    assert (before.distinct or 0) < (after.distinct or 0)
    assert (before.repetition or 0) > (after.repetition or 0)


def test_a_missing_package_is_said() -> None:
    """Without numpy the request is refused in a sentence."""
    program = (
        "import sys; sys.modules['numpy'] = None\n"
        "from ledger.errors import BadRequest\n"
        "from ledger.similarity.diversity import diversity\n"
        "try:\n    diversity(['a'])\n"
        "except BadRequest as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert 'pip install "sample-ledger[scale]"' in done.stdout
