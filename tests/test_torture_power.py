"""The matrix, R4: power failures, in short form; and the model of a disk that they are made with."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.torture import power
from tests.torture.crash import SECTOR, Disk, Write, applied
from tests.torture.tracing import Call, missing
from tests.torture.world import SHIPPING

FOLDER = Path("/disk")


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_a_power_failure_at_any_moment() -> None:
    """Nothing acknowledged is gone in the modes that ship; a mode that does not ship shows that losses are seen."""
    row = power.run("short")
    assert row.problems == 0, row.note
    assert row.cases == len(SHIPPING) * power.STATES["short"][0]


def call(name: str, *paths: str, rest: str = "", data: bytes | None = None, handle: int = 3, result: int = 0) -> Call:
    """Return a call on the disk: by names, or by a descriptor."""
    texts = tuple(f"{FOLDER}/{path}".encode() for path in paths) if data is None else (data,)
    return Call(name, 1, rest, texts, None if name in {"openat", "rename", "unlink", "link"} else (handle, ""), result)


def opened(disk: Disk, name: str, handle: int = 3) -> None:
    """Create a file on the disk."""
    disk.replay(call("openat", name, rest="O_RDWR|O_CREAT, 0644)", result=handle))


def written(disk: Disk, data: bytes, at: int = 0, handle: int = 3) -> None:
    """Write into a file on the disk."""
    disk.replay(call("pwrite64", rest=f'{handle}, "", {len(data)}, {at})', data=data, handle=handle, result=len(data)))


def synced(disk: Disk, handle: int = 3) -> None:
    """Sync a file, or the folder where none is open under that number."""
    disk.replay(Call("fsync", 1, "", (), (handle, str(FOLDER)), 0))


def left(disk: Disk, tries: int = 200) -> set[tuple[tuple[str, bytes], ...]]:
    """Return the different folders that failures leave, without the folder's name."""
    states = (disk.state(random.Random(number)) for number in range(tries))  # noqa: S311 - the same each time
    return {tuple(sorted((Path(name).name, data) for name, data in state.items())) for state in states}


def test_what_is_synced_stays() -> None:
    """A file that is synced under a name whose folder is synced is in every state, whatever came later."""
    disk = Disk(FOLDER)
    opened(disk, "a")
    written(disk, b"kept")
    synced(disk)
    synced(disk, handle=99)
    assert left(disk) == {(("a", b"kept"),)}
    opened(disk, "b", handle=4)
    written(disk, b"!", at=4)
    assert {dict(state)["a"] for state in left(disk)} == {b"kept", b"kept!"}


def test_a_name_is_not_durable_with_its_file() -> None:
    """A synced file may be nameless after a failure, until its folder is synced."""
    disk = Disk(FOLDER)
    opened(disk, "a")
    written(disk, b"x")
    synced(disk)
    assert left(disk) == {(), (("a", b"x"),)}


def test_a_name_may_come_before_the_bytes() -> None:
    """A file that is renamed without having been synced may stand under its name empty, or torn."""
    disk = Disk(FOLDER)
    opened(disk, "draft")
    written(disk, b"y" * (2 * SECTOR))
    disk.replay(call("rename", "draft", "a"))
    synced(disk, handle=99)
    contents = {dict(state)["a"] for state in left(disk)}
    assert {b"", b"y" * 2 * SECTOR, b"y" * SECTOR, b"\0" * SECTOR + b"y" * SECTOR} <= contents


def test_removing_may_not_last() -> None:
    """A file that was taken away may be back after a failure, until its folder is synced."""
    disk = Disk(FOLDER)
    opened(disk, "a")
    synced(disk)
    synced(disk, handle=99)
    disk.replay(call("unlink", "a"))
    assert left(disk) == {(), (("a", b""),)}
    synced(disk, handle=99)
    assert left(disk) == {()}


def test_two_names_of_one_file() -> None:
    """A linked file is one file: what is written through one name stands under both."""
    disk = Disk(FOLDER)
    opened(disk, "a")
    disk.replay(call("link", "a", "b"))
    written(disk, b"z")
    synced(disk)
    synced(disk, handle=99)
    assert left(disk) == {(("a", b"z"), ("b", b"z"))}


@given(st.lists(st.tuples(st.integers(0, 60), st.one_of(st.none(), st.binary(max_size=40)))))
def test_writes_are_those_of_a_file(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[int, bytes | None]]
) -> None:
    """The model's writes and truncations do what a real file does."""
    path = tmp_path_factory.mktemp("real") / "file"
    with path.open("wb") as file:
        for at, data in writes:
            if data is None:
                file.truncate(at)
            elif data:  # a write of nothing does not make a file longer
                file.seek(at)
                file.write(data)
                file.flush()
    assert applied(b"", [Write(at, data) for at, data in writes if data != b""]) == path.read_bytes()
