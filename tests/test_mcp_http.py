"""The server over HTTP: names, origins, tokens and sizes, each tried with what an attacker would send."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.client import Client

from ledger import Ledger
from mcp_server import http, server
from mcp_server.face import Face
from mcp_server.options import Options
from mcp_server.tokens import Tokens
from tests.cli import run as run_cli
from tests.conftest import DATA
from tests.mcp_client import (
    ALICE,
    BOB,
    ERAS,
    PROTOCOLS,
    SUBJECTS,
    UNUSED,
    Web,
    connected,
    endless,
    listening,
    program,
    said,
    talk,
    until,
)

MODERN = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}
ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": ENVELOPE}}
START = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
FIRST = {"auto": (LIST, MODERN), "legacy": (START, {})}
"""What a client of either era sends first."""


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> Options:
    """Return how to serve a ledger that the tests of this module only read."""
    folder = tmp_path_factory.mktemp("http")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEDGER_WITNESS_DIR", str(folder / "witness"))
        with Ledger.init(folder / "ledger.db", actor="tester") as made:
            made.ingest([DATA / "poor.jsonl", DATA / "enhanced.jsonl"], campaign="toolset")
    return Options(folder / "ledger.db")


@pytest.fixture(scope="module")
def open_url(options: Options) -> Iterator[str]:
    """Yield the address of a server on this computer that wants no token."""
    with listening(options) as url:
        yield url


@pytest.fixture(scope="module")
def url(options: Options) -> Iterator[str]:
    """Yield the address of a server that wants one of two tokens."""
    with listening(options, SUBJECTS) as address:
        yield address


def post(url: str, era: str, headers: Mapping[str, str] | None = None, **more: Any) -> httpx2.Response:  # noqa: ANN401 - what post takes
    """Send what a client of an era sends first, with other headers."""
    body, own = FIRST[era]
    given = more or {"json": body}
    return httpx2.post(url, headers={**ACCEPT, **own, **(headers or {})}, timeout=20, verify=UNUSED, **given)


def port_of(url: str) -> str:
    """Return the port of an address."""
    return url.split(":")[2].partition("/")[0]


# --- who is answered


@pytest.mark.parametrize("era", ERAS)
def test_a_client_is_answered(open_url: str, era: str) -> None:
    """The SDK's client finds the same server over HTTP as anywhere else."""

    async def act(client: Client) -> tuple[str, str]:
        return client.protocol_version, said(await client.call_tool("ledger_overview", {}))

    protocol, text = talk(Web(open_url), act, era)

    assert protocol == PROTOCOLS[era]
    assert "120 samples" in text


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
def test_the_names_of_this_computer_are_answered(open_url: str, era: str, name: str) -> None:
    """Each with the port, exactly; and a page of the server's own origin may ask."""
    here = f"{name}:{port_of(open_url)}"

    assert post(open_url, era, {"Host": here}).status_code == 200
    assert post(open_url, era, {"Host": here, "Origin": f"http://{here}"}).status_code == 200


HOSTS = [
    "evil.example",
    "evil.example:PORT",
    "127.0.0.1.evil.example:PORT",
    "localhost.evil.example:PORT",
    "localhost:evil.example",
    "localhost:PORT.evil.example",
    "127.0.0.1:PORT@evil.example",
    "127.0.0.1",
    "127.0.0.1:1",
    "0.0.0.0:PORT",
    "127.1:PORT",
    "2130706433:PORT",
    "LOCALHOST:PORT",
    "localhost.:PORT",
    "",
]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("host", HOSTS)
def test_another_name_is_refused(url: str, era: str, host: str) -> None:
    """A name that points here for an attacker (DNS rebinding) gets 421, with a good token as without, on every path."""
    asked = {"Host": host.replace("PORT", port_of(url))}

    for token in ({}, {"Authorization": f"Bearer {ALICE}"}):
        refused = post(url, era, {**asked, **token})
        assert refused.status_code == 421
        assert "evil" not in refused.text
    for path in ("/", "/.well-known/oauth-protected-resource"):
        assert httpx2.get(url.replace("/mcp", path), headers=asked, verify=UNUSED).status_code == 421


ORIGINS = [
    "null",
    "http://evil.example",
    "https://127.0.0.1:PORT",
    "http://127.0.0.1:1",
    "http://127.0.0.1",
    "http://localhost.evil.example:PORT",
    "http://localhost:PORT.evil.example",
    "http://127.0.0.1:PORT/",
    "file://",
]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("origin", ORIGINS)
def test_a_page_of_another_site_is_refused(url: str, era: str, origin: str) -> None:
    """A page that a browser shows from elsewhere gets 403, with a good token as without."""
    asked = {"Origin": origin.replace("PORT", port_of(url))}

    for token in ({}, {"Authorization": f"Bearer {ALICE}"}):
        assert post(url, era, {**asked, **token}).status_code == 403


def test_no_answer_invites_other_pages(open_url: str) -> None:
    """No header lets a browser hand an answer to another site, and a preflight is not granted."""
    asked = httpx2.options(open_url, headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"})
    answered = post(open_url, "auto")

    assert asked.status_code == 403
    for one in (asked, answered):
        assert not [name for name in one.headers if name.startswith("access-control")]
        assert "server" not in one.headers


def test_headers_that_come_twice_are_refused(open_url: str) -> None:
    """Two Hosts or two Origins, one of them good, are not a way around the check."""
    port = int(port_of(open_url))
    for double in (
        f"Host: 127.0.0.1:{port}\r\nHost: evil.example",
        f"Host: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nOrigin: http://evil.example",
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
            wire.sendall(f"GET /mcp HTTP/1.1\r\n{double}\r\nConnection: close\r\n\r\n".encode())
            status = wire.recv(64).split(b" ")[1]
        assert status in {b"400", b"403", b"421"}


def test_names_and_origins_that_the_operator_gives_are_answered(options: Options) -> None:
    """They are added to the server's own, exactly as given."""
    with listening(options, hosts=["ledger.example:8443"], origins=["https://app.example"]) as url:
        assert post(url, "auto", {"Host": "ledger.example:8443"}).status_code == 200
        assert post(url, "auto", {"Host": "ledger.example"}).status_code == 421
        assert post(url, "auto", {"Origin": "https://app.example"}).status_code == 200
        assert post(url, "auto", {"Origin": "http://app.example"}).status_code == 403


# --- tokens


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        f"Bearer {ALICE}x",
        f"Bearer {ALICE[:-1]}",
        f"Basic {ALICE}",
        ALICE,
        f"Bearer {ALICE} {BOB}",
        "Bearer alice",
    ],
)
def test_without_its_token_nobody_is_answered(
    url: str, era: str, header: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """No token, part of one, another scheme: 401, without a word of what was sent, in the answer as in the log."""
    refused = post(url, era, {} if header is None else {"Authorization": header})

    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer ")
    assert "resource_metadata" not in refused.headers["www-authenticate"]
    assert ALICE not in refused.text + caplog.text


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("token", [ALICE, BOB])
def test_with_a_token_one_is_answered(url: str, era: str, token: str, caplog: pytest.LogCaptureFixture) -> None:
    """Any of the tokens, under any spelling of the scheme; none is ever written to the log."""

    async def act(client: Client) -> str:
        return said(await client.call_tool("ledger_overview", {}))

    assert "120 samples" in talk(Web(url, token), act, era)
    assert post(url, era, {"Authorization": f"bearer {token}"}).status_code == 200
    assert token not in caplog.text


def test_a_token_in_the_address_is_none(url: str) -> None:
    """Addresses are logged by proxies; only the header counts."""
    assert post(f"{url}?access_token={ALICE}&token={ALICE}", "auto").status_code == 401


def test_a_body_is_not_read_before_the_token(url: str) -> None:
    """Who has no token cannot make the server keep a megabyte."""
    assert post(url, "auto", content=b"x" * (http.LARGEST + 1)).status_code == 401


def test_a_verifier_keeps_no_token() -> None:
    """What the SDK passes around after a request was let in holds the subject, not the token."""
    found = anyio.run(Tokens(SUBJECTS).verify_token, ALICE)

    assert found is not None
    assert found.subject == "alice"
    assert ALICE not in str(found)
    assert anyio.run(Tokens(SUBJECTS).verify_token, "\ud800") is None


# --- sizes and shapes


@pytest.mark.parametrize("era", ERAS)
def test_a_body_over_one_megabyte_is_refused(open_url: str, era: str) -> None:
    """Whether its length was said before or not; one of just that size is read."""
    assert post(open_url, era, content=b" " * (http.LARGEST + 1)).status_code == 413
    assert post(open_url, era, content=_pieces(http.LARGEST + 1)).status_code == 413
    assert post(open_url, era, content=b" " * http.LARGEST).status_code in {200, 400}


def _pieces(length: int) -> Iterator[bytes]:
    for _ in range(0, length, 65_536):
        yield b" " * 65_536


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"jsonrpc":"2.0"}',
        b'{"jsonrpc":"2.0","id":1,"method":5}',
        b"[" * 100_000,
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":' + b"9" * 10_000 + b"}}",
    ],
    ids=range(10),
)
def test_what_is_no_request_is_refused(open_url: str, era: str, content: bytes) -> None:
    """Broken JSON, batches, endless numbers and deep nesting end in an error of the protocol, not in a traceback."""
    refused = post(open_url, era, content=content)

    assert 400 <= refused.status_code < 500
    assert "Traceback" not in refused.text
    assert post(open_url, era).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_can_send_is_refused(open_url: str, kind: str) -> None:
    """A page can send these to another site without asking first, so they are not read as requests."""
    for era in ERAS:
        assert post(open_url, era, {"Content-Type": kind}).status_code == 400


@pytest.mark.parametrize("era", ERAS)
def test_a_client_that_goes_away_takes_its_question_along(options: Options, era: str) -> None:
    """Over HTTP too a call that nobody waits for any more is stopped in the database, long before its deadline."""
    faces: list[Face] = []

    def make(**auth: Any) -> server.LedgerServer:  # noqa: ANN401 - the SDK's
        mcp = server.make(replace(options, deadline=60), **auth)
        faces.append(mcp.face)

        @mcp.tool()
        async def slow() -> str:
            return str(await mcp.face.read(endless))

        return mcp

    def busy() -> set[Any]:
        return faces[0]._readers._crew.running  # noqa: SLF001 - nothing shows it outside

    async def run(address: str) -> None:
        async with connected(Web(address), era) as client:
            with anyio.move_on_after(0.5):
                await client.call_tool("slow", {})
            await until(lambda: not busy())
            assert "120 samples" in said(await client.call_tool("ledger_overview", {}))

    with listening(options, make=make) as address:
        anyio.run(run, address)


@pytest.mark.parametrize("era", ERAS)
def test_many_are_answered_at_once(url: str, era: str) -> None:
    """Forty calls of two people at the same time are all answered."""

    async def run() -> list[str]:
        found: list[str] = []

        async def one(client: Client) -> None:
            found.append(said(await client.call_tool("ledger_overview", {})))

        async with (
            connected(Web(url, ALICE), era) as alice,
            connected(Web(url, BOB), era) as bob,
            anyio.create_task_group() as tasks,
        ):
            for client in (alice, bob) * 20:
                tasks.start_soon(one, client)
        return found

    found = anyio.run(run)
    assert len(found) == 40
    assert all("120 samples" in one for one in found)


# --- the command


def file_of(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    """Write a token file."""
    path = tmp_path / "tokens"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("arguments", "env", "says"),
    [
        (["--http", "0.0.0.0:0"], {}, "there is no token"),
        (["--http", "0.0.0.0:0"], {"LEDGER_TOKEN": ALICE}, "under which this server is reached"),
        (["--http", "127.0.0.1:0"], {"LEDGER_TOKEN": ""}, "The token in LEDGER_TOKEN is shorter than 16 characters"),
        (
            ["--http", "127.0.0.1:0"],
            {"LEDGER_TOKEN": "short"},
            "The token in LEDGER_TOKEN is shorter than 16 characters",
        ),
        (["--http", "127.0.0.1:0", "--token-file", "/nonexistent"], {}, "cannot be read"),
        (["--http", "127.0.0.1:0", "--allow-host", "*"], {}, "not an exact host"),
        (["--http", "nowhere"], {}, "is not HOST:PORT"),
        (["--deadline", "0"], {}, "more than 0"),
        (["--deadline", "4000"], {}, "at most 3600"),
        (["--allow", "everything"], {}, "'everything' is not one of"),
        (["--export-root", "/nonexistent"], {}, "does not exist"),
        (["--actor", "a\nb"], {}, "control character"),
    ],
)
def test_the_command_refuses_to_begin(options: Options, arguments: list[str], env: dict[str, str], says: str) -> None:
    """What is unsafe or cannot work is said at once on stderr, with nothing on stdout and no token anywhere."""
    done = run_cli("--json", "--ledger", options.path, "mcp", *arguments, env=env)

    assert done.code in {2, 4}
    assert says in done.err
    assert not done.out or "--deadline" not in arguments
    assert ALICE not in done.err
    assert "short" not in done.err.replace("shorter", "")


def test_the_program_serves_until_it_is_told_to_stop(options: Options, tmp_path: Path) -> None:
    """It says where it listens, answers with the token of the file, and ends with 0 after SIGTERM, without a word."""
    file = file_of(tmp_path, f"alice:{ALICE}\n")
    start = program(options.path, "--http", "127.0.0.1:0", "--token-file", str(file))
    with subprocess.Popen(
        [start.command, *start.args],
        env=start.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline().decode()
        found = re.search(r"http://127\.0\.0\.1:\d+/mcp", line)
        assert found, line
        assert post(found[0], "auto").status_code == 401
        assert post(found[0], "auto", {"Authorization": f"Bearer {ALICE}"}).status_code == 200
        os.kill(process.pid, signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, b"", b"")
