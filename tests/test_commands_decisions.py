"""`ledger accept`, `reject`, `defer`, `relabel`, `tag` and `withdraw`: one commit, by id, with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger import Ledger
from tests.cli import Answer, ok, run


def _ids(ledger: Ledger, count: int) -> list[str]:
    return [event["event"] for event in ledger.log(limit=1000) if event["kind"] == "ingested"][:count]


def _do(ledger: Ledger, *arguments: object, stdin: str | None = None) -> Answer:
    return ok("--ledger", ledger.path, *arguments, stdin=stdin)


@pytest.mark.parametrize(
    ("verb", "options", "status"),
    [
        ("accept", [], "accepted"),
        ("accept", ["--reason", "good"], "accepted"),
        ("reject", ["--reason", "bad"], "rejected"),
        ("defer", ["--reason", "later"], "pending"),
    ],
)
def test_a_decision_sets_the_status_once(toolset: Ledger, verb: str, options: list[str], status: str) -> None:
    """The samples stand as was decided; the same decision again appends nothing."""
    ids = _ids(toolset, 3)

    first = _do(toolset, verb, *(one[:10] for one in ids), *options, "--json").json
    events = toolset.status()["events"]
    again = _do(toolset, verb, *ids, *options, "--json").json

    assert (first["samples"], first["changed"], first["unchanged"]) == (3, 3, 0)
    assert (again["changed"], again["unchanged"]) == (0, 3)
    assert {toolset.why(one)["status"] for one in ids} == {status}
    assert toolset.status()["events"] == events


def test_people_see_what_was_recorded_and_how_to_take_it_back(toolset: Ledger) -> None:
    """The position that is printed is one that withdraw takes."""
    sample = _ids(toolset, 1)[0]

    out = _do(toolset, "reject", sample, "--reason", "no").out
    position = next(word for word in out.split() if word.startswith("@"))

    assert "1 sample = 1 changed + 0 unchanged  ✓" in out
    assert "1 event = 1 changed" in _do(toolset, "withdraw", position).out
    assert toolset.why(sample)["status"] == "pending"


def test_rejecting_needs_a_reason(toolset: Ledger) -> None:
    """Without --reason it is a usage error and nothing is decided."""
    answer = run("--ledger", toolset.path, "reject", _ids(toolset, 1)[0])

    assert answer.code == 2
    assert "--reason" in answer.err


@pytest.mark.parametrize("form", ["lines", "bom-crlf", "json-lines", "texts", "document"])
def test_ids_come_from_standard_input(toolset: Ledger, form: str) -> None:
    """One id a line, JSON lines with `sample`, a JSON list, or an answer that holds a list of them."""
    ids = _ids(toolset, 3)
    text = {
        "lines": "\n".join(ids) + "\n\n",
        "bom-crlf": "\ufeff" + "\r\n".join(ids),
        "json-lines": "".join(json.dumps({"sample": one, "reason": "x"}) + "\n" for one in ids),
        "texts": json.dumps(ids, indent=1),
        "document": json.dumps({"view": "x", "omissions": [{"sample": one} for one in ids]}),
    }[form]

    done = _do(toolset, "accept", "-", "--json", stdin=text).json

    assert done["changed"] == 3
    assert {toolset.why(one)["status"] for one in ids} == {"accepted"}


def test_arguments_and_standard_input_mix(toolset: Ledger) -> None:
    """`-` stands for the ids on standard input, wherever it stands; a sample named twice is one."""
    first, second, third = _ids(toolset, 3)

    done = _do(toolset, "accept", first, "-", third, "--json", stdin=f"{second}\n{first}\n").json

    assert done["samples"] == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "No ids were given"),
        (b"\n \n", "No ids were given"),
        (b"[]", "No ids were given"),
        (b"abcdef12 34567890\n", "Line 1 of standard input holds 2 words"),
        (b'{"sample": "abcdef12"\n', "Line 1 of standard input is not JSON"),
        (b'{"event": "abcdef12"}\n', "without 'sample'"),
        (b"[1]", "without 'sample'"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"abc\x00def12\n", "is not an id"),
        (b"\x1b[31mabcdef\n", "is not an id"),
    ],
)
def test_bad_standard_input_changes_nothing(toolset: Ledger, text: bytes, says: str) -> None:
    """What is not a list of ids is refused with a message that can be read safely."""
    before = toolset.status()["head"]

    answer = run("--ledger", toolset.path, "accept", "-", stdin=text)

    assert answer.code == 4
    assert says in answer.err
    assert "\x1b" not in answer.err
    assert toolset.status()["head"] == before


def test_one_id_that_is_not_there_stops_all(toolset: Ledger) -> None:
    """Nothing is half done."""
    before = toolset.status()["head"]

    answer = run("--ledger", toolset.path, "accept", _ids(toolset, 1)[0], "00000000")

    assert answer.code == 23
    assert toolset.status()["head"] == before


def test_relabel_changes_the_label_alone(toolset: Ledger) -> None:
    """The label is what was asked for, and the status stays."""
    sample = _ids(toolset, 1)[0]

    _do(toolset, "relabel", sample, "--label", "true", "--reason", "it is right")

    assert (toolset.show(sample)["label"], toolset.show(sample)["status"]) == (True, "pending")
    assert run("--ledger", toolset.path, "relabel", sample, "--label", "maybe").code == 2


def test_tags_are_set_and_removed(toolset: Ledger) -> None:
    """--set and --remove, one of them at a time."""
    sample = _ids(toolset, 1)[0]

    _do(toolset, "tag", sample, "--set", "persona=a=b")
    assert toolset.show(sample)["tags"] == {"persona": "a=b"}
    _do(toolset, "tag", sample, "--remove", "persona")
    assert toolset.show(sample)["tags"] == {}
    _do(toolset, "tag", sample, "--set", "perfect")
    assert toolset.show(sample)["tags"] == {"perfect": "true"}

    for wrong in ([], ["--set", "a=b", "--remove", "a"], ["--set", "=b"], ["--set", " "]):
        assert run("--ledger", toolset.path, "tag", sample, *wrong).code == 2


def test_withdraw_takes_event_ids_from_a_log(toolset: Ledger) -> None:
    """`ledger log ID --json` can be piped through a filter into `ledger withdraw -`."""
    sample = _ids(toolset, 1)[0]
    _do(toolset, "accept", sample)
    events = _do(toolset, "log", sample, "--json").json["events"][1:]

    done = _do(toolset, "withdraw", "-", "--reason", "mistake", "--json", stdin=json.dumps({"events": events})).json

    assert done["changed"] == 1
    assert toolset.why(sample)["status"] == "pending"


def test_an_expected_head_that_moved_is_refused(toolset: Ledger) -> None:
    """--expected-head lets a decision through only where nothing was appended since."""
    head = toolset.status()["head"]["position"]
    first, second = _ids(toolset, 2)

    _do(toolset, "accept", first, "--expected-head", head)
    answer = run("--ledger", toolset.path, "accept", second, "--expected-head", head)

    assert answer.code == 19
    assert toolset.why(second)["status"] == "pending"


def test_a_stretch_of_events_is_withdrawn_at_once(toolset: Ledger) -> None:
    """What the answer to a decision tells to type takes all of it back."""
    ids = _ids(toolset, 5)
    told = _do(toolset, "reject", *ids, "--reason", "short").out
    typed = told[told.index("ledger withdraw ") :].split()[2]
    report = _do(toolset, "withdraw", typed, "--json").json

    assert (report["changed"], report["unchanged"]) == (5, 0)
    assert {toolset.why(one)["status"] for one in ids} == {"pending"}
    assert run("--ledger", toolset.path, "withdraw", "@1-x").code == 4


def test_ids_come_out_of_list_omitted_and_into_reject(toolset: Ledger, tmp_path: Path) -> None:
    """What stands behind a tab is not part of an id, so one command's list is another's input."""
    listed = _do(toolset, "project", "kto-interleaved", "-o", tmp_path / "k.jsonl", "--list-omitted", "conflict").out
    report = _do(toolset, "reject", "-", "--reason", "conflict", "--json", stdin=listed).json

    assert report["changed"] == len(listed.splitlines()) == 32


def test_two_tags_at_once_are_refused(toolset: Ledger) -> None:
    """A second --set is not dropped in silence."""
    answer = run("--ledger", toolset.path, "tag", _ids(toolset, 1)[0], "--set", "a=1", "--set", "b=2")

    assert answer.code == 2
    assert "once" in answer.err


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("accept", []),
        ("reject", ["--reason", "old"]),
        ("defer", []),
        ("relabel", ["--label", "none"]),
        ("tag", ["--set", "seen=yes"]),
    ],
)
def test_samples_are_chosen_by_a_condition(toolset: Ledger, verb: str, options: list[str]) -> None:
    """--where and --campaign stand in the place of ids; --dry-run says how many and records nothing."""
    events = toolset.status()["events"]
    wanted = toolset.status()["by_label"]["false"]
    chosen = ["--where", "label == false", "--campaign", "toolset"]

    tried = _do(toolset, verb, *options, *chosen, "--dry-run", "--json").json
    assert toolset.status()["events"] == events
    done = _do(toolset, verb, *chosen, *options, "--json").json

    assert tried == {"samples": wanted, "changed": wanted, "unchanged": 0, "events": []}
    assert {**done, "events": []} == tried
    assert len(done["events"]) == wanted
    assert toolset.log(limit=wanted + 2)[0]["says"]["params"]["where"] == "label == false"


def test_a_dry_run_says_so(toolset: Ledger) -> None:
    """People see that nothing was recorded."""
    out = _do(toolset, "accept", _ids(toolset, 1)[0], "--dry-run").out

    assert "1 sample = 1 changed + 0 unchanged  ✓" in out
    assert "nothing was recorded (--dry-run)" in out
    assert "withdraw" not in out


def test_a_condition_that_chooses_nothing_is_no_error(toolset: Ledger) -> None:
    """No sample, no event, exit code 0."""
    answer = _do(toolset, "accept", "--where", "domain == 'nowhere'", "--json").json

    assert answer == {"samples": 0, "changed": 0, "unchanged": 0, "events": []}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 4, "No ids were given, and no selection"),
        (["abcdef12", "--where", "label == true"], 4, "give one of the two"),
        (["abcdef12", "--campaign", "toolset"], 4, "give one of the two"),
        (["--campaign", "other"], 4, "There is no campaign 'other'"),
        (["--where", "label is true"], 47, "The condition does not read"),
        (["--where", "label == true) or (label == false"], 47, "The condition does not read"),
        (["--where", "label == '\x1b[31m'"], 4, "a control character"),
        (["-", "--where", "label == true"], 4, "No ids were given: standard input holds none"),
    ],
)
def test_what_is_no_selection_changes_nothing(toolset: Ledger, arguments: list[str], code: int, says: str) -> None:
    """Ids and a condition together, neither, and what is no condition: refused, with what to do."""
    before = toolset.status()["head"]

    answer = run("--ledger", toolset.path, "accept", *arguments, stdin="\n")

    assert (answer.code, says in answer.err, "\x1b" in answer.err) == (code, True, False), answer.err
    assert toolset.status()["head"] == before
