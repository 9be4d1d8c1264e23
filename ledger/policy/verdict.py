"""What is known of a sample, and what a policy says of it, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple

from ledger.fixed import half_away
from ledger.rule import Choice, Observed

FAR = 10**15
"""The margin, in millionths, of a comparison that no threshold could change."""
DEFAULT = "default"
UNKNOWN = "unknown"
"""What is named as the rule where no rule decides."""


class Unset(Enum):
    """No label rule holds: the sample has the label that it has without policies."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


class Facts(NamedTuple):
    """What is known of one sample.

    Numbers are in millionths, a count of findings too (two are 2,000,000), None or absent where unknown. Texts are ''
    or absent where there is none; the field `label` is true, false or none.
    """

    numbers: Mapping[Observed, int | None]
    fields: Mapping[str, str]
    tags: Mapping[str, str]


class Compared(NamedTuple):
    """One comparison with both sides, millionths or texts; `margin` is None where it is unknown or FAR."""

    what: str
    op: str
    observed: int | str | None
    threshold: int | str
    margin: int | None


class Failed(NamedTuple):
    """A rule that holds, with the comparison in it that would give way first."""

    rule: str
    observed: int | str | None
    threshold: int | str | None
    margin: int | None


class Lacking(NamedTuple):
    """A rule that cannot be told, and the names of the numbers that it lacks."""

    rule: str
    lacks: tuple[str, ...]


class Verdict(NamedTuple):
    """What a policy says of one sample.

    `rule` is `unknown` or `default` where no rule decides. `margin` is the smallest of all rules that hold and have the
    same outcome (what must be escaped) or, where no rule decides, of all that do not hold (the nearest miss).
    `decisive` is the comparison of the deciding rule, or of the nearest miss, that would give way first. `compared`
    holds every comparison of the deciding rule, `failed` every other rule that holds, `components` the measures and
    scores that the policy looks up.
    """

    outcome: str
    rule: str
    margin: int | None
    decisive: Compared | None
    compared: tuple[Compared, ...]
    failed: tuple[Failed, ...]
    unknown: tuple[Lacking, ...]
    label: bool | Unset | None
    label_rules: tuple[str, ...]
    label_compared: tuple[Compared, ...]
    label_unknown: tuple[Lacking, ...]
    components: tuple[tuple[str, int | None], ...]


def combined(choice: Choice, scores: Sequence[tuple[str, int]]) -> int | None:
    """Return the one value of a dimension that counts, of `(scorer, value)` in the order of the log; None if none."""
    listed = [value for scorer, value in scores if not choice.scorers or scorer in choice.scorers]
    if not listed:
        return None
    if choice.combine in {"latest", "first"}:
        best = next((wanted for wanted in choice.scorers if any(scorer == wanted for scorer, _ in scores)), None)
        first = choice.combine == "first" and best is not None
        return [value for scorer, value in scores if scorer == best][-1] if first else listed[-1]
    ordered = sorted(listed)
    if choice.combine in {"min", "max"}:
        return ordered[0 if choice.combine == "min" else -1]
    if choice.combine == "median":
        ordered = ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1]
    if choice.combine == "agree" and ordered[-1] - ordered[0] > choice.tolerance:
        return None
    return half_away(sum(ordered), len(ordered))
