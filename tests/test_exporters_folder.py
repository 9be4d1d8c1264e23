"""ledger.exporters.folder: names that loaders understand."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.exporters.card import About
from ledger.exporters.folder import data_name, folder_files, split_name
from tests.test_exporters_card import COMPOSITION, FILES, MANIFEST
from tests.test_exporters_croissant import COLUMNS


@pytest.mark.parametrize(
    ("view", "split", "name"),
    [
        ("kto-interleaved", "training", "train.jsonl"),
        ("val", "val", "val.jsonl"),
        ("mine", "test", "test.jsonl"),
        ("rejected", None, "rejected.jsonl"),
        ("seed-003 all", None, "seed_003_all.jsonl"),
        ("all", None, "all_rows.jsonl"),
        ("../../etc", None, "etc.jsonl"),
        ("é", None, "data.jsonl"),
    ],
)
def test_names(view: str, split: str | None, name: str) -> None:
    """A file is called after the split that its rows are for."""
    assert data_name(view, split) == name


@given(st.text())
def test_any_view_has_a_split_that_datasets_takes(view: str) -> None:
    """`datasets` wants words of letters, digits and underscores."""
    assert re.fullmatch(r"[A-Za-z0-9_]+", split_name(view, None))
    assert split_name(view, None) != "all"


def test_what_stands_beside_the_data() -> None:
    """A card and its Croissant, by the names that loaders look for."""
    made = folder_files(MANIFEST, COMPOSITION, FILES, COLUMNS, About("x"))
    assert list(made) == ["README.md", "croissant.json"]
    assert made["README.md"].startswith(b"---\n")
