"""Settings of a policy: every one can be read and set, a wrong key or value is named with what there is instead."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as settings_
from hypothesis import strategies as st

from ledger.errors import BadRequest
from ledger.policy import changed, differences, parse_policy, settings
from ledger.policy.changes import LONGEST, MOST, key_text, split
from ledger.rule import Policy
from tests import policy_model as book

BASE = parse_policy(
    """
name = "base"
headline = "quality"

[measure.quality]
weights = { diversity = 0.25, "my score" = 0.75 }
invert = ["diversity"]

[threshold]
low = 0.7
high = 0.9

[domain.asm]
low = 0.4

[domain."asm+cpp"]
low = 0.5

[cross]
low = "min"

[[rule]]
name = "broken"
reject = "errors > 0"

[[rule]]
name = "a.b = \\"c\\""
reject = "quality < low"

[[label]]
name = "poor"
false = "diversity < 0.1"

[[cap]]
name = "twin"
per = ["fingerprint"]
best = "quality"
""",
    "base.toml",
)


def refusal(*changes: str) -> str:
    """Return the sentence with which changes are refused."""
    with pytest.raises(BadRequest) as caught:
        changed(BASE, changes)
    return str(caught.value)


@given(book.policies())
def test_setting_everything_to_what_it_is(policy: Policy) -> None:
    """The settings of a policy, set one and all, make that policy."""
    assert changed(policy, [f"{key}={value}" for key, value in settings(policy)]) == policy


@given(book.policies(), st.data())
def test_setting_one_thing_to_what_it_is(policy: Policy, data: st.DataObject) -> None:
    """Each setting by itself changes nothing where it is set to what it is."""
    key, value = data.draw(st.sampled_from(settings(policy)))

    assert changed(policy, [f"{key}={value}"]) == policy


@settings_(max_examples=30)
@given(book.policies(), book.policies())
def test_differences(one: Policy, other: Policy) -> None:
    """A policy does not differ from itself; each difference is seen from both sides; without one they mean the same."""
    assert differences(one, one) == []
    assert sorted((key, new, old) for key, old, new in differences(other, one)) == sorted(differences(one, other))
    assert differences(one, replace(one, thresholds=one.thresholds[::-1], measures=one.measures[::-1])) == []
    assert differences(one, other) or meaning(one) == meaning(other)


def meaning(policy: Policy) -> Policy:
    """Return a policy without the orders that have no meaning."""
    measures = [replace(weighted, weights=tuple(sorted(weighted.weights))) for weighted in policy.measures]
    return replace(
        policy,
        thresholds=tuple(sorted(policy.thresholds, key=lambda levels: levels.name)),
        measures=tuple(sorted(measures, key=lambda weighted: weighted.name)),
    )


ODD = r'"a.b = \"c\""'
CHANGES = [
    ("name=other", "name", "base", "other"),
    ("default=reject", "default", "accept", "reject"),
    ("unknown = ignore", "unknown", "defer", "ignore"),
    ("headline=diversity", "headline", "quality", "diversity"),
    ("headline=none", "headline", "quality", "none"),
    ("scores.combine=median", "scores.combine", "latest", "median"),
    ("scores.tolerance=0.25", "scores.tolerance", "0", "0.25"),
    ("scores.scorers=a, b", "scores.scorers", "[]", '["a", "b"]'),
    ("scores.scorers=['a', \"b, c\"]", "scores.scorers", "[]", '["a", "b, c"]'),
    ("threshold.low=0.65", "threshold.low", "0.7", "0.65"),
    ("threshold.low=65e-2", "threshold.low", "0.7", "0.65"),
    ("domain.asm.low=0.35", "domain.asm.low", "0.4", "0.35"),
    ("domain.asm.low=none", "domain.asm.low", "0.4", None),
    ("domain.asm.high=1", "domain.asm.high", None, "1"),
    ("domain.cpp.low=-1", "domain.cpp.low", None, "-1"),
    ("domain.asm+cpp.low=0.6", "domain.asm+cpp.low", "0.5", "0.6"),
    ('domain."my domain".low=0.6', 'domain."my domain".low', None, "0.6"),
    ("cross.low=mean", "cross.low", "min", "mean"),
    ("cross.low=0.5", "cross.low", "min", "0.5"),
    ("cross.low=none", "cross.low", "min", "none"),
    ("cross.high=max", "cross.high", "none", "max"),
    ("measure.quality.weights.diversity=0.5", "measure.quality.weights.diversity", "0.25", "0.5"),
    ('measure.quality.weights."my score"=none', 'measure.quality.weights."my score"', "0.75", None),
    ("measure.quality.weights.'my score' = 1", 'measure.quality.weights."my score"', "0.75", "1"),
    ("measure.quality.invert=[]", "measure.quality.invert", '["diversity"]', "[]"),
    ("measure.quality.missing=renormalise", "measure.quality.missing", "defer", "renormalise"),
    ("rule.broken.when=errors > 1", "rule.broken.when", "errors > 0", "errors > 1"),
    ("rule.broken.then=defer", "rule.broken.then", "reject", "defer"),
    (f"rule.{ODD}.when=quality < high", f"rule.{ODD}.when", "quality < low", "quality < high"),
    ("label.poor.when=label==true", "label.poor.when", "diversity < 0.1", "label == true"),
    ("label.poor.then=none", "label.poor.then", "false", "none"),
    ("cap.twin.then=defer", "cap.twin.then", "reject", "defer"),
    ("cap.twin.per=prompt, tag.persona", "cap.twin.per", '["fingerprint"]', '["prompt", "tag.persona"]'),
    ("cap.twin.keep=3", "cap.twin.keep", "1", "3"),
    ("cap.twin.best=none", "cap.twin.best", "quality", "none"),
]


@pytest.mark.parametrize(("change", "key", "old", "new"), CHANGES, ids=[change for change, *_ in CHANGES])
def test_each_setting(change: str, key: str, old: str | None, new: str | None) -> None:
    """Each kind of setting is set, and nothing else with it."""
    assert differences(BASE, changed(BASE, [change])) == [(key, old, new)]
    assert differences(changed(BASE, [change]), BASE) == [(key, new, old)]


def test_rules_that_are_turned_off() -> None:
    """A rule, label rule or cap can be left out, and the order of the others stays."""
    assert changed(BASE, [f"rule.{ODD}.off=true"]) == replace(BASE, rules=BASE.rules[:1])
    assert changed(BASE, ["label.poor.off=true", "cap.twin.off=true"]) == replace(BASE, labels=(), caps=())
    assert changed(BASE, ["cap.twin.off=false"]) == BASE
    assert ("rules", f"broken, {BASE.rules[1].name}", BASE.rules[1].name) in differences(
        BASE, changed(BASE, ["rule.broken.off=true"])
    )


def test_changes_apply_in_order() -> None:
    """A later change sees what an earlier one did; the result is checked as a whole, not step by step."""
    assert changed(BASE, ["threshold.low=0.1", "threshold.low=0.2"]) == changed(BASE, ["threshold.low=0.2"])
    assert changed(BASE, ["scores.combine=first", "scores.scorers=a"]).scores.scorers == ("a",)
    assert "measure.quality.invert" in refusal("measure.quality.weights.diversity=none")
    assert changed(BASE, ["measure.quality.weights.diversity=none", "measure.quality.invert="]).measures[0].weights


WRONG_KEYS = [
    ("treshold.low=1", "There is no setting treshold.low; the nearest are threshold.low"),
    ("threshold.lwo=1", "There is no setting threshold.lwo; the nearest are threshold.low"),
    ("domain.asm.lo=1", "the nearest are domain.asm.low"),
    ("domain.cpp.hihg=1", "domain.cpp.high"),
    ("domain.asm=1", "domain.asm.low"),
    ("cross.lo=1", "cross.low"),
    ("measure.qualty.missing=defer", "measure.quality.missing"),
    ("measure.quality.weights.diverse=1", "measure.quality.weights.diversity"),
    ("measure.quality.weight.diversity=1", "measure.quality.weights.diversity"),
    ("rule.brokn.when=errors > 0", "rule.broken.when"),
    ("rule.broken.wen=errors > 0", "rule.broken.when"),
    ("rule.broken=errors > 0", "rule.broken.when"),
    ("rule.a.b.off=true", "There is no setting rule.a.b.off"),
    ("cap.twin.kep=2", "cap.twin.keep"),
    ("label.poor.whom=x < 1", "label.poor.when"),
    ("scores.combin=mean", "scores.combine"),
    ("unknwon=reject", "unknown"),
    ("=reject", "'=reject' is not KEY=VALUE, such as domain.asm.min_quality=0.35"),
    ("default", "'default' is not KEY=VALUE"),
    ("default.=reject", "is not KEY=VALUE"),
    (".default=reject", "is not KEY=VALUE"),
    ("rule..when=x", "is not KEY=VALUE"),
    ('rule."broken.off=true', "is not KEY=VALUE"),
    ("", "'' is not KEY=VALUE"),
    ("zzz=1", "There is no setting zzz; the nearest are name, default"),
]


@pytest.mark.parametrize(("change", "what"), WRONG_KEYS, ids=[ascii(change) for change, _ in WRONG_KEYS])
def test_keys_that_there_are_not(change: str, what: str) -> None:
    """A key that there is not is refused with the nearest ones that there are, as they can be written."""
    said = refusal("default=defer", change)

    assert what in said
    for key in said.partition("the nearest are ")[2].rstrip(".").split(", "):
        value = dict(settings(BASE)).get(key, "1")
        assert not key or changed(BASE, [f"{key}={value}"]).name == "base"


WRONG_VALUES = [
    ("default=accepted", "default: default cannot be 'accepted' (did you mean 'accept'?)"),
    ("threshold.low=high", "threshold.low: 'high' is not a number"),
    ("threshold.low=nan", "threshold.low: 'nan' is not a number"),
    ("threshold.low=inf", "threshold.low: 'inf' is not a number"),
    ("threshold.low=", "threshold.low: '' is not a number"),
    ("threshold.low=none", "threshold.low: 'none' is not a number"),
    ("threshold.low=true", "threshold.low: 'true' is not a number"),
    ("threshold.low=0.1234567", "threshold.low: '0.1234567' has more than 6 decimals"),
    ("threshold.low=1e7", "further from zero"),
    ("domain.asm.low=x", "domain.asm.low: 'x' is not a number"),
    ('domain." x".low=1', "must not be empty nor begin or end with a space"),
    ("cross.low=median", "cross.low: 'median' is not a number"),
    ("measure.quality.weights.diversity=0", "measure.quality.weights.diversity: a weight must be more than 0"),
    ("measure.quality.invert=quality", "measure.quality.invert: 'quality' has no weight here"),
    ("measure.quality.missing=ignore", "measure.quality.missing: missing cannot be 'ignore'"),
    ("scores.tolerance=-1", "scores.tolerance: the tolerance is 0 or more"),
    ("scores.combine=first", 'scores.combine: combine = "first" needs scorers'),
    ("scores.scorers=[1, 2]", 'scores.scorers is a list of texts such as ["a", "b"], not \'[1, 2]\''),
    ('scores.scorers=["a"', "scores.scorers is a list of texts"),
    ('scores.scorers=["a"]\nx = 1', "scores.scorers is a list of texts"),
    ("scores.scorers=" + "[" * 5_000, "scores.scorers is a list of texts"),
    ("rule.broken.when=errors >", "rule.broken.reject: at character 9 of the condition: a number or a threshold"),
    ("rule.broken.when=errors < 0", "rule.broken.reject: the rule 'broken' can never hold"),
    ("rule.broken.when=quality < low or errors > 0", "can never decide: 'broken' before it holds wherever this one"),
    ("rule.broken.then=rejected", "rule.broken.then is one of accept, reject, defer, not 'rejected'"),
    ("rule.broken.off=yes", "rule.broken.off is true or false, not 'yes'"),
    ("label.poor.then=maybe", "label.poor.then is one of true, false, none, not 'maybe'"),
    ("cap.twin.then=accept", "cap.twin.then: then cannot be 'accept'"),
    ("cap.twin.keep=0", "cap.twin.keep: keep is a whole number from 1"),
    ("cap.twin.keep=2.5", "cap.twin.keep is a whole number, not '2.5'"),
    ("cap.twin.per=", "cap.twin.per: per needs at least one of"),
    ("cap.twin.best=qualty", "cap.twin.best: there is no measure 'qualty' (did you mean 'quality'?)"),
    ("headline=qualty", "headline: there is no measure 'qualty'"),
    ("name=", "name: the policy's name must not be empty"),
]


@pytest.mark.parametrize(("change", "what"), WRONG_VALUES, ids=[ascii(change[:60]) for change, _ in WRONG_VALUES])
def test_values_that_do_not_fit(change: str, what: str) -> None:
    """A value that does not fit is refused with its key and what would fit."""
    assert what in refusal(change)


def test_a_policy_is_never_empty() -> None:
    """Turning off everything is refused as a whole."""
    everything = ("rule.broken.off=true", f"rule.{ODD}.off=true", "label.poor.off=true", "cap.twin.off=true")

    assert "The policy: the policy is empty" in refusal(*everything)


@given(st.lists(st.text(min_size=1, max_size=8).filter(lambda step: step.strip() == step), min_size=1), st.text())
def test_keys_as_text(steps: list[str], value: str) -> None:
    """A key of any names is written so that it reads as these names again."""
    assert split(f"{key_text(steps)}={value}") == (tuple(steps), value.strip())


PARTS = [
    "rule",
    "broken",
    "when",
    "threshold",
    "low",
    "domain",
    "asm",
    ".",
    "=",
    '"',
    "'",
    "\\",
    " ",
    "0.5",
    "none",
    "[",
]


@given(st.lists(st.lists(st.sampled_from(PARTS), max_size=9).map("".join) | st.text(max_size=30), max_size=3))
def test_any_text_is_a_change_or_refused(changes: list[str]) -> None:
    """Nothing that anybody can write raises anything but the one error."""
    said = "fine"
    try:
        changed(BASE, changes)
    except BadRequest as error:
        said = str(error)

    assert 0 < len(said) < 2_000


@pytest.mark.parametrize("piece", ["a", "a.", '"', "'", "\\", ".", " ", "=", '"a".', "threshold.low=", "["])
def test_hostile_changes_take_no_time(piece: str) -> None:
    """The longest changes of one piece again and again are refused at once, longer ones and more of them unread."""
    started = time.perf_counter()
    assert len(refusal(piece * (LONGEST // len(piece)))) < 2_000
    assert "at most 25,000 characters" in refusal(piece * LONGEST * 10)
    assert f"{MOST + 1} changes are too many" in refusal(*[piece] * (MOST + 1))

    assert time.perf_counter() - started < 20
