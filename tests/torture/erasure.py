"""R13: what was erased is found nowhere: not in the file, its journals or its views, nor in anything made of it later.

A drawn secret comes in by every way that text can: in a sample and its twins, in an earlier version, in a line that is
no sample, in what scores and looks said of it. It is looked for before, so that the search is known to find it, and
after: in every file of the ledger's folder, in every row, in every answer and every export.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from ledger import Ledger
from ledger.digest import show
from ledger.errors import ErasedBytes, LedgerError, NotConfirmed, PlanImpossible
from tests.cli import run as command
from tests.erasing import held_by, left_in, pieces
from tests.logs import Ticks, line, sample_ids, store_of, write_lines
from tests.torture.table import Row, Scale, row

SEED = 13
LIVES: dict[Scale, int] = {"short": 2, "full": 60}
"""How many secrets are brought in and erased."""

WHY: dict[str, Any] = {"reason": "asked for", "authority": "ticket 7"}
ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789 \\"/\u00e4\u00f6\u2028\u3042\U0001f600'
VIEWS = ("pending", "rejected", "accepted", "sft", "kto", "kto-interleaved", "train")
TOLD: tuple[tuple[str, ...], ...] = (
    ("status",),
    ("log", "--limit", "1000"),
    ("quarantine", "list"),
    ("conflicts",),
    ("duplicates",),
    ("templates",),
    ("rejections",),
    ("agreement",),
)
"""Commands whose answers are read, in words and as JSON."""


class World(NamedTuple):
    """How a ledger is kept: its journal, and whether its bytes are packed."""

    wal: bool
    packed: bool


WORLDS = (
    World(wal=True, packed=False),
    World(wal=False, packed=True),
    World(wal=True, packed=True),
    World(wal=False, packed=False),
)


class Place(NamedTuple):
    """Where one life of a secret happens: the ledger's own folder, and one for inputs and exports of before."""

    home: Path
    other: Path

    @property
    def ledger(self) -> Path:
        """Return the ledger's file."""
        return self.home / "ledger.db"


def run(scale: Scale) -> Row:
    """Let secrets come and go."""
    chance = random.Random(SEED)  # noqa: S311 - made-up secrets
    problems: list[str] = []
    cases = 0
    for number in range(LIVES[scale]):
        world = WORLDS[number % len(WORLDS)]
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            if world.wal:  # the linked SQLite need not be fit for it here: nobody else writes
                stack.enter_context(mock.patch("ledger.sqlite.wal_is_safe", return_value=True))
            place = Place(Path(name) / "home", Path(name) / "other")
            place.home.mkdir()
            place.other.mkdir()
            stack.enter_context(mock.patch.dict("os.environ", {"LEDGER_WITNESS_DIR": str(place.home / "witness")}))
            for problem in _life(place, world, chance):
                cases += 1
                if problem:
                    problems.append(f"{problem} (secret {number}, {world})")
    how = "a secret in samples, twins, versions, quarantine, evidence and looks; erased, then looked for everywhere"
    told = f"{LIVES[scale]} secrets in ledgers with TRUNCATE and WAL, plain and packed"
    return row("R13", "erasure", how, cases, problems, told)


def _secret(chance: random.Random) -> str:
    """Return a text that nothing else of the ledger shares a piece with."""
    return "".join(chance.choices(ALPHABET, k=chance.randrange(30, 70))) + f"{chance.getrandbits(64):016x}"


def _life(place: Place, world: World, chance: random.Random) -> Iterator[str]:
    """Yield, for each claim about one secret, what is wrong; "" where nothing is."""
    secret = _secret(chance)
    with Ledger.init(place.ledger, clock=Ticks(), wal=world.wal) as ledger:
        told = _told(ledger, place, secret, packed=world.packed)
        yield "" if _is_there(ledger, secret) else "the secret was not found before it was erased"
        head, proof = store_of(ledger).head(), place.other / "proof"
        ledger.prove(told[:1], out=proof)
        yield _refused(NotConfirmed, lambda: ledger.erase(told[:1], **WHY), "it was erased without being confirmed")
        ledger.erase(told, **WHY, yes=True)
        yield from _gone(ledger, place, secret, "after the erasure")
        yield "" if store_of(ledger).root_at(head.position) == head.root else "a root is another"
        yield "" if ledger.verify()["findings"] == [] else f"verify finds {ledger.verify()['findings'][:1]}"
        yield "" if ledger.status()["conserved"] else "the counts do not add up"
        shows = Ledger.verify_proof(proof, head=f"{head.position}:{show(head.root)}")
        yield "" if shows["ok"] else "a proof of before does not hold any more"
        yield from _later(ledger, place, secret)
    yield from _left(place, secret, "after it was closed")
    yield from _answers(place, secret)


def _told(ledger: Ledger, place: Place, secret: str, *, packed: bool) -> list[str]:
    """Bring the secret in by every way; return the ids to erase."""
    plain = [line(f"question {n} " + "about things " * 6, f"answer {n}", label=bool(n % 2)) for n in range(24)]
    holding = [
        line(f"who is {secret}", "somebody", label=True),
        json.dumps(
            {"prompt": f"who is {secret}", "completion": "somebody", "label": True}, ensure_ascii=False
        ).encode(),
        line("who wrote it", f"it was {secret}, of course it was {secret}", label=False),
    ]
    broken = b"{" + json.dumps({"x": secret}).encode()
    ledger.ingest([write_lines(place.other / "a.jsonl", [*plain, *holding, broken])], campaign="one")
    ledger.ingest([write_lines(place.other / "b.jsonl", [holding[2], *plain[:3]])], campaign="two")
    ids = sample_ids(ledger)
    first, third = ids[24], ids[26]
    ledger.edit(ids[0], line("question edited", f"now with {secret}"))
    ledger.edit(ids[0], line("question edited", "and without"))
    ledger.score("length")
    ledger.score("rubric")
    ledger.validate()
    ledger.reject([ids[1], third], reason="for reasons")
    ledger.duplicates(0.6)
    ledger.templates("completion")
    ledger.project("pending", place.other / "before.jsonl", no_gates=True)
    if packed:
        ledger.compact(codec="zstd")
    (quarantined,) = ledger.quarantine()
    return [first, third, ids[0], quarantined["event"]]


def _is_there(ledger: Ledger, secret: str) -> bool:
    """Say whether the secret is found in the bytes of samples, by the search that is to find nothing later."""
    return "blob" in held_by(ledger, secret)


def _gone(ledger: Ledger, place: Place, secret: str, when: str) -> Iterator[str]:
    """Yield where the secret still is: in a row, or in a file of the open ledger."""
    yield "; ".join(f"{when} a row of {table} holds it" for table in held_by(ledger, secret))
    yield from _left(place, secret, when)


def _left(place: Place, secret: str, when: str) -> Iterator[str]:
    yield "; ".join(f"{when} {name} holds {piece!r}" for name, piece in left_in(place.home, secret))


def _later(ledger: Ledger, place: Place, secret: str) -> Iterator[str]:
    """Yield what is wrong with all that is made of the ledger later."""
    again = [ledger.ingest([place.other / name], campaign="again") for name in ("a.jsonl", "b.jsonl")]
    kept_out = [one["reasons"].get("erased", 0) for one in again]  # the edited sample's first line is among them
    yield "" if kept_out == [5, 2] else f"erased lines came in again: {kept_out} were kept out"
    yield from _gone(ledger, place, secret, "after its lines came again")
    ledger.rebuild_views()
    yield from _gone(ledger, place, secret, "after the views were made again")
    for view in VIEWS:
        try:
            ledger.project(view, place.home / f"{view}.jsonl", no_gates=True, card=view == "pending")
        except PlanImpossible:
            continue
        yield from _left(place, secret, f"after {view} was exported")
    manifest = place.other / "before.jsonl.manifest.json"
    made = place.home / "rebuilt.jsonl"
    yield _refused(ErasedBytes, lambda: ledger.rebuild(manifest, made), "a release with erased bytes was made again")
    yield "" if not made.exists() else "a part of a release with erased bytes was written"
    ledger.backup(place.home / "backup.db")
    ledger.export_events(place.home / "events.jsonl")
    yield from _left(place, secret, "after a backup and an export of events")
    yield "" if ledger.verify()["findings"] == [] else f"at the end verify finds {ledger.verify()['findings'][:1]}"


def _answers(place: Place, secret: str) -> Iterator[str]:
    """Yield the commands whose answers hold a piece of the secret."""
    wanted = pieces(secret)
    with Ledger.open(place.ledger) as ledger:
        about = [(verb, one) for one in sample_ids(ledger)[24:27] for verb in ("show", "why")]
    for words in (*TOLD, *about):
        for form in ((), ("--json",)):
            said = command("--ledger", place.ledger, *words, *form)
            data = (said.out + said.err).encode()
            yield f"`{' '.join(words[:1])}` tells it" if any(piece in data for piece in wanted) else ""


def _refused(error: type[LedgerError], work: Callable[[], object], what: str) -> str:
    try:
        work()
    except error:
        return ""
    return what
