"""R1: everything that can be done to a ledger and everything that can happen to it, in any order, beside a model.

The machine is that of the laws (tests/test_laws.py); here what happens is rougher: processes die before and after a
commit, strangers write, older copies come back, samples are erased, and every head ever seen is proven to be a prefix.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from ledger import Ledger, projection, witness
from ledger.errors import LedgerError, RolledBack
from ledger.transaction import tree_node
from ledger.tree import consistency_proof, inclusion_proof, leaf_hash, subtrees, verify_consistency, verify_inclusion
from tests.logs import Ticks, findings, foreign, sample_ids, store_of, tampering, write_lines
from tests.test_laws import Laws
from tests.torture.everything import erase
from tests.torture.table import Row, Scale, row

EXAMPLES: dict[Scale, tuple[int, int]] = {"short": (4, 25), "full": (1_000, 30)}
"""How many lives of a ledger, and how many steps at most in each."""

KILLED = 9
STRANGERS = (
    "INSERT INTO event SELECT max(position) + 1, randomblob(32), 'run_finished', 1, NULL, NULL, leaf FROM event",
    "INSERT INTO blob SELECT max(id) + 1, randomblob(32), 1, 0, x'00' FROM blob",
    "INSERT INTO head SELECT max(size) + 1, root, frontier, blobs, at FROM head",
    "INSERT INTO meta VALUES ('note', 'mine')",
    "DELETE FROM samples WHERE :position >= 0",
    "UPDATE totals SET value = value + 1",
    "DROP TRIGGER event_no_delete",
    "PRAGMA user_version = 0",
)
"""What the guards do not stop, because they cannot or because a program of the ledger's own does it."""

TAMPERED = (
    "UPDATE event SET position = (SELECT max(position) + 1 FROM event) WHERE position = :position",
    "UPDATE event SET leaf = (SELECT leaf FROM event WHERE position = :position - 1) WHERE position = :position",
    "UPDATE event SET sample = :position WHERE kind = 'ingested' AND position <> :position",
    "UPDATE event SET v = v + 1 WHERE position = :position",
    "UPDATE blob SET size = size + 1 WHERE id = 1 OR :position < 0",
    "UPDATE blob SET body = NULL WHERE id = 1 OR :position < 0",
    "DELETE FROM blob WHERE id = 1 OR :position < 0",
    "DELETE FROM head WHERE size = (SELECT max(size) FROM head) OR :position < 0",
    "UPDATE head SET root = randomblob(32) WHERE size = (SELECT max(size) FROM head) OR :position < 0",
)


class Torture(Laws):
    """The laws' machine, and rougher things."""

    steps = 0

    def __init__(self) -> None:
        """Begin with an empty ledger."""
        super().__init__()
        self.kept: list[tuple[int, bytes]] = []
        self.killed = 0

    @rule()
    def keep(self) -> None:
        """Keep the file as it is now, to bring it back later."""
        self.kept.append((store_of(self.ledger).head().position, self.path.read_bytes()))

    @precondition(lambda self: self.kept)
    @rule(pick=st.data())
    def bring_back(self, pick: st.DataObject) -> None:
        """Check that an older file in the place of a newer one is refused, and found by `verify`."""
        position, data = pick.draw(st.sampled_from(self.kept))
        copied = self._copied()
        Ledger.open(copied).close()  # which the witness remembers
        copied.write_bytes(data)
        if position < store_of(self.ledger).head().position:
            with pytest.raises(RolledBack):
                Ledger.open(copied)
            assert "rolled_back" in findings(copied)
        else:
            Ledger.open(copied).close()
            assert not findings(copied)

    @precondition(lambda self: self.samples)
    @rule(late=st.booleans(), pick=st.data())
    def kill(self, late: bool, pick: st.DataObject) -> None:  # noqa: FBT001 - drawn
        """Check that of a process killed before its commit nothing stays, and after it everything, once."""
        model = pick.draw(st.sampled_from(list(self.samples.values())))
        before, self.killed = self._everything(), self.killed + 1
        reason = f"killed {self.killed}"
        code = _forked(partial(_reject_and_die, self.path, model.id, reason, self.clock.now, late=late))
        assert code == KILLED
        if not late:
            assert self._everything() == before
            return
        events = [event for event in self.ledger.log(model.id, limit=1000) if event["kind"] == "rejected"]
        again = self.ledger.reject([model.id], reason=reason)
        assert (again["changed"], again["unchanged"]) == (0, 1)
        position = events[-1]["position"]
        model.decisions.append((position, "rejected", reason, self._blob(model)))
        self.said[position] = model.id
        self._anchor()

    @precondition(lambda self: self.anchors)
    @rule(pick=st.data())
    def prove(self, pick: st.DataObject) -> None:
        """Check that any head ever seen is shown to be a prefix of today's, and any event to be in it."""
        store = store_of(self.ledger)
        head, subtree = store.head(), subtrees(partial(tree_node, store.connection))
        position, root, _ = pick.draw(st.sampled_from(self.anchors))
        sizes = position + 1, head.position + 1
        assert verify_consistency(sizes[0], root, sizes[1], head.root, consistency_proof(*sizes, subtree))
        index = pick.draw(st.integers(0, head.position))
        event = store.event(index)
        assert event is not None
        proof = inclusion_proof(index, sizes[1], subtree)
        assert verify_inclusion(leaf_hash(event[1].encode()), index, sizes[1], proof, head.root)
        assert not verify_inclusion(leaf_hash(event[1].encode() + b" "), index, sizes[1], proof, head.root)

    @precondition(lambda self: self.anchors)
    @rule(statement=st.sampled_from(STRANGERS))
    def stranger(self, statement: str) -> None:
        """Check that what another program can do without touching a guard is found, or the file is refused."""
        copied = self._copied()
        with foreign(copied) as connection:
            connection.execute(statement, {"position": 0} if ":position" in statement else {})
        assert self._noticed(copied), statement

    @precondition(lambda self: self.anchors)
    @rule(statement=st.sampled_from(TAMPERED), pick=st.data())
    def tamper_more(self, statement: str, pick: st.DataObject) -> None:
        """Check that whatever is changed behind the guards in a copy, verify finds it."""
        copied = self._copied()
        position = pick.draw(st.integers(1, store_of(self.ledger).head().position))
        with tampering(copied) as connection:
            changed = connection.execute(statement, {"position": position}).rowcount
        assert not changed or self._noticed(copied), statement

    @precondition(lambda self: self.samples)
    @rule(pick=st.data())
    def erase_in_a_copy(self, pick: st.DataObject) -> None:
        """Check that in a copy in which a sample is erased, everything adds up, and its line is not taken again."""
        model = pick.draw(st.sampled_from(list(self.samples.values())))
        copied = self._copied()
        with Ledger.open(copied, clock=Ticks(self.clock.now)) as other:
            store = store_of(other)
            body = store.body(other_row(other, model.id))
            before = store.head()
            erase(other, model.id)
            assert store.root_at(before.position) == before.root
            status = other.status()
            assert status["conserved"]
            assert status["by_status"]["erased"] >= 1
            assert other.verify()["findings"] == []
            assert body is not None
            again = other.ingest([write_lines(self.folder / "again.jsonl", [body])], campaign="again")
            assert (again["new"], again["quarantined"]) == (0, 1)
            grown = sample_ids(other), other.status()
            other.rebuild_views()
            assert (sample_ids(other), other.status()) == grown
            assert other.verify()["findings"] == []

    @invariant()
    def counted(self) -> None:
        """Count the steps of all lives."""
        type(self).steps += 1

    def _copied(self) -> Path:
        copied = self.folder / f"copy-{type(self).steps}.db"  # a name that the witness does not know
        shutil.copyfile(self.path, copied)
        return copied

    @staticmethod
    def _noticed(path: Path) -> bool:
        try:
            return bool(findings(path))
        except LedgerError:
            return True


def other_row(ledger: Ledger, sample: str) -> int:
    """Return the row of the blob that is a sample's current version."""
    digest = bytes.fromhex(ledger.show(sample)["version"].removeprefix("b3:"))
    found = store_of(ledger).connection.execute("SELECT id FROM blob WHERE hash = ?", (digest,)).fetchone()
    return int(found[0])


def _forked(work: Callable[[], object]) -> int:
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _reject_and_die(path: Path, sample: str, reason: str, now: int, *, late: bool) -> None:
    """Reject a sample in a process of its own that ends just before, or just after, the commit."""
    ledger = Ledger.open(path, clock=Ticks(now))
    if late:
        setattr(witness, "write", _die)  # noqa: B010 - called after the commit; this process ends there
    else:

        def seal(connection: Any) -> None:  # noqa: ANN401 - a connection
            projection.catch_up(connection)
            os._exit(KILLED)

        store_of(ledger).seal = seal
    ledger.reject([sample], reason=reason)


def _die(*_: object) -> str | None:
    os._exit(KILLED)


def limits(scale: Scale) -> settings:
    """Return how long to go on: always the same lives, and no time limit for a disk that others use."""
    examples, steps = EXAMPLES[scale]
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def run(scale: Scale) -> Row:
    """Let ledgers live; the first that differs from its model is shrunk and told."""
    wrong: list[str] = []
    Torture.steps = 0
    try:
        run_state_machine_as_test(Torture, settings=limits(scale))
    except AssertionError as error:
        wrong.append(f"{error} {getattr(error, '__notes__', '')}")
    examples = EXAMPLES[scale][0]
    how = "a Hypothesis state machine against a model made of lists: what people do, crashes, kills, strangers, erasure"
    return row("R1", "model", how, Torture.steps, wrong, f"steps in {examples:,} lives")
