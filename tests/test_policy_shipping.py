"""The policies that come with the program decide as the pipelines did whose rules they are, fault for fault mended."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.fixed import micro
from ledger.policy import UNSET, Facts, judge, parse_policy, shipped
from ledger.rule import Findings, Observed, Policy, Score, observed
from tests.policy_model import rounded

ERRORS = Findings("*", "error")
COMPONENTS = ("diversity", "kg_consistency", "hallucination_risk", "coherence")
QUALITY = {
    "": 70,
    "unheard of": 70,
    "asm": 40,
    "oracle": 40,
    "gigaleak": 45,
    "hack_curated": 50,
    "yaze": 50,
    "cpp": 50,
    "errors": 30,
    "text": 60,
    "asm+oracle": 50,
    "asm+gigaleak": 50,
    "oracle+asm": 50,
    "yaze+narrative": 55,
}
"""Domain -> the least quality, in hundredths; the last four are joined ones."""
CONSISTENCY = {"gigaleak": 40, "text": 60}
"""The domains whose least consistency with the graph is not 50 hundredths."""


def policy(name: str) -> Policy:
    """Return a policy that comes with the program."""
    return parse_policy(shipped()[name], name)


def test_which_there_are() -> None:
    """Each policy has the name of its file, sorted, says in comments what it is, and needs no setting to be adopted."""
    assert list(shipped()) == ["seed-000", "toolset-relabel"]
    for name, text in shipped().items():
        assert policy(name).name == name
        assert text.startswith("# ")


def test_what_they_look_up() -> None:
    """The scores are those that the scorers of the program, and the fields of samples, are called by."""
    assert set(observed(policy("seed-000"))) == {ERRORS, *map(Score, COMPONENTS)}
    assert set(observed(policy("toolset-relabel"))) == {Score("overall_quality"), Score("sessionMemory_quality")}


@pytest.mark.parametrize("domain", QUALITY)
def test_the_thresholds_of_each_domain(domain: str) -> None:
    """Every domain has the threshold that the pipeline had, joined ones too; a named one is not overridden."""
    levels = {each.name: each.at(domain) for each in policy("seed-000").thresholds}

    assert levels == {
        "min_quality": QUALITY[domain] * 10_000,
        "min_diversity": 300_000,
        "min_kg": CONSISTENCY.get(domain, 50) * 10_000,
        "max_hallucination": 500_000,
        "min_coherence": 400_000,
    }


def gate(values: dict[str, int], domain: str, errors: int) -> str:
    """Return the reason by which the pipeline would reject a sample, or `default`; written from its description."""
    diversity, consistency, risk, coherence = (Fraction(values[name], 1_000_000) for name in COMPONENTS)
    weighted = 30 * diversity + 20 * consistency + 30 * (1 - risk) + 20 * coherence
    quality = Fraction(rounded(weighted * 10_000), 1_000_000)
    if errors:
        return "validation_failed"
    if quality >= Fraction(QUALITY[domain], 100):
        return "default"
    if diversity < Fraction(3, 10):
        return "low_diversity"
    if consistency < Fraction(CONSISTENCY.get(domain, 50), 100):
        return "kg_inconsistent"
    if risk > Fraction(1, 2):
        return "high_hallucination"
    return "low_coherence" if coherence < Fraction(4, 10) else "low_quality"


VALUES = st.sampled_from([0, 200_000, 300_000, 400_000, 500_000, 600_000, 1_000_000]) | st.integers(0, 1_000_000)


@given(st.fixed_dictionaries(dict.fromkeys(COMPONENTS, VALUES)), st.sampled_from(sorted(QUALITY)), st.integers(0, 1))
def test_the_gate(values: dict[str, int], domain: str, errors: int) -> None:
    """With all components known, the reason is the pipeline's, the first that applies; else the sample is accepted."""
    numbers: dict[Observed, int | None] = {Score(name): value for name, value in values.items()}
    verdict = judge(policy("seed-000"), Facts({**numbers, ERRORS: errors * 1_000_000}, {"domain": domain}, {}))
    reason = gate(values, domain, errors)

    assert verdict.rule == reason
    assert verdict.outcome == ("accepted" if reason == "default" else "rejected")


def seed(errors: int | None, **values: int) -> Facts:
    """Return a sample in the domain asm with the components that are known."""
    return Facts({ERRORS: errors, **{Score(name): value for name, value in values.items()}}, {"domain": "asm"}, {})


def test_what_could_not_be_scored() -> None:
    """A component that is missing counts for nothing, not for perfect; without any, or unvalidated, it is pending."""
    gated = policy("seed-000")
    blind = judge(gated, seed(0, coherence=300_000))
    nothing = judge(gated, seed(0))
    unseen = judge(gated, seed(None, coherence=900_000))

    assert (blind.rule, dict(blind.components)["quality"]) == ("low_coherence", 300_000)
    assert (nothing.outcome, nothing.rule) == (unseen.outcome, unseen.rule) == ("deferred", "unknown")
    assert [each.rule for each in unseen.unknown] == ["validation_failed"]


def test_a_duplicate_is_no_matter_of_thresholds() -> None:
    """Of accepted samples that teach the same under one label the best stays, whatever came first."""
    [cap] = policy("seed-000").caps

    assert (cap.name, cap.outcome, cap.per, cap.keep) == ("duplicate", "rejected", ("fingerprint", "label"), 1)
    assert cap.best == policy("seed-000").headline == "quality"


RELABEL = [
    ("2.9", "3", ("low_quality",)),
    ("3.0", "1", ("missing_sessionMemory",)),
    ("1", "1", ("low_quality", "missing_sessionMemory")),
    ("3.0", "2", ()),
    ("2.999999", "1.000001", ("low_quality",)),
    (None, "1", ("missing_sessionMemory",)),
    ("2", None, ("low_quality",)),
    (None, None, ()),
    ("5", None, ()),
]


@pytest.mark.parametrize(("overall", "memory", "names"), RELABEL, ids=[f"{o} {m}" for o, m, _ in RELABEL])
def test_labels(overall: str | None, memory: str | None, names: tuple[str, ...]) -> None:
    """Below 3.0, or with a memory of exactly 1, the label is false, with all reasons; a missing score is no reason."""
    numbers = {"overall_quality": overall, "sessionMemory_quality": memory}
    known: dict[Observed, int | None] = {Score(name): micro(value) for name, value in numbers.items() if value}
    verdict = judge(policy("toolset-relabel"), Facts(known, {}, {}))

    assert verdict.label_rules == names
    assert verdict.label is (False if names else UNSET)
    assert (verdict.outcome, verdict.rule) == ("accepted", "default")


def test_labels_of_real_scores(data: Path) -> None:
    """On a slice of real scores, labels and reasons are those that the scores themselves imply."""
    relabel = policy("toolset-relabel")
    found: Counter[tuple[str, ...]] = Counter()
    implied: Counter[tuple[str, ...]] = Counter()
    rows: list[dict[str, Any]] = []
    for line in (data / "scored.jsonl").read_text("utf-8").strip().split("\n"):
        with suppress(json.JSONDecodeError):  # one line of the real files is broken
            rows.append(json.loads(line)["quality_scores"])
    for scores in rows:
        known: dict[Observed, int | None] = {
            Score(name): micro(value) for name, value in scores.items() if name != "notes"
        }
        found[judge(relabel, Facts(known, {}, {})).label_rules] += 1
        low, missing = scores["overall_quality"] < 3.0, scores["sessionMemory_quality"] == 1
        implied[("low_quality",) * low + ("missing_sessionMemory",) * missing] += 1

    assert found == implied
    assert (sum(found.values()), len(found)) == (39, 3)
