"""What the tools that read share: their arguments, the shape of their answers, and how a wrong name is taught.

Definitions are read by a model before anything is asked, so they are as short as they can be: no titles beside names,
no alternatives with null. A text that is left out is the empty text; a client that sends null means the same.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, TypeAlias
from unicodedata import normalize

from mcp.types import ToolAnnotations
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema

from ledger import Ledger
from ledger.errors import BadRequest, NoSuchId

READING = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

MOST_ROWS = 100
MANY = 1_000
"""Names that a wrong one is compared with letter by letter; of more, those that begin like it."""
LONGEST = 1_000
"""Characters of one argument."""


def bare(schema: dict[str, Any]) -> None:
    """Take from an argument's schema what its name and its absence say already."""
    if schema.get("default") in ("", []):
        del schema["default"]


def _left_out(value: object) -> object:
    return "" if value is None else value


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _left_out(value)


def _no_items(value: object) -> object:
    return [] if value is None else value


def _not_long(text: str) -> str:
    if len(text) > LONGEST:
        raise ValueError(f"should have at most {LONGEST} characters")
    return text


Short = AfterValidator(_not_long)
"""Said where it is broken, not in every definition."""

Text = Annotated[str, BeforeValidator(_left_out), Short, Field(json_schema_extra=bare)]
SampleId = Annotated[str, Short, Field(description="id or unique prefix, 6+")]
Name = Annotated[str, Short]
Moment = Annotated[
    str,
    BeforeValidator(_as_text),
    Short,
    Field(json_schema_extra=bare, description="position or ISO time"),
]
Limit = Annotated[int, Field(ge=1, le=MOST_ROWS)]
Cursor = Annotated[
    str, BeforeValidator(_left_out), Short, Field(json_schema_extra=bare, description="`next` of a page")
]
Yes: TypeAlias = bool
Items = BeforeValidator(_no_items)


Rows = Annotated[dict[str, list[Any]], WithJsonSchema({"type": "object"})]
"""A table: `cols`, the names of its columns, and `rows`."""


class Shape(BaseModel):
    """The shape of an answer; each tool's has facts of its own, and more can stand beside them. None is null."""

    as_of: int

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the schema without titles, descriptions and null: only names and types."""
        schema = handler.resolve_ref_schema(handler(core))
        properties = {name: _type_of(one) for name, one in schema["properties"].items()}
        return {"type": "object", "properties": properties, "required": schema["required"]}


def _type_of(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = [one for one in schema.get("anyOf", [schema]) if one != {"type": "null"}]
    types = [one["type"] for one in kinds]
    return {"type": types[0] if len(types) == 1 else types}


def given(text: str) -> str | None:
    """Return an argument, or None where it was left out."""
    return text or None


def known_campaign(ledger: Ledger, name: str) -> str | None:
    """Return the campaign, or None where none is named; raise BadRequest with the nearest names that there are."""
    if not name:
        return None
    known = ledger.offers("campaigns")
    written = normalize("NFC", written_out(name, known))
    if written in known:
        return written
    raise BadRequest(f"There is no campaign {cut(name)!r}", hint=_instead("campaigns", name, known))


@contextmanager
def teaching(ledger: Ledger, sample: str) -> Iterator[None]:
    """Let a wrong id inside be answered with the nearest that there are."""
    try:
        yield
    except NoSuchId as error:
        near = nearest_ids(ledger, sample)
        if not near:
            raise
        raise NoSuchId(*error.args, hint=f"The nearest ids: {', '.join(near)}; ledger_search finds others.") from error


def nearest_ids(ledger: Ledger, text: str) -> list[str]:
    """Return a few samples whose ids begin as a wrong one does, for four characters or more."""
    wrong = text.strip().lower().removeprefix("b3:")
    for length in range(min(len(wrong), 16), 3, -1):
        if near := ledger.offers("samples", wrong[:length]):
            return near[:3]
    return []


def mark_of(name: str) -> str:
    """Return the mark of a name that cannot be shown as it is: it can be given wherever the name can."""
    return f"{MARK}{hashlib.blake2b(name.encode(errors='surrogatepass'), digest_size=4).hexdigest()}"


def written_out(name: str, known: Sequence[str]) -> str:
    """Return the name that such a mark stands for, any other text as it is.

    Raises BadRequest for a mark of one answer only, and for one that nothing has: never is it taken for a name.
    """
    if not _MARKED.fullmatch(name):
        return name
    for one in known:
        if mark_of(one) == name:
            return one
    raise BadRequest(f"{name[:LONGEST_NAME]!r} is no name but the mark of one", hint=_WRITE_OUT)


def known_of(what: str, name: str, known: Sequence[str]) -> str:
    """Return a name of a few; raise BadRequest with the nearest that there are."""
    name = written_out(name, known)
    if name in known:
        return name
    raise BadRequest(f"There is no {what} {cut(name)!r}", hint=_instead(f"{what}s", name, known))


def cut(name: str, most: int = 60) -> str:
    """Return the beginning of what a caller wrote, for a message."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _instead(what: str, name: str, known: Sequence[str]) -> str:
    """Return the next step: the names that are nearest to a wrong one, else the first."""
    if name.startswith(MARK):
        return _WRITE_OUT
    shown = [one for one in known if is_plain(one)]
    like = shown if len(shown) <= MANY else [one for one in shown if one[:2] == name[:2]][:MANY]
    near = difflib.get_close_matches(name[:LONGEST_NAME], like, n=3, cutoff=0.5)
    near += [one for one in shown if name.casefold() in one.casefold() and one not in near][:3]
    if near:
        return f"The nearest {what}: {', '.join(near[:5])}."
    return f"There are these {what}: {', '.join(shown[:10])}." if shown else f"There are no {what} yet."


_IN_NAMES = frozenset("_.:/+@#-")
LONGEST_NAME = 48
MOST_PARTS = 5
"""Words that a plain name may be put together from; a sentence with marks between its words has more."""
_PARTS = re.compile("[A-Z]*[a-z]+|[A-Z]+")
MARK = "~"
"""How the mark begins that stands for a name that is not plain."""
_MARKED = re.compile(r"~(?:[0-9]+|[0-9a-f]{8})")
_WRITE_OUT = "That stands for a name; write the name out, as `untrusted_names` of that answer has it."


def is_plain(text: str) -> bool:
    """Say whether a text is a plain name, which can be shown among the facts: ASCII, no spaces, short, of few words.

    Names of campaigns, sources, domains and tags come from files. A sentence among them is a text like that of a
    sample, and is shown as such.
    """
    letters = text.replace("_", "").replace("-", "")
    return (
        len(text) <= LONGEST_NAME
        and text.isascii()
        and bool(letters)
        and all(char.isalnum() or char in _IN_NAMES for char in text)
        and len(_PARTS.findall(text)) <= MOST_PARTS
    )
