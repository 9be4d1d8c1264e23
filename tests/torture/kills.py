"""R5: processes that are killed at random moments, taken up again, and killed again, until the work is done.

Each life is a list of commands that ends in the same ledger, however often it is killed: what was acknowledged on the
pipe before the kill is there after it, nothing is there by halves, and the end is that of an undisturbed life.
"""

from __future__ import annotations

import random
import time
from typing import NamedTuple

from tests.torture import sound
from tests.torture.table import Row, Scale, row
from tests.torture.world import SHIPPING, Command, Ended, Mode, World, init, later, past, worlds

KILLS = {"short": 30, "full": 1_200}
"""Kills of all modes together."""

TAKEN_UP = (0, 11, 60)
"""How a command may end that is given again: done, or what it would make is there."""


class Found(NamedTuple):
    """What the kills of one mode showed."""

    kills: int
    lives: int
    heads: int
    problems: list[str]


def run(scale: Scale) -> Row:
    """Return the row of R5."""
    found = [tried(mode, KILLS[scale] // len(SHIPPING)) for mode in SHIPPING]
    kills, lives = sum(one.kills for one in found), sum(one.lives for one in found)
    note = f"{lives} lives lived to their end, {sum(one.heads for one in found):,} heads acknowledged before a kill"
    method = "kill -9 at random moments; what was acknowledged on a pipe must be there"
    return row(
        "R5", "a process killed at any moment", method, kills, [said for one in found for said in one.problems], note
    )


def tried(mode: Mode, kills: int) -> Found:
    """Kill so many times in one mode."""
    chance = random.Random(5)  # noqa: S311 - moments, no secrets
    done, lives, heads, problems = 0, 0, 0, list[str]()
    with worlds(mode) as world:
        commands = [*past(world), *later(world)]
        first = world.run(init(world))
        if first.code != 0:
            raise AssertionError(first)
        world.keep("base")
        world.warm(*commands)
        world.back("base")
        started = time.monotonic()
        world.run(*commands)
        whole, calm = time.monotonic() - started, sound.facts(world.ledger)
        while done < kills:
            world.back("base")
            lives += 1
            left, acknowledged = list(commands), list[tuple[int, str]]()
            while left:
                ended = _killed(world, left, chance.random() * whole / 3)
                acknowledged += [one for one in ended.acknowledged if one[0] >= 0]
                heads += len(ended.acknowledged)
                del left[: sum(position < 0 for position, _ in ended.acknowledged)]
                done += ended.code == -9
                problems += _wrong(world, ended, acknowledged, full=done % 10 == 0)
                if ended.code not in {-9, *TAKEN_UP}:
                    break
                if ended.code in TAKEN_UP[1:]:
                    del left[:1]
            if sound.facts(world.ledger).samples != calm.samples:
                problems.append(f"{mode.name}: another end than in peace")
    return Found(done, lives, heads, problems)


def _killed(world: World, commands: list[Command], after: float) -> Ended:
    """Run commands and kill them after so many seconds, unless they end before."""
    with world.started(*commands) as child:
        child.go()
        if child.listen(after):
            child.kill()
        return child.wait()


def _wrong(world: World, ended: Ended, acknowledged: list[tuple[int, str]], *, full: bool) -> list[str]:
    found = sound.problems(world.ledger, acknowledged, quick=not full)
    if ended.code not in {-9, *TAKEN_UP} or "Traceback" in ended.said:
        found.append(f"ended with {ended.code}: {ended.said[-300:]}")
    return [f"{world.mode.name}: {said}" for said in found]
