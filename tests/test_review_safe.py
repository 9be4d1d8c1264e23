"""Text on a page: what nobody sees is written out as on the terminal, and what turns is set apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from commands._render import clean
from review_page.safe import exact, shown, visible


@given(st.text(st.characters(max_codepoint=0x58F) | st.characters(min_codepoint=0x2000, max_codepoint=0x2FFF)))
def test_what_nobody_sees_is_written_as_on_the_terminal(text: str) -> None:
    """The same characters in the same way."""
    assert visible(text) == clean(text, lines=True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("a\u2028b\u200bc\u200fd", "a\\u2028b\\u200bc\\u200fd"),
        ("a\x00\x1b[31m", "a\\x00\\x1b[31m"),
        ("\ud800", "\\ud800"),
        ("a\tb\nc", "a\tb\nc"),
        ("\u05d0 12", "\u2068\u05d0 12\u2069"),
        ("\u2069\u0627", "\u2068\\u2069\u0627\u2069"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
    ],
)
def test_what_turns_is_set_apart(text: str, told: str) -> None:
    """It cannot end where it is set apart; joiners, which emoji need, stay."""
    assert visible(text) == told


def test_html_and_values_of_forms_stay() -> None:
    """What is HTML is not touched again, a value of a form is escaped alone, and a number is a number."""
    assert shown(Markup("\u202e")) == "\u202e"
    assert exact('"\u202e<') == "&#34;\u202e&lt;"
    assert shown(3) == 3
