"""Two campaigns part by part: counts, shares and differences that a plain loop gives, and texts judged otherwise."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest
from ledger.reports.sides import WAYS, points
from ledger.rule import Policy
from ledger.views import samples
from tests.judged import LOW, decide, gates, store_of, taken
from tests.small import chat, write
from tests.worlds import CAMPAIGNS, World, step, steps

ONE, OTHER = CAMPAIGNS[:2]


def told(world: World, by: str) -> tuple[dict[str, dict[str, list[samples.Row]]], dict[str, int], int]:
    """Return key -> campaign -> samples, how many of each campaign were decided, and the texts judged otherwise."""
    connection = store_of(world.ledger).connection
    rules = {one["sample"]: one["rule"] or "" for one in world.ledger.find(limit=1000)["samples"]}
    parts: dict[str, dict[str, list[samples.Row]]] = defaultdict(lambda: {ONE: [], OTHER: []})
    decided = {ONE: 0, OTHER: 0}
    texts: dict[bytes, dict[str, set[str]]] = defaultdict(lambda: {ONE: set(), OTHER: set()})
    for row in samples.everything(connection):
        decided[row.campaign] += row.decision is not None
        texts[row.fingerprint][row.campaign].add(row.status)
        rule = rules[row.id.hex()]
        keys = {"domain": row.domain or "", "source": row.source or "", "rule": rule, "reason": rule}
        if (by == "rule" and row.decision is None) or (by == "reason" and row.status != "rejected"):
            continue
        parts[keys[by]][row.campaign].append(row)
    otherwise = sum(any(mine != theirs for mine in one[ONE] for theirs in one[OTHER]) for one in texts.values())
    return parts, decided, otherwise


@settings(max_examples=40)
@given(drawn=steps(16), policy=st.none() | gates(), later=st.lists(step(), max_size=4), by=st.sampled_from(WAYS))
def test_parts_are_what_a_plain_loop_counts(drawn: list[Any], policy: Policy | None, later: list[Any], by: str) -> None:
    """Every key of either campaign, its counts, its shares of the right wholes, and the difference of these."""
    with tempfile.TemporaryDirectory() as folder, Ledger.init(Path(folder) / "ledger.db") as ledger:
        world = World(ledger, Path(folder))
        world.do(drawn)
        if policy is not None:
            decide(ledger, policy)
        world.do(later)
        if {one["name"] for one in ledger.status()["campaigns"]} < {ONE, OTHER}:
            return
        found = ledger.compare([ONE, OTHER], by=by)["parts"]
        parts, decided, otherwise = told(world, by)
        assert {one["key"] for one in found["parts"]} == parts.keys()
        assert found["texts_judged_otherwise"] == otherwise
        for one in found["parts"]:
            shares = []
            for side, name in (("a", ONE), ("b", OTHER)):
                rows = parts[one["key"]][name]
                accepted = sum(row.status == "accepted" for row in rows)
                settled = sum(row.decision is not None for row in rows)
                part, whole = (accepted, settled) if by in {"domain", "source"} else (len(rows), decided[name])
                share = Fraction(part, whole) if whole else None
                shares.append(share)
                assert one[side] == {
                    "samples": len(rows),
                    "accepted": accepted,
                    "decided": settled,
                    "share": None if share is None else round(float(share), 6),
                }
            first, second = shares
            if first is None or second is None:
                assert one["points"] is None
            else:
                assert abs(one["points"] - float((second - first) * 100)) <= 0.005 + 1e-9
        sizes = [one["a"]["samples"] + one["b"]["samples"] for one in found["parts"]]
        assert sizes == sorted(sizes, reverse=True)


def test_the_largest_parts_come_first_and_the_rest_is_counted(ledger: Ledger, tmp_path: Path) -> None:
    """A limit cuts the list and says how much is left."""
    taken(ledger, tmp_path / "a.jsonl", [("x", {"quality": 0.9})] * 3 + [("y", {"quality": 0.1})], "a")
    taken(ledger, tmp_path / "b.jsonl", [("x", {"quality": 0.1})] * 2 + [("z", {"quality": 0.1})], "b")
    decide(ledger, LOW)
    found = ledger.compare(["a", "b"], by="domain", limit=1)["parts"]
    (part,) = found.pop("parts")
    assert (part["key"], part["a"]["share"], part["b"]["share"], part["points"]) == ("x", 1.0, 0.0, -100.0)
    assert found == {"by": "domain", "a": "a", "b": "b", "left": 2, "texts_judged_otherwise": 0}
    assert ledger.compare(["a", "b"], by="reason")["parts"]["parts"][0]["points"] == 75.0
    assert "parts" not in ledger.compare(["a", "b"])


def test_a_text_that_changes_sides_is_told_at_once(ledger: Ledger, tmp_path: Path) -> None:
    """What was found for one head is not told for the next."""
    rows = [chat(f"q{n}", "a") for n in range(3)]
    ledger.ingest(write(tmp_path / "a.jsonl", *rows), campaign="a")
    ledger.ingest(write(tmp_path / "b.jsonl", *rows), campaign="b")
    first = ledger.find(campaign="a")["samples"]
    wanted = [0]
    for one in first:
        ledger.accept([one["sample"]])
        wanted.append(len(wanted))
    assert ledger.compare(["a", "b"], by="rule")["parts"]["texts_judged_otherwise"] == 3
    assert ledger.find(campaign="a", unlike="b")["total"] == 3
    for count, one in enumerate(first, 1):
        at = ledger.find(ids_prefix=one["sample"])["samples"][0]["decided"]
        then = ledger.compare(["b", "a"], by="rule", as_of=at)["parts"]
        assert then["texts_judged_otherwise"] == count


@pytest.mark.parametrize(
    ("names", "asked", "match"),
    [
        (["a"], {"by": "rule"}, "Two campaigns"),
        (["a", "a", "a"], {"by": "rule"}, "Two campaigns"),
        (["a", "absent"], {"by": "rule"}, "no campaign"),
        (["a", "a"], {"by": "label"}, "no part"),
        (["a", "a"], {"by": "rule", "limit": -1}, "limit"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    ledger: Ledger, tmp_path: Path, names: list[str], asked: dict[str, Any], match: str
) -> None:
    """Two campaigns that exist, and a part that there is."""
    ledger.ingest(write(tmp_path / "a.jsonl", chat("q", "a")), campaign="a")
    with pytest.raises(BadRequest, match=match):
        ledger.compare(names, **asked)


def test_points_are_rounded_half_away() -> None:
    """Exact to two places; None where a share is of nothing."""
    assert points((1, 3), (2, 3)) == 33.33
    assert points((2, 3), (1, 3)) == -33.33
    assert points((1, 2), (1, 2)) == 0
    assert points((0, 0), (1, 2)) is None
