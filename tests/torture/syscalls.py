"""R3: every file system call of every writing command fails or is the last one before a kill.

Each command runs once in peace under strace, which counts its calls on the world's folder; then once for each call and
each fault, from the same beginning. EIO comes at every call. ENOSPC and KILL come at those that change something: a
kill before a call that only looks leaves the same files as one before the next change.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from ledger.errors import CorruptLedger, NotALedger, RolledBack
from tests.torture import sound
from tests.torture.table import Row, Scale, row
from tests.torture.tracing import Call, Fault, calls, missing, touches, traced
from tests.torture.world import SECRET, SHIPPING, UNFORESEEN, Deed, Ended, Mode, World, deeds, furnish, lines, worlds

CHANGING = frozenset(
    {
        *("write", "pwrite64", "pwritev", "ftruncate", "fallocate", "sendfile", "copy_file_range"),
        *("fsync", "fdatasync"),
        *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "unlink", "unlinkat"),
        *("mkdir", "mkdirat", "rmdir", "chmod", "fchmod", "chown", "fchown"),
    }
)
"""Calls that change a file, a folder, or what of them is durable; `openat` is one of them where it may create."""

SHORT = 2
"""Faults of each command in the short form."""

_FALSE_ALARMS = (CorruptLedger.exit_code, NotALedger.exit_code, RolledBack.exit_code)
"""What no passing fault may be called: the ledger is sound."""

_DRAFTS = re.compile(r"^\.ledger-.*\.tmp$|^\.ledger\.db\.|\.tmp$|^\.backup|^\.copy")


_READING = frozenset({"read", "pread64"})
_CLEANING = frozenset({"unlink", "unlinkat", "rmdir"})
_LOOKING = frozenset({"fcntl", "openat", "getdents64", "newfstatat", "fstat", "close", "lseek"})


class Count(NamedTuple):
    """What came of the faults of one mode."""

    faults: Counter[str]
    ends: Counter[str]
    problems: list[str]
    seen: dict[tuple[object, ...], list[str]]


class Calm(NamedTuple):
    """How a command ends in peace: what the ledger holds, and the other files."""

    facts: sound.Facts
    files: dict[str, str]


def run(scale: Scale) -> Row:
    """Return the row of R3."""
    what, method = "a fault at every file system call", "strace: EIO, ENOSPC, KILL; then verify, and the command again"
    if reason := missing():
        return row("R3", what, method, 0, [], f"not tried: {reason}")
    if scale == "short":
        counts = [tried(mode, scale) for mode in SHIPPING]
    else:
        with ProcessPoolExecutor(2, get_context("fork")) as pool:
            counts = list(pool.map(tried, SHIPPING, [scale] * len(SHIPPING)))
    faults = sum((one.faults for one in counts), Counter[str]())
    ends = sum((one.ends for one in counts), Counter[str]())
    told = f"{_list(faults)}; {sum(len(one.seen) for one in counts):,} different aftermaths; ends: {_list(ends)}"
    return row("R3", what, method, faults.total(), [said for one in counts for said in one.problems], told)


def tried(mode: Mode, scale: Scale) -> Count:
    """Try every deed in one mode; the short form takes some of the faults of each."""
    count, chance = Count(Counter(), Counter(), [], {}), random.Random(3)  # noqa: S311 - a choice, no secret
    with worlds(mode) as world:
        furnish(world)
        for deed in deeds(world):
            calm, plan = in_peace(world, deed)
            chosen = plan if scale == "full" else chance.sample(plan, min(SHORT, len(plan)))
            for fault in chosen:
                _attempt(world, deed, calm, fault, count)
    return count


def in_peace(world: World, deed: Deed) -> tuple[Calm, list[Fault]]:
    """Return how the command ends undisturbed, and every fault that can be made of its calls."""
    world.back(deed.base)
    world.warm(*deed.commands)
    trace = world.folder / "trace"
    ended = _execute(world, deed, trace)
    if ended.code != 0:
        raise AssertionError(deed.name, ended)
    found = [fault for call in calls(trace) if touches(call, world.work) for fault in _faults(call)]
    return Calm(sound.facts(world.ledger), _files(world)), found


def _execute(world: World, deed: Deed, trace: Path, fault: Fault | None = None) -> Ended:
    world.back(deed.base)
    with world.started(*deed.commands) as child, traced(child, trace, fault=fault):
        child.go()
        return child.wait()


def _faults(call: Call) -> Iterator[Fault]:
    if call.name == "mmap":  # no wrapper of SQLite's looks at an errno of it that could be told from no memory
        return
    yield Fault(call.name, call.number, "EIO")
    if call.name in CHANGING or (call.name == "openat" and "O_CREAT" in call.arguments):
        yield Fault(call.name, call.number, "ENOSPC")
        yield Fault(call.name, call.number, "KILL")


def _attempt(world: World, deed: Deed, calm: Calm, fault: Fault, count: Count) -> None:
    """Do the deed with a fault, look at what is left, do it again in peace, and compare."""
    ended = _execute(world, deed, world.folder / "trace", fault)
    found = _misbehaved(ended, fault)
    if not (fault.what == "KILL" or _spoils_cleaning(deed, fault)):
        found += [f"{one} was left" for one in left(world)]
    key = (deed.name, ended.code == 0, ended.acknowledged, _state(world))
    if key not in count.seen:
        count.seen[key] = _aftermath(world, deed, calm, ended)
    place = f"{world.mode.name} {deed.name} {fault.name}:{fault.number} {fault.what} ended {ended.code}"
    count.problems.extend(f"{place}: {said}" for said in found + count.seen[key])
    count.faults[fault.what] += 1
    count.ends["killed" if ended.code == -9 else str(ended.code)] += 1


def _state(world: World) -> bytes:
    """Return the digest of every file, byte by byte: what follows from the same files was seen before."""
    hasher = blake3()
    for path in sorted(path for path in world.work.rglob("*") if path.is_file()):
        body = path.read_bytes()
        hasher.update(f"{path.relative_to(world.work)}\0{len(body)}\0".encode())
        hasher.update(body)
    return hasher.digest()


def _aftermath(world: World, deed: Deed, calm: Calm, ended: Ended) -> list[str]:
    """Return what is wrong with the files that a fault has left, and with what the same command makes of them."""
    found = [f"{one} is there, and not whole" for one in _broken(world, calm)] + _copy(deed)
    if world.ledger.exists() or deed.base != "nothing":
        found += sound.problems(world.ledger, ended.acknowledged)
    if ended.code == 0 and not found and sound.facts(world.ledger).differs(calm.facts):
        found.append("it said that it was done, and was not")
    return found or _again(world, deed, calm, ended)


def _again(world: World, deed: Deed, calm: Calm, ended: Ended) -> list[str]:
    """Do the deed again in peace, and return how the end differs from that of an undisturbed run."""
    again = world.run(*deed.commands)
    if again.code not in deed.done:
        return [f"the same command again ended with {again.code}: {again.said[-200:]}"]
    if found := sound.problems(world.ledger, [*ended.acknowledged, *again.acknowledged]):
        return [f"after the same command again: {said}" for said in found]
    found = ["the second run ends otherwise"] if sound.facts(world.ledger).differs(calm.facts) else []
    found += [f"{name} is missing" for name in calm.files.keys() - _files(world).keys()]
    return found + _copy(deed, needed=True) + (_legible(world) if deed.name == "erase" else [])


def _spoils_cleaning(deed: Deed, fault: Fault) -> bool:
    """Say whether a fault may have hit the removal of a draft itself, or of the folder that a new ledger is made in."""
    in_folder = deed.base == "nothing" or deed.copy is not None or deed.name == "compact"
    return fault.name in _CLEANING or (in_folder and fault.name in _LOOKING)


def _misbehaved(ended: Ended, fault: Fault) -> list[str]:
    """Find a traceback, an unforeseen error, a sound ledger called damaged, or a fault that never came."""
    found = ["a traceback"] if "Traceback" in ended.said else []
    if ended.code in UNFORESEEN:
        found.append(f"unforeseen: {ended.said[-300:]}")
    if ended.code in _FALSE_ALARMS and not _excused(ended, fault):
        found.append(f"a false alarm: {ended.said[-300:]}")
    if (ended.code == -9) != (fault.what == "KILL"):
        found.append("the kill did not come" if fault.what == "KILL" else "it hung")
    return found


def _excused(ended: Ended, fault: Fault) -> bool:
    """Say whether calling the ledger damaged is SQLite's own word: of a page that cannot be read, of a failing disk.

    `access` tells no reason: what it refuses is taken for a file that may not be read.
    """
    if fault.name in {"access", "faccessat", "faccessat2"}:
        return ended.code == NotALedger.exit_code
    unread = fault.what == "EIO" and fault.name in _READING
    return ended.code == CorruptLedger.exit_code and (unread or "disk I/O error" in ended.said)


def _files(world: World) -> dict[str, str]:
    """Return the files of the work that are no ledger's, witness's or drafts: what was exported."""
    names = (path for path in world.work.rglob("*") if path.is_file() and "witness" not in path.parts)
    return {
        str(path.relative_to(world.work)): blake3(path.read_bytes()).hexdigest()
        for path in names
        if ".db" not in path.name and not _DRAFTS.search(path.name)
    }


def _broken(world: World, calm: Calm) -> list[str]:
    """Return exports that stand under their names with other bytes than in peace."""
    return [name for name, digest in _files(world).items() if calm.files.get(name) != digest]


def _copy(deed: Deed, *, needed: bool = False) -> list[str]:
    """Return what is wrong with the copy that a deed makes, if it is there."""
    if deed.copy is None or not (needed or deed.copy.exists()):
        return []
    return [f"the copy: {said}" for said in sound.problems(deed.copy)]


def left(world: World) -> list[str]:
    """Return the names of drafts that a command has left behind."""
    return [path.name for path in world.work.rglob("*") if _DRAFTS.search(path.name)]


def _legible(world: World) -> list[str]:
    """Return the files of the ledger in which an erased text still stands."""
    text = lines("first", SECRET + 1)[SECRET]
    said = text[text.index(b"answer") :][:20]
    return [f"the erased text is in {path.name}" for path in world.work.glob("ledger.db*") if said in path.read_bytes()]


def _list(counts: Counter[str]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.most_common())
