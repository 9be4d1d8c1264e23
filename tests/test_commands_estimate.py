"""`ledger estimate`, as people type it."""

from __future__ import annotations

from pathlib import Path

from tests.cli import ok, run
from tests.provider.handle import Provider
from tests.provider.jobs import CAMPAIGN, MODEL, job

pytest_plugins = ("tests.provider.fixture",)


def command(folder: Path, provider: Provider, rows: int = 8) -> list[object]:
    """Return the command that estimates the job of a new ledger."""
    made = job(folder, rows)
    given = ("--ledger", made.ledger, "estimate", "improve", "--spec", made.spec, "--campaign", CAMPAIGN)
    return [*given, "--model", MODEL, "--base-url", provider.url]


def test_it_says_what_each_way_costs(provider: Provider, tmp_path: Path) -> None:
    """Low, likely and high for each way, the way that the options mean, and how tokens are known."""
    asked = command(tmp_path, provider)
    answer = ok(*asked)
    lines = answer.out.splitlines()
    assert lines[0] == f"improve memories with {MODEL}: 8 samples to ask about"
    assert "(counted)" in lines[1]
    assert "(stated)" in lines[2]
    rows = {line.split()[0]: line.split() for line in lines if line.strip().startswith(("live", "cached", "batch"))}
    assert list(rows) == ["live", "cached", "batch", "batch_warm"]
    assert rows["live"][1] == "*"
    assert "24.0 h" in answer.out or "1.0 d" in answer.out
    said = ok(*asked, "--json").json
    assert said["ways"]["live"]["usd"]["likely"] in answer.out
    assert provider.stats()["billed"] == 0


def test_a_pilot_asks_first(provider: Provider, tmp_path: Path) -> None:
    """No answer is a no; a yes pays and says what it cost; --yes does not ask."""
    asked = command(tmp_path, provider)
    no = ok(*asked, "--pilot", 5, stdin="n\n")
    assert "5 samples will be asked about, for about $" in no.err
    assert "pilot" not in no.out
    assert provider.stats()["billed"] == 0
    yes = ok(*asked, "--pilot", 5, stdin="y\n")
    assert "the pilot cost $" in yes.out
    assert "(seen)" in yes.out
    assert provider.stats()["billed"] == 5
    rest = ok(*asked, "--pilot", 5, "--yes", "--json").json
    assert (rest["pilot"]["accepted"], rest["samples"], rest["reused"]) == (3, 0, 8)
    assert provider.stats()["billed"] == 8


def test_offline_asks_nobody(provider: Provider, tmp_path: Path) -> None:
    """Tokens are told from bytes, and the answer says so."""
    answer = ok(*command(tmp_path, provider), "--offline")
    assert "tokens are told from bytes: nobody was to be asked" in answer.out
    assert provider.stats()["requests"] == 0


def test_what_is_not_there_is_refused(provider: Provider, tmp_path: Path) -> None:
    """A spec and a model that there are none of: what is wrong and what to do, and nothing is sent."""
    asked = command(tmp_path, provider)
    for more in (("--spec", "no-such-spec"), ("--model", "claude-nothing")):
        answer = run(*asked, *more)
        assert answer.code not in {0, 1}
        assert answer.err.startswith("error: ")
        assert "next: " in answer.err
