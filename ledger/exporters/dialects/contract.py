"""What a dialect is given and what it may say: the parts of a row, the layout of a file, and why a row cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from ledger.errors import BadRequest

TOOL_ARGS = ("as-is", "object", "string")
"""How the arguments of tool calls are written: as they came, as objects, or as the text of objects."""

FORMS = ("conversational", "standard")
_BOTH = FORMS
_CHATS = ("conversational",)
_TEXTS = ("standard",)

HAS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "trl": {
        "language_modeling": _BOTH,
        "prompt_only": _BOTH,
        "prompt_completion": _BOTH,
        "preference": _BOTH,
        "unpaired_preference": _BOTH,
    },
    "openai": {"language_modeling": _CHATS, "prompt_completion": _CHATS, "preference": _CHATS},
    "sharegpt": {"language_modeling": _CHATS, "prompt_completion": _CHATS},
    "alpaca": {"language_modeling": _CHATS, "prompt_completion": _BOTH},
    "llama-factory": {
        "language_modeling": _BOTH,
        "prompt_completion": _BOTH,
        "preference": _BOTH,
        "unpaired_preference": _BOTH,
    },
    "axolotl": {
        "language_modeling": _BOTH,
        "prompt_completion": _CHATS,
        "preference": _CHATS,
        "unpaired_preference": _TEXTS,
    },
}
"""The types and forms that each dialect has a layout for."""

DIALECTS = tuple(HAS)

WHY_NOT = {
    ("axolotl", "unpaired_preference", "conversational"): (
        "Axolotl takes KTO rows as text only: of messages it would make their Python notation, without an error"
    ),
}
"""What else is to be said of a layout that a dialect has not."""

ONE_WAY = {"openai": "string", "llama-factory": "object"}
"""The dialects that take the arguments of tool calls in one way only."""


class Unwritable(ValueError):  # noqa: N818 - reads as the sentence it states; a person meets it inside NotRepresentable
    """A row that a layout cannot hold; the message is the reason, and quotes nothing of the sample."""


class Fields(NamedTuple):
    """The exact JSON texts of a sample's training fields (None: not there)."""

    prompt: str | None
    completion: str | None
    tools: str | None


class Row(NamedTuple):
    """What one row is made of: a sample's fields, those of a rejected one, a label, and further columns as JSON."""

    fields: Fields
    rejected: Fields | None = None
    label: bool | None = None
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is laid out: for which dialect, as which of TRL's types and forms, with what kind of arguments."""

    dialect: str = "trl"
    type: str = "prompt_completion"
    form: str = "conversational"
    tool_args: str = "object"

    def checked(self) -> Layout:
        """Return the layout as it will be written; raise BadRequest for one that its dialect has not.

        A dialect that takes arguments in one way only (ONE_WAY) writes them so whatever was asked.
        """
        for value, known, what in (
            (self.dialect, DIALECTS, "dialect"),
            (self.form, FORMS, "form"),
            (self.tool_args, TOOL_ARGS, "way to write tool arguments"),
        ):
            if value not in known:
                raise BadRequest(f"{value!r} is no {what}; there are {', '.join(known)}")
        if self.form not in HAS[self.dialect].get(self.type, ()):
            raise BadRequest(_refusal(self))
        return replace(self, tool_args=ONE_WAY.get(self.dialect, self.tool_args))


def _refusal(layout: Layout) -> str:
    known = "; ".join(f"{kind} ({' or '.join(forms)})" for kind, forms in HAS[layout.dialect].items())
    because = WHY_NOT.get((layout.dialect, layout.type, layout.form), "")
    asked = f"{layout.dialect} has no layout for {layout.type} in {layout.form} form"
    return f"{asked}{f' ({because})' if because else ''}; it has {known}"
