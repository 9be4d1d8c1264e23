"""Judging by a model: scores with the reply as evidence, reasons instead of numbers, and agreement with people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.agents.contract import Call, Failure
from ledger.errors import BadRequest, SpecInvalid
from tests.logs import store_of
from tests.small import chat, samples, write
from tests.working import Answer, Model, prompted

RUBRIC = """
name = "plain"
version = 1
about = "how plain an answer is"
instructions = "Judge how plain the answer is."
output = 200

[scale]
least = 1
most = 5

[dimension.plain]
about = "how plain it is"
""" + "".join(
    f'[[dimension.plain.anchor]]\nvalue = {value}\ntext = "{text}"\n'
    for value, text in enumerate(("not at all", "hardly", "by half", "mostly", "fully"), 1)
)


def rubric(folder: Path, text: str = RUBRIC) -> Path:
    """Write a rubric and return its path."""
    path = folder / "plain.toml"
    path.write_text(text, encoding="utf-8")
    return path


def scored(value: object, note: str = "short words") -> str:
    """Return a judge's answer."""
    return json.dumps({"notes": {"plain": note}, "scores": {"plain": value}})


@pytest.fixture
def three(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of three chats."""
    ledger.ingest(
        [write(tmp_path / "in.jsonl", *(chat(f"question {n}", f"answer {n}") for n in range(3)))], campaign="c"
    )
    return ledger


def judge(ledger: Ledger, folder: Path, model: Model, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Judge everything."""
    named = {} if "calibrate" in options else {"campaign": "c"}
    return ledger.judge(rubric(folder), model="m", concurrency=1, opener=model.opener, **{**named, **options})


def test_a_score_names_the_reply_as_its_evidence(three: Ledger, tmp_path: Path) -> None:
    """Scorer, version with the model, rubric, note; the evidence is the stored reply, byte for byte."""
    done = judge(three, tmp_path, Model(lambda *_: scored(4)))
    assert (done["planned"], done["accepted"], done["requests"]) == (3, 3, 3)
    assert done["dimensions"]["plain"] == {"n": 3, "mean": "4.0000", "min": "4", "max": "4", "unscored": 0}
    says = [event["says"] for event in three.log(limit=99) if event["kind"] == "scored"]
    assert {one["scorer"] for one in says} == {"plain"} == {done["scorer"]}
    assert {one["scorer_version"] for one in says} == {done["version"]}
    assert done["version"].endswith("anthropic m")
    assert {f"b3:{one['rubric']}" for one in says} == {done["rubric"]}
    assert says[0]["notes"] == [["plain", "short words"]]
    found = store_of(three).find_blobs(bytes.fromhex(says[0]["evidence"]), bytes.fromhex(says[0]["evidence"]))
    assert json.loads(store_of(three).body(found[0][1]) or b"")["content"][0]["text"] == scored(4)
    assert three.verify()["ok"]


def test_judged_again_nothing_is_sent(three: Ledger, tmp_path: Path) -> None:
    """What has a score, or a reason for having none, by this rubric and model is known; another model is another."""
    judge(three, tmp_path, Model(lambda *_: scored(4)))
    before, model = three.status(), Model()
    done = judge(three, tmp_path, model)
    assert (done["reused"], done["requests"], model.opened, three.status()) == (3, 0, 0, before)
    other = Model(lambda *_: scored(2))
    assert three.judge(rubric(tmp_path), campaign="c", model="n", opener=other.opener)["accepted"] == 3


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("5/5", "not_json"),
        (scored(9), "wrong_shape"),
        (scored(value=True), "wrong_shape"),
        (scored("5"), "wrong_shape"),
        (scored(3, ""), "too_short"),
        (json.dumps({"notes": {"plain": "x"}}), "wrong_shape"),
        (json.dumps({"content": [], "stop_reason": "refusal"}).encode(), "refused"),
        (Failure("timed_out", "no reply"), "timed_out"),
    ],
)
def test_what_could_not_be_judged_is_no_number(three: Ledger, tmp_path: Path, answer: Answer, reason: str) -> None:
    """It is unscored, with the reason, and pending as before: a judge that fails says nothing about the sample."""
    done = judge(three, tmp_path, Model(lambda *_: answer), limit=1)
    assert (done["failed"], done["by_failure"]) == (1, {reason: 1})
    shown = three.show(samples(three)[0])
    assert shown["status"] == "pending"
    says = [event["says"] for event in three.log(limit=99) if event["kind"] == "unscored"]
    assert [one["reason"] for one in says] == [reason]
    assert judge(three, tmp_path, Model(), limit=1)["reused"] == 1
    assert judge(three, tmp_path, Model(lambda *_: scored(3)), limit=1, retry_failed=True)["accepted"] == 1


def test_a_judge_whose_sample_is_erased_says_nothing(three: Ledger, tmp_path: Path) -> None:
    """No score of what nobody can read any more."""

    def script(_call: Call, _attempt: int) -> Answer:
        with Ledger.open(three.path) as other:
            other.erase(samples(three)[:1], reason="asked for", authority="me", yes=True)
        return scored(4)

    done = judge(three, tmp_path, Model(script), limit=1)
    assert (done["accepted"], done["failed"]) == (0, 1)
    assert three.verify()["ok"]


def test_a_judge_is_held_against_people(three: Ledger, tmp_path: Path) -> None:
    """The samples that people scored are judged, and the answer says how far both agree."""
    ids = samples(three)
    people = tmp_path / "people.jsonl"
    said = [{"sample": ids[0], "scores": {"plain": 4}}, {"sample": ids[2], "scores": {"plain": 2}}]
    people.write_text("".join(json.dumps(one) + "\n" for one in said))
    model = Model(lambda call, _: scored(4 if prompted(call) == "question 0" else 3))
    done = judge(three, tmp_path, model, calibrate=people)
    assert (done["planned"], done["accepted"]) == (2, 2)
    agreed = done["calibration"]
    assert (agreed["labelled"], agreed["judged"], agreed["dimensions"]["plain"]["exact"]) == (2, 2, 0.5)
    people.write_text("{}\n")
    with pytest.raises(SpecInvalid):
        judge(three, tmp_path, model, calibrate=people)
    with pytest.raises(BadRequest):
        three.judge(rubric(tmp_path), campaign="c")


def test_a_dry_run_says_what_contradicts_in_a_rubric(three: Ledger, tmp_path: Path) -> None:
    """Nothing is asked; how many would be, and the faults of the rubric."""
    done = judge(three, tmp_path, Model(), dry_run=True)
    assert (done["asked"], [one["kind"] for one in done["lint"]]) == (3, ["no_examples"])


def test_what_cannot_be_judged_is_asked_anew_each_time(three: Ledger, tmp_path: Path) -> None:
    """However often it fails in the same way: each failure is an event, so the next attempt is another question."""
    for times in range(1, 5):
        model = Model(lambda *_: "no score")
        done = judge(three, tmp_path, model, limit=1, retry_failed=times > 1)
        assert (done["failed"], done["requests"], done["found"]) == (1, model.paid, 0)
        assert model.paid == 3
        says = [event["says"] for event in three.log(limit=99) if event["kind"] == "unscored"]
        assert [one["reason"] for one in says] == ["not_json"] * times
    assert judge(three, tmp_path, Model(lambda *_: scored(4)), limit=1, retry_failed=True)["accepted"] == 1
    assert three.verify()["ok"]
