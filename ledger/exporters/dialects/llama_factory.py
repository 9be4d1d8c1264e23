"""LLaMA-Factory: ShareGPT rows for chats, Alpaca rows for texts, and the files that tell it so.

What its converter (src/llamafactory/data/converter.py, 0.9.5) would skip with a warning is refused here: messages that
do not alternate between human or observation and gpt or function_call. So is what it would change: an empty system
message (its template's own takes the place), and an empty answer of KTO (it reads the label from which answer is not
empty). Every row has every column that dataset_info.json names, as a column that is missing is an error there.

Its `openai` formatting is not used, as it changes what is taught: it adds "detailed thinking off" to the system
message, writes arguments that are text as text once more, and drops content beside tool calls.
"""

from __future__ import annotations

import json
from typing import Any

from ledger.exporters.dialects import sharegpt
from ledger.exporters.dialects.contract import Fields, Layout, Row, Unwritable
from ledger.exporters.dialects.sides import answer, conversation, pair, side, whole
from ledger.exporters.dialects.turns import Turn, list_of_tools, object_of, text_of_tools, turns
from ledger.exporters.splice import is_empty, unquoted

_ASKING = frozenset({"human", "observation"})
_ANSWERING = frozenset({"gpt", "function_call"})
_TAGS = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}
_STAGES: dict[str, dict[str, str | bool]] = {
    "language_modeling": {"stage": "sft"},
    "prompt_completion": {"stage": "sft", "mask_history": True},
    "preference": {"stage": "dpo"},
    "unpaired_preference": {"stage": "kto", "disable_shuffling": True},
}
"""The settings of a training run that a file of each type needs to be taught as it is meant."""


def columns(layout: Layout) -> frozenset[str]:
    """Return the keys of a row, so that no further column may be called so."""
    return frozenset(_columns(layout).values()) | {"images", "videos", "audios"}


def write(layout: Layout, row: Row) -> str:
    """Return the row; the label of unpaired_preference stands in `kto_tag`."""
    fields = _texts(layout, row) if layout.form == "standard" else _chat(layout, row)
    if layout.type == "unpaired_preference":
        if row.label is None:
            raise Unwritable("it has no label")
        fields["kto_tag"] = "true" if row.label else "false"
    return object_of(fields)


def companions(layout: Layout, file_name: str) -> dict[str, bytes]:
    """Return dataset_info.json, which describes the file, and a piece of a training run's settings."""
    name = file_name.removesuffix(".jsonl")
    entry: dict[str, Any] = {"file_name": file_name, "formatting": "alpaca"}
    if layout.form == "conversational":
        entry["formatting"] = "sharegpt"
    if layout.type == "preference":
        entry["ranking"] = True
    entry["columns"] = _columns(layout)
    if layout.form == "conversational":
        entry["tags"] = _TAGS
    plain = layout.type == "language_modeling" and layout.form == "standard"
    settings: dict[str, str | bool] = {"dataset_dir": ".", "dataset": name}
    settings |= {"stage": "pt"} if plain else _STAGES[layout.type]
    lines = [f"{key}: {json.dumps(value)}\n" for key, value in settings.items()]
    return {
        "dataset_info.json": (json.dumps({name: entry}, indent=2) + "\n").encode(),
        f"{file_name}.llamafactory.yaml": "".join(["# Merge into the settings of a training run.\n", *lines]).encode(),
    }


def _columns(layout: Layout) -> dict[str, str]:
    """Return which column of the file is what, in the words of dataset_info.json."""
    if layout.form == "conversational":
        found = {"messages": "conversations", "system": "system", "tools": "tools"}
    elif layout.type == "language_modeling":
        return {"prompt": "text"}
    else:
        found = {"prompt": "instruction", "query": "input", "tools": "tools"}
        if layout.type != "preference":
            found["response"] = "output"
    if layout.type == "preference":
        return found | {"chosen": "chosen", "rejected": "rejected"}
    return found | {"kto_tag": "kto_tag"} if layout.type == "unpaired_preference" else found


def _texts(layout: Layout, row: Row) -> dict[str, str]:
    if layout.type == "language_modeling":
        if not is_empty(list_of_tools(row.fields.tools) or "[]"):
            raise Unwritable("it has tools, which LLaMA-Factory does not take beside plain text")
        return {"text": whole(layout, row.fields)}
    tools = _tools(row.fields)
    if layout.type == "preference":
        asked, chosen, rejected = pair(layout, row)
        return {"instruction": asked, "input": '""', "chosen": chosen, "rejected": rejected, "tools": tools}
    asked, said = side(layout, row.fields.prompt, "prompt"), side(layout, row.fields.completion, "completion")
    if layout.type == "unpaired_preference":
        _not_empty(unquoted(said))
    return {"instruction": asked, "input": '""', "output": said, "tools": tools}


def _chat(layout: Layout, row: Row) -> dict[str, str]:
    tools = _tools(row.fields)
    if layout.type == "preference":
        asked, *texts = pair(layout, row)
        good, bad = (answer(text, name) for text, name in zip(texts, ("chosen", "rejected"), strict=True))
        fields = _conversation([*turns(asked, "prompt"), good])
        said = f"[{', '.join(fields[1][:-1])}]"
        answers = {"chosen": fields[1][-1], "rejected": sharegpt.spoken(bad)}
        return {"conversations": said, "system": fields[0], "tools": tools, **answers}
    found = conversation(layout, row.fields)
    if layout.type != "language_modeling" and found[-2].place.startswith("completion"):
        raise Unwritable("its completion is more than one message, and LLaMA-Factory would teach the last one only")
    if layout.type == "unpaired_preference":
        _not_empty(unquoted(sharegpt.value_of(found[-1])))
    system, said_by_turns = _conversation(found)
    return {"conversations": f"[{', '.join(said_by_turns)}]", "system": system, "tools": tools}


def _conversation(said: list[Turn]) -> tuple[str, list[str]]:
    """Return the system message and the others as they are written, which must alternate; the last one is an answer."""
    system, rest = sharegpt.parted(said)
    if system is not None and not unquoted(system):
        raise Unwritable("its system message is empty, and LLaMA-Factory would put its template's there")
    for number, turn in enumerate(rest):
        if sharegpt.name_of(turn) not in (_ANSWERING if number % 2 else _ASKING):
            raise Unwritable(f"{turn.place} is out of turn, and LLaMA-Factory would skip the whole row")
    return system or '""', [sharegpt.spoken(turn) for turn in rest]


def _tools(fields: Fields) -> str:
    return text_of_tools(fields.tools) or '""'


def _not_empty(said: str) -> None:
    if not said:
        raise Unwritable("its completion is empty, and LLaMA-Factory would take it for the other label")
