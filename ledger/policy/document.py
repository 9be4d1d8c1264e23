"""A policy as a document of plain keys and values, which is what its TOML holds, and back.

`policy_from(document_of(policy)) == policy`. Numbers in a document are texts of the class Written, so that none passes
through a float on its way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

from ledger.fixed import exactly, text_of
from ledger.policy.check import (
    LONGEST_DOMAIN,
    MOST_MEASURES,
    MOST_THRESHOLDS,
    Fault,
    check,
    check_name,
    outcome_key,
    too_many,
)
from ledger.policy.expression import Scope, hint, listed, read_condition
from ledger.policy.tokens import Unreadable
from ledger.policy.writing import condition_text
from ledger.rule import (
    COMBINES,
    FIELDS,
    MADE,
    Cap,
    Choice,
    Condition,
    LabelRule,
    Levels,
    Policy,
    Rule,
    Trusted,
    Weighted,
)
from ledger.toml_text import Path

FIELDS_OF_POLICIES = tuple(name for name in FIELDS if name not in MADE)
OUTCOME_OF = {"accept": "accepted", "reject": "rejected", "defer": "deferred"}
LABEL_OF: dict[str, bool | None] = {"true": True, "false": False, "none": None}
KEYS = ("name", "default", "unknown", "headline")
SECTIONS = ("scores", "measure", "threshold", "domain", "cross", "rule", "label", "cap", "proposals")
WEIGHT_PLACES = 4
_WORD_OF = {outcome: word for word, outcome in OUTCOME_OF.items()}
_CROSS: tuple[Literal["min", "max", "mean"], ...] = ("min", "max", "mean")
_MISSING: tuple[Literal["defer", "renormalise"], ...] = ("defer", "renormalise")
T = TypeVar("T")
L = TypeVar("L", bound=str)


class Written(str):
    """A number as it was written."""

    __slots__ = ()


def policy_from(document: Mapping[str, Any]) -> Policy:
    """Return the policy of a document; raise Fault with the keys of the first thing that is wrong."""
    top = _Table(document, (), (*KEYS, *SECTIONS))
    thresholds = _thresholds(top)
    too_many(("measure",), "measures", len(top.table("measure").value), MOST_MEASURES)
    measures = tuple(_measure(table, name) for name, table in top.tables("measure"))
    scope = Scope(FIELDS_OF_POLICIES, [m.name for m in measures], [levels.name for levels in thresholds])
    policy = Policy(
        name=top.text("name"),
        rules=tuple(_rules(top, scope)),
        labels=tuple(_labels(top, scope)),
        caps=tuple(_cap(table) for table in top.list_of("cap", ("name", "then", "per", "keep", "best", "spread"))),
        thresholds=thresholds,
        measures=measures,
        scores=_choice(top.table("scores", ("combine", "scorers", "tolerance"))),
        default=OUTCOME_OF[top.word("default", tuple(OUTCOME_OF), "accept")],
        unknown={**OUTCOME_OF, "ignore": "ignore"}[top.word("unknown", (*OUTCOME_OF, "ignore"), "defer")],
        headline=top.text("headline") if "headline" in document else None,
        proposals=tuple(
            Trusted(table.words("verdicts"), table.words("actors"))
            for table in top.list_of("proposals", Trusted._fields)
        ),
    )
    check(policy)
    return policy


def document_of(policy: Policy) -> dict[str, Any]:
    """Return the document of a policy, every setting written out."""
    scope = scope_of(policy)
    levels_by_domain: dict[str, dict[str, Written]] = {}
    for levels in policy.thresholds:
        for domain, value in levels.domains:
            levels_by_domain.setdefault(domain, {})[levels.name] = Written(text_of(value))
    made: dict[str, Any] = {"name": policy.name, "default": _WORD_OF[policy.default]}
    made["unknown"] = _WORD_OF.get(policy.unknown, policy.unknown)
    if policy.headline is not None:
        made["headline"] = policy.headline
    made["scores"] = {
        "combine": policy.scores.combine,
        "scorers": list(policy.scores.scorers),
        "tolerance": Written(text_of(policy.scores.tolerance)),
    }
    made["measure"] = {weighted.name: _measure_document(weighted) for weighted in policy.measures}
    made["threshold"] = {levels.name: Written(text_of(levels.default)) for levels in policy.thresholds}
    made["domain"] = dict(sorted(levels_by_domain.items()))
    made["cross"] = {
        levels.name: Written(text_of(levels.cross)) if isinstance(levels.cross, int) else levels.cross
        for levels in policy.thresholds
        if levels.cross is not None
    }
    for section, rules in (("rule", policy.rules), ("label", policy.labels)):
        made[section] = [{"name": rule.name, outcome_key(rule): condition_text(rule.when, scope)} for rule in (*rules,)]
    made["cap"] = [_cap_document(cap) for cap in policy.caps]
    made["proposals"] = [{key: list(names) for key, names in one._asdict().items()} for one in policy.proposals]
    return made


def scope_of(policy: Policy) -> Scope:
    """Return what names mean in a policy's conditions."""
    measures, thresholds = policy.measures, policy.thresholds
    return Scope(FIELDS_OF_POLICIES, [weighted.name for weighted in measures], [levels.name for levels in thresholds])


def weight_text(weight: int) -> str:
    """Return a weight of so many ten-thousandths as a decimal number."""
    return text_of(weight * 10 ** (6 - WEIGHT_PLACES))


def _measure_document(weighted: Weighted) -> dict[str, Any]:
    weights = {dimension: Written(weight_text(weight)) for dimension, weight in weighted.weights}
    return {"weights": weights, "invert": sorted(weighted.invert), "missing": weighted.missing}


def _cap_document(cap: Cap) -> dict[str, Any]:
    made = {"name": cap.name, "then": _WORD_OF[cap.outcome], "per": list(cap.per), "keep": cap.keep}
    more = {"best": cap.best, "spread": cap.spread}
    return {**made, **{key: value for key, value in more.items() if value is not None}}


def _thresholds(top: _Table) -> tuple[Levels, ...]:
    """Return the thresholds: their default, their values by domain, and what counts for domains joined with +."""
    defaults: dict[str, int] = {}
    crosses: dict[str, Any] = {}
    table = top.table("threshold")
    too_many(table.path, "thresholds", len(table.value), MOST_THRESHOLDS)
    for name in table.value:
        if isinstance(table.value[name], dict):
            inner = table.table(name, ("default", "cross"))
            defaults[name] = inner.number("default")
            if "cross" in inner.value:
                crosses[name] = _cross(inner, "cross")
        else:
            defaults[name] = table.number(name)
    cross = top.table("cross", tuple(defaults), "threshold")
    for name in cross.value:
        if name in crosses:
            raise Fault((*cross.path, name), f"cross of {name!r} is said twice; leave one of them out")
        crosses[name] = _cross(cross, name)
    domains: dict[str, list[tuple[str, int]]] = {name: [] for name in defaults}
    for domain, levels in top.tables("domain", tuple(defaults), "threshold"):
        check_name(levels.path, "a domain", domain, LONGEST_DOMAIN)
        for name in levels.value:
            domains[name].append((domain, levels.number(name)))
    return tuple(Levels(n, value, tuple(sorted(domains[n])), crosses.get(n)) for n, value in defaults.items())


def _cross(table: _Table, key: str) -> int | Literal["min", "max", "mean"]:
    if isinstance(table.value[key], str) and not isinstance(table.value[key], Written):
        return table.word(key, _CROSS)
    return table.number(key)


def _measure(table: _Table, name: str) -> Weighted:
    table.known(("weights", "invert", "missing"))
    weights = table.table("weights", needed=True)
    return Weighted(
        name,
        tuple((dimension, weights.number(dimension, WEIGHT_PLACES)) for dimension in weights.value),
        frozenset(table.words("invert")),
        table.word("missing", _MISSING, "defer"),
    )


def _choice(table: _Table) -> Choice:
    combine = table.word("combine", COMBINES, "latest")
    scorers = table.words("scorers")
    for index, scorer in enumerate(scorers):
        check_name((*table.path, "scorers", index), "a scorer's name", scorer)
    if len(set(scorers)) < len(scorers):
        raise Fault((*table.path, "scorers"), "scorers names the same twice")
    if combine == "first" and not scorers:
        raise Fault((*table.path, "combine"), 'combine = "first" needs scorers = [...] in the order of trust')
    tolerance = table.number("tolerance", default=0)
    if tolerance < 0:
        raise Fault((*table.path, "tolerance"), "the tolerance is 0 or more")
    return Choice(combine, scorers, tolerance)


def _rules(top: _Table, scope: Scope) -> Iterator[Rule]:
    for table in top.list_of("rule", ("name", *OUTCOME_OF)):
        name, (outcome, when) = table.text("name"), table.one_of(OUTCOME_OF, scope)
        yield Rule(name, outcome, when)


def _labels(top: _Table, scope: Scope) -> Iterator[LabelRule]:
    for table in top.list_of("label", ("name", *LABEL_OF)):
        name, (label, when) = table.text("name"), table.one_of(LABEL_OF, scope)
        yield LabelRule(name, label, when)


def _cap(table: _Table) -> Cap:
    keep = table.value.get("keep", 1)
    if isinstance(keep, bool) or not isinstance(keep, int):
        raise Fault((*table.path, "keep"), f"keep is a whole number, not {_kind(keep)}")
    outcome = OUTCOME_OF[table.word("then", ("reject", "defer"), "reject")]
    best = table.text("best") if "best" in table.value else None
    spread = table.text("spread") if "spread" in table.value else None
    return Cap(table.text("name"), outcome, table.words("per"), keep, best, spread)


class _Table:
    """One table of a document, its values asked for by kind."""

    def __init__(self, value: object, path: Path, known: Sequence[str] | None = None, kind: str = "key") -> None:
        if not isinstance(value, Mapping):
            raise Fault(path, f"{_where(path)} is a table of keys and values, not {_kind(value)}")
        self.value: Mapping[str, Any] = value
        self.path = path
        if known is not None:
            self.known(known, kind)

    def known(self, known: Sequence[str], kind: str = "key") -> None:
        """Refuse keys that have no meaning here."""
        for key in self.value:
            if key not in known:
                among = listed(known) if known else "; none is defined under [threshold]"
                raise Fault((*self.path, key), f"there is no {kind} {key[:100]!r} here{hint(key, known) or among}")

    def table(self, key: str, known: Sequence[str] | None = None, kind: str = "key", *, needed: bool = False) -> _Table:
        if needed:
            self._need(key, "a table")
        return _Table(self.value.get(key, {}), (*self.path, key), known, kind)

    def tables(self, key: str, known: Sequence[str] | None = None, kind: str = "key") -> Iterator[tuple[str, _Table]]:
        outer = self.table(key)
        for name in outer.value:
            yield name, outer.table(name, known, kind)

    def list_of(self, key: str, known: Sequence[str]) -> Iterator[_Table]:
        """Yield the tables of a list, which TOML writes as [[key]]."""
        found = self.value.get(key, [])
        if not isinstance(found, list):
            raise Fault((*self.path, key), f"{key} is a list of tables; write [[{key}]] with two brackets")
        for index, value in enumerate(found):
            yield _Table(value, (*self.path, key, index), known)

    def text(self, key: str) -> str:
        self._need(key, "a text in quotes")
        value = self.value[key]
        if not isinstance(value, str) or isinstance(value, Written):
            raise Fault((*self.path, key), f"{key} is a text in quotes, not {_kind(value)}")
        return value

    def word(self, key: str, words: Sequence[L], default: L | None = None) -> L:
        """Return one of some words."""
        if default is not None and key not in self.value:
            return default
        value = self.text(key)
        for word in words:
            if value == word:
                return word
        among = f"; it is one of {', '.join(words)}"
        raise Fault((*self.path, key), f"{key} cannot be {value[:100]!r}{hint(value, words) or among}")

    def words(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; an absent one is empty."""
        value = self.value.get(key, [])
        if not isinstance(value, list):
            raise Fault((*self.path, key), f'{key} is a list of texts such as ["a", "b"], not {_kind(value)}')
        for index, item in enumerate(value):
            if not isinstance(item, str) or isinstance(item, Written):
                raise Fault((*self.path, key, index), f"{key} is a list of texts in quotes; this is {_kind(item)}")
        return tuple(value)

    def number(self, key: str, places: int = 6, default: int | None = None) -> int:
        """Return a number times 10**places."""
        if default is not None and key not in self.value:
            return default
        self._need(key, "a number")
        value = self.value[key]
        if isinstance(value, bool) or not isinstance(value, (int, Written)):
            raise Fault((*self.path, key), f"{key} is a number, not {_kind(value)}")
        try:
            return exactly(value.replace("_", "") if isinstance(value, Written) else value, places)
        except ValueError as error:
            raise Fault((*self.path, key), str(error)) from None

    def one_of(self, words: Mapping[str, T], scope: Scope) -> tuple[T, Condition]:
        """Return what follows, and the condition under which it does: exactly one of the words is a key here."""
        found = [word for word in words if word in self.value]
        if len(found) != 1:
            said = f"it says {' and '.join(found)}" if found else "it says none of them"
            what = f'a rule says exactly one of {", ".join(words)}, as in {next(iter(words))} = "CONDITION"; {said}'
            raise Fault(self.path, what)
        text = self.text(found[0])
        try:
            return words[found[0]], read_condition(text, scope)
        except Unreadable as error:
            where = f"at character {error.at} of the condition: {error.what}"
            raise Fault((*self.path, found[0]), where, error.at) from None

    def _need(self, key: str, what: str) -> None:
        if key not in self.value:
            raise Fault(self.path, f"{key} is missing here; write {key} = and {what}")


def _where(path: Path) -> str:
    return ".".join(str(key) for key in path if isinstance(key, str)) or "the policy"


def _kind(value: object) -> str:
    names: list[tuple[type | tuple[type, ...], str]] = [
        (bool, "true or false"),
        ((int, Written), "a number"),
        (str, "a text"),
        (list, "a list"),
        (Mapping, "a table"),
    ]
    return next((name for kind, name in names if isinstance(value, kind)), "a date or time")
