"""Axolotl: chats for its chat_template, pairs for chat_template.default under DPO, texts for KTO, plain text.

A snippet of settings beside the file names the data set. Of the messages of a pair Axolotl reads role and content
only, so tools and tool calls are refused there (its newest sources read them; released ones drop them without a word).
It refuses an empty side of KTO with an error at the first such row, so such rows are refused here. Of chats it teaches
every message of the assistant, also those of a prompt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from ledger.exporters.dialects.contract import Layout, Row, Unwritable
from ledger.exporters.dialects.sides import answer, pair, side, whole
from ledger.exporters.dialects.turns import list_of_tools, object_of, plain_text, turns
from ledger.exporters.splice import is_empty, items, unquoted

_ROLES = frozenset({"user", "assistant", "system", "tool"})
_SETTINGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "language_modeling": ((), ("type: chat_template", "field_messages: messages")),
    "prompt_completion": ((), ("type: chat_template", "field_messages: messages")),
    "preference": (
        ("rl: dpo",),
        (
            "type: chat_template.default",
            "field_messages: messages",
            "field_chosen: chosen",
            "field_rejected: rejected",
        ),
    ),
    "unpaired_preference": (
        ("rl: kto", "remove_unused_columns: false", "shuffle_merged_datasets: false"),
        ("type:", "  field_prompt: prompt", "  field_completion: completion", "  field_label: label"),
    ),
}
"""For each type, what stands in a configuration, and what in the entry of its data set."""

_PLAIN = ("type: completion", "field: text")


def columns(_layout: Layout) -> frozenset[str]:
    """Return the keys that Axolotl looks for, so that no further column may be called so."""
    return frozenset(
        {"chosen", "completion", "label", "messages", "prompt", "rejected", "system", "text", "tools", "images"},
    )


def write(layout: Layout, row: Row) -> str:
    """Return the row as the layout's type has it."""
    tools = list_of_tools(row.fields.tools)
    offered = {} if tools is None or is_empty(tools) else {"tools": tools}
    if layout.form == "conversational" and layout.type != "preference":
        if layout.type == "prompt_completion":
            side(layout, row.fields.prompt, "prompt")
            side(layout, row.fields.completion, "completion")
        return object_of({"messages": whole(layout, row.fields), **offered})
    if offered:
        raise Unwritable("it has tools, which Axolotl takes in chats only")
    if layout.type == "preference":
        return object_of(_pair(layout, row))
    if layout.type == "language_modeling":
        return object_of({"text": whole(layout, row.fields)})
    return object_of(_labeled(layout, row))


def companions(layout: Layout, file_name: str, rows: int) -> dict[str, bytes]:
    """Return the piece of a configuration that names the file and says how it is read."""
    top, entry = _SETTINGS[layout.type]
    if layout.form == "standard" and layout.type == "language_modeling":
        entry = _PLAIN
    lines = [
        f"# Merge into the configuration of Axolotl. The file has {rows} rows.",
        *top,
        "datasets:",
        f"  - path: {json.dumps(file_name)}",
        *_indented(("ds_type: json", "split: train", *entry)),
    ]
    return {f"{file_name}.axolotl.yaml": "".join(f"{line}\n" for line in lines).encode()}


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _pair(layout: Layout, row: Row) -> dict[str, str]:
    asked, *answers = pair(layout, row)
    for turn in turns(asked, "prompt"):
        if turn.role not in _ROLES:
            raise Unwritable(f"the role of {turn.place} is none of Axolotl's")
        plain_text(turn, "a pair of Axolotl's")
    fields = {"messages": asked}
    for name, text in zip(("chosen", "rejected"), answers, strict=True):
        if not unquoted(plain_text(answer(text, name), "a pair of Axolotl's")):
            raise Unwritable(f"its {name} answer is empty, and Axolotl may put other text there")
        span = items(text)[0]
        fields[name] = text[span.start : span.end]
    return fields


def _labeled(layout: Layout, row: Row) -> dict[str, str]:
    if row.label is None:
        raise Unwritable("it has no label")
    asked, said = side(layout, row.fields.prompt, "prompt"), side(layout, row.fields.completion, "completion")
    if not unquoted(asked) or not unquoted(said):
        raise Unwritable("its prompt or completion is empty, which Axolotl refuses")
    return {"prompt": asked, "completion": said, "label": "true" if row.label else "false"}
