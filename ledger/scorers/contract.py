"""What a scorer is: from the content of one sample to numbers, or to the reasons why there are none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import PurePath
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


class Breach(ValueError):  # noqa: N818 - what a scorer does to its contract
    """What no scorer may say, in a sentence without a word of the sample."""


class Attempt(AbstractContextManager["Attempt"]):
    """Whatever a scorer raises inside the block is its failure, told in `fault`; errors of the ledger itself go on.

    A fault is the kind of the error and where in the scorer it arose, not its text, which may quote a sample.
    """

    def __init__(self, *, quoting: bool = False) -> None:
        """Begin without a fault; `quoting` also tells an error's text, for a scorer that has seen no sample yet."""
        self.fault: str | None = None
        self._quoting = quoting

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Keep what was raised as a sentence."""
        if not isinstance(error, (Exception, SystemExit)) or isinstance(error, (LedgerError, MemoryError)):
            return False
        told = f": {error}" if self._quoting or isinstance(error, Breach) else _place(trace)
        self.fault = f"{type(error).__name__}{told}"[:LONGEST_FAULT]
        return True


def measured(
    numbers: Mapping[str, object], unscored: Mapping[str, str] = _NOTHING, notes: Mapping[str, str] = _NOTHING
) -> Score:
    """Return a Score of plain numbers (0.5, not 500000); what is no number is unscored."""
    dimensions: dict[str, int] = {}
    without = dict(unscored)
    for name, value in numbers.items():
        try:
            dimensions[name] = micro(None if isinstance(value, str) else value)
        except ValueError:
            without[name] = NOT_A_NUMBER
    return Score(dimensions, without, notes)


def share(part: int, whole: int) -> int:
    """Return part / whole in millionths, rounded half up; both are counts, the whole is above 0."""
    return (2 * ONE * part + whole) // (2 * whole)


def settled(said: object, dimensions: Sequence[str]) -> Score | Unscored:
    """Return what a scorer said with each declared dimension either a number in millionths or a reason.

    Raises Breach, with a sentence, for what no scorer may say. Where no dimension has a number or a
    note and all share one reason, that is the answer.
    """
    if isinstance(said, Unscored):
        return Unscored(_word(said.reason))
    if not isinstance(said, Score):
        raise Breach(f"it returned {type(said).__name__}, not Score or Unscored")
    for name in (*said.dimensions, *said.unscored, *said.notes):
        if name not in dimensions:
            raise Breach("it spoke of something that is not among its dimensions")
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


def _place(trace: TracebackType | None) -> str:
    """Return where an error arose: the last line in the file of what the block called; nothing where it called none."""
    inner = None if trace is None else trace.tb_next
    if inner is None:
        return ""
    file, line = inner.tb_frame.f_code.co_filename, inner.tb_lineno
    while inner is not None:
        if inner.tb_frame.f_code.co_filename == file:
            line = inner.tb_lineno
        inner = inner.tb_next
    path = PurePath(file)
    return f" in {f'{path.parent.name}/{path.name}' if path.stem == '__init__' else path.name}, line {line}"


def is_dimension(name: object) -> bool:
    """Say whether a name can be a dimension's: a letter or _, then letters, digits, _ . -, 64 characters at most."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def is_word(reason: object) -> bool:
    """Say whether a text can be a reason: one word of small ASCII letters, digits and _, 40 characters at most."""
    return isinstance(reason, str) and _WORD.fullmatch(reason) is not None


def _word(reason: object) -> str:
    if not isinstance(reason, str) or not is_word(reason):
        raise Breach("a reason is one word of small letters, digits and _, 40 characters at most")
    return reason


def _note(text: object) -> str:
    if not isinstance(text, str) or len(text) > LONGEST_NOTE or _CONTROL.search(text):
        raise Breach(f"a note is a line of at most {LONGEST_NOTE} characters")
    return text
