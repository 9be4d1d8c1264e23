"""Rubrics: read strictly, their arithmetic exact, and their contradictions told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.digest import digest_of
from ledger.errors import SpecInvalid
from ledger.fixed import ONE
from ledger.recipes import RUBRICS, lint, load_rubric, shipped
from ledger.recipes.lint import FAULTS
from ledger.recipes.rubric import Overall, Rubric
from ledger.scorers.rubric import BANDS, OVERALL, PARTS

TEXT = shipped("rubric")["interaction"]
SMALL = """\
name = "small"
version = 1
about = "How good it is"
instructions = "Judge it."
output = 100
[scale]
least = 1
most = 2
[dimension.worth]
about = "what it is worth"
[[dimension.worth.anchor]]
value = 1
text = "nothing"
facts = ["empty"]
[[dimension.worth.anchor]]
value = 2
text = "something"
[[example]]
title = "good"
[example.scores]
worth = 2
"""


def read(text: str) -> Rubric:
    """Return the rubric of a text."""
    return load_rubric(text, "rubric.toml")


def test_what_ships_reads() -> None:
    """The rubric that comes with the program judges what the mechanical scorer knows, under the same names."""
    found = {name: load_rubric(text, name) for name, text in shipped("rubric").items()}

    assert tuple(found) == RUBRICS
    rubric = found["interaction"]
    assert rubric.dimensions == (*PARTS, OVERALL)
    assert rubric.digest == digest_of(rubric.frozen())
    chars = [anchor.chars for anchor in rubric.judged["sessionMemory_quality"].anchors if anchor.chars]
    assert [(end, anchor + 2) for anchor, (_, end) in enumerate(chars[:3])] == list(BANDS)


def test_the_shipped_rubric_contradicts_itself_where_it_is_known_to() -> None:
    """Identical goals have two values, and both of its examples state means that their scores do not have."""
    assert [(fault.kind, fault.where) for fault in lint(read(TEXT))] == [
        ("rule_contradicts", "rule 2"),
        ("example_mean", "example '4.2'"),
        ("example_mean", "example '2.4'"),
    ]
    told = [fault.message for fault in lint(read(TEXT))]
    assert told[0] == "goal_coherence: 'identical goals' is 2 by the rule and 1 by the anchors, which stand"
    assert told[1:] == ["it says 4.2; the mean of its scores is 4", "it says 2.4; the mean of its scores is 1.6"]


@given(scores=st.lists(st.integers(0, 100), min_size=1, max_size=16), decimals=st.integers(0, 6))
def test_the_overall_score_is_the_mean_to_so_many_decimals(scores: list[int], decimals: int) -> None:
    """The mean of whole scores is at most half of its last decimal from the true mean, and has no more decimals."""
    named = {f"d{number}": score for number, score in enumerate(scores)}
    tables = "".join(
        f'[dimension.{name}]\nabout = "x"\n[[dimension.{name}.anchor]]\nvalue = 1\ntext = "x"\n' for name in named
    )
    text = SMALL[: SMALL.index("[dimension")] + tables + f'[overall]\nname = "all"\ndecimals = {decimals}\n'
    rubric = read(text)
    mean = rubric.overall_of(named)

    assert rubric.overall == Overall("all", decimals)
    assert mean is not None
    step = ONE // 10**decimals
    assert mean % step == 0
    assert abs(mean * len(scores) - sum(scores) * ONE) * 2 <= step * len(scores)
    assert rubric.overall_of({**named, "d0": 1} if len(named) > 1 else {}) is None or len(named) > 1
    assert rubric.overall_of({}) is None


LINTS = {
    "example_mean": ('title = "good"', 'title = "good"\noverall = 1.5', '[overall]\nname = "all"\n'),
    "example_scores": ("worth = 2", "worth = 3", ""),
    "no_anchor": ("most = 2", "most = 3", ""),
    "anchor_twice": ("value = 2", "value = 1", ""),
    "same_anchor": ('"something"', '"Nothing!"', ""),
    "fact_twice": ('text = "something"', 'text = "something"\nfacts = ["empty"]', ""),
    "rule_contradicts": ("", "", '[[rule]]\ntext = "x"\ndimension = "worth"\nfact = "empty"\nvalue = 2\n'),
    "rule_off_scale": ("", "", '[[rule]]\ntext = "x"\ndimension = "worth"\nfact = "full"\nvalue = 9\n'),
    "lengths_overlap": ('"nothing"', '"nothing"\nchars = [0, 20]', ""),
    "lengths_gap": ('"nothing"', '"nothing"\nchars = [0, 5]', ""),
    "lengths_fall": ('"nothing"', '"nothing"\nchars = [30]', ""),
    "no_examples": (SMALL[SMALL.index("[[example]]") :], "", ""),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_each_contradiction_is_found(kind: str) -> None:
    """Each kind of fault is found where it is planted, and a sound rubric has none."""
    old, new, more = LINTS[kind]
    text = SMALL.replace('text = "something"', 'text = "something"\nchars = [10, 20]') if "lengths" in kind else SMALL
    text = (text.replace(old, new, 1) if old else text) + more

    assert lint(read(SMALL)) == ()
    assert kind in {fault.kind for fault in lint(read(text))}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("most = 2", "most = 1", "line 6: a scale has 2 to 20 points"),
        ("value = 2", "value = 3", "value is a whole number from 1 to 2"),
        ('text = "nothing"', 'text = "nothing"\nchars = [5, 5]', "chars is [FROM, BELOW]"),
        ('text = "nothing"', 'text = "nothing"\nchars = [1, 2, 3]', "chars is [FROM, BELOW]"),
        ("output = 100", "output = 100\nmodel_name = 1", "line 6: nobody knows 'model_name'"),
        ("worth = 2", "worth = 2.5", "worth is a whole number"),
        ("[scale]", '[overall]\nname = "worth"\n[scale]', "a name of its own"),
        ("[[example]]", '[[rule]]\ntext = "x"\nvalue = 2\n[[example]]', "names its dimension and the fact"),
        ("[[example]]", '[[rule]]\ntext = "x"\ndimension = "other"\n[[example]]', "dimension is one of worth"),
        ('about = "what it is worth"', 'about = "x"\nneeds = "luck"', "needs is one of call, prompt"),
    ],
)
def test_what_is_no_rubric(old: str, new: str, told: str) -> None:
    """What cannot be is refused with its line."""
    assert old in SMALL
    with pytest.raises(SpecInvalid) as refused:
        read(SMALL.replace(old, new, 1))

    assert told in str(refused.value)


def test_a_rubric_without_dimensions_or_anchors() -> None:
    """Something has to be judged, and something has to say what a point means."""
    head = SMALL[: SMALL.index("[dimension")]
    with pytest.raises(SpecInvalid, match=r"1 to 16 dimensions"):
        read(head)
    with pytest.raises(SpecInvalid, match="nothing says what the points mean"):
        read(head + '[dimension.x]\nabout = "x"\n')
