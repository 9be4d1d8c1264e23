"""A fixed list of phrases, as a check that known templates do not come back."""

from __future__ import annotations

import pytest

from ledger.errors import BadRequest
from ledger.similarity.phrases import KNOWN, Count, Counts, check
from tests import weather


def test_a_text_counts_for_all_its_phrases_and_first_for_one() -> None:
    """The two ways of counting that analyses use stand side by side."""
    texts = ["It is RAINING, and then\n it rains", "then it rains", "rain", ""]

    assert check(texts, ["it is raining", "then it rains"]) == Counts(
        4, 2, (Count("it is raining", 1, 1), Count("then it rains", 2, 1))
    )


def test_the_known_phrases() -> None:
    """They are found whatever fills their gaps."""
    texts = ["The current weather in Oslo is mild.", "the 3-day forecast for Turin shows rain", "A mild day in Oslo."]

    assert check(texts).any == 2
    assert [count.texts for count in check(texts).phrases] == [1, 1, 0]
    assert len(check([], KNOWN).phrases) == 3


def test_a_list_misses_what_is_not_on_it() -> None:
    """Of the weather's rows a list finds those whose phrase is unchanged, and no other."""
    counts = check([row.text for row in weather.rows()], list(weather.PHRASES.values()))

    unchanged = sum(row.kind in weather.COUNTS and not row.altered for row in weather.rows())
    assert counts.any == unchanged
    assert unchanged < sum(weather.COUNTS.values())


def test_letters_are_compared_as_people_read_them() -> None:
    """Case, composition and white space make no difference."""
    assert check(["CAFE\u0301  NOIR", "straße"], ["caf\u00e9 noir", "STRASSE"]).any == 2


@pytest.mark.parametrize("blank", ["", " \n"])
def test_a_blank_phrase_is_refused(blank: str) -> None:
    """Every text would have it."""
    with pytest.raises(BadRequest):
        check(["a"], [blank])
