"""Floors: what they say, and how near to being met they are."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadRequest
from ledger.verbs.floors import Floor, Tally, parse_floor
from ledger.verbs.quotas import TEST, TRAIN, VAL
from ledger.views.dealt import Fact


@pytest.mark.parametrize(
    ("text", "split", "fact", "value", "share", "least"),
    [
        ("train:perfect=5%", TRAIN, Fact("tag", "perfect"), None, 5_000_000, 0),
        ("val:tag:perfect=0.5%", VAL, Fact("tag", "perfect"), None, 500_000, 0),
        ("test:tag:tier:gold=b=40", TEST, Fact("tag", "tier"), "gold=b", None, 40),
        (" train : domain:asm = 100% ", TRAIN, Fact("domain"), "asm", 100_000_000, 0),
        ("test:label:true=1", TEST, Fact("label"), "true", None, 1),
        ("test:campaign:a b=1", TEST, Fact("campaign"), "a b", None, 1),
    ],
)
def test_what_a_floor_says(text: str, split: int, fact: Fact, value: str | None, share: int | None, least: int) -> None:
    """A tag by name or with a value, another fact with a value; a share in percent, or samples."""
    assert parse_floor(text) == Floor(text, split, fact, value, share, least)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "perfect=5%",
        "train:=5%",
        "train:perfect",
        "train:perfect=",
        "train:perfect=5.5",
        "train:perfect=-1",
        "train:perfect=101%",
        "train:perfect=\u0665%",
        "train:perfect=0.0000001%",
        "trian:perfect=5%",
        "train:label:yes=5%",
        "train:tag:=5%",
        "train:mood:good=5%",
        "train:domain=5%\n",
    ],
)
def test_what_is_no_floor(text: str) -> None:
    """Anything else is refused, with the text in the message."""
    with pytest.raises(BadRequest, match=r"[Ff]loor"):
        parse_floor(text)


def test_an_empty_tally_counts_nothing() -> None:
    """Before the survey every split holds nothing."""
    tally = Tally.empty([parse_floor("train:x=5%")])
    assert (tally.total, tally.have, tally.rows) == ([0, 0, 0], [[0, 0, 0]], array("I"))
    assert tally.observed(0) == 0


@given(st.sampled_from(["val:x=3", "val:x=0", "val:x=10%", "val:x=100%", "val:x=0%"]), st.integers(0, 9), st.data())
def test_a_floor_lacks_nothing_if_and_only_if_it_is_met(text: str, rows: int, data: st.DataObject) -> None:
    """What gains something never lacks more; an empty split lacks something of every share but none at all."""
    floor, having = parse_floor(text), data.draw(st.integers(0, rows))
    assert floor.met(having, rows) == (floor.lacks(having, rows) == 0)
    if rows and floor.gain(1, 1) > 0:
        assert floor.lacks(having + 1, rows + 1) <= floor.lacks(having, rows)
