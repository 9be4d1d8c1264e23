"""What a yes is good for: the samples, the versions and the request that somebody was asked about, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.client.session import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult, ErrorData, InputRequiredResult

from ledger import Ledger
from ledger.errors import BadRequest, HeadMoved
from mcp_server.tools import record_decision
from mcp_server.tools.acting import selected
from tests.mcp_acting import ERAS, Person, Said, call, head, said, server, using, yes
from tests.small import chat, pairs, samples, write

REASON = "read it: the answer is to another question"
PROPOSE, RECORD = "ledger_propose_decision", "ledger_record_decision"


class World:
    """A ledger of ten samples, and its ids."""

    def __init__(self, folder: Path) -> None:
        """Make it."""
        self.path = folder / "ledger.db"
        with Ledger.init(self.path, actor="maker") as ledger:
            ledger.ingest(write(folder / "rows.jsonl", *pairs(5)), campaign="first")
            self.ids = samples(ledger)
        self.ask: dict[str, Any] = {"verdict": "reject", "reason": REASON, "idempotency_key": "k"}

    def server(self, *allow: str) -> Any:  # noqa: ANN401 - a server
        """Return a server that allows some, or to propose and to record."""
        return server(self.path, *(allow or ("propose", "record")))

    def edit(self, sample: str, text: str = "another answer") -> None:
        """Let somebody edit a sample."""
        with Ledger.open(self.path, actor="editor") as ledger:
            ledger.edit(sample, json.dumps(chat("question", text, label=True)).encode())

    def kinds(self) -> set[str]:
        """Return the kinds of all events."""
        with Ledger.open(self.path) as ledger:
            return {one["kind"] for one in ledger.log(limit=10_000)}

    def list_of(self, ids: list[str]) -> str:
        """Return the digest of samples and their versions."""
        with Ledger.open(self.path) as ledger:
            return str(ledger.check_record(ids, "reject", reason=REASON, key="another")["list"])


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a ledger to decide about."""
    return World(tmp_path)


class Slow(Person):
    """Somebody who says yes to the first question, after something has happened, and no to every other."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        """Take what happens."""
        super().__init__()
        self._meanwhile = meanwhile

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:  # noqa: ARG002 - the SDK's
        """Answer."""
        self.questions.append(params.message)
        if len(self.questions) > 1:
            return ElicitResult(action="decline")
        self._meanwhile()
        return ElicitResult(action="accept", content={"record": True})


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("by", ["ids", "selection"])
def test_a_yes_is_to_the_versions_that_were_asked_about(world: World, era: str, by: str) -> None:
    """Where a sample was edited before the user answered, the yes records nothing.

    With a handshake the call is refused, and says to ask again; without one the user is asked again, in other words.
    """
    ends: list[int] = []

    def meanwhile() -> None:
        world.edit(world.ids[0])
        ends.append(head(world.path))

    person = Slow(meanwhile)

    async def work(client: Client) -> Said:
        which: dict[str, Any] = {"samples": world.ids[:2]}
        if by == "selection":
            found = said(await client.call_tool("ledger_search", {"campaign": "first", "select": True}))
            which = {"selection": found.facts["selection"]}
        return said(await client.call_tool(RECORD, {**world.ask, **which}))

    done = using(world.server(), work, person, era)

    assert [head(world.path)] == ends
    assert "rejected" not in world.kinds()
    if era == "legacy":
        assert done.is_error
        assert "changed after somebody was asked" in done.text
        assert "next: Ask again" in done.text
    else:
        assert done.facts["outcome"] == "declined"
        assert len(set(person.questions)) == 2


@pytest.mark.parametrize("era", ERAS)
def test_an_edit_at_the_last_moment_is_seen(world: World, era: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the yes and the writing nothing can slip in: the versions are compared as the decision is written."""
    real = record_decision.record
    ends: list[int] = []

    def late(*given: Any) -> dict[str, Any]:  # noqa: ANN401 - as it takes them
        world.edit(world.ids[1])
        ends.append(head(world.path))
        return real(*given)

    monkeypatch.setattr(record_decision, "record", late)

    refused = call(world.server(), RECORD, yes(), era, samples=world.ids[:2], **world.ask)

    assert refused.is_error
    assert "changed after somebody was asked" in refused.text
    assert [head(world.path)] == ends


@pytest.mark.parametrize("era", ERAS)
def test_the_question_names_the_list_that_is_recorded(world: World, era: str) -> None:
    """The digest in the question is that of the list of versions that the proposal keeps."""
    person = yes()
    listed = world.list_of(world.ids[:3])

    done = call(world.server(), RECORD, person, era, samples=world.ids[:3], **world.ask)

    assert f"reject 3 samples (digest {listed[:23]}): {world.ids[0][:15]}, " in person.questions[0]
    with Ledger.open(world.path) as ledger:
        assert ledger.proposal(done.facts["proposal"])["list"] == listed


@pytest.mark.parametrize("era", ERAS)
def test_a_proposal_keeps_the_versions_it_is_about(world: World, era: str) -> None:
    """A yes to a proposal is to the list that it holds: what was edited meanwhile is left as it is, and counted."""
    made = world.server()
    name = call(made, PROPOSE, samples=world.ids[:3], **world.ask).facts["proposal"]

    done = call(made, RECORD, Slow(lambda: world.edit(world.ids[0])), era, proposal=name, idempotency_key="r")

    assert done.facts["outcome"] == "recorded"
    assert (done.facts["changed"], done.facts["changed_since"]) == (2, 1)
    with Ledger.open(world.path) as ledger:
        assert [ledger.show(one)["status"] for one in world.ids[:3]] == ["pending", "rejected", "rejected"]


@pytest.mark.parametrize("era", ERAS)
def test_what_was_recorded_is_told_without_asking(world: World, era: str) -> None:
    """The same request again gets the first answer at once, also from a client that cannot ask."""
    made, person = world.server(), yes()
    name = call(made, PROPOSE, samples=world.ids[3:5], **{**world.ask, "idempotency_key": "p"}).facts["proposal"]
    for arguments in (
        {**world.ask, "samples": world.ids[:2]},
        {"proposal": name, "idempotency_key": "r"},
    ):
        first = call(made, RECORD, person, era, **arguments)
        world.edit(world.ids[0], f"answer to {arguments['idempotency_key']}")
        end, asked = head(world.path), len(person.questions)

        for who in (person, Person("decline"), None):
            again = call(made, RECORD, who, era, **arguments)

            assert (again.facts["seqs"], again.facts["repeated"]) == (first.facts["seqs"], True)
            assert again.facts["as_of"] == end
        assert len(person.questions) == asked
        assert head(world.path) == end


def test_nobody_is_asked_what_is_certain_to_be_refused(world: World) -> None:
    """A key that stands for something else, a settled proposal, a moved head, erased samples, a stale selection."""
    made, person = world.server(), yes()
    other = {**world.ask, "idempotency_key": "declined"}
    name = call(made, PROPOSE, samples=world.ids[:1], **other).facts["proposal"]
    call(made, PROPOSE, samples=world.ids[:1], **{**world.ask, "idempotency_key": "taken"})
    with Ledger.open(world.path) as ledger:
        ledger.decline_proposal(name, reason="no need")
        ledger.erase(world.ids[9:], reason="asked for", authority="ticket 7", yes=True)

    async def stale(client: Client) -> Said:
        found = said(await client.call_tool("ledger_search", {"status": "pending", "select": True}))
        with Ledger.open(world.path) as ledger:
            ledger.accept(world.ids[5:6], reason="meanwhile")
        return said(await client.call_tool(RECORD, {**world.ask, "selection": found.facts["selection"]}))

    asked: dict[str, dict[str, Any]] = {
        "another proposal of yours": {**world.ask, "samples": world.ids[:2], "idempotency_key": "taken"},
        "was declined already": {"proposal": name, "idempotency_key": "r"},
        "declined already": {**other, "samples": world.ids[:1]},
        "not at the expected 1": {**world.ask, "samples": world.ids[:1], "expect_head": 1},
        "erased": {**world.ask, "samples": world.ids[9:]},
    }
    end = head(world.path)
    for words, arguments in asked.items():
        refused = call(made, RECORD, person, **arguments)

        assert refused.is_error
        assert words in refused.text
    assert head(world.path) == end
    gone = using(made, stale, person)
    assert gone.is_error
    assert "next: Its filter finds other samples by now. Ask ledger_search again" in gone.text
    assert person.questions == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("allow", "asked", "advice"),
    [
        (("record", "propose"), {}, "Leave it with ledger_propose_decision"),
        (("record",), {}, "Ask a person to run: ledger reject ID... --reason TEXT"),
        (("record",), {"verdict": "label-none"}, "Ask a person to run: ledger relabel ID... --label none"),
        (("record",), {"proposal": ""}, "A person accepts it with: ledger proposals accept P"),
    ],
)
def test_a_client_that_cannot_ask_is_told_what_to_do(
    world: World, era: str, allow: tuple[str, ...], asked: dict[str, Any], advice: str
) -> None:
    """Without elicitation nothing is recorded; the error names a tool only where the server offers it."""
    ask = {**world.ask, "samples": world.ids[:2], **asked}
    if "proposal" in asked:
        made = call(world.server(), PROPOSE, samples=world.ids[:2], **world.ask).facts["proposal"]
        ask = {"proposal": made, "idempotency_key": "r"}
    end = head(world.path)

    refused = call(world.server(*allow), RECORD, None, era, **ask)

    assert refused.is_error
    assert refused.text.startswith("This client cannot ask its user")
    assert f"next: {advice}" in refused.text
    assert (PROPOSE in refused.text) == ("propose" in allow)
    assert head(world.path) == end


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "content", [None, {}, {"record": "perhaps"}, {"record": "yes"}, {"record": "true"}, {"record": 1}, {"record": None}]
)
def test_an_answer_that_is_none_is_one_sentence(world: World, era: str, content: dict[str, Any] | None) -> None:
    """Only true is a yes; what is no answer is said in the server's own words, and nothing is recorded."""
    end = head(world.path)

    refused = call(world.server(), RECORD, Person("accept", content), era, samples=world.ids[:1], **world.ask)

    assert refused.is_error
    assert refused.text.startswith("The client's answer to the question was neither a yes nor a no")
    assert "Resolver" not in refused.text
    assert head(world.path) == end


def test_a_client_that_fails_to_ask_is_one_sentence(world: World) -> None:
    """With a handshake the client may answer the question with an error; its words are not passed on."""

    class Broken(Person):
        async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> Any:  # noqa: ARG002, ANN401 - the SDK's
            return ErrorData(code=-32000, message="there is no window")

    end = head(world.path)

    refused = call(world.server(), RECORD, Broken(), "legacy", samples=world.ids[:1], **world.ask)

    assert refused.is_error
    assert refused.text.startswith("The client answered the question with an error, so nothing was recorded. next: ")
    assert "window" not in refused.text
    assert head(world.path) == end


def test_a_sealed_yes_is_not_taken_for_other_versions(world: World) -> None:
    """Without a handshake, the very answer that the client sent for the old versions only brings the new question."""
    ask = {**world.ask, "samples": world.ids[:2]}

    async def work(client: Client) -> tuple[InputRequiredResult, object]:
        first = await client.session.call_tool(RECORD, ask, allow_input_required=True)
        assert isinstance(first, InputRequiredResult)
        world.edit(world.ids[0])
        answers: Any = dict.fromkeys(
            first.input_requests or {}, ElicitResult(action="accept", content={"record": True})
        )
        return first, await client.session.call_tool(
            RECORD, ask, input_responses=answers, request_state=first.request_state, allow_input_required=True
        )

    first, second = using(world.server(), work, yes())

    assert isinstance(second, InputRequiredResult)
    assert second.input_requests != first.input_requests
    assert "rejected" not in world.kinds()


def test_a_decision_has_a_size(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """More samples than the server takes at once are refused before anybody is asked, with what a person can run."""
    made, person = world.server(), yes()
    name = call(made, PROPOSE, samples=world.ids[:3], **world.ask).facts["proposal"]
    end = head(world.path)
    monkeypatch.setattr("mcp_server.tools.acting.MOST", 2)

    async def work(client: Client) -> list[Said]:
        found = said(await client.call_tool("ledger_search", {"campaign": "first", "select": True}))
        ask = {**world.ask, "selection": found.facts["selection"], "idempotency_key": "s"}
        return [said(await client.call_tool(tool, ask)) for tool in (PROPOSE, RECORD)]

    for refused in using(made, work, person):
        assert refused.is_error
        assert "10 samples are too many for one decision here; the most are 2. next: Narrow the search" in refused.text
    refused = call(made, RECORD, person, proposal=name, idempotency_key="r")
    assert f"ledger proposals accept {name}" in refused.text
    assert person.questions == []
    assert head(world.path) == end


@pytest.mark.parametrize("verdict", ["accept", "label-true"])
def test_what_people_decided_is_not_counted_as_changed(world: World, verdict: str) -> None:
    """An answer never says that a sample changed which a person's decision holds where it is."""
    with Ledger.open(world.path) as ledger:
        ledger.reject(world.ids[:1], reason="bad")
        ledger.relabel(world.ids[:1], "none")
    ask = {**world.ask, "verdict": verdict, "samples": world.ids[:2]}

    done = call(world.server(), RECORD, yes(), **ask)

    assert (done.facts["count"], done.facts["changed"], done.facts["outranked"]) == (2, 1, 1)
    assert done.facts["seqs"][1] - done.facts["seqs"][0] == 1
    assert "1 of 2 changed; 1 stays as it is: a person decided." in done.text


def test_a_proposal_that_a_policy_takes_says_what_it_changed(world: World, tmp_path: Path) -> None:
    """Where it is accepted at once, the answer counts what changed, and what a person holds."""
    policy = tmp_path / "trusting.toml"
    trust = '[[proposals]]\nverdicts = ["reject"]\nactors = ["alice"]\n'
    policy.write_text(f'name = "t"\n\n[[rule]]\nname = "r"\nreject = \'domain == "no"\'\n\n{trust}', encoding="utf-8")
    with Ledger.open(world.path) as ledger:
        ledger.decide(policy)
        ledger.accept(world.ids[:1], reason="good")

    done = call(world.server(), PROPOSE, samples=world.ids[:3], **world.ask)

    assert (done.facts["state"], done.facts["changed"], done.facts["outranked"]) == ("accepted", 2, 1)
    assert "accepted: 2 of 3 changed; 1 stays as it is: a person decided" in done.text


def test_only_a_selection_s_own_head_is_explained_by_it() -> None:
    """A request that names its head itself hears that the head moved, and nothing of selections."""
    for needed, kind, words in ((None, HeadMoved, "ledger log"), (3, BadRequest, "ledger_search")):
        with pytest.raises(kind) as refused, selected(needed):
            raise HeadMoved(5, 3)
        assert words in refused.value.next_step
    assert "changed since the search" in str(refused.value)
    with pytest.raises(BadRequest, match="as it is"), selected(3):
        raise BadRequest("as it is")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("by", ["ids", "proposal"])
def test_a_yes_is_for_the_ledger_that_was_asked_about(tmp_path: Path, by: str, era: str) -> None:
    """Another file in its place, where a proposal of the same key is about other samples, is not decided in."""
    places = [tmp_path / name for name in ("one.db", "other.db")]
    names, ids = [], []
    rows = write(tmp_path / "rows.jsonl", *pairs(5))
    for place, count, verdict in zip(places, (2, 7), ("reject", "accept"), strict=True):
        with Ledger.init(place, actor="alice") as ledger:
            ledger.ingest(rows, campaign="first")
            ids = samples(ledger)
            names.append(ledger.propose(ids[:count], verdict, reason=REASON, key="p")["name"])
    assert names[0] == names[1]
    served = tmp_path / "served.db"
    shutil.copy(places[0], served)

    class Swaps(Person):
        async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
            first = not self.questions
            await super().__call__(context, params)
            if first:
                served.unlink()
                shutil.copy(places[1], served)
            return ElicitResult(action="accept", content={"record": True}) if first else ElicitResult(action="decline")

    chosen = {"proposal": names[0]}
    if by == "ids":
        chosen = {"samples": ids[:2], "verdict": "reject", "reason": REASON}
    ends, person = head(places[1]), Swaps()
    done = call(server(served, "record"), RECORD, person, era, idempotency_key="z", **chosen)

    if era == "legacy":
        assert done.is_error
        assert "Another ledger stands there by now, so nothing was recorded" in done.text
    if era == "legacy" or by == "proposal":
        assert head(served) == ends


def test_a_repetition_under_another_key_says_that_a_person_decided(world: World) -> None:
    """What was said already, and what a person overruled since, is no agreement: it is counted as outranked."""
    ask = {**world.ask, "samples": world.ids[:3]}
    call(world.server(), RECORD, yes(), **ask)
    with Ledger.open(world.path, actor="ada") as ledger:
        ledger.accept(world.ids[:2], reason="good")
    again = call(world.server(), RECORD, yes(), **{**ask, "idempotency_key": "another"})

    assert (again.facts["changed"], again.facts["outranked"], again.facts["unchanged"]) == (0, 2, 1)
    assert again.facts["seqs"] == []
    assert "2 stay as they are: a person decided" in again.text


def test_an_empty_selection_is_refused_in_words(world: World) -> None:
    """A search that found nothing gives a selection about which nothing can be decided."""

    async def work(client: Client) -> Said:
        found = said(await client.call_tool("ledger_search", {"status": "errored", "select": True}))
        return said(await client.call_tool(PROPOSE, {**world.ask, "selection": found.facts["selection"]}))

    refused = using(world.server(), work)
    assert refused.is_error
    assert "That selection holds no samples" in refused.text
    assert "next: Ask ledger_search with other filters" in refused.text
