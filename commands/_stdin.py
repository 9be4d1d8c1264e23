"""What verbs read from standard input and files: ids, one a line or as JSON, and contents."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any


def read_ids(given: Sequence[str], key: str = "sample") -> list[str]:
    """Return ids from arguments; `-` stands for those on standard input, one a line or as JSON with `key`."""
    if "-" not in given:
        return list(given)
    at = given.index("-")
    ids = [*given[:at], *_from_stdin(key), *given[at + 1 :]]
    if not ids:  # an empty list is not the same as none: nothing else may choose in its place
        from ledger.errors import BadRequest

        raise BadRequest(f"No {'ids' if key == 'sample' else f'{key}s'} were given: standard input holds none")
    return ids


def read_content(path: str) -> bytes:
    """Return the bytes of a file, `-` for standard input; raise InputNotFound, InputUnreadable."""
    from ledger.errors import InputNotFound, InputUnreadable

    if path == "-":
        return _stdin_bytes("the new content")
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a path as it was typed
            return file.read()
    except FileNotFoundError as error:
        raise InputNotFound(path) from error
    except OSError as error:
        raise InputUnreadable(path, error.strerror) from error


def _stdin_bytes(what: str) -> bytes:
    from ledger.errors import InputUnreadable

    if sys.stdin is None:
        raise InputUnreadable("-", "standard input is closed")
    if sys.stdin.isatty():
        from commands._render import note

        note("", f"reading {what} from the terminal; end with Ctrl-D", style="dim")
    return sys.stdin.buffer.read()


def _from_stdin(key: str) -> list[str]:
    from ledger.errors import BadRequest

    try:
        text = _stdin_bytes("ids").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest("Standard input is not UTF-8 text with one id a line") from error
    if text.lstrip()[:1] in {"{", "["}:
        return list(_ids_in(_json_values(text), key))
    lines = [(number, line.split("\t")[0].split()) for number, line in enumerate(text.splitlines(), 1)]
    for number, words in lines:  # what stands after a tab says more about the id, as in `project --list-omitted`
        if len(words) > 1:
            raise BadRequest(f"Line {number} of standard input holds {len(words)} words; it takes one id a line")
    return [words[0] for _, words in lines if words]


def _json_values(text: str) -> list[Any]:
    """Return the values of one JSON document, or of JSON lines; raise BadRequest."""
    from ledger.errors import BadRequest

    whole = _parsed(text)
    if whole:
        return whole
    values: list[Any] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            found = _parsed(line)
            if not found:
                raise BadRequest(f"Line {number} of standard input is not JSON")
            values += found
    return values


def _parsed(text: str) -> list[Any]:
    """Return the one value of a JSON text, or nothing where it is none."""
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        return []


def _ids_in(values: Sequence[Any], key: str, *, told: bool = True) -> Iterator[str]:
    """Yield the ids in JSON: texts, objects with `key`, and what holds a list of such (as `log --json` does).

    `told` is False inside an object: what stands there and has no `key` is about something else, texts too.
    """
    from ledger.errors import BadRequest

    for value in values:
        if isinstance(value, str):
            if told:
                yield value
        elif isinstance(value, list):
            yield from _ids_in(value, key, told=told)
        elif isinstance(value, dict) and isinstance(value.get(key), str):
            yield value[key]
        elif isinstance(value, dict) and (lists := [item for item in value.values() if isinstance(item, list)]):
            yield from _ids_in(lists, key, told=False)
        elif told:
            raise BadRequest(f"Standard input holds JSON without {key!r}")
