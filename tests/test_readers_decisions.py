"""Recorded decisions: what a file says another program decided, its numbers as numbers, and no text of the sample."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.digest import encode
from ledger.readers.contract import Recorded
from ledger.readers.decisions import FACTS, MOST_COMPONENTS, OTHER, DecisionMap, map_of, read_decision
from ledger.readers.envelope import FactMap, parse_map, read_facts
from ledger.readers.envelope import map_of as fact_map_of
from tests.strategies import json_values

NOTHING: dict[str, Any] = {
    "compared": [], "components": [], "failed": [], "margin": None, "observed": None, "rank": None, "threshold": None,
    "twin": None, "unknown": [],
}  # fmt: skip


def said(value: dict[str, Any], where: str | None = None) -> Recorded | None:
    """Return the decision of an envelope under a map."""
    return read_facts(value, parse_map(where, with_decisions=True)).decision


def rejected(rule: str, **details: Any) -> Recorded:  # noqa: ANN401 - JSON
    """Return a rejection with the details that are not nothing."""
    return Recorded("rejected", rule, {**NOTHING, **details})


def test_a_low_score_with_its_threshold_and_components() -> None:
    """Score, threshold and what is missing between them stand as decimal texts; components keep the file's order."""
    parts = {"hallucination_risk": 0.5, "coherence": 0.2, "diversity": 0.123456789, "kg_consistency": 1}
    expected = rejected(
        "low_quality",
        observed="0.35",
        threshold="0.4",
        margin="-0.05",
        components=[
            ["hallucination_risk", "0.5"], ["coherence", "0.2"], ["diversity", "0.123457"], ["kg_consistency", "1"],
        ],
    )  # fmt: skip
    for details in ({"threshold": 0.4, "components": parts}, {"threshold": 0.4, **parts}):
        line = {"rejection_reason": "low_quality", "quality_score": 0.35, "rejection_details": details}
        assert said(line) == expected


def test_a_duplicate_was_decided_by_its_similarity() -> None:
    """What was observed is the similarity; the score, which passed, is one of the components, and has no margin."""
    details = {"similarity": 0.93, "matched_id": "77"}
    line = {"rejection_reason": "duplicate", "quality_score": 0.8, "rejection_details": details}
    assert said(line) == rejected("duplicate", observed="0.93", components=[["score", "0.8"]])
    limited = {**line, "rejection_details": {**details, "threshold": 0.88}}
    assert said(limited) == rejected(
        "duplicate", observed="0.93", threshold="0.88", margin="-0.05", components=[["score", "0.8"]]
    )


def test_a_validation_that_failed_has_no_score() -> None:
    """A null score is no score, and of the validators' own report only numbers are taken."""
    details = {"valid": False, "score": 0.7, "errors": ["unbalanced brackets"], "warnings": []}
    line = {"rejection_reason": "validation_failed", "quality_score": None, "rejection_details": details}
    assert said(line) == rejected("validation_failed", components=[["score", "0.7"]])


def test_a_score_that_passes_its_threshold_has_no_margin() -> None:
    """Where the threshold did not decide, how far the sample was from passing is not known."""
    line = {"rejection_reason": "low_diversity", "quality_score": 0.8, "rejection_details": {"threshold": 0.5}}
    assert said(line) == rejected("low_diversity", observed="0.8", threshold="0.5")
    level = {**line, "quality_score": 0.5}
    assert said(level) == rejected("low_diversity", observed="0.5", threshold="0.5", margin="0")


def test_an_acceptance_is_taken_at_its_word() -> None:
    """`decision` says accepted or rejected; a rejection without a reason has the rule `other`."""
    accepted = said({"decision": " Accepted", "rejection_reason": "", "quality_score": 0.9})
    assert accepted == Recorded("accepted", None, {**NOTHING, "observed": "0.9"})
    assert said({"decision": "rejected"}) == rejected(OTHER)
    assert said({"decision": "rejected", "rejection_reason": "low"}) == rejected("low")
    assert said({"decision": "we decided to call the tool"}) is None


def test_a_line_that_contradicts_itself_tells_no_decision() -> None:
    """Accepted, and a reason why it was rejected: which of the two was decided is not known."""
    for reason in ("low_quality", "it says: hello", 7):
        assert said({"decision": "accepted", "rejection_reason": reason, "quality_score": 0.9}) is None


@pytest.mark.parametrize(
    "reason",
    [
        *(
            "x" * 65,
            "two\nlines",
            "a\x1b[31mb",
            "a\x85x",
            "too short: hello",
            "call 555 0100",
            "élan",
            "7up",
            "-x",
            "a/b",
        ),
        *(7, ["low_quality"], {"why": "low"}, True),
    ],
    ids=range(14),
)
def test_a_reason_that_is_no_word_is_other(reason: Any) -> None:  # noqa: ANN401 - any JSON value
    """The rejection is recorded all the same; what it said stays in the bytes of the line."""
    assert said({"rejection_reason": reason}) == rejected(OTHER)


@pytest.mark.parametrize("reason", [None, "", "  ", False, [], {}, 0], ids=range(7))
def test_a_line_without_a_reason_tells_no_decision(reason: Any) -> None:  # noqa: ANN401 - any JSON value
    """Nothing, in any spelling, is no reason."""
    assert said({"rejection_reason": reason, "quality_score": 0.1}) is None
    assert said({"quality_score": 0.1}) is None


@pytest.mark.parametrize("reason", ["x" * 64, "low_quality", "_", "Too-Short.v2", "low+dup"])
def test_a_word_is_kept(reason: str) -> None:
    """Up to 64 letters, digits and joining signs are a reason, without the white space around them."""
    assert said({"rejection_reason": f" {reason}\n"}) == rejected(reason)


@pytest.mark.parametrize("number", ["low", "", True, [], {}, None, 10**7, "NaN", "1_0"], ids=str)
def test_what_is_no_number_is_left_out(number: Any) -> None:  # noqa: ANN401 - any JSON value
    """A score, a threshold or a component that is no number leaves the rest as it is."""
    details = {"threshold": number, "similarity": number, "components": {"a": number, "b": 1}}
    line = {"rejection_reason": "x", "quality_score": number, "rejection_details": details}
    assert said(line) == rejected("x", components=[["b", "1"]])


def test_names_of_components_are_names() -> None:
    """What cannot be a name, or is one of too many, is no component: keys of a file are as hostile as its texts."""
    parts = {"a key with spaces": 1, "k" * 65: 1, "": 1, "ok": 0.5, "threshold": 3, **{f"c{n}": n for n in range(99)}}
    found = said({"rejection_reason": "x", "rejection_details": {"components": parts}})
    assert found is not None
    assert found.details["components"][:2] == [["ok", "0.5"], ["c0", "0"]]
    assert len(found.details["components"]) == MOST_COMPONENTS


def test_a_map_says_where_to_look() -> None:
    """Each fact of a decision has a place of its own; `-` is nowhere; several places are tried in order."""
    line = {"why": "short", "meta": {"q": "0.25", "t": 0.5, "parts": {"length": 3}}, "rejection_reason": "x"}
    found = said(line, "reason=none,reason=why,score=meta.q,threshold=meta.t,components=meta.parts,domain=meta.q")
    assert found == rejected("short", observed="0.25", threshold="0.5", margin="-0.25", components=[["length", "3"]])
    assert said(line, "reason=-") is None


def test_decisions_are_looked_for_only_where_asked() -> None:
    """Without that, a line that tells one is plain, and a map that names its facts is refused with a word about it."""
    assert read_facts({"rejection_reason": "x"}, FactMap()).decision is None
    for fact in FACTS:
        with pytest.raises(ValueError, match="--decisions"):
            parse_map(f"{fact}=x")
    with pytest.raises(ValueError, match="is not a fact: label, domain, tags, decision, reason"):
        parse_map("colour=x", with_decisions=True)


@pytest.mark.parametrize("text", [None, "reason=why,reason=x,score=-", "label=a,components=b.c"])
def test_a_map_comes_back_from_what_was_recorded(text: str | None) -> None:
    """The recorded form of a map holds the places of decisions too."""
    made = parse_map(text, with_decisions=True)
    assert made.decisions is not None
    assert fact_map_of(json.loads(json.dumps(made.as_json()))) == made
    assert map_of(made.decisions.as_json()) == made.decisions
    assert (made.decisions == DecisionMap()) == (text is None)


KEYS = ("decision", "rejection_reason", "quality_score", "rejection_details")


@given(
    st.dictionaries(st.sampled_from(KEYS), json_values() | st.floats(allow_nan=False) | st.just("rejected")),
    st.dictionaries(st.sampled_from(["threshold", "similarity", "components", "diversity"]), json_values()),
)
def test_any_envelope_tells_a_decision_or_none(value: dict[str, Any], details: dict[str, Any]) -> None:
    """Whatever stands there, what is recorded can stand in an event and holds no text but a plain word."""
    found = read_decision({"rejection_details": details, **value}, DecisionMap())
    if found is not None:
        encode({"details": found.details, "rule": found.rule})
        assert found.outcome in {"accepted", "rejected"}
        assert found.rule is None or re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.+-]{0,63}", found.rule)
        assert found.details.keys() == NOTHING.keys()
