"""conflicts: the three kinds as a loop over all samples finds them, every twin named, pages that add up."""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.errors import BadRequest
from ledger.reports.show import label_of
from ledger.views import samples
from ledger.views.conflicts import KINDS, PER_SIDE
from tests.judged import LOW, RELABEL, decide, ingested, score, store_of
from tests.logs import improve, line
from tests.small import chat, write
from tests.worlds import CAMPAIGNS, One, Step, World

Rows = dict[str, samples.Row]


def kinds(world: World, ones: list[One], rows: Rows) -> tuple[str, ...]:
    """Return how samples that teach the same contradict one another."""
    labels = {rows[one.id].label for one in ones}
    statuses = {rows[one.id].status for one in ones}
    derived = [one for one in ones if is_derived(world, one) and rows[one.id].status != "rejected"]
    found = (
        {0, 1} <= labels,
        {"accepted", "rejected"} <= statuses,
        "rejected" in statuses and bool(derived),
    )
    return tuple(kind for kind, is_so in zip(KINDS, found, strict=True) if is_so)


def is_derived(world: World, one: One) -> bool:
    """Say whether a text was made of another: by an edit that stands, or as an improvement."""
    return one.source == "" or world.version(one) != one.versions[0]


class Member(NamedTuple):
    """A sample as drawn: what it teaches, how it came to that, and what a person says of it."""

    campaign: str
    content: int
    label: bool | None
    how: str
    verb: str | None


MEMBERS = st.lists(
    st.builds(
        Member,
        st.sampled_from(CAMPAIGNS[:2]),
        st.integers(0, 1),
        st.sampled_from([True, False, None]),
        st.sampled_from(["ingest", "ingest", "edit", "improve"]),
        st.sampled_from([None, "accept", "reject", "reject", "defer"]),
    ),
    min_size=2,
    max_size=8,
)
"""Few texts, so that most are shared and many are contradicted."""


def steps_of(members: list[Member]) -> list[Step]:
    """Return the steps that make them."""
    made: list[Step] = [("ingest", CAMPAIGNS[0], "in", 4, "", None, {})]
    for n, one in enumerate(members, 1):
        if one.how == "improve":
            made.append(("improve", 0, one.content, one.label))
        else:
            born = one.content if one.how == "ingest" else 3
            made.append(("ingest", one.campaign, "in", born, "", one.label, {}))
            made += [("edit", n, one.content)] if one.how == "edit" else []
        made += [("decide", n, one.verb, "so")] if one.verb else []
    return made


@settings(max_examples=30)
@given(MEMBERS)
def test_they_are_what_a_loop_over_all_samples_finds(drawn: list[Member]) -> None:
    """Groups, kinds, sides, twins and counts, of all campaigns, of one, and of one kind, oldest first."""
    with tempfile.TemporaryDirectory() as name, Ledger.init(Path(name) / "ledger.db") as ledger:
        world = World(ledger, Path(name))
        world.do(steps_of(drawn))
        rows = {row.id.hex(): row for row in samples.everything(store_of(ledger).connection)}
        texts: defaultdict[int, list[One]] = defaultdict(list)
        for one in world.ones:
            texts[world.version(one)[2]].append(one)
        groups = [(found, ones) for ones in texts.values() if (found := kinds(world, ones, rows))]
        groups.sort(key=lambda group: rows[group[1][0].id].sample)
        for campaign in (None, *sorted({one.campaign for one in world.ones})):
            within = [g for g in groups if campaign is None or any(one.campaign == campaign for one in g[1])]
            for kind in (None, *KINDS):
                wanted = [group for group in within if kind is None or kind in group[0]]
                told = ledger.conflicts(campaign, kind=kind)
                assert (told["fingerprints"], told["samples"]) == (len(wanted), sum(len(ones) for _, ones in wanted))
                assert [(tuple(each["kinds"]), ids(each)) for each in told["groups"]] == [
                    (found, [one.id for one in ones]) for found, ones in wanted
                ]
                assert told["by_kind"] == {each: counts(within, each) for each in KINDS}
        for each, (_, ones) in zip(ledger.conflicts()["groups"], groups, strict=True):
            sides = Counter((label_of(rows[one.id]), rows[one.id].status) for one in ones)
            assert {(side["label"], side["status"]): side["samples"] for side in each["sides"]} == sides
            assert each["in_exports"] == stops(rows, ones)
            assert (each["samples"], each["cut"]) == (len(ones), 0)
            for twin, one in zip(each["twins"], ones, strict=True):
                assert (twin["label"], twin["status"]) == (label_of(rows[one.id]), rows[one.id].status)
                assert (twin["campaign"], twin["derived"]) == (one.campaign, is_derived(world, one))
                assert_said_by(twin, ledger.why(one.id))


def ids(group: dict[str, Any]) -> list[str]:
    """Return the samples that a group names."""
    return [twin["sample"] for twin in group["twins"]]


def counts(groups: list[tuple[tuple[str, ...], list[One]]], kind: str) -> dict[str, int]:
    """Return how many groups are of a kind, and how many samples are in them."""
    mine = [ones for found, ones in groups if kind in found]
    return {"fingerprints": len(mine), "samples": sum(map(len, mine))}


def stops(rows: Rows, ones: list[One]) -> bool:
    """Say whether both labels are among samples that an export takes where no policy was adopted."""
    taken = [rows[one.id] for one in ones if rows[one.id].status in {"accepted", "pending"}]
    return {0, 1} <= {row.label for row in taken}


def assert_said_by(twin: dict[str, Any], why: dict[str, Any]) -> None:
    """Check that a twin names who decided and who labelled it as `why` does."""
    for key, said in (("decided_by", why["decisions"]), ("labelled_by", why["labels"])):
        standing = [{name: each[name] for name in ("authority", "rule", "actor")} for each in said if each["in_force"]]
        assert twin[key] == (standing[0] if standing else None)


def test_pages_add_up(ledger: Ledger, tmp_path: Path) -> None:
    """Page after page names each group once, in the same order; what is left is counted."""
    rows = [chat(f"q{n}", "a", label=label) for n in range(7) for label in (True, False)]
    ingested(ledger, write(tmp_path / "a.jsonl", *rows))
    whole = ledger.conflicts()
    assert (len(whole["groups"]), whole["left"], whole["offset"]) == (7, 0, 0)
    for limit in (1, 2, 3, 7, 8):
        pages = [ledger.conflicts(limit=limit, offset=offset) for offset in range(0, 7, limit)]
        assert [group for page in pages for group in page["groups"]] == whole["groups"]
        assert [page["left"] for page in pages] == [max(7 - offset - limit, 0) for offset in range(0, 7, limit)]
        assert {(page["fingerprints"], page["samples"]) for page in pages} == {(7, 14)}
    beyond = ledger.conflicts(offset=100)
    assert (beyond["groups"], beyond["left"], beyond["fingerprints"]) == ([], 0, 7)
    none = ledger.conflicts(limit=0)
    assert (none["groups"], none["left"]) == ([], 7)


def test_a_crowd_of_twins_is_cut_on_each_side(ledger: Ledger, tmp_path: Path) -> None:
    """Of many that share label and status the oldest are named; all are counted, and so is what is cut."""
    rows = [chat("q", "a", label=True)] * (PER_SIDE + 5) + [chat("q", "a", label=False)] * 2
    born = ingested(ledger, write(tmp_path / "a.jsonl", *rows))
    (group,) = ledger.conflicts()["groups"]
    assert ids(group) == [*born[:PER_SIDE], *born[-2:]]
    assert (group["samples"], group["cut"]) == (PER_SIDE + 7, 5)
    assert [(side["label"], side["samples"]) for side in group["sides"]] == [(True, PER_SIDE + 5), (False, 2)]


def test_a_derived_text_that_was_rejected_elsewhere(ledger: Ledger, tmp_path: Path) -> None:
    """Improved into a text that is rejected, or edited into it; rejected itself, it contradicts nothing."""
    bodies = [line("p", text) for text in ("bad", "good", "other")]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(bodies) + b"\n")
    bad, good, other = ingested(ledger, tmp_path / "a.jsonl")
    ledger.reject([bad], reason="no")
    (child,) = improve(ledger, good, [bodies[0]], label=True)
    made = ledger.edit(other, bodies[0])["events"][0]
    (group,) = ledger.conflicts()["groups"]
    assert (group["kinds"], ids(group)) == (["derived"], [bad, other, child])
    named = {twin["sample"]: (twin["derived"], twin["line"]) for twin in group["twins"]}
    assert named == {bad: (False, 1), other: (True, 3), child: (True, None)}
    ledger.withdraw([f"@{made}"])
    assert ids(ledger.conflicts()["groups"][0]) == [bad, child]
    ledger.reject([child], reason="no")
    assert ledger.conflicts()["groups"] == []


def test_who_said_so_and_how_it_was_scored(ledger: Ledger, tmp_path: Path) -> None:
    """A policy by its rule, a person by name, the envelope by nobody; the headline number and the releases beside."""
    one, two, three = ingested(ledger, write(tmp_path / "a.jsonl", *[chat("q", "a", label=True)] * 3))
    ledger.project("sft", tmp_path / "out.jsonl")
    ledger.relabel([three], "false")
    score(ledger, {one: {"quality": 0.2, "memory": 3}, two: {"quality": 0.9, "memory": 3}})
    decide(ledger, RELABEL)
    ledger.reject([two], reason="dull")
    (group,) = ledger.conflicts()["groups"]
    first, second, third = group["twins"]
    assert first["labelled_by"] == {"authority": "policy", "rule": "low_quality", "actor": "tester"}
    assert (first["decided_by"]["rule"], first["score"]) == ("default", {"name": "quality", "value": "0.2"})
    assert second["decided_by"] == {"authority": "person", "rule": None, "actor": "tester"}
    assert (second["labelled_by"], third["labelled_by"]["authority"], third["score"]) == (None, "person", None)
    released = [sum(place["row"] is not None for place in ledger.why(each)["releases"]) for each in (one, two, three)]
    assert [twin["releases"] for twin in group["twins"]] == released
    assert sum(released) == 1
    assert group["kinds"] == ["labels", "decisions"]


def test_only_what_an_export_takes_stops_it(ledger: Ledger, tmp_path: Path) -> None:
    """Both labels stop an export as long as both sides are usable; once a policy was adopted, pending is not."""
    rows = [chat("q", "a", label=True), chat("q", "a", label=False)]
    one, two = ingested(ledger, write(tmp_path / "a.jsonl", *rows))
    assert ledger.conflicts()["in_exports"] == 1
    ledger.reject([one], reason="no")
    assert (ledger.conflicts()["in_exports"], ledger.conflicts()["fingerprints"]) == (0, 1)
    ledger.accept([one])
    decide(ledger, LOW)  # two has no score, so it is put off
    told = ledger.conflicts()
    assert (told["in_exports"], told["groups"][0]["in_exports"]) == (0, False)
    assert ledger.why(two)["status"] == "pending"


def test_an_earlier_moment(ledger: Ledger, tmp_path: Path) -> None:
    """As of before the second label there is no conflict; as of before it was settled there is."""
    one, two = ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a", label=True), chat("q", "a")))
    before = ledger.status()["head"]["position"]
    ledger.relabel([two], "false")
    then, at = ledger.conflicts(), ledger.status()["head"]["position"]
    ledger.relabel([one], "false")
    assert [ledger.conflicts(as_of=moment)["fingerprints"] for moment in (before, at, None)] == [0, 1, 0]
    assert ledger.conflicts(as_of=at) == then


def test_what_cannot_be_asked(ledger: Ledger, tmp_path: Path) -> None:
    """A kind or a campaign that does not exist, numbers below nought: refused with what there is."""
    ingested(ledger, write(tmp_path / "a.jsonl", chat("q", "a")))
    with pytest.raises(BadRequest, match="There is no kind of conflict 'label'; there are labels, decisions, derived"):
        ledger.conflicts(kind="label")
    with pytest.raises(BadRequest, match="There is no campaign 'd'; there are c"):
        ledger.conflicts("d")
    with pytest.raises(BadRequest, match="The limit"):
        ledger.conflicts(limit=-1)
    with pytest.raises(BadRequest, match="The offset"):
        ledger.conflicts(offset=-1)


def test_thirteen_real_contents_carry_both_labels(toolset: Ledger) -> None:
    """17 poor and 15 enhanced lines, two of the contents written with other escapes: all named, with their lines."""
    told = toolset.conflicts()
    assert (told["fingerprints"], told["samples"], told["in_exports"]) == (13, 32, 13)
    assert {name: each["fingerprints"] for name, each in told["by_kind"].items()} == {
        "labels": 13,
        "decisions": 0,
        "derived": 0,
    }
    lines: defaultdict[str, set[int]] = defaultdict(set)
    for group in told["groups"]:
        assert {twin["label"] for twin in group["twins"]} == {True, False}
        for twin in group["twins"]:
            lines[twin["source"]].add(twin["line"])
    poor = {8, 15, 17, 30, 32, 36, 38, 42, 48, *range(53, 61)}
    assert lines == {"poor.jsonl": poor, "enhanced.jsonl": poor - {53, 56}}


def test_six_real_texts_are_labelled_both_ways_by_their_scores(ledger: Ledger, data: Path) -> None:
    """What was judged good once and poor once is a conflict once the policy has relabelled it."""
    ledger.ingest(data / "scored.jsonl", campaign="scored")
    assert ledger.conflicts()["fingerprints"] == 0
    ledger.import_scores(field="quality_scores")
    ledger.decide("toolset-relabel")
    told = ledger.conflicts("scored", kind="labels")
    pairs = [(4, 16), (14, 17), (33, 34), (35, 36), (37, 38), (39, 40)]
    assert [tuple(twin["line"] for twin in group["twins"]) for group in told["groups"]] == pairs
    for group in told["groups"]:
        for twin in group["twins"]:
            value = json.loads(ledger.show(twin["sample"])["raw"])["quality_scores"]["overall_quality"]
            assert (twin["score"]["name"], float(twin["score"]["value"])) == ("overall_quality", value)
            assert twin["label"] is (value >= 3)
