"""Reading ahead: another process reads and hashes lines while this one writes.

What passes between the two are plain tuples, in frames through a pipe (`marshal`: both are the same Python). The
reading process keeps a few megabytes ahead, so that it need not stop while a batch is committed; it never sees the
ledger. Where it would not pay, the lines are read here, and they are the same lines.
"""

from __future__ import annotations

import marshal
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import IO, Any

from ledger.errors import InputUnreadable
from ledger.readers.lines import Input
from ledger.verbs.ready import IngestPlan, Ready, plan_of, ready_lines

LEAST_BYTES = 8 * 1024 * 1024
"""Smaller inputs are read before another process has started."""
_FRAME_LINES, _FRAME_BYTES = 512, 1024 * 1024
_FRAMES_AHEAD = 24
_LENGTH_BYTES = 8
_PIPE_BYTES = 1024 * 1024
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ of Linux
_START = (
    "import marshal, sys; told = marshal.loads(sys.stdin.buffer.read()); sys.path[:] = told['path']; "
    "from ledger.verbs.ahead import serve; serve(told, sys.stdout.buffer)"
)
_LINES, _FAILED, _END = 0, 1, 2


def read_ahead(inputs: Sequence[Input], plan: IngestPlan, via: str, workers: int | None) -> Generator[Ready]:
    """Yield every line of the inputs, ready; by another process if `workers` is 2, or None and it pays.

    Raises InputUnreadable.
    """
    if workers == 1 or any(item.path is None for item in inputs) or not sys.executable:
        return ready_lines(inputs, plan, via)
    if workers is None and ((os.cpu_count() or 1) == 1 or sum(item.size or 0 for item in inputs) < LEAST_BYTES):
        return ready_lines(inputs, plan, via)
    return _from_another(inputs, plan, via)


def serve(told: dict[str, Any], out: IO[bytes]) -> None:
    """Be the reading process: write frames of ready lines until the inputs end, cannot be read, or nobody listens."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that writes decides what an interrupt means
    inputs = [Input(source, Path(path), size) for source, path, size in told["inputs"]]
    frames: Queue[bytes | None] = Queue(_FRAMES_AHEAD)
    gone: list[OSError] = []
    writer = Thread(target=_write, args=(frames, out, gone))
    writer.start()
    try:
        for lines in _framed(ready_lines(inputs, plan_of(told["plan"]), told["via"])):
            frames.put(_frame((_LINES, lines)))
            if gone:
                return
        frames.put(_frame((_END, None)))
    except InputUnreadable as error:
        frames.put(_frame((_FAILED, (str(error.args[0]), str(error.args[1])))))
    finally:
        frames.put(None)
        writer.join()


def _from_another(inputs: Sequence[Input], plan: IngestPlan, via: str) -> Generator[Ready]:
    told = {
        "inputs": [(item.source, str(item.path), item.size) for item in inputs],
        "path": [str(Path(place).absolute()) for place in sys.path],
        "plan": plan.as_json(),
        "via": via,
    }
    process = subprocess.Popen([sys.executable, "-c", _START], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - this program itself
    try:
        given, frames = process.stdin, process.stdout
        if given is None or frames is None:
            return
        _widen(frames.fileno())
        with given:
            given.write(marshal.dumps(told))
        while True:
            kind, what = _read_frame(frames, process, inputs)
            if kind == _END:
                return
            if kind == _FAILED:
                raise InputUnreadable(*what)
            yield from map(Ready._make, what)
    finally:
        process.kill()
        if process.stdout is not None:
            process.stdout.close()
        process.wait()


def _read_frame(frames: IO[bytes], process: subprocess.Popen[bytes], inputs: Sequence[Input]) -> tuple[int, Any]:
    length = frames.read(_LENGTH_BYTES)
    body = frames.read(int.from_bytes(length, "big")) if len(length) == _LENGTH_BYTES else b""
    if not body or len(body) < int.from_bytes(length, "big"):
        where = ", ".join(str(item.path) for item in inputs[:3])
        raise InputUnreadable(where, f"the process that read it ended early (status {process.wait()})")
    kind, what = marshal.loads(body)  # noqa: S302 - from this program's own process, not from a stranger
    return kind, what


def _framed(lines: Iterable[Ready]) -> Iterator[list[tuple[Any, ...]]]:
    frame: list[tuple[Any, ...]] = []
    size = 0
    for line in lines:
        frame.append(tuple(line))
        size += len(line.body)
        if len(frame) == _FRAME_LINES or size > _FRAME_BYTES:
            yield frame
            frame, size = [], 0
    if frame:
        yield frame


def _frame(what: tuple[int, Any]) -> bytes:
    body = marshal.dumps(what, 2)  # the version that does not look for what it has written before
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


def _write(frames: Queue[bytes | None], out: IO[bytes], gone: list[OSError]) -> None:
    """Write what comes until None; once nobody listens, only empty the queue, so that whoever fills it can go on."""
    for frame in iter(frames.get, None):
        if gone:
            continue
        try:
            out.write(frame)
            out.flush()
        except OSError as error:
            gone.append(error)


def _widen(pipe: int) -> None:
    """Let a pipe hold more than the usual 64 KiB, where the system can."""
    try:
        import fcntl  # noqa: PLC0415 - not on every system

        fcntl.fcntl(pipe, _SET_PIPE_SIZE, _PIPE_BYTES)
    except (ImportError, OSError):
        return
