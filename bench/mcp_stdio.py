"""How long an agent waits: every reading tool through stdio, with the SDK's client, as a host would ask.

    python -m bench.mcp_stdio [--rows N | --ledger FILE] [--asked N] [--era auto|legacy] [--json]

Without a ledger it makes one of N samples in two campaigns, scored, judged, searched once and released. Each question
is asked with other samples, filters or settings every time; the first of each kind is left out. Times hold the client,
the pipe and the server. The start is that of the process until its first answer, warm: the second of two starts.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import anyio
from mcp import StdioServerParameters
from mcp.client import Client

from bench import samples, work
from bench.measure import percentile
from ledger import Ledger

ROOT = Path(__file__).resolve().parent.parent
PROMISED = {"read": 25.0, "search": 100.0, "report": 300.0}
"""Milliseconds that 95 of 100 answers take at most, at a million samples."""
START = 1.5
WORDS = ("friday", "memory", "workspace", "project notes", "archive", "search results")


class Question(NamedTuple):
    """One kind of question: a name, what is promised of it, the tool, and arguments that never come to an end."""

    name: str
    promised: str
    tool: str
    asked: Iterator[dict[str, Any]]


class Times(NamedTuple):
    """What a question took, in milliseconds."""

    name: str
    tool: str
    asked: int
    p50: float
    p95: float
    promised: float

    @property
    def kept(self) -> bool:
        """Say whether the promise was kept."""
        return self.p95 <= self.promised


def make(folder: Path, rows: int) -> Path:
    """Make a ledger of `rows` samples in two campaigns and return its file."""
    path = folder / "ledger.db"
    with Ledger.init(path) as ledger:
        for seed, (name, count) in enumerate((("spring", rows * 3 // 5), ("autumn", rows - rows * 3 // 5))):
            source = folder / f"{name}.jsonl"
            samples.write(source, count, seed)
            ledger.ingest([source], campaign=name)
            source.unlink()
        ledger.import_scores(field="quality_scores")
        ledger.decide(work.POLICY)
        ledger.search("friday", limit=1)
        ledger.project("kto-interleaved", folder / "kto.jsonl", no_gates=True)
    return path


def questions(path: Path, seed: int = 0) -> list[Question]:
    """Return what is asked of a ledger."""
    drawn = random.Random(seed)  # noqa: S311 - which samples are asked about
    with Ledger.open(path, read_only=True) as ledger:
        campaigns = [one["name"] for one in ledger.status()["campaigns"]][:2]
        rules = list(ledger.status()["by_reason"]) or [""]
        policy = ledger.policy()
        shown = ledger.find(limit=1, total=False)["samples"][0]
    thresholds = [name for name in Ledger.policy_settings(policy["toml"]) if name.startswith("threshold.")]
    ids = work.sample_ids(path)
    domain = str(shown["domain"] or "")

    def each(make_one: Callable[[], dict[str, Any]]) -> Iterator[dict[str, Any]]:
        while True:
            yield make_one()

    def some(name: str) -> Callable[[], dict[str, Any]]:
        return lambda: {name: drawn.choice(ids)[:16]}

    filters: list[dict[str, Any]] = [
        {"campaign": campaigns[0], "status": "rejected"},
        {"rule": rules[0], "limit": 50},
        {"status": "accepted", "domain": domain},
        {"campaign": campaigns[-1], "sort": "decided", "status": "rejected"},
    ]
    return [
        Question("why", "read", "ledger_why", each(some("sample"))),
        Question("history", "read", "ledger_history", each(some("sample"))),
        Question("sample", "read", "ledger_sample", each(some("sample"))),
        Question("near misses", "read", "ledger_near_misses", each(lambda: {"campaign": drawn.choice(campaigns)})),
        Question("search: facts", "search", "ledger_search", each(lambda: drawn.choice(filters))),
        Question("search: words", "search", "ledger_search", each(lambda: {"text": drawn.choice(WORDS)})),
        Question("overview", "report", "ledger_overview", each(dict)),
        Question("overview of one", "report", "ledger_overview", each(lambda: {"campaign": drawn.choice(campaigns)})),
        Question(
            "compare",
            "report",
            "ledger_compare",
            each(lambda: {"a": campaigns[0], "b": campaigns[-1], "by": drawn.choice(("reason", "rule", "domain"))}),
        ),
        Question(
            "whatif",
            "report",
            "ledger_whatif",
            each(lambda: {"changes": {thresholds[0]: round(drawn.uniform(2.2, 3.0), 2)}}),
        ),
        Question("projections", "report", "ledger_projections", each(dict)),
        Question("verify", "report", "ledger_verify", each(dict)),
    ]


def program(path: Path) -> StdioServerParameters:
    """Return how the server is started."""
    start = "from commands.cli import main; main()"
    from os import environ  # noqa: PLC0415 - a host hands on its own

    env = {**environ, "PYTHONPATH": str(ROOT)}
    return StdioServerParameters(command=sys.executable, args=["-c", start, "--ledger", str(path), "mcp"], env=env)


async def started(path: Path, era: str) -> float:
    """Return the seconds from starting the process to its first answer."""
    began = time.perf_counter()
    async with Client(program(path), mode=era) as client:
        await client.list_tools()
        return time.perf_counter() - began


async def measured(path: Path, era: str, asked: int) -> list[Times]:
    """Ask every question `asked` times, one after the other."""
    found: list[Times] = []
    failed: list[str] = []
    async with Client(program(path), mode=era, read_timeout_seconds=60) as client:
        await client.list_tools()
        for one in questions(path):
            took = []
            for arguments in islice(one.asked, asked + 1):
                began = time.perf_counter()
                came = await client.call_tool(one.tool, arguments)
                took.append((time.perf_counter() - began) * 1000)
                failed += [f"{one.tool} {arguments}: {came.content}"] if came.is_error else []
            times = took[1:]
            found.append(
                Times(one.name, one.tool, asked, percentile(times, 50), percentile(times, 95), PROMISED[one.promised])
            )
    if failed:
        raise SystemExit(failed[0])
    return found


def table(start: float, found: list[Times]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield "| question | p50 ms | p95 ms | promised |"
    yield "|---|--:|--:|--:|"
    for one in found:
        kept = "kept" if one.kept else "MISSED"
        yield f"| {one.name} | {one.p50:.1f} | {one.p95:.1f} | {kept} ({one.promised:.0f}) |"
    yield f"| start to first answer, s | {start:.2f} | | {'kept' if start <= START else 'MISSED'} ({START}) |"


def main() -> None:
    """Measure and print."""
    about = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about.add_argument("--rows", type=int, default=100_000)
    about.add_argument("--ledger", type=Path)
    about.add_argument("--asked", type=int, default=200)
    about.add_argument("--era", choices=("auto", "legacy"), default="auto")
    about.add_argument("--json", action="store_true")
    given = about.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.ledger or make(Path(folder), given.rows)
        with Ledger.open(path, read_only=True) as ledger:
            rows = ledger.status()["samples"]
        start = [anyio.run(started, path, given.era) for _ in range(2)][-1]
        found = anyio.run(measured, path, given.era, given.asked)
    if given.json:
        facts = {"samples": rows, "start": start, "times": [{**one._asdict(), "kept": one.kept} for one in found]}
        sys.stdout.write(json.dumps(facts, indent=2) + "\n")
    else:
        sys.stdout.write("\n".join(table(start, found)) + "\n")
        place = f"{platform.machine()}, Python {platform.python_version()}"
        sys.stdout.write(f"\n{rows:,} samples, {given.asked} questions each, stdio, era {given.era}; {place}\n")


if __name__ == "__main__":
    main()
