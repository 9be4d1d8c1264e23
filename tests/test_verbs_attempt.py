"""An attempt at training: however it ends, an event says so, at the latest when the same is asked again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from ledger import Ledger
from ledger.errors import DestinationExists, LedgerBusy, ModelUnreadable, OrderBroken
from ledger.trainers.contract import FINISHED, Job, OnStep
from ledger.verbs import attempt
from ledger.verbs import train as verb
from ledger.verbs.attempt import left_in
from ledger.verbs.frozen_release import find_release
from ledger.verbs.run_folder import training_of
from tests.logs import store_of
from tests.small import names
from tests.trainer import Asked, Trainer, kinds


@pytest.fixture
def asked(toolset: Ledger, tmp_path: Path) -> Asked:
    """Return what is asked for."""
    return Asked.of(toolset, tmp_path)


@pytest.mark.parametrize(
    ("error", "state", "failure"),
    [
        (OrderBroken("3 rows were dropped"), "failed", "OrderBroken"),
        (KeyError("label"), "failed", "KeyError"),
        (OSError(5, "no disk"), "failed", "OSError"),
        (SystemExit(3), "failed", "SystemExit"),
        (KeyboardInterrupt(), "interrupted", None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_whatever_ends_an_attempt_is_recorded_and_raised_on(
    toolset: Ledger,
    asked: Asked,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    state: str,
    failure: str | None,
) -> None:
    """Before the first step the folder goes; after it the event says how far it came, and the folder stays."""

    def step(job: Job, on_step: OnStep) -> None:
        on_step(2, 9, {})
        (job.out / "checkpoint-2").mkdir()

    def fail(_job: Job, _on_step: OnStep) -> None:
        raise error

    for acts, reached, left in (((fail,), [0, 0], False), ((step, fail), [2, 9], True)):
        Trainer(*acts).put(monkeypatch)
        before = len(toolset.log(limit=1000))
        with pytest.raises(type(error)) as raised:
            asked.train(toolset)
        assert raised.value is error
        assert kinds(toolset, before) == ["run_started", "trained", "run_finished"]
        said = toolset.log(limit=1000)[-2]["says"]
        assert (said["state"], said["failure"], said["steps"], said["result"]) == (state, failure, reached, None)
        assert asked.out.exists() is left
    assert asked.left()["state"] == state
    assert toolset.verify()["ok"]


def test_a_model_that_cannot_be_read_ends_the_attempt(
    toolset: Ledger, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are read for their digest first; what the system says of them is told, and an event says so."""
    trainer = Trainer().put(monkeypatch)
    (asked.model / "a.safetensors").symlink_to("/proc/self/mem")
    with pytest.raises(ModelUnreadable):
        asked.train(toolset)
    assert not asked.out.exists()
    assert toolset.log(limit=1000)[-2]["says"]["failure"] == "ModelUnreadable"
    assert trainer.jobs == []


def test_weights_that_cannot_be_read_again_end_the_attempt(
    toolset: Ledger, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came out has no digest then; the event says how far the training came."""
    Trainer(lambda job, _: (job.out / "a.safetensors").symlink_to("/proc/self/mem")).put(monkeypatch)
    with pytest.raises(ModelUnreadable):
        asked.train(toolset)
    said = toolset.log(limit=1000)[-2]["says"]
    assert (said["failure"], said["steps"], said["result"]) == ("ModelUnreadable", [2, 3], None)


@pytest.fixture
def writer(toolset: Ledger) -> Iterator[sqlite3.Connection]:
    """Yield another connection to the ledger's file, to hold it from."""
    with closing(sqlite3.connect(toolset.path, isolation_level=None, check_same_thread=False)) as other:
        yield other


def test_the_end_of_a_training_waits_longer_than_other_writes(
    toolset: Ledger,
    asked: Asked,
    writer: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another writes when it ends, for longer than this ledger waits elsewhere: it is recorded all the same."""
    timer = Timer(0.6, lambda: writer.execute("ROLLBACK"))

    def hold(_job: Job, _on_step: OnStep) -> None:
        writer.execute("BEGIN IMMEDIATE")
        timer.start()

    Trainer(hold).put(monkeypatch)
    store_of(toolset).wait = 0.1
    assert asked.train(toolset)["state"] == "finished"
    assert store_of(toolset).wait == 0.1


@pytest.mark.parametrize("state", ["finished", "interrupted"])
def test_what_could_not_be_recorded_is_recorded_by_the_same_command(
    toolset: Ledger,
    asked: Asked,
    monkeypatch: pytest.MonkeyPatch,
    writer: sqlite3.Connection,
    state: str,
) -> None:
    """It stands in the folder until then, with the plot; what is finished is not trained again, the rest goes on."""
    monkeypatch.setattr(attempt, "PATIENCE", 0.1)
    store_of(toolset).wait = 0.1
    trainer = Trainer(lambda _job, _on_step: writer.execute("BEGIN IMMEDIATE"), state=state).put(monkeypatch)
    before = len(toolset.log(limit=1000))
    with pytest.raises(LedgerBusy) as busy:
        asked.train(toolset)
    assert "the same command records it" in busy.value.next_step
    writer.execute("ROLLBACK")
    left = asked.left()
    assert (left["state"], left["position"]) == (state, None)
    assert "loss.svg" in names(asked.out)
    assert kinds(toolset, before) == ["run_started"]
    assert training_of(store_of(toolset), asked.out) is None
    trainer.acts, trainer.state = (), FINISHED
    told = asked.train(toolset)
    assert (told["state"], len(trainer.jobs)) == ("finished", 1 if state == "finished" else 2)
    *first, last = (one["state"] for one in toolset.trainings()["trainings"][::-1])
    assert ([*first], last) == ([] if state == "finished" else ["interrupted"], "finished")
    assert kinds(toolset, before) == ["run_started", "trained", "run_finished"] * len(trainer.jobs)
    assert asked.left() == told
    assert training_of(store_of(toolset), asked.out) is not None
    assert (told["metrics"], told["seconds"], told["versions"]) == ({"loss": "0.5"}, "1.5", {"trl": "1"})
    with pytest.raises(DestinationExists):
        asked.train(toolset)
    assert toolset.verify()["ok"]


def test_what_was_recorded_is_not_recorded_twice(
    toolset: Ledger, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was killed right after the event left its folder as before it; nothing is appended for it."""
    Trainer(state="interrupted").put(monkeypatch)
    kept = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verb, "write_result", lambda _out, told: kept.append(told))
        asked.train(toolset)
    assert asked.left()["position"] is None
    before = len(toolset.log(limit=1000))
    Trainer().put(monkeypatch)
    asked.train(toolset)
    assert kinds(toolset, before) == ["run_started", "trained", "run_finished"]
    assert [one["position"] for one in toolset.trainings()["trainings"]][1:] == [kept[0]["position"]]


HARM: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "another beginning": lambda told: {**told, "started": "00" * 32},
    "no beginning": lambda told: {**told, "started": "x"},
    "other settings": lambda told: {**told, "config": {**told["config"], "method": "dpo"}},
    "no model": lambda told: {**told, "config": {}},
    "no number": lambda told: {**told, "seconds": "soon"},
    "no finite number": lambda told: {**told, "metrics": {"loss": "NaN"}},
    "numbers no event has": lambda told: {**told, "metrics": {"loss": 0.5}},
    "no such state": lambda told: {**told, "state": "won"},
    "a text too few": lambda told: {**told, "versions": {"trl": None}},
    "a key more": lambda told: {**told, "by": "me"},
    "a key less": lambda told: {name: value for name, value in told.items() if name != "of"},
    "a truth for a number": lambda told: {**told, "steps": True},
}


@pytest.mark.parametrize("harm", HARM)
def test_a_record_that_the_log_does_not_bear_out_is_not_recorded(
    toolset: Ledger, asked: Asked, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    """One that was never begun here, or not so, or is no record: the folder stays as it is, or is trained in."""
    Trainer().put(monkeypatch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verb, "write_result", lambda _out, _told: None)
        asked.train(toolset)
    told = asked.left()
    release = find_release(store_of(toolset), asked.manifest)
    assert left_in(store_of(toolset), asked.out, release) is not None
    (asked.out / "trained.json").write_text(json.dumps(HARM[harm](told)))
    assert left_in(store_of(toolset), asked.out, release) is None
    before = toolset.log(limit=1000)
    if HARM[harm](told)["state"] == "finished":
        with pytest.raises(DestinationExists):
            asked.train(toolset)
        assert toolset.log(limit=1000) == before


def test_seconds_are_of_all_sessions_as_steps_are(
    toolset: Ledger, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that were recorded: a session that was stopped, one that ended before its first step, and the last."""

    def saved(job: Job, _on_step: OnStep) -> None:
        (job.out / "checkpoint-1").mkdir(exist_ok=True)
        (job.out / "checkpoint-1" / "ledger_manifest.json").write_bytes(job.rows.manifest)

    def fail(_job: Job, _on_step: OnStep) -> None:
        raise OrderBroken("rows moved")

    Trainer(saved, state="interrupted").put(monkeypatch)
    assert asked.train(toolset)["seconds"] == "1.5"
    assert asked.train(toolset)["seconds"] == "3"
    Trainer(fail).put(monkeypatch)
    with pytest.raises(OrderBroken):
        asked.train(toolset)
    Trainer().put(monkeypatch)
    told = asked.train(toolset)
    assert told["resumed"]
    assert 4.5 <= float(told["seconds"]) < 14
    assert [float(one["seconds"]) for one in toolset.trainings()["trainings"]][::-1][:2] == [1.5, 3]
    anew = asked._replace(out=asked.out.with_name("anew")).train(toolset)
    assert anew["seconds"] == "1.5"
