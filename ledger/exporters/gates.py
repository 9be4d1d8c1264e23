"""Gates: what a set of rows must keep before it is released, as TOML; and the judging of what was counted.

A file holds [[gate]] tables. Each names a check (KINDS), a severity and limits. Counting is somebody else's work: here
a number is compared with its limits, and the result is a plain value for reports and manifests.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, NamedTuple

from ledger.digest import digest_of
from ledger.errors import GatesInvalid
from ledger.exporters.gate_kinds import KINDS, MILLION, Of, of_text, parse_of
from ledger.toml_text import Lines, NotToml, Path, read_toml

LONGEST = 20_000
"""Characters of one file."""
MOST = 100
"""Gates of one file."""
LARGEST = 10**9
SEVERITIES = ("error", "warning", "info")
SPLITS = ("train", "val", "test")

_COMMON = ("check", "max", "min", "name", "severity")
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,4}))? ?%")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Limit:
    """A count, or a share in millionths."""

    value: int
    is_share: bool = False

    @property
    def shown(self) -> int | str:
        """Return it as it stands in the file: 0, or "5%"."""
        return percent(self.value) if self.is_share else self.value


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate. `of` and `split` say of what `share` and `count` are, `max_length` is a length in tokens."""

    name: str
    check: str
    severity: str
    max: Limit | None = None
    min: Limit | None = None
    split: str | None = None
    of: str | None = None
    max_length: int | None = None

    @property
    def chosen(self) -> Of | None:
        """Return what `of` chooses, where it chooses samples."""
        return None if self.of is None else parse_of(self.of)

    def as_json(self) -> dict[str, Any]:
        """Return it as its table, without the keys that nobody set."""
        keys = ("check", "max_length", "name", "of", "severity", "split")
        table = {key: value for key in keys if (value := getattr(self, key)) is not None}
        return table | (limits(self) or {})


@dataclass(frozen=True, slots=True)
class Gates:
    """The gates of one file, in its order."""

    gates: tuple[Gate, ...]

    @property
    def digest(self) -> bytes:
        """Return the BLAKE3 of what the gates say, whatever file they stand in."""
        return digest_of({"gates": [gate.as_json() for gate in self.gates]})


class Observed(NamedTuple):
    """What was counted for a gate: `number`, of how many, a sentence about it, and ids of some samples to look at."""

    number: int
    total: int
    about: str
    examples: Sequence[str] = ()


def shipped_gates() -> str:
    """Return the TOML text of the gates that apply where nobody gave others."""
    return (resources.files("ledger.exporters") / "shipped" / "gates.toml").read_text("utf-8")


def parse_gates(text: str, file: str) -> Gates:
    """Return the gates of a TOML text; raise GatesInvalid(file, line, what is wrong there)."""
    try:
        return Gates(tuple(_gates(read_toml(text, "a file of gates", LONGEST))))
    except NotToml as error:
        raise GatesInvalid(file, error.line, error.what) from None
    except _Fault as fault:
        raise GatesInvalid(file, Lines(text).of(fault.path), fault.what) from None


def limits(gate: Gate) -> dict[str, int | str] | None:
    """Return the limits of a gate by `max` and `min`, as they stand in the file; None where it has none."""
    return {key: one.shown for key, one in (("max", gate.max), ("min", gate.min)) if one is not None} or None


def judged(gate: Gate, observed: Observed | str) -> dict[str, Any]:
    """Return the result of a gate; `observed` is a sentence where nothing could be counted.

    A gate that cannot be judged has passed, as information: `observed` is null and `about` says why.
    """
    if isinstance(observed, str):
        told = {"severity": "info", "passed": True, "observed": None, "limit": limits(gate), "examples": []}
        return {"name": gate.name, **told, "about": f"not judged: {observed}"}
    part = _millionths(observed, up=gate.min is None)
    by_share = KINDS[gate.check].is_share or any(one.is_share for one in (gate.max, gate.min) if one is not None)
    passed = all(
        sign * (part if one.is_share else observed.number) <= sign * one.value
        for one, sign in ((gate.max, 1), (gate.min, -1))
        if one is not None
    )
    return {
        "name": gate.name,
        "severity": gate.severity,
        "passed": passed,
        "observed": percent(part) if by_share else observed.number,
        "limit": limits(gate),
        "examples": [] if passed and (gate.max or gate.min) else list(observed.examples),
        "about": observed.about,
    }


def passed(results: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether no gate of severity error failed."""
    return not failed(results)


def failed(results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the results that stop a release: the failed gates of severity error."""
    return [one for one in results if one["severity"] == "error" and not one["passed"]]


def percent(millionths: int) -> str:
    """Return millionths as a percentage: 50000 is 5%, 123 is 0.0123%."""
    whole, rest = divmod(millionths, MILLION // 100)
    return f"{whole}" + (f".{rest:04}".rstrip("0") if rest else "") + "%"


def _millionths(observed: Observed, *, up: bool) -> int:
    """Return the share in millionths, rounded to the side on which a limit is: what is shown is what is compared."""
    total = max(observed.total, 1)
    exact = observed.number * MILLION
    return -(-exact // total) if up else exact // total


class _Fault(Exception):  # noqa: N818 - turned into a GatesInvalid with its line
    """Something is wrong at a path; of one gate, the path begins with its keys."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(what)
        self.path = path
        self.what = what


def _gates(document: Mapping[str, Any]) -> list[Gate]:
    for key in document:
        if key != "gate":
            raise _Fault((key,), f"there is no key {key[:60]!r} here; gates are [[gate]] tables")
    tables = document.get("gate")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise _Fault(("gate",), "a file of gates holds one [[gate]] table or more")
    if len(tables) > MOST:
        raise _Fault((), f"the file has {len(tables)} gates; the most are {MOST}")
    made: list[Gate] = []
    for number, table in enumerate(tables):
        try:
            made.append(_gate(table, [gate.name for gate in made]))
        except _Fault as fault:
            raise _Fault(("gate", number, *fault.path), fault.what) from None
    return made


def _gate(table: Mapping[str, Any], taken: Sequence[str]) -> Gate:
    check = _one_of(table, "check", tuple(KINDS))
    kind = KINDS[check]
    known = (*_COMMON, *kind.keys)
    for key in table:
        if key not in known:
            raise _Fault((key,), f"{check} has no key {key[:60]!r}; {_near(key, known)}")
    split = None if table.get("split") is None else _one_of(table, "split", SPLITS)
    of = None if table.get("of") is None else _of(check, _text(table, "of"))
    if of is None and kind.needs_of:
        raise _Fault(("check",), f"{check} needs `of`: {kind.of}")
    made = Gate(
        name=_text(table, "name") if "name" in table else " ".join(part for part in (check, split, of) if part),
        check=check,
        severity=_one_of(table, "severity", SEVERITIES),
        max=_limit(table, check, "max"),
        min=_limit(table, check, "min"),
        split=split,
        of=of,
        max_length=_count("max_length", table["max_length"], 1) if "max_length" in table else None,
    )
    if made.severity != "info" and made.max is None and made.min is None:
        raise _Fault(
            ("severity",), f"{check} has no limit, so it can only be `info`; give it {' or '.join(kind.limits)}"
        )
    if made.name in taken:
        raise _Fault(("name",), f"two gates are called {made.name!r}; give one of them another name")
    if made.max and made.min and made.max.is_share == made.min.is_share and made.max.value < made.min.value:
        raise _Fault(("min",), "min is above max, so nothing can pass")
    return made


def _of(check: str, text: str) -> str:
    try:
        return of_text(check, text)
    except ValueError as error:
        raise _Fault(("of",), str(error)) from None


def _limit(table: Mapping[str, Any], check: str, key: str) -> Limit | None:
    value, kind = table.get(key), KINDS[check]
    if value is None:
        return None
    if key not in kind.limits:
        raise _Fault((key,), f"{check} takes {' and '.join(kind.limits)}, not {key}")
    if isinstance(value, str) and (found := _PERCENT.fullmatch(value)):
        share = int(found[1]) * MILLION // 100 + int((found[2] or "").ljust(4, "0"))
        if share > MILLION:
            raise _Fault((key,), f"{key} is {value[:20]!r}; a share is at most 100%")
        if not kind.takes_share:
            raise _Fault((key,), f"{check} counts, so {key} is a whole number, not a share")
        return Limit(share, is_share=True)
    if kind.is_share:
        raise _Fault((key,), f'{check} is a share, so {key} is a text such as "5%" (up to 4 digits behind the point)')
    wanted = 'a whole number, or a share such as "5%"' if kind.takes_share else "a whole number"
    if isinstance(value, (str, float)):
        raise _Fault((key,), f"{key} must be {wanted}")
    return Limit(_count(key, value, 0))


def _count(key: str, value: object, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= LARGEST:
        raise _Fault((key,), f"{key} must be a whole number from {least} to {LARGEST:,}")
    return value


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table[key]
    if not isinstance(value, str) or not value.strip() or len(value) > 200 or _CONTROL.search(value):  # noqa: PLR2004 - characters
        raise _Fault((key,), f"{key} must be a text of 1 to 200 characters that can be printed")
    return value


def _one_of(table: Mapping[str, Any], key: str, among: tuple[str, ...]) -> str:
    if key not in table:
        raise _Fault((), f"a gate needs `{key}`: {_list(among)}")
    value = table[key]
    if value not in among or not isinstance(value, str):
        raise _Fault((key,), f"there is no {key} {str(value)[:60]!r}; {_near(str(value), among)}")
    return value


def _near(word: str, among: Sequence[str]) -> str:
    close = difflib.get_close_matches(word[:60], among, 1)
    return f"did you mean {close[0]}?" if close else f"there are {_list(among)}"


def _list(words: Sequence[str]) -> str:
    return ", ".join(words)
