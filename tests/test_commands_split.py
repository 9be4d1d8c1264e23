"""`ledger split`."""

from __future__ import annotations

from ledger import Ledger
from tests.cli import ok, run


def test_every_sample_gets_a_split_that_never_moves(toolset: Ledger) -> None:
    """The parts add up to the samples; another ratio and seed later move nothing."""
    first = ok("--ledger", toolset.path, "split", "--ratio", "50/25/25", "--seed", "7", "--json").json
    again = ok("--ledger", toolset.path, "split", "--ratio", "0/0/100", "--seed", "8", "--json").json

    assert first["assigned"] == sum(first["by_split"].values()) == 120
    assert (again["assigned"], again["by_split"]) == (0, first["by_split"])


def test_people_see_a_sum_and_the_families(toolset: Ledger) -> None:
    """The line adds up and says how many families there are."""
    out = ok("--ledger", toolset.path, "split").out

    assert out.startswith("120 samples = ")
    assert "train +" in out
    assert "✓" in out
    assert "120 assigned now" in out
    assert "families" in out


def test_a_ratio_that_is_none_is_refused(toolset: Ledger) -> None:
    """Three whole numbers that add up to 100, nothing else."""
    for ratio in ("90/5", "90/5/6", "a/b/c", "-90/95/95", ""):
        answer = run("--ledger", toolset.path, "split", "--ratio", ratio)

        assert answer.code == 4, ratio
    assert toolset.status()["by_split"] == {}
