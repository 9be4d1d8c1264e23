"""What derived samples gained: scores before and after, what changed at all, what failed, and what it cost.

Scores are compared only where the same scorer, in the same version and under the same rubric, measured the version
that a sample was made of and the sample itself. A mean over the accepted alone is flattered by the choice of them, so
the mean over all stands beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from ledger.digest import PREFIX
from ledger.errors import BadRequest
from ledger.reports.intervals import CONFIDENCE, Interval, share, wilson, word
from ledger.reports.means import NOTHING, Sums, interval
from ledger.reports.status import STATUSES
from ledger.store import Store
from ledger.views import campaigns, spending
from ledger.views.work import dollars

_ACCEPTED = "accepted"
_FEWEST = 6
"""Digits of a recipe that name it."""


@dataclass(slots=True)
class _Compared:
    """One measure before and after, over some samples."""

    before: Sums = NOTHING
    after: Sums = NOTHING
    change: Sums = NOTHING
    signs: Counter[int] = field(default_factory=Counter)

    def add(self, before: int, after: int) -> None:
        self.before, self.after = self.before.plus(before), self.after.plus(after)
        self.change = self.change.plus(after - before)
        self.signs[(after > before) - (after < before)] += 1

    def as_json(self) -> dict[str, Any]:
        change = interval(self.change)
        return {
            "samples": self.change.many,
            "before": _ends(interval(self.before)),
            "after": _ends(interval(self.after)),
            "change": {**_ends(change), "word": word(None if self.change.many < 2 else change)},  # noqa: PLR2004 - one number varies by nothing
            "better": {"samples": self.signs[1], **_rate(wilson(self.signs[1], self.change.many))},
            "same": self.signs[0],
            "worse": self.signs[-1],
        }


@dataclass(slots=True)
class _Made:
    """What one recipe made."""

    by_status: Counter[str] = field(default_factory=Counter)
    kind: str = ""
    unchanged: int = 0
    templated: int = 0


def gains(store: Store, recipe: str | None = None, run: int | None = None) -> dict[str, Any]:
    """Return the answer to `ledger gains`: one entry for each recipe that made something or was to, as they began.

    `recipe` narrows to one, by its digest or the first digits of it; `run` to what one run did. Raises BadRequest for
    a recipe that there is none of, or more than one.
    """
    known = spending.recipes(store.connection)
    digest = None if recipe is None else _named(recipe, [name for name, _ in known])
    made = _made(spending.derived(store.connection, digest, run))
    costs = {one.recipe: one for one in spending.spent(store.connection, digest, run)}
    judged = spending.judged(store.connection, digest, run)
    failures: dict[str, dict[str, int]] = {}
    for name, failure, count in spending.failed(store.connection, digest, run):
        failures.setdefault(name, {})[failure] = count
    families: dict[str, dict[str, int]] = {}
    for name, looked, count in spending.templated(store.connection, digest, run):
        families.setdefault(name, {})[looked] = count
    compared = _compared(spending.pairs(store.connection, digest, run))
    measures = campaigns.measures(store.connection)
    told = [
        {
            **_head(store, name, purpose),
            **_counts(made.get(name, _Made()), failures.get(name, {}), families.get(name, {})),
            **_cost(costs.get(name), judged.get(name, 0), made.get(name, _Made())),
            "dimensions": [
                {**_measure(measures[number]), "all": of_all.as_json(), "accepted": _or_none(of_accepted)}
                for number, (of_all, of_accepted) in sorted(
                    compared.get(name, {}).items(), key=lambda pair: (measures[pair[0]].dimension, pair[0])
                )
            ],
        }
        for name, purpose in known
        if digest in {None, name} and (run is None or name in made or name in costs or name in failures)
    ]
    return {"recipes": told, "confidence": CONFIDENCE}


def _named(text: str, known: Iterable[str]) -> str:
    """Return the recipe that some digits name."""
    digits = text.removeprefix(PREFIX)
    found = [name for name in known if len(digits) >= _FEWEST and name.startswith(digits)]
    if len(found) != 1:
        fault = f"{len(found)} recipes begin with {text!r}" if found else f"No recipe {text!r} made or tried anything"
        raise BadRequest(fault, hint="Run `ledger gains` to see all of them.")
    return found[0]


def _made(rows: Iterable[spending.Derived]) -> dict[str, _Made]:
    found: dict[str, _Made] = {}
    for row in rows:
        one = found.setdefault(row.recipe, _Made())
        one.kind = row.kind
        one.by_status[row.status] += 1
        one.unchanged += bool(row.same_text)
        one.templated += bool(row.templated)
    return found


def _compared(pairs: Iterable[spending.Pair]) -> dict[str, dict[int, tuple[_Compared, _Compared]]]:
    """Return recipe -> measure -> what it came to over all samples, and over those that stand accepted."""
    found: dict[str, dict[int, tuple[_Compared, _Compared]]] = {}
    for pair in pairs:
        both = found.setdefault(pair.recipe, {}).setdefault(pair.measure, (_Compared(), _Compared()))
        both[0].add(pair.before, pair.after)
        if pair.status == _ACCEPTED:
            both[1].add(pair.before, pair.after)
    return found


def _head(store: Store, recipe: str, purpose: str) -> dict[str, Any]:
    """Return what a recipe is called and whom it asked; of what was done elsewhere there is only its digest."""
    row = spending.frozen(store.connection, recipe)
    body = None if row is None else store.body(row)
    said = {} if body is None else orjson.loads(body)
    return {
        "recipe": f"{PREFIX}{recipe}",
        "purpose": purpose,
        **{name: said.get(name) for name in ("name", "provider", "model")},
    }


def _counts(made: _Made, failures: dict[str, int], families: dict[str, int]) -> dict[str, Any]:
    results = sum(made.by_status.values())
    return {
        "results": results,
        "by_status": {status: made.by_status[status] for status in STATUSES},
        "unchanged": {"samples": made.unchanged, "share": share(made.unchanged, results)},
        "templated": {
            "samples": made.templated,
            "share": share(made.templated, results),
            "by_field": families,
        },
        "failed": sum(failures.values()),
        "by_failure": failures,
    }


def _cost(spent: spending.Spent | None, judged: int, made: _Made) -> dict[str, Any]:
    """Return what was spent, in decimal dollars; what is unknown counts in full.

    A result costs what the model took that wrote it and those that judged it and its original.
    """
    wrote, told = dollars(0 if spent is None else spent.pico), dollars(judged)
    whole = wrote + told
    counts = {"result": sum(made.by_status.values()), "accepted": made.by_status[_ACCEPTED]}
    return {
        "requests": 0 if spent is None else spent.requests,
        "unknown": 0 if spent is None else spent.unknown,
        "cost_usd": f"{wrote.normalize():f}",
        "judged_usd": f"{told.normalize():f}",
        **{f"cost_per_{name}_usd": f"{whole / count:.6f}" if count else None for name, count in counts.items()},
    }


def _measure(measure: campaigns.Measure) -> dict[str, Any]:
    return {
        "dimension": measure.dimension,
        "scorer": measure.scorer,
        "scorer_version": measure.scorer_version,
        "rubric": f"{PREFIX}{measure.rubric}" if measure.rubric else None,
    }


def _or_none(compared: _Compared) -> dict[str, Any] | None:
    return compared.as_json() if compared.change.many else None


def _ends(found: Interval | None) -> dict[str, float | None]:
    return (
        dict.fromkeys(("mean", "low", "high"))
        if found is None
        else dict(zip(("mean", "low", "high"), found, strict=True))
    )


def _rate(found: Interval | None) -> dict[str, float | None]:
    return (
        dict.fromkeys(("rate", "low", "high"))
        if found is None
        else dict(zip(("rate", "low", "high"), found, strict=True))
    )
