"""`ledger near-misses`: a table to look at, pages that go on where the last one ended, and clear refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import Answer, ok, run
from tests.judged import LOW, decide, ingested, score, taken
from tests.small import chat, write


@pytest.fixture
def judged(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger with five rejected samples and one that only just passed."""
    rows = [("asm", {"quality": f"0.4{n}"}) for n in range(4)] + [
        ("cpp", {"quality": "0.3"}),
        ("cpp", {"quality": "0.51"}),
    ]
    taken(ledger, tmp_path / "in.jsonl", rows)
    decide(ledger, LOW)
    return ledger


def ask(ledger: Ledger, *arguments: object) -> Answer:
    """Run `ledger near-misses`, which must succeed."""
    return ok("--ledger", ledger.path, "near-misses", *arguments)


def test_json_is_the_answer_of_the_door(judged: Ledger) -> None:
    """Each option is an argument of it."""
    assert ask(judged, "--json").json == judged.near_misses()
    asked = ask(judged, "--json", "--campaign", "c", "--domain", "asm", "--rule", "low_quality", "--limit", 2).json
    assert asked == judged.near_misses("c", domain="asm", rule="low_quality", limit=2)
    assert ask(judged, "--accepted", "--json").json == judged.near_misses(accepted=True)


def test_pages_follow_one_another(judged: Ledger) -> None:
    """What is printed under a page is the place that the next one begins at, though it begins with a minus sign."""
    seen: list[str] = []
    after: list[str] = []
    for _ in range(3):
        out = ask(judged, "--limit", 2, *after).out
        rows = [line for line in out.split("\n\n")[0].splitlines()[1:] if line]
        seen += [row.split()[0] for row in rows]
        after = out.split("more with ")[1].split() if "more with" in out else []
    assert after == []
    full = [ok("--ledger", judged.path, "show", short, "--json").json["sample"] for short in seen]
    assert full == [one["sample"] for one in judged.near_misses()["near_misses"]]
    assert ask(judged, "--limit", 2, "--after=-0.08@999").code == 0


def test_a_table_for_people(judged: Ledger) -> None:
    """Margin, what was observed and asked for, and how the prompt begins, nearest first."""
    head, first, *_ = ask(judged).out.splitlines()
    assert head.split()[:7] == ["id", "domain", "reason", "margin", "observed", "threshold", "score"]
    assert first.split()[1:7] == ["asm", "low_quality", "-0.07", "0.43", "0.5", "0.43"]
    assert first.endswith("question 3 of in.jsonl")
    assert ask(judged, "--accepted").out.splitlines()[1].split()[1:4] == ["cpp", "default", "0.01"]


def test_nothing_near_is_said(ledger: Ledger) -> None:
    """In a sentence, not as an empty table."""
    assert ask(ledger).out == "no rejected sample is near to another outcome\n"
    assert ask(ledger, "--accepted").out == "no accepted sample is near to another outcome\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--after", "x"], 4, "is not where a page of near-misses ends"),
        (["--after", "1@-1"], 4, "take the `next` of an answer"),
        (["--campaign", "d"], 4, "There is no campaign 'd'; there are c"),
        (["--limit", 10**6], 4, "limit"),
        (["--limit", "0"], 2, "from 1 on"),
        (["--limit", "x"], 2, "is not a whole number"),
        (["--limit", 2**60], 2, "whole number"),
        (["extra"], 2, "unexpected extra argument"),
    ],
)
def test_a_bad_question_is_refused(judged: Ledger, arguments: list[object], code: int, said: str) -> None:
    """In words that help, with nothing on stdout and nothing written."""
    before = judged.path.read_bytes()
    answer = run("--ledger", judged.path, "near-misses", *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err
    assert judged.path.read_bytes() == before


def test_hostile_prompts_stay_in_their_line(ledger: Ledger, tmp_path: Path) -> None:
    """Line ends and escapes of a prompt neither break the table nor reach the terminal."""
    ids = ingested(ledger, write(tmp_path / "in.jsonl", chat("a\r\nb\x1b[2J\u202ec" * 50, "a")))
    score(ledger, {one: {"quality": 0.1} for one in ids})
    decide(ledger, LOW)
    out = ask(ledger).out
    assert len(out.splitlines()) == 2
    assert not set(out) & set("\x1b\u202e\r")
