"""`ledger families`: members, ties and the way between two, for people and for programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import ok, program, run
from tests.logs import improve, line, log_rows
from tests.scoring import take_in
from tests.small import samples, write
from tests.test_views_near import like


@pytest.fixture
def kin(ledger: Ledger, tmp_path: Path) -> list[str]:
    """Return two near texts, a child of the first with a prompt of its own, and one alone."""
    ledger.ingest(write(tmp_path / "a.jsonl", like(1), like(1, 2), like(5)), campaign="c")
    one, two, alone = samples(ledger)
    ledger.duplicates(0.6)
    (child,) = improve(ledger, one, [line("another prompt", "better")])
    return [one, two, child, alone]


def test_json_is_the_answer_of_the_door(ledger: Ledger, kin: list[str]) -> None:
    """With one id, with two, and as of a moment."""
    one, two, child, _ = kin
    asked = ("--ledger", ledger.path, "families")
    assert ok(*asked, one, "--json").json == ledger.families(one)
    assert ok(*asked, two, child, "--json").json == ledger.families(two, child)
    assert {"sample", "family", "members", "ties", "path"} <= set(ledger.families(two, child))
    assert ok(*asked, one, two, "--as-of", 3, "--json").json == ledger.families(one, two, as_of=3)


def test_a_table_for_people(ledger: Ledger, kin: list[str]) -> None:
    """Each member with its prompt, status and source, and what ties different prompts."""
    one, two, child, alone = kin
    out = ok("--ledger", ledger.path, "families", one).out
    ids = ledger.short(kin)
    assert out.splitlines()[0].endswith("3 samples")
    for sample, source in ((one, "a.jsonl (c)"), (two, "a.jsonl (c)"), (child, "derived (c)")):
        (row,) = [text for text in out.splitlines() if text.split()[:1] == [ids[sample]]]
        assert row.endswith(source)
    assert ids[alone] not in out
    similarity = ledger.families(one, two)["path"][0]["similarity"]
    assert "what ties different prompts" in out
    assert f": near, {similarity:.3f}" in out
    assert ": improved @" in out


def test_the_way_between_two(ledger: Ledger, kin: list[str]) -> None:
    """Ties in turn, one prompt, or no family."""
    one, two, child, alone = kin
    asked = ("--ledger", ledger.path, "families")
    way = ok(*asked, two, child).out.splitlines()[1:3]
    assert [": near, " in way[0], ": improved @" in way[1]] == [True, True]
    assert "they have one prompt" in ok(*asked, one, one).out
    assert "no family: nothing ties them" in ok(*asked, one, alone).out


def test_a_group_is_named(ledger: Ledger, kin: list[str]) -> None:
    """A tie by the tag `group` stands there with its event."""
    one, *_, alone = kin
    at = ok("--ledger", ledger.path, "tag", one, alone, "--set", "group=lesson", "--json").json["events"]
    out = ok("--ledger", ledger.path, "families", alone).out
    assert out.splitlines()[0].endswith("4 samples")
    assert any(f": group @{position}" in out for position in at)


def test_names_in_data_cannot_steer_a_terminal(ledger: Ledger, tmp_path: Path) -> None:
    """Sources and campaigns are shown without what turns the reading order; no colour in a pipe or with NO_COLOR."""
    (one,) = take_in(ledger, tmp_path, [line("\x1b[31mp", "\u202ea")], "\u202eback\u2066wards", "\u2067odd")
    asked = ("--ledger", ledger.path, "families", one)
    for answer in (ok(*asked), ok(*asked, "--json"), program(*asked, cwd=tmp_path, env={"NO_COLOR": "1"})):
        assert not {*"\x1b\x07\u202e\u2066\u2067"} & {*answer.out, *answer.err}


def test_refusals(ledger: Ledger, kin: list[str]) -> None:
    """An id that is not there, in either place, and a moment that is not; nothing is appended, as by any answer."""
    before = log_rows(ledger.path)
    for wrong in (["f" * 64], [kin[0], "f" * 64], [kin[0], "--as-of", "999"], ["\x1b[31m"]):
        done = run("--ledger", ledger.path, "families", *wrong)
        assert (done.code != 0, done.out) == (True, "")
        assert done.err
        assert "\x1b" not in done.err
    assert run("--ledger", ledger.path, "families").code == 2
    ok("--ledger", ledger.path, "families", kin[0])
    assert log_rows(ledger.path) == before
