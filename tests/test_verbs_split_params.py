"""What a split is asked for: exact ratios, facts, pins, rules; everything else is a bad request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadRequest
from ledger.verbs.split_params import Pin, Ratio, asked_for, parse_fact, parse_pin, parse_ratio
from ledger.views.dealt import Fact

MILLION = 10**6


@pytest.mark.parametrize(
    ("text", "shares", "recorded"),
    [
        ("90/5/5", (90, 5, 5), "90/5/5"),
        ("90:5:5", (90, 5, 5), "90/5/5"),
        (" 90 / 5 / 5 ", (90, 5, 5), "90/5/5"),
        ("100/0/0", (100, 0, 0), "100/0/0"),
        ("90/10", (90, 10, 0), "90/10"),
        ("99.5/0.5", (99.5, 0.5, 0), "99.5/0.5"),
        ("90.50/05/4.500000", (90.5, 5, 4.5), "90.5/5/4.5"),
    ],
)
def test_ratios_that_are_fine(text: str, shares: tuple[float, float, float], recorded: str) -> None:
    """Three or two parts, whole or decimal, with slashes, colons and spaces; recorded in one way."""
    train, val, test = (int(share * MILLION) for share in shares)
    assert parse_ratio(text) == Ratio((train, val, test), recorded)


@given(st.integers(0, 100 * MILLION), st.data())
def test_what_is_recorded_says_the_same(train: int, data: st.DataObject) -> None:
    """The text of a ratio that adds up reads as the same shares again: nothing is rounded."""
    val = data.draw(st.integers(0, 100 * MILLION - train))
    parts = (train, val, 100 * MILLION - train - val)
    found = parse_ratio("/".join(f"{part // MILLION}.{part % MILLION:06}" for part in parts))
    assert found.shares == parts
    assert parse_ratio(found.text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "90",
        "90/5/5/0",
        "90/5/6",
        "80/10/5",
        "90/5",
        "33.3/33.3/33.3",
        "99.9999999/0.0000001",
        "-5/100/5",
        "90./5/5",
        "a/b/c",
        "٩٠/5/5",
        "1000/0/0",
        "9" * 99,
        "90/5/5%",
        "9e1/5/5",
    ],
)
def test_ratios_that_are_none(text: str) -> None:
    """What does not add up to exactly 100, or is not written as percentages."""
    with pytest.raises(BadRequest, match="--ratio"):
        parse_ratio(text)


def test_facts_that_make_strata() -> None:
    """Domain, label, campaign, source, and a tag by its name, which may hold anything but a comma."""
    assert [parse_fact(name) for name in ("domain", " label ", "campaign", "source")] == [
        Fact("domain"),
        Fact("label"),
        Fact("campaign"),
        Fact("source"),
    ]
    assert parse_fact("tag:a:b c") == Fact("tag", "a:b c")
    for text in ("", "status", "tag", "tag:", "domain:asm", "DOMAIN"):
        with pytest.raises(BadRequest, match="--stratify takes"):
            parse_fact(text)


def test_pins() -> None:
    """An id and a split."""
    assert parse_pin("b3:00ff00 = val") == Pin("b3:00ff00", 1)
    for text in ("", "00ff00", "00ff00=", "=train", "00ff00=trian"):
        with pytest.raises(BadRequest, match="--pin takes ID=SPLIT"):
            parse_pin(text)


def test_everything_together() -> None:
    """What is given twice counts once, the facts that are needed are each looked up once, the run records texts."""
    asked = asked_for(
        "90/10",
        "s",
        ["domain", "tag:x", "domain"],
        ["train:x=5%", "val:label:true=3", "train:x=5%"],
        ["00ff00=train", "00ff00=train"],
        "largest",
    )
    assert asked.facts == (Fact("domain"), Fact("tag", "x"), Fact("label"))
    assert asked.recorded([("b" * 64, "val"), ("a" * 64, "train"), ("b" * 64, "val")]) == {
        "floors": ["train:x=5%", "val:label:true=3"],
        "pins": [["a" * 64, "train"], ["b" * 64, "val"]],
        "ratio": "90/10",
        "resolve": "largest",
        "seed": "s",
        "stratify": ["domain", "tag:x"],
    }


def test_what_is_no_rule_and_no_list() -> None:
    """A rule that is not there; one text where a list is taken, whose letters would each be an item."""
    with pytest.raises(BadRequest, match="--resolve takes held-out"):
        asked_for("90/5/5", "0", (), (), (), "smallest")
    with pytest.raises(BadRequest, match="stratify takes a list"):
        asked_for("90/5/5", "0", "domain", (), (), None)
    with pytest.raises(BadRequest, match="The seed"):
        asked_for("90/5/5", "\ud800", (), (), (), None)
