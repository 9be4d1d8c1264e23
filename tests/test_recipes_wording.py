"""Words, scripts, placeholders and quotes of texts, in linear time."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.recipes.wording import (
    grams,
    has_controls,
    is_placeholder,
    other_script,
    same,
    unescaped,
    without_quotes,
    words,
)

WORDS = st.lists(st.sampled_from(["one", "two", "Three", "4"]), max_size=30)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("The QUICK-brown fox_1", ["the", "quick", "brown", "fox", "1"]),
        ("Straße", ["strasse"]),
        ("潮の表 now", ["潮", "の", "表", "now"]),
        ("… — !", []),
    ],
)
def test_words(text: str, spoken: list[str]) -> None:
    """Words are runs of letters and digits, folded; scripts without spaces are cut into characters."""
    assert words(text) == spoken


@example(text="a\\é", depth=1, ascii_only=True)
@given(text=st.text('aé潮 \n\t"\\/😀', max_size=30), depth=st.integers(0, 3), ascii_only=st.booleans())
def test_escapes_of_any_depth_are_undone(text: str, depth: int, ascii_only: bool) -> None:  # noqa: FBT001 - drawn
    """However often a text is written as JSON in JSON, its words are those of the text."""
    written = text
    for _ in range(depth):
        written = json.dumps(written, ensure_ascii=ascii_only)

    if depth:
        assert words(unescaped(written)) == words(text)


@given(spoken=WORDS, n=st.integers(1, 5))
def test_grams_are_all_runs(spoken: list[str], n: int) -> None:
    """Every run of n words comes once for each place at which it stands."""
    assert list(grams(spoken, n)) == [tuple(spoken[at : at + n]) for at in range(len(spoken) - n + 1)]


@given(own=WORDS, quoted=WORDS, longest=st.integers(2, 8))
def test_no_long_quote_is_left(own: list[str], quoted: list[str], longest: int) -> None:
    """However a note was made, no run of that many words of the source stands in what is left of it."""
    source = [word.casefold() for word in quoted]
    left = without_quotes(f"{' '.join(own)}: “{' '.join(quoted)}”.", source, longest)
    known = set(grams(source, longest))

    for part in left.split("[…]"):
        assert known.isdisjoint(grams(words(part), longest))


def test_own_words_stay() -> None:
    """What is not quoted is not touched."""
    source = words("list the latest evening pages and load the rooftop one, then note it")
    note = "Says 'list the latest evening pages and load the rooftop one' but never why."

    assert without_quotes(note, source, 8) == "Says '[…]' but never why."
    assert (
        without_quotes("List the latest evening pages, it says.", source, 8)
        == "List the latest evening pages, it says."
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "--",
        "N/A",
        "None.",
        "TODO",
        "Lorem ipsum dolor",
        "[insert memory]",
        "<your goal>",
        "Session memory",
        "Starting new session",
    ],
)
def test_placeholders(text: str) -> None:
    """Nothing, empty words, slots and a field's own name stand only where a text should."""
    assert is_placeholder(text, "session memory")


@pytest.mark.parametrize(
    "text", ["None of the notes fits", "The TODO list of Monday", "Use {{date}} in the template", "[x] done"]
)
def test_no_placeholders(text: str) -> None:
    """Such words in a sentence are a sentence."""
    assert not is_placeholder(text, "session memory")


@pytest.mark.parametrize(
    ("text", "beside", "script"),
    [
        ("Прилив в пять", "High water at five", "Greek or Cyrillic"),
        ("Прилив в пять", "Прилив, in Latin letters", None),
        ("5:50 — 12", "High water", None),
        ("High water", "12:30", None),
        ("潮の表", "tide table", "East Asian"),
        ("see 潮 in the table", "tide table", None),
        ("ارتفاع الماء", "tide", "Hebrew or Arabic"),
    ],
)
def test_scripts(text: str, beside: str, script: str | None) -> None:
    """A text is in another script where most of its letters are of one that what stands beside it has none of."""
    assert other_script(text, beside) == script


def test_sameness_and_controls() -> None:
    """Case and punctuation make no other text; line feeds and tabs are no control characters."""
    assert same("Find the notes.", "find THE notes")
    assert not same("…", "!")
    assert not same("Find notes", "Find the notes")
    assert has_controls("a\x07b")
    assert has_controls("a\u202eb")
    assert not has_controls("a\nb\tc é")


def test_hostile_texts_take_linear_time() -> None:
    """A megabyte of one character, of brackets or of repeated words is looked at within seconds."""
    begun = time.process_time()
    for text in (
        "a" * 10**6,
        "[insert" * 150_000,
        "[" * 10**6,
        "a b " * 250_000,
        "_" * 10**6,
        "\\" * 10**6,
        "潮" * 10**6,
    ):
        is_placeholder(text, "x")
        without_quotes(text[:300_000], words(text)[:300_000], 8)
        other_script(unescaped(text), text)

    assert time.process_time() - begun < 20
