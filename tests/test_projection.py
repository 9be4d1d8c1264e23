"""The fold: followed, caught up, made again, made aside; and what makes it refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger, projection
from ledger.errors import NoSuchId, StaleViews, UnknownEvent
from ledger.event import KINDS, UPCASTERS, Draft, Kind
from ledger.store import open_store
from ledger.verbs.run import Run, Who
from ledger.views import samples
from tests.logs import fill, folded, foreign, line, nobody, sample_ids, store_of, tables, write_lines


def test_the_fold_follows_each_commit(ledger: Ledger, tmp_path: Path) -> None:
    """After every commit the views stand at the head."""
    store = store_of(ledger)
    assert projection.state(store.connection) == -1
    for number in range(3):
        ledger.ingest([write_lines(tmp_path / f"{number}.jsonl", [line("p", str(number))])], campaign="c")
        assert projection.state(store.connection) == store.head().position


def test_views_that_lag_behind_catch_up(ledger: Ledger, tmp_path: Path) -> None:
    """What was appended without a fold is folded with the next commit, and nothing twice."""
    ids = fill(ledger, tmp_path)
    store = store_of(ledger)
    store.seal = lambda _connection: None
    ledger.reject(ids[10:13], reason="unfolded")
    ledger.tag(ids[10:11], "k", "v")
    store.seal = projection.catch_up
    ledger.accept(ids[13:14])
    assert tables(store.connection) == folded(ledger.path, store.head().position)


def test_views_ahead_of_the_log_are_made_again(ledger: Ledger, tmp_path: Path) -> None:
    """Views that claim more events than there are come from elsewhere."""
    ids = fill(ledger, tmp_path)
    with foreign(ledger.path) as other:
        other.execute("UPDATE projection SET position = 9999")
        other.execute("UPDATE samples SET status = 'errored'")
    ledger.accept(ids[9:10], reason="now")
    assert ledger.verify()["ok"]


@pytest.mark.parametrize(
    "statements",
    [
        ("UPDATE projection SET code = x'00'",),
        ("DELETE FROM projection",),
        ("DROP TABLE projection",),
        ("DROP TABLE projection", "CREATE TABLE projection (position INTEGER)"),
        ("UPDATE projection SET code = x'00'", "DROP TABLE samples", "CREATE VIEW samples AS SELECT 1 AS sample"),
        ("UPDATE projection SET code = x'00'", "DROP TABLE lineage", "DROP TABLE families"),
        ("UPDATE projection SET code = x'00'", "DROP TABLE totals", "CREATE TABLE totals (x)"),
    ],
)
def test_views_of_another_version_are_made_again_when_opened(
    ledger: Ledger, tmp_path: Path, statements: tuple[str, ...]
) -> None:
    """Whatever another version left under the names of views is replaced by what the log says."""
    fill(ledger, tmp_path)
    stood = tables(store_of(ledger).connection)
    ledger.close()
    with foreign(ledger.path) as other:
        other.execute("UPDATE samples SET status = 'errored'")
        for statement in statements:
            other.execute(statement)
    with Ledger.open(ledger.path) as opened:
        assert tables(store_of(opened).connection) == stood
        assert opened.verify()["findings"] == []


def test_another_version_at_work_does_not_mix(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another version made its views meanwhile, the next commit makes ours whole instead of folding onto them."""
    ids = fill(ledger, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(projection, "_CODE", bytes(32))
        with Ledger.open(ledger.path) as other:
            other.accept(ids[6:7])
    ledger.accept(ids[7:8])
    assert projection.state(store_of(ledger).connection) == store_of(ledger).head().position
    assert ledger.verify()["findings"] == []


def test_views_of_another_version_in_a_file_that_cannot_be_written(shared: Path) -> None:
    """They cannot be made again, so it is said; as of an earlier position the fold is aside and works."""
    with Ledger.init(shared / "ledger.db") as ledger:
        fill(ledger, shared)
    stood = folded(shared / "ledger.db", 30)
    with foreign(shared / "ledger.db") as other:
        other.execute("UPDATE projection SET code = x'00'")
    with nobody():
        with pytest.raises(StaleViews):
            Ledger.open(shared / "ledger.db", actor="n")
        assert folded(shared / "ledger.db", 30) == stood


def test_making_views_again_says_how_far_it_is(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress counts events up to all of them, and the answer says how many."""
    fill(ledger, tmp_path)
    monkeypatch.setattr(projection, "BATCH", 40)
    heard: list[tuple[str, int, int]] = []
    count = ledger.status()["events"]
    assert ledger.rebuild_views(lambda *told: heard.append(told)) == {"events": count, "views": 36}
    assert heard == [("events", min(done, count), count) for done in range(40, count + 40, 40)]


def test_a_fold_aside_changes_nothing_in_the_file(ledger: Ledger, tmp_path: Path) -> None:
    """The past is folded in temporary tables: the file keeps its bytes and its views."""
    ids = fill(ledger, tmp_path)
    before, stood = ledger.path.read_bytes(), tables(store_of(ledger).connection)
    birth = ledger.why(ids[-1])["origin"]["position"]
    assert ledger.show(ids[-1], as_of=str(birth))["status"] == "pending"
    with pytest.raises(NoSuchId):
        ledger.show(ids[-1], as_of=str(birth - 1))
    assert ledger.path.read_bytes() == before
    assert tables(store_of(ledger).connection) == stood


def test_the_past_is_read_from_temporary_tables(ledger: Ledger, tmp_path: Path) -> None:
    """On a connection with a fold aside every query of the views answers for then."""
    ids = fill(ledger, tmp_path)
    store = open_store(ledger.path)
    try:
        projection.prepare(store.connection)
        projection.fold_aside(store.connection, 0)
        assert list(samples.everything(store.connection)) == []
    finally:
        store.close()
    assert len(list(samples.everything(store_of(ledger).connection))) == len(ids)


# --- events of other versions


def append_strange(ledger: Ledger) -> None:
    """Append an event of a kind that only the patched program knows."""
    store = store_of(ledger)
    with store.transaction() as transaction:
        Run(store.ledger_id, "x", {}, Who("me")).append(
            transaction, [Draft(bytes(32), "strange", None, None, {"what": "x"})]
        )


def test_unknown_events_stop_every_fold_and_change_nothing(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Views are never folded around what is not understood: not by a commit, nor by a rebuild, nor aside."""
    fill(ledger, tmp_path)
    with monkeypatch.context() as patch:
        patch.setitem(KINDS, "strange", Kind("strange", "not known later", ("what",), ("what",)))
        append_strange(ledger)
    head = ledger.status()["head"]
    for attempt in (ledger.rebuild_views, lambda: folded(ledger.path, head["position"])):
        with pytest.raises(UnknownEvent, match="strange v1"):
            attempt()
    store_of(ledger).connection.execute("UPDATE projection SET position = position - 2")
    with pytest.raises(UnknownEvent):
        ledger.ingest([write_lines(tmp_path / "x.jsonl", [line("p", "x")])], campaign="c")
    assert ledger.status()["head"] == head
    assert folded(ledger.path, head["position"] - 1)


def test_a_newer_version_of_a_known_kind_is_unknown(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version counts, not only the name."""
    ids = fill(ledger, tmp_path)
    old = KINDS["tagged"]
    with monkeypatch.context() as patch:
        patch.setitem(KINDS, "tagged", Kind("tagged", old.purpose, old.fields, old.identity, v=2))
        patch.setitem(UPCASTERS, ("tagged", 1), lambda leaf: {**leaf, "v": 2})
        with Ledger.open(ledger.path) as later:
            later.tag(ids[8:9], "k", "v")
    with pytest.raises(UnknownEvent, match="tagged v2"):
        ledger.rebuild_views()


def test_older_events_are_raised_before_they_are_folded(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upcaster gives old leaves the meaning of new ones in every fold; the stored leaves stay as they are."""
    fill(ledger, tmp_path)
    leaves = [event["says"] for event in ledger.log(limit=9999) if event["kind"] == "tagged"]
    old = KINDS["tagged"]

    def loud(leaf: dict[str, Any]) -> dict[str, Any]:
        return {**leaf, "v": 2, "value": leaf["value"].upper()}

    monkeypatch.setitem(KINDS, "tagged", Kind("tagged", old.purpose, old.fields, old.identity, v=2))
    monkeypatch.setitem(UPCASTERS, ("tagged", 1), loud)
    with Ledger.open(ledger.path) as later:
        later.rebuild_views()
        tagged = [one for one in sample_ids(later) if later.show(one)["tags"].get("colour")]
        assert {later.show(one)["tags"]["colour"] for one in tagged} == {"BLUE"}
        assert tables(store_of(later).connection) == folded(later.path, store_of(later).head().position)
        assert later.verify()["ok"]
    with open_store(ledger.path).connection as connection:
        rows = connection.execute("SELECT leaf FROM event WHERE kind = 'tagged'").fetchall()
    assert leaves
    assert all('"value":"blue"' in row[0] for row in rows)
    connection.close()


def test_the_code_of_the_fold_is_told_by_its_sources() -> None:
    """What a fold depends on is part of its digest, so that a change of it makes the views again."""
    names = {Path(str(source)).name for source in projection._SOURCES}  # noqa: SLF001 - nothing else shows it
    modules = {f"{module.__name__.rpartition('.')[2]}.py" for module in projection.VIEWS}
    assert names == modules | {
        "conditions.py",
        "event.py",
        "judging.py",
        "observing.py",
        "projection.py",
        "rule.py",
        "span.py",
    }
