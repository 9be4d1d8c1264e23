"""Scorers: from a sample's content to numbers. Those that come with the program, and those that plug-ins bring.

A plug-in names its scorer's class in the entry point group `sample_ledger.scorers`; docs/scores.md has one in full.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

from ledger.errors import BadRequest, NoSuchScorer
from ledger.scorers.contract import (
    MOST_DIMENSIONS,
    Attempt,
    File,
    Item,
    Options,
    Score,
    Scorer,
    Unscored,
    is_dimension,
    is_word,
    measured,
    settled,
    share,
)
from ledger.scorers.length import Length
from ledger.scorers.pipeline import Pipeline
from ledger.scorers.rubric import Rubric

GROUP = "sample_ledger.scorers"
BUILT_IN: dict[str, type[Scorer]] = {kind.name: kind for kind in (Length, Pipeline, Rubric)}
RESERVED = "import"
"""No scorer can have this name: `ledger score import` is another verb."""

__all__ = [
    "BUILT_IN",
    "GROUP",
    "MOST_DIMENSIONS",
    "Attempt",
    "File",
    "Item",
    "Known",
    "Options",
    "Score",
    "Scorer",
    "Unscored",
    "file_options",
    "find_scorer",
    "is_dimension",
    "is_word",
    "known_scorers",
    "measured",
    "settled",
    "share",
]


class Known(NamedTuple):
    """A scorer that can be named: what it measures, and where it comes from; `fault` says why it cannot be used."""

    name: str
    version: str
    purpose: str
    dimensions: tuple[str, ...]
    options: Mapping[str, str]
    files: tuple[str, ...]
    origin: str
    fault: str | None = None


def known_scorers() -> list[Known]:
    """Return the scorers that come with the program, then those of plug-ins by name; broken ones with their fault."""
    own = [_known(name, kind, "sample-ledger") for name, kind in BUILT_IN.items()]
    return own + [_of_plugin(point) for point in _plugins()]


def find_scorer(name: str, options: Options) -> Scorer:
    """Return a scorer by name, made from its options; those that it says are files are given as File.

    Raises NoSuchScorer, BadRequest for options that it does not take or a plug-in that cannot be loaded, and what the
    scorer raises about its options (GraphUnreadable).
    """
    kind = _kind(name)
    takes: Mapping[str, str] = getattr(kind, "options", {})
    files = _files(kind)
    for option, value in options.items():
        if option not in takes:
            raise BadRequest(f"The scorer {name} takes no option {option!r}; it takes {_listed(takes)}")
        if isinstance(value, File) != (option in files):
            raise BadRequest(f"The option {option} of {name} {'takes a file' if option in files else 'takes a text'}")
    scorer: Scorer = _attempt(name, lambda: kind(options))
    if fault := _fault(name, scorer):
        raise BadRequest(f"The scorer {name} cannot be used: {fault}")
    return scorer


def file_options(name: str) -> tuple[str, ...]:
    """Return the options of a scorer that name files; raises NoSuchScorer, BadRequest."""
    return _files(_kind(name))


def _kind(name: str) -> Any:  # noqa: ANN401 - a class or a function of the user's
    if name in BUILT_IN:
        return BUILT_IN[name]
    points = [point for point in _plugins() if point.name == name]
    if not points:
        names = dict.fromkeys([*BUILT_IN, *(point.name for point in _plugins())])
        raise NoSuchScorer(repr(name[:40]), ", ".join(names))
    if len(points) > 1:
        raise BadRequest(f"Several packages bring a scorer {name}: {', '.join(map(_origin, points))}")
    return _attempt(name, points[0].load)


def _plugins() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))


def _of_plugin(point: EntryPoint) -> Known:
    nothing = Known(point.name, "", "", (), {}, (), _origin(point))
    if point.name in BUILT_IN or point.name == RESERVED:
        return nothing._replace(fault="its name is taken by the program")
    try:
        return _known(point.name, _kind(point.name), _origin(point))
    except BadRequest as error:
        return nothing._replace(fault=str(error))


def _known(name: str, kind: Any, origin: str) -> Known:  # noqa: ANN401 - a class or a function of the user's
    fault = _fault(name, kind)
    purpose = next(iter((kind.__doc__ or "").strip().splitlines()), "")
    known = Known(name, str(getattr(kind, "version", "")), purpose, (), {}, (), origin, fault)
    if fault is not None:
        return known
    return known._replace(dimensions=kind.dimensions, options=dict(getattr(kind, "options", {})), files=_files(kind))


def _fault(name: str, made: Any) -> str | None:  # noqa: ANN401 - a scorer, or its class
    """Return in what a scorer is none, as a sentence, or None."""
    dimensions = getattr(made, "dimensions", None)
    if getattr(made, "name", None) != name:
        return f"its name is {getattr(made, 'name', None)!r}, its entry point's {name!r}"
    if (
        not isinstance(getattr(made, "version", None), str)
        or not made.version.strip()
        or not made.version.isprintable()
    ):
        return "its version is not a text"
    if not isinstance(dimensions, tuple) or not dimensions or not all(map(is_dimension, dimensions)):
        return "its dimensions are not a tuple of names (letters, digits, _ . -)"
    if len(set(dimensions)) != len(dimensions) or len(dimensions) > MOST_DIMENSIONS:
        return f"it has a dimension twice, or more than {MOST_DIMENSIONS} of them"
    return None if callable(getattr(made, "score", None)) else "it has no method `score`"


def _attempt(name: str, act: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever a plug-in holds
    attempt = Attempt(quoting=True)
    with attempt, redirect_stdout(sys.stderr):  # whatever a plug-in prints is no part of an answer
        return act()
    raise BadRequest(f"The scorer {name} cannot be loaded: {attempt.fault}")


def _files(kind: Any) -> tuple[str, ...]:  # noqa: ANN401 - a class or a function of the user's
    return tuple(getattr(kind, "files", ()))


def _origin(point: EntryPoint) -> str:
    return "an unknown package" if point.dist is None else point.dist.name


def _listed(takes: Mapping[str, str]) -> str:
    return ", ".join(takes) or "none"
