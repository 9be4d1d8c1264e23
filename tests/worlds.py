"""Worlds of samples for the laws of judgement: steps that are drawn, done to a ledger, and kept beside it in lists.

What a policy sees and says of each sample is told from the lists alone, with `tests.policy_model`, so that it can be
compared with what the views make of the log.
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ledger import Ledger
from ledger.event import draft
from ledger.fixed import text_of
from ledger.policy.verdict import Facts
from ledger.rule import Cap, Findings, Policy, Score, observed
from ledger.views import samples
from tests import policy_model as book
from tests.logs import improve, line, store_of
from tests.scoring import append, find, give_up, score, take_in

Step: TypeAlias = tuple[Any, ...]

CAMPAIGNS = book.TEXTS[1:]
SCORERS = ("pipeline", "rubric", "my, scorer", "other")
FOUND = (("tools/unknown", "error"), ("tools/unknown", "warning"), ("text/empty", "error"), ("structure/x", "warning"))
WORDS = {True: "true", False: "false", None: "none"}
STATUS = {"accepted": "accepted", "rejected": "rejected", "deferred": "pending"}


@dataclass
class One:
    """What was said about one sample, in the order of the log; versions are addresses."""

    id: str
    campaign: str
    source: str
    domain: str
    label: bool | None
    versions: list[tuple[int, str, int]]
    tags: list[tuple[int, str, str | None]] = field(default_factory=list)
    scores: list[tuple[str, str, str, int]] = field(default_factory=list)
    looks: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    decisions: list[tuple[int, str, str]] = field(default_factory=list)
    labels: list[tuple[int, bool | None, str]] = field(default_factory=list)


class Told(NamedTuple):
    """What a policy says of a sample after its caps."""

    outcome: str
    rule: str
    margin: int | None
    label: str
    label_rules: tuple[str, ...]
    rank: int | None = None
    twin: str | None = None


class World:
    """A ledger and what is known of its samples."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        """Begin with an empty ledger."""
        self.ledger = ledger
        self.folder = folder
        self.ones: list[One] = []
        self.withdrawn: set[int] = set()
        self.said: list[int] = []
        self.adopted: list[tuple[str | None, Policy]] = []

    # --- what is done

    def do(self, steps: Sequence[Step]) -> None:
        """Do steps; those about a sample do nothing where there is none."""
        for name, *rest in steps:
            act: Callable[..., None] = getattr(self, f"_{name}")
            if name == "ingest":
                act(*rest)
            elif name == "withdraw":
                if self.said:
                    self._withdraw(self.said[rest[0] % len(self.said)])
            elif self.ones:
                act(self.ones[rest[0] % len(self.ones)], *rest[1:])

    def _ingest(
        self,
        campaign: str,
        source: str,
        content: int,
        domain: str,
        label: bool | None,  # noqa: FBT001 - drawn
        tags: dict[str, str],
    ) -> None:
        facts: dict[str, Any] = {"label": label} if label is not None else {}
        facts |= {"domain": domain} if domain else {}
        body = line(f"p{content % 3}", f"c{content}", **facts, tags=tags)
        for one in take_in(self.ledger, self.folder, [body], campaign, source):
            self._born(One(one, campaign, source, domain, label, []), content, tags)

    def _improve(self, parent: One, content: int, label: bool | None) -> None:  # noqa: FBT001 - drawn
        (child,) = improve(self.ledger, parent.id, [line(f"p{content % 3}", f"c{content}")], label=label)
        if all(one.id != child for one in self.ones):
            self._born(One(child, parent.campaign, "", "", label, []), content, {})

    def _born(self, one: One, content: int, tags: dict[str, str]) -> None:
        shown = self.ledger.show(one.id)
        at = shown["origin"]["position"]
        one.versions.append((at, shown["version"][3:], content))
        one.tags += [(at, key, value) for key, value in tags.items()]
        self.ones.append(one)

    def _edit(self, one: One, content: int) -> None:
        done = self.ledger.edit(one.id, line(f"p{content % 3}", f"c{content}"))
        for at in done["events"]:
            self.said.append(at)
            one.versions.append((at, self.ledger.show(one.id)["version"][3:], content))

    def _tag(self, one: One, key: str, value: str | None) -> None:
        for at in self.ledger.tag([one.id], key, value)["events"]:
            self.said.append(at)
            one.tags.append((at, key, value))

    def _score(self, one: One, scorer: str, said: dict[str, int | None], replicate: int) -> None:
        texts = {name: None if value is None else text_of(value) for name, value in said.items()}
        for _ in score(self.ledger, {one.id: texts}, scorer=scorer, replicate=replicate):
            version = self.version(one)[1]
            one.scores += [(version, scorer, name, value) for name, value in said.items() if value is not None]

    def _give_up(self, one: One) -> None:
        give_up(self.ledger, [one.id])

    def _find(self, one: One, found: list[tuple[str, str]]) -> None:
        find(self.ledger, {one.id: [[rule, severity, "messages[0]"] for rule, severity in found]})
        one.looks.append((self.version(one)[1], found))

    def _decide(self, one: One, verb: str, reason: str) -> None:
        for at in getattr(self.ledger, verb)([one.id], reason=reason)["events"]:
            self.said.append(at)
            outcome = {"accept": "accepted", "reject": "rejected", "defer": "deferred"}[verb]
            one.decisions.append((at, self.version(one)[1], outcome))

    def _relabel(self, one: One, label: bool | None, reason: str) -> None:  # noqa: FBT001 - drawn
        for at in self.ledger.relabel([one.id], WORDS[label], reason=reason)["events"]:
            self.said.append(at)
            one.labels.append((at, label, "person"))

    def _other(self, one: One, authority: str, kind: str, label: bool | None) -> None:  # noqa: FBT001 - drawn
        """Let an agent or a file say something, which neither outranks a policy nor is made by one."""
        row = samples.by_ids(store_of(self.ledger).connection, [bytes.fromhex(one.id)])[bytes.fromhex(one.id)]
        fields: dict[str, Any] = {"authority": authority, "details": {}, "policy": None, "reason": "so", "rule": None}
        fields |= {"after": f"{len(self.said):064x}", "sample": one.id, "version": row.hash.hex()}
        fields |= {"label": label} if kind == "relabeled" else {}
        for at in append(self.ledger, "x", [draft(kind, row.sample, row.version, fields)]):
            self.said.append(at)
            if kind == "relabeled":
                one.labels.append((at, label, authority))

    def _withdraw(self, at: int) -> None:
        self.ledger.withdraw([f"@{at}"])
        self.withdrawn.add(at)

    def _unsay(self, one: One) -> None:
        """Withdraw what a policy said last of a sample: what it says is as before, and is decided again."""
        said = [event for event in self.ledger.log(one.id, limit=1000) if event["says"].get("authority") == "policy"]
        if said:
            self.ledger.withdraw([said[-1]["event"]])

    # --- what stands

    def of(self, sample: str) -> One:
        """Return what is known of a sample."""
        return next(one for one in self.ones if one.id == sample)

    def version(self, one: One) -> tuple[int, str, int]:
        """Return the version that stands: position, address, content."""
        return [version for version in one.versions if version[0] not in self.withdrawn][-1]

    def person(self, one: One) -> str | None:
        """Return what a person decided about the version that stands."""
        now = self.version(one)[1]
        stand = [out for at, version, out in one.decisions if at not in self.withdrawn and version == now]
        return stand[-1] if stand else None

    def bound(self, one: One) -> bool:
        """Say whether a person gave the label."""
        return any(who == "person" and at not in self.withdrawn for at, _, who in one.labels)

    def given(self, one: One) -> str:
        """Return the label without policies."""
        stand = [
            (who == "person", n, label) for n, (at, label, who) in enumerate(one.labels) if at not in self.withdrawn
        ]
        return WORDS[max(stand)[2] if stand else one.label]

    def tags(self, one: One) -> dict[str, str]:
        """Return the tags that stand."""
        stand = {key: value for at, key, value in one.tags if at not in self.withdrawn}
        return {key: value for key, value in stand.items() if value is not None}

    def facts(self, policy: Policy, one: One) -> Facts:
        """Return what a policy sees of a sample."""
        now = self.version(one)[1]
        numbers = {item: self._number(policy, item, one, now) for item in observed(policy)}
        fields = {"campaign": one.campaign, "domain": one.domain, "source": one.source, "label": self.given(one)}
        return Facts(numbers, fields, self.tags(one))

    @staticmethod
    def _number(policy: Policy, item: Score | Findings, one: One, now: str) -> int | None:
        if isinstance(item, Score):
            said = [(by, value) for version, by, name, value in one.scores if (version, name) == (now, item.dimension)]
            return book.combination(policy.scores, said)
        looks = [found for version, found in one.looks if version == now]
        if not looks:
            return None
        return 1_000_000 * sum(
            fnmatchcase(rule, item.rule) and item.severity in {None, severity} for rule, severity in looks[-1]
        )

    # --- what policies say

    def policy_for(self, campaign: str) -> Policy | None:
        """Return the policy in force for a campaign."""
        standing = self.standing()
        return standing.get(campaign, standing.get(None))

    def standing(self) -> dict[str | None, Policy]:
        """Return campaign -> the policy in force there; None stands for those without one of their own."""
        standing: dict[str | None, Policy] = {}
        for campaign, policy in self.adopted:
            if campaign is None:
                standing.clear()
            standing[campaign] = policy
        return standing

    def adopt(self, policy: Policy, campaign: str | None) -> None:
        """Note that a policy was adopted."""
        self.adopted.append((campaign, policy))

    def covered(self) -> Iterator[tuple[Policy, list[One]]]:
        """Yield each policy in force with the samples that it covers."""
        standing = self.standing()
        for campaign, policy in standing.items():
            if campaign is None:
                yield policy, [one for one in self.ones if one.campaign not in standing]
            else:
                yield policy, [one for one in self.ones if one.campaign == campaign]

    def verdicts(self, policy: Policy, ones: list[One]) -> dict[str, Told]:
        """Return sample id -> what a policy says of samples that it covers together, caps and all."""
        told = {}
        for one in ones:
            said = book.expected(policy, self.facts(policy, one))
            told[one.id] = Told(said.outcome, said.rule, said.margin, said.label, said.label_rules)
        for cap in policy.caps:
            self._cap(cap, policy, ones, told)
        return told

    def _cap(self, cap: Cap, policy: Policy, ones: list[One], told: dict[str, Told]) -> None:
        if any(per.startswith("template.") for per in cap.per):
            return  # nobody looks for templates in these worlds, and what is in no family is not limited
        groups: defaultdict[tuple[Any, ...], list[One]] = defaultdict(list)
        for one in ones:
            if (self.person(one) or told[one.id].outcome) == "accepted":
                groups[tuple(self._key(per, one, told[one.id]) for per in cap.per)].append(one)
        for group in groups.values():
            ranked = self._spread(cap, sorted(group, key=lambda one: self._rank(cap, policy, one)), told)
            for place, one in enumerate(ranked, 1):
                if place > cap.keep and told[one.id].outcome == "accepted":
                    told[one.id] = told[one.id]._replace(
                        outcome=cap.outcome, rule=cap.name, margin=None, rank=place, twin=ranked[0].id
                    )

    def _spread(self, cap: Cap, ranked: list[One], told: dict[str, Told]) -> list[One]:
        """Return samples in their order, one of each value of `spread` before the second of any; people stay first."""
        if cap.spread is None:
            return ranked
        turns: Counter[object] = Counter()
        placed = []
        for place, one in enumerate(ranked):
            value = self._key(cap.spread, one, told[one.id])
            turns[value] += 1
            placed.append((self.person(one) is None, turns[value], place, one))
        return [one for *_, one in sorted(placed, key=lambda each: each[:3])]

    def _key(self, per: str, one: One, told: Told) -> object:
        if per.startswith("tag."):
            return self.tags(one).get(per[4:], "")
        if per in {"campaign", "domain", "source"}:
            return getattr(one, per)
        if per == "label":
            return self.label(one, told)
        return self.version(one)[2] % 3 if per == "prompt" else self.version(one)[2]

    def _rank(self, cap: Cap, policy: Policy, one: One) -> tuple[Any, ...]:
        amount = None
        if cap.best is not None:
            numbers = {item: self._number(policy, item, one, self.version(one)[1]) for item in observed(policy)}
            means = {each.name: book.weighted_mean(each, numbers) for each in policy.measures}
            amount = means[cap.best] if cap.best in means else numbers[Score(cap.best)]
        return (self.person(one) is None, amount is None, -(amount or 0), self.version(one)[1], one.id)

    def label(self, one: One, told: Told) -> str:
        """Return the label that a sample has when a policy has decided."""
        return self.given(one) if self.bound(one) or told.label == "unset" else told.label

    def decided(self, policy: Policy, ones: list[One]) -> dict[str, tuple[str, str]]:
        """Return sample id -> (status, label) when a policy has decided."""
        told = self.verdicts(policy, ones)
        return {
            one.id: (STATUS[self.person(one) or told[one.id].outcome], self.label(one, told[one.id])) for one in ones
        }

    def all_decided(self) -> dict[str, tuple[str, str]]:
        """Return sample id -> (status, label) when every policy in force has decided."""
        return {one: stand for policy, ones in self.covered() for one, stand in self.decided(policy, ones).items()}


@contextmanager
def made(drawn: Sequence[Step]) -> Iterator[World]:
    """Yield a world in which some steps were done."""
    with tempfile.TemporaryDirectory() as folder, Ledger.init(Path(folder) / "ledger.db") as ledger:
        world = World(ledger, Path(folder))
        world.do(drawn)
        yield world


def ways(before: dict[str, tuple[str, str]], after: dict[str, tuple[str, str]]) -> Counter[str]:
    """Return how many samples change in which way, as `whatif` names the ways."""
    counted: Counter[str] = Counter()
    for one, (status, label) in after.items():
        counted[f"to_{status}"] += status != before[one][0]
        counted[f"to_{label}"] += label != before[one][1]
    return counted


# --- drawn


def steps(most: int = 12) -> SearchStrategy[list[Step]]:
    """Return steps that begin with some samples."""
    return st.builds(
        lambda first, rest: [*first, *rest],
        st.lists(_ingest(), min_size=1, max_size=4),
        st.lists(step(), max_size=most),
    )


def step() -> SearchStrategy[Step]:
    """Return one step."""
    who, content = st.integers(0, 7), st.integers(0, 4)
    label = st.sampled_from([True, False, None])
    said = st.dictionaries(st.sampled_from(book.DIMENSIONS), book.amounts() | st.none(), min_size=1, max_size=3)
    scored = st.tuples(st.just("score"), who, st.sampled_from(SCORERS), said, st.integers(0, 2))
    found = st.tuples(st.just("find"), who, st.lists(st.sampled_from(FOUND), max_size=3))
    tagged = st.tuples(st.just("tag"), who, st.sampled_from(book.TAGS), st.sampled_from(book.TEXTS) | st.none())
    reason = st.sampled_from(["so", "because"])
    return st.one_of(
        scored,
        scored,
        found,
        tagged,
        _ingest(),
        st.tuples(st.just("edit"), who, content),
        st.tuples(st.just("withdraw"), st.integers(0, 30)),
        st.tuples(st.just("decide"), who, st.sampled_from(["accept", "reject", "defer"]), reason),
        st.tuples(st.just("relabel"), who, label, reason),
        st.tuples(st.just("other"), who, st.sampled_from(["agent", "import"]), _kinds(), label),
        st.tuples(st.just("improve"), who, content, label),
        st.tuples(st.just("give_up"), who),
        st.tuples(st.just("unsay"), who),
    )


def _kinds() -> SearchStrategy[str]:
    return st.sampled_from(["accepted", "rejected", "relabeled"])


def _ingest() -> SearchStrategy[Step]:
    return st.tuples(
        st.just("ingest"),
        st.sampled_from(CAMPAIGNS[:2]),
        st.sampled_from(book.TEXTS[1:]),
        st.integers(0, 4),
        st.sampled_from(["", *book.DOMAINS, "z", "x+y"]),
        st.sampled_from([True, False, None]),
        st.dictionaries(st.sampled_from(book.TAGS), st.sampled_from(book.TEXTS[1:]), max_size=2),
    )
