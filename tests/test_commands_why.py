"""`ledger why`."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands._words import OMISSIONS
from ledger import Ledger
from ledger.exporters import eligibility
from tests.cli import ok


@pytest.fixture
def released(toolset: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger with one release."""
    toolset.project("kto-interleaved", tmp_path / "out.jsonl")
    return toolset


def test_json_is_what_the_ledger_answers(released: Ledger) -> None:
    """--json prints the dict of Ledger.why, with every key that the contract names."""
    sample = released.log(limit=1000)[2]["event"]

    answer = ok("--ledger", released.path, "why", sample, "--json").json

    assert answer == released.why(sample)
    promised = ("sample", "status", "label", "origin", "decisions", "duplicates", "lineage", "releases", "events")
    assert set(promised) <= set(answer)


def test_a_row_left_out_for_a_conflict_is_explained(released: Ledger) -> None:
    """The story names the file, the reason, what the reason means, and the twin with the other label."""
    omitted = released.omissions("out.jsonl", "conflict")[0]["sample"]

    out = ok("--ledger", released.path, "why", omitted).out

    assert "left out of out.jsonl: conflict" in out
    assert OMISSIONS["conflict"] in out
    assert "with the opposite label" in out
    assert "nobody has decided" in out


def test_a_row_that_is_used_is_found_in_the_file(released: Ledger, tmp_path: Path) -> None:
    """The line that is named is the line where the sample's text stands."""
    sample = next(
        event["event"]
        for event in released.log(limit=1000)
        if event["kind"] == "ingested" and released.why(event["event"])["releases"][0]["row"] == 4
    )

    out = ok("--ledger", released.path, "why", sample).out

    assert "line 5 of out.jsonl" in out
    prompt = released.show(sample)["content"]["prompt"][0]["content"]
    assert prompt.split("\n")[0][:20] in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()[4]


def test_decisions_are_told_with_who_and_whether_they_stand(released: Ledger) -> None:
    """A decision that was replaced and one in force are told apart."""
    sample = released.log(limit=1000)[2]["event"]
    ok("--ledger", released.path, "accept", sample, "--actor", "anna", "--reason", "fine")
    ok("--ledger", released.path, "reject", sample, "--actor", "bert", "--reason", "not [red]so[/red] fine")

    out = ok("--ledger", released.path, "why", sample).out

    assert "is rejected" in out
    first, second = (line for line in out.splitlines() if "(person, cli)" in line)
    assert "accepted by anna" in first
    assert "not in force" in first
    assert "rejected by bert" in second
    assert "not [red]so[/red] fine  in force" in second


def test_every_reason_for_an_omission_has_its_clause() -> None:
    """What the exporters can say, the command line can explain."""
    assert set(OMISSIONS) == set(eligibility.OMISSIONS)
