"""What a validator is, and what it looks at: a content as turns and calls, however these were written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from ledger.sample import Content

ERROR, WARNING = "error", "warning"

MISSING: Any = object()
"""What stands for arguments that are not there or cannot be read, and for the messages of a content of two texts."""

Rules = Mapping[str, tuple[str, str]]
"""Rule -> (severity, sentence)."""


class NoSchema(ValueError):  # noqa: N818 - a value in disguise: becomes SchemaUnreadable, or a finding
    """What should describe tools does not; the message says where and why."""


class Finding(NamedTuple):
    """One fault of a content: the rule that it breaks, error or warning, where it stands, and a sentence.

    `path` holds words of the format and names that a schema file knows, never text of the sample; `message` may quote
    a short piece of the sample, so it is not to be stored.
    """

    rule: str
    severity: str
    path: str
    message: str


Found = Callable[[str, str, str], Finding]
"""(rule, path, message) -> Finding."""


class Call(NamedTuple):
    """One tool call, whichever way it was written.

    `arguments` is MISSING where there are none or they cannot be read; then `text` is what stood there, if anything.
    `faults` are what was noticed while reading: (rule, message).
    """

    path: str
    name: Any
    arguments: Any
    text: str = ""
    faults: tuple[tuple[str, str], ...] = ()


class Turn(NamedTuple):
    """One message: `text` is its text without further parts, `told` what follows its last call.

    `message` is what stood there, MISSING where the content is two texts instead of messages.
    `faults` are what was noticed while looking for calls: (rule, path, message).
    """

    path: str
    role: Any
    text: str
    calls: tuple[Call, ...]
    told: str
    faults: tuple[tuple[str, str, str], ...]
    message: Any


@dataclass(frozen=True, slots=True)
class Talk:
    """A content as its turns in order; those from `cut` on are the completion."""

    content: Content
    turns: tuple[Turn, ...]
    cut: int

    @property
    def calls(self) -> Iterator[Call]:
        """Yield every call of every assistant's turn."""
        for turn in self.turns:
            yield from turn.calls


@dataclass(frozen=True, slots=True)
class TextLimits:
    """What the caller asks of a text: characters of the completion (None: any number), and whether it must call."""

    min_chars: int | None = None
    max_chars: int | None = None
    require_call: bool = False


class Schemas(Protocol):
    """The tools that a schema file names, of whatever dialect."""

    dialect: str
    names: tuple[str, ...]
    """Sorted."""
    expects_call: bool
    """Whether this dialect's samples are all about calling a tool."""

    def check(self, talk: Talk) -> Iterator[Finding]:
        """Yield what is wrong with the calls of a content."""


Check = Callable[[Talk, Schemas | None, TextLimits], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Validator:
    """A set of rules about one side of a content. A change of what it finds needs a new version."""

    name: str
    version: str
    purpose: str
    check: Check = field(repr=False, compare=False)
    table: Rules = field(repr=False, compare=False)

    @property
    def rules(self) -> dict[str, str]:
        """Return each rule with its sentence."""
        return {rule: sentence for rule, (_, sentence) in self.table.items()}


def finder(table: Rules) -> Found:
    """Return what makes findings by the rules of a table."""

    def found(rule: str, path: str, message: str) -> Finding:
        return Finding(rule, table[rule][0], path, message)

    return found


def clip(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a value as a message quotes it: 40 characters at most, without control characters."""
    text = value if isinstance(value, str) else f"{type(value).__name__} {_small(value)}".strip()
    return repr(text[:40] + ("…" if len(text) > 40 else ""))  # noqa: PLR2004 - see the docstring


def _small(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if value is None or isinstance(value, (bool, float)):
        return str(value)
    return str(value) if isinstance(value, int) and abs(value) < 10**18 else ""


def is_blank(text: str) -> bool:
    """Say whether a text has nothing but white space."""
    return not text or text.isspace()


def deeper_than(value: Any, levels: int) -> bool:  # noqa: ANN401 - any JSON value
    """Say whether a JSON value has arrays and objects nested deeper than `levels`."""
    level = [value]
    for _ in range(levels):
        level = [
            item
            for parent in level
            if isinstance(parent, (dict, list))
            for item in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return False
    return any(isinstance(item, (dict, list)) for item in level)
