"""What a policy is, as values: conditions over what is known of a sample, and what follows where one holds.

A condition is a tree of comparisons. A comparison with something unknown (a score that is not there, findings of a
version that nobody validated) is itself unknown, and `and`, `or`, `not` carry that on as SQL does (Kleene's logic):
unknown is never a number. Numbers are millionths (`ledger.fixed`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from ledger.digest import encode
from ledger.fixed import micro, text_of

FORMAT = 1

Op: TypeAlias = Literal["<", "<=", ">", ">=", "==", "!="]
OPS: tuple[Op, ...] = ("<", "<=", ">", ">=", "==", "!=")
FIELDS = ("campaign", "domain", "form", "label", "rule", "source", "split", "status", "type")
"""What a condition may ask of a sample beside scores, findings and tags.

A policy may not ask for `rule`, `split` and `status`, which decisions make; its `label` is the one without policies.
"""
MADE = ("rule", "split", "status")
"""The fields that decisions make."""
COMBINES = ("latest", "first", "mean", "median", "min", "max", "agree")
OUTCOMES = ("accepted", "rejected", "deferred")
UNKNOWN = (*OUTCOMES, "ignore")
"""What a policy does with a sample whose rules cannot all be told: an outcome, or go by those that can be."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number written into the condition, in millionths."""

    value: int


@dataclass(frozen=True, slots=True)
class Text:
    """A text written into the condition; of the field `label` it is `true`, `false` or `none`."""

    value: str


@dataclass(frozen=True, slots=True)
class Score:
    """A dimension as scorers measured it; several scores are combined as the policy says."""

    dimension: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A weighted mean of dimensions that the policy names."""

    name: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that the policy names, with a value for each domain."""

    name: str


@dataclass(frozen=True, slots=True)
class Findings:
    """How many findings the latest validation has whose rule matches a glob (`tools/*`) and whose severity is this."""

    rule: str
    severity: Literal["error", "warning"] | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A text about the sample: one of FIELDS; '' where there is none."""

    name: str


@dataclass(frozen=True, slots=True)
class Tag:
    """The value of a tag; '' where there is none."""

    name: str


Operand: TypeAlias = Number | Text | Score | Measure | Threshold | Findings | Field | Tag
Observed: TypeAlias = Score | Findings
"""What is looked up as a number; the other side is a Number or a Threshold."""


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison: Score, Measure or Findings with Number or Threshold; Field or Tag with Text (== or !=)."""

    left: Operand
    op: Op
    right: Operand


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition: TypeAlias = Compare | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Choice:
    """Which scores count (all scorers, or these only, in this order) and how several of one dimension combine.

    `first`: the latest of the first scorer in the list that has one. `agree`: their mean, unknown where the largest
    and the smallest are further apart than `tolerance`.
    """

    combine: str = "latest"
    scorers: tuple[str, ...] = ()
    tolerance: int = 0


@dataclass(frozen=True, slots=True)
class Weighted:
    """A weighted mean: dimension -> weight in ten-thousandths; `invert` counts 1 - value.

    Where a dimension is not known: `defer` makes the mean unknown, `renormalise` takes the mean of those that are.
    """

    name: str
    weights: tuple[tuple[str, int], ...]
    invert: frozenset[str] = frozenset()
    missing: Literal["defer", "renormalise"] = "defer"


@dataclass(frozen=True, slots=True)
class Levels:
    """The values of a threshold: by domain, for domains joined with + (`cross`), and for all others.

    `cross` is a number, or min, max or mean (cut down to whole millionths) of the values that the parts have; None: as
    for any other domain. A domain that has a value of its own has that one, joined or not. Domains stand sorted, so
    that the digest of a policy does not depend on the order in which they were written.
    """

    name: str
    default: int
    domains: tuple[tuple[str, int], ...] = ()
    cross: int | Literal["min", "max", "mean"] | None = None

    def at(self, domain: str) -> int:
        """Return the value for one domain."""
        own = dict(self.domains)
        if domain in own or "+" not in domain or self.cross is None:
            return own.get(domain, self.default)
        if isinstance(self.cross, int):
            return self.cross
        parts = [own.get(part, self.default) for part in domain.split("+")]
        if self.cross == "mean":
            return sum(parts) // len(parts)
        return min(parts) if self.cross == "min" else max(parts)


@dataclass(frozen=True, slots=True)
class Rule:
    """What follows for the status where a condition holds; the first rule in a policy's order that holds decides."""

    name: str
    outcome: str
    when: Condition


@dataclass(frozen=True, slots=True)
class LabelRule:
    """What follows for the label; all rules that hold are named, the first one's label stands."""

    name: str
    label: bool | None
    when: Condition


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `keep` accepted samples for each combination of `per`; the best by `best` stay, the others get `outcome`.

    `per` holds fingerprint, near (near-duplicates), prompt, family, campaign, domain, label, source, `tag.NAME`,
    `near.FIELD` or `template.FIELD`; what is in no family of templates is not limited. Equal values of `best` (or no
    `best`) fall to the smaller (blob hash, sample id). Unknown is the worst. With `spread`, one of each value of it
    (campaign, domain, label, source, `tag.NAME`) comes before the second of any.
    """

    name: str
    outcome: str
    per: tuple[str, ...]
    keep: int
    best: str | None = None
    spread: str | None = None

    def as_json(self) -> list[Any]:
        """Return it as a list of plain values, `spread` only where it is asked for."""
        made = [self.name, self.outcome, list(self.per), self.keep, self.best]
        return made if self.spread is None else [*made, self.spread]


class Trusted(NamedTuple):
    """Proposals that are accepted at once: those with one of these verdicts by one of these actors, named exactly."""

    verdicts: tuple[str, ...]
    actors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A set of rules, frozen. `headline` is the score or measure that reports rank and draw by."""

    name: str
    rules: tuple[Rule, ...] = ()
    labels: tuple[LabelRule, ...] = ()
    caps: tuple[Cap, ...] = ()
    thresholds: tuple[Levels, ...] = ()
    measures: tuple[Weighted, ...] = ()
    scores: Choice = field(default_factory=Choice)
    default: str = "accepted"
    unknown: str = "deferred"
    headline: str | None = None
    proposals: tuple[Trusted, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the frozen policy: restricted JSON, whose BLAKE3 is the policy's digest."""
        return encode(as_json(self))


def observed(policy: Policy) -> tuple[Observed, ...]:
    """Return the numbers that a policy looks up, each once: those of its measures first, then as its rules ask."""
    found: dict[Observed, None] = {}
    for weighted in policy.measures:
        found.update(dict.fromkeys(Score(dimension) for dimension, _ in weighted.weights))
    for compare in comparisons(policy):
        if isinstance(compare.left, (Score, Findings)):
            found.setdefault(compare.left)
    known = {weighted.name for weighted in policy.measures}
    for name in (policy.headline, *(cap.best for cap in policy.caps)):
        if name is not None and name not in known:
            found.setdefault(Score(name))
    return tuple(found)


def comparisons(policy: Policy) -> Iterator[Compare]:
    """Yield every comparison of a policy's rules, in their order."""
    for when in (*(rule.when for rule in policy.rules), *(rule.when for rule in policy.labels)):
        yield from compared(when)


def compared(condition: Condition) -> Iterator[Compare]:
    """Yield every comparison in a condition."""
    if isinstance(condition, Compare):
        yield condition
    elif isinstance(condition, Not):
        yield from compared(condition.part)
    else:
        for part in condition.parts:
            yield from compared(part)


def as_json(policy: Policy) -> dict[str, Any]:
    """Return a policy as restricted JSON; names stand in lists because they need not be ASCII, as keys must be."""
    trusted = {"proposals": [[list(part) for part in one] for one in policy.proposals]} if policy.proposals else {}
    return {
        **trusted,
        "caps": [cap.as_json() for cap in policy.caps],
        "default": policy.default,
        "format": FORMAT,
        "headline": policy.headline,
        "labels": [[rule.name, rule.label, condition_json(rule.when)] for rule in policy.labels],
        "measures": [
            [w.name, [[dim, weight] for dim, weight in w.weights], sorted(w.invert), w.missing] for w in policy.measures
        ],
        "name": policy.name,
        "rules": [[rule.name, rule.outcome, condition_json(rule.when)] for rule in policy.rules],
        "scores": [policy.scores.combine, list(policy.scores.scorers), text_of(policy.scores.tolerance)],
        "thresholds": [
            [
                levels.name,
                text_of(levels.default),
                [[domain, text_of(value)] for domain, value in levels.domains],
                text_of(levels.cross) if isinstance(levels.cross, int) else levels.cross,
            ]
            for levels in policy.thresholds
        ],
        "unknown": policy.unknown,
    }


def policy_of(value: Mapping[str, Any]) -> Policy:
    """Return the policy that `as_json` made `value` of; raise ValueError for a newer format, or for something else."""
    try:
        if value["format"] != FORMAT:
            raise ValueError(f"a policy of format {value['format']}; this version knows {FORMAT}")
        return _policy_of(value)
    except (TypeError, LookupError, RecursionError) as error:
        raise ValueError(f"not a frozen policy: {error}") from error


def _policy_of(value: Mapping[str, Any]) -> Policy:
    combine, scorers, tolerance = value["scores"]
    return Policy(
        name=value["name"],
        rules=tuple(Rule(name, outcome, condition_of(when)) for name, outcome, when in value["rules"]),
        labels=tuple(LabelRule(name, label, condition_of(when)) for name, label, when in value["labels"]),
        caps=tuple(Cap(name, outcome, tuple(per), *more) for name, outcome, per, *more in value["caps"]),
        thresholds=tuple(
            Levels(name, micro(default), tuple((domain, micro(text)) for domain, text in domains), _cross_of(cross))
            for name, default, domains, cross in value["thresholds"]
        ),
        measures=tuple(
            Weighted(name, tuple((dim, weight) for dim, weight in weights), frozenset(invert), missing)
            for name, weights, invert, missing in value["measures"]
        ),
        scores=Choice(combine, tuple(scorers), micro(tolerance)),
        default=value["default"],
        unknown=value["unknown"],
        headline=value["headline"],
        proposals=tuple(Trusted(tuple(verdicts), tuple(actors)) for verdicts, actors in value.get("proposals", ())),
    )


def condition_json(condition: Condition) -> list[Any]:
    """Return a condition in prefix notation: `["<", ["score", "diversity"], ["threshold", "min_diversity"]]`."""
    if isinstance(condition, Compare):
        return [condition.op, _operand_json(condition.left), _operand_json(condition.right)]
    if isinstance(condition, Not):
        return ["not", condition_json(condition.part)]
    word = "and" if isinstance(condition, AllOf) else "or"
    return [word, *(condition_json(part) for part in condition.parts)]


def condition_of(value: list[Any]) -> Condition:
    """Return the condition that `condition_json` made `value` of; raise ValueError, TypeError, LookupError."""
    word, *rest = value
    if word == "not":
        return Not(condition_of(rest[0]))
    if word in {"and", "or"}:
        parts = tuple(condition_of(part) for part in rest)
        return AllOf(parts) if word == "and" else AnyOf(parts)
    if word not in OPS:
        raise ValueError(f"no comparison {word!r}")
    return Compare(_operand_of(rest[0]), word, _operand_of(rest[1]))


_NAMED: dict[str, type[Text | Score | Measure | Threshold | Field | Tag]] = {
    "field": Field,
    "measure": Measure,
    "score": Score,
    "tag": Tag,
    "text": Text,
    "threshold": Threshold,
}
_WORDS = {kind: word for word, kind in _NAMED.items()}


def _operand_json(operand: Operand) -> list[Any]:
    if isinstance(operand, Number):
        return ["number", text_of(operand.value)]
    if isinstance(operand, Findings):
        return ["findings", operand.rule, operand.severity]
    if isinstance(operand, Text):
        return ["text", operand.value]
    name = operand.dimension if isinstance(operand, Score) else operand.name
    return [_WORDS[type(operand)], name]


def _operand_of(value: list[Any]) -> Operand:
    word, *rest = value
    if word == "number":
        return Number(micro(rest[0]))
    if word == "findings":
        return Findings(rest[0], rest[1])
    return _NAMED[word](rest[0])


def _cross_of(value: str | None) -> Any:  # noqa: ANN401 - a number or one of three words
    return value if value in {None, "min", "max", "mean"} else micro(value)
