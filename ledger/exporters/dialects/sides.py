"""The two sides of a sample in the form that a file has, and what two samples of a pair must share."""

from __future__ import annotations

from ledger.exporters.dialects.contract import Fields, Layout, Row, Unwritable
from ledger.exporters.dialects.turns import Turn, list_of_tools, turns, with_arguments
from ledger.exporters.splice import alike, concatenated, is_empty, joined


def side(layout: Layout, text: str | None, name: str) -> str:
    """Return one side in the layout's form, with arguments as it has them.

    Unwritable where the side is missing, has the other form, or holds no message. An empty text is a text.
    """
    if text is None:
        raise Unwritable(f"it has no {name}")
    if layout.form == "standard":
        if not text.startswith('"'):
            raise Unwritable(f"its {name} is a list of messages, and this file holds texts")
        return text
    if not text.startswith("["):
        raise Unwritable(f"its {name} is a text, and this file holds messages")
    if text[1:2] != "{" and is_empty(text):
        raise Unwritable(f"it has no {name}")
    return with_arguments(text, layout.tool_args, name)


def whole(layout: Layout, fields: Fields) -> str:
    """Return prompt and completion as one list of messages, or as one text; one of them may be missing."""
    given = [
        side(layout, text, name)
        for text, name in ((fields.prompt, "prompt"), (fields.completion, "completion"))
        if text is not None and not is_empty(text)
    ]
    if not given:
        raise Unwritable("it has neither a prompt nor a completion")
    if len(given) == 1:
        return given[0]
    return joined(*given) if layout.form == "conversational" else concatenated(*given)


def conversation(layout: Layout, fields: Fields) -> list[Turn]:
    """Return all messages, the assistant's last; language_modeling alone may lack a prompt."""
    found = turns(side(layout, fields.completion, "completion"), "completion")
    if found[-1].role != "assistant":
        raise Unwritable("it does not end with an answer of the assistant")
    if layout.type == "language_modeling" and (fields.prompt is None or is_empty(fields.prompt)):
        return found
    return [*turns(side(layout, fields.prompt, "prompt"), "prompt"), *found]


def answer(array: str, name: str) -> Turn:
    """Return the one message of an answer, the assistant's."""
    found = turns(array, name)
    if len(found) != 1 or found[0].role != "assistant":
        raise Unwritable(f"its {name} is not one message of the assistant")
    return found[0]


def pair(layout: Layout, row: Row) -> tuple[str, str, str]:
    """Return prompt, chosen and rejected of a pair, the prompt as it stands before the chosen one.

    Unwritable where there is no rejected one, or where prompts or tools differ, white space and escapes apart.
    """
    if row.rejected is None:
        raise Unwritable("there is no rejected answer beside it")
    prompt = side(layout, row.fields.prompt, "prompt")
    if not alike(prompt, side(layout, row.rejected.prompt, "prompt")):
        raise Unwritable("the prompts of the two answers differ")
    if not _same_tools(row.fields.tools, row.rejected.tools):
        raise Unwritable("the tools of the two answers differ")
    chosen = side(layout, row.fields.completion, "completion")
    return prompt, chosen, side(layout, row.rejected.completion, "completion")


def _same_tools(first: str | None, second: str | None) -> bool:
    """Say whether two lists of tools are one; a list and its text are, and so are none and an empty list."""
    return first == second or alike(list_of_tools(first) or "[]", list_of_tools(second) or "[]")
