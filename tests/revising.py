"""What tests of work done elsewhere share: samples that are told apart, files of what comes back, and drawn steps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest, ContentRefused, ErasedBytes, NotWritable
from tests.logs import sample_ids
from tests.small import chat, write

Step: TypeAlias = tuple[str, int, int]

RECIPE = "say it better"
SLICES = Path(__file__).parent / "data" / "toolset" / "enhanced"
"""Real batches, cut down, with what came back for them (the README beside them says more)."""


def poor(number: int, **facts: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return a sample that is told apart by words of its own."""
    question = f"please look up session{number} in workspace{number} for me"
    return chat(question, f"here is topic{number} of session{number}, with goal{number}", label=False, **facts)


def better(number: int, more: str = "", **facts: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return a revision of that sample, in other words."""
    question = f"could you find session{number} in workspace{number}"
    return chat(question, f"certainly: topic{number} of session{number}, which you asked for {more}".strip(), **facts)


def given(ledger: Ledger, folder: Path, count: int = 6, source: str = "poor.jsonl") -> list[str]:
    """Ingest so many samples and return their ids, in order."""
    before = len(sample_ids(ledger))
    ledger.ingest(write(folder / source, *map(poor, range(count))), campaign="one")
    return sample_ids(ledger)[before:]


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def children(ledger: Ledger) -> list[dict[str, Any]]:
    """Return what every event says that made a child, oldest first."""
    return [event["says"] for event in ledger.log(limit=100_000) if event["kind"] == "improved"]


def answered(rows: Iterable[dict[str, Any]], numbers: Sequence[int], more: str = "") -> list[dict[str, Any]]:
    """Return rows of a checkout as somebody sends them back who works on the samples of these numbers."""
    keys = ("sample", "version", "batch")
    return [{**{key: row[key] for key in keys}, **better(n, more)} for row, n in zip(rows, numbers, strict=True)]


def steps() -> st.SearchStrategy[list[Step]]:
    """Return what draws steps."""
    number = st.integers(0, 7)
    verbs = ("ingest", "checkout", "return", "import", "edit", "withdraw", "reject", "erase")
    return st.lists(st.tuples(st.sampled_from(verbs), number, number), min_size=1, max_size=10)


class World:
    """A ledger whose samples are given out, worked on, and taken back, while others edit, reject and erase."""

    def __init__(self, folder: Path) -> None:
        """Begin with six samples."""
        self.folder = folder
        self.ledger = Ledger.init(folder / "ledger.db")
        given(self.ledger, folder)
        self.files = 0
        self.reports: list[dict[str, Any]] = []

    def close(self) -> None:
        """Close the ledger."""
        self.ledger.close()

    def do(self, step: Step) -> None:
        """Do one step; what is refused changes nothing and is no fault."""
        verb, one, other = step
        act: Callable[[int, int], None] = getattr(self, f"_{verb}")
        with suppress(BadRequest, ContentRefused, ErasedBytes, NotWritable):
            act(one, other)

    def _sample(self, one: int) -> str:
        ids = sample_ids(self.ledger)
        return ids[one % len(ids)]

    def _ingest(self, one: int, other: int) -> None:
        path = write(self.folder / f"more{one % 2}.jsonl", poor(one), poor(other + 10))
        self.ledger.ingest(path, campaign="one")

    def _checkout(self, one: int, other: int) -> None:
        self.files += 1
        where = "label == false" if other % 2 else None
        self.ledger.checkout(self.folder / f"out{self.files}", where=where, campaign="one", size=1 + one)

    def _return(self, one: int, other: int) -> None:
        """Send back the last checkout by id, some of it unchanged, some of it not at all."""
        files = sorted((self.folder / f"out{self.files}").glob("batch_*.jsonl"))
        rows = [row for path in files for row in lines(path)]
        came = [{**row, "messages": better(n + one, str(other))["messages"]} for n, row in enumerate(rows)]
        if came:
            self._take(came[: len(came) - other % 2], partial=bool(other % 3))

    def _import(self, one: int, other: int) -> None:
        """Send back rows without ids."""
        self._take([better(one), better(other, "twice"), poor(one)], partial=bool(other % 3), campaign="one")

    def _take(self, rows: Sequence[dict[str, Any]], **asked: Any) -> None:  # noqa: ANN401 - as Ledger.revise has them
        path = write(self.folder / "back.jsonl", *rows)
        self.reports.append(self.ledger.revise(path, recipe=RECIPE, **asked))

    def _edit(self, one: int, other: int) -> None:
        self.ledger.edit(self._sample(one), json.dumps(poor(other + 20)).encode())

    def _withdraw(self, one: int, _other: int) -> None:
        edits = [event["event"] for event in self.ledger.log(limit=1000) if event["kind"] == "edited"]
        if edits:
            self.ledger.withdraw([edits[one % len(edits)]])

    def _reject(self, one: int, other: int) -> None:
        self.ledger.reject([self._sample(one)], reason=f"reason {other}")

    def _erase(self, one: int, _other: int) -> None:
        self.ledger.erase([self._sample(one)], reason="asked for", authority="ann", yes=True)
