"""The laws of the ledger: a stateful machine against a plain Python model, and those that need no model."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ledger import Ledger, projection
from ledger.digest import blake3_bytes
from ledger.errors import BadRequest, BrokenLaw, NoSuchPosition, PlanImpossible
from ledger.event import draft
from ledger.sample import sample_id
from ledger.verbs.run import Run, Who, conserve
from ledger.views import samples
from tests.logs import (
    Tables,
    Ticks,
    fill,
    findings,
    folded,
    foreign,
    improve,
    line,
    log_rows,
    sample_ids,
    store_of,
    tables,
    tampering,
    write_lines,
)
from tests.working import answered, append, asked, failed, row_of

LINES = [line(f"p{n % 3}", f"c{n % 5}", label=[True, False, None][n % 3], tags={"n": str(n % 2)}) for n in range(12)]
BROKEN = [b"{", b'{"prompt": 1, "completion": 2}', b"\xffbad", b'{"a": 1, "a": 2}', b"[]"]
PROMPTS = [f"p{n}" for n in range(5)]
REASONS = ["", "good", "bad", "\u00e9t\u00e9 \U0001f600"]
OUTCOMES = {"accept": "accepted", "reject": "rejected", "defer": "deferred"}


@dataclass
class Model:
    """What one sample is, as a list of what was said about it."""

    id: str
    campaign: str
    prompt: str
    blob: str
    label: bool | None
    tags: dict[str, str]
    decisions: list[tuple[int, str, str, str]] = field(default_factory=list)
    labels: list[tuple[int, bool | None, str, str]] = field(default_factory=list)
    tagged: list[tuple[int, str, str | None]] = field(default_factory=list)
    weights: list[tuple[int, int]] = field(default_factory=list)
    edits: list[tuple[int, str, str]] = field(default_factory=list)
    ends: list[tuple[int, str, bool]] = field(default_factory=list)  # of work: position, version, whether it failed
    split: str | None = None


class Laws(RuleBasedStateMachine):
    """Everything that can be done to a ledger through its one door, in any order, beside a model made of lists."""

    def __init__(self) -> None:
        """Begin with an empty ledger in a folder of its own."""
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "ledger.db"
        self.clock = Ticks()
        self.ledger = Ledger.init(self.path, clock=self.clock)
        self.samples: dict[str, Model] = {}
        self.quarantined: dict[tuple[str, str, bytes, int], None] = {}
        self.withdrawn: set[int] = set()
        self.said: dict[int, str] = {}  # position of what can be withdrawn -> sample
        self.edges: list[tuple[str, str]] = []  # prompts that one sample or its parent had
        self.anchors: list[tuple[int, bytes, Tables]] = []
        self.releases = 0
        self.batch = projection.BATCH

    def teardown(self) -> None:
        """Verify what is left, then take it away."""
        try:
            answer = self.ledger.verify()
            assert answer["ok"], answer["findings"]
        finally:
            projection.BATCH = self.batch
            self.ledger.close()
            shutil.rmtree(self.folder)

    @initialize(
        batch=st.sampled_from([1, 2, 5, 100_000]), lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=5)
    )
    def begin(self, batch: int, lines: list[bytes]) -> None:
        """Choose how many events one fold takes, and ingest a first file."""
        projection.BATCH = batch
        self.ingest(lines, "one", "x.jsonl")

    # --- what people do

    @rule(
        lines=st.lists(st.sampled_from(LINES + BROKEN), min_size=1, max_size=8),
        campaign=st.sampled_from(["one", "two"]),
        source=st.sampled_from(["x.jsonl", "y.jsonl"]),
    )
    def ingest(self, lines: list[bytes], campaign: str, source: str) -> None:
        """Check that lines = new + known + quarantined; identity is campaign, source, bytes and occurrence."""
        expected: Counter[str] = Counter(lines=len(lines), new=0, known=0, quarantined=0)
        times: Counter[bytes] = Counter()
        for body in lines:
            nth = times[body]
            times[body] += 1
            if body in BROKEN:
                self.quarantined[campaign, source, body, nth] = None
                expected["quarantined"] += 1
                continue
            identity = sample_id(campaign, source, blake3_bytes(body), nth).hex()
            expected["known" if identity in self.samples else "new"] += 1
            if identity not in self.samples:
                self._born(identity, campaign, body)
        file = write_lines(self.folder / "in.jsonl", lines)
        answer = self.ledger.ingest([file], campaign=campaign, source=source)
        assert {name: answer[name] for name in expected} == dict(expected)
        self._anchor()

    def _born(self, identity: str, campaign: str, body: bytes, *, label: bool | None = None) -> None:
        number = LINES.index(body) if body in LINES else None
        if number is None:
            prompt, tags = body.split(b'"')[3].decode(), {}
        else:
            prompt, tags = f"p{number % 3}", {"n": str(number % 2)}
            label = [True, False, None][number % 3]
        self.samples[identity] = Model(identity, campaign, prompt, blake3_bytes(body).hex(), label, tags)

    @precondition(lambda self: self.samples)
    @rule(verb=st.sampled_from(sorted(OUTCOMES)), reason=st.sampled_from(REASONS), pick=st.data())
    def decide(self, verb: str, reason: str, pick: st.DataObject) -> None:
        """Check that a decision equal to the one in force appends nothing; any other is one event for each sample."""
        chosen = self._some(pick)
        call: Callable[..., Any] = getattr(self.ledger, verb)
        if verb == "reject" and not reason:
            with pytest.raises(BadRequest):
                call([model.id for model in chosen], reason=reason)
            return
        wanted = (OUTCOMES[verb], reason)
        changing = [model for model in chosen if self._standing(model.decisions)[1:] != (*wanted, self._blob(model))]
        answer = call([model.id for model in chosen], reason=reason)
        assert (answer["changed"], answer["unchanged"]) == (len(changing), len(chosen) - len(changing))
        for position, model in zip(answer["events"], changing, strict=True):
            model.decisions.append((position, *wanted, self._blob(model)))
            self.said[position] = model.id
        self._anchor()

    @precondition(lambda self: self.samples)
    @rule(label=st.sampled_from(["true", "false", "none"]), reason=st.sampled_from(REASONS), pick=st.data())
    def relabel(self, label: str, reason: str, pick: st.DataObject) -> None:
        """Check that the last label that stands is the label."""
        value = {"true": True, "false": False, "none": None}[label]
        chosen = self._some(pick)
        changing = [m for m in chosen if self._standing(m.labels)[1:] != (value, reason, self._blob(m))]
        answer = self.ledger.relabel([model.id for model in chosen], label, reason=reason)
        for position, model in zip(answer["events"], changing, strict=True):
            model.labels.append((position, value, reason, self._blob(model)))
            self.said[position] = model.id
        self._anchor()

    @precondition(lambda self: self.samples)
    @rule(key=st.sampled_from(["n", "group"]), value=st.sampled_from([None, "0", "1", "blau"]), pick=st.data())
    def tag(self, key: str, value: str | None, pick: st.DataObject) -> None:
        """Check that the last tag of a name that stands is the tag; None removes it."""
        chosen = self._some(pick)
        changing = [model for model in chosen if self._tags(model).get(key) != value]
        answer = self.ledger.tag([model.id for model in chosen], key, value)
        for position, model in zip(answer["events"], changing, strict=True):
            model.tagged.append((position, key, value))
            self.said[position] = model.id
        self._anchor()

    @precondition(lambda self: self.samples)
    @rule(times=st.sampled_from([1, 2, 5]), pick=st.data())
    def weight(self, times: int, pick: st.DataObject) -> None:
        """Check that the last weight that stands is the weight; one equal to it appends nothing."""
        chosen = self._some(pick)
        changing = [model for model in chosen if self._times(model) != times]
        answer = self.ledger.weight([model.id for model in chosen], times)
        for position, model in zip(answer["events"], changing, strict=True):
            model.weights.append((position, times))
            self.said[position] = model.id
        self._anchor()

    @precondition(lambda self: self.samples)
    @rule(prompt=st.sampled_from(PROMPTS), completion=st.sampled_from(["c0", "e1", "e2"]), pick=st.data())
    def edit(self, prompt: str, completion: str, pick: st.DataObject) -> None:
        """Check that an edit adds a version; the prompt it had and the one it gets are one family from then on."""
        model = pick.draw(st.sampled_from(list(self.samples.values())))
        body = line(prompt, completion)
        answer = self.ledger.edit(model.id, body)
        assert answer["changed"] == (blake3_bytes(body).hex() != self._blob(model))
        for position in answer["events"]:
            model.edits.append((position, blake3_bytes(body).hex(), prompt))
            self.said[position] = model.id
            self.edges.append((model.prompt, prompt))
        self._anchor()

    @precondition(lambda self: self.said)
    @rule(pick=st.data())
    def withdraw(self, pick: st.DataObject) -> None:
        """Check that what was withdrawn no longer applies; withdrawing it again appends nothing."""
        position = pick.draw(st.sampled_from(sorted(self.said)))
        answer = self.ledger.withdraw([f"@{position}"])
        assert answer["changed"] == (position not in self.withdrawn)
        self.withdrawn.add(position)
        self._anchor()

    @precondition(lambda self: self.samples)
    @rule(prompt=st.sampled_from(PROMPTS), label=st.sampled_from([True, False, None]), pick=st.data())
    def improve(self, prompt: str, label: bool | None, pick: st.DataObject) -> None:  # noqa: FBT001 - drawn
        """Check that a child is a sample of its own, in the family of its parent; made twice it is one."""
        parent = pick.draw(st.sampled_from(list(self.samples.values())))
        body = line(prompt, "improved")
        (child,) = improve(self.ledger, parent.id, [body], label=label)
        if child not in self.samples:
            self._born(child, parent.campaign, body, label=label)
            parent.ends.append((self.ledger.show(child)["origin"]["position"], self._blob(parent), False))
            self.edges.append((parent.prompt, prompt))
        self._anchor()

    @precondition(lambda self: self.samples)
    @rule(call=st.sampled_from("ab"), replied=st.booleans(), pick=st.data())
    def ask(self, call: str, replied: bool, pick: st.DataObject) -> None:  # noqa: FBT001 - drawn
        """Check that work on a version that ended without a result shows, until somebody decides or a result comes."""
        model = pick.draw(st.sampled_from(list(self.samples.values())))
        row = row_of(self.ledger, model.id)
        name = f"{row.sample} {row.version} {call}"
        append(self.ledger, [asked(row, name)])
        if replied:
            answered(self.ledger, row, name, text=name.encode())
        for position in append(self.ledger, [failed(row, name, "cut", final=True)]):
            model.ends.append((position, self._blob(model), True))
        self._anchor()

    @precondition(lambda self: self.samples)
    @rule(seed=st.sampled_from(["0", "1"]))
    def split(self, seed: str) -> None:
        """Check that every sample gets a split, none that has one moves, and a new member joins its family's split."""
        families, before = self._families(), {one.id: one.split for one in self.samples.values()}
        answer = self.ledger.split("50/25/25", seed=seed)
        assert answer["assigned"] == sum(split is None for split in before.values())
        stand = {row.id.hex(): row.split for row in samples.everything(store_of(self.ledger).connection)}
        for model in self.samples.values():
            model.split = stand[model.id]
            assert model.split in {"train", "val", "test"}
            assert before[model.id] in {None, model.split}
            there = {before[other] for other in families[model.id] if before[other] is not None}
            if len(there) <= 1:
                assert {stand[other] for other in families[model.id]} == (there or {model.split})
        self._anchor()

    @precondition(lambda self: self.samples)
    @rule(view=st.sampled_from(["accepted", "rejected", "sft"]))
    def project(self, view: str) -> None:
        """Check that considered = used + omitted, and every considered sample is accounted for."""
        statuses = Counter(self._status(model) for model in self.samples.values())
        if view != "sft" and not statuses[view]:
            return
        before = self.ledger.status()["events"]
        out = self.folder / f"{view}.jsonl"
        try:
            answer = self.ledger.project(view, out)
        except PlanImpossible:
            assert self.ledger.status()["events"] == before
            return
        assert answer["considered"] == len(self.samples) == answer["used"] + sum(answer["omitted"].values())
        assert out.read_bytes().count(b"\n") == answer["rows"]
        if view != "sft":
            assert answer["used"] == statuses[view]
        self._anchor()

    # --- what happens

    @rule()
    def reopen(self) -> None:
        """Check that a ledger closed and opened again is the same."""
        self.ledger.close()
        self.ledger = Ledger.open(self.path, clock=self.clock)

    @rule()
    def rebuild_views(self) -> None:
        """Check that views made again from nothing are those that grew event by event."""
        grown = tables(store_of(self.ledger).connection)
        self.ledger.rebuild_views()
        assert tables(store_of(self.ledger).connection) == grown

    @rule(late=st.booleans())
    def crash(self, late: bool) -> None:  # noqa: FBT001 - drawn
        """Check that what is raised before the commit leaves nothing behind, however late."""
        store, before = store_of(self.ledger), self._everything()
        run = Run(store.ledger_id, "crash", {}, Who("me"))

        def burn(_connection: object) -> None:
            projection.catch_up(store.connection)
            raise ZeroDivisionError

        def work() -> None:
            with store.transaction() as transaction:
                transaction.add_blob(b"never stored")
                run.append(transaction, [draft("run_finished", None, None, {"counts": {}, "started": "0"})])
                if not late:
                    raise ZeroDivisionError

        store.seal = burn
        try:
            with pytest.raises(ZeroDivisionError):
                work()
        finally:
            store.seal = projection.catch_up
        assert self._everything() == before

    @precondition(lambda self: self.anchors)
    @rule(pick=st.data(), attack=st.integers(0, 5))
    def tamper(self, pick: st.DataObject, attack: int) -> None:
        """Check that whatever is changed in a copy of the file, verify finds it."""
        copied = self.folder / "copy.db"
        shutil.copyfile(self.path, copied)
        last = self.ledger.status()["events"] - 1
        position = pick.draw(st.integers(0, last))
        statement = [
            "UPDATE event SET leaf = replace(leaf, '\"v\":1', '\"v\":2') WHERE position = :position",
            "DELETE FROM event WHERE position = :position",
            "UPDATE event SET op = randomblob(32) WHERE position = :position",
            "UPDATE blob SET body = CAST('{}' AS BLOB) WHERE id = 1 OR :position < 0",
            "UPDATE samples SET status = 'erased' WHERE :position >= 0",
            "UPDATE head SET at = at + 1 WHERE size > :position",
        ][attack]
        with tampering(copied) as connection:
            connection.execute(statement, {"position": position})
        assert findings(copied), statement

    @precondition(lambda self: self.anchors)
    @rule(pick=st.data(), batch=st.integers(1, 9))
    def look_back(self, pick: st.DataObject, batch: int) -> None:
        """Check that an earlier head has the root noted then, and a fold up to there gives the views of then."""
        position, root, stood = pick.draw(st.sampled_from(self.anchors))
        assert store_of(self.ledger).root_at(position) == root
        kept, projection.BATCH = projection.BATCH, batch
        try:
            assert folded(self.path, position) == stood
        finally:
            projection.BATCH = kept

    # --- what always holds

    @invariant()
    def gapless(self) -> None:
        """Check that positions are gapless from 0, and the head is the last of them."""
        connection = store_of(self.ledger).connection
        count, last = connection.execute("SELECT count(*), coalesce(max(position), -1) FROM event").fetchone()
        assert count == last + 1 == store_of(self.ledger).head().position + 1

    @invariant()
    def status_is_the_models(self) -> None:
        """Check that the counts are those of the model, and they add up."""
        answer = self.ledger.status()
        statuses = Counter(self._status(model) for model in self.samples.values())
        labels = Counter(str(self._label(model)).lower() for model in self.samples.values())
        assert answer["conserved"]
        assert answer["samples"] == len(self.samples) == sum(answer["by_status"].values())
        assert +Counter(answer["by_status"]) == statuses
        assert answer["by_label"] == {"true": labels["true"], "false": labels["false"], "none": labels["none"]}
        assert answer["quarantined"] == len(self.quarantined)
        assert answer["fingerprints"] == len({self._blob_teaches(model) for model in self.samples.values()})
        campaigns = Counter(model.campaign for model in self.samples.values())
        assert {c["name"]: c["samples"] for c in answer["campaigns"]} == campaigns

    @invariant()
    def samples_are_the_models(self) -> None:
        """Check that each sample stands with the version, status, label, tags, weight and family of the model."""
        connection = store_of(self.ledger).connection
        families = self._families()
        rows = {row.id.hex(): row for row in samples.everything(connection)}
        assert rows.keys() == self.samples.keys()
        by_family: dict[bytes, set[str]] = {}
        for _, op, _, _, family, *_ in samples.for_plan(connection):
            by_family.setdefault(family, set()).add(op.hex())
        joined = {identity: members for members in by_family.values() for identity in members}
        for identity, model in self.samples.items():
            row = rows[identity]
            assert row.hash.hex() == self._blob(model)
            assert (row.status, row.label) == (self._status(model), self._label(model))
            shown = self.ledger.show(identity)
            assert (shown["tags"], shown["times"]) == (self._tags(model), self._times(model))
            assert joined[identity] == families[identity]

    # --- the model's own answers

    def _some(self, pick: st.DataObject) -> list[Model]:
        return pick.draw(st.lists(st.sampled_from(list(self.samples.values())), min_size=1, max_size=3, unique_by=id))

    def _standing(self, said: list[Any]) -> tuple[Any, ...]:
        return next((one for one in reversed(said) if one[0] not in self.withdrawn), (None, None))

    def _status(self, model: Model) -> str:
        about = [said for said in model.decisions if said[3] == self._blob(model)]  # a decision is about a version
        outcome = self._standing(about)[1]
        ends = [lost for _, version, lost in sorted(model.ends) if version == self._blob(model)]
        if outcome is None and ends and ends[-1]:
            return "errored"
        return "pending" if outcome in {None, "deferred"} else str(outcome)

    def _label(self, model: Model) -> bool | None:
        found = self._standing(model.labels)
        return model.label if found[0] is None else found[1]

    def _tags(self, model: Model) -> dict[str, str]:
        found: dict[str, str | None] = dict(model.tags)
        found |= {key: value for position, key, value in model.tagged if position not in self.withdrawn}
        return {key: value for key, value in found.items() if value is not None}

    def _times(self, model: Model) -> int:
        return self._standing(model.weights)[1] or 1

    def _blob(self, model: Model) -> str:
        return str(self._standing(model.edits)[1] or model.blob)

    def _blob_teaches(self, model: Model) -> tuple[str, str]:
        content = self.ledger.show(model.id)["content"]
        return content["prompt"], content["completion"]

    def _families(self) -> dict[str, set[str]]:
        groups = {prompt: {prompt} for prompt in PROMPTS}
        for one, other in [*self.edges, *self._grouped()]:
            whole = groups[one] | groups[other]
            groups.update(dict.fromkeys(whole, whole))
        members: dict[str, set[str]] = {prompt: set() for prompt in PROMPTS}
        for model in self.samples.values():
            now = self._standing(model.edits)
            members[now[2] if now[0] is not None else model.prompt].add(model.id)
        whole_of = {p: set().union(*(members[other] for other in groups[p])) for p in PROMPTS}
        return {identity: whole_of[prompt] for prompt, found in members.items() for identity in found}

    def _grouped(self) -> list[tuple[str, str]]:
        """Return pairs of prompts whose samples have one value of the tag `group`."""
        found: dict[str, list[str]] = {}
        for model in self.samples.values():
            if group := self._tags(model).get("group"):
                found.setdefault(group, []).append(model.prompt)
        return [(prompts[0], other) for prompts in found.values() for other in prompts[1:]]

    def _everything(self) -> tuple[Any, ...]:
        connection = store_of(self.ledger).connection
        blobs = connection.execute("SELECT count(*) FROM blob").fetchone()
        return store_of(self.ledger).head(), blobs, tables(connection), sample_ids(self.ledger)

    def _anchor(self) -> None:
        store = store_of(self.ledger)
        if store.head().position >= 0:
            self.anchors.append((store.head().position, store.head().root, tables(store.connection)))


Laws.TestCase.settings = settings(
    max_examples=80, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLaws = Laws.TestCase


# --- the laws that need no model


def test_law_1_append_only(ledger: Ledger, tmp_path: Path) -> None:
    """Neither this program's connection nor another program's plain SQL changes or deletes what the log holds."""
    fill(ledger, tmp_path)
    before = log_rows(ledger.path)
    changes = [
        "UPDATE event SET kind = 'accepted'",
        "DELETE FROM event",
        "INSERT OR REPLACE INTO event SELECT * FROM event WHERE position = 0",
        "UPDATE blob SET body = x'00'",
        "UPDATE blob SET body = NULL",
        "DELETE FROM blob",
        "INSERT OR REPLACE INTO blob SELECT id, hash, size, 0, x'00' FROM blob WHERE id = 1",
        "UPDATE head SET at = 0",
        "DELETE FROM head",
        "INSERT OR REPLACE INTO head SELECT * FROM head",
        "UPDATE tile SET root = zeroblob(32)",
        "UPDATE meta SET value = 'x'",
        "DELETE FROM meta",
        "INSERT OR REPLACE INTO meta VALUES ('ledger', 'x')",
    ]
    for statement in changes:
        with pytest.raises(sqlite3.DatabaseError):
            store_of(ledger).connection.execute(statement)
        if "tile" in statement:  # so small a log has none, so a stranger's statement finds nothing to change
            continue
        with foreign(ledger.path) as stranger, pytest.raises(sqlite3.IntegrityError):
            stranger.execute(statement)
    assert log_rows(ledger.path) == before


@given(bodies=st.lists(st.binary(min_size=1, max_size=60).filter(lambda body: body.strip()), min_size=1, max_size=6))
def test_law_2_every_blob_is_the_bytes_as_they_came(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]
) -> None:
    """Whatever bytes a line has, valid or not, they are stored as they are under their BLAKE3."""
    folder = tmp_path_factory.mktemp("law2")
    lines = [body.replace(b"\n", b" ").replace(b"\r", b" ") for body in bodies]
    lines = [one for one in lines if one.strip()] or [b"x"]
    lines[0] = b"." + lines[0]  # a file that begins like UTF-16 or with a byte order mark is another matter
    with Ledger.init(folder / "ledger.db") as ledger:
        answer = ledger.ingest([write_lines(folder / "in.jsonl", lines)], campaign="c")
        stored = dict(store_of(ledger).connection.execute("SELECT hash, body FROM blob"))
        assert answer["lines"] == len(lines)
        assert stored == {blake3_bytes(one): one for one in lines}
        assert ledger.verify()["ok"]


def test_law_3_positions_follow_one_another(ledger: Ledger, tmp_path: Path) -> None:
    """Positions run from 0 without a gap, and times never go back, also where the clock does."""
    clock = Ticks(step=-1_000_000)
    store_of(ledger).clock = clock
    fill(ledger, tmp_path)
    connection = store_of(ledger).connection
    positions = [row[0] for row in connection.execute("SELECT position FROM event ORDER BY position")]
    times = [row[0] for row in connection.execute("SELECT at FROM head ORDER BY size")]
    assert positions == list(range(len(positions)))
    assert times == sorted(times)


def test_law_4_as_of_a_time_is_the_last_head_not_later(ledger: Ledger, tmp_path: Path) -> None:
    """A time means the state at the last commit whose time is not later; before the first there is none."""
    clock = Ticks(step=0)
    store_of(ledger).clock = clock
    stood: list[tuple[datetime, dict[str, Any]]] = []
    for number in range(4):
        clock.now += 3_600_000_000
        ledger.ingest([write_lines(tmp_path / f"{number}.jsonl", [line("p", f"c{number}")])], campaign="c")
        moment = datetime.fromtimestamp(clock.now / 1e6, UTC)
        stood.append((moment, ledger.status()))
    for moment, status in stood:
        for later in (timedelta(0), timedelta(minutes=59)):
            assert ledger.status(as_of=(moment + later).isoformat()) == status
        assert ledger.status(as_of=str(status["head"]["position"])) == status
    with pytest.raises(NoSuchPosition):
        ledger.status(as_of=(stood[0][0] - timedelta(seconds=1)).isoformat())
    with pytest.raises(NoSuchPosition):
        ledger.status(as_of=str(stood[-1][1]["events"]))


def test_law_4_whatever_the_cut(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For every position and several sizes of a batch, the fold from nothing is the same, table by table."""
    fill(ledger, tmp_path)
    last = store_of(ledger).head().position
    for position in range(0, last + 1, 3):
        whole = folded(ledger.path, position)
        for batch in (1, 2, 7, 50):
            with monkeypatch.context() as patch:
                patch.setattr(projection, "BATCH", batch)
                assert folded(ledger.path, position) == whole, (position, batch)
    assert folded(ledger.path, last) == tables(store_of(ledger).connection)


def test_law_5_a_command_that_does_not_add_up_appends_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """A count that breaks its sum stops the command before the commit."""
    ids = fill(ledger, tmp_path)
    before = ledger.status()
    store = store_of(ledger)

    def wrong() -> None:
        with store.transaction() as transaction:
            run = Run(store.ledger_id, "wrong", {}, Who("me"))
            run.append(transaction, [draft("run_finished", None, None, {"counts": {}, "started": "0"})])
            conserve("samples", len(ids), {"changed": 1, "unchanged": len(ids)})

    with pytest.raises(BrokenLaw):
        wrong()
    assert ledger.status() == before


def test_law_6_done_twice_is_done_once(ledger: Ledger, tmp_path: Path) -> None:
    """Ingest, accept, relabel, tag, weight, withdraw, split and project: the second time appends nothing."""
    source = write_lines(tmp_path / "in.jsonl", [line(f"p{n}", f"c{n}", label=bool(n % 2)) for n in range(8)])
    steps: list[Callable[[], Any]] = [
        lambda: ledger.ingest([source], campaign="c"),
        lambda: ledger.accept(sample_ids(ledger)[:3], reason="good"),
        lambda: ledger.relabel(sample_ids(ledger)[:1], "none"),
        lambda: ledger.tag(sample_ids(ledger)[:2], "k", "v"),
        lambda: ledger.weight(sample_ids(ledger)[:2], 3),
        lambda: ledger.edit(sample_ids(ledger)[4], line("p4", "better")),
        lambda: ledger.withdraw([event["event"] for event in ledger.log(limit=99) if event["kind"] == "edited"]),
        lambda: ledger.split("100/0/0"),
        lambda: ledger.project("kto-interleaved", tmp_path / "out.jsonl", batch_size=2),
    ]
    for step in steps:
        step()
        after = ledger.status()
        step()
        assert ledger.status() == after


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from([True, False])), min_size=4, max_size=24
    )
)
def test_law_9_no_content_is_exported_with_both_labels(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, bool]]
) -> None:
    """A content that stands with both labels is in no export, under whichever escapes and spaces it is written."""
    folder = tmp_path_factory.mktemp("law9")
    bodies = [
        line(f"\u00e9{p}", f"c{c}", label=label).replace(b"\\u00e9", "\u00e9".encode() if number % 2 else b"\\u00e9")
        for number, (p, c, label) in enumerate(rows)
    ]
    with Ledger.init(folder / "ledger.db") as ledger:
        ledger.ingest([write_lines(folder / "in.jsonl", bodies)], campaign="c")
        try:
            answer = ledger.project("kto-interleaved", folder / "out.jsonl", batch_size=2)
        except PlanImpossible:
            return
        assert answer["considered"] == len(rows) == answer["used"] + sum(answer["omitted"].values())
    labels: dict[tuple[str, str], set[bool]] = {}
    for prompt, completion, label in ((f"\u00e9{p}", f"c{c}", label) for p, c, label in rows):
        labels.setdefault((prompt, completion), set()).add(label)
    exported = [json.loads(row) for row in (folder / "out.jsonl").read_bytes().splitlines()]
    keys = [(row["prompt"], row["completion"]) for row in exported]
    assert len(set(keys)) == len(keys)
    assert all(labels[key] == {row["label"]} for key, row in zip(keys, exported, strict=True))


def test_law_10_a_manifest_is_enough_to_make_the_file_again(toolset: Ledger, tmp_path: Path) -> None:
    """After more of everything was appended, the file of an earlier manifest is made again byte for byte."""
    out = tmp_path / "out.jsonl"
    toolset.project("kto-interleaved", out)
    made = out.read_bytes()
    ids = sample_ids(toolset)
    toolset.reject(ids[:20], reason="bad")
    toolset.relabel(ids[20:30], "none")
    toolset.split("50/25/25")
    toolset.rebuild_views()
    out.unlink()
    assert toolset.rebuild(tmp_path / "out.jsonl.manifest.json")["identical"]
    assert out.read_bytes() == made


def test_law_12_every_event_says_who_and_through_what(tmp_path: Path) -> None:
    """Each leaf names its actor, the way it came, its time, and a run that began before it and names the recipe."""
    with Ledger.init(tmp_path / "ledger.db", actor="ada", via="mcp") as ledger:
        fill(ledger, tmp_path)
        events = ledger.log(limit=10_000)
    runs = {event["position"] for event in events if event["kind"] == "run_started"}
    assert {event["via"] for event in events} <= {"mcp", "api"}
    assert {event["actor"] for event in events} == {"ada", "model"}
    assert all(event["run"] in runs and event["run"] <= event["position"] for event in events)
