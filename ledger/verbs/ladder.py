"""What a reply is worth, asked from the cheapest question to the dearest; the first that goes wrong is the answer.

Why the model stopped; JSON of the shape that was asked for; texts of the right length that are no placeholders, in the
sample's script and other than before (these the recipe reads); the same tool calls, compared parsed; no forbidden
phrase; no rule of the validators broken that was kept before. The gate against templates comes after all this and
stands elsewhere, since it is asked in the order of the samples and not in that of the replies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType

from ledger.readers import FactMap, Unreadable, content_of, read_line, reader_of
from ledger.recipes.contract import Item, Judged, Made, Memory, Problem, Recipe
from ledger.recipes.improve import Improve
from ledger.recipes.memory import worn
from ledger.recipes.structure import same
from ledger.sample import Content
from ledger.validators import ERROR, Schemas, validate

STOPS: Mapping[str, Problem] = MappingProxyType(
    {
        "refusal": Problem("refused", "the model refused"),
        "content_filter": Problem("refused", "the provider withheld the answer"),
        "max_tokens": Problem("cut", "the answer is longer than it may be, and ends in the middle"),
        "length": Problem("cut", "the answer is longer than it may be, and ends in the middle"),
        "model_context_window_exceeded": Problem("cut", "the sample and its answer are too long for the model"),
    }
)
"""Why a provider says a reply ended, where that makes it worthless; in the words of either dialect."""

_NOWHERE = FactMap(label=(), domain=(), tag_root=None)
_TOLD = 5
"""Broken rules that a sentence names."""


def judge(
    recipe: Recipe,
    item: Item,
    reader: str,
    stop: str | None,
    text: str,
    *,
    memory: Memory = Memory(),  # noqa: B008 - a value that nobody can change
    schemas: Schemas | None = None,
) -> Made | Judged | Problem:
    """Return what the text of a reply makes of a sample, or the first thing that is wrong with it; never raises for it.

    `reader` is the id of the sample's reader, by which the new version is read too; `stop` is why the reply ended, as
    the provider says it; `memory` is what the question forbade; `schemas` are those that the validators go by.
    """
    stopped = None if stop is None else STOPS.get(stop)
    if stopped is not None:
        return stopped
    made = recipe.read(item, text)
    if not isinstance(made, Made) or not isinstance(recipe, Improve):
        return made
    content = _content(made, reader)
    if content is None or not same(item.content, content, recipe.free(item)):
        return Problem("structure_changed", "a message or a tool call would not be what it was")
    if _echoes(recipe.texts(item, made).values(), content):
        return Problem("unchanged", "the answer says again what stands before it")
    phrased = next((name for name, said in recipe.texts(item, made).items() if worn(said, memory)), None)
    if phrased is not None:
        return Problem("banned_phrase", f"{phrased} holds a run of words that was forbidden")
    return _worse(item.content, content, schemas, recipe.spec.keep) or made


def _echoes(texts: Iterable[str], content: Content) -> bool:
    """Say whether a new text of an answer is a message that stands before it."""
    if isinstance(content.prompt, str) or isinstance(content.completion, str):
        return False
    said = {_plain(message.get("content")) for message in content.prompt} - {""}
    answered = {_plain(message.get("content")) for message in content.completion}
    return any(_plain(text) in said & answered for text in texts)


def _plain(text: object) -> str:
    return " ".join(text.split()).casefold() if isinstance(text, str) else ""


def again(problems: Sequence[Problem]) -> tuple[str, ...]:
    """Return what a model is told when it is asked again: what was wrong with its answers so far."""
    return tuple(
        f"Your answer number {number} was not accepted: {one.detail}." for number, one in enumerate(problems, 1)
    )


def _content(made: Made, reader: str) -> Content | None:
    if isinstance(read_line(made.content, _NOWHERE, reader_of(reader)), Unreadable):
        return None
    return content_of(made.content, reader)


def _worse(before: Content, after: Content, schemas: Schemas | None, keep: Sequence[str]) -> Problem | None:
    """Return the rules that a new version breaks more often than the old one did: errors, and those to be kept."""
    held = Counter(finding.rule for finding in validate(before, schemas))
    broken = Counter(
        finding.rule
        for finding in validate(after, schemas)
        if finding.severity == ERROR or any(fnmatchcase(finding.rule, pattern) for pattern in keep)
    )
    worse = sorted(rule for rule, times in broken.items() if times > held[rule])
    if not worse:
        return None
    more = f" and {len(worse) - _TOLD} more" if len(worse) > _TOLD else ""
    return Problem("invalid", f"it breaks rules that the sample kept: {', '.join(worse[:_TOLD])}{more}")
