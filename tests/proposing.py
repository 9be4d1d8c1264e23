"""What tests of proposals share: ledgers of a few samples, and steps that are drawn and kept beside them in lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import ErasedBytes, ProposalSettled
from tests.logs import Tables, line, sample_ids, store_of, tables, write_lines

Step: TypeAlias = tuple[Any, ...]

VERDICTS = ("accept", "reject", "defer", "label-true", "label-false", "label-none")
WHY = "because it was looked at"
OWN = ("proposals", "proposed_samples", "runs")
"""The views that a proposal may change: those of proposals, and the one that lists runs."""
COUNTS = ("changed", "outranked", "unchanged", "changed_since", "erased")
TRUST = """name = "trusting"

[[rule]]
name = "short"
reject = 'domain == "nowhere"'

[[proposals]]
verdicts = ["reject", "label-true"]
actors = ["robot"]
"""
"""A policy that rejects nothing, and takes two verdicts of one actor."""


def some(ledger: Ledger, folder: Path, count: int = 4, campaign: str = "one") -> list[str]:
    """Ingest samples that teach different things and return their ids, in the order of birth."""
    rows = [line(f"p {campaign} {n}", f"c{n}", label=True) for n in range(count)]
    before = len(sample_ids(ledger))
    ledger.ingest([write_lines(folder / f"{campaign}.jsonl", rows)], campaign=campaign)
    return sample_ids(ledger)[before:]


def trust(ledger: Ledger, folder: Path, text: str = TRUST, campaign: str | None = None) -> str:
    """Adopt a policy; return its digest."""
    path = folder / "trusting.toml"
    path.write_text(text, encoding="utf-8")
    ledger.decide(path, campaign=campaign)
    policy: str = ledger.check_policy(text)["policy"]
    return policy


def as_actor(path: Path, actor: str, via: str = "api") -> Ledger:
    """Return the ledger, opened by somebody."""
    return Ledger.open(path, actor=actor, via=via)


def head(ledger: Ledger) -> int:
    """Return the position at which the log ends."""
    return store_of(ledger).head().position


def others(ledger: Ledger) -> Tables:
    """Return every row of every view that a proposal may not change."""
    return {name: rows for name, rows in tables(store_of(ledger).connection).items() if name not in OWN}


class World:
    """A ledger in which people decide, edit and erase, robots propose, and somebody accepts or declines."""

    def __init__(self, path: Path) -> None:
        """Begin with five samples."""
        self.path = path
        self.ledgers = {"person": Ledger.init(path / "ledger.db", actor="ann")}
        self.ids = some(self.ledger, path, 5)
        self.ledgers["robot"] = as_actor(path / "ledger.db", "robot", "mcp")
        self.proposals: list[str] = []
        self.requests: list[tuple[tuple[Any, ...], dict[str, Any], str]] = []
        self.settled: list[dict[str, Any]] = []
        self.edits = 0

    @property
    def ledger(self) -> Ledger:
        """Return the ledger as a person opened it."""
        return self.ledgers["person"]

    def close(self) -> None:
        """Close the ledger."""
        for opened in self.ledgers.values():
            opened.close()

    def do(self, step: Step) -> None:
        """Do one step; what is refused because a text is gone, or settled, is no fault."""
        name, *rest = step
        act: Callable[..., None] = getattr(self, f"_{name}")
        act(*rest)

    def chosen(self, picks: Sequence[int]) -> list[str]:
        """Return the samples that numbers name."""
        return [self.ids[pick] for pick in picks]

    def _propose(self, picks: Sequence[int], verdict: str, key: str | None) -> None:
        robot = self.ledgers["robot"]
        name = None if key is None else f"{key} {head(robot)}"
        given: tuple[tuple[Any, ...], dict[str, Any]] = ((self.chosen(picks), verdict), {"reason": WHY, "key": name})
        before = others(self.ledger)
        try:
            made = robot.propose(*given[0], **given[1])
        except ErasedBytes:
            return
        assert made["state"] in {"open", "accepted", "declined"}
        if made["state"] != "accepted":
            assert others(self.ledger) == before
        if not made["repeated"]:
            self.proposals.append(made["proposal"])
            self.requests.append((*given, made["proposal"]))

    def _accept(self, number: int) -> None:
        self._settle(number, lambda one: self.ledger.accept_proposal(one, reason="so be it"))

    def _confirm(self, number: int) -> None:
        self._settle(number, self.ledgers["robot"].record_proposal)

    def _decline(self, number: int) -> None:
        before = others(self.ledger)
        if self._settle(number, lambda one: self.ledger.decline_proposal(one, reason="no need")):
            assert others(self.ledger) == before

    def _settle(self, number: int, act: Callable[[str], dict[str, Any]]) -> bool:
        if not self.proposals:
            return False
        one = self.proposals[number % len(self.proposals)]
        before = self.ledger.proposal(one)
        try:
            done = act(one)
        except ProposalSettled:
            assert before["settled"] is not None
            return False
        if not done["repeated"]:
            self.settled.append({**done, "would": before["would"]})
        return True

    def _decide(self, verb: str, picks: Sequence[int]) -> None:
        try:
            getattr(self.ledger, verb)(self.chosen(picks), reason="seen by a person")
        except ErasedBytes:
            return

    def _relabel(self, label: str, picks: Sequence[int]) -> None:
        try:
            self.ledger.relabel(self.chosen(picks), label)
        except ErasedBytes:
            return

    def _edit(self, pick: int) -> None:
        self.edits += 1
        try:
            self.ledger.edit(self.ids[pick], line(f"p {pick}", f"edited {self.edits}"))
        except ErasedBytes:
            return

    def _erase(self, pick: int) -> None:
        self.ledger.erase([self.ids[pick]], reason="asked for", authority="ticket 7", yes=True)

    def _withdraw(self, number: int) -> None:
        said = [
            e for e in self.ledger.log(limit=10_000) if e["kind"] in {"accepted", "rejected", "relabeled", "edited"}
        ]
        if said:
            self.ledger.withdraw([said[number % len(said)]["event"]])


_PICKS = st.lists(st.integers(0, 4), min_size=1, max_size=5)
_NUMBERS = st.integers(0, 5)


def steps(most: int = 3) -> st.SearchStrategy[list[Step]]:
    """Return what draws steps, in rounds: something is proposed, other things happen, something is settled."""
    propose = st.tuples(
        st.just("propose"), _PICKS, st.sampled_from(VERDICTS), st.sampled_from([None, "k", "another key"])
    )
    settle = st.tuples(st.sampled_from(["accept", "accept", "confirm", "confirm", "decline"]), st.integers(-2, 1))
    other = st.one_of(
        st.tuples(st.just("decide"), st.sampled_from(["accept", "reject", "defer"]), _PICKS),
        st.tuples(st.just("relabel"), st.sampled_from(["true", "false", "none"]), _PICKS),
        st.tuples(st.just("edit"), st.integers(0, 4)),
        st.tuples(st.just("erase"), st.integers(0, 4)),
        st.tuples(st.just("withdraw"), _NUMBERS),
        propose,
    )
    rounds = st.tuples(propose, st.lists(other, max_size=3), settle)
    return st.lists(rounds, min_size=1, max_size=most).map(_in_a_row)


def _in_a_row(rounds: list[tuple[Step, list[Step], Step]]) -> list[Step]:
    return [step for first, others_, last in rounds for step in (first, *others_, last)]
