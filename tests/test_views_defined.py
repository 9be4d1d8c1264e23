"""The fold of definitions: which view a name stands for, now and as of then, and that the file stays sound."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger, projection
from ledger.digest import blake3_bytes
from ledger.verbs.moment import reading
from ledger.views import defined
from tests.logs import folded, store_of, tables
from tests.test_views_scores import views


def view_file(folder: Path, name: str, split: str = "any") -> Path:
    """Write a view that differs by its split."""
    path = folder / f"{name}.toml"
    path.write_text(f'name = "{name}"\nsplit = "{split}"\n', encoding="utf-8")
    return path


def test_nothing_is_defined_in_the_beginning(ledger: Ledger, tmp_path: Path) -> None:
    """Then a name stands for what it was last defined as."""
    assert defined.everything(views(ledger)) == []
    assert defined.in_force(views(ledger), "a") is None
    assert defined.names(views(ledger)) == []
    ledger.define_view(view_file(tmp_path, "b"), reason="first")
    ledger.define_view(view_file(tmp_path, "a", "train"))
    ledger.define_view(view_file(tmp_path, "a", "val"), reason="second")
    assert defined.names(views(ledger)) == ["a", "b"]
    latest = defined.in_force(views(ledger), "a")
    assert latest is not None
    assert (latest.name, latest.authority, latest.reason) == ("a", "person", "second")
    assert latest.body is not None
    assert latest.digest == blake3_bytes(latest.body)
    assert latest == defined.everything(views(ledger))[-1]


STEPS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["any", "train", "val"])), min_size=1, max_size=8)


@settings(max_examples=25)
@given(STEPS, st.integers(1, 7))
def test_the_fold_is_the_same_however_it_comes_about(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]], batch: int
) -> None:
    """Followed, made again in batches of any size, or as of a position: a name stands for the same."""
    folder = tmp_path_factory.mktemp("defined")
    with Ledger.init(folder / "ledger.db") as ledger:
        by_position = []
        standing: dict[str, str] = {}
        for name, split in steps:
            answer = ledger.define_view(view_file(folder, name, split))
            standing[name] = answer["view"]
            by_position.append((store_of(ledger).head().position, dict(standing)))
        followed = tables(store_of(ledger).connection)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(projection, "BATCH", batch)
            ledger.rebuild_views()
            assert tables(store_of(ledger).connection) == followed
            assert folded(ledger.path, store_of(ledger).head().position) == followed
        for position, wanted in by_position:
            with reading(store_of(ledger), str(position)) as (there, _):
                found = {name: defined.in_force(there.connection, name) for name in "ab"}
                digests = {name: f"b3:{one.digest.hex()}" for name, one in found.items() if one is not None}
            assert digests == wanted
        assert ledger.verify()["findings"] == []
