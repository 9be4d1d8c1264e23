"""What a training example is: its content, the normal form that two equal examples share, and its identity.

A fingerprint is BLAKE3 of the normal form: roles, NFC text, tool calls as parsed structures with their arguments in
the order in which they came; without tool-call ids, the envelope, white space between JSON tokens and escapes.
A field that is null is a field that is not there. What is not understood (a malformed call, unknown keys of a
message) stays in the normal form as it is, so two contents share a fingerprint only where the rules above say so.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, NoReturn, TypeAlias

import orjson

from ledger.digest import blake3_bytes, digest_of

Message: TypeAlias = Mapping[str, Any]
Form: TypeAlias = Literal["conversational", "standard"]

NORMAL_FORM = 1
MAX_DEPTH = 100
MAX_DIGITS = 4300
"""Of one integer. Python has a limit of its own, but the environment can move that one."""

# A marker stands at the beginning of a line, so each line is looked at once however often it repeats the marker.
_TEXT_CALL = re.compile(r"\ntool_call:([^\n]*)\narguments:[ \t]*(?=\{)")
_MISTRAL_CALL = re.compile(r"\[TOOL_CALLS\]\s*(?=\[)")
_SPACE = " \t\r\n"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_NOT_TAUGHT = frozenset({"role", "content", "tool_calls", "tool_call_id", "id"})
_CALL_KEYS = frozenset({"arguments", "function", "id", "index", "name", "type"})
_MISTRAL_KEYS = frozenset({"name", "arguments", "id"})
_TEXT_PART = frozenset({"type", "text"})
_INFINITE = (float("inf"), float("-inf"))
_dump = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


class BadJson(ValueError):  # noqa: N818 - a value in disguise: readers turn it into a quarantine reason
    """A text that is not strict JSON: `reason` is a stable word, the message says where."""

    def __init__(self, reason: str, message: str) -> None:
        """Keep the reason beside the message."""
        super().__init__(message)
        self.reason = reason


class TextCall(NamedTuple):
    """A tool call found in text: what was called with what, and whether the arguments hold no float."""

    name: str
    arguments: Any
    plain: bool = False


class _Found(NamedTuple):
    """A JSON value found in text, where it ends, and whether it holds no float."""

    value: Any
    end: int
    plain: bool


class _FloatFound(ValueError):  # noqa: N818 - never leaves this module
    """The text holds a float."""


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
    """Parse JSON as RFC 8259 has it; raise BadJson for what has no one meaning everywhere.

    That is: duplicate keys, NaN, numbers beyond every float, integers of over MAX_DIGITS digits, lone surrogates,
    deep nesting.
    """
    try:
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise BadJson("too_deep", f"nested deeper than {MAX_DEPTH} levels") from error
    except json.JSONDecodeError as error:
        raise BadJson("invalid_json", f"{error.msg} at character {error.pos}") from error
    except BadJson:
        raise
    except ValueError as error:
        raise BadJson("invalid_json", "an integer has more digits than this Python reads") from error
    _check_depth_of(value, text, 0, len(text))
    if _SURROGATE.search(text):
        _check_surrogates(value)
    return value


def fingerprint(content: Content) -> bytes:
    """Return the 32-byte fingerprint of a content."""
    return both_fingerprints(content)[0]


def prompt_fingerprint(content: Content) -> bytes | None:
    """Return the 32-byte fingerprint of what stands before the completion, or None if nothing does."""
    return both_fingerprints(content)[1]


def both_fingerprints(content: Content) -> tuple[bytes, bytes | None]:
    """Return (fingerprint, prompt fingerprint).

    The normal forms are `["content",1,form,tools,prompt,completion]` and `["prompt",1,form,prompt]`, written as
    compact JSON in UTF-8 and NFC. An empty list of tools is no tools (null). Tools are no part of the prompt: rows
    that ask the same with other tools must not end up on both sides of a split.
    """
    form = content.form.encode()
    prompt, completion = _written(*_side(content.prompt)), _written(*_side(content.completion))
    parts = (NORMAL_FORM, form, _tools(content.tools), prompt, completion)
    whole = _address(b'["content",%d,"%b",%b,%b,%b]' % parts)
    return whole, _address(b'["prompt",%d,"%b",%b]' % (NORMAL_FORM, form, prompt)) if content.prompt else None


def sample_id(campaign: str, source: str, blob: bytes, nth: int) -> bytes:
    """Return the identity of an ingested sample: the `nth` occurrence (from 0) of `blob` in `source`."""
    return digest_of({"blob": blob.hex(), "campaign": campaign, "nth": nth, "source": source})


def text_calls(text: str) -> list[str | TextCall]:
    """Split text into its prose and its tool calls (`tool_call:` or `[TOOL_CALLS]`), in order.

    White space that only separates a call from prose is dropped. What does not parse stays prose.
    """
    if "tool_call:" not in text:
        return _mistral_calls(text) if "[TOOL_CALLS]" in text else [text]
    parts: list[str | TextCall] = []
    done = 0
    lines = "\n" + text
    marks = list(_TEXT_CALL.finditer(lines))
    for number, mark in enumerate(marks, 1):
        end = marks[number].start() if number < len(marks) else len(lines)
        # No call reaches beyond the next mark. Cutting there keeps a text of failing marks linear: an error of the
        # standard library's parser counts the lines of all the text that it was given.
        found = _json_at(lines[mark.end() : end], 0)
        if found is not None:
            parts += [lines[done : mark.start()].strip(), TextCall(mark[1].strip(" \t\r"), found.value, found.plain)]
            done = mark.end() + found.end
    if not parts:
        return _mistral_calls(text)
    parts.append(lines[done:].strip())
    return [part for part in parts if part]


def _mistral_calls(text: str) -> list[str | TextCall]:
    match = _MISTRAL_CALL.search(text)
    found = None if match is None else _json_at(text, match.end())
    if match is None or found is None:
        return [text]
    calls: list[str | TextCall] = [
        TextCall(call["name"], *_json_in(call.get("arguments"), dict))
        for call in found.value
        if isinstance(call, dict) and isinstance(call.get("name"), str) and call.keys() <= _MISTRAL_KEYS
    ]
    if not calls or len(calls) != len(found.value):
        return [text]
    return [part for part in (text[: match.start()].strip(), *calls, text[found.end :].strip()) if part]


def _json_at(text: str, start: int) -> _Found | None:
    """Return the JSON value that begins at `start`, or None where there is none.

    It is read like a line, except that a lone surrogate is let through: a line is not refused for what its text quotes.
    """
    try:
        try:
            value, end = _scan_plain(text, start)
            plain = True
        except _FloatFound:
            value, end = _scan(text, start)
            plain = False
        _check_depth_of(value, text, start, end)
    except (StopIteration, ValueError, RecursionError):
        return None
    return _Found(value, end, plain)


def _json_in(value: Any, kind: type) -> tuple[Any, bool]:  # noqa: ANN401 - any JSON value
    """Return what a JSON text holds if that is of `kind`, else the value itself; and whether it surely has no float."""
    if not isinstance(value, str):
        return value, value is None
    text = value.strip(_SPACE)
    found = _json_at(text, 0)
    if found is None or found.end != len(text) or not isinstance(found.value, kind):
        return value, True
    return found.value, found.plain


def _tools(tools: Any) -> bytes:  # noqa: ANN401 - any JSON value
    if tools is None:
        return b"null"
    value, plain = _json_in(tools, list)
    return b"null" if value == [] else _written(value, plain)


def _side(side: tuple[Message, ...] | str) -> tuple[Any, bool]:
    """Return the normal form of a side, and whether it surely has no float; so do the functions below."""
    if isinstance(side, str):
        return side, True
    values, plain = [], True
    for message in side:
        value, known = _message(message)
        values.append(value)
        plain = plain and known
    return values, plain


def _message(message: Message) -> tuple[list[Any], bool]:
    """Return `[role, parts]`, or `[role, parts, others]` where there are further fields."""
    role, calls = message.get("role"), message.get("tool_calls")
    parts, plain = _parts(role, message.get("content"))
    if calls:
        made = [_structured_call(call) for call in calls]
        stripped = (part.strip() if isinstance(part, str) else part for part in parts)
        parts = [*(part for part in stripped if part), *(value for value, _ in made)]
        plain = plain and all(known for _, known in made)
    if message.keys() <= _NOT_TAUGHT or not (others := _others(message, _NOT_TAUGHT)):
        return [role, parts], plain
    return [role, parts, others], False


def _parts(role: Any, content: Any) -> tuple[list[Any], bool]:  # noqa: ANN401 - any JSON value
    if isinstance(content, list) and all(isinstance(part, dict) and _is_text(part) for part in content):
        content = "".join(part["text"] for part in content)
    if not isinstance(content, str):
        return ([], True) if content is None else ([["content", content]], False)
    if role != "assistant":
        return [content], isinstance(role, str)
    values: list[Any] = []
    plain = True
    for part in text_calls(content):
        if isinstance(part, str):
            values.append(part)
        else:
            values.append(["call", part.name, part.arguments])
            plain = plain and part.plain
    return values, plain


def _is_text(part: Mapping[str, Any]) -> bool:
    return part.keys() == _TEXT_PART and part["type"] == "text" and isinstance(part["text"], str)


def _structured_call(call: Any) -> tuple[list[Any], bool]:  # noqa: ANN401 - any JSON value
    function = call.get("function", call) if isinstance(call, dict) else call
    if not isinstance(function, dict):
        return ["call", None, call], False
    name, (arguments, plain) = function.get("name"), _json_in(function.get("arguments"), dict)
    if others := _others({**call, **function}, _CALL_KEYS):
        return ["call", name, arguments, others], False
    return ["call", name, arguments], plain and isinstance(name, str)


def _others(fields: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {key: fields[key] for key in sorted(fields) if key not in known and fields[key] is not None}


def _written(value: Any, plain: bool) -> bytes:  # noqa: ANN401, FBT001 - any JSON value, and a fact of it
    """Return compact JSON as the standard library writes it; orjson, much faster, differs from it only in floats.

    What orjson does not take (integers beyond 64 bits, lone surrogates, deep values) the standard library writes too.
    """
    if plain:
        try:
            return orjson.dumps(value)
        except orjson.JSONEncodeError:
            pass
    return _dump(value).encode("utf-8", "surrogatepass")


def _address(text: bytes) -> bytes:
    # The text as a whole is normalised, not each string in it: a line feed and a combining tilde, which stand in JSON
    # as a backslash, n and the tilde, become a backslash and n-with-tilde. No other value is written so, so nothing is
    # confused; but whoever computes a fingerprint elsewhere must do the same.
    if not text.isascii():
        whole = text.decode("utf-8", "surrogatepass")
        text = unicodedata.normalize("NFC", whole).encode("utf-8", "surrogatepass")
    return blake3_bytes(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise BadJson("duplicate_key", f"the key {twice[:40]!r} stands twice in one object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise BadJson("not_a_number", f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in _INFINITE:
        raise BadJson("not_a_number", f"{text[:40]} is out of range")
    return number


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS and len(text.removeprefix("-")) > MAX_DIGITS:
        raise BadJson("invalid_json", f"an integer has more than {MAX_DIGITS} digits")
    return int(text)


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


def _stop_at_float(_text: str) -> NoReturn:
    raise _FloatFound


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole
)
_scan = _DECODER.scan_once  # type: ignore[attr-defined]  # documented in json.scanner, untyped
_scan_plain = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=_no_constant,
    parse_float=_stop_at_float,
    parse_int=_whole,
).scan_once  # type: ignore[attr-defined]
