"""Calibration: how far a judge agrees with people is computed exactly, and a file that says nothing is refused."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import SpecInvalid
from ledger.fixed import ONE
from ledger.verbs.calibration import Labelled, agreement, read

SCORES = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=30)


def lines(*rows: object) -> bytes:
    """Return rows as the bytes of a file."""
    return "".join(f"{json.dumps(each)}\n" for each in rows).encode()


def test_what_people_say_is_read() -> None:
    """Numbers become millionths; blank lines and other keys are passed over."""
    data = lines({"sample": "ab12cd", "scores": {"goal": 3, "memory": 2.5}, "by": "Kim"}) + b"\n"

    assert read(data, "x", ["goal", "memory"]) == [Labelled("ab12cd", {"goal": 3_000_000, "memory": 2_500_000})]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "line 1: nobody scored anything"),
        (b"{\n", "line 1: not JSON"),
        (b"\n[]\n", 'line 2: what people say is {"sample"'),
        (lines({"sample": "a"}), "line 1: what people say"),
        (lines({"sample": "a", "scores": {"luck": 1}}), "line 1: the judge has no such dimension; it has goal"),
        (lines({"sample": "a", "scores": {"goal": "very"}}), "line 1: the score of goal is not a number"),
        (lines({"sample": "a", "scores": {}}, {"sample": "a", "scores": {}}), "line 2: the sample stands there twice"),
        (b"\xff\n", "line 1: not JSON"),
    ],
)
def test_what_is_no_calibration_set(data: bytes, told: str) -> None:
    """Each fault is told with its line."""
    with pytest.raises(SpecInvalid) as refused:
        read(data, "human.jsonl", ["goal"])

    assert str(refused.value).startswith(f"human.jsonl: {told}")


@given(pairs=SCORES)
def test_the_numbers_are_those_of_their_definitions(pairs: list[tuple[int, int]]) -> None:
    """Shares, means and weighted kappa are what a table of all pairs of scores gives."""
    human = [Labelled(str(at), {"goal": one * ONE}) for at, (one, _) in enumerate(pairs)]
    found = agreement(human, {str(at): {"goal": other * ONE} for at, (_, other) in enumerate(pairs)}).dimensions["goal"]
    n = len(pairs)
    observed = Fraction(sum((one - other) ** 2 for one, other in pairs), n)
    chance = Fraction(sum((one - other) ** 2 for one, _ in pairs for _, other in pairs), n * n)

    assert (found.n, found.exact) == (n, sum(one == other for one, other in pairs))
    assert found.within_one == sum(abs(one - other) <= 1 for one, other in pairs)
    assert found.judge - found.human == Fraction(sum(other - one for one, other in pairs), n)
    assert found.kappa == (1 - observed / chance if chance else None)
    assert (found.kappa == 1) == (bool(chance) and all(one == other for one, other in pairs))
    told = found.as_json()
    assert told["exact_low"] <= told["exact"] <= told["exact_high"]


def test_what_was_not_judged_is_counted() -> None:
    """Samples without a judgement, and dimensions without a number, do not count as agreement or disagreement."""
    human = [Labelled("a", {"goal": ONE, "memory": ONE}), Labelled("b", {"goal": ONE})]
    found = agreement(human, {"a": {"goal": 2 * ONE}}).as_json()

    assert (found["labelled"], found["judged"], found["not_judged"]) == (2, 1, 1)
    assert list(found["dimensions"]) == ["goal"]
    assert found["dimensions"]["goal"]["bias"] == 1.0
