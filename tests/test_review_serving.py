"""The page on a real port: what comes over the wire as no browser sends it, and how the program ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from ledger import Ledger
from review_page import connections, server
from review_page.guard import LARGEST
from review_page.options import Options
from review_page.pages import PAGES
from review_page.site import View
from tests.cli import environment
from tests.review import world
from tests.review_serving import Serving, endless, serving
from tests.small import chat, write

TOKEN = "a-long-token-of-anna"  # noqa: S105 - of a test
ENDLESS = View("/endless", "error.html", "Endless", lambda ledger, _: {"found": endless(ledger)})
SLOW = View("/endless/slow", "error.html", "Endless", ENDLESS.ask, slow=True)
PROGRAM = """
import sys
from pathlib import Path
from http_access.door import Door
from http_access.place import Place
from review_page import connections, server
from review_page.options import Options
from review_page.pages import PAGES
from tests.test_review_serving import ENDLESS
server.PAGES = (*server.PAGES, ENDLESS)
say = lambda url: (sys.stdout.write(url + "\\n"), sys.stdout.flush())
server.serve(Options(Path(sys.argv[1]), deadline=60), Door(Place("127.0.0.1", 0)), say)
"""


def status(answer: bytes) -> int:
    """Return the status of an answer."""
    return int(answer.split(b" ", 2)[1])


def test_a_path_is_no_server(ledger: Ledger) -> None:
    """A good token in an address whose path begins like another server's leads to a page of this one."""
    with serving(Options(ledger.path), {TOKEN: "anna"}) as here:
        answer = here.ask(f"GET //evil.example/?token={TOKEN}&a=b%26c")
        assert status(answer) == 303
        assert re.search(rb"\r\nlocation: ([^\r]+)", answer)[1] == b"/evil.example/?a=b%26c"  # type: ignore[index]
        for bearer in ("", "x", TOKEN[:-1]):
            assert status(here.ask("GET /", {"Authorization": f"Bearer {bearer}"})) == 401
        assert status(here.ask("GET /", {"Authorization": f"Bearer {TOKEN}"})) == 200


@pytest.mark.parametrize("path", ["/decide", "/adopt", "/nothing", "/static/review.js", "/"])
@pytest.mark.parametrize("lie", [{}, {"Content-Length": "10"}], ids=["chunked", "with-a-length"])
@pytest.mark.parametrize("subjects", [{}, {TOKEN: "anna"}], ids=["open", "stranger"])
def test_no_more_of_a_body_is_taken_than_is_allowed(
    ledger: Ledger, path: str, lie: dict[str, str], subjects: dict[str, str]
) -> None:
    """Somebody who sends pieces without an end is told so, and cut off, whatever they said before."""
    with serving(Options(ledger.path), subjects) as here, here.connected() as wire:
        name = f"127.0.0.1:{here.port}"
        own = {"Host": name, "Origin": f"http://{name}", "Content-Type": "application/x-www-form-urlencoded"}
        head = "".join(f"{key}: {value}\r\n" for key, value in {**own, **lie, "Transfer-Encoding": "chunked"}.items())
        wire.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode())
        piece, sent = b"10000\r\n" + b"x" * 65_536 + b"\r\n", 0
        with suppress(ConnectionError):
            while sent < 16 * LARGEST:
                wire.sendall(piece)
                sent += len(piece)
        assert sent < 8 * LARGEST, "it read on"
        assert status(here.ask("GET /overview.json")) == (401 if subjects else 200)


def test_a_large_body_is_refused_before_it_comes(ledger: Ledger) -> None:
    """By the length that it says it has: the answer is there when not a byte was sent."""
    with serving(Options(ledger.path)) as here:
        told = {"Origin": f"http://127.0.0.1:{here.port}", "Content-Length": str(LARGEST + 1)}
        assert status(here.ask("POST /decide", told)) == 413


def test_a_stranger_makes_no_rows(tmp_path: Path, data: Path) -> None:
    """The rows of a release are made for who asks for them here, not for HEAD and not for a page of another site."""
    path = world(tmp_path, data)
    with Ledger.open(path, read_only=True) as looked:
        position = looked.releases()["releases"][0]["position"]
    with serving(Options(path)) as here:
        address = f"/release/{position}/rows"
        assert status(head := here.ask(f"HEAD {address}")) == 405
        assert b"allow: GET\r\n" in head
        image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
        link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        assert status(here.ask(f"GET {address}", image)) == 403
        assert status(here.ask(f"GET {address}", link)) == 403
        assert status(here.ask("GET /releases", link)) == 200
        assert here.ask(f"GET {address}").partition(b"\r\n\r\n")[2] == (tmp_path / "second.jsonl").read_bytes()


def test_the_server_ends_at_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for an answer without an end is told, who waits for a thread too; nobody is waited for."""
    monkeypatch.setattr(server, "PAGES", (*PAGES, ENDLESS, SLOW))
    answers: list[bytes] = []

    def ask(here: Serving, address: str) -> None:
        answers.append(here.ask(f"GET {address}"))

    with serving(Options(ledger.path, deadline=60)) as here:
        asking = [threading.Thread(target=ask, args=(here, ("/endless", "/endless.json")[n % 2])) for n in range(12)]
        for one in asking:
            one.start()
        time.sleep(0.7)
        began = time.monotonic()
        here.server.should_exit = True
        here.thread.join(20)
        took = time.monotonic() - began
        for one in asking:
            one.join(20)
    assert took < 2
    assert [status(answer) for answer in answers] == [503] * 12


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_ends_the_program(ledger: Ledger, presses: int) -> None:
    """Soon, with 0 and without a word, while questions run that have no end; pressed again it does the same."""
    command = [sys.executable, "-c", PROGRAM, str(ledger.path)]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        port = int(url.rsplit(":", 1)[1].strip("/"))
        wires = [Serving(None, None, port).connected() for _ in range(8)]  # type: ignore[arg-type]
        for wire in wires:
            wire.sendall(f"GET /endless HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        time.sleep(0.7)
        began = time.monotonic()
        for _ in range(presses):
            os.kill(process.pid, signal.SIGINT)
            time.sleep(0.05)
        out, err = process.communicate(timeout=30)
        for wire in wires:
            wire.close()
    assert time.monotonic() - began < 4
    assert (process.returncode, out) == (0, "")
    assert presses > 1 or err == ""


def dribble(wire: socket.socket, seconds: float) -> None:
    """Send a byte now and then until the other side has enough."""
    ends = time.monotonic() + seconds
    with suppress(OSError):
        while time.monotonic() < ends:
            wire.sendall(b"x")
            time.sleep(0.05)


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: ", b"POST /decide HTTP/1.1\r\n"], ids=len)
def test_idle_connections_keep_nobody_out(ledger: Ledger, sent: bytes) -> None:
    """As many as there may be and more, on which nothing or half of a head comes: others are answered at once."""
    with serving(Options(ledger.path)) as here, ExitStack() as held:
        for _ in range(connections.MOST + 20):
            held.enter_context(here.connected()).sendall(sent)
        began = time.monotonic()
        assert [status(here.ask("GET /keys")) for _ in range(5)] == [200] * 5
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("awaited", "sent"),
    [
        ("head", b""),
        ("head", b"GET /keys HTTP/1.1\r\nX: "),
        ("body", (b"POST /decide HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Length: 999\r\n"
         b"Content-Type: application/x-www-form-urlencoded\r\n\r\n")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("slowly", [False, True])
def test_whoever_sends_nothing_is_cut_off(
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    awaited: str,
    sent: bytes,
    slowly: bool,  # noqa: FBT001 - of a test
) -> None:
    """After a while, also who sends a byte now and then; nothing is told of it."""
    monkeypatch.setitem(connections.PATIENCE, awaited, 0.5)
    with serving(Options(ledger.path)) as here, here.connected() as wire:
        wire.sendall(sent.replace(b"{host}", f"127.0.0.1:{here.port}".encode()))
        if slowly:
            dribble(wire, 4)
        wire.settimeout(5)
        with suppress(ConnectionError):
            assert wire.recv(10) == b""
    assert [one.getMessage() for one in caplog.records] == []


def test_whoever_takes_nothing_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that does not fit into what the system keeps is not kept for ever."""
    monkeypatch.setitem(connections.PATIENCE, "answer", 0.5)
    with Ledger.init(tmp_path / "ledger.db", actor="anna") as made:
        made.ingest([write(tmp_path / "x.jsonl", chat("q", "x" * 20_000_000, label=True))], campaign="c")
        (sample,) = (row["sample"] for row in made.find()["samples"])
    with serving(Options(made.path)) as here, here.connected() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.sendall(f"GET /sample/{sample}.json HTTP/1.1\r\nHost: 127.0.0.1:{here.port}\r\n\r\n".encode())
        held = here.server.server_state.connections
        ends = time.monotonic() + 10
        while time.monotonic() < ends and not any(one.awaits() == "answer" for one in held):  # type: ignore[union-attr]
            time.sleep(0.02)
        assert held
        while time.monotonic() < ends and held:
            time.sleep(0.05)
        assert not held


def test_whoever_leaves_leaves_no_trace(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    """In the midst of a form, or of an answer."""
    with serving(Options(ledger.path)) as here:
        name = f"127.0.0.1:{here.port}"
        head = f"Host: {name}\r\nOrigin: http://{name}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        for sent in (
            f"POST /decide HTTP/1.1\r\n{head}Content-Length: 900\r\n\r\nform_",
            f"GET / HTTP/1.1\r\n{head}\r\n",
        ):
            with here.connected() as wire:
                wire.sendall(sent.encode())
                time.sleep(0.3 if "form_" in sent else 0)
        time.sleep(0.3)
        assert status(here.ask("GET /keys")) == 200
    assert [one.getMessage() for one in caplog.records] == []


def test_ctrl_c_in_the_midst_of_a_form_says_nothing(ledger: Ledger) -> None:
    """Nobody waits for the other half."""
    command = [sys.executable, "-c", PROGRAM, str(ledger.path)]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().strip().rsplit(":", 1)[1].strip("/"))
        name = f"127.0.0.1:{port}"
        head = f"Host: {name}\r\nOrigin: http://{name}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        with Serving(None, None, port).connected() as wire:  # type: ignore[arg-type]
            wire.sendall(f"POST /decide HTTP/1.1\r\n{head}Content-Length: 900\r\n\r\nform_".encode())
            time.sleep(0.5)
            began = time.monotonic()
            os.kill(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 4
    assert (process.returncode, out, err) == (0, "", "")
