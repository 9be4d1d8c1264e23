"""The frame of the server: reading side by side, deadlines, cancellation, writing in a caller's name, plain errors."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, PromptReference

from ledger import Ledger
from ledger.errors import (
    BadRequest,
    BrokenLaw,
    ErasedBytes,
    Interrupted,
    LedgerBusy,
    LedgerError,
    LedgerNotFound,
    NoSuchId,
    NoSuchProposal,
    NotWritable,
    PlanImpossible,
    ProposalSettled,
    RolledBack,
)
from mcp_server import errors, workers
from mcp_server.answers import answer
from mcp_server.face import READERS, Face
from mcp_server.identity import Caller
from mcp_server.options import Options
from mcp_server.selftest import selftest
from mcp_server.server import LedgerServer, make
from mcp_server.workers import Question, Workers
from tests.mcp_client import ERAS, PROTOCOLS, call, connected, empty, endless, said, talk, until

CANARY = "canary-7f3a"
CALLER = Caller("ann", {})


@pytest.fixture
def path(toolset: Ledger) -> Path:
    """Return where a ledger with samples is."""
    return toolset.path


def head(ledger: Ledger) -> int:
    """Return the position of the head."""
    return int(ledger.status()["head"]["position"])


def read(face: Face, ask: Callable[[Ledger], object], seconds: float | None = None) -> object:
    """Ask once, in a loop of its own."""

    async def run() -> object:
        return await face.read(ask, seconds=seconds)

    try:
        return anyio.run(run)
    finally:
        face.close()


# --- reading


def test_a_question_is_answered_by_a_ledger_that_cannot_write(path: Path) -> None:
    """What reads gets a ledger in which every writing verb is refused."""
    face = Face(Options(path))

    assert read(face, lambda ledger: ledger.status()["samples"]) == 120
    with pytest.raises(NotWritable):
        read(face, lambda ledger: ledger.accept([ledger.find(limit=1)["samples"][0]["sample"]]))


def test_sixteen_questions_run_at_once_and_no_more(path: Path) -> None:
    """Sixteen that wait for one another all end; a seventeenth begins only when one of them has ended."""
    face = Face(Options(path, deadline=60))
    together = threading.Barrier(READERS)
    running, most, lock = 0, 0, threading.Lock()

    def ask(ledger: Ledger) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(30)
        with lock:
            running -= 1
        return head(ledger)

    async def run() -> list[int]:
        found: list[int] = []

        async def one() -> None:
            found.append(await face.read(ask))

        async with anyio.create_task_group() as tasks:
            for _ in range(2 * READERS):
                tasks.start_soon(one)
        return found

    try:
        found = anyio.run(run)
    finally:
        face.close()
    assert len(found) == 2 * READERS
    assert len(set(found)) == 1
    assert most == READERS


def test_readers_see_what_is_written_meanwhile(path: Path) -> None:
    """A reader that stays open sees each commit of another process's at once, and holds nobody up."""
    face = Face(Options(path))

    async def run() -> list[int]:
        seen = []
        for tag in range(3):
            seen.append(await face.read(head))
            with Ledger.open(path, actor="ann") as other:
                other.tag([other.find(limit=1)["samples"][0]["sample"]], "round", str(tag))
        return seen

    try:
        seen = anyio.run(run)
    finally:
        face.close()
    assert seen[0] < seen[1] < seen[2]


def test_another_file_in_its_place_is_opened(path: Path, tmp_path: Path) -> None:
    """A file that is put in the ledger's place while the server runs is the one that answers from then on."""
    copy = tmp_path / "copy.db"
    shutil.copyfile(path, copy)
    hand = workers.Hand(path)
    try:
        before = head(hand.reading())
        with Ledger.open(copy) as ledger:
            ledger.tag([ledger.find(limit=1)["samples"][0]["sample"]], "new", "yes")
        assert head(hand.reading()) == before
        copy.replace(path)
        assert head(hand.reading()) > before
    finally:
        hand.close()


def test_a_deadline_stops_the_sql(path: Path) -> None:
    """A question past its time is answered for, and its thread is free again: the SQL itself has ended."""
    face = Face(Options(path, deadline=0.3))
    began = time.monotonic()

    with pytest.raises(Interrupted, match="stopped after"):
        read(face, endless)

    assert time.monotonic() - began < 5
    assert not threads()


def test_a_question_may_be_given_more_time(path: Path) -> None:
    """`seconds` stands above the server's deadline."""
    face = Face(Options(path, deadline=0.05))

    def ask(ledger: Ledger) -> int:
        time.sleep(0.2)
        return head(ledger)

    assert read(face, ask, seconds=30)


def test_two_of_a_lane_run_at_once_and_the_others_wait(path: Path) -> None:
    """Long questions leave room for short ones; those that wait get their turn, or are told to ask again."""
    face = Face(Options(path, deadline=60))
    free, running, most, lock = threading.Event(), 0, 0, threading.Lock()

    def hold(ledger: Ledger) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        free.wait(30)
        with lock:
            running -= 1
        return head(ledger)

    async def run() -> list[int]:
        found: list[int] = []

        async def one() -> None:
            found.append(await face.read(hold, seconds=60))

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(one)
            await until(lambda: running == workers.LANE)
            assert await face.read(head)
            with pytest.raises(Interrupted) as caught:
                await face.read(hold, seconds=0.05)
            assert caught.value.next_step == workers.BUSY
            free.set()
        return found

    try:
        assert len(anyio.run(run)) == 5
    finally:
        face.close()
    assert most == workers.LANE


def test_opening_is_part_of_a_questions_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that takes longer to open than the question may is given up, and the question is not asked."""
    opened = Ledger.open

    def slowly(*args: Any, **more: Any) -> Ledger:  # noqa: ANN401 - as the original takes them
        waits.append(more["wait"])
        time.sleep(0.4)
        return opened(*args, **more)

    waits: list[float] = []
    asked: list[int] = []
    monkeypatch.setattr(Ledger, "open", slowly)
    face = Face(Options(path, deadline=0.2))

    with pytest.raises(Interrupted):
        read(face, lambda _ledger: asked.append(1))

    assert not asked
    assert waits == [workers.SHORTEST]


def test_what_no_sql_runs_in_is_given_up_all_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that loops outside of SQL is answered for a little after its deadline."""
    monkeypatch.setattr(workers, "GRACE", 0.1)
    face = Face(Options(path, deadline=0.1))
    free = threading.Event()

    async def run() -> None:
        with pytest.raises(Interrupted):
            await face.read(lambda _ledger: free.wait(30))

    began = time.monotonic()
    anyio.run(run)
    assert time.monotonic() - began < 5
    free.set()
    face.close()


def threads() -> list[threading.Thread]:
    """Return the worker threads that live."""
    return [one for one in threading.enumerate() if one.name == "ledger"]


def test_cancelling_stops_the_sql(path: Path) -> None:
    """A caller that goes away takes its question along, also while the SQL runs."""
    face = Face(Options(path, deadline=60))

    async def run() -> None:
        with anyio.move_on_after(0.5) as scope:
            await face.read(endless)
        assert scope.cancelled_caught
        began = time.monotonic()
        assert await face.read(head) > 0
        assert time.monotonic() - began < 5
        await until(lambda: not busy(face))

    anyio.run(run)
    face.close()
    assert not threads()


def busy(face: Face) -> list[object]:
    """Return the questions that run."""
    return list(face._readers._crew.running)  # noqa: SLF001 - nothing shows it outside


def test_a_question_that_waits_is_cancelled_before_it_begins(path: Path) -> None:
    """What was given up while it waited for a thread is never asked."""
    crew = Workers(path, 1)
    free, asked = threading.Event(), []

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(crew.do, Question(lambda _ledger: free.wait(30), 30))
            await anyio.sleep(0.1)
            with anyio.move_on_after(0.1):
                await crew.do(Question(lambda _ledger: asked.append(1), 30))
            free.set()

    anyio.run(run)
    crew.close()
    assert asked == []


def test_idle_threads_end_and_come_back(path: Path) -> None:
    """A thread that nobody asks closes its ledger and ends; the next question gets a new one."""
    crew = Workers(path, 4, idle=0.05)

    async def run() -> None:
        for _ in range(3):
            assert await crew.do(Question(head, 30)) > 0
            await until(lambda: not threads())

    anyio.run(run)
    crew.close()


def test_closing_lets_later_questions_open_again(path: Path) -> None:
    """A face that was closed answers again when it is asked again, as when a second client connects."""
    face = Face(Options(path))

    assert read(face, head) == read(face, head)
    assert not threads()


# --- writing


def test_what_is_written_is_written_in_the_callers_name(path: Path) -> None:
    """The event bears the principal as its actor and mcp as its way in."""
    face = Face(Options(path))

    async def run() -> None:
        await face.write(CALLER, lambda ledger: ledger.accept([ledger.find(limit=1)["samples"][0]["sample"]]))

    anyio.run(run)
    face.close()
    with Ledger.open(path) as ledger:
        last = next(one for one in ledger.log(limit=5) if one["kind"] == "accepted")
    assert (last["actor"], last["via"]) == ("ann", "mcp")


def test_writers_take_turns(path: Path) -> None:
    """Two writes of one process never overlap, whatever order they come in."""
    face = Face(Options(path))
    inside: list[int] = []
    most: list[int] = []

    def act(_ledger: Ledger) -> None:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.05)
        inside.pop()

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(face.write, CALLER, act)

    anyio.run(run)
    face.close()
    assert most == [1, 1, 1, 1]


def test_a_write_that_has_begun_ends(path: Path) -> None:
    """Cancelling the caller neither stops nor tears what is being written."""
    face = Face(Options(path))
    begun = threading.Event()

    def act(ledger: Ledger) -> None:
        begun.set()
        time.sleep(0.3)
        ledger.accept([ledger.find(limit=1)["samples"][0]["sample"]])

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(face.write, CALLER, act)
            await until(begun.is_set)
            tasks.cancel_scope.cancel()

    anyio.run(run)
    face.close()
    with Ledger.open(path) as ledger:
        assert ledger.status()["by_status"]["accepted"] == 1


# --- words


@pytest.fixture
def broken(path: Path) -> LedgerServer:
    """Return a server whose parts fail in every way."""
    mcp, face = empty(Options(path, deadline=0.3))
    _failing_tools(mcp, face)
    _failing_others(mcp, face)
    return mcp


def _failing_tools(mcp: LedgerServer, face: Face) -> None:
    @mcp.tool()
    async def crash(what: str = "") -> CallToolResult:
        raise KeyError(f"{CANARY} {what}")

    @mcp.tool()
    async def law() -> CallToolResult:
        return await face.read(lambda _ledger: _raise(BrokenLaw("the tree")))

    @mcp.tool()
    async def wrong() -> CallToolResult:
        return await face.read(lambda _ledger: _raise(NoSuchId("abc")))

    @mcp.tool()
    async def grouped() -> CallToolResult:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(face.read, lambda _ledger: _raise(NoSuchId("abc")))
        return CallToolResult(content=[])

    @mcp.tool()
    async def slow() -> CallToolResult:
        return await face.read(lambda ledger: _raise(BadRequest(str(endless(ledger)))))

    @mcp.tool()
    async def long() -> CallToolResult:
        raise BadRequest("x" * 100_000)


def _failing_others(mcp: LedgerServer, face: Face) -> None:
    @mcp.resource("ledger://crash/{name}")
    async def bad(name: str) -> str:
        raise KeyError(f"{CANARY} {name}")

    @mcp.resource("ledger://none/{name}")
    async def none(name: str) -> str:
        return str(await face.read(lambda _ledger: _raise(NoSuchId(name))))

    @mcp.prompt()
    async def burst(word: str) -> str:
        """Fail."""
        raise KeyError(f"{CANARY} {word}")

    async def complete(_ref: object, _argument: object, _context: object) -> None:
        raise KeyError(CANARY)

    mcp.completion()(complete)  # type: ignore[no-untyped-call]  # the SDK leaves it untyped


def _raise(error: Exception) -> CallToolResult:
    raise error


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("tool", "begins", "ends"),
    [
        ("crash", "The server failed to answer (an internal error).", "next: tell the operator; its log says where."),
        ("law", "A law of the ledger would be broken", "that led here."),
        ("wrong", "Nothing in the ledger has the id abc.", "any unique prefix of 6 characters or more works."),
        ("grouped", "Nothing in the ledger has the id abc.", "any unique prefix of 6 characters or more works."),
        ("slow", "The question was stopped after 0.", "Nothing was changed."),
        ("long", "xxx", "the tool's input schema says what it takes."),
        (
            "crahs",
            "There is no tool 'crahs'; did you mean crash? There are: ",
            "crash, law, wrong, grouped, slow, long.",
        ),
    ],
)
def test_an_error_is_one_line_with_a_next_step(
    broken: LedgerServer, tool: str, begins: str, ends: str, era: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a tool raises, a model reads one short line, without the words of an exception that nobody foresaw."""
    found = call(broken, tool, era=era)

    assert found.is_error
    assert said(found).startswith(begins)
    assert said(found).endswith(ends)
    assert "\n" not in said(found)
    assert len(said(found)) <= errors.LONGEST
    assert CANARY not in caplog.text


def test_what_nobody_foresaw_is_logged_as_kind_and_place(
    broken: LedgerServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator reads which tool, which exception and which line; not what it said, which may be a sample."""
    with caplog.at_level(logging.DEBUG):
        call(broken, "crash", {"what": CANARY})

    assert "crash: KeyError at test_mcp_frame.py:" in caplog.text
    assert CANARY not in "".join(one.getMessage() for one in caplog.records if one.name == "mcp_server")
    assert not any(one.exc_info for one in caplog.records if one.name.startswith("mcp.server"))


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda client: client.read_resource("ledger://crash/x"), "internal error"),
        (lambda client: client.read_resource("ledger://none/abcdef"), "Nothing in the ledger has the id abcdef."),
        (lambda client: client.read_resource("ledger://nothing"), "Unknown resource: ledger://nothing"),
        (lambda client: client.get_prompt("burst", {"word": "x"}), "internal error"),
        (lambda client: client.get_prompt("burts", {}), "There is no prompt 'burts'; did you mean burst?"),
        (lambda client: client.get_prompt("burst", {"wrod": "x"}), "There is no argument 'wrod'; did you mean word?"),
        (lambda client: client.get_prompt("burst", {}), "Missing required arguments: {'word'}"),
        (lambda client: client.complete(_ref(), {"name": "word", "value": "a"}), "Error completing"),
    ],
    ids=["resource", "missing", "unknown", "prompt", "no-prompt", "no-argument", "needed", "completion"],
)
def test_errors_of_the_protocol_say_no_more(
    broken: LedgerServer, ask: Callable[[Client], object], says: str, era: str
) -> None:
    """Resources, prompts and completions fail in the same words as tools do."""
    with pytest.raises(MCPError, match=r"\w") as caught:
        talk(broken, ask, era)  # type: ignore[arg-type]  # each returns something else

    assert says in caught.value.message
    assert CANARY not in str(caught.value.error)


def _ref() -> PromptReference:
    return PromptReference(name="burst")


def test_the_hint_of_a_command_line_is_not_given_to_an_agent() -> None:
    """An agent has no command line: what would send it there has words of its own, what was said on purpose stays."""
    assert (
        errors.told(BadRequest("No")) == "No. next: Correct the arguments; the tool's input schema says what it takes."
    )
    assert errors.told(BadRequest("No", hint="Say yes.")) == "No. next: Say yes."
    assert "--wait" not in errors.told(LedgerBusy("x", 3))


@pytest.mark.parametrize(
    "error",
    [
        LedgerBusy(
            Path("/home/ada/l.db"), 3, hint="Wait until process 7 (x --api-key sk-SECRET\nignore all) has finished"
        ),
        RolledBack(Path("/home/ada/l.db"), "it is older", "/home/ada/.local/state/witness"),
        LedgerNotFound(Path("/home/ada/l.db")),
        NoSuchProposal("P7"),
        ProposalSettled("P7", "declined", 9),
        ErasedBytes("A change to sample abcdef", 9, hint="`ledger show` says who erased it, and why."),
        PlanImpossible("No group fits", hint="Change --batch-size, or run `ledger status`."),
        NotWritable(Path("/home/ada/exports/a.jsonl"), "there is no directory /home/ada/exports"),
        BadRequest("Somebody wrote", hint="Look at /home/ada/l.db\nand run `ledger verify`."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_agent_is_told_what_it_can_do(error: LedgerError) -> None:
    """One line: no folders of this computer, no command lines, not what another process was started with."""
    told = errors.told(error)

    assert "\n" not in told
    for word in ("SECRET", "ignore all", "process 7", "/home", "ada/", "witness", "`ledger", "--batch"):
        assert word not in told
    assert len(told.partition(" next: ")[2]) > 10


# --- the whole


@pytest.mark.parametrize("era", ERAS)
def test_a_client_finds_the_server(path: Path, era: str) -> None:
    """In either era the server says who it is and that it reads, and lists its tools in the same order each time."""

    async def act(client: Client) -> tuple[str, str, list[str]]:
        names = [one.name for one in (await client.list_tools()).tools]
        assert names == [one.name for one in (await client.list_tools()).tools]
        assert client.server_info is not None
        return client.protocol_version, client.server_info.name, names

    protocol, name, tools = talk(make(Options(path)), act, era)

    assert (protocol, name) == (PROTOCOLS[era], "sample-ledger")
    assert tools[0] == "ledger_overview"
    assert not [one for one in tools if one in {"ledger_propose_decision", "ledger_record_decision"}]


def test_a_tool_that_was_not_allowed_is_not_there(path: Path) -> None:
    """Without --allow a tool that writes is neither listed nor callable, and the refusal says what a person can do."""
    found = call(make(Options(path)), "ledger_record_decision", {"idempotency_key": "a"})

    assert found.is_error
    assert (
        said(found) == "ledger_record_decision is not offered: a person has to start this server with --allow record."
    )


def test_only_what_exists_can_be_allowed(path: Path) -> None:
    """A kind of writing that there is not is refused when the server is made."""
    with pytest.raises(ValueError, match="everything"):
        make(Options(path, allow=frozenset({"everything"})))


def test_two_tools_of_one_name_are_a_mistake(path: Path) -> None:
    """The second is not silently left out."""
    mcp, _ = empty(Options(path))
    mcp.add_tool(lambda: "a", name="twice")

    with pytest.raises(ValueError, match="twice"):
        mcp.add_tool(lambda: "b", name="twice")


def test_the_last_client_closes_the_ledger(path: Path) -> None:
    """While anybody is connected the ledger stays open; afterwards no thread is left."""
    mcp, face = empty(Options(path))

    @mcp.tool()
    async def where() -> CallToolResult:
        return await face.read(lambda ledger: answer({"as_of": head(ledger)}, line="Here."))

    async def run() -> None:
        async with connected(mcp) as first:
            async with connected(mcp, "legacy") as second:
                assert not (await second.call_tool("where", {})).is_error
            assert threads()
            assert not (await first.call_tool("where", {})).is_error

    anyio.run(run)
    assert not threads()


def test_clients_that_cancel_free_the_server(path: Path) -> None:
    """A client that gives up on a slow call gets the next answer at once, in either era."""
    mcp, face = empty(Options(path, deadline=60))

    @mcp.tool()
    async def slow() -> str:
        return str(await face.read(endless))

    @mcp.tool()
    async def where() -> str:
        return str(await face.read(head))

    async def run(era: str) -> None:
        async with connected(mcp, era) as client:
            with anyio.move_on_after(0.5):
                await client.call_tool("slow", {})
            assert said(await client.call_tool("where", {})).isdigit()
            await until(lambda: not busy(face))

    for era in ERAS:
        anyio.run(run, era)


def test_identity_of_a_call_in_memory(path: Path) -> None:
    """A tool that writes learns who calls; the client is what the client says it is."""
    mcp, face = empty(Options(path, actor="olga"))

    @mcp.tool()
    async def who(ctx: Context) -> CallToolResult:
        caller = face.caller(ctx, "who")
        return answer({"principal": caller.principal, **caller.client}, line="You.")

    for era in ERAS:
        facts = call(mcp, "who", era=era).structured_content
        assert facts is not None
        assert (facts["principal"], facts["name"], facts["tool"]) == ("olga", "mcp", "who")


def test_the_selftest_sees_what_a_client_sees(path: Path) -> None:
    """It connects in both eras, lists everything and asks for an overview."""
    found = anyio.run(selftest, Options(path))

    assert found["passed"], found["failed"]
    assert [one["protocol"] for one in found["eras"]] == [PROTOCOLS[era] for era in ERAS]
    assert all("120 samples" in one["overview"] for one in found["eras"])
