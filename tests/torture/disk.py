"""R6: no room. Files that may not grow beyond a limit, and where this may be mounted one of a few megabytes.

Every command meets the wall at many places. It must end with the error that says so, leave a sound ledger and no
drafts, and do its work when the same command comes again with room.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ledger.errors import DiskFull, StorageFailed
from tests.torture import sound
from tests.torture.syscalls import left
from tests.torture.table import Row, Scale, row
from tests.torture.world import SHIPPING, TRUNCATE, Deed, Ended, Mode, World, deeds, furnish, worlds

LIMITS = {"short": 2, "full": 25}
"""Limits for each command and mode."""

ROOM = 6 << 20
"""Bytes of the small file system."""

_NO_ROOM = (DiskFull.exit_code, StorageFailed.exit_code)


class Found(NamedTuple):
    """What was seen: how commands ended, and what was wrong."""

    ends: Counter[str]
    problems: list[str]


def run(scale: Scale) -> Row:
    """Return the row of R6."""
    found = Found(Counter(), [])
    for mode in SHIPPING:
        _limited(mode, LIMITS[scale], found)
    why_not = _mounted(found, 1 if scale == "short" else 6)
    note = f"ends: {', '.join(f'{count} {name}' for name, count in found.ends.most_common())}"
    note += f"; no small file system: {why_not}" if why_not else ""
    method = "RLIMIT_FSIZE at many sizes, a file system of 6 MB"
    return row("R6", "no room on the disk", method, found.ends.total(), found.problems, note)


def _limited(mode: Mode, count: int, found: Found) -> None:
    """Let no file grow beyond a limit: from what the ledger has to what the command would need."""
    chance = random.Random(6)  # noqa: S311 - sizes, no secrets
    with worlds(mode) as world:
        furnish(world)
        for deed in deeds(world):
            world.back(deed.base)
            world.warm(*deed.commands)
            calm = sound.facts(world.ledger)
            most = max(path.stat().st_size for path in world.work.rglob("*") if path.is_file())
            for _ in range(count):
                world.back(deed.base)
                limit = chance.randint(1, most + 4096)
                with world.started(*deed.commands, before=_small(limit)) as child:
                    child.go()
                    ended = child.wait()
                _look(world, deed, ended, calm, found, f"at most {limit} bytes")


def _small(limit: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def _look(world: World, deed: Deed, ended: Ended, calm: sound.Facts, found: Found, where: str) -> None:
    """Compare what a command without room left, and what it does with room."""
    wrong = [] if ended.code in {0, *_NO_ROOM} else [f"ended with {ended.code}: {ended.said[-300:]}"]
    if "Traceback" in ended.said:
        wrong.append("a traceback")
    if world.ledger.exists() or deed.base != "nothing":
        wrong += sound.problems(world.ledger, ended.acknowledged)
    wrong += [f"{name} was left" for name in left(world)]
    again = world.run(*deed.commands)
    if again.code not in deed.done:
        wrong.append(f"again it ended with {again.code}: {again.said[-300:]}")
    else:
        wrong += sound.problems(world.ledger, ended.acknowledged)
        wrong += ["with room it ends otherwise"] if sound.facts(world.ledger).differs(calm) else []
    found.ends[str(ended.code)] += 1
    found.problems.extend(f"{world.mode.name} {deed.name}, {where}: {said}" for said in wrong)


# --- a file system that is full


def _mounted(found: Found, count: int) -> str | None:
    """Fill a small file system more and more, and do each deed on it; say why not where none can be mounted."""
    with worlds(TRUNCATE) as world:
        furnish(world)
        for deed in (one for one in deeds(world) if one.base == "base"):
            world.back(deed.base)
            world.warm(*deed.commands)
            calm = sound.facts(world.ledger)
            for number in range(count):
                with _small_disk(world.work) as why_not:
                    if why_not is not None:
                        return why_not
                    _filled(world, deed, calm, found, number / count)
    return None


def _filled(world: World, deed: Deed, calm: sound.Facts, found: Found, share: float) -> None:
    """Do a deed where a share of the room that is left is taken."""
    world.fill(deed.base)
    room = os.statvfs(world.work)
    ballast = world.work / "ballast"
    ballast.write_bytes(bytes(int(room.f_bavail * room.f_frsize * (0.5 + share / 2))))
    ended = world.run(*deed.commands)
    ballast.unlink()
    _look(world, deed, ended, calm, found, "on a full file system")


@contextmanager
def _small_disk(place: Path) -> Iterator[str | None]:
    """Mount a small file system at a place, which takes root's rights; yields why that cannot be."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", str(place)]
    if os.geteuid() != 0:
        yield "mounting takes root's rights"
        return
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        yield f"it could not be mounted: {done.stderr.decode(errors='replace').strip()[:100]}"
        return
    try:
        yield None
    finally:
        subprocess.run(["umount", str(place)], capture_output=True, check=True)  # noqa: S607 - found by name
