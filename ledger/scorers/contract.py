"""What a scorer is: from the content of one sample to numbers, or to the reasons why there are none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType, TracebackType
from typing import NamedTuple, Protocol, TypeAlias

from ledger.errors import LedgerError
from ledger.fixed import LARGEST, ONE, micro
from ledger.sample import Content

NOT_A_NUMBER = "not_a_number"
NOT_GIVEN = "not_given"
"""Reasons that this module gives: a dimension's value is no number; the scorer does not mention the dimension."""

LONGEST_NOTE = 200
LONGEST_FAULT = 200
MOST_DIMENSIONS = 64
_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NAME = re.compile(r"[^\W\d][\w.-]{0,63}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Item(NamedTuple):
    """One sample as a scorer sees it: its current version and what the ledger knows beside it."""

    id: bytes
    content: Content
    domain: str | None
    tags: Mapping[str, str]
    fingerprint: bytes


class Score(NamedTuple):
    """What a scorer says of one item: dimension -> millionths, or dimension -> the word for why there is no number.

    Notes (dimension -> a short sentence) are the scorer's own words. They stand in events, which no erasure reaches,
    so they never hold text of the sample; nor do reasons.
    """

    dimensions: Mapping[str, int]
    unscored: Mapping[str, str] = _NOTHING
    notes: Mapping[str, str] = _NOTHING


class Unscored(NamedTuple):
    """The scorer can say nothing at all of an item, and the word for why."""

    reason: str


class File(NamedTuple):
    """The value of an option that names a file: the name, for messages, and the bytes. Scorers open nothing."""

    name: str
    data: bytes


Options: TypeAlias = Mapping[str, "str | File"]


class Scorer(Protocol):
    """A scorer, made from its options. Whoever writes one may inherit from this class to have the defaults.

    `version` changes with anything that changes a number. `rubric` is the digest of what else the numbers depend on
    (lists, files, the comparison set), and is asked for after `prepare`. The first line of the docstring says what
    the scorer measures. `options` holds a sentence for each option; those that `files` names are given as a File.
    """

    name: str
    version: str
    dimensions: tuple[str, ...]
    rubric: bytes | None = None
    options: Mapping[str, str] = _NOTHING
    files: tuple[str, ...] = ()

    def __init__(self, options: Options) -> None:
        """Take the options; only names that `options` has are ever given."""

    def prepare(self, items: Iterable[Item]) -> None:
        """Look once at all items that will be scored, in any order; by default do nothing."""

    def score(self, item: Item) -> Score | Unscored:
        """Score one item. The same item under the same version and rubric has the same score."""
        ...


class Attempt(AbstractContextManager["Attempt"]):
    """Whatever a scorer raises inside the block is its failure, told in `fault`; errors of the ledger itself go on."""

    def __init__(self) -> None:
        """Begin without a fault."""
        self.fault: str | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Keep what was raised as a sentence."""
        if not isinstance(error, Exception) or isinstance(error, (LedgerError, MemoryError)):
            return False
        self.fault = f"{type(error).__name__}: {error}"[:LONGEST_FAULT]
        return True


def measured(
    numbers: Mapping[str, object], unscored: Mapping[str, str] = _NOTHING, notes: Mapping[str, str] = _NOTHING
) -> Score:
    """Return a Score of plain numbers (0.5, not 500000); what is no number is unscored."""
    dimensions: dict[str, int] = {}
    without = dict(unscored)
    for name, value in numbers.items():
        try:
            dimensions[name] = micro(value)
        except ValueError:
            without[name] = NOT_A_NUMBER
    return Score(dimensions, without, notes)


def share(part: int, whole: int) -> int:
    """Return part / whole in millionths, rounded half up; both are counts, the whole is above 0."""
    return (2 * ONE * part + whole) // (2 * whole)


def settled(said: object, dimensions: Sequence[str]) -> Score | Unscored:
    """Return what a scorer said with each declared dimension either a number in millionths or a reason.

    Raises ValueError or TypeError, with a sentence, for what no scorer may say. Where no dimension has a number or a
    note and all share one reason, that is the answer.
    """
    if isinstance(said, Unscored):
        return Unscored(_word(said.reason))
    if not isinstance(said, Score):
        raise TypeError(f"it returned {type(said).__name__}, not Score or Unscored")
    for name in (*said.dimensions, *said.unscored, *said.notes):
        if name not in dimensions:
            raise ValueError(f"it spoke of {str(name)[:40]!r}, which is not among its dimensions")
    numbers: dict[str, int] = {}
    unscored: dict[str, str] = {}
    for name in dimensions:
        value = said.dimensions.get(name)
        if type(value) is int and abs(value) <= LARGEST * ONE:
            numbers[name] = value
        elif name in said.dimensions:
            unscored[name] = NOT_A_NUMBER
        else:
            unscored[name] = _word(said.unscored.get(name, NOT_GIVEN))
    reasons = set(unscored.values())
    if not numbers and not said.notes and len(reasons) == 1:
        return Unscored(reasons.pop())
    return Score(numbers, unscored, {name: _note(text) for name, text in said.notes.items()})


def is_dimension(name: object) -> bool:
    """Say whether a name can be a dimension's: a letter or _, then letters, digits, _ . -, 64 characters at most."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def is_word(reason: object) -> bool:
    """Say whether a text can be a reason: one word of small ASCII letters, digits and _, 40 characters at most."""
    return isinstance(reason, str) and _WORD.fullmatch(reason) is not None


def _word(reason: object) -> str:
    if not isinstance(reason, str) or not is_word(reason):
        raise ValueError(f"{str(reason)[:40]!r} is not a reason: small letters, digits and _")
    return reason


def _note(text: object) -> str:
    if not isinstance(text, str) or len(text) > LONGEST_NOTE or _CONTROL.search(text):
        raise ValueError(f"a note is a line of at most {LONGEST_NOTE} characters")
    return text
