"""Trainings: which release each was given, the same however the log is cut; one that names no release is no row."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from ledger.event import draft
from ledger.views import trainings
from tests.logs import findings, folded, store_of, tables
from tests.scoring import append
from tests.trained import evaluated, trained
from tests.vectors.make_content_vectors import EVALUATED, TRAINED


@pytest.fixture
def runs(toolset: Ledger, tmp_path: Path) -> list[int]:
    """Return the positions of two trainings on one release and of one on another."""
    for name in ("a", "b"):
        toolset.project("kto-interleaved", tmp_path / f"{name}.jsonl", seed=name)
    made = [
        trained(toolset, tmp_path / f"{name}.jsonl.manifest.json", tmp_path / f"run{number}", state=state)
        for number, (name, state) in enumerate((("a", "finished"), ("a", "failed"), ("b", "interrupted")))
    ]
    evaluated(toolset, made[0])
    return [one["position"] for one in made]


def test_each_is_tied_to_its_release(toolset: Ledger, runs: list[int]) -> None:
    """The list is newest first; those of some releases are oldest first."""
    connection = store_of(toolset).connection
    released = [event["position"] for event in toolset.log(limit=1000) if event["kind"] == "released"]
    listed = trainings.listed(connection, 10)
    assert [one.position for one in listed] == runs[::-1]
    assert [one.release for one in listed] == [released[1], released[0], released[0]]
    assert [one.state for one in listed] == ["interrupted", "failed", "finished"]
    assert trainings.listed(connection, 1) == listed[:1]
    assert [one.position for one in trainings.of_releases(connection, released[:1])] == runs[:2]
    assert trainings.of_releases(connection, []) == []
    assert trainings.get(connection, runs[0]) == listed[-1]
    assert trainings.get(connection, runs[0] - 1) is None


def test_the_fold_is_the_same_however_it_is_made(toolset: Ledger, runs: list[int]) -> None:
    """Grown, made anew, and folded as of any moment around them: the same rows."""
    grown = tables(store_of(toolset).connection)
    assert len(grown["trainings"]) == 3
    toolset.rebuild_views()
    assert tables(store_of(toolset).connection) == grown
    for position in (runs[0] - 1, runs[0], runs[1], runs[2]):
        aside = folded(toolset.path, position)["trainings"]
        assert aside == [row for row in grown["trainings"] if row[0] <= position]
    assert toolset.verify()["ok"]


@pytest.mark.parametrize(("kind", "fields"), [("trained", TRAINED), ("evaluated", EVALUATED)])
@pytest.mark.parametrize("names", ["nothing", "a sample"])
def test_a_forged_one_is_found(toolset: Ledger, kind: str, fields: dict[str, object], names: str) -> None:
    """One that names no event, or an event that is no release: no row of the view, and `verify` says so."""
    sample = next(event["event"] for event in toolset.log(limit=1000) if event["kind"] == "ingested")
    with store_of(toolset).transaction() as transaction:
        digest, blob = transaction.add_blob(b"{}")
    named = {**fields, "release": "ee" * 32 if names == "nothing" else sample}
    named |= {"config": digest.hex()} if kind == "trained" else {"outputs": digest.hex()}
    append(toolset, kind, [draft(kind, None, blob, named)])
    assert tables(store_of(toolset).connection)["trainings"] == []
    path = toolset.path
    toolset.close()
    assert "reference_missing" in findings(path)


@pytest.mark.parametrize(
    ("field", "named", "finding"),
    [
        ("trained", "nothing", "reference_missing"),
        ("trained", "the release", "reference_missing"),
        ("expectations", "nothing", "blob_missing"),
        ("schemas", "nothing", "blob_missing"),
    ],
)
def test_what_an_evaluation_names_is_there(
    toolset: Ledger, runs: list[int], field: str, named: str, finding: str
) -> None:
    """The training and the files that say what was checked: where they are not, `verify` says so."""
    good = next(event["says"] for event in toolset.log(limit=1000) if event["kind"] == "evaluated")
    with store_of(toolset).transaction() as transaction:
        blob = transaction.known_blobs([bytes.fromhex(good["outputs"])]).popitem()[1]
    digest = good["release"] if named == "the release" else "ff" * 32
    fields = {name: good[name] for name in EVALUATED}
    append(toolset, "evaluated", [draft("evaluated", None, blob, {**fields, "started": "aa" * 32, field: digest})])
    assert len(runs) == 3
    path = toolset.path
    toolset.close()
    assert findings(path) == {finding}
