"""A job in batches through the real command line: killed wherever it hurts, it finds its batches and pays once."""

from __future__ import annotations

import signal
import subprocess
import time
from decimal import Decimal
from pathlib import Path

from tests.cli import PROGRAM, environment, ok
from tests.provider.handle import Provider
from tests.provider.jobs import Job, job, told

pytest_plugins = ("tests.provider.fixture",)

ROWS = 120
CREATE, LIST = "POST /v1/messages/batches", "GET /v1/messages/batches"
RESULTS = "GET /v1/messages/batches/ID/results"
SLOW = 0.8
"""Seconds that a batch takes."""


def asked(provider: Provider, path: str) -> int:
    """Return how often an endpoint was asked."""
    return int(provider.stats()["paths"].get(path, 0))


def ended_when(
    work: Job, provider: Provider, path: str, *, after: float = 0.0, by: signal.Signals = signal.SIGKILL
) -> int:
    """Start the command, end it when an endpoint was asked once more and a moment has passed; return how it ended."""
    before = asked(provider, path)
    with subprocess.Popen(
        [*PROGRAM, *work.arguments(provider, "--mode", "batch")],
        cwd=work.ledger.parent,
        env=environment(**provider.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        while asked(provider, path) == before:
            assert process.poll() is None, process.communicate()[1].decode()
            time.sleep(0.005)
        time.sleep(after)
        process.send_signal(by)
        process.communicate(timeout=30)
        return process.returncode


def test_killed_at_every_stage(provider: Provider, tmp_path: Path) -> None:
    """Every sample has one child, every reply that came is stored, and nothing was paid for twice.

    It is killed when the batch was handed in, when it was looked for, while it was read, and when what failed in it
    went into another one.
    """
    lost = [{"kind": "batch_lost", "times": 1}, {"kind": "item_errored", "share": 0.3, "times": 1}]
    provider.config(batch_seconds=SLOW, faults=lost)
    work = job(tmp_path, ROWS)
    assert ended_when(work, provider, CREATE) == -signal.SIGKILL
    assert ended_when(work, provider, LIST) == -signal.SIGKILL
    assert ended_when(work, provider, RESULTS, after=0.01) == -signal.SIGKILL
    assert ended_when(work, provider, CREATE) == -signal.SIGKILL
    done = ok(*work.arguments(provider, "--mode", "batch"), env=provider.env).json
    assert (done["left"], done["unknown"], done["failed"]) == (0, 0, 0)
    found = told(work.ledger)
    assert len({one["parent"] for one in found.children}) == len(found.children) == ROWS
    assert found.unknown == []
    assert provider.stats()["billed"] == provider.stats()["distinct"] == ROWS
    assert asked(provider, CREATE) == 2
    again = ok(*work.arguments(provider, "--mode", "batch"), env=provider.env).json
    assert (again["requests"], again["reused"]) == (0, ROWS)
    assert found.paid == provider.usd() == Decimal(again["spent_usd"])
    assert found.kinds["batch_submitted"] == 2


def test_ctrl_c_leaves_the_batch_at_the_provider(provider: Provider, tmp_path: Path) -> None:
    """The command ends at once and says what is left; run again, it hands nothing in and answers everything."""
    provider.config(batch_seconds=3.0)
    work = job(tmp_path, 20)
    began = time.monotonic()
    assert ended_when(work, provider, "GET /v1/messages/batches/ID", by=signal.SIGINT) == 73
    assert time.monotonic() - began < 10
    done = ok(*work.arguments(provider, "--mode", "batch"), env=provider.env).json
    assert (done["accepted"] + done["reused"], done["left"], done["unknown"]) == (20, 0, 0)
    assert asked(provider, CREATE) == 1
    assert provider.stats()["billed"] == 20


def test_a_batch_makes_the_same_log_whenever_it_runs(provider: Provider, tmp_path: Path) -> None:
    """The same samples, replies and faults make the same events, in whatever order the provider tells results."""
    logs = []
    for name in ("one", "two"):
        provider.reset(faults=[{"kind": "item_errored", "share": 0.3, "times": 1}])
        (tmp_path / name).mkdir()
        work = job(tmp_path / name, 40)
        ok(*work.arguments(provider, "--mode", "batch"), env=provider.env)
        found = told(work.ledger)
        logs.append((found.kinds, found.children, found.sent, [one["call"] for one in found.replies], found.failures))
    assert logs[0] == logs[1]
