"""The server over standard input and output, for a host that starts it."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import anyio

from mcp_server.options import Options
from mcp_server.server import make, settle

_CHUNK = 65_536


def serve(options: Options) -> None:
    """Serve until the input ends or a signal says to stop; only messages of the protocol go to standard output."""
    server = make(options)
    settle()
    with _input_that_ends():
        try:
            anyio.run(server.run_stdio_async)
        except* BrokenPipeError:  # the host reads no more, and has not closed the input
            pass


@contextmanager
def _input_that_ends() -> Iterator[None]:
    """Let a signal end standard input, or the end of whoever reads the output, as the host's closing it does.

    The SDK reads it in a thread that nothing can wake, so the process could not end while the host keeps it open. What
    it reads is a pipe instead, which another thread fills.
    """
    source, output, (reader, writer), (woken, wake) = os.dup(0), os.dup(1), os.pipe(), os.pipe()
    os.dup2(reader, 0)
    os.close(reader)
    watched = select.poll()
    for number, events in ((source, select.POLLIN), (woken, select.POLLIN), (output, 0)):  # 0: only that it broke
        watched.register(number, events)
    feed = partial(_pass_on, source, writer, lambda: [number for number, _ in watched.poll()] == [source])
    threading.Thread(target=feed, name="stdin", daemon=True).start()

    def stop(_number: int, _frame: object) -> None:
        os.write(wake, b".")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _pass_on(source: int, target: int, goes_on: Callable[[], bool]) -> None:
    """Copy what comes until it ends, or until `goes_on`, which waits for more, says no; then close the target."""
    try:
        with suppress(BrokenPipeError):
            while goes_on() and (chunk := os.read(source, _CHUNK)):
                while chunk:
                    chunk = chunk[os.write(target, chunk) :]
    finally:
        os.close(target)
