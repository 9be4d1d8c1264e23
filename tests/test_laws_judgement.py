"""The laws of judgement: what-if is deciding, folds are rebuilds, deciding twice is deciding once, and sums add up."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import Ledger, projection
from ledger.errors import BadRequest, LedgerError
from ledger.event import KINDS, Stamp, draft, leaf_bytes
from ledger.policy import changed, to_toml
from ledger.policy import settings as settings_of
from ledger.rule import Cap, Compare, LabelRule, Number, Policy, Rule, Score
from ledger.verbs import judge
from ledger.verbs.trial import in_force, trying
from ledger.views import due, flips, samples
from tests import policy_model as book
from tests.logs import findings, folded, store_of, tables, tampering
from tests.scoring import append, copied, decide, find, give_up, reasons, score, some, standing, text
from tests.test_store import finish, start
from tests.worlds import CAMPAIGNS, Step, World, made, step, steps

WAYS = ("to_accepted", "to_rejected", "to_pending", "to_true", "to_false", "to_none")


class Stands(NamedTuple):
    """How one sample stands in the file, and what decided it."""

    campaign: str
    domain: str
    status: str
    rule: str
    label: str
    label_rules: str


def stands(ledger: Ledger) -> dict[str, Stands]:
    """Return sample id -> how it stands, from the views of samples, decisions and labels alone."""
    rows = store_of(ledger).connection.execute(
        """SELECT e.op, s.campaign, coalesce(s.domain, ''), s.status, s.rule, s.label, coalesce(l.rule, '')
        FROM samples s JOIN event e ON e.position = s.sample LEFT JOIN labels l ON l.position = s.label_event
        ORDER BY s.sample"""
    )
    words = {None: "none", 0: "false", 1: "true"}
    return {row[0].hex(): Stands(row[1], row[2], row[3], row[4], words[row[5]], row[6]) for row in rows}


def counted(stand: list[Stands]) -> dict[str, Any]:
    """Return the counts that `whatif` tells of samples that stand so."""
    statuses, labels = Counter(one.status for one in stand), Counter(one.label for one in stand)
    total = len(stand)
    return {
        "samples": total,
        **{status: statuses[status] for status in ("accepted", "rejected", "pending", "superseded")},
        **{label: labels[label] for label in ("true", "false", "none")},
        "acceptance_rate": round(statuses["accepted"] / total, 6) if total else None,
    }


def flipped(before: dict[str, Stands], after: dict[str, Stands]) -> dict[str, Any]:
    """Return the flips that `whatif` tells between two standings."""
    ways: Counter[str] = Counter()
    by_reason: defaultdict[str, Counter[str]] = defaultdict(Counter)
    by_domain: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one, then in after.items():
        now = before[one]
        moves = []
        if now.status != then.status:
            moves.append((f"to_{then.status}", now.rule if then.status == "accepted" else then.rule))
        if now.label != then.label:
            moves.append((f"to_{then.label}", then.label_rules or now.label_rules))
        for way, reason in moves:
            ways[way] += 1
            by_reason[way][reason] += 1
            by_domain[way][then.domain] += 1
    return {
        **{way: ways[way] for way in WAYS},
        "by_reason": {way: dict(found) for way, found in by_reason.items()},
        "by_domain": {way: dict(found) for way, found in by_domain.items()},
    }


@contextmanager
def copy_of(ledger: Ledger) -> Iterator[Ledger]:
    """Yield a copy of a ledger."""
    copy = copied(ledger)
    try:
        yield copy
    finally:
        copy.close()
        copy.path.unlink()


def state(ledger: Ledger) -> tuple[object, ...]:
    """Return the head, and every byte of the file."""
    return store_of(ledger).head(), ledger.path.read_bytes()


def written(world: World, policy: Policy) -> Path:
    """Return the path of a policy, written as TOML."""
    path = world.folder / "policy.toml"
    path.write_text(to_toml(policy), encoding="utf-8")
    return path


def decided(world: World, policy: Policy | None, campaign: str | None = None) -> dict[str, Any]:
    """Decide by a policy, and return the answer, whose sums add up."""
    known = {one.campaign for one in world.ones}
    campaign = campaign if campaign in known else None
    answer = world.ledger.decide(None if policy is None else written(world, policy), campaign=campaign)
    if policy is not None:
        world.adopt(policy, campaign)
    assert answer["decided"] == sum(answer["by_outcome"].values()) == sum(answer["by_label"].values())
    return answer


def as_told(told: dict[str, Any], before: dict[str, Stands], after: dict[str, Stands]) -> None:
    """Check that what was told is what came to pass between two standings."""
    assert told["before"] == counted(list(before.values()))
    assert told["after"] == counted(list(after.values()))
    assert told["flips"] == flipped(before, after)
    turned = {
        one: (before[one], then)
        for one, then in after.items()
        if (before[one].status, before[one].label) != (then.status, then.label)
    }
    assert {example["sample"] for example in told["examples"]} == turned.keys()
    assert len(told["examples"]) == len(turned)
    for example in told["examples"]:
        now, then = turned[example["sample"]]
        assert (example["before"]["status"], example["after"]["status"]) == (now.status, then.status)
        assert (example["label_before"], example["label_after"]) == (now.label, then.label)
        assert example["domain"] == (then.domain or None)
        if now.label != then.label:
            rules = (example["label_rules_before"] or "", example["label_rules_after"] or "")
            assert rules == (now.label_rules, then.label_rules)


def check_whatif(world: World, policy: Policy, campaign: str | None) -> None:
    """Check that asking about a policy tells what deciding by it does to a copy, and writes nothing."""
    path, stood = written(world, policy), state(world.ledger)
    told = world.ledger.whatif(policy=path, campaign=campaign, limit=10_000)
    assert state(world.ledger) == stood
    with copy_of(world.ledger) as copy:
        copy.decide(campaign=campaign)
        before = {one: s for one, s in stands(copy).items() if campaign in {None, s.campaign}}
        copy.decide(path, campaign=campaign)
        after = {one: s for one, s in stands(copy).items() if campaign in {None, s.campaign}}
        as_told(told, before, after)


def campaigns() -> st.SearchStrategy[str | None]:
    """Return a campaign that steps may have filled, or None."""
    return st.none() | st.sampled_from(CAMPAIGNS[:2])


@settings(max_examples=25)
@given(
    first=steps(),
    policy=book.policies(),
    covers=campaigns(),
    more=st.lists(step(), max_size=8),
    other=book.policies(),
    asked=campaigns(),
)
def test_whatif_tells_what_deciding_does(
    first: list[Step], policy: Policy, covers: str | None, more: list[Step], other: Policy, asked: str | None
) -> None:
    """Counts, flips, reasons, domains and examples are those of deciding by the policy on a copy of the file."""
    with made(first) as world:
        decided(world, policy, covers)
        world.do(more)
        check_whatif(world, other, answerable(world, asked))


def answerable(world: World, campaign: str | None) -> str | None:
    """Return the campaign where there is one with a policy, else None."""
    there = campaign in {one.campaign for one in world.ones}
    return campaign if campaign is not None and there and world.policy_for(campaign) else None


def moves(policy: Policy) -> st.SearchStrategy[list[str]]:
    """Return settings that may be changed in a policy: thresholds mostly, and all that it can be asked for."""
    amount = book.amounts().map(text)
    choices: list[st.SearchStrategy[str]] = [st.sampled_from([f"{key}={value}" for key, value in changeable(policy)])]
    for one in policy.thresholds:
        domain = st.sampled_from([*book.DOMAINS, "z"]).map(lambda name: f'"{name}"' if " " in name else name)
        choices += [
            st.builds(f"threshold.{one.name}={{}}".format, amount),
            st.builds(f"domain.{{}}.{one.name}={{}}".format, domain, amount),
            st.builds(f"cross.{one.name}={{}}".format, amount | st.sampled_from(["min", "max", "mean"])),
        ] * 3
    return st.lists(st.one_of(choices), max_size=3)


def changeable(policy: Policy) -> list[tuple[str, str]]:
    """Return settings with other values than they have, where any others are sound everywhere."""
    switched = [(key[: -len("when")] + "off", "true") for key, _ in settings_of(policy) if key.endswith(".when")]
    chosen = [("unknown", word) for word in ("defer", "reject", "accept", "ignore")]
    return [*switched, *chosen, ("default", "reject"), ("default", "accept"), ("scores.combine", "mean")]


def with_moves() -> st.SearchStrategy[tuple[Policy, list[str]]]:
    """Return a policy with settings to change in it."""
    return book.policies().flatmap(lambda policy: st.tuples(st.just(policy), moves(policy)))


@settings(max_examples=25)
@given(first=steps(), drawn=with_moves(), covers=campaigns(), more=st.lists(step(), max_size=6), asked=campaigns())
def test_changed_settings_tell_what_deciding_by_them_does(
    first: list[Step], drawn: tuple[Policy, list[str]], covers: str | None, more: list[Step], asked: str | None
) -> None:
    """`--set` is the policy with those settings; the quick way of telling is the slow one, flip by flip."""
    policy, changes = drawn
    with made(first) as world:
        decided(world, policy, covers)
        world.do(more)
        campaign = answerable(world, asked or covers)
        if campaign is None and None not in world.standing():
            return
        try:
            other = changed(policy, changes)
        except BadRequest:  # such as a rule too many taken off
            before = state(world.ledger)
            with pytest.raises(BadRequest):
                world.ledger.whatif(changes, campaign=campaign)
            assert state(world.ledger) == before
            return
        told = world.ledger.whatif(changes, campaign=campaign, limit=10_000)
        assert told == world.ledger.whatif(policy=written(world, other), campaign=campaign, limit=10_000)
        check_whatif(world, other, campaign)
        check_both_ways(world, other, campaign)


def check_both_ways(world: World, other: Policy, campaign: str | None) -> None:
    """Check that flips told from what was seen before are those of judging everything again."""
    store = store_of(world.ledger)
    (before,) = in_force(store, campaign)
    if not flips.can_tell(before.policy, other):
        return
    quick = flips.turned(store.connection, before.adoption, other, campaign, 10_000)
    stood = flips.standing(store.connection, before.adoption, campaign)
    before.fill(store, "before", campaign)
    with trying(store, other, campaign) as tried:
        tried.fill(store, "after", campaign)
        assert quick == due.flips(store.connection, "before", "after", 10_000)
    turns, flipped = quick
    assert Counter({one.way: one.samples for one in turns}) == Counter(one.way for one in flipped)
    assert summed(stood) == summed(due.standing(store.connection, "before"))
    due.drop(store.connection, "before", "after")


def summed(counts: list[due.Count]) -> Counter[tuple[str, str]]:
    """Return how many samples have which status and label."""
    found: Counter[tuple[str, str]] = Counter()
    for count in counts:
        found[count.status, count.label] += count.samples
    return found


# --- what stands once it is decided


@settings(max_examples=20)
@given(drawn=st.lists(st.tuples(st.lists(step(), max_size=5), book.policies(), campaigns()), min_size=1, max_size=3))
def test_what_stands_is_what_policies_and_people_say(
    drawn: list[tuple[list[Step], Policy, str | None]],
) -> None:
    """After deciding, each sample stands as the book has it, people first; deciding again appends nothing."""
    with made([BEGIN]) as world:
        for more, policy, campaign in drawn:
            world.do(more)
            decided(world, policy, campaign)
            answer = world.ledger.decide()
            stood = state(world.ledger)
            again = world.ledger.decide()
            assert (again["changed"], again["events"], state(world.ledger)) == (0, [], stood)
            assert {k: v for k, v in again.items() if k not in {"changed", "events"}} == {
                k: v for k, v in answer.items() if k not in {"changed", "events"}
            }
            check_as_decided(world)


BEGIN: Step = ("ingest", CAMPAIGNS[0], "a", 0, "asm", True, {})


def check_as_decided(world: World) -> None:
    """Check status, label and deciding rule of all samples against the book, and the sums."""
    stand, expected = stands(world.ledger), world.all_decided()
    assert {one: (s.status, s.label) for one, s in stand.items() if one in expected} == expected
    for policy, ones in world.covered():
        told = world.verdicts(policy, ones)
        for one in ones:
            if world.person(one) is None:
                assert stand[one.id].rule == told[one.id].rule
    status = world.ledger.status()
    assert status["conserved"]
    assert status["samples"] == len(world.ones) == sum(status["by_status"].values())


@settings(max_examples=20)
@given(drawn=steps(), policy=book.policies())
def test_a_decision_says_why(drawn: list[Step], policy: Policy) -> None:
    """Its margin, rank and twin, the rules that hold besides, and those that cannot be told are those of the book."""
    with made(drawn) as world:
        decided(world, policy)
        said = decisions(world.ledger)
        for one, told in world.verdicts(policy, world.ones).items():
            facts = world.facts(policy, world.of(one))
            truths = {rule.name: book.holds(rule.when, policy, facts) for rule in policy.rules}
            details = said[one]["details"]
            assert (said[one]["kind"], said[one]["rule"]) == (told.outcome, told.rule)
            assert (details["rank"], details["twin"]) == (told.rank, told.twin)
            assert [failed[0] for failed in details["failed"]] == [
                name for name, truth in truths.items() if truth and name != told.rule
            ]
            assert details["unknown"] == [name for name, truth in truths.items() if truth is None]
            if details["observed"] is None:
                assert details["margin"] == text(told.margin)


def decisions(ledger: Ledger) -> dict[str, dict[str, Any]]:
    """Return sample id -> the last thing that a policy decided about its status, as recorded."""
    rows = store_of(ledger).connection.execute(
        """SELECT e.leaf FROM decisions d JOIN event e ON e.position = d.position WHERE d.authority = 'policy'
        ORDER BY d.position"""
    )
    return {leaf["sample"]: leaf for leaf in map(json.loads, (row[0] for row in rows))}


@settings(max_examples=30)
@given(
    groups=st.lists(
        st.sampled_from(["fingerprint", "prompt", "campaign", "domain", "label", "source", "tag.and"]),
        unique=True,
        min_size=1,
        max_size=2,
    ),
    keep=st.integers(1, 3),
    best=st.sampled_from([*book.DIMENSIONS, None]),
    drawn=steps(20),
    second=st.sampled_from(["fingerprint", "campaign"]),
)
def test_caps_keep_the_best_of_those_alike(
    groups: list[str], keep: int, best: str | None, drawn: list[Step], second: str
) -> None:
    """Exactly the best `keep` of each group stay; whoever ranks lower is told its rank, and who is first."""
    caps = (Cap("many", "rejected", tuple(groups), keep, best), Cap("again", "deferred", (second,), 2))
    rules = (Rule("poor", "rejected", Compare(Score("quality"), "<", Number(0))),)
    policy = Policy("capped", rules=rules, caps=caps, unknown="ignore")
    with made(drawn) as world:
        decided(world, policy)
        said = decisions(world.ledger)
        for one, told in world.verdicts(policy, world.ones).items():
            details = said[one]["details"]
            assert (said[one]["kind"], said[one]["rule"]) == (told.outcome, told.rule)
            assert (details["rank"], details["twin"]) == (told.rank, told.twin)


# --- views


@settings(max_examples=8)
@given(
    drawn=st.lists(steps(6) | st.tuples(book.policies(), campaigns()), min_size=2, max_size=6),
    batch=st.sampled_from([1, 4, 100_000]),
)
def test_folding_on_is_folding_anew(
    drawn: list[list[Step] | tuple[Policy, str | None]],
    batch: int,
) -> None:
    """Views that grew are those made again from nothing, and at each earlier head those folded up to there."""
    with made([BEGIN]) as world, in_batches(batch):
        store, anchors = store_of(world.ledger), []
        for part in drawn:
            if isinstance(part, list):
                world.do(part)
            else:
                decided(world, *part)
            anchors.append((store.head().position, tables(store.connection)))
        world.ledger.rebuild_views()
        assert tables(store.connection) == anchors[-1][1]
        for position, stood in anchors:
            assert folded(world.ledger.path, position) == stood


@contextmanager
def in_batches(size: int) -> Iterator[None]:
    """Fold at most so many events at a time inside the block."""
    kept, projection.BATCH = projection.BATCH, size
    try:
        yield
    finally:
        projection.BATCH = kept


# --- killed, and taken up


def test_deciding_killed_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at random moments and taken up again it ends where one in peace does, and decides nothing twice."""
    monkeypatch.setattr(judge, "BATCH", 7)
    calm, rough = tmp_path / "calm.db", tmp_path / "rough.db"
    with Ledger.init(calm) as ledger:
        ids = some(ledger, tmp_path, 150)
        score(ledger, {one: {"quality": f"0.{n % 9 + 1}"} for n, one in enumerate(ids)})
    shutil.copyfile(calm, rough)
    policy = tmp_path / "low.toml"
    policy.write_text(to_toml(FAIR), encoding="utf-8")
    with Ledger.open(calm) as ledger:
        started = time.monotonic()
        ledger.decide(policy)
        whole = time.monotonic() - started
        peace = stands(ledger), decisions(ledger).keys()

    def take_up() -> None:
        with Ledger.open(rough) as ledger:
            ledger.decide(policy)

    chance = random.Random(11)  # noqa: S311 - moments, not secrets
    heads: set[int] = set()
    for attempt in range(60):
        if attempt >= 12 and len(heads) > 2:
            break
        pid = start(take_up)
        time.sleep(chance.random() * whole * (0.5 + attempt / 12))  # later and later, where others slow it down
        os.kill(pid, signal.SIGKILL)
        finish([pid])
        with Ledger.open(rough) as ledger:
            assert ledger.status()["conserved"]
            heads.add(ledger.status()["head"]["position"])
    take_up()
    assert len(heads) > 2, "the kills must have come while it wrote"
    with Ledger.open(rough) as ledger:
        assert (stands(ledger), decisions(ledger).keys()) == peace
        counts = Counter(event["kind"] for event in ledger.log(limit=10_000))
        assert counts["policy_adopted"] == 1
        assert counts["accepted"] + counts["rejected"] == len(ids)
        assert counts["relabeled"] == sum(stand.label == "false" for stand in stands(ledger).values())
        assert ledger.verify()["ok"]


FAIR = Policy(
    "fair",
    rules=(Rule("low", "rejected", Compare(Score("quality"), "<", Number(500_000))),),
    labels=(LabelRule("poor", label=False, when=Compare(Score("quality"), "<", Number(300_000))),),
)
"""Rejects below 0.5, and labels false below 0.3."""


# --- people


def test_people_outrank_policies_until_they_withdraw(ledger: Ledger, tmp_path: Path) -> None:
    """Status and label stay a person's whatever policies say; withdrawn, what the policy said last applies."""
    (one,) = some(ledger, tmp_path, 1)
    score(ledger, {one: {"quality": "0.2"}})
    decide(ledger, FAIR)
    events = [*ledger.accept([one], reason="seen")["events"], *ledger.relabel([one], "true", reason="r")["events"]]
    assert standing(ledger)[one] == ("accepted", "true")
    decide(ledger, replace(FAIR, name="other", rules=(replace(FAIR.rules[0], name="lower"),)))
    assert standing(ledger)[one] == ("accepted", "true")
    ledger.withdraw([f"@{position}" for position in events])
    assert reasons(ledger)[one] == ("rejected", "false", "lower")


def test_a_persons_label_that_was_withdrawn_does_not_stay(ledger: Ledger, tmp_path: Path) -> None:
    """Where a policy takes its label back under a person's, the label is that of the birth once both are gone."""
    (one,) = some(ledger, tmp_path, 1)
    score(ledger, {one: {"quality": "0.2"}})
    decide(ledger, FAIR)
    (at,) = ledger.relabel([one], "true", reason="r")["events"]
    decide(ledger, replace(FAIR, labels=(replace(FAIR.labels[0], when=Compare(Score("quality"), "<", Number(0))),)))
    assert standing(ledger)[one] == ("rejected", "true")
    ledger.withdraw([f"@{at}"])
    decide(ledger)
    assert standing(ledger)[one] == ("rejected", "none")
    assert decide(ledger).changed == 0


# --- forged and malformed


@pytest.fixture
def judged(ledger: Ledger, tmp_path: Path) -> Path:
    """Return the path of a closed ledger with an event of every kind that judgement brings."""
    ids = some(ledger, tmp_path, 4)
    score(ledger, {one: {"quality": "0.2"} for one in ids})
    give_up(ledger, ids[:1])
    find(ledger, {ids[0]: [["text/empty", "error", "messages[0]"]]}, schema=b"{}")
    (tmp_path / "p.toml").write_text(to_toml(FAIR), encoding="utf-8")
    ledger.decide(tmp_path / "p.toml")
    ledger.close()
    return ledger.path


@pytest.mark.parametrize(
    ("kind", "forged", "expected"),
    [
        ("scored", {"dimensions": [["quality", "0.9"]]}, {"head_mismatch", "view_drift"}),
        ("scored", {"dimensions": [["quality", "NaN"]]}, {"head_mismatch", "view_drift"}),
        ("scored", {"dimensions": "none"}, {"head_mismatch", "view_drift"}),
        ("scored", {"scorer": "another"}, {"head_mismatch", "view_drift"}),
        ("scored", {"version": "ab" * 32}, {"head_mismatch", "column_mismatch"}),
        ("scored", {"sample": "ab" * 32}, {"head_mismatch", "column_mismatch"}),
        ("scored", {"evidence": "ab" * 32}, {"head_mismatch", "blob_missing"}),
        ("unscored", {"reason": "refused"}, {"head_mismatch", "view_drift"}),
        ("unscored", {"reason": None}, {"head_mismatch", "view_drift"}),
        ("found", {"findings": []}, {"head_mismatch", "view_drift"}),
        ("found", {"findings": [["text/empty", "fatal", ""]]}, {"head_mismatch", "view_drift"}),
        ("found", {"schema": "ab" * 32}, {"head_mismatch", "blob_missing"}),
        ("policy_adopted", {"campaign": "c"}, {"head_mismatch", "view_drift"}),
        ("policy_adopted", {"policy": "ab" * 32}, {"head_mismatch", "column_mismatch"}),
        ("policy_adopted", {"source": "ab" * 32}, {"head_mismatch", "blob_missing"}),
        ("rejected", {"rule": "another"}, {"head_mismatch", "view_drift"}),
        ("relabeled", {"label": True}, {"head_mismatch", "view_drift"}),
    ],
)
def test_an_event_that_was_forged_is_found(judged: Path, kind: str, forged: dict[str, Any], expected: set[str]) -> None:
    """What a scorer, a validator or a policy said cannot be changed, not even with its own op and all guards back."""
    with tampering(judged) as connection:
        sql = "SELECT position, leaf FROM event WHERE kind = ? LIMIT 1"
        position, leaf = connection.execute(sql, (kind,)).fetchone()
        said = json.loads(leaf)
        fields = {key: said[key] for key in KINDS[kind].fields} | forged
        made_up = leaf_bytes(kind, fields, Stamp(said["actor"], said["via"], said["at"], said["run"])).decode()
        op = draft(kind, None, None, fields).op
        connection.execute("UPDATE event SET op = ?, leaf = ? WHERE position = ?", (op, made_up, position))
    assert expected <= findings(judged)


def test_a_frozen_policy_that_was_changed_is_found(judged: Path) -> None:
    """Its bytes have its address."""
    with tampering(judged) as connection:
        connection.execute(
            """UPDATE blob SET body = CAST(replace(body, '0.5', '0.1') AS BLOB)
            WHERE id = (SELECT blob FROM event WHERE kind = 'policy_adopted')"""
        )
    assert {"blob_mismatch", "view_drift"} <= findings(judged)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("scored", {"dimensions": [["quality", "NaN"]]}),
        ("scored", {"dimensions": [["quality", "Infinity"]]}),
        ("scored", {"dimensions": [["quality", "1e7"]]}),
        ("scored", {"dimensions": [["quality", ""]]}),
        ("scored", {"dimensions": [["quality", "-"]]}),
        ("scored", {"dimensions": [["quality", "1.2.3"]]}),
        ("scored", {"dimensions": [["quality", "1000000.1"]]}),
        ("scored", {"dimensions": [["quality", "good"]]}),
        ("scored", {"dimensions": [["quality", {}]]}),
        ("scored", {"dimensions": [["quality", None]]}),
        ("scored", {"dimensions": [["quality"]]}),
        ("scored", {"dimensions": [["quality", "1"], ["quality", "2"]]}),
        ("scored", {"dimensions": ["quality"]}),
        ("scored", {"unscored": [["quality", None]]}),
        ("scored", {"scorer": None}),
        ("unscored", {"reason": None}),
        ("unscored", {"scorer": None}),
        ("found", {"findings": None}),
        ("found", {"findings": "text/empty"}),
        ("found", {"findings": [["text/empty", "fatal", ""]]}),
        ("found", {"findings": [["text/empty"]]}),
        ("policy_adopted", {}),
    ],
)
def test_an_event_that_is_malformed_is_refused(judged: Path, kind: str, fields: dict[str, Any]) -> None:
    """Whoever appends it, it cannot be folded, so the commit is taken back whole."""
    with Ledger.open(judged) as ledger:
        store = store_of(ledger)
        row = next(iter(samples.everything(store.connection)))
        about = {"sample": row.id.hex(), "version": row.hash.hex()}
        key = {"after": None, "replicate": 7, "rubric": None, "scorer": "judge", "scorer_version": "1", **about}
        plain: dict[str, dict[str, Any]] = {
            "scored": {**key, "dimensions": [["quality", "1"]], "evidence": None, "notes": [], "unscored": []},
            "unscored": {**key, "reason": "error"},
            "found": {**about, "after": None, "findings": [], "schema": None, "validators": []},
            "policy_adopted": {
                **dict.fromkeys(KINDS["policy_adopted"].fields, ""),
                "changes": [],
                "policy": row.hash.hex(),
                "source": None,
            },
        }
        stood = state(ledger)
        sample = None if kind == "policy_adopted" else row.sample
        with pytest.raises((LedgerError, ValueError)):
            append(ledger, "x", [draft(kind, sample, row.version, {**plain[kind], **fields})])
        assert state(ledger)[0] == stood[0]
        assert ledger.verify()["ok"]
        if fields:
            append(ledger, "x", [draft(kind, sample, row.version, plain[kind])])
            assert ledger.verify()["ok"]
