"""R4: a power failure at any moment of a ledger's life, replayed from a real trace of it.

One child lives a whole life (init, ingest, decisions, releases, views made again, and what else there is) under strace,
which notes every write with its bytes, every sync and every acknowledgement. At every change the model of `crash` says
what a disk may hold then; each such folder is opened with the program and looked at. WAL+NORMAL and DELETE+FULL, which
do not ship, must show losses: they prove that the method can fail.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

from blake3 import blake3

from tests.torture import sound
from tests.torture.crash import Disk, put
from tests.torture.table import Row, Scale, row
from tests.torture.tracing import Call, calls, missing, traced
from tests.torture.world import ACKNOWLEDGE, SHIPPING, Command, Mode, World, init, later, past, worlds

LOSING = (Mode("WAL", "NORMAL"), Mode("DELETE"))
"""Modes that lose what they acknowledged; neither can be chosen."""

STATES = {"short": (100, 60), "full": (5_000, 600)}
"""Different states for each mode that ships, and for each that must lose."""

TAKEN_UP = 50
"""Of so many states, one is also taken up and lived to its end."""


class Moment(NamedTuple):
    """A state of the disk, and what had been acknowledged by then."""

    state: dict[str, bytes]
    heads: tuple[tuple[int, str], ...]
    done: tuple[str, ...]


class Found(NamedTuple):
    """What the states of one mode showed."""

    mode: str
    states: int
    taken_up: int
    problems: list[str]


def run(scale: Scale) -> Row:
    """Return the row of R4."""
    what, method = "a power failure at any moment", "strace's trace replayed: writes dropped, kept or torn at 512 bytes"
    if reason := missing():
        return row("R4", what, method, 0, [], f"not tried: {reason}")
    modes = [*SHIPPING, *(LOSING if scale == "full" else LOSING[:1])]
    counts = [STATES[scale][mode in LOSING] for mode in modes]
    if scale == "short":
        found = list(map(tried, modes, counts))
    else:
        with ProcessPoolExecutor(2, get_context("fork")) as pool:
            found = list(pool.map(tried, modes, counts))
    ours, losing = found[: len(SHIPPING)], found[len(SHIPPING) :]
    problems = [said for one in ours for said in one.problems]
    problems += [f"{one.mode} lost nothing: this test cannot fail" for one in losing if not one.problems]
    told = [f"{one.mode} {one.states:,} states, {len(one.problems)} bad" for one in found]
    told.append(f"{sum(one.taken_up for one in ours):,} taken up to the end")
    return row("R4", what, method, sum(one.states for one in ours), problems, "; ".join(told))


def tried(mode: Mode, count: int) -> Found:
    """Look at so many different states of a life in one mode."""
    with worlds(mode) as world:
        commands = life(world)
        trace, whole = _lived(world, commands)
        calm = sound.facts(world.ledger)
        found, seen, taken_up = Found(mode.name, 0, 0, []), set[bytes](), 0
        chance = random.Random(4)  # noqa: S311 - the same states each time
        share = min(1.0, count / len(trace))
        while len(seen) < count:
            for moment in _moments(world, trace, chance, share):
                if (key := _key(moment)) in seen or len(seen) == count:
                    continue
                seen.add(key)
                put(moment.state, world.work)
                wrong = _wrong(world, moment, whole)
                found.problems.extend(f"{mode.name}, state {len(seen)}: {said}" for said in wrong)
                if len(seen) % TAKEN_UP == 0 and world.ledger.exists() and not wrong:
                    taken_up += 1
                    found.problems.extend(_taken_up(world, commands[len(moment.done) :], calm))
        return found._replace(states=len(seen), taken_up=taken_up)


def life(world: World) -> list[Command]:
    """Return the commands of a life."""
    return [init(world), *past(world), *later(world)]


def _lived(world: World, commands: list[Command]) -> tuple[list[Call], dict[str, set[bytes]]]:
    """Live once under strace; return the calls, and the digests that each exported file had when it stood whole."""
    world.warm(*commands)
    world.back("nothing")
    trace = world.folder / "trace"
    with world.started(*commands) as child, traced(child, trace, data=True):
        child.go()
        ended = child.wait()
    if ended.code != 0:
        raise AssertionError(ended)
    found = list(calls(trace))
    trace.unlink()
    disk, whole = Disk(world.work), dict[str, set[bytes]]()
    for call in found:
        disk.replay(call)
        if _acknowledged(call) is not None:
            for name, data in disk.everything().items():
                whole.setdefault(name, set()).add(blake3(data).digest())
    there = {str(path): path.read_bytes() for path in world.work.rglob("*") if path.is_file()}
    if disk.everything() != there:
        raise AssertionError("the model of the disk is not what the disk holds")
    return found, whole


def _moments(world: World, trace: list[Call], chance: random.Random, share: float) -> Iterator[Moment]:
    """Yield a state after each change of a life, or after a share of them."""
    disk = Disk(world.work)
    heads: list[tuple[int, str]] = []
    done: list[str] = []
    for call in trace:
        said = _acknowledged(call)
        for position, root in said or ():
            (done.append(root) if position < 0 else heads.append((position, root)))
        if (said is not None or disk.replay(call)) and chance.random() < share:
            yield Moment(disk.state(chance), tuple(heads[-1:]), tuple(done))


def _acknowledged(call: Call) -> list[tuple[int, str]] | None:
    if call.name != "write" or call.handle is None or call.handle[0] != ACKNOWLEDGE:
        return None
    words = (one.split(" ", 1) for one in call.texts[0].decode().splitlines())
    return [(int(position), root) for position, root in words]


def _key(moment: Moment) -> bytes:
    hasher = blake3(repr((moment.heads, moment.done, sorted(moment.state))).encode())
    for _, data in sorted(moment.state.items()):
        hasher.update(data)
    return hasher.digest()


def _wrong(world: World, moment: Moment, whole: dict[str, set[bytes]]) -> list[str]:
    """Return what is wrong with a state, in sentences."""
    if not world.ledger.exists():
        return ["an acknowledged ledger is gone"] if moment.done else []
    found = sound.problems(world.ledger, moment.heads, quick=True)
    for name, data in moment.state.items():
        if name.endswith((".jsonl", ".manifest.json", "README.md")) and blake3(data).digest() not in whole[name]:
            found.append(f"{name} stands, and is not whole")
    for command in moment.done:
        made = command.split(" -o ")[1].split()[0] if command.startswith("project ") else None
        if made is not None and not {made, f"{made}.manifest.json"} <= moment.state.keys():
            found.append(f"the acknowledged {made} is gone")
    return found


def _taken_up(world: World, commands: list[Command], calm: sound.Facts) -> list[str]:
    """Run what was not done, again or for the first time, and return how the end differs from an undisturbed one."""
    found = [
        f"{command[0]} again ended with {ended.code}: {ended.said[-200:]}"
        for command in commands
        if (ended := world.run(command)).code not in {0, 11, 60}
    ]
    found += sound.problems(world.ledger)
    return found + (["another end"] if sound.facts(world.ledger).samples != calm.samples else [])
