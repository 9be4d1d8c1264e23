"""Spreads: what the fold keeps is what a listing counts, whatever was scored, edited, withdrawn or adopted."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger, projection
from ledger.fixed import text_of
from ledger.views import picking, spreads
from ledger.views.rejected import HUNDREDTH
from tests.judged import score, store_of
from tests.small import chat, write

POLICY = """name = "p"
headline = "quality"
[measure.quality]
weights = {{ good = 0.5, bad = 0.5 }}
invert = ["bad"]
missing = "renormalise"
[threshold]
min_quality = {level}
[[rule]]
name = "low"
reject = "quality < min_quality"
"""
SCORES = st.dictionaries(
    st.sampled_from(["good", "bad"]),
    st.one_of(st.integers(-300, 300).map(lambda n: f"{n / 100}"), st.sampled_from(["0.009999", "-0.000001", "0"])),
    min_size=1,
)
ACT = st.one_of(
    st.tuples(st.just("ingest"), st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=3)),
    st.tuples(st.just("score"), st.tuples(st.integers(0, 9), SCORES, st.sampled_from(["first", "second"]))),
    st.tuples(st.just("adopt"), st.integers(0, 9)),
    st.tuples(st.just("edit"), st.integers(0, 9)),
    st.tuples(st.just("withdraw"), st.integers(0, 9)),
    st.tuples(st.just("erase"), st.integers(0, 9)),
)


def do(ledger: Ledger, folder: Path, n: int, act: tuple[str, Any]) -> None:
    """Do one thing; what cannot be done then is left."""
    kind, what = act
    ids = [row["sample"] for row in ledger.find(limit=1000)["samples"] if row["status"] != "erased"]
    if kind == "ingest":
        rows = [chat(f"q{n} {k}", "a", domain=domain) for k, domain in enumerate(what)]
        ledger.ingest([write(folder / f"{n}.jsonl", *rows)], campaign="c")
    elif kind == "adopt":
        (folder / "p.toml").write_text(POLICY.format(level=what / 10), encoding="utf-8")
        ledger.decide(folder / "p.toml")
    elif not ids:
        return
    elif kind == "score":
        which, scores, scorer = what
        score(ledger, {ids[which % len(ids)]: scores}, scorer=scorer, version=str(n))
    elif kind == "edit":
        ledger.edit(ids[what % len(ids)], json.dumps(chat("q", f"edited {n}")).encode())
    elif kind == "erase":
        ledger.erase([ids[what % len(ids)]], reason="asked", authority="dpo", yes=True)
    else:
        story = ledger.log(ids[what % len(ids)])
        edits = [one["event"] for one in story if one["kind"] == "edited"]
        if edits and story[-1]["kind"] == "edited":
            ledger.withdraw([edits[-1]])


def counted(ledger: Ledger) -> dict[tuple[str, str], Counter[int]]:
    """Return the steps of every number and domain as a listing of all samples has them."""
    found: dict[tuple[str, str], Counter[int]] = {}
    for name in ledger.spreads()["names"]:
        listed = ledger.find(score=(name, None, None), limit=1000)["samples"]
        for row in listed:
            millionths = round(float(row["score"]) * 1_000_000)
            found.setdefault((name, row["domain"] or ""), Counter())[millionths // 10_000] += 1
    return found


def listed(ledger: Ledger, name: str, step: int, sort: str) -> list[str]:
    """Return the samples behind one bar, in an order."""
    least = step * HUNDREDTH
    bounds = (text_of(least), text_of(least + HUNDREDTH - 1))
    return [row["sample"] for row in ledger.find(score=(name, *bounds), sort=sort, limit=1000)["samples"]]


def check_bars(ledger: Ledger) -> None:
    """Check that a list behind a bar is the same whether few samples are looked for, or all are looked at."""
    for number in ledger.spreads()["numbers"]:
        for step, samples in number["steps"]:
            for sort in ("born", "newest", "decided", "score", "lowest"):
                found = listed(ledger, number["name"], step, sort)
                with pytest.MonkeyPatch.context() as patched:
                    patched.setattr(picking, "_RARE", -1)
                    assert found == listed(ledger, number["name"], step, sort)
            assert len(found) == samples


@settings(max_examples=30)
@given(st.lists(ACT, min_size=2, max_size=9))
def test_what_is_kept_is_what_is_there(acts: list[tuple[str, Any]]) -> None:
    """Kept commit by commit, made again from nothing, and listed one by one: all three are the same."""
    with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "ledger.db", actor="x") as ledger:
        for n, act in enumerate(
            [("ingest", ["a", None]), ("score", (0, {"good": "0.5", "bad": "0.25"}, "first")), *acts]
        ):
            do(ledger, Path(name), n, act)
        told = {
            (one["name"], part["domain"]): Counter(dict(part["steps"]))
            for one in ledger.spreads()["numbers"]
            for part in one["by_domain"]
        }
        assert told == counted(ledger)
        check_bars(ledger)
        connection = store_of(ledger).connection
        with ledger.standing_still():
            projection.fold_aside(connection, ledger.status()["head"]["position"])
            assert projection.is_same(connection, "spreads", "measure, domain, step")
            assert projection.is_same(connection, "measured", "policy, name, domain, step")


def test_a_rare_score_is_looked_up(ledger: Ledger, tmp_path: Path) -> None:
    """Those that may have it are named, and no other sample is looked at; where one bound is open, all are."""
    ledger.ingest([write(tmp_path / "x.jsonl", *(chat(f"q{n}", "a") for n in range(5)))], campaign="c")
    ids = [row["sample"] for row in ledger.find()["samples"]]
    score(ledger, {sample: {"good": f"0.{n + 1}"} for n, sample in enumerate(ids)}, scorer="first")
    score(ledger, {ids[0]: {"good": "0.9"}}, scorer="second")
    (tmp_path / "p.toml").write_text(POLICY.format(level=0.5), encoding="utf-8")
    ledger.decide(tmp_path / "p.toml")
    connection = store_of(ledger).connection
    (first, second, *_) = (row["born"] for row in ledger.find()["samples"])
    for name, few in (("good", {first, second}), ("quality", {second})):
        measured = spreads.measure(connection, name)
        wanted = picking.Wanted(score=(name, 100_000, 200_000), measured=measured)
        assert picking.narrowed(connection, wanted, None).few == frozenset(few)
        assert ledger.find(score=(name, "0.1", "0.2"))["total"] == 1
        assert picking.narrowed(connection, replace(wanted, score=(name, None, 200_000)), None).few is None


def test_the_latest_score_counts(ledger: Ledger, tmp_path: Path) -> None:
    """Whoever gave it: a sample is in one step of a dimension."""
    ledger.ingest([write(tmp_path / "x.jsonl", chat("q", "a", domain="d"))], campaign="c")
    (sample,) = (row["sample"] for row in ledger.find()["samples"])
    score(ledger, {sample: {"good": "0.5"}}, scorer="first")
    score(ledger, {sample: {"good": "0.75"}}, scorer="second")
    (number,) = ledger.spreads()["numbers"]
    assert number["steps"] == [[75, 1]]
    assert ledger.find(score=("good", "0.75", "0.759999"))["total"] == 1
