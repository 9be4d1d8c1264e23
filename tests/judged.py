"""Ledgers with scores and a policy: what tests of decisions, questions and reports begin with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ledger import Ledger
from ledger.event import Draft, draft
from ledger.fixed import ONE, micro, text_of
from ledger.rule import (
    AllOf,
    AnyOf,
    Cap,
    Compare,
    Condition,
    Field,
    Findings,
    LabelRule,
    Levels,
    Measure,
    Not,
    Number,
    Policy,
    Rule,
    Score,
    Text,
    Threshold,
    Weighted,
)
from ledger.store import Store
from ledger.verbs.adopt import Proposed
from ledger.verbs.judge import JudgeReport, judge
from ledger.verbs.run import Run, Who
from ledger.views import samples
from tests.policy_model import DOMAINS, is_sound
from tests.small import chat, write

Scores: TypeAlias = Mapping[str, float | str]
"""Dimension -> a number (also as text)."""

LOW = Policy(
    "low",
    rules=(Rule("low_quality", "rejected", Compare(Score("quality"), "<", Threshold("min_quality"))),),
    thresholds=(Levels("min_quality", ONE // 2),),
    headline="quality",
)
"""Rejects what has a quality below 0.5."""

RELABEL = Policy(
    "relabel",
    labels=(
        LabelRule("low_quality", label=False, when=Compare(Score("quality"), "<", Threshold("min_quality"))),
        LabelRule("no_memory", label=False, when=Compare(Score("memory"), "==", Number(ONE))),
    ),
    thresholds=(Levels("min_quality", ONE // 2),),
    headline="quality",
)
"""Labels false what has a quality below 0.5, or a memory of exactly 1."""


def gates() -> SearchStrategy[Policy]:
    """Return policies that reject: few rules over two scores and their mean, by thresholds that domains have."""
    return _gates().filter(is_sound)


def thresholds() -> SearchStrategy[Policy]:
    """Return policies that reject by two thresholds, and nothing else."""
    low = Rule("x", "rejected", Compare(Score("quality"), "<", Threshold("low")))
    high = Rule("y", "rejected", Compare(Score("coherence"), "<=", Threshold("high")))
    return st.builds(
        lambda first, second, unknown: Policy(
            "two", rules=(low, high), thresholds=(first, second), unknown=unknown, headline="quality"
        ),
        _levels("low"),
        _levels("high"),
        st.sampled_from(["ignore", "deferred"]),
    )


@st.composite
def _gates(draw: st.DrawFn) -> Policy:
    outcomes = st.sampled_from(["rejected", "rejected", "rejected", "accepted", "deferred"])
    names = "xyz"[: draw(st.integers(1, 3))]
    weights = (("quality", 3000), ("coherence", 7000))
    inverted = draw(st.sampled_from([frozenset(), frozenset({"coherence"})]))
    return Policy(
        "gate",
        rules=tuple(Rule(name, draw(outcomes), draw(_conditions())) for name in names),
        caps=draw(st.sampled_from([(), (), (), (Cap("cap", "rejected", ("domain",), 2, "quality"),)])),
        thresholds=(draw(_levels("low")), draw(_levels("high"))),
        measures=(Weighted("overall", weights, inverted, draw(st.sampled_from(["defer", "renormalise"]))),),
        default=draw(st.sampled_from(["accepted", "accepted", "rejected", "deferred"])),
        unknown=draw(st.sampled_from(["accepted", "rejected", "deferred", "ignore"])),
        headline=draw(st.sampled_from(["quality", "overall", None])),
    )


def _conditions() -> SearchStrategy[Condition]:
    numbers = st.sampled_from([Score("quality"), Score("coherence"), Measure("overall")])
    limits = st.sampled_from([Threshold("low"), Threshold("high")])
    plain = st.builds(Compare, numbers, st.sampled_from(["<", "<=", ">"]), limits)
    ops = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    other = st.builds(Compare, numbers | st.just(Findings("*", "error")), ops, limits | st.builds(Number, _limits()))
    worded = st.builds(
        Compare, st.just(Field("domain")), st.sampled_from(["==", "!="]), st.builds(Text, st.sampled_from(["asm", ""]))
    )
    return st.recursive(
        st.one_of(plain, plain, other, worded),
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(AllOf, st.tuples(inner, inner)),
            st.builds(AnyOf, st.tuples(inner, inner)),
        ),
        max_leaves=3,
    )


def _levels(name: str) -> SearchStrategy[Levels]:
    own = st.dictionaries(st.sampled_from(DOMAINS), _limits()).map(lambda found: tuple(sorted(found.items())))
    return st.builds(Levels, st.just(name), _limits(), own, _limits() | st.sampled_from(["min", "max", "mean", None]))


def _limits() -> SearchStrategy[int]:
    return st.sampled_from([0, 200_000, 251_000, 300_000, 405_000, 500_000, 770_000, ONE])


def scored() -> SearchStrategy[tuple[str | None, Scores]]:
    """Return (domain, scores) of one sample; the scores are often at, or near, what `gates` compares them with."""
    domains = st.sampled_from([None, *DOMAINS, "z"])
    return st.tuples(domains, st.dictionaries(st.sampled_from(["quality", "coherence"]), _values().map(text_of)))


def scored_steps() -> SearchStrategy[list[tuple[Any, ...]]]:
    """Return steps for `tests.worlds`: samples of two campaigns, some of which teach the same, most of them scored."""
    quality, coherence = {"quality": _values()}, {"coherence": _values()}
    said: SearchStrategy[dict[str, int]] = st.fixed_dictionaries(quality, optional=coherence) | st.just({})
    born = st.tuples(
        st.sampled_from(["asm", "twain"]), st.integers(0, 6), st.sampled_from(["", *DOMAINS]), st.booleans(), said
    )
    return st.lists(born, min_size=8, max_size=14).map(_as_steps)


def _as_steps(born: Sequence[tuple[str, int, str, bool, Mapping[str, int]]]) -> list[tuple[Any, ...]]:
    made: list[tuple[Any, ...]] = []
    for place, (campaign, content, domain, label, said) in enumerate(born):
        made.append(("ingest", campaign, f"source {place}", content, domain, label, {}))
        made += [("score", place, "judge", dict(said), 0)] * bool(said)
    return made


def _values() -> SearchStrategy[int]:
    return st.sampled_from([0, 100_000, 200_000, 251_000, 299_000, 300_000, 405_000, 500_000, 500_001, 770_000, ONE])


def taken(
    ledger: Ledger,
    file: Path,
    rows: Iterable[tuple[str | None, Scores]],
    campaign: str = "c",
    **envelope: Any,  # noqa: ANN401 - JSON
) -> list[str]:
    """Ingest one sample for each (domain, scores), score it, and return the ids; each sample teaches something else."""
    given = list(rows)
    lines = [
        {**chat(f"question {n} of {file.name}", f"answer {n}"), **({"domain": domain} if domain else {}), **envelope}
        for n, (domain, _) in enumerate(given)
    ]
    ids = ingested(ledger, write(file, *lines), campaign)
    score(ledger, {one: scores for one, (_, scores) in zip(ids, given, strict=True) if scores})
    return ids


def ingested(ledger: Ledger, file: Path, campaign: str = "c") -> list[str]:
    """Ingest a file and return the ids of its new samples, in the order of its lines."""
    store = store_of(ledger)
    before = store.head().position
    ledger.ingest(file, campaign=campaign)
    return [row.id.hex() for row in samples.everything(store.connection) if row.sample > before]


def score(
    ledger: Ledger,
    scores: Mapping[str, Scores],
    *,
    scorer: str = "judge",
    version: str = "1",
    rubric: str | None = None,
    unscored: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Append what a scorer says of samples (by id): dimensions, and reasons for those that it could not measure."""
    reasons = unscored or {}
    made = [
        _scored(ledger, one, scores.get(one, {}), reasons.get(one, {}), scorer, version, rubric)
        for one in dict.fromkeys((*scores, *reasons))
    ]
    append(ledger, made, "score")


def append(ledger: Ledger, made: Sequence[Draft], command: str = "test", authority: str = "policy") -> None:
    """Append events as a run of their own."""
    store = store_of(ledger)
    with store.transaction() as transaction:
        run = Run(store.ledger_id, command, {}, Who("tester", authority=authority))
        run.append(transaction, made)
        run.finish(transaction, {})


def decide(ledger: Ledger, policy: Policy | None = None, campaign: str | None = None) -> JudgeReport:
    """Adopt a policy, or take the one in force, and append what it decides."""
    proposed = None if policy is None else Proposed(policy)
    return judge(store_of(ledger), proposed, campaign, Who("tester", authority="policy"))


def row_of(ledger: Ledger, sample: str) -> samples.Row:
    """Return a sample as it stands."""
    return samples.by_ids(store_of(ledger).connection, [bytes.fromhex(sample)])[bytes.fromhex(sample)]


def rejected_line(question: str, reason: str, score_: float | None, **details: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a line of a file that tells rejections: the reason, the score, and details such as the threshold."""
    told = {"rejection_reason": reason, "quality_score": score_, "rejection_details": details}
    return {**chat(question, "an answer"), **told}


def store_of(ledger: Ledger) -> Store:
    """Return the log behind a ledger, for what has no verb."""
    return ledger._store  # noqa: SLF001 - what tests of a layer below the door need


def compact(value: object) -> str:
    """Return JSON in one line, for comparing answers."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _scored(
    ledger: Ledger,
    sample: str,
    scores: Scores,
    unscored: Mapping[str, str],
    scorer: str,
    version: str,
    rubric: str | None,
) -> Draft:
    row = row_of(ledger, sample)
    fields = {
        "after": None,
        "dimensions": sorted([name, text_of(micro(value))] for name, value in scores.items()),
        "evidence": None,
        "notes": [],
        "replicate": 0,
        "rubric": rubric,
        "sample": sample,
        "scorer": scorer,
        "scorer_version": version,
        "unscored": sorted([name, reason] for name, reason in unscored.items()),
        "version": row.hash.hex(),
    }
    return draft("scored", row.sample, row.version, fields)
