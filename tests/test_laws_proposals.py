"""The laws of proposals, over ledgers that are drawn: nothing changes until somebody accepts, and nothing is lost."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger
from ledger.digest import blake3_bytes, encode, show
from tests.logs import fold_is_the_same, lived
from tests.proposing import COUNTS, VERDICTS, WHY, Step, World, head, others, some, steps, trust


@settings(max_examples=30)
@given(steps(), st.integers(1, 9))
def test_the_fold_is_the_same_however_it_comes_about(drawn: list[Step], batch: int) -> None:
    """Followed, made again in batches of any size, or as of any position: the views are the same, and verify agrees.

    That no proposal and no declining changes another view is held by each step itself.
    """
    with lived(World, drawn) as made:
        fold_is_the_same(made.ledger, batch)


@settings(max_examples=40)
@given(steps(4))
def test_every_sample_of_an_accepted_proposal_is_counted_once(drawn: list[Step]) -> None:
    """All of changed, outranked, unchanged, changed_since, erased: as was foretold, and as the log holds it."""
    with lived(World, drawn) as made:
        log = {event["position"]: event for event in made.ledger.log(limit=10_000)}
        for done in made.settled:
            settled = done["settled"]
            if done["state"] == "declined":
                assert {settled[name] for name in COUNTS} == {None}
                continue
            counts = {name: settled[name] for name in COUNTS}
            assert sum(counts.values()) == done["count"]
            if settled["authority"] == "person":
                assert {name: done["would"][name] for name in COUNTS} == counts
            first, last = settled["events"] or (0, -1)
            decisions = [log[position] for position in range(first, last + 1)]
            # What is outranked may have been said by an agent before: then it is not said again.
            assert settled["changed"] <= len(decisions) <= settled["changed"] + settled["outranked"]
            assert {event["says"]["details"]["proposal"] for event in decisions} <= {done["proposal"]}
            authority = "person" if settled["authority"] == "person" else "agent"
            assert {event["says"]["authority"] for event in decisions} <= {authority}
            assert {event["says"]["reason"] for event in decisions} <= {WHY}


@settings(max_examples=40)
@given(steps())
def test_a_request_made_again_is_the_same_proposal(drawn: list[Step]) -> None:
    """Whatever happened since, the same key of the same proposer appends nothing and returns what became of it."""
    with lived(World, drawn) as made:
        robot = made.ledgers["robot"]
        end = head(robot)
        for arguments, keywords, proposal in made.requests:
            if keywords["key"] is None:  # then what is meant are the versions that stand now
                continue
            again = robot.propose(*arguments, **keywords, expected_head=0)
            assert again["proposal"] == proposal
            assert again["repeated"]
            shown = robot.proposal(proposal)
            assert {name: again[name] for name in ("state", "settled", "count")} == {
                name: shown[name] for name in ("state", "settled", "count")
            }
        assert head(robot) == end


@settings(max_examples=40)
@given(steps())
def test_people_outrank(drawn: list[Step]) -> None:
    """What an agent records, confirmed or by a policy, changes no status and no label that a person decided."""
    with lived(World, drawn) as made:
        robot, standing = made.ledgers["robot"], {}
        for one in made.ids:
            why = made.ledger.why(one)
            decided = {about: said for about, said in why["decided"].items() if said and said["authority"] == "person"}
            standing[one] = (why["erased"], decided)
        alive = [one for one, (gone, _) in standing.items() if gone is None]
        for verdict in ("accept", "reject", "label-none") if alive else ():
            done = robot.record(alive, verdict, reason=WHY, key=f"last {verdict}")["settled"]
            about = "label" if verdict.startswith("label") else "status"
            held = [one for one in alive if about in standing[one][1]]
            assert done["outranked"] <= len(held)
            for one in alive:
                now = made.ledger.why(one)["decided"][about]
                assert now == standing[one][1].get(about, now)
                assert one in held or now["authority"] == "agent"


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 4), min_size=1),
    st.sampled_from(["reject", "label-true"]) | st.sampled_from(VERDICTS),
    st.sampled_from(["robot", "robot", "Robot", "robot ", "rob", "a robot"]),
    st.sampled_from([False, False, True]),
)
def test_a_policy_accepts_just_what_it_names(picks: list[int], verdict: str, actor: str, second: bool) -> None:  # noqa: FBT001 - drawn
    """At once, in the same commit, and only where it is in force for every campaign of the samples."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Ledger.init(folder / "ledger.db") as ledger:
            ids = some(ledger, folder, 5)
            elsewhere = some(ledger, folder, 1, "two")
            policy = trust(ledger, folder, campaign="one")
            chosen = [ids[pick] for pick in picks] + (elsewhere if second else [])
            before, began = others(ledger), head(ledger)
            with Ledger.open(ledger.path, actor=actor) as robot:
                made = robot.propose(chosen, verdict, reason=WHY)
            trusted = verdict in {"reject", "label-true"} and actor == "robot" and not second
            assert made["state"] == ("accepted" if trusted else "open")
            commits = [event["kind"] for event in ledger.log(limit=1000) if event["position"] > began]
            assert commits[:2] == ["run_started", "proposed"]
            assert commits.count("proposal_accepted") == trusted
            if not trusted:
                assert others(ledger) == before
                return
            settled = made["settled"]
            assert (settled["authority"], settled["policy"], settled["confirmed"]) == ("policy", policy, "none")
            assert settled["changed"] + settled["unchanged"] == made["count"] == len(set(picks))
            for one in set(chosen):
                said = ledger.why(one)["decided"]["label" if verdict.startswith("label") else "status"]
                assert (said["authority"], said["actor"], said["reason"]) == ("agent", "robot", WHY)
            assert ledger.verify()["findings"] == []


@settings(max_examples=40)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_the_list_depends_on_which_samples_only(picks: list[int]) -> None:
    """However often and in what order they are named, the stored list is the same bytes, and so is the key."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Ledger.init(folder / "ledger.db") as ledger:
            ids = some(ledger, folder, 5)
            chosen = [ids[pick] for pick in picks]
            first = ledger.propose(chosen, "reject", reason=WHY)
            again = ledger.propose(sorted(chosen)[::-1], "reject", reason=WHY)
            assert again["repeated"]
            assert again["proposal"] == first["proposal"]
            shown = ledger.proposal(first["proposal"], limit=5)
            wanted = sorted([one, ledger.show(one)["version"][3:]] for one in set(chosen))
            assert [[each["sample"], each["version"][3:]] for each in shown["members"]] == wanted
            assert shown["list"] == show(blake3_bytes(encode(wanted)))
