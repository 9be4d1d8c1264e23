"""Files stand whole or not at all, and never where something else must stay."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from blake3 import blake3

from ledger import Ledger
from ledger.errors import BadRequest, DiskFull, InputNotFound, InputUnreadable, NotWritable
from ledger.verbs.files import (
    MOST_BYTES,
    WholeFile,
    digest_of_file,
    manifest_path,
    place_for,
    read_text,
    read_whole,
)
from tests.small import names


@contextmanager
def small_files() -> Iterator[None]:
    """Let no file grow beyond 4,096 bytes inside: what a full disk or a quota does, for real.

    Not for the length of a test: pytest's own output may go to a file.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    """Up to the limit it is read; beyond, and where there is no end, that is an error of the system's kind."""
    file = tmp_path / "a"
    file.write_bytes(b"12345")

    assert read_whole(file) == read_whole(file, 5) == b"12345"
    for place, most in ((file, 4), (Path("/dev/zero"), 1 << 20), (Path("/dev/zero"), MOST_BYTES)):
        with pytest.raises(OSError, match=f"over {most:,} bytes"):
            read_whole(place, most)


def test_a_file_appears_whole(tmp_path: Path) -> None:
    """Nothing stands in the place until `put`; then all of it does, with the size and digest that were told."""
    place = tmp_path / "out.jsonl"
    with WholeFile(place) as file:
        file.write(b"one\n")
        file.write(b"two\n")
        file.settle()
        assert not place.exists()
        file.put()
    assert place.read_bytes() == b"one\ntwo\n"
    assert (file.size, file.digest) == (8, blake3(b"one\ntwo\n").digest())
    assert digest_of_file(place) == file.digest
    assert names(tmp_path) == ["out.jsonl"]


def test_what_is_not_put_is_removed(tmp_path: Path) -> None:
    """A failure in the middle leaves what stood there before, and no draft."""
    place = tmp_path / "out.jsonl"
    place.write_bytes(b"before")

    def stop() -> None:
        with WholeFile(place) as file:
            file.write(b"after")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert place.read_bytes() == b"before"
    assert names(tmp_path) == ["out.jsonl"]


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    """Two drafts of one file in one process are two files; the last one put stands."""
    place = tmp_path / "out.jsonl"
    with WholeFile(place) as one, WholeFile(place) as other:
        one.write(b"one")
        other.write(b"other")
        one.put()
        other.put()
    assert place.read_bytes() == b"other"


@pytest.mark.parametrize("size", [5_000, 50_000_000])
def test_no_room_is_a_full_disk(tmp_path: Path, size: int) -> None:
    """A write that the system refuses for lack of room is DiskFull, whenever it is noticed; no draft is left."""

    def write() -> None:
        with small_files(), WholeFile(tmp_path / "out.jsonl") as file:
            file.write(b"x" * size)
            file.settle()

    with pytest.raises(DiskFull, match=r"out\.jsonl: File too large"):
        write()
    assert names(tmp_path) == []


def test_a_place_that_became_a_directory(tmp_path: Path) -> None:
    """A rename that fails is NotWritable, and the draft is gone."""
    place = tmp_path / "out.jsonl"
    with WholeFile(place) as file:
        place.mkdir()
        with pytest.raises(NotWritable, match="directory"):
            file.put()
    assert names(tmp_path) == ["out.jsonl"]


def test_a_folder_that_takes_no_files() -> None:
    """Where no file can be made, not even by root, the answer is NotWritable."""
    if not Path("/proc/self").exists():
        pytest.skip("this system has no /proc")
    with pytest.raises(NotWritable), WholeFile(Path("/proc/out.jsonl")):
        pass


def test_writing_before_it_is_open_is_a_mistake(tmp_path: Path) -> None:
    """A WholeFile is written inside its `with` only."""
    with pytest.raises(ValueError, match="is not being written"):
        WholeFile(tmp_path / "out.jsonl").write(b"x")


def test_a_name_as_long_as_the_system_allows(tmp_path: Path) -> None:
    """The draft's name does not grow with the file's."""
    place = tmp_path / ("n" * 255)
    with WholeFile(place) as file:
        file.write(b"x")
        file.put()
    assert place.read_bytes() == b"x"


@pytest.mark.parametrize("end", ["", "-journal", "-wal", "-shm"])
def test_the_ledger_s_own_files_are_never_overwritten(ledger: Ledger, end: str) -> None:
    """Neither the ledger nor a file that SQLite keeps beside it is a place for an export, even before it exists."""
    with pytest.raises(NotWritable, match="of the ledger itself"):
        place_for(ledger.path.with_name(ledger.path.name + end), ledger.path)


def test_the_ledger_under_another_name(ledger: Ledger, tmp_path: Path) -> None:
    """A symbolic or hard link to the ledger is the ledger."""
    (tmp_path / "soft.jsonl").symlink_to(ledger.path)
    (tmp_path / "hard.jsonl").hardlink_to(ledger.path)
    for name in ("soft.jsonl", "hard.jsonl"):
        with pytest.raises(NotWritable, match="of the ledger itself"):
            place_for(tmp_path / name, ledger.path)


def test_what_is_no_place_for_a_file(ledger: Ledger, tmp_path: Path) -> None:
    """A directory, a device, a pipe, a missing folder, a file as folder, a name too long: each has its own words."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    for out, says in (
        (tmp_path, "it is a directory"),
        (Path("/"), "it is a directory"),
        (Path("/dev/full"), "it is not a plain file"),
        (tmp_path / "pipe", "it is not a plain file"),
        (tmp_path / "no" / "out.jsonl", "there is no directory"),
        (tmp_path / "file" / "out.jsonl", "Not a directory"),
        (tmp_path / ("n" * 256), "File name too long"),
        (tmp_path / "loop", "symbolic links"),
    ):
        with pytest.raises(NotWritable, match=says):
            place_for(out, ledger.path)


@pytest.mark.parametrize("name", ["a\udcffb.jsonl", "a\nb.jsonl", "a\x00b.jsonl"])
def test_a_name_that_no_manifest_can_hold(ledger: Ledger, tmp_path: Path, name: str) -> None:
    """A name that is not plain text is a bad request, not an error of the encoding later on."""
    with pytest.raises(BadRequest, match="output"):
        place_for(tmp_path / name, ledger.path)


def test_a_link_stays_a_link(ledger: Ledger, tmp_path: Path) -> None:
    """Writing through a symbolic link changes its target, also one that is not there yet."""
    (tmp_path / "folder").mkdir()
    link = tmp_path / "out.jsonl"
    link.symlink_to("folder/real.jsonl")
    assert place_for(link, ledger.path) == (tmp_path / "folder" / "real.jsonl").resolve()


def test_the_manifest_stands_beside_its_export() -> None:
    """The manifest's name is the export's, and says what it is."""
    assert manifest_path(Path("a/out.jsonl")) == Path("a/out.jsonl.manifest.json")


def test_a_text_is_read_up_to_its_bound(tmp_path: Path) -> None:
    """A device has no end, and a long file may be cut within a character; an open file reads like one by its name."""
    file = tmp_path / "a.toml"
    file.write_bytes("aé".encode())
    assert read_text(file, 4, "") == read_text(str(file), 4, "") == "aé"
    assert read_text(file, 2, "") == "a"
    with file.open("rb") as opened:
        assert read_text(opened, 9, "") == "aé"
    assert read_text("/dev/zero", 9, "") == "\0" * 9


@pytest.mark.parametrize(
    ("name", "error", "why"),
    [
        ("none.toml", InputNotFound, "No input at"),
        (".", InputUnreadable, "Is a directory"),
        ("a\0b", InputUnreadable, "no file can be called so"),
        ("x" * 5_000, InputUnreadable, "File name too long"),
        ("latin.toml", InputUnreadable, "it is not UTF-8"),
    ],
)
def test_what_is_no_text_is_said_with_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: type[Exception], why: str
) -> None:
    """Whatever stands at a path, or cannot, the error names it and says what to do."""
    monkeypatch.chdir(tmp_path)
    Path("latin.toml").write_bytes(b"caf\xe9")
    with pytest.raises(error, match=why) as caught:
        read_text(name, 99, "Give a file.")
    assert "Give a file." in getattr(caught.value, "next_step")  # noqa: B009 - of both classes


def test_an_open_file_that_is_no_text_is_called_as_it_is_typed(tmp_path: Path) -> None:
    """Standard input is `-`."""
    (tmp_path / "latin.toml").write_bytes(b"caf\xe9")
    with (tmp_path / "latin.toml").open("rb") as opened, pytest.raises(InputUnreadable, match=r"^Cannot read -: "):
        read_text(opened, 99, "")


def test_a_reserved_place_is_nobody_else_s(tmp_path: Path) -> None:
    """Of two files for one place the first to reserve it gets it; given up, it leaves nothing behind."""
    place = tmp_path / "out.jsonl"
    with WholeFile(place) as first, WholeFile(place) as second:
        first.reserve()
        assert place.read_bytes() == b""
        with pytest.raises(NotWritable, match="stands there already"):
            second.reserve()
        first.write(b"one\n")
        first.settle()
        first.put()
    assert place.read_bytes() == b"one\n"
    assert names(tmp_path) == ["out.jsonl"]

    other = tmp_path / "other.jsonl"
    with WholeFile(other) as given_up:
        given_up.reserve()
    assert names(tmp_path) == ["out.jsonl"]


@pytest.mark.parametrize("replaced", [False, True])
def test_what_somebody_wrote_into_a_reserved_place_stays(tmp_path: Path, replaced: bool) -> None:  # noqa: FBT001 - a case
    """A place is given back only while it is as it was left: the same file, and empty."""
    place = tmp_path / "out.jsonl"
    with WholeFile(place) as file:
        file.reserve()
        if replaced:
            (tmp_path / "theirs").write_bytes(b"")
            (tmp_path / "theirs").replace(place)
        else:
            place.write_bytes(b"theirs")
    assert names(tmp_path) == ["out.jsonl"]


@pytest.mark.parametrize("kind", ["dangling link", "directory"])
def test_no_other_thing_is_taken_for_room(tmp_path: Path, kind: str) -> None:
    """A link that leads nowhere and a directory stand there too; both stay as they are."""
    place = tmp_path / "out.jsonl"
    if kind == "directory":
        place.mkdir()
    else:
        place.symlink_to(tmp_path / "elsewhere.jsonl")
    with WholeFile(place) as file, pytest.raises(NotWritable, match="stands there already"):
        file.reserve()
    assert names(tmp_path) == ["out.jsonl"]
