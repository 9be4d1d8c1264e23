"""What an answer is expected to have, as TOML: headings, code with docstrings, tool calls, words, lengths.

A file holds [[expect]] tables, each with a name and one thing that is expected. Whether an answer has it is a plain
yes or no; validators say the rest.
"""

from __future__ import annotations

import ast
import difflib
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ledger.errors import SettingsInvalid
from ledger.sample import BadJson, strict_json
from ledger.toml_text import Lines, NotToml, Path, read_toml
from ledger.validators.contract import Talk

LONGEST = 20_000
"""Characters of one file."""
MOST = 100
"""Expectations of one file."""
_LONGEST_NAME = 60
_LONGEST_CODE = 50_000
"""Characters of code that are parsed; more is no docstring."""
_FENCE = re.compile(r"^```(?:[ \t]*+(?:python|py))?[ \t]*+\n(.*?)^```", re.DOTALL | re.MULTILINE)


class Expectation(NamedTuple):
    """One thing that is expected of every answer: its name, the kind, and the value beside it."""

    name: str
    kind: str
    value: Any


def read_expectations(text: str, file: object, taken: Collection[str] = ()) -> tuple[Expectation, ...]:
    """Return the expectations of a TOML text, in its order; raise SettingsInvalid(file, line, what).

    `taken` are the names of other checks: an expectation called so would be counted with them.
    """
    try:
        document = read_toml(text, "a file of expectations", LONGEST)
    except NotToml as error:
        raise SettingsInvalid(file, error.line, error.what) from None
    found: list[Expectation] = []
    for path, said in _tables(document):
        what = said if isinstance(said, str) else _fault(said, {one.name for one in found}, taken)
        if what is not None:
            raise SettingsInvalid(file, Lines(text).of(path), what)
        ((kind, value),) = ((key, value) for key, value in said.items() if key != "name")
        found.append(Expectation(said["name"], kind, value))
    return tuple(found)


def meets(expectation: Expectation, answer: str, talk: Talk) -> bool:
    """Say whether an answer has what is expected; `talk` ends with it."""
    return _KINDS[expectation.kind].meets(answer, talk, expectation.value)


def _tables(document: Mapping[str, Any]) -> list[tuple[Path, Any]]:
    """Return each table with its place; a text in place of a table says what is wrong there."""
    unknown = [key for key in document if key != "expect"]
    if unknown:
        return [((unknown[0],), f"there is no table {unknown[0][:40]!r} here; write [[expect]]")]
    tables = document.get("expect")
    if not isinstance(tables, list) or not tables:
        return [((), "there is no [[expect]] table")]
    if len(tables) > MOST:
        return [(("expect",), f"{len(tables)} expectations are too many; the most are {MOST}")]
    return [(("expect", at), table) for at, table in enumerate(tables)]


def _fault(table: Any, names: set[str], taken: Collection[str]) -> str | None:  # noqa: ANN401 - any TOML value
    if not isinstance(table, dict):
        return "write [[expect]] and the keys below it"
    name = table.get("name")
    if fault := _name_fault(name, names, taken):
        return fault
    kinds = [key for key in table if key != "name"]
    if len(kinds) != 1:
        return f"{name} takes one of {', '.join(_KINDS)}, not {len(kinds)}"
    (kind,) = kinds
    if kind not in _KINDS:
        close = difflib.get_close_matches(kind, _KINDS, 1)
        return f"nobody can expect {kind[:40]!r}" + (f" (did you mean {close[0]!r}?)" if close else "")
    wanted = _KINDS[kind]
    value = table[kind]
    good = any(type(value) is each for each in wanted.types) and (value > 0 if type(value) is int else bool(value))
    return None if good else f"{kind} takes {wanted.takes}"


def _name_fault(name: object, names: set[str], taken: Collection[str]) -> str | None:
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        return f"an expectation has a name of at most {_LONGEST_NAME} characters"
    if name in names:
        return f"two expectations are called {name!r}"
    return f"{name!r} is a check already; give the expectation another name" if name in taken else None


class _Kind(NamedTuple):
    """What a value beside a key is, in types and in words, and whether an answer has it."""

    types: tuple[type, ...]
    takes: str
    meets: Callable[[str, Talk, Any], bool]


def _has_heading(answer: str, _: Talk, value: str) -> bool:
    wanted = value.casefold()
    return any(
        line.strip().lstrip("#*").strip().rstrip(":*").strip().casefold() == wanted for line in answer.splitlines()
    )


def _has_docstring(answer: str, _: Talk, value: bool) -> bool:  # noqa: ARG001, FBT001 - the value is true
    blocks = _FENCE.findall(answer) or [answer]
    return any(_documented(block) for block in blocks)


def _documented(code: str) -> bool:
    if len(code) > _LONGEST_CODE:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in somebody else's code
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(isinstance(node, kinds) and ast.get_docstring(node) for node in ast.walk(tree))


def _is_json(answer: str, _: Talk, value: bool) -> bool:  # noqa: ARG001, FBT001 - likewise
    try:
        strict_json(answer)
    except BadJson:
        return False
    return True


def _calls(_: str, talk: Talk, value: str | bool) -> bool:  # noqa: FBT001 - true: any tool
    names = [call.name for turn in talk.turns[talk.cut :] for call in turn.calls]
    return bool(names) if value is True else value in names


_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "heading": _Kind((str,), "a text in quotes: a line that is a heading, such as Solution", _has_heading),
        "contains": _Kind((str,), "a text in quotes", lambda answer, _, value: value in answer),
        "absent": _Kind((str,), "a text in quotes", lambda answer, _, value: value not in answer),
        "docstring": _Kind((bool,), "true: Python with a documented function or class", _has_docstring),
        "calls": _Kind((str, bool), "the name of a tool in quotes, or true for any", _calls),
        "json": _Kind((bool,), "true", _is_json),
        "min_chars": _Kind((int,), "a whole number above 0", lambda answer, _, value: len(answer) >= value),
        "max_chars": _Kind((int,), "a whole number above 0", lambda answer, _, value: len(answer) <= value),
    }
)
