"""Improve: children by a model's fields, one end for every sample, and the same command going on where it was."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.agents.contract import Call, Failure, Stopped
from ledger.errors import BadRequest, HeadMoved, NoPolicy
from ledger.transaction import Clock, system_clock
from ledger.verbs import job
from tests.logs import Ticks, folded, store_of, tables
from tests.small import chat, samples, write
from tests.working import COST, SPEC, WORST, Answer, Killed, Model, clearer, key, prompted, spec_file

PARTS = ("accepted", "rejected", "failed", "unknown", "reused", "skipped", "left")


def filled(folder: Path, count: int = 4, clock: Clock = system_clock) -> Ledger:
    """Return a ledger of a few chats."""
    made = Ledger.init(folder / "ledger.db", clock=clock)
    rows = [chat(f"question {n}", f"answer {n}", label=False, domain="d", tags={"n": str(n)}) for n in range(count)]
    made.ingest([write(folder / "in.jsonl", *rows)], campaign="c")
    return made


def improve(ledger: Ledger, folder: Path, model: Model, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Improve everything that was ingested."""
    options = {"where": "label == 'false'", "model": "m", "concurrency": 1, **options}
    done = ledger.improve(spec_file(folder), opener=model.opener, **options)
    assert done["planned"] == sum(done[part] for part in PARTS)
    return done


def kinds(ledger: Ledger) -> Counter[str]:
    """Return how many events of each kind there are."""
    return Counter(event["kind"] for event in ledger.log(limit=10**6))


@pytest.fixture
def four(tmp_path: Path) -> Ledger:
    """Return a ledger of four chats."""
    return filled(tmp_path)


def test_a_result_is_a_child_with_all_that_its_parent_had(four: Ledger, tmp_path: Path) -> None:
    """Campaign and domain are the parent's, label and tags as the spec says; recipe, request, usage and cost stand."""
    done = improve(four, tmp_path, Model())
    assert (done["planned"], done["accepted"], done["requests"], done["cost_usd"]) == (4, 4, 4, "0.004")
    events = [event for event in four.log(limit=999) if event["kind"] == "improved"]
    parent = four.show(samples(four)[0])
    shown = four.show(events[0]["event"])
    assert (shown["origin"]["campaign"], shown["domain"], shown["label"]) == ("c", "d", True)
    assert shown["tags"] == {"derivation": "improved", "n": "0"}
    assert shown["status"] == "pending"
    says = events[0]["says"]
    assert (says["parent"], says["version"]) == (parent["sample"], parent["version"][3:])
    assert says["recipe"] == done["recipe"][3:]
    assert (says["cost"], says["usage"]["prompt"]) == ("0.001", 10)
    assert len(says["request"]) == 64
    content = four.show(events[0]["event"])["content"]
    assert content["prompt"][0]["content"] == "Please tell me clearly: question 0?"
    assert content["completion"][0]["content"] == "answer 0"
    assert four.verify()["ok"]


def test_every_step_is_in_the_log_in_its_order(four: Ledger, tmp_path: Path) -> None:
    """Planned, then for each sample: sent, stored, derived; the run ends with the sum."""
    improve(four, tmp_path, Model())
    said = [event["kind"] for event in four.log(limit=999)][5 + 1 :]
    each = ["request_sent", "reply_stored", "improved"]
    assert said == ["run_started", "work_planned", *(each * 4), "run_finished"]
    counts = four.log(limit=1)[0]["says"]["counts"]
    assert counts["planned"] == 4 == sum(counts[part] for part in PARTS)


def test_run_again_it_sends_nothing_and_appends_nothing(four: Ledger, tmp_path: Path) -> None:
    """What has an end is left alone; nobody needs to be asked, so no provider is opened."""
    improve(four, tmp_path, Model())
    before, model = four.status(), Model()
    done = improve(four, tmp_path, model)
    assert (done["reused"], done["requests"], done["cost_usd"], done["spent_usd"]) == (4, 0, "0", "0.004")
    assert (model.opened, four.status()) == (0, before)


def test_a_recipe_does_not_improve_what_it_made(four: Ledger, tmp_path: Path) -> None:
    """A campaign holds the children too; they are no samples of the same work."""
    assert improve(four, tmp_path, Model(), where=None, campaign="c")["planned"] == 4
    assert improve(four, tmp_path, Model(), where=None, campaign="c")["planned"] == 4


def test_a_wrong_reply_is_asked_about_twice_more(four: Ledger, tmp_path: Path) -> None:
    """The model hears what was wrong; then the original stands, with a last failure that says why."""
    told: list[list[str]] = []

    def script(call: Call, _attempt: int) -> Answer:
        told.append(call.request["again"])
        return '{"prompt": "ab"}' if prompted(call) == "question 1" else clearer(call, 1)

    done = improve(four, tmp_path, Model(script))
    assert (done["accepted"], done["failed"], done["by_failure"]) == (3, 1, {"too_short": 1})
    assert [len(again) for again in told if again] == [1, 2]
    shown = four.show(samples(four)[1])
    assert shown["status"] == "errored"
    ends = [event for event in four.log(limit=999) if event["kind"] == "attempt_failed"]
    assert [(end["says"]["failure"], end["says"]["final"], end["says"]["attempt"]) for end in ends] == [
        ("too_short", True, 1)
    ]
    assert done["cost_usd"] == "0.006"


@pytest.mark.parametrize(
    ("answer", "kind", "requests"),
    [
        ("no JSON at all", "not_json", 3),
        ("", "empty", 3),
        ('{"prompt": "question 0"}', "unchanged", 3),
        ('{"prompt": "a longer text", "more": "x"}', "unknown_field", 3),
        ('["prompt"]', "wrong_shape", 3),
        (json.dumps({"content": [], "stop_reason": "refusal"}).encode(), "refused", 1),
        (json.dumps({"content": [{"text": "{"}], "stop_reason": "max_tokens"}).encode(), "cut", 3),
        (b"\xff\x00not JSON", "empty", 3),
        (Failure("bad_request", "it is refused"), "bad_request", 2),
        (Failure("timed_out", "no reply"), "timed_out", 2),
        (Failure("reply_lost", "the connection broke"), "reply_lost", 2),
    ],
)
def test_each_failure_is_of_its_kind(tmp_path: Path, answer: Answer, kind: str, requests: int) -> None:
    """Whatever comes or does not come: it is recorded, the sample has one end, and the original stands."""
    ledger = filled(tmp_path, 1)
    done = improve(ledger, tmp_path, Model(lambda *_: answer))
    assert (done["failed"], done["by_failure"], done["requests"]) == (1, {kind: 1}, requests)
    assert ledger.show(samples(ledger)[0])["status"] == "errored"
    assert ledger.status()["by_status"]["errored"] == 1
    if kind in {"timed_out", "reply_lost"}:
        assert Decimal(done["spent_usd"]) == 2 * WORST
    assert ledger.verify()["ok"]


def test_an_end_stands_until_it_is_to_be_tried_again(four: Ledger, tmp_path: Path) -> None:
    """A failure is no work for the next run; with retry_failed it is asked anew, and a success ends it."""
    bad = Model(lambda *_: "no JSON")
    assert improve(four, tmp_path, bad)["failed"] == 4
    assert improve(four, tmp_path, Model())["reused"] == 4
    done = improve(four, tmp_path, Model(), retry_failed=True)
    assert (done["accepted"], done["requests"]) == (4, 4)
    assert four.status()["by_status"]["errored"] == 0
    again = improve(four, tmp_path, Model(), retry_failed=True)
    assert (again["reused"], again["requests"]) == (4, 0)


def test_a_decision_stands_above_a_failure(four: Ledger, tmp_path: Path) -> None:
    """Old or new, a decision is the status; withdrawn, the failure shows."""
    ids = samples(four)
    four.accept(ids[:1])
    improve(four, tmp_path, Model(lambda *_: "no JSON"))
    four.reject(ids[1:2], reason="no")
    assert [four.show(one)["status"] for one in ids] == ["accepted", "rejected", "errored", "errored"]
    for event in four.log(limit=999):
        if event["kind"] in {"accepted", "rejected"}:
            four.withdraw([event["event"]])
    assert four.status()["by_status"]["errored"] == 4
    four.edit(ids[0], json.dumps(chat("another question", "a")).encode())
    assert four.show(ids[0])["status"] == "pending"


def test_a_text_that_is_rejected_or_labelled_false_elsewhere_is_refused(four: Ledger, tmp_path: Path) -> None:
    """An improved text that teaches what is known to be wrong contradicts the ledger; each kind of it is noticed."""
    wrong = [chat("Please tell me clearly: question 0?", "answer 0", label=False)]
    rejected = [chat("Please tell me clearly: question 1?", "answer 1", label=True)]
    four.ingest([write(tmp_path / "w.jsonl", *wrong, *rejected)], campaign="other")
    four.reject(samples(four)[-1:], reason="bad")
    done = improve(four, tmp_path, Model(), campaign="c")
    assert (done["accepted"], done["by_failure"]) == (2, {"contradiction": 2})


def test_an_erased_text_does_not_come_in_again(four: Ledger, tmp_path: Path) -> None:
    """What was erased is refused as a result, at once."""
    improve(four, tmp_path, Model(), limit=1)
    (child,) = [event["event"] for event in four.log(limit=999) if event["kind"] == "improved"]
    four.erase([child], reason="asked for", authority="me", yes=True)
    other = tmp_path / "other"
    other.mkdir()
    done = four.improve(
        spec_file(other, spec_file(tmp_path).read_text().replace("anew", "afresh")),
        samples(four)[:1],
        model="m",
        opener=Model().opener,
    )
    assert done["by_failure"] == {"erased": 1}


def test_erasing_a_sample_takes_every_reply_about_it_too(four: Ledger, tmp_path: Path) -> None:
    """The replies quote it, those to failed attempts too; the child keeps its own."""
    bad = Model(lambda call, _: '{"prompt": "ab"}' if prompted(call) == "question 1" else clearer(call, 1))
    improve(four, tmp_path, bad)
    answer = four.erase(samples(four)[:2], reason="asked for", authority="me", yes=True)
    assert answer["evidence"] == 1 + 1  # the same bytes three times are one blob
    replies = [e["says"] for e in four.log(limit=999) if e["kind"] == "reply_stored"]
    store = store_of(four)
    gone = [
        store.body(store.find_blobs(bytes.fromhex(r["blob"]), bytes.fromhex(r["blob"]))[0][1]) is None for r in replies
    ]
    assert Counter(gone) == {True: 4, False: 2}
    assert four.verify()["ok"]
    done = improve(four, tmp_path, Model(), where="campaign == 'c' and label == 'false'")
    assert (done["planned"], done["reused"], done["requests"]) == (2, 2, 0)


def test_erasing_a_child_takes_the_reply_that_made_it(four: Ledger, tmp_path: Path) -> None:
    """Its text stands in there; the parent is left alone, and is not asked about again."""
    improve(four, tmp_path, Model())
    (child, *_) = [event["event"] for event in four.log(limit=999) if event["kind"] == "improved"]
    assert four.erase([child], reason="asked for", authority="me", yes=True)["evidence"] == 1
    done = improve(four, tmp_path, Model())
    assert (done["reused"], done["requests"]) == (4, 0)
    assert four.verify()["ok"]


def test_a_reply_about_what_was_erased_meanwhile_is_not_kept(four: Ledger, tmp_path: Path) -> None:
    """The address is kept and the cost, the bytes are not; nothing is derived."""
    first = samples(four)[0]

    def script(call: Call, attempt: int) -> Answer:
        with Ledger.open(four.path) as other:
            other.erase([first], reason="asked for", authority="me", yes=True)
        return clearer(call, attempt)

    done = four.improve(spec_file(tmp_path), [first], model="m", opener=Model(script).opener)
    assert (done["failed"], done["by_failure"], done["cost_usd"]) == (1, {"erased": 1}, "0.001")
    assert four.verify()["ok"]
    assert four.show(first)["status"] == "erased"


def test_what_was_erased_meanwhile_is_not_sent(four: Ledger, tmp_path: Path) -> None:
    """Its text is in memory still, and stays there."""
    second = samples(four)[1]
    told: list[str] = []

    def script(call: Call, attempt: int) -> Answer:
        told.append(prompted(call))
        with Ledger.open(four.path) as other:
            other.erase([second], reason="asked for", authority="me", yes=True)
        return clearer(call, attempt)

    done = improve(four, tmp_path, Model(script))
    assert (done["accepted"], done["by_failure"]) == (3, {"erased": 1})
    assert "question 1" not in told
    assert four.verify()["ok"]


def test_the_budget_of_a_job_counts_all_its_runs(four: Ledger, tmp_path: Path) -> None:
    """What was spent before counts, and what nobody knows counts in full; more money, and it goes on."""
    done = improve(four, tmp_path, Model(), budget="0.012")
    assert (done["accepted"], done["left"], done["stopped"]) == (3, 1, "budget")
    stuck = improve(four, tmp_path, Model(), budget="0.012")
    assert (stuck["reused"], stuck["left"], stuck["requests"], stuck["stopped"]) == (3, 1, 0, "budget")
    more = improve(four, tmp_path, Model(), budget=1)
    assert (more["accepted"], more["left"], more["spent_usd"]) == (1, 0, "0.004")


def test_a_budget_that_comes_to_its_end_is_told(four: Ledger, tmp_path: Path) -> None:
    """Whoever keeps it says so once; the ledger passes it on with its warnings."""
    model = Model()
    improve(four, tmp_path, model, budget=1)
    assert model.past is not None
    assert model.past.warn is not None
    model.past.warn(Decimal("0.80"), Decimal(1))
    assert four.warnings == ["$0.8 of the budget of $1 are spent"]


@pytest.mark.parametrize("reason", ["spend_limit", "not_allowed"])
def test_what_stops_all_work_fails_nobody(four: Ledger, tmp_path: Path, reason: str) -> None:
    """The samples are left, and the same command goes on when the cause is gone."""

    def script(call: Call, attempt: int) -> Answer:
        return Stopped(reason, "it is so") if prompted(call) == "question 2" else clearer(call, attempt)

    done = improve(four, tmp_path, Model(script))
    assert (done["accepted"], done["failed"], done["left"]) == (2, 0, 2)
    assert (done["stopped"], done["detail"]) == (reason, "it is so")
    assert improve(four, tmp_path, Model())["accepted"] == 2


def test_asked_to_stop_it_ends_what_is_under_way(four: Ledger, tmp_path: Path) -> None:
    """Nothing new is sent; what is sent has its end."""
    asked = [False]

    def script(call: Call, attempt: int) -> Answer:
        asked[0] = asked[0] or prompted(call) == "question 1"
        return clearer(call, attempt)

    done = improve(four, tmp_path, Model(script), should_stop=lambda: asked[0])
    assert done["stopped"] in {"interrupted", None}
    assert (done["accepted"] + done["left"], done["unknown"]) == (4, 0)
    assert improve(four, tmp_path, Model())["left"] == 0


def test_who_watches_hears_how_far_it_is(four: Ledger, tmp_path: Path) -> None:
    """After each sample: how many are done, and what it cost so far."""
    heard: list[tuple[int, Decimal]] = []
    improve(four, tmp_path, Model(), watch=lambda standing: heard.append((standing.done, standing.cost)))
    assert heard == [(done, done * COST) for done in range(1, 5)]


def test_nothing_to_ask_needs_nobody(four: Ledger, tmp_path: Path) -> None:
    """An empty selection, and samples of which the spec wants nothing, are counted; no provider is opened."""
    model = Model()
    assert improve(four, tmp_path, model, where="label == 'true'")["planned"] == 0
    text = spec_file(tmp_path).read_text().replace("always = true", 'rule = "nobody"')
    done = four.improve(spec_file(tmp_path, text), campaign="c", model="m", opener=model.opener)
    assert (done["planned"], done["skipped"], model.opened) == (4, 4, 0)
    assert kinds(four)["work_planned"] == 0


def test_a_dry_run_says_how_many_would_be_asked_about(four: Ledger, tmp_path: Path) -> None:
    """Nothing is opened, nothing recorded."""
    improve(four, tmp_path, Model(), limit=1)
    before, model = four.status(), Model()
    answer = four.improve(spec_file(tmp_path), campaign="c", model="m", dry_run=True, opener=model.opener)
    assert answer == {"planned": 4, "reused": 1, "asked": 3, "skipped": 0}
    assert (model.opened, four.status()) == (0, before)


def test_what_cannot_be_asked_is_refused_before_anything_is_done(four: Ledger, tmp_path: Path) -> None:
    """No model, a spec of the other purpose, a wrong budget, a moved head, no policy to rescore by."""
    spec, before = spec_file(tmp_path), four.status()
    for wrong, error in (
        ({}, BadRequest),
        ({"model": "m", "budget": "much"}, BadRequest),
        ({"model": "m", "budget": -1}, BadRequest),
        ({"model": "m", "mode": "soon"}, BadRequest),
        ({"model": "m", "provider": "nobody"}, BadRequest),
        ({"model": "m", "concurrency": 0}, BadRequest),
        ({"model": "m", "expected_head": 1}, HeadMoved),
        ({"model": "m", "rescore": "length"}, NoPolicy),
    ):
        with pytest.raises(error):
            four.improve(spec, campaign="c", opener=Model().opener, **wrong)
    with pytest.raises(BadRequest):
        four.regenerate(spec, campaign="c", model="m")
    assert four.status() == before


# --- killed at any moment


@settings(max_examples=25)
@given(deaths=st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=5), at_once=st.sampled_from([1, 4]))
def test_killed_anywhere_nothing_is_lost_nothing_doubled(
    tmp_path_factory: pytest.TempPathFactory, deaths: list[tuple[int, bool]], at_once: int
) -> None:
    """After any deaths the work ends as it does without: one child each, and no reply that was stored is paid again."""
    folder = tmp_path_factory.mktemp("killed")
    bad = {"question 1": '{"prompt": "ab"}'}

    def script(call: Call, attempt: int) -> Answer:
        asked = prompted(call)
        return bad[asked] if asked in bad and len(call.request["again"]) < 2 else clearer(call, attempt)

    ledger = filled(folder, 4)
    paid = 0
    for steps, late in deaths:
        model = Model(script, dies=steps, late=late)
        try:
            improve(ledger, folder, model, concurrency=at_once)
        except Killed:
            ledger.close()
            ledger = Ledger.open(folder / "ledger.db")
        paid += model.paid
    model = Model(script)
    done = improve(ledger, folder, model, concurrency=at_once)
    paid += model.paid
    assert (done["accepted"] + done["reused"], done["left"]) == (4, 0)
    stored = kinds(ledger)
    assert (stored["improved"], stored["reply_stored"]) == (4, 6)
    assert paid - stored["reply_stored"] <= len(deaths)
    unsettled = stored["request_sent"] - stored["reply_stored"] - stored["attempt_failed"]
    assert paid - stored["reply_stored"] <= unsettled <= len(deaths)
    assert tables(store_of(ledger).connection) == folded(ledger.path, store_of(ledger).head().position)
    assert ledger.verify()["ok"]
    ledger.close()


def test_what_waits_in_a_batch_is_not_bought_live(four: Ledger, tmp_path: Path) -> None:
    """Asked live, the work is refused; in batches, whoever answers is told what waits, since when, and for how much."""
    batch = key("batch")
    with pytest.raises(Killed):
        improve(four, tmp_path, Model(batch=batch, dies=1, late=True))
    with pytest.raises(BadRequest, match="wait in batches"):
        improve(four, tmp_path, Model())
    model = Model(attempts=1)
    with pytest.raises(BadRequest):
        improve(four, tmp_path, model, mode="batch")  # this backend knows no batches, so it asks as if it were new
    assert model.past is not None
    (sent,) = model.past.known[batch].sent.values()
    assert (sent.attempt, sent.reserved, model.past.spent) == (1, WORST, WORST)
    assert kinds(four)["request_sent"] == 1


def beside(folder: Path, model: Model, text: str | None = None) -> list[object]:
    """Improve from another thread through a connection of its own; return the report or what it raised."""
    came: list[object] = []

    def run() -> None:
        with Ledger.open(folder / "ledger.db") as other:
            try:
                spec = spec_file(folder) if text is None else folder / "other.toml"
                if text is not None:
                    spec.write_text(text, encoding="utf-8")
                where = "label == 'false'"
                came.append(other.improve(spec, opener=model.opener, where=where, model="m", concurrency=1))
            except BadRequest as error:
                came.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return came


def meanwhile(folder: Path, second: Model, text: str | None = None) -> tuple[Model, list[object]]:
    """Return a model that has somebody else improve when it is asked first, and what becomes of that."""
    came: list[object] = []

    def script(call: Call, attempt: int) -> Answer:
        if not came:
            came.extend(beside(folder, second, text))
        return clearer(call, attempt)

    return Model(script), came


def test_two_processes_do_not_work_on_one_job(four: Ledger, tmp_path: Path) -> None:
    """The second one is refused before it opens a provider, and what is under way is bought once; nothing is left."""
    second = Model()
    first, came = meanwhile(tmp_path, second)
    there = sorted(tmp_path.iterdir())
    done = improve(four, tmp_path, first)
    assert (done["accepted"], first.paid, second.opened) == (4, 4, 0)
    (refused,) = came
    assert isinstance(refused, BadRequest)
    assert "works on this job" in str(refused)
    assert kinds(four)["request_sent"] == kinds(four)["reply_stored"] == 4
    assert {path.name for path in tmp_path.iterdir()} - {path.name for path in there} == {"spec.toml"}


def test_two_jobs_may_be_under_way_at_once(four: Ledger, tmp_path: Path) -> None:
    """Another recipe has a lock of its own, and one that a dead process left behind is none."""
    first, came = meanwhile(tmp_path, Model(), SPEC.replace('"Write the request anew."', '"Write it anew."'))
    recipe = improve(four, tmp_path, Model(), limit=1)["recipe"]
    left = tmp_path / f"ledger.db-work-{recipe[3:19]}"
    left.touch()
    assert improve(four, tmp_path, first)["accepted"] == 3
    (other,) = came
    assert isinstance(other, dict)
    assert other["accepted"] + other["failed"] == other["planned"] > 0
    assert not left.exists()


def test_a_model_is_not_asked_from_within_a_loop(four: Ledger, tmp_path: Path) -> None:
    """Where a loop runs in the thread already, that is said, and nothing is recorded."""
    before = four.status()

    async def within() -> None:
        with pytest.raises(BadRequest, match="event loop"):
            improve(four, tmp_path, Model())

    asyncio.run(within())
    assert four.status() == before


def test_another_spec_that_asks_the_same_pays_nothing(four: Ledger, tmp_path: Path) -> None:
    """A reply is known by what was asked, not by who asked: the children are others, the answers are there."""
    improve(four, tmp_path, Model())
    model = Model()
    text = spec_file(tmp_path).read_text().replace('name = "clearer"', 'name = "labelled"')
    done = four.improve(
        spec_file(tmp_path, text.replace("label = true", "label = false")),
        where="label == 'false'",
        model="m",
        opener=model.opener,
    )
    assert (done["failed"] + done["accepted"], done["requests"], done["found"], model.paid) == (4, 0, 4, 0)


def test_another_spec_that_fails_on_the_same_reply_has_its_own_end(four: Ledger, tmp_path: Path) -> None:
    """What a reply is not good for is said for each recipe, so that neither asks again until it is told to."""
    improve(four, tmp_path, Model(lambda *_: "no json"), limit=1)
    text = spec_file(tmp_path).read_text().replace('name = "clearer"', 'name = "labelled"')
    spec = spec_file(tmp_path, text.replace("label = true", "label = false"))
    options: dict[str, Any] = {"where": "label == 'false'", "model": "m", "concurrency": 1, "limit": 1}
    ends = []
    for _ in range(2):
        model = Model()
        done = four.improve(spec, opener=model.opener, **options)
        ends.append((done["failed"], done["reused"], done["requests"]))
    assert ends == [(1, 0, 0), (0, 1, 0)]


def test_what_waits_in_a_batch_of_another_spec_is_not_bought_again(four: Ledger, tmp_path: Path) -> None:
    """Its answer will be this one's too; what the other set aside counts in the other's spending alone."""
    batch = key("batch")
    with pytest.raises(Killed):
        improve(four, tmp_path, Model(batch=batch, dies=1, late=True))
    text = spec_file(tmp_path).read_text().replace('name = "clearer"', 'name = "labelled"')
    spec = spec_file(tmp_path, text.replace("label = true", "label = false"))
    options: dict[str, Any] = {"where": "label == 'false'", "model": "m", "concurrency": 1}
    live, batched = Model(), Model(attempts=1)
    with pytest.raises(BadRequest, match="wait in batches"):
        four.improve(spec, opener=live.opener, **options)
    assert live.paid == 0
    with pytest.raises(BadRequest):
        four.improve(spec, opener=batched.opener, mode="batch", **options)
    assert batched.past is not None
    (sent,) = batched.past.known[batch].sent.values()
    assert (sent.attempt, sent.reserved, batched.past.spent) == (1, Decimal(0), Decimal(0))


def test_the_same_clock_and_replies_make_the_same_log(tmp_path: Path) -> None:
    """With one request at a time nothing but replies and the clock has a say: the root is the same."""
    roots = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        ledger = filled(folder, 4, Ticks())
        store_of(ledger).ledger_id = "0" * 32
        improve(ledger, folder, Model())
        events = [{key: event[key] for key in ("kind", "time", "says")} for event in ledger.log(limit=999)]
        roots.append([event for event in events if event["kind"] != "run_started"])
        ledger.close()
    assert roots[0] == roots[1]


def test_the_sum_holds_or_nothing_is_said(four: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Conservation is checked before the end of a run is recorded."""
    monkeypatch.setattr(job, "conserve", lambda *_: (_ for _ in ()).throw(ZeroDivisionError))
    with pytest.raises(ZeroDivisionError):
        improve(four, tmp_path, Model())
    assert kinds(four)["run_finished"] == 1  # of the ingestion
