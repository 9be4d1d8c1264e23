"""Listing samples: each filter is what a plain loop says, pages together are the list, and the order is the order."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ledger import Ledger
from ledger.digest import blake3_bytes, show
from ledger.errors import BadRequest, ConditionInvalid, NoSuchPosition
from ledger.fixed import micro
from ledger.rule import Policy
from ledger.verbs import find as finds
from ledger.verbs import find_words
from ledger.views import listing, picking, samples, scores
from tests.judged import LOW, decide, gates, scored_steps, store_of, taken, thresholds
from tests.policy_model import TEXTS
from tests.small import chat, write
from tests.small import samples as ids_of
from tests.worlds import CAMPAIGNS, World, step, steps


class Seen(NamedTuple):
    """One sample as other answers tell it: its row, what decided, who did, its tags, latest scores and words."""

    row: samples.Row
    rule: str
    actor: str | None
    tags: dict[str, str]
    scores: dict[str, int]
    words: frozenset[str]


def seen(ledger: Ledger) -> list[Seen]:
    """Return every sample in the order of birth."""
    connection = store_of(ledger).connection
    found = []
    for row in samples.everything(connection):
        event = None if row.decision is None else store_of(ledger).event(row.decision)
        leaf = None if event is None else json.loads(event[1])
        shown = ledger.show(row.id.hex())
        latest: dict[str, int] = {}
        for given_score in scores.of_sample(connection, row.sample):
            if given_score.version == row.version:
                latest[given_score.dimension] = given_score.value
        content = shown["content"]
        texts = "" if content is None else json.dumps([content["prompt"], content["completion"]])
        found.append(
            Seen(
                row,
                "" if leaf is None else leaf["rule"] or leaf["authority"],
                None if leaf is None else leaf["actor"],
                shown["tags"],
                latest,
                frozenset(word for word in ("p0", "p1", "c1", "c2", "c3") if f'"{word}"' in texts),
            )
        )
    return found


def holds(one: Seen, every: Sequence[Seen], asked: Mapping[str, Any]) -> bool:
    """Say whether a sample is asked for, filter by filter."""
    row = one.row
    label = {1: "true", 0: "false", None: "none"}[row.label]
    words = {
        "campaign": row.campaign,
        "status": row.status,
        "label": label,
        "rule": one.rule,
        "source": row.source or "",
        "domain": row.domain or "",
        "actor": one.actor,
        "split": row.split or "",
    }
    checks = [words[name] == value for name, value in asked.items() if name in words]
    if "reason" in asked:
        checks.append(asked["reason"] in {one.rule, row.reason})
    if "tag" in asked:
        key, equals, value = asked["tag"].partition("=")
        held = one.tags.get(key, "")
        checks.append(held == value if equals else held != "")
    if "since" in asked:
        checks.append(row.decision is not None and row.decision >= asked["since"])
    if "until" in asked:
        checks.append(row.decision is not None and row.decision <= asked["until"])
    if "score" in asked:
        name, least, most = asked["score"]
        value = one.scores.get(name)
        checks.append(
            value is not None and (least is None or value >= micro(least)) and (most is None or value <= micro(most))
        )
    if "where" in asked:
        checks.append(row.status != "erased" and label == "true")
    if "text" in asked:
        checks.append(asked["text"] in one.words)
    if "unlike" in asked:
        others = [other.row for other in every if other.row.fingerprint == row.fingerprint]
        checks.append(any(other.campaign == asked["unlike"] and other.status != row.status for other in others))
    if "ids_prefix" in asked:
        checks.append(row.id.hex().startswith(asked["ids_prefix"]))
    return all(checks)


def expected(every: Sequence[Seen], asked: Mapping[str, Any], sort: str) -> list[str]:
    """Return the ids that a list should hold, in its order."""
    found = [one for one in every if holds(one, every, asked)]
    keys = {
        "born": lambda one: one.row.sample,
        "newest": lambda one: -one.row.sample,
        "decided": lambda one: (-1 if one.row.decision is None else -one.row.decision - 10**9, one.row.sample),
        "score": lambda one: (-one.scores[asked["score"][0]], one.row.sample),
        "lowest": lambda one: (one.scores[asked["score"][0]], one.row.sample),
    }
    return [one.row.id.hex() for one in sorted(found, key=keys[sort])]


def asked_for() -> SearchStrategy[dict[str, Any]]:
    """Return filters, few at a time: values that occur in these worlds, and some that do not."""
    rules = st.sampled_from(["", "x", "default", "low_quality", "person", "agent", "import", "absent"])
    texts = st.sampled_from(["", "asm", "cpp", "z", *TEXTS])
    bounds = st.none() | st.sampled_from(["0.25", "0.5", "1"])
    values = {
        "campaign": st.sampled_from(CAMPAIGNS[:2]),
        "status": st.sampled_from(["accepted", "rejected", "pending", "erased"]),
        "label": st.sampled_from(["true", "false", "none"]),
        "rule": rules,
        "reason": rules.filter(bool) | st.sampled_from(["so", "because"]),
        "source": texts,
        "domain": texts,
        "actor": st.sampled_from(["tester", "x"]),
        "split": st.sampled_from(["", "train", "val"]),
        "tag": st.sampled_from(["persona", "my tag", "persona=asm", "my tag=it's \\ so", "and=", "absent"]),
        "since": st.integers(0, 60),
        "until": st.integers(0, 60),
        "score": st.tuples(st.sampled_from(["quality", "coherence"]), bounds, bounds),
        "where": st.just("label == 'true'"),
        "text": st.sampled_from(["p0", "c1", "c3"]),
        "unlike": st.sampled_from(CAMPAIGNS[:2]),
        "ids_prefix": st.sampled_from("0123456789abcdef"),
    }
    names = st.lists(st.sampled_from(sorted(values)), max_size=4, unique=True)
    return names.flatmap(lambda asked: st.fixed_dictionaries({name: values[name] for name in asked}))


@contextmanager
def world_of(drawn: Sequence[Any], policy: Policy | None, later: Sequence[Any]) -> Iterator[World]:
    """Yield a world in which steps were done, a policy decided, families were split, and more was done."""
    with tempfile.TemporaryDirectory() as folder, Ledger.init(Path(folder) / "ledger.db") as ledger:
        world = World(ledger, Path(folder))
        world.do(drawn)
        if policy is not None:
            decide(ledger, policy)
        ledger.split("50/50/0")
        world.do(later)
        yield world


def known(ledger: Ledger, asked: Mapping[str, Any]) -> bool:
    """Say whether what must exist to be asked for does: campaigns and scores."""
    campaigns = {one["name"] for one in ledger.status()["campaigns"]}
    named = {asked[name] for name in ("campaign", "unlike") if name in asked}
    scored = {name for one in seen(ledger) for name in one.scores}
    return named <= campaigns and ("score" not in asked or asked["score"][0] in scored)


def paged(ledger: Ledger, limit: int, **asked: Any) -> list[str]:  # noqa: ANN401 - as Ledger.find has them
    """Return the ids of all pages."""
    found, after = [], None
    while True:
        page = ledger.find(limit=limit, after=after, total=False, **asked)
        assert page["total"] is None
        found += [one["sample"] for one in page["samples"]]
        after = page["next"]
        if after is None:
            return found
        assert len(page["samples"]) == limit


@settings(max_examples=80)
@given(
    drawn=steps(16),
    policy=st.none() | thresholds() | gates(),
    later=st.lists(step(), max_size=4),
    questions=st.lists(asked_for(), min_size=6, max_size=10),
    limit=st.integers(1, 3),
    common=st.booleans(),
)
def test_a_list_is_what_a_plain_loop_finds(
    drawn: list[Any],
    policy: Policy | None,
    later: list[Any],
    questions: list[dict[str, Any]],
    limit: int,
    *,
    common: bool,
) -> None:
    """Every filter, in every order: the same samples, and the pages, the total, the ids and the digest go with them."""
    with pytest.MonkeyPatch.context() as patch, world_of(drawn, policy, later) as world:
        patch.setattr(find_words, "FEW", 0 if common else 10_000)
        patch.setattr(picking, "_NARROW", -1000 if common else 1000)
        patch.setattr(listing, "_FEW", -1 if common else 1000)
        ledger, every = world.ledger, seen(world.ledger)
        for asked in [one for one in questions if known(ledger, one)]:
            orders = ("born", "newest", "decided", *(("score", "lowest") if "score" in asked else ()))
            wanted = {sort: expected(every, asked, sort) for sort in orders}
            for sort in orders:
                assert paged(ledger, limit, sort=sort, **asked) == wanted[sort], (sort, asked)
            page = ledger.find(limit=1000, digest=True, **asked)
            assert [one["sample"] for one in page["samples"]] == wanted["born"]
            chosen = ledger.find_ids(**asked)
            assert chosen["ids"] == sorted(wanted["born"])
            assert page["digest"] == chosen["digest"] == show(blake3_bytes(bytes.fromhex("".join(chosen["ids"]))))
            assert page["total"] == chosen["count"] == len(wanted["born"])
            for total in (True, "exact"):
                told = ledger.find(limit=0, total=total, **asked)
                assert (told["total"], told["exact"]) == (len(wanted["born"]), True) or common
            assert page["head"] == chosen["head"] == ledger.status()["head"]


@settings(max_examples=25)
@given(
    drawn=scored_steps(),
    policy=thresholds() | gates(),
    later=st.lists(step(), max_size=4),
    within=st.sampled_from(["0", "0.1", "0.25", "1"]),
    asked=st.fixed_dictionaries({}, optional={"rule": st.sampled_from(["x", "default"]), "domain": st.just("")}),
    status=st.sampled_from([None, "rejected", "accepted"]),
    limit=st.integers(1, 3),
)
def test_within_a_margin_is_what_near_misses_lists(
    drawn: list[Any],
    policy: Policy,
    later: list[Any],
    within: str,
    asked: dict[str, Any],
    status: str | None,
    limit: int,
) -> None:
    """The near-misses up to a margin, in their own order or in another, whatever else is asked for; margins told."""
    with world_of(drawn, policy, later) as world:
        near = world.ledger.near_misses(accepted=status == "accepted", limit=1000, **asked)["near_misses"]
        close = [one for one in near if abs(micro(one["margin"])) <= micro(within)]
        wanted = [one["sample"] for one in close]
        common: dict[str, Any] = {"status": status, "within": within, **asked}
        assert paged(world.ledger, limit, sort="margin", **common) == wanted
        told = world.ledger.find(sort="margin", limit=1000, **common)["samples"]
        assert [one["margin"] for one in told] == [one["margin"] for one in close]
        born = {one.row.id.hex(): one.row.sample for one in seen(world.ledger)}
        assert paged(world.ledger, limit, **common) == sorted(wanted, key=born.__getitem__)
        assert world.ledger.find_ids(**common)["ids"] == sorted(wanted)
        labelled = {one.row.id.hex() for one in seen(world.ledger) if one.row.label == 1}
        assert paged(world.ledger, limit, sort="margin", label="true", **common) == [
            one for one in wanted if one in labelled
        ]


# --- by hand


@pytest.fixture
def judged(ledger: Ledger, tmp_path: Path) -> Ledger:
    """Return a ledger of six samples in two domains: two accepted, two rejected, one rejected by hand, one pending."""
    rows = [("asm", {"quality": quality}) for quality in (0.9, 0.49, 0.6, 0.1)]
    ids = taken(ledger, tmp_path / "in.jsonl", [*rows, ("cpp", {}), (None, {})])
    decide(ledger, LOW)
    ledger.reject([ids[4]], reason="too short")
    ledger.defer([ids[5]], reason="ask ann")
    return ledger


def listed(ledger: Ledger, **asked: Any) -> list[int]:  # noqa: ANN401 - as Ledger.find has them
    """Return which samples a list holds, by the order of their birth."""
    born = {sample: number for number, sample in enumerate(ids_of(ledger))}
    return [born[one["sample"]] for one in ledger.find(limit=100, **asked)["samples"]]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"status": "rejected"}, [1, 3, 4]),
        ({"reason": "low_quality"}, [1, 3]),
        ({"reason": "too short"}, [4]),
        ({"reason": "person"}, [4, 5]),
        ({"rule": "person"}, [4, 5]),
        ({"rule": "too short"}, []),
        ({"domain": ""}, [5]),
        ({"source": "in.jsonl", "status": "accepted"}, [0, 2]),
        ({"source": ""}, []),
        ({"actor": "tester"}, [0, 1, 2, 3, 4, 5]),
        ({"score": ("quality", "0.49", "0.6")}, [1, 2]),
        ({"score": ("quality", None, 0.5), "sort": "lowest"}, [3, 1]),
        ({"score": ("quality", None, None), "sort": "score"}, [0, 2, 1, 3]),
        ({"within": 0.05}, [1]),
        ({"within": 1, "status": "accepted", "sort": "margin"}, [2, 0]),
        ({"text": "question 3"}, [3]),
        ({"text": "answer", "status": "rejected"}, [1, 3, 4]),
        ({"where": "quality < 0.5 and domain == 'asm'"}, [1, 3]),
        ({"sort": "newest"}, [5, 4, 3, 2, 1, 0]),
        ({"sort": "decided"}, [5, 4, 3, 2, 1, 0]),
    ],
)
def test_what_is_asked_for_is_listed(judged: Ledger, asked: dict[str, Any], wanted: list[int]) -> None:
    """Filters in their own words."""
    assert listed(judged, **asked) == wanted


def test_a_stretch_of_decisions_is_bounded_by_positions_and_times(judged: Ledger) -> None:
    """Both ends belong to it; a time is that of a commit; without an end it goes on."""
    places = [one["decided"] for one in judged.find()["samples"]]
    assert listed(judged, since=places[1]) == [1, 2, 3, 4, 5]
    assert listed(judged, since=places[1] + 1) == [2, 3, 4, 5]
    assert listed(judged, until=f"@{places[1]}") == [0, 1]
    assert listed(judged, since=places[1], until=places[3], sort="decided") == [3, 2, 1]
    assert listed(judged, since=places[5] + 1) == []
    assert listed(judged, until=10**9) == [0, 1, 2, 3, 4, 5]
    assert listed(judged, until="2000-01-01") == []
    assert listed(judged, since="2000-01-01T00:00Z") == [0, 1, 2, 3, 4, 5]
    assert listed(judged, since="9999-12-31") == []


def test_a_time_is_that_of_a_commit(tmp_path: Path) -> None:
    """Since a time is from the first commit that is not earlier on, until a time up to the last that is not later."""
    ticks = count(1_800_000_000, 3600)  # an hour between two commits
    with Ledger.init(tmp_path / "own.db", clock=lambda: next(ticks) * 1_000_000) as ledger:
        ledger.ingest(write(tmp_path / "in.jsonl", *(chat(f"q{n}", "a") for n in range(3))), campaign="c")
        times = []
        for one in ids_of(ledger):
            ledger.accept([one])
            times.append(ledger.log(one, limit=1)[0]["time"])
        assert listed(ledger, since=times[1]) == [1, 2]
        assert listed(ledger, until=times[1]) == [0, 1]
        assert listed(ledger, since=times[1], until=times[1]) == [1]


def test_a_row_tells_where_a_sample_stands(judged: Ledger) -> None:
    """All of it in one row; the score is the headline of the policy unless another is asked for."""
    near = judged.find(limit=2)["samples"][1]
    assert near["sample"].startswith(near["short"])
    assert near == {
        **{name: near[name] for name in ("sample", "short", "born", "decided")},
        "status": "rejected",
        "label": None,
        "domain": "asm",
        "source": "in.jsonl",
        "campaign": "c",
        "split": None,
        "rule": "low_quality",
        "reason": "low_quality",
        "margin": "-0.01",
        "score": "0.49",
    }


def test_totals_say_how_sure_they_are(judged: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """What rollups count is exact; else it is counted up to a number, or as far as it takes, or not at all."""
    monkeypatch.setattr(finds, "UPTO", 2)
    known: list[tuple[dict[str, Any], int]] = [
        ({"status": "rejected", "domain": "asm"}, 2),
        ({"source": "in.jsonl"}, 6),
    ]
    for asked, total in known:
        assert (judged.find(**asked)["total"], judged.find(**asked)["exact"]) == (total, True)
    found = judged.find(actor="tester", limit=1)
    assert (found["total"], found["exact"]) == (2, False)
    found = judged.find(actor="tester")  # all of it on one page
    assert (found["total"], found["exact"]) == (6, True)
    found = judged.find(actor="tester", limit=1, total="exact")
    assert (found["total"], found["exact"]) == (6, True)
    assert judged.find(actor="tester", total=False)["total"] is None
    with pytest.raises(BadRequest, match="total"):
        judged.find(total="roughly")


def test_an_earlier_moment_is_listed_as_it_was(judged: Ledger, tmp_path: Path) -> None:
    """A list as of a position is the list that was given there, words and pages too."""
    asked: list[dict[str, Any]] = [
        {},
        {"status": "rejected"},
        {"text": "answer"},
        {"within": 1},
        {"source": "in.jsonl"},
    ]
    before = [judged.find(limit=2, digest=True, **one) for one in asked]
    position = before[0]["head"]["position"]
    judged.ingest(write(tmp_path / "more.jsonl", chat("question 9", "answer 9")), campaign="c")
    judged.accept([before[0]["samples"][1]["sample"]], reason="it is good")
    for one, answer in zip(asked, before, strict=True):
        then = judged.find(limit=2, digest=True, as_of=position, **one)
        assert then | {"index": None} == answer | {"index": None}
        assert judged.find_ids(as_of=position, **one)["digest"] == answer["digest"]
    for one, answer in zip(asked[:4], before, strict=False):
        assert judged.find(digest=True, **one)["digest"] != answer["digest"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"status": "deferred"}, "status"),
        ({"label": "yes"}, "label"),
        ({"sort": "random"}, "order"),
        ({"campaign": "absent"}, "campaign"),
        ({"unlike": "absent"}, "campaign"),
        ({"sort": "score"}, "which score"),
        ({"sort": "margin"}, "within"),
        ({"within": -1}, "below 0"),
        ({"within": "much"}, "not a number"),
        ({"within": 1, "status": "pending"}, "margin"),
        ({"score": ("absent", None, None)}, "absent"),
        ({"score": ("quality", "x", None)}, "not a number"),
        ({"score": "quality"}, "dimension"),
        ({"since": "yesterday"}, "position or a time"),
        ({"since": True}, "position or a time"),
        ({"since": "x" * 5000}, "position or a time"),
        ({"ids_prefix": "xyz"}, "hexadecimal"),
        ({"ids_prefix": ""}, "hexadecimal"),
        ({"ids_prefix": "a" * 65}, "hexadecimal"),
        ({"tag": "=x"}, "key"),
        ({"text": "!?"}, "word"),
        ({"reason": ""}, "empty"),
        ({"rule": "a\x00b"}, "control"),
        ({"domain": 3}, "text"),
        ({"limit": 1001}, "1000"),
        ({"limit": -1}, "0"),
        ({"after": "newest:1:1"}, "order"),
        ({"after": "born:1"}, "next"),
        ({"after": "born:1:1; DROP TABLE samples"}, "next"),
        ({"after": 7}, "next"),
        ({"where": "status"}, "does not read"),
        ({"where": "absent < 1"}, "absent"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(judged: Ledger, asked: dict[str, Any], told: str) -> None:
    """A wrong name, number, place or condition is a BadRequest that says so."""
    with pytest.raises((BadRequest, ConditionInvalid), match=told):
        judged.find(**asked)
    with pytest.raises(NoSuchPosition):
        judged.find(as_of=10**6)


@pytest.mark.parametrize(
    "text", ["' OR 1=1 --", '"; DROP TABLE samples; --', "%", "*", "x' UNION SELECT 1 --", ":p0", "?1"]
)
def test_every_text_is_only_a_text(judged: Ledger, text: str) -> None:
    """SQL in an argument finds nothing and changes nothing."""
    before = judged.status()
    names = ("rule", "reason", "source", "domain", "actor", "split", "tag")
    for name in names:
        assert listed(judged, **{name: text}) == []
        asked: dict[str, Any] = {name: text}
        assert judged.find_ids(**asked)["ids"] == []
    for name in ("campaign", "unlike", "status", "label", "since", "ids_prefix", "within", "where"):
        wrong: dict[str, Any] = {name: text}
        with pytest.raises((BadRequest, ConditionInvalid)):
            judged.find(**wrong)
    assert judged.status() == before


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({"campaign": "c"}, "samples_standing"),
        ({"status": "rejected"}, "samples_standing"),
        ({"rule": "low_quality"}, "samples_standing"),
        ({"reason": "low_quality"}, "samples_standing"),
        ({"domain": "asm"}, "samples_standing"),
        ({"label": "none"}, "samples_standing"),
        ({"source": "in.jsonl"}, "samples_source"),
        ({"source": "in.jsonl", "status": "rejected"}, "samples_standing"),
        ({"sort": "newest", "campaign": "c"}, "samples_standing"),
        ({"sort": "decided", "campaign": "c"}, "samples_decided"),
        ({"sort": "decided"}, "decisions"),
        ({}, "samples"),
    ],
)
def test_a_page_is_read_from_an_index(
    judged: Ledger, asked: dict[str, Any], index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No statement of a page sorts samples or reads those before the page: SQLite says so of each."""
    monkeypatch.setattr(listing, "_FEW", -1)  # as where many stand so
    connection = store_of(judged).connection
    said: list[str] = []
    first = judged.find(limit=1, total=False, **asked)
    connection.set_trace_callback(said.append)
    judged.find(limit=1, total=False, after=first["next"], **asked)
    connection.set_trace_callback(None)
    listing_statements = [
        one for one in said if ("LIMIT" in one and "FROM samples s" in one) or "FROM decisions d CROSS" in one
    ]
    assert listing_statements
    for statement in listing_statements:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert not any(step.startswith(("SCAN", "USE TEMP B-TREE")) for step in plan), plan
    assert any(
        index in row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {listing_statements[0]}")
    ) or index in {
        "samples",
        "decisions",
    }
