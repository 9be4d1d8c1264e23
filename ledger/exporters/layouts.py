"""Layouts: from a sample's exact texts to one row of a file, for TRL and for other trainers and tools.

What a layout cannot hold as it is raises Unwritable, with the reason as a sentence: nothing is ever cut or dropped.
The values of a row are those of the source, texts spliced and not written again; line breaks between tokens become
spaces, because a row is a line.
"""

from __future__ import annotations

from functools import lru_cache

from ledger.errors import BadRequest
from ledger.exporters.dialects import alpaca, axolotl, llama_factory, openai, sharegpt, trl
from ledger.exporters.dialects.contract import DIALECTS, FORMS, TOOL_ARGS, Fields, Layout, Row, Unwritable
from ledger.exporters.splice import quoted

__all__ = ["DIALECTS", "FORMS", "TOOL_ARGS", "Fields", "Layout", "Row", "Unwritable", "companions", "write_row"]

_WRITERS = {
    "trl": trl.write,
    "openai": openai.write,
    "sharegpt": sharegpt.write,
    "alpaca": alpaca.write,
    "llama-factory": llama_factory.write,
    "axolotl": axolotl.write,
}
_COLUMNS = {
    "trl": trl.columns,
    "openai": openai.columns,
    "sharegpt": sharegpt.columns,
    "alpaca": alpaca.columns,
    "llama-factory": llama_factory.columns,
    "axolotl": axolotl.columns,
}
_ready = lru_cache(maxsize=64)(Layout.checked)


def write_row(layout: Layout, row: Row) -> bytes:
    """Return one line with its line feed: JSON in UTF-8, further columns at the end.

    Raises Unwritable for a row that the layout cannot hold, BadRequest for a layout that its dialect has not and for a
    further column that is called like one of its own.
    """
    layout = _ready(layout)
    try:
        text = _WRITERS[layout.dialect](layout, row)
        if row.extra:
            text = f"{text[:-1]}{''.join(_extra(layout, row.extra))}}}"
        return (text.replace("\r", " ").replace("\n", " ") + "\n").encode()
    except Unwritable:
        raise
    except (ValueError, IndexError, StopIteration, RecursionError) as error:
        raise Unwritable("its fields are not JSON that can be taken apart") from error


def companions(layout: Layout, file_name: str, rows: int) -> dict[str, bytes]:
    """Return the files that stand beside an export, name and bytes: the same ones for the same arguments.

    LLaMA-Factory needs its dataset_info.json, one for all files of a folder; for Axolotl there is a piece of its
    configuration. Other dialects need none.
    """
    layout = _ready(layout)
    if layout.dialect == "llama-factory":
        return llama_factory.companions(layout, file_name)
    return axolotl.companions(layout, file_name, rows) if layout.dialect == "axolotl" else {}


def _extra(layout: Layout, extra: tuple[tuple[str, str], ...]) -> list[str]:
    names = [name for name, _ in extra]
    taken = _COLUMNS[layout.dialect](layout)
    for nth, name in enumerate(names):
        if name in taken or name in names[:nth]:
            raise BadRequest(f"a further column cannot be called {name!r}: {layout.dialect} has that column already")
    return [f", {quoted(name)}: {text}" for name, text in extra]
