"""The matrix, R3: faults at system calls; in short form."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from tests.torture import syscalls
from tests.torture.tracing import Call, Fault, calls, missing, traced
from tests.torture.world import TRUNCATE, Child, deeds, furnish, worlds

needs_strace = pytest.mark.skipif(missing() is not None, reason=str(missing()))


@needs_strace
def test_a_fault_at_any_system_call() -> None:
    """A command whose call fails, or that is killed at one, leaves a sound ledger and finishes when it is repeated."""
    row = syscalls.run("short")
    assert row.problems == 0, row.note
    assert row.cases >= 2 * 5 * syscalls.SHORT


@needs_strace
def test_the_faults_are_injected(tmp_path: Path) -> None:
    """The how-manieth call that is named is the one that fails, and only that; nothing of it reaches the file."""
    place = tmp_path / "file"

    def work() -> int:
        for number in range(3):
            with suppress(OSError), place.open("a") as file:
                file.write(str(number))
        return 0

    child = Child(work, tmp_path / "said")
    with traced(child, tmp_path / "trace", fault=Fault("openat", 2, "EIO")):
        child.go()
        assert child.wait().code == 0
    assert place.read_text() == "02"
    assert [call.result is not None and call.result >= 0 for call in calls(tmp_path / "trace")] == [True, False, True]


@needs_strace
def test_every_kind_of_call_is_tried() -> None:
    """The plan for one command names each of the calls that write, sync and rename, and all three faults."""
    with worlds(TRUNCATE) as world:
        furnish(world)
        deed = next(one for one in deeds(world) if one.name == "project")
        _, plan = syscalls.in_peace(world, deed)
    names = {fault.name for fault in plan}
    assert {"openat", "pread64", "pwrite64", "write", "fsync", "fdatasync", "ftruncate", "rename", "fcntl"} <= names
    assert {fault.what for fault in plan} == {"EIO", "ENOSPC", "KILL"}
    assert len(set(plan)) == len(plan) > 300


def test_reading_a_trace(tmp_path: Path) -> None:
    """Calls are counted by name, put together where another thread cut them in two, and read with their bytes."""
    path = "".join(f"\\x{byte:02x}" for byte in b"/a")
    text = f"""7 openat(AT_FDCWD<{path}>, "{path}", O_RDWR|O_CREAT, 0644) = 3<{path}>
8 fsync(4<{path}> <unfinished ...>
7 pwrite64(3<{path}>, "\\x00\\xff", 2, 4096) = 2
8 <... fsync resumed>) = -1 EIO (Input/output error) (INJECTED)
7 pwrite64(3<{path}>, "", 0, 9) = ?
7 +++ killed by SIGKILL +++
"""
    (tmp_path / "trace").write_text(text)
    opened, written, synced, killed = calls(tmp_path / "trace")
    assert (opened.name, opened.texts, opened.result) == ("openat", (b"/a",), 3)
    assert (written.texts, written.handle, written.last, written.number) == ((b"\0\xff",), (3, "/a"), 4096, 1)
    assert synced == Call("fsync", 1, synced.arguments, (), (4, "/a"), -1)
    assert (killed.number, killed.result) == (2, None)
