"""Every poor sample of the real set improved from end to end through the command line, against the tests' provider.

    python -m bench.improve_toolset FOLDER [--spec NAME] [--mode live|batch] [--limit N] [--faults] [--rescore] [--json]

FOLDER holds `scored/` of https://github.com/ProfSynapse/Toolset-Training. Its scores are imported, the policy
toolset-relabel labels 3,681 samples false, and these are improved by a shipped spec; then the same command is run
again, which must send nothing. Counts are conserved: each sample has one end, each result is a child of its own, and
what the ledger says was paid is what the provider charged. --faults has one request in fifty go wrong, each in another
way; --rescore judges parent and child by the shipped rubric and accepts only what the policy finds better.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from ledger import Ledger
from tests.provider.handle import Provider

ROOT = Path(__file__).resolve().parent.parent
MODEL = "claude-haiku-5-5"
POOR = 3_681
_KINDS = ("overloaded", "server_error", "drop_before", "drop_after", "truncated", "malformed", "cut", "refused")
_ANSWERS = ("not_json", "fenced", "wrong_shape", "too_short", "unchanged", "hostile", "templated")
FAULTS = [{"kind": kind, "share": 0.02 / 15} for kind in (*_KINDS, *_ANSWERS)]


class Ran(NamedTuple):
    """What a command answered, and the seconds that it took."""

    said: dict[str, Any]
    seconds: float


class World:
    """A ledger in a folder, a provider, and the command line."""

    def __init__(self, folder: Path, provider: Provider) -> None:
        """Take a folder of its own."""
        self.place = folder / "ledger.db"
        self.provider = provider
        self._env = {**os.environ, **provider.env, "PYTHONPATH": str(ROOT), "LEDGER_WITNESS_DIR": str(folder / "seen")}

    def run(self, *arguments: object) -> Ran:
        """Run a command, which must succeed."""
        program = [sys.executable, "-c", "from commands.cli import main; main()", "--ledger", self.place]
        began = time.perf_counter()
        done = subprocess.run(
            [str(one) for one in (*program, *arguments, "--json")], env=self._env, capture_output=True, check=False
        )
        if done.returncode:
            raise SystemExit(done.stderr.decode())
        return Ran(json.loads(done.stdout), time.perf_counter() - began)


def prepared(world: World, data: Path) -> dict[str, Any]:
    """Ingest, import the scores, and label; return how many samples the policy labels what."""
    world.run("init")
    world.run("ingest", data / "scored", "--campaign", "scored")
    world.run("score", "import", "--field", "quality_scores")
    labels: dict[str, Any] = world.run("decide", "--policy", "toolset-relabel").said["by_label"]
    return labels


def improved(world: World, given: argparse.Namespace) -> dict[str, Any]:
    """Improve the poor ones, run the same again, and return the figures; SystemExit where a count does not add up."""
    command = [
        "improve",
        "--spec",
        given.spec,
        "--where",
        "label == false",
        "--campaign",
        "scored",
        "--mode",
        given.mode,
    ]
    command += ["--model", MODEL, "--base-url", world.provider.url]
    command += ["--limit", given.limit] if given.limit else []
    command += ["--rescore", "interaction"] if given.rescore else []
    first = world.run(*command)
    stats = world.provider.stats()
    again = world.run(*command)
    figures = {
        "seconds": round(first.seconds, 1),
        "rows_per_second": round(first.said["planned"] / first.seconds, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "billed": stats["billed"],
        "billed_usd": stats["usd"],
        "max_in_flight": stats["max_in_flight"],
        "again_seconds": round(again.seconds, 1),
        "again_requests": again.said["requests"],
        "again_usd": again.said["cost_usd"],
        **{name: first.said[name] for name in first.said if name not in {"seconds", "recipe", "detail"}},
    }
    figures |= checked(world, figures)
    return figures


def checked(world: World, figures: dict[str, Any]) -> dict[str, Any]:
    """Count what stands in the log, and check it against the report and the provider's bill."""
    with Ledger.open(world.place) as ledger:
        events = Counter[str]()
        parents = set()
        spent = Decimal(0)
        for event in ledger.log(limit=10**7):
            events[event["kind"]] += 1
            if event["kind"] == "improved":
                parents.add(event["says"]["parent"])
            if event["kind"] == "reply_stored":
                spent += Decimal(event["says"]["cost"] or 0)
        sound = ledger.verify()["ok"]
    names = ("accepted", "rejected", "failed", "unknown", "reused", "skipped", "left")
    claims = {
        "each planned sample has one end": sum(figures[name] for name in names) == figures["planned"],
        "each result is one child of one sample": len(parents)
        == events["improved"]
        == figures["accepted"] + figures["rejected"],
        "the same command again sends nothing": figures["again_requests"] == 0 and figures["again_usd"] == "0",
        "what is stored was charged, and no more was spent": spent <= Decimal(figures["billed_usd"]),
        "the ledger is sound": sound,
    }
    wrong = [claim for claim, holds in claims.items() if not holds]
    if wrong:
        raise SystemExit(f"does not hold: {'; '.join(wrong)}\n{json.dumps(figures, indent=2)}")
    return {
        "events": sum(events.values()),
        "children": events["improved"],
        "stored_usd": str(spent),
        "holds": [*claims],
    }


def main() -> None:
    """Run it and print."""
    about = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about.add_argument("folder", type=Path)
    about.add_argument("--spec", default="toolset-improve")
    about.add_argument("--mode", choices=("live", "batch"), default="live")
    about.add_argument("--limit", type=int)
    about.add_argument("--latency", type=float, default=0.02)
    about.add_argument("--faults", action="store_true")
    about.add_argument("--rescore", action="store_true")
    about.add_argument("--json", action="store_true")
    given = about.parse_args()
    faults = FAULTS if given.faults else []
    with tempfile.TemporaryDirectory() as folder, Provider(latency=given.latency, faults=faults) as provider:
        world = World(Path(folder), provider)
        labels = prepared(world, given.folder)
        figures = {"by_label": labels, **improved(world, given)}
    lines = (
        json.dumps(figures, indent=2) if given.json else "\n".join(f"{name}: {one}" for name, one in figures.items())
    )
    sys.stdout.write(lines + "\n")


if __name__ == "__main__":
    main()
