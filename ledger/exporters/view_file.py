"""Views as TOML: what people write, keep beside their data and send to one another."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from ledger.errors import ViewInvalid
from ledger.exporters.view_spec import (
    CONFLICTS,
    DUPLICATES,
    FACTS,
    LABELS,
    ORDERS,
    PAIRS,
    SPLITS,
    STATUSES,
    TAG,
    TYPES,
    WEIGHTS,
    ViewSpec,
    problems,
)
from ledger.toml_text import Lines, NotToml, Path, read_toml, toml_key, toml_string

LONGEST = 20_000
"""Characters of one view."""
KEYS = (
    "name",
    "type",
    "select",
    "label",
    "split",
    "status",
    "order",
    "duplicates",
    "conflicts",
    "weights",
    "pairs",
    "fields",
)
ANY = "any"
_LABEL_OF: dict[str, bool | None] = {"true": True, "false": False, "none": None}
_WORD_OF = {label: word for word, label in _LABEL_OF.items()}
_KEY_OF = {"labels": "label", "statuses": "status"}
_SHOWN = 100
_AUTO = (
    "# As a view that every ledger has, its type is unpaired_preference where every row has a label, and\n"
    "# prompt_completion else. A view of your own says which.\n"
)


class _Fault(ValueError):  # noqa: N818 - what is wrong; parse_view turns it into ViewInvalid with its line
    def __init__(self, path: Path, what: str) -> None:
        super().__init__(what)
        self.path = path
        self.what = what


def parse_view(text: str, file: str) -> ViewSpec:
    """Return the view of a TOML text; `file` names it in errors.

    Whether `select` is a condition is for those to say who know conditions. Raises ViewInvalid(file, line, what was
    expected there).
    """
    try:
        document = read_toml(text, "a view", LONGEST)
    except NotToml as error:
        raise ViewInvalid(file, error.line, error.what) from None
    try:
        return _checked(document)
    except _Fault as fault:
        raise ViewInvalid(file, Lines(text).of(fault.path), fault.what) from None


def select_line(text: str, at: int) -> int:
    """Return the line of a character, from 1, of the condition in a view's text that was parsed."""
    return Lines(text).inside(("select",), at)


def view_toml(spec: ViewSpec) -> str:
    """Return a view as TOML, every setting written out: `parse_view(view_toml(spec), ...) == spec`.

    What only built-in views can leave open stands in a comment, and one of the choices in its place.
    """
    is_auto = spec.type == "auto"
    written: list[tuple[str, Any]] = [("name", spec.name), ("type", "unpaired_preference" if is_auto else spec.type)]
    if spec.select is not None:
        written.append(("select", spec.select))
    labels = [label for label in spec.labels if label is not None or not is_auto]
    written += [("label", [_WORD_OF[label] for label in labels]), ("split", spec.split or ANY)]
    if spec.statuses is not None:
        written.append(("status", list(spec.statuses)))
    written += [(key, getattr(spec, key)) for key in ("order", "duplicates", "conflicts", "weights")]
    if spec.type == "preference":
        written.append(("pairs", spec.pairs))
    body = "".join(f"{key} = {_toml(value)}\n" for key, value in written)
    further = "".join(f"{toml_key(column)} = {_toml(fact)}\n" for column, fact in spec.fields)
    return (_AUTO if is_auto else "") + body + (f"\n[fields]\n{further}" if further else "")


def _checked(document: Mapping[str, Any]) -> ViewSpec:
    spec = _spec(document)
    for attribute, what in problems(spec):
        outer, _, column = attribute.partition(".")
        key = _KEY_OF.get(outer, outer)
        raise _Fault((key, column) if column else (key,), what)
    return spec


def _spec(document: Mapping[str, Any]) -> ViewSpec:
    """Return what a document says, its kinds and words checked."""
    for key in document:
        if key not in KEYS:
            raise _Fault((key,), f"there is no key {key[:_SHOWN]!r} here{_near(key, KEYS)}")
    if "name" not in document:
        raise _Fault((), "name is missing; write name = and a text in quotes")
    kind = _word(document, "type", TYPES, "prompt_completion")
    reads = kind == "samples"  # a view for reading leaves nothing out that nobody asked it to
    labels = [word for word in _LABEL_OF if word != "none" or kind != "unpaired_preference"]
    said = _words(document, "label", tuple(_LABEL_OF), labels)
    statuses = _words(document, "status", STATUSES, ()) if "status" in document else None
    split = _word(document, "split", (ANY, *SPLITS), ANY)
    return ViewSpec(
        name=_text(document, "name"),
        type=kind,
        statuses=None if statuses is None else tuple(status for status in STATUSES if status in statuses),
        split=None if split == ANY else split,
        labels=tuple(label for label in LABELS if _WORD_OF[label] in said),
        select=_text(document, "select") if "select" in document else None,
        order=_word(document, "order", ORDERS, "keyed"),
        duplicates=_word(document, "duplicates", DUPLICATES, "keep" if reads else "collapse"),
        conflicts=_word(document, "conflicts", CONFLICTS, "keep" if reads else "omit"),
        weights=_word(document, "weights", WEIGHTS, "ignore" if reads else "repeat"),
        pairs=_word(document, "pairs", PAIRS, "prompt"),
        fields=_fields(document),
    )


def _text(table: Mapping[str, Any], key: str, within: Path = ()) -> str:
    value = table[key]
    if not isinstance(value, str):
        name = ".".join(map(str, (*within, key)))[:_SHOWN]
        raise _Fault((*within, key), f"{name} is a text in quotes, not {_kind(value)}")
    return value


def _word(document: Mapping[str, Any], key: str, words: Sequence[str], default: str) -> str:
    if key not in document:
        return default
    value = _text(document, key)
    if value not in words:
        raise _Fault((key,), f"{key} cannot be {value[:_SHOWN]!r}{_near(value, words)}")
    return value


def _words(document: Mapping[str, Any], key: str, words: Sequence[str], default: Sequence[str]) -> Sequence[str]:
    """Return a list of some of the words, each once."""
    if key not in document:
        return default
    values = document[key]
    shown = ", ".join(f'"{word}"' for word in words)
    if not isinstance(values, list):
        raise _Fault((key,), f"{key} is a list of some of {shown}, in brackets; it is {_kind(values)}")
    for index, value in enumerate(values):
        path: Path = (key, index)
        if not isinstance(value, str):
            raise _Fault(path, f"{key} is a list of some of {shown}, in quotes; this is {_kind(value)}")
        if value not in words:
            raise _Fault(path, f"{key} cannot be {value[:_SHOWN]!r}{_near(value, words)}")
        if value in values[:index]:
            raise _Fault(path, f"{key} names {value!r} twice")
    return values


def _fields(document: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    table = document.get("fields", {})
    if not isinstance(table, Mapping):
        raise _Fault(("fields",), f"fields is a table of columns, each = a fact, not {_kind(table)}")
    found = [(column, _text(table, column, ("fields",))) for column in table]
    for column, fact in found:
        if fact not in FACTS and not fact.startswith(TAG):
            what = f"there is no fact {fact[:_SHOWN]!r}{_near(fact, (*FACTS, 'tag.NAME'))}"
            raise _Fault(("fields", column), what)
    return tuple(found)


def _near(word: str, known: Sequence[str]) -> str:
    """Return a question about the word that was probably meant, or else all that there are."""
    found = difflib.get_close_matches(word[:_SHOWN], known, 1)
    return f" (did you mean {found[0]!r}?)" if found else f"; there are {', '.join(known)}"


def _kind(value: object) -> str:
    names: list[tuple[type | tuple[type, ...], str]] = [
        (bool, "true or false"),
        ((int, float), "a number"),
        (str, "a text"),
        (list, "a list"),
        (Mapping, "a table"),
    ]
    return next((name for kind, name in names if isinstance(value, kind)), "a date or time")


def _toml(value: str | Sequence[str]) -> str:
    return toml_string(value) if isinstance(value, str) else "[" + ", ".join(map(toml_string, value)) + "]"
