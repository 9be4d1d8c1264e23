"""The word diff: both texts can be read off it, it is short where they are alike, and it ends soon."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from review_page.worddiff import MOST, Effort, worddiff

TEXT = st.text(alphabet="ab .\nß\u202e", max_size=60)


@given(TEXT, TEXT)
def test_both_texts_can_be_read_off(before: str, after: str) -> None:
    """Without what was put in it is the first, without what was taken out the second, and no piece is empty."""
    pieces = worddiff(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != "in") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "out") == after
    assert all(piece.text for piece in pieces)


@given(TEXT)
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    """It is one piece, or none."""
    assert [piece.kind for piece in worddiff(text, text)] == (["same"] if text else [])


def test_one_word_is_one_word() -> None:
    """What stands around it is the same."""
    told = [(piece.kind, piece.text) for piece in worddiff("load the old workspace", "load the new workspace")]
    assert told == [("same", "load the "), ("out", "old"), ("in", "new"), ("same", " workspace")]


def test_texts_that_have_little_in_common_are_told_whole() -> None:
    """More differences than anybody reads are not looked for, and a megabyte takes no minute."""
    started = time.monotonic()
    for before, after in (("a b " * 200_000, "c d " * 200_000), ("a " * (MOST * 4), "b c " * (MOST * 4))):
        assert {piece.kind for piece in worddiff(before, after)} <= {"out", "in", "same"}
    assert time.monotonic() - started < 10


def test_a_page_has_so_much_effort() -> None:
    """Texts that differ a little take little of it; where nothing is left they are told whole, and both can be read."""
    before, after = "a b c d e f g " * 40, "a b x d e f g " * 40
    effort = Effort()
    some = worddiff(before, after, effort)
    assert len(some) > 40
    assert 0 < Effort().left - effort.left < 10_000
    none = worddiff(before, after, Effort(0))
    assert {piece.kind for piece in none[1:-1]} == {"out", "in"}
    assert len(none) == 4
    spent = Effort(100_000)
    for _ in range(100):
        worddiff(" ".join(f"a{n}" for n in range(300)), " ".join(f"b{n}" for n in range(300)), spent)
    assert -10_000 < spent.left <= 0
