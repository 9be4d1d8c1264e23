"""`ledger split`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, run
from tests.small import chat, samples, write


def test_every_sample_gets_a_split_that_never_moves(toolset: Ledger) -> None:
    """The parts add up to the samples; another ratio and seed later move nothing."""
    first = ok("--ledger", toolset.path, "split", "--ratio", "50/25/25", "--seed", "7", "--json").json
    again = ok("--ledger", toolset.path, "split", "--ratio", "0/0/100", "--seed", "8", "--json").json

    assert first["assigned"] == sum(first["by_split"].values()) == first["events"] == 120
    assert (again["assigned"], again["by_split"]) == (0, first["by_split"])


def test_people_see_a_sum_the_families_and_the_shares(toolset: Ledger) -> None:
    """The line adds up and says how many families there are; each split's share stands beside the one wanted."""
    out = ok("--ledger", toolset.path, "split", "--ratio", "50/25/25").out

    assert out.startswith("120 samples = ")
    assert "train +" in out
    assert "✓" in out
    assert "120 assigned now" in out
    assert "families" in out
    assert "share wanted" in out
    assert "50.00%" in out
    assert "strata" not in out


def test_strata_and_floors_are_tables(toolset: Ledger) -> None:
    """What was asked for stands with what was observed."""
    asked = ("--stratify", "label, tag:tier", "--floor", "train:label:true=10%", "--floor", "val:label:true=2")
    out = ok("--ledger", toolset.path, "split", *asked, "--dry-run").out

    assert "120 would be assigned" in out
    assert "label  tag:tier" in out
    assert "train:label:true=10%" in out
    assert "val:label:true=2" in out
    assert toolset.status()["by_split"] == {}


def test_twenty_strata_are_shown(ledger: Ledger, tmp_path: Path) -> None:
    """The rest is counted."""
    rows = [chat(f"q{n}", "a", domain=f"d{n:02}") for n in range(25)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    out = ok("--ledger", ledger.path, "split", "--stratify", "domain").out

    assert "d19" in out
    assert "d20" not in out
    assert "5 more" in out


def test_merged_families_are_reported_and_resolved(ledger: Ledger, tmp_path: Path) -> None:
    """Without --resolve they are counted, with it they are moved, once."""
    ledger.ingest(write(tmp_path / "a.jsonl", *(chat(f"q{n}", "a") for n in range(4))), campaign="a")
    ledger.split("50/50")
    by_split = {ledger.show(one)["split"]: one for one in samples(ledger)}
    question = ledger.show(by_split["val"])["content"]["prompt"][0]["content"]
    line = write(tmp_path / "line.jsonl", chat(question, "b"))
    ledger.edit(by_split["train"], line.read_bytes())

    assert "in more than one split" in ok("--ledger", ledger.path, "split").out
    assert "1 sample of merged families would be moved" in _resolve(ledger, "--dry-run")
    assert "1 sample of merged families moved" in _resolve(ledger)
    assert "merged" not in _resolve(ledger)


def _resolve(ledger: Ledger, *more: str) -> str:
    return ok("--ledger", ledger.path, "split", "--resolve", "held-out", *more).out


def test_another_ratio_than_last_time_is_noted(toolset: Ledger) -> None:
    """On stderr for people, for programs in the answer; not where it is the same."""
    ok("--ledger", toolset.path, "split", "--ratio", "98/2")

    assert "note: the last split of this ledger was made with --ratio 98/2" in ok("--ledger", toolset.path, "split").err
    assert "note" not in ok("--ledger", toolset.path, "split", "--ratio", "98/2/0").err
    assert ok("--ledger", toolset.path, "split", "--json").json["previous_ratio"] == "98/2"


def test_a_sample_is_pinned(toolset: Ledger) -> None:
    """By the beginning of its id; what is moved for a floor is said."""
    first, second = samples(toolset)[0], samples(toolset)[1]
    asked = ("--pin", f"{first[:16]}=test", "--pin", f"{second}=val", "--floor", "test:label:true=30")
    out = ok("--ledger", toolset.path, "split", "--ratio", "100/0", *asked).out

    assert "for a floor" in out
    assert (toolset.show(first)["split"], toolset.show(second)["split"]) == ("test", "val")


@pytest.mark.parametrize("ratio", ["90/5", "90/5/6", "a/b/c", "-90/95/95", ""])
def test_a_ratio_that_is_none_is_refused(toolset: Ledger, ratio: str) -> None:
    """Two or three percentages that add up to 100, nothing else."""
    assert run("--ledger", toolset.path, "split", "--ratio", ratio).code == 4
    assert toolset.status()["by_split"] == {}


def test_a_floor_that_cannot_be_met_has_an_exit_code_of_its_own(toolset: Ledger) -> None:
    """It says what could be reached, and records nothing."""
    answer = run("--ledger", toolset.path, "split", "--floor", "train:no such tag=1")

    assert answer.code == 53
    assert "train:no such tag=1 cannot be met: train reaches 0 samples" in answer.err
    assert "A weight does not help" in answer.err
    assert toolset.status()["by_split"] == {}
