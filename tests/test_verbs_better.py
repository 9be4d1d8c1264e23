"""Rescoring: a new version is accepted only where the policy says that it is better than the one before."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from ledger.agents.contract import Call, Failure
from ledger.errors import BadRequest, ModelUnknown, NoPolicy
from ledger.recipes import Judge, load_rubric
from ledger.verbs.asking import Engine
from ledger.verbs.engine import How, Past
from ledger.verbs.rescore import asked_of
from tests.small import chat, samples, write
from tests.test_verbs_judge_model import rubric, scored
from tests.working import COST, WORST, Answer, Model, clearer, prompted, row_of, spec_file

POLICY = """
name = "plain"
headline = "plain"
default = "accept"

[[rule]]
name = "too_plain"
reject = "plain < 2"
"""
RULE = '[[rule]]\nname = "huge"\nreject = "prompt_chars > 100000"\n'


@pytest.fixture
def four(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of four chats under a policy whose headline is a judge's."""
    rows = [chat(f"question {n}", f"answer {n}", label=False) for n in range(4)]
    ledger.ingest([write(tmp_path / "in.jsonl", *rows)], campaign="c")
    first = Model(lambda *_: scored(3))
    ledger.judge(rubric(tmp_path), campaign="c", model="m", opener=first.opener)
    (tmp_path / "policy.toml").write_text(POLICY)
    ledger.decide(str(tmp_path / "policy.toml"))
    return ledger


def improve(ledger: Ledger, folder: Path, model: Model, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Improve everything that was ingested, and rescore it."""
    named = {"where": "label == 'false'", "rescore": str(rubric(folder)), "model": "m", "concurrency": 1}
    return ledger.improve(spec_file(folder), **{**named, "opener": model.opener, **options})


def by_number(scores: dict[str, Answer]) -> Model:
    """Return a model that improves everything, and judges a child by the number in its question."""

    def script(call: Call, attempt: int) -> Answer:
        if "scores" in call.request["system"][0] or "rubric" in call.request["system"][0]:
            return scores[prompted(call).rstrip("?").rsplit(" ", 1)[1]]
        return clearer(call, attempt)

    return Model(script)


def status_of(ledger: Ledger) -> dict[str, tuple[str, str]]:
    """Return parent's number -> (status, reason) of each child."""
    births = [event["event"] for event in ledger.log(limit=999) if event["kind"] == "improved"]
    shown = {one: ledger.show(one)["content"]["prompt"][0]["content"] for one in births}
    rows = {one: row_of(ledger, one) for one in births}
    return {said.rstrip("?").rsplit(" ", 1)[1]: (rows[one].status, rows[one].reason) for one, said in shown.items()}


def test_only_what_is_better_is_accepted(four: Ledger, tmp_path: Path) -> None:
    """Higher and accepted: accepted. Equal, or rejected by a rule: rejected. Not judged: nothing is decided."""
    model = by_number({"0": scored(5), "1": scored(3), "2": scored(1), "3": "no score"})
    done = improve(four, tmp_path, model)
    assert (done["planned"], done["accepted"], done["rejected"], done["unknown"]) == (4, 1, 2, 1)
    assert done["by_failure"] == {"not_better": 2}
    assert done["decided"] == {"accepted": 1, "rejected": 2, "unknown": 1}
    stood = status_of(four)
    assert {number: status for number, (status, _) in stood.items()} == {
        "0": "accepted",
        "1": "rejected",
        "2": "rejected",
        "3": "pending",
    }
    says = [event["says"] for event in four.log(limit=999) if event["says"].get("authority") == "agent"]
    assert [(one["rule"], one["reason"]) for one in says] == [
        ("default", "better: plain 5, and 3 before"),
        (None, "not_better: plain 3, and 3 before"),
        ("too_plain", "not_better: plain 1, and 3 before"),
    ]
    assert says[1]["details"] == {"after": "3", "before": "3", "headline": "plain"}
    assert four.verify()["ok"]


def test_rescored_again_nothing_is_decided_twice(four: Ledger, tmp_path: Path) -> None:
    """The same command appends nothing; what could not be judged is judged again only where that is asked for."""
    improve(four, tmp_path, by_number({"0": scored(5), "1": scored(3), "2": scored(1), "3": "no score"}))
    before = four.status()
    done = improve(four, tmp_path, Model())
    assert (done["reused"], done["requests"], done["decided"]) == (4, 0, {"unknown": 1})
    assert four.status() == before
    more = improve(four, tmp_path, by_number({"3": scored(4)}), retry_failed=True)
    assert (more["decided"], status_of(four)["3"][0]) == ({"accepted": 1}, "accepted")


def test_what_died_before_rescoring_is_rescored_by_the_next_run(four: Ledger, tmp_path: Path) -> None:
    """Children without a decision are found again, whichever run made them."""
    four.improve(spec_file(tmp_path), where="label == 'false'", model="m", concurrency=1, opener=Model().opener)
    done = improve(four, tmp_path, by_number({str(n): scored(5) for n in range(4)}))
    assert (done["reused"], done["accepted"], done["decided"]) == (4, 0, {"accepted": 4})


def test_a_person_stands_above(four: Ledger, tmp_path: Path) -> None:
    """What somebody has decided about a child is not decided again."""
    four.improve(spec_file(tmp_path), samples(four)[:1], model="m", opener=Model().opener)
    child = next(event["event"] for event in four.log(limit=999) if event["kind"] == "improved")
    four.reject([child], reason="no")
    done = improve(four, tmp_path, by_number({str(n): scored(5) for n in range(4)}))
    assert done["decided"] == {"accepted": 3}
    assert row_of(four, child).reason == "no"


def test_a_scorer_of_the_program_rescores_both_sides(four: Ledger, tmp_path: Path) -> None:
    """It costs nothing, and measures the new versions and those before them, and nothing else."""
    (tmp_path / "policy.toml").write_text('name = "long"\nheadline = "prompt_chars"\ndefault = "accept"\n' + RULE)
    four.decide(str(tmp_path / "policy.toml"))
    done = improve(four, tmp_path, Model(), rescore="length", limit=2)
    scored_by = [event for event in four.log(limit=999) if event["says"].get("scorer") == "length"]
    assert len(scored_by) == 4
    assert (done["accepted"], done["requests"]) == (2, 2)


def test_without_a_policy_nothing_is_better(four: Ledger, tmp_path: Path) -> None:
    """It is said before anything is sent; so is a policy that names no headline."""
    model = Model()
    (tmp_path / "policy.toml").write_text('name = "mute"\ndefault = "accept"\n' + RULE)
    four.decide(str(tmp_path / "policy.toml"))
    with pytest.raises(BadRequest, match="headline"):
        improve(four, tmp_path, model)
    with Ledger.init(tmp_path / "other.db") as other, pytest.raises(NoPolicy):
        improve(other, tmp_path, model)
    assert model.opened == 0


def test_a_budget_holds_for_both_steps(four: Ledger, tmp_path: Path) -> None:
    """What improving leaves is what judging may spend; where it does not do, the rest waits for the next run."""
    model = by_number({str(n): scored(5) for n in range(4)})
    done = improve(four, tmp_path, model, budget="0.0185")
    assert (done["stopped"], done["accepted"] + done["unknown"]) == ("budget", 4)
    more = improve(four, tmp_path, model, budget=1)
    assert more["stopped"] is None
    assert {status for status, _ in status_of(four).values()} == {"accepted"}


def test_a_provider_that_fails_the_judge_rejects_nobody(four: Ledger, tmp_path: Path) -> None:
    """Unknown is no number: the children are as they were."""
    model = by_number({str(n): Failure("overloaded", "it is overloaded") for n in range(4)})
    done = improve(four, tmp_path, model)
    assert (done["unknown"], done["rejected"]) == (4, 0)
    assert json.dumps(done["decided"]) == '{"unknown": 4}'


def test_where_a_campaign_has_no_policy_nothing_can_be_told(ledger: Ledger, tmp_path: Path) -> None:
    """What it made is unknown, in this run and in the next; what another campaign made is decided all the same."""
    for name, numbers in (("c", range(2)), ("d", range(2, 4))):
        rows = [chat(f"question {n}", f"answer {n}", label=False) for n in numbers]
        ledger.ingest([write(tmp_path / f"{name}.jsonl", *rows)], campaign=name)
        ledger.judge(rubric(tmp_path), campaign=name, model="m", opener=Model(lambda *_: scored(3)).opener)
    (tmp_path / "policy.toml").write_text(POLICY)
    ledger.decide(str(tmp_path / "policy.toml"), campaign="c")
    done = improve(ledger, tmp_path, by_number({str(n): scored(5) for n in range(4)}))
    assert (done["accepted"], done["unknown"], done["decided"]) == (2, 2, {"accepted": 2, "unknown": 2})
    assert {number: status for number, (status, _) in status_of(ledger).items()} == {
        "0": "accepted",
        "1": "accepted",
        "2": "pending",
        "3": "pending",
    }
    before = ledger.status()
    again = improve(ledger, tmp_path, Model())
    assert (again["reused"], again["requests"], again["decided"]) == (4, 0, {"unknown": 2})
    assert ledger.status() == before
    assert ledger.verify()["ok"]


def test_one_budget_holds_for_both_steps_of_all_runs(ledger: Ledger, tmp_path: Path) -> None:
    """What a judge spent on pairs that are decided since counts too, and the report tells all that was spent."""
    rows = [chat(f"question {n}", f"answer {n}", label=False) for n in range(30)]
    ledger.ingest([write(tmp_path / "in.jsonl", *rows)], campaign="c")
    (tmp_path / "policy.toml").write_text(POLICY)
    ledger.decide(str(tmp_path / "policy.toml"))
    paid = 0
    for limit in (8, 16, None, None):
        model = by_number({str(n): scored(5) for n in range(30)})
        done = improve(ledger, tmp_path, model, budget="0.045", limit=limit)
        paid += model.paid
        assert Decimal(done["spent_usd"]) == paid * COST <= Decimal("0.045")
    assert done["stopped"] == "budget"
    assert paid * COST + WORST > Decimal("0.045")


def test_a_judge_of_its_own_is_asked_at_its_own_price(tmp_path: Path) -> None:
    """What was said of the writer's price and effort holds for a judge that is the same model, and for no other."""
    text = rubric(tmp_path).read_text(encoding="utf-8")
    own = Judge(load_rubric(f'model = "m"\n{text}', "own.toml"))
    other = Judge(load_rubric(f'model = "dearer"\n{text}', "other.toml"))
    how = How("m", price="0.1/0.4", effort="low")
    assert asked_of(own, how) == how
    assert asked_of(other, how) == How("dearer")


def test_a_judge_that_cannot_be_opened_is_found_before_anything_is_paid(four: Ledger, tmp_path: Path) -> None:
    """The refusal leaves the ledger as it was; where nothing is left to ask, nobody is opened."""
    model = by_number({str(n): scored(5) for n in range(4)})
    other = tmp_path / "other.toml"
    other.write_text(f'model = "absent"\n{rubric(tmp_path).read_text(encoding="utf-8")}', encoding="utf-8")

    @asynccontextmanager
    async def opener(how: How, past: Past) -> AsyncIterator[tuple[Engine, Mapping[str, str]]]:
        if how.model == "absent":
            raise ModelUnknown("here", how.model, "there is none")
        async with model.opener(how, past) as opened:
            yield opened

    before = four.status()
    with pytest.raises(ModelUnknown):
        improve(four, tmp_path, model, rescore=str(other), opener=opener)
    assert (model.paid, four.status()) == (0, before)
    improve(four, tmp_path, model)
    opened = model.opened
    improve(four, tmp_path, model)
    assert model.opened == opened


def test_judging_is_counted_to_the_run_that_made_what_was_judged(four: Ledger, tmp_path: Path) -> None:
    """Two runs make two results each: the judge took as much for either, and a result costs what both took."""
    model = by_number({str(n): scored(5) for n in range(4)})
    for _ in range(2):
        done = improve(four, tmp_path, model, limit=2 if model.paid == 0 else None)
        assert done["stopped"] is None
    runs = list(dict.fromkeys(str(one["run"]) for one in four.log(limit=999) if one["kind"] == "improved"))
    assert len(runs) == 2
    (whole,) = four.gains()["recipes"]
    parts = [four.gains(run=f"@{run}")["recipes"][0] for run in runs]
    assert [Decimal(one["judged_usd"]) for one in parts] == [Decimal(whole["judged_usd"]) / 2] * 2
    assert Decimal(whole["judged_usd"]) > 0
    took = Decimal(whole["cost_usd"]) + Decimal(whole["judged_usd"])
    assert Decimal(whole["cost_per_result_usd"]) == took / 4
