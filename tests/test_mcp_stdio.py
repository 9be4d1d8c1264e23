"""The server as a program over stdio: pure output, both eras, ending when it is told to, starting quickly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client

from ledger import Ledger
from tests.cli import environment
from tests.mcp_client import ERAS, PROTOCOLS, connected, program, said, talk

START = 1.5
"""Seconds from starting the program to its first answer, at most, on a machine that has nothing else to do."""
PATIENCE = 4
"""How many times as long it may take where others use the machine."""

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def asking(number: int, tool: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a call of a tool as a message."""
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


@pytest.fixture
def path(toolset: Ledger) -> Path:
    """Return where a ledger with samples is."""
    return toolset.path


@contextmanager
def started(path: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start the program with pipes, and kill it in the end if it still runs."""
    how = program(path, *arguments)
    with running([how.command, *how.args]) as process:
        yield process


@contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command with pipes, and kill it in the end if it still runs."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment(), stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()


def send(process: subprocess.Popen[bytes], *messages: Any) -> None:  # noqa: ANN401 - JSON, or bytes as they are
    """Write messages, one a line."""
    assert process.stdin is not None
    for message in messages:
        process.stdin.write(message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n")
    process.stdin.flush()


def answers(process: subprocess.Popen[bytes], count: int) -> dict[int, dict[str, Any]]:
    """Return the next answers, by their numbers."""
    assert process.stdout is not None
    found = [json.loads(process.stdout.readline()) for _ in range(count)]
    return {one["id"]: one for one in found}


@pytest.mark.parametrize("era", ERAS)
def test_a_client_is_served_in_either_era(path: Path, era: str) -> None:
    """The SDK's client starts the program, asks, is refused an argument, and closes it."""

    async def act(client: Client) -> tuple[str, str, str]:
        good = await client.call_tool("ledger_overview", {})
        bad = await client.call_tool("ledger_overview", {"camapign": "x"})
        return client.protocol_version, said(good), said(bad)

    protocol, good, bad = talk(program(path), act, era)

    assert protocol == PROTOCOLS[era]
    assert "120 samples" in good
    assert "did you mean campaign?" in bad


def test_nothing_but_messages_goes_to_stdout(path: Path) -> None:
    """Over a whole conversation, with broken input in it, every line of stdout is JSON-RPC, and stderr is quiet."""
    with started(path) as process:
        send(process, HELLO, READY, b"not json\n", b"\xff\xfe\n", b'{"jsonrpc": "2.0"}\n', b"[]\n", b"\n")
        send(process, asking(2, "ledger_overview"), asking(3, "none"), asking(4, "ledger_why", sample=[1]))
        send(process, {"jsonrpc": "2.0", "id": 5, "method": "no/such"}, asking(6, "ledger_verify"))
        found = answers(process, 6)
        out, err = process.communicate(timeout=60)

    assert sorted(found) == [1, 2, 3, 4, 5, 6]
    assert all(one["jsonrpc"] == "2.0" for one in found.values())
    assert out == b""
    assert process.returncode == 0
    assert b"Traceback" not in err
    assert b"not json" not in err


PRINTS = """
import os, sys
sys.path.insert(0, {root!r})
from mcp_server import server
def noisy(options, make=server.make):
    made = make(options)
    @made.tool()
    async def shout() -> str:
        print("printed", flush=True)
        print("left in the buffer")
        os.system("echo from a child")
        return "said"
    return made
server.make = noisy
from mcp_server import stdio
stdio.make = noisy
sys.argv = ["ledger", "--ledger", {path!r}, "mcp"]
from commands.cli import main
main()
"""


def test_what_a_careless_part_prints_stays_off_the_wire(path: Path) -> None:
    """A print, an unflushed one and a child process that echoes do not reach the client."""
    root = str(Path(__file__).resolve().parent.parent)
    code = PRINTS.format(root=root, path=str(path))
    told = b"".join(json.dumps(one).encode() + b"\n" for one in (HELLO, READY, asking(2, "shout")))
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        send(process, told)
        found = answers(process, 2)
        out, _ = process.communicate(timeout=30)

    assert found[2]["result"]["content"][0]["text"] == "said"
    assert b"printed" not in out
    assert b"child" not in out
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in out.splitlines())


def test_the_end_of_the_input_ends_the_program(path: Path) -> None:
    """A host that closes the input gets its answers first, and exit code 0, without a word on stderr."""
    with started(path) as process:
        send(process, HELLO)
        assert answers(process, 1)[1]["result"]["serverInfo"]["name"] == "sample-ledger"
        out, err = process.communicate(timeout=20)

    assert (process.returncode, out, err) == (0, b"", b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_while_the_input_is_open(path: Path, number: int) -> None:
    """A host that only sends a signal is not left with a process that waits for more input."""
    with started(path) as process:
        send(process, HELLO)
        answers(process, 1)
        os.kill(process.pid, number)
        assert process.wait(timeout=20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_host_that_reads_no_more_ends_the_program(path: Path) -> None:
    """A host that died, or closed only its reading end, leaves no process behind."""
    with started(path) as process:
        send(process, HELLO, READY)
        answers(process, 1)
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=20) == 0


def test_a_long_message_arrives_whole(path: Path) -> None:
    """More than a pipe holds at once goes through what stands between the input and the SDK."""
    with started(path) as process:
        send(process, HELLO, READY, asking(2, "ledger_why", sample="x" * 900_000))
        refused = answers(process, 2)[2]["result"]
        send(process, asking(3, "ledger_overview"))
        assert "120 samples" in json.dumps(answers(process, 1)[3])
        process.communicate(timeout=20)

    assert refused["isError"]
    assert len(refused["content"][0]["text"]) < 1_000


def test_calls_in_flight_are_answered_as_they_end(path: Path) -> None:
    """Thirty calls that are sent at once, and a cancellation of one that has ended, are all answered."""
    with started(path) as process:
        send(process, HELLO, READY, *(asking(number, "ledger_overview") for number in range(2, 32)))
        found = answers(process, 31)
        gone = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}
        send(process, gone, asking(40, "ledger_overview"))
        found |= answers(process, 1)
        process.communicate(timeout=20)

    assert all("120 samples" in json.dumps(found[number]) for number in (*range(2, 32), 40))


def test_two_programs_and_a_writer_share_a_ledger(path: Path) -> None:
    """Readers in other processes neither stop a writer nor miss what it wrote."""

    async def run() -> tuple[list[str], list[str]]:
        seen: tuple[list[str], list[str]] = ([], [])
        async with connected(program(path)) as first, connected(program(path), "legacy") as second:
            for turn in range(3):
                for client, found in zip((first, second), seen, strict=True):
                    result = (await client.call_tool("ledger_overview", {})).structured_content
                    assert result is not None
                    found.append(str(result["as_of"]))
                with Ledger.open(path, actor="ann") as writer:
                    writer.tag([writer.find(limit=1)["samples"][0]["sample"]], "turn", str(turn))
        return seen

    first, second = anyio.run(run)

    assert first == second
    assert len(set(first)) == 3


def test_the_program_starts_quickly(path: Path) -> None:
    """The best of three starts, from nothing to the first answer, is within its time."""
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        with started(path) as process:
            send(process, HELLO, READY, asking(2, "ledger_overview"))
            answers(process, 2)
            taken.append(time.perf_counter() - began)
            process.communicate(timeout=20)

    assert min(taken) < START * PATIENCE, taken


def test_a_ledger_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    """The host shows stderr where a server does not come up; stdout stays empty, also with --json."""
    for more in ((), ("--json",)):
        with started(tmp_path / "none.db", *more) as process:
            out, err = process.communicate(timeout=20)
        assert process.returncode == 10
        assert b"No ledger at" in err
        assert out == b""


WITHOUT = """
import sys
class Gone:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "mcp":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Gone)
sys.argv = ["ledger", "--ledger", sys.argv[1], "mcp"]
from commands.cli import main
main()
"""


def test_a_missing_package_is_said(path: Path) -> None:
    """Without the extra, the refusal says what to install."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(path)],
        cwd=Path(__file__).parent.parent,
        env=environment(),
        input=b"",
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 4
    assert b'pip install "sample-ledger[mcp]"' in done.stderr
    assert done.stdout == b""
