"""`ledger why`."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from commands._words import OMISSIONS
from ledger import Ledger
from ledger.event import draft
from ledger.exporters import eligibility
from ledger.rule import Cap
from ledger.validators import RULES
from tests.cli import ok, run
from tests.judged import LOW, RELABEL, append, decide, ingested, row_of
from tests.scoring import find, give_up, score
from tests.small import chat, write


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


@pytest.fixture
def judged(ledger: Ledger, tmp_path: Path) -> tuple[Ledger, str]:
    """Return a sample of which much was said: scores, findings, a policy's decision and label, and its id."""
    (one,) = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a", label=True, domain="asm")))
    score(ledger, {one: {"quality": "0.2", "memory": "1"}})
    give_up(ledger, [one], "too_long", scorer="reader")
    find(ledger, {one: [["text/too_short", "error", "completion"], ["text/too_short", "warning", "completion"]]})
    decide(ledger, replace(LOW, labels=RELABEL.labels))
    return ledger, one


def test_the_story_tells_what_decided_and_what_would_flip_it(judged: tuple[Ledger, str]) -> None:
    """In order: from where, scores, findings, the deciding rule with its numbers, what else holds, what would help."""
    ledger, one = judged
    out = ok("--ledger", ledger.path, "why", one).out
    told = [
        "is rejected, label false",
        "came from a.jsonl line 1, campaign c, labelled true",
        "scored by judge@1: memory 1, quality 0.2",
        "scored by reader@1: could not tell everything (too_long)",
        "validators found 1 error and 1 warning: text/too_short",
        "rejected by low_quality: quality 0.2 < 0.5; margin -0.3  policy low",
        "labelled false by low_quality+no_memory: quality 0.2 < 0.5, memory 1 == 1; margin -0.3  policy low",
        "also holds: no_memory (1 against 1, margin 0)",
        "would be accepted if: --set domain.asm.min_quality=0.2, or quality >= 0.5 (it has 0.2)",
    ]
    places = [out.index(text) for text in told]
    assert places == sorted(places)


def test_the_setting_can_be_given_to_whatif(judged: tuple[Ledger, str]) -> None:
    """What the story names after --set works as it stands there."""
    ledger, one = judged
    out = ok("--ledger", ledger.path, "why", one).out
    setting = next(word for word in out.split() if word.startswith("domain.asm.")).rstrip(",")
    answer = ok("--ledger", ledger.path, "whatif", "--set", setting, "--json").json
    assert [each["sample"] for each in answer["examples"]] == [one]
    assert answer["flips"]["to_accepted"] == 1


def test_who_overrode_whom_and_how_to_take_it_back(judged: tuple[Ledger, str]) -> None:
    """A person over a policy, with what the policy has it, and the withdrawal that works."""
    ledger, one = judged
    at = ledger.accept([one], reason="read it twice")["events"][0]
    out = ok("--ledger", ledger.path, "why", one).out
    assert "accepted by tester, person: read it twice" in out
    assert "tester overrode the policy low, which has it rejected by low_quality" in out
    assert f"would be rejected if: `ledger withdraw @{at}`" in out
    ok("--ledger", ledger.path, "withdraw", f"@{at}")
    assert ledger.why(one)["status"] == "rejected"


def test_a_policy_that_says_otherwise_now(judged: tuple[Ledger, str]) -> None:
    """A score that came after the decision: the story says that deciding again would change something."""
    ledger, one = judged
    score(ledger, {one: {"quality": "0.9", "memory": "2"}}, scorer="second")
    out = ok("--ledger", ledger.path, "why", one).out
    assert "the policy in force, low, says otherwise now: accepted (default), label as it came" in out
    assert "`ledger decide` would record that" in out
    decide(ledger)
    out = ok("--ledger", ledger.path, "why", one).out
    assert "says otherwise now" not in out
    assert "accepted by default: no rule holds  policy low" in out
    assert "labelled true: no rule holds any more  policy low" in out


def test_it_cannot_be_told(ledger: Ledger, tmp_path: Path) -> None:
    """Where a number is missing, the story names the rule that cannot be told and the number that would tell it."""
    (one,) = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a")))
    decide(ledger, LOW)
    out = ok("--ledger", ledger.path, "why", one).out
    assert "deferred, as it cannot be told whether low_quality holds" in out
    assert "its status could be told if: quality a value" in out


def test_set_aside_for_a_better_one(ledger: Ledger, tmp_path: Path) -> None:
    """A cap: the place among its kind, the sample that stays, and how wide the cap would have to be."""
    first, second = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a"), chat("q", "a")))
    score(ledger, {first: {"quality": "0.7"}, second: {"quality": "0.9"}})
    decide(ledger, replace(LOW, caps=(Cap("once", "rejected", ("fingerprint",), 1, "quality"),)))
    out = ok("--ledger", ledger.path, "why", first).out
    assert "rejected by once (place 2)" in out
    assert f"set aside for {ledger.short([second])[second]} (similarity 1.000), which stays" in out
    assert "would be accepted if: --set cap.once.keep=2" in out


def test_a_setting_can_be_pasted_into_a_shell(ledger: Ledger, tmp_path: Path) -> None:
    """A name that needs quotes keeps them: what is shown is one word of a command line."""
    domain = "a.b c"
    (one,) = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a", domain=domain)))
    score(ledger, {one: {"quality": "0.2"}})
    decide(ledger, LOW)
    out = ok("--ledger", ledger.path, "why", one).out
    shown = next(line for line in out.splitlines() if "would be accepted if" in line)
    words = shlex.split(shown[shown.index("--set") : shown.index(", or ")])
    assert words == ["--set", ledger.why(one)["would_flip_if"][0]["set"]]
    assert ok("--ledger", ledger.path, "whatif", *words, "--json").json["flips"]["to_accepted"] == 1


def test_scores_and_findings_stand_below_the_story(judged: tuple[Ledger, str]) -> None:
    """Every dimension with its number, what was not measured with the reason, every finding with its sentence."""
    ledger, one = judged
    rows = [line.split() for line in ok("--ledger", ledger.path, "why", one).out.splitlines()]
    assert ["quality", "0.2"] in rows
    assert ["everything", "-", "too_long"] in rows
    sentence = RULES["text/too_short"].split()
    assert ["error", "text/too_short", "completion", *sentence] in rows


def test_an_earlier_moment(judged: tuple[Ledger, str]) -> None:
    """--as-of tells the story of then."""
    ledger, one = judged
    out = ok("--ledger", ledger.path, "why", one, "--as-of", 1).out
    assert "is pending, label true (from the envelope)" in out
    assert "low_quality" not in out
    assert ok("--ledger", ledger.path, "why", one, "--as-of", 1, "--json").json == ledger.why(one, 1)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("ffffffff",), "ffffffff"),
        (("no id",), "no id"),
        (("@1",), "@1"),
        (("",), ""),
        (("ffffffff", "--as-of", "x"), "x"),
    ],
)
def test_what_is_not_there(judged: tuple[Ledger, str], given: tuple[str, ...], told: str) -> None:
    """An id or a moment that does not exist is refused, named; nothing on stdout."""
    answer = run("--ledger", judged[0].path, "why", *given)
    assert (answer.code != 0, answer.out) == (True, "")
    assert answer.err.startswith("error: ") or "Error: " in answer.err
    assert told in answer.err


EVIL = "\x1b[2J\x07\r\u202e\u2066\u200b"
"""Clears the screen, rings, returns, turns the reading order round, and hides."""


def test_nothing_that_was_said_can_steer_the_terminal(ledger: Ledger, tmp_path: Path) -> None:
    """Whatever stands in events, by whatever program: it reaches the terminal written out, and JSON escaped."""
    place = tmp_path / f"a{EVIL}.jsonl"
    first, second = ingested(ledger, write(place, chat(EVIL, "a", label=True), chat(EVIL, "a", label=False)))
    row = row_of(ledger, first)
    about = {"sample": first, "version": row.hash.hex()}
    said = {"after": None, "authority": "import", "policy": None, "reason": EVIL, "rule": f"rule{EVIL}", **about}
    compared = [[f"what{EVIL}", "<", "1", "2", "-1"]]
    failed = [[f"other{EVIL}", "1", "2", "-1"]]
    details = {"compared": compared, "failed": failed, "components": [[EVIL, "1"]], "unknown": [EVIL], "twin": second}
    scored = {"dimensions": [[f"dim{EVIL}", "1"]], "notes": [[f"dim{EVIL}", EVIL]], "unscored": [["rest", EVIL]]}
    by = {
        "after": None,
        "evidence": None,
        "replicate": 0,
        "rubric": None,
        "scorer": f"by{EVIL}",
        "scorer_version": EVIL,
    }
    found = {"after": None, "findings": [[EVIL, "error", EVIL]], "schema": None, "validators": [[EVIL, EVIL]]}
    tag = {"after": None, "authority": "person", "key": EVIL, "policy": None, "reason": EVIL, "value": EVIL}
    drafts = [
        draft("rejected", row.sample, row.version, {**said, "details": details}),
        draft("relabeled", row.sample, row.version, {**said, "details": details, "label": False}),
        draft("scored", row.sample, row.version, {**by, **scored, **about}),
        draft("found", row.sample, row.version, {**found, **about}),
        draft("tagged", row.sample, None, {**tag, "sample": first}),
    ]
    append(ledger, drafts)
    out = ok("--ledger", ledger.path, "why", first).out
    assert not set(EVIL) - set("[2J") & set(out)
    assert "rule\\x1b[2J\\x07\\x0d\\u202e\\u2066\\u200b" in out
    answer = ok("--ledger", ledger.path, "why", first, "--json")
    assert not set(EVIL) - set("[2J") & set(answer.out)
    assert answer.json == ledger.why(first)
    assert answer.json["deciding"]["rule"] == f"rule{EVIL}"


def test_every_reason_for_an_omission_has_its_clause() -> None:
    """What the exporters can say, the command line can explain."""
    assert set(OMISSIONS) == set(eligibility.OMISSIONS)
