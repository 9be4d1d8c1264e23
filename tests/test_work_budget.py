"""A budget holds whatever goes wrong, a job goes on when it is raised, and a job that is done costs nothing more."""

from __future__ import annotations

import signal
import subprocess
import time
from decimal import Decimal
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.errors import BadRequest
from tests.cli import PROGRAM, environment, ok, run
from tests.provider.handle import Provider
from tests.provider.jobs import CAMPAIGN, MODEL, Job, job, report, told

pytest_plugins = ("tests.provider.fixture",)

STOPPED = 73
ROWS = 200
TROUBLE = [{"kind": "drop_after", "share": 0.04}, {"kind": "overloaded", "share": 0.04}]


def at_most(spent: str | Decimal, cap: str) -> bool:
    """Say whether dollars keep within a cap, to the last digit."""
    return Decimal(spent) <= Decimal(cap)


def test_many_at_a_time_keep_within_the_budget(provider: Provider, tmp_path: Path) -> None:
    """256 requests at a time, lost replies and overload: what the provider charges never passes the cap."""
    provider.config(latency=0.05, faults=TROUBLE)
    work = job(tmp_path, ROWS)
    cap = "0.006"  # about a third of what all of it costs
    first = run(*work.arguments(provider, "--budget", cap, "--concurrency", 256))
    assert (first.code, report(first)["stopped"]) == (STOPPED, "budget"), first.err
    said, found = report(first), told(work.ledger)
    assert at_most(provider.usd(), cap)
    assert at_most(said["spent_usd"], cap)
    assert Decimal(said["spent_usd"]) >= provider.usd()
    dearest = max(Decimal(one["reserved"]) for one in found.sent)
    assert Decimal(cap) - Decimal(said["spent_usd"]) < dearest
    assert 0 < said["accepted"] == ROWS - said["left"] - said["failed"] - said["unknown"]
    again = run(*work.arguments(provider, "--budget", cap))
    assert (again.code, report(again)["requests"], report(again)["cost_usd"]) == (STOPPED, 0, "0")


def test_a_higher_budget_goes_on(provider: Provider, tmp_path: Path) -> None:
    """After the budget is raised the rest is asked, and nothing that was answered is asked again."""
    work = job(tmp_path, ROWS)
    first = report(run(*work.arguments(provider, "--budget", "0.006")))
    rest = ok(*work.arguments(provider, "--budget", "1")).json
    assert (rest["reused"], rest["accepted"]) == (first["accepted"], ROWS - first["accepted"])
    assert provider.stats()["billed"] == provider.stats()["distinct"] == ROWS
    assert Decimal(rest["spent_usd"]) == provider.usd() == Decimal(first["cost_usd"]) + Decimal(rest["cost_usd"])


def test_done_is_done(provider: Provider, tmp_path: Path) -> None:
    """The same command on a finished job sends nothing at all, costs nothing and changes nothing that was made."""
    work = job(tmp_path, 40)
    first = ok(*work.arguments(provider)).json
    before, seen = told(work.ledger), provider.stats()
    provider.config(down=True)
    again = ok(*work.arguments(provider)).json
    assert (again["reused"], again["requests"], again["cost_usd"]) == (40, 0, "0")
    assert again["spent_usd"] == first["cost_usd"]
    after = told(work.ledger)
    assert (after.children, after.sent, after.replies) == (before.children, before.sent, before.replies)
    assert provider.stats() == seen


def test_failures_are_not_tried_again_unless_told(provider: Provider, tmp_path: Path) -> None:
    """What failed for good is left alone by the same command, and tried again with --retry-failed."""
    provider.config(faults=[{"kind": "refused", "match": "number 3"}])
    work = job(tmp_path, 6)
    assert ok(*work.arguments(provider)).json["failed"] == 1
    provider.config(faults=[])
    assert ok(*work.arguments(provider)).json["requests"] == 0
    said = ok(*work.arguments(provider, "--retry-failed")).json
    assert (said["accepted"], said["reused"]) == (1, 5)


def test_killed_under_a_budget(provider: Provider, tmp_path: Path) -> None:
    """What a kill leaves unknown counts in full: three kills later the provider has still not charged more."""
    provider.config(latency=0.04, faults=TROUBLE)
    work, cap = job(tmp_path, ROWS), "0.008"
    for _ in range(3):
        _interrupted(work, provider, cap, signal.SIGKILL)
    said = report(run(*work.arguments(provider, "--budget", cap)))
    assert at_most(provider.usd(), cap)
    assert at_most(said["spent_usd"], cap)
    assert said["stopped"] == "budget"


def test_ctrl_c_drains(provider: Provider, tmp_path: Path) -> None:
    """After Ctrl-C nothing new is sent, what is under way is taken in, and nothing stays unknown."""
    provider.config(latency=0.2)
    work = job(tmp_path, ROWS)
    code = _interrupted(work, provider, "1", signal.SIGINT)
    found, stats = told(work.ledger), provider.stats()
    assert code == STOPPED
    assert found.unknown == []
    assert stats["billed"] == len(found.replies) == len(found.children) < ROWS
    rest = ok(*work.arguments(provider)).json
    assert rest["reused"] == len(found.children)
    assert provider.stats()["billed"] == ROWS


def _interrupted(work: Job, provider: Provider, cap: str, how: signal.Signals) -> int:
    """Start the command, signal it after some answers, and return its exit code."""
    before = provider.stats()["billed"]
    command = [*PROGRAM, *work.arguments(provider, "--budget", cap, "--concurrency", 12)]
    with subprocess.Popen(
        command,
        cwd=work.ledger.parent,
        env=environment(**provider.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while process.poll() is None and provider.stats()["billed"] < before + 25:
            time.sleep(0.005)
        process.send_signal(how)
    while provider.stats()["in_flight"]:
        time.sleep(0.005)
    return process.returncode


def test_an_effort_that_the_model_does_not_take_leaves_nothing(provider: Provider, tmp_path: Path) -> None:
    """It is refused before anything is recorded or sent."""
    made = job(tmp_path, 3)
    with Ledger.open(made.ledger) as ledger:
        before = ledger.status()["head"]
        with pytest.raises(BadRequest, match="effort"):
            ledger.improve(made.spec, campaign=CAMPAIGN, model=MODEL, base_url=provider.url, effort="utmost")
        assert ledger.status()["head"] == before
    assert provider.stats()["billed"] == 0
