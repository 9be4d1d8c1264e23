"""Proposing, recording and exporting through the server: what is written, by whom, and what never is."""

from __future__ import annotations

import json
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitResult, InputRequiredResult

from ledger import Ledger
from mcp_server.options import Options
from tests.judged import score
from tests.mcp_acting import ERAS, EVERYTHING, Person, call, head, said, server, standing, using, yes
from tests.mcp_client import ALICE, listening, program
from tests.mcp_tokens import tokens
from tests.small import pairs, read, samples, write

REASON = "read it: the answer is to another question"
PROPOSE, RECORD, PROJECT = "ledger_propose_decision", "ledger_record_decision", "ledger_run_projection"


class World:
    """A ledger with 20 samples, and its ids."""

    def __init__(self, folder: Path) -> None:
        """Make it."""
        self.path = folder / "ledger.db"
        self.root = folder / "exports"
        self.root.mkdir()
        with Ledger.init(self.path, actor="maker") as ledger:
            ledger.ingest(write(folder / "rows.jsonl", *pairs(10)), campaign="first")
            ledger.search("question")
            self.ids = samples(ledger)

    def server(self, *allow: str) -> Any:  # noqa: ANN401 - a server
        """Return a server that allows some, or everything."""
        return server(self.path, *(allow or EVERYTHING), root=self.root)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the leaves of the events of one kind."""
        with Ledger.open(self.path) as ledger:
            return [one for one in ledger.log(limit=10_000) if one["kind"] == kind]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a ledger to write to."""
    return World(tmp_path)


@pytest.mark.parametrize("era", ERAS)
def test_a_proposal_changes_nothing_and_says_who_made_it(world: World, era: str) -> None:
    """A proposal is an event with actor, way in and client; how samples stand is the same before and after it."""
    before = standing(world.path)

    made = call(
        world.server(), PROPOSE, None, era, samples=world.ids[:3], verdict="reject", reason=REASON, idempotency_key="k"
    )

    assert not made.is_error, made.text
    assert (made.facts["state"], made.facts["count"], made.facts["repeated"]) == ("open", 3, False)
    assert made.facts["as_of"] == head(world.path)
    assert standing(world.path) == before
    with Ledger.open(world.path) as ledger:
        shown = ledger.proposal(made.facts["proposal"])
    assert (shown["proposer"], shown["via"], shown["verdict"]) == ("alice", "mcp", "reject")
    assert (shown["client"]["tool"], shown["client"]["name"]) == (PROPOSE, "mcp")


def test_the_same_key_proposes_once(world: World) -> None:
    """A request that is repeated gets the first answer and appends nothing; with other content it is refused."""
    made = world.server()
    ask: dict[str, Any] = {"samples": world.ids[:3], "verdict": "reject", "reason": REASON, "idempotency_key": "k"}

    first = call(made, PROPOSE, **ask)
    end = head(world.path)
    again = call(made, PROPOSE, **ask)
    other = call(made, PROPOSE, **{**ask, "verdict": "accept"})

    assert again.facts["proposal"] == first.facts["proposal"]
    assert again.facts["repeated"]
    assert other.is_error
    assert "next:" in other.text
    assert head(world.path) == end


@pytest.mark.parametrize(
    "wrong",
    [
        {"samples": [], "selection": ""},
        {"samples": ["abc"]},
        {"samples": ["ffffffffff"]},
        {"reason": "short"},
        {"reason": " " * 30},
        {"verdict": "delete"},
        {"idempotency_key": ""},
        {"evidence_seqs": [10**9]},
        {"evidence_seqs": [-1]},
        {"selection": "s0123456789"},
        {"actor": "root"},
    ],
)
def test_a_proposal_that_makes_no_sense_is_refused(world: World, wrong: dict[str, Any]) -> None:
    """A malformed proposal is one sentence as a tool error, and nothing is recorded."""
    end = head(world.path)
    ask: dict[str, Any] = {
        "samples": world.ids[:1],
        "verdict": "reject",
        "reason": REASON,
        "idempotency_key": "k",
        **wrong,
    }
    if wrong.get("selection"):
        ask["samples"] = []

    refused = call(world.server(), PROPOSE, **ask)

    assert refused.is_error
    assert "\n" not in refused.text
    assert "Traceback" not in refused.text
    assert head(world.path) == end


def test_a_selection_is_proposed_without_listing_it(world: World) -> None:
    """All that a search found are proposed under its handle, exactly as many as it counted."""

    async def work(client: Client) -> tuple[Any, Any]:
        found = said(await client.call_tool("ledger_search", {"label": "false", "select": True, "limit": 1}))
        ask: dict[str, Any] = {
            "selection": found.facts["selection"],
            "verdict": "reject",
            "reason": REASON,
            "idempotency_key": "k",
        }
        return found, said(await client.call_tool(PROPOSE, ask))

    found, made = using(world.server(), work)

    assert not made.is_error, made.text
    assert made.facts["count"] == found.facts["total"] == 10
    with Ledger.open(world.path) as ledger:
        members = {one["sample"] for one in ledger.proposal(made.facts["proposal"])["members"]}
        assert members == {one for one in world.ids if ledger.show(one)["label"] is False}


@pytest.mark.parametrize(
    ("tool", "asked"),
    [
        ("ledger_search", {"text": "question"}),
        ("ledger_search", {"campaign": "first", "label": "true", "since": "0"}),
        ("ledger_search", {"score": "quality", "score_min": 0.2, "score_max": 0.4}),
        ("ledger_near_misses", {"campaign": "first", "within": 0.3}),
        ("ledger_compare", {"a": "first", "b": "second"}),
    ],
)
def test_every_selection_can_be_acted_on(world: World, tool: str, asked: dict[str, Any]) -> None:
    """Whatever tool gave a selection, proposing about it is about as many samples as that tool counted."""
    policy = world.root / "gate.toml"
    policy.write_text('name = "gate"\n\n[[rule]]\nname = "low"\nreject = "quality < 0.5"\n', encoding="utf-8")
    with Ledger.open(world.path) as ledger:
        ledger.ingest(write(world.root / "second.jsonl", *pairs(10)), campaign="second")
        ids = samples(ledger)
        score(ledger, {one: {"quality": str(n / 20)} for n, one in enumerate(ids[:20])})
        ledger.decide(policy, campaign="first")
        ledger.accept(ids[20:25], reason="good")
        ledger.search("question")

    async def work(client: Client) -> tuple[Any, Any]:
        found = said(await client.call_tool(tool, {**asked, "select": True, "limit": 1}))
        assert not found.is_error, found.text
        ask = {"selection": found.facts["selection"], "verdict": "defer", "reason": REASON, "idempotency_key": "k"}
        return found, said(await client.call_tool(PROPOSE, ask))

    found, made = using(world.server(), work)

    assert not made.is_error, made.text
    assert made.facts["count"] == found.facts.get("selected", found.facts.get("total")) > 0


def test_a_selection_stands_for_what_was_found(world: World) -> None:
    """Where the filter finds other samples by now, acting on the selection is refused; on the same ones it is not."""

    async def select(client: Client) -> str:
        found = said(await client.call_tool("ledger_search", {"status": "pending", "select": True}))
        return str(found.facts["selection"])

    async def act(client: Client, handle: str, key: str) -> Any:  # noqa: ANN401 - what was said
        ask: dict[str, Any] = {"selection": handle, "verdict": "reject", "reason": REASON, "idempotency_key": key}
        return said(await client.call_tool(PROPOSE, ask))

    async def work(client: Client) -> tuple[Any, Any]:
        handle = await select(client)
        with Ledger.open(world.path) as ledger:
            ledger.tag(world.ids[:1], "seen", "yes")
        same = await act(client, handle, "a")
        with Ledger.open(world.path) as ledger:
            ledger.accept(world.ids[:1], reason="meanwhile")
        return same, await act(client, handle, "b")

    same, other = using(world.server(), work)

    assert not same.is_error, same.text
    assert same.facts["count"] == 20
    assert other.is_error
    assert "Ask ledger_search again" in other.text


@pytest.mark.parametrize("era", ERAS)
def test_a_confirmed_decision_is_recorded(world: World, era: str) -> None:
    """A yes records the decision in one commit, as an agent's, confirmed by elicitation, in the actor's name."""
    person = yes()

    done = call(
        world.server(), RECORD, person, era, samples=world.ids[:2], verdict="reject", reason=REASON, idempotency_key="k"
    )

    assert not done.is_error, done.text
    assert (done.facts["outcome"], done.facts["changed"], done.facts["repeated"]) == ("recorded", 2, False)
    assert len(person.questions) == 1
    assert "2 samples" in person.questions[0]
    assert "alice" in person.questions[0]
    assert done.facts["as_of"] == head(world.path)
    with Ledger.open(world.path) as ledger:
        assert {ledger.show(one)["status"] for one in world.ids[:2]} == {"rejected"}
        decided = ledger.why(world.ids[0])["decisions"][-1]
        settled = ledger.proposal(done.facts["proposal"])["settled"]
    assert (decided["authority"], decided["actor"], decided["via"]) == ("agent", "alice", "mcp")
    assert (settled["confirmed"], settled["events"]) == ("elicitation", done.facts["seqs"])


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("person", "outcome"),
    [
        (Person("decline"), "declined"),
        (Person("cancel"), "cancelled"),
        (Person("accept", {"record": False}), "declined"),
    ],
)
def test_without_a_yes_nothing_is_recorded(world: World, era: str, person: Person, outcome: str) -> None:
    """No, a closed window, and a form that says no leave the ledger as it was."""
    end = head(world.path)

    done = call(
        world.server(), RECORD, person, era, samples=world.ids[:2], verdict="reject", reason=REASON, idempotency_key="k"
    )

    assert not done.is_error
    assert done.facts == {"outcome": outcome, "as_of": end}
    assert head(world.path) == end


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("content", [None, {}, {"record": "perhaps"}, {"confirmed": True}, {"record": None}])
def test_an_answer_that_is_none_records_nothing(world: World, era: str, content: dict[str, Any] | None) -> None:
    """An accepted form without a clear yes in it is refused, and nothing is recorded."""
    end = head(world.path)
    ask: dict[str, Any] = {"samples": world.ids[:2], "verdict": "reject", "reason": REASON, "idempotency_key": "k"}

    refused = call(world.server(), RECORD, Person("accept", content), era, **ask)

    assert refused.is_error
    assert head(world.path) == end


def test_nobody_is_asked_what_cannot_be(world: World) -> None:
    """A request that could not be recorded is refused before anybody is asked."""
    person = yes()
    wrong: list[dict[str, Any]] = [
        {"samples": ["ffffffffff"]},
        {"samples": []},
        {"samples": world.ids[:1], "reason": ""},
        {"samples": world.ids[:1], "verdict": None},
        {"proposal": "P99999", "samples": [], "verdict": None},
        {"proposal": "P1", "samples": world.ids[:1]},
        {"selection": "s0123456789", "samples": []},
    ]

    for one in wrong:
        ask: dict[str, Any] = {"verdict": "reject", "reason": REASON, "idempotency_key": "k", **one}
        refused = call(world.server(), RECORD, person, **ask)

        assert refused.is_error, one
        assert "next:" in refused.text
    assert person.questions == []


@pytest.mark.parametrize("era", ERAS)
def test_a_proposal_is_recorded_by_its_name(world: World, era: str) -> None:
    """An open proposal that the user confirms is settled; once more with the same key it is the same answer."""
    made = world.server()
    proposed = call(
        made, PROPOSE, samples=world.ids[:4], verdict="label-true", reason=REASON, idempotency_key="k"
    ).facts["proposal"]
    person = yes()

    done = call(made, RECORD, person, era, proposal=proposed, idempotency_key="r")
    end = head(world.path)
    again = call(made, RECORD, person, era, proposal=proposed, idempotency_key="r")
    other = call(made, RECORD, person, era, proposal=proposed, idempotency_key="other")

    assert (done.facts["outcome"], done.facts["count"]) == ("recorded", 4)
    assert again.facts["seqs"] == done.facts["seqs"]
    assert again.facts["repeated"]
    assert other.is_error
    assert "accepted already" in other.text
    assert proposed in person.questions[0]
    assert head(world.path) == end
    assert len(world.events("proposal_accepted")) == 1


def test_an_expected_head_that_moved_is_refused(world: World) -> None:
    """A decision that was asked for at another head is refused, before the user is asked."""
    end = head(world.path)
    ask: dict[str, Any] = {"samples": world.ids[:2], "verdict": "reject", "reason": REASON, "idempotency_key": "k"}

    asked = yes()
    refused = call(world.server(), RECORD, asked, **ask, expect_head=end - 1)
    done = call(world.server(), RECORD, yes(), **ask, expect_head=end)

    assert refused.is_error
    assert asked.questions == []
    assert done.facts["outcome"] == "recorded"


@pytest.mark.parametrize("era", ERAS)
def test_a_decision_is_confirmed_over_stdio(world: World, era: str) -> None:
    """The question reaches the client of a program over stdio, and a no is a no there too."""
    ask: dict[str, Any] = {"samples": world.ids[:2], "verdict": "reject", "reason": REASON}
    started = program(world.path, "--allow", "record", "--actor", "carol")

    refused = call(started, RECORD, Person("decline"), era, **ask, idempotency_key="a")
    done = call(started, RECORD, yes(), era, **ask, idempotency_key="b")

    assert refused.facts["outcome"] == "declined"
    assert (done.facts["outcome"], done.facts["changed"]) == ("recorded", 2)
    assert [one["actor"] for one in world.events("rejected")] == ["carol", "carol"]


@pytest.mark.parametrize("era", ERAS)
def test_a_decision_is_confirmed_over_http(world: World, era: str) -> None:
    """The question reaches the client over HTTP, and the decision is that of the token's subject."""
    ask: dict[str, Any] = {"samples": world.ids[:2], "verdict": "reject", "reason": REASON, "idempotency_key": "k"}
    person = yes()
    options = Options(path=world.path, allow=frozenset({"record"}), actor="operator")

    async def run(url: str) -> Any:  # noqa: ANN401 - what was said
        headers = {"Authorization": f"Bearer {ALICE}"}
        async with httpx2.AsyncClient(headers=headers) as http:
            transport = streamable_http_client(url, http_client=http)
            async with Client(transport, mode=era, elicitation_callback=person) as client:
                return said(await client.call_tool(RECORD, ask))

    with listening(options, {ALICE: "alice"}) as url:
        done = anyio.run(run, url)

    assert done.facts["outcome"] == "recorded"
    assert len(person.questions) == 1
    assert [one["actor"] for one in world.events("rejected")] == ["alice", "alice"]


def test_what_writing_tools_say_is_short(world: World) -> None:
    """Proposing and recording answer in at most 150 tokens, a projection in 300, in either channel."""
    made = world.server()
    ask: dict[str, Any] = {"samples": world.ids[:4], "verdict": "reject", "reason": REASON}
    answers = {
        150: [
            call(made, PROPOSE, **ask, idempotency_key="a"),
            call(made, RECORD, yes(), **ask, idempotency_key="b"),
            call(made, RECORD, Person("cancel"), **ask, idempotency_key="c"),
        ],
        300: [
            call(made, PROJECT, view="kto-interleaved"),
            call(made, PROJECT, view="rejected", dry_run=False, file="a.jsonl"),
        ],
    }

    for most, found in answers.items():
        for one in found:
            assert not one.is_error, one.text
            assert max(tokens(one.text), tokens(json.dumps(one.facts))) <= most


async def _first_round(client: Client, ask: dict[str, Any]) -> InputRequiredResult:
    asked = await client.session.call_tool(RECORD, ask, allow_input_required=True)
    assert isinstance(asked, InputRequiredResult)
    return asked


def _answers(asked: InputRequiredResult) -> dict[str, Any]:
    confirmed = ElicitResult(action="accept", content={"record": True})
    return dict.fromkeys(asked.input_requests or {}, confirmed)


def test_a_confirmation_that_is_replayed_records_nothing_more(world: World) -> None:
    """The same confirmed request sent again appends nothing; a yes to one request is no yes to another."""
    ask: dict[str, Any] = {"samples": world.ids[:2], "verdict": "reject", "reason": REASON, "idempotency_key": "k"}

    async def work(client: Client) -> tuple[Any, ...]:
        asked = await _first_round(client, ask)
        state, answers = asked.request_state, _answers(asked)

        async def send(arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - what was said
            sent = await client.session.call_tool(RECORD, arguments, input_responses=answers, request_state=state)
            return said(sent)

        first = await send(ask)
        end = head(world.path)
        again = await send(ask)
        for changed in (
            {"verdict": "accept"},
            {"samples": world.ids[:3]},
            {"idempotency_key": "x"},
            {"reason": "x" * 9},
        ):
            with pytest.raises(MCPError, match="requestState"):
                await send({**ask, **changed})
        return first, again, end

    first, again, end = using(world.server(), work, yes())

    assert first.facts["outcome"] == "recorded"
    assert (again.facts["repeated"], again.facts["seqs"]) == (True, first.facts["seqs"])
    assert head(world.path) == end


def test_an_answer_without_a_question_is_not_heard(world: World) -> None:
    """Answers that nobody asked for, and a state that another server sealed, record nothing."""
    ask: dict[str, Any] = {"samples": world.ids[:2], "verdict": "reject", "reason": REASON, "idempotency_key": "k"}
    end = head(world.path)

    async def question(client: Client) -> InputRequiredResult:
        return await _first_round(client, ask)

    asked = using(world.server(), question, yes())
    answers = _answers(asked)

    async def unasked(client: Client) -> object:
        return await client.session.call_tool(RECORD, ask, input_responses=answers, allow_input_required=True)

    async def foreign(client: Client) -> object:
        state = asked.request_state
        return await client.session.call_tool(RECORD, ask, input_responses=answers, request_state=state)

    assert isinstance(using(world.server(), unasked, yes()), InputRequiredResult)
    with pytest.raises(MCPError, match="requestState"):
        using(world.server(), foreign, yes())
    assert head(world.path) == end


def test_a_selection_that_was_recorded_can_be_repeated(world: World) -> None:
    """A decision about a selection changes what its filter finds; the same request still gets the first answer."""

    async def work(client: Client) -> tuple[Any, Any]:
        found = said(await client.call_tool("ledger_search", {"status": "pending", "select": True}))
        ask: dict[str, Any] = {
            "selection": found.facts["selection"],
            "verdict": "accept",
            "reason": REASON,
            "idempotency_key": "k",
        }
        return said(await client.call_tool(RECORD, ask)), said(await client.call_tool(RECORD, ask))

    person = yes()
    first, again = using(world.server(), work, person)

    assert (first.facts["outcome"], first.facts["changed"]) == ("recorded", 20)
    assert (again.facts["seqs"], again.facts["repeated"]) == (first.facts["seqs"], True)
    assert len(person.questions) == 1
    assert "20 samples (digest " in person.questions[0]


@pytest.mark.parametrize("era", ERAS)
def test_a_dry_run_writes_nothing(world: World, era: str) -> None:
    """Without being told otherwise, a projection is only tried: rows and gates, no file, no event."""
    end = head(world.path)

    tried = call(world.server(), PROJECT, None, era, view="kto-interleaved")

    assert not tried.is_error, tried.text
    assert (tried.facts["dry_run"], tried.facts["rows"], tried.facts["passed"]) == (True, 20, True)
    assert tried.facts["as_of"] == end
    assert head(world.path) == end
    assert list(world.root.iterdir()) == []


@pytest.mark.parametrize("era", ERAS)
def test_a_file_is_written_where_it_may_be(world: World, era: str) -> None:
    """A projection that is asked for stands in the folder for exports, with its manifest, and is a release."""
    done = call(world.server(), PROJECT, None, era, view="kto", dry_run=False, file="train-1.jsonl")

    assert not done.is_error, done.text
    assert len(read(world.root / "train-1.jsonl")) == done.facts["rows"] == 20
    manifest = json.loads((world.root / "train-1.jsonl.manifest.json").read_text("utf-8"))
    assert manifest["output"]["blake3"] == done.facts["digest"]
    assert done.facts["considered"] == done.facts["used"]
    assert str(world.root) not in done.text
    with Ledger.open(world.path) as ledger:
        assert ledger.releases()["releases"][0]["name"] == "train-1.jsonl"


def test_nothing_is_written_over(world: World) -> None:
    """A file, a manifest or a link that stands there stays as it is, also an export of this ledger."""
    ask: dict[str, Any] = {"view": "kto", "dry_run": False}
    call(world.server(), PROJECT, **ask, file="a.jsonl")
    (world.root / "b.jsonl").write_text("mine", encoding="utf-8")
    (world.root / "c.jsonl.manifest.json").write_text("mine", encoding="utf-8")
    (world.root / "d.jsonl").symlink_to(world.root.parent / "elsewhere.jsonl")
    before = {each.name: each.read_bytes() for each in world.root.iterdir() if each.exists()}
    end = head(world.path)

    for name in ("a.jsonl", "b.jsonl", "c.jsonl", "d.jsonl"):
        refused = call(world.server(), PROJECT, **ask, file=name)

        assert refused.is_error
        assert "already" in refused.text
    assert {each.name: each.read_bytes() for each in world.root.iterdir() if each.exists()} == before
    assert not (world.root.parent / "elsewhere.jsonl").exists()
    assert head(world.path) == end


def test_of_two_exports_at_once_one_is_written(world: World) -> None:
    """Two servers that are asked for the same name at the same time: one writes it, the other says that it is taken."""
    came: dict[str, Any] = {}
    ready = threading.Barrier(2)

    def run(seed: str) -> None:
        made = world.server()
        ready.wait()
        came[seed] = call(made, PROJECT, view="kto", dry_run=False, file="a.jsonl", seed=seed)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in ("1", "2")]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    (done,) = [one for one in came.values() if not one.is_error]
    (refused,) = [one for one in came.values() if one.is_error]
    assert "stands there already" in refused.text
    assert "next: " in refused.text
    assert str(world.root) not in refused.text
    assert sorted(each.name for each in world.root.iterdir()) == ["a.jsonl", "a.jsonl.manifest.json"]
    manifest = json.loads((world.root / "a.jsonl.manifest.json").read_text("utf-8"))
    assert manifest["output"]["blake3"] == done.facts["digest"]
    with Ledger.open(world.path) as ledger:
        assert ledger.rebuild(world.root / "a.jsonl.manifest.json")["identical"]
        assert [one["rows"] for one in ledger.releases()["releases"]] == [done.facts["rows"]]


def test_a_ratio_that_is_none_is_refused(world: World) -> None:
    """Also for a view that takes all rows as they are: whoever asks for a ratio is not left to believe in it."""
    for view in ("sft", "kto-interleaved"):
        for ratio in ("x", "", "1:0", "0.5", "1:2:3", "keep "):
            refused = call(world.server(), PROJECT, view=view, ratio=ratio)

            assert refused.is_error
            assert "such as 1:2" in refused.text


def test_a_view_is_named_and_never_read_from_a_file(world: World, tmp_path: Path) -> None:
    """A path in place of a view's name is refused, and the nearest names are told."""
    (tmp_path / "mine.toml").write_text('name = "mine"\n', encoding="utf-8")

    for view in (str(tmp_path / "mine.toml"), "mine.toml", "kto-interleave"):
        refused = call(world.server(), PROJECT, view=view)

        assert refused.is_error
    assert "kto-interleaved" in refused.text


def test_a_projection_tells_how_far_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress grows with every message, at least once in the stated time."""
    monkeypatch.setattr("mcp_server.tools.progress.EVERY", 0.001)
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))
        await anyio.lowlevel.checkpoint()

    async def work(client: Client) -> Any:  # noqa: ANN401 - what was said
        ask: dict[str, Any] = {"view": "kto", "dry_run": False, "file": "a.jsonl"}
        return said(await client.call_tool(PROJECT, ask, progress_callback=hear))

    done = using(world.server(), work)

    assert not done.is_error
    assert heard
    assert all(one[0] < other[0] for one, other in pairwise(heard))


def test_a_projection_that_is_cancelled_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that goes away stops the work: no file, no release."""
    monkeypatch.setattr("mcp_server.tools.progress.EVERY", 0.001)
    began = anyio.Event

    async def work(client: Client) -> bool:
        started = began()

        async def hear(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001 - the SDK's
            started.set()
            await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                wanted = {"view": "kto", "dry_run": False, "file": "a.jsonl"}
                await client.call_tool(PROJECT, wanted, progress_callback=hear)

            tasks.start_soon(ask)
            await started.wait()
            tasks.cancel_scope.cancel()
        return True

    gone = using(world.server(), work)

    end = head(world.path)
    left = sorted(each.name for each in world.root.iterdir())
    assert gone
    with Ledger.open(world.path) as ledger:
        released = ledger.releases()["releases"]
    assert (left == []) == (released == [])
    assert end == head(world.path)


def test_without_the_flag_there_is_no_such_tool(world: World) -> None:
    """A tool that was not allowed is not listed, and calling it is refused."""
    for allowed, offered in ((), set()), (("propose",), {PROPOSE}), (("record",), {RECORD}), (("export",), {PROJECT}):
        made = server(world.path, *allowed, root=world.root)

        async def names(client: Client) -> set[str]:
            return {one.name for one in (await client.list_tools()).tools}

        assert using(made, names) & {PROPOSE, RECORD, PROJECT} == offered
        for tool in {PROPOSE, RECORD, PROJECT} - offered:
            assert "--allow" in call(made, tool, yes(), samples=world.ids[:1], verdict="reject", reason=REASON).text
    assert world.events("proposed") == []
