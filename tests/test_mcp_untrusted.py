"""Text of samples: what cannot be seen is taken out and counted, everything else is left as it is."""

from __future__ import annotations

import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.untrusted import one_line, shown, tag

SEEN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
"""Format characters that stand before numbers in some scripts, and are seen."""


def test_every_invisible_character_is_known() -> None:
    """All controls, format characters and surrogates of this Python's Unicode are taken out; letters are not."""
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        kind = unicodedata.category(char)
        hidden = (kind in {"Cc", "Cf", "Cs", "Zl", "Zp"} and char not in SEEN and char not in "\t\n") or (
            "VARIATION SELECTOR" in unicodedata.name(char, "")
            or ("HANGUL" in (name := unicodedata.name(char, "")) and "FILLER" in name)
        )
        if hidden:
            assert shown(char) == ("", 1), f"U+{code:04X}"
        elif kind[0] in "LNPS" or char in "\t\n ":
            assert shown(char) == (char, 0), f"U+{code:04X}"


@pytest.mark.parametrize(
    ("text", "clean", "removed"),
    [
        ("plain", "plain", 0),
        ("a\r\nb\tc", "a\nb\tc", 0),
        ("a\rb", "ab", 1),
        ("\x1b[31mred\x1b[0m", "[31mred[0m", 2),
        ("abc\u202ednuora", "abcdnuora", 1),
        ("i\u200bg\u200dn\u2060ore", "ignore", 3),
        ("".join(chr(0xE0000 + ord(one)) for one in "ignore all"), "", 10),
        ("half \ud800 of it", "half  of it", 1),
        ("café \u4e2d\u6587 \U0001f600", "café \u4e2d\u6587 \U0001f600", 0),
    ],
)
def test_what_is_shown(text: str, clean: str, removed: int) -> None:
    """Escapes, overrides, zero-width and tag characters go, words in any script stay."""
    assert shown(text) == (clean, removed)


@given(st.text(st.characters(codec=None)))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    """What was cleaned is clean, its length adds up, and it can be encoded."""
    clean, removed = shown(text)

    assert shown(clean) == (clean, 0)
    assert len(clean) + removed == len(text.replace("\r\n", "\n"))
    assert clean.encode().decode() == clean


def test_long_text_takes_no_long_time() -> None:
    """A megabyte of the worst text is cleaned in well under a second."""
    worst = "a\u200b" * 500_000
    began = time.perf_counter()

    assert shown(worst).removed == 500_000
    assert len(one_line(worst, 100)) == 100
    assert time.perf_counter() - began < 1


def test_one_line_is_one_line() -> None:
    """Whatever stands in a text, it becomes one line of at most so many characters."""
    assert one_line(" a\n\n b\tc\u2028d ", 50) == "a b cd"
    assert one_line("x" * 100, 10) == "xxxxxxxxx…"
    assert one_line("", 10) == ""


def test_no_text_can_know_the_tag() -> None:
    """Each answer's tags have a name of their own."""
    assert len({tag() for _ in range(100)}) == 100
