"""The nearest other text: exact on small sets, independent of order, near linear, in any language."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Iterable
from itertools import pairwise

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from ledger.digest import blake3_bytes
from ledger.fixed import ONE
from ledger.scorers.contract import share
from ledger.scorers.neighbours import SKETCH, WINDOW, Neighbours, similarity, sketch_of, words_of


def print_of(text: str) -> bytes:
    """Return a fingerprint for a text."""
    return blake3_bytes(text.encode())


def neighbours(texts: Iterable[str]) -> Neighbours:
    """Return the closed set of texts, each under a fingerprint of its own."""
    made = Neighbours()
    for text in texts:
        made.add(words_of(text), print_of(text))
    made.close()
    return made


def nearest(made: Neighbours, text: str) -> int:
    """Return the similarity to the nearest other text."""
    found = made.nearest(words_of(text))
    assert found is not None
    return found


def jaccard(one: str, other: str) -> int:
    """Return the exact Jaccard index of pairs of words, the slow way."""
    first, second = (set(pairwise(text.split())) for text in (one, other))
    return share(len(first & second), len(first | second))


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=8).map(" ".join), min_size=2, max_size=12))
def test_few_texts_are_compared_exactly(texts: list[str]) -> None:
    """With few texts of few words, the nearest is found and its similarity is the Jaccard index."""
    distinct = list(dict.fromkeys(texts))
    made = neighbours(distinct)

    for text in distinct:
        exact = max((jaccard(text, other) for other in distinct if other != text), default=0)
        assert nearest(made, text) == exact


@given(st.lists(st.text(max_size=20), max_size=12), st.randoms(use_true_random=False))
def test_order_does_not_matter(texts: list[str], chance: random.Random) -> None:
    """Any order of the same texts gives the same similarities and the same digest."""
    turned = texts.copy()
    chance.shuffle(turned)
    first, second = Neighbours(), Neighbours()
    for made, order in ((first, texts), (second, turned)):
        for text in order:
            made.add(words_of(text), print_of(text))

    assert first.close() == second.close()
    for text in texts:
        if words_of(text):
            assert first.nearest(words_of(text)) == second.nearest(words_of(text))


def test_order_does_not_matter_in_crowded_buckets() -> None:
    """Also where thousands share the same words, so that only a window of each bucket is compared."""
    texts = [f"please open the file number {n} in folder {n % 7} and tell me {n % 11}" for n in range(2_000)]
    turned = texts.copy()
    random.Random(7).shuffle(turned)  # noqa: S311 - an order, not a secret
    first, second = neighbours(texts), neighbours(turned)

    assert [nearest(first, text) for text in texts] == [nearest(second, text) for text in texts]
    assert min(nearest(first, text) for text in texts) > ONE // 3


def test_twins_of_one_fingerprint_do_not_count_but_other_answers_do() -> None:
    """The same sample twice is one; the same question under two fingerprints is as near as can be."""
    made = Neighbours()
    for text, own in (("how are you", "a"), ("how are you", "a"), ("what now then", "b"), ("What now, then?", "c")):
        made.add(words_of(text), print_of(own))
    made.close()

    assert nearest(made, "how are you") == 0
    assert nearest(made, "what now then") == ONE


def test_the_digest_is_that_of_the_distinct_fingerprints() -> None:
    """Whoever has the list of fingerprints can check what was compared: BLAKE3 over them, sorted, each once."""
    prints = [print_of(str(n)) for n in range(300)]
    made = Neighbours()
    for one in [*prints, *prints[:10]]:
        made.add([b"x"], one)

    assert made.close() == blake3(b"".join(sorted(prints))).digest()
    assert made.size == 300


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Load my WORK, please!", "load my work please"),
        ("a_b\tc-d", "a_b c d"),
        ("今天天气", "今 天 天 气"),
        ("用Python写", "用 python 写"),
        ("สวัสดี", "ส ว ั ส ด ี"),
        ("हिन्दी भाषा", "हिन्दी भाषा"),
        ("ÉCOLE", "école"),
        ("e\u0301cole", "école"),
        ("?!", "?!"),
        (" \n ", ""),
        ("", ""),
    ],
)
def test_words(text: str, words: str) -> None:
    """Small letters, no punctuation, NFC; a character is a word where a script has no spaces."""
    assert words_of(text) == [word.encode() for word in words.split()]


def test_a_text_without_spaces_has_neighbours() -> None:
    """Two Chinese questions that differ in one character are near, others are not."""
    texts = ["今天北京天气怎么样", "今天上海天气怎么样", "请写一首关于猫的诗"]
    made = neighbours(texts)

    assert nearest(made, texts[0]) == share(5, 11)
    assert nearest(made, texts[2]) == 0


def test_where_words_are_parted_matters() -> None:
    """`ab c` and `a bc` are different pairs."""
    assert sketch_of([b"ab", b"c"]) != sketch_of([b"a", b"bc"])


@given(st.integers(100, 400), st.integers(0, 100), st.integers(0, 2**32))
def test_long_texts_are_estimated(size: int, percent: int, seed: int) -> None:
    """Beyond the sketch, similarity is an estimate: far off only as chance would have it."""
    chance = random.Random(seed)  # noqa: S311 - values, not secrets
    common = size * percent // 100
    shared = [chance.getrandbits(32) for _ in range(common)]
    one, other = ({*shared, *(chance.getrandbits(32) for _ in range(size - common))} for _ in range(2))
    found = similarity(frozenset(sorted(one)[:SKETCH]), frozenset(sorted(other)[:SKETCH]))

    exact = len(one & other) / len(one | other)
    assert abs(found / ONE - exact) < 0.35  # five standard errors of the worst case


def test_a_set_beyond_one_cut_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorting the smallest values in several cuts, for less memory, changes nothing."""
    texts = [f"text {n % 50} of {n} words {n % 3}" for n in range(500)]
    whole = neighbours(texts)
    monkeypatch.setattr("ledger.scorers.neighbours._PART", 60)
    cut = neighbours(texts)

    assert [nearest(whole, text) for text in texts] == [nearest(cut, text) for text in texts]


class Whole(Neighbours):
    """Compares a bucket with the sets of all its texts at hand at once."""

    def _compare(self, bucket: list[int]) -> None:
        sets = [frozenset(struct.unpack(f">{len(text) // 4}I", text)) for text in (self._sketches[at] for at in bucket)]
        for at, number in enumerate(bucket):
            for beside in range(at + 1, min(at + 1 + WINDOW, len(bucket))):
                found = similarity(sets[at], sets[beside])
                for one in (number, bucket[beside]):
                    self._nearest[one] = max(self._nearest[one], found)


@given(st.lists(st.lists(st.sampled_from("abcd"), min_size=2, max_size=9).map(" ".join), min_size=2, max_size=60))
def test_the_window_compares_what_whole_buckets_would(texts: list[str]) -> None:
    """Keeping the sets of a few texts at a time changes no similarity."""
    moving, whole = Neighbours(), Whole()
    for made in (moving, whole):
        for text in texts:
            made.add(words_of(text), print_of(text))
        made.close()

    assert [nearest(moving, text) for text in texts] == [nearest(whole, text) for text in texts]


class Watched(Neighbours):
    """Remembers how much memory comparing a bucket took at the most."""

    peak = 0

    def _compare(self, bucket: list[int]) -> None:
        tracemalloc.start()
        super()._compare(bucket)
        self.peak = max(self.peak, tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()


def test_a_template_that_all_share_takes_little_memory() -> None:
    """However many texts share a value, the sets of few of them are held at once."""
    made = Watched()
    common = [b"word%d" % n for n in range(SKETCH + 10)]
    for n in range(1_000):
        made.add([*common, b"end%d" % n], print_of(str(n)))
    made.close()

    assert 0 < made.peak < 500_000


def test_a_text_that_was_not_added_has_no_neighbour() -> None:
    """Nothing is said of a text that was not in the set."""
    assert neighbours(["a b"]).nearest([b"z"]) is None
