"""The laws of `diff`: it compares two independent folds, is its own inverse, and finds nothing where nothing is."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.door.reading import Reading
from ledger.errors import LedgerError
from ledger.event import KINDS, draft
from ledger.policy import shipped
from ledger.views import changes, samples
from tests.logs import folded, sample_ids, store_of
from tests.scoring import append
from tests.small import by_policy
from tests.worlds import Step, World, made, step, steps

Stand = tuple[Any, ...]


def differ(ledger: Ledger) -> Reading:
    """Return the methods of reading over an open ledger."""
    return Reading(store_of(ledger), ledger._who)  # noqa: SLF001 - the same ledger through another of its groups


def stands(world: World, position: int) -> dict[str, Stand]:
    """Return sample id -> (version, label, split, status, times) from a fold of everything up to a position."""
    views = folded(world.ledger.path, position)
    names = _columns(world.ledger, "samples")
    rows = [dict(zip(names, row, strict=False)) for row in views["samples"]]
    ids = dict(zip(sorted(row["sample"] for row in rows), sample_ids(world.ledger), strict=False))
    weights = [dict(zip(_columns(world.ledger, "weights"), row, strict=True)) for row in views["weights"]]
    found = {}
    for row in rows:
        given = [one for one in weights if one["sample"] == row["sample"] and one["withdrawn"] is None]
        ranked = sorted(given, key=lambda one: (one["authority"] == "person", one["position"]))
        times = ranked[-1]["times"] if ranked else 1
        found[ids[row["sample"]]] = (row["version"], row["label"], row["split"], row["status"], times)
    return found


def _columns(ledger: Ledger, table: str) -> list[str]:
    info = store_of(ledger).connection.execute(f"PRAGMA table_info({table})")
    return [row[1] for row in info]


def compared(before: dict[str, Stand], after: dict[str, Stand]) -> dict[str, list[str]]:
    """Return sample id -> how it differs, told from two folds by plain Python."""
    found = {}
    for one in sample_ids_of(before, after):
        if one not in before or one not in after:
            found[one] = ["removed" if one in before else "added"]
        elif ways := [
            way
            for way, was, now in zip(
                ("changed", "relabelled", "moved", "status", "weighted"), before[one], after[one], strict=True
            )
            if was != now
        ]:
            found[one] = ways
    return found


def sample_ids_of(before: dict[str, Stand], after: dict[str, Stand]) -> list[str]:
    """Return the samples of both sides in the order of birth; whichever side is later knows them all."""
    return list(before if len(before) > len(after) else after)


def more() -> st.SearchStrategy[Step]:
    """Return the steps that judgement has no use for: weights, splits, decisions by a policy, erasures."""
    return st.one_of(
        st.tuples(st.just("weight"), st.integers(0, 7), st.sampled_from([1, 2, 5])),
        st.tuples(st.just("split"), st.sampled_from(["0", "1"])),
        st.tuples(st.just("policy"), st.sampled_from(sorted(shipped()))),
        st.tuples(st.just("erase"), st.integers(0, 7)),
    )


def do(world: World, drawn: list[Step]) -> None:
    """Do steps, those of this module too; what is refused because bytes are gone is left out."""
    gone = False
    for one in drawn:
        gone = gone or one[0] == "erase"
        with suppress(LedgerError) if gone else nullcontext():
            _do(world, one)


def _do(world: World, one: Step) -> None:
    if one[0] == "weight":
        ids = sample_ids(world.ledger)
        world.said += world.ledger.weight([ids[one[1] % len(ids)]], one[2])["events"]
    elif one[0] == "split":
        world.ledger.split("50/25/25", seed=one[1])
    elif one[0] == "policy":
        world.ledger.decide(one[1])
    elif one[0] == "said":
        by_policy(world.ledger, world.ones[one[1]].id, one[2])
    elif one[0] == "erase":
        erase(world.ledger, one[1])
    else:
        world.do([one])


def erase(ledger: Ledger, who: int) -> None:
    """Record that the bytes of a sample's current version were erased, with those of every twin byte for byte."""
    rows = list(samples.everything(store_of(ledger).connection))
    row = rows[who % len(rows)]
    fields = {"authority": "tests", "blob": row.hash.hex(), "fingerprint": row.fingerprint.hex(), "reason": "so"}
    append(ledger, "erase", [draft("erased", row.sample, row.version, {**fields, "sample": row.id.hex()})])


@given(
    first=steps(4),
    rest=st.lists(st.one_of(step(), more()), max_size=12),
    at=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_diff_of_moments_is_the_comparison_of_two_folds(
    first: list[Step], rest: list[Step], at: tuple[float, float]
) -> None:
    """Between any two positions, in either order, exactly that differs which two folds from nothing show."""
    with made(first) as world:
        do(world, rest)
        ledger, last = differ(world.ledger), world.ledger.status()["head"]["position"]
        one, other = (round(share * last) for share in at)
        for a, b in ((one, other), (other, one), (one, last)):
            answer = ledger.diff(a, b, limit=1000)
            before, after = stands(world, a), stands(world, b)

            assert {each["sample"]: each["ways"] for each in answer["samples"]} == compared(before, after)
            assert (answer["a"]["samples"], answer["b"]["samples"]) == (len(before), len(after))
            _counts_are_of(answer)
            for each in answer["samples"]:
                for side, known in (("a", before), ("b", after)):
                    assert _told(each[side]) == _known(known.get(each["sample"]))


@given(first=steps(4), rest=st.lists(st.one_of(step(), more()), max_size=8), share=st.floats(0, 1))
def test_a_diff_turned_round_is_its_inverse_and_of_one_side_with_itself_empty(
    first: list[Step], rest: list[Step], share: float
) -> None:
    """What one way adds the other removes, every turn goes back, and a side does not differ from itself."""
    with made(first) as world:
        do(world, rest)
        ledger, last = differ(world.ledger), world.ledger.status()["head"]["position"]
        at = round(share * last)

        there, back = ledger.diff(at, "now", limit=1000), ledger.diff("now", at, limit=1000)

        assert inverse(there) == back
        for side in (at, "now"):
            assert set(ledger.diff(side, side)["counts"].values()) == {0}


def test_every_position_of_a_world_where_everything_happens() -> None:
    """From the beginning to each position, and from each to the next: what stands is what the fold says, by rank too.

    A decision of a policy stands over a file's later one and under a person's earlier one; a decision falls with the
    text that it was about, and comes back with it; a person's label stands over a policy's later one.
    """
    first: list[Step] = [("ingest", "asm", "asm", n, "", n % 2 == 0, {}) for n in range(4)]
    rest: list[Step] = [
        ("said", 0, "accepted"),
        ("other", 0, "import", "rejected", None),
        ("decide", 1, "accept", "so"),
        ("said", 1, "rejected"),
        ("edit", 1, 3),
        ("withdraw", 2),
        ("edit", 0, 4),
        ("decide", 0, "reject", "so"),
        ("relabel", 2, None, "so"),
        ("said", 2, "relabeled"),
        ("other", 2, "agent", "relabeled", True),
        ("withdraw", 5),
        ("weight", 3, 5),
        ("weight", 3, 2),
        ("split", "0"),
        ("withdraw", 7),
        ("withdraw", 6),
        ("erase", 3),
        ("decide", 2, "defer", "so"),
    ]
    with made(first) as world:
        do(world, rest)
        ledger, last = differ(world.ledger), world.ledger.status()["head"]["position"]
        stood = [stands(world, position) for position in range(last + 1)]
        assert len({str(stand) for stand in stood}) > 15
        for at in range(1, last + 1):
            for before in (0, at - 1):
                answer = ledger.diff(before, at, limit=1000)
                assert {one["sample"]: one["ways"] for one in answer["samples"]} == compared(stood[before], stood[at])
                assert [_told(one["b"]) for one in answer["samples"]] == [
                    _known(stood[at][one["sample"]]) for one in answer["samples"]
                ]


def inverse(answer: dict[str, Any]) -> dict[str, Any]:
    """Return a diff turned round, by hand."""
    swap = {"added": "removed", "removed": "added"}
    turns = {
        fact: sorted(
            ({"from": turn["to"], "to": turn["from"], "samples": turn["samples"]} for turn in told),
            key=lambda turn: [(value is not None, value) for value in (turn["from"], turn["to"])],
        )
        for fact, told in answer["turns"].items()
    }
    counts = {swap.get(name, name): count for name, count in answer["counts"].items()}
    samples = [
        {**one, "ways": [swap.get(way, way) for way in one["ways"]], "a": one["b"], "b": one["a"]}
        for one in answer["samples"]
    ]
    return {**answer, "a": answer["b"], "b": answer["a"], "counts": counts, "turns": turns, "samples": samples}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_kinds_that_change_how_a_sample_stands_are_known(kind: str) -> None:
    """A new kind of event must be thought of here: it changes how a sample stands, or it does not."""
    assert kind in CHANGING | OTHERS


CHANGING = {
    "ingested", "improved", "regenerated", "edited", "relabeled", "accepted", "rejected", "deferred", "superseded",
    "weighted", "split_assigned", "withdrawn", "erased", "attempt_failed",
}  # fmt: skip
OTHERS = {
    "run_started", "run_finished", "quarantined", "tagged", "scored", "unscored", "found", "policy_adopted",
    "duplicates_found", "templates_found", "view_defined", "released",
    "proposed", "proposal_accepted", "proposal_declined",
    "work_planned", "request_sent", "reply_stored", "batch_submitted", "checked_out",
    "trained", "evaluated",
}  # fmt: skip


def _counts_are_of(answer: dict[str, Any]) -> None:
    counts = answer["counts"]
    assert (
        counts["samples"]
        == len(answer["samples"])
        == counts["added"]
        + counts["removed"]
        + sum(set(each["ways"]).isdisjoint({"added", "removed"}) for each in answer["samples"])
    )
    for way in changes.WAYS:
        assert counts[way] == sum(way in each["ways"] for each in answer["samples"])
    for fact, way in changes.TURNS.items():
        assert sum(turn["samples"] for turn in answer["turns"][fact]) == counts[way]


def _told(side: dict[str, Any] | None) -> tuple[Any, ...] | None:
    return None if side is None else (side["label"], side["split"], side["status"], side["times"])


def _known(stand: Stand | None) -> tuple[Any, ...] | None:
    return None if stand is None else (None if stand[1] is None else bool(stand[1]), *stand[2:])
