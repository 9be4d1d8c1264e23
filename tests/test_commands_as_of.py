"""Every verb that reads takes --as-of, and answers as a ledger that had stopped there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from commands.cli import cli
from ledger import Ledger
from ledger.policy import to_toml
from tests.cli import Answer, run
from tests.judged import LOW, score
from tests.logs import Ticks, improve, line, sample_ids, write_lines

NOT_OF_A_MOMENT = {
    "init": "makes a ledger",
    "import-events": "makes a ledger, or brings one up to date",
    "verify": "checks the whole file, whose views are of now",
    "doctor": "looks at the file, the disk and the program as they are",
    "backup": "copies the file",
    "compact": "makes the file smaller",
    "export-events": "writes the whole log; a part of it would be an older copy",
    "rebuild": "its manifest names the moment",
    "push": "sends files that stand beside the ledger",
    "verify-proof": "needs no ledger",
    "verify-export": "needs no ledger",
    "keygen": "needs no ledger",
    "policy check": "needs no ledger",
    "view check": "needs no ledger",
}
"""Verbs that neither write to the log nor read it at a moment, each with the reason."""


class World(NamedTuple):
    """A ledger that went on, and how it was: (position, a copy that stopped there) of two moments."""

    path: Path
    stopped: tuple[tuple[int, Path], ...]
    early: list[str]
    late: list[str]
    line: str
    proposal: str


def verbs(command: click.Command = cli, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield the full name of every verb, with its command."""
    if not isinstance(command, click.Group):
        yield prefix.strip(), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from verbs(child, f"{prefix} {name}")


def parameters(command: click.Command) -> set[str | None]:
    """Return the names of what a command takes."""
    return {one.name for one in command.params}


APART = {"project", "search"}
"""`project` writes: what it releases of an earlier moment is held in test_verbs_project. `search` also tells of its
index, which is of today; what it finds is compared by itself."""
READING = {name for name, command in verbs() if "as_of" in parameters(command)} - APART


def test_every_verb_that_reads_takes_as_of() -> None:
    """A verb takes --as-of, or writes to the log (and takes --actor), or stands in the list above with its reason."""
    for name, command in verbs():
        taken = parameters(command)
        if name in NOT_OF_A_MOMENT:
            assert "as_of" not in taken, f"{name} takes --as-of: take it off the list"
        else:
            assert taken & {"as_of", "actor"}, f"{name} reads, so it must take --as-of"


def test_every_one_of_them_is_compared() -> None:
    """Nothing that takes --as-of is left out of the comparison below."""
    assert set(ASKED) == READING


Given = Callable[[World], Sequence[Sequence[object]]]

ASKED: dict[str, Given] = {
    "status": lambda _: [()],
    "show": lambda w: [(w.early[1],), (w.early[1], "--raw"), (w.late[-1],)],
    "why": lambda w: [(w.early[0],), (w.early[5],), (w.late[-1],)],
    "log": lambda w: [(), ("--limit", 500), (w.early[0],), (w.late[-1],)],
    "quarantine list": lambda _: [(), ("--campaign", "one"), ("--campaign", "late")],
    "quarantine show": lambda w: [(w.line,), (w.line, "--raw"), ("@99999",)],
    "policy list": lambda _: [()],
    "policy show": lambda _: [(), ("low",), ("--settings",), ("--campaign", "late"), ("later",)],
    "proposals list": lambda _: [(), ("--state", "all"), ("--limit", 1)],
    "proposals show": lambda w: [(w.proposal,), (w.proposal, "--limit", 0), ("@99999",)],
    "view list": lambda _: [()],
    "view show": lambda _: [("mine",), ("sft",), ("other",)],
    "whatif": lambda _: [("--set", "thresholds.min_quality=0.7"), ("--policy", "seed-000", "--limit", 3)],
    "rejections": lambda _: [(), ("--campaign", "one")],
    "near-misses": lambda _: [(), ("--accepted", "--limit", 3), ("--domain", "shell")],
    "list": lambda _: [(), ("--status", "rejected"), ("--within", "1", "--sort", "margin"), ("--campaign", "late")],
    "compare": lambda _: [(), ("one", "two"), ("late",), ("one", "two", "--by", "source")],
    "diff": lambda w: [
        ("@5",),
        ("sft", "accepted"),
        ("@30", "--view", "accepted"),
        ("mine", "sft"),
        (w.stopped[1][0],),
    ],
    "agreement": lambda _: [(), ("--by", "scorer")],
    "gains": lambda _: [()],
    "conflicts": lambda _: [(), ("--kind", "labels")],
    "duplicates": lambda _: [(), ("--field", "completion"), ("--campaign", "late")],
    "templates": lambda _: [("--last", "--field", "completion")],
    "prove": lambda w: [(w.early[0],), ("@3",), ("--checkpoint",)],
    "families": lambda w: [(w.early[0],), (w.early[0], w.early[1]), (w.late[-1],)],
    "check": lambda _: [("sft",), ("accepted",), ("kto-interleaved", "--batch-size", 2), ("mine",)],
}
"""What each verb is asked, of samples that were there and of some that came later."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Yield a ledger in which more and more happened, and copies of it from two moments."""
    patch = pytest.MonkeyPatch()
    patch.setenv("LEDGER_WITNESS_DIR", str(tmp_path_factory.mktemp("as-of-witness")))
    patch.setenv("LEDGER_ACTOR", "tester")
    folder = tmp_path_factory.mktemp("as-of")
    path = folder / "live" / "ledger.db"
    path.parent.mkdir()
    stopped: list[tuple[int, Path]] = []
    clock = Ticks(step=1_000_000)
    with Ledger.init(path, clock=clock) as ledger:
        for number, stage in enumerate((_first, _second)):
            stage(ledger, folder)
            clock.now += 10**9
            stopped.append((ledger.status()["head"]["position"], _copied(path, folder / f"stopped{number}")))
        early = sample_ids(ledger)
        _third(ledger, folder)
        late = sample_ids(ledger)
        quarantined = ledger.quarantine()[0]["event"]
        proposal = ledger.proposals("all")["proposals"][0]["proposal"]
    yield World(path, tuple(stopped), early, late, quarantined, proposal)
    patch.undo()


def _copied(path: Path, folder: Path) -> Path:
    folder.mkdir()
    shutil.copyfile(path, folder / path.name)
    return folder / path.name


def _first(ledger: Ledger, folder: Path) -> None:
    rows = [line(f"p{n % 5}", f"c{n % 7}", label=bool(n % 2), tags={"n": str(n % 3)}) for n in range(20)]
    ledger.ingest([write_lines(folder / "a.jsonl", [*rows, b"{broken"])], campaign="one")
    ledger.ingest(
        [write_lines(folder / "b.jsonl", [line(f"q{n}", f"d{n}", domain="shell") for n in range(8)])], campaign="two"
    )
    ids = sample_ids(ledger)
    score(ledger, {one: {"quality": n / len(ids)} for n, one in enumerate(ids)})
    (folder / "low.toml").write_text(to_toml(LOW))
    ledger.decide(folder / "low.toml", reason="first")
    (folder / "mine.toml").write_text(ledger.view("sft")["toml"].replace('"sft"', '"mine"'))
    ledger.define_view(folder / "mine.toml", reason="ours")
    ledger.split("60/20/20", seed="s")
    _say(ledger, ids, folder, "out.jsonl")


def _second(ledger: Ledger, folder: Path) -> None:
    ids = sample_ids(ledger)
    ledger.accept(ids[8:10], reason="seen")
    ledger.edit(ids[2], line("p2", "a second text"))
    improve(ledger, ids[5], [line("p5", "an improvement")])
    ledger.duplicates(0.5, field="completion")
    ledger.templates("completion", min_rows=2, words=2)
    ledger.project("sft", folder / "out.jsonl")


def _third(ledger: Ledger, folder: Path) -> None:
    """Do something to everything that was there, so that what leaks from later shows."""
    ids = sample_ids(ledger)
    rows = [line(f"p{n % 5}", f"c{n % 4}", label=bool(n % 3)) for n in range(9)]
    ledger.ingest([write_lines(folder / "c.jsonl", [*rows, b"{broken too"])], campaign="one")
    ledger.ingest([write_lines(folder / "d.jsonl", [line("p1", "c1", label=True, domain="shell")])], campaign="late")
    ledger.retry_quarantine(campaign="one")
    score(ledger, {one: {"quality": 1 - n / len(ids)} for n, one in enumerate(ids)}, scorer="another")
    other = to_toml(LOW).replace("0.5", "0.25").replace('"low"', '"later"')
    (folder / "later.toml").write_text(other)
    ledger.decide(folder / "later.toml", reason="later")
    ledger.decide(folder / "low.toml", campaign="late")
    for name in ("mine", "other"):
        (folder / f"{name}.toml").write_text(ledger.view("dpo")["toml"].replace('"dpo"', f'"{name}"'))
        ledger.define_view(folder / f"{name}.toml")
    ledger.duplicates(0.6, field="completion")
    ledger.templates("completion", min_rows=3, words=2)
    _say(ledger, ids, folder, "later.jsonl")
    ledger.accept_proposal(ledger.proposals()["proposals"][0]["name"])
    ledger.withdraw([ledger.log(ids[8], limit=1)[0]["event"]])
    ledger.split("60/20/20", seed="t")


def _say(ledger: Ledger, ids: Sequence[str], folder: Path, name: str) -> None:
    """Say something of each kind about some samples, and release a view."""
    ledger.reject(ids[:2], reason=f"because {name}")
    ledger.relabel(ids[3:5], "none", reason="unclear")
    ledger.tag(ids[4:7], "colour", name)
    ledger.weight(ids[6:8], 2)
    ledger.edit(ids[1], line("p1", f"a text of {name}", label=True))
    ledger.validate()
    ledger.project("accepted", folder / name)
    ledger.propose(ids[9:12], "defer", reason=f"because of {name}")


def ask(path: Path, verb: str, given: Sequence[object], *more: object) -> Answer:
    """Run a verb on a ledger, as people and as programs read it, and take out where the file is."""
    answer = run("--ledger", path, *verb.split(), *given, *more)
    return answer._replace(out=answer.out.replace(str(path), "PATH"), err=answer.err.replace(str(path), "PATH"))


@pytest.mark.parametrize("verb", sorted(ASKED))
@pytest.mark.parametrize("moment", [0, 1])
def test_as_of_is_the_answer_of_a_ledger_that_had_stopped(
    world: World, verb: str, moment: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Both forms of the answer, refusals with their exit codes too, are those that a copy from then gives today."""
    position, copy = world.stopped[moment]
    for given in ASKED[verb](world):
        for form in ((), ("--json",)):
            told = ask(world.path, verb, given, "--as-of", f"@{position}", *form)
            with monkeypatch.context() as apart:
                apart.setenv("LEDGER_WITNESS_DIR", str(tmp_path))
                then = ask(copy, verb, given, *form)
            assert told == then, f"{verb} {given} {form}"
            assert told.out or told.code


@pytest.mark.parametrize("moment", [0, 1])
def test_a_search_finds_what_stood_then(
    world: World, moment: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The same samples are found as in a ledger that had stopped, each as it stood; their order may be another."""
    position, copy = world.stopped[moment]
    live = _copied(world.path, tmp_path / "live")
    for query in ("c1", "text", "p1"):
        told = ask(live, "search", (query, "--limit", 100), "--as-of", position, "--json")
        with monkeypatch.context() as apart:
            apart.setenv("LEDGER_WITNESS_DIR", str(tmp_path))
            then = ask(copy, "search", (query, "--limit", 100), "--json")
        found = [
            {one["sample"]: (one["status"], one["label"]) for one in answer.json["samples"]} for answer in (told, then)
        ]
        assert found[0] == found[1]
        assert told.json["found"] == then.json["found"]


def test_the_comparison_can_fail(world: World) -> None:
    """Without --as-of every verb answers otherwise than then: the world did go on in every respect.

    Only a line in quarantine is what it was; that one comes and goes is seen in the list.
    """
    position, _ = world.stopped[1]
    same = []
    for verb in sorted(set(ASKED) - {"quarantine show"}):
        given = ASKED[verb](world)[0]
        now, then = (ask(world.path, verb, given, "--json", *more) for more in ((), ("--as-of", f"@{position}")))
        same += [verb] if now == then else []
    assert same == []


def test_a_time_is_the_position_that_stood_then(world: World) -> None:
    """--as-of takes a time as well, for every verb alike."""
    position, copy = world.stopped[1]
    time = json.loads(ask(copy, "log", ("--limit", 1), "--json").out)["events"][0]["time"]
    for verb in sorted(ASKED):
        given = ASKED[verb](world)[0]
        assert ask(world.path, verb, given, "--as-of", time) == ask(world.path, verb, given, "--as-of", position)


def test_no_reading_of_the_past_writes(world: World) -> None:
    """Looking back leaves the file as it is."""
    before = world.path.read_bytes()
    for verb in sorted(ASKED):
        ask(world.path, verb, ASKED[verb](world)[0], "--as-of", 40)
    assert world.path.read_bytes() == before


def test_adopting_in_the_past_is_refused(world: World) -> None:
    """What would be can be asked of any moment; a policy is adopted for now."""
    answer = run("--ledger", world.path, "whatif", "--policy", "seed-000", "--adopt", "--as-of", 40)
    assert answer.code == 4
    assert "now" in answer.err
