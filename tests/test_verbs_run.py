"""Who acts, and the run under which everything that happens is recorded."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import BadRequest, BrokenLaw
from ledger.event import Draft, draft
from ledger.store import open_store
from ledger.verbs.run import Run, Who, conserve, default_actor
from tests.logs import store_of
from tests.small import names, pairs, write


def test_every_event_says_who_and_through_what(tmp_path: Path) -> None:
    """Actor and way in stand in every event, the run in every event that it caused."""
    with Ledger.init(tmp_path / "a.db", actor="ada", via="ui") as ledger:
        ledger.ingest(write(tmp_path / "a.jsonl", *pairs(2)), campaign="a")
        told = ledger.log()
    assert {(event["actor"], event["via"], event["run"]) for event in told} == {("ada", "ui", 0)}
    assert [event["kind"] for event in told] == ["run_started", *["ingested"] * 4, "run_finished"]
    assert told[0]["says"]["command"] == "ingest"
    assert told[-1]["says"]["counts"] == {"known": 0, "lines": 4, "new": 4, "quarantined": 0}


def test_the_actor_is_who_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """LEDGER_ACTOR names the actor; without it the user does, and without a name the user's number."""
    monkeypatch.setenv("LEDGER_ACTOR", "grace")
    assert default_actor() == "grace"
    monkeypatch.delenv("LEDGER_ACTOR")
    assert default_actor() == getpass.getuser()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", _nobody)
    assert default_actor() == f"uid {os.getuid()}"


def _nobody(_number: int) -> None:
    raise KeyError("no such user")


@pytest.mark.parametrize("actor", [" ", "a\nb", "\udcff"])
def test_an_actor_without_a_name(tmp_path: Path, actor: str) -> None:
    """A name that is not plain text is refused at the door, before any file is made."""
    with pytest.raises(BadRequest, match="The actor's name"):
        Ledger.init(tmp_path / "a.db", actor=actor)
    assert names(tmp_path) == []


def test_a_way_in_that_is_none() -> None:
    """There are four ways in."""
    with pytest.raises(BadRequest, match="cli, mcp, ui, api"):
        Who("ada", "post")


def test_a_run_that_causes_nothing_is_not_recorded(ledger: Ledger) -> None:
    """Neither start nor end of a run without events is written."""
    opened = open_store(ledger.path)
    run = Run(opened.ledger_id, "nothing", {}, Who("ada"))
    with opened.transaction() as transaction:
        assert run.append(transaction, []) is None
        run.finish(transaction, {"done": 0})
    assert opened.head() == ledger_head(ledger)
    opened.close()


def ledger_head(ledger: Ledger) -> object:
    """Return the head of a ledger as another connection sees it."""
    opened = open_store(ledger.path)
    try:
        return opened.head()
    finally:
        opened.close()


def test_an_event_outside_a_run_breaks_a_law(ledger: Ledger) -> None:
    """Nothing can be stamped before the run has begun."""
    opened = open_store(ledger.path)
    run = Run(opened.ledger_id, "early", {}, Who("ada"))
    with pytest.raises(BrokenLaw), opened.transaction() as transaction:
        run._stamp(transaction)  # noqa: SLF001 - the guard cannot be reached through a verb
    opened.close()


def test_the_recipe_is_what_is_done_not_who_does_it(ledger: Ledger) -> None:
    """Equal commands with equal parameters have one recipe; another parameter is another."""
    opened = open_store(ledger.path)
    runs = [Run(opened.ledger_id, "x", {"n": n}, Who(actor)) for n, actor in ((1, "a"), (1, "b"), (2, "a"))]
    assert runs[0].recipe == runs[1].recipe != runs[2].recipe
    opened.close()


def test_counts_that_do_not_add_up_abort(toolset: Ledger) -> None:
    """A broken conservation law names the numbers, and leaves nothing in the log."""
    before = toolset.status()
    opened = open_store(toolset.path)
    run = Run(opened.ledger_id, "lose one", {}, Who("ada"))

    def lose_one() -> None:
        with opened.transaction() as transaction:
            run.append(transaction, [draft("withdrawn", None, None, {"reason": "", "sample": "", "target": "00"})])
            conserve("lines", 3, {"new": 1, "known": 1})

    with pytest.raises(BrokenLaw, match="3 lines, but 1 new \\+ 1 known"):
        lose_one()
    opened.close()
    assert toolset.status() == before


def test_a_start_that_was_undone_is_recorded_again(ledger: Ledger) -> None:
    """The transaction in which a run began fails: the next one has its start, and every event names it."""
    store = store_of(ledger)
    run = Run(store.ledger_id, "try", {}, Who("me"))

    def submitted(number: int) -> Draft:
        fields = {"adopted": False, "batch": f"{number:064x}", "calls": 1, "provider": "p", "provider_id": f"b{number}"}
        return draft("batch_submitted", None, None, fields)

    def undone() -> None:
        with store.transaction() as transaction:
            run.append(transaction, [submitted(1)])
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        undone()
    with store.transaction() as transaction:
        run.finish(transaction, {})
    for number in (2, 3):
        with store.transaction() as transaction:
            run.append(transaction, [submitted(number)])
    with store.transaction() as transaction:
        run.finish(transaction, {})
    told = ledger.log(limit=9)
    assert [one["kind"] for one in told] == ["run_started", "batch_submitted", "batch_submitted", "run_finished"]
    assert {one["run"] for one in told} == {told[0]["position"]}
    assert ledger.verify()["ok"]
