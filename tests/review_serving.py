"""The review page on a real port: served by a thread of this process, and asked byte by byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import uvicorn

from http_access.door import Door
from http_access.place import Place, listen
from ledger import Ledger, sqlite
from review_page.options import Options
from review_page.server import prepared


class Serving(NamedTuple):
    """A server, its thread and its port."""

    server: uvicorn.Server
    thread: threading.Thread
    port: int

    def connected(self) -> socket.socket:
        """Return a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def ask(self, line: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
        """Return the whole answer to one request, head and all."""
        sent = {"Host": f"127.0.0.1:{self.port}", "Connection": "close", **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        with self.connected() as wire:
            wire.sendall(f"{line} HTTP/1.1\r\n{head}\r\n".encode() + body)
            return b"".join(iter(lambda: wire.recv(65_536), b""))


@contextmanager
def serving(options: Options, subjects: Mapping[str, str] | None = None) -> Iterator[Serving]:
    """Serve on a free port of this computer while the block runs."""
    door = Door(Place("127.0.0.1", 0), subjects or {})
    door.check()
    with listen(door.place) as bound:
        server = prepared(options, door, bound)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        port = bound.getsockname()[1]
        thread.start()
        try:
            yield Serving(server, thread, port)
        finally:
            server.should_exit = True
            thread.join(20)


def counted(ledger: Ledger, upto: int) -> int:
    """Let a ledger count, in SQL that can be stopped."""
    sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?) SELECT count(*) FROM n"
    with sqlite.plain_errors(ledger.path):
        found = ledger._store.connection.execute(sql, [upto])  # noqa: SLF001 - no question takes as long as is wanted
        return int(found.fetchone()[0])


def endless(ledger: Ledger) -> int:
    """Ask a ledger what it never comes to the end of."""
    return counted(ledger, 2**62)
