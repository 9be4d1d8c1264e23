"""Samples with scores, and policies over them, as drawn: small, and such that nearly every sample can be flipped."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ledger import Ledger
from ledger.rule import AllOf, AnyOf, Compare, LabelRule, Levels, Policy, Rule, Score, Threshold
from tests import policy_model as book
from tests.judged import decide, ingested, score
from tests.small import chat, write


def word(value: Any) -> str:  # noqa: ANN401 - a status, or a label
    """Return a status or a label as whatif names it."""
    return "none" if value is None else str(value).lower()


def policies() -> SearchStrategy[Policy]:
    """Return policies of a few rules over two thresholds, in which most samples can be flipped."""
    names = st.sampled_from(["quality", "coherence"])
    amounts = st.sampled_from([250_000, 400_000, 500_000, 750_000])
    own = st.dictionaries(st.sampled_from(["asm", "a b"]), amounts).map(lambda found: tuple(sorted(found.items())))
    cross = st.sampled_from(["min", "max", "mean", None, 600_000])
    compare = st.builds(
        Compare,
        names.map(Score),
        st.sampled_from(["<", "<=", ">", ">="]),
        st.sampled_from(["low", "high"]).map(Threshold),
    )
    when = compare | st.builds(AnyOf, st.tuples(compare, compare)) | st.builds(AllOf, st.tuples(compare, compare))
    outcomes = st.sampled_from(["accepted", "rejected", "deferred"])
    rules = st.lists(st.tuples(outcomes, when), max_size=3)
    labels = st.lists(st.tuples(st.sampled_from([True, False, None]), when), max_size=2)
    return st.builds(
        lambda rules, labels, low, high, default, unknown: Policy(
            "drawn",
            rules=tuple(Rule(f"r{n}", *rule) for n, rule in enumerate(rules)),
            labels=tuple(LabelRule(f"l{n}", *rule) for n, rule in enumerate(labels)),
            thresholds=(low, high),
            default=default,
            unknown=unknown,
        ),
        rules,
        labels,
        st.builds(Levels, st.just("low"), amounts, own, cross),
        st.builds(Levels, st.just("high"), amounts, own, cross),
        outcomes,
        outcomes | st.just("ignore"),
    ).filter(book.is_sound)


class Drawn(NamedTuple):
    """A sample as drawn: where it belongs, how it came, what was measured, and what a person says after the policy."""

    domain: str
    label: bool | None
    scores: dict[str, float]
    status: str | None
    relabel: str | None


SAMPLES = st.lists(
    st.builds(
        Drawn,
        st.sampled_from(["", "asm", "cpp", "asm+cpp", "a b", "z"]),
        st.sampled_from([True, False, None]),
        st.dictionaries(st.sampled_from(["quality", "coherence"]), st.sampled_from([0.25, 0.5, 0.75]), min_size=1),
        st.sampled_from([None, None, "accept", "reject", "defer"]),
        st.sampled_from([None, None, "true", "false", "none"]),
    ),
    min_size=1,
    max_size=6,
)


@contextmanager
def decided(drawn: list[Drawn], policy: Policy) -> Iterator[tuple[Ledger, list[str]]]:
    """Yield a ledger in which a policy has decided about samples, and their ids; people have said nothing yet."""
    rows = [
        chat(f"q{n}", "a", one.label, **({"domain": one.domain} if one.domain else {})) for n, one in enumerate(drawn)
    ]
    with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "ledger.db") as ledger:
        ids = ingested(ledger, write(Path(name) / "in.jsonl", *rows))
        score(ledger, {one: each.scores for one, each in zip(ids, drawn, strict=True)})
        decide(ledger, policy)
        yield ledger, ids
