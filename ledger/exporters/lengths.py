"""How many tokens a prompt has, as TRL's trainers count: by a tokenizer's own files, or by a stated estimate.

A trainer drops a row whose prompt has `max_length` tokens or more, and everything behind it moves. Counts by a
tokenizer are those of TRL 1.16 with transformers 5.23, where the tokenizer is loaded as its tokenizer.json has it:
a conversation through the chat template with the generation prompt, without further special tokens; a text with the
special tokens that the tokenizer adds. Texts come in as exact JSON, as `ledger.readers.Raw` has them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import orjson

from ledger.exporters.chat_template import Unrendered, variables_of
from ledger.exporters.tokenizer_files import Loaded, read_tokenizer

BYTES_A_TOKEN = 3
TOKENS_A_MESSAGE = 8
TOKENS_A_TEMPLATE = 40
TOKENS_FOR_TOOLS = 200
"""What templates say by themselves: a system message of their own, and how tools are to be called."""
_RULE = (
    f"A token for every {BYTES_A_TOKEN} bytes of UTF-8, a part of that counting whole, where tool calls and tools "
    f"count as JSON; {TOKENS_A_MESSAGE} for each message, {TOKENS_A_TEMPLATE} for each conversation, and "
    f"{TOKENS_FOR_TOOLS} where it has tools."
)
_CHUNK = 1000

T = TypeVar("T")
Prompt = tuple[str, str | None, str]
"""JSON text of a prompt, JSON text of its tools or None, and its form: conversational or standard."""


class Sides(NamedTuple):
    """JSON texts of a row, and its form."""

    prompt: str
    completion: str
    tools: str | None
    form: str


class Ruler(Protocol):
    """What measures rows in tokens.

    `identity` is restricted JSON for a manifest: what measured. `unrendered` counts the conversations so far that the
    chat template refused; a trainer stops at such a row, so they are measured as if there were no template.
    """

    @property
    def identity(self) -> dict[str, Any]:
        """Return what measures: {"by": "tokenizer", ...} or {"by": "estimate", "rule": a sentence}."""

    @property
    def unrendered(self) -> int:
        """Return how many conversations the chat template refused so far."""

    @property
    def has_template(self) -> bool:
        """Say whether conversations are measured through a chat template."""

    def prompt_tokens(self, prompt: str, tools: str | None, form: str) -> int:
        """Return the tokens of one prompt, the generation prompt included."""

    def prompt_tokens_many(self, prompts: Sequence[Prompt]) -> list[int]:
        """Return the tokens of many prompts, in their order."""

    def dropped(self, rows: Sequence[Sides], max_length: int) -> list[bool]:
        """Return, for each row, whether a trainer with this `max_length` drops it."""


class Estimate:
    """A rule that needs no tokenizer and errs on the long side."""

    unrendered = 0
    has_template = False

    @property
    def identity(self) -> dict[str, Any]:
        """Return the rule in words."""
        return {"by": "estimate", "rule": _RULE}

    def prompt_tokens(self, prompt: str, tools: str | None, form: str) -> int:
        """Return the estimate for one prompt."""
        if form == "standard":
            return _rounded(_bytes_of(_loaded(prompt)))
        sizes, messages = _said(prompt)
        added = TOKENS_A_TEMPLATE + TOKENS_A_MESSAGE * messages
        if tools is None:
            return _rounded(sizes) + added
        return _rounded(sizes + _bytes_of(_loaded(tools))) + added + TOKENS_FOR_TOOLS

    def prompt_tokens_many(self, prompts: Sequence[Prompt]) -> list[int]:
        """Return the estimate for each prompt."""
        return [self.prompt_tokens(*prompt) for prompt in prompts]

    def dropped(self, rows: Sequence[Sides], max_length: int) -> list[bool]:
        """Return whether each prompt is estimated to fill `max_length`."""
        return [self.prompt_tokens(row.prompt, row.tools, row.form) >= max_length for row in rows]


class Tokens:
    """A tokenizer with its chat template, as TRL uses them."""

    def __init__(self, loaded: Loaded) -> None:
        """Measure with what was loaded."""
        self._loaded = loaded
        self.unrendered = 0

    @property
    def identity(self) -> dict[str, Any]:
        """Return what was loaded: digests and a file's name, never where it stood."""
        return self._loaded.identity

    @property
    def has_template(self) -> bool:
        """Say whether there is a chat template."""
        return self._loaded.template(with_tools=False) is not None

    def prompt_tokens(self, prompt: str, tools: str | None, form: str) -> int:
        """Return the tokens of one prompt."""
        return self.prompt_tokens_many([(prompt, tools, form)])[0]

    def prompt_tokens_many(self, prompts: Sequence[Prompt]) -> list[int]:
        """Return the tokens of many prompts."""
        return self._encoded([self._text(*prompt) for prompt in prompts], len)

    def dropped(self, rows: Sequence[Sides], max_length: int) -> list[bool]:
        """Return whether each row is dropped: by the tokens that its prompt alone and the whole row begin with.

        These are never more than those of the prompt alone, so only rows that seem too long are looked at twice.
        """
        texts = [self._text(row.prompt, row.tools, row.form) for row in rows]
        found = [tokens >= max_length for tokens in self._encoded(texts, len)]
        long = [place for place, seems in enumerate(found) if seems]
        for start in range(0, len(long), _CHUNK):
            some = long[start : start + _CHUNK]
            both = [*(texts[place] for place in some), *(self._whole(rows[place]) for place in some)]
            encoded = self._encoded(both, _ids)
            for place, alone, whole in zip(some, encoded, encoded[len(some) :], strict=False):
                found[place] = _shared(alone, whole) >= max_length
        return found

    def _text(self, prompt: str, tools: str | None, form: str) -> tuple[str, bool]:
        """Return what is cut into tokens for a prompt, and whether special tokens are added to it."""
        if form == "standard":
            return _text_of(_loaded(prompt)), True
        return self._rendered(_loaded(prompt), tools, generation_prompt=True), False

    def _whole(self, row: Sides) -> tuple[str, bool]:
        prompt, completion = _loaded(row.prompt), _loaded(row.completion)
        if row.form == "standard":
            end, said = self._loaded.special_tokens.get("eos_token", ""), _text_of(completion)
            return _text_of(prompt) + (said if said.endswith(end) else said + end), True
        both = [*prompt, *completion] if isinstance(prompt, list) and isinstance(completion, list) else prompt
        return self._rendered(both, row.tools, generation_prompt=False, counted=False), False

    def _rendered(
        self,
        messages: Any,  # noqa: ANN401 - any JSON value
        tools: str | None,
        *,
        generation_prompt: bool,
        counted: bool = True,
    ) -> str:
        given = None if tools is None else _loaded(tools)
        given = _loaded(given) if isinstance(given, str) else given  # TRL reads tools that are JSON text
        render = self._loaded.template(with_tools=given is not None)
        if render is not None and isinstance(messages, list):
            try:
                special = self._loaded.special_tokens
                return render(variables_of(messages, given, special, generation_prompt=generation_prompt))
            except Unrendered:
                self.unrendered += counted
        return _plain_text(messages, given)

    def _encoded(self, texts: Sequence[tuple[str, bool]], what: Callable[[Any], T]) -> list[T]:
        """Return what is asked of the encoding of each text, in their order."""
        found: dict[int, T] = {}
        for special in (False, True):
            places = [place for place, (_, adds) in enumerate(texts) if adds is special]
            for start in range(0, len(places), _CHUNK):
                some = places[start : start + _CHUNK]
                encoded = self._loaded.encode([texts[place][0] for place in some], special)
                found.update(zip(some, map(what, encoded), strict=True))
        return [found[place] for place in range(len(texts))]


ESTIMATE: Ruler = Estimate()


def load_tokenizer(path: Path) -> Ruler:
    """Return what measures by the tokenizer in a file `tokenizer.json` or in the folder that holds one.

    Nothing is fetched, unpickled or run but the chat template, in a sandbox. Raises TokenizerUnreadable, and
    BadRequest where the packages are missing.
    """
    return Tokens(read_tokenizer(path))


def _plain_text(messages: Any, tools: Any) -> str:  # noqa: ANN401 - any JSON values
    """Return what is counted where there is no chat template: roles and contents, a line each; tools; calls."""
    said = messages if isinstance(messages, list) else [messages]
    lines = chain.from_iterable(_parts(message) for message in said)
    return "\n".join([*([] if tools is None else [_text_of(tools)]), *lines])


def _said(text: str) -> tuple[int, int]:
    """Return how many bytes a list of messages says, and how many messages there are."""
    messages = _loaded(text)
    if not isinstance(messages, list):
        return _bytes_of(messages), 1
    return sum(_bytes_of(part) for message in messages for part in _parts(message)), len(messages)


def _parts(message: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield what a message says: role and content first, then every other field, as JSON unless it is text."""
    if not isinstance(message, dict):
        yield _text_of(message)
        return
    for key in ("role", "content", *(name for name in message if name not in {"role", "content"})):
        if message.get(key) is not None:
            yield from _content(message[key])


def _content(value: Any) -> Iterable[str]:  # noqa: ANN401 - any JSON value
    """Return the texts of a content: parts of text count as their text."""
    if isinstance(value, list) and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in value):
        return [part["text"] for part in value]
    return [_text_of(value)]


def _text_of(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _bytes_of(value: Any) -> int:  # noqa: ANN401 - any JSON value
    return len(_text_of(value).encode("utf-8", "surrogatepass"))


def _rounded(size: int) -> int:
    return -(-size // BYTES_A_TOKEN)


def _loaded(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return what a JSON text says; what is none is taken as text, so that everything can be measured."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass  # numbers or halves of characters that orjson does not take, the standard library does
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _ids(encoding: Any) -> list[int]:  # noqa: ANN401 - a class of an optional package
    return list(encoding.ids)


def _shared(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many tokens two sequences begin with alike."""
    if first == second[: len(first)]:
        return len(first)
    differing = (place for place, (one, other) in enumerate(zip(first, second, strict=False)) if one != other)
    return next(differing, min(len(first), len(second)))
