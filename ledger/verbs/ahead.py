"""Reading ahead: another process reads and hashes lines while this one writes.

What passes between the two are plain tuples, in frames through a pipe (`marshal`: both are the same Python). The
reading process keeps up to 24 MiB ahead, so that it need not stop while a batch is committed; it never sees the ledger.
Where it would not pay, or where the other process could not open the same input, the lines are read here, and they are
the same lines.
"""

from __future__ import annotations

import marshal
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from queue import Queue
from threading import Condition, Thread
from typing import IO, Any

from ledger import errors
from ledger.errors import BrokenLaw, InputUnreadable, LedgerError
from ledger.readers.lines import LONGEST, Input
from ledger.verbs.ready import IngestPlan, Ready, plan_of, ready_lines

LEAST_BYTES = 8 * 1024 * 1024
"""Smaller inputs are read before another process has started."""
_AHEAD_BYTES = 24 * 1024 * 1024
_FRAME_LINES, _FRAME_BYTES = 512, 1024 * 1024
_MOST_BYTES = 2 * LONGEST + 16 * _FRAME_BYTES
"""No frame is longer: one line, and what is said of it."""
_LENGTH_BYTES = 8
_MAGIC = b"sample-ledger lines\n"
_PIPE_BYTES = 1024 * 1024
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ of Linux
_HERE = ("/dev/", "/proc/")
"""Names under which each process finds something else."""
_START = (
    "import marshal, os, sys; told = marshal.loads(sys.stdin.buffer.read()); out = os.fdopen(os.dup(1), 'wb'); "
    "os.dup2(2, 1); sys.path[:] = told['path']; from ledger.verbs.ahead import serve; serve(told, out)"
)
"""What is printed by mistake over there goes to stderr, not between the frames."""
_LINES, _FAILED, _BROKE, _END = 0, 1, 2, 3
_ENDED = "Run the same command again: what was committed is kept. With --workers 1 one process does it all."


def read_ahead(inputs: Sequence[Input], plan: IngestPlan, via: str, workers: int | None) -> Generator[Ready]:
    """Yield every line of the inputs, ready; by another process if `workers` is 2, or None and it pays.

    Raises what `ready_lines` does, and InputUnreadable where the other process was ended.
    """
    if workers == 1 or not sys.executable or not all(map(_is_there_too, inputs)):
        return ready_lines(inputs, plan, via)
    if workers is None and ((os.cpu_count() or 1) == 1 or sum(item.size or 0 for item in inputs) < LEAST_BYTES):
        return ready_lines(inputs, plan, via)
    return _from_another(inputs, plan, via)


def serve(told: dict[str, Any], out: IO[bytes]) -> None:
    """Be the reading process: write frames of ready lines until the inputs end, cannot be read, or nobody listens."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that writes decides what an interrupt means
    inputs = [Input(source, Path(path), size) for source, path, size in told["inputs"]]
    ahead = _Ahead(out)
    try:
        ahead.put(_MAGIC)
        for lines in _framed(ready_lines(inputs, plan_of(told["plan"]), told["via"])):
            if not ahead.put(_frame((_LINES, lines))):
                return
        ahead.put(_frame((_END, None)))
    except LedgerError as error:
        ahead.put(_frame((_FAILED, (type(error).__name__, [str(each) for each in error.args], error.next_step))))
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, MemoryError) as error:
        ahead.put(_frame((_BROKE, f"{type(error).__name__}: {error}")))
    finally:
        ahead.close()


class _Ahead:
    """Frames on their way out, in a thread of their own; so many bytes of them wait at most, or one frame."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._frames: Queue[bytes | None] = Queue()
        self._waiting = 0
        self._gone = False
        self._room = Condition()
        self._thread = Thread(target=self._write)
        self._thread.start()

    def put(self, frame: bytes) -> bool:
        """Hand over a frame when there is room for it; False once nobody listens."""
        with self._room:
            self._room.wait_for(lambda: self._gone or not self._waiting or self._waiting + len(frame) <= _AHEAD_BYTES)
            self._waiting += len(frame)
            self._frames.put(frame)
            return not self._gone

    def close(self) -> None:
        """Wait until all is written."""
        self._frames.put(None)
        self._thread.join()

    def _write(self) -> None:
        for frame in iter(self._frames.get, None):
            try:
                if not self._gone:
                    self._out.write(frame)
                    self._out.flush()
            except OSError:  # nobody listens any more; what waits is only taken off
                self._gone = True
            with self._room:
                self._waiting -= len(frame)
                self._room.notify()


def _is_there_too(item: Input) -> bool:
    """Say whether another process finds the same under the input's path: a file, and not one of this process's own."""
    if item.path is None:
        return False
    try:
        places = (str(item.path.absolute()), os.path.realpath(item.path))
        return stat.S_ISREG(item.path.stat().st_mode) and not any(place.startswith(_HERE) for place in places)
    except OSError:
        return False


def _from_another(inputs: Sequence[Input], plan: IngestPlan, via: str) -> Generator[Ready]:
    told = {
        "inputs": [(item.source, str(item.path), item.size) for item in inputs],
        "path": [str(Path(place).absolute()) for place in sys.path],
        "plan": plan.as_json(),
        "via": via,
    }
    process = _start()
    if process is None or process.stdin is None or process.stdout is None:
        yield from ready_lines(inputs, plan, via)
        return
    frames = process.stdout
    try:
        _widen(frames.fileno())
        _tell(process.stdin, told)
        if frames.read(len(_MAGIC)) != _MAGIC:
            frames.close()
            raise _ended(process, inputs)
        while True:
            kind, what = _read_frame(frames, process, inputs)
            if kind == _END:
                return
            if kind == _FAILED:
                raise _again(*what)
            if kind == _BROKE:
                raise BrokenLaw(f"the process that read broke: {what}")
            yield from map(Ready._make, what)
    finally:
        process.kill()
        frames.close()
        process.wait()


def _start() -> subprocess.Popen[bytes] | None:
    """Start the reading process, with this one's way of running Python; None where that cannot be."""
    flags = ["-I"] if sys.flags.isolated else []
    try:
        return subprocess.Popen([sys.executable, *flags, "-c", _START], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - this program itself
    except OSError:
        return None


def _tell(given: IO[bytes], told: dict[str, Any]) -> None:
    try:
        with given:
            given.write(marshal.dumps(told))
    except BrokenPipeError:  # it has ended already, which is seen at the first frame
        return


def _again(name: str, args: Sequence[str], hint: str) -> LedgerError:
    """Return the error that the other process met."""
    cls = getattr(errors, name)
    made: LedgerError = cls(*args, hint=hint)
    return made


def _ended(process: subprocess.Popen[bytes], inputs: Sequence[Input]) -> LedgerError:
    """Return what to say of a process that stopped in the middle: killed, or broken."""
    status = process.wait()
    if status >= 0:
        return BrokenLaw(f"the process that read the input ended with status {status}")
    where = ", ".join(str(item.path) for item in inputs[:3])
    return InputUnreadable(where, f"the process that read it was ended by signal {-status}", hint=_ENDED)


def _read_frame(frames: IO[bytes], process: subprocess.Popen[bytes], inputs: Sequence[Input]) -> tuple[int, Any]:
    head = frames.read(_LENGTH_BYTES)
    length = int.from_bytes(head, "big")
    if length > _MOST_BYTES:
        raise BrokenLaw("what the process that read has written is no frame")
    body = frames.read(length)
    if len(head) < _LENGTH_BYTES or len(body) < length:
        raise _ended(process, inputs)
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


def _widen(pipe: int) -> None:
    """Let a pipe hold more than the usual 64 KiB, where the system can."""
    try:
        import fcntl  # noqa: PLC0415 - not on every system

        fcntl.fcntl(pipe, _SET_PIPE_SIZE, _PIPE_BYTES)
    except (ImportError, OSError):
        return
