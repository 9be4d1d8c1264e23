"""What a recipe is: from a sample to a question, and from a reply to what is made of it, or to what is wrong with it.

Recipes are pure and know data only. They are frozen into restricted JSON, whose digest names them in every event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from ledger.sample import Content

_NOTHING: Mapping[str, str] = MappingProxyType({})

IMPROVE, REGENERATE, JUDGE = "improve", "regenerate", "judge"
PURPOSES = (IMPROVE, REGENERATE, JUDGE)

PROBLEMS: Mapping[str, str] = MappingProxyType(
    {
        "refused": "the model refused",
        "cut": "the reply ends in the middle",
        "empty": "the reply is empty",
        "not_json": "the reply is not JSON",
        "wrong_shape": "the reply is JSON of another shape than was asked for",
        "unknown_field": "the reply names a field that was not asked for",
        "structure_changed": "a tool call would not be what it was",
        "too_short": "a text is too short",
        "too_long": "a text is too long",
        "placeholder": "a text is a placeholder",
        "wrong_language": "a text is in another script than the sample",
        "unchanged": "the text is what it was, or says again what stands before it",
        "template": "the text says what too many others say",
        "banned_phrase": "the text holds a phrase that was forbidden",
        "invalid": "the new version breaks rules that the old one kept",
        "contradiction": "the text is that of a sample that is labelled false or rejected",
        "erased": "the text was erased",
        "not_better": "the policy does not say that it is better",
    }
)
"""What can be wrong with a reply, in a word; a sentence beside it never holds a word of the sample."""
HOPELESS = frozenset({"refused", "erased", "not_better"})
"""Those after which asking again is not worth its price, or not allowed."""


class Item(NamedTuple):
    """One sample as a recipe sees it: its version, and what the ledger knows beside it.

    `raw` is the content as it stands in the version's bytes: the training fields alone, in the form of derived blobs.
    `scores` (dimension -> decimal text), `notes` (dimension -> a scorer's words) and `failed` (rules of the policy that
    rejected it) say what is wanting; `ordinal` tells several results for one version apart, from 0.
    """

    id: bytes
    version: bytes
    content: Content
    raw: bytes
    domain: str | None
    tags: Mapping[str, str]
    scores: Mapping[str, str]
    notes: Mapping[str, str]
    failed: Sequence[str]
    ordinal: int = 0


class Memory(NamedTuple):
    """What a recipe may know of what was accepted before, up to a place in the order of the items that is fixed."""

    epoch: int = 0
    phrases: Sequence[str] = ()


class Block(NamedTuple):
    """A piece of the instructions; `keep` is how long a provider may cache the prompt up to its end: 1h, 5m, or not."""

    text: str
    keep: str | None = None


class Question(NamedTuple):
    """What is asked, in no provider's words: instructions, data, and the JSON schema of the answer (None: prose).

    `data` is the sample's own text, JSON-encoded; whoever sends it keeps it apart from the instructions. `again` are
    sentences about what was wrong with the replies before. `output` is the most tokens that the answer may need.
    """

    instructions: Sequence[Block]
    data: str
    schema: Mapping[str, Any] | None
    output: int
    again: Sequence[str] = ()


class Problem(NamedTuple):
    """What is wrong with a reply: one of PROBLEMS and a sentence, which a model may be told."""

    kind: str
    detail: str


class Made(NamedTuple):
    """What a reply makes of a sample: the bytes of a content, and label and tags beside it (None: the parent's)."""

    content: bytes
    label: bool | None = None
    tags: Mapping[str, str] | None = None


class Judged(NamedTuple):
    """What a judge says: dimension -> millionths, dimension -> the word for why there is none, dimension -> a note."""

    numbers: Mapping[str, int]
    unscored: Mapping[str, str] = _NOTHING
    notes: Mapping[str, str] = _NOTHING


class Recipe(Protocol):
    """How a sample is asked about. `name` and `version` change with anything that changes a question or a result."""

    name: str
    version: str
    purpose: str

    def frozen(self) -> dict[str, Any]:
        """Return all that questions and results depend on, as restricted JSON (no floats)."""
        ...

    def ask(self, item: Item, memory: Memory, again: Sequence[str] = ()) -> Question | None:
        """Return the question about an item, or None where there is nothing to ask."""
        ...

    def read(self, item: Item, text: str) -> Made | Judged | Problem:
        """Return what the text of a reply makes of an item, or what is wrong with it; never raises for any text."""
        ...
