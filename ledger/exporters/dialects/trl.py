"""TRL's five types, as its trainers take them: each text as it came, the arguments of structured calls as asked.

The columns are those of TRL's documentation on dataset formats. `tools` is a list or JSON text, as it came.
"""

from __future__ import annotations

from ledger.exporters.dialects.contract import Layout, Row
from ledger.exporters.dialects.sides import pair, side, whole

_LABELS = {True: "true", False: "false", None: "null"}
_LOOKED_FOR = frozenset(
    {
        "chat_template_kwargs",
        "chosen",
        "completion",
        "conversations",
        "image",
        "images",
        "messages",
        "prompt",
        "rejected",
        "text",
        "tools",
    }
)


def columns(layout: Layout) -> frozenset[str]:
    """Return the columns that TRL's trainers look for, so that no further column may be called so."""
    return _LOOKED_FOR | {"label"} if layout.type == "unpaired_preference" else _LOOKED_FOR


def write(layout: Layout, row: Row) -> str:
    """Return the row as TRL has it for the layout's type."""
    fields = row.fields
    if layout.type == "preference":
        prompt, chosen, rejected = pair(layout, row)
        return _line(f'{{"prompt": {prompt}, "chosen": {chosen}, "rejected": {rejected}', fields.tools)
    if layout.type == "language_modeling":
        column = "messages" if layout.form == "conversational" else "text"
        return _line(f'{{"{column}": {whole(layout, fields)}', fields.tools)
    prompt = side(layout, fields.prompt, "prompt")
    if layout.type == "prompt_only":
        return _line(f'{{"prompt": {prompt}', fields.tools)
    completion = side(layout, fields.completion, "completion")
    if layout.type == "prompt_completion":
        return _line(f'{{"prompt": {prompt}, "completion": {completion}', fields.tools)
    label = _LABELS[row.label]
    return _line(f'{{"prompt": {prompt}, "completion": {completion}, "label": {label}', fields.tools)


def _line(start: str, tools: str | None) -> str:
    return f"{start}}}" if tools is None else f'{start}, "tools": {tools}}}'
