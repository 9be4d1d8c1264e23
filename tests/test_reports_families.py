"""The answer to `ledger families`: members, ties, and the shortest way from one sample to another."""

from __future__ import annotations

import tempfile
from collections import deque
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import NoSuchId
from ledger.views import kin
from tests.logs import improve, line
from tests.scoring import take_in
from tests.small import samples, write
from tests.test_views_near import like


def test_members_and_ties(ledger: Ledger, tmp_path: Path) -> None:
    """A sample alone, samples of one prompt, and what joins different prompts, with plain values."""
    one, two, alone = take_in(ledger, tmp_path, [line("p", "a"), line("p", "b"), line("x", "c")])
    (child,) = improve(ledger, one, [line("q", "better")])
    found = ledger.families(two)
    assert (found["sample"], found["samples"], found["cut"]) == (two, 3, 0)
    assert [member["sample"] for member in found["members"]] == [one, two, child]
    (tie,) = found["ties"]
    assert (tie["how"], tie["similarity"]) == ("improved", None)
    assert tie["prompts"] == [found["members"][0]["prompt"], found["members"][2]["prompt"]]
    assert ledger.families(child)["family"] == found["family"]
    assert (ledger.families(alone)["samples"], ledger.families(alone)["ties"]) == (1, [])


def test_the_way_between_two(ledger: Ledger, tmp_path: Path) -> None:
    """None where they are no family, nothing where they have one prompt, else each tie in turn."""
    one, two, alone = take_in(ledger, tmp_path, [line("p", "a"), line("p", "b"), line("x", "c")])
    (child,) = improve(ledger, one, [line("q", "better")])
    (grandchild,) = improve(ledger, child, [line("r", "best")])
    assert (ledger.families(one, two)["together"], ledger.families(one, two)["path"]) == (True, [])
    assert (ledger.families(one, alone)["together"], ledger.families(one, alone)["path"]) == (False, None)
    way = ledger.families(two, grandchild)
    events = {event["event"]: event["position"] for event in ledger.log(limit=100)}
    assert [tie["position"] for tie in way["path"]] == [events[child], events[grandchild]]
    assert [tie["position"] for tie in ledger.families(grandchild, two)["path"]] == [events[grandchild], events[child]]
    assert (way["other"], way["together"]) == (grandchild, True)


def test_a_near_tie_as_of_a_moment(ledger: Ledger, tmp_path: Path) -> None:
    """It is there once somebody has looked, with the similarity, and not before."""
    ledger.ingest(write(tmp_path / "a.jsonl", like(1), like(1, 2)), campaign="c")
    one, two = samples(ledger)
    before = ledger.status()["head"]["position"]
    ledger.duplicates(0.6)
    found = ledger.families(one, two)
    (tie,) = found["path"]
    assert (tie["how"], tie["position"]) == ("near", None)
    assert tie["similarity"] == ledger.duplicates()["groups"][0]["members"][1]["similarity"]
    assert ledger.families(one, two, as_of=before)["together"] is False
    assert [member["sample"] for member in ledger.families(one, as_of=before)["members"]] == [one]


def test_a_group_is_a_tie(ledger: Ledger, tmp_path: Path) -> None:
    """The way between two of a group names the event that set the tag; without the tag there is none."""
    one, two = take_in(ledger, tmp_path, [line("p", "a"), line("x", "b")])
    events = ledger.tag([one, two], "group", "g")["events"]
    (tie,) = ledger.families(one, two)["path"]
    assert (tie["how"], tie["similarity"], tie["position"] in events) == ("group", None, True)
    before = ledger.status()["head"]["position"]
    ledger.tag([two], "group", None)
    assert ledger.families(one, two)["together"] is False
    assert ledger.families(one, two, as_of=before)["together"] is True


def test_more_ties_than_are_read(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are said to be together although the way is not found."""
    one, other = take_in(ledger, tmp_path, [line("p", "a"), line("q", "b")])
    ledger.edit(one, line("q", "a"))
    ledger.edit(one, line("r", "a"))
    monkeypatch.setattr(kin, "ties", lambda *_: [])
    found = ledger.families(one, other)
    assert (found["together"], found["path"]) == (True, None)


def test_ids_that_are_not_there(ledger: Ledger, tmp_path: Path) -> None:
    """Either one."""
    (one,) = take_in(ledger, tmp_path, [line("p", "a")])
    for ids in (["f" * 64], [one, "f" * 64]):
        with pytest.raises(NoSuchId):
            ledger.families(*ids)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=8))
@settings(max_examples=25)
def test_the_way_is_the_shortest(edits: list[tuple[int, int]]) -> None:
    """As long as a plain search over the edits finds it; each step begins where the one before it ended."""
    with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "ledger.db") as ledger:
        ids = take_in(ledger, Path(name), [line(f"p{n}", f"c{n}") for n in range(6)])
        now = list(range(6))
        beside: dict[int, set[int]] = {n: set() for n in range(6)}
        for place, prompt in edits:
            ledger.edit(ids[place], line(f"p{prompt}", f"c{place}"))
            beside[place].add(prompt)
            beside[prompt].add(place)
            now[place] = prompt
        for other in ids[1:]:
            found = ledger.families(ids[0], other)
            length = steps(beside, now[0], now[ids.index(other)])
            assert (found["together"], found["path"] is None) == (length is not None, length is None)
            if found["path"] is not None:
                assert len(found["path"]) == length
                assert follows(found["path"], prompt_of(ledger, ids[0]), prompt_of(ledger, other))


def steps(beside: dict[int, set[int]], start: int, end: int) -> int | None:
    """Return the fewest steps from one to another."""
    far, waiting = {start: 0}, deque([start])
    while waiting:
        here = waiting.popleft()
        for there in beside[here] - far.keys():
            far[there] = far[here] + 1
            waiting.append(there)
    return far.get(end)


def prompt_of(ledger: Ledger, sample: str) -> str:
    """Return what ties a sample to its family by itself."""
    prompts: dict[str, str] = {member["sample"]: member["prompt"] for member in ledger.families(sample)["members"]}
    return prompts[sample]


def follows(path: list[dict[str, list[str]]], here: str, end: str) -> bool:
    """Say whether ties lead from one prompt to another."""
    for tie in path:
        assert here in tie["prompts"]
        here = next(prompt for prompt in tie["prompts"] if prompt != here)
    return here == end
