"""Alpaca: {instruction, input, output}, with system and with earlier turns in `history`; all of it text.

`input` is empty, since what the user asked stands in `instruction` as a whole. Answers in `history` are taught too by
the programs that read it.
"""

from __future__ import annotations

from ledger.exporters.dialects.contract import Layout, Row, Unwritable
from ledger.exporters.dialects.sides import conversation, side
from ledger.exporters.dialects.turns import Turn, list_of_tools, object_of, plain_text
from ledger.exporters.splice import is_empty

_PAIR = ("user", "assistant")


def columns(_layout: Layout) -> frozenset[str]:
    """Return the keys of a row, so that no further column may be called so."""
    return frozenset({"history", "input", "instruction", "output", "system", "text"})


def write(layout: Layout, row: Row) -> str:
    """Return the row; raise Unwritable for what is not an exchange of texts between one user and the assistant."""
    if not is_empty(list_of_tools(row.fields.tools) or "[]"):
        raise Unwritable("it has tools, which Alpaca cannot hold")
    if layout.form == "standard":
        asked, said = side(layout, row.fields.prompt, "prompt"), side(layout, row.fields.completion, "completion")
        return object_of({"instruction": asked, "input": '""', "output": said})
    return object_of(_exchange(conversation(layout, row.fields)))


def _exchange(said: list[Turn]) -> dict[str, str]:
    system = said[0] if said[0].role == "system" else None
    texts = [plain_text(turn, "Alpaca") for turn in said]
    rest = said if system is None else said[1:]
    pairs = list(zip(texts[-len(rest) :: 2], texts[len(texts) - len(rest) + 1 :: 2], strict=False))
    if not pairs or [turn.role for turn in rest] != [*_PAIR] * len(pairs):
        raise Unwritable("its messages are not questions of the user and answers of the assistant by turns")
    fields = {"instruction": pairs[-1][0], "input": '""', "output": pairs[-1][1]}
    if system is not None:
        fields["system"] = texts[0]
    if len(pairs) > 1:
        fields["history"] = f"[{', '.join([f'[{asked}, {answered}]' for asked, answered in pairs[:-1]])}]"
    return fields
