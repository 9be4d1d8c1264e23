"""The same values and fingerprints as everywhere, several times faster, for the lines that are usual.

What is not surely read alike is None here and goes the long way, so the answers are those of `ledger.sample`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from ledger.digest import blake3_bytes
from ledger.readers.messages import ROLES
from ledger.sample import MAX_DEPTH, NORMAL_FORM, Content

_CALL = re.compile(r"\ntool_call:([^\n]*)\narguments:[ \t]*(?=\{)")
_KEYS = 2
_FIELDS = frozenset({"prompt", "completion", "label"})
_WHOLE = b'["content",%d,"conversational",null,%%b,%%b]' % NORMAL_FORM
_PROMPT = b'["prompt",%d,"conversational",%%b]' % NORMAL_FORM


class Quick(NamedTuple):
    """A row {prompt, completion, label} of plain messages: label, fingerprints, and what the line says."""

    label: bool
    fingerprint: bytes
    prompt: bytes
    value: dict[str, Any]


def quick_row(body: bytes) -> Quick | None:
    """Return what a line of exactly {prompt, completion, label} holds; None for every other line, good or bad."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if type(value) is not dict or value.keys() != _FIELDS or type(value["label"]) is not bool:
        return None
    prompt, completion = value["prompt"], value["completion"]
    if type(prompt) is not list or type(completion) is not list or not prompt or not completion:
        return None
    asked, said = _side(prompt), _side(completion)
    if asked is None or said is None or not _has_all(body, orjson.dumps(value)):
        return None
    before = orjson.dumps(asked)
    return Quick(value["label"], _address(_WHOLE % (before, orjson.dumps(said))), _address(_PROMPT % before), value)


def quick_object(body: bytes) -> dict[str, Any] | None:
    """Return the object that a line is, the same as `strict_json` makes of it except for numbers beyond 64 bits.

    None for every other line, good or bad. Such a number becomes a float here, whose text has an exponent.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if type(value) is dict and _is_whole(body, orjson.dumps(value)) else None


def quick_prints(content: Content) -> tuple[bytes, bytes | None] | None:
    """Return what `both_fingerprints` does for a chat without tools of plain messages; None for other contents."""
    prompt, completion = content.prompt, content.completion
    if content.tools is not None or isinstance(prompt, str) or isinstance(completion, str):
        return None
    asked, said = _side(prompt), _side(completion)
    if asked is None or said is None:
        return None
    before = orjson.dumps(asked)
    return _address(_WHOLE % (before, orjson.dumps(said))), _address(_PROMPT % before) if prompt else None


def _side(side: Sequence[Any]) -> list[Any] | None:
    """Return the normal form of messages of which each has a known role, text, and no more; None for others."""
    values = []
    for message in side:
        if type(message) is not dict or len(message) != _KEYS:
            return None
        role, content = message.get("role"), message.get("content")
        if type(role) is not str or type(content) is not str or role not in ROLES:
            return None
        parts: list[Any] | None = [content]
        if role == "assistant" and ("tool_call:" in content or "[TOOL_CALLS]" in content):
            parts = _parts(content)
        if parts is None:
            return None
        values.append([role, parts])
    return values


def _parts(text: str) -> list[Any] | None:
    """Return prose and call of a text that holds one call; None for other texts."""
    lines = "\n" + text
    if text.count("tool_call:") != 1 or "[TOOL_CALLS]" in text or (mark := _CALL.search(lines)) is None:
        return None
    given = lines[mark.end() :].encode()
    first, _, behind = given.partition(b"\n")  # arguments mostly stand in one line, prose may stand behind it
    try:
        arguments = orjson.loads(first)
    except orjson.JSONDecodeError:
        try:
            arguments, first, behind = orjson.loads(given), given, b""
        except orjson.JSONDecodeError:
            return None
    if not _is_whole(first, orjson.dumps(arguments)) or _has_float(arguments):
        return None
    call = ["call", mark[1].strip(" \t\r"), arguments]
    return [part for part in (lines[: mark.start()].strip(), call, behind.decode().strip()) if part]


def _has_float(value: Any) -> bool:  # noqa: ANN401 - any JSON value that is not too deep
    """Say whether a number that is no integer stands anywhere in a value: the normal form writes those otherwise."""
    kind = type(value)
    if kind is dict:
        value = value.values()
    elif kind is not list:
        return kind is float
    for item in value:  # noqa: SIM110 - for every call of every line, and half as fast with any()
        if type(item) is not str and _has_float(item):
            return True
    return False


def _is_whole(body: bytes, written: bytes) -> bool:
    """Say whether a text of one value surely has no key twice and is not too deep."""
    return _has_all(body, written) and body.count(b"[") + body.count(b"{") <= MAX_DEPTH


def _has_all(body: bytes, written: bytes) -> bool:
    """Say whether no key surely stands twice in JSON, given what was parsed of it, written again.

    Of a key that stands twice the parser keeps one, so that the quotation marks of the other are lost, and all others
    are written again. A body may have them as an escape with a number too: one that holds `u0022` is not judged.
    """
    return body.count(b'"') == written.count(b'"') and b"u0022" not in body


def _address(text: bytes) -> bytes:
    """Return the digest of a normal form, in NFC as a whole."""
    return blake3_bytes(text if text.isascii() else unicodedata.normalize("NFC", text.decode()).encode())
