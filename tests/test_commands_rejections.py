"""`ledger rejections`: everything at a glance on a terminal, the same as JSON, and as one page that stands whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from commands._page import page
from ledger import Ledger
from tests.cli import Answer, ok, program, run, without_powers
from tests.judged import LOW, decide, ingested, rejected_line, score, taken
from tests.small import chat, names, write


@pytest.fixture
def judged(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger with rejections of two reasons in two domains."""
    rows: list[Any] = [("asm", {"quality": n / 10}) for n in range(8)] + [("cpp", {"quality": "0.49"}), (None, {})]
    ids = taken(ledger, tmp_path / "in.jsonl", rows)
    decide(ledger, LOW)
    ledger.reject(ids[-1:], reason="dull")
    return ledger


def ask(ledger: Ledger, *arguments: object) -> Answer:
    """Run `ledger rejections`, which must succeed."""
    return ok("--ledger", ledger.path, "rejections", *arguments)


def test_json_is_the_whole_answer(judged: Ledger) -> None:
    """The same as of the Python API, under the promised keys."""
    answer = ask(judged, "--json").json
    assert answer == judged.rejections()
    assert {
        "total",
        "by_reason",
        "by_domain",
        "by_reason_domain",
        "closest",
        "histogram",
        "scored",
        "recommendations",
    } <= (answer.keys())
    assert (answer["total"], answer["by_reason"]) == (7, {"low_quality": 6, "person": 1})
    assert answer["histogram"].keys() == {"edges", "counts"}


def test_people_see_counts_that_add_up(judged: Ledger) -> None:
    """The sum with its tick, reasons, domains, both, the closest, the spread, and settings to try as they stand."""
    out = ask(judged).out
    assert "7 of 10 samples are rejected (70.0 %), 3 accepted" in out
    assert "7 rejected samples = 6 low_quality + 1 person  ✓" in out
    for title in (
        "by reason",
        "by domain",
        "by reason and domain",
        "closest to passing",
        "spread of quality",
        "what could be",
    ):
        assert f"\n{title}" in out
    assert "0.9 to 1" in out
    assert "6 scored (1 without a score): mean 0.248, from 0.000 to 0.490" in out
    tried = [line.split("--set ")[1] for line in out.splitlines() if "ledger whatif --set" in line]
    assert tried == ["domain.asm.min_quality=0.4", "domain.cpp.min_quality=0.49"]
    for setting in tried:
        assert ok("--ledger", judged.path, "whatif", "--set", setting, "--json").json["flips"]["to_accepted"] == 1


def test_the_closest_can_be_shown_by_the_ids_that_are_printed(judged: Ledger) -> None:
    """As many as asked for, nearest first; each id names its sample."""
    lines = ask(judged, "--limit", 2).out.split("closest to passing\n")[1].split("\n\n")[0].splitlines()
    assert len(lines) == 3
    shown = [ok("--ledger", judged.path, "show", line.split()[0], "--json").json["sample"] for line in lines[1:]]
    assert shown == [one["sample"] for one in judged.rejections(limit=2)["closest"]]
    assert "none has a margin" in ask(judged, "--limit", 0).out


def test_nothing_to_show_is_said(ledger: Ledger) -> None:
    """An empty ledger has two lines and no headings."""
    out = ask(ledger).out
    assert out.splitlines()[0] == "0 of 0 samples are rejected, 0 accepted"
    assert "policy none adopted" in out
    assert "by reason" not in out
    assert ask(ledger, "--json").json["total"] == 0


def test_an_earlier_moment_and_what_is_due(judged: Ledger) -> None:
    """`--as-of` is a position or a time; a policy that nobody decided by is said to be due."""
    before = judged.status()["head"]["position"]
    (first, *_) = judged.near_misses()["near_misses"]
    score(judged, {first["sample"]: {"quality": 1}}, version="2")
    assert "1 of them the policy in force would not reject: run `ledger decide`" in ask(judged).out
    assert ask(judged, "--as-of", before, "--json").json["due"] == 0
    answer = run("--ledger", judged.path, "rejections", "--as-of", 10**6)
    assert (answer.code, answer.out) == (25, "")


def test_a_campaign_is_named_or_refused(judged: Ledger) -> None:
    """One that there is not is refused with those that there are, and no page is written."""
    assert "of the campaign c are rejected" in ask(judged, "--campaign", "c").out
    target = judged.path.with_name("page.html")
    answer = run("--ledger", judged.path, "rejections", "--campaign", "d", "--html", target)
    assert (answer.code, answer.out) == (4, "")
    assert "There is no campaign 'd'" in answer.err
    assert not target.exists()


# --- the page


def test_the_page_stands_whole_and_is_told(judged: Ledger, tmp_path: Path) -> None:
    """Its bytes are those of the answer's page; stdout says where it is, as JSON too; nothing is left beside it."""
    target = tmp_path / "out" / "page.html"
    target.parent.mkdir()
    expected = page(judged.rejections()).encode()
    told = ask(judged, "--html", target)
    assert target.read_bytes() == expected
    assert told.out.splitlines() == [f"{target}  7 rejected samples, {len(expected) / 1000:,.1f} kB"]
    answer = ask(judged, "--html", target, "--json").json
    assert answer["html"] == {"path": str(target), "bytes": len(expected)}
    assert {key: value for key, value in answer.items() if key != "html"} == judged.rejections()
    assert names(target.parent) == ["page.html"]


def test_a_page_takes_the_place_of_an_older_one(judged: Ledger, tmp_path: Path) -> None:
    """Whole: the same question later writes another page over it."""
    target = tmp_path / "page.html"
    target.write_text("<!doctype html>" + "an older page " * 10_000)
    ask(judged, "--html", target, "--campaign", "c")
    assert target.read_text().startswith("<!DOCTYPE html>")
    assert target.read_text().endswith("</html>\n")


def test_a_page_needs_a_file_that_can_be_written(judged: Ledger, tmp_path: Path) -> None:
    """Not stdout, a folder, a folder that is not there, or the ledger itself; nothing changes."""
    before = judged.path.read_bytes()
    for target, code in (("-", 2), (tmp_path, 17), (tmp_path / "no" / "page.html", 17), (judged.path, 17), ("", 17)):
        answer = run("--ledger", judged.path, "rejections", "--html", target)
        assert (answer.code, answer.out) == (code, ""), target
        assert "Traceback" not in answer.err
    assert "the page needs a file; --json prints the same to stdout" in run("rejections", "--html", "-").err
    assert judged.path.read_bytes() == before
    assert not [name for name in names(tmp_path) if name.endswith((".tmp", ".html"))]


def test_a_page_that_may_not_be_written(judged: Ledger, shared: Path) -> None:
    """A folder without permission is a refusal in one line, and an older page stays."""
    target = shared / "page.html"
    target.write_text("<!DOCTYPE html>older")
    shared.chmod(0o555)
    answer = program(
        "--ledger", judged.path, "rejections", "--html", target, cwd=judged.path.parent, before=without_powers
    )
    shared.chmod(0o755)
    assert answer.code == 17
    assert "Permission denied" in answer.err
    assert names(shared) == ["page.html"]
    assert target.read_text() == "<!DOCTYPE html>older"


def test_only_a_page_is_written_over(judged: Ledger, tmp_path: Path) -> None:
    """A file that is something else stays as it was; an empty one is taken."""
    target = tmp_path / "precious.txt"
    target.write_text("precious")
    assert run("--ledger", judged.path, "rejections", "--html", target).code == 17
    assert target.read_text() == "precious"
    target.write_text("")
    assert run("--ledger", judged.path, "rejections", "--html", target).code == 0


def test_nothing_is_written_by_asking(judged: Ledger) -> None:
    """Neither an event nor a byte of the file, whatever is asked."""
    before = judged.path.read_bytes()
    ask(judged)
    ask(judged, "--campaign", "c", "--json")
    ask(judged, "--html", judged.path.with_name("page.html"))
    assert judged.path.read_bytes() == before


@pytest.mark.parametrize(("limit", "code"), [("-1", 2), ("x", 2), ("1.5", 2), ("", 2), (10**9, 4)])
def test_a_limit_that_is_no_number_is_refused(judged: Ledger, limit: object, code: int) -> None:
    """In words, before anything is counted."""
    answer = run("--ledger", judged.path, "rejections", "--limit", limit)
    assert (answer.code, answer.out) == (code, "")
    assert "imit" in answer.err


def test_hostile_text_steers_no_terminal(ledger: Ledger) -> None:
    """Domains and prompts with escapes and marks of direction are written out."""
    lines = [{**chat("\x1b[31m\u202e</script>", "a"), "domain": "a\x1b]0;x\x07"}]
    ids = ingested(ledger, write(ledger.path.with_name("in.jsonl"), *lines))
    score(ledger, {one: {"quality": 0.1} for one in ids})
    decide(ledger, LOW)
    for arguments in ([], ["--json"]):
        assert not set(ask(ledger, *arguments).out) & set("\x1b\x07\u202e")


def test_a_terminal_without_unicode_gets_signs(judged: Ledger) -> None:
    """Bars are made of letters where stdout is ASCII."""
    env = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    answer = program("--ledger", judged.path, "rejections", cwd=judged.path.parent, env=env)
    assert answer.code == 0
    assert answer.out.isascii()
    assert "####" in answer.out


def test_rejections_of_files_and_names_of_policies(ledger: Ledger, tmp_path: Path) -> None:
    """What files told is shown with their numbers; a policy of one campaign says whose it is."""
    taken(ledger, tmp_path / "in.jsonl", [("asm", {"quality": 0.1})])
    ledger.ingest(
        write(tmp_path / "r.jsonl", rejected_line("q", "low_diversity", 0.31, threshold=0.4)),
        campaign="old",
        decisions=True,
    )
    decide(ledger, replace(LOW, name="own"), campaign="c")
    out = ask(ledger).out
    assert "policy own (campaign c)" in out
    assert "-0.09" in out
    assert "They are close to other samples" in out
