"""Whether scorers agree: pairs of scorings of one content, the labels that each would give, and drifting means.

A *pair* is two scorings of one fingerprint: of two samples that teach the same, or of one sample by several scorers or
attempts. Of n scorings of a fingerprint there are n (n - 1) / 2 pairs; the 50 oldest are paired, and what is beyond is
counted. Scores under two rubrics are not compared (one that names no rubric is compared with any), nor scorings that
share no dimension. Of a pair, the dimensions that both have are compared, and the labels that the policy in force would
give to each scoring alone: the label `given` where no label rule holds, `accepted` or not for a policy without label
rules. Where that cannot be told, or where two policies would tell it, a pair has no labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from ledger.digest import show as shown
from ledger.errors import BadRequest
from ledger.fixed import ONE, exactly, text_of
from ledger.reports.drift import drift
from ledger.reports.intervals import kappa, share
from ledger.rule import Compare, LabelRule, Number, Policy, Score
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.views import agreement as views
from ledger.views import policies, samples, scores

LIMIT = 20
"""Flips, batches and scorers that are listed; all are counted."""

MOST_THRESHOLDS = 60
"""Dimensions that can have a threshold in one question: which of them are missed is kept in one whole number."""

BY = ("scorer", "batch")
_Example = tuple[views.Scoring, views.Scoring]


def agreement(
    store: Store,
    campaign: str | None = None,
    by: str | None = None,
    thresholds: Sequence[str] = (),
    limit: int = LIMIT,
) -> dict[str, Any]:
    """Return the answer to `ledger agreement`, of all samples or of one campaign's.

    `thresholds` such as `overall_quality=3.0` take the place of the policy: a scoring below one of them is labelled
    false. `by` (scorer or batch) is the drift to look at; None: both. Raises BadRequest.
    """
    if by not in {None, *BY}:
        raise BadRequest(f"Drift is by {' or '.join(BY)}, not by {by!r}")
    policy = _policy(store, thresholds)
    everything, by_pair, examples = _Tally(), dict[tuple[str, str], _Tally](), list[_Example]()
    other_rubric = nothing_shared = 0
    with views.found(store.connection, campaign, policy):
        fingerprints, scorings, beyond = views.counts(store.connection)
        for group in views.scorings(store.connection):
            for one, other in combinations(group, 2):
                if one.rubric and other.rubric and one.rubric != other.rubric:
                    other_rubric += 1
                    continue
                if one.values.keys().isdisjoint(other.values):
                    nothing_shared += 1
                    continue
                names = (_scorer(one), _scorer(other))
                by_pair.setdefault((min(names), max(names)), _Tally()).add(one, other)
                if everything.add(one, other) and len(examples) < limit:
                    examples.append((one, other))
    return {
        **everything.as_json(),
        "between_samples": everything.between,
        "within_sample": everything.pairs - everything.between,
        "other_rubric": other_rubric,
        "nothing_shared": nothing_shared,
        "fingerprints": fingerprints,
        "scorings": scorings,
        "beyond": beyond,
        "labels_by": _labels_by(store, campaign, policy),
        "scorers": [{"scorers": list(names), **tally.as_json()} for names, tally in sorted(by_pair.items())],
        "examples": _examples(store, examples),
        **drift(store, campaign, [by] if by is not None else list(BY), limit),
        "campaign": campaign,
    }


class _Tally:
    """Counts what pairs agree on."""

    def __init__(self) -> None:
        self.pairs = self.between = self._equal = 0
        self._labels: Counter[str] = Counter()
        self._dimensions: dict[str, list[int]] = {}

    def add(self, one: views.Scoring, other: views.Scoring) -> bool:
        """Count a pair; say whether its labels differ."""
        self.pairs += 1
        self.between += one.sample != other.sample
        for dimension, value in one.values.items():
            against = other.values.get(dimension)
            if against is not None:
                counted = self._dimensions.setdefault(dimension, [0, 0, 0])
                counted[0] += 1
                counted[1] += value == against
                counted[2] += abs(value - against)
        if one.label is None or other.label is None or one.policy != other.policy:
            return False
        self._labels.update((one.label, other.label))
        self._equal += one.label == other.label
        return one.label != other.label

    def as_json(self) -> dict[str, Any]:
        """Return shares and means, rounded to six places; null where there is nothing to tell them from."""
        labelled = self._labels.total() // 2
        return {
            "pairs": self.pairs,
            "labelled": labelled,
            "label_agreement": share(self._equal, labelled),
            "kappa": kappa(labelled, self._equal, self._labels.values()),
            "flips": labelled - self._equal if labelled else None,
            "dimensions": {
                name: {
                    "pairs": pairs,
                    "equal": equal,
                    "exact": share(equal, pairs),
                    "mean_abs_diff": share(apart, pairs * ONE),
                }
                for name, (pairs, equal, apart) in sorted(self._dimensions.items())
            },
        }


def _policy(store: Store, thresholds: Sequence[str]) -> Policy | None:
    """Return the policy that some thresholds come to; None where there are none."""
    if not thresholds:
        return None
    rules: dict[str, LabelRule] = {}
    known = scores.dimensions(store.connection)
    for text in thresholds:
        dimension, equals, number = (part.strip() for part in text.partition("="))
        try:
            value = exactly(number)
        except ValueError as error:
            raise BadRequest(f"--threshold {text[:200]!r} is not DIMENSION=NUMBER: {error}") from error
        if not equals or dimension not in known:
            listed = ", ".join(known) or "none yet"
            raise BadRequest(f"No dimension {dimension[:200]!r} was ever scored; there are {listed}")
        rules[dimension] = LabelRule(dimension, label=False, when=Compare(Score(dimension), "<", Number(value)))
    if len(rules) > MOST_THRESHOLDS:
        raise BadRequest(f"{len(rules)} thresholds are too many; the most are {MOST_THRESHOLDS}")
    return Policy("thresholds", labels=tuple(rules.values()))


def _labels_by(store: Store, campaign: str | None, policy: Policy | None) -> list[dict[str, Any]]:
    """Return what gave the labels: the policies in force, or thresholds."""
    if policy is not None:
        rules = [rule.when for rule in policy.labels]
        return [{"thresholds": {c.left.dimension: text_of(c.right.value) for c in rules}}]  # type: ignore[union-attr]
    if campaign is None:
        standing = policies.in_force(store.connection)
    else:
        covering = policies.in_force_for(store.connection, campaign)
        standing = [] if covering is None else [covering]
    return [{"name": a.name, "policy": shown(a.digest), "campaign": a.campaign} for a in standing]


def _examples(store: Store, found: list[_Example]) -> list[dict[str, Any]]:
    """Return pairs whose labels differ, with their numbers side by side."""
    rows: dict[int, samples.Row] = {}
    for chunk in in_chunks(sorted({each.sample for pair in found for each in pair})):
        rows |= samples.rows_of(store.connection, chunk)
    return [
        {
            "fingerprint": shown(one.fingerprint),
            "samples": [rows[each.sample].id.hex() for each in (one, other)],
            "sources": [rows[each.sample].source for each in (one, other)],
            "scorers": [_scorer(each) for each in (one, other)],
            "labels": [one.label, other.label],
            "values": {
                name: [text_of(value), text_of(other.values[name])]
                for name, value in sorted(one.values.items())
                if name in other.values
            },
        }
        for one, other in found
    ]


def _scorer(scoring: views.Scoring) -> str:
    return f"{scoring.scorer}@{scoring.scorer_version}"
