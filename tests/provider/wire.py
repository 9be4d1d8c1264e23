"""HTTP/1.1 by hand: requests out of bytes, answers into bytes, and connections that are cut where a test says.

What was begun is finished though the caller is gone, as a provider does: it is paid for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from tests.provider.desk import Reply

LARGEST = 256 * 2**20 + 2**16
_HEAD_ENDS = b"\r\n\r\n"


class Request(NamedTuple):
    """What was asked: names of headers in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


Handler = Callable[[Request], Awaitable[Reply]]


class Malformed(Exception):  # noqa: N818 - what arrived
    """Bytes that are no request."""


class Connection(asyncio.Protocol):
    """One connection: its requests are answered in turn."""

    def __init__(self, handler: Handler, tasks: set[asyncio.Task[None]]) -> None:
        """Take who answers, and where to keep what is being worked on."""
        self._handler = handler
        self._tasks = tasks
        self._buffer = bytearray()
        self._waiting: list[Request] = []
        self._busy = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it was lost says nothing more
        """Forget the transport; what is being worked on goes on."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take bytes and answer every request that is whole."""
        self._buffer += data
        try:
            while (request := _request(self._buffer)) is not None:
                self._waiting.append(request)
        except (Malformed, ValueError):
            self._close(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return
        self._next()

    def _next(self) -> None:
        if self._waiting and not self._busy:
            self._busy = True
            task = asyncio.get_running_loop().create_task(self._answer(self._waiting.pop(0)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: Request) -> None:
        reply = await self._handler(request)
        data = encoded(reply)
        if reply.cut is None:
            self._write(data)
        else:
            kept = data[: reply.cut] if reply.cut >= 0 else data[: len(data) + reply.cut]
            self._write(kept)
            if reply.stall:
                await asyncio.sleep(reply.stall)
            self._close(b"", abort=not kept)
        self._busy = False
        self._next()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._transport.write(data)

    def _close(self, data: bytes, *, abort: bool = False) -> None:
        if self._transport is not None:
            self._write(data)
            self._transport.abort() if abort else self._transport.close()


def encoded(reply: Reply) -> bytes:
    """Return the bytes of an answer."""
    phrase = next((one.phrase for one in HTTPStatus if one.value == reply.status), "Overloaded")
    headers = {**reply.headers, "content-length": str(len(reply.body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} {phrase}\r\n{lines}\r\n".encode("latin-1") + reply.body


def _request(buffer: bytearray) -> Request | None:
    """Take one request from the front of a buffer, or return None where it is not whole."""
    end = buffer.find(_HEAD_ENDS)
    if end < 0:
        if len(buffer) > 2**16:
            raise Malformed
        return None
    first, *lines = bytes(buffer[:end]).decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise Malformed
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    start = end + len(_HEAD_ENDS)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        taken = _chunks(buffer, start)
        if taken is None:
            return None
        body, stop = taken
    else:
        stop = start + int(headers.get("content-length", "0"))
        if not start <= stop <= start + LARGEST:
            raise Malformed
        if len(buffer) < stop:
            return None
        body = bytes(buffer[start:stop])
    del buffer[:stop]
    url = urlsplit(parts[1])
    return Request(parts[0], url.path, dict(parse_qsl(url.query)), headers, body)


def _chunks(buffer: bytearray, at: int) -> tuple[bytes, int] | None:
    body = bytearray()
    while (line := buffer.find(b"\r\n", at)) >= 0:
        size = int(bytes(buffer[at:line]).partition(b";")[0], 16)
        at = line + 2 + size + 2
        if len(buffer) < at or len(body) > LARGEST:
            return None
        body += buffer[line + 2 : at - 2]
        if size == 0:
            return bytes(body), at
    return None
