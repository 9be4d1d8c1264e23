"""Which returned text is the revision of which original: told by words, by order where words leave it open, or not."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.digest import blake3_bytes
from ledger.similarity.aligning import MOST_WORDS, Evidence, Match, Poll, Told, align, moved

COMMON = "please make the notes of this session better and keep what they say"


def told(text: str) -> Told:
    """Return a text as it is compared."""
    return Told(blake3_bytes(text.encode()), text.split())


def original(number: int) -> str:
    """Return a text of words that all originals have, and of some that only this one has."""
    return f"{COMMON} session{number} in workspace{number} about topic{number} and goal{number}"


def revision(number: int) -> str:
    """Return another text that keeps two of an original's own words in a row."""
    return f"improved session{number} in workspace{number} with more to say of it"


def matched(originals: list[str], returned: list[str]) -> list[Match]:
    """Return what became of each returned text."""
    return align([told(text) for text in originals], [told(text) for text in returned])


@given(st.permutations(range(8)))
def test_every_revision_finds_its_original_in_any_order(order: list[int]) -> None:
    """What texts share with one original alone decides; the order in which they come back does not."""
    found = matched([original(n) for n in range(8)], [revision(n) for n in order])
    assert [match.original for match in found] == order
    assert {match.by for match in found} == {"evidence"}


@given(st.sets(st.integers(0, 7), max_size=7))
def test_what_was_lost_is_nobody_elses(lost: set[int]) -> None:
    """Without the revisions of some originals, and with texts that are of none, the others are still found."""
    kept = [n for n in range(8) if n not in lost]
    strange = [f"something that was invented number{n} by somebody else" for n in lost]
    found = matched([original(n) for n in range(8)], [*map(revision, kept), *strange])
    assert [match.original for match in found] == [*kept, *(None for _ in lost)]
    assert all(match.by == "extra" for match in found[len(kept) :])


def test_an_equal_text_is_its_own_revision() -> None:
    """A text that is an original is that one's, unchanged; a second time it is too many."""
    found = matched([original(1), original(2)], [original(2), original(2), revision(1)])
    assert [(match.by, match.original) for match in found] == [("equal", 1), ("duplicated", None), ("evidence", 0)]
    assert found[1].candidates == (1,)


def test_originals_of_one_content_are_taken_in_order() -> None:
    """Whichever of two equal originals a text is from, its content is the same, so they are given out in order."""
    found = matched([original(1), original(2), original(1)], [revision(1), revision(2), f"{revision(1)} indeed"])
    assert [match.original for match in found] == [0, 1, 2]


def test_two_texts_for_one_original_are_not_chosen_between() -> None:
    """Where either may be the revision, and neither stands in its place, both are open and name the original."""
    originals = [original(n) for n in range(4)]
    found = matched(originals, [revision(0), revision(1), revision(2), revision(3), f"{revision(0)} anew"])
    assert [match.original for match in found] == [0, 1, 2, 3, None]  # the first stands where its original stood
    assert (found[4].by, found[4].candidates) == ("duplicated", (0,))
    found = matched(originals, [revision(1), revision(2), revision(3), revision(0), f"{revision(0)} anew"])
    assert [match.original for match in found] == [1, 2, 3, None, None]
    assert {(match.by, match.candidates) for match in found[3:]} == {("ambiguous", (0,))}


def test_order_tells_where_words_do_not() -> None:
    """Two originals that differ in a word that their revisions drop are told apart by standing between neighbours."""
    twins = [f"{COMMON} session7 in workspace7 about cats", f"{COMMON} session7 in workspace7 about dogs"]
    originals = [original(1), *twins, original(2), original(3)]
    back = [f"{revision(7)} first", f"{revision(7)} second"]
    found = matched(originals, [revision(1), *back, revision(2), revision(3)])
    assert [match.original for match in found] == [0, 1, 2, 3, 4]
    assert [match.by for match in found] == ["evidence", "order", "order", "evidence", "evidence"]


def test_order_tells_nothing_where_one_is_lost() -> None:
    """One text between neighbours that stood two originals apart is open, and names both."""
    twins = [f"{COMMON} session7 in workspace7 about cats", f"{COMMON} session7 in workspace7 about dogs"]
    found = matched([original(1), *twins, original(2), original(3)], [revision(1), revision(7), revision(2)])
    assert found[1] == Match("ambiguous", None, (1, 2))


def test_order_alone_is_not_enough() -> None:
    """A text in the place of a lost original that shares nothing with it is extra."""
    found = matched([original(n) for n in range(5)], [revision(0), "quite another thing", *map(revision, (2, 3, 4))])
    assert [match.original for match in found] == [0, None, 2, 3, 4]
    assert found[1].by == "extra"


def test_a_little_is_enough_only_in_its_place() -> None:
    """A text that shares a fifth with the only original left is its revision in its place, and open elsewhere."""
    originals = [original(n) for n in range(6)]
    others = [revision(n) for n in range(5)]
    assert matched(originals, [*others, "odd session5 even"])[5] == Match("order", 5)
    assert matched(originals, ["odd session5 even", *others])[0] == Match("ambiguous", None, (5,))
    assert matched(originals, ["odd session5", *others])[0] == Match("evidence", 5)
    assert matched(originals, [*others, "odd session5 even more"])[5] == Match("extra")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_small_batches(count: int) -> None:
    """One, two or three originals are told apart as well."""
    found = matched([original(n) for n in range(count)], [revision(n) for n in reversed(range(count))])
    assert [match.original for match in found] == list(reversed(range(count)))
    assert matched([original(n) for n in range(count)], ["quite another thing"])[0].by == "extra"


def test_nothing_given_or_nothing_returned() -> None:
    """Without originals every text is extra; without texts there is nothing to say."""
    assert [match.by for match in matched([], ["a b"])] == ["extra"]
    assert matched(["a b"], []) == []
    assert [match.by for match in matched(["", "a b"], ["", "", "c"])] == ["equal", "duplicated", "extra"]


_TEXTS = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=6).map(" ".join), max_size=7)


@given(_TEXTS, _TEXTS)
def test_no_original_is_taken_twice(originals: list[str], returned: list[str]) -> None:
    """Whatever texts there are, each returned one has one fate, and candidates are named only where it is open."""
    found = matched(originals, returned)
    assert len(found) == len(returned)
    taken = [match.original for match in found if match.original is not None]
    assert len(taken) == len(set(taken))
    for match, text in zip(found, returned, strict=True):
        assert (match.original is not None) == (match.by in {"equal", "evidence", "order"})
        assert bool(match.candidates) == (match.by in {"ambiguous", "duplicated"})
        if match.by == "ambiguous":
            assert not set(match.candidates) & set(taken)
        if match.by == "equal" and match.original is not None:
            assert originals[match.original] == text
    count = sum(match.by == "equal" for match in found)
    assert count == sum(min(originals.count(text), returned.count(text)) for text in set(originals))


@given(st.lists(st.sampled_from("abc"), max_size=5).map(" ".join), _TEXTS, _TEXTS)
def test_a_text_among_others_is_named_alike(one: str, originals: list[str], returned: list[str]) -> None:
    """The same lists give the same matches, whatever was compared before."""
    first = matched([*originals, one], [*returned, one])
    matched(returned, originals)
    assert matched([*originals, one], [*returned, one]) == first


@given(st.permutations(range(7)).flatmap(lambda order: st.integers(0, 7).map(lambda size: order[:size])))
def test_the_fewest_are_out_of_order(places: list[int]) -> None:
    """Without those that moved the rest ascends, and no fewer would do: every smaller choice was tried."""
    out = set(moved(places))
    rest = [place for index, place in enumerate(places) if index not in out]
    assert rest == sorted(rest)
    for fewer in range(len(out)):
        for some in combinations(range(len(places)), fewer):
            kept = [place for index, place in enumerate(places) if index not in some]
            assert kept != sorted(kept)


def test_rare_words_weigh_more() -> None:
    """What one original has weighs more than what two have, and what over half of them have weighs nothing."""
    evidence = Evidence([words.split() for words in ("a x all", "b x all", "c y all", "d z all")])
    shared, _ = evidence.shared(["a"])
    both, _ = evidence.shared(["x"])
    assert (set(shared), set(both)) == ({0}, {0, 1})
    assert shared[0] > both[0] == both[1] > 0
    assert evidence.shared(["all"]) == ({}, 0)


def test_long_texts_are_compared_by_their_ends() -> None:
    """Of very many words the first and the last are compared, so memory and time stay bounded."""
    long = [f"w{n}" for n in range(3 * MOST_WORDS)]
    evidence = Evidence([long, ["other"]])
    assert evidence.shared(long[:1])[0] == {0: evidence.shared(long[-1:])[0][0]}
    assert evidence.shared(long[MOST_WORDS : MOST_WORDS + 1])[0] == {}


def test_a_poll_names_the_group_of_the_likest_original() -> None:
    """Texts of two groups are told apart by the words that few originals have; a text like none has no group."""
    groups = [[original(n) for n in range(5)], [original(n) for n in range(5, 10)]]
    poll = Poll([text.split() for text in (revision(7), revision(1), "quite another thing")])
    for text in (text for group in groups for text in group):
        poll.count(text.split())
    for number, group in enumerate(groups):
        for text in group:
            poll.weigh(text.split(), number)
    assert poll.best() == [1, 0, None]
