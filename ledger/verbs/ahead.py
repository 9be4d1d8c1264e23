"""Reading ahead: other processes read and hash lines while this one writes.

Each of them goes through all lines, cuts them into the same blocks, and makes ready the blocks that are its share; the
blocks are taken in turn, so the lines come in their order. What passes are plain tuples, in frames through pipes
(`marshal`: all are the same Python). The reading processes keep up to 24 MiB ahead, so that they need not stop while a
batch is committed; they never see the ledger. Where they would not pay, or could not open the same input, the lines
are read here, and they are the same lines.
"""

from __future__ import annotations

import marshal
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from queue import Queue
from threading import Condition, Thread
from typing import IO, Any

from ledger import errors
from ledger.errors import BrokenLaw, InputUnreadable, LedgerError
from ledger.readers.lines import LONGEST, Input, RawLine
from ledger.verbs.ready import IngestPlan, Ready, origins_of, plan_of, raw_lines, ready_line, ready_lines

LEAST_BYTES = 8 * 1024 * 1024
"""Smaller inputs are read before another process has started."""
READERS = 2
"""Reading a line takes about one and a half times as long as writing it, so two keep one writer busy."""
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
_CHANGED = "Run the same command again when nobody writes to it: what was committed is kept."


def read_ahead(inputs: Sequence[Input], plan: IngestPlan, via: str, workers: int | None) -> Generator[Ready]:
    """Yield every line of the inputs, ready; by `workers - 1` other processes, or with None by as many as pay.

    Raises what `ready_lines` does, and InputUnreadable where another process was ended or the input changed meanwhile.
    """
    readers = _readers_that_pay(inputs) if workers is None else workers - 1
    if readers < 1 or not sys.executable or not all(map(_is_there_too, inputs)):
        return ready_lines(inputs, plan, via)
    return _from_others(inputs, plan, via, readers)


def serve(told: dict[str, Any], out: IO[bytes]) -> None:
    """Be a reading process: write frames of its share until the inputs end, cannot be read, or nobody listens."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that writes decides what an interrupt means
    inputs = [Input(source, Path(path), size) for source, path, size in told["inputs"]]
    plan, (share, shares) = plan_of(told["plan"]), told["share"]
    origins = origins_of(inputs, plan, told["via"])
    ahead = _Ahead(out, _AHEAD_BYTES // shares)
    try:
        ahead.put(_MAGIC)
        for number, (begin, block) in enumerate(_blocks(raw_lines(inputs))):
            if number % shares != share:
                continue
            lines = [tuple(ready_line(source, line, plan, origins[source])) for source, line in block]
            if not ahead.put(_frame((_LINES, (begin, lines)))):
                return
        ahead.put(_frame((_END, None)))
    except LedgerError as error:
        ahead.put(_frame((_FAILED, (type(error).__name__, [str(each) for each in error.args], error.next_step))))
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, MemoryError) as error:
        ahead.put(_frame((_BROKE, f"{type(error).__name__}: {error}")))
    finally:
        ahead.close()


class _Ahead:
    """Frames on their way out, in a thread of their own; `most` bytes of them wait, or one frame."""

    def __init__(self, out: IO[bytes], most: int) -> None:
        self._out = out
        self._most = most
        self._frames: Queue[bytes | None] = Queue()
        self._waiting = 0
        self._gone = False
        self._room = Condition()
        self._thread = Thread(target=self._write)
        self._thread.start()

    def put(self, frame: bytes) -> bool:
        """Hand over a frame when there is room for it; False once nobody listens."""
        with self._room:
            self._room.wait_for(lambda: self._gone or not self._waiting or self._waiting + len(frame) <= self._most)
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


def _readers_that_pay(inputs: Sequence[Input]) -> int:
    """Return how many other processes to start: none for little or on one core, one where all have to unpack."""
    if (os.cpu_count() or 1) == 1 or sum(item.size or 0 for item in inputs) < LEAST_BYTES:
        return 0
    return READERS if all(item.size is not None for item in inputs) else 1


def _from_others(inputs: Sequence[Input], plan: IngestPlan, via: str, readers: int) -> Generator[Ready]:
    told = {
        "inputs": [(item.source, str(item.path), item.size) for item in inputs],
        "path": [str(Path(place).absolute()) for place in sys.path],
        "plan": plan.as_json(),
        "via": via,
    }
    processes: list[subprocess.Popen[bytes]] = []
    try:
        while len(processes) < readers and (process := _start()) is not None:
            processes.append(process)
        for share, process in enumerate(processes):
            _tell(process, {**told, "share": [share, len(processes)]})
        if not processes:
            yield from ready_lines(inputs, plan, via)
            return
        yield from _in_turn(processes, inputs)
    finally:
        for process in processes:
            process.kill()
            _frames_of(process).close()
            process.wait()


def _in_turn(processes: Sequence[subprocess.Popen[bytes]], inputs: Sequence[Input]) -> Generator[Ready]:
    """Yield the lines of the blocks that the processes made, each in its turn."""
    for process in processes:
        if _frames_of(process).read(len(_MAGIC)) != _MAGIC:
            _frames_of(process).close()
            raise _ended(process, inputs)
    taken = 0
    for process in cycle(processes):
        kind, what = _read_frame(process, inputs)
        if kind == _END:
            return
        if kind == _FAILED:
            raise _again(*what)
        if kind == _BROKE:
            raise BrokenLaw(f"the process that read broke: {what}")
        begin, lines = what
        if begin != taken:  # they saw different files, so that their blocks are not of one
            raise InputUnreadable(_places(inputs), "it changed while it was read", hint=_CHANGED)
        taken += len(lines)
        yield from map(Ready._make, lines)


def _start() -> subprocess.Popen[bytes] | None:
    """Start the reading process, with this one's way of running Python; None where that cannot be."""
    flags = ["-I"] if sys.flags.isolated else []
    try:
        return subprocess.Popen([sys.executable, *flags, "-c", _START], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - this program itself
    except OSError:
        return None


def _tell(process: subprocess.Popen[bytes], told: dict[str, Any]) -> None:
    _widen(_frames_of(process).fileno())
    try:
        with _there(process.stdin) as given:
            given.write(marshal.dumps(told))
    except BrokenPipeError:  # it has ended already, which is seen at the first frame
        return


def _frames_of(process: subprocess.Popen[bytes]) -> IO[bytes]:
    return _there(process.stdout)


def _there(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise BrokenLaw("a process that was started without its pipes")
    return pipe


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
    return InputUnreadable(_places(inputs), f"the process that read it was ended by signal {-status}", hint=_ENDED)


def _places(inputs: Sequence[Input]) -> str:
    return ", ".join(str(item.path) for item in inputs[:3])


def _read_frame(process: subprocess.Popen[bytes], inputs: Sequence[Input]) -> tuple[int, Any]:
    frames = _frames_of(process)
    head = frames.read(_LENGTH_BYTES)
    length = int.from_bytes(head, "big")
    if length > _MOST_BYTES:
        raise BrokenLaw("what the process that read has written is no frame")
    body = frames.read(length)
    if len(head) < _LENGTH_BYTES or len(body) < length:
        raise _ended(process, inputs)
    kind, what = marshal.loads(body)  # noqa: S302 - from this program's own process, not from a stranger
    return kind, what


def _blocks(lines: Iterable[tuple[int, RawLine]]) -> Iterator[tuple[int, list[tuple[int, RawLine]]]]:
    """Yield the lines in blocks, each with how many lines stand before it: the same blocks for everyone."""
    block: list[tuple[int, RawLine]] = []
    begin = size = 0
    for source, line in lines:
        block.append((source, line))
        size += len(line.body)
        if len(block) == _FRAME_LINES or size > _FRAME_BYTES:
            yield begin, block
            begin += len(block)
            block, size = [], 0
    if block:
        yield begin, block


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
