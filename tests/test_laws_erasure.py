"""The laws of erasure, over ledgers that are drawn: what is erased is gone, and nothing else changes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger, projection
from ledger.errors import ContentRefused, ErasedBytes, PlanImpossible
from tests.erasing import PRIVATE, WHY, held_by, left_in
from tests.logs import folded, improve, log_rows, sample_ids, store_of, tables
from tests.small import chat, write

Step: TypeAlias = tuple[str, int, int]

TEXTS = [f"{PRIVATE} and {PRIVATE}", f"{PRIVATE}!", "plain", "simple", "other"]
FIRST = 2
"""Of them, those that tell the secret."""
QUESTIONS = ["who?", "why?"]

VERBS = ("ingest", "edit", "withdraw", "accept", "reject", "relabel", "score", "improve", "break", "split", "release")


def steps(verbs: Sequence[str]) -> st.SearchStrategy[list[Step]]:
    """Return what draws steps."""
    return st.lists(st.tuples(st.sampled_from(verbs), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=10)


BEFORE = steps(VERBS)
AFTER = steps([verb for verb in VERBS if verb != "improve"])
"""Children are made below the door here, where nothing refuses them."""


def said(one: int, other: int) -> dict[str, Any]:
    """Return a chat of two numbers."""
    return chat(QUESTIONS[one % 2], TEXTS[(one + other) % len(TEXTS)], (None, True, False)[other % 3])


class World:
    """A ledger, what it was given, and how to do steps to it."""

    def __init__(self, folder: Path) -> None:
        """Begin with every text that tells the secret, as samples and as lines that are none, and one that does not."""
        self.home, self.inputs, self.outputs = (folder / name for name in ("home", "in", "out"))
        for place in (self.home, self.inputs, self.outputs):
            place.mkdir()
        self.ledger = Ledger.init(self.home / "ledger.db")
        self.files = 0
        every = [chat(question, text) for question in QUESTIONS for text in TEXTS[: FIRST + 1]]
        self.take(every, "".join(f"{{{text}\n" for text in TEXTS[:FIRST]))

    def take(self, rows: Sequence[dict[str, Any]], broken: str = "") -> dict[str, Any]:
        """Ingest a file of rows."""
        self.files += 1
        path = write(self.inputs / f"{self.files}.jsonl", *rows)
        path.write_text(path.read_text(encoding="utf-8") + broken, encoding="utf-8")
        return self.ledger.ingest(path, campaign=f"c{self.files % 2}")

    def do(self, step: Step) -> None:
        """Do one step; what is refused because it was erased is no fault."""
        verb, one, other = step
        ids = sample_ids(self.ledger)
        sample, row = ids[one % len(ids)], said(one, other)
        works: dict[str, Callable[[], object]] = {
            "ingest": lambda: self.take([row, said(other, one)]),
            "edit": lambda: self.ledger.edit(sample, json.dumps(row).encode()),
            "withdraw": lambda: self.withdraw(sample),
            "accept": lambda: self.ledger.accept([sample], reason=str(other)),
            "reject": lambda: self.ledger.reject([sample], reason=str(other)),
            "relabel": lambda: self.ledger.relabel([sample], ("true", "false", "none")[other % 3]),
            "score": lambda: self.score(sample, other),
            "improve": lambda: improve(self.ledger, sample, [json.dumps(row).encode()], recipe=other),
            "break": lambda: self.take([row], "{" + TEXTS[other % len(TEXTS)] + "\n"),
            "split": self.ledger.split,
            "release": self.release,
        }
        with suppress(ContentRefused, ErasedBytes, PlanImpossible):
            works[verb]()

    def withdraw(self, sample: str) -> None:
        """Withdraw the last edit of a sample."""
        edits = [event["event"] for event in self.ledger.log(sample, limit=1000) if event["kind"] == "edited"]
        if edits:
            self.ledger.withdraw(edits[-1:])

    def score(self, sample: str, value: int) -> None:
        """Import a score with notes that quote the sample."""
        content = json.dumps(self.ledger.show(sample)["content"], ensure_ascii=False)
        told = {"sample": sample, "scores": {"x": value}, "notes": content}
        self.ledger.import_scores(write(self.inputs / "scores.jsonl", told), scorer="judge")

    def release(self) -> None:
        """Write a file."""
        self.ledger.project("sft", self.inputs / "released.jsonl", overwrite=True, no_gates=True)

    def secrets(self) -> list[str]:
        """Return what must be named for the secret to go: samples that ever told it, and lines in quarantine."""
        store = store_of(self.ledger)
        found = []
        for event in self.ledger.log(limit=10_000):
            if event["kind"] in {"ingested", "improved", "edited", "quarantined"}:
                blob = bytes.fromhex(event["says"]["blob"])
                body = store.body(store.find_blobs(blob, blob)[0][1])
                if body is not None and b"Marylebone" in body:
                    found.append(f"b3:{blob.hex()}")
        return list(dict.fromkeys(found))


@contextmanager
def world() -> Iterator[World]:
    """Yield a world in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        made = World(Path(folder))
        try:
            yield made
        finally:
            made.ledger.close()


@settings(max_examples=12)
@given(before=BEFORE, after=AFTER, batch=st.sampled_from([1, 3, 100_000]))
def test_what_is_erased_is_gone_for_good(before: list[Step], after: list[Step], batch: int) -> None:
    """Whatever was done before and is done after, no piece of the text is in the ledger or in a file made since.

    The log before the erasure is what it was, all counts add up, and the views are those of a rebuild.
    """
    usual = projection.BATCH
    with world() as made:
        for step in before:
            made.do(step)
        log, roots = log_rows(made.ledger.path), made.ledger.status()
        root = store_of(made.ledger).root_at(roots["head"]["position"])
        secrets = made.secrets()

        done = made.ledger.erase(secrets, **WHY, yes=True)

        assert done["erased"] >= len(secrets)
        assert held_by(made.ledger) == []
        now = log_rows(made.ledger.path)
        for table in ("meta", "event", "head"):
            assert now[table][: len(log[table])] == log[table]
        assert [row[:3] for row in now["blob"][: len(log["blob"])]] == [row[:3] for row in log["blob"]]
        assert store_of(made.ledger).root_at(roots["head"]["position"]) == root
        status = made.ledger.status()
        assert status["conserved"]
        assert status["samples"] == roots["samples"]
        for step in after:
            made.do(step)
        assert held_by(made.ledger) == []
        made.ledger.accept(where="status != 'erased'")
        made.ledger.project("accepted", made.outputs / "all.jsonl", no_gates=True)
        assert list(left_in(made.home)) == []
        assert list(left_in(made.outputs)) == []
        assert made.ledger.verify()["findings"] == []
        stood = tables(store_of(made.ledger).connection)
        try:
            projection.BATCH = batch
            assert folded(made.ledger.path, made.ledger.status()["head"]["position"]) == stood
        finally:
            projection.BATCH = usual
        again = made.ledger.erase(secrets, **WHY)
        assert (again["erased"], again["events"]) == (0, [])


@settings(max_examples=20)
@given(drawn=BEFORE, number=st.integers(0, 9))
def test_a_dry_run_tells_what_is_done(drawn: list[Step], number: int) -> None:
    """What is told beforehand is done and no more: other blobs keep their bytes, other samples their standing."""
    with world() as made:
        for step in drawn:
            made.do(step)
        ids = sample_ids(made.ledger)
        named = ids[number % len(ids)]
        before = {one: made.ledger.show(one) for one in ids}
        bodies = {row[0]: row[4] for row in log_rows(made.ledger.path)["blob"]}

        told = made.ledger.erase([named], **WHY, dry_run=True)
        done = made.ledger.erase([named], **WHY, yes=True)

        assert {**done, "events": [], "scrubbed": False} == told
        gone = [row[0] for row in log_rows(made.ledger.path)["blob"] if row[4] is None]
        assert len(gone) == done["blobs"]
        assert {row[0]: row[4] for row in log_rows(made.ledger.path)["blob"] if row[0] not in gone} == {
            row: body for row, body in bodies.items() if row not in gone
        }
        touched = {one["sample"] for one in done["samples"]}
        for one in ids:
            after = made.ledger.show(one)
            if one not in touched:
                assert after == before[one]
            assert (after["raw"] is None) == (after["status"] == "erased")
        assert made.ledger.show(named)["status"] == "erased"
        assert all(version["erased"] for version in made.ledger.show(named)["versions"])
