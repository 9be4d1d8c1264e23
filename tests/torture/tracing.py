"""System calls of a child, seen and spoilt with strace (Linux; Debian's package `strace`)."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import NamedTuple

from tests.torture.world import Child

_CALL = re.compile(r"^(\d+) +([a-z0-9_]+)\((.*)$")
_RESULT = re.compile(r" = (-?\d+|\?)[^=]*$")
_HANDLE = re.compile(r"^(\d+)<((?:\\x[0-9a-f]{2})*)")


class Call(NamedTuple):
    """One system call: its name, its how-manieth of that name (from 1), its arguments and its result.

    `texts` are the quoted arguments; `arguments` is the rest, with a quote mark where each stood. `handle` is the
    descriptor that comes first and the path that it stands for.
    """

    name: str
    number: int
    arguments: str
    texts: tuple[bytes, ...]
    handle: tuple[int, str] | None
    result: int | None

    @property
    def last(self) -> int:
        """Return the last argument, a number."""
        return int(self.arguments.rsplit(")", 1)[0].rsplit(", ", 1)[1])


class Fault(NamedTuple):
    """What happens at one call: an error's name, or KILL."""

    name: str
    number: int
    what: str

    @property
    def expression(self) -> str:
        """Return it as strace wants it."""
        done = "signal=KILL" if self.what == "KILL" else f"error={self.what}"
        return f"inject={self.name}:{done}:when={self.number}"


def missing() -> str | None:
    """Say why strace cannot be used here, or return None."""
    if which("strace") is None:
        return "strace is not installed (apt-get install strace)"
    tried = subprocess.run(["strace", "-f", "-e", "trace=none", "true"], capture_output=True, check=False)  # noqa: S607 - found by name
    if tried.returncode != 0:
        return f"strace may not trace here: {tried.stderr.decode(errors='replace').strip()[:100]}"
    return None


@contextmanager
def traced(child: Child, out: Path, *, fault: Fault | None = None, data: bool = False) -> Iterator[None]:
    """Let strace watch a child inside the block, which must end with the child's end; the trace is written to `out`."""
    more = ["-xx", "-s", "100000000"] if data else ["-xx", "-s", "4096"]
    spoil = [] if fault is None else ["-e", fault.expression]
    seen = f"trace={fault.name}" if fault is not None else "trace=%file,%desc"
    command = [
        "strace",
        "-f",
        "-y",
        *more,
        "-e",
        seen,
        "-e",
        "signal=none",
        *spoil,
        "-o",
        str(out),
        "-p",
        str(child.pid),
    ]
    watcher = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        said = watcher.stderr.readline() if watcher.stderr is not None else b""
        if b"attached" not in said:
            raise AssertionError(said)
        yield
    finally:
        child.end()
        watcher.communicate()


def calls(trace: Path) -> Iterator[Call]:
    """Yield the calls of a trace in order; what a second thread had cut in two is put together."""
    counts: Counter[str] = Counter()
    halves: dict[str, str] = {}
    with trace.open() as stream:
        for text in stream:
            whole = text.rstrip("\n")
            if whole.endswith("<unfinished ...>"):
                pid = whole.split(" ", 1)[0]
                halves[pid] = whole.removesuffix("<unfinished ...>")
                continue
            if " resumed>" in whole[:80]:
                pid = whole.split(" ", 1)[0]
                whole = halves.pop(pid, "") + whole.split(" resumed>", 1)[1]
            if found := _CALL.match(whole):
                yield _call(found[2], found[3], counts)


def _call(name: str, rest: str, counts: Counter[str]) -> Call:
    counts[name] += 1
    parts = rest.split('"')
    bare = '"'.join(parts[::2])
    first, result = _HANDLE.match(bare), _RESULT.search(bare)
    value = None if result is None or result[1] == "?" else int(result[1])
    handle = None if first is None else (int(first[1]), os.fsdecode(unescaped(first[2])))
    return Call(name, counts[name], bare, tuple(map(unescaped, parts[1::2])), handle, value)


def unescaped(text: str) -> bytes:
    r"""Return the bytes of strace's \xNN."""
    return bytes.fromhex(text.replace("\\x", ""))


def touches(call: Call, folder: Path) -> bool:
    """Say whether a call is about something in a folder."""
    name = os.fsencode(folder)
    return any(text.startswith(name) for text in call.texts) or (
        call.handle is not None and call.handle[1].startswith(str(folder))
    )
