"""LLaMA-Factory's rows and dataset_info.json, against a description of what its converter and parser do with them.

The program itself pins old versions of what is installed here, so its rules are told again in this file: which
columns of dataset_info.json it reads, that a missing column is an error, which messages it takes and which it skips.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.exporters.dialects.contract import HAS
from ledger.exporters.layouts import Fields, Layout, Row, companions, write_row
from tests.rows import ASKED, DETAILED, TOLD, TOOLS, calling, exact, exchanges, fields, refusal, said, written

WORSE = [{"role": "assistant", "content": "Cold."}]
CHAT = Layout("llama-factory", "prompt_completion")
KTO = Layout("llama-factory", "unpaired_preference")
PAIR = Layout("llama-factory", "preference")
LAYOUTS = [Layout("llama-factory", kind, form) for kind, forms in HAS["llama-factory"].items() for form in forms]
FIELDS = {"prompt", "query", "response", "history", "messages", "system", "tools", "chosen", "rejected", "kto_tag"}
TAGS = {"role_tag", "content_tag", "user_tag", "assistant_tag", "observation_tag", "function_tag", "system_tag"}
ENTRY = {"file_name", "formatting", "ranking", "columns", "tags"}


def described(layout: Layout) -> dict[str, Any]:
    """Return the entry of dataset_info.json."""
    info = json.loads(companions(layout, "out.jsonl", 3)["dataset_info.json"])
    assert list(info) == ["out"]
    entry: dict[str, Any] = info["out"]
    assert entry.keys() <= ENTRY
    assert entry["columns"].keys() <= FIELDS
    assert entry.get("tags", {}).keys() in (set(), TAGS)
    return entry


def converted(layout: Layout, row: dict[str, Any]) -> dict[str, Any]:
    """Return what LLaMA-Factory takes a row for: prompt, response, system and tools. Fails where it would skip it."""
    entry = described(layout)
    column = {name: row[found] for name, found in entry["columns"].items()}  # a missing one is an error there too
    assert set(entry["columns"].values()) == row.keys()
    if entry["formatting"] == "alpaca":
        query = "\n".join(part for part in (column["prompt"], column.get("query")) if part)
        turns, answer = [("user", query)], [("assistant", column.get("response"))]
        found = [("assistant", column[side]) for side in ("chosen", "rejected") if side in column]
    else:
        tags = entry["tags"]
        turns = [(turn[tags["role_tag"]], turn[tags["content_tag"]]) for turn in column["messages"]]
        for number, (name, _) in enumerate(turns):
            asking, answering = (
                {tags["user_tag"], tags["observation_tag"]},
                {tags["assistant_tag"], tags["function_tag"]},
            )
            assert name in (answering if number % 2 else asking), "it would skip this row"
        assert len(turns) % 2 == entry.get("ranking", False), "it would skip this row"
        found = [(column[side]["from"], column[side]["value"]) for side in ("chosen", "rejected") if side in column]
        answer = [] if found else [turns.pop()]
    if "kto_tag" in column:
        assert isinstance(column["kto_tag"], bool)
        empty = [("assistant", "")]
        answer = [*answer, *empty] if column["kto_tag"] else [*empty, *answer]
        assert bool(answer[0][1]) == column["kto_tag"], "it would take the answer for the other label"
    return {"prompt": turns, "response": found or answer, "system": column.get("system"), "tools": column.get("tools")}


def as_turns(messages: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """Return messages as LLaMA-Factory has them, a call as what its JSON says."""
    names = {"user": "human", "assistant": "gpt", "tool": "observation"}
    return [
        ("function_call", message["tool_calls"][0]["function"])
        if message.get("tool_calls")
        else (names[message["role"]], message["content"])
        for message in messages
    ]


def read(turns: list[tuple[str, str]]) -> list[tuple[str, Any]]:
    """Return turns with the JSON of calls read."""
    return [(name, json.loads(value) if name == "function_call" else value) for name, value in turns]


@given(exchanges(), st.booleans())
def test_the_row_is_the_chat(chat: list[dict[str, Any]], label: bool) -> None:  # noqa: FBT001 - a label
    """What LLaMA-Factory makes of it is what the messages said, in every type."""
    system = chat[0]["content"] if chat[0]["role"] == "system" else ""
    turns = as_turns([message for message in chat if message["role"] != "system"])
    sides = (chat[:-1], chat[-1:])
    for kind in ("language_modeling", "prompt_completion"):
        layout = Layout("llama-factory", kind)
        made = converted(layout, written(layout, *sides, TOOLS))
        assert (read(made["prompt"]), read(made["response"]), made["system"]) == (turns[:-1], turns[-1:], system)
        assert json.loads(made["tools"]) == TOOLS
    made = converted(PAIR, written(PAIR, *sides, rejected=fields(chat[:-1], WORSE)))
    assert (read(made["prompt"]), read(made["response"])) == (turns[:-1], [turns[-1], ("gpt", "Cold.")])
    if turns[-1][1]:
        made = converted(KTO, written(KTO, *sides, label=label))
        assert read(made["response"])[not label] == turns[-1]
        assert made["tools"] == ""


def test_texts_are_alpaca() -> None:
    """In standard form the prompt is the instruction, or the whole is plain text."""
    rejected = Fields('"q"', '"b"', None)
    rows = {
        layout.type: said(write_row(layout, Row(Fields('"q"', '"a"', None), rejected, label=False)))
        for layout in LAYOUTS
        if layout.form == "standard"
    }
    assert rows == {
        "language_modeling": {"text": "qa"},
        "prompt_completion": {"instruction": "q", "input": "", "output": "a", "tools": ""},
        "preference": {"instruction": "q", "input": "", "chosen": "a", "rejected": "b", "tools": ""},
        "unpaired_preference": {"instruction": "q", "input": "", "output": "a", "tools": "", "kto_tag": False},
    }
    for kind, row in rows.items():
        made = converted(Layout("llama-factory", kind, "standard"), row)
        assert made["prompt"] == [("user", "qa" if kind == "language_modeling" else "q")]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.type}-{layout.form}")
def test_the_description_names_every_column(layout: Layout) -> None:
    """All columns of dataset_info.json are in the row, pairs say that they are, and chats name their tags."""
    entry = described(layout)
    assert entry["file_name"] == "out.jsonl"
    assert entry.get("ranking", False) == (layout.type == "preference")
    assert entry["formatting"] == ("sharegpt" if layout.form == "conversational" else "alpaca")
    assert ("tags" in entry) == (layout.form == "conversational")


def test_the_settings_that_keep_the_order_and_the_prompt() -> None:
    """KTO is shuffled unless a run says otherwise, and earlier answers of a prompt are taught unless it does."""
    settings = {
        layout: companions(layout, "out.jsonl", 3)["out.jsonl.llamafactory.yaml"].decode() for layout in LAYOUTS
    }
    assert 'stage: "kto"\ndisable_shuffling: true\n' in settings[KTO]
    assert 'stage: "sft"\nmask_history: true\n' in settings[CHAT]
    assert settings[PAIR].endswith('dataset: "out"\nstage: "dpo"\n')
    assert settings[Layout("llama-factory", "language_modeling", "standard")].endswith('stage: "pt"\n')


def test_arguments_are_objects_digit_for_digit() -> None:
    """They stand in the JSON of a function_call as they stood in their own text, whatever was asked."""
    for how in ("as-is", "object", "string"):
        row = written(Layout("llama-factory", tool_args=how), ASKED, calling(DETAILED))
        call = exact(row["conversations"][1]["value"])["in order"]
        assert call == (("name", "warmth"), ("arguments", exact(DETAILED)))


@pytest.mark.parametrize(
    ("prompt", "completion", "word"),
    [
        (ASKED, [*TOLD, *TOLD], "more than one message"),
        ([*ASKED, *ASKED], TOLD, "prompt[1] is out of turn"),
        ([*ASKED, *TOLD], TOLD, "out of turn"),
        ([*ASKED, *TOLD, {"role": "system", "content": "x"}, *ASKED], TOLD, "out of turn"),
        ([{"role": "system", "content": "x"}], TOLD, "out of turn"),
        ([{"role": "system", "content": ""}, *ASKED], TOLD, "system message is empty"),
        ([], TOLD, "no prompt"),
        (ASKED, ASKED, "does not end"),
        (ASKED, calling("nothing"), "not JSON"),
        ([*ASKED, *calling("{}"), *[{"role": "tool", "content": "x"}] * 2], TOLD, "out of turn"),
    ],
)
def test_what_it_would_skip_or_change(prompt: Any, completion: Any, word: str) -> None:  # noqa: ANN401 - messages
    """It warns and goes on; here the sample is named, with the reason."""
    assert word in refusal(CHAT, prompt, completion)


def test_more_that_it_would_change() -> None:
    """Labels, empty answers, answers of several messages, and tools beside plain text."""
    assert "no label" in refusal(KTO, ASKED, TOLD)
    assert "other label" in refusal(KTO, ASKED, [{"role": "assistant", "content": ""}], label=True)
    text = Layout("llama-factory", "unpaired_preference", "standard")
    assert "other label" in refusal(text, "q", "", label=False)
    assert "rejected is not one message" in refusal(PAIR, ASKED, TOLD, rejected=fields(ASKED, [*TOLD, *WORSE]))
    assert "chosen is not one message" in refusal(PAIR, ASKED, ASKED, rejected=fields(ASKED, WORSE))
    assert "tools" in refusal(Layout("llama-factory", "language_modeling", "standard"), "q", "a", TOOLS)
    assert "out of turn" in refusal(Layout("llama-factory", "language_modeling"), [], [*TOLD, *TOLD])
