"""`ledger improve`, as people run it, against a provider on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import PROGRAM, environment, ok, run
from tests.provider.handle import Provider
from tests.small import chat, write
from tests.working import spec_file

pytest_plugins = ("tests.provider.fixture",)

MODEL = "claude-haiku-5-5"


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """Return a ledger's path that holds twelve chats."""
    path = tmp_path / "ledger.db"
    with Ledger.init(path) as ledger:
        rows = [chat(f"how do I fold map number {n} of the set", f"answer {n}", label=False) for n in range(12)]
        ledger.ingest([write(tmp_path / "in.jsonl", *rows)], campaign="maps")
    return path


def asked(verb: str, path: Path, spec: Path, provider: Provider, *more: object) -> list[object]:
    """Return the arguments of a verb that asks."""
    where = ("--where", "label == 'false'", "--model", MODEL, "--base-url", provider.url, "--budget", "1")
    return [verb, "--ledger", path, "--spec", spec, *where, *more]


def test_improving_says_what_became_of_each_sample(filled: Path, tmp_path: Path, provider: Provider) -> None:
    """The sum, what it cost, and the same again for nothing; what it says is what the provider billed."""
    spec = spec_file(tmp_path)
    answer = ok(*asked("improve", filled, spec, provider, "--json")).json
    parts = ("accepted", "rejected", "failed", "unknown", "reused", "skipped", "left")
    assert answer["planned"] == 12 == sum(answer[part] for part in parts)
    assert answer["accepted"] == 12
    assert answer["cost_usd"] == str(provider.usd().normalize())
    again = ok(*asked("improve", filled, spec, provider)).out
    assert "12 samples = 0 accepted + 0 rejected + 0 failed + 0 unknown + 12 reused + 0 skipped + 0 left  ✓" in again
    assert "$0 for 0 requests" in again
    assert provider.stats()["billed"] == 12


def test_a_dry_run_asks_nobody(filled: Path, tmp_path: Path, provider: Provider) -> None:
    """It says how many samples would be asked about."""
    dry = ok(*asked("improve", filled, spec_file(tmp_path), provider, "--dry-run")).out
    assert "12 samples = 12 asked + 0 reused + 0 skipped" in dry
    assert provider.stats()["billed"] == 0


def test_a_budget_that_does_not_do_is_an_exit_code_of_its_own(filled: Path, tmp_path: Path, provider: Provider) -> None:
    """What came is recorded and told; the hint says that the same command goes on."""
    done = run(*asked("improve", filled, spec_file(tmp_path), provider, "--budget", "0.000001", "--json"))
    assert done.code == 73
    assert (done.json["stopped"], done.json["left"]) == ("budget", 12)
    assert "12 of 12 samples are left" in done.err
    assert provider.stats()["billed"] == 0


@pytest.mark.parametrize(
    ("more", "env", "code"),
    [
        ((), {"ANTHROPIC_API_KEY": ""}, 69),
        (("--model", "claude-nobody-1"), {}, 71),
        (("--base-url", "http://127.0.0.1:9"), {}, 76),
        (("--price", "cheap"), {}, 4),
        (("--budget", "lots"), {}, 4),
        (("--spec", "no-such-spec"), {}, 20),
        (("--where", "label = 1"), {}, 47),
    ],
)
def test_what_cannot_work_leaves_the_ledger_as_it_was(
    filled: Path, tmp_path: Path, provider: Provider, more: tuple[str, ...], env: dict[str, str], code: int
) -> None:
    """Each cause has its exit code, and a next step; nothing is recorded."""
    before = filled.read_bytes()
    done = run(*asked("improve", filled, spec_file(tmp_path), provider, *more), env=env)
    assert done.code == code, done.err
    assert filled.read_bytes() == before


def test_a_wrong_key_stops_the_work(filled: Path, tmp_path: Path, provider: Provider) -> None:
    """The first call tells; nobody has failed for it, and the key stands nowhere."""
    provider.config(key="sk-right")
    wrong = {"ANTHROPIC_API_KEY": "sk-wrong"}
    done = run(*asked("improve", filled, spec_file(tmp_path), provider, "--json"), env=wrong)
    assert (done.code, done.json["stopped"], done.json["left"]) == (73, "not_allowed", 12)
    assert "sk-wrong" not in done.out + done.err
    assert b"sk-wrong" not in filled.read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_drains_and_the_next_run_goes_on(
    filled: Path, tmp_path: Path, provider: Provider, number: signal.Signals
) -> None:
    """What is under way comes to its end; nothing is lost and nothing is paid twice."""
    command = [str(part) for part in asked("improve", filled, spec_file(tmp_path), provider, "--concurrency", "2")]
    process = subprocess.Popen(
        [*PROGRAM, *command, "--json"], env=environment(**os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while provider.stats()["billed"] < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    answer = json.loads(out)
    assert (process.returncode, answer["stopped"], answer["unknown"]) == (73, "interrupted", 0), err.decode()
    assert 2 <= answer["accepted"] < 12
    rest = ok(*command, "--json").json
    assert (rest["reused"], rest["left"]) == (answer["accepted"], 0)
    assert provider.stats()["billed"] == 12
