"""Marks: what only the bytes of a sample tell about its place in an export. It cannot be written, or is too long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from ledger.exporters.eligibility import Mark
from ledger.exporters.layouts import Fields, Layout, Row, Unwritable, write_row
from ledger.exporters.lengths import Ruler
from ledger.store import Store
from ledger.transaction import in_chunks
from ledger.verbs.asked import Asked, layout_of
from ledger.verbs.rows import CHUNK, Label, contents


def marker(store: Store, asked: Asked, form: str) -> Mark | None:
    """Return what tells the marks of samples, by the layout and the length asked for; None where neither matters.

    A layout matters where samples that it cannot write are to be left out, and not to stop the export. Samples are
    read a chunk at a time.
    """
    layout = layout_of(asked, form) if asked.params.omit_unrepresentable else None
    ruler, longest = asked.ruler, asked.params.max_length
    if layout is None and longest is None:
        return None

    def mark(handles: Sequence[int]) -> dict[int, str]:
        marks: dict[int, str] = {}
        if asked.marked is not None:
            marks.update((handle, "too_long") for handle in handles if handle in asked.marked)
        for chunk in in_chunks(handles, CHUNK):
            if layout is None and ruler is None:
                break
            told = list(contents(store, chunk))
            if ruler is not None and longest is not None:
                marks.update((sample, "too_long") for sample in _too_long(told, ruler, longest, form))
            if layout is not None:
                marks.update((sample, "unrepresentable") for sample in _unwritable(told, layout))
        return marks

    return mark


def unwritable_pairs(
    store: Store, asked: Asked, form: str, pairs: Sequence[tuple[int, int]]
) -> frozenset[tuple[int, int]]:
    """Return the pairs that the layout cannot hold, where such are to be left out: their tools or prompts differ.

    A prompt fingerprint leaves tools out and knows one form of each character; a row has one prompt, letter by letter.
    """
    layout = layout_of(asked, form) if asked.params.omit_unrepresentable else None
    if layout is None:
        return frozenset()
    found: set[tuple[int, int]] = set()
    for chunk in in_chunks(dict.fromkeys(pairs), CHUNK):
        told = {sample: fields for sample, fields, _ in contents(store, sorted({*chain(*chunk)}))}
        for chosen, rejected in chunk:
            try:
                write_row(layout, Row(told[chosen], told[rejected], label=True))
            except Unwritable:
                found.add((chosen, rejected))
    return frozenset(found)


def _too_long(told: list[tuple[int, Fields, Label]], ruler: Ruler, longest: int, form: str) -> Iterator[int]:
    measured = ruler.prompt_tokens_many([(str(fields.prompt or "[]"), fields.tools, form) for _, fields, _ in told])
    for (sample, _, _), tokens in zip(told, measured, strict=True):
        if tokens >= longest:
            yield sample


def _unwritable(told: list[tuple[int, Fields, Label]], layout: Layout) -> Iterator[int]:
    for sample, fields, label in told:
        other = fields if layout.type == "preference" else None
        try:
            write_row(layout, Row(fields, other, label))
        except Unwritable:
            yield sample
