"""A folder that `datasets.load_dataset(FOLDER)` takes as it is: the data, its card and its Croissant metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ledger.exporters.card import About, DataFile, dataset_card
from ledger.exporters.columns import Column
from ledger.exporters.croissant import croissant

CARD, CROISSANT = "README.md", "croissant.json"

_SPLITS = ("train", "val", "test")
_NO_WORD = re.compile("[^A-Za-z0-9]+")
_RESERVED = frozenset({"all"})  # to `datasets` it means all the splits together


def split_name(view: str, split: str | None) -> str:
    """Return the split that the rows of a view are for a loader: the split that it takes, else a word of its name."""
    if split == "training":
        return "train"
    if split in _SPLITS:
        return split
    word = _NO_WORD.sub("_", view).strip("_") or "data"
    return f"{word}_rows" if word in _RESERVED else word


def data_name(view: str, split: str | None) -> str:
    """Return the base name of a view's rows in a folder, such as train.jsonl."""
    return f"{split_name(view, split)}.jsonl"


def folder_files(
    manifest: Mapping[str, Any],
    composition: Mapping[str, Any],
    files: Sequence[DataFile],
    columns: Sequence[Column],
    about: About,
) -> dict[str, bytes]:
    """Return the contents of what stands beside the data, by base name; raise ValueError as `About.checked` does."""
    return {
        CARD: dataset_card(manifest, composition, files, about),
        CROISSANT: croissant(manifest, files, columns, about),
    }
