"""What a provider is told to do: one frozen value, changed as a whole by /_config and /_reset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

UNPAID = frozenset(
    {"overloaded", "server_error", "rate_limited", "spend_limit", "own_limit", "not_allowed", "drop_before"}
)
"""Faults before the model is asked: 529, 500, 429, both limits of spending, 403, a connection cut without an answer."""
PAID = frozenset({"drop_after", "truncated", "cut_at", "stalled", "malformed"})
"""Faults of a reply that is paid for: never sent, half of the body, cut at byte `at`, never ended, no JSON at all."""
ANSWERS = frozenset(
    {
        "cut",
        "refused",
        "empty",
        "not_json",
        "fenced",
        "wrong_shape",
        "unknown_field",
        "structure",
        "templated",
        "unchanged",
        "hostile",
        "too_short",
        "too_long",
        "placeholder",
    }
)
"""What is wrong with the text of an answer that arrives whole."""
ITEMS = frozenset({"item_errored", "item_unpaid", "item_expired", "item_canceled"})
"""What becomes of a request in a batch; none is paid for."""
CREATION = frozenset({"batch_lost"})
"""The batch is made, and the reply that says so is lost."""
KINDS = UNPAID | PAID | ANSWERS | ITEMS | CREATION


class Fault(NamedTuple):
    """A fault that strikes a `share` of the requests whose body holds `match`.

    `times`: only the first so many sightings of a body; `most`: only so many in all (which depends on arrival).
    """

    kind: str
    share: float = 1.0
    match: str = ""
    times: int | None = None
    most: int | None = None
    at: int = 0


@dataclass(frozen=True)
class Settings:
    """Defaults are those of a test: fast, without limits that can be felt, without faults."""

    seed: int = 0
    latency: float = 0.005
    """Median of the seconds that an answer takes; drawn lognormally with `spread`."""
    spread: float = 0.3
    rpm: int = 1_000_000
    itpm: int = 2_000_000_000
    otpm: int = 400_000_000
    burst: float = 6.0
    """Seconds of the rate that a bucket holds."""
    headers: bool = True
    key: str | None = None
    """The one key that is accepted; None: any but none."""
    faults: tuple[Fault, ...] = ()
    outage: tuple[float, float] | None = None
    """From when to when, in seconds since the last reset, everything is answered 529."""
    down: bool = False
    cache: bool = True
    batch_seconds: float = 0.02
    input_tokens: int | None = None
    """Tokens of every prompt, where they are not to be counted; likewise `output_tokens` of every answer."""
    output_tokens: int | None = None
    retired: tuple[str, ...] = ()
    """Models that are retired besides those that are."""
    stall: float = 30.0
    """Seconds that a stalled answer keeps its connection."""
    judge: str = "length"
    """How scores are answered: `length` of the field that a dimension is named after, `drawn`, or a digit."""


class BadSettings(ValueError):  # noqa: N818 - it reads as what was given
    """A setting that does not exist, or a value that it does not take."""


def changed(settings: Settings, given: Mapping[str, Any]) -> Settings:
    """Return settings with some of them replaced; BadSettings for what does not exist."""
    unknown = given.keys() - {one.name for one in fields(Settings)}
    if unknown:
        raise BadSettings(f"no such settings: {', '.join(sorted(unknown))}")
    new = dict(given)
    if "faults" in new:
        new["faults"] = tuple(_fault(one) for one in new["faults"])
    for name in ("outage", "retired"):
        if new.get(name) is not None:
            new[name] = tuple(new[name])
    return replace(settings, **new)


def _fault(given: str | Mapping[str, Any] | Fault) -> Fault:
    made = given if isinstance(given, Fault) else Fault(given) if isinstance(given, str) else Fault(**given)
    if made.kind not in KINDS:
        raise BadSettings(f"no such fault: {made.kind}")
    return made
