"""A job that is killed again and again ends as one that was not, and what the kills wasted stands in the log."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from ledger import Ledger
from tests.cli import PROGRAM, environment, program
from tests.provider.handle import Provider
from tests.provider.jobs import Job, job, told

pytest_plugins = ("tests.provider.fixture",)

ROWS = 600
KILLS = 11
AT_A_TIME = 16


def killed(work: Job, provider: Provider, until: Callable[[dict[str, Any]], bool], after: float, *more: object) -> None:
    """Start the command, and kill it a moment after something shows in the provider's figures."""
    command = [*PROGRAM, *work.arguments(provider, *more)]
    with subprocess.Popen(
        command,
        cwd=work.ledger.parent,
        env=environment(**provider.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        while not until(provider.stats()):
            assert process.poll() is None, process.communicate()[1].decode()
            time.sleep(0.005)
        time.sleep(after)
        process.kill()
    quiet(provider)


def _answered(enough: int, seen: dict[str, Any]) -> bool:
    return bool(seen["billed"] >= enough)


def quiet(provider: Provider) -> None:
    """Wait until the provider has nothing left to answer: what was asked by the dead is paid for as well."""
    while provider.stats()["in_flight"]:
        time.sleep(0.005)


def test_killed_eleven_times(provider: Provider, tmp_path: Path) -> None:
    """600 rows, 11 times kill -9: no sample twice, no stored reply asked for again, and what was wasted is recorded."""
    provider.config(latency=0.04)
    work = job(tmp_path, ROWS)
    drawn = random.Random(11)  # noqa: S311 - moments, no secrets
    unknown = [0]
    for _ in range(KILLS):
        enough = provider.stats()["billed"] + 42
        after = drawn.random() * 0.06
        killed(work, provider, partial(_answered, enough), after, "--concurrency", AT_A_TIME)
        unknown.append(len(told(work.ledger).unknown))
    lost = [later - earlier for earlier, later in pairwise(unknown)]
    assert max(lost) <= AT_A_TIME
    ended = program(*work.arguments(provider), cwd=tmp_path, env=provider.env)
    assert ended.code == 0, ended.err
    said = ended.json
    assert said["accepted"] + said["reused"] == said["planned"] == ROWS
    assert (said["left"], said["unknown"], said["failed"]) == (0, 0, 0)
    found, stats = told(work.ledger), provider.stats()
    assert len(found.children) == len({one["parent"] for one in found.children}) == ROWS
    asked_again = Counter(one["call"] for one in found.sent)
    answered = Counter(one["call"] for one in found.replies)
    assert set(answered.values()) == {1}
    assert len(found.replies) == ROWS == stats["distinct"]
    last = {one["call"]: one["attempt"] for one in found.replies}
    assert all(one["attempt"] <= last[one["call"]] for one in found.sent)
    waste = stats["billed"] - len(found.replies)
    assert waste <= len(found.unknown) == sum(asked_again.values()) - ROWS <= KILLS * AT_A_TIME
    assert found.paid <= provider.usd() <= found.paid + sum(Decimal(one["reserved"]) for one in found.unknown)
    with Ledger.open(work.ledger) as opened:
        assert opened.verify()["ok"]
    sys.stdout.write(f"\n{KILLS} kills: {waste} wasted, {len(found.unknown)} recorded as unknown, by kill {lost}\n")


def test_killed_while_a_batch_is_worked_on(provider: Provider, tmp_path: Path) -> None:
    """Kills in batch mode waste nothing: the batch is found again, also where the reply to its creation was lost."""
    provider.config(batch_seconds=3.0, faults=[{"kind": "batch_lost", "most": 1}])
    work = job(tmp_path, 40)
    for after in (0.0, 0.3):
        killed(work, provider, lambda seen: bool(seen["batches"]), after, "--mode", "batch")
    provider.config(batch_seconds=0.1)
    ended = program(*work.arguments(provider, "--mode", "batch"), cwd=tmp_path, env=provider.env)
    assert ended.code == 0, ended.err
    assert ended.json["accepted"] + ended.json["reused"] == 40
    found, stats = told(work.ledger), provider.stats()
    assert len(found.children) == 40
    assert stats["billed"] == stats["distinct"] == len(found.replies) == 40
    assert found.paid == provider.usd()
