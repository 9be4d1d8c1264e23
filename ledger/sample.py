"""What a training example is: its content, the normal form that two equal examples share, and its identity.

A fingerprint is BLAKE3 of the normal form: roles, NFC text, tool calls as parsed structures with their arguments in
the order in which they came; without tool-call ids, the envelope, white space between JSON tokens and escapes.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, NoReturn, TypeAlias

from ledger.digest import blake3_bytes, digest_of

Message: TypeAlias = Mapping[str, Any]
Form: TypeAlias = Literal["conversational", "standard"]

NORMAL_FORM = 1
MAX_DEPTH = 100

_TEXT_CALL = re.compile(r"tool_call:[ \t]*([^\n]*?)[ \t]*\r?\narguments:[ \t]*(?=\{)")
_MISTRAL_CALL = re.compile(r"\[TOOL_CALLS\]\s*(?=\[)")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_NOT_TAUGHT = frozenset({"role", "content", "tool_calls", "tool_call_id", "id"})
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class BadJson(ValueError):  # noqa: N818 - a value in disguise: readers turn it into a quarantine reason
    """A text that is not strict JSON: `reason` is a stable word, the message says where."""

    def __init__(self, reason: str, message: str) -> None:
        """Keep the reason beside the message."""
        super().__init__(message)
        self.reason = reason


class TextCall(NamedTuple):
    """A tool call found in text: what was called with what, and where the call ends in the text."""

    name: str
    arguments: Any
    end: int


@dataclass(frozen=True, slots=True)
class Content:
    """The training fields of one version: what stands before the completion, and the completion.

    Conversational contents hold messages, standard ones hold text (the two forms of TRL).
    """

    form: Form
    prompt: tuple[Message, ...] | str
    completion: tuple[Message, ...] | str
    tools: Any = None

    @property
    def type(self) -> str:
        """Return TRL's name for what the fields can be used as."""
        if self.prompt and self.completion:
            return "prompt_completion"
        return "language_modeling" if self.completion else "prompt_only"


def strict_json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Parse JSON as RFC 8259 has it; raise BadJson for duplicate keys, NaN, lone surrogates or deep nesting."""
    try:
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise BadJson("too_deep", f"nested deeper than {MAX_DEPTH} levels") from error
    except json.JSONDecodeError as error:
        raise BadJson("invalid_json", f"{error.msg} at character {error.pos}") from error
    except BadJson:
        raise
    except ValueError as error:  # an integer of more digits than Python converts
        raise BadJson("invalid_json", str(error)) from error
    _check_depth_of(value, text, 0, len(text))
    if _SURROGATE.search(text):
        _check_surrogates(value)
    return value


def fingerprint(content: Content) -> bytes:
    """Return the 32-byte fingerprint of a content."""
    form, prompt, completion = content.form, _normal(content.prompt), _normal(content.completion)
    return _address(["content", NORMAL_FORM, form, content.tools, prompt, completion])


def prompt_fingerprint(content: Content) -> bytes | None:
    """Return the 32-byte fingerprint of what stands before the completion, or None if nothing does."""
    if not content.prompt:
        return None
    return _address(["prompt", NORMAL_FORM, content.form, content.tools, _normal(content.prompt)])


def both_fingerprints(content: Content) -> tuple[bytes, bytes | None]:
    """Return (fingerprint, prompt fingerprint), normalising the prompt once."""
    form, prompt = content.form, _normal(content.prompt)
    whole = _address(["content", NORMAL_FORM, form, content.tools, prompt, _normal(content.completion)])
    if not content.prompt:
        return whole, None
    return whole, _address(["prompt", NORMAL_FORM, form, content.tools, prompt])


def sample_id(campaign: str, source: str, blob: bytes, nth: int) -> bytes:
    """Return the identity of an ingested sample: the `nth` occurrence (from 0) of `blob` in `source`."""
    return digest_of({"blob": blob.hex(), "campaign": campaign, "nth": nth, "source": source})


def derived_sample_id(parent_version: bytes, recipe: bytes, ordinal: int, blob: bytes) -> bytes:
    """Return the identity of a sample derived from `parent_version` (a blob hash) under `recipe`."""
    return digest_of(
        {"blob": blob.hex(), "ordinal": ordinal, "parent": parent_version.hex(), "recipe": recipe.hex()},
    )


def text_calls(text: str) -> list[str | TextCall]:
    """Split text into its prose and its tool calls (`tool_call:` or `[TOOL_CALLS]`), in order.

    White space that only separates a call from prose is dropped. What does not parse stays prose.
    """
    parts: list[str | TextCall] = []
    done = 0
    for match in _TEXT_CALL.finditer(text):
        if match.start() < done:
            continue
        call = _call_at(text, match.end(), match.group(1))
        if call is not None:
            parts += [text[done : match.start()], call]
            done = call.end
    if not parts:
        return _mistral_calls(text)
    parts.append(text[done:])
    return [part for part in (_stripped(part) for part in parts) if part != ""]


def _mistral_calls(text: str) -> list[str | TextCall]:
    match = _MISTRAL_CALL.search(text)
    if match is None:
        return [text]
    found = _json_at(text, match.end())
    if found is None:
        return [text]
    listed, end = found
    calls = [call for call in listed if isinstance(call, dict) and isinstance(call.get("name"), str)]
    if not calls or len(calls) != len(listed):
        return [text]
    parts: list[str | TextCall] = [text[: match.start()]]
    parts += [TextCall(call["name"], _arguments(call.get("arguments")), end) for call in calls]
    parts.append(text[end:])
    return [part for part in (_stripped(part) for part in parts) if part != ""]


def _stripped(part: str | TextCall) -> str | TextCall:
    return part.strip() if isinstance(part, str) else part


def _call_at(text: str, start: int, name: str) -> TextCall | None:
    found = _json_at(text, start)
    return None if found is None else TextCall(name, *found)


def _json_at(text: str, start: int) -> tuple[Any, int] | None:
    """Return the strict JSON value that begins at `start` and its end, or None where there is none."""
    try:
        value, end = _DECODER.raw_decode(text, start)
        if end - start > MAX_DEPTH:
            _check_depth_of(value, text, start, end)
    except (ValueError, RecursionError):
        return None
    return value, end


def _arguments(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if not isinstance(value, str):
        return value
    try:
        return strict_json(value)
    except BadJson:
        return value


def _normal(side: tuple[Message, ...] | str) -> Any:  # noqa: ANN401 - a JSON value
    return side if isinstance(side, str) else [_normal_message(message) for message in side]


def _normal_message(message: Message) -> list[Any]:
    role, content = message.get("role"), message.get("content")
    parts = _parts(role, content)
    calls = message.get("tool_calls")
    if calls:
        parts = [part.strip() if isinstance(part, str) else part for part in parts]
        parts = [part for part in parts if part != ""]
        parts += [_structured_call(call) for call in calls]
    if message.keys() <= _NOT_TAUGHT:
        return [role, parts]
    return [role, parts, {key: message[key] for key in sorted(message) if key not in _NOT_TAUGHT}]


def _parts(role: Any, content: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    if isinstance(content, list) and all(isinstance(p, dict) and p.get("type") == "text" for p in content):
        content = "".join(str(part.get("text", "")) for part in content)
    if content is None:
        return []
    if not isinstance(content, str):
        return [["content", content]]
    if role != "assistant" or ("tool_call:" not in content and "[TOOL_CALLS]" not in content):
        return [content]
    return [part if isinstance(part, str) else ["call", part.name, part.arguments] for part in text_calls(content)]


def _structured_call(call: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    function = call.get("function", call) if isinstance(call, dict) else call
    if not isinstance(function, dict):
        return ["call", None, function]
    return ["call", function.get("name"), _arguments(function.get("arguments"))]


def _address(value: list[Any]) -> bytes:
    text = _dump(value)
    # No ASCII punctuation of JSON composes with what follows it, so normalising the whole equals normalising
    # each string in it.
    return blake3_bytes(
        (text if text.isascii() else unicodedata.normalize("NFC", text)).encode("utf-8", "surrogatepass")
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise BadJson("duplicate_key", f"the key {twice!r} stands twice in one object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise BadJson("not_a_number", f"{name} is not JSON")


def _check_depth_of(value: Any, text: str, start: int, end: int) -> None:  # noqa: ANN401 - any JSON value
    if text.count("[", start, end) + text.count("{", start, end) <= MAX_DEPTH:
        return  # too few brackets to be too deep; the usual case, decided without a walk
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for parent in level
            if isinstance(parent, (dict, list))
            for item in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return
    if any(isinstance(item, (dict, list)) for item in level):
        raise BadJson("too_deep", f"nested deeper than {MAX_DEPTH} levels")


def _check_surrogates(value: Any) -> None:  # noqa: ANN401 - any JSON value
    try:
        _dump(value).encode()
    except UnicodeEncodeError as error:
        raise BadJson("lone_surrogate", "a \\u escape names half of a character") from error


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
