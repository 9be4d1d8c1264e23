"""The provider's HTTP, spoken to by hand: requests in any pieces, and answers cut at any byte."""

from __future__ import annotations

import json
import socket
import time
from urllib.parse import urlsplit

import pytest

from tests.provider.asking import body
from tests.provider.handle import Provider

pytest_plugins = ("tests.provider.fixture",)


def spoken(provider: Provider, *sent: bytes, pause: float = 0.02) -> bytes:
    """Return what comes back for bytes that are sent in pieces over one connection."""
    place = urlsplit(provider.url)
    with socket.create_connection((place.hostname, place.port or 0), timeout=5) as wire:
        for piece in sent:
            wire.sendall(piece)
            time.sleep(pause)
        wire.settimeout(0.3)
        got = b""
        try:
            while data := wire.recv(65536):
                got += data
        except TimeoutError:
            pass
    return got


def raw(text: str = "hello", *, length: int | None = None) -> bytes:
    """Return a request as bytes."""
    data = json.dumps(body(text)).encode()
    head = "POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\nanthropic-version: 2026-10-21\r\ncontent-length: "
    return f"{head}{len(data) if length is None else length}\r\n\r\n".encode() + data


def test_requests_in_pieces_in_a_row_and_in_chunks(provider: Provider) -> None:
    """A request may come byte by byte, two at once, or in chunks; the answers come in turn."""
    one = raw()
    assert spoken(provider, one[:10], one[10:200], one[200:]).startswith(b"HTTP/1.1 200 OK\r\n")
    assert spoken(provider, raw("a") + raw("b")).count(b"HTTP/1.1 200 OK") == 2
    data = json.dumps(body()).encode()
    head = one[: one.index(b"content-length")] + b"transfer-encoding: chunked\r\n\r\n"
    parts = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (data[:20], data[20:]))
    assert spoken(provider, head + parts[:30], parts[30:] + b"0\r\n\r\n").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", raw(length=-5), b"x" * 70_000])
def test_what_is_no_request(provider: Provider, sent: bytes) -> None:
    """Bytes that are no HTTP are answered 400 and the connection is closed."""
    assert spoken(provider, sent).startswith(b"HTTP/1.1 400 Bad Request")


def test_a_caller_who_leaves_pays(provider: Provider) -> None:
    """A connection that is closed before the answer leaves the answer to be paid for, as providers do."""
    provider.config(latency=0.05, spread=0.0)
    place = urlsplit(provider.url)
    with socket.create_connection((place.hostname, place.port or 0), timeout=5) as wire:
        wire.sendall(raw())
    time.sleep(0.15)
    assert provider.stats()["billed"] == 1


@pytest.mark.parametrize("cut", [0, 1, 9, 40, 300])
def test_a_cut_at_any_byte(provider: Provider, cut: int) -> None:
    """Exactly so many bytes of the answer arrive as the fault says."""
    provider.config(faults=[{"kind": "cut_at", "at": cut}])
    place = urlsplit(provider.url)
    got = b""
    with socket.create_connection((place.hostname, place.port or 0), timeout=5) as wire:
        wire.sendall(raw())
        try:
            while data := wire.recv(65536):
                got += data
        except ConnectionResetError:
            assert cut == 0
    assert len(got) == cut
