"""What deciding comes to: caps, what is due, and the counts, as temporary tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Ledger
from ledger.digest import encode
from ledger.event import draft
from ledger.rule import Cap, LabelRule, Policy, Rule
from ledger.verbs.run import Run
from ledger.verbs.trial import in_force, trying
from ledger.views import due, samples
from tests.judged import LOW
from tests.logs import improve, line, store_of, tables
from tests.scoring import WHO, decide, details_of, field_is, reasons, score, score_is, some, standing, take_in, text
from tests.test_views_scores import handle, views


def capped(
    *per: str,
    keep: int = 1,
    best: str | None = None,
    spread: str | None = None,
    **more: Any,  # noqa: ANN401 - fields
) -> Policy:
    """Return a policy of one cap alone."""
    return Policy("capped", caps=(Cap("many", "rejected", per, keep, best, spread),), **more)


def kept(ledger: Ledger, policy: Policy) -> set[str]:
    """Decide, and return the samples that are accepted."""
    decide(ledger, policy)
    return {one for one, (status, *_) in reasons(ledger).items() if status == "accepted"}


def alike(ledger: Ledger, folder: Path, count: int, campaign: str = "c") -> list[str]:
    """Ingest samples that teach the same in lines that differ."""
    return take_in(ledger, folder, [line("p", "c", note=n) for n in range(count)], campaign)


# --- caps


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_the_best_stay(ledger: Ledger, tmp_path: Path, keep: int) -> None:
    """As many as the cap says; the others are told their rank and the best of all."""
    ids = alike(ledger, tmp_path, 4)
    score(ledger, {one: {"q": f"0.{n}"} for n, one in enumerate(ids[:3], 1)})  # the last one's is unknown
    best = [ids[2], ids[1], ids[0], ids[3]]
    policy = capped("fingerprint", keep=keep, best="q", headline="q")
    assert kept(ledger, policy) == set(best[:keep])
    with trying(store_of(ledger), policy, None) as judged:
        judged.fill(store_of(ledger), "due", None)
        rows = views(ledger).execute("SELECT sample, rule, nth, twin FROM temp.due ORDER BY sample").fetchall()
        due.drop(views(ledger), "due")
    handles = [handle(ledger, one) for one in best]
    over = {sample: ("many", rank, handles[0]) for rank, sample in enumerate(handles, 1) if rank > keep}
    assert {row[0]: row[1:] for row in rows} == dict.fromkeys(handles, ("default", None, None)) | over


def test_among_equals_the_order_of_arrival_does_not_count(ledger: Ledger, tmp_path: Path) -> None:
    """The smallest hash of the bytes stays, then the smallest id, whichever came first."""
    rows = [line("p", "c", note=n) for n in range(6)]
    with Ledger.init(tmp_path / "other.db") as other:
        for one, order in ((ledger, rows), (other, rows[::-1])):
            for row in order:
                take_in(one, tmp_path, [row])
        policy = capped("fingerprint", keep=2)
        assert kept(ledger, policy) == kept(other, policy)
    smallest = sorted(views(ledger).execute("SELECT hash FROM blob WHERE size < 80").fetchall())[:2]
    hashes = {ledger.show(one)["version"][3:] for one in kept(ledger, policy)}
    assert hashes == {row[0].hex() for row in smallest}


@pytest.mark.parametrize(
    ("per", "groups"),
    [
        (("fingerprint",), 7),
        (("prompt",), 4),
        (("family",), 3),
        (("campaign",), 2),
        (("domain",), 3),
        (("label",), 3),
        (("source",), 3),
        (("tag.who",), 2),
        (("domain", "label"), 5),
    ],
)
def test_each_way_of_being_alike(ledger: Ledger, tmp_path: Path, per: tuple[str, ...], groups: int) -> None:
    """One of each group stays."""
    first = [
        line("p1", "c1", label=True, domain="asm"),
        line("p1", "c2", label=False, domain="asm"),
        line("p2", "c1", label=True, domain="asm", tags={"who": "x"}),
        line("p2", "c1", label=False, domain="cpp"),
    ]
    parent, *_ = take_in(ledger, tmp_path, first, "a", "one")
    take_in(ledger, tmp_path, [line("p3", "c1", label=True), line("p3", "c2", label=True)], "b", "two")
    improve(ledger, parent, [line("p4", "better"), line("p4", "best")], label=None)
    assert len(kept(ledger, capped(*per))) == groups


def test_a_label_is_the_one_that_the_policy_gives(ledger: Ledger, tmp_path: Path) -> None:
    """Two labels of one content are two groups, and what the label rules say decides which."""
    ids = alike(ledger, tmp_path, 3)
    score(ledger, {ids[0]: {"q": "0.1"}})
    poor = LabelRule("poor", label=False, when=score_is("q", "<", 0.5))
    assert len(kept(ledger, capped("fingerprint", "label", labels=(poor,)))) == 2


def test_people_come_first_and_take_a_place(ledger: Ledger, tmp_path: Path) -> None:
    """What a person accepted counts although rules reject it; what a person rejected takes no place."""
    ids = alike(ledger, tmp_path, 4)
    score(ledger, {one: {"q": f"0.{n}"} for n, one in enumerate(ids, 1)})
    ledger.accept(ids[:1], reason="seen")
    ledger.reject(ids[3:], reason="seen")
    rule = Rule("low", "rejected", score_is("q", "<", 0.2))
    policy = capped("fingerprint", keep=2, best="q", rules=(rule,))
    assert kept(ledger, policy) == {ids[0], ids[2]}
    assert kept(ledger, replace(policy, caps=(replace(policy.caps[0], keep=1),))) == {ids[0]}
    assert reasons(ledger)[ids[2]] == ("rejected", "none", "many")


def test_caps_apply_in_their_order(ledger: Ledger, tmp_path: Path) -> None:
    """What one took away the next does not count; many caps are many tables, not one deep statement."""
    ids = alike(ledger, tmp_path, 4)
    score(ledger, {one: {"q": f"0.{n}"} for n, one in enumerate(ids, 1)})
    caps = (Cap("first", "deferred", ("fingerprint",), 3, "q"), Cap("second", "rejected", ("campaign",), 2, "q"))
    idle = tuple(Cap(f"idle {n}", "rejected", ("source",), 100) for n in range(18))
    decide(ledger, Policy("p", caps=(*caps, *idle)))
    assert [reasons(ledger)[one][0::2] for one in ids] == [
        ("pending", "first"),
        ("rejected", "second"),
        ("accepted", "default"),
        ("accepted", "default"),
    ]
    names = views(ledger).execute("SELECT name FROM temp.sqlite_schema WHERE name LIKE 'due%'").fetchall()
    assert names == []


def test_a_cap_looks_at_all_samples_that_the_policy_covers(ledger: Ledger, tmp_path: Path) -> None:
    """Also where only one campaign is decided; never at those that another policy covers."""
    here, there = (*alike(ledger, tmp_path, 1, "here"), *alike(ledger, tmp_path, 1, "there"))
    score(ledger, {here: {"q": "0.1"}, there: {"q": "0.9"}})
    policy = capped("fingerprint", best="q")
    decide(ledger, policy)
    assert decide(ledger, None, "here").by_outcome == {"rejected": 1}
    decide(ledger, policy, "here")
    assert standing(ledger)[here] == ("accepted", "none")


# --- what is due


def filled(ledger: Ledger) -> list[due.Due]:
    """Return what is due under the policy in force."""
    (judged,) = in_force(store_of(ledger), None)
    judged.fill(store_of(ledger), "due", None)
    rows = due.batch(views(ledger), "due", -1, 100)
    due.drop(views(ledger), "due")
    return rows


def test_nothing_is_due_once_it_is_decided(ledger: Ledger, tmp_path: Path) -> None:
    """Until something changes that changes an outcome, a rule or a label."""
    one, two = some(ledger, tmp_path, 2)
    score(ledger, {one: {"quality": "0.2"}, two: {"quality": "0.9"}})
    decide(ledger, replace(LOW, labels=(LabelRule("l", label=False, when=score_is("quality", "<", 0.3)),)))
    assert filled(ledger) == []
    score(ledger, {one: {"quality": "0.4"}})
    (row,) = filled(ledger)
    assert (row.id.hex(), row.outcome_due, row.label_due, row.labels, row.given) == (one, 0, 1, "", "none")
    assert (row.outcome, row.rule, text(row.margin), row.numbers[0]) == ("rejected", "low_quality", "-0.1", 400_000)
    score(ledger, {two: {"quality": "0.1"}})
    assert [(row.outcome_due, row.label_due) for row in filled(ledger)] == [(0, 1), (1, 1)]


def test_what_is_due_comes_in_batches_in_the_order_of_birth(ledger: Ledger, tmp_path: Path) -> None:
    """Each after the last of the one before."""
    ids = some(ledger, tmp_path, 5)
    with trying(store_of(ledger), Policy("p", rules=(Rule("r", "rejected", field_is("domain", "")),)), None) as judged:
        judged.fill(store_of(ledger), "due", None)
        first = due.batch(views(ledger), "due", -1, 3)
        rest = due.batch(views(ledger), "due", first[-1].sample, 3)
        assert [row.id.hex() for row in (*first, *rest)] == ids
        assert due.counts(views(ledger), "due") == (5, 5, 0)
        due.drop(views(ledger), "due")


def test_counts_and_tallies_add_up(ledger: Ledger, tmp_path: Path) -> None:
    """Each sample in one tally and in one count; what a person decided counts as that."""
    ids = [*some(ledger, tmp_path, 3, "a", label=True), *some(ledger, tmp_path, 3, "b", domain="asm")]
    score(ledger, {one: {"quality": f"0.{n}"} for n, one in enumerate(ids, 2)})
    decide(ledger, replace(LOW, labels=(LabelRule("poor", label=False, when=score_is("quality", "<", 0.3)),)))
    ledger.accept(ids[:1], reason="seen")
    ledger.relabel(ids[1:2], "none", reason="seen")
    (judged,) = in_force(store_of(ledger), None)
    judged.fill(store_of(ledger), "due", None)
    assert due.counts(views(ledger), "due") == (6, 0, 2)
    assert Counter({tally[:4]: tally.samples for tally in due.tallies(views(ledger), "due")}) == {
        ("rejected", "low_quality", "poor", "false"): 1,
        ("rejected", "low_quality", "", "none"): 1,
        ("rejected", "low_quality", "", "true"): 1,
        ("accepted", "default", "", "none"): 3,
    }
    assert {count[:3]: count.samples for count in due.standing(views(ledger), "due")} == {
        ("accepted", "false", ""): 1,
        ("rejected", "none", ""): 1,
        ("rejected", "true", ""): 1,
        ("accepted", "none", "asm"): 3,
    }
    due.drop(views(ledger), "due")


def test_samples_without_a_policy_stand_as_they_are(ledger: Ledger, tmp_path: Path) -> None:
    """Beside those of the named campaigns; what people decided is told as theirs."""
    one, two, _ = (*some(ledger, tmp_path, 2, "a", label=True, domain="asm"), *some(ledger, tmp_path, 1, "b"))
    ledger.reject([one], reason="bad")
    stood = tables(views(ledger))
    due.fill_rest(views(ledger), "rest", ["b"])
    rows = views(ledger).execute("SELECT sample, domain, person, outcome, labelled FROM temp.rest").fetchall()
    assert rows == [
        (handle(ledger, one), "asm", "rejected", "rejected", "true"),
        (handle(ledger, two), "asm", None, "deferred", "true"),
    ]
    due.drop(views(ledger), "rest")
    assert tables(views(ledger)) == stood


# --- caps over what is alike


class Alike(NamedTuple):
    """A sample as drawn: what it is about, how it differs, the template of its answer, its persona, its score."""

    number: int
    changed: int
    template: int
    persona: str
    quality: int | None


ALIKE = st.lists(
    st.builds(
        Alike,
        st.integers(0, 2),
        st.integers(0, 1),
        st.integers(0, 2),
        st.sampled_from("xyz"),
        st.integers(0, 3) | st.none(),
    ),
    min_size=1,
    max_size=10,
)
KEYS: dict[str, Callable[[Alike], object]] = {
    "fingerprint": lambda one: one[:3],
    "near": lambda one: (one.number, one.template),
    "near.answer": lambda one: (one.number, one.template),
    "template.completion": lambda one: one.template or None,
    "tag.persona": lambda one: one.persona,
}


def told(one: Alike, note: int) -> bytes:
    """Return a line whose answer is about something, ends in its own words, and begins as its template does."""
    beginning = ("", "it is said of old that this ", "nobody here would ever deny that ")[one.template]
    about = " ".join(f"word{one.number}of{one.template}no{place}" for place in range(50))
    said = f"{beginning}{about} end{one.changed}"
    return line(f"asked {one.number} {one.template}", said, note=note, tags={"persona": one.persona})


@given(
    drawn=ALIKE,
    per=st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=2, unique=True),
    keep=st.integers(1, 3),
    spread=st.sampled_from([None, "tag.persona", "source"]),
)
def test_caps_over_what_is_alike_by_a_plain_loop(
    drawn: list[Alike], per: list[str], keep: int, spread: str | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The best of each group stay, one of each value of `spread` before a second; without a template nobody goes."""
    folder = tmp_path_factory.mktemp("caps")
    with Ledger.init(folder / "ledger.db") as ledger:
        ids: list[str] = []
        for place, one in enumerate(drawn):
            ids += take_in(ledger, folder, [told(one, place)], source=f"file {place % 2}")
        score(ledger, {sample: {"q": text(one.quality)} for sample, one in zip(ids, drawn, strict=True)})
        for field in ("exchange", "answer"):
            ledger.duplicates(0.6, field=field)
        _look_for(ledger, drawn)
        decide(ledger, capped(*per, keep=keep, best="q", spread=spread))
        shown = {sample: ledger.show(sample) for sample in ids}
        stays = {sample for sample, (status, *_) in standing(ledger).items() if status == "accepted"}
        over = {sample: details_of(ledger, sample)["details"] for sample in ids if sample not in stays}

    groups: defaultdict[tuple[object, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for place, (sample, one) in enumerate(zip(ids, drawn, strict=True)):
        rank = (one.quality is None, -(one.quality or 0), shown[sample]["version"], sample)
        value = {None: "", "tag.persona": one.persona, "source": str(place % 2)}[spread]
        groups[tuple(KEYS[name](one) for name in per)].append((rank, value, sample))
    expected: dict[str, int] = {}
    for key, members in groups.items():
        if None in key:
            continue
        turns: Counter[str] = Counter()
        placed = []
        for rank, value, sample in sorted(members):
            turns[value] += spread is not None
            placed.append((turns[value], rank, sample))
        expected |= {sample: nth for nth, (*_, sample) in enumerate(sorted(placed), 1) if nth > keep}
    assert {sample: details["rank"] for sample, details in over.items()} == expected


def _look_for(ledger: Ledger, drawn: list[Alike]) -> None:
    """Record templates: the beginnings, each a family however few answers have it."""
    store = store_of(ledger)
    rows = list(samples.everything(store.connection))
    members = {
        kind: {row.fingerprint.hex() for row, one in zip(rows, drawn, strict=True) if one.template == kind}
        for kind in (1, 2)
    }
    families = [
        {"batch": "", "examples": [], "fuzzy": 0, "members": sorted(members[kind]), "of": 1, "phrase": "p", "rows": 1}
        for kind in (1, 2)
    ]
    with store.transaction() as transaction:
        digest, row = transaction.add_blob(encode({"after": {}, "before": {}, "families": families}))
        said: dict[str, Any] = {
            "after": None,
            "campaign": None,
            "families": digest.hex(),
            "field": "completion",
            "recipe": {},
        }
        made = draft("templates_found", None, row, {**said, "templated": 1, "texts": len(drawn)})
        Run(store.ledger_id, "templates", {}, WHO).append(transaction, [made])
