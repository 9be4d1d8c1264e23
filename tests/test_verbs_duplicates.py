"""Looking for near-duplicates: what is recorded, what a later look costs, and what refuses or stops one."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest, CorruptLedger
from ledger.similarity.contract import NearRecipe
from ledger.verbs.duplicates import LookReport, look, recipe_for
from ledger.verbs.run import Run, Who
from ledger.views import near
from ledger.views.near import WHOLE
from tests.judged import row_of
from tests.logs import findings, log_rows, store_of, tampering
from tests.small import chat, samples, write
from tests.test_store import finish, start
from tests.test_views_near import clusters, ingest, like

WHO = Who("tester")
RECIPE = NearRecipe(threshold=600_000)
Heard = list[tuple[str, int, int]]


def looked(ledger: Ledger, recipe: NearRecipe = RECIPE, campaign: str | None = None, **more: Any) -> LookReport:  # noqa: ANN401 - as look
    """Look for near-duplicates."""
    settings_: dict[str, Any] = {"dry_run": False, "progress": lambda *_: None, **more}
    return look(store_of(ledger), recipe, campaign, WHO, **settings_)


def said(ledger: Ledger) -> list[dict[str, Any]]:
    """Return what each look in the log says."""
    return [event["says"] for event in ledger.log(limit=10_000) if event["kind"] == "duplicates_found"]


def kept(ledger: Ledger) -> list[dict[str, Any]]:
    """Return the pairs that each look stored."""
    return [json.loads(one.twins) for one in near.in_force(store_of(ledger).connection, WHOLE, "")]


def test_what_is_recorded(ledger: Ledger, tmp_path: Path) -> None:
    """A run with its recipe; pairs of fingerprints with what ties them to families; no word of any sample."""
    one, two, _ = ingest(ledger, tmp_path, [like(1), like(1, 2), like(5)])
    heard: Heard = []
    report = looked(ledger, progress=lambda *step: heard.append(step))
    head = ledger.status()["head"]["position"]
    assert report == (3, 3, 1, head - 1)
    assert heard == [("reading", 3, 3)]

    (told,) = said(ledger)
    assert (told["field"], told["campaign"], told["base"], told["after"], told["texts"]) == (WHOLE, None, None, None, 3)
    assert told["recipe"]["threshold"] == 600_000
    assert told["recipe"]["engine"]
    (stored,) = kept(ledger)
    ((first, second, similarity, *tokens),) = stored["twins"]
    rows = {row.fingerprint.hex(): row for row in (row_of(ledger, one), row_of(ledger, two))}
    assert [first, second] == sorted(rows)
    assert tokens == [(rows[first].prompt or b"").hex(), (rows[second].prompt or b"").hex()]
    assert 600_000 <= similarity < 1_000_000
    assert (stored["gone"], stored["left"]) == ([], [])
    leaves = " ".join(json.dumps(event) for event in ledger.log(limit=100) if event["kind"] != "ingested")
    assert "word1no" not in leaves


def test_a_later_look_records_what_is_news(ledger: Ledger, tmp_path: Path) -> None:
    """It goes on from the last one: new texts, pairs with old ones, and what an edit took away."""
    _, two, _ = ingest(ledger, tmp_path, [like(1), like(1, 2), like(5)])
    looked(ledger)
    ingest(ledger, tmp_path, [like(5, 1), like(7)])
    assert looked(ledger)[:3] == (5, 2, 2)
    gone = row_of(ledger, two).fingerprint.hex()
    ledger.edit(two, json.dumps(like(8)).encode())
    assert looked(ledger)[:3] == (5, 1, 1)
    first, second, third = kept(ledger)
    assert [len(one["twins"]) for one in (first, second, third)] == [1, 1, 0]
    assert third["left"] == [gone]
    assert third["gone"] == [first["twins"][0][:2]]
    events = [event["event"] for event in ledger.log(limit=100) if event["kind"] == "duplicates_found"]
    assert [one["base"] for one in said(ledger)] == [None, *events[:2]] == [one["after"] for one in said(ledger)]
    assert looked(ledger).position is None


def test_other_settings_start_afresh(ledger: Ledger, tmp_path: Path) -> None:
    """Another threshold, shingle or engine goes on from nothing; another field or campaign is a look of its own."""
    ingest(ledger, tmp_path, [like(1), like(1, 2)], "a")
    changes: list[dict[str, Any]] = [{"threshold": 700_000}, {"shingle": 2}, {"engine": "numpy"}]
    looked(ledger)
    for change in changes:
        assert looked(ledger, replace(RECIPE, **change))[:3] == (2, 2, 1)
    assert [one["base"] for one in said(ledger)] == [None] * 4
    assert [one["after"] is None for one in said(ledger)] == [True, False, False, False]
    looked(ledger, recipe_for("answer", 600_000, 3))
    looked(ledger, campaign="a")
    assert [one["after"] for one in said(ledger)[4:]] == [None, None]
    assert [one.texts for one in near.in_force(store_of(ledger).connection, WHOLE, "")] == [2]


def test_texts_that_are_the_same_in_a_field(ledger: Ledger, tmp_path: Path) -> None:
    """Samples that differ but say the same there are twins of the smallest; those that say nothing are nobody's."""
    rows = [*(chat(f"q{n}", "the very same answer") for n in range(4)), *(chat(f"r{n}", "") for n in range(3))]
    ingest(ledger, tmp_path, rows)
    assert looked(ledger, recipe_for("answer", 800_000, 3))[:3] == (7, 7, 3)
    pairs = list(near.twins(store_of(ledger).connection, "answer", ""))
    assert {pair.similarity for pair in pairs} == {1_000_000}
    assert len({pair.first for pair in pairs}) == 1


def test_a_dry_run_appends_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """It tells what a look would find, before the first and after."""
    ingest(ledger, tmp_path, [like(1), like(1, 2)])
    before = log_rows(ledger.path)
    assert looked(ledger, dry_run=True) == (2, 2, 1, None)
    assert log_rows(ledger.path) == before


def test_an_empty_ledger_has_nothing_to_tell(ledger: Ledger) -> None:
    """No sample is no news and no fault."""
    assert looked(ledger) == (0, 0, 0, None)
    assert said(ledger) == []


def test_what_cannot_be_looked_for_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    """A field that no sample has and a campaign that is not there are told in a sentence; nothing is appended."""
    ingest(ledger, tmp_path, [like(1), like(1, 2)])
    before = log_rows(ledger.path)
    with pytest.raises(BadRequest, match="No sample has the field 'toolContext'"):
        looked(ledger, recipe_for("toolContext", 800_000, 3))
    with pytest.raises(BadRequest, match="There is no campaign 'x'"):
        looked(ledger, campaign="x")
    for threshold, shingle in ((499_999, 3), (1_000_001, 3), (800_000, 0), (800_000, 17)):
        with pytest.raises(BadRequest):
            recipe_for(WHOLE, threshold, shingle)
    assert log_rows(ledger.path) == before


@pytest.mark.parametrize("package", ["numpy", "rensa"])
def test_without_the_extra_it_says_what_to_install(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    """Before anything is read; with numpy alone, its own engine looks."""
    ingest(ledger, tmp_path, [like(1), like(1, 2)])
    before = log_rows(ledger.path)
    for name in [name for name in sys.modules if name.startswith("ledger.similarity.")]:
        if name.rpartition(".")[2] in {"near", "index", "packed", "candidates", "clusters", "verified"}:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    if package == "rensa":
        assert looked(ledger, dry_run=True).twins == 1
    else:
        with pytest.raises(BadRequest, match=r"sample-ledger\[scale\]"):
            looked(ledger)
    assert log_rows(ledger.path) == before


def test_somebody_else_looks_meanwhile(ledger: Ledger, tmp_path: Path) -> None:
    """Whoever comes second is refused, since the difference was made to what does not stand any more."""
    ingest(ledger, tmp_path, [like(1), like(1, 2)])

    def heard(*_: object) -> None:
        with Ledger.open(ledger.path, actor="other") as other:
            other.duplicates(0.6)

    with pytest.raises(BadRequest, match="meanwhile"):
        looked(ledger, progress=heard)
    assert len(said(ledger)) == 1
    assert looked(ledger).position is None


def test_others_write_while_it_reads(ledger: Ledger, tmp_path: Path) -> None:
    """A look is at one moment: what arrives or changes after it is for the next."""
    one, _ = ingest(ledger, tmp_path, [like(1), like(1, 1)])
    more = write(tmp_path / "more.jsonl", like(1, 2))

    def heard(*_: object) -> None:
        with Ledger.open(ledger.path, wait=0) as other:
            other.ingest(more, campaign="c")
            other.edit(one, json.dumps(like(8)).encode())

    assert looked(ledger, progress=heard)[:3] == (2, 2, 1)
    assert ledger.duplicates()["near"] == 0
    assert looked(ledger)[:3] == (3, 2, 1)


def test_a_look_that_stops_leaves_nothing(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped while it reads or at its last event: the file is as it was, bytes and all."""
    ingest(ledger, tmp_path, [like(1), like(1, 2)])
    before = log_rows(ledger.path)

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        looked(ledger, progress=stop)
    with monkeypatch.context() as patched:
        patched.setattr(Run, "finish", stop)
        with pytest.raises(KeyboardInterrupt):
            looked(ledger)
    assert log_rows(ledger.path) == before
    assert looked(ledger).twins == 1


def test_a_killed_look_leaves_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """Killed in the middle of its transaction, then done again by the next."""
    ingest(ledger, tmp_path, [like(1), like(1, 2)])
    ledger.close()
    before = log_rows(ledger.path)

    def die() -> None:
        Run.finish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
        with Ledger.open(ledger.path) as mine:
            mine.duplicates(0.6)

    finish([start(die)])
    assert log_rows(ledger.path) == before
    assert findings(ledger.path) == set()
    with Ledger.open(ledger.path) as again:
        assert again.duplicates(0.6)["near"] == 2


def test_damaged_keys_are_damage(ledger: Ledger, tmp_path: Path) -> None:
    """What an earlier look kept and does not read is told as such."""
    ingest(ledger, tmp_path, [like(1), like(1, 2)])
    looked(ledger)
    ledger.close()
    with tampering(ledger.path) as connection:
        keys = "(SELECT keys FROM near_looks)"
        connection.execute(f"UPDATE blob SET body = CAST('?' AS BLOB) WHERE lower(hex(hash)) = {keys}")  # noqa: S608 - above
    with Ledger.open(ledger.path, trust=True) as damaged, pytest.raises(CorruptLedger, match="does not read"):
        looked(damaged)


STEPS = st.lists(
    st.tuples(st.just("add"), st.integers(0, 3), st.integers(0, 2))
    | st.tuples(st.just("edit"), st.integers(0, 9), st.integers(0, 3))
    | st.tuples(st.just("look"), st.just(0), st.just(0)),
    max_size=10,
)


@given(STEPS)
@settings(max_examples=25)
def test_any_steps_are_one_look_at_the_end(steps: list[tuple[str, int, int]]) -> None:
    """Whatever was added and edited between looks, the last leaves the pairs of one look at what stands."""
    with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "ledger.db") as ledger:
        for place, (what, one, other) in enumerate(steps):
            ids = samples(ledger)
            if what == "add":
                ledger.ingest(write(Path(name) / f"{place}.jsonl", like(one, other)), campaign="c")
            elif what == "edit" and ids:
                ledger.edit(ids[one % len(ids)], json.dumps(like(other, 7)).encode())
            elif what == "look":
                looked(ledger)
        looked(ledger)
        connection = store_of(ledger).connection
        pairs, joined = list(near.twins(connection, WHOLE, "")), clusters(ledger)
        looked(ledger, replace(RECIPE, threshold=1_000_000))
        looked(ledger)
        assert (list(near.twins(connection, WHOLE, "")), clusters(ledger)) == (pairs, joined)
        assert ledger.verify()["ok"]
