"""What models were asked, as the views tell it: attempts, what they cost, how they ended, and which samples errored."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger, projection
from ledger.event import draft
from ledger.views import work
from tests.logs import folded, improve, line, sample_ids, store_of, tables, write_lines
from tests.working import answered, append, asked, failed, key, row_of

RECIPE = "ab" * 32


@pytest.fixture
def three(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of three samples."""
    ledger.ingest([write_lines(tmp_path / "in.jsonl", [line("p", f"c{n}") for n in range(3)])], campaign="c")
    return ledger


def outcome(ledger: Ledger, call: str) -> list[str | None]:
    """Return how the attempts of a call ended."""
    return [one.outcome for one in work.attempts_of(store_of(ledger).connection, bytes.fromhex(key(call)))]


def spent(ledger: Ledger, sample: str) -> Decimal:
    """Return what counts as spent on a sample."""
    row = row_of(ledger, sample)
    done = work.done(store_of(ledger).connection, RECIPE, {row.sample: row.version})
    return work.dollars(done[row.sample].spent)


def test_an_attempt_costs_what_is_known_of_it(three: Ledger) -> None:
    """Set aside as long as nobody knows, nothing where it failed unpaid, all where it may be paid, else the cost."""
    one = sample_ids(three)[0]
    row = row_of(three, one)
    append(three, [asked(row, "a")])
    assert (outcome(three, "a"), spent(three, one)) == ([None], Decimal("0.01"))
    append(three, [failed(row, "a", "overloaded")])
    assert (outcome(three, "a"), spent(three, one)) == (["overloaded"], Decimal(0))
    append(three, [asked(row, "a", 2), failed(row, "a", "reply_lost", 2)])
    assert (outcome(three, "a"), spent(three, one)) == (["overloaded", "reply_lost"], Decimal("0.01"))
    answered(three, row, "a", 2, cost="0.00123")
    assert (outcome(three, "a"), spent(three, one)) == (["overloaded", "replied"], Decimal("0.00123"))
    append(three, [asked(row, "b")])
    answered(three, row, "b", cost=None)
    assert spent(three, one) == Decimal("0.01123")


def test_the_first_of_two_failures_stands_and_a_reply_above_both(three: Ledger) -> None:
    """Whatever order they come in, and whether or not in one commit."""
    row = row_of(three, sample_ids(three)[0])
    append(three, [asked(row, "a"), failed(row, "a", "timed_out"), failed(row, "a", "reply_lost")])
    assert outcome(three, "a") == ["timed_out"]
    answered(three, row, "a")
    append(three, [failed(row, "a", "overloaded")])
    assert outcome(three, "a") == ["replied"]


def test_work_is_told_by_the_recipe_that_its_run_began_with(three: Ledger) -> None:
    """Another recipe's attempts, failures and children are no ends of this one's work."""
    one = sample_ids(three)[0]
    row, connection = row_of(three, one), store_of(three).connection
    append(three, [asked(row, "a"), failed(row, "a", "cut", final=True, recipe="cd" * 32)], recipe="cd" * 32)
    improve(three, one, [line("p", "better")])
    assert work.done(connection, RECIPE, {row.sample: row.version})[row.sample] == work.NOTHING
    done = work.done(connection, "cd" * 32, {row.sample: row.version})[row.sample]
    assert (done.failures, done.failure, done.child, work.dollars(done.spent)) == (1, "cut", None, Decimal("0.01"))
    assert work.done(connection, "cd" * 32, {row.sample: -1})[row.sample] == work.NOTHING


def test_calls_wait_in_batches_until_something_is_heard(three: Ledger) -> None:
    """Batch by batch, with the provider's name of it as soon as that is known."""
    rows = [row_of(three, one) for one in sample_ids(three)]
    batch = key("batch")
    append(three, [asked(row, f"call {n}", batch=batch) for n, row in enumerate(rows)])
    connection = store_of(three).connection
    assert [one.call.hex() for one in work.open_batches(connection, "test")] == [key(f"call {n}") for n in range(3)]
    assert list(work.open_batches(connection, "another provider")) == []
    assert work.provider_id(connection, bytes.fromhex(batch)) is None
    fields = {"adopted": True, "batch": batch, "calls": 3, "provider": "test", "provider_id": "msgbatch_1"}
    append(three, [draft("batch_submitted", None, None, fields)])
    answered(three, rows[0], "call 0")
    assert work.provider_id(connection, bytes.fromhex(batch)) == "msgbatch_1"
    assert work.heard(connection, "test") == ["msgbatch_1"]
    assert [one.call.hex() for one in work.open_batches(connection, "test")] == [key("call 1"), key("call 2")]


@pytest.mark.parametrize("dollars", ["0.000000000001", "0.0000012345", "12.345678901234", "999.999999999999", "0"])
def test_money_is_exact(three: Ledger, dollars: str) -> None:
    """A picodollar is told from none, up to a thousand dollars for one call."""
    one = sample_ids(three)[0]
    row = row_of(three, one)
    append(three, [asked(row, "a")])
    answered(three, row, "a", cost=dollars)
    assert spent(three, one) == Decimal(dollars)


@pytest.mark.parametrize("dollars", ["1000.5", "9000000", "99999999999999999999", "1e300"])
def test_no_sum_in_a_log_is_too_large_to_be_added_up(three: Ledger, dollars: str) -> None:
    """What an attempt says that it cost counts up to a thousand dollars, whoever wrote it."""
    one = sample_ids(three)[0]
    row = row_of(three, one)
    for attempt in (1, 2, 3):
        append(three, [asked(row, "a", attempt)])
        answered(three, row, "a", attempt, text=str(attempt).encode(), cost=dollars)
    assert spent(three, one) == 3000
    assert three.gains()


# --- the law


def _steps() -> st.SearchStrategy[list[tuple[Any, ...]]]:
    sample, call, attempt = st.integers(0, 2), st.sampled_from("ab"), st.integers(1, 2)
    kinds = st.sampled_from(["cut", "timed_out", "overloaded"])
    step = st.one_of(
        st.tuples(st.just("asked"), sample, call, attempt),
        st.tuples(st.just("answered"), sample, call, attempt),
        st.tuples(st.just("failed"), sample, call, attempt, kinds, st.booleans()),
        st.tuples(st.just("improve"), sample, st.integers(0, 3)),
        st.tuples(st.sampled_from(["accept", "reject", "defer", "erase", "unsay"]), sample),
        st.tuples(st.just("edit"), sample, st.integers(0, 2)),
    )
    return st.lists(step, max_size=14)


class World:
    """A ledger of three samples, and what was said of each, in lists."""

    def __init__(self, ledger: Ledger) -> None:
        """Begin with nothing said."""
        self.ledger = ledger
        self.ids = sample_ids(ledger)
        self.ended: list[tuple[int, str, str, bool]] = []
        """(position, sample, version, whether it failed) of each end of work."""
        self.decided: list[tuple[int, str, str, str]] = []

    def do(self, name: str, sample: int, *rest: Any) -> None:  # noqa: ANN401 - drawn
        """Do one step."""
        one = self.ids[sample]
        row = row_of(self.ledger, one)
        if row.status == "erased":
            return
        act: Callable[..., None] = getattr(self, f"_{name}", self._decide)
        act(*((name,) if act == self._decide else ()), one, row, *rest)

    def _asked(self, _one: str, row: Any, call: str, attempt: int) -> None:  # noqa: ANN401 - a row
        append(self.ledger, [asked(row, f"{row.sample}{call}", attempt)])

    def _answered(self, _one: str, row: Any, call: str, attempt: int) -> None:  # noqa: ANN401 - a row
        if any(one.attempt == attempt for one in self._attempts(row, call)):
            answered(self.ledger, row, f"{row.sample}{call}", attempt, text=f"{call}{attempt}{row.sample}".encode())

    def _failed(self, one: str, row: Any, call: str, attempt: int, kind: str, final: bool) -> None:  # noqa: ANN401, FBT001 - drawn
        made = failed(row, f"{row.sample}{call}{row.version}", kind, attempt, final=final)
        for at in append(self.ledger, [made]):
            if final:
                self.ended.append((at, one, row.hash.hex(), True))

    def _improve(self, one: str, row: Any, content: int) -> None:  # noqa: ANN401 - a row
        before = set(sample_ids(self.ledger))
        (child,) = improve(self.ledger, one, [line("p", f"better {content}")])
        if child not in before:
            self.ended.append((self.ledger.show(child)["origin"]["position"], one, row.hash.hex(), False))

    def _edit(self, one: str, _row: Any, content: int) -> None:  # noqa: ANN401 - a row
        self.ledger.edit(one, line("p", f"edited {content} {one[:6]}"))

    def _erase(self, one: str, _row: Any) -> None:  # noqa: ANN401 - a row
        self.ledger.erase([one], reason="asked for", authority="me", yes=True)

    def _decide(self, verb: str, one: str, row: Any) -> None:  # noqa: ANN401 - a row
        if verb == "unsay":
            for at, *_ in [said for said in self.decided if said[1] == one]:
                self.ledger.withdraw([f"@{at}"])
            self.decided = [said for said in self.decided if said[1] != one]
            return
        for at in getattr(self.ledger, verb)([one], reason="so")["events"]:
            self.decided.append((at, one, row.hash.hex(), verb))

    def _attempts(self, row: Any, call: str) -> list[work.Attempt]:  # noqa: ANN401 - a row
        return work.attempts_of(store_of(self.ledger).connection, bytes.fromhex(key(f"{row.sample}{call}")))

    def status(self, one: str) -> str:
        """Return how a sample must stand, by the lists alone."""
        row = row_of(self.ledger, one)
        if row.status == "erased":
            return "erased"
        verbs = [verb for _, sample, version, verb in self.decided if (sample, version) == (one, row.hash.hex())]
        if verbs:
            return {"accept": "accepted", "reject": "rejected", "defer": "pending"}[verbs[-1]]
        ends = sorted(end for end in self.ended if end[1:3] == (one, row.hash.hex()))
        return "errored" if ends and ends[-1][3] else "pending"


@settings(max_examples=60)
@given(steps=_steps())
def test_the_fold_is_the_same_however_it_is_cut(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    """Event by event, from nothing, in any batches, and as of any moment; a sample errs exactly while the law says."""
    folder = tmp_path_factory.mktemp("work")
    with Ledger.init(folder / "ledger.db") as ledger:
        rows = [line("p", f"c{n}") for n in range(3)]
        ledger.ingest([write_lines(folder / "in.jsonl", rows)], campaign="c")
        world = World(ledger)
        anchors = []
        for step in steps:
            world.do(*step)
            assert {one: row_of(ledger, one).status for one in world.ids} == {
                one: world.status(one) for one in world.ids
            }
            statuses = {one: row_of(ledger, one).status for one in world.ids}
            anchors.append((store_of(ledger).head().position, tables(store_of(ledger).connection), statuses))
        assert ledger.status()["conserved"]
        last = store_of(ledger).head().position
        for position, stood, statuses in anchors[-3:]:
            assert folded(ledger.path, position) == stood or any(step[0] == "erase" for step in steps)
            told = {
                one["sample"]: one["a"]["status"]
                for one in ledger.diff(position, last, limit=99)["samples"]
                if one["a"]
            }
            now = {one: row_of(ledger, one).status for one in world.ids}
            assert {**now, **told} == statuses | {one: told[one] for one in told.keys() - statuses.keys()}
        stands = tables(store_of(ledger).connection)
        for batch in (1, 3):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(projection, "BATCH", batch)
                assert folded(ledger.path, last) == stands
        assert ledger.verify()["ok"]


def test_a_diff_tells_who_erred(three: Ledger) -> None:
    """Between two moments a failure, and the result that ends it, are changes of status."""
    one = sample_ids(three)[0]
    row, start = row_of(three, one), store_of(three).head().position
    append(three, [asked(row, "a"), failed(row, "a", "cut", final=True)])
    middle = store_of(three).head().position
    improve(three, one, [line("p", "better")])
    turned = three.diff(f"@{start}", f"@{middle}")
    assert "errored" in json.dumps(turned)
    assert three.status(as_of=str(middle))["by_status"]["errored"] == 1
    assert three.status()["by_status"]["errored"] == 0
