"""What makes a policy unsound although each of its parts can be read: names, limits, contradictions.

A fault is raised as Fault with the keys that lead to it; who read the policy knows what line that is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ledger.policy.expression import NEAR, RESERVED, hint
from ledger.policy.logic import Normal, always, follows, never, normal
from ledger.policy.writing import is_name
from ledger.rule import Cap, Field, LabelRule, Levels, Policy, Rule, Tag, comparisons, observed
from ledger.toml_text import Path

MOST_NUMBERS = 16
"""Numbers that one policy may look up."""
MOST_TEXTS = 60
"""Different comparisons of texts in one policy."""
MOST_RULES = 60
"""Rules for the status and for the label together."""
MOST_CAPS = 20
"""Each is a SELECT around the one before it, and what SQLite can parse in one statement is limited."""
MOST_GROUPS = 8
"""What one cap can count by."""
MOST_THRESHOLDS = 100
MOST_MEASURES = 20
MOST_LEVELS = 5_000
"""Values of thresholds in single domains, all together."""
LONGEST_NAME = 100
LONGEST_DOMAIN = 1_000
MOST_KEPT = 1_000_000
MOST_TRUSTED = 20
"""Tables of proposals that are accepted at once."""
MOST_ACTORS = 100
"""Names in one of them."""
VERDICTS = ("accept", "reject", "defer", "label-true", "label-false", "label-none")
"""What can be proposed of samples."""
HEAVIEST = 100 * 10_000
"""The sum of a measure's weights, in ten-thousandths."""
GROUPS = ("fingerprint", "near", "prompt", "family", "campaign", "domain", "label", "source")
SPREADS = ("campaign", "domain", "label", "source")
_DOTTED = ("tag.", "near.", "template.")
_GROUPS = f"{', '.join(GROUPS)}, tag.NAME, near.FIELD or template.FIELD"
"""What a cap can count by, beside `tag.NAME`."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Fault(ValueError):  # noqa: N818 - what is wrong; the callers turn it into an error with its place
    """Something is wrong at `path`; `what` is a sentence without its final stop, remedy included.

    `at` is the character, from 1, where the value is a condition.
    """

    def __init__(self, path: Path, what: str, at: int = 0) -> None:
        """Keep the place and the sentence."""
        super().__init__(what)
        self.path = path
        self.what = what
        self.at = at


def check(policy: Policy) -> None:
    """Raise Fault unless a policy is sound."""
    if not (policy.rules or policy.labels or policy.caps):
        raise Fault((), "the policy is empty; it needs at least one [[rule]], [[label]] or [[cap]]")
    _check_names(policy)
    _check_measures(policy)
    _check_limits(policy)
    _check_caps(policy)
    _check_headline(policy)
    _check_proposals(policy)
    thresholds = {levels.name: levels for levels in policy.thresholds}
    rules = [(rule, normal(rule.when)) for rule in policy.rules]
    labels = [(rule, normal(rule.when)) for rule in policy.labels]
    _check_possible("rule", rules, thresholds)
    _check_possible("label", labels, thresholds)
    _check_reached(rules, thresholds)
    _check_labels(labels)


def check_name(path: Path, what: str, name: str, longest: int = LONGEST_NAME) -> str:
    """Return a name; raise Fault if it is empty, too long, or holds what nobody can see."""
    if not name or name != name.strip():
        raise Fault(path, f"{what} must not be empty nor begin or end with a space")
    if len(name) > longest:
        raise Fault(path, f"{what} has {len(name)} characters; the most are {longest}")
    if _CONTROL.search(name) or (longest == LONGEST_NAME and not name.isprintable()):
        raise Fault(path, f"{what} holds characters that cannot be printed")
    return name


def too_many(path: Path, what: str, count: int, most: int) -> None:
    """Raise Fault if there are more than `most`."""
    if count > most:
        raise Fault(path, f"the policy has {count:,} {what}; the most are {most:,}")


def outcome_key(rule: Rule | LabelRule) -> str:
    """Return the key under which a rule's condition is written: what follows where it holds."""
    if isinstance(rule, LabelRule):
        return "none" if rule.label is None else str(rule.label).lower()
    return {"accepted": "accept", "rejected": "reject", "deferred": "defer"}[rule.outcome]


def _check_names(policy: Policy) -> None:
    check_name(("name",), "the policy's name", policy.name)
    deciding: list[tuple[Path, str]] = [(("rule", i, "name"), rule.name) for i, rule in enumerate(policy.rules)]
    deciding += [(("cap", i, "name"), cap.name) for i, cap in enumerate(policy.caps)]
    labelling: list[tuple[Path, str]] = [(("label", i, "name"), rule.name) for i, rule in enumerate(policy.labels)]
    for path, name in (*deciding, *labelling):
        check_name(path, "a rule's name", name)
        if name in {"default", "unknown"}:
            raise Fault(path, f"a rule cannot be called {name!r}, which stands for samples that no rule decided")
    for path, name in labelling:
        if "+" in name:
            raise Fault(path, f"the name {name!r} holds a +, which joins the names of the label rules that hold")
    _check_unique(deciding, "rule or cap")
    _check_unique(labelling, "label rule")
    for levels in policy.thresholds:
        _check_word(("threshold", levels.name), "threshold", levels.name)
    for weighted in policy.measures:
        _check_word(("measure", weighted.name), "measure", weighted.name)
        if any(weighted.name == levels.name for levels in policy.thresholds):
            what = f"{weighted.name!r} is the name of a measure and of a threshold; give them different ones"
            raise Fault(("measure", weighted.name), what)


def _check_unique(named: Iterable[tuple[Path, str]], kind: str) -> None:
    seen: set[str] = set()
    for path, name in named:
        if name in seen:
            raise Fault(path, f"there is another {kind} called {name!r}; names must differ, because reports go by them")
        seen.add(name)


def _check_word(path: Path, kind: str, name: str) -> None:
    check_name(path, f"a {kind}'s name", name)
    if name in RESERVED:
        raise Fault(path, f"a {kind} cannot be called {name!r}, which means something else in conditions")
    if not is_name(name):
        what = (
            f"a {kind}'s name stands in conditions, so it is letters, digits and _ and begins with none of the digits"
        )
        raise Fault(path, f"{what}; {name!r} is not")


def _check_measures(policy: Policy) -> None:
    for weighted in policy.measures:
        path: Path = ("measure", weighted.name)
        if not weighted.weights:
            raise Fault((*path, "weights"), "a measure needs at least one weight: weights = { diversity = 1 }")
        for dimension, weight in weighted.weights:
            check_name((*path, "weights", dimension), "a score's name", dimension)
            if weight <= 0:
                raise Fault((*path, "weights", dimension), "a weight must be more than 0; leave the score out instead")
        if sum(weight for _, weight in weighted.weights) > HEAVIEST:
            raise Fault((*path, "weights"), "the weights of a measure add up to 100 at most")
        for dimension in sorted(weighted.invert):
            known = [name for name, _ in weighted.weights]
            if dimension not in known:
                raise Fault((*path, "invert"), f"{dimension!r} has no weight here{hint(dimension, known)}")


def _check_limits(policy: Policy) -> None:
    rules = len(policy.rules)
    path: Path = ("rule", MOST_RULES) if rules > MOST_RULES else ("label", MOST_RULES - rules)
    too_many(path, "rules", rules + len(policy.labels), MOST_RULES)
    too_many(("cap", MOST_CAPS), "caps", len(policy.caps), MOST_CAPS)
    values = sum(len(levels.domains) for levels in policy.thresholds)
    too_many(("domain",), "values of thresholds in single domains", values, MOST_LEVELS)
    numbers = len(observed(policy))
    if numbers > MOST_NUMBERS:
        what = f"the policy looks up {numbers} different scores and counts of findings; the most are {MOST_NUMBERS}"
        raise Fault((), f"{what}. Split it into two policies")
    texts = len({compare for compare in comparisons(policy) if isinstance(compare.left, (Field, Tag))})
    if texts > MOST_TEXTS:
        raise Fault((), f"the policy holds {texts} different comparisons of texts; the most are {MOST_TEXTS}")


def _check_caps(policy: Policy) -> None:
    for index, cap in enumerate(policy.caps):
        path: Path = ("cap", index)
        if not 1 <= cap.keep <= MOST_KEPT:
            raise Fault((*path, "keep"), f"keep is a whole number from 1 to {MOST_KEPT:,}")
        _check_per((*path, "per"), cap)
        if cap.best is not None:
            _check_looked_up((*path, "best"), cap.best, policy)
        if cap.spread is not None and cap.spread not in SPREADS and not _is_dotted(cap.spread, ("tag.",)):
            raise Fault((*path, "spread"), f"spread is one of {', '.join(SPREADS)} or tag.NAME, not {cap.spread!r}")


def _check_per(path: Path, cap: Cap) -> None:
    if not cap.per:
        raise Fault(path, f"per needs at least one of {_GROUPS}")
    too_many((*path, MOST_GROUPS), "names under per", len(cap.per), MOST_GROUPS)
    for place, group in enumerate(cap.per):
        if group not in GROUPS and not _is_dotted(group, _DOTTED):
            close = hint(group, GROUPS) or f"; there are {_GROUPS}"
            raise Fault((*path, place), f"nothing can be counted per {group!r}{close}")
        check_name((*path, place), "a group's name", group, LONGEST_DOMAIN)
    if len(set(cap.per)) < len(cap.per):
        raise Fault(path, "per names the same twice")


def _is_dotted(group: str, kinds: tuple[str, ...]) -> bool:
    return any(group.startswith(kind) and len(group) > len(kind) for kind in kinds)


def _check_headline(policy: Policy) -> None:
    if policy.headline is not None:
        _check_looked_up(("headline",), policy.headline, policy)


def _check_proposals(policy: Policy) -> None:
    too_many(("proposals", MOST_TRUSTED), "tables of proposals", len(policy.proposals), MOST_TRUSTED)
    for index, trusted in enumerate(policy.proposals):
        path: Path = ("proposals", index)
        _check_listed((*path, "verdicts"), trusted.verdicts, 'verdicts = ["reject"]')
        _check_listed((*path, "actors"), trusted.actors, 'actors = ["alice"]')
        too_many((*path, "actors", MOST_ACTORS), "actors in one table", len(trusted.actors), MOST_ACTORS)
        for place, verdict in enumerate(trusted.verdicts):
            if verdict not in VERDICTS:
                among = hint(verdict, VERDICTS) or f"; there are {', '.join(VERDICTS)}"
                raise Fault((*path, "verdicts", place), f"nobody can propose {verdict[:100]!r}{among}")
        for place, actor in enumerate(trusted.actors):
            check_name((*path, "actors", place), "an actor's name", actor, LONGEST_DOMAIN)


def _check_listed(path: Path, names: Sequence[str], example: str) -> None:
    """Refuse a list that names nothing, which would be taken for all by some and for none by others."""
    if not names:
        raise Fault(path[:-1], f"{path[-1]} is missing here or empty; write {example}")
    if len(set(names)) < len(names):
        raise Fault(path, f"{path[-1]} names the same twice")


def _check_looked_up(path: Path, name: str, policy: Policy) -> None:
    """Refuse the name of a score that is more likely a mistyped measure."""
    check_name(path, "the name of a score or measure", name)
    measures = [weighted.name for weighted in policy.measures]
    if name == "none":
        raise Fault(path, "'none' stands for no score; leave the line out")
    if name not in measures and (close := hint(name, measures, NEAR)):
        raise Fault(path, f"there is no measure {name!r}{close}")


def _check_possible(
    kind: str, rules: Sequence[tuple[Rule | LabelRule, Normal]], thresholds: Mapping[str, Levels]
) -> None:
    for index, (rule, form) in enumerate(rules):
        if never(form, thresholds):
            what = f"the rule {rule.name!r} can never hold: its comparisons contradict one another, or ask for what is"
            raise Fault((kind, index, outcome_key(rule)), f"{what} not possible. Leave it out, or correct it")


def _check_reached(rules: Sequence[tuple[Rule, Normal]], thresholds: Mapping[str, Levels]) -> None:
    for index, (rule, form) in enumerate(rules):
        path: Path = ("rule", index, outcome_key(rule))
        for earlier, before in rules[:index]:
            if before == form and earlier.outcome != rule.outcome:
                what = f"the rules {earlier.name!r} and {rule.name!r} contradict each other: the same condition is to"
                raise Fault(path, f"{what} {outcome_key(earlier)} and to {outcome_key(rule)}. Remove one of them")
            if always(before, thresholds):
                why = f"{earlier.name!r} before it holds for every sample"
            elif before == form:
                why = f"{earlier.name!r} before it has the same condition"
            elif follows(form, before):
                why = f"{earlier.name!r} before it holds wherever this one does. Put the narrower rule first"
            else:
                continue
            raise Fault(path, f"the rule {rule.name!r} can never decide: {why}")


def _check_labels(rules: Sequence[tuple[LabelRule, Normal]]) -> None:
    for index, (rule, form) in enumerate(rules):
        for earlier, before in rules[:index]:
            if before == form and earlier.label is not rule.label:
                what = f"the label rules {earlier.name!r} and {rule.name!r} contradict each other: the same condition"
                what = f"{what} means {outcome_key(earlier)} and {outcome_key(rule)}. Remove one of them"
                raise Fault(("label", index, outcome_key(rule)), what)
