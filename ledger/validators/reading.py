"""From a content to its turns and calls: text `tool_call:`, OpenAI `tool_calls` and Mistral `[TOOL_CALLS]` alike.

The normal form of a content (`ledger.sample`) takes what is no call for prose; here it is said why it is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from ledger.sample import MAX_DEPTH, MAX_DIGITS, Content
from ledger.validators.contract import MISSING, Call, Talk, Turn, clip, deeper_than

_SPACE = " \t\r\n"
_MARK = re.compile(r"tool_call:(?<![^\n]tool_call:)")  # at the beginning of a line
_ARGUMENTS = re.compile(r"^[ \t]*+arguments:[ \t\r\n]*+", re.MULTILINE)
_EXACT = re.compile(r"[^\n]*\narguments:[ \t]*+(?=\{)")
_BARE_ARGUMENTS = re.compile(r"^arguments:[ \t]*\{", re.MULTILINE)
_MISTRAL = re.compile(r"\[TOOL_CALLS\]\s*+")
_PROSE_AFTER = ("calls/prose_after_call", "text follows a call")
_LOOSE = ("calls/loose_notation", "the name or the arguments do not stand on lines of their own")
_TWICE = ("calls/duplicate_key", "a key stands twice in one object, and parsers differ in which value counts")
_CONTROL = ("calls/control_character", "a string holds a line end or another control character that is not escaped")
_INFINITE = (float("inf"), float("-inf"))

Noted = tuple[tuple[str, str], ...]
Faults = tuple[tuple[str, str, str], ...]
Extracted = tuple[tuple[Call, ...], str, Faults]
"""Calls, what is told after the last of them, faults."""


class Json(NamedTuple):
    """What a text holds at its start: a value and where it ends, or a fault (rule, message) and no value."""

    value: Any
    end: int
    faults: Noted = ()


class _Twice(ValueError):  # noqa: N818 - never leaves this module
    """A key stands twice in one object."""


def talk_of(content: Content) -> Talk:
    """Return a content as turns; never raises for what a reader accepted."""
    if isinstance(content.prompt, str) or isinstance(content.completion, str):
        asked = Turn("prompt", "user", str(content.prompt or ""), (), "", (), MISSING)
        text = str(content.completion or "")
        given = Turn("completion", "assistant", text, *_in_text(text, "completion", "completion"), MISSING)
        return Talk(content, (asked, given), 1)
    messages = (*content.prompt, *content.completion)
    return Talk(content, tuple(_turn(m, f"messages[{n}]") for n, m in enumerate(messages)), len(content.prompt))


def read_json(text: str) -> Json:
    """Return the JSON value that begins a text, read as strictly as a line; of a key that stands twice, the last."""
    try:
        value, end, faults = _read(text)
    except json.JSONDecodeError as error:
        return _unreadable(f"{error.msg} at character {error.pos}")
    except StopIteration as stop:
        return _unreadable(f"a value is missing at character {stop.value}")
    except RecursionError:
        return _unreadable("nested too deep")
    except ValueError as error:
        return _unreadable(str(error))
    if text.count("[", 0, end) + text.count("{", 0, end) > MAX_DEPTH and deeper_than(value, MAX_DEPTH):
        return _unreadable(f"nested deeper than {MAX_DEPTH} levels")
    return Json(value, end, faults)


def _read(text: str) -> tuple[Any, int, Noted]:
    try:
        return (*_scan(text, 0), ())
    except _Twice:
        return _read_noting(text, strict=True)
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Invalid control character"):
            raise
        value, end, noted = _read_noting(text, strict=False)
        return value, end, (*noted, _CONTROL)


def _read_noting(text: str, *, strict: bool) -> tuple[Any, int, Noted]:
    """Read with keys that stand twice and, unless `strict`, control characters inside strings."""
    noted: list[tuple[str, str]] = []

    def last_counts(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs) and not noted:
            noted.append(_TWICE)
        return value

    decoder = json.JSONDecoder(
        object_pairs_hook=last_counts, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole, strict=strict
    )
    value, end = decoder.scan_once(text, 0)  # type: ignore[attr-defined]  # see _scan
    return value, end, tuple(noted)


def _unreadable(why: str) -> Json:
    return Json(MISSING, 0, (("calls/malformed_arguments", f"not JSON: {why}"),))


def _turn(message: Any, path: str) -> Turn:  # noqa: ANN401 - any JSON value
    if not isinstance(message, Mapping):
        return Turn(path, None, "", (), "", (), message)
    role, text = message.get("role"), text_of(message.get("content"))
    if role != "assistant":
        return Turn(path, role, text, (), text, (), message)
    calls, told, faults = _in_text(text, path, f"{path}.content")
    structured = message.get("tool_calls")
    if isinstance(structured, list) and structured:
        if calls:
            faults = (*faults, ("calls/two_notations", path, "calls stand both in the text and in tool_calls"))
        calls = (
            *calls,
            *(_structured(call, f"{path}.tool_calls[{len(calls) + n}]") for n, call in enumerate(structured)),
        )
    return Turn(path, role, text, calls, told, faults, message)


def text_of(content: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the text of a message's content: of a list of parts, that of its text parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") == "text")
    return "".join(text for text in texts if isinstance(text, str))


def _in_text(text: str, path: str, place: str) -> Extracted:
    if "tool_call:" in text:
        return _text_calls(text, path, place)
    if "[TOOL_CALLS]" in text:
        return _mistral_calls(text, path, place)
    if "arguments:" in text and _BARE_ARGUMENTS.search(text):
        message = "the arguments of a call stand there, but nothing says which tool is called"
        return (), text, (("calls/no_marker", place, message),)
    return (), text, ()


def _text_calls(text: str, path: str, place: str) -> Extracted:
    marks = list(_MARK.finditer(text))
    if not marks and "[TOOL_CALLS]" in text:
        return _mistral_calls(text, path, place)
    calls: list[Call] = []
    noted: list[tuple[str, str]] = []
    told = "" if marks else text
    for number, mark in enumerate(marks, 1):
        # A call ends before the next mark: a raw line end cannot stand inside a JSON string.
        end = marks[number].start() if number < len(marks) else len(text)
        head = _ARGUMENTS.search(text, mark.end(), end)
        if head is None:
            told = text[mark.end() : end].strip()
            continue
        if calls and told:
            noted.append(_PROSE_AFTER)
        if _EXACT.match(text, mark.end(), end) is None:
            noted.append(_LOOSE)
        said = text[head.end() : end]
        read = read_json(said)
        told = "" if read.value is MISSING else said[read.end :].strip()
        name = text[mark.end() : head.start()].strip()
        calls.append(_call(f"{path}.tool_calls[{len(calls)}]", name, read, said))
    if len(calls) < max(1, len(marks)):
        noted.append(("calls/not_extracted", "`tool_call:` stands there, but no call that can be read"))
    if calls and told:
        noted.append(_PROSE_AFTER)
    return tuple(calls), told, tuple((rule, place, message) for rule, message in dict.fromkeys(noted))


def _mistral_calls(text: str, path: str, place: str) -> Extracted:
    mark = _MISTRAL.search(text)
    said = "" if mark is None else text[mark.end() :]
    read = read_json(said)
    if not isinstance(read.value, list) or not read.value:
        message = "`[TOOL_CALLS]` stands there, but no list of calls that can be read"
        return (), text, (("calls/not_extracted", place, message),)
    calls = tuple(_structured(call, f"{path}.tool_calls[{n}]") for n, call in enumerate(read.value))
    told = said[read.end :].strip()
    faults: Faults = ((_PROSE_AFTER[0], place, _PROSE_AFTER[1]),) if told else ()
    doubled = tuple((rule, place, message) for rule, message in read.faults)
    return calls, told, (*doubled, *faults)


def _structured(call: Any, path: str) -> Call:  # noqa: ANN401 - any JSON value
    function = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        return Call(path, None, MISSING, "", (("calls/not_a_call", f"{clip(call)} is no call"),))
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        return _call(path, function.get("name"), Json(MISSING if arguments is None else arguments, 0), "")
    said = arguments.strip(_SPACE)
    read = read_json(said)
    if read.value is not MISSING and read.end != len(said):
        rest = f"text follows the JSON value at character {read.end}"
        read = Json(MISSING, 0, (("calls/malformed_arguments", rest),))
    return _call(path, function.get("name"), read, said)


def _call(path: str, name: Any, read: Json, said: str) -> Call:  # noqa: ANN401 - any JSON value
    if isinstance(read.value, dict):
        return Call(path, name, read.value, "", read.faults)
    if read.value is MISSING:
        faults = read.faults or (("calls/arguments_not_object", "there are no arguments"),)
        return Call(path, name, MISSING, said, faults)
    wrong = ("calls/arguments_not_object", f"the arguments are {clip(read.value)}, not an object")
    return Call(path, name, MISSING, "", (*read.faults, wrong))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Twice
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in _INFINITE:
        raise ValueError("a number is out of range")
    return number


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"an integer has more than {MAX_DIGITS} digits")
    return int(text)


_scan = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole
).scan_once  # type: ignore[attr-defined]  # documented in json.scanner, untyped
