"""What a manifest says about a plan for KTO: how skewed the labels are, what was repeated, and which weights fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLACES = 4


class LabelWeights(TypedDict):
    """The least and the most that one of KTOConfig's weights may be while the other is 1, as decimal text."""

    desirable_weight: list[str]
    undesirable_weight: list[str]


class KtoFacts(TypedDict):
    """Facts of a plan, in rows, as they stand in a manifest.

    `minority` counts the eligible rows of the rarer label, `majority_label` is the other label (None: as many of
    both), `batch_needed` the smallest batch in which both labels stand everywhere without a thinning: ceil(N / m).
    `thinned` rows were cut by the ratio. `repeated` rows are beyond the first of their sample; `repeats_left_out`
    rows were lost by weighted samples, besides the row that each omitted sample counts for.
    """

    minority: int
    majority_label: bool | None
    batch_needed: int
    thinned: int
    label_weights: LabelWeights
    repeated: int
    repeats_left_out: int


def kto_facts(eligible: Sequence[int], labels: Sequence[bool], *, used: int, thinned: int, left_out: int) -> KtoFacts:
    """Return the facts: `eligible` are the labels (0 or 1) before anything was cut, `labels` those of the file.

    Both hold both labels. `used` samples have a row; `left_out` is as in `repeats_left_out`.
    """
    n_true = sum(eligible)
    n_false = len(eligible) - n_true
    minority = min(n_true, n_false)
    return {
        "minority": minority,
        "majority_label": None if n_true == n_false else n_true > n_false,
        "batch_needed": -(-len(eligible) // minority),
        "thinned": thinned,
        "label_weights": label_weights(sum(labels), len(labels) - sum(labels)),
        "repeated": len(labels) - used,
        "repeats_left_out": left_out,
    }


def label_weights(n_true: int, n_false: int) -> LabelWeights:
    """Return the weights with which desirable_weight * n_true : undesirable_weight * n_false lies in [1, 4/3].

    That is the advice of the KTO paper (equation 8) that TRL's trainer checks; one weight differs from 1, not both.
    The least is rounded up and the most down, so each number that is stated lies in the range itself.
    """
    return {
        "desirable_weight": [_decimal(n_false, n_true, up=True), _decimal(4 * n_false, 3 * n_true, up=False)],
        "undesirable_weight": [_decimal(3 * n_true, 4 * n_false, up=True), _decimal(n_true, n_false, up=False)],
    }


def _decimal(numerator: int, denominator: int, *, up: bool) -> str:
    """Return a fraction with four places, and more below a tenth: a skew must not round the range away."""
    places = _PLACES
    while numerator * 10**places < 10 ** (_PLACES - 1) * denominator:
        places += 1
    scaled = numerator * 10**places
    whole = -(-scaled // denominator) if up else scaled // denominator
    return f"{whole // 10**places}.{whole % 10**places:0{places}d}"
